"""What of a run is shown, and in which order; how it is said is in `wording`, how it looks is not here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_failcond.errors import FailcondError
from pytest_failcond.gates import Check, GateResult
from pytest_failcond.keys import CorruptionKey, parse_key
from pytest_failcond.measurements import Direction, Replay, Replayed
from pytest_failcond.plan import MEAN_KEY
from pytest_failcond.report.wording import GRAVITY, LABELS, Status, count, printable, status_of
from pytest_failcond.run import Run


def gravest(statuses: Iterable[Status]) -> Status | None:
    """Return the gravest of some verdicts, None for none."""
    return max(statuses, key=GRAVITY.index, default=None)


def status_by_key(run: Run) -> dict[str, Status]:
    """Return the gravest verdict of each key that a gate is about."""
    found: dict[str, Status] = {}
    for check in run.checks:
        status = status_of(check)
        found[check.key] = gravest((status, found.get(check.key, status))) or status
    return found


def failures(run: Run) -> list[Check]:
    """Return the checks that speak against the classifier, most certain first, warnings last."""

    def order(check: Check) -> tuple[int, float]:
        return (
            3 if status_of(check) == "warned" else 1 if check.verdict == "error" else
            0 if check.certain else 2,
            0.0 if check.bound is None else _clearance(check),
        )  # fmt: skip

    return sorted(
        (c for c in run.checks if status_of(c) in ("failed", "error", "warned")), key=order
    )


def closest(checks: Iterable[Check]) -> Check:
    """Return the check that keeps the least margin, in widths of its sampling noise."""
    return min(checks, key=_clearance)


def worst(checks: Iterable[Check]) -> Check:
    """Return the gravest check of a gate and, of several, the one of the least margin."""

    def order(check: Check) -> tuple[int, float]:
        margin = float("inf") if check.margin is None else check.margin
        return -GRAVITY.index(status_of(check)), margin

    return min(checks, key=order)


def unmeasured(run: Run) -> dict[str, str]:
    """Return what could not be measured and which no check tells of, with the reason."""
    told = {check.key for check in run.checks if check.verdict == "error"}
    # A class that could not be ranked is told of by the checks of its corner cases.
    told |= {f"ranking:{key.split(':')[1]}" for key in told if key.startswith("corner_case:")}
    return {key: text for key, text in run.errors.items() if key not in told}


def run_status(run: Run) -> Status | None:
    """Return the verdict of the whole run; None if nothing was gated and nothing went wrong."""
    found = {status_of(check) for check in run.checks}
    if "failed" in found or lost(run):
        return "failed"
    if "error" in found or run.errors:
        return "error"
    if not found:
        return "passed" if run.corpus is not None and held(run.corpus) else None
    return "not_evaluated" if found == {"not_evaluated"} else "passed"


def is_red(run: Run) -> bool:
    """Whether a run fails: a check does, or something could not be measured."""
    return run_status(run) in ("failed", "error")


def verdict_line(run: Run) -> tuple[str, Status | None]:
    """Return the closing line, such as ``verdict: passed (1 marginal) · 36 checks``, and its verdict."""
    status = run_status(run)
    if run.part is not None:
        part = "part {} of {}: measured, to be judged when all are joined".format(*run.part)
        return (
            (f"{part}; {count(len(run.errors), 'key')} not measured", "error")
            if (run.errors)
            else (part, None)
        )
    counts = Counter(status_of(check) for check in run.checks)
    aside = ", ".join(
        f"{counts[s]} {LABELS[s]}" for s in reversed(GRAVITY) if counts[s] and s != "passed"
    )
    line = "nothing is gated" if status is None else LABELS[status]
    parts = [f"verdict: {line}{f' ({aside})' if aside else ''}"]
    if run.checks:
        parts.append(f"{count(len(run.checks), 'check')} of {count(len(run.gates), 'gate')}")
    if gone := lost(run):
        parts.append(f"{len(gone)} of the corpus lost")
    if missing := unmeasured(run):
        parts.append(f"{count(len(missing), 'key')} not measured")
    return " · ".join(parts), status


def lost(run: Run) -> list[Replayed]:
    """Return the images of the corpus that had to be right, and whose tests ran and failed."""
    entries = () if run.corpus is None else run.corpus.entries
    return [entry for entry in entries if entry.lost and f"corpus:{entry.id}" in run.planned]


def mended(run: Run) -> list[Replayed]:
    """Return the images of the corpus that are open and right."""
    return [] if run.corpus is None else [entry for entry in run.corpus.entries if entry.mended]


def held(replay: Replay) -> bool:
    """Whether anything of the corpus has to be right."""
    return any(entry.status == "fixed" for entry in replay.entries)


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: its accuracy if it was measured, and what the gates say of it.

    ``judge`` is the judge's accuracy on the same images.
    """

    accuracy: float | None
    error: bool
    status: Status | None
    judge: float | None = None


