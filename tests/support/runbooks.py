"""The commands of docs/runbooks, one for each line of a console block, in the order in which a person meets them."""

import re
from collections.abc import Iterator

from msgspec import Struct

from support.tree import text_of, tracked

FOLDER = "docs/runbooks/"
PAGES = [name.removeprefix(FOLDER) for name in tracked(".md") if name.startswith(FOLDER)]
OPERATORS = "docker compose run --rm flatctl "
ADMINISTRATORS = "docker compose run --rm redis-admin "


class Step(Struct, frozen=True, kw_only=True):
    """One command as it is written."""

    page: str
    text: str
    nth: int
    """Which of the page's commands with this text it is, from 1."""

    @property
    def needs_compose(self) -> bool:
        """Whether nothing but Docker Compose can do it. What runs inside of one container a person can run without."""
        return self.text.startswith("docker ") and not self.text.startswith((OPERATORS, ADMINISTRATORS))


def _steps(page: str) -> Iterator[Step]:
    met: list[str] = []
    for block in re.findall(r"```console\n(.*?)```", text_of(FOLDER + page), re.DOTALL):
        for line in filter(None, map(str.strip, block.splitlines())):
            text = line.removeprefix("$ ")
            met.append(text)
            yield Step(page=page, text=text, nth=met.count(text))


STEPS = {page: tuple(_steps(page)) for page in PAGES}
