"""The ``failcond`` fixture: gets measurements, applies gates, and sets the test's outcome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pytest

from pytest_failcond.errors import FailcondError, NotEvaluated, nearest
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.measuring.measuring import Measuring
from pytest_failcond.plugin.case_images import CaseImage, CombinedImage, CorruptedImage, SeenImage
from pytest_failcond.plugin.cases import Cases
from pytest_failcond.plugin.settling import VERDICT, settle
from pytest_failcond.plugin.state import fail, from_suite
from pytest_failcond.plugin.subject_fixtures import Sharing
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.cases import Case, Combination, Corrupted
from pytest_failcond.probes.corpus.folder import promotion, shown_again
from pytest_failcond.probes.corpus.record import Replay
from pytest_failcond.probes.keys import (
    CleanKey,
    CornerCaseKey,
    CorpusKey,
    DirectionKey,
    EntryKey,
    Key,
    RankingKey,
)
from pytest_failcond.probes.registry import PROBES, parse_key
from pytest_failcond.report.asking import properties_of
from pytest_failcond.runs.other import Other
from pytest_failcond.storage.store import ASKED, MISSING, Store
from pytest_failcond.verdicts.checked import Checked
from pytest_failcond.verdicts.gates import Check
from pytest_failcond.verdicts.metrics import Measure
from pytest_failcond.verdicts.verdicts import Verdicts
from pytest_failcond.words.printing import one_line, printable, say

if TYPE_CHECKING:
    from pytest_failcond.plugin.state import State

KEY = "failcond_key"


class Failcond:
    """Measurements and verdicts for tests; each key is measured once, by the first test that needs
    it.

    Without a laboratory it only reads the measurements of another session (``--failcond-from``).
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
        return "failcond"  # Hypothesis prints it among a failing test's arguments

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Class names by index; the indices themselves if the classes have no names."""
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

        If the key cannot be measured, the test fails with one sentence; if it was withheld, the test
        is skipped, or fails under ``--failcond-strict``.
        """
        self._sharing.see()
        try:
            return self._measuring.measure(parse_key(key))
        except NotEvaluated as reason:
            fail(str(reason)) if self._state.strict else pytest.skip(one_line(str(reason)))
        except FailcondError as error:
            fail(str(error))

    def check(self, key: str) -> list[Check]:
        """Apply every gate on this key; the test fails if one does not hold.

        A key without a gate is measured and shown too.
        """
        parsed = self._parsed(key)
        self._tell(KEY, parsed)
        with self._trying(parsed):
            self._ask(parsed)
            self._name(parsed)
            checks = self._checks(Planned.of_key(parsed))
        return settle(checks, self.classes, self._state.strict, self._tell)

    def check_gate(self, gate_id: str) -> list[Check]:
        """Apply a gate over several keys; measure all keys that it needs."""
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
        return settle(checks, self.classes, self._state.strict, self._tell)

    def check_regression(self, key: str) -> list[Check]:
        """Compare a key with the baseline, and apply the gates on regressions."""
        parsed = self._parsed(key)
        planned = PROBES.regression(parsed)
        self._tell(KEY, parsed)
        with self._trying(parsed):
            self._ask(planned.name)
            self._name(parsed)
            if self._baseline is not None:
                self._measuring.compared(parsed, self._baseline)
            checks = self._checks(planned)
        return settle(checks, self.classes, self._state.strict, self._tell)

    def check_corpus(self, entry_id: str) -> None:
        """Check an image of the corpus against its status.

        A wrong fixed image fails the test; a wrong open image fails as expected (xfail); a right
        open image passes, and the command that promotes it is printed.
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
            again = shown_again(key, self._settings.given)
            fail(f"{key}: is marked as fixed, but {said}; see it: {again}", faults=(), brief=said)
        if not entry.right:
            self._tell(VERDICT, "open")
            pytest.xfail(one_line(said))
        self._tell(VERDICT, "passed")
        if entry.mended:
            say(f"{said}; promote it: {promotion([entry_id], self._settings.given)}")

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

    @overload
    def image(self, case: Case) -> CaseImage: ...
    @overload
    def image(self, case: Combination) -> CombinedImage: ...
    @overload
    def image(self, case: Corrupted) -> CorruptedImage: ...
    def image(self, case: Any) -> SeenImage:
        """Return the image of a Hypothesis case, and the models' answers."""
        try:
            cases = self._cases
        except FailcondError as error:
            fail(str(error))
        try:
            return cases.image(case)
        except FailcondError as error:
            fail(f"failcond.image: {error}")

    @cached_property
    def _cases(self) -> Cases:
        return Cases(self._measuring.laboratory, self.classes, self.measure, self.direction_key)

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
        """Return the function that gives the measurements of another run."""
        return Other(path, self._measuring.session["subjects"], self._measuring.measure).measure

    def _checks(self, planned: Planned) -> list[Check]:
        """Return the checks of a planned test; none in a part of a divided session, which judges
        nothing.
        """
        return [] if self._state.part else self._verdicts.of_planned(planned)

    def _parsed(self, key: str) -> Key:
        """Make a key from its text; a wrong text fails before it is noted."""
        try:
            return parse_key(key)
        except FailcondError as error:
            fail(str(error))

    def _ask(self, planned: str) -> None:
        """Note the gates that one of the user's own tests checks: the run has their verdicts,
        though the plan has not.
        """
        if not from_suite(self._state.item) and self._store.find(f"{ASKED}{planned}") is None:
            self._store.put(f"{ASKED}{planned}", {"asked": planned})

    @contextmanager
    def _trying(self, key: str, *, measured: str | None = None) -> Iterator[None]:
        """Fail if a planned key cannot be measured, and record it; a rerun may succeed.

        If it was withheld, its checks are not evaluated: the test is skipped, or fails under
        ``--failcond-strict`` if a gate is on it. ``measured`` is the key that is measured or recorded as an error, if it differs.
        """
        self._sharing.see()
        missing = f"{MISSING}{key}"
        try:
            yield
        except NotEvaluated as reason:
            self._store.drop(missing)
            checks = self._checks(PROBES.planned(key, self._settings))
            settle(checks, self.classes, self._state.strict, self._tell)
            self._tell(VERDICT, "not_evaluated")
            pytest.skip(one_line(str(reason)))
        except FailcondError as error:
            record = self._store.find(measured or key)
            if record is None or (measured is not None and "error" not in record):
                with suppress(FailcondError):  # the disk may be full: the test fails all the same
                    self._store.put(missing, {"error": str(error)})
            self._tell(VERDICT, "error")
            fail(f"{key}: {error}", [str(error)], brief=str(error))
        self._store.drop(missing)

    def _name(self, key: Key) -> None:
        """Measure a key, and note on the running test what its probe says of it."""
        measured = self._measuring.measure(key)
        for name, value in properties_of(PROBES[key.probe], measured, self.classes):
            self._tell(name, value)

    def _tell(self, name: str, value: str | float) -> None:
        """Note the properties for reports and JUnit files on the running test."""
        if self._state.item is not None:
            # Properties of a report have built-in types: workers send them.
            shown = printable(str(value)) if isinstance(value, str) else value
            self._state.item.user_properties.append((name, shown))
