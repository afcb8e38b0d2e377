"""The generator's networks: a mapping network and a synthesis network with skip outputs.

Karras et al. 2019, *Analyzing and Improving the Image Quality of StyleGAN* (arXiv 1912.04958),
class-conditional as in Karras et al. 2020 (arXiv 2006.06676), or unconditional. Shapes: N images, K classes, S style
dimensions, H x W px.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.layers import (
    Dense,
    activate,
    convolution_weight,
    kept_within,
    normalise,
    scaled,
    upsample,
    upsampling_convolution,
)


class State(NamedTuple):
    """The state of a synthesis: features ``[N, C, H, W]`` and image ``[N, c, H, W]``."""

    features: Tensor
    image: Tensor | None

    def select(self, index: Tensor) -> State:
        """Return the state of the images at ``index``."""
        image = None if self.image is None else self.image[index]
        return State(self.features[index], image)

    @staticmethod
    def joined(parts: Sequence[State]) -> State:
        """Return the state of the images of all parts, in their order."""
        if len(parts) == 1:
            return parts[0]
        images = [part.image for part in parts if part.image is not None]
        features = torch.cat([part.features for part in parts])
        return State(features, torch.cat(images) if images else None)


class Mapping(nn.Module):
    """z ``[N, z_dim]`` and labels ``[N]`` → w ``[N, w_dim]``; without classes, labels are not read."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.classes = len(config.classes)
        self.mean: Tensor
        if self.classes:
            self.embed = Dense(self.classes, config.w_dim)  # at the full learning rate
        else:
            self.register_buffer("mean", torch.zeros(config.w_dim))
        widths = [config.mapping_inputs] + [config.w_dim] * config.mapping_layers
        self.layers = nn.ModuleList(Dense(a, b, lr_scale=0.01) for a, b in pairwise(widths))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = normalise(z)
        if self.classes:
            one_hot = F.one_hot(labels, self.classes).to(z.dtype)
            x = torch.cat([x, normalise(self.embed(one_hot))], dim=1)
        for layer in self.layers:
            x = activate(layer(x))
        return x


class StyledConvolution(nn.Module):
    """Modulated 3 x 3 convolution, noise, bias and leaky ReLU; doubles the size if ``up``.

    Scaling the input channels by the style and the output channels by the demodulation equals
    scaling the weights per image (arXiv 1912.04958, eq. 1 and 3), with one ordinary convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        w_dim: int,
        *,
        up: bool,
        clamp: float | None = None,
    ) -> None:
        super().__init__()
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = convolution_weight(outputs, inputs, 3)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.noise: Tensor
        self.register_buffer("noise", torch.randn(size, size))
        self.scale = 1.0 / math.sqrt(inputs * 9)
        self.up = up
        self.clamp = clamp

    def style(self, w: Tensor) -> Tensor:
        """Return the layer's style ``[N, in]``: the affine output."""
        style: Tensor = self.affine(w)
        return style

    def forward(self, state: State, style: Tensor, noise: torch.Generator | None) -> State:
        x = state.features
        weight = self.weight * self.scale
        power = weight.square().sum(dim=(2, 3))  # [out, in]
        demodulation = (style.square() @ power.T + 1e-8).rsqrt()
        x = x * style.to(x.dtype)[:, :, None, None]
        if self.up:
            x = upsampling_convolution(x, weight.to(x.dtype))
        else:
            x = F.conv2d(x, weight.to(x.dtype), padding=1)
        x = scaled(x, demodulation.to(x.dtype)[:, :, None, None])
        pixels = self.noise
        if noise is not None:
            shape = (len(x), 1, *self.noise.shape)
            pixels = torch.randn(shape, generator=noise, device=noise.device)
        x += (pixels * self.noise_strength).to(x.dtype)
        x += self.bias.to(x.dtype)[:, None, None]
        x = activate(x)
        return State(kept_within(x, self.clamp), state.image)


