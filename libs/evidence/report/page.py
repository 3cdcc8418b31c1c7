"""The report as one page that needs nothing else: no script, no file, no connection. The document is in it, as it is.

The page is worked out from the document alone, so that whoever checks it can do that again and compare every byte.
"""

from importlib.resources import files

from evidence.report import sections
from evidence.report.document import Document, NoReport, encode
from evidence.report.markup import Markup, block, element

_START = b"<!doctype html>"
_OPEN = b'<script type="application/json" id="document">'
_CLOSE = b"</script>"
_ESCAPES = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
"""Inside of JSON they stand in texts alone, and mean the same there."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(document: Document) -> bytes:
    """The page."""
    report = document.report
    title = f"{report.headline.text} · {report.request_id}"
    head = block(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(_style())),
    )
    body = block("body", block("main", *sections.all_of(document)), _embedded(document))
    return f"{_START.decode()}\n{block('html', head, body, lang='en')}\n".encode()


def is_page(data: bytes) -> bool:
    """Whether it begins as a page does."""
    return data[: len(_START)].lower() == _START


def document_in(page: bytes) -> bytes:
    """The document that a page carries. Raises NoReport."""
    if page.count(_OPEN) != 1:
        raise NoReport("the page carries no document, or several")
    embedded, closed, _ = page.partition(_OPEN)[2].partition(_CLOSE)
    if not closed:
        raise NoReport("the document in the page has no end")
    return embedded


def _embedded(document: Document) -> Markup:
    data = encode(document).rstrip(b"\n")
    for char, written in _ESCAPES:
        data = data.replace(char, written)
    return Markup(f"{_OPEN.decode()}{data.decode()}{_CLOSE.decode()}")


def _style() -> str:
    return files("evidence.report").joinpath("page.css").read_text(encoding="utf-8")
