"""Accuracy by corruption and severity, as blocks, with the verdict on each cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.corruption import words
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key, MeanKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.records.measurements import measurements_in
from pytest_failcond.report import contents
from pytest_failcond.report.wording import count
from pytest_failcond.words.blocks import Note, Section
from pytest_failcond.words.drawings import Heat, Shade
from pytest_failcond.words.media import HTML, TERMINAL


def sections(run: Shown) -> Iterator[Section]:
    """Describe the accuracy of every cell."""
    cells = _cells(run)
    if not cells:
        return
    names, severities = _names(run, cells), sorted({severity for _, severity in cells})
    images = next((m.total for m in measurements_in(run.records).values()), 0)
    gated = sum(shade.status is not None for shade in cells.values())
    means = sum(isinstance(check.key, MeanKey) for check in run.checks)
    said = f"{count(len(cells), 'cell')}, {gated} gated"
    said += f", {count(means, 'gate')} over their mean" if means else ""
    yield Section(
        "Accuracy by corruption and severity",
        [
            _heat(run, cells, names, severities),
            Note(f"{said} · n {images} · {words.constants(run)}", "aside"),
            *(
                Note(remark, "aside", on=TERMINAL | HTML)
                for remark in (words.rises(run), words.seeds(run, words.spread(run)))
                if remark
            ),
        ],
        titled=TERMINAL | HTML,
        rank=10,
    )


def _cells(run: Shown) -> dict[tuple[str, int], Shade]:
    """Return the cells by corruption and severity."""
    found: dict[tuple[str, int], Shade] = {}
    for key in [*run.records, *run.errors]:
        if isinstance(named := PROBES.named(key), CorruptionKey):
            shade = contents.shade_of(run, named)
            if shade is not None:
                found[named.corruption, named.severity] = shade
    return found


def _names(run: Shown, cells: dict[tuple[str, int], Shade]) -> list[str]:
    """Return the corruptions, in the order of the configuration."""
    configured = list((run.settings.get("corruptions") or {}).get("names") or ())
    names = list(dict.fromkeys(name for name, _ in cells))
    return sorted(names, key=lambda n: configured.index(n) if n in configured else len(configured))


def _heat(
    run: Shown, cells: dict[tuple[str, int], Shade], names: Sequence[str], severities: Sequence[int]
) -> Heat:
    rows = [[cells.get((name, severity)) for severity in severities] for name in names]
    readable = [[_readable(run, CorruptionKey(name, s)) for s in severities] for name in names]
    judged = any(value is not None for row in readable for value in row)
    return Heat(
        rows=names,
        columns=[str(severity) for severity in severities],
        cells=rows,
        means=[_mean([None if shade is None else shade.share for shade in row]) for row in rows],
        clean=contents.shade_of(run, CleanKey()),
        readable=([_mean(row) for row in readable], _readable(run, CleanKey())) if judged else None,
        gravest=contents.several_gates(run),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of a row; None unless every cell of it was measured."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _readable(run: Shown, key: Key) -> float | None:
    measured = run.records.get(key)
    return None if measured is None else measured.judge_accuracy
