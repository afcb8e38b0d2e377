"""Fine-tune the clean-trained classifier on hard images, and on two others for comparison.

``make example-mend`` runs this after each of two exports: the second has the images at which the classifier
still fails after the first. Three models start from the same weights and are trained alike, on clean training
digits and as many other images each:

- *mended*: the images of both exports;
- *control*: generated images that the judges accept, half of them unmoved, half moved as far as exported
  ones, along random dimensions;
- *corrupted*: training digits under the corruptions of the gates.

Epochs and mixing are chosen for the mended one alone, on training digits and images of the first export that it
is not trained on. The test digits are not read.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import NamedTuple

import digits
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn
from training.images import load_training_images

from pytest_failcond import (
    Acceptance,
    Classifier,
    Generator,
    HardImages,
    LabeledImages,
    corrupt,
    load_judges,
)

MODELS = digits.HERE / "models"
FOLDER = digits.HERE / "reports" / "mend"
GENERATOR = MODELS / "digits-stylegan2.safetensors"
CORRUPTIONS = ("gaussian_noise", "shot_noise", "impulse_noise", "contrast", "jpeg_compression",
               "speckle_noise", "gaussian_blur", digits.column_blur)  # fmt: skip
BATCH = 128
HELD_OUT = 5_000  # training digits
ONE_IN = 5  # exported images that are held out
CHOICES = [(2, 0.25), (4, 0.5)]  # epochs, share of a batch
MOST_LOST = 0.003  # of the accuracy on held-out digits
TRUNCATION = 0.7  # as in the configuration

Pixels = npt.NDArray[np.uint8]


class Choice(NamedTuple):
    """Epochs of a fine-tuning, and the share of other images in each batch."""

    epochs: int
    share: float


def tensors(pixels: Pixels) -> torch.Tensor:
    """uint8 ``[N, H, W, C]`` → float32 ``[N, C, H, W]`` in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255


def fine_tune(clean: LabeledImages, other: LabeledImages, epochs: int, share: float) -> nn.Module:
    """Go on from the clean-trained classifier; ``share`` of each batch are other images."""
    torch.manual_seed(0)
    model = digits.load_mlp().train()
    few = int(BATCH * share)
    many = BATCH - few
    steps = len(clean) // many
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=0.001, total_steps=epochs * steps
    )
    for _ in range(epochs):
        order = torch.randperm(len(clean))
        for step in range(steps):
            rows = order[step * many : (step + 1) * many].numpy()
            more = torch.randint(len(other), (few,)).numpy()
            images = tensors(np.concatenate([clean.images[rows], other.images[more]]))
            labels = np.concatenate([clean.labels[rows], other.labels[more]])
            loss = F.cross_entropy(model(images), torch.from_numpy(labels))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return model.eval()


def accuracy(model: nn.Module | Classifier, data: LabeledImages) -> float:
    """Return the share of images that a model has right."""
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    predicted = classifier.probabilities(tensors(data.images)).argmax(axis=1)
    return float((predicted == data.labels).mean())


def generated(exported: Sequence[HardImages], count: int) -> LabeledImages:
    """Return accepted images: half unmoved, half moved like exported ones along random dimensions."""
    hard_labels = np.concatenate([export.labels for export in exported])
    hard_shifts = [shifts for export in exported for shifts in export.shifts]
    generator = Generator.load(GENERATOR)
    judges = [
        Classifier(judge, name="judge")
        for judge in load_judges(MODELS / "judge.safetensors").acceptors
    ]
    acceptance, random = Acceptance(tuple(judges)), np.random.default_rng(0)
    std = generator.style_space.std
    pixels, labels, found = [], [], 0
    while found < count:
        some = random.choice(len(hard_labels), 512)
        classes = hard_labels[some]
        styles = generator.sample(
            classes, stream="control", first=512 * len(pixels), truncation=TRUNCATION
        )
        for row, i in enumerate(some[:256]):
            shifts = np.array(hard_shifts[i])
            dimensions = random.choice(len(std), len(shifts), replace=False)
            signs = random.choice([-1, 1], len(shifts))
            styles[row, dimensions] += torch.from_numpy(shifts * signs * std[dimensions]).float()
        images = generator.synthesize(styles)
        kept = acceptance.accepts(images, classes, among=10)
        pixels.append((images.numpy()[kept] * 255).round().astype(np.uint8).transpose(0, 2, 3, 1))
        labels.append(classes[kept])
        found += int(kept.sum())
    return LabeledImages(np.concatenate(pixels)[:count], np.concatenate(labels)[:count])


