"""The directions along which each class is lost, in a terminal."""

from __future__ import annotations

from pytest_failcond.report import contents, direction_text, wording
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.run import Run

_WIDE = 76  # columns that hold a change too
_MOST_ATTRIBUTES = 3  # of a direction, where all directions are shown; else one


def show_directions(page: Page, run: Run, *, every: bool) -> None:
    """Print how far the directions go, and what changes along them: the worst of them, or all."""
    directions, more = contents.shown_directions(run, every=every)
    if directions:
        width = max(9, *(len(direction_text.breaks_at(d)) for d in directions))
        changes = page.width >= _WIDE and any(d.attributes for d in directions)
        head = ["class", "#", "direction", f"{'breaks at':>{width}}", "broken"]
        table = page.table(
            "Directions along which a class is lost fastest",
            [*head, *(["valid to"] if every else []), *(["what changes"] if changes else [])],
            left=3,
        )
        if every:  # 80 columns hold a change beside all of it
            table.padding = (0, 0, 0, 0)
        table.columns[1].justify = "right"
        table.columns[2].no_wrap = True
        table.columns[3].justify = "left"  # its signs stand to the right of its numbers
        if changes:
            table.columns[-1].justify = "left"
            table.columns[-1].no_wrap = False
        last = None
        for d in directions:
            status = contents.status_of_key(run, d.key)
            sign = " " if status is None else wording.SIGNS[status]
            name = wording.class_name(run, d.class_index)
            changed = direction_text.attributes(d, _MOST_ATTRIBUTES if every else 1).split(", ")
            table.add_row(
                page.text("" if d.class_index == last else name),
                page.text(wording.NOTHING if d.rank is None else str(d.rank)),
                page.text(direction_text.dimension(d)),
                page.text(f"{direction_text.breaks_at(d):>{width}} {sign}", STYLES.get(status, "")),
                page.text(direction_text.broken(d)),
                *([page.text(direction_text.valid_to(d))] if every else []),
                *([page.stack(changed)] if changes else []),
            )
            last = d.class_index
        page.show(table)
        notes = [direction_text.EXPLAINED, *([direction_text.ATTRIBUTES] if changes else [])]
        if more:
            total = len(directions) + more
            few = f"those of the worst {contents.MOST_CLASSES} classes"
            classes = len({d.class_index for d in run.directions.values()})
            rest = f"; -v shows {'all' if classes <= contents.MOST_CLASSES else few}"
            which = f", {few}" if every else rest
            notes.insert(0, f"The worst {len(directions)} of {total}{which}.")
        page.print(" ".join(notes), "dim")
    if line := direction_text.what_breaks(run, later=every):
        page.print(line)
    passed = direction_text.all_passed_over(run)
    for line in passed:
        page.print(line, "dim")
    if directions or passed:
        page.print()
