"""The run as text for a terminal: reasons first, then the tables, then the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pytest_failcond.gates import Check, GateResult, amount
from pytest_failcond.measurements import Direction
from pytest_failcond.report import changes, contents, corpus, versus, wording
from pytest_failcond.report.contents import Cell, Grid
from pytest_failcond.report.page import Page as _Page
from pytest_failcond.report.wording import SIGNS, Status
from pytest_failcond.run import Run

_STYLES: dict[Status | None, str] = {
    "passed": "green",
    "marginal": "yellow",
    "warned": "yellow",
    "waived": "cyan",
    "error": "bold red",
    "failed": "bold red",
}
_GAP = 2
_MOST_ATTRIBUTES = 3  # of a direction
_MARGINS = 5


def render(run: Run, *, width: int, color: bool, unicode: bool, verbose: int = 0) -> str:
    """Return the report as text that ends in a newline.

    Args:
        run: what to show.
        width: columns of the terminal.
        color: whether escape sequences may be used.
        unicode: whether more than ASCII may be used.
        verbose: from 1 on, every check has its line.
    """
    page = _Page(width, color, unicode)
    _reasons(page, run)
    _accuracy(page, run)
    _directions(page, run)
    _corpus(page, run)
    _changes(page, run, every=verbose > 0)
    _gates(page, run, every=verbose > 0)
    _margins(page, run, every=verbose > 0)
    line, status = contents.verdict_line(run)
    page.print(line, _STYLES.get(status, "bold"))
    return page.content()


def _reasons(page: _Page, run: Run) -> None:
    """Say first why the run is red: a line per check where they fit, else two."""
    rows = [
        (wording.status_of(c), wording.printable(c.gate), wording.check_text(run, c),
         wording.reason(run, c))
        for c in contents.failures(run)
    ]  # fmt: skip
    for missing, why in contents.unmeasured(run).items():
        rows.append(("error", "", wording.key_text(run, missing), wording.printable(why)))
    rows += [
        ("failed", "", corpus.title(entry), corpus.told(run, entry)) for entry in contents.lost(run)
    ]
    if not rows:
        return
    label, gate, key = (max(len(str(row[i])) for row in rows) + _GAP for i in range(3))
    fits = label + gate + key + max(len(page.text(row[3])) for row in rows) <= page.width
    for status, gate_id, where, why in rows:
        line = Text().append_text(page.text(status.upper().ljust(label), _STYLES[status]))
        what = f"{gate_id.ljust(gate)}{where}" if gate_id else where
        line.append_text(page.text(what.ljust(gate + key) if fits else what))
        if fits:
            line.append_text(page.text(why))
        page.show(line)
        if not fits:
            page.print(why, indent=label)
    page.print()


def _accuracy(page: _Page, run: Run) -> None:
    """Accuracy by corruption and severity; a cell that a gate is about carries its verdict."""
    grid = contents.grid_of(run)
    clean = contents.clean_of(run)
    images = next((m.total for m in run.measurements.values()), 0)
    if grid is None:
        if clean is not None:
            line = page.text("Clean accuracy  ", "bold")
            line = Text().append_text(line).append_text(_cell(page, clean))
            line.rstrip()
            page.show(line.append(f"  n {images}", "dim"))
            page.print()
        return
    judged = ["judge"] if grid.judged else []
    head = ["", "  mean", *judged, *(f"{severity:>6}" for severity in grid.severities)]
    table = page.table("Accuracy by corruption and severity", head, left=len(head))
    table.columns[0].no_wrap = True
    if judged:  # 80 columns hold five severities and the longest name
        table.padding = (0, 0, 0, 0)
    if clean is not None:
        judge = [page.text(_rough(clean.judge), "dim")] if judged else []
        table.add_row("clean", _cell(page, clean), *judge)
    for name in grid.names:
        mean = wording.accuracy(grid.mean(name))
        cells = [_cell(page, grid.cells.get((name, s))) for s in grid.severities]
        judge = [page.text(_rough(grid.judge_mean(name)), "dim")] if judged else []
        row = page.text(wording.printable(name)), page.text(f"{mean:>6}"), *judge, *cells
        table.add_row(*row)
    page.show(table)
    page.print(f"{grid.summary(run)} · n {images} · {wording.constants(run)}", "dim")
    seeds = wording.seeds(run, contents.spread(run))
    for remark in filter(None, (wording.JUDGE if judged else "", wording.rises(run), seeds)):
        page.print(remark, "dim")
    if legend := _legend(grid):
        page.print(legend, "dim")
    page.print()


def _rough(share: float | None) -> str:
    return f"{wording.NOTHING if share is None else wording.share(share):>5}"


def _cell(page: _Page, cell: Cell | None) -> Text:
    if cell is None:
        return page.text(f"{wording.NOTHING:>6}", "dim")
    text = "error" if cell.error else wording.accuracy(cell.accuracy)
    sign = SIGNS[cell.status] if cell.status is not None else "?" if cell.error else " "
    style = _STYLES["error"] if cell.error else _STYLES.get(cell.status, "")
    return page.text(f"{text:>6} {sign}", style)


def _legend(grid: Grid) -> str:
    """Explain the signs that stand in the grid."""
    cells = [*grid.cells.values(), *([grid.clean] if grid.clean is not None else [])]
    used = {cell.status for cell in cells}
    return "  ".join(wording.label(s) for s in reversed(wording.GRAVITY) if s in used)


def _directions(page: _Page, run: Run) -> None:
    """The directions along which each class is lost, and how far they go."""
    directions = contents.directions_of(run)
    if directions:
        statuses = contents.status_by_key(run)
        width = max(9, *(len(wording.breaks_at(d)) for d in directions))
        head = [
            "class",
            "#",
            "direction",
            f"{'breaks at':>{width}}",
            "valid to",
            "broken",
            "start p",
        ]
        table = page.table("Directions along which a class is lost fastest", head, left=3)
        table.columns[1].justify = "right"
        table.columns[2].no_wrap = True
        table.columns[3].justify = "left"  # its signs stand to the right of its numbers
        last = None
        for d in directions:
            status = statuses.get(d.key)
            sign = " " if status is None else SIGNS[status]
            name = wording.class_name(run, d.class_index)
            table.add_row(
                page.text("" if d.class_index == last else name),
                page.text(wording.NOTHING if d.rank is None else str(d.rank)),
                page.text(wording.dimension(d)),
                page.text(f"{wording.breaks_at(d):>{width}} {sign}", _STYLES.get(status, "")),
                page.text(wording.valid_to(d), "dim" if d.valid_range is None else ""),
                page.text(wording.broken(d)),
                page.text(wording.share(d.curve.mean_p[0])),
            )
            last = d.class_index
        page.show(table)
        page.print(wording.DIRECTIONS, "dim")
    _attributes(page, run, directions)
    passed = contents.passed_over(run)
    for line in (wording.passed_over(run, *entry) for entry in passed):
        page.print(line, "dim")
    if directions or passed:
        page.print()


def _attributes(page: _Page, run: Run, directions: Sequence[Direction]) -> None:
    """What the directions of each class change, by rank; eighty columns hold no more of them."""
    told: dict[int, list[str]] = {}
    for d in directions:
        if d.attributes:
            rank = wording.NOTHING if d.rank is None else f"{d.rank}"
            text = f"{rank}  {wording.attributes(d, _MOST_ATTRIBUTES)}"
            told.setdefault(d.class_index, []).append(text)
    if not told:
        return
    page.print()
    table = page.table("What changes along them", ["class", "#  change"], left=2)
    for index, lines in told.items():
        table.add_row(
            page.text(wording.class_name(run, index)), Group(*(page.text(line) for line in lines))
        )
    page.show(table)
    page.print(wording.ATTRIBUTES, "dim")
    if line := wording.what_breaks(run):
        page.print(line)


def _changes(page: _Page, run: Run, *, every: bool) -> None:
    """What was lost and what was gained since the baseline."""
    comparison = run.comparison
    if comparison is None:
        return
    page.print("Since the baseline", "bold")
    page.print(f"{changes.headline(comparison)}; {changes.summary(comparison)}")
    versus.show(page, run, comparison, changes.SINCE, every=every)
    page.print()


def _margins(page: _Page, run: Run, *, every: bool) -> None:
    """How close what passed came to failing."""
    closest = contents.margins(run)
    if not closest:
        return
    head = ["", "value", "threshold", "margin", "its noise"]
    table = page.table("Margins of what passed, fewest widths of noise first", head)
    for check in closest if every else closest[:_MARGINS]:
        what = f"{wording.printable(check.gate)}  {wording.check_text(run, check)}"
        margin = amount(check.metric, check.margin or 0.0)
        numbers = wording.value(run, check), wording.threshold(check), margin
        table.add_row(*map(page.text, (what, *numbers, contents.noise_widths(check))))
    page.show(table)
    page.print()


def _corpus(page: _Page, run: Run) -> None:
    """How the images of the corpus stand, and how to promote those that are right now."""
    if line := corpus.summary(run):
        title = page.text("Corpus  ", "bold")
        page.show(title.append_text(page.text(line, "not bold")))
        if advice := corpus.advice(run):
            page.print(advice, "dim")
        page.print()


def _gates(page: _Page, run: Run, *, every: bool) -> None:
    """Every gate with its checks; many that pass share a line."""
    if not run.gates:
        return
    table = page.table("Gates", ["", "value", "bound", "n", "verdict"])
    table.columns[-1].justify = "left"
    for gate in run.gates:
        title = page.text(f"{wording.printable(gate.id)}  ", "bold")
        table.add_row(title.append_text(page.text(wording.gate_title(gate), "not bold")))
        _checks(page, run, gate, table, every=every)
    page.show(table)
    page.print(wording.BOUNDS, "dim")
    for note in run.notes:
        page.print(wording.printable(note), "yellow")
    page.print()


def _checks(page: _Page, run: Run, gate: GateResult, table: Table, *, every: bool) -> None:
    shown, rest = contents.shown_checks(gate, every=every)
    for check in shown:
        what: list[RenderableType] = [_indented(page, wording.check_text(run, check), 2)]
        if note := wording.note(check):
            what.append(_indented(page, note, 4, "dim"))
        table.add_row(Group(*what), *_numbers(page, run, check))
    if rest:
        least = contents.closest(rest)
        told = f"{contents.together(rest)}, closest {wording.check_text(run, least)}"
        table.add_row(_indented(page, told, 2), *_numbers(page, run, least))


def _indented(page: _Page, text: str, indent: int, style: str = "") -> Padding:
    return Padding(page.text(text, style), (0, 0, 0, indent))


def _numbers(page: _Page, run: Run, check: Check) -> list[Text]:
    status = wording.status_of(check)
    return [
        page.text(wording.value(run, check)),
        page.text(wording.bound(run, check)),
        page.text(str(check.n) if check.n else ""),
        page.text(wording.label(status), _STYLES.get(status, "")),
    ]
