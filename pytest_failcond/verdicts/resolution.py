"""Gates that their number of images cannot resolve: not even a perfect result would pass them. Pure.

A perfect result loses nothing and gains nothing: every image right in every cell and in the
baseline, no start image broken, all accepted by the judge. If even its bound crosses the threshold,
the gate is at best marginal for every classifier, and needs more images or another threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.registry import METRICS, PROBES
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.verdicts.gates import WITHIN_NOISE, Check, check
from pytest_failcond.verdicts.plan import classes_of_checks

MOST = 1_000_000
"""The largest number of images that is tried for a gate."""

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unresolved:
    """A gate, or a class of a gate with ``by_class``, that not even a perfect result would pass.

    Attributes:
        gate: its id.
        n: images that it rests on.
        needed: images that it needs; None: no number is enough.
        class_name: of the class; None for a gate that is not by class.
        reason: the reason, such as the verdict on a perfect result.
        best: the verdict of a perfect result.
    """

    gate: str
    n: int
    needed: int | None
    class_name: str | None
    reason: str
    best: str = "marginal"

    def __str__(self) -> str:
        of = "" if self.class_name is None else f" of class {self.class_name!r}"
        if self.needed is None:
            needs = "no number of images is enough; change its threshold"
        elif self.needed > MOST:
            needs = f"it needs more than {MOST:,}"
        else:
            needs = f"it needs {self.needed:,}"
        marginal = self.best == "marginal"
        return (
            f"gate {self.gate!r} {'can be no more than marginal' if marginal else 'cannot pass'} on its "
            f"{self.n:,} images{of}, for any classifier: {needs} ({self.reason})"
        )


def unresolved(
    settings: Settings, class_names: Sequence[str], labels: Labels
) -> tuple[Unresolved, ...]:
    """Return the gates that no result on these images would pass, with the n that they need.

    For a gate with ``by_class``, the class with the fewest images is named. mCE rests on its
    reference's errors, and the corpus has its own images: both are left out here.

    Args:
        settings: with the gates.
        class_names: by index.
        labels: true class of every test image, int ``[N]``; empty without test images.
    """
    counts = np.bincount(labels, minlength=len(class_names))

    def images(class_index: int | None) -> int:
        return len(labels) if class_index is None else int(counts[class_index])

    found = []
    for gate in settings.gates:
        # More images never make a perfect result less certain, so the smallest class decides for
        # all. A class without images fails its own check.
        some = [index for index in classes_of_checks(gate, class_names) if images(index)]
        if some or PROBES.of_metric(gate.metric).own_images:
            smallest = min(some, key=images, default=None)
            found.append(_of_check(gate, smallest, settings, class_names, labels))
    return tuple(one for one in found if one is not None)


def _of_check(
    gate: GateSettings,
    class_index: int | None,
    settings: Settings,
    class_names: Sequence[str],
    labels: Labels,
) -> Unresolved | None:
    keys = _keys(gate, settings, class_names)
    if not keys or (not gate.keeps_above and gate.threshold < 0):
        return None  # a perfect result does not pass a gate that demands a gain, but another may
    one_class = class_index
    if one_class is None:
        chosen = set(gate.classes or class_names)
        one_class = next((i for i, name in enumerate(class_names) if name in chosen), None)
    if one_class is None:
        return None  # none of its classes exists, which the check itself reports

    def judged(labels: Labels, samples: int) -> Check:
        def measure(key: Key) -> Any:
            return PROBES.perfect(key, settings, labels, samples)

        more = settings, class_names
        return check(
            gate, keys[0], measure, *more, class_index=class_index, baseline=measure,
            reference=measure,
        )  # fmt: skip

    def judged_on(n: int) -> Check:
        return judged(np.full(n, one_class), n)

    try:
        now = judged(labels, _samples(gate, settings))
        if now.verdict == "passed":
            return None
        needed = _needed(now, lambda n: judged_on(n).verdict == "passed")
    except FailcondError:
        return None  # a record is missing, which the check itself reports
    name = None if class_index is None else class_names[class_index]
    few = now.verdict == "error"  # only this one can be measured
    reason = f"its min_n is {gate.min_n}" if few else f"a perfect result: {now.reason}"
    return Unresolved(gate.id, now.n, needed, name, reason, now.verdict)


def _samples(gate: GateSettings, settings: Settings) -> int:
    """Return the number of start images of a gate; 0 if it rests on others, or none are searched."""
    limit = PROBES.of_metric(gate.metric).most(settings)
    return 0 if limit is None else limit[0]


def _needed(now: Check, passes: Callable[[int], bool]) -> int | None:
    """Return the least number of images that passes; over `MOST` if it is out of reach."""
    # A bound comes near the value with more images, but a share's never reaches it; a shift's does.
    kept = now.margin is None or now.margin > 0 or METRICS[now.metric].in_sigma
    untested = now.verdict == "marginal" and now.reason != WITHIN_NOISE
    if now.verdict != "error" and (not kept or untested or now.verdict == "failed"):
        return None
    low, high = now.n, max(2 * now.n, 2)
    while high <= MOST and not passes(high):
        low, high = high, 2 * high
    if high > MOST:
        return MOST + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def _keys(gate: GateSettings, settings: Settings, class_names: Sequence[str]) -> Sequence[Key]:
    """Return keys of a gate; for a perfect result, one is enough."""
    probe = PROBES.of_metric(gate.metric)
    return [] if probe.perfect is None else probe.keys(gate, settings, class_names)


def all_right(key: Key, settings: Settings, labels: Labels, samples: int) -> Measurement:
    """Return perfect predictions on the test images."""
    return Measurement(key, labels, labels, "", int(labels.max(initial=0)) + 1)
