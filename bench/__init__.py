"""How fast it is: one table, measured on this machine. `python -m bench`; what limits each figure is in README.md."""

import sys
from pathlib import Path

# The benchmark starts real processes, and does it the way the tests do.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
