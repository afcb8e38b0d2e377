"""All verdicts of a session: its gates, each applied once to the measurements."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_failcond.config.baselines import no_baseline
from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Asking, Planned
from pytest_failcond.probes.corruption import cells_of
from pytest_failcond.probes.direction import direction_of
from pytest_failcond.probes.keys import CornerCaseKey, DirectionKey, Key
from pytest_failcond.verdicts.checked import Checked
from pytest_failcond.verdicts.gates import (
    NO_BASELINE,
    Check,
    GateResult,
    check,
    note_idle_waiver,
    unmeasured,
)
from pytest_failcond.verdicts.metrics import NAMED, Measure
from pytest_failcond.verdicts.plan import checks_of, classes_of_checks, number_of_checks


@dataclass(frozen=True)
class Verdicts:
    """Applies gates. A key that cannot be measured gives a check with verdict ``error``, never a
    pass.

    Attributes:
        settings: with the gates.
        class_names: by index.
        measure: gives a key's measurement, or raises a FailcondError.
        baseline: the same of the baseline, if there is one.
        no_baseline: the reason why there is none.
        reference: the same of the run that mCE refers to.
        today: the day that the dates of waivers are compared with; default today.
        checked: the kept checks, which are not made again; None: nothing is kept.
    """

    settings: Settings
    class_names: Sequence[str]
    measure: Measure
    baseline: Measure | None = None
    no_baseline: str = NO_BASELINE
    reference: Measure | None = None
    today: datetime.date | None = None
    checked: Checked | None = None

    @classmethod
    def against(
        cls,
        settings: Settings,
        class_names: Sequence[str],
        measure: Measure,
        baseline: Measure | None,
        reference: Measure | None,
        checked: Checked | None,
    ) -> Verdicts:
        """Make verdicts that compare with other runs, if there are any."""
        return cls(
            settings,
            class_names,
            measure,
            baseline=baseline,
            no_baseline="" if baseline is not None else no_baseline(settings),
            reference=reference,
            checked=checked,
        )

    @cached_property
    def asking(self) -> Asking:
        """The inputs of the probes for the gates of a test."""
        return Asking(self.settings, self.class_names, self.measure)

    def direction_key(self, class_index: int, rank: int) -> DirectionKey:
        """Return the key of a class's direction of a rank, from 1.

        Raises:
            FailcondError: the class could not be ranked, or has fewer directions.
        """
        return direction_of(CornerCaseKey(class_index, rank), self.asking)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """The number of each gate's checks in all: counted once, since it grows with the
        classes.
        """
        gates, names = self.settings.gates, self.class_names
        return {gate.id: number_of_checks(gate, self.settings, names) for gate in gates}

    def of_planned(self, planned: Planned) -> list[Check]:
        """Make the checks of a planned test."""
        applied = checks_of(planned, self.asking)
        return [check for gate, key in applied for check in self._apply(gate, key)]

    def results(self, planned: Iterable[Planned]) -> tuple[GateResult, ...]:
        """Make the checks of all planned tests, by gate, as the configuration orders them."""
        checks: dict[tuple[str, str, int | None], Check] = {}
        for entry in planned:
            for made in self.of_planned(entry):
                checks[made.gate, made.key, made.class_index] = made
        by_gate: dict[str, list[Check]] = {}
        for made in checks.values():
            by_gate.setdefault(made.gate, []).append(made)
        results = []
        for gate in self.settings.gates:
            if gate.id in by_gate:
                found = self._ordered(gate, by_gate[gate.id])
                noted = tuple(note_idle_waiver(gate, found))
                results.append(GateResult(gate.id, gate.metric, gate.level, noted))
        return tuple(results)

    def _apply(self, gate: GateSettings, key: Key) -> list[Check]:
        """Return the checks of a gate on a key, by class if the gate is; kept ones if they
        exist.
        """
        classes = classes_of_checks(gate, self.class_names)
        if not classes:  # else the gate would vanish without notice
            return [unmeasured(gate, key, _no_classes(gate, self.settings))]
        if self.checked is None:
            return self._make(gate, key, classes, {})
        made = self.checked.find(gate.id, key)
        if made.keys() >= set(classes):
            return [made[class_index] for class_index in classes]
        with self.checked.making(gate.id, key):
            made = self.checked.find(gate.id, key)
            before = len(made)
            checks = self._make(gate, key, classes, made)
            if len(made) > before:
                self.checked.keep(gate.id, key, made.values())
        return checks

    def _make(
        self,
        gate: GateSettings,
        key: Key,
        classes: Iterable[int | None],
        made: dict[int | None, Check],
    ) -> list[Check]:
        """Return the checks of a gate on a key; add to ``made`` the missing ones that can be
        made.
        """
        number = self._numbers[gate.id]
        checks = []
        for class_index in classes:
            try:
                if class_index not in made:
                    made[class_index] = self._check(gate, key, class_index, number)
                checks.append(made[class_index])
            except FailcondError as error:
                checks.append(unmeasured(gate, key, str(error), class_index))
        return checks

    def _check(self, gate: GateSettings, key: Key, class_index: int | None, number: int) -> Check:
        return check(
            gate,
            key,
            self._measured,
            self.settings,
            self.class_names,
            class_index=class_index,
            baseline=self.baseline,
            no_baseline=self.no_baseline,
            reference=self.reference,
            today=self.today,
            checks=number,
        )

    def _measured(self, key: Key) -> Any:
        """Return the record of a key; that of a rank is the record of its direction.

        Raises:
            FailcondError: it could not be measured, or the class has no such direction.
        """
        if isinstance(key, CornerCaseKey):
            key = direction_of(key, self.asking)
        return self.measure(key)

    def _ordered(self, gate: GateSettings, checks: list[Check]) -> list[Check]:
        """Sort a gate's checks in the configuration's order of cells, others first, by key."""
        order: dict[Key, int] = {
            key: place for place, key in enumerate(cells_of(gate, self.settings))
        }

        def place(made: Check) -> tuple[int, str, int]:
            return order.get(made.key, -1), made.key, made.class_index or 0

        return sorted(checks, key=place)


def _no_classes(gate: GateSettings, settings: Settings) -> str:
    if gate.classes is None:
        return (
            f"gate {gate.id!r} is by class, and the classes are not known; set classes = [...] in "
            f"{settings.table()}"
        )
    some = ", ".join(map(repr, gate.classes[:NAMED]))
    return f"gate {gate.id!r} selects nothing: there is no class {some}"
