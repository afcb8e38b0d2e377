"""Accuracy by corruption and severity, with what the gates say of each cell."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key, MeanKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.report.contents import status_of_key
from pytest_failcond.report.wording import Status, count
from pytest_failcond.run import Run


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
        means = sum(isinstance(check.key, MeanKey) for check in run.checks)
        line = f"{count(len(self.cells), 'cell')}, {gated} gated"
        return line + (f", {count(means, 'gate')} over their mean" if means else "")


def grid_of(run: Run) -> Grid | None:
    """Return the grid of corruption cells, None where there are none."""
    cells: dict[tuple[str, int], Cell] = {}
    for key in [*run.measurements, *run.errors]:
        if isinstance(parsed := PROBES.named(key), CorruptionKey):
            cells[parsed.corruption, parsed.severity] = _cell(run, parsed)
    if not cells:
        return None
    configured = list((run.settings.get("corruptions") or {}).get("names") or ())
    names = list(dict.fromkeys(name for name, _ in cells))
    names.sort(key=lambda n: configured.index(n) if n in configured else len(configured))
    severities = tuple(sorted({severity for _, severity in cells}))
    return Grid(clean_of(run), tuple(names), severities, cells)


def clean_of(run: Run) -> Cell | None:
    """Return the cell of the clean images, None if nobody asked for it."""
    key = CleanKey()
    return _cell(run, key) if key in run.measurements or key in run.errors else None


def _cell(run: Run, key: Key) -> Cell:
    measured = run.measurements.get(key)
    accuracy = None if measured is None or not measured.total else measured.accuracy
    judge = None if measured is None else measured.judge_accuracy
    return Cell(accuracy, accuracy is None, status_of_key(run, key), judge)
