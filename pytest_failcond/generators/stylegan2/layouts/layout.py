"""A layout: the names and shapes that a program gives to the tensors of a StyleGAN2.

Every tensor has a name of ours here, such as ``b8.conv0.weight`` or ``mapping.0.bias``; a layout says
where it lies in a file. Layers are called as in `GeneratorConfig.style_layers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError

Floats: TypeAlias = npt.NDArray[np.float32]
Tensors: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""A file's tensors, by their names there."""

_FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
_CLOSE = 1e-5  # of a filter's weights


@dataclass(frozen=True)
class Layout:
    """How a program writes a generator.

    Attributes:
        title: what the file is, for the user.
        place: our name of a tensor → its name in the file.
        unit_axes: our name of a tensor → its axes of size 1 in the file, which ours lacks.
        filters: finds the filters of resizing, which a file may have in any number.
    """

    title: str
    place: Callable[[str], str]
    unit_axes: Callable[[str], tuple[int, ...]]
    filters: re.Pattern[str]


@dataclass(frozen=True)
class Found:
    """The generator in a file.

    Attributes:
        layout: of its tensors.
        tensors: by their names in the file.
        mean: the mean of w, if there is one: its name in the file and its numbers.
        claims: sizes that the file states beside its tensors: our word → (the file's word, the value).
        gains: of the fully connected layers, by our name: what weight and bias are multiplied by to be
            ours; 1 and 1 if left out.
        clamp: of the layers' outputs; None: there is none.
        tells_clamp: whether the file says so, or only cannot tell.
        notes: sentences for the user.
    """

    layout: Layout
    tensors: Tensors
    mean: tuple[str, npt.NDArray[Any]] | None = None
    claims: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    gains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    clamp: float | None = None
    tells_clamp: bool = True
    notes: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Whether the file has the tensor that we call ``name``."""
        return self.layout.place(name) in self.tensors

    def described(self, name: str) -> str:
        """Return the name in the file of the tensor that we call ``name``, and its shape there."""
        place = self.layout.place(name)
        return f"{place} is {sizes(self.tensors[place].shape)}"

    def values(self, name: str) -> npt.NDArray[Any]:
        """Return the tensor that we call ``name``, without the axes that ours lacks.

        Raises:
            FailcondError: the file has no such tensor, or it has other axes, or no floats.
        """
        place, axes = self.layout.place(name), self.layout.unit_axes(name)
        values = self.tensors.get(place)
        if values is None:
            raise FailcondError(f"{place} is missing, so this is no whole generator")
        if values.dtype.kind != "f":
            raise FailcondError(f"{place} has numbers of the type {values.dtype}, not floats")
        if any(axis >= values.ndim or values.shape[axis] != 1 for axis in axes):
            ones = ", ".join(str(axis + 1) for axis in axes)
            raise FailcondError(f"{self.described(name)}, where the size in place {ones} is 1")
        return values.squeeze(axis=axes) if axes else values

    def count(self, name: Callable[[int], str]) -> int:
        """Return how many tensors there are of a series: ``name(0)``, ``name(1)``, …."""
        number = 0
        while self.has(name(number)):
            number += 1
        return number

    def check_filters(self) -> None:
        """Check that the filters of resizing are the one that our network uses.

        Raises:
            FailcondError: one is another.
        """
        for name, values in self.tensors.items():
            if self.layout.filters.search(name):
                total = float(np.sum(values, dtype=np.float64)) or 1.0
                if values.shape != (4, 4) or not np.allclose(values / total, _FILTER, atol=_CLOSE):
                    raise FailcondError(
                        f"{name} is another filter than 1, 3, 3, 1, the only one that is read here"
                    )

    def others(self, used: Set[str]) -> Iterator[str]:
        """Yield the file's names of tensors that are no filters and not, by our names, in ``used``."""
        taken = {self.layout.place(name) for name in used}
        for name in self.tensors:
            if name not in taken and not self.layout.filters.search(name):
                yield name


def sizes(shape: tuple[int, ...]) -> str:
    """Write a shape: ``6 x 5 x 3 x 3``."""
    return " x ".join(str(size) for size in shape) or "one number"
