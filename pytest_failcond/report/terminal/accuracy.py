"""Accuracy by corruption and severity, in a terminal."""

from __future__ import annotations

from rich.text import Text

from pytest_failcond.printing import printable
from pytest_failcond.report import contents, wording
from pytest_failcond.report.grid import Cell, Grid, clean_of, grid_of
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.run import Run

_CELL = 9  # columns that a number of four digits takes, with its sign and the gap


def show_accuracy(page: Page, run: Run) -> None:
    """Print the grid; a cell that a gate is about carries its verdict."""
    grid = grid_of(run)
    clean = clean_of(run)
    images = next((m.total for m in run.measurements.values()), 0)
    if grid is None:
        if clean is not None:
            line = page.text("Clean accuracy  ", "bold")
            line = Text().append_text(line).append_text(_cell(page, clean))
            line.rstrip()
            page.show(line.append(f"  n {images}", "dim"))
            page.print()
        return
    names = [printable(name) for name in grid.names]
    room = page.width - max(map(len, ["clean", *names]))
    narrow = room < _CELL * (1 + len(grid.severities))
    judged = ["judge"] if grid.judged and not narrow else []
    digits = 2 if narrow else 4
    head = [
        "",
        f"{'mean':>{digits + 2}}",
        *judged,
        *(f"{s:>{digits + 2}}" for s in grid.severities),
    ]
    table = page.table("Accuracy by corruption and severity", head, left=len(head))
    for column in table.columns:
        column.no_wrap = True
    if judged or narrow:  # 80 columns hold five severities and the longest name
        table.padding = (0, 0, 0, 0)
    if clean is not None:
        judge = [page.text(_rough(clean.judge), "dim")] if judged else []
        table.add_row("clean", _cell(page, clean, digits), *judge)
    for name, shown in zip(grid.names, names, strict=True):
        mean = wording.accuracy(grid.mean(name), digits)
        cells = [_cell(page, grid.cells.get((name, s)), digits) for s in grid.severities]
        judge = [page.text(_rough(grid.judge_mean(name)), "dim")] if judged else []
        table.add_row(page.text(shown), page.text(f"{mean:>{digits + 2}}"), *judge, *cells)
    page.show(table)
    page.print(f"{grid.summary(run)} · n {images} · {wording.constants(run)}", "dim")
    remarks = [
        wording.JUDGE if judged else "",
        wording.rises(run),
        wording.seeds(run, contents.spread(run)),
        _legend(run, grid),
    ]
    for remark in filter(None, remarks):
        page.print(remark, "dim")
    page.print()


def _rough(share: float | None) -> str:
    return f"{wording.NOTHING if share is None else wording.share(share):>5}"


def _cell(page: Page, cell: Cell | None, digits: int = 4) -> Text:
    if cell is None:
        return page.text(f"{wording.NOTHING:>{digits + 2}}", "dim")
    text = (
        ("error" if digits > 2 else "err")
        if cell.error
        else wording.accuracy(cell.accuracy, digits)
    )
    sign = wording.SIGNS[cell.status] if cell.status is not None else "?" if cell.error else " "
    style = STYLES["error"] if cell.error else STYLES.get(cell.status, "")
    return page.text(f"{text:>{digits + 2}} {sign}", style)


def _legend(run: Run, grid: Grid) -> str:
    """Explain the signs that stand in the grid, where any but that of a pass does."""
    cells = [*grid.cells.values(), *([grid.clean] if grid.clean is not None else [])]
    used = {cell.status for cell in cells} - {None}
    if not used - {"passed"}:
        return ""
    signs = "  ".join(wording.label(s) for s in reversed(wording.GRAVITY) if s in used)
    return f"{signs}{wording.GRAVEST if contents.several_gates(run) else ''}"
