"""Held-out images, also changed, corrupted and made into negatives, in front of judges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.corruptions import corrupt
from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.judges.networks import Judge
from pytest_failcond.subjects.acceptance import Judgement
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training.judges.examples import made_of_nothing
from pytest_failcond.training.judges.negatives import OF_ACCEPTORS, OF_GUIDES
from pytest_failcond.training.judges.variants import CHANGES, readable, toned

PER_CELL, PER_FAMILY = 500, 1_000
"""The most held-out images of each corruption and severity, and of each change or family of negatives."""
_BATCH = 256


@dataclass(frozen=True)
class Count:
    """The images found, among all."""

    found: int
    total: int

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.found / self.total


@dataclass(frozen=True)
class Seen:
    """Labels of images (K: none of these), and each judge's probabilities for them, by its name."""

    labels: npt.NDArray[np.int64]
    least_p: float
    probabilities: dict[str, npt.NDArray[np.float32]]

    def together(self, kind: str) -> Judgement:
        """Return the judgement of all judges of a kind."""
        of_kind = tuple(p for name, p in self.probabilities.items() if name.startswith(kind))
        return Judgement(len(self.labels), of_kind[0].shape[1] - 1, self.least_p, of_kind)

    def first(self, kind: str) -> Count:
        """Count the images whose class all judges put first."""
        return count(self.together(kind).level(self.labels) > 0)

    def accepted(self, kind: str) -> Count:
        """Count the images accepted as their class."""
        return count(self.together(kind).accepted(self.labels))

    def as_any(self, kind: str) -> npt.NDArray[np.bool_]:
        """Whether each image is accepted as any class."""
        seen = self.together(kind)
        return seen.accepted(seen.probabilities[0][:, :-1].argmax(axis=1))


class Bench:
    """Shows images to judges."""

    def __init__(
        self,
        judges: Mapping[str, Judge],
        data: LabeledImages,
        least_p: float,
        seed: int,
        device: str,
    ) -> None:
        self._judges, self._data, self._least_p, self._seed = judges, data, least_p, seed
        self._device = device
        self._none = next(iter(judges.values())).last.out_features - 1

    def see(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Seen:
        """Show uint8 ``[N, H, W, C]``."""
        parts = [
            self._probabilities(torch.from_numpy(to_float(images[start : start + _BATCH])))
            for start in range(0, len(images), _BATCH)
        ]
        return self._seen(labels, parts)

    def corrupted(self, name: str, severity: int) -> Seen:
        """Show images under a corruption."""
        some = self._data.subset(PER_CELL, self._seed)[0]
        return self.see(corrupt(some.images, name, severity, seed=self._seed), some.labels)

    def variants(self) -> Seen:
        """Show readable variants of all images."""
        made = self._made(
            "variants", self._data, lambda images, _, random: readable(images, random)
        )
        return self._seen(self._data.labels, made)

    def changes(self) -> dict[str, Seen]:
        """Show images with each change of which readable variants are made."""
        return self._each(
            CHANGES, lambda change, images, _, random: toned(change(images, random), random)
        )

    def negatives(self) -> dict[str, Seen]:
        """Show images of each family of negatives; each kind of judge has learned from some of them only."""
        shown = self._each(
            (*OF_ACCEPTORS, *OF_GUIDES),
            lambda family, images, labels, random: made_of_nothing(
                images, labels, [family], random
            ),
        )
        return {
            name: replace(seen, labels=np.full(len(seen.labels), self._none))
            for name, seen in shown.items()
        }

    def _each(
        self,
        ways: Iterable[Callable[..., Tensor]],
        make: Callable[[Callable[..., Tensor], Tensor, Tensor, torch.Generator], Tensor],
    ) -> dict[str, Seen]:
        """Show the same images made over in each way, by its name."""
        some = self._data.subset(PER_FAMILY, self._seed)[0]
        return {
            way.__name__: self._seen(
                some.labels, self._made(way.__name__, some, partial(make, way))
            )
            for way in ways
        }

    def _made(
        self,
        name: str,
        data: LabeledImages,
        make: Callable[[Tensor, Tensor, torch.Generator], Tensor],
    ) -> list[dict[str, npt.NDArray[np.float32]]]:
        key = stream_key("judges", "quality", self._seed, name)
        random = torch.Generator().manual_seed(int(key[0] >> np.uint64(1)))
        order = np.random.Generator(np.random.Philox(key=key)).permutation(len(data))
        found: list[dict[str, npt.NDArray[np.float32]]] = []
        for start in range(0, len(data), _BATCH):  # each batch with images of all classes
            rows = order[start : start + _BATCH]
            images = torch.from_numpy(to_float(data.images[rows]))
            made = make(images, torch.from_numpy(data.labels[rows]), random)
            found.append(self._probabilities(made))
        back = np.argsort(order)
        return [
            {judge: np.concatenate([part[judge] for part in found])[back] for judge in self._judges}
        ]

    def _probabilities(self, images: Tensor) -> dict[str, npt.NDArray[np.float32]]:
        with torch.no_grad():
            return {
                name: judge(images.to(self._device)).softmax(dim=1).cpu().numpy()
                for name, judge in self._judges.items()
            }

    def _seen(
        self,
        labels: npt.NDArray[np.int64],
        parts: Sequence[Mapping[str, npt.NDArray[np.float32]]],
    ) -> Seen:
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self._judges}
        return Seen(labels, self._least_p, joined)


def count(which: npt.NDArray[np.bool_]) -> Count:
    """Count the true ones."""
    return Count(int(which.sum()), len(which))
