"""Training of judges: disjoint halves, negatives that keep nothing, keyed and resumable steps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import stripes

from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import JudgeConfig, PackConfig
from pytest_failcond.judges.file import load_judges, save_judges
from pytest_failcond.judges.networks import Judge, contrast
from pytest_failcond.subjects.images import LabeledImages, to_float
from pytest_failcond.training.judges import ops, variants
from pytest_failcond.training.judges.agreement import disagreement
from pytest_failcond.training.judges.calibration import temperature
from pytest_failcond.training.judges.examples import Examples, made_of_nothing
from pytest_failcond.training.judges.learner import Learner
from pytest_failcond.training.judges.negatives import OF_ACCEPTORS, OF_GUIDES, partners, taught
from pytest_failcond.training.judges.parts import LEAST, divide
from pytest_failcond.training.judges.recipe import JudgeRecipe, judges_for
from pytest_failcond.training.judges.trainer import JudgeTrainer, rate
from pytest_failcond.training.judges.variants import readable

FAMILIES = {family.__name__: family for family in (*OF_ACCEPTORS, *OF_GUIDES)}


def random_of(seed):
    return torch.Generator().manual_seed(seed)


def tiny_trainer(*, steps=4, side=8, channels=1, acceptors=1, **changes):
    data = stripes(120, side=side, channels=channels)
    recipe = JudgeRecipe(**({"batch": 16, "negatives": 0.25} | changes))
    judges = [
        *(
            JudgeConfig(
                name=f"acceptor-{n}", kind="acceptor", strides=[1, 2], widths=[4, 5], hidden=6
            )
            for n in range(1, acceptors + 1)
        ),
        JudgeConfig(name="guide-1", kind="guide", kernel=5, strides=[2], widths=[6], hidden=5),
    ]
    pack = PackConfig(classes=3, image=list(data.shape), floor=recipe.floor, judges=judges)
    return JudgeTrainer(data, divide(data, recipe.seed), pack, recipe, steps=steps)


# --- which images teach whom


@given(
    counts=st.lists(st.integers(LEAST, 70), min_size=2, max_size=5),
    copies=st.integers(0, 30),
    seed=st.integers(0, 2**63 - 1),
)
def test_no_image_is_in_two_parts_and_every_class_is_in_all(counts, copies, seed):
    random = np.random.default_rng(len(counts))
    labels = np.repeat(np.arange(len(counts)), counts)
    images = random.integers(0, 256, (len(labels), 8, 8, 1)).astype(np.uint8)
    again = random.integers(0, len(labels), copies)
    data = LabeledImages(
        np.concatenate([images, images[again]]), np.concatenate([labels, labels[again]])
    )
    parts = divide(data, seed)
    named = (parts.acceptors, parts.guides, parts.held_out)
    contents = [{data.images[row].tobytes() for row in rows} for rows in named]
    assert sum(map(len, contents)) == len(set().union(*contents)) == len(labels)
    for rows in named:
        assert set(data.labels[rows]) == set(range(len(counts)))
    per_class = [np.bincount(data.labels[rows]) for rows in named]
    assert (np.abs(per_class[0] - per_class[1]) <= 1).all()
    assert (per_class[2] == -(-np.array(counts) // 10)).all()
    assert all(
        np.array_equal(a, b) for a, b in zip(named, vars(divide(data, seed)).values(), strict=True)
    )


def test_the_seed_says_who_is_held_out():
    data = stripes(120)
    first, second = divide(data, 0), divide(data, 1)
    assert not np.array_equal(first.held_out, second.held_out)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros(60, dtype=int), "all images are of one class"),
        (np.arange(60) % 2 * 2, "class 1 has 0 different images"),
        (np.minimum(np.arange(60) // 5, 1), "class 0 has 5 different images; judges need 20"),
    ],
    ids=["one class", "gap", "few"],
)
def test_too_few_images_are_said(labels, words):
    with pytest.raises(FailcondError, match=words):
        divide(LabeledImages(stripes(60).images, labels), 0)


def test_equal_images_count_once():
    images = np.repeat(stripes(60).images[:2], 30, axis=0)
    with pytest.raises(FailcondError, match="class 0 has 1 different image;"):
        divide(LabeledImages(images, np.repeat([0, 1], 30)), 0)


# --- what they are shown


def figures(count=48, side=28, channels=1):
    """Two kinds of figures: a bar that lies and a ring, anywhere near the middle."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    rows, columns = np.mgrid[0:side, 0:side] / side - 0.5
    x, y = random.uniform(-0.1, 0.1, (2, count, 1, 1))
    radius = np.hypot(rows - y, columns - x)
    ring = np.abs(radius - 0.27) < 0.07
    bar = (np.abs(rows - y) < 0.07) & (np.abs(columns - x) < 0.35)
    shown = np.where(labels[:, None, None] == 0, bar, ring)[..., None]
    tint = random.uniform(0.4, 1, (count, 1, 1, channels))
    return LabeledImages((shown * tint * 255).astype(np.uint8), labels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_gives_images_that_differ_from_all_it_was_given(name, channels):
    data = figures(channels=channels)
    images, labels = torch.from_numpy(to_float(data.images)), torch.from_numpy(data.labels)
    before = images.clone()
    made = made_of_nothing(images, labels, [FAMILIES[name]], random_of(1))
    assert torch.equal(images, before)
    assert made.shape == images.shape
    assert made.isfinite().all()
    assert 0 <= made.min() <= made.max() <= 1
    assert ((made * 255).round() / 255 - made).abs().max() < 1e-6  # 8 bits
    # Its own image is hardly in it: what a family leaves correlates less than any readable variant does.
    raw = FAMILIES[name](images, labels, random_of(2))
    pairs = torch.stack([raw.flatten(1), images.flatten(1)])
    centred = pairs - pairs.mean(dim=2, keepdim=True)
    alike = torch.cosine_similarity(centred[0], centred[1])
    assert alike.median() < 0.9
    assert torch.equal(made, made_of_nothing(images, labels, [FAMILIES[name]], random_of(1)))
    assert not torch.equal(made, made_of_nothing(images, labels, [FAMILIES[name]], random_of(3)))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(1, 1, 8, 8), (2, 3, 9, 13), (5, 1, 64, 33)], ids=str)
