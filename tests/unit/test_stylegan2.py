"""The networks against independent references, and what the StyleSpace promises."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.signal import convolve2d
from tiny import raw, stripes, tiny_config, tiny_generator

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2 import stylespace
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.generators.stylegan2.layers import (
    downsampling_convolution,
    smooth,
    smooth_by_matrices,
    upsample,
    upsample_by_matrices,
)
from pytest_failcond.generators.stylegan2.network import Network, State, StyledConvolution, ToImage
from pytest_failcond.generators.stylegan2.stylespace import index_of, locate
from pytest_failcond.training.discriminator import Discriminator, minibatch_deviation

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
PAPERS = GeneratorConfig(
    tuple("0123456789"), 32, (28, 28), 1, (512,) * 4, z_dim=512, w_dim=512, mapping_layers=2
)


def zero_inserted(image):
    """[H, W] → [2H - 1, 2W - 1] with zeros between the pixels."""
    out = np.zeros((2 * image.shape[0] - 1, 2 * image.shape[1] - 1))
    out[::2, ::2] = image
    return out


@pytest.mark.parametrize(
    ("plain", "by_matrices", "options"),
    [
        (upsample, upsample_by_matrices, {}),
        (smooth, smooth_by_matrices, {"padding": 1, "gain": 4.0}),
        (smooth, smooth_by_matrices, {"padding": 2}),
        (smooth, smooth_by_matrices, {"padding": 1, "stride": 2}),
    ],
)
def test_filters_of_a_gpu_are_those_of_a_cpu_and_so_are_their_gradients(
    plain, by_matrices, options
):
    torch.manual_seed(0)
    found = []
    for filtered in (plain, by_matrices):
        x = torch.randn(2, 3, 6, 9, generator=torch.Generator().manual_seed(1), requires_grad=True)
        y = filtered(x.contiguous(memory_format=torch.channels_last), **options)
        (first,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        found.append((y, first, second))
    for expected, made in zip(*found, strict=True):
        assert made.shape == expected.shape
        largest = float(expected.detach().abs().max())
        torch.testing.assert_close(made, expected, rtol=0, atol=1e-6 * largest)


def test_a_synthesis_without_gradients_works_in_place_and_changes_no_bit():
    synthesis = tiny_generator(clamp=0.5).network.synthesis
    styles = torch.randn(3, sum(synthesis.widths), generator=torch.Generator().manual_seed(0))
    with torch.enable_grad():
        expected = synthesis(styles.clone().requires_grad_()).detach()
    with torch.no_grad():
        assert torch.equal(synthesis(styles), expected)
        kept = synthesis.prefix(styles, 3)
        before = kept.features.clone(), kept.image.clone()
        for _ in range(2):  # a kept state is used again and again
            assert torch.equal(synthesis.suffix(kept, styles, 3), expected)
        assert torch.equal(kept.features, before[0])
        assert torch.equal(kept.image, before[1])


def convolved_at_twice_the_size(image, weight):
    """[in, H, W] and [out, in, 3, 3] → [out, 2H, 2W], pixel by pixel of the definition."""
    large = [
        sum(convolve2d(zero_inserted(x), k) for x, k in zip(image, kernels, strict=True))
        for kernels in weight
    ]
    return np.stack([convolve2d(x, 4 * FILTER)[2:-2, 2:-2] for x in large])


@pytest.mark.parametrize("up", [False, True])
def test_modulated_convolution_equals_the_papers_per_image_weights(up):
    """arXiv 1912.04958, eq. 1 and 3: w' = s w, w'' = w' / sqrt(Σ w'² + ε), one group per image."""
    torch.manual_seed(0)
    layer = StyledConvolution(5, 7, 12 if up else 6, 4, up=up)
    layer.noise_strength.data.fill_(0.3)
    layer.bias.data.normal_()
    x, style = torch.randn(3, 5, 6, 6), torch.randn(3, 5)

    weight = (layer.weight * layer.scale)[None] * style[:, None, :, None, None]
    weight = weight / (weight.square().sum(dim=(2, 3, 4), keepdim=True) + 1e-8).sqrt()
    if up:
        expected = torch.stack(
            [
                torch.from_numpy(convolved_at_twice_the_size(a.numpy(), b.detach().numpy()))
                for a, b in zip(x, weight, strict=True)
            ]
        ).float()
    else:
        grouped = F.conv2d(x.reshape(1, 15, 6, 6), weight.reshape(21, 5, 3, 3), padding=1, groups=3)
        expected = grouped.reshape(3, 7, 6, 6)
    expected = expected + layer.noise * 0.3 + layer.bias[:, None, None]
    expected = F.leaky_relu(expected, 0.2) * 2**0.5

    found = layer(State(x, None), style, None).features
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_to_image_is_modulated_without_demodulation_and_added_to_the_upsampled_image():
    torch.manual_seed(0)
    layer = ToImage(5, 3, 4)
    layer.bias.data.normal_()
    x, style, before = torch.randn(2, 5, 4, 4), torch.randn(2, 5), torch.randn(2, 3, 2, 2)
    expected = torch.einsum("nchw,nc,oc->nohw", x, style, layer.weight[:, :, 0, 0])
    expected = expected + layer.bias[:, None, None] + upsample(before)
    found = layer(State(x, before), style, None)
    torch.testing.assert_close(found.image, expected, atol=1e-5, rtol=1e-5)
    assert found.features is x
    torch.testing.assert_close(layer.style(torch.zeros(1, 4)), torch.full((1, 5), 5**-0.5))


def test_upsampling_is_zero_insertion_and_the_filter():
    x = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    found = upsample(x)
    assert found.shape == (2, 3, 10, 12)
    for n in range(2):
        for c in range(3):
            expected = convolve2d(zero_inserted(x[n, c].numpy()), 4 * FILTER)[1:-1, 1:-1]
            np.testing.assert_allclose(found[n, c], expected, atol=1e-6)
    constant = upsample(torch.ones(1, 1, 6, 6))
    torch.testing.assert_close(constant[:, :, 1:-1, 1:-1], torch.ones(1, 1, 10, 10))


def test_downsampling_convolution_is_the_filter_and_a_strided_convolution():
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    smooth = np.array([[convolve2d(c, FILTER)[1:-1, 1:-1] for c in image] for image in x.numpy()])
    # Padding by 2 and a 4-tap filter give one pixel more, on which a valid convolution lies.
    assert smooth.shape == (2, 3, 9, 9)
    expected = F.conv2d(torch.from_numpy(smooth).float(), weight)[:, :, ::2, ::2]
    torch.testing.assert_close(downsampling_convolution(x, weight), expected, atol=1e-5, rtol=1e-5)


def test_the_papers_generator_has_its_published_size_and_style_space():
    with torch.device("meta"):
        network = Network(PAPERS)
    assert sum(p.numel() for p in network.parameters()) == 20_211_211
    assert [name for name, _ in PAPERS.style_layers] == [
        *("b4.conv1", "b4.torgb", "b8.conv0", "b8.conv1", "b8.torgb"),
        *("b16.conv0", "b16.conv1", "b16.torgb", "b32.conv0", "b32.conv1", "b32.torgb"),
    ]
    assert sum(width for _, width in PAPERS.style_layers) == 5632
    assert sum(width for name, width in PAPERS.style_layers if "torgb" in name) == 2048
    assert locate(PAPERS, 3322) == (6, "b16.conv1", 250)
    assert index_of(PAPERS, "b16.conv1[250]") == 3322


def test_dimensions_have_names_and_back():
    space = tiny_generator().style_space
    assert space.size == 28
    assert [space.index(space.name(k)) for k in range(28)] == list(range(28))
    assert space.name(18) == "b8.conv1[0]"
    assert space.layer_of(18) == 3
    for wrong in ("b8.conv2[0]", "b8.conv1[5]", "b8.conv1", "3"):
        with pytest.raises(FailcondError):
            space.index(wrong)
    for wrong in (-1, 28):
        with pytest.raises(FailcondError, match="outside 0 to 27"):
            space.name(wrong)


def test_style_statistics_are_those_of_many_samples():
    space = tiny_generator().style_space
    assert space.std.shape == (28,)
    assert space.range.shape == (2, 28)
    assert (space.std > 0).all()
    spread = (space.range[1] - space.range[0]) / space.std
    assert ((spread > 3) & (spread < 12)).all()


def test_style_statistics_have_the_same_bits_in_parts(monkeypatch):
    monkeypatch.setattr(stylespace, "cached_array", lambda name, shape, compute: compute())
    generator = tiny_generator()
    found = []
    for at_once in (28, 9):
        monkeypatch.setattr(stylespace, "_AT_ONCE", at_once)
        space = stylespace.StyleSpace(generator.config, generator, "cpu")
        found.append(np.stack([space.std, *space.range]))
    np.testing.assert_array_equal(*found)


def test_a_shift_in_a_layer_leaves_every_earlier_layer_unchanged():
    generator = tiny_generator(resolution=16, image_size=(14, 13), channels=(6, 5, 4))
    styles, synthesis = generator.sample([0, 1, 2, 0], seed=1), generator.network.synthesis
    start = 0
    for number, (_, width) in enumerate(generator.config.style_layers):
        shifted = styles.clone()
        shifted[:, start : start + width] += 0.7
        start += width
        with torch.no_grad():
            before, after = (synthesis.prefix(s, number) for s in (styles, shifted))
        assert torch.equal(before.features, after.features)
        assert (before.image is None) == (number < 2)
        assert before.image is None or torch.equal(before.image, after.image)
        with torch.no_grad():
            finished = synthesis.suffix(before, shifted, number)
        assert torch.equal(finished, raw(generator, shifted))
        assert not torch.equal(finished, raw(generator, styles))


def test_the_image_is_linear_in_torgb_styles():
    generator = tiny_generator(resolution=16, image_size=(16, 16), channels=(6, 5, 4))
    styles = generator.sample([0, 1], seed=1)
    image, start, linear = raw(generator, styles), 0, {}
    for name, width in generator.config.style_layers:
        once, twice = styles.clone(), styles.clone()
        once[:, start] += 1.5
        twice[:, start] += 3.0
        start += width
        change, double = raw(generator, once) - image, raw(generator, twice) - image
        assert change.abs().max() > 1e-4
        linear[name] = torch.allclose(2 * change, double, atol=1e-5)
    assert [name for name, is_linear in linear.items() if is_linear] == [
        "b4.torgb",
        "b8.torgb",
        "b16.torgb",
    ]


def test_samples_and_pixels_do_not_depend_on_how_many_are_made_together():
    generator = tiny_generator()
    labels = np.arange(300) % 3
    styles = generator.sample(labels, seed=5)
    images = generator.synthesize(styles)
    assert torch.equal(generator.sample(labels[:9], seed=5), styles[:9])
    assert torch.equal(generator.synthesize(styles[:9]), images[:9])
    # At another place in the batch, the last bits may be others.
    alone = generator.sample(labels[7:9], seed=5, first=7)
    torch.testing.assert_close(alone, styles[7:9], atol=1e-5, rtol=0)
    torch.testing.assert_close(generator.synthesize(alone), images[7:9], atol=1e-5, rtol=0)
    assert len(generator.synthesize(styles[:0])) == 0
    for other in ({"seed": 6}, {"seed": 5, "stream": "rank"}):
        assert not torch.allclose(generator.sample(labels, **other), styles)


def test_noise_is_constant_or_on_request_fresh_for_every_image():
    generator = tiny_generator()
    styles = generator.sample([0], seed=0).expand(2, -1)
    constant = raw(generator, styles)
    torch.testing.assert_close(constant[0], constant[1])
    with torch.no_grad():
        fresh = generator.network.synthesis(styles, noise=torch.Generator().manual_seed(0))
    assert not torch.allclose(fresh[0], fresh[1])
    assert not torch.allclose(fresh[0], constant[0])


def test_samples_depend_on_the_class():
    generator = tiny_generator()
    assert not torch.allclose(generator.sample([0], seed=0), generator.sample([1], seed=0))
    for labels, words in (([3], "classes 0 to 2, got 3"), ([-1], "-1 is not a class index")):
        with pytest.raises(FailcondError, match=words):
            generator.sample(labels)
    with pytest.raises(FailcondError, match=r"expected \[N, 28\]"):
        generator.synthesize(torch.zeros(1, 27))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resolution", [8, 16, 32, 64])
def test_any_resolution_gray_or_rgb(resolution, channels):
    size = (resolution, resolution - 3)
    config = tiny_config(
        classes=("only",),
        resolution=resolution,
        image_size=size,
        image_channels=channels,
        channels=(3,) * (resolution.bit_length() - 2),
    )
    generator = Generator(config)
    images = generator.finish(raw(generator, generator.sample([0, 0])))
    assert images.shape == (2, channels, *size)
    assert 0 <= images.min() <= images.max() <= 1
    discriminator = Discriminator(config, group=4)
    realness, logits = discriminator(raw(generator, generator.sample([0, 0])), torch.tensor([0, 0]))
    assert realness.shape == (2,)
    assert logits.shape == (2, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resolution": 12}, "power of two"),
        ({"resolution": 4}, "power of two"),
        ({"channels": (6,)}, "2 blocks"),
        ({"channels": (6, 0)}, "1 or more"),
        ({"image_channels": 2}, "1 or 3"),
        ({"image_size": (9, 8)}, "does not fit"),
        ({"classes": ("a", "a")}, "each name once"),
    ],
)
def test_impossible_shapes_are_refused(changes, message):
    with pytest.raises(FailcondError, match=message):
        tiny_config(**changes)


