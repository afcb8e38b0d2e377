"""The time left that the search for corner cases tells, by a clock that counts images."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pytest_failcond import Classifier, Generator, find_corner_cases
from pytest_failcond.config.settings import Settings
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction import by_gradient, fitness, outlook, pushing, ranking
from pytest_failcond.probes.direction.fitness import measure_fitness
from pytest_failcond.probes.direction.outlook import Outlook
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.process import batching
from pytest_failcond.subjects.acceptance import Acceptance
from tests.unit.tiny import stripes


class Clock:
    """Goes on by the work: a whole image takes a second, and the way back of its gradient two."""

    def __init__(self) -> None:
        self.now = 0.0

    def watch(self, module: torch.nn.Module, seconds: float) -> None:
        def passed(layer, given, made):
            images = made if isinstance(made, torch.Tensor) else made[0]
            self.now += seconds * len(images)
            if torch.is_grad_enabled():
                images.register_hook(lambda gradient: self._back(2 * seconds * len(gradient)))

        module.register_forward_hook(passed)

    def _back(self, seconds: float) -> None:
        self.now += seconds


def model(classes: int, seed: int, favoured: int | None = None) -> torch.nn.Module:
    torch.manual_seed(seed)
    head = torch.nn.Linear(256, classes)
    if favoured is not None:
        with torch.no_grad():
            head.weight.mul_(0.1)
            head.bias[favoured] += 9.0
    return torch.nn.Sequential(torch.nn.Flatten(), head).eval()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    for module in (outlook, ranking, by_gradient, pushing, fitness):
        monkeypatch.setattr(module, "clock", lambda: made.now)
    monkeypatch.setattr(batching, "_WIDEST", 4 * 16 * 16 * 8)
    monkeypatch.setattr(batching, "_KEPT", 2 * 2 * (16 * 16 * 4 + 8 * 8 * 8 + 4 * 4 * 8))
    return made


def generator_with(clock: Clock) -> Generator:
    torch.manual_seed(3)
    config = GeneratorConfig(("a", "b"), 16, (16, 16), 1, (8, 8, 4), z_dim=8, w_dim=8)
    made = Generator(config)
    for number, layer in enumerate(made.network.synthesis.layers):
        clock.watch(layer, config.work_from(number) - config.work_from(number + 1))
    return made


BREAKS, HOLDS = None, 0  # the class that the model under test favours


@pytest.mark.parametrize(
    ("judge", "samples", "top", "favoured"),
    [  # any two of them together
        pytest.param(None, 8, 1, BREAKS, id="no judge, 8 samples, top 1, breaks at once"),
        pytest.param(None, 40, 3, HOLDS, id="no judge, 40 samples, top 3, holds"),
        pytest.param(0.1, 8, 3, HOLDS, id="light, 8 samples, top 3, holds"),
        pytest.param(0.1, 40, 1, BREAKS, id="light, 40 samples, top 1, breaks at once"),
        pytest.param(1.0, 8, 1, HOLDS, id="heavy, 8 samples, top 1, holds"),
        pytest.param(1.0, 40, 3, BREAKS, id="heavy, 40 samples, top 3, breaks at once"),
    ],
)
def test_the_first_estimate_is_right_within_a_factor_of_two(clock, judge, samples, top, favoured):
    """Walks without a judge whose images are all broken at once end at once: then it is less."""
    generator = generator_with(clock)
    told: list[tuple[float, float]] = []
    model_under_test = model(2, 1, favoured)
    clock.watch(model_under_test, 0.3)
    judges = None
    if judge is not None:
        judges = Classifier(model(2, 2, favoured=0), name="judge")
        clock.watch(judges.model, judge)
    find_corner_cases(
        generator, Classifier(model_under_test), 0, top=top, samples=samples, judge=judges,
        tell=lambda left: told.append((clock.now, left)),
    )  # fmt: skip
    ranked = samples // generator.batches.gradients
    assert len(told) > ranked, "once more after each walk"
    when, left = told[0]
    at_once = favoured is None and judge is None
    assert 0.5 < left / (clock.now - when) < (2 if not at_once else 4)
    when, left = told[-1]
    assert 0.5 < left / (clock.now - when) < 2, "walks that ended early are known then"


@pytest.mark.parametrize("seconds", [0.3, 3.0])
def test_the_first_estimate_of_fitness_is_right_too(clock, seconds, monkeypatch):
    monkeypatch.setattr(fitness, "LEAST_DRAWN", 64)
    settings = Settings.model_validate({"corner_cases": {"samples": 64}})
    generator = generator_with(clock)
    judge = Classifier(model(2, 2), name="judge")
    clock.watch(judge.model, seconds)
    test_images = stripes(128, side=16, classes=2)
    laboratory = Laboratory(
        settings, Classifier(model(2, 1)), test_images, generator, Acceptance.of(judge)
    )
    told: list[tuple[float, float]] = []
    measure_fitness(laboratory, FitnessKey(0), lambda left: told.append((clock.now, left)))
    assert len(told) == 64 // generator.batches.images
    for when, left in told:
        assert left == pytest.approx(clock.now - when, rel=0.25)


def test_images_besides_the_search_are_told(clock):
    generator = generator_with(clock)
    told: dict[int, list[float]] = {0: [], 100: []}
    for besides, left in told.items():
        searched = Classifier(model(2, 1))
        find_corner_cases(
            generator, searched, 0, top=1, samples=8, tell=left.append, besides=besides
        )
    size = generator.batches.images
    assert told[100][0] - told[0][0] == pytest.approx(-(-100 // size) * size)


def test_an_estimate_follows_the_batches_of_the_generator():
    told: list[float] = []

    class Space:
        std = np.ones(2)
        layer_of = staticmethod(lambda dimension: dimension)

    class Large:
        image_shape = (256, 256, 3)
        style_space = Space()

    first = torch.tensor([0.0, 1.0], dtype=torch.float64)
    without = Outlook(told.append, Large(), 8, 1, 8.0, judged=False)
    without.ranked(4, 12.0, 2.0, 2.0, first)  # 3 s each, 1 s without gradients
    assert told.pop() == 4 * 3 + (8 + 3) * 16 + 16  # half-filled batches count in full
    judged = Outlook(told.append, Large(), 8, 1, 8.0, judged=True)
    judged.drawn(8, 1, 16.0)
    judged.ranked(8, 24.0, 4.0, 4.0, first)  # 1 s for an image and its judges, 0.5 s without them
    assert told.pop() == 1.5 * ((13 + 3) * 16 + 16) + 16
    judged.drawn(8, 2, 8.0)
    judged.ranked(8, 24.0, 4.0, 4.0, first)  # 0.25 s, whatever the way with gradients took
    assert told.pop() == 0.75 * ((13 + 3) * 16 + 16) + 0.25 * 32

    class Late(Large):
        work_from = staticmethod(lambda layer: 0.5 if layer == 1 else 1.0)

    late = Outlook(told.append, Late(), 8, 1, 8.0, judged=False)
    late.ranked(8, 24.0, 4.0, 4.0, first)
    assert told.pop() == 0.75 * (8 + 3) * 16 + 16


def test_the_work_of_a_network_ends_with_its_last_layer():
    config = GeneratorConfig(("a", "b"), 16, (16, 16), 1, (8, 8, 4))
    shares = [config.work_from(layer) for layer in range(len(config.style_layers) + 1)]
    assert (shares[0], shares[-1]) == (1.0, 0.0)
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == len(shares)