def test_families_and_variants_take_any_shape(name, shape):
    images = torch.rand(shape, generator=random_of(0))
    labels = torch.arange(len(images)) % 2
    assert FAMILIES[name](images, labels, random_of(1)).shape == images.shape
    assert readable(images, random_of(1)).shape == images.shape


def test_acceptors_and_guides_learn_from_different_families():
    assert not set(OF_ACCEPTORS) & set(OF_GUIDES)
    assert len(FAMILIES) == len(OF_ACCEPTORS) + len(OF_GUIDES)


@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=40), seed=st.integers(0, 2**32))
def test_partners_are_of_another_class_where_there_are_enough(labels, seed):
    labels = torch.tensor(labels)
    other = partners(labels, random_of(seed))
    assert sorted(other.tolist()) == list(range(len(labels)))
    if int(labels.bincount().max()) * 2 <= len(labels):
        assert (labels[other] != labels).all()


def test_what_is_left_of_two_classes_is_neither():
    """Where one figure nearly covers the other, pieces are shuffled instead."""
    data = figures()
    images, labels = torch.from_numpy(to_float(data.images)), torch.from_numpy(data.labels)
    covering = images.clone()
    covering[labels == 0] = torch.maximum(images[labels == 0], images[labels == 1])
    for name in ("overlays", "blends", "crossings"):
        made = FAMILIES[name](covering, labels, random_of(0))
        assert made.shape == images.shape
    made = FAMILIES["overlays"](covering, labels, random_of(0))
    ink = lambda x: x.sum(dim=(1, 2, 3))  # noqa: E731
    assert not torch.isclose(made, covering).all(dim=(1, 2, 3)).any()
    assert (ink(made) > 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_variants_stay_like_their_image(channels):
    data = figures(count=200, channels=channels)
    images = torch.from_numpy(to_float(data.images))
    made = readable(images, random_of(0))
    assert 0 <= made.min() <= made.max() <= 1
    soft = [ops.blurred(x, torch.full((len(x), 1, 1, 1), 1.5)).flatten(1) for x in (made, images)]
    alike = torch.cosine_similarity(*(x - x.mean(dim=1, keepdim=True) for x in soft)).abs()
    assert alike.median() > 0.85
    assert alike.quantile(0.05) > 0.4
    kept = (contrast(made) / contrast(images)).quantile(0.01)
    assert kept > 0.05
    # Some gray ones are inverted, none in colour, whose hues would change.
    upside_down = torch.cosine_similarity(*(x - x.mean(dim=1, keepdim=True) for x in soft)) < -0.5
    assert bool(upside_down.any()) == (channels == 1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("change", variants.CHANGES, ids=lambda change: change.__name__)
def test_a_change_shows_and_leaves_the_figure(change, channels):
    data = figures(count=100, channels=channels)
    images = torch.from_numpy(to_float(data.images))
    before = images.clone()
    made = change(images, random_of(0))
    assert torch.equal(images, before)
    assert made.shape == images.shape
    assert not torch.equal(made, images)
    # Its place is where it was: what differs from the ground lies near the figure.
    soft = [
        ops.blurred(x.clamp(0, 1), torch.full((100, 1, 1, 1), 2.0)).flatten(1)
        for x in (made, images)
    ]
    alike = torch.cosine_similarity(*(x - x.mean(dim=1, keepdim=True) for x in soft))
    assert alike.median() > (0.5 if change is variants.hollow else 0.8)  # its inside goes
    assert torch.equal(made, change(images, random_of(0)))


def test_what_is_hollow_keeps_its_outline_and_loses_its_inside():
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, 8:20, 10:18] = 0.9
    made = variants.hollow(images, random_of(0))
    inside, ground = made[:, 0, 13:15, 13:15].mean(dim=(1, 2)), made[:, 0, 2, 2]
    edge = made[:, 0, 14, 7:11].amax(dim=1)
    assert (edge > ground + 0.15).all()
    assert (inside < edge - 0.15).all()
    assert 0.3 < (inside < ground).float().mean() < 0.8


def test_strokes_become_wider_and_thinner():
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, 12:16] = 0.8
    ink = images.sum(dim=(1, 2, 3))
    assert (ops.widened(images).sum(dim=(1, 2, 3)) > ink).all()
    assert (ops.narrowed(images).sum(dim=(1, 2, 3)) < ink).all()
    made = variants.reshaped(images, random_of(0)).sum(dim=(1, 2, 3))
    assert 0.3 < (made > ink).float().mean() < 0.7
    assert torch.equal(
        ops.narrowed(images) <= ops.widened(images), torch.ones_like(images, dtype=torch.bool)
    )


