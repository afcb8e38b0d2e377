"""Equal shares: of all images for each class, and of a class's images for each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

T = TypeVar("T")


def shares(total: int, among: Sequence[T]) -> dict[T, int]:
    """Divide a total into equal parts; the first ones are larger by one where it cannot be."""
    least, more = divmod(total, len(among)) if among else (0, 0)
    return {name: least + (number < more) for number, name in enumerate(among)}


def missing(
    total: int, kinds: Sequence[T], found: Mapping[T, int], given_up: AbstractSet[T]
) -> dict[T, int]:
    """Return how many images are missing of each kind, without those of which none are.

    The share of a kind that is given up falls to the others.
    """
    lost = sum(found.get(kind, 0) for kind in kinds if kind in given_up)
    wanted = shares(total - lost, [kind for kind in kinds if kind not in given_up])
    return {kind: n - found.get(kind, 0) for kind, n in wanted.items() if n > found.get(kind, 0)}
