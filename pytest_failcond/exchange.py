"""Exchanges with the user's code: a result, or one sentence that names who was called and what came back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError

_LONGEST = 300  # characters of an error's text: torch's own go on for pages
_LISTED = 3  # parts of a tuple, and keys of a dict, that are described


class UserCodeError(FailcondError):
    """The user's code raised.

    Attributes:
        kind: the name of the error's type.
        text: what it says, on one line.
    """

    def __init__(self, sentence: str, error: BaseException) -> None:
        super().__init__(sentence)
        self.kind = type(error).__name__
        self.text = text_of(error)


def ask(who: str, function: Callable[..., Any], *arguments: Any, on: str = "") -> Any:
    """Call the user's code and return what it returns.

    Args:
        who: what is called, as messages name it.
        function: the user's.
        arguments: of the call.
        on: what it was called with, for messages, such as ``on images [256, 3, 32, 32]``.

    Raises:
        UserCodeError: it raised anything, ``SystemExit`` too. Ctrl-C and what pytest itself raises, such as
            the end of a test's time, pass.
    """
    try:
        return function(*arguments)
    except FailcondError as error:
        raise UserCodeError(f"{who}: {error}", error) from error
    except BaseException as error:
        if _passes(error):
            raise
        text = text_of(error)
        where = f" {on}" if on else ""
        sentence = f"{who} raised {type(error).__name__}{where}{f': {text}' if text else ''}"
        raise UserCodeError(sentence, error) from error


def _passes(error: BaseException) -> bool:
    """Whether an error is not the user's code's: Ctrl-C, and pytest's outcomes."""
    outcome = not isinstance(error, Exception) and type(error).__module__.startswith("_pytest")
    return isinstance(error, KeyboardInterrupt) or outcome


def text_of(error: BaseException) -> str:
    """Return what an error says, on one line."""
    try:
        text = " ".join(str(error).split())
    except Exception as worse:  # the user's own error class
        return f"its text cannot be read ({type(worse).__name__})"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def described(value: Any) -> str:
    """Say what a value is, for messages: an array by type and shape, others by their type."""
    if is_tensor(value):
        return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
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
    """Whether it is a torch tensor; where torch is not imported, nothing is."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)
