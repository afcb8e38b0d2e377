"""The top of the report: the failures, their size and their date, within ten seconds."""

from __future__ import annotations

from collections.abc import Collection

from markupsafe import Markup

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, wording
from pytest_failcond.report import sections as placed
from pytest_failcond.report.html.draw import Drawing
from pytest_failcond.report.html.parts import fragment, tag
from pytest_failcond.words.blocks import Cell, Note, Section, Table


def summary(run: Shown, *, pictures: bool = True) -> str:
    """Return the verdict, gates, accuracy, changes, and directions."""
    parts = [verdict(run)]
    for section, below in sections(run, pictures=pictures):
        parts += [tag("h2", heading(section)), *below]
    return str(fragment(parts))


def verdict(run: Shown) -> Markup:
    """Return the verdict line."""
    line, of = contents.verdict_line(run)
    return tag("p", line, class_=f"verdict {of or ''}".strip())


def sections(
    run: Shown, *, pictures: bool, linked: Collection[str] = ()
) -> list[tuple[Section, list[Markup]]]:
    """Return the part after the verdict, as HTML; ``linked`` keys have an article on the page."""
    drawing = Drawing(run, pictures, linked)
    found = [_unmeasured(run), _noticed(run), *placed.sections(run, placed.DOWN)]
    drawn = [(section, drawing.section(section)) for section in found]
    return [(section, below) for section, below in drawn if below]


def heading(section: Section) -> str:
    """Return the title of a section, and its order in words."""
    return f"{section.title}: {section.order}" if section.order else section.title


def _unmeasured(run: Shown) -> Section:
    missing = contents.unmeasured(run).items()
    rows: list[list[str | Cell]] = [
        [wording.key_text(run, key), Cell(why, "error")] for key, why in missing
    ]
    return Section("Not measured", [Table(["key", "why"], rows, words=2)] if rows else [])


def _noticed(run: Shown) -> Section:
    return Section("Noticed", [Note(line) for line in contents.remarks(run)])
