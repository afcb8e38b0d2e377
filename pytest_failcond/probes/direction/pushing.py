"""Images pushed along single dimensions to the ends of the generator's own range, and the fall of p."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pytest_failcond.generators.base import Generator, batches_of, work_from
from pytest_failcond.probes.direction.outlook import Outlook, Work, clock
from pytest_failcond.probes.direction.starts import Starts
from pytest_failcond.subjects.classifier import Classifier

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_UNSURE = 0.15  # quantile of p(class) among the images that are right
_KEPT = 1 << 24  # values of changed images that a mover may keep: 67 MB


class Pushing:
    """The fall of p(class) over the images of a class, by pushes.

    A push is a number: that of its dimension if it goes up, and S more if it goes down.

    Args:
        generator: makes the images, of S dimensions.
        classifier: the model under test; no gradients are needed.
        starts: N images.
        planned: images that will be pushed.
        outlook: is told the time of each batch.
    """

    def __init__(
        self,
        generator: Generator,
        classifier: Classifier,
        starts: Starts,
        planned: int,
        outlook: Outlook | None = None,
    ) -> None:
        self._generator, self._classifier, self._starts = generator, classifier, starts
        space = generator.style_space
        self._size, (self._low, self._high) = space.size, space.range
        self._layers = np.array([space.layer_of(k) for k in range(space.size)])
        self._work = np.array([work_from(generator, layer) for layer in self._layers.tolist()])
        p = classifier.probabilities(generator.synthesize(starts.styles), owned=True)
        self._unmoved = p[:, starts.class_index].astype(np.float64)
        self._rows = _unsure_first(self._unmoved, p.argmax(axis=1) == starts.class_index)
        self._outlook, self._mean = outlook, float(self._work.mean())
        self._planned = Work(planned, planned * self._mean)
        self._done, self._made, self._seen = Work(0, 0.0), 0.0, 0.0

    def falls(self, pushes: Ints, first: int, last: int) -> Floats:
        """Return the fall of p(class) by each push of images number ``first`` to ``last`` - 1, those first
        of which the classifier is fairly unsure: ``[len(pushes), last - first]``.
        """
        rows = self._rows[first:last]
        p = np.empty(len(pushes) * len(rows))
        size = self._classifier.size_for(*self._generator.image_shape[:2])
        for places, images in _in_batches(self._pushed(pushes, rows), size):
            before = clock()
            seen = self._classifier.probabilities(images, owned=True)
            p[places] = seen[:, self._starts.class_index]
            self._seen += clock() - before
            if self._outlook is not None:
                self._outlook.pushed(self._done, self._planned, self._made, self._seen, self._mean)
        falls: Floats = self._unmoved[rows] - p.reshape(len(pushes), len(rows))
        return falls

    def _pushed(self, pushes: Ints, rows: Ints) -> Iterator[tuple[Ints, Tensor]]:
        """Yield images, with their places among all: ``rows`` of the first push, of the second, …"""
        styles = self._starts.styles[torch.from_numpy(rows)]
        batch = batches_of(self._generator).images
        for members in self._groups(pushes % self._size, len(rows)):
            before = clock()
            dimensions, which = np.unique(pushes[members] % self._size, return_inverse=True)
            units = (self._high - self._low)[dimensions].tolist()
            moves = [{k: unit} for k, unit in zip(dimensions.tolist(), units, strict=True)]
            mover = self._generator.mover(styles, moves)
            amounts = self._amounts(pushes[members], styles).reshape(-1)
            for start in range(0, len(amounts), batch):
                member, row = np.divmod(
                    np.arange(start, min(start + batch, len(amounts))), len(rows)
                )
                images = mover.images(row, which[member], amounts[start : start + batch])
                self._made += clock() - before
                work = self._work[pushes[members[member]] % self._size].sum()
                self._done = Work(
                    self._done.images + len(images), self._done.syntheses + float(work)
                )
                yield members[member] * len(rows) + row, images
                before = clock()

    def _groups(self, dimensions: Ints, count: int) -> Iterator[Ints]:
        """Yield the places of the pushes that share a mover, for ``count`` images each.

        They are those of one layer; and of later ones, where their images fit into the last batch, which
        is filled up anyway. A mover keeps the changes in layers that repeat no work.
        """
        height, width, channels = self._generator.image_shape
        most = max(1, _KEPT // (count * height * width * channels))
        batch = batches_of(self._generator).images
        together, room = np.empty(0, dtype=np.int64), 0
        layers = self._layers[dimensions]
        for layer in np.unique(layers):
            members = np.flatnonzero(layers == layer)
            if not self._work[dimensions[members[0]]]:
                yield from (members[i : i + most] for i in range(0, len(members), most))
            elif len(members) * count <= room:
                together = np.concatenate([together, members])
                room -= len(members) * count
            else:
                if len(together):
                    yield together
                together, room = members, -len(members) * count % batch
        if len(together):
            yield together

    def _amounts(self, pushes: Ints, styles: Tensor) -> Floats:
        """Return how far each push moves each image, in widths of the range: ``[len(pushes), N]``.

        An image that lies beyond an end is not moved.
        """
        k = pushes % self._size
        values = styles[:, torch.from_numpy(k)].double().numpy().T
        low, high = self._low[k, None], self._high[k, None]
        up, down = (high - values).clip(min=0), (low - values).clip(max=0)
        room = np.where(pushes[:, None] < self._size, up, down)
        amounts: Floats = np.divide(room, high - low, out=np.zeros_like(room), where=high > low)
        return amounts


def _unsure_first(p: Floats, right: npt.NDArray[np.bool_]) -> Ints:
    """Return the rows of images in the order in which they are pushed.

    First come images of which the classifier is fairly unsure: they tell pushes apart. A sure one changes
    by few pushes, and one that is nearly wrong by most. Images that are wrong come last.
    """
    rows = np.flatnonzero(right)
    rows = rows[np.argsort(p[rows], kind="stable")]
    distance = np.abs(np.arange(len(rows)) - int(_UNSURE * len(rows)))
    return np.concatenate([rows[np.argsort(distance, kind="stable")], np.flatnonzero(~right)])


def _in_batches(parts: Iterable[tuple[Ints, Tensor]], size: int) -> Iterator[tuple[Ints, Tensor]]:
    """Join images and their places to batches of ``size``, the last one smaller."""
    places, images = np.empty(0, dtype=np.int64), None
    for more_places, more in parts:
        places = np.concatenate([places, more_places])
        images = more if images is None else torch.cat([images, more])
        while len(images) >= size:
            yield places[:size], images[:size]
            places, images = places[size:], images[size:]
    if images is not None and len(images):
        yield places, images