def test_murky_figures_are_blurred_more_and_noisier_than_any_variant():
    """Where variants end, a gap is left before murky images begin."""
    labels = torch.arange(64) % 2
    images = torch.zeros(64, 1, 28, 28)
    images[:, :, :, 14:] = (
        1.0  # an edge, whose slope tells the blur, and flat parts, whose roughness the noise
    )
    murky = FAMILIES["murky"](images, labels, random_of(0))
    soft = variants.softened(images, random_of(0))
    slope = lambda x: x.mean(dim=(0, 1, 2)).diff().amax()  # noqa: E731
    assert slope(murky) < 0.5 * slope(soft)
    rough = lambda x: x[:, 0, :, 22:].std(dim=(1, 2))  # noqa: E731
    assert rough(murky).min() > 0.3
    assert rough(variants.grainy(images, random_of(0))).max() < 0.45


def test_a_figure_is_blurred_or_noisy_and_never_both(monkeypatch):
    monkeypatch.setattr(variants, "OF_STROKES", {})
    added = {
        (lambda images, random, value=value: images + value): share
        for value, share in zip((1.0, 2.0, 4.0), variants.OF_TEXTURE.values(), strict=True)
    }
    monkeypatch.setattr(variants, "OF_TEXTURE", added)
    made = variants.changed(torch.zeros(4_000, 1, 2, 2), random_of(0))[:, 0, 0, 0]
    assert set(made.tolist()) <= {0.0, 1.0, 2.0, 4.0}
    for value, share in zip((1.0, 2.0, 4.0), added.values(), strict=True):
        assert abs((made == value).float().mean() - share) < 0.03


def test_negatives_are_made_of_images_moved_as_often_as_those_that_show_a_class(monkeypatch):
    """Interpolation softens: sharpness would else be a sign of *none of these*."""
    counts = []
    monkeypatch.setattr(ops, "moved", lambda images, *_: counts.append(len(images)) or images)
    data = stripes(120)
    examples = Examples(
        data, np.arange(60), [FAMILIES["quarters"]], batch=256, negatives=128, key=(0, "a")
    )
    made, _ = examples.at(0)
    assert len(made) == 256
    shares = [count / (8 * 128) for count in counts]
    assert len(shares) == 2
    assert all(abs(share - variants.MOVED) < 0.06 for share in shares)


