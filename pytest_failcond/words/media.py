"""The media on which a run is shown."""

from __future__ import annotations

from typing import Literal

Medium = Literal["terminal", "html", "markdown"]
TERMINAL: frozenset[Medium] = frozenset({"terminal"})
HTML: frozenset[Medium] = frozenset({"html"})
MARKDOWN: frozenset[Medium] = frozenset({"markdown"})
PAGES = HTML | MARKDOWN
MEDIA = TERMINAL | PAGES
NONE: frozenset[Medium] = frozenset()
