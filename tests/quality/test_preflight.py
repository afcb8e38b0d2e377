"""A classifier that is fed or read wrongly is recognised; an honest one, however bad, never."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pytest_failcond.config.settings import Settings
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.preflight import (
    best_order,
    chance,
    explains,
    is_near_chance,
    preflight,
)
from pytest_failcond.probes.keys import CleanKey
from pytest_failcond.statistics.bounds import adjusted
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, to_float

NAMES = ("disc", "bar", "cross", "ring")


def pictures(count=320, channels=3):
    """Images of four classes, told by the place and the colour of a bright patch."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 4
    images = random.integers(0, 120, (count, 8, 8, channels))
    for i, label in enumerate(labels):
        row, column = 4 * (label // 2), 4 * (label % 2)
        images[i, row : row + 4, column : column + 4, label % channels] += 100
    return LabeledImages(images.astype(np.uint8), labels)


class Trained(nn.Module):
    """A network trained on images that are changed in a way before they enter it."""

    def __init__(self, change=lambda x: x, channels=3, *, normalised=False) -> None:
        super().__init__()
        torch.manual_seed(0)
        data = pictures(640, channels)
        images, labels = torch.from_numpy(to_float(data.images)), torch.from_numpy(data.labels)
        norm = nn.BatchNorm1d(16) if normalised else nn.Identity()
        self.net = nn.Sequential(
            nn.Flatten(), nn.Linear(64 * channels, 16), norm, nn.Tanh(), nn.Linear(16, 4)
        )
        given = change(images)
        optimizer = torch.optim.Adam(self.net.parameters(), 0.02)
        for _ in range(60):
            optimizer.zero_grad()
            nn.functional.cross_entropy(self.net(given / given.std()), labels).backward()
            optimizer.step()
        self.scale = float(given.std())
        self.eval()

    def forward(self, images):
        return self.net(images / self.scale)


def remarks(model, images, **settings):
    classifier = model if isinstance(model, Classifier) else Classifier(model)
    laboratory = Laboratory(Settings(classes=NAMES, **settings), classifier, images)
    clean = laboratory.classify(CleanKey())
    found = {remark.what: remark.text for remark in preflight(laboratory, clean)}
    assert all("\n" not in text for text in found.values())
    return found


CHANGES = {
    "scaled to 0 … 255": lambda x: x * 255,
    "scaled to -1 … 1": lambda x: (x - 0.5) / 0.5,
    "BGR": lambda x: x.flip(1),
    "BGR, scaled to 0 … 255": lambda x: x.flip(1) * 255,
    "ImageNet's mean": lambda x: (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / 0.226,
}


class Wants(nn.Module):
    """A network that answers rightly on images of one range, and falls into a constant outside."""

    def __init__(self, change) -> None:
        super().__init__()
        self.net, self.change = Trained(), change
        seen = change(torch.from_numpy(to_float(pictures(32).images)))
        self.mean, self.std = seen.mean(dim=(0, 2, 3)), seen.std()

    def forward(self, images):
        off = abs(images.mean(dim=(2, 3)) - self.mean).max(dim=1).values / self.std
        logits = self.net(restored(images, self.change))
        return torch.where(off[:, None] < 0.5, logits, logits * 0 + torch.arange(4.0))


def restored(images, change):
    """Undo a change, which is affine but for the order of the channels."""
    ends = change(torch.stack([torch.zeros(3, 1, 1), torch.ones(3, 1, 1)]))
    plain = (images - ends[0]) / (ends[1] - ends[0])
    return plain.flip(1) if "flip" in change.__code__.co_names else plain


@pytest.mark.parametrize("name", CHANGES)
def test_another_range_or_order_of_channels_is_named(name):
    found = remarks(Wants(CHANGES[name]).eval(), pictures())
    assert set(found) == {"range"}
    for part in name.split(", "):
        assert part in found["range"]


def test_a_right_classifier_is_not_remarked_on():
    for channels in (1, 3):
        assert not remarks(Trained(channels=channels), pictures(channels=channels))


def test_large_images_are_looked_at_a_batch_at_a_time():
    """The same sample and the same remark, in batches of the size that measures them."""
    seen: list[int] = []

    class Counting(Wants):
        def forward(self, images):
            seen.append(len(images))
            return super().forward(images)

    model = Counting(CHANGES["scaled to 0 … 255"]).eval()
    whole = remarks(Classifier(model), pictures())
    assert max(seen) > 5
    seen.clear()
    small = remarks(Classifier(model, batch_size=5), pictures())
    assert max(seen) <= 5
    assert small == whole
    assert set(whole) == {"range"}


def test_another_order_of_the_outputs_is_named():
    class Turned(Trained):
        def forward(self, images):
            return super().forward(images).roll(1, dims=1)

    found = remarks(Turned(), pictures())
    assert set(found) == {"order"}
    assert (
        "has 0.0 % of a sample of 160 of 320 clean test images right, and 100.0 % if its outputs"
        in found["order"]
    )
    assert "(output 0 as class 'ring', output 1 as class 'disc', output 2 as " in found["order"]


def test_statistics_of_the_batch_are_noticed():
    model = Trained(normalised=True)
    assert not remarks(model, pictures())
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.track_running_stats, part.running_mean, part.running_var = False, None, None
    found = remarks(model, pictures())
    assert set(found) == {"batch"}
    assert "depends on the rest of the batch" in found["batch"]
    assert set(remarks(Classifier(model, batch_size=4), pictures())) == {"batch"}


def test_images_classified_one_by_one_have_no_batch_to_depend_on():
    def relative(images):
        values = 50 * images[:, 0, 0, :4]
        return values - values.mean(axis=0)

    assert "batch" in remarks(Classifier(relative, batch_size=8), pictures())
    assert "batch" not in remarks(Classifier(relative, batch_size=1), pictures())


@pytest.mark.parametrize("shares", [(1, 1, 1, 1), (7, 1, 1, 1)])
def test_a_classifier_at_chance_is_said_to_be(shares):
    data = pictures()
    labels = np.random.default_rng(1).choice(4, 320, p=np.array(shares) / sum(shares))
    found = remarks(lambda x: x[:, 0, 0, :1] * 0 + np.arange(4), LabeledImages(data.images, labels))
    assert set(found) == {"chance"}
    assert "explains it; check its weights, its labels and its preprocessing" in found["chance"]


def test_at_chance_a_chosen_head_is_among_the_causes():
    data = pictures()
    labels = np.random.default_rng(1).choice(4, 320)

    def two(images):
        return {"kind": images[:, 0, 0, :4], "age": images[:, 0, 0, :1] * 0 + np.arange(4)}

    found = remarks(Classifier(two, head="age"), LabeledImages(data.images, labels))
    assert "check `head` = 'age', its weights, its labels and its" in found["chance"]


def test_a_model_that_refuses_other_images_is_left_alone():
    def strict(images):
        assert 0 <= images.min() <= images.max() <= 1
        return np.sin(1e4 * images[:, 0, 0, :4])

    assert set(remarks(strict, pictures())) <= {"chance"}


HONEST = [(0.1, 10), (0.3, 10), (0.6, 10), (0.8, 4), (0.5, 2), (0.05, 100)]


@pytest.mark.parametrize(("accuracy", "classes"), HONEST)
@pytest.mark.parametrize("skewed", [False, True])
def test_an_honest_bad_classifier_is_never_suspected(accuracy, classes, skewed):
    """Its errors under another range are as many, on other images; it errs towards some classes."""
    random = np.random.default_rng(classes)
    shares = np.arange(1, classes + 1.0) ** (2 if skewed else 0)
    suspected, trials, tries = 0, 150, 7
    confidence = adjusted(0.95, tries)
    for _ in range(trials):
        labels = random.choice(classes, 256, p=shares / shares.sum())
        share = chance(labels)
        liked = random.permutation(classes)[: max(1, classes // 3)]

        def answer(truth=labels, liked=liked):
            wrong = random.choice(liked, len(truth))
            return np.where(random.random(len(truth)) < accuracy, truth, wrong)

        predicted = answer()
        before = predicted == labels
        ranges = any(
            explains(before, answer() == labels, share, confidence) for _ in range(tries - 1)
        )
        stands = best_order(predicted[::2], labels[::2], classes)
        order = explains(before[1::2], (stands[predicted] == labels)[1::2], share, confidence)
        suspected += ranges or order
    assert suspected == 0


@pytest.mark.parametrize("classes", [2, 5, 10])
def test_chance_is_no_name_for_a_weak_classifier(classes):
    """One that is right half of the way more often than chance is never called so."""
    random = np.random.default_rng(classes)
    accuracy = 1 / classes + 0.5 * (1 - 1 / classes)
    for count in (3, 10, 100, 1000):
        said = [is_near_chance(random.random(count) < accuracy, 1 / classes, 0.95) for _ in range(200)]  # fmt: skip
        assert np.mean(said) <= 0.05