def test_the_families_that_are_hardest_to_catch_come_more_often():
    for families in (OF_ACCEPTORS, OF_GUIDES):
        order = taught(families)
        assert tuple(dict.fromkeys(order)) == families
    assert taught(OF_ACCEPTORS).count(FAMILIES["overlays"]) > 1
    assert taught(OF_ACCEPTORS).count(FAMILIES["blobs"]) == 1


def test_judges_disagree_on_images_of_a_class_alone():
    torch.manual_seed(0)
    own, other, third = (torch.randn(4, 3, requires_grad=True) for _ in range(3))
    answers = torch.tensor([0, 2, 1, 2])
    found = disagreement(own, [other, third], answers)
    p, q = own.softmax(dim=1), (other.softmax(dim=1) + third.softmax(dim=1)) / 2
    divergence = (q * (q / p).log()).sum(dim=1).detach()
    assert found.item() == pytest.approx((divergence[0] + divergence[2]).item() / 4)
    found.backward()
    assert (own.grad.abs().sum(dim=1) > 0).tolist() == [True, False, True, False]
    assert other.grad is None
    assert disagreement(own, [own], answers).item() == pytest.approx(0, abs=1e-6)
    assert disagreement(own, [], answers).item() == 0


def test_judges_of_a_kind_learn_from_the_same_images(monkeypatch):
    seen, forward = [], Learner.forward
    monkeypatch.setattr(
        Learner, "forward", lambda self, images: seen.append(images) or forward(self, images)
    )
    tiny_trainer(acceptors=2).advance()
    first, second, of_guide = seen
    assert torch.equal(first, second)
    assert not torch.equal(first, of_guide)


@pytest.mark.parametrize("agreement", [0.0, 1.0])
def test_agreement_weighs_what_the_others_say(agreement):
    alone, together = (tiny_trainer(acceptors=2, agreement=x) for x in (0.0, agreement))
    a, b = (trainer.advance() for trainer in (alone, together))
    same = {name: a[name] == b[name] for name in a}
    alike = agreement == 0
    assert same == {"acceptor-1": alike, "acceptor-2": alike, "guide-1": True}


def test_bends_move_each_pixel_by_its_own_offset():
    images = torch.rand((3, 1, 10, 10), generator=random_of(0))
    still = torch.zeros(3), torch.ones(3), torch.zeros((3, 2))
    bends = torch.zeros((3, 2, 10, 10))
    assert torch.allclose(ops.moved(images, *still, bends), images, atol=1e-5)
    bends[:, 0, :, 5:] = 0.1  # one pixel, to the right
    made = ops.moved(images, *still, bends)
    assert torch.allclose(made[..., :5], images[..., :5], atol=1e-5)
    assert torch.allclose(made[..., 5:9], images[..., 6:], atol=1e-5)


@pytest.mark.parametrize(("size", "cells"), [((28, 28), 4), ((20, 9), 3), ((5, 64), 16)])
def test_a_field_is_bicubic(size, cells):
    images = torch.zeros(2, 3, *size)
    made = ops.field(images, cells, random_of(0), channels=2)
    coarse = torch.rand((2, 2, cells + 1, cells + 1), generator=random_of(0))
    plain = torch.nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=True)
    assert torch.allclose(made, plain.clamp(0, 1), atol=1e-5)


def test_examples_depend_on_key_and_step_alone():
    data = stripes(120)
    rows = np.arange(60)

    def examples(key=(0, "a")):
        return Examples(data, rows, OF_ACCEPTORS, batch=16, negatives=4, key=key)

    one, other = examples(), examples()
    late, late_labels = one.at(11)
    for step in (0, 3, 8, 11, 2):
        images, labels = other.at(step)
        assert images.shape == (16, 1, 8, 8)
        assert (labels[:12] < 3).all()
        assert (labels[12:] == 3).all()
        again, same = one.at(step)
        assert torch.equal(images, again)
        assert torch.equal(labels, same)
    assert torch.equal(other.at(11)[0], late)
    assert torch.equal(other.at(11)[1], late_labels)
    assert not torch.equal(examples((1, "a")).at(0)[0], other.at(0)[0])
    assert not torch.equal(other.at(1)[0], other.at(0)[0])


