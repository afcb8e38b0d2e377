"""Why there is no baseline, and which file is perhaps meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pytest_failcond.settings import Settings

_MANY = 1000  # names of a folder that are compared
_START = re.compile(rb'\s*\{\s*"schema"\s*:')  # of a run file


def no_baseline(settings: Settings) -> str:
    """Say in a sentence why nothing can be compared: no baseline is named, or none is there."""
    if settings.baseline is None:
        return (
            "there is no baseline to compare with; keep a run with --failcond-json=run.json and make "
            "it the baseline: failcond baseline run.json"
        )
    return (
        f"there is {absent_baseline(settings)}; make a kept run the baseline: "
        f"failcond baseline run.json --out {settings.baseline}"
    )


def absent_baseline(settings: Settings) -> str:
    """Say that the configured baseline is not there: ``no baseline at PATH``, and what may be meant."""
    assert settings.baseline is not None
    path = settings.path(settings.baseline)
    meant = similar_run(path, settings.folder)
    if path.is_dir():
        return f"no baseline at {settings.baseline}, which is a folder"
    if meant is None:
        return f"no baseline at {settings.baseline} yet"
    if meant.is_relative_to(settings.folder):
        meant = meant.relative_to(settings.folder)
    return f"no baseline at {settings.baseline} (did you mean {meant}?)"


def similar_run(path: Path, folder: Path) -> Path | None:
    """Return a run file that may be meant by a path where there is none.

    One at a similar path, else one of the same or a similar name in a folder above or in ``folder``,
    else any run file in these.
    """
    parts: list[str] = []
    start = path
    while not start.is_dir() and start != start.parent:
        parts.insert(0, start.name)
        start = start.parent
    near = list(dict.fromkeys([start, folder, *islice(start.parents, 2)]))
    candidates = [
        *_similar_below(start, parts),
        *(above / path.name for above in near),
        *(found for above in near for found in _similar_below(above, [path.name])),
        *(found for above in near[:2] for found in sorted(above.glob("*.json"))[:_MANY]),
    ]
    return next((found for found in candidates if _is_run_file(found)), None)


def _similar_below(folder: Path, parts: list[str]) -> Iterator[Path]:
    """Follow a path of mistyped names, each to those that are most like it."""
    if not parts:
        yield folder
        return
    names = [entry.name for entry in islice(folder.iterdir(), _MANY)] if folder.is_dir() else []
    for name in difflib.get_close_matches(parts[0], names, n=3, cutoff=0.5):
        yield from _similar_below(folder / name, parts[1:])


def _is_run_file(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _START.match(stream.read(64)) is not None
