"""The staging stack, brought up once for each file of tests and brought down with everything it had."""

import os
from collections.abc import Iterator

import pytest

from support.staging import BUILD_S, Staging, require_staging


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):  # noqa: PTH120
            item.add_marker(pytest.mark.containers)
            item.add_marker(pytest.mark.timeout(2 * BUILD_S))


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staging]:
    """The core of the stack, up and ready. Its image is built here."""
    require_staging()
    stack = Staging(tmp_path_factory.mktemp("staging"))
    try:
        stack.up()
        yield stack
    finally:
        stack.close()


@pytest.fixture
def incident(staging: Staging) -> Staging:
    """The stack with the 44 positions open, nothing going wrong, and the emergency stop set."""
    staging.sim("reset", {})
    staging.flatctl("ess", "activate", "--reason", "drill")
    return staging