def test_examples_come_from_the_rows_given_and_every_class_as_often():
    data = stripes(120)
    labels = data.labels.copy()
    labels[90:] = 0
    data = LabeledImages(data.images, labels)
    rows = np.flatnonzero(labels != 1)[:20]
    rows = np.concatenate([rows, np.flatnonzero(labels == 1)[:3]])
    seen = Examples(data, rows, OF_GUIDES, batch=32, negatives=2, key=(0, "x"))
    counts = sum(torch.bincount(seen.at(step)[1], minlength=4) for step in range(16))
    assert (counts[:3] >= 140).all()
    assert (counts[:3] <= 180).all()
    drawn, _ = seen._drawn(300, np.random.default_rng(0))
    allowed = {data.images[row].tobytes() for row in rows}
    assert {image.tobytes() for image in drawn} <= allowed


# --- how they learn


def test_what_is_folded_computes_what_was_trained():
    trainer = tiny_trainer()
    for _ in range(3):
        trainer.advance()
    images = torch.rand(6, 1, 8, 8)
    for judge in trainer.pack.judges:
        learner = trainer._learners[judge.name].eval()
        assert isinstance(learner, Learner)
        module = Judge(trainer.pack, judge).eval()
        module.load_state_dict(learner.folded())
        torch.testing.assert_close(module(images), learner(images), atol=1e-4, rtol=1e-4)


def test_a_judge_is_calibrated_on_images_it_has_not_learned_from(monkeypatch):
    trainer = tiny_trainer(steps=30)
    while trainer.progress < 1:
        trainer.advance()
    data, shown = stripes(120), {}

    def spied(judge, given, rows, families, **options):
        shown[options["key"][1]] = rows, families
        return temperature(judge, given, rows, families, **options)

    monkeypatch.setattr("pytest_failcond.training.judges.trainer.temperature", spied)
    trainer.calibrate(data)
    first = trainer.record()["temperatures"]
    assert np.array_equal(shown["acceptor-1"][0], trainer.parts.guides)
    assert np.array_equal(shown["guide-1"][0], trainer.parts.acceptors)
    assert shown["acceptor-1"][1] == OF_ACCEPTORS
    trainer.calibrate(data)
    assert trainer.record()["temperatures"] == first
    images = torch.rand(6, 1, 8, 8)
    for name, judge in trainer.judges().items():
        learner = trainer._learners[name].eval()
        expected = learner(images) / first[name]
        torch.testing.assert_close(judge(images), expected, atol=2e-2, rtol=2e-2)


@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_temperature_undoes_a_scale_of_the_logits(scale):
    """A judge that is right as often as its probabilities say has temperature 1; scaled, that scale."""
    data = stripes(3000)
    random = np.random.default_rng(0)
    wrong = np.where(random.random(3000) < 0.2, (data.labels + 1) % 3, data.labels)
    data = LabeledImages(data.images, wrong)

    class Known(torch.nn.Module):
        def forward(self, images):
            brightest = images[:, 0, [1, 4, 6]].mean(dim=2).argmax(dim=1)
            # p = 0.8 for the class that is seen, else evenly less.
            logits = torch.full((len(images), 4), math.log(0.2 / 3))
            return logits.scatter(1, brightest[:, None], math.log(0.8)) * scale

    found = temperature(
        Known(),
        data,
        np.arange(3000),
        OF_ACCEPTORS,
        negatives=1e-6,
        key=(0, "x"),
        device=torch.device("cpu"),
    )
    assert found == pytest.approx(scale, rel=0.15)


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path):
    whole, halves, rest = tiny_trainer(), tiny_trainer(), tiny_trainer()
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        halves.advance()
    halves.seconds = 1.5
    halves.save(tmp_path / "state.safetensors")
    rest.resume(tmp_path / "state.safetensors")
    assert (rest.step, rest.seconds) == (2, 1.5)
    for _ in range(2):
        rest.advance()
    for name, trainer in (("a", whole), ("b", rest)):
        save_judges(tmp_path / name, trainer.pack, trainer.states(), trainer.record())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert rest.progress == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 1}, "was started with other settings"),
        ({"floor": 0.5}, "was started with other settings"),
        ({"steps": 5}, "was started with other settings"),
        ({"channels": 3}, "was started with other settings"),
    ],
    ids=str,
)
def test_a_state_of_another_training_is_refused(tmp_path, change, words):
    path = tmp_path / "state.safetensors"
    tiny_trainer().save(path)
    with pytest.raises(FailcondError, match=words):
        tiny_trainer(**change).resume(path)


