"""HTML that nothing which is written into it can break: an element escapes every text that it takes in.

The texts are other people's, names and reasons. What cannot be seen, or turns the reading direction round, becomes an
escape that can be seen. `Markup` is what is finished; only this file and the style sheet make any.
"""

from html import escape

VOID = frozenset({"meta", "br"})


class Markup(str):
    """Finished HTML."""

    __slots__ = ()


Content = str | Markup | None


def element(name: str, /, *content: Content, **attributes: str | int | None) -> Markup:
    """One element. `class_` and `aria_label` stand for `class` and `aria-label`; an attribute of None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{together(*content)}</{name}>")


def block(name: str, /, *content: Content, **attributes: str | int | None) -> Markup:
    """One element whose parts stand on lines of their own, so that a difference has a line."""
    parts = (part for part in content if part)
    return element(name, Markup("\n"), *(Markup(f"{together(part)}\n") for part in parts), **attributes)


def together(*content: Content) -> Markup:
    """Side by side."""
    return Markup("".join(part if isinstance(part, Markup) else text(part) for part in content if part is not None))


def text(raw: str) -> Markup:
    """Other people's text."""
    visible = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in raw)
    return Markup(escape(visible, quote=True))
