"""Rankings by gradient: where there is none, effects are measured, and the reason is said."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond import Classifier, FailcondError, find_corner_cases, rank_dimensions
from tests.unit.tiny import tiny_generator

LEVEL = torch.tensor([2.1, -6.4, 9.1])  # so that images of the tiny generator are of any class


class Model(nn.Module):
    """Logits from random weights, on their way to or from which something happens to them."""

    def __init__(self, after=lambda logits: logits, before=lambda images: images) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(64, 3, generator=random))
        self.after, self.before = after, before

    def forward(self, images):
        return self.after(self.before(images).flatten(1) @ self.weight - LEVEL)


class WithoutGradients(Model):
    @torch.no_grad()
    def forward(self, images):
        return super().forward(images)


class InInferenceMode(Model):
    @torch.inference_mode()
    def forward(self, images):
        return super().forward(images)


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise NotImplementedError("no backward\npass was written")


def at_the_first(value):
    """Make the gradient of the first image of a batch something else."""

    def change(logits):
        def spoil(gradient):
            gradient = gradient.clone()
            gradient[0] = value
            return gradient

        if logits.requires_grad:
            logits.register_hook(spoil)
        return logits

    return change


def loaded_in_inference_mode():
    with torch.inference_mode():
        return Model()


def plain(images):
    """The same model, of NumPy arrays."""
    with torch.no_grad():
        return Model()(torch.from_numpy(images)).numpy()


NONE = "the output of the classifier has no gradient: its forward detaches it, computes without"
STEPS = "is zero in every dimension at all 8 images"
CASES = {
    "a plain callable": (lambda: plain, "the classifier is a plain callable, which has no gradients"),
    "no_grad": (WithoutGradients, NONE),
    "inference_mode": (InInferenceMode, NONE),
    "detach": (lambda: Model(lambda x: x.detach()), NONE),
    "through numpy": (lambda: Model(lambda x: torch.from_numpy(x.detach().numpy())), NONE),
    "integers": (lambda: Model(lambda x: (x * 10).long()), NONE),
    "labels": (lambda: Model(lambda x: nn.functional.one_hot(x.argmax(1), 3) * 9), NONE),
    "half of it detached": (lambda: Model(before=lambda x: x.round(decimals=1)), STEPS),
    "rounding": (lambda: Model(lambda x: torch.round(x * 4) / 4), STEPS),
    "a sign": (lambda: Model(torch.sign), STEPS),
    "saturated": (lambda: Model(lambda x: x * 1e6), "because its softmax is saturated (p is exactly 0 or 1)"),
    "nan": (lambda: Model(at_the_first(float("nan"))), "the gradient of the classifier is not finite at 1 of 8 images"),
    "infinite": (lambda: Model(at_the_first(float("inf"))), "is not finite at 1 of 8 images"),
    "root of 0": (lambda: Model(lambda x: x + (x * 0).abs().sqrt()), "is not finite at 8 of 8 images"),
    "no backward": (lambda: Model(Broken.apply), "the gradient of the classifier raised NotImplementedError: no backward pass was"),
    "inference weights": (loaded_in_inference_mode, "the classifier raised RuntimeError on images [8, 1, 8, 8]: Infe"),
}  # fmt: skip


def silent(make):
    model = make()
    classifier = Classifier(model.eval() if isinstance(model, nn.Module) else model)
    classifier.notice = lambda remark: None
    return classifier


@pytest.mark.parametrize("case", CASES)
def test_without_a_gradient_effects_are_measured_and_the_reason_is_said(case):
    """Where a gradient is asked for, the class is refused with the remedy."""
    make, reason = CASES[case]
    generator = tiny_generator()
    with pytest.raises(FailcondError) as caught:
        rank_dimensions(generator, silent(make), 1, samples=8, way="gradient")
    assert str(caught.value).startswith("class 'square' cannot be ranked by gradient: ")
    assert reason in str(caught.value)
    assert str(caught.value).endswith(", or have it ranked by measured effect")
    assert "\n" not in str(caught.value)
    ranking = rank_dimensions(generator, silent(make), 1, samples=8)
    assert ranking.way == "effect"
    assert reason in ranking.why
    asked = rank_dimensions(generator, silent(make), 1, samples=8, way="effect")
    assert asked.why == "as configured"
    for other in ("dimensions", "scores"):
        assert np.array_equal(getattr(ranking, other), getattr(asked, other))
    assert sorted(ranking.dimensions) == list(range(28))
    found = find_corner_cases(generator, silent(make), 1, top=1, samples=8, max_shift=1.0)
    assert [f.key.dimension for f in found.directions] == [ranking.dimensions[0]]


def test_what_no_push_changes_is_not_ranked():
    for make in (lambda: Model(lambda x: x * 0), lambda: lambda images: np.zeros((len(images), 3))):
        for action in (rank_dimensions, find_corner_cases):
            with pytest.raises(FailcondError) as caught:
                action(tiny_generator(), silent(make), 1, samples=8)
            assert str(caught.value).startswith(
                "class 'square' cannot be ranked: whichever dimension"
            )


def test_a_class_is_ranked_by_effect_and_not_the_others():
    class Sure(Model):
        """Takes every image that is bright enough for class 1, and no other one."""

        def forward(self, images):
            bright = images.mean((1, 2, 3)) > level
            sure = torch.tensor([0.0, 1e4, 0.0])
            return super().forward(images) + torch.where(bright[:, None], sure, -sure)

    generator = tiny_generator()
    images = generator.synthesize(generator.sample([0, 1] * 8, seed=0))
    level = float(images.mean((1, 2, 3)).median())
    ranking = rank_dimensions(generator, silent(Sure), 1, samples=8)
    assert ranking.way == "effect"
    assert "saturated" in ranking.why
    other = rank_dimensions(generator, silent(Sure), 0, samples=8)
    assert (other.way, other.why) == ("gradient", "")
    assert np.all(np.diff(np.abs(other.scores)) <= 0)


def test_gradients_are_there_though_they_are_switched_off():
    expected = rank_dimensions(tiny_generator(), Classifier(Model().eval()), 0, samples=8)
    generator, model = tiny_generator(), Classifier(Model().eval())
    with torch.no_grad():
        found = rank_dimensions(generator, model, 0, samples=8)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        again = rank_dimensions(generator, model, 0, samples=8)
    for other in (found, again):
        assert np.array_equal(other.scores, expected.scores)


def test_a_loaders_defaults_do_not_reach_the_generator():
    expected = rank_dimensions(tiny_generator(), Classifier(Model().eval()), 0, samples=8)
    generator, model = tiny_generator(), Classifier(Model().eval())
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        found = rank_dimensions(generator, model, 0, samples=8)
        assert torch.get_default_dtype() == torch.float64
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert np.array_equal(found.scores, expected.scores)


def test_dimensions_without_a_gradient_fill_no_ranking():
    generator = tiny_generator()
    only = 5

    def one_dimension(gradient):
        kept = torch.zeros_like(gradient)
        kept[:, only] = gradient[:, only]
        return kept

    synthesis = generator.network.synthesis.forward

    def gated(styles):
        if styles.requires_grad:
            styles.register_hook(one_dimension)
        return synthesis(styles)

    generator.network.synthesis.forward = gated  # type: ignore[method-assign]
    findings = find_corner_cases(
        generator, Classifier(Model().eval()), 0, top=3, samples=8, max_shift=1.0
    )
    walked = [f.key.dimension for f in findings.directions]
    assert walked == [only]


def test_a_model_that_writes_changes_neither_walks_nor_what_the_judge_sees():
    class Writes(Model):
        def forward(self, images):
            logits = super().forward(images.clone())
            images.mul_(0)
            return logits

    class SeesLight(nn.Module):
        """Takes what is not black for class 1."""

        def forward(self, images):
            light = images.flatten(1).mean(1)
            return torch.stack([torch.zeros_like(light), light * 1e3, torch.ones_like(light)], 1)

    generator = tiny_generator()
    found = []
    for make in (Model, Writes):
        models = {"classifier": Classifier(make().eval()), "judge": Classifier(SeesLight())}
        for model in models.values():
            model.notice = lambda remark: None
        found.append(
            find_corner_cases(generator, class_index=1, samples=8, max_shift=2.0, **models)
        )
    plain, writes = found
    assert np.array_equal(plain.ranking.scores, writes.ranking.scores)
    assert len(plain.directions) == len(writes.directions) > 0
    for one, other in zip(plain.directions, writes.directions, strict=True):
        assert one.walk.valid.all()
        for name in ("broken", "lost", "valid", "mean_p", "breaks"):
            first, second = (getattr(finding.walk, name) for finding in (one, other))
            assert np.array_equal(first, second, equal_nan=True), name
        for name in ("unmoved", "moved"):
            assert torch.equal(getattr(one.walk, name), getattr(other.walk, name))
        assert np.array_equal(one.strip.images, other.strip.images)
