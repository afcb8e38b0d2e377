"""The ``failcond`` fixture: asks for measurements, applies gates, and settles the test's outcome."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest

from pytest_failcond.corruptions import specification
from pytest_failcond.errors import FailcondError
from pytest_failcond.failures.corner_cases import shifted_images
from pytest_failcond.failures.starts import Starts, start_images
from pytest_failcond.failures.walking import STEP
from pytest_failcond.gates import Check, check, gates_for, keys_over_cells, unmeasured
from pytest_failcond.keys import CleanKey, CorruptionKey, DirectionKey, RankingKey, parse_key
from pytest_failcond.measure import Laboratory
from pytest_failcond.measurements import (
    AnyMeasurement,
    ClassRanking,
    Direction,
    Measurement,
    pack,
)
from pytest_failcond.run import Run
from pytest_failcond.state import fail
from pytest_failcond.store import Store
from pytest_failcond.stylegan2.generator import BATCH
from pytest_failcond.stylegan2.session import png

if TYPE_CHECKING:
    from pytest_failcond.settings import GateSettings
    from pytest_failcond.state import State
    from pytest_failcond.strategies import Case

VERDICT = "failcond_verdict"
KEY = "failcond_key"
_PACKAGES = ("pytest-failcond", "torch", "numpy", "scipy", "pillow")


@dataclass(frozen=True)
class CaseImage:
    """What a `Case` stands for: a start image moved along a direction, and what is seen in it.

    Attributes:
        image: float32 ``[C, H, W]`` in [0, 1].
        class_name, label: its class, by name and index.
        direction: what it was moved along.
        shift: how far, σ.
        sample: the start image's number in the generator's stream.
        p: the classifier's probability of the class.
        predicted: the classifier's prediction.
        judged: the judge's; None without one.
    """

    image: npt.NDArray[np.float32]
    class_name: str
    label: int
    direction: Direction
    shift: float
    sample: int
    p: float
    predicted: int
    judged: int | None

    @property
    def valid(self) -> bool:
        """Whether the judge still sees the class; True without a judge."""
        return self.judged in (None, self.label)

    @property
    def broken(self) -> bool:
        """Whether the classifier is wrong though the judge is not."""
        return self.predicted != self.label and self.valid

    def __str__(self) -> str:
        way = "up" if self.direction.sign > 0 else "down"
        return (
            f"class {self.class_name!r}, dimension s{self.direction.dimension} "
            f"({self.direction.name}) {way}, shift {self.shift:g} σ: predicted {self.predicted} "
            f"with p({self.class_name}) = {self.p:.3f}; reproduce with "
            f"`failcond show {self.direction.key} --shift {self.shift:g} --sample {self.sample}`"
        )

    __repr__ = __str__


class Failcond:
    """Measurements and verdicts for tests; each key is measured once, by whoever asks first."""

    def __init__(self, state: State, laboratory: Laboratory) -> None:
        self._state = state
        self._settings = state.settings
        self._laboratory = laboratory
        self._store = Store(state.store)
        self._store.get("session", self._describe)

    def __repr__(self) -> str:
        return "failcond"  # as Hypothesis prints it among a failing test's arguments

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names by index; the indices themselves where nobody named them."""
        laboratory = self._laboratory
        if self._state.classes is not None:
            return self._state.classes
        if laboratory.generator is not None:
            return laboratory.generator.classes
        if laboratory.classifier.classes is None and laboratory.images is not None:
            self._measure("clean")  # the width of the classifier's output is the number of classes
            return tuple(map(str, range(len(self._clean.per_class))))
        return tuple(map(str, range(laboratory.classifier.classes or 0)))

    def measure(self, key: str) -> Any:
        """Return the measurement of a key: a `Measurement`, `ClassRanking` or `Direction`.

        What cannot be measured fails the test with one sentence.
        """
        try:
            return self._measure(key)
        except FailcondError as error:
            fail(str(error))

    def check(self, key: str) -> list[Check]:
        """Apply every gate that is about this key; fails the test where one is not held.

        The key is measured even if no gate is about it: what nobody gated is measured and shown.
        """
        self._tell(KEY, key)
        try:
            gates = gates_for(key, self._settings, self.classes)
            self._measure(key)
        except FailcondError as error:
            self._give_up(key, error)
        return self._settle([self._check(gate, key) for gate in gates])

    def check_gate(self, gate_id: str) -> list[Check]:
        """Apply a gate over several keys, measuring all that it needs."""
        gate = self._settings.gate(gate_id)
        keys = keys_over_cells(gate, self._settings)
        return self._settle([self._check(gate, key) for key in keys])

    def check_regression(self, key: str) -> list[Check]:
        """Apply the ``regression_drop`` gates to a key, against the baseline."""
        self._tell(KEY, key)
        gates = [g for g in self._settings.gates if g.metric == "regression_drop"]
        return self._settle([self._check(gate, key) for gate in gates])

    def direction_key(self, class_index: int, rank: int) -> str:
        """Return the key of a class's direction of a rank, from 1; ranks the class if need be."""
        ranking: ClassRanking = self.measure(str(RankingKey(class_index)))
        if rank > len(ranking.directions):
            error = FailcondError(
                f"class {self.classes[class_index]!r} has no direction {rank}: the judge follows only "
                f"{len(ranking.directions)} of the {10 * self._settings.corner_cases.top} "
                "highest-ranked for 1 σ or more; lower corner_cases.top, or train the generator "
                "or the judge further"
            )
            self._give_up(ranking.key, error, f"corner_case:{class_index}:{rank}")
        return ranking.directions[rank - 1]

    def image(self, case: Case) -> CaseImage:
        """Return the image that a Hypothesis case stands for, and what is seen in it."""
        direction: Direction = self.measure(self.direction_key(case.class_index, case.rank))
        starts = self._starts(case.class_index)
        row, shift = case.seed % len(starts), case.steps * STEP
        key = parse_key(direction.key)
        assert isinstance(key, DirectionKey)
        generator = self._laboratory.generator
        assert generator is not None
        image = shifted_images(generator, starts, key, np.array([row]), np.array([shift]))
        p = self._laboratory.classifier.probabilities(image, batch=BATCH)[0]
        judge = self._laboratory.judge
        return CaseImage(
            image=image[0].numpy(),
            class_name=self.classes[case.class_index],
            label=case.class_index,
            direction=direction,
            shift=shift,
            sample=int(starts.samples[row]),
            p=float(p[case.class_index]),
            predicted=int(p.argmax()),
            judged=None
            if judge is None
            else int(judge.probabilities(image, batch=BATCH)[0].argmax()),
        )

    @lru_cache(maxsize=128)  # noqa: B019 - one object per session
    def _starts(self, class_index: int) -> Starts:
        laboratory, settings = self._laboratory, self._settings
        assert laboratory.generator is not None
        return start_images(
            laboratory.generator,
            laboratory.judge,
            class_index,
            settings.corner_cases.samples,
            seed=settings.seed,
        )

    @property
    def _clean(self) -> Measurement:
        measured = self._measure("clean")
        assert isinstance(measured, Measurement)
        return measured

    def _measure(self, key: str) -> AnyMeasurement:
        parsed, laboratory, get = parse_key(key), self._laboratory, self._store.get
        if isinstance(parsed, RankingKey):
            return ClassRanking.from_json(get(key, lambda: self._find(parsed)))
        if isinstance(parsed, DirectionKey):
            self._measure(str(RankingKey(parsed.class_index)))  # writes the directions it ranks
            save = self._save_strip
            record = get(key, lambda: laboratory.measure_direction(parsed, save).to_json())
            return Direction.from_json(record)
        if isinstance(parsed, CleanKey):
            record = get(key, lambda: laboratory.measure_clean().to_json())
        else:
            record = get(key, lambda: self._measure_cell(parsed))
        return Measurement.from_json(record, laboratory.test_images.labels)

    def _measure_cell(self, key: CorruptionKey) -> dict[str, Any]:
        return self._laboratory.measure_corruption(key.corruption, key.severity).to_json()

    def _find(self, key: RankingKey) -> dict[str, Any]:
        ranking, directions = self._laboratory.find(key, self._save_strip)
        for direction in directions:
            self._store.put(direction.key, direction.to_json())
        return ranking.to_json()

    def _save_strip(self, key: str, frames: npt.NDArray[np.uint8]) -> str:
        return self._store.save_picture(key, png(np.concatenate(list(frames), axis=1)))

    def _check(self, gate: GateSettings, key: str) -> Check:
        try:
            baseline = None if self._baseline is None else self._from_baseline
            done = check(
                gate,
                key,
                self._measure,
                self._settings,
                self.classes,
                baseline=baseline,
                reference=self._from_reference,
            )
        except FailcondError as error:
            done = unmeasured(gate, key, str(error))
        self._store.put(f"check:{gate.id}:{key}", vars(done))
        return done

    @cached_property
    def _baseline(self) -> Run | None:
        return None if self._state.baseline is None else self._comparable(self._state.baseline)

    @cached_property
    def _reference(self) -> Run:
        grid = self._settings.corruptions
        assert grid is not None
        assert grid.reference is not None
        return self._comparable(self._settings.path(grid.reference))

    def _comparable(self, path: Path) -> Run:
        """Read another run, of the same images under the same corruptions."""
        other = Run.load(path)
        ours = self._store.get("session", self._describe)["subjects"]
        for what in ("images", "max_images", "seed", "corruptions"):
            if other.subjects.get(what) != ours[what]:
                raise FailcondError(
                    f"{path}: was made with other {what}; compare runs on the same images under the "
                    "same corruptions, or make a new one"
                )
        return other

    def _from_baseline(self, key: str) -> Measurement:
        assert self._baseline is not None
        assert self._state.baseline is not None
        return self._of_other(self._baseline, self._state.baseline, key)

    def _from_reference(self, key: str) -> Measurement:
        grid = self._settings.corruptions
        assert grid is not None
        return self._of_other(self._reference, Path(grid.reference or ""), key)

    def _of_other(self, other: Run, path: Path, key: str) -> Measurement:
        if key not in other.measurements:
            raise FailcondError(f"{path}: has no {key}; make a new one")
        then = other.measurements[key]
        now = self._measure(key)
        if isinstance(now, Measurement) and now.pixels != then.pixels:
            raise FailcondError(
                f"{key}: the images changed since {path}, not only the model; make a new one"
            )
        return then

    def _settle(self, checks: Sequence[Check]) -> list[Check]:
        """Turn verdicts into the outcome of the running test."""
        binding = [c for c in checks if c.level == "fail" and c.waived is None]
        failing = {"failed", "error"}
        if self._state.strict:
            failing |= {"marginal", "not_evaluated"}
        failed = [c for c in binding if c.verdict in failing]
        if failed:
            self._tell(VERDICT, "failed")
            fail("\n".join(map(describe, failed)))
        idle = [c for c in binding if c.verdict == "not_evaluated"]
        if idle:
            self._tell(VERDICT, "not_evaluated")
            pytest.skip(idle[0].reason)
        waived = [c for c in checks if c.level == "fail" and c.waived is not None]
        if waived:
            self._tell(VERDICT, "waived")
            pytest.xfail("; ".join(f"{describe(c)}: {c.waived}" for c in waived))
        marginal = any(c.verdict == "marginal" for c in binding)
        self._tell(VERDICT, "marginal" if marginal else "passed")
        return list(checks)

    def _give_up(self, key: str, error: FailcondError, label: str | None = None) -> NoReturn:
        """Record that a planned key could not be measured, for each gate about it, and fail."""
        name = label or key
        for gate in gates_for(key, self._settings, self.classes):
            self._store.put(f"check:{gate.id}:{name}", vars(unmeasured(gate, name, str(error))))
        if self._store.find(name) is None:
            self._store.put(f"missing:{name}", {"error": str(error)})
        self._tell(VERDICT, "error")
        fail(f"{name}: {error}")

    def _tell(self, name: str, value: str) -> None:
        """Note on the running test what reports and JUnit files shall show."""
        if self._state.item is not None:
            self._state.item.user_properties.append((name, value))

    def _describe(self) -> dict[str, Any]:
        """Return what the run says of its subjects and its surroundings."""
        import torch

        laboratory, settings = self._laboratory, self._settings
        images, grid = laboratory.images, settings.corruptions
        return {
            "subjects": {
                "classifier": laboratory.classifier.hash,
                "judge": None if laboratory.judge is None else laboratory.judge.hash,
                "generator": None if laboratory.generator is None else laboratory.generator.hash,
                "images": None if images is None else images.hash,
                "max_images": settings.max_images,
                "seed": settings.seed,
                "corruptions": None
                if grid is None
                else specification(grid.constants, grid.backend),
            },
            "environment": {
                "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "python": platform.python_version(),
                "platform": f"{sys.platform} {platform.machine()}",
                "device": settings.device,
                "threads": torch.get_num_threads(),
                "cores": os.cpu_count(),
                "packages": {name: _version(name) for name in _PACKAGES},
            },
            "labels": pack(
                np.zeros(0, dtype=np.int64) if images is None else laboratory.test_images.labels
            ),
        }


def describe(check: Check) -> str:
    """Say in one line what a check found, for the test's failure message."""
    bound = "" if check.bound is None else f"bound {check.bound:.4f}, "
    rest = f" ({bound}n = {check.n})" if check.n else ""
    return f"{check.verdict} gate {check.gate!r} on {check.key}: {check.reason}{rest}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
