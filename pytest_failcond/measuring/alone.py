"""The bench of a command that keeps no run: each key is measured once, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.base import Record
from pytest_failcond.probes.direction.exploration import ExploredCases
from pytest_failcond.probes.keys import Key
from pytest_failcond.probes.metric import resolved
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.process.surroundings import ours
from pytest_failcond.records.found import Discovery, Wanted


class Alone:
    """A `Bench` without a store; pictures are dropped.

    Args:
        laboratory: the subjects.
    """

    save_example = None

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.settings: Settings = laboratory.settings
        self._records: dict[Key, Any] = {}

    def measure(self, key: Key) -> Any:
        """Return the record of a key.

        Raises:
            FailcondError: it cannot be measured.
        """
        if key not in self._records:
            with ours():
                self._records |= dict(PROBES.measure(key, self))
        if key not in self._records:
            raise FailcondError(f"{key}: its probe, {key.probe!r}, measured nothing")
        return self._records[key]

    def found(self, key: Key) -> Any:
        """Return the record of a measured key; None if it is not measured."""
        return self._records.get(key)

    def discover(self, class_index: int, wanted: Wanted) -> Discovery:
        """Find the corner cases of a class that a corpus keeps, of all probes, by `Probe.keep`.

        Raises:
            NotEvaluated: the generator is not fit to show the class.
            FailcondError: the class cannot be searched.
        """
        together = Discovery()
        found: Discovery
        for found in self._of_all("keep", class_index, wanted):
            together.cases += found.cases
            together.dropped += found.dropped
        return together

    def explored(self, class_index: int, count: int) -> list[ExploredCases]:
        """Make the cases of a class that the explorer shows, of all probes, by `Probe.explore`.

        Raises:
            NotEvaluated: the generator is not fit to show the class.
            FailcondError: the class cannot be searched.
        """
        return [case for made in self._of_all("explore", class_index, count) for case in made]

    def _of_all(self, name: str, class_index: int, asked: object) -> Iterator[Any]:
        """Yield what each probe makes of a class by its function of a name, if it has one."""
        for probe in PROBES:
            if (function := getattr(probe, name)) is not None:
                yield resolved(function)(class_index, self, asked)

    def know(self, records: Iterable[Record]) -> None:
        """Take records that were made elsewhere."""
        self._records |= {record.key: record for record in records}

    def expect(self, seconds: float) -> None:
        """Tell nothing: commands count classes."""

    def save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        """Keep no picture."""
        return name