def corrupted(clean: LabeledImages, count: int) -> LabeledImages:
    """Return training digits, each under one corruption and severity."""
    random = np.random.default_rng(0)
    rows = random.choice(len(clean), count, replace=False)
    which, severities = random.integers(len(CORRUPTIONS), size=count), random.integers(1, 6, count)
    images = clean.images[rows].copy()
    for number, corruption in enumerate(CORRUPTIONS):
        for severity in range(1, 6):
            some = (which == number) & (severities == severity)
            if some.any():
                images[some] = corrupt(images[some], corruption, severity, indices=rows[some])
    return LabeledImages(images, clean.labels[rows])


def split() -> tuple[LabeledImages, LabeledImages]:
    """Return the training digits that are held out, and the others."""
    whole = load_training_images()
    order = np.random.default_rng(0).permutation(len(whole))
    held_out, clean = (
        LabeledImages(whole.images[rows], whole.labels[rows])
        for rows in (order[:HELD_OUT], order[HELD_OUT:])
    )
    return held_out, clean


def exports(name: str) -> list[HardImages]:
    """Return the exports of a round: one for each seed."""
    return [HardImages(folder) for folder in sorted((FOLDER / name).iterdir())]


def halves(exported: Sequence[HardImages]) -> tuple[LabeledImages, LabeledImages]:
    """Return the exported images to train on, and those that are held out."""
    whole = joined(*(LabeledImages(one.pixels(range(len(one))), one.labels) for one in exported))
    out = np.arange(len(whole)) % ONE_IN == 0
    hard, unseen = (LabeledImages(whole.images[rows], whole.labels[rows]) for rows in (~out, out))
    return hard, unseen


def joined(*parts: LabeledImages) -> LabeledImages:
    """Return the images of all parts."""
    return LabeledImages(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def choose(
    clean: LabeledImages, held_out: LabeledImages, hard: LabeledImages, unseen: LabeledImages
) -> tuple[Choice, nn.Module]:
    """Choose epochs and mixing: the most exported images right, and few digits lost. Returns the model, too.

    The first model has learnt the digits that are held out. So each choice is held against as many epochs
    with clean digits alone.
    """
    print(f"held out: {len(held_out):,} digits, {len(unseen):,} exported images")
    plain = {
        epochs: accuracy(fine_tune(clean, hard, epochs, 0.0), held_out)
        for epochs in sorted({epochs for epochs, _ in CHOICES})
    }
    tried = []
    for epochs, share in CHOICES:
        model = fine_tune(clean, hard, epochs, share)
        kept, gained = accuracy(model, held_out), accuracy(model, unseen)
        print(
            f"{epochs} epochs, {share:.0%} of a batch: {kept:.4f} (clean digits alone "
            f"{plain[epochs]:.4f}), exported {gained:.3f}",
            flush=True,
        )
        tried.append((kept >= plain[epochs] - MOST_LOST, gained, Choice(epochs, share), model))
    *_, chosen, model = max(tried, key=lambda found: found[:2])
    print(f"chosen: {chosen.epochs} epochs, {chosen.share:.0%}")
    return chosen, model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="the second round")
    again = parser.parse_args().again
    torch.set_num_threads(1)
    held_out, clean = split()
    hard, unseen = halves(exports("hard"))
    if not again:
        choice, once = choose(clean, held_out, hard, unseen)
        (FOLDER / "choice.json").write_text(json.dumps(choice._asdict()))
        _save("once", once)
        return
    choice = Choice(**json.loads((FOLDER / "choice.json").read_text()))
    hard = joined(hard, halves(exports("again"))[0])
    _save("mended", fine_tune(clean, hard, *choice))
    _save(
        "control",
        fine_tune(clean, generated([*exports("hard"), *exports("again")], len(hard)), *choice),
    )
    _save("corrupted", fine_tune(clean, corrupted(clean, len(hard)), *choice))


def _save(name: str, model: nn.Module) -> None:
    save_file(model.state_dict(), FOLDER / f"{name}.safetensors")


def _load(name: str) -> nn.Module:
    model = digits.make_mlp()
    model.load_state_dict(load_file(FOLDER / f"{name}.safetensors"))
    return model.eval()


def load_once() -> nn.Module:
    """The clean-trained classifier, fine-tuned on images at which it failed."""
    return _load("once")


def load_mended() -> nn.Module:
    """The same, fine-tuned also on images at which that one failed."""
    return _load("mended")


def load_control() -> nn.Module:
    """The same, fine-tuned on generated images that nothing was sought with."""
    return _load("control")


def load_corrupted() -> nn.Module:
    """The same, fine-tuned on corrupted digits."""
    return _load("corrupted")


if __name__ == "__main__":
    main()
