"""Shares by row and column, in a terminal."""

from __future__ import annotations

from rich.text import Text

from pytest_failcond.report import wording
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.words.drawings import Heat, Shade
from pytest_failcond.words.printing import printable

_CELL = 9  # columns of a number of four digits, with its sign and the gap


def show(page: Page, heat: Heat) -> None:
    """Print the shares; a gated cell has its verdict."""
    names = [printable(name) for name in heat.rows]
    room = page.width - max(map(len, ["clean", *names]))
    narrow = room < _CELL * (1 + len(heat.columns))
    readable = None if narrow else heat.readable
    digits = 2 if narrow else 4
    titles = [f"{title:>{digits + 2}}" for title in ("mean", *heat.columns)]
    head = ["", titles[0], *([] if readable is None else ["readable"]), *titles[1:]]
    table = page.table("", head, left=len(head))
    for column in table.columns:
        column.no_wrap = True
    if readable is not None or narrow:  # 80 columns hold five severities and the longest name
        table.padding = (0, 0, 0, 0)
    if heat.clean is not None:
        beside = [] if readable is None else [_rough(page, readable[1])]
        table.add_row("clean", _cell(page, heat.clean, digits), *beside)
    for place, name in enumerate(names):
        mean = wording.accuracy(heat.means[place], digits)
        beside = [] if readable is None else [_rough(page, readable[0][place])]
        cells = [_cell(page, shade, digits) for shade in heat.cells[place]]
        table.add_row(page.text(name), page.text(f"{mean:>{digits + 2}}"), *beside, *cells)
    page.show(table)
    for remark in ("" if readable is None else wording.READABLE, _legend(heat)):
        if remark:
            page.print(remark, "dim")


def _rough(page: Page, share: float | None) -> Text:
    return page.text(f"{wording.NOTHING if share is None else wording.share(share):>8}", "dim")


def _cell(page: Page, shade: Shade | None, digits: int) -> Text:
    if shade is None:
        return page.text(f"{wording.NOTHING:>{digits + 2}}", "dim")
    failed = shade.share is None
    text = wording.accuracy(shade.share, digits)
    if failed:
        text = "error" if digits > 2 else "err"
    sign = wording.sign(shade.status) or ("?" if failed else " ")
    style = STYLES["error"] if failed else STYLES.get(shade.status, "")
    return page.text(f"{text:>{digits + 2}} {sign}", style)


def _legend(heat: Heat) -> str:
    """Explain the signs of the grid, if any but that of a pass occurs."""
    shades = [heat.clean, *(shade for row in heat.cells for shade in row)]
    used = {shade.status for shade in shades if shade is not None} - {None}
    if not used - {"passed"}:
        return ""
    signs = "  ".join(wording.label(s) for s in reversed(wording.GRAVITY) if s in used)
    return f"{signs}{wording.GRAVEST if heat.gravest else ''}"
