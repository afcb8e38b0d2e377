"""The combined corner cases found from the start images of a class, as plain data for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.probes.direction.record import AttributeChange
from pytest_failcond.probes.keys import CombinationKey, DirectionKey, Key
from pytest_failcond.probes.moved import Moved
from pytest_failcond.statistics.shifts import crossing_shift
from pytest_failcond.storage.packing import pack, pack_bits, unpack_bits, unpack_floats

Floats = npt.NDArray[np.float64]
_ROUNDED = 1e-3
"""σ by which a kept distance may differ from that of its kept shifts."""


@dataclass(frozen=True)
class Pictured:
    """Some cases in pictures: a column each, the start image above the combination.

    Attributes:
        file: file name in the run's folder.
        rows: the start image of each, by its place among all, ``[P]``.
        p: the classifier's probability of the class, at the start and at the combination, ``[P][2]``.
        changes: the attributes that change most in each, in σ among generated images, ``[P]``.
    """

    file: str
    rows: list[int]
    p: list[list[float]]
    changes: list[dict[str, float]]


@dataclass(frozen=True)
class Combined:
    """The result of the search from N start images of a class, along D dimensions.

    Attributes:
        key, class_index: of the class.
        toward: the wanted prediction, a class by index; None: any other class.
        max_distance: end of the search, σ: the root of the sum of the squares of a combination's shifts.
        samples: numbers of the start images in the generator's stream, ``[N]``.
        dimensions, names, std: the dimensions that may be moved, by number and by layer, and their σ, ``[D]``.
        moved: which dimensions are moved in each combination, rejected ones included: bits ``[N, D]``, packed;
            see `shifts_of`.
        shifts: their shifts, σ, signed: packed float32, row by row.
        distances: of each start image's combination, σ, ``[N]``; 0: wrong before it is moved (with
            ``toward``: predicted as that class); None: none was found.
        predicted: the classifier's prediction there, ``[N]``; of the start image if none was found.
        rejected: whether an acceptor rejected the combination that the guides let pass: bits ``[N]``, packed.
        levels: how surely the acceptors see the class there, ``[N]``; None without a judge or a case.
        guided_by_acceptors: whether the search saw the judges that decide.
        guides: hashes of the judges that it saw instead; None: one has no hash.
        judged: whether there is a judge.
        way: of the search: by ``gradient`` or by ``evolution``; by ``steps`` in runs of earlier versions.
        attributes: the changes from start images to their combinations, largest first.
        groups: the moved cases by their looks, in places among the start images: the largest group
            first, and its most typical case first.
        pictured: the most typical case of each group; None without a moved case.
    """

    key: CombinationKey
    class_index: int
    toward: int | None
    max_distance: float
    samples: list[int]
    dimensions: list[int]
    names: list[str]
    std: list[float]
    moved: str
    shifts: str
    distances: list[float | None]
    predicted: list[int]
    rejected: str
    levels: list[float | None]
    guided_by_acceptors: bool
    guides: list[str | None]
    judged: bool
    way: str
    attributes: list[AttributeChange] = field(default_factory=list)
    groups: list[list[int]] = field(default_factory=list)
    pictured: Pictured | None = None

    @property
    def total(self) -> int:
        """Start images, N."""
        return len(self.samples)

    @property
    def tested_to(self) -> float:
        """The distance beyond which nothing was searched, σ."""
        return self.max_distance

    @cached_property
    def found(self) -> Floats:
        """The distances as numbers, ``[N]``; infinite if none was found."""
        return np.array([np.inf if d is None else d for d in self.distances])

    @property
    def wrong_unmoved(self) -> int:
        """Start images that are wrong before they are moved."""
        return int((self.found == 0).sum())

    @property
    def cases(self) -> npt.NDArray[np.int64]:
        """The start images that a combination breaks, by their place, the typical cases first."""
        order = [group[i] for i in range(self.total) for group in self.groups if i < len(group)]
        return np.array(order, dtype=np.int64)

    @cached_property
    def is_rejected(self) -> npt.NDArray[np.bool_]:
        """Whether each start image's combination passed the guides, and an acceptor rejected it, ``[N]``."""
        return unpack_bits(self.rejected, self.total)

    @property
    def rejections(self) -> int:
        """The number of rejected combinations."""
        return int(self.is_rejected.sum())

    @property
    def rejected_cases(self) -> npt.NDArray[np.int64]:
        """The start images whose rejected combination is kept, by their place; runs of earlier versions kept none."""
        return np.flatnonzero(self.is_rejected & self.is_moved.any(axis=1))

    @cached_property
    def is_moved(self) -> npt.NDArray[np.bool_]:
        """Which dimensions each combination moves, ``[N, D]``."""
        return unpack_bits(self.moved, self.total, len(self.dimensions))

    @cached_property
    def _shifts(self) -> npt.NDArray[np.float32]:
        return unpack_floats(self.shifts, count=int(self.is_moved.sum()))

    @cached_property
    def all_shifts(self) -> npt.NDArray[np.float32]:
        """The shift of every dimension in every combination, σ, ``[N, D]``."""
        dense = np.zeros(self.is_moved.shape, dtype=np.float32)
        dense[self.is_moved] = self._shifts
        return dense

    def shifts_of(self, row: int) -> dict[int, float]:
        """Return the combination of a start image: dimension → shift, σ, the farthest first."""
        return farthest_first(self.dimensions, self.all_shifts[row])

    def moved_of(self, row: int) -> Moved:
        """Return the combination of a start image, its shifts in the fewest digits that lose nothing."""
        shifts = self.shifts_of(row)
        keys = (DirectionKey(self.class_index, d, 1 if s > 0 else -1) for d, s in shifts.items())
        exact = (float(str(np.float32(abs(shift)))) for shift in shifts.values())
        return Moved(self.class_index, self.samples[row], tuple(keys), tuple(exact))

    @property
    def median_dimensions(self) -> float | None:
        """The median number of dimensions that a combination moves; None without one."""
        counts = self.is_moved.sum(axis=1)[self.cases]
        return float(np.median(counts)) if len(counts) else None

    def broken_by(self, distance: float) -> int:
        """Start images that are broken within a distance."""
        return int((self.found <= distance + 1e-9).sum())

    @property
    def steps(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The distances at which the broken share rises, from 0 on, and the images broken by each."""
        at = np.unique([0.0, *self.found[np.isfinite(self.found)]])
        return at, (self.found[:, None] <= at).sum(axis=0)

    @property
    def distance(self) -> float | None:
        """The distance within which half of the start images are broken, σ; None: there is none."""
        return crossing_shift(*self.steps, self.total)

    @property
    def standing_out(self) -> list[AttributeChange]:
        """The attributes whose change stands out against natural variation, largest first."""
        return [change for change in self.attributes if change.stands_out]

    @property
    def files(self) -> set[str]:
        """Names of its pictures."""
        return set() if self.pictured is None else {self.pictured.file}

    def to_json(self) -> dict[str, Any]:
        """Return the entry of the run file."""
        names = self.__dataclass_fields__
        data = {name: getattr(self, name) for name in names if name != "class_index"}
        data["class"] = self.class_index
        data["attributes"] = [vars(change) for change in self.attributes]
        data["pictured"] = None if self.pictured is None else vars(self.pictured)
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Combined:
        """Read an entry of the run file.

        Raises:
            ValueError: its packed parts do not fit to the others.
        """
        fields = {name: value for name, value in data.items() if name != "class"}
        key = CombinationKey(data["class"], data["toward"])
        fields |= {"key": key, "class_index": data["class"]}
        fields["attributes"] = [AttributeChange(**change) for change in data["attributes"]]
        pictured = data["pictured"]
        fields["pictured"] = None if pictured is None else Pictured(**pictured)
        read = cls(**fields)
        try:
            read._check()
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
        return read

    def _check(self) -> None:
        """Check the packed parts.

        Raises:
            ValueError: one is damaged, or does not fit to the distances.
        """
        lengths = np.sqrt((self.all_shifts.astype(np.float64) ** 2).sum(axis=1))
        kept = np.where(np.isfinite(self.found), self.found, 0)
        fits = np.isclose(lengths, kept, rtol=_ROUNDED, atol=_ROUNDED)
        within = lengths <= self.max_distance * (1 + _ROUNDED)
        if not (fits | self.is_rejected & (kept == 0) & within).all():
            raise ValueError("its shifts do not have the length of its distances")
        if sorted(self.cases.tolist()) != np.flatnonzero(kept > 0).tolist():
            raise ValueError("its groups are not of its cases")


def is_broken(
    predicted: npt.NDArray[np.int64], class_index: int, toward: int | None
) -> npt.NDArray[np.bool_]:
    """Whether each prediction, ``[N]``, is a break of a search: the wanted class, or any but the own."""
    broken: npt.NDArray[np.bool_] = (
        predicted != class_index if toward is None else predicted == toward
    )
    return broken


def farthest_first(
    dimensions: Sequence[int] | npt.NDArray[np.int64], shifts: npt.NDArray[np.floating[Any]]
) -> dict[int, float]:
    """Return the dimensions that are moved, and how far, σ; the farthest first. Both are ``[D]``."""
    order = np.argsort(-np.abs(shifts), kind="stable")[: np.count_nonzero(shifts)]
    return {int(dimensions[place]): float(shifts[place]) for place in order}


def packed(shifts: npt.NDArray[np.float32]) -> tuple[str, str]:
    """Return shifts ``[N, D]`` as they are kept: the moved dimensions, and how far each is moved."""
    moved = shifts != 0
    return pack_bits(moved), pack(shifts[moved], "<f4")


def combined_in(records: Mapping[Key, Any]) -> dict[CombinationKey, Combined]:
    """Return the combined corner cases, by key."""
    return {key: one for key, one in records.items() if isinstance(key, CombinationKey)}


def untargeted(found: Sequence[Combined]) -> list[Combined]:
    """Return the searches for any other class, by class."""
    return sorted((one for one in found if one.toward is None), key=lambda one: one.class_index)
