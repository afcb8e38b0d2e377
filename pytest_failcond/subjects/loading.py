"""``module:callable``: the form in which configuration and command line name the user's
functions.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.process.exchange import ask, place_of, text_of
from pytest_failcond.subjects.references import parts_of

T = TypeVar("T")


def load_callable(reference: str, key: str, *, folder: Path | None = None) -> Callable[..., Any]:
    """Import a ``module:callable``, such as ``digits:load_classifier``.

    Args:
        reference: the module's and the callable's dotted names.
        key: the setting or option that it comes from, for messages.
        folder: searched first for modules; it stays on ``sys.path``, because a loaded module may
            import its neighbours later. Default the current directory.

    Raises:
        FailcondError: the reference has another form, the module does not exist or raises, or
            there is no such callable in it.
    """
    found = find(reference, key, folder=folder)
    if not callable(found):
        raise FailcondError(
            f"{key}: {reference!r} is of type {type(found).__name__} and cannot be called; name a "
            f"function"
        )
    function: Callable[..., Any] = found
    return function


def find(reference: str, key: str, *, folder: Path | None = None) -> Any:
    """Import the object that ``module:name`` names, of any type.

    Raises:
        FailcondError: as `load_callable`.
    """
    module_name, name = parts_of(reference, key, folder)
    module = _import(module_name, key, (folder or Path.cwd()).resolve())
    found: Any = module
    for part in name.split("."):
        if not ask(f"{key}: looking for {part!r} in {module_name}", hasattr, found, part):
            public = [known for known in dir(found) if not known.startswith("_")]
            raise FailcondError(
                f"{key}: {reference!r}: there is no {part!r} in {module_name}"
                f"{nearest(part, public)}"
            )
        found = getattr(found, part)
    return found


def call(reference: str, key: str, *, folder: Path | None = None) -> Any:
    """Call a ``module:callable`` and return its result.

    Raises:
        FailcondError: as `load_callable`, or the call raises.
    """
    found = load_callable(reference, key, folder=folder)
    _check_arguments(found, f"{key} = {reference!r}")
    return ask(f"{key} = {reference!r}", found)


def _check_arguments(found: Callable[..., Any], what: str) -> None:
    """Check that it can be called without arguments, as far as its signature is known."""
    try:
        signature = inspect.signature(found)
    except Exception:
        return  # the call will tell
    try:
        signature.bind()
    except TypeError as error:
        raise FailcondError(
            f"{what}: {error}; name a function without arguments, which returns it"
        ) from error


def load_subject(reference: str, key: str, kind: type[T], *, folder: Path | None = None) -> T:
    """Call a ``module:callable`` and return its result, which must be a ``kind``.

    Raises:
        FailcondError: as `call`, or it returns another type.
    """
    result = call(reference, key, folder=folder)
    if not isinstance(result, kind):
        raise FailcondError(
            f"{key} = {reference!r} returned {type(result).__name__}; "
            f"it must return a {kind.__module__.partition('.')[0]} {kind.__name__}"
        )
    return result


def _import(name: str, key: str, folder: Path) -> Any:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()  # the module may have been written a moment ago
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and (name == missing or name.startswith(f"{missing}.")):
            raise FailcondError(
                f"{key}: there is no module {missing!r} in {folder} nor installed; "
                "check its name, or start in its folder"
            ) from error
        raise FailcondError(
            f"{key}: importing {name} raised {type(error).__name__}: {text_of(error)}{place_of(error)}"
        ) from error
