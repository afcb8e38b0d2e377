"""Whether the user's images suit what is measured on them, as remarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pytest_failcond.config.settings import CorruptionSettings, Settings
from pytest_failcond.corruptions.constants import CIFAR_C, IMAGENET_C
from pytest_failcond.generators.base import Generator
from pytest_failcond.subjects.images import LabeledImages
from pytest_failcond.words.remarks import Remark

DARKEST = 64
"""The brightest level of 255 up to which a set of images is noticed as dark."""
SMALLEST = 64
"""px of the shorter side, under which ImageNet-C's constants are noticed, unless they were chosen."""


def remarks_on(
    images: LabeledImages, generator: Generator | None, settings: Settings
) -> Iterator[Remark]:
    """Notice images of several kinds, dark ones, and small ones under constants of large ones; and a
    generator whose images are changed to be like them.
    """
    if generator is not None and (done := _done_to_images(generator)):
        yield Remark(
            "generator",
            "fitted",
            f"generator: its images are {done}, to be like the test images; crop, resize and channels "
            f"in {settings.table('generator')} choose otherwise",
        )
    if images.noticed:
        yield Remark("images", "mixed", images.noticed)
    if (brightest := int(images.images.max())) <= DARKEST:
        yield Remark(
            "images",
            "dark",
            f"images: the brightest level of all is {brightest} of 255; scale them to 0 … 255, as the "
            "corruptions expect",
        )
    height, width, _ = images.shape
    if min(height, width) < SMALLEST and _by_default(settings.corruptions):
        yield Remark(
            "images",
            "small",
            f"images: they have {height} x {width} px, and ImageNet-C's corruptions are meant for 224 px; "
            f'set constants = "cifar-c", meant for 32 px, in {settings.table("corruptions")}, or '
            '"imagenet-c" to keep them',
        )


def tell_of(generator: Generator, tell: Callable[[Remark], None]) -> None:
    """Let a generator whose classes are the judges' tell which share of its images they keep."""
    from pytest_failcond.generators.by_rejection import ByRejection

    if isinstance(generator, ByRejection):
        generator.notice = tell


def _done_to_images(generator: Generator) -> str:
    from pytest_failcond.generators.by_rejection import of_any_kind
    from pytest_failcond.generators.fitted import Fitted

    inner = of_any_kind(generator)
    return inner.fit.words if isinstance(inner, Fitted) else ""


def _by_default(grid: CorruptionSettings | None) -> bool:
    """Whether a grid's constants are ImageNet-C's without having been chosen, and CIFAR-C's differ."""
    if grid is None or "constants" in grid.model_fields_set or grid.backend != "native":
        return False
    parts = [(name, *_parts(grid, name)) for name in grid.names]
    return any(IMAGENET_C.get(n) != CIFAR_C.get(n) for names in parts for n in names)


def _parts(grid: CorruptionSettings, name: str) -> tuple[str, ...]:
    parts = grid.custom.get(name, ())
    return () if isinstance(parts, str) else parts
