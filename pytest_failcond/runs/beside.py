"""What a session measured for the comparison with a baseline alone: kept for the run that joins parts, or judges again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_failcond.storage.files import hash_file

Found = dict[str, dict[str, Any]]
"""By key: pictures of lost and gained images, or how many findings of the baseline were tried again."""


@dataclass(frozen=True)
class Beside:
    """The findings beside the records.

    Attributes:
        baseline: SHA-256 of the baseline's file.
        found: by key.
    """

    baseline: str
    found: Found

    @property
    def files(self) -> set[str]:
        """Names of the pictures."""
        parts = (part for one in self.found.values() for part in one.values())
        return {part["file"] for part in parts if isinstance(part, dict)}

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return {
            "baseline": self.baseline,
            "found": [{"key": key} | one for key, one in self.found.items()],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Beside:
        """Read the entry of the run file."""
        found = {
            one["key"]: {name: value for name, value in one.items() if name != "key"}
            for one in data["found"]
        }
        return cls(data["baseline"], found)


def beside_of(found: Mapping[str, dict[str, Any]], baseline: Path | None) -> Beside | None:
    """Return the findings that were made for a baseline; None if there are none."""
    return Beside(hash_file(baseline), dict(found)) if found and baseline is not None else None


def joined(parts: Iterable[Beside | None], baseline: Path | None) -> Found:
    """Join the findings of parts, as far as they were made for this baseline."""
    if baseline is None:
        return {}
    wanted = hash_file(baseline)
    kept = (part.found for part in parts if part is not None and part.baseline == wanted)
    return {key: one for found in kept for key, one in found.items()}
