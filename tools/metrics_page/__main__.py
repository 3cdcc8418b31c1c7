"""`python -m metrics_page`."""

import sys

from metrics_page.page import main

if __name__ == "__main__":
    sys.exit(main())
