"""The run as text for a terminal: reasons first, then the tables, then the verdict.

What holds is told in few lines, so that a green run fits on a screen; on request, every direction and every
check has its own.
"""

from __future__ import annotations

from rich.text import Text

from pytest_failcond.report import changes, contents, corpus, need, versus, wording
from pytest_failcond.report.page import Page
from pytest_failcond.report.terminal.accuracy import show_accuracy
from pytest_failcond.report.terminal.directions import show_directions
from pytest_failcond.report.terminal.gates import show_gates
from pytest_failcond.report.terminal.styles import STYLES
from pytest_failcond.run import Run

_GAP = 2


def render(run: Run, *, width: int, color: bool, unicode: bool, verbose: int = 0) -> str:
    """Return the report as text that ends in a newline.

    Args:
        run: what to show.
        width: columns of the terminal.
        color: whether escape sequences may be used.
        unicode: whether more than ASCII may be used.
        verbose: from 1 on, every direction and every check has its line; under 0, there are only
            reasons and the verdict.
    """
    page = Page(width, color, unicode)
    every = verbose > 0
    _show_reasons(page, run)
    if verbose >= 0:
        show_accuracy(page, run)
        show_directions(page, run, every=every)
        _show_corpus(page, run)
        _show_changes(page, run, every=every)
        show_gates(page, run, every=every)
    line, status = contents.verdict_line(run)
    page.print(line, STYLES.get(status, "bold"))
    return page.content()


def _show_reasons(page: Page, run: Run) -> None:
    """Say first why the run is red: a line per check where they fit, else two."""
    rows = [
        (wording.status_of(c), wording.printable(c.gate), wording.check_text(run, c),
         wording.reason(run, c))
        for c in need.failures(run)
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
        line = Text().append_text(page.text(status.upper().ljust(label), STYLES[status]))
        what = f"{gate_id.ljust(gate)}{where}" if gate_id else where
        line.append_text(page.text(what.ljust(gate + key) if fits else what))
        if fits:
            line.append_text(page.text(why))
        page.show(line)
        if not fits:
            page.print(why, indent=label)
    page.print()


def _show_changes(page: Page, run: Run, *, every: bool) -> None:
    """What was lost and what was gained since the baseline."""
    comparison = run.comparison
    if comparison is None:
        return
    page.print("Since the baseline", "bold")
    page.print(f"{changes.headline(comparison)}; {changes.summary(comparison)}")
    versus.show(page, run, comparison, changes.SINCE, every=every)
    page.print()


def _show_corpus(page: Page, run: Run) -> None:
    """How the images of the corpus stand, and how to promote those that are right now."""
    if line := corpus.summary(run):
        title = page.text("Corpus  ", "bold")
        page.show(title.append_text(page.text(line, "not bold")))
        if advice := corpus.advice(run):
            page.print(advice, "dim")
        page.print()
