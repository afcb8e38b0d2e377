"""The gates, in a terminal: a line for each with the check that needs a look first, or every check."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_failcond.gates import Check, GateResult
from pytest_failcond.printing import printable
from pytest_failcond.report import need, wording
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.run import Run

_WIDE = 76  # columns that hold a gate's bound too


def show_gates(page: Page, run: Run, *, every: bool) -> None:
    """Print the gates, those that fail first, then those with the least margin."""
    gates = need.gates_by_need(run)
    if not gates:
        return
    if every:
        _show_checks(page, run, gates)
    else:
        _show_worst(page, run, gates)
    folded = not every and any(len(gate.checks) > 1 for gate in gates)
    shown = "more" if need.few_classes(run.checks)[1] else "them"
    more = f"One check of each gate, the worst of {len(run.checks)} in all; -v shows {shown}. "
    page.print(f"{more if folded else ''}{wording.MARGIN} {wording.BOUNDS}", "dim")
    for note in run.notes:
        page.print(printable(note), "yellow")
    page.print()


def _show_worst(page: Page, run: Run, gates: list[GateResult]) -> None:
    bounds = ["bound"] if page.width >= _WIDE else []
    table = page.table("Gates", ["", "worst check", "value", *bounds, "margin"], left=2)
    for gate in gates:
        check = need.by_need(gate.checks)[0]
        status = wording.status_of(check)
        lines: list[RenderableType] = [_title(page, gate, status)]
        if asides := need.asides(gate):
            lines.append(_indented(page, "; ".join(asides), 2, "dim"))
        table.add_row(
            Group(*lines),
            page.text(wording.short_check_text(run, check)),
            *_numbers(page, run, check)[: 1 + len(bounds)],
            page.text(wording.margin(check)),
        )
    page.show(table)


def _show_checks(page: Page, run: Run, gates: list[GateResult]) -> None:
    table = page.table("Gates", ["", "value", "bound", "n", "margin", "verdict"])
    table.columns[-1].justify = "left"
    for gate in gates:
        table.add_row(_title(page, gate, None))
        shown, more = need.few_classes(need.by_need(gate.checks))
        for check in shown:
            _add_check(page, run, check, table)
        if more:
            table.add_row(_indented(page, need.and_more(more), 2, "dim"))
    page.show(table)


def _add_check(page: Page, run: Run, check: Check, table: Table) -> None:
    status = wording.status_of(check)
    what: list[RenderableType] = [_indented(page, wording.check_text(run, check), 2)]
    if note := wording.note(check):
        what.append(_indented(page, note, 4, "dim"))
    table.add_row(
        Group(*what),
        *_numbers(page, run, check),
        page.text(str(check.n) if check.n else ""),
        page.text(wording.margin(check)),
        page.text(wording.label(status), STYLES.get(status, "")),
    )


def _title(page: Page, gate: GateResult, status: wording.Status | None) -> Text:
    """Name a gate and what it demands, behind the sign of its verdict if there is one."""
    title = Text()
    if status is not None:
        title.append_text(page.text(f"{wording.SIGNS[status]} ", STYLES.get(status, "")))
    demand = wording.gate_title(gate)
    if gate.id != gate.metric.replace("_", "-"):  # a gate of no name of its own is called so
        title.append_text(page.text(f"{printable(gate.id)}  ", "bold"))
    return title.append_text(page.text(demand))


def _indented(page: Page, text: str, indent: int, style: str = "") -> Padding:
    return Padding(page.text(text, style), (0, 0, 0, indent))


def _numbers(page: Page, run: Run, check: Check) -> list[Text]:
    return [page.text(wording.value(run, check)), page.text(wording.bound(run, check))]
