"""All about one key: for a failed test, and an article of the page."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import wording
from pytest_failcond.report.details import blocks
from pytest_failcond.report.html.draw import Drawing
from pytest_failcond.report.html.parts import fragment, tag
from pytest_failcond.words.blocks import Block


def details(run: Shown, key: Key, *, pictures: bool = True) -> str:
    """Return the details of a failed test: its checks and failures, with pictures."""
    title = wording.key_text(run, key)
    inside = content(run, key, blocks(run, key), pictures=pictures)
    return str(fragment([tag("p", title, class_="title"), *inside]))


def content(run: Shown, key: Key, of: Iterable[Block], *, pictures: bool) -> list[Markup]:
    """Return the blocks of a key as HTML, without its title."""
    drawn = Drawing(run, pictures).draw(of, name=wording.key_text(run, key))
    return drawn or [tag("p", "was not measured")]
