"""What a review says of the classifier, as plain data for JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import Key
from pytest_failcond.review.standing import Standing
from pytest_failcond.storage.reading import validate

_KEY = Key("review")


@dataclass(frozen=True)
class Reviewed:
    """What readers found.

    Attributes:
        standing: counts, readers, and whether the review is about what is tested.
        confidence: of the bounds that sentences tell.
    """

    standing: Standing
    confidence: float
    key: Key = _KEY

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return {
            "key": self.key,
            "confidence": self.confidence,
            "standing": self.standing.model_dump(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Reviewed:
        """Read an entry of a run file.

        Raises:
            FailcondError: it is not such.
        """
        confidence = data.get("confidence")
        if not isinstance(confidence, float) or not 0.5 < confidence < 1:
            raise FailcondError("review: its confidence is no number over 0.5 and under 1")
        try:
            return cls(validate(Standing, data.get("standing")), confidence)
        except ValueError as error:
            raise FailcondError(f"review: {error}") from error
