"""The nearest point at which two conditions hold that are taken for linear: one step of a search.

After minimum-norm attacks (arXiv 1811.09600, 2102.12827) and the closed form for one condition (arXiv
1907.02044), here with a second one, that the image stays sure to the guides.
"""

from __future__ import annotations

import torch
from torch import Tensor

from pytest_failcond.probes.combination.slopes import Slopes

PAST = 0.05
"""The margin, below 0, that steps aim at."""
_SURER = 0.75  # log odds beyond those that guides must give, that steps aim at
_KEPT = 0.5  # how much the present point draws, against the start image
_NOTHING = 1e-12
_PARALLEL = 1e-6  # squared sine of two slopes that count as parallel


def nearest(shifts: Tensor, slopes: Slopes) -> Tensor:
    """Return the shifts, ``[M, D]``, that are shortest and hold both conditions, if slopes stay as they are.

    Minimises |x|² + 0.5 |x - shifts|²: the second term damps, because slopes change.
    """
    a, b = slopes.margin, slopes.doubt
    free = shifts * _KEPT / (1 + _KEPT)
    short_a = (a * (free - shifts)).sum(dim=1) + slopes.seen.margin + PAST
    short_b = (b * (free - shifts)).sum(dim=1) + slopes.seen.doubt + _SURER
    aa, bb = a.square().sum(dim=1) + _NOTHING, b.square().sum(dim=1) + _NOTHING
    ab = (a * b).sum(dim=1)
    only_a, only_b = (short_a / aa).clamp(min=0), (short_b / bb).clamp(min=0)
    rest = (aa * bb - ab.square()).clamp(min=_PARALLEL * aa * bb)
    both_a = ((short_a * bb - short_b * ab) / rest).clamp(min=0)
    both_b = ((short_b * aa - short_a * ab) / rest).clamp(min=0)
    a_is_enough = short_b - only_a * ab <= 0
    b_is_enough = short_a - only_b * ab <= 0
    nothing = torch.zeros_like(aa)
    along_a = torch.where(a_is_enough, only_a, torch.where(b_is_enough, nothing, both_a))
    along_b = torch.where(a_is_enough, nothing, torch.where(b_is_enough, only_b, both_b))
    nearest: Tensor = free - along_a[:, None] * a - along_b[:, None] * b
    return nearest


def shortened(step: Tensor, longest: Tensor) -> Tensor:
    """Return steps ``[M, D]`` that are no longer than ``longest``, ``[M]``."""
    length = step.norm(dim=1).clamp(min=_NOTHING)
    shortened: Tensor = step * (longest / length).clamp(max=1)[:, None]
    return shortened
