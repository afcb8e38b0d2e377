"""Images that show none of the classes (negatives), made from labelled images, in families.

Labels are needed only to pair images of different classes. Acceptors and guides learn from different families,
so that a search that fools a guide does not fool the acceptors, which decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from pytest_failcond.training.judges import ops

Family = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""Images ``[N, C, H, W]`` in [0, 1] and their labels ``[N]`` → as many images of nothing."""


_ADDED = 1.3
"""Two images over each other count as unreadable if they have this many times the ink of the stronger one."""


def partners(labels: Tensor, random: torch.Generator) -> Tensor:
    """Return for each image the row of an image of another class, if there are enough of these, ``[N]``."""
    count = len(labels)
    shuffled = torch.randperm(count, generator=random)
    order = shuffled[labels[shuffled].argsort(stable=True)]
    most = int(labels.bincount().max())
    shift = int(
        torch.randint(min(most, count - most), max(most, count - most) + 1, (), generator=random)
    )
    other = torch.empty_like(order)
    other[order] = order.roll(shift)
    return other


def _rearranged(images: Tensor, cells: int, random: torch.Generator) -> Tensor:
    """Shuffle the pieces of each image; a rest at the border is cut off and filled."""
    count, channels, height, width = images.shape
    rows, columns = height // cells, width // cells
    cut = images[:, :, : rows * cells, : columns * cells]
    pieces = cut.reshape(count, channels, cells, rows, cells, columns)
    pieces = pieces.permute(0, 2, 4, 1, 3, 5).reshape(count, cells * cells, -1)
    order = torch.rand((count, cells * cells), generator=random).argsort(dim=1)
    # A shuffle may leave more than a quarter of the pieces in place; it is then moved on by one.
    same = (order == torch.arange(cells * cells)).float().mean(dim=1) > 0.25
    order = torch.where(same[:, None], order.roll(1, dims=1), order)
    pieces = pieces.gather(1, order[:, :, None].expand_as(pieces))
    pieces = pieces.reshape(count, cells, cells, channels, rows, columns).permute(0, 3, 1, 4, 2, 5)
    whole = pieces.reshape(count, channels, rows * cells, columns * cells)
    return F.pad(whole, (0, width - columns * cells, 0, height - rows * cells), mode="replicate")


