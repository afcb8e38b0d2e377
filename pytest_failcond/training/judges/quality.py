"""The quality of judges on held-out images: the shares of readable and of unreadable images that
they accept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.corruptions import NAMES, corrupt
from pytest_failcond.corruptions.names import SEVERITIES
from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.judges.config import KINDS, Kind
from pytest_failcond.judges.networks import Judge
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.subjects.acceptance import Judgement
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training.judges.examples import made_of_nothing
from pytest_failcond.training.judges.negatives import OF_ACCEPTORS, OF_GUIDES
from pytest_failcond.training.judges.variants import readable

PER_CELL, PER_FAMILY = 500, 1_000
"""The most held-out images of each corruption and severity, and of each family of negatives."""
CONFIDENCE = 0.95
_BATCH = 256
_BINS = 15


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
class OfKind:
    """The quality of the judges of one kind, together, on held-out images.

    Attributes:
        clean_first: clean images whose class every judge puts first.
        clean_accepted: clean images accepted as their class.
        rejected_at_most: upper bound of the share of clean images that are not accepted as their class.
        accepted_wrongly: clean images accepted as another class.
        variants_accepted: readable variants, made as in training, accepted as their class.
        corrupted_first, corrupted_accepted: the same for corrupted images, by corruption, then severity.
        caught: negatives of each family that are not accepted as any class.
        calibration: each judge's mean distance between p and the share that is right, over clean images,
            variants and negatives together.
    """

    clean_first: Count
    clean_accepted: Count
    rejected_at_most: float
    accepted_wrongly: Count
    variants_accepted: Count
    corrupted_first: dict[str, list[Count]]
    corrupted_accepted: dict[str, list[Count]]
    caught: dict[str, Count]
    calibration: dict[str, float]


@dataclass(frozen=True)
class JudgeQuality:
    """The quality of judges; JSON-ready through `dataclasses.asdict`.

    Attributes:
        least_p: the probability that every judge must give the class.
        confidence: of the bound.
        kinds: acceptors, and guides if there are any.
    """

    least_p: float
    confidence: float
    kinds: dict[Kind, OfKind]


def measure(
    judges: Mapping[str, Judge],
    held_out: LabeledImages,
    *,
    least_p: float,
    seed: int,
    report: Callable[[int, int, str], None],
    device: str = "cpu",
) -> JudgeQuality:
    """Measure the quality of judges on held-out images.

    Args:
        judges: by name, such as ``acceptor-1``.
        held_out: images that they did not learn from.
        least_p: the probability that every judge must give the class for an image to be accepted.
        seed: keys the variants, corruptions and negatives.
        report: called with the steps done, their number, and the name of the present one.
        device: of the judges.
    """
    bench = _Bench(judges, held_out, least_p, seed, device)
    kinds: list[Kind] = [k for k in KINDS if any(name.startswith(k) for name in judges)]
    steps = len(NAMES) + 3
    report(0, steps, "clean images")
    clean = bench.see(held_out.images, held_out.labels)
    report(1, steps, "readable variants")
    variants = bench.variants()
    report(2, steps, "negatives")
    nothing = bench.negatives()
    cells: dict[str, list[_Seen]] = {}
    for number, name in enumerate(NAMES):
        report(3 + number, steps, f"images under {name}")
        cells[name] = [bench.corrupted(name, severity) for severity in SEVERITIES]
    return JudgeQuality(
        least_p, CONFIDENCE, {k: _of_kind(k, clean, variants, nothing, cells) for k in kinds}
    )


@dataclass(frozen=True)
class _Seen:
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
        return _count(self.together(kind).level(self.labels) > 0)

    def accepted(self, kind: str) -> Count:
        """Count the images accepted as their class."""
        return _count(self.together(kind).accepted(self.labels))

    def as_any(self, kind: str) -> npt.NDArray[np.bool_]:
        """Whether each image is accepted as any class."""
        seen = self.together(kind)
        return seen.accepted(seen.probabilities[0][:, :-1].argmax(axis=1))


class _Bench:
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

    def see(self, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> _Seen:
        """Show uint8 ``[N, H, W, C]``."""
        parts = [
            self._probabilities(torch.from_numpy(to_float(images[start : start + _BATCH])))
            for start in range(0, len(images), _BATCH)
        ]
        return self._seen(labels, parts)

    def corrupted(self, name: str, severity: int) -> _Seen:
        """Show images under a corruption."""
        some = self._data.subset(PER_CELL, self._seed)[0]
        return self.see(corrupt(some.images, name, severity, seed=self._seed), some.labels)

    def variants(self) -> _Seen:
        """Show readable variants of all images."""
        made = self._made(
            "variants", self._data, lambda images, _, random: readable(images, random)
        )
        return self._seen(self._data.labels, made)

    def negatives(self) -> dict[str, _Seen]:
        """Show images of each family of negatives; each kind of judge has learned from some of them only."""
        some = self._data.subset(PER_FAMILY, self._seed)[0]
        none = np.full(len(some), self._none)
        return {
            family.__name__: self._seen(
                none,
                self._made(
                    family.__name__,
                    some,
                    lambda images, labels, random, family=family: made_of_nothing(  # type: ignore[misc]
                        images, labels, [family], random
                    ),
                ),
            )
            for family in (*OF_ACCEPTORS, *OF_GUIDES)
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
    ) -> _Seen:
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self._judges}
        return _Seen(labels, self._least_p, joined)


def _of_kind(
    kind: Kind,
    clean: _Seen,
    variants: _Seen,
    nothing: Mapping[str, _Seen],
    cells: Mapping[str, Sequence[_Seen]],
) -> OfKind:
    accepted = clean.accepted(kind)
    rejected = accepted.total - accepted.found
    wrongly = int(clean.as_any(kind).sum()) - accepted.found
    shown = [clean, variants, *nothing.values()]
    return OfKind(
        clean_first=clean.first(kind),
        clean_accepted=accepted,
        rejected_at_most=proportion_bound(rejected, accepted.total, CONFIDENCE, "upper"),
        accepted_wrongly=Count(wrongly, accepted.total),
        variants_accepted=variants.accepted(kind),
        corrupted_first={name: [cell.first(kind) for cell in row] for name, row in cells.items()},
        corrupted_accepted={
            name: [cell.accepted(kind) for cell in row] for name, row in cells.items()
        },
        caught={name: _count(~seen.as_any(kind)) for name, seen in nothing.items()},
        calibration={
            name: _calibration(
                np.concatenate([seen.probabilities[name] for seen in shown]),
                np.concatenate([seen.labels for seen in shown]),
            )
            for name in clean.probabilities
            if name.startswith(kind)
        },
    )


def _calibration(p: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> float:
    """Return the expected calibration error (Guo et al. 2017, arXiv 1706.04599) over equally filled bins."""
    sure, right = p.max(axis=1).astype(np.float64), p.argmax(axis=1) == labels
    bins = np.array_split(np.argsort(sure, kind="stable"), _BINS)
    gaps = [abs(sure[rows].mean() - right[rows].mean()) * len(rows) for rows in bins if len(rows)]
    return float(sum(gaps) / len(p))


def _count(which: npt.NDArray[np.bool_]) -> Count:
    return Count(int(which.sum()), len(which))
