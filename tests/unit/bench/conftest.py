"""The benchmark is no installed package: it is found from the repository's root, wherever pytest was started."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
