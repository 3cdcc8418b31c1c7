"""`python -m dashboards`."""

import sys

from dashboards.main import main

if __name__ == "__main__":
    sys.exit(main())
