"""The shape of a generator, read from the shapes of its tensors alone: no flag and no name decides.

Each size is read from one tensor. All others must agree with it, and so must what the file says of itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.layouts.layout import Found, sizes
from pytest_failcond.storage.reading import shown

NOISE = ("noise_strength", "noise")
"""The tensors of a layer's noise, which a generator may lack in all layers."""


@dataclass(frozen=True)
class Size:
    """A size, and our name of the tensor that it was read from."""

    value: int
    source: str


@dataclass(frozen=True)
class Sizes:
    """The sizes of a generator.

    Attributes:
        channels: of the blocks at 4, 8, … px.
        image: channels of its images.
        w: width of w.
        z: width of z.
        mapping: layers of the mapping network.
        classes: how many; None: it is unconditional.
    """

    channels: tuple[Size, ...]
    image: Size
    w: Size
    z: int
    mapping: int
    classes: Size | None

    def config(self, classes: Sequence[str] | None, clamp: float | None) -> GeneratorConfig:
        """Return the generator's configuration.

        Args:
            classes: their names; default "0", "1", ….
            clamp: of the layers' outputs.

        Raises:
            FailcondError: the names are not as many as the classes, or the shape is not one that we can
                compute.
        """
        count = 0 if self.classes is None else self.classes.value
        names = tuple(str(number) for number in range(count)) if classes is None else tuple(classes)
        if len(names) != count:
            has = f"{count} classes" if count else "no classes: its images are of one kind"
            raise FailcondError(f"--classes names {len(names)}, but the generator has {has}")
        side = 4 << (len(self.channels) - 1)
        return GeneratorConfig(
            classes=names,
            resolution=side,
            image_size=(side, side),
            image_channels=self.image.value,
            channels=tuple(size.value for size in self.channels),
            z_dim=self.z,
            w_dim=self.w.value,
            mapping_layers=self.mapping,
            clamp=clamp,
        )

    def shapes(self) -> Iterator[tuple[str, tuple[Size | int, ...]]]:
        """Yield our name of every tensor but the mean, and its shape."""
        w = self.w
        if self.classes is not None:
            yield "mapping.embed.weight", (w, self.classes)
            yield "mapping.embed.bias", (w,)
        inputs = self.z + (0 if self.classes is None else w.value)
        for number in range(self.mapping):
            yield f"mapping.{number}.weight", (w, w if number else inputs)
            yield f"mapping.{number}.bias", (w,)
        yield "constant", (self.channels[0], 4, 4)
        previous = self.channels[0]
        for number, width in enumerate(self.channels):
            side = 4 << number
            if number:
                yield from _convolution(f"b{side}.conv0", width, previous, w, side)
            yield from _convolution(f"b{side}.conv1", width, width, w, side)
            yield from _layer(f"b{side}.torgb", self.image, width, w, 1)
            previous = width


def _layer(
    name: str, outputs: Size, inputs: Size, w: Size, kernel: int
) -> Iterator[tuple[str, tuple[Size | int, ...]]]:
    yield f"{name}.affine.weight", (inputs, w)
    yield f"{name}.affine.bias", (inputs,)
    yield f"{name}.weight", (outputs, inputs, kernel, kernel)
    yield f"{name}.bias", (outputs,)


def _convolution(
    name: str, outputs: Size, inputs: Size, w: Size, side: int
) -> Iterator[tuple[str, tuple[Size | int, ...]]]:
    yield from _layer(name, outputs, inputs, w, 3)
    yield f"{name}.noise_strength", ()
    yield f"{name}.noise", (side, side)


def read_sizes(found: Found) -> Sizes:
    """Read the sizes of a generator, and compare them with all its tensors and all its claims.

    Raises:
        FailcondError: tensors are missing or left over, or two contradict each other; the sentence
            names both.
    """
    blocks = found.count(lambda number: f"b{4 << number}.conv1.weight")
    layers = found.count(lambda number: f"mapping.{number}.weight")
    if blocks < 2 or not layers:
        what = f"{layers} layers of a mapping network and {blocks} blocks"
        raise FailcondError(
            f"it has {what} of a synthesis network: a generator has 1 and 2 or more"
        )
    if not found.has(f"b{2 << blocks}.torgb.weight") or not found.has("b4.torgb.weight"):
        raise FailcondError(
            "its blocks have no image outputs (torgb) of their own: it has the architecture 'orig' or "
            "'resnet', and only 'skip' is read"
        )
    w = _size(found, "b4.conv1.affine.weight", 1)
    classes = None
    if found.has("mapping.embed.weight"):
        classes = _size(found, "mapping.embed.weight", 1)
    first = _size(found, "mapping.0.weight", 1)
    z = first.value - (0 if classes is None else w.value)
    if z < 1:
        raise FailcondError(
            f"{found.described('mapping.0.weight')}, which leaves no inputs for z, because "
            f"{found.described('mapping.embed.weight')}"
        )
    read = Sizes(
        channels=tuple(_size(found, f"b{4 << n}.conv1.weight", 0) for n in range(blocks)),
        image=_size(found, "b4.torgb.weight", 0),
        w=w,
        z=z,
        mapping=layers,
        classes=classes,
    )
    _check_tensors(found, read)
    _check_claims(found, read)
    return read


def _size(found: Found, name: str, axis: int) -> Size:
    shape = found.values(name).shape
    if len(shape) <= axis:
        raise FailcondError(f"{found.described(name)}, which has too few sizes for such a tensor")
    return Size(shape[axis], name)


def _check_tensors(found: Found, read: Sizes) -> None:
    used = {"mapping.mean"}
    for name, shape in read.shapes():
        used.add(name)
        if name.rpartition(".")[2] in NOISE and not found.has(name):
            continue  # seen to where it is read
        actual = found.values(name).shape
        expected = tuple(size.value if isinstance(size, Size) else size for size in shape)
        if len(actual) != len(expected):
            raise FailcondError(f"{found.described(name)}, where {sizes(expected)} belongs")
        for size, one, other in zip(shape, actual, expected, strict=True):
            if one == other:
                continue
            if isinstance(size, Size) and size.source != name:
                raise FailcondError(
                    f"{found.described(name)}, but {found.described(size.source)}: the two do not fit "
                    "together"
                )
            raise FailcondError(f"{found.described(name)}, where {sizes(expected)} belongs")
    if (more := next(found.others(used), None)) is not None:
        raise FailcondError(
            f"it has the tensor {shown(more)}, which no StyleGAN2 generator has: it is of another kind"
        )


def _check_claims(found: Found, read: Sizes) -> None:
    actual = {
        "resolution": 4 << (len(read.channels) - 1),
        "image channels": read.image.value,
        "w": read.w.value,
        "z": read.z,
        "layers of the mapping network": read.mapping,
        "classes": 0 if read.classes is None else read.classes.value,
    }
    for what, (word, claimed) in found.claims.items():
        if claimed != actual[what]:
            raise FailcondError(
                f"it says {word} = {shown(claimed)}, but its tensors have {what} = {actual[what]}: the two "
                "contradict each other"
            )
