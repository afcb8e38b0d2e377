"""The selection of configured values by markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_failcond.errors import FailcondError, nearest


def chosen(wanted: Any, configured: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    """Return the values that a marker selects; all configured values if it selects none.

    Raises:
        FailcondError: it selects an unconfigured value, or nothing.
    """
    if wanted is None:
        return configured
    if isinstance(wanted, str) or not isinstance(wanted, Sequence) or not wanted:
        raise FailcondError(f"marker: {what} = {wanted!r} must be a list that selects something")
    if len(set(map(repr, wanted))) < len(wanted):
        raise FailcondError(f"marker: {what} = {wanted!r} names one twice; leave one out")
    for value in wanted:
        if value not in configured or isinstance(value, bool):
            raise FailcondError(
                f"marker: {what} {value!r} is not configured{nearest(str(value), map(str, configured))}"
            )
    return tuple(wanted)
