"""Judges of a kind learn from each other, too (mutual learning: Zhang et al. 2018, arXiv 1706.00384).

An image is accepted by all acceptors or not at all. If each is wrong on other images, they are wrong twice as often
together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def disagreement(own: Tensor, others: Sequence[Tensor], answers: Tensor) -> Tensor:
    """Return the divergence of a judge's probabilities from the mean of the other judges', a scalar.

    Images of none of the classes do not count: there, an image that fools one judge should not fool the others.

    Args:
        own: logits of the judge, ``[N, K + 1]``; the others get no gradient.
        others: logits of the other judges.
        answers: the right ones, ``[N]``; K: none of the classes.

    Returns:
        the Kullback-Leibler divergence, in nats, averaged over N; 0 if there are no others.
    """
    if not others:
        return own.new_zeros(())
    theirs = torch.stack([logits.detach().softmax(dim=1) for logits in others]).mean(dim=0)
    apart = F.kl_div(own.log_softmax(dim=1), theirs, reduction="none").sum(dim=1)
    return (apart * (answers < own.shape[1] - 1)).mean()
