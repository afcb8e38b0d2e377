"""The tables that summary and details share."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_failcond.directions import Direction
from pytest_failcond.gates import Check
from pytest_failcond.report import contents, direction_text, wording
from pytest_failcond.report.html.parts import Cell, status, table
from pytest_failcond.run import Run


def anchor(key: str) -> str:
    """Return the id of a key's article on the page; unique as the key, and plain."""
    return "key-" + "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in key)


def checks_table(run: Run, checks: Sequence[Check], linked: Collection[str] = ()) -> str:
    """Lay out checks; keys that are ``linked`` have an article on the page."""
    head = ["verdict", "gate", "key", "value", "threshold", "bound", "margin", "n", "why"]
    rows = []
    for check in checks:
        why = [wording.short_reason(check), wording.note(check)]
        level = " (warns only)" if check.level == "warn" else ""
        rows.append([
            status(wording.status_of(check)),
            Cell(check.gate + level),
            Cell(wording.check_text(run, check), href=link_to(check.key, linked)),
            Cell(wording.value(run, check), "number"),
            Cell(wording.threshold(check), "number"),
            Cell(wording.bound(run, check), "number"),
            Cell(wording.margin(check), "number"),
            Cell(str(check.n or ""), "number"),
            Cell("; ".join(filter(None, why)), "why"),
        ])  # fmt: skip
    return table(head, rows, label="Checks")


def direction_table(run: Run, directions: Sequence[Direction], linked: Collection[str] = ()) -> str:
    """Lay out directions, and how far they go."""
    head = ["class", "#", "direction", "breaks at", "valid to", "broken", "start p", "what changes"]
    rows = []
    for direction in directions:
        of = contents.status_of_key(run, direction.key)
        sign = "" if of is None else f" {wording.SIGNS[of]}"
        rows.append([
            Cell(wording.class_name(run, direction.class_index)),
            Cell(str(direction.rank or wording.NOTHING)),
            Cell(direction_text.dimension(direction), "name", link_to(direction.key, linked)),
            Cell(direction_text.breaks_at(direction) + sign, f"number {of or ''}".strip()),
            Cell(direction_text.valid_to(direction), "number"),
            Cell(direction_text.broken(direction), "number"),
            Cell(wording.share(direction.curve.mean_p[0]), "number"),
            Cell(direction_text.attributes(direction), "why"),
        ])  # fmt: skip
    return table(head, rows, label="Directions")


def link_to(key: str, linked: Collection[str]) -> str:
    """Return the link to a key's article, nothing where it has none."""
    return f"#{anchor(key)}" if key in linked else ""
