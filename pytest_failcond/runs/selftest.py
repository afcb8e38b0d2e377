"""The reliability of a run's verdicts: its gates, tried on draws of the measured images. Pure.

No model is run: a draw of images is judged by their stored outcomes. A gate *fails by chance* on
draws of as many images with replacement (the bootstrap, Efron 1979), for a classifier that is
exactly as good as it was measured to be; and on a random half of the images. It *finds* a loss if
it fails on 95 % of the draws once that loss has been put in: right images turned wrong at random,
for each drawn image and each cell alone; start images broken; breaks, or the end of the valid
range, moved nearer. The loss is given in the unit of the metric: the average decline of the value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.registry import METRICS
from pytest_failcond.runs.other import Other
from pytest_failcond.runs.run import Run
from pytest_failcond.statistics.draws import How, generator, weights_of
from pytest_failcond.verdicts.gates import Check
from pytest_failcond.verdicts.metrics import Case, Measure
from pytest_failcond.verdicts.trials import Trial

FOUND = 0.95
"""Share of draws on which a loss must turn the gate red to be called found."""

_BLOCK = 100  # draws made together,
_BLOCK_NUMBERS = 5_000_000  # or fewer, so that they fit into memory
_HALVINGS = 14  # of the largest loss: shares to 0.0001

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Odds:
    """The odds of a gate, or of one of its checks.

    Attributes:
        key: of the check; None: the gate, which fails if any of its checks does.
        class_index: as in the check.
        by_chance: share of the draws of as many images on which it fails.
        on_half: share of the halves on which it fails.
        finds: the smallest loss that it finds, added to this check, or to all checks of the gate;
            0: it fails without a loss; None: it finds none.
        reason: the reason why it could not be tried, if so.
    """

    key: str | None
    class_index: int | None = None
    by_chance: float | None = None
    on_half: float | None = None
    finds: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class GateOdds:
    """A gate, and each of its checks."""

    id: str
    metric: str
    whole: Odds
    checks: tuple[Odds, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class _Tried:
    """A check that can be tried, and the sums that its trial's value depends on, for each way of
    drawing.
    """

    check: Check
    trial: Trial
    sums: dict[How, npt.NDArray[np.float64]]

    def fails(self, how: How, loss: float, *stream: str | int) -> Bools:
        """Return the draws on which it fails, ``[R]``; a draw without images fails."""
        parts = *stream, self.check.key, str(self.check.class_index), repr(loss)
        values = self.trial.values(self.sums[how], loss, generator(how, *parts))
        threshold = self.check.threshold
        holds = values >= threshold if self.check.keeps_above else values <= threshold
        failing: Bools = ~holds
        return failing


def selftest(
    run: Run,
    *,
    resamples: int = 1000,
    seed: int = 0,
    baseline: Other | None = None,
    reference: Other | None = None,
    report: Callable[[int, int], None] | None = None,
) -> tuple[GateOdds, ...]:
    """Try every gate of a run.

    A baseline is drawn together with the run: both versions on the same images. The reference of
    mCE does not change, as for the bound. ``min_n`` is left out, as it does not depend on luck.

    Args:
        run: a run with checked gates.
        resamples: draws of each kind.
        seed: keys the draws.
        baseline: the run that its gates compare with; None: those gates are not tried.
        reference: the same for mCE.
        report: called with the steps done and the steps in all.

    Raises:
        FailcondError: there is nothing to try.
    """
    if not run.checks:
        raise FailcondError(
            "the run has no checked gates; add a gate to the configuration, and run again"
        )
    tell = report or (lambda done, total: None)
    then = None if baseline is None else baseline.measure
    other = None if reference is None else reference.measure
    tried: dict[str, list[_Tried]] = {}
    untried: dict[str, list[Odds]] = {}
    for check in run.checks:
        try:
            trial = _trial(run, check, then, other)
        except FailcondError as error:
            odds = Odds(check.key, check.class_index, reason=str(error))
            untried.setdefault(check.gate, []).append(odds)
        else:
            tried.setdefault(check.gate, []).append(_Tried(check, trial, {}))
    everything = [one for some in tried.values() for one in some]
    steps = 2 + len(everything) + len(tried)
    hows: tuple[How, ...] = ("resample", "half")
    for done, how in enumerate(hows):
        tell(done, steps)
        _draw(everything, how, seed, resamples)
    done, found = 2, []
    for gate in run.gates:
        members = tried.get(gate.id, [])
        checks = []
        for member in members:
            tell(done, steps)
            checks.append(_odds([member], seed, member.check.key, member.check.class_index))
            done += 1
        checks += untried.get(gate.id, [])
        whole = checks[0] if len(checks) == 1 else _odds(members, seed, None, None)
        found.append(GateOdds(gate.id, gate.metric, whole, tuple(checks)))
        done += bool(members)
    tell(steps, steps)
    return tuple(found)


def _trial(run: Run, check: Check, baseline: Measure | None, reference: Measure | None) -> Trial:
    if check.verdict == "error":
        raise FailcondError(check.reason)
    settings = run.configuration
    gate: GateSettings = settings.gate(check.gate)
    if METRICS[gate.metric].needs_baseline and baseline is None:
        raise FailcondError("compares with a baseline; name it with --baseline FILE")
    if METRICS[gate.metric].needs_reference and reference is None:
        raise FailcondError("compares with a reference; name it with --reference FILE")
    about = run.classes, check.class_index, baseline, reference
    return METRICS[gate.metric].try_out(Case(gate, check.key, run.measured, settings, *about))


def _draw(tried: Sequence[_Tried], how: How, seed: int, resamples: int) -> None:
    """Draw the images of all checks together, some draws at a time, and keep their sums."""
    populations = {(one.trial.images, one.trial.size) for one in tried}
    for images, size in sorted(populations):
        members = [t for t in tried if (t.trial.images, t.trial.size) == (images, size)]
        parts: list[list[npt.NDArray[np.float64]]] = [[] for _ in members]
        most = max(1, min(_BLOCK, _BLOCK_NUMBERS // size))
        for block, start in enumerate(range(0, resamples, most)):
            weights = weights_of(how, seed, images, size, block, min(most, resamples - start))
            for member, part in zip(members, parts, strict=True):
                part.append(member.trial.sums(weights))
        for member, part in zip(members, parts, strict=True):
            member.sums[how] = np.concatenate(part)


def _odds(members: Sequence[_Tried], seed: int, key: str | None, class_index: int | None) -> Odds:
    """Return the odds that any of some checks fails."""
    if not members:
        return Odds(key, class_index, reason="none of its checks could be tried")

    def share(how: How, loss: float) -> float:
        fails = np.any([one.fails(how, loss, seed) for one in members], axis=0)
        return float(fails.mean())

    by_chance = share("resample", 0.0)
    return Odds(
        key,
        class_index,
        by_chance,
        share("half", 0.0),
        0.0
        if by_chance >= FOUND
        else _smallest(
            lambda loss: share("resample", loss) >= FOUND, max(one.trial.most for one in members)
        ),
    )


def _smallest(found: Callable[[float], bool], most: float) -> float | None:
    """Return the smallest loss that is found, by bisection; None: not even the largest."""
    if not found(most):
        return None
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high