@pytest.mark.parametrize("percent", range(0, 100, 9))
def test_a_damaged_state_is_refused(tmp_path, percent):
    path = tmp_path / "state.safetensors"
    trainer = tiny_trainer()
    trainer.advance()
    trainer.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * percent // 100])
    with pytest.raises(FailcondError) as caught:
        trainer.resume(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_judges_learn_what_tells_the_classes_and_what_is_none(tmp_path):
    data = figures(count=400, side=16)
    recipe = JudgeRecipe(batch=32, learning_rate=0.02)
    pack = PackConfig(
        classes=2,
        image=[16, 16, 1],
        floor=recipe.floor,
        judges=[
            JudgeConfig(name="acceptor-1", kind="acceptor", strides=[2, 2], widths=[8, 16]),
            JudgeConfig(name="guide-1", kind="guide", kernel=5, strides=[2], widths=[8]),
        ],
    )
    trainer = JudgeTrainer(data, divide(data, 0), pack, recipe, steps=150)
    while trainer.progress < 1:
        trainer.advance()
    path = tmp_path / "judges.safetensors"
    save_judges(path, pack, trainer.states(), trainer.record())
    loaded = load_judges(path)
    rows = trainer.parts.held_out
    images, labels = torch.from_numpy(to_float(data.images[rows])), data.labels[rows]
    nothing = made_of_nothing(images, torch.from_numpy(labels), OF_ACCEPTORS, random_of(5))
    for judge in (*loaded.acceptors, *loaded.guides):
        assert (judge(images).argmax(dim=1).numpy() == labels).mean() > 0.9
    assert (loaded.acceptors[0](nothing).argmax(dim=1) == 2).float().mean() > 0.6


def test_a_training_that_diverges_is_said():
    trainer = tiny_trainer(learning_rate=1e30)
    trainer.advance()
    with pytest.raises(FailcondError, match=r"the loss of .* is (nan|inf) at step 2; lower"):
        trainer.advance()


def test_time_ends_a_training_with_the_rate_at_nothing():
    trainer = tiny_trainer(steps=1000)
    timed = JudgeTrainer(
        stripes(120), trainer.parts, trainer.pack, trainer.recipe, steps=1000, seconds=60
    )
    timed.seconds = 45
    assert timed.progress == 0.75
    timed.seconds = 70
    assert timed.progress == 1
    assert rate(0.25) == pytest.approx(1)
    assert rate(1.0) == pytest.approx(0)
    assert rate(0.0) == pytest.approx(0.04)
    assert all(rate(a) > rate(b) for a, b in zip((0.3, 0.6, 0.9), (0.6, 0.9, 1), strict=True))


@pytest.mark.parametrize("side", [8, 16, 28, 32, 48, 64])
def test_default_judges_end_in_a_small_map_and_differ(side):
    judges = judges_for((side, side, 3), 2, 2)
    assert [judge.name for judge in judges] == ["acceptor-1", "acceptor-2", "guide-1", "guide-2"]
    assert len({(j.kernel, tuple(j.widths), tuple(j.strides)) for j in judges}) == 4
    for judge in judges:
        left = math.ceil(side / 2 ** judge.strides.count(2))
        assert left <= 8


def test_large_images_need_a_backbone():
    with pytest.raises(FailcondError, match="name a backbone with --features MODULE:CALLABLE"):
        judges_for((65, 32, 3), 2, 1)
    assert all(not judge.widths for judge in judges_for((224, 224, 3), 2, 1, features=True))


@pytest.mark.parametrize(
    "change",
    [
        *({"batch": 3}, {"learning_rate": 0.0}, {"negatives": 1.0}, {"floor": 0.0}, {"floor": 1.0}),
        {"smoothing": 0.5},
    ],
    ids=str,
)
def test_a_recipe_that_makes_no_sense_is_refused(change):
    with pytest.raises(FailcondError, match=next(iter(change))):
        JudgeRecipe(**change)
