"""The media on which a run is shown."""

from __future__ import annotations

from typing import Literal

Medium = Literal["terminal", "verbose", "html", "markdown"]
BRIEF: frozenset[Medium] = frozenset({"terminal"})
VERBOSE: frozenset[Medium] = frozenset({"verbose"})
"""A terminal on which a reader asked for every row: ``pytest -v``."""
TERMINAL = BRIEF | VERBOSE
HTML: frozenset[Medium] = frozenset({"html"})
MARKDOWN: frozenset[Medium] = frozenset({"markdown"})
PAGES = HTML | MARKDOWN
MEDIA = TERMINAL | PAGES
NONE: frozenset[Medium] = frozenset()
