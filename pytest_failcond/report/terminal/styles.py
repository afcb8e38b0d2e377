"""Colours of verdicts in a terminal; signs and words have the same meaning without them."""

from __future__ import annotations

from collections.abc import Mapping

STYLES: Mapping[str | None, str] = {
    "passed": "green",
    "marginal": "yellow",
    "warned": "yellow",
    "waived": "cyan",
    "error": "bold red",
    "failed": "bold red",
}
