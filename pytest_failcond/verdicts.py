"""All verdicts of a session: its gates, applied to what was measured. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_failcond.baselines import no_baseline
from pytest_failcond.compare import Other
from pytest_failcond.directions import ClassRanking
from pytest_failcond.errors import FailcondError
from pytest_failcond.gate_settings import GateSettings
from pytest_failcond.gates import (
    NO_BASELINE,
    Check,
    GateResult,
    check,
    note_idle_waiver,
    unmeasured,
)
from pytest_failcond.keys import RankingKey
from pytest_failcond.metrics import NAMED, Measure
from pytest_failcond.plan import (
    cells_of,
    classes_of_checks,
    gates_for,
    keys_over_cells,
    number_of_checks,
    regression_gates,
)
from pytest_failcond.settings import Settings


@dataclass(frozen=True)
class Verdicts:
    """Applies gates. What cannot be measured gives a check with verdict ``error``: never a pass.

    Attributes:
        settings: with the gates.
        class_names: by index.
        measure: gives a key's measurement, or raises a FailcondError.
        baseline: the same of the baseline, where there is one.
        no_baseline: why there is none.
        reference: the same of the run that mCE refers to.
        today: on which waivers are held against their date; default the day it is.
    """

    settings: Settings
    class_names: Sequence[str]
    measure: Measure
    baseline: Measure | None = None
    no_baseline: str = NO_BASELINE
    reference: Measure | None = None
    today: datetime.date | None = None

    @classmethod
    def against(
        cls,
        settings: Settings,
        class_names: Sequence[str],
        measure: Measure,
        baseline: Other | None,
        reference: Other | None,
    ) -> Verdicts:
        """Make verdicts that compare with other runs, where there are any."""
        return cls(
            settings,
            class_names,
            measure,
            baseline=None if baseline is None else baseline.measure,
            no_baseline="" if baseline is not None else no_baseline(settings),
            reference=None if reference is None else reference.measure,
        )

    def of_key(self, key: str) -> list[Check]:
        """Apply the gates that are about a key by itself."""
        gates = gates_for(key, self.settings, self.class_names)
        return [check for gate in gates for check in self._apply(gate, key)]

    def of_gate(self, gate_id: str) -> list[Check]:
        """Apply a gate over several keys."""
        gate = self.settings.gate(gate_id)
        keys = keys_over_cells(gate, self.settings)
        return [check for key in keys for check in self._apply(gate, key)]

    def of_regression(self, key: str) -> list[Check]:
        """Apply the gates that compare a key by itself with the baseline."""
        gates = regression_gates(key, self.settings)
        return [check for gate in gates for check in self._apply(gate, key)]

    def direction_key(self, class_index: int, rank: int) -> str:
        """Return the key of a class's direction of a rank, from 1.

        Raises:
            FailcondError: the class could not be ranked, or has fewer directions.
        """
        ranking: ClassRanking = self.measure(str(RankingKey(class_index)))
        if rank > len(ranking.directions):
            raise FailcondError(
                f"class {self.class_names[class_index]!r} has no direction {rank}: the judge follows "
                f"only {len(ranking.directions)} of the {10 * self.settings.corner_cases.top} "
                "highest-ranked for 1 σ or more; lower corner_cases.top, or train the generator "
                "or the judge further"
            )
        return ranking.directions[rank - 1]

    def of_planned(self, planned: str) -> list[Check]:
        """Make the checks of a planned test: of its key, its gate or its regression."""
        kind, _, rest = planned.partition(":")
        if kind == "gate":
            return self.of_gate(rest)
        if kind == "regression":
            return self.of_regression(rest)
        if kind == "corpus" and rest:
            return []  # an image of the corpus is held against its status, not against a gate
        if kind != "corner_case":
            return self.of_key(planned)
        class_index, rank = map(int, rest.split(":"))
        try:
            return self.of_key(self.direction_key(class_index, rank))
        except FailcondError as error:
            gates = gates_for(str(RankingKey(class_index)), self.settings, self.class_names)
            return [unmeasured(gate, planned, str(error)) for gate in gates]

    def results(self, planned: Iterable[str]) -> tuple[GateResult, ...]:
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

    def _apply(self, gate: GateSettings, key: str) -> list[Check]:
        checks = []
        number = number_of_checks(gate, self.settings, self.class_names)
        classes = classes_of_checks(gate, self.class_names)
        if not classes:  # else the gate would be gone, and nobody would know
            return [unmeasured(gate, key, _no_classes(gate))]
        for class_index in classes:
            try:
                made = check(
                    gate,
                    key,
                    self.measure,
                    self.settings,
                    self.class_names,
                    class_index=class_index,
                    baseline=self.baseline,
                    no_baseline=self.no_baseline,
                    reference=self.reference,
                    today=self.today,
                    checks=number,
                )
            except FailcondError as error:
                made = unmeasured(gate, key, str(error), class_index)
            checks.append(made)
        return checks

    def _ordered(self, gate: GateSettings, checks: list[Check]) -> list[Check]:
        """Sort a gate's checks as its cells stand in the configuration, others first, by key."""
        order = {key: place for place, key in enumerate(cells_of(gate, self.settings))}

        def place(made: Check) -> tuple[int, str, int]:
            return order.get(made.key, -1), made.key, made.class_index or 0

        return sorted(checks, key=place)


def _no_classes(gate: GateSettings) -> str:
    if gate.classes is None:
        return f"gate {gate.id!r} is by class, and no classes are known"
    some = ", ".join(map(repr, gate.classes[:NAMED]))
    return f"gate {gate.id!r} selects nothing: there is no class {some}"
