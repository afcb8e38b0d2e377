"""The training: keyed, resumable to the bit, and stopped by its budget."""

import copy
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save
from tiny import NO_CORRUPTION, stripes, tiny_config, tiny_generator, tiny_trainer

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.storage.tensors import read_header
from pytest_failcond.training import loop as session
from pytest_failcond.training.data import CorruptionMix, TrainingImages, balanced_labels
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.training.trainer import Trainer

EVERYTHING = {"path_weight": 2.0, "adaptive_augmentation": True, "r1_every": 4}


def advance(trainer, steps):
    for _ in range(steps):
        losses = trainer.advance()
    return losses


def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_failcond.training.augment.ADJUSTMENT_IMAGES", 250)
    monkeypatch.setattr("pytest_failcond.training.augment.TARGET", -1.1)  # it rises at once
    mix = CorruptionMix()
    whole = tiny_trainer(mix=mix, **EVERYTHING)
    advance(whole, 24)
    whole.save(tmp_path / "whole.safetensors")

    first = tiny_trainer(mix=mix, **EVERYTHING)
    advance(first, 12)
    first.save(tmp_path / "half.safetensors")
    torch.manual_seed(123)  # the global state plays no part
    second = tiny_trainer(mix=mix, **EVERYTHING)
    second.resume(tmp_path / "half.safetensors")
    assert second.images_seen == 96
    advance(second, 12)
    second.save(tmp_path / "resumed.safetensors")

    expected, found = (load_file(tmp_path / f"{n}.safetensors") for n in ("whole", "resumed"))
    assert {key.split(".")[0] for key in expected} == {
        *("generator", "discriminator", "average", "adam", "path_mean")
    }
    assert expected.keys() == found.keys()
    assert [k for k in expected if not torch.equal(expected[k], found[k])] == []
    metadata = [read_header(tmp_path / f"{n}.safetensors").metadata for n in ("whole", "resumed")]
    assert metadata[0] == metadata[1]
    assert expected["path_mean"] > 0
    assert not metadata[0]["augmentation"].startswith("[0.0")


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"learning_rate": 0.001},
        {"bf16": True},
        {"mix": CorruptionMix()},
        {"config": tiny_config(channels=(6, 4))},
        {"config": tiny_config(classes=("a", "b", "c"))},
    ],
    ids=["seed", "learning_rate", "bf16", "mix", "channels", "classes"],
)
def test_resuming_with_other_settings_is_refused(tmp_path, other):
    tiny_trainer().save(tmp_path / "state.safetensors")
    with pytest.raises(FailcondError, match="other settings"):
        tiny_trainer(**other).resume(tmp_path / "state.safetensors")


def test_a_damaged_or_foreign_state_is_refused(tmp_path):
    trainer, path = tiny_trainer(), tmp_path / "state.safetensors"
    trainer.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(FailcondError, match="truncated"):
        trainer.resume(path)
    path.write_bytes(
        whole.replace(b"generator.synthesis.constant", b"generator.synthesis.konstant")
    )
    with pytest.raises(FailcondError, match="damaged"):
        trainer.resume(path)
    trainer.generator().save(path)
    with pytest.raises(FailcondError, match="not a training state"):
        trainer.resume(path)


