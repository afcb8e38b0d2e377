"""Figures of fitness in a generator's file: used again for the same subjects and settings, else measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pytest_failcond import Classifier, FailcondError, Generator
from pytest_failcond.config.settings import CornerCaseSettings, Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction import fitness
from pytest_failcond.probes.direction.fitness import (
    figures_to_keep,
    kept_figures,
    measure_figures,
    measure_fitness,
)
from pytest_failcond.probes.keys import FitnessKey
from pytest_failcond.subjects.acceptance import Acceptance
from tests.unit.tiny import stripes, tiny_generator

KEYS = [FitnessKey(index) for index in range(3)]


def judge(seed: int = 0) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)).eval()


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A laboratory whose generator's file has the figures."""
    path = tmp_path_factory.mktemp("kept") / "g.safetensors"
    generator = tiny_generator()
    made = Laboratory(
        Settings(),
        Classifier(lambda images: images.reshape(len(images), -1)[:, :3]),
        stripes(),
        generator,
        Acceptance.of(Classifier(judge()), 0.34),
    )
    generator.training["fitness"] = figures_to_keep(made)
    generator.save(path)
    return replace(made, generator=Generator.load(path))


def test_the_same_figures_are_used_again(laboratory, monkeypatch):
    expected = [measure_figures(laboratory, key) for key in KEYS]
    assert [kept_figures(laboratory, key) for key in KEYS] == expected
    monkeypatch.setattr(fitness, "measure_figures", None)  # nothing is measured
    for key in KEYS:
        assert measure_fitness(laboratory, key).drawn == 128


def test_limits_are_those_of_the_session(laboratory):
    strict = Settings.model_validate({"fitness": {"distance": 1e-9, "acceptance": 0.0}})
    loose = Settings.model_validate(
        {"fitness": {"distance": 1e6, "acceptance": 0.0, "coverage": 0.0, "real": 0.0}}
    )
    for settings, fit in ((strict, False), (loose, True)):
        changed = replace(laboratory, settings=settings)
        assert kept_figures(changed, KEYS[0]) is not None
        assert measure_fitness(changed, KEYS[0]).fit is fit


@pytest.mark.parametrize(
    "change",
    [
        {"acceptance": Acceptance.of(Classifier(judge(1)), 0.34)},
        {"acceptance": Acceptance.of(Classifier(judge()), 0.35)},
        {"acceptance": Acceptance.of([Classifier(judge()), Classifier(judge(1))], 0.34)},
        {"acceptance": Acceptance.of(Classifier(lambda images: images[:, 0, 0, :3]), 0.34)},
        {"images": stripes(seed=1)},
        {"settings": Settings(seed=1)},
        {"settings": Settings(max_images=30)},
        {"settings": Settings(corner_cases=CornerCaseSettings(samples=200))},
        {"settings": Settings(corner_cases=CornerCaseSettings(truncation=0.7))},
        {"generator": tiny_generator()},
    ],
    ids=[
        "judge",
        "least_p",
        "judges",
        "no hash",
        "images",
        "seed",
        "subset",
        "samples",
        "truncation",
        "weights",
    ],
)
def test_other_subjects_or_settings_are_measured(laboratory, change):
    changed = replace(laboratory, **change)
    if "generator" in change:  # figures that were copied from another file
        with torch.no_grad():
            next(changed.generator.network.parameters()).add_(0.1)
        changed.generator.training = laboratory.generator.training
    assert kept_figures(changed, KEYS[0]) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda classes: classes.pop("fitness:0"),
        lambda classes: classes.update({"fitness:0": classes["fitness:1"]}),
        lambda classes: classes.update({"fitness:0": 7}),
        lambda classes: classes["fitness:0"].update(drawn=0),
        lambda classes: classes["fitness:0"].update(accepted="many"),
        lambda classes: classes["fitness:0"]["likeness"].update(coverage=2.0),
    ],
    ids=["absent", "another", "no object", "none drawn", "no number", "over 1"],
)
def test_damaged_figures_are_refused_in_a_sentence(laboratory, damage):
    import copy

    generator = copy.copy(laboratory.generator)
    generator.training = copy.deepcopy(generator.training)
    damage(generator.training["fitness"]["classes"])
    with pytest.raises(
        FailcondError, match="generator: the figures of fitness:0 in its file are damaged"
    ):
        kept_figures(replace(laboratory, generator=generator), KEYS[0])
