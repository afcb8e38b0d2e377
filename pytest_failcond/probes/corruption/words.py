"""The grid in words: its constants, rises of accuracy, and the spread over seeds."""

from __future__ import annotations

from pytest_failcond.probes.keys import CorruptionKey
from pytest_failcond.probes.shown import Shown
from pytest_failcond.records.measurements import Measurement, measurements_in
from pytest_failcond.statistics.paired import paired_counts, paired_drop_bound
from pytest_failcond.words.printing import printable

_CONFIDENCE = 0.95  # of what is remarked on; gates have their own


def constants(run: Shown) -> str:
    """Name the constants of the severities, or the package that made the pixels."""
    made_by = str(run.subjects.get("corruptions") or "")
    names = {"imagenet-c": "ImageNet-C's constants", "cifar-c": "CIFAR-C's constants"}
    return printable(names.get(made_by.partition("/")[0], made_by) or "constants unknown")


def rises(run: Shown) -> str:
    """Name the corruptions whose higher severity is easier, beyond sampling noise; empty if there
    are none.
    """
    found = []
    for key, measured in measurements_in(run.records).items():
        if not isinstance(key, CorruptionKey):
            continue
        above = CorruptionKey(key.corruption, key.severity + 1)
        harder = run.records.get(above)
        if harder is not None and _rises(measured, harder):
            found.append(f"{printable(key.corruption)} from {key.severity} to {above.severity}")
    return f"accuracy rises, beyond sampling noise: {', '.join(found)}" if found else ""


def _rises(before: Measurement, after: Measurement) -> bool:
    counts = paired_counts(before.right, after.right)
    return paired_drop_bound(*counts, _CONFIDENCE, "upper") < 0


def spread(run: Shown) -> list[tuple[str, float, int]]:
    """Return per corruption the cell whose accuracy depends most on the seed.

    Its name, highest minus lowest accuracy over the seeds, and its severity; largest first.
    Corruptions that draw nothing are left out.
    """
    most: dict[str, tuple[float, int]] = {}
    for key, measured in measurements_in(run.records).items():
        if isinstance(key, CorruptionKey) and measured.by_seed:
            counts = [measured.correct, *measured.by_seed]
            width = (max(counts) - min(counts)) / measured.total
            most[key.corruption] = max(most.get(key.corruption, (-1.0, 0)), (width, key.severity))
    found = [(name, width, severity) for name, (width, severity) in most.items()]
    return sorted(found, key=lambda entry: -entry[1])


def seeds(run: Shown, spread: list[tuple[str, float, int]]) -> str:
    """Return the spread of accuracy over the seeds of random corruptions; empty for one seed."""
    number = run.settings.get("seeds") or 1
    if number < 2:
        return ""
    if not spread:
        return f"{number} seeds: no corruption draws anything"
    widths = ", ".join(
        f"{printable(name)} {width:.4f} (severity {severity})" for name, width, severity in spread
    )
    return f"over {number} seeds, highest minus lowest accuracy, at most: {widths}"
