"""Parts of a divided run → the run. Pure, but for the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.runs.assemble import conclude
from pytest_failcond.runs.beside import beside_of, joined
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.verdicts.plan import share_of
from pytest_failcond.words.remarks import noting

K = TypeVar("K", bound=str)
T = TypeVar("T")
_NAMED = 10  # missing parts


def merge(
    parts: Mapping[str, Run],
    *,
    baseline: Path | None = None,
    pictures: Path | None = None,
    project: Path | None = None,
) -> Run:
    """Join parts of one plan, and judge the whole.

    Each key of a missing part becomes an error, as if its tests had not ended.

    Args:
        parts: the runs, by the path of each.
        baseline: a run file to compare with.
        pictures: an empty folder, for the parts' pictures.
        project: the folder that paths of the configuration are relative to; default the current.

    Raises:
        FailcondError: one is not a part, two overlap, or they differ in plan, settings or subjects.
    """
    first_path, first = next(iter(parts.items()))
    for path, run in parts.items():
        _check(path, run, first_path, first)
    _check_overlap(parts)
    settings = first.configuration.model_copy(update={"folder": project or Path()})
    runs = list(parts.values())
    if pictures is not None:
        for run in runs:
            for file in sorted(run.picture_files):
                if (content := run.picture(file)) is not None:
                    write_atomically(pictures / file, content)
    beside = joined((run.beside for run in runs), baseline)
    whole = replace(
        first,
        part=None,
        beside=beside_of(beside, baseline),
        environment=_environment(runs),
        records=PROBES.in_order(_union([run.records for run in runs]).values(), settings),
        errors=_union([run.errors for run in runs]),
        withheld=_union([run.withheld for run in runs]),
        pictures=pictures if pictures is not None and pictures.is_dir() else None,
    )
    missing = missing_parts(runs)
    reason = (
        f"belongs to part {_one_of(missing)}, which was not given"
        if missing
        else "was not measured"
    )
    return conclude(whole, settings, baseline, beside=beside, missing=reason)


def _check(path: str, run: Run, first_path: str, first: Run) -> None:
    if run.part is None:
        raise FailcondError(
            f"{path}: expected a part, found a whole run; parts come from --failcond-shard=I/N"
        )
    assert first.part is not None
    if run.part[1] != first.part[1]:
        raise FailcondError(
            f"{path}: is one of {run.part[1]} parts, {first_path} one of {first.part[1]}; give the "
            "parts of one run"
        )
    for what in ("planned", "settings", "subjects", "classes"):
        theirs, ours = getattr(run, what), getattr(first, what)
        if theirs != ours:
            raise FailcondError(
                f"{path}: differs from {first_path} in {_difference(what, theirs, ours)}; "
                "parts are made with the same configuration, models and images"
            )


def _difference(what: str, theirs: Any, ours: Any) -> str:
    """Name the difference."""
    if what == "planned":
        return "its plan (other tests were selected)"
    if isinstance(theirs, dict) and isinstance(ours, dict):
        names = sorted(k for k in theirs | ours if theirs.get(k) != ours.get(k))
        return f"its {what}: {', '.join(names)}"
    return f"its {what}"


def _check_overlap(parts: Mapping[str, Run]) -> None:
    seen: dict[str, str] = {}
    for path, run in parts.items():
        assert run.part is not None
        for key in (*run.records, f"part {run.part[0]}"):
            if key in seen:
                raise FailcondError(f"{path} and {seen[key]} overlap: both have {key}; give one")
            seen[key] = path
        tests = [PROBES.planned(name, run.configuration) for name in run.planned]
        share = share_of(tests, run.part)
        for key in run.records:
            if PROBES.unit(key) not in share:
                raise FailcondError(
                    f"{path}: has {key}, which belongs to another part; make it anew"
                )


def _environment(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the first part's environment, with the remarks on models in any part."""
    return noting(runs[0].environment, (remark for run in runs for remark in run.remarks))


def missing_parts(runs: Sequence[Run]) -> list[str]:
    """Name the parts missing among these, such as ``2/3``."""
    numbers = {run.part[0] for run in runs if run.part is not None}
    assert runs[0].part is not None
    count = runs[0].part[1]
    return [f"{i}/{count}" for i in range(1, count + 1) if i not in numbers]


def _one_of(absent: Sequence[str]) -> str:
    more = len(absent) - _NAMED
    return " or ".join(absent[:_NAMED]) + (f" or one of {more} more" if more > 0 else "")


def _union(kinds: Sequence[dict[K, T]]) -> dict[K, T]:
    return {key: value for kind in kinds for key, value in kind.items()}
