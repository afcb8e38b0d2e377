"""A generator without classes: the judges give its images theirs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pytest_failcond import Classifier, FailcondError, find_corner_cases
from pytest_failcond.config.class_names import class_names
from pytest_failcond.config.settings import Settings
from pytest_failcond.generators.by_rejection import MOST_DRAWN, ByRejection, of_any_kind
from pytest_failcond.generators.fitted import Fitted
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.laboratory.suiting import remarks_on, tell_of
from pytest_failcond.probes.direction.attributes import natural_variation
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from tests.unit.linear import Bright, LinearGenerator, linear_generator
from tests.unit.tiny import stripes, tiny_generator

NAMES = ("dark", "bright")


class Anything(LinearGenerator):
    """Images 0.6 ± 0.1 bright, of no class."""

    classes = ()


class Bands(nn.Module):
    """Tells dark images from bright ones; in between there is none of these."""

    def __init__(self, low: float = 0.55, high: float = 0.65) -> None:
        super().__init__()
        self.ends = nn.Parameter(torch.tensor([low, high]))

    def forward(self, images: Tensor) -> Tensor:
        level = images.mean(dim=(1, 2, 3))
        dark, bright = self.ends[0] - level, level - self.ends[1]
        return 1e3 * torch.stack([dark, bright, torch.zeros_like(level)], dim=1)


def anything() -> Anything:
    made = linear_generator()
    return Anything(made._weights, made._base, made.style_space.std)


def judges(*models: nn.Module) -> Acceptance:
    return Acceptance(tuple(Classifier(m.eval(), name="judge") for m in models or (Bands(),)))


def classed(*models: nn.Module) -> ByRejection:
    return ByRejection(anything(), judges(*models), NAMES)


def levels(styles: Tensor) -> Tensor:
    return anything().synthesize(styles).mean(dim=(1, 2, 3))


def test_every_sample_is_of_its_class():
    generator = classed()
    styles = generator.sample([0] * 90 + [1] * 90, seed=3)
    assert (levels(styles[:90]) < 0.551).all()
    assert (levels(styles[90:]) > 0.649).all()
    assert len(styles.unique(dim=0)) == 180
    acceptance = judges()
    images = generator.synthesize(styles)
    assert acceptance.accepts(images, np.repeat([0, 1], 90), among=2).all()


def test_all_judges_must_agree():
    styles = classed(Bands(), Bands(0.5, 0.7)).sample([0] * 40 + [1] * 40)
    assert (levels(styles[:40]) < 0.501).all()
    assert (levels(styles[40:]) > 0.699).all()


def test_a_sample_depends_on_its_number_stream_and_class_alone():
    whole = classed().sample([1] * 150, seed=2, stream="measure/1")
    for first, count in ((0, 3), (70, 30), (149, 1)):
        part = classed().sample([1] * count, seed=2, stream="measure/1", first=first)
        assert torch.equal(part, whole[first : first + count])
    busy = classed()
    busy.sample([0] * 20, seed=2, stream="measure/0")
    busy.sample([0, 1] * 20, seed=2)
    assert torch.equal(busy.sample([1] * 150, seed=2, stream="measure/1"), whole)
    for other in ({"seed": 3}, {"stream": "rank/1"}, {"truncation": 0.9}):
        found = classed().sample([1] * 150, **({"seed": 2, "stream": "measure/1"} | other))
        shared = (found[:, None] == whole[None]).all(dim=2).any()
        assert not shared, other
    assert classed().sample([], seed=2).shape == (0, 4)


def test_streams_of_classes_share_what_is_drawn():
    generator = classed()
    shown = []
    see, generator._shown = generator._shown, lambda styles: shown.append(1) or see(styles)
    for label in (0, 1):
        generator.sample([label] * 100, stream=f"measure/{label}")
    alone = len(shown)
    generator.sample([0] * 100, stream="rank/0")
    assert alone <= 8  # a third of the images is of each class
    assert len(shown) > alone


def test_start_images_are_accepted_at_once_and_a_search_works():
    generator, acceptance = classed(), judges()
    starts = start_images(generator, acceptance, 1, 40)
    assert starts.samples.tolist() == list(range(40))
    found = find_corner_cases(
        generator,
        Classifier(Bright(0.62).eval(), name="classifier"),
        0,
        top=1,
        samples=8,
        judge=acceptance,
    )
    assert len(found.directions) == 1


def test_what_is_measured_of_all_its_images_needs_no_class():
    rare = classed(Bands(0.55, 2.0))
    assert of_any_kind(rare) is rare.generator
    assert natural_variation(of_any_kind(rare), samples=20) == natural_variation(
        anything(), samples=20
    )
    same = tiny_generator()
    assert of_any_kind(same) is same


def test_too_few_of_a_class_is_an_error_with_the_count():
    generator = classed(Bands(0.55, 2.0))
    with pytest.raises(FailcondError) as caught:
        generator.sample([1] * 5)
    drawn = MOST_DRAWN * 2 * 32
    assert str(caught.value).startswith(
        f"generator: it has no classes, and of {drawn} images the judge accepted 0 as 'bright', where 5 "
        "are needed; "
    )
    assert len(generator.sample([0] * 5)) == 5
    with pytest.raises(FailcondError, match="labels: there are classes 0 to 1, got 2"):
        generator.sample([2])


def test_the_share_that_is_kept_is_told_once():
    told = []
    generator = classed()
    tell_of(generator, told.append)
    expected = generator.sample([1] * 9)
    generator.sample([0] * 9)
    (remark,) = told
    assert (remark.model, remark.what) == ("generator", "rejected")
    shares = [
        int(part.rstrip("%"))
        for part in remark.text.replace(",", "").replace(")", "").split()
        if "%" in part
    ]
    assert shares[0] == pytest.approx(sum(shares[1:]), abs=1)
    assert all(25 < share < 37 for share in shares[1:])
    assert "(dark " in remark.text
    assert torch.equal(classed().sample([1] * 9), expected)  # told or not


def built(judge, images=None, **options):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).eval()
    generator = tiny_generator(classes=(), image_channels=3)
    return build_laboratory(Settings(**options), model, images, generator, judge)


def test_a_laboratory_gives_the_configured_generator_classes_and_images():
    judge = nn.Sequential(nn.Flatten(), nn.Linear(64, 4)).eval()
    found = built(judge, stripes())
    assert isinstance(found.generator, ByRejection)
    assert isinstance(found.generator.generator, Fitted)
    assert found.generator.classes == found.class_names == ("0", "1", "2")
    assert found.generator.hash.endswith(", made gray, classes by rejection")
    remarks = remarks_on(found.images, found.generator, found.settings)
    assert [r.what for r in remarks if r.model == "generator"] == ["fitted"]
    named = built(judge, stripes(), classes=("a", "b", "c"))
    assert named.generator.classes == ("a", "b", "c")


def test_without_judges_or_names_it_is_refused():
    with pytest.raises(
        FailcondError, match="without a judge its images get none; configure a judge"
    ):
        built(None, stripes())
    with pytest.raises(FailcondError, match="it has no classes; name them: classes ="):
        built(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).eval())
    with pytest.raises(FailcondError, match="without a judge"):
        ByRejection(anything(), EVERYTHING, NAMES)
    assert class_names(Settings(), ()) is None
