"""The record of a review, as plain data for JSON."""

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
    """The readers' findings.

    Attributes:
        standing: counts, readers, and whether the review applies to the present subjects.
        confidence: of the bounds in sentences.
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
            FailcondError: a value is missing or out of range.
        """
        confidence = data.get("confidence")
        if not isinstance(confidence, float) or not 0.5 < confidence < 1:
            raise FailcondError(
                f"review: expected a confidence between 0.5 and 1, got {confidence!r}; run the tests again"
            )
        try:
            return cls(validate(Standing, data.get("standing")), confidence)
        except ValueError as error:
            raise FailcondError(f"review: {error}") from error