@dataclass(frozen=True)
class Grid:
    """Accuracy by corruption and severity; a cell nobody asked for is empty.

    Attributes:
        clean: the images as they are.
        names, severities: rows and columns.
        cells: by row and column.
    """

    clean: Cell | None
    names: tuple[str, ...]
    severities: tuple[int, ...]
    cells: dict[tuple[str, int], Cell]

    def mean(self, name: str) -> float | None:
        """Mean accuracy over a row; None unless every cell of it was measured."""
        return self._mean([c.accuracy for c in self._row(name)])

    def judge_mean(self, name: str) -> float | None:
        """Mean accuracy of the judge over a row; None unless it saw every cell of it."""
        return self._mean([c.judge for c in self._row(name)])

    @property
    def judged(self) -> bool:
        """Whether a judge saw any of it."""
        return any(cell.judge is not None for cell in self.cells.values())

    def _row(self, name: str) -> list[Cell]:
        nothing = Cell(None, False, None)
        return [self.cells.get((name, severity), nothing) for severity in self.severities]

    @staticmethod
    def _mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if len(known) == len(values) else None

    def summary(self, run: Run) -> str:
        """Say how many cells there are and how many a gate is about."""
        gated = sum(cell.status is not None for cell in self.cells.values())
        means = sum(check.key == MEAN_KEY for check in run.checks)
        line = f"{count(len(self.cells), 'cell')}, {gated} gated"
        return line + (f" one by one, {count(means, 'gate')} over their mean" if means else "")


def grid_of(run: Run) -> Grid | None:
    """Return the grid of corruption cells, None where there are none."""
    statuses = status_by_key(run)
    cells: dict[tuple[str, int], Cell] = {}
    for key in [*run.measurements, *run.errors]:
        try:
            parsed = parse_key(key)
        except FailcondError:
            continue
        if isinstance(parsed, CorruptionKey):
            cells[parsed.corruption, parsed.severity] = _cell(run, key, statuses)
    if not cells:
        return None
    configured = list((run.settings.get("corruptions") or {}).get("names") or ())
    names = list(dict.fromkeys(name for name, _ in cells))
    names.sort(key=lambda n: configured.index(n) if n in configured else len(configured))
    severities = tuple(sorted({severity for _, severity in cells}))
    return Grid(clean_of(run), tuple(names), severities, cells)


def clean_of(run: Run) -> Cell | None:
    """Return the cell of the clean images, None if nobody asked for it."""
    there = "clean" in run.measurements or "clean" in run.errors
    return _cell(run, "clean", status_by_key(run)) if there else None


def _cell(run: Run, key: str, statuses: dict[str, Status]) -> Cell:
    measured = run.measurements.get(key)
    accuracy = None if measured is None or not measured.total else measured.accuracy
    judge = None if measured is None else measured.judge_accuracy
    return Cell(accuracy, accuracy is None, statuses.get(key), judge)


def directions_of(run: Run) -> list[Direction]:
    """Return the directions by class and rank, unranked ones last."""
    return sorted(
        run.directions.values(), key=lambda d: (d.class_index, d.rank is None, d.rank or 0, d.key)
    )


def by_need(checks: Iterable[Check]) -> list[Check]:
    """Sort checks gravest first, then by margin, in widths of their sampling noise."""
    return sorted(checks, key=lambda c: (-GRAVITY.index(status_of(c)), _clearance(c)))


def margins(run: Run) -> list[Check]:
    """Return the checks that passed and have a margin, smallest first, by their sampling noise."""
    passed = [check for check in run.checks if status_of(check) == "passed"]
    return sorted((check for check in passed if check.margin is not None), key=_clearance)


def _clearance(check: Check) -> float:
    """How far a value keeps from its threshold, in widths of its sampling noise."""
    if check.value is None or check.bound is None or check.margin is None:
        return float("inf")
    return check.margin / max(abs(check.value - check.bound), 1e-9)


def noise_widths(check: Check) -> str:
    """Say how many widths of its sampling noise a margin is."""
    return f"{_clearance(check):.1f} ×"


def spread(run: Run) -> list[tuple[str, float, int]]:
    """Return per corruption the cell whose accuracy depends most on the seed.

    Its name, highest minus lowest accuracy over the seeds, and its severity; largest first.
    Corruptions that draw nothing are left out.
    """
    most: dict[str, tuple[float, int]] = {}
    for key, measured in run.measurements.items():
        parsed = parse_key(key)
        if isinstance(parsed, CorruptionKey) and measured.by_seed:
            counts = [measured.correct, *measured.by_seed]
            width = (max(counts) - min(counts)) / measured.total
            most[parsed.corruption] = max(
                most.get(parsed.corruption, (-1.0, 0)), (width, parsed.severity)
            )
    found = [(name, width, severity) for name, (width, severity) in most.items()]
    return sorted(found, key=lambda entry: -entry[1])


def shown_checks(gate: GateResult, *, every: bool) -> tuple[list[Check], list[Check]]:
    """Split a gate's checks into those shown one by one and those told of in one line.

    In a gate of more than six, the passed ones and those not evaluated are told of together.
    """
    if every or len(gate.checks) <= 6:
        return list(gate.checks), []
    shown = [c for c in gate.checks if status_of(c) not in ("passed", "not_evaluated")]
    rest = [c for c in gate.checks if status_of(c) in ("passed", "not_evaluated")]
    return (shown, rest) if len(rest) > 1 else (list(gate.checks), [])


def together(checks: Sequence[Check]) -> str:
    """Count checks by verdict: ``18 passed, 2 not evaluated``."""
    counts = Counter(status_of(check) for check in checks)
    return ", ".join(f"{counts[s]} {LABELS[s]}" for s in reversed(GRAVITY) if counts[s])


def passed_over(run: Run) -> list[tuple[int, list[tuple[str, float]]]]:
    """Return per class the directions passed over: their keys and valid ranges."""
    return [
        (
            ranking.class_index,
            [(printable(p["key"]), p["valid_range"]) for p in ranking.passed_over],
        )
        for ranking in run.rankings.values()
        if ranking.passed_over
    ]
