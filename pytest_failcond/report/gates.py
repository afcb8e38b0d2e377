"""The gates as blocks: failures first, then the least margins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import need, wording
from pytest_failcond.verdicts.gates import Check, GateResult
from pytest_failcond.words.blocks import Block, Cell, Column, Heading, Note, Section, Table
from pytest_failcond.words.media import BRIEF, HTML, MARKDOWN, PAGES, TERMINAL, VERBOSE
from pytest_failcond.words.printing import printable

_WORST, _PASSED = 12, 3  # checks that are not folded away


def section(run: Shown) -> Section:
    """Describe the gates, each with the check that needs a look first, and every check."""
    gates = need.gates_by_need(run)
    blocks = [*_blocks(run, gates)] if gates else []
    order = "failed first, then the smallest margins"
    return Section("Gates", blocks, order=order, titled=TERMINAL | HTML, place="gates", rank=0)


def _blocks(run: Shown, gates: list[GateResult]) -> Iterator[Block]:
    yield _gates_table(run, gates)
    yield _checks_by_gate(run, gates)
    yield Heading("Check by check", on=HTML)
    checks, more = need.few_classes(need.by_need(run.checks))
    yield checks_table(run, checks, folded=True)
    if more:
        yield Note(need.and_more(more), "aside", on=HTML)
    told = f"{wording.MARGIN} {wording.BOUNDS}"
    if any(wording.status_of(c) == "failed" and not c.certain for c in run.checks):
        told += f" {wording.WITHIN}"
    which = _which(run, more) if any(len(gate.checks) > 1 for gate in gates) else ""
    yield Note(f"{which}{told}", "aside", on=BRIEF)
    yield Note(told, "aside", on=VERBOSE | HTML)
    for note in run.notes:
        yield Note(note, "warning", on=TERMINAL | HTML)


def _which(run: Shown, more: Mapping[str, int]) -> str:
    shown = "more" if more else "them"
    return (
        f"One check of each gate, the worst of {len(run.checks)} in all; -v shows {shown}. pytest's "
        "last line counts tests instead: a test makes all checks of its key. "
    )


def _gates_table(run: Shown, gates: Sequence[GateResult]) -> Table:
    """Describe each gate in a row, by its worst check."""
    head = [
        Column("verdict", "verdict", on=PAGES),
        Column("gate", on=PAGES),
        Column("demand", on=PAGES),
        Column("", on=TERMINAL),
        Column("checks", on=HTML),
        Column("worst check", on=TERMINAL),
        Column("worst check", on=MARKDOWN),
        Column("worst", "number", on=HTML),
        Column("value", "number", on=TERMINAL | MARKDOWN),
        Column("bound", "number", on=TERMINAL | MARKDOWN, spare=True),
        Column("margin", "number", on=TERMINAL | HTML),
        Column("at", on=HTML),
        Column("checks", on=MARKDOWN),
    ]
    rows: list[list[str | Cell]] = []
    for gate in gates:
        check = need.neediest(gate.checks)
        status, asides = wording.status_of(check), "; ".join(need.asides(gate))
        value = wording.value(run, check)
        rows.append([
            Cell(wording.label(status), status),
            gate.id,
            wording.gate_title(gate),
            _title(gate, status, below=asides),
            need.together(gate.checks),
            wording.short_check_text(run, check),
            wording.check_text(run, check),
            value,
            value,
            wording.bound(run, check),
            wording.margin(check),
            Cell(wording.check_text(run, check), key=check.key),
            asides,
        ])  # fmt: skip
    return Table(head, rows, on=BRIEF | PAGES)


def _checks_by_gate(run: Shown, gates: Sequence[GateResult]) -> Table:
    """Describe each check in a row, those of a gate below its name."""
    head = [
        Column(""),
        *(Column(title, "number") for title in ("value", "bound", "n", "margin")),
        Column("verdict", "verdict"),
    ]
    rows: list[Sequence[str | Cell]] = []
    for gate in gates:
        rows.append([_title(gate, None)])
        shown, more = need.few_classes(need.by_need(gate.checks))
        for check in shown:
            status, note = wording.status_of(check), wording.note(check)
            rows.append([
                Cell(wording.check_text(run, check), inside=True, below=[note] if note else []),
                wording.value(run, check),
                wording.bound(run, check),
                str(check.n or ""),
                wording.margin(check),
                Cell(wording.label(status), status),
            ])  # fmt: skip
        if more:
            rows.append([Cell(need.and_more(more), inside=True)])
    return Table(head, rows, on=VERBOSE)


def _title(gate: GateResult, status: wording.Status | None, below: str = "") -> Cell:
    """Name a gate and its demand, after the sign of its verdict if there is one."""
    own = gate.id != gate.metric.replace("_", "-")  # the default name of a gate
    return Cell(
        wording.gate_title(gate),
        status,
        title=printable(gate.id) if own else "",
        marked=status is not None,
        below=[below] if below else [],
    )


def checks_table(run: Shown, checks: Sequence[Check], *, folded: bool = False) -> Table:
    """Describe checks in full, for a page; if ``folded``, those that hold may be folded away."""
    head = [
        Column("verdict", "verdict"),
        Column("gate"),
        Column("key"),
        *(Column(title, "number") for title in ("value", "threshold", "bound", "margin", "n")),
        Column("why", "prose"),
    ]
    rows: list[list[str | Cell]] = []
    for check in checks:
        status = wording.status_of(check)
        rows.append([
            Cell(wording.label(status), status),
            check.gate + (" (warns only)" if check.level == "warn" else ""),
            Cell(wording.check_text(run, check), key=check.key),
            wording.value(run, check),
            wording.threshold(check),
            wording.bound(run, check),
            wording.margin(check),
            str(check.n or ""),
            "; ".join(filter(None, [wording.short_reason(check), wording.note(check)])),
        ])  # fmt: skip
    first = _unfolded(checks) if folded else len(checks)
    rest = checks[first:]
    title = f"{len(rest)} more: {need.together(rest)}"
    return Table(head, rows, name="Checks", first=first, rest=title, on=HTML)


def _unfolded(checks: Sequence[Check]) -> int:
    """Return the number of shown checks, sorted by need: the doubtful ones, and a few that
    passed.
    """
    doubtful = sum(wording.status_of(check) != "passed" for check in checks)
    count = min(doubtful, _WORST) + _PASSED * (doubtful <= _WORST)
    return len(checks) if len(checks) <= count + 1 else count
