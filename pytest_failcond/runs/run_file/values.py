"""The kinds of values that a run file holds."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import (
    CleanKey,
    CombinationKey,
    CornerCaseKey,
    CorruptionKey,
    DirectionKey,
    FitnessKey,
    Key,
    MeanKey,
    RankingKey,
    RowKey,
)
from pytest_failcond.probes.registry import PROBES, parse_key
from pytest_failcond.storage.reading import shown

_NAME = re.compile(r"[A-Za-z0-9_.]{1,255}")


def _is_key(*kinds: type[Key]) -> Callable[[str], str]:
    """Return a check that a text is a key, of some kinds or of any."""

    def check(text: str) -> str:
        try:
            key = parse_key(text)
        except (FailcondError, ValueError) as error:  # ValueError: a number of too many digits
            raise ValueError(f"{shown(text)} is not a key") from error
        if kinds and not isinstance(key, kinds):
            raise ValueError(f"{shown(text)} is a key, but of another kind")
        if key != text or any(v > 2**63 - 1 for v in vars(key).values() if type(v) is int):
            raise ValueError(f"{shown(text)} is not a key as this program writes it")
        if isinstance(key, CorruptionKey) and not _NAME.fullmatch(key.corruption):
            raise ValueError(f"{shown(text)}: no corruption has such a name")
        if isinstance(key, CorruptionKey) and not 1 <= key.severity <= 5:
            raise ValueError(f"{text}: severities are 1 to 5")
        return text

    return check


def _other(text: str) -> str:
    """Check a key of the review, or of a project's own probe: their records have no list of their own."""
    if type(PROBES.named(text)) is not Key and not PROBES.is_foreign(text):
        raise ValueError(f"{shown(text)} is not a key of the review or of a project's own probe")
    return text


def _planned(text: str) -> str:
    """Check a planned test; one of the user's own may have requested any key, existing or not."""
    if not PROBES.may_be_planned(text):
        raise ValueError(f"{shown(text)} is not the name of a planned test")
    return text


def _checked(text: str) -> str:
    """Check the key of a check: one key, or several together."""
    together = isinstance(PROBES.named(text), MeanKey | RowKey | CornerCaseKey)
    return text if together or PROBES.is_foreign(text) else _is_key()(text)


def _plain_name(text: str) -> str:
    if not text or len(text) > 255 or text in (".", "..") or re.search(r"[/\\\0]", text):
        raise ValueError(f"{text[:99]!r} is no plain file name")
    return text


def _date(text: str) -> str:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:99]!r} is no date like 2026-01-31T12:00:00Z") from None
    return text


Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Field(ge=1, le=2**63 - 1)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Shift = Annotated[float, Field(ge=0)]
CellKey = Annotated[str, AfterValidator(_is_key(CleanKey, CorruptionKey))]
RankingName = Annotated[str, AfterValidator(_is_key(RankingKey))]
DirectionName = Annotated[str, AfterValidator(_is_key(DirectionKey))]
CombinationName = Annotated[str, AfterValidator(_is_key(CombinationKey))]
FitnessName = Annotated[str, AfterValidator(_is_key(FitnessKey))]
OtherKey = Annotated[str, AfterValidator(_other)]
Planned = Annotated[str, AfterValidator(_planned)]
Checked = Annotated[str, AfterValidator(_checked)]
FileName = Annotated[str, AfterValidator(_plain_name)]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Date = Annotated[str, AfterValidator(_date)]
Packed = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
