"""The ``failcond`` fixture: asks for measurements, applies gates, and settles the test's outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.measuring.measuring import Measuring
from pytest_failcond.plugin import properties
from pytest_failcond.plugin.state import fail, from_suite
from pytest_failcond.plugin.subject_fixtures import Sharing
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.corpus.folder import promotion
from pytest_failcond.probes.corpus.record import Replay
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.keys import (
    CleanKey,
    CornerCaseKey,
    CorpusKey,
    DirectionKey,
    EntryKey,
    Key,
    RankingKey,
)
from pytest_failcond.probes.metric import STEP
from pytest_failcond.probes.registry import PROBES, parse_key
from pytest_failcond.probes.regression import planned as regression_test
from pytest_failcond.process.exchange import described
from pytest_failcond.report.need import and_more, few_classes
from pytest_failcond.runs.other import Other
from pytest_failcond.storage.store import ASKED, MISSING, Store
from pytest_failcond.verdicts.checked import Checked
from pytest_failcond.verdicts.gates import Check, held_against
from pytest_failcond.verdicts.metrics import Measure
from pytest_failcond.verdicts.verdicts import Verdicts
from pytest_failcond.words.printing import one_line, printable, say

if TYPE_CHECKING:
    from pytest_failcond.plugin.state import State
    from pytest_failcond.probes.direction.starts import Starts
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
        accepted: whether it still shows its class; True without a judge.
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
    accepted: bool

    @property
    def valid(self) -> bool:
        """Whether it is accepted."""
        return self.accepted

    @property
    def broken(self) -> bool:
        """Whether the classifier is wrong, and the image is accepted."""
        return self.predicted != self.label and self.accepted

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
        self._store = Store(state.store, rerun=state.rerun)
        self._sharing = Sharing(state, laboratory)
        self._measuring = Measuring(
            state.settings, self._store, laboratory, pictures=state.pictures
        )

    def __repr__(self) -> str:
        return "failcond"  # as Hypothesis prints it among a failing test's arguments

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names by index; the indices themselves where nobody named them."""
        if self._state.classes is not None:
            return self._state.classes
        laboratory = self._measuring.given
        if laboratory is not None and laboratory.class_names is not None:
            return laboratory.class_names
        if laboratory is not None and laboratory.classifier.classes is not None:
            return tuple(map(str, range(laboratory.classifier.classes)))
        if laboratory is not None and laboratory.images is None:
            return ()
        # The width of the classifier's output is the number of classes.
        return tuple(map(str, range(len(self._measuring.measure(CleanKey()).per_class))))

    def measure(self, key: str) -> Any:
        """Return the measurement of a key: a `Measurement`, `ClassRanking`, `Direction` or `Replay`.

        What cannot be measured fails the test with one sentence.
        """
        self._sharing.see()
        try:
            return self._measuring.measure(parse_key(key))
        except FailcondError as error:
            fail(str(error))

    def check(self, key: str) -> list[Check]:
        """Apply every gate that is about this key; fails the test where one is not held.

        The key is measured even if no gate is about it: what nobody gated is measured and shown.
        """
        parsed = self._parsed(key)
        self._tell(KEY, parsed)
        with self._trying(parsed):
            self._ask(parsed)
            self._name(self._measuring.measure(parsed))
            checks = self._checks(Planned.of_key(parsed))
        return self._settle(checks)

    def check_gate(self, gate_id: str) -> list[Check]:
        """Apply a gate over several keys, measuring all that it needs."""
        ids = [gate.id for gate in self._settings.gates]
        if gate_id not in ids:
            fail(f"there is no gate {gate_id!r}{nearest(str(gate_id), ids)}")
        try:
            planned = PROBES.gate_test(self._settings.gate(gate_id), self._settings)
        except FailcondError as error:
            fail(str(error))
        with self._trying(planned.name):
            self._ask(planned.name)
            checks = self._checks(planned)
        return self._settle(checks)

    def check_regression(self, key: str) -> list[Check]:
        """Compare a key with the baseline, and apply the gates that do."""
        parsed = self._parsed(key)
        planned = regression_test(parsed)
        self._tell(KEY, parsed)
        with self._trying(parsed):
            self._ask(planned.name)
            self._name(self._measuring.measure(parsed))
            if self._baseline is not None:
                self._measuring.compared(parsed, self._baseline)
            checks = self._checks(planned)
        return self._settle(checks)

    def check_corpus(self, entry_id: str) -> None:
        """Hold an image of the corpus against its status.

        A fixed one that is wrong fails the test; an open one that is wrong is expected to; an open one
        that is right passes, and the command that promotes it is printed.
        """
        if entry_id not in self._state.corpus:
            fail(
                f"there is no image {entry_id!r} in the corpus{nearest(str(entry_id), self._state.corpus)}"
            )
        key, together = EntryKey(entry_id), CorpusKey()
        self._tell(KEY, key)
        with self._trying(together):
            self._ask(key)
            replay = self._measuring.measure(together)
        assert isinstance(replay, Replay)
        entry = next(entry for entry in replay.entries if entry.id == entry_id)
        if self._state.part:
            return
        said = entry.told(self.classes)
        if entry.lost:
            self._tell(VERDICT, "failed")
            fail(f"{key}: is marked as fixed, but {said}", faults=())
        if not entry.right:
            self._tell(VERDICT, "open")
            pytest.xfail(one_line(said))
        self._tell(VERDICT, "passed")
        if entry.mended:
            say(f"{said}; promote it: {promotion([entry_id])}")

    def direction_key(self, class_index: int, rank: int) -> DirectionKey:
        """Return the key of a class's direction of a rank, from 1; ranks the class if need be."""
        key = CornerCaseKey(class_index, rank)
        with self._trying(key, measured=RankingKey(class_index)):
            try:
                return self._verdicts.direction_key(class_index, rank)
            except FailcondError:
                with suppress(FailcondError):
                    self._ask(key)
                raise

    def image(self, case: Case) -> CaseImage:
        """Return the image that a Hypothesis case stands for, and what is seen in it."""
        from pytest_failcond.generators.base import BATCH
        from pytest_failcond.probes.direction.corner_cases import shifted_images

        self._check_case(case)
        direction: Direction = self.measure(self.direction_key(case.class_index, case.rank))
        try:
            laboratory = self._measuring.laboratory
        except FailcondError as error:
            fail(str(error))
        starts = self._starts(case.class_index)
        row, shift = case.seed % len(starts), case.steps * STEP
        assert laboratory.generator is not None
        image = shifted_images(
            laboratory.generator, starts, direction.key, np.array([row]), np.array([shift])
        )
        p = laboratory.classifier.probabilities(image, batch=BATCH)[0]
        judgement = laboratory.acceptance.see(image, batch=BATCH)
        return CaseImage(
            image=image[0].numpy(),
            class_name=self.classes[case.class_index],
            label=case.class_index,
            direction=direction,
            shift=shift,
            sample=int(starts.samples[row]),
            p=float(p[case.class_index]),
            predicted=int(p.argmax()),
            judged=None if judgement.labels is None else int(judgement.labels[0]),
            accepted=bool(judgement.accepted(case.class_index)[0]),
        )

    def _check_case(self, case: Case) -> None:
        """Fail the test unless a case names an image that there is."""
        top = self._settings.corner_cases.top
        ends = {"class_index": (0, len(self.classes) - 1), "rank": (1, top), "steps": (0, None),
                "seed": (0, None)}  # fmt: skip
        for name, (low, high) in ends.items():
            value = getattr(case, name, None)
            if not isinstance(value, int | np.integer):
                fail(
                    "failcond.image: expected a Case of pytest_failcond.strategies, got "
                    f"{described(case)} with {name} = {described(value)}"
                )
            if value < low or (high is not None and value > high):
                until = "" if high is None else f" to {high}"
                fail(f"failcond.image: {name} = {value} is outside {low}{until}")

    @lru_cache(maxsize=128)  # noqa: B019 - one object per session
    def _starts(self, class_index: int) -> Starts:
        from pytest_failcond.probes.direction.starts import start_images

        laboratory, settings = self._measuring.laboratory, self._settings
        assert laboratory.generator is not None
        return start_images(
            laboratory.generator,
            laboratory.acceptance,
            class_index,
            settings.corner_cases.samples,
            seed=settings.seed,
        )

    @cached_property
    def _verdicts(self) -> Verdicts:
        path = self._settings.reference_path
        reference = None if path is None else self._other(path)
        return Verdicts.against(
            self._settings,
            self.classes,
            self._measuring.measure,
            self._baseline,
            reference,
            Checked(self._store, wait=True),
        )

    @cached_property
    def _baseline(self) -> Measure | None:
        path = self._state.baseline
        return None if path is None else self._other(path)

    def _other(self, path: Path) -> Measure:
        """Return who gives the measurements of another run."""
        return Other(path, self._measuring.session["subjects"], self._measuring.measure).measure

    def _checks(self, planned: Planned) -> list[Check]:
        """Return the checks of a planned test; none in a part of a divided session, which judges nothing."""
        return [] if self._state.part else self._verdicts.of_planned(planned)

    def _parsed(self, key: str) -> Key:
        """Make a key of its text; fail before anything is noted that reports would have to read."""
        try:
            return parse_key(key)
        except FailcondError as error:
            fail(str(error))

    def _ask(self, planned: str) -> None:
        """Note what a test of the user's own checks: the run has its verdicts, though nobody planned it."""
        if not from_suite(self._state.item) and self._store.find(f"{ASKED}{planned}") is None:
            self._store.put(f"{ASKED}{planned}", {"asked": planned})

    def _settle(self, checks: Sequence[Check]) -> list[Check]:
        """Turn verdicts into the outcome of the running test."""
        for name, value in properties.of_checks(checks, self.classes):
            self._tell(name, value)
        binding = [c for c in checks if c.level == "fail" and c.waived is None]
        failing = {"failed", "error"}
        if self._state.strict:
            failing |= {"marginal", "not_evaluated"}
        failed = [c for c in binding if c.verdict in failing]
        if failed:
            self._tell(VERDICT, "failed")
            faults = [c.reason for c in failed if c.verdict == "error"]
            fail("\n".join(self._said(failed)), faults, self._brief(failed))
        idle = [c for c in binding if c.verdict == "not_evaluated"]
        if idle:
            self._tell(VERDICT, "not_evaluated")
            pytest.skip(one_line(idle[0].reason))
        waived = [c for c in checks if c.level == "fail" and c.waived is not None]
        if waived:
            self._tell(VERDICT, "waived")
            pytest.xfail(one_line("; ".join(self._said(waived))))
        marginal = any(c.verdict == "marginal" for c in binding)
        self._tell(VERDICT, "marginal" if marginal else "passed")
        return list(checks)

    def _said(self, checks: Sequence[Check]) -> list[str]:
        """Say what checks found, a line each; of a gate by class, of the worst classes alone."""
        shown, more = few_classes(checks)
        lines = [
            describe(c, self.classes) + ("" if c.waived is None else f": {c.waived}") for c in shown
        ]
        return [*lines, and_more(more)] if more else lines

    def _brief(self, checks: Sequence[Check]) -> str:
        """Return value and threshold of the worst check, and what of several keys it is about."""
        shown = [check for check in few_classes(checks)[0] if check.value is not None]
        if not shown:
            return ""
        worst, several = shown[0], len({check.key for check in checks}) > 1
        of = "" if worst.class_index is None else f" class {self.classes[worst.class_index]}"
        return f"{held_against(worst)}{f' {worst.key}' if several else ''}{of}"

    @contextmanager
    def _trying(self, key: str, *, measured: str | None = None) -> Iterator[None]:
        """Fail where a planned key cannot be measured, and record it; what failed before may succeed.

        ``measured`` is the key that is, or is on record as an error, where it is not the same.
        """
        self._sharing.see()
        missing = f"{MISSING}{key}"
        try:
            yield
        except FailcondError as error:
            record = self._store.find(measured or key)
            if record is None or (measured is not None and "error" not in record):
                with suppress(FailcondError):  # the disk may be full: the test fails all the same
                    self._store.put(missing, {"error": str(error)})
            self._tell(VERDICT, "error")
            fail(f"{key}: {error}", [str(error)])
        self._store.drop(missing)

    def _name(self, measured: Any) -> None:
        """Note on the running test which class and direction it is about."""
        if isinstance(measured, Direction):
            for name, value in properties.of_direction(measured, self.classes):
                self._tell(name, value)

    def _tell(self, name: str, value: str | float) -> None:
        """Note on the running test what reports and JUnit files shall show."""
        if self._state.item is not None:
            # What hangs on a report is of a built-in type: workers send it.
            shown = printable(str(value)) if isinstance(value, str) else value
            self._state.item.user_properties.append((name, shown))


def describe(check: Check, classes: Sequence[str]) -> str:
    """Say in one line what a check found, for the test's failure message."""
    of = "" if check.class_index is None else f", class {classes[check.class_index]!r}"
    bound = "" if check.bound is None else f"bound {check.bound:.4f}, "
    rest = f" ({bound}n = {check.n})" if check.n else ""
    return printable(
        f"{check.verdict} gate {check.gate!r} on {check.key}{of}: {check.reason}{rest}"
    )
