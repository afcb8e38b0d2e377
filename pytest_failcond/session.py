"""The ``failcond`` fixture: asks for measurements, applies gates, and settles the test's outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest

from pytest_failcond.compare import Other
from pytest_failcond.environment import describe_environment
from pytest_failcond.errors import FailcondError
from pytest_failcond.failures.corner_cases import shifted_images
from pytest_failcond.failures.starts import Starts, start_images
from pytest_failcond.failures.walking import STEP
from pytest_failcond.gates import Check
from pytest_failcond.keys import CleanKey, CorruptionKey, DirectionKey, RankingKey, parse_key
from pytest_failcond.measure import Laboratory, SavePicture
from pytest_failcond.measurements import (
    AnyMeasurement,
    ClassRanking,
    Direction,
    Examples,
    Measurement,
    pack,
    unpack,
)
from pytest_failcond.progress.notes import Progress
from pytest_failcond.state import fail
from pytest_failcond.store import Store
from pytest_failcond.stylegan2.generator import BATCH
from pytest_failcond.stylegan2.session import png
from pytest_failcond.verdicts import Verdicts

if TYPE_CHECKING:
    from pytest_failcond.state import State
    from pytest_failcond.strategies import Case

VERDICT = "failcond_verdict"
KEY = "failcond_key"


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
    """Measurements and verdicts for tests; each key is measured once, by whoever asks first.

    Without a laboratory it only reads what another session measured (``--failcond-from``).
    """

    def __init__(self, state: State, laboratory: Laboratory | None) -> None:
        self._state = state
        self._settings = state.settings
        self._given_laboratory = laboratory
        self._store = Store(state.store)
        self._progress = Progress(state.store)
        if laboratory is not None:
            laboratory.classifier.seen = self._progress.seen
        self._session = self._store.get("session", self._describe)

    def __repr__(self) -> str:
        return "failcond"  # as Hypothesis prints it among a failing test's arguments

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names by index; the indices themselves where nobody named them."""
        if self._state.classes is not None:
            return self._state.classes
        laboratory = self._given_laboratory
        if laboratory is not None and laboratory.generator is not None:
            return laboratory.generator.classes
        if laboratory is not None and laboratory.classifier.classes is not None:
            return tuple(map(str, range(laboratory.classifier.classes)))
        if laboratory is not None and laboratory.images is None:
            return ()
        # The width of the classifier's output is the number of classes.
        return tuple(map(str, range(len(self._clean.per_class))))

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
        self._ask(key)
        try:
            self._measure(key)
            checks = [] if self._state.part else self._verdicts.of_key(key)
        except FailcondError as error:
            self._give_up(key, error)
        return self._settle(checks)

    def check_gate(self, gate_id: str) -> list[Check]:
        """Apply a gate over several keys, measuring all that it needs."""
        self._ask(f"gate:{gate_id}")
        return self._settle(self._verdicts.of_gate(gate_id))

    def check_regression(self, key: str) -> list[Check]:
        """Compare a key with the baseline, and apply the gates that do."""
        self._tell(KEY, key)
        self._ask(f"regression:{key}")
        try:
            self._measure(key)
            if self._baseline is not None:
                self._store.get(f"compared:{key}", lambda: self._compared(key))
            checks = self._verdicts.of_regression(key)
        except FailcondError as error:
            self._give_up(key, error)
        return self._settle(checks)

    def direction_key(self, class_index: int, rank: int) -> str:
        """Return the key of a class's direction of a rank, from 1; ranks the class if need be."""
        planned = f"corner_case:{class_index}:{rank}"
        try:
            return self._verdicts.direction_key(class_index, rank)
        except FailcondError as error:
            self._ask(planned)
            self._give_up(planned, error)

    def image(self, case: Case) -> CaseImage:
        """Return the image that a Hypothesis case stands for, and what is seen in it."""
        direction: Direction = self.measure(self.direction_key(case.class_index, case.rank))
        try:
            laboratory = self._laboratory
        except FailcondError as error:
            fail(str(error))
        starts = self._starts(case.class_index)
        row, shift = case.seed % len(starts), case.steps * STEP
        key = parse_key(direction.key)
        assert isinstance(key, DirectionKey)
        assert laboratory.generator is not None
        image = shifted_images(
            laboratory.generator, starts, key, np.array([row]), np.array([shift])
        )
        p = laboratory.classifier.probabilities(image, batch=BATCH)[0]
        judge = laboratory.judge
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
    def _laboratory(self) -> Laboratory:
        if self._given_laboratory is None:
            raise FailcondError(
                f"{self._state.measured}: this was not measured there, and with --failcond-from "
                "nothing is measured; leave that option out"
            )
        return self._given_laboratory

    @property
    def _clean(self) -> Measurement:
        measured = self._measure("clean")
        assert isinstance(measured, Measurement)
        return measured

    @cached_property
    def _labels(self) -> npt.NDArray[np.int64]:
        return unpack(self._session["labels"])

    @cached_property
    def _verdicts(self) -> Verdicts:
        grid, reference = self._settings.corruptions, None
        if grid is not None and grid.reference is not None:
            reference = self._other(self._settings.path(grid.reference))
        return Verdicts.against(
            self._settings, self.classes, self._measure, self._baseline, reference
        )

    @cached_property
    def _baseline(self) -> Other | None:
        return None if self._state.baseline is None else self._other(self._state.baseline)

    def _other(self, path: Path) -> Other:
        return Other(path, self._session["subjects"], self._measure)

    def _measure(self, key: str) -> AnyMeasurement:
        parsed, get = parse_key(key), self._get
        if isinstance(parsed, RankingKey):
            return ClassRanking.from_json(get(key, lambda: self._find(parsed)))
        if isinstance(parsed, DirectionKey):
            self._measure(str(RankingKey(parsed.class_index)))  # writes the directions it ranks
            return Direction.from_json(get(key, lambda: self._walk(parsed)))
        if isinstance(parsed, CleanKey):
            record = get(key, lambda: self._laboratory.measure_clean().to_json())
        else:
            record = get(key, lambda: self._measure_cell(parsed))
        return Measurement.from_json(record, self._labels)

    def _get(self, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a key's record; while it is computed, progress is noted."""

        def noted() -> dict[str, Any]:
            cell = isinstance(parse_key(key), CleanKey | CorruptionKey)
            total = len(self._laboratory.test_images) if cell else None
            with self._progress.measuring(key, total):
                return compute()

        return self._store.get(key, noted)

    def _measure_cell(self, key: CorruptionKey) -> dict[str, Any]:
        return self._laboratory.measure_corruption(
            key.corruption, key.severity, clean=self._clean, save=self._save_example
        ).to_json()

    def _walk(self, key: DirectionKey) -> dict[str, Any]:
        return self._laboratory.measure_direction(key, self._save).to_json()

    def _find(self, key: RankingKey) -> dict[str, Any]:
        ranking, directions = self._laboratory.find(key, self._save)
        for direction in directions:
            self._store.put(direction.key, direction.to_json())
        return ranking.to_json()

    def _save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        return self._store.save_picture(name, png(picture))

    @property
    def _save_example(self) -> SavePicture | None:
        """Keeps pictures of the user's images; None where none are wanted."""
        return self._save if self._state.pictures else None

    def _compared(self, key: str) -> dict[str, Any]:
        """Picture what was lost and what was gained since the baseline."""
        laboratory, save = self._given_laboratory, self._save_example
        found: dict[str, Examples | None] = {"lost": None, "gained": None}
        if not isinstance(parse_key(key), DirectionKey):
            assert self._baseline is not None
            then, now = self._baseline.measure(key), self._measure(key)
            assert isinstance(now, Measurement)
            if laboratory is not None and save is not None:
                for name in found:
                    found[name] = laboratory.picture_some(
                        f"{name}:{key}", then, now, name == "lost", save
                    )
        return {name: None if one is None else vars(one) for name, one in found.items()}

    def _ask(self, planned: str) -> None:
        """Note what a test checks, so that the run has its verdicts, planned or not."""
        if self._store.find(f"asked:{planned}") is None:
            self._store.put(f"asked:{planned}", {"asked": planned})

    def _settle(self, checks: Sequence[Check]) -> list[Check]:
        """Turn verdicts into the outcome of the running test."""
        binding = [c for c in checks if c.level == "fail" and c.waived is None]
        failing = {"failed", "error"}
        if self._state.strict:
            failing |= {"marginal", "not_evaluated"}
        failed = [c for c in binding if c.verdict in failing]
        if failed:
            self._tell(VERDICT, "failed")
            fail("\n".join(describe(c, self.classes) for c in failed))
        idle = [c for c in binding if c.verdict == "not_evaluated"]
        if idle:
            self._tell(VERDICT, "not_evaluated")
            pytest.skip(idle[0].reason)
        waived = [c for c in checks if c.level == "fail" and c.waived is not None]
        if waived:
            self._tell(VERDICT, "waived")
            pytest.xfail("; ".join(f"{describe(c, self.classes)}: {c.waived}" for c in waived))
        marginal = any(c.verdict == "marginal" for c in binding)
        self._tell(VERDICT, "marginal" if marginal else "passed")
        return list(checks)

    def _give_up(self, key: str, error: FailcondError) -> NoReturn:
        """Record that a planned key could not be measured, and fail."""
        if self._store.find(key) is None:
            self._store.put(f"missing:{key}", {"error": str(error)})
        self._tell(VERDICT, "error")
        fail(f"{key}: {error}")

    def _tell(self, name: str, value: str) -> None:
        """Note on the running test what reports and JUnit files shall show."""
        if self._state.item is not None:
            self._state.item.user_properties.append((name, value))

    def _describe(self) -> dict[str, Any]:
        """Return what the run says of its subjects and its surroundings."""
        laboratory, settings = self._laboratory, self._settings
        labels = np.zeros(0, dtype=np.int64)
        subset = laboratory.images is not None and settings.max_images is not None
        return {
            "subjects": laboratory.subjects,
            "environment": describe_environment(settings),
            "labels": pack(labels if laboratory.images is None else laboratory.test_images.labels),
            "kept": pack(laboratory.indices, "<u4") if subset else None,
        }


def describe(check: Check, classes: Sequence[str]) -> str:
    """Say in one line what a check found, for the test's failure message."""
    of = "" if check.class_index is None else f", class {classes[check.class_index]!r}"
    bound = "" if check.bound is None else f"bound {check.bound:.4f}, "
    rest = f" ({bound}n = {check.n})" if check.n else ""
    return f"{check.verdict} gate {check.gate!r} on {check.key}{of}: {check.reason}{rest}"