def test_minibatch_deviation_is_the_mean_deviation_over_each_group():
    x = torch.randn(12, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = minibatch_deviation(x, group=4)
    assert torch.equal(found[:, :3], x)
    values = x.numpy().reshape(12, -1)
    for n in range(12):
        members = values[n % 3 :: 3]  # four images, as far apart as can be
        expected = np.sqrt(members.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(found[n, 3], np.full((4, 4), expected), rtol=1e-5)
    assert minibatch_deviation(x[:7], group=4).shape == (7, 4, 4, 4)  # groups of one


def test_the_discriminator_looks_at_the_label():
    torch.manual_seed(0)
    discriminator = Discriminator(tiny_config(), group=4)
    images = torch.from_numpy(stripes(4).images).permute(0, 3, 1, 2) / 127.5 - 1
    first, logits = discriminator(images, torch.tensor([0, 0, 0, 0]))
    second, same = discriminator(images, torch.tensor([1, 1, 1, 1]))
    assert not torch.allclose(first, second)
    assert torch.equal(logits, same)


def test_truncation_draws_styles_towards_the_mean_of_their_own_class():
    """In w, where the way to the mean is straight; the whole network's σ and range stay as they are."""
    generator = tiny_generator()
    labels = torch.arange(300) % 3
    seen = []
    generator.network.synthesis.styles = lambda w: seen.append(w) or torch.zeros(len(w), 1)
    for truncation in (1.0, 0.7, 0.25):
        generator.sample(labels, seed=5, truncation=truncation)
    whole, *others = torch.cat(seen).reshape(3, -1, seen[0].shape[1])[:, :300]
    for truncation, w in zip((0.7, 0.25), others, strict=True):
        for c in range(3):
            mean = generator._mean_w(c)
            own = labels == c
            torch.testing.assert_close(
                w[own] - mean, truncation * (whole[own] - mean), atol=1e-5, rtol=0
            )
            error = 4 * whole[own].std(dim=0) / int(own.sum()) ** 0.5
            assert ((whole[own].mean(dim=0) - mean).abs() < error + 1e-6).all()
    assert not torch.allclose(generator._mean_w(0), generator._mean_w(1))


def test_a_truncated_sample_depends_on_its_number_alone():
    generator, labels = tiny_generator(), torch.arange(70) % 3
    styles = generator.sample(labels, seed=5, truncation=0.6)
    assert torch.equal(generator.sample(labels[:9], seed=5, truncation=0.6), styles[:9])
    alone = generator.sample(labels[7:9], seed=5, first=7, truncation=0.6)
    torch.testing.assert_close(alone, styles[7:9], atol=1e-5, rtol=1e-5)
    assert torch.equal(
        generator.sample(labels, seed=5), generator.sample(labels, seed=5, truncation=1.0)
    )
    assert not torch.allclose(generator.sample(labels, seed=5), styles)
    assert generator.sample(labels[:0], truncation=0.6).shape == (0, styles.shape[1])
    before = tiny_generator().style_space.std
    np.testing.assert_array_equal(generator.style_space.std, before)


@pytest.mark.parametrize("truncation", [0.0, -0.5, 1.01, float("nan")])
def test_a_truncation_outside_its_range_is_refused(truncation):
    with pytest.raises(FailcondError, match=r"^truncation: .* is not over 0 and at most 1$"):
        tiny_generator().sample([0], truncation=truncation)
