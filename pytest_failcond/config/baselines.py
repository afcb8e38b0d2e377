"""The sentence about a missing baseline, and the file that is perhaps meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pytest_failcond.config.settings import Settings

_MANY = 1000  # compared names of a folder
_START = re.compile(rb'\s*\{\s*"schema"\s*:')  # of a run file


def no_baseline(settings: Settings) -> str:
    """Return a sentence on why nothing can be compared: no baseline is named, or the file is
    missing.
    """
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
    """Return a clause on the missing baseline: ``no baseline at PATH``, and the path that may be
    meant.
    """
    assert settings.baseline is not None
    path = settings.path(settings.baseline)
    said = f"no baseline at {settings.baseline}"
    if path.is_dir():
        return f"{said}, which is a folder"
    if meant := similar_run(path, settings.folder):
        return f"{said} (did you mean {_named(meant, settings.folder)}?)"
    if kept := next(_runs_in(settings.folder), None):
        return f"{said} yet (a run is kept in {_named(kept, settings.folder)})"
    return f"{said} yet"


def _named(path: Path, folder: Path) -> Path:
    return path.relative_to(folder) if path.is_relative_to(folder) else path


def _runs_in(folder: Path) -> Iterator[Path]:
    return filter(_is_run_file, sorted(folder.glob("*.json"))[:_MANY])


def similar_run(path: Path, folder: Path) -> Path | None:
    """Return the run file that a wrong path may mean.

    It lies at a similar path, or else has the same or a similar name, in a folder above or in
    ``folder``.
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
    ]
    return next((found for found in candidates if _is_run_file(found)), None)


def _similar_below(folder: Path, parts: list[str]) -> Iterator[Path]:
    """Follow a path of mistyped names, each to the most similar ones."""
    if not parts:
        yield folder
        return
    names = [entry.name for entry in islice(folder.iterdir(), _MANY)] if folder.is_dir() else []
    # A common suffix makes many names similar, so they are compared without it first.
    stem, suffix = Path(parts[0]).stem, Path(parts[0]).suffix
    stems = [Path(name).stem for name in names if Path(name).suffix == suffix]
    close = difflib.get_close_matches(stem, stems, n=3, cutoff=0.5 if len(stem) < 4 else 0.6)
    others = [name for name in names if Path(name).suffix != suffix]
    for name in (
        *(f"{name}{suffix}" for name in close),
        *difflib.get_close_matches(parts[0], others, n=3, cutoff=0.8),
    ):
        yield from _similar_below(folder / name, parts[1:])


def _is_run_file(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return _START.match(stream.read(64)) is not None
