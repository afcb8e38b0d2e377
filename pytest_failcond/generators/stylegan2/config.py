"""The shape of a generator, as plain data: read from a file's header without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.batching import Batches
from pytest_failcond.storage.reading import Many, Record, validate

_LARGEST = 4096  # px
_WIDEST = 65_536  # channels of a layer, or dimensions of z and w
_MOST_LAYERS = 64  # of the mapping network
_Width = Annotated[int, Field(ge=1, le=_WIDEST)]


class _ConfigRecord(Record):
    """A `GeneratorConfig` in a file's header."""

    classes: Many[str]
    resolution: int
    image_size: Annotated[list[int], Field(min_length=2, max_length=2)]
    image_channels: int
    channels: Many[_Width]
    z_dim: _Width
    w_dim: _Width
    mapping_layers: Annotated[int, Field(ge=1, le=_MOST_LAYERS)]
    clamp: Annotated[float, Field(gt=0)] | None = None


@dataclass(frozen=True)
class GeneratorConfig:
    """The shape of a StyleGAN2 (Karras et al. 2019, arXiv 1912.04958).

    Attributes:
        classes: the names of its classes, in the order of their indices; none: it is unconditional, and
            keeps the mean of w for truncation.
        resolution: side of the synthesised square, px; a power of two, 8 or more.
        image_size: height and width of its images, px: the centre of the square, without the
            padding.
        image_channels: 1 (gray) or 3 (RGB).
        channels: feature channels of the blocks at 4, 8, … ``resolution`` px.
        z_dim, w_dim: width of the input noise z and of the mapping network.
        mapping_layers: layers of the mapping network.
        clamp: the outputs of all synthesis layers are kept within ± this; None: they are not.
    """

    classes: tuple[str, ...]
    resolution: int
    image_size: tuple[int, int]
    image_channels: int
    channels: tuple[int, ...]
    z_dim: int = 64
    w_dim: int = 64
    mapping_layers: int = 4
    clamp: float | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.resolution <= _LARGEST or self.resolution.bit_count() != 1:
            raise FailcondError(
                f"resolution {self.resolution} must be a power of two, from 8 to {_LARGEST}"
            )
        blocks = self.resolution.bit_length() - 2
        if len(self.channels) != blocks:
            raise FailcondError(
                f"channels {list(self.channels)}: a {self.resolution} px generator has "
                f"{blocks} blocks (4 to {self.resolution} px), so give that many"
            )
        if self.image_channels not in (1, 3):
            raise FailcondError(f"image_channels {self.image_channels} must be 1 or 3")
        if len(set(self.classes)) < len(self.classes):
            raise FailcondError("classes: expected each name once")
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
    def values_before(self) -> tuple[int, ...]:
        """The values of an image before each modulated layer, in StyleSpace order."""
        found: list[int] = []
        previous = self.channels[0]
        for size, width in zip(self.block_sizes, self.channels, strict=True):
            found += [previous * (size // 2) ** 2] * (size > 4) + [width * size**2] * 2
            previous = width
        return tuple(found)

    @property
    def products(self) -> tuple[int, ...]:
        """The multiplications of each modulated layer's convolution, for an image."""
        found: list[int] = []
        previous = self.channels[0]
        for size, width in zip(self.block_sizes, self.channels, strict=True):
            up = 9 * previous * width * (size // 2) ** 2
            own = [9 * width**2 * size**2, width * self.image_channels * size**2]
            found += [up] * (size > 4) + own
            previous = width
        return tuple(found)

    def work_from(self, layer: int) -> float:
        """Return the share of a synthesis's multiplications in the layers from a number on."""
        return sum(self.products[layer:]) / sum(self.products)

    @property
    def batches(self) -> Batches:
        """How many images are computed together."""
        widths = dict(zip(self.block_sizes, self.channels, strict=True))
        blocks = [size**2 * width for size, width in widths.items()]
        return Batches.of(*self.image_size, widest=max(blocks), kept=2 * sum(blocks))

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

    @property
    def mapping_inputs(self) -> int:
        """The width of the mapping network's input: z and, if there are classes, the embedded class."""
        return self.z_dim + (self.w_dim if self.classes else 0)

    @property
    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor of such a generator, by its name in the file."""
        w = self.w_dim
        shapes: dict[str, tuple[int, ...]] = {}

        def dense(name: str, outputs: int, inputs: int) -> None:
            shapes.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

        if self.classes:
            dense("mapping.embed", w, len(self.classes))
        else:
            shapes["mapping.mean"] = (w,)
        for number in range(self.mapping_layers):
            dense(f"mapping.layers.{number}", w, w if number else self.mapping_inputs)
        shapes["synthesis.constant"] = (self.channels[0], 4, 4)
        widths = dict(zip(self.block_sizes, self.channels, strict=True))
        for number, (name, inputs) in enumerate(self.style_layers):
            layer, (block, kind) = f"synthesis.layers.{number}", name.split(".")
            size = int(block.removeprefix("b"))
            dense(f"{layer}.affine", inputs, w)
            to_image = kind == "torgb"
            outputs, kernel = (self.image_channels, 1) if to_image else (widths[size], 3)
            shapes[f"{layer}.weight"] = (outputs, inputs, kernel, kernel)
            shapes[f"{layer}.bias"] = (outputs,)
            if not to_image:
                shapes |= {f"{layer}.noise_strength": (), f"{layer}.noise": (size, size)}
        return shapes

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> GeneratorConfig:
        """Read the result of `to_json`.

        Raises:
            FailcondError: it is of other types, or not the shape of a generator.
        """
        try:
            record = validate(_ConfigRecord, data)
        except ValueError as error:
            raise FailcondError(str(error)) from error
        sequences = ("classes", "image_size", "channels")
        return cls(**vars(record) | {name: tuple(getattr(record, name)) for name in sequences})
