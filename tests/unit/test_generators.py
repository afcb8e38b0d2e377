"""Any generator will do: the search for failures asks for nothing that the protocol does not name."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pytest_failcond import Classifier, FailcondError, find_corner_cases, rank_dimensions
from pytest_failcond.config.generator_settings import GeneratorImages
from pytest_failcond.config.settings import CornerCaseSettings, Settings
from pytest_failcond.generators.base import BATCH, as_generator
from pytest_failcond.generators.fitted import Fit, Fitted
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.moving import PAST
from pytest_failcond.measuring.alone import Alone
from pytest_failcond.probes.direction.corner_cases import measure_directions
from pytest_failcond.probes.direction.explore import explore
from pytest_failcond.probes.direction.filming import film
from pytest_failcond.probes.direction.measure import find
from pytest_failcond.probes.direction.starts import start_image, start_images
from pytest_failcond.probes.keys import DirectionKey, RankingKey
from pytest_failcond.records.found import Wanted
from pytest_failcond.subjects.acceptance import Acceptance
from pytest_failcond.subjects.images import to_float
from tests.sources import FILES, ROOT, nodes_of
from tests.unit.linear import FAINT, LOST, STD, Bright, LinearGenerator, linear_generator
from tests.unit.tiny import tiny_generator


def bright(level: float, name: str = "classifier") -> Classifier:
    return Classifier(Bright(level, 1e4 if name == "judge" else 5.0).eval(), name=name)


def breaks(starts, level):
    """How far each start image is from where its brightness meets a level, σ of the dimension."""
    return (linear_generator().synthesize(starts.styles).mean(dim=(1, 2, 3)) - level).numpy() / 0.1


def test_a_ranking_is_that_of_its_weights():
    ranking = rank_dimensions(linear_generator(), bright(0.4), 0, samples=70)
    assert ranking.dimensions[:2].tolist() == [LOST, FAINT]
    assert ranking.scores[1] == pytest.approx(0.2 * ranking.scores[0], rel=1e-5)
    assert ranking.scores[2:].tolist() == [0, 0]


@pytest.mark.parametrize("judged", [True, False])
def test_what_is_found_is_where_it_must_be(judged):
    generator, classifier = linear_generator(), bright(0.4)
    judge = bright(0.1, "judge") if judged else None
    found = find_corner_cases(generator, classifier, 0, top=1, samples=32, judge=judge)
    (finding,) = found.directions
    assert finding.key == DirectionKey(0, LOST, 1)
    starts = start_images(generator, Acceptance.of(judge), 0, 32)
    expected = breaks(starts, 0.4)
    seen = finding.walk.breaks > 0
    assert seen.sum() > 24
    assert (finding.walk.breaks[seen] - expected[seen]).min() > -1e-4
    assert (finding.walk.breaks[seen] - expected[seen]).max() < 0.5 / 2**5 + 1e-4
    assert finding.walk.judged == judged
    if judged:  # the judge follows for 3 σ more
        assert finding.walk.valid_range == pytest.approx(np.quantile(expected, 0.2) + 3, abs=0.6)
    strip = finding.strip
    assert strip.broke
    assert strip.predicted.tolist() == [0] * 7 + [1]
    assert (strip.judged is None) == (not judged)
    row = int(np.flatnonzero(starts.samples == strip.sample)[0])
    moved = starts.styles[[row]].repeat(8, 1)
    moved[:, LOST] += torch.from_numpy(strip.shifts * STD[LOST]).float()
    levels = generator.synthesize(moved).mean(dim=(1, 2, 3)).numpy()
    assert np.abs(strip.images.mean(axis=(1, 2, 3)) / 255 - levels).max() < 1 / 255


def test_two_judges_accept_what_the_stricter_does():
    generator, classifier = linear_generator(), bright(0.4)
    strict, mild = bright(0.3, "judge"), bright(0.1, "judge")
    found = {}
    for name, judges in (("strict", (strict,)), ("mild", (mild,)), ("both", (mild, strict))):
        acceptance = Acceptance(judges)
        keys = [DirectionKey(0, LOST, 1)]
        (finding,) = measure_directions(
            generator, classifier, keys, samples=16, acceptance=acceptance
        )
        found[name] = finding.walk.valid
        kept = discovered(generator, classifier, acceptance)
        assert all(
            acceptance.accepts(to_float(case.pixels[None]), 0, among=3)[0] for case in kept.cases
        )
    steps = len(found["both"])
    assert np.array_equal(found["both"], found["strict"][:steps])
    assert not np.array_equal(found["both"], found["mild"][:steps])
    laboratory = Laboratory(Settings(), classifier, acceptance=Acceptance((mild, strict)))
    assert laboratory.models == {"classifier": classifier, "judge 1": mild, "judge 2": strict}
    assert strict.classes == mild.classes == classifier.classes


def test_directions_of_several_layers_are_walked_in_one_call():
    keys = [DirectionKey(0, LOST, 1), DirectionKey(0, FAINT, 1), DirectionKey(0, 1, -1)]
    acceptance = Acceptance.of(bright(0.1, "judge"))
    found = measure_directions(
        linear_generator(), bright(0.4), keys, samples=16, acceptance=acceptance
    )
    assert [finding.key for finding in found] == keys
    assert [finding.walk.std for finding in found] == [STD[LOST], STD[FAINT], STD[1]]
    broken = [int(finding.walk.broken[-1]) for finding in found]
    assert broken[0] > broken[1] >= broken[2] == found[2].walk.broken[0]


def discovered(generator, classifier, acceptance, per_direction=1):
    settings = Settings(corner_cases={"top": 1, "samples": 16})
    laboratory = Laboratory(settings, classifier, None, generator, acceptance)
    return Alone(laboratory).discover(0, Wanted(per_direction))


def test_corner_cases_are_discovered_past_their_breaks():
    acceptance = Acceptance.of(bright(0.1, "judge"))
    found = discovered(linear_generator(), bright(0.4), acceptance, per_direction=4)
    assert len(found.cases) == 4
    for case in found.cases:
        start = start_image(linear_generator(), 0, case.moved.sample, 16)
        (expected,) = breaks(start, 0.4) + PAST
        assert case.moved.distance == pytest.approx(expected, abs=0.5 / 2**5 + 1e-3)
        assert case.accepted
        assert case.judged == 0 != case.predicted


def test_films_and_records_are_made():
    generator, classifier, acceptance = (
        linear_generator(),
        bright(0.4),
        Acceptance.of(bright(0.1, "judge")),
    )
    starts = start_images(generator, acceptance, 0, 16)
    keys, rows = [DirectionKey(0, LOST, 1), DirectionKey(0, FAINT, -1)], np.array([1, 3])
    shifts = [np.array([0.0, 2.0]), np.array([-1.0, 0.0, 1.0])]
    made = film(generator, classifier, starts, keys, shifts, rows, acceptance=acceptance)
    assert made.images.shape == (2, 2, 3, 8, 8, 1)
    lost, faint = np.meshgrid(*shifts, indexing="ij")
    start = generator.synthesize(starts.styles[rows]).mean(dim=(1, 2, 3)).numpy()
    expected = start[:, None, None] - 0.1 * lost + 0.02 * faint
    assert np.abs(made.images.mean(axis=(3, 4, 5)) / 255 - expected).max() < 1 / 255
    laboratory = build_laboratory(
        Settings(corner_cases=CornerCaseSettings(top=1, samples=16)),
        classifier,
        None,
        generator,
        bright(0.1, "judge"),
    )
    ranking, (direction,) = find(laboratory, RankingKey(0), lambda name, picture: name)
    assert ranking.directions == [direction.key] == [f"direction:0:{LOST}:+"]
    assert (direction.layer, direction.channel) == ("layer1", 0)
    assert laboratory.subjects["generator"] == "linear:1"
    (explored,) = explore(laboratory, [0], samples=2).explored
    assert len(explored.films) == 1


def test_a_generator_of_other_images_is_refused():
    from pytest_failcond import LabeledImages

    images = LabeledImages(np.zeros((3, 9, 8, 1), np.uint8), np.arange(3))
    as_they_are = Settings(generator_images=GeneratorImages(resize=(8, 8)))
    with pytest.raises(
        FailcondError, match=r"makes 1 x 8 x 8 images, the test images are 1 x 9 x 8"
    ):
        build_laboratory(as_they_are, bright(0.5), images, linear_generator(), None)


class Half(nn.Module):
    """Samples and moves, and does nothing else."""

    sample = mover = print


NOT_ONE = {
    "a path": ("tiny.safetensors", "str without classes, hash, image_shape, style_space, sample"),
    "a network": (nn.Linear(3, 3), "Linear without classes, hash"),
    "half of one": (Half(), "Half without classes, hash, image_shape, style_space, synthesize, render"),
    "its class": (LinearGenerator, "the class LinearGenerator"),
    "several": ([linear_generator()], "list without classes"),
    "nothing of it": (0, "int without classes"),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_ONE)
def test_what_is_no_generator_is_refused_in_one_sentence(what):
    found, words = NOT_ONE[what]
    with pytest.raises(FailcondError) as caught:
        build_laboratory(Settings(), bright(0.5), None, found, None)
    start = "generator: expected what Generator.load(path) returns, got "
    assert str(caught.value).startswith(start + words)


def test_to_be_looked_at_a_generator_computes_nothing():
    generator = tiny_generator()
    assert as_generator(generator) is generator
    assert generator._hash is None
    assert "style_space" not in vars(generator)


GENERATORS = {
    "linear": linear_generator,
    "gray": tiny_generator,
    "RGB": lambda: tiny_generator(
        resolution=16, image_size=(14, 13), channels=(6, 5, 4), image_channels=3
    ),
    "always clamped": lambda: tiny_generator(clamp=0.4),
    "clamped when moved": lambda: tiny_generator(clamp=3.0),
    "without classes": lambda: tiny_generator(classes=()),
    "fitted": lambda: Fitted(tiny_generator(image_channels=3), Fit((7, 6), (5, 9), 1)),
}
MADE = {name: make() for name, make in GENERATORS.items()}


def some_of(generator, count):
    """Samples of its first classes."""
    return generator.sample(np.arange(count) % max(len(generator.classes), 1), seed=1)


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_mover_makes_the_images_of_a_whole_synthesis(name, data):
    """Whatever the moves: in one layer, in several, in image layers alone, or none at all."""
    generator = MADE[name]
    size = generator.style_space.size
    amount = st.floats(-3, 3, width=32)
    move = st.dictionaries(st.integers(0, size - 1), amount, min_size=1, max_size=3)
    moves = data.draw(st.lists(move, min_size=1, max_size=3))
    asked = st.tuples(st.integers(0, 4), st.integers(0, len(moves) - 1), amount)
    several = data.draw(st.lists(asked, min_size=1, max_size=70))
    rows, which, amounts = (np.array(column) for column in zip(*several, strict=True))
    styles = some_of(generator, 5)
    mover = generator.mover(styles, moves)
    expected = styles[rows].double()
    for i, (d, t) in enumerate(zip(which, amounts, strict=True)):
        for k, unit in moves[d].items():
            expected[i, k] += t * unit
    images = mover.images(rows, which, amounts.astype(np.float64))
    whole = generator.synthesize(expected.float())
    assert images.dtype == whole.dtype
    assert not images.requires_grad
    torch.testing.assert_close(images, whole, atol=2e-4, rtol=0)


@pytest.mark.parametrize("name", ["gray", "RGB", "without classes"])
def test_moving_costs_less_than_synthesis_where_it_can(name, monkeypatch):
    """A layer before the first that changes is run once; image layers alone, no further at all."""
    generator = MADE[name]
    layers = generator.network.synthesis.layers
    runs, sizes = [0] * len(layers), set()
    for number, layer in enumerate(layers):

        def counted(state, *arguments, number=number, forward=layer.forward):
            runs[number] += 1
            sizes.add(len(state.features))
            return forward(state, *arguments)

        monkeypatch.setattr(layer, "forward", counted)
    styles = some_of(generator, 2)
    space, many = generator.style_space, np.tile(np.arange(2), 100)
    firsts = [
        next(k for k in range(space.size) if space.layer_of(k) == n) for n in range(len(layers))
    ]
    for number, dimension in enumerate(firsts):
        runs[:] = [0] * len(layers)
        mover = generator.mover(styles, [{dimension: 1.0}, {dimension: -2.0}])
        prepared = list(runs)
        sizes.clear()
        mover.images(many, np.zeros_like(many), np.ones(200))
        assert sizes <= {BATCH}  # the last bits of an image depend on the size of its batch
        spent = [after - before for after, before in zip(runs, prepared, strict=True)]
        linear = space.layers[number][0].endswith("torgb")
        assert prepared[:number] == [1] * number
        assert prepared[number:] == [int(linear)] * (len(layers) - number)  # however many moves
        assert (generator.work_from(number) == 0) == linear
        assert spent == [0] * len(layers) if linear else [0] * number + [4] * (len(layers) - number)


def test_what_is_no_dimension_or_no_style_is_refused():
    generator = MADE["gray"]
    styles = generator.sample([0], seed=1)
    for wrong in (28, -1):
        with pytest.raises(FailcondError, match=f"dimension {wrong} is outside 0 to 27"):
            generator.mover(styles, [{3: 1.0}, {wrong: 1.0}])
    with pytest.raises(FailcondError, match=r"styles: expected \[N, 28\], got \[1, 27\]"):
        generator.mover(styles[:, 1:], [{3: 1.0}])


@pytest.mark.parametrize("name", MADE)
def test_gradients_reach_the_styles_and_the_images_are_the_same(name):
    generator = MADE[name]
    styles = some_of(generator, 2)
    leaf = styles.clone().requires_grad_()
    images = generator.render(leaf)
    torch.testing.assert_close(images.detach(), generator.synthesize(styles), atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(images.sum(), leaf)
    assert gradient.shape == styles.shape
    assert (gradient != 0).any(dim=1).all()


WITHOUT_A_NETWORK = (
    "probes/", "generators/base.py", "laboratory/measure.py", "plugin/cases.py",
)  # fmt: skip


def test_only_the_generator_s_own_room_knows_its_network():
    found = []
    for path in FILES:
        parts = path.relative_to(ROOT).parts
        room = parts[0]
        if room == "training" or parts[:2] == ("generators", "stylegan2"):
            continue
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and node.attr in ("network", "synthesis"):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} .{node.attr}")
            named = getattr(node, "module", "") or ""
            if str(path.relative_to(ROOT)).startswith(WITHOUT_A_NETWORK) and "stylegan2" in named:
                found.append(f"{path.relative_to(ROOT)} imports {named}")
    assert found == []
