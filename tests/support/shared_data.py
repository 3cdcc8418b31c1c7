"""Large real samples that lie beside the repository, not in it. Tests that need one skip where it is absent."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


def shared_file(name: str) -> Path:
    """Return the path of a sample, or skip the test with the reason."""
    path = SHARED_DATA / name
    if not path.is_file():
        pytest.skip(f"no ../shared/data/{name} beside the repository: a test against real data needs it")
    return path