def cut(tensors):
    """Some parameter's moving average becomes smaller."""
    name = next(name for name in tensors if name.endswith("exp_avg"))
    tensors[name] = tensors[name].flatten()[:1].clone()


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, texts: cut(tensors),
        lambda tensors, texts: tensors.update(more=torch.zeros(3)),
        lambda tensors, texts: tensors.pop("path_mean"),
        lambda tensors, texts: texts.update(step="-1"),
        lambda tensors, texts: texts.update(step="1.5"),
        lambda tensors, texts: texts.update(augmentation="[0.0, 3]"),
        lambda tensors, texts: texts.update(augmentation="null"),
        lambda tensors, texts: texts.pop("augmentation"),
    ],
    ids=range(8),
)
def test_a_state_whose_parts_do_not_fit_is_refused(tmp_path, change):
    trainer, path = tiny_trainer(), tmp_path / "state.safetensors"
    trainer.advance()
    trainer.save(path)
    tensors, texts = load_file(path), dict(read_header(path).metadata)
    change(tensors, texts)
    path.write_bytes(save(tensors, texts))
    with pytest.raises(FailcondError, match="damaged: ") as caught:
        tiny_trainer().resume(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bf16", [False, True])
def test_path_length_and_adaptive_augmentation_stay_finite(bf16, monkeypatch):
    monkeypatch.setattr("pytest_failcond.training.augment.ADJUSTMENT_IMAGES", 100)
    trainer = tiny_trainer(bf16=bf16, **EVERYTHING)
    trainer._dtype = torch.bfloat16 if bf16 else torch.float32  # on a CPU without it too
    seen = [trainer.advance() for _ in range(10)]
    assert all(math.isfinite(value) for losses in seen for value in losses.values())
    assert all(p.isfinite().all() for p in trainer.generator().network.parameters())
    assert set(seen[0]) == {"D", "D class", "G", "G class"}


def test_the_r1_penalty_is_that_of_an_independent_gradient(monkeypatch):
    def discriminator_loss(gamma):
        trainer, caught = tiny_trainer(r1_gamma=gamma), {}
        before = copy.deepcopy(trainer._networks.discriminator)
        monkeypatch.setattr(
            trainer._networks, "descend", lambda name, loss, rate: caught.update({name: loss})
        )
        trainer.advance()
        return caught["discriminator"].item(), before

    random = np.random.Generator(np.random.Philox(key=_step_key()))
    labels = balanced_labels(3, 8, random)
    images = TrainingImages(stripes(), 8, NO_CORRUPTION, 0).batch(labels, 0)
    plain, discriminator = discriminator_loss(0.0)
    penalised, _ = discriminator_loss(3.0)
    gradient = torch.func.grad(lambda x: discriminator(x, torch.from_numpy(labels))[0].sum())(
        images
    )
    expected = 3.0 / 2 * 16 * gradient.square().sum(dim=(1, 2, 3)).mean().item()
    assert expected > 1e-3
    assert penalised - plain == pytest.approx(expected, rel=1e-3)


def _step_key():
    from pytest_failcond.corruptions.randomness import stream_key

    return stream_key("step", 0, 0)


def test_the_average_forgets_by_half_within_its_half_life():
    trainer = tiny_trainer(ema_images=20, ema_ramp=0.5)
    weight = next(trainer._networks.generator.parameters())
    average = weight.detach().clone()
    for step in range(1, 7):
        trainer.advance()
        half_life = min(20, 8 * step * 0.5)
        keep = 0.5 ** (8 / half_life)
        average = keep * average + (1 - keep) * weight.detach()
    torch.testing.assert_close(next(trainer.generator().network.parameters()), average)


def test_a_diverging_training_says_so():
    trainer = tiny_trainer()
    trainer._networks.generator.mapping.embed.weight.data.fill_(float("nan"))
    with pytest.raises(FailcondError, match=r"diverged.*lower the learning rate"):
        trainer.advance()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"batch": 0}, {"learning_rate": 0.0}, {"learning_rate": math.nan}, {"r1_every": 0}),
        *({"r1_gamma": -1.0}, {"path_weight": -1.0}, {"ema_ramp": 0.0}),
    ],
    ids=str,
)
def test_senseless_recipes_are_refused(wrong):
    with pytest.raises(FailcondError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_the_image_budget_stops_a_training_and_its_files_are_there(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "_PREVIEW_IMAGES", 24)
    output, reports = tmp_path / "new" / "generator.safetensors", []
    generator = session.train(
        tiny_trainer(), output, session.Budget(60), lambda *args: reports.append(args)
    )
    assert generator.training["images"] == 64
    assert generator.training["recipe"]["batch"] == 8
    assert CorruptionMix.from_json(generator.training["mix"]) == NO_CORRUPTION
    loaded = Generator.load(output)
    assert loaded.training == generator.training | {
        "mix": {"corruptions": [], "severities": [1, 2, 3], "probability": 0.5}
    }
    styles = generator.sample([0, 1, 2])
    assert torch.equal(loaded.synthesize(styles), generator.synthesize(styles))
    folder = session.training_folder(output)
    assert session.state_file(output).is_file()
    assert next(folder.glob("preview-*.png")).read_bytes().startswith(b"\x89PNG")

    again = session.train(tiny_trainer(), output, session.Budget(80), lambda *_: None)
    assert again.training["images"] == 80


def test_the_minutes_stop_a_training(tmp_path):
    budget, reports = session.Budget(10**9, minutes=1.2 / 60), []
    generator = session.train(
        tiny_trainer(), tmp_path / "g.safetensors", budget, lambda *args: reports.append(args)
    )
    assert 0 < generator.training["images"] < 10**6
    seen, total, speed, left, losses = reports[0]
    assert 0 < seen <= generator.training["images"]
    assert total == 10**9
    assert speed > 0
    assert left < 1.2
    assert "D" in losses
    assert (
        "images,D"
        in (session.training_folder(tmp_path / "g.safetensors") / "losses.csv").read_text()
    )


def test_a_place_that_cannot_be_written_is_found_out_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    trainer = tiny_trainer()
    for output in (tmp_path / "file" / "g.safetensors", tmp_path):
        with pytest.raises(FailcondError, match=r"cannot be written|found a folder"):
            session.train(trainer, output, session.Budget(8), lambda *_: None)
    assert trainer.step == 0


def test_a_grid_has_a_row_for_every_so_many_images():
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    sheet = session.grid(images, columns=3)
    np.testing.assert_array_equal(sheet[::2, ::2, 0], [[0, 1, 2], [3, 4, 0]])


def weights(trainer):
    return {
        name: copy.deepcopy(getattr(trainer._networks, name).state_dict())
        for name in ("generator", "discriminator", "average")
    }


def same(one, other):
    return all(torch.equal(one[key], other[key]) for key in one)


def test_a_start_is_taken_over_and_only_its_discriminator_learns_at_first():
    start = tiny_generator()
    start.training["images"] = 1000
    images = TrainingImages(stripes(), 8, NO_CORRUPTION, 0)
    recipe = Recipe(batch=8, bf16=False, warm_up=24, cooldown=40)
    trainer = Trainer(start.config, images, recipe, start)
    before = weights(trainer)
    assert same(before["generator"], start.network.state_dict())
    advance(trainer, 3)
    warm = weights(trainer)
    assert same(warm["generator"], before["generator"])
    assert same(warm["average"], before["average"])
    assert not same(warm["discriminator"], before["discriminator"])
    advance(trainer, 1)
    assert not same(weights(trainer)["generator"], before["generator"])
    assert trainer.generator().training["start"] == {
        "hash": start.hash,
        "training": {"images": 1000},
    }


def test_a_warm_up_that_ends_while_losses_are_written(tmp_path, monkeypatch):
    start = tiny_generator()
    monkeypatch.setattr(session, "_SAVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(session.time, "monotonic", iter(range(10_000)).__next__)
    images = TrainingImages(stripes(), 8, NO_CORRUPTION, 0)
    recipe = Recipe(batch=8, bf16=False, warm_up=24)
    output = tmp_path / "generator.safetensors"
    session.train(
        Trainer(start.config, images, recipe, start), output, session.Budget(64), lambda *_: None
    )
    lines = (tmp_path / "generator.safetensors.training/losses.csv").read_text().splitlines()
    assert lines[0] == "images,D,D class,G,G class"
    assert lines[1].endswith(",,")
    assert all(part for part in lines[-1].split(","))


def test_a_start_of_another_shape_is_refused():
    images = TrainingImages(stripes(), 8, NO_CORRUPTION, 0)
    start = tiny_generator(classes=("a", "b", "c"))
    with pytest.raises(FailcondError, match="the shape or the classes of the generator"):
        Trainer(tiny_config(), images, Recipe(), start)


def test_the_learning_rate_falls_to_nothing_after_the_warm_up():
    recipe = Recipe(learning_rate=0.002, warm_up=100, cooldown=200)
    assert [recipe.rate(n) for n in (0, 100, 200, 300, 400)] == pytest.approx(
        [0.002, 0.002, 0.001, 0.0, 0.0]
    )
    assert Recipe().rate(10**7) == Recipe().learning_rate
