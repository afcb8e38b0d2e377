"""Another run to compare with: a baseline, or the reference of mCE."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.runs.run import Run
from pytest_failcond.verdicts.metrics import Measure

INPUTS = ("images", "max_images", "seed", "corruptions")
"""The inputs that two runs share if their images are compared."""


class Other:
    """Another run to compare with: read when it is needed, and only if its inputs are the same.

    Args:
        path: of its file.
        subjects: of the current run, as in the run file.
        measure: gives the measurements of the current run.
    """

    def __init__(self, path: Path, subjects: Mapping[str, Any], measure: Measure) -> None:
        self.path = path
        self._subjects = subjects
        self._measure = measure

    @cached_property
    def run(self) -> Run:
        """The run.

        Raises:
            FailcondError: it cannot be read, or was made with other inputs.
        """
        other = Run.load(self.path)
        check_comparable(other.subjects, self._subjects, str(self.path))
        return other

    def measure(self, key: Key) -> Any:
        """Return its record of a key.

        Raises:
            FailcondError: as above, or it has none, or not of the same pixels.
        """
        then = self.run.records.get(key)
        if then is None:
            raise FailcondError(f"{self.path}: has no {key}; make a new one")
        if not isinstance(then, Measurement):
            return then
        now = self._measure(key)
        if now.pixels != then.pixels:
            raise FailcondError(
                f"{key}: the inputs changed since {self.path}, not only the model: other pixels "
                "were classified; make a new one"
            )
        return then


def check_comparable(then: Mapping[str, Any], now: Mapping[str, Any], path: str) -> None:
    """Check that two runs were made with the same inputs.

    Raises:
        FailcondError: images, seed or corruptions differ.
    """
    for what in INPUTS:
        if then.get(what) != now.get(what):
            detail = "" if what == "images" else f" ({then.get(what)} there, {now.get(what)} here)"
            raise FailcondError(
                f"{path}: was made with other {what}{detail}; compare runs on the same images under "
                "the same corruptions, or make a new one"
            )


def same_hash(then: Any, now: Any) -> bool | None:
    """Whether two hashes, such as ``model:…``, agree; None if that is not known.

    It is not known if one is None, or if an earlier version made one in another way.
    """
    if then is None or now is None:
        return None
    schemes = {str(value).partition(":")[0] for value in (then, now)}
    return then == now if len(schemes) == 1 else None


def same_input(name: str, then: Any, now: Any) -> bool:
    """Whether a subject is the same in two runs, or has hashes of two schemes, which cannot be
    compared.
    """
    if name in ("generator", "judge") and then and now:
        return same_hash(then, now) is not False
    return bool(then == now)


def search_options(run: Run) -> dict[str, Any]:
    """Return how combinations were searched, towards whichever class."""
    search = run.settings.get("combinations") or {}
    chosen = {name: search.get(name) for name in ("samples", "dimensions", "max_distance")}
    return chosen | {"truncation": walk_options(run)["truncation"]}


def walk_options(run: Run) -> dict[str, Any]:
    """Return how directions were walked, however they were ranked; earlier versions knew no truncation."""
    options = {"truncation": 1.0} | (run.settings.get("corner_cases") or {})
    return {name: value for name, value in options.items() if name != "ranking"}
