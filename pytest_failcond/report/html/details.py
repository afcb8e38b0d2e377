"""All about one key: for a failed test, and an article of the page."""

from __future__ import annotations

from markupsafe import Markup

from pytest_failcond.probes.keys import Key
from pytest_failcond.report import wording
from pytest_failcond.report.details import blocks
from pytest_failcond.report.html.draw import Drawing
from pytest_failcond.report.html.parts import fragment, tag
from pytest_failcond.runs.run import Run


def details(run: Run, key: Key, *, pictures: bool = True) -> str:
    """Return the details of a failed test: its checks and failures, with pictures."""
    title = wording.key_text(run, key)
    return str(fragment([tag("p", title, class_="title"), *content(run, key, pictures=pictures)]))


def content(run: Run, key: Key, *, pictures: bool) -> list[Markup]:
    """Return the same without its title."""
    drawn = Drawing(run, pictures).draw(blocks(run, key), name=wording.key_text(run, key))
    return drawn or [tag("p", "was not measured")]
