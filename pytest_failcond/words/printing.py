"""The borders of terminal and HTML: names from users pass here and become harmless.

Names of classes, folders, files and gates, messages of the user's exceptions and texts of run files
may contain anything: escape sequences, line breaks, marks that turn the direction of writing, tags.
"""

from __future__ import annotations

import html
import re
import sys
from typing import IO

_COLOR = r"\x1b\[[0-9;]*m"
_COMMAND = re.compile(rf"^((?:{_COLOR}|[^\S\n])*):(?=:)", re.MULTILINE)
_ASCII = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "○": "o",
        "–": "-",
        "−": "-",
        "≥": ">=",
        "≤": "<=",
        "σ": "sd",
        "↗": "^",
        "↘": "v",
        "·": "|",
        "…": "...",
        "→": "->",
        "’": "'",
        "×": "x",
        "µ": "u",
    }
)


def printable(text: str) -> str:
    """Show control characters as escapes: a name must not move a cursor or break a line."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def disarmed(text: str) -> str:
    """Keep lines from acting as commands to GitHub Actions:
    ``::error::…`` at their start, ``##[…``.
    """
    return _COMMAND.sub(r"\1\\x3a", text).replace("##[", r"#\x23[")


def one_line(text: str) -> str:
    """Return a text that can be printed as one line."""
    return disarmed(printable(text))


def lines(text: str) -> str:
    """Return the same for text with line breaks of our own."""
    return "\n".join(map(one_line, text.split("\n")))


def to_ascii(text: str) -> str:
    """Return the text in ASCII: σ as ``sd``, signs as letters, other characters as escapes."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def say(text: str = "", *, to: IO[str] | None = None) -> None:
    """Print one line, at once; to stdout, if no other stream is named."""
    stream = sys.stdout if to is None else to
    put(f"{one_line(text)}\n", to=stream)


def put(text: str, *, to: IO[str] | None = None) -> None:
    """Print text that has passed a border, in ASCII if the stream accepts no more."""
    stream = sys.stdout if to is None else to
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = to_ascii(text)
    stream.write(text)
    stream.flush()


def escape_html(text: str) -> str:
    """Return text that HTML shows literally, between tags and in attributes."""
    return html.escape(printable(text))


def count(number: int, noun: str) -> str:
    """Count things: ``1 gate``, ``2 gates``, ``3 classes``."""
    return f"{number} {plural(number, noun)}"


def plural(number: int, noun: str) -> str:
    """Return the noun for a number of things: ``gate`` for 1, ``gates`` for 2."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith(("s", "ch", "x")) else f"{noun}s"
