"""The origin of a generated image: a start image of a class, and how far it is moved along which directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot
from typing import Annotated

from pydantic import AfterValidator

from pytest_failcond.probes.direction.keys import read_key
from pytest_failcond.probes.keys import DirectionKey, Key, RankingKey

_DIGITS = 4  # of a kept shift, σ
_NAMED = 4  # directions in a file's name at most
_MOST = 1_000  # directions of one image


@dataclass(frozen=True)
class Moved:
    """A start image of a class, moved along directions; along none: unmoved.

    Attributes:
        class_index: its class.
        sample: its number in the generator's stream.
        directions: of that class, each of another dimension.
        shifts: how far it is moved along each, σ.
    """

    class_index: int
    sample: int
    directions: tuple[DirectionKey, ...] = ()
    shifts: tuple[float, ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys that name it in a command."""
        return self.directions or (RankingKey(self.class_index),)

    @property
    def moves(self) -> dict[str, float]:
        """The shift along each direction, σ, by the direction's key."""
        return dict(zip(map(str, self.directions), self.shifts, strict=True))

    @property
    def distance(self) -> float:
        """The combined shift, σ: the root of the sum of the squares."""
        return hypot(*self.shifts)

    def beyond(self, by: float, end: float) -> Moved:
        """Return it moved farther in the same way, by ``by`` σ and not beyond ``end``, with shifts as files keep
        them.
        """
        scale = max(1.0, min(1 + by / self.distance, end / self.distance))
        return replace(self, shifts=tuple(round(scale * shift, _DIGITS) for shift in self.shifts))

    @property
    def name(self) -> str:
        """The name of its picture."""
        parts = [
            f"{key.dimension}-{key.way}-{shift:g}"
            for key, shift in zip(self.directions, self.shifts, strict=True)
        ]
        if len(parts) > _NAMED:  # a file's name is not endless
            parts = [*parts[:_NAMED], f"and-{len(parts) - _NAMED}-more"]
        kind = "direction" if parts else "start"
        return "-".join([kind, str(self.class_index), *parts, str(self.sample)])


def moved_by(moves: Mapping[str, float], sample: int) -> Moved:
    """Return the start image that is moved along directions, named by their keys, as files keep them.

    Raises:
        ValueError: there are none, one is no direction, they are of several classes, or two move one dimension.
    """
    if not 0 < len(moves) <= _MOST:
        raise ValueError(f"expected 1 to {_MOST} directions, got {len(moves)}")
    keys = []
    for text, shift in moves.items():
        key = read_key(text)
        if not isinstance(key, DirectionKey):
            raise ValueError(f"{text!r} must be a direction, such as direction:8:322:+")
        if shift < 0:
            raise ValueError(f"{text}: expected a shift of 0 σ or more, got {shift:g}")
        keys.append(key)
    if len({key.class_index for key in keys}) > 1:
        raise ValueError("the directions are of different classes")
    if len({key.dimension for key in keys}) < len(keys):
        raise ValueError("a dimension is moved twice")
    return Moved(keys[0].class_index, sample, tuple(keys), tuple(moves.values()))


def _checked(moves: dict[str, float]) -> dict[str, float]:
    moved_by(moves, 0)
    return moves


Moves = Annotated[dict[str, float], AfterValidator(_checked)]
"""Shifts along directions of a class, σ, by the keys of the directions, as files keep them."""
