"""What a generator is, as plain data: read from a file's header without torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from pytest_failcond.errors import FailcondError


@dataclass(frozen=True)
class GeneratorConfig:
    """The shape of a class-conditional StyleGAN2 (Karras et al. 2019, arXiv 1912.04958).

    Attributes:
        classes: the names of its classes, in the order of their indices.
        resolution: side of what it synthesises, px; a power of two, 8 or more.
        image_size: height and width of what it gives, px: the centre of the square, the rest
            being padding.
        image_channels: 1 (gray) or 3 (RGB).
        channels: feature channels of the blocks at 4, 8, … ``resolution`` px.
        z_dim, w_dim: width of the input noise z and of the mapping network.
        mapping_layers: layers of the mapping network.
    """

    classes: tuple[str, ...]
    resolution: int
    image_size: tuple[int, int]
    image_channels: int
    channels: tuple[int, ...]
    z_dim: int = 64
    w_dim: int = 64
    mapping_layers: int = 4

    def __post_init__(self) -> None:
        log2 = math.log2(self.resolution) if self.resolution > 0 else 0.0
        if log2 != int(log2) or self.resolution < 8:
            raise FailcondError(f"resolution {self.resolution} must be a power of two, 8 or more")
        if len(self.channels) != int(log2) - 1:
            raise FailcondError(
                f"channels {list(self.channels)}: a {self.resolution} px generator has "
                f"{int(log2) - 1} blocks (4 to {self.resolution} px), so give that many"
            )
        if self.image_channels not in (1, 3):
            raise FailcondError(f"image_channels {self.image_channels} must be 1 or 3")
        if not self.classes or len(set(self.classes)) < len(self.classes):
            raise FailcondError("classes: a generator needs at least one, and no name twice")
        if max(self.image_size) > self.resolution or min(self.image_size) < 1:
            raise FailcondError(
                f"image_size {list(self.image_size)} does not fit a {self.resolution} px generator"
            )
        if min(self.channels) < 1 or min(self.z_dim, self.w_dim, self.mapping_layers) < 1:
            raise FailcondError("channels, z_dim, w_dim and mapping_layers must be 1 or more")

    @property
    def block_sizes(self) -> tuple[int, ...]:
        """The blocks' resolutions, px: 4, 8, … ``resolution``."""
        return tuple(4 << i for i in range(len(self.channels)))

    @property
    def crop(self) -> tuple[slice, slice]:
        """Rows and columns of the image within the synthesised square."""
        top, left = ((self.resolution - side) // 2 for side in self.image_size)
        return slice(top, top + self.image_size[0]), slice(left, left + self.image_size[1])

    @property
    def style_layers(self) -> tuple[tuple[str, int], ...]:
        """The modulated layers in StyleSpace order with their widths (input channels).

        The order is Wu et al.'s (2020, arXiv 2011.12799): b4.conv1, b4.torgb, b8.conv0, b8.conv1,
        b8.torgb, ….
        """
        layers: list[tuple[str, int]] = []
        previous = self.channels[0]
        for size, width in zip(self.block_sizes, self.channels, strict=True):
            if size > 4:
                layers.append((f"b{size}.conv0", previous))
            layers.append((f"b{size}.conv1", width))
            layers.append((f"b{size}.torgb", width))
            previous = width
        return tuple(layers)

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GeneratorConfig:
        """Read what `to_json` wrote; raises FailcondError on unknown or missing entries."""
        sequences = {"classes", "image_size", "channels"}
        try:
            values: dict[str, Any] = {k: tuple(v) if k in sequences else v for k, v in data.items()}
            return cls(**values)
        except (TypeError, ValueError, AttributeError) as error:
            raise FailcondError(f"not a generator configuration: {error}") from error
