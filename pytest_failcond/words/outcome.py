"""The part of a probe in the verdict of the whole run, beside the gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple


class Fault(NamedTuple):
    """One thing that failed, apart from checks: its subject, and the finding."""

    where: str
    why: str


@dataclass(frozen=True)
class Outcome:
    """What a probe decides and remarks on, beside its gates; by default, nothing.

    Attributes:
        verdict: ``failed`` or ``error`` if it makes the run fail, ``passed`` if all that it decides
            held; None if it decides nothing.
        faults: the reasons, shown with those of the gates.
        aside: a clause after the verdict, in the closing line.
        count: a clause at the end of the closing line.
        remarks: sentences, shown with those on the models.
    """

    verdict: Literal["failed", "error", "passed"] | None = None
    faults: Sequence[Fault] = ()
    aside: str = ""
    count: str = ""
    remarks: Sequence[str] = ()