class ToImage(nn.Module):
    """Modulated 1 x 1 convolution without demodulation, added to the upsampled image so far."""

    def __init__(
        self, inputs: int, image_channels: int, w_dim: int, *, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = convolution_weight(image_channels, inputs, 1)
        self.bias = nn.Parameter(torch.zeros(image_channels))
        self.scale = 1.0 / math.sqrt(inputs)
        self.clamp = clamp

    def style(self, w: Tensor) -> Tensor:
        """Return the layer's style ``[N, in]``, the weight gain included (arXiv 2011.12799)."""
        style: Tensor = self.affine(w) * self.scale
        return style

    def weighted(self, x: Tensor, style: Tensor) -> Tensor:
        """Return the layer's own part of the image, without its bias: linear in ``style``."""
        x = F.conv2d(x * style.to(x.dtype)[:, :, None, None], self.weight.to(x.dtype))
        return x.float()

    def rate(self, x: Tensor, shift: Tensor) -> Tensor:
        """Return the change of the layer's own part for a shift of the style, ``[in]``: ``[N, c, H, W]``."""
        shifted = shift.nonzero()[:, 0]  # few channels, of all
        weight = self.weight[:, shifted, 0, 0] * shift[shifted]
        return torch.einsum("oc,nchw->nohw", weight.to(x.dtype), x[:, shifted]).float()

    def room(self, x: Tensor, style: Tensor, rates: Tensor) -> Tensor:
        """Return how many times each of ``rates`` ``[D, N, c, H, W]`` can be added before the clamp
        acts: ``[D, N]``.
        """
        limit = math.inf if self.clamp is None else self.clamp
        own = self.weighted(x, style) + self.bias[:, None, None]
        return (limit - own.abs().amax(dim=(1, 2, 3))) / rates.abs().amax(dim=(2, 3, 4))

    def forward(self, state: State, style: Tensor, noise: torch.Generator | None) -> State:
        own = self.weighted(state.features, style) + self.bias[:, None, None]
        image = kept_within(own, self.clamp)
        if state.image is not None:
            image = image + upsample(state.image)
        return State(state.features, image)


class Synthesis(nn.Module):
    """Styles ``[N, S]`` → images ``[N, c, H, W]`` in about [-1, 1], layer after layer.

    Every modulated layer maps a `State` to the next, in StyleSpace order. So all layers before a
    shifted one can be computed once (`prefix`) and reused (`suffix`).
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.randn(config.channels[0], 4, 4))
        self.clamp = config.clamp
        self.names = [name for name, _ in config.style_layers]
        self.widths = [width for _, width in config.style_layers]
        layers: list[StyledConvolution | ToImage] = []
        previous, w, clamp = config.channels[0], config.w_dim, config.clamp
        for size, width in zip(config.block_sizes, config.channels, strict=True):
            if size > 4:
                layers.append(StyledConvolution(previous, width, size, w, up=True, clamp=clamp))
            layers.append(StyledConvolution(width, width, size, w, up=False, clamp=clamp))
            layers.append(ToImage(width, config.image_channels, w, clamp=clamp))
            previous = width
        self.layers: Sequence[StyledConvolution | ToImage] = nn.ModuleList(layers)  # type: ignore[assignment]

    def styles(self, w: Tensor) -> Tensor:
        """Return every layer's style, concatenated: w ``[N, w_dim]`` → ``[N, S]``."""
        return torch.cat([layer.style(w) for layer in self.layers], dim=1)

    def start(self, count: int, dtype: torch.dtype = torch.float32) -> State:
        """Return the learned constant, ``count`` times."""
        features = self.constant.to(dtype).expand(count, -1, -1, -1)
        return State(features.contiguous(memory_format=torch.channels_last), None)

    def prefix(self, styles: Tensor, layer: int) -> State:
        """Return the state before layer number ``layer``."""
        return self._run(self.start(len(styles)), styles, range(layer), None)

    def suffix(self, state: State, styles: Tensor, layer: int) -> Tensor:
        """Finish from the state before layer number ``layer``."""
        done = self._run(state, styles, range(layer, len(self.layers)), None)
        assert done.image is not None
        return done.image

    def linear(
        self, state: State, styles: Tensor, shifts: Tensor, layer: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the images, their change for each shift, and how many times each shift can be added to
        each image before a clamp acts: ``[N, c, R, R]``, ``[D, N, c, R, R]``, ``[D, N]``.

        Features are computed once, and nothing for each shift but its part of the image.

        Args:
            state: before layer number ``layer``.
            styles: of the images, ``[N, S]``.
            shifts: ``[D, S]``; in image layers alone, so that no feature changes.
            layer: the first layer that is shifted.
        """
        room = styles.new_full((len(shifts), len(styles)), math.inf)
        change: Tensor | None = None
        styled, shifted = (torch.split(values, self.widths, dim=1) for values in (styles, shifts))
        for number in range(layer, len(self.layers)):
            found, style = self.layers[number], styled[number]
            if isinstance(found, ToImage):
                rates = torch.stack([found.rate(state.features, s) for s in shifted[number]])
                if self.clamp is not None:
                    room = torch.minimum(room, found.room(state.features, style, rates))
                if change is not None:
                    rates += upsample(change.flatten(0, 1)).reshape(rates.shape)
                change = rates
            state = found(state, style, None)
        assert state.image is not None
        assert change is not None
        return state.image, change, room

    def forward(
        self,
        styles: Tensor,
        *,
        dtype: torch.dtype = torch.float32,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """Synthesise; with a ``noise`` generator the noise inputs are fresh, else the constants."""
        state = self.start(len(styles), dtype)
        done = self._run(state, styles, range(len(self.layers)), noise)
        assert done.image is not None
        return done.image

    def _run(
        self, state: State, styles: Tensor, layers: range, noise: torch.Generator | None
    ) -> State:
        parts = torch.split(styles, self.widths, dim=1)
        for number in layers:
            state = self.layers[number](state, parts[number], noise)
        return state


class Network(nn.Module):
    """Mapping and synthesis together, as trained and saved."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.mapping = Mapping(config)
        self.synthesis = Synthesis(config)
