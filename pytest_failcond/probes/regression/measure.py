"""Images lost and gained since a baseline, in pictures."""

from __future__ import annotations

from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.records.examples import PICTURED, SavePicture, examples_of
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.subjects.images import side_by_side


def picture_change(
    laboratory: Laboratory, then: Measurement, now: Measurement, save: SavePicture
) -> dict[str, Examples | None]:
    """Picture some lost images and some gained ones, if there are any.

    Args:
        laboratory: the subjects.
        then: of the baseline.
        now: of the same pixels.
        save: keeps the pictures.
    """
    pairs = {"lost": (then, now), "gained": (now, then)}
    return {
        name: _picture(f"{name}:{now.key}", laboratory, pair, (then, now), save)
        for name, pair in pairs.items()
    }


def _picture(
    name: str,
    laboratory: Laboratory,
    right_wrong: tuple[Measurement, Measurement],
    then_now: tuple[Measurement, Measurement],
    save: SavePicture,
) -> Examples | None:
    """Picture some images that the first of two measurements has right, and the second wrong."""
    right, wrong = right_wrong
    order = laboratory.picture_order
    rows = order[(right.right & ~wrong.right)[order]][:PICTURED]
    if not len(rows):
        return None
    key = then_now[1].key
    pixels = PROBES.images(key, laboratory, rows)
    file = save(name, side_by_side(pixels))
    return examples_of(rows, laboratory.indices, *then_now, file)
