"""Where images change along a direction: the ninths of the image that change most, by name."""

from __future__ import annotations

from dataclasses import dataclass

REGIONS = (
    "top left",
    "top",
    "top right",
    "left",
    "centre",
    "right",
    "bottom left",
    "bottom",
    "bottom right",
)
"""The ninths of an image, row by row."""

ALL_OVER = "all over"
LEAST_CHANGE = 0.05
"""σ of the pixels that a place must change by to be spoken of; another image differs by about 1."""
_NAMED_FROM = 1.5  # times the mean change of all ninths
_AREAS = {
    (0, 1, 2): "upper third",
    (3, 4, 5): "middle rows",
    (6, 7, 8): "lower third",
    (0, 3, 6): "left third",
    (1, 4, 7): "middle columns",
    (2, 5, 8): "right third",
    (0, 1, 3, 4): "upper left",
    (1, 2, 4, 5): "upper right",
    (3, 4, 6, 7): "lower left",
    (4, 5, 7, 8): "lower right",
    (0, 2, 6, 8): "corners",
}


@dataclass(frozen=True)
class Where:
    """Where images change along a direction, up to what was tested.

    Attributes:
        file: the picture of the mean absolute difference over the start images, by pixel; white is
            ``most``.
        most: the largest of these differences, as a share of the whole range.
        regions: mean absolute difference in each of `REGIONS`, in σ of its pixels among generated
            images, ``[9]``.
    """

    file: str
    most: float
    regions: list[float]

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places that change; none if they change by less than `LEAST_CHANGE`.

        They are the ninths that change by 1.5 times the mean of all, or *all over* if no ninth does.
        """
        if self.change < LEAST_CHANGE:
            return ()
        named = self._named()
        if named in _AREAS:
            return (_AREAS[named],)
        return tuple(REGIONS[i] for i in named) or (ALL_OVER,)

    @property
    def all_over(self) -> bool:
        """Whether no place changes more than others."""
        return not self._named()

    @property
    def change(self) -> float:
        """The mean change of these places, σ."""
        changes = [self.regions[i] for i in self._named()] or self.regions
        return sum(changes) / len(changes)

    def _named(self) -> tuple[int, ...]:
        least = _NAMED_FROM * sum(self.regions) / len(self.regions)
        return tuple(i for i, change in enumerate(self.regions) if change >= least > 0)
