"""The methods that the search for corner cases needs of a generator with any network.

Shapes: N images of C channels, H x W px; S dimensions of a style vector. An image depends on its
style vector alone, and a shift in one dimension is an addition to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.process.batching import GENERATED, Batches

if TYPE_CHECKING:
    from torch import Tensor

BATCH = GENERATED
"""Style vectors that are computed together, and images at most (`batches_of`); fixed, so that pixels do
not depend on the number of requested images."""

Move = Mapping[int, float]
"""A way to change an image: the additions to dimensions of its style vector, for one unit."""


class StyleSpace(Protocol):
    """The dimensions of a generator's style vectors."""

    @property
    def size(self) -> int:
        """S."""

    @property
    def std(self) -> npt.NDArray[np.float64]:
        """σ of each dimension over style vectors of all classes: ``[S]``."""

    @property
    def range(self) -> npt.NDArray[np.float64]:
        """The generator's own range: 0.1 % and 99.9 % quantiles of each dimension, ``[2, S]``."""

    def name(self, dimension: int) -> str:
        """Write a dimension as ``layer[channel]``."""

    def layer_of(self, dimension: int) -> int:
        """Return the number of the layer that a dimension modulates.

        Raises:
            FailcondError: there is no such dimension.
        """


class Mover(Protocol):
    """N images to be moved along some ways, without a whole synthesis for each."""

    def images(
        self,
        rows: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        amounts: npt.NDArray[np.float64],
    ) -> Tensor:
        """Return image ``rows[i]`` moved by ``amounts[i]`` units of move ``which[i]``.

        float32 ``[M, C, H, W]`` in [0, 1], on the CPU. An image does not depend on M nor, except
        for its last bits, on the other requested images.
        """


class Generator(Protocol):
    """Makes images of classes from style vectors."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes, by index."""

    @property
    def hash(self) -> str:
        """Its hash: of its weights, and of all else that its images depend on."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""

    @property
    def style_space(self) -> StyleSpace:
        """The dimensions of its style vectors, their σ and range."""

    def sample(
        self,
        labels: Any,
        seed: int = 0,
        *,
        stream: str = "sample",
        first: int = 0,
        truncation: float = 1.0,
    ) -> Tensor:
        """Draw style vectors: labels int ``[N]`` → float32 ``[N, S]``, on the CPU.

        They are the samples number ``first``, ``first`` + 1, … of a stream, keyed by seed and name.
        ``truncation``, over 0 and at most 1, is what remains of each sample's difference from the mean of
        its class, where the generator makes a class of noise.

        Raises:
            FailcondError: a label is not a class of this generator, or not a whole number.
        """

    def synthesize(self, styles: Tensor) -> Tensor:
        """Make images, in batches: styles ``[N, S]`` → float32 ``[N, C, H, W]`` in [0, 1], on the CPU.

        Raises:
            FailcondError: the style vectors have another width.
        """

    def render(self, styles: Tensor) -> Tensor:
        """Make the images of one batch on the generator's device; gradients flow to ``styles``."""

    def mover(self, styles: Tensor, moves: Sequence[Move]) -> Mover:
        """Prepare to move the images of ``styles`` ``[N, S]``, each along any of ``moves``.

        Layers that no move changes are computed once: moves that begin in one layer belong
        together.

        Raises:
            FailcondError: the style vectors have another width, or a dimension does not exist.
        """


def batches_of(generator: Generator) -> Batches:
    """Return how many images of a generator are computed together: its own ``batches``, if it has them,
    else by the size of its images.
    """
    own: Batches | None = getattr(generator, "batches", None)
    height, width, _ = generator.image_shape if own is None else (0, 0, 0)
    return Batches.of(height, width) if own is None else own


def work_from(generator: Generator, layer: int) -> float:
    """Return the share of a synthesis that a shift in a layer repeats, by a generator's own
    ``work_from(layer)``; all of it if it has none.
    """
    own = getattr(generator, "work_from", None)
    return 1.0 if own is None else float(own(layer))


def as_generator(given: Any) -> Generator:
    """Return the given generator, if it has all necessary methods; nothing is computed.

    Raises:
        FailcondError: it lacks one.
    """
    wanted = [name for name in vars(Generator) if not name.startswith("_")]
    lacking = [name for name in wanted if getattr_static(given, name, None) is None]
    if isinstance(given, type) or lacking:
        what = f"the class {given.__name__}" if isinstance(given, type) else type(given).__name__
        without = f" without {', '.join(lacking)}" if lacking else ""
        raise FailcondError(
            f"generator: expected what Generator.load(path) returns, got {what}{without}"
        )
    found: Generator = given
    return found
