"""Muon: kernels move along their momentum with all its directions made equally long (Jordan et al. 2024).

https://kellerjordan.github.io/posts/muon. In a short training it needs fewer images than AdamW, which moves all
parameters that are no kernels of inner convolutions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_KEPT, _KEPT_SQUARES = 0.9, 0.999
_EPSILON = 1e-8
_ROUNDS = 5
_ABC = 3.4445, -4.7750, 2.0315
"""Of the polynomial a + b x² + c x⁴ that moves singular values near 1, at once or in a few rounds."""
_LENGTH = 0.2
"""Root mean square of a step, in learning rates, as AdamW's steps have it (arXiv 2502.16982)."""


class Muon(Optimizer):
    """Moves inner kernels by Muon and everything else by AdamW.

    Args:
        kernels: weights ``[outputs, inputs, height, width]``.
        others: the other parameters.
        learning_rate: of the others, as AdamW's.
        share: that of the kernels, divided by that of the others.
        decay: of all weights.
    """

    def __init__(
        self,
        kernels: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        learning_rate: float,
        share: float,
        decay: float,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(others), "share": 1.0, "kernels": False},
            {"params": list(kernels), "share": share, "kernels": True},
        ]
        filled = [group for group in groups if group["params"]]
        super().__init__(filled, {"lr": learning_rate, "decay": decay})
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["exp_avg"] = torch.zeros_like(parameter)
                if not group["kernels"]:
                    state["step"] = torch.zeros(())
                    state["exp_avg_sq"] = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        """Move all parameters along their gradients."""
        for group in self.param_groups:
            length = group["lr"] * group["share"]
            move = _along_kernel if group["kernels"] else _along
            for parameter in group["params"]:
                parameter.mul_(1 - length * group["decay"])
                parameter.sub_(length * move(parameter.grad, self.state[parameter]))


def _along(gradient: Tensor, state: dict[str, Tensor]) -> Tensor:
    state["step"] += 1
    steps = int(state["step"])
    state["exp_avg"].lerp_(gradient, 1 - _KEPT)
    state["exp_avg_sq"].lerp_(gradient.square(), 1 - _KEPT_SQUARES)
    size = (state["exp_avg_sq"] / (1 - _KEPT_SQUARES**steps)).sqrt_().add_(_EPSILON)
    step: Tensor = state["exp_avg"] / size.mul_(1 - _KEPT**steps)
    return step


def _along_kernel(gradient: Tensor, state: dict[str, Tensor]) -> Tensor:
    state["exp_avg"].lerp_(gradient, 1 - _KEPT)
    ahead = gradient.lerp(state["exp_avg"], _KEPT).flatten(1)
    turned: Tensor = orthogonal(ahead) * (_LENGTH * max(ahead.shape) ** 0.5)
    return turned.reshape(gradient.shape)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return a matrix with the same directions whose singular values are all near 1 (0.7 to 1.2).

    Each round is a polynomial of x xᵀ times x. Polynomials of one matrix commute, so all rounds are computed on the
    smaller square x xᵀ and meet x once.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + _EPSILON)
    a, b, c = _ABC
    square = x @ x.T
    one = torch.eye(len(square), dtype=x.dtype, device=x.device)
    turn = one
    for _ in range(_ROUNDS):
        factor = a * one + b * square + c * (square @ square)
        turn, square = factor @ turn, factor @ square @ factor
    turned: Tensor = turn @ x
    return turned.T if tall else turned
