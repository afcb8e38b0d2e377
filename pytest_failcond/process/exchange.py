"""Calls of the user's code: a result, or one sentence that names the callee and the answer."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError

_LONGEST = 300  # characters of an error's text: torch's own go on for pages
_PYTHON, _OURS = Path(sysconfig.get_paths()["stdlib"]), Path(__file__).parents[1]
_LISTED = 3  # described parts of a tuple, and keys of a dict


class UserCodeError(FailcondError):
    """An exception of the user's code.

    Attributes:
        kind: the name of the error's type.
        text: its message, on one line.
        place: its origin, as `place_of` names it.
    """

    def __init__(self, sentence: str, error: BaseException) -> None:
        super().__init__(sentence)
        self.kind = type(error).__name__
        self.text = text_of(error)
        self.place = place_of(error)


def ask(who: str, function: Callable[..., Any], *arguments: Any, on: str = "") -> Any:
    """Call the user's code and return its result.

    Args:
        who: the callee, as messages name it.
        function: the user's.
        arguments: of the call.
        on: the arguments in words, for messages, such as ``on images [256, 3, 32, 32]``.

    Raises:
        UserCodeError: it raised anything, ``SystemExit`` too. Ctrl-C and pytest's own outcomes,
            such as a timeout of a test, pass through.
    """
    try:
        return function(*arguments)
    except FailcondError as error:
        raise UserCodeError(f"{who}: {error}{place_of(error)}", error) from error
    except BaseException as error:
        if _passes(error):
            raise
        text = text_of(error)
        where = f" {on}" if on else ""
        told = f"{where}{f': {text}' if text else ''}{place_of(error)}"
        raise UserCodeError(f"{who} raised {type(error).__name__}{told}", error) from error


def _passes(error: BaseException) -> bool:
    """Whether an error does not come from the user's code: Ctrl-C, and pytest's outcomes."""
    pytest = sys.modules.get("pytest")  # if pytest is not loaded, there are no outcomes
    outcomes = (pytest.fail.Exception, pytest.skip.Exception) if pytest is not None else ()
    return isinstance(error, (KeyboardInterrupt, *outcomes))


def place_of(error: BaseException) -> str:
    """Name the innermost line of the user's code that an error came from: `` (mine.py:12)``.

    Empty if there is no such line, or if the error names one already.
    """
    if isinstance(error, UserCodeError):
        return ""
    found = ""
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if os.path.isfile(file) and _is_own(Path(file)):  # noqa: PTH113 - some may not be looked at
            found = f" ({_shown(Path(file))}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return found


def _is_own(file: Path) -> bool:
    """Whether code is the user's: not Python's, an installed package's, or ours."""
    installed = {"site-packages", "dist-packages"}.intersection(file.parts)
    return not installed and not any(map(file.is_relative_to, (_PYTHON, _OURS)))


def _shown(file: Path) -> Path:
    try:
        here = Path.cwd()
    except OSError:  # the folder was removed
        return file
    return file.relative_to(here) if file.is_relative_to(here) else file


def text_of(error: BaseException) -> str:
    """Return the message of an error, on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception as worse:  # the user's own error class
        return f"its text cannot be read ({type(worse).__name__})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def described(value: Any) -> str:
    """Describe a value for messages: an array by type and shape, others by their type."""
    if is_tensor(value):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, np.ndarray):
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        return f"{masked}{value.dtype} {list(value.shape)}"
    name = type(value).__name__
    if isinstance(value, tuple | list) and len(value):
        parts = [described(part) for part in value[:_LISTED]]
        parts += [f"{len(value) - _LISTED} more"] if len(value) > _LISTED else []
        return f"{name} of ({', '.join(parts)})"
    if isinstance(value, Mapping):
        keys = [repr(key) for key in value if isinstance(key, str)]
        more = ["…"] if len(keys) > _LISTED else []
        return f"{name} with {', '.join(keys[:_LISTED] + more)}" if keys else name
    return name


def array_of(value: Any) -> npt.NDArray[Any]:
    """Return an array, a list of numbers or a tensor, of any device and type, as an array."""
    if is_tensor(value):
        value = value.detach().cpu()
        # NumPy has no bfloat16.
        value = (value.float() if value.is_floating_point() else value).numpy()
    return np.asarray(value)


def is_tensor(value: object) -> bool:
    """Whether it is a torch tensor; False if torch is not imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
