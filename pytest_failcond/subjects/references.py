"""``module:callable``, as far as it can be checked without importing anything."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import NamedTuple

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError, nearest

_EXAMPLES = {
    "classifier": "digits:load_classifier",
    "judge": "digits:load_judge",
    "judges": "digits:load_judge",
    "guides": "digits:load_judge",
    "images": "digits:load_images",
    "probes": "digits:PROBE",
}
_FILES = {
    "images": "a folder with a folder per class, a CSV file",
    **dict.fromkeys(("judge", "judges", "guides"), "a file of `failcond judge`, *.safetensors"),
}
"""What a key may name beside a ``module:callable``."""


def parts_of(reference: str, key: str, folder: Path | None = None) -> tuple[str, str]:
    """Split ``module:callable`` into the dotted names of the two.

    Args:
        reference: the ``module:callable``.
        key: the setting or option that it comes from, for messages.
        folder: a path would be relative to it; default the current directory.

    Raises:
        FailcondError: it has another form.
    """
    module, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise FailcondError(_misshapen(reference, key, folder or Path()))
    return module, name


def _misshapen(reference: str, key: str, folder: Path) -> str:
    """Say in one sentence what a setting is, if it is no ``module:callable``, and what is expected."""
    setting, place = key.lstrip("-"), folder / reference
    form = f"module:callable, such as {_EXAMPLES.get(setting, 'digits:column_blur')}"
    # Unlike Path.exists, it takes a name that is too long for one that is not there.
    if not reference or not os.path.exists(place):  # noqa: PTH110
        module, _, name = reference.rpartition(".")
        if module and all(map(str.isidentifier, reference.split("."))):
            form = f"module:callable; did you mean '{module}:{name}'?"
        return f"{key}: {reference!r} is not of the form {form}"
    what = "folder" if place.is_dir() else "file"
    files = f"{_FILES[setting]}, or " if setting in _FILES else ""
    return f"{key}: {reference!r} is a {what}; name {files}{form}"


def references_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Return each ``module:callable`` of a configuration, by its key."""
    judges = [(k, name) for k, name in settings.named_judges if settings.judges_file(name) is None]
    named = [("classifier", settings.classifier), *judges]
    if settings.guides is not None and settings.judges_file(settings.guides) is None:
        named.append(("guides", settings.guides))
    if settings.images_place is None:
        named.append(("images", settings.images))
    yield from ((key, value) for key, value in named if value is not None)
    custom = {} if settings.corruptions is None else settings.corruptions.custom
    for name, value in custom.items():
        if isinstance(value, str):
            yield f"corruptions.custom.{name}", value


def unfound(missing: str, reference: str, key: str, folder: Path) -> FailcondError:
    """Make the error of a ``module:callable`` whose module is missing."""
    return FailcondError(
        f"{key} = {reference!r}: there is no module {missing!r} in {folder}, in pytest's pythonpath "
        "nor installed; check its name, or add its folder to pythonpath"
    )


def unnamed(
    name: str, reference: str, key: str, spec: ModuleSpec, names: Iterable[str]
) -> FailcondError:
    """Make the error of a ``module:callable`` whose module has no such name.

    Args:
        name: the missing name.
        reference: the ``module:callable``.
        key: the setting that it comes from.
        spec: of the module.
        names: that the module has.
    """
    public = [known for known in names if not known.startswith("_")]
    return FailcondError(
        f"{key} = {reference!r}: there is no {name!r} in {spec.name} ({spec.origin})"
        f"{nearest(name, public) or '; the module has no public names'}"
    )


class Located(NamedTuple):
    """The result of a search for a module.

    Attributes:
        missing: the first part of its dotted name that is certainly not a module, if there is one.
        spec: of the module, if it is known.
    """

    missing: str | None
    spec: ModuleSpec | None = None


def locate(name: str, folder: Path) -> Located:
    """Search for a module in ``folder`` and in Python's own places, as its import would.

    Nothing is imported, so the effects of a package's code on import are not known.
    """
    here = str(folder.resolve())
    places: list[str] | None = list(sys.path) if here in sys.path else [here, *sys.path]
    parts = name.split(".")
    spec: ModuleSpec | None = None
    importlib.invalidate_caches()  # the module may have been written a moment ago
    for end in range(1, len(parts) + 1):
        found = ".".join(parts[:end])
        if found in sys.modules:
            places = list(getattr(sys.modules[found], "__path__", []))
            known = getattr(sys.modules[found], "__spec__", None)
            spec = known if isinstance(known, ModuleSpec) else None
            continue
        if places is None:
            return Located(None)
        try:
            spec = _find(found, places, top=end == 1)
        except Exception:  # a finder's own code: whether there is such a module is not known
            return Located(None)
        if spec is None:
            return Located(found)
        if spec.submodule_search_locations is None:
            if end < len(parts):
                return Located(".".join(parts[: end + 1]))
            break
        places = None if _makes_modules(spec) else list(spec.submodule_search_locations)
    return Located(None, spec)


def _find(name: str, places: list[str], *, top: bool) -> ModuleSpec | None:
    """Try all finders: those of editable installations know modules without a place."""
    for finder in sys.meta_path:
        for path in (places, None) if top else (places,):
            spec = finder.find_spec(name, path, None)
            if spec is not None:
                return spec
    return None


def _makes_modules(package: ModuleSpec) -> bool:
    """Whether a package may have modules without a file, judged by its code."""
    if package.origin is None or not package.origin.endswith(".py"):
        return package.origin is not None
    text = Path(package.origin).read_text(encoding="utf-8", errors="replace")
    return "sys.modules" in text or "__path__" in text
