"""``[tool.failcond.generator]``: a generator file, and how its images become those of the classifier."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from pytest_failcond.config.gate_settings import Table

_LARGEST = 4096  # px


class GeneratorImages(Table):
    """How the generator's images are made like the test images; None: as the test images ask for.

    Attributes:
        crop: height and width of the centre that is kept, px.
        resize: height and width to which that is resized, px.
        channels: 1 for gray, 3 for RGB.
    """

    crop: tuple[int, ...] | None = None
    resize: tuple[int, ...] | None = None
    channels: int | None = None

    @field_validator("crop", "resize")
    @classmethod
    def _a_size(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (len(value) != 2 or not all(1 <= n <= _LARGEST for n in value)):
            raise ValueError(
                f"{list(value)}: give height and width, from 1 to {_LARGEST} px, like [28, 28]"
            )
        return value

    @field_validator("channels")
    @classmethod
    def _gray_or_rgb(cls, value: int | None) -> int | None:
        if value not in (None, 1, 3):
            raise ValueError(f"{value}: give 1 for gray or 3 for RGB")
        return value


def divided(table: dict[str, Any]) -> dict[str, Any]:
    """Return a table of settings with the table ``generator``, if it is one, divided in two.

    A generator is named by ``generator = "file"``, or by ``file`` in the table, beside what is done with
    its images.
    """
    given = table.get("generator")
    if not isinstance(given, dict):
        return table
    images = {key: value for key, value in given.items() if key != "file"}
    return table | {"generator": given.get("file"), "generator_images": images}
