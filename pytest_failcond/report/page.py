"""A page of text for a terminal: lines and tables within its width, in ASCII and without colour too."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Sequence

from rich.box import Box
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_failcond.words.printing import disarmed, printable, put, to_ascii

_RULE = Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
_ASCII_RULE = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_LEAST_WIDTH = 40


class Page:
    """Text is put on it as `Text`, never as markup: a name such as ``[red]x`` stays unchanged."""

    def __init__(self, width: int, color: bool, unicode: bool) -> None:
        self.width = max(width, _LEAST_WIDTH)
        self._unicode = unicode
        self._stream = io.StringIO()
        self._console = Console(
            file=self._stream,
            width=self.width,
            force_terminal=color,
            color_system="standard" if color else None,
            legacy_windows=False,
            no_color=not color,
        )

    def text(self, text: str, style: str = "") -> Text:
        text = printable(text)
        return Text(text if self._unicode else to_ascii(text), style, overflow="fold")

    def stack(self, texts: Sequence[str]) -> Text:
        """Put each text on its own line."""
        return Text("\n").join(map(self.text, texts))

    def print(self, text: str = "", style: str = "", *, indent: int = 0) -> None:
        self._console.print(Padding(self.text(text, style), (0, 0, 0, indent)))

    def table(self, title: str, columns: Sequence[str], *, left: int = 1) -> Table:
        """Start a table whose first ``left`` columns are words and whose others are numbers."""
        if title:
            self.print(title, "bold")
        rule = _RULE if self._unicode else _ASCII_RULE
        table = Table(
            box=rule, show_edge=False, pad_edge=False, header_style="", padding=(0, 1, 0, 0)
        )
        for position, column in enumerate(columns):
            is_word = position < left
            table.add_column(
                self.text(column),
                justify="left" if is_word else "right",
                overflow="fold",
                no_wrap=not is_word,
            )
        return table

    def show(self, content: RenderableType) -> None:
        self._console.print(content)

    def content(self) -> str:
        return disarmed(re.sub(r" +$", "", self._stream.getvalue(), flags=re.MULTILINE))

    def put(self) -> None:
        """Print it."""
        put(self.content())


def page_for_stdout() -> Page:
    """Return a page as wide as the terminal, and as plain as it must be."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return Page(
        shutil.get_terminal_size((80, 24)).columns,
        sys.stdout.isatty() and "NO_COLOR" not in os.environ,
        encoding.lower().startswith("utf"),
    )
