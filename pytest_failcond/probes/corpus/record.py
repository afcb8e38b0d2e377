"""The classifier's predictions on the corpus, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.keys import CorpusKey, Key
from pytest_failcond.records.measurements import Predictions


@dataclass(frozen=True)
class Replayed:
    """The classifier's prediction on one image of the corpus.

    Attributes:
        id: of the entry.
        status: ``open`` (known to be wrong) or ``fixed`` (must be right).
        label, predicted: true and predicted class, by index.
        p: probability of the true class.
        picture: file name in the run's folder, if a fixed one is wrong.
        png: hash of its file: the same image in two runs has the same.
        origin: how it was made, in words; empty in runs of earlier versions.
    """

    id: str
    status: str
    label: int
    predicted: int
    p: float
    picture: str | None = None
    png: str = ""
    origin: str = ""

    @property
    def right(self) -> bool:
        """Whether it was classified right."""
        return self.predicted == self.label

    @property
    def lost(self) -> bool:
        """Whether it must be right, and is not."""
        return self.status == "fixed" and not self.right

    @property
    def mended(self) -> bool:
        """Whether it is known to be wrong, and is right."""
        return self.status == "open" and self.right

    def told(self, class_names: Sequence[str]) -> str:
        """Return its prediction in words."""
        name, seen = (
            class_names[i] if i < len(class_names) else str(i) for i in (self.label, self.predicted)
        )
        what = "is right" if self.right else f"was taken for {seen!r}"
        return f"{what}, p({name!r}) = {self.p:.3f}"


_CORPUS = CorpusKey()


@dataclass(frozen=True)
class Replay(Predictions):
    """Predictions on the images of the corpus, in the order of its manifest.

    Attributes:
        entries: one by one.
        pixels: hash of the images that were classified.
    """

    entries: tuple[Replayed, ...]
    pixels: str
    key: Key = _CORPUS

    @property
    def predicted(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """Predicted class of every image, int ``[N]``."""
        return np.array([entry.predicted for entry in self.entries], dtype=np.int64)

    @property
    def labels(self) -> npt.NDArray[np.int64]:  # type: ignore[override]
        """True class of every image, int ``[N]``."""
        return np.array([entry.label for entry in self.entries], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        return {"pixels": self.pixels, "entries": [vars(entry) for entry in self.entries]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Replay:
        """Read the entry of the run file."""
        return cls(tuple(Replayed(**entry) for entry in data["entries"]), data["pixels"])


def replay_in(records: Mapping[Key, Any]) -> Replay | None:
    """Return the predictions on the corpus, if there is one."""
    return records.get(_CORPUS)
