"""Measurements, as plain data that goes to JSON and comes back: no torch, no pytest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.keys import CleanKey, CorruptionKey, Key
from pytest_failcond.storage.packing import pack, unpack


@dataclass(frozen=True)
class Examples:
    """Pictures of E test images, side by side in one file: as they were classified, or in two rows,
    clean above corrupted.

    Attributes:
        file: file name in the run's folder.
        indices: of the images, in the user's set, ``[E]``.
        labels: true classes, ``[E]``.
        before, after: predicted classes: clean and corrupted, or the baseline's and now, ``[E]``.
    """

    file: str
    indices: list[int]
    labels: list[int]
    before: list[int]
    after: list[int]


class Predictions:
    """Predicted and true classes of N images, int ``[N]`` each."""

    predicted: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which images were classified right, ``[N]``."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right

    @cached_property
    def _rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rows of the images by class,
        ``[N]``, and the start of each class, ``[K + 1]``.
        """
        counts = np.bincount(self.labels)
        return np.argsort(self.labels, kind="stable"), np.append(0, np.cumsum(counts))

    def rows_of(self, class_index: int) -> npt.NDArray[np.int64]:
        """Return the rows of the images of a class, ascending; empty if there are none."""
        rows, begins = self._rows
        if not 0 <= class_index < len(begins) - 1:
            return rows[:0]
        return rows[begins[class_index] : begins[class_index + 1]]

    @property
    def correct(self) -> int:
        """Images classified right."""
        return int(self.right.sum())

    @property
    def total(self) -> int:
        """Images."""
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of images classified right."""
        return self.correct / self.total


@dataclass(frozen=True)
class Measurement(Predictions):
    """Predictions on the test images, clean or under one corruption.

    Attributes:
        key: ``clean`` or ``corruption:NAME:SEVERITY``.
        predicted: predicted class of every image, int ``[N]``.
        labels: true class of every image, int ``[N]``.
        pixels: hash of the images that were classified.
        classes: K.
        judge_correct, judge_total: images that are accepted as their true class, of those that the
            judges were shown: a keyed subset of the same images, under the same corruption. None
            without a judge.
        by_seed: images classified right with each further seed of the corruption.
        examples: images that are right when clean and lost here, if there are any.
    """

    key: Key
    predicted: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    pixels: str
    classes: int
    judge_correct: int | None = None
    judge_total: int | None = None
    by_seed: tuple[int, ...] = ()
    examples: Examples | None = None

    @property
    def judge_accuracy(self) -> float | None:
        """Share of images that are accepted, so readable; None without a judge."""
        if self.judge_correct is None or not self.judge_total:
            return None
        return self.judge_correct / self.judge_total

    @property
    def per_class(self) -> list[list[int]]:
        """Right and all images of each class, ``[K][2]``."""
        total = np.bincount(self.labels, minlength=self.classes)
        right = np.bincount(self.labels[self.right], minlength=self.classes)
        return [[int(r), int(t)] for r, t in zip(right, total, strict=True)]

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        key = self.key
        data: dict[str, Any] = {"key": key, "kind": key.probe}
        if isinstance(key, CorruptionKey):
            data |= {"corruption": key.corruption, "severity": key.severity}
        return data | {
            "correct": self.correct,
            "total": self.total,
            "per_class": self.per_class,
            # As offsets from the label, most of which are 0: a tenth of the size.
            "predicted": pack((self.predicted - self.labels) % self.classes),
            "pixels": self.pixels,
            "judge_correct": self.judge_correct,
            "judge_total": self.judge_total,
            "by_seed": list(self.by_seed),
            "examples": None if self.examples is None else vars(self.examples),
        }

    @classmethod
    def from_json(
        cls, key: Key, data: dict[str, Any], labels: npt.NDArray[np.int64]
    ) -> Measurement:
        """Read an entry of the run file; the labels are those of the run's image set."""
        classes = len(data["per_class"])
        if data["total"] != len(labels):
            raise ValueError(
                f"{key}: counts {data['total']} images, where {len(labels)} are labelled"
            )
        if labels.max(initial=0) >= classes:
            raise ValueError(f"{key}: there is no class {labels.max()} among {classes}")
        try:
            offsets = unpack(data["predicted"], count=len(labels))
        except ValueError as error:
            raise ValueError(f"{key}: predicted: {error}") from error
        measured = cls(
            key,
            (labels + offsets) % classes,
            labels,
            data["pixels"],
            classes,
            data["judge_correct"],
            data["judge_total"],
            tuple(data["by_seed"]),
            None if data["examples"] is None else Examples(**data["examples"]),
        )
        counted = {"correct": measured.correct, "per_class": measured.per_class}
        for name, value in counted.items():
            if data[name] != value:
                raise ValueError(f"{key}: {name} does not follow from its predictions")
        return measured


def measurements_in(records: Mapping[Key, Any]) -> dict[Key, Measurement]:
    """Return the predictions on the test images, clean and by cell."""
    kinds = (CleanKey, CorruptionKey)
    return {key: record for key, record in records.items() if isinstance(key, kinds)}
