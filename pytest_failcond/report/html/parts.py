"""The pieces of the HTML.

HTML is `Markup`, text is `str`: text is escaped here, and becomes HTML only here.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import NamedTuple

from markupsafe import Markup

from pytest_failcond.words.printing import escape_html

_VOID = {"img", "meta"}


class Cell(NamedTuple):
    """A cell of a table: its text, CSS classes (``number`` aligns), and its link."""

    text: str
    kind: str = ""
    href: str = ""


def html_of(content: str) -> Markup:
    """Return HTML unchanged, and text as escaped HTML."""
    return content if isinstance(content, Markup) else Markup(escape_html(content))


def tag(name: str, /, *inside: str, **attributes: str | None) -> Markup:
    """Write an element around HTML and text; attributes are text, and None leaves one out.

    ``class_`` and ``aria_label`` become ``class`` and ``aria-label``.
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape_html(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "" if name in _VOID else f"{''.join(map(html_of, inside))}</{name}>"
    return Markup(f"<{name}{said}>{body}")


def note(content: str) -> Markup:
    """Write a remark."""
    return tag("p", content, class_="note")


def fold(summary: str, *inside: str) -> Markup:
    """Fold HTML away under a line of text; a click or the Enter key unfolds it."""
    return tag("details", tag("summary", summary), *inside)


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]], *, label: str) -> Markup:
    """Lay out cells; a column of numbers has its head on the right. Wide tables scroll."""
    numbers = {i for row in rows for i, cell in enumerate(row) if "number" in cell.kind.split()}
    titles = [
        tag("th", title, scope="col", class_="number" if i in numbers else None)
        for i, title in enumerate(head)
    ]
    body = [tag("tr", *map(_cell, row)) for row in rows]
    content = tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *body), aria_label=label)
    return tag("div", content, class_="wide")


def _cell(cell: Cell) -> Markup:
    content = tag("a", cell.text, href=cell.href) if cell.href else cell.text
    return tag("td", content, class_=cell.kind or None)


def anchor(key: str) -> str:
    """Return the id of a key's article on the page; unique as the key, and plain."""
    return "key-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in key)


def picture(content: bytes, alt: str, kind: str | None = None) -> Markup:
    """Embed a PNG or WebP file."""
    mime = "image/webp" if content.startswith(b"RIFF") else "image/png"
    data = base64.b64encode(content).decode("ascii")
    return tag("img", alt=alt, src=f"data:{mime};base64,{data}", class_=kind)


def document(content: Markup) -> Markup:
    """Return a whole page of its ``html`` element."""
    return Markup("<!DOCTYPE html>\n") + content + Markup("\n")


def fragment(parts: Iterable[str]) -> Markup:
    """Put parts into an element with our style alone."""
    return tag("div", *parts, class_="failcond")


def style(name: str) -> Markup:
    """Return a style sheet of the ``templates`` folder."""
    path = files("pytest_failcond.report").joinpath("templates", name)
    return Markup(path.read_text(encoding="utf-8"))
