"""The run as text for a terminal: reasons first, then the tables, then the verdict.

Passed checks take few lines, so that a green run fits on a screen; on request, every direction and
every check has its own line.
"""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents
from pytest_failcond.report.page import Page
from pytest_failcond.report.reasons import Reason, merged, reasons, told_once
from pytest_failcond.report.sections import UP, sections
from pytest_failcond.report.terminal.draw import show_section
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.words.printing import printable

_GAP = 2
_REASONS = 3  # of a gate, if not all are shown


def render(run: Shown, *, width: int, color: bool, unicode: bool, verbose: int = 0) -> str:
    """Return the report as text that ends in a newline.

    Args:
        run: what to show.
        width: columns of the terminal.
        color: whether escape sequences may be used.
        unicode: whether more than ASCII may be used.
        verbose: from 1 on, every direction and every check has its line; under 0, there are only
            reasons, remarks on the models, and the verdict.
    """
    page = Page(width, color, unicode)
    every = verbose > 0
    _show_reasons(page, run, every=every)
    if verbose >= 0:
        for section in sections(run, UP):
            show_section(page, section, "verbose" if every else "terminal")
    for remark in contents.remarks(run):
        page.print(printable(remark), "yellow")
    line, status = contents.verdict_line(run)
    page.print(line, STYLES.get(status, "bold"))
    return page.content()


def _show_reasons(page: Page, run: Shown, *, every: bool) -> None:
    """Print the reasons of a failed run first: a line per check if they fit, else two; of each gate
    the worst.
    """
    found, hidden = reasons(run, brief=not every)
    found = merged(found)
    shown, more = (found, Counter[str]()) if every else _worst_of_each(found)
    shown = told_once(shown)
    if not shown:
        return
    label, gate, key = (
        max(map(len, texts)) + _GAP
        for texts in zip(*((r.status, r.gate, r.first_subject) for r in shown), strict=True)
    )
    fits = label + gate + key + max(len(page.text(r.why)) for r in shown) <= page.width
    for reason in shown:
        line = page.text(reason.status.upper().ljust(label), STYLES[reason.status])
        what = f"{printable(reason.gate).ljust(gate)}{reason.first_subject}"
        line = (
            Text()
            .append_text(line)
            .append_text(page.text(what.ljust(gate + key) if fits else what))
        )
        if fits:
            line.append_text(page.text(printable(reason.why)))
        page.show(line)
        if not fits:
            page.print(printable(reason.why), indent=_GAP)
    where = "in the run file" if every else "-v shows more" if hidden else "-v shows them"
    if more := more + hidden:
        of_each = ", ".join(f"{printable(name)} {n}" for name, n in more.most_common())
        page.print(f"… and {more.total()} more, {where}: {of_each}", "bold")
    page.print()


def _worst_of_each(reasons: list[Reason]) -> tuple[list[Reason], Counter[str]]:
    """Split into the first few of each gate, or of each kind of key that no gate asks for, and a
    count of the others.
    """
    shown: list[Reason] = []
    seen: Counter[str] = Counter()
    more: Counter[str] = Counter()
    for reason in reasons:
        group = reason.gate or reason.kind
        seen[group] += 1
        if seen[group] <= _REASONS:
            shown.append(reason)
        else:
            more[group] += 1 + len(reason.others)
    if len(reasons) - len(shown) < len(more) + 1:  # a count must replace more than two lines
        return reasons, Counter()
    return shown, more