def quarters(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Shuffle four pieces: every part is natural, the whole is not."""
    return _rearranged(images, 2, random)


def sixteenths(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Shuffle sixteen pieces."""
    return _rearranged(images, 4, random)


def ninths(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Shuffle nine pieces."""
    return _rearranged(images, 3, random)


def blends(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Mix images of two classes in about equal shares."""
    other = images[partners(labels, random)]
    share = ops.uniform(images, 0.42, 0.58, random)
    blend = images * share + other * (1 - share)
    return torch.where(_covers(images, other), quarters(images, labels, random), blend)


def overlays(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Lay images of two classes over each other: each pixel is the one farther from its image's median."""
    return _overlaid(images, images[partners(labels, random)], labels, random)


def crossings(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Lay images of two classes over each other, one of them turned."""
    angle = torch.rand(len(images), generator=random) * math.pi / 2 + math.pi / 4
    other = images[partners(labels, random)]
    turned = ops.moved(other, angle, torch.ones(len(images)), torch.zeros((len(images), 2)))
    return _overlaid(images, turned, labels, random)


def thrown(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Two classes over each other, one of them mirrored, moved and of another size."""
    other = images[partners(labels, random)]
    other = torch.where(ops.chance(images, 0.5, random), other.flip(2), other.flip(3))
    count = len(images)
    scale = torch.rand(count, generator=random) * 0.5 + 0.7
    shift = (torch.rand((count, 2), generator=random) - 0.5) * 0.4
    other = ops.moved(other, torch.zeros(count), scale, shift)
    return _overlaid(images, other, labels, random)


def _overlaid(images: Tensor, other: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    both = torch.where(_standing_out(images) >= _standing_out(other), images, other)
    return torch.where(_covers(images, other), quarters(images, labels, random), both)


def _standing_out(images: Tensor) -> Tensor:
    return (images - ops.middle(images)).abs()


def _covers(images: Tensor, other: Tensor) -> Tensor:
    """Whether one of two images nearly covers the other, so that one is still readable, bool ``[N, 1, 1, 1]``."""
    a, b = _standing_out(images), _standing_out(other)
    both = torch.maximum(a, b).sum(dim=(1, 2, 3), keepdim=True)
    larger = torch.maximum(*(x.sum(dim=(1, 2, 3), keepdim=True) for x in (a, b)))
    return both < _ADDED * larger


def smears(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Blur until only a patch is left; half of the images get noise too."""
    sigma = ops.uniform(images, 0.14, 0.3, random) * ops.side(images)
    soft = ops.blurred(images, sigma)
    grain = ops.uniform(images, 0.0, 0.25, random) * ops.chance(images, 0.5, random)
    return soft + grain * ops.noise(images, random)


def drowned(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Add noise that is stronger than the image's contrast."""
    gain = ops.uniform(images, 0.08, 0.2, random)
    strength = ops.uniform(images, 1.1, 2.5, random)
    shown = 0.5 + gain * (images - ops.middle(images))
    return shown + gain * strength * ops.noise(images, random)


def blobs(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Draw a soft patch of any shape, with or without noise, in the levels of the image."""
    shape = ops.field(images, 3, random) * ops.window(
        images, ops.uniform(images, 0.4, 1, random), random
    )
    edge = ops.uniform(images, 4.0, 30.0, random)
    patch = torch.sigmoid((shape - ops.uniform(images, 0.45, 0.7, random)) * edge)
    grain = ops.uniform(images, 0.0, 0.35, random) * ops.chance(images, 0.6, random)
    low, high = ops.ends(images)
    return low + (high - low) * patch + grain * ops.noise(images, random)


def textures(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Keep the image's spectrum and draw its phases at random: the same roughness, without the shapes."""
    spectrum = torch.fft.rfft2(images)
    phases = torch.fft.rfft2(torch.rand((len(images), 1, *images.shape[2:]), generator=random))
    turned = spectrum.abs() * phases / phases.abs().clamp(min=1e-6)
    turned[:, :, 0, 0] = spectrum[:, :, 0, 0]  # the mean stays
    made: Tensor = torch.fft.irfft2(turned, s=images.shape[2:])
    return ops.of_range(made, images)


def fragments(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Keep a small piece of the image on an empty ground."""
    kept = ops.window(images, ops.uniform(images, 0.2, 0.32, random), random, 0.6)
    return torch.where(kept, images, ops.middle(images))


def scatter(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Take each pixel from a random place nearby: the ink stays, the strokes go."""
    reach = ops.uniform(images, 0.16, 0.4, random)
    offsets = torch.rand((len(images), 2, *images.shape[2:]), generator=random) * 2 - 1
    return ops.displaced(images, offsets * reach)


def tangles(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Bend beyond recognition: strokes are as sharp as before, in an unknown shape."""
    bends = ops.field(images, 4, random, channels=2) - 0.5
    return ops.displaced(images, bends * ops.uniform(images, 0.8, 1.3, random))


def collages(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Join quarters of four images, each moved to the opposite corner."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    out = images.clone()
    for top in (0, images.shape[2] - height):
        for left in (0, images.shape[3] - width):
            other = images[torch.randperm(len(images), generator=random)]
            from_top = images.shape[2] - height - top
            out[:, :, top : top + height, left : left + width] = other[
                :, :, from_top : from_top + height, left : left + width
            ]
    return out


def mosaics(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Reduce to 3 x 3 or 4 x 4 squares."""
    coarse, finer = (
        F.interpolate(F.adaptive_avg_pool2d(images, cells), images.shape[2:], mode="nearest")
        for cells in (3, 4)
    )
    return torch.where(ops.chance(images, 0.5, random), coarse, finer)


def peppered(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Make most pixels as dark or as bright as the image goes."""
    share = ops.uniform(images, 0.55, 0.85, random)
    draws = torch.rand((len(images), 1, *images.shape[2:]), generator=random)
    low, high = ops.ends(images)
    either = torch.where(draws * 2 < share, low, high)
    return torch.where(draws < share, either, images)


def clouds(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Draw noise of all sizes at once, in the levels of the image."""
    sizes = [ops.field(images, n, random, images.shape[1]) / n for n in (2, 4, 8, 16)]
    return ops.of_range(torch.stack(sizes).sum(dim=0), images)


def holes(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Cover the middle: only the margins are left."""
    covered = ops.window(images, ops.uniform(images, 0.55, 0.75, random), random, 0.2)
    return torch.where(covered, ops.middle(images), images)


def hidden(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Blur until an image is hardly readable, and add noise."""
    soft = ops.blurred(images, ops.uniform(images, 0.1, 0.16, random) * ops.side(images))
    return soft + ops.uniform(images, 0.25, 0.5, random) * ops.noise(images, random)


def murky(images: Tensor, labels: Tensor, random: torch.Generator) -> Tensor:
    """Blurred and noisy, each less than would hide it alone."""
    soft = ops.blurred(images, ops.uniform(images, 0.095, 0.15, random) * ops.side(images))
    strength = ops.uniform(images, 0.4, 0.8, random) * ops.span(soft)
    return soft + strength * ops.noise(images, random)


OF_ACCEPTORS: tuple[Family, ...] = (
    *(quarters, sixteenths, blends, overlays, smears, drowned),
    *(blobs, textures, fragments, scatter, tangles, thrown, murky),
)
OF_GUIDES: tuple[Family, ...] = (
    *(ninths, collages, mosaics, peppered, crossings, clouds, holes, hidden),
)
_HARD: dict[Family, int] = {blends: 3, overlays: 4, crossings: 3, thrown: 5}


def taught(families: tuple[Family, ...]) -> tuple[Family, ...]:
    """Repeat the families that are hardest to catch, two classes in one image, as often as a judge sees them."""
    return tuple(family for family in families for _ in range(_HARD.get(family, 1)))
