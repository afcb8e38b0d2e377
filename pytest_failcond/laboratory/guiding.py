"""Guides: the judges that a search may use, trained apart from those that decide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.loading import call

if TYPE_CHECKING:
    from pytest_failcond.judges.file import PackedJudges


def guides_for(settings: Settings, acceptance: Acceptance) -> tuple[Any, ...]:
    """Load the models that ``guides`` names; else the guides of the judges' files whose acceptors decide.

    Raises:
        FailcondError: they cannot be loaded, a named file has none, or one decides as well.
    """
    deciding = {judge.hash for judge in acceptance.judges} - {None}
    if settings.guides is not None:
        found = _named(settings, settings.guides)
        if any(_hash(model) in deciding for model in found):
            raise FailcondError(
                f"guides = {settings.guides!r}: one of them is a judge that decides, too, so a search would "
                "find where it errs; name judges that were trained apart, as `failcond judge` does"
            )
        return found
    files = [settings.judges_file(name) for _, name in settings.named_judges]
    packs = [packed_judges(file, settings) for file in files if file is not None]
    return tuple(
        guide
        for pack in packs
        if all(_hash(model) in deciding for model in pack.acceptors)  # not so under a fixture
        for guide in pack.guides
    )


def packed_judges(file: Path, settings: Settings) -> PackedJudges:
    """Load a file of judges.

    Raises:
        FailcondError: it cannot be read.
    """
    from pytest_failcond.judges import file as packed

    return packed.load_judges(file, folder=settings.folder)


def _named(settings: Settings, name: str) -> tuple[Any, ...]:
    if (file := settings.judges_file(name)) is not None:
        guides = packed_judges(file, settings).guides
        if not guides:
            raise FailcondError(
                f"guides = {name!r}: the file has judges that decide, and no guides; make it with "
                "`failcond judge --guides 1`, or name another file"
            )
        return guides
    found = call(name, "guides", folder=settings.folder)
    if found is None:  # None would look like a missing setting
        raise FailcondError(f"guides = {name!r} returned None; it must return a judge or several")
    return tuple(found) if isinstance(found, list | tuple) else (found,)


def _hash(model: Any) -> str | None:
    return (model if isinstance(model, Classifier) else Classifier(model)).hash
