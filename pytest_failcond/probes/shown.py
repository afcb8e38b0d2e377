"""The parts of a run that reports and sections read: `Run` satisfies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pytest_failcond.probes.keys import Key

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from pytest_failcond.probes.regression.record import Comparison
    from pytest_failcond.verdicts.gates import Check, GateResult
    from pytest_failcond.words.remarks import Remark


class Shown(Protocol):
    """A run, as a report reads it."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions, device, threads, date, commit."""

    @property
    def subjects(self) -> Mapping[str, Any]:
        """Hashes of classifier, judge, generator and images, the specification of corruptions."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The configuration, as in the file."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by index."""

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """True class of every test image, int ``[N]``."""

    @property
    def planned(self) -> Sequence[str]:
        """Names of the planned tests."""

    @property
    def records(self) -> Mapping[Key, Any]:
        """The records, by key, in the order in which they are shown."""

    @property
    def errors(self) -> Mapping[str, str]:
        """Keys that could not be measured, with the reason."""

    @property
    def withheld(self) -> Mapping[str, str]:
        """Keys that were not measured, though nothing failed, with the reason."""

    @property
    def gates(self) -> Sequence[GateResult]:
        """The gates with their checks."""

    @property
    def checks(self) -> Sequence[Check]:
        """All checks of all gates."""

    @property
    def checks_by_key(self) -> Mapping[str, Sequence[Check]]:
        """The same by their key."""

    @property
    def demanded(self) -> Mapping[str, int]:
        """The number of checks of each gate in a whole run."""

    @property
    def notes(self) -> Sequence[str]:
        """Gates that no result could pass on so few images, a sentence each."""

    @property
    def comparison(self) -> Comparison | None:
        """The changes since a baseline, if there is one."""

    @property
    def remarks(self) -> Sequence[Remark]:
        """Remarks on the user's models and images."""

    @property
    def part(self) -> tuple[int, int] | None:
        """(i, n) of a run that measured the i-th of n parts of the plan."""

    @property
    def strict(self) -> bool:
        """Whether checks that are marginal or not evaluated failed their tests."""

    def picture(self, file: str) -> bytes | None:
        """Return a picture's bytes (PNG), or None if the run was kept without it.

        Raises:
            FailcondError: its content has changed.
        """
