"""The quality of a generator: do its images show their class, as varied as real images?

Every number comes with that of real images, corrupted like the training images: a judge that is
wrong on real images proves nothing against generated ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from pytest_failcond.corruptions.randomness import stream_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.subjects.acceptance import check_width
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, to_uint8
from pytest_failcond.training.data import CorruptionMix
from pytest_failcond.training.fidelity import (
    NEIGHBOURS,
    frechet_distance,
    recall,
    see,
    usefulness,
)
from pytest_failcond.training.tables import table
from pytest_failcond.words.printing import count, printable

PER_CLASS = 1_000
_CHUNK = 1_024  # images synthesised before they are cut to 8 bits


@dataclass(frozen=True)
class Beside:
    """A number of generated images, and the same of real ones.

    Attributes:
        generated, real: over all images, or the mean over the classes.
        generated_per_class, real_per_class: by class, if that makes sense.
    """

    generated: float
    real: float
    generated_per_class: tuple[float, ...] = ()
    real_per_class: tuple[float, ...] = ()


@dataclass(frozen=True)
class Quality:
    """A generator's quality, in the judge's eyes; JSON-ready through `dataclasses.asdict`.

    Attributes:
        classes: their names.
        images_per_class: the number of compared generated images, of test images and of training
            images.
        seed: keyed the samples.
        judge_accuracy: share of images that the judge takes for their class; real: test images.
        frechet: Fréchet distance to the test images in the judge's features; real: of training
            images. Lower is better.
        recall: share of a class's test images that lie among its generated images; real: among
            training images. Mean over the classes.
        usefulness: accuracy on test images of a small classifier trained on the images alone;
            real: trained on training images.
    """

    classes: tuple[str, ...]
    images_per_class: tuple[int, ...]
    seed: int
    judge_accuracy: Beside
    frechet: Beside
    recall: Beside
    usefulness: Beside

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Quality:
        """Read what `dataclasses.asdict` gave, also after a way through JSON."""
        beside = {k: Beside(**v) for k, v in data.items() if isinstance(v, dict)}
        return cls(**(data | beside))


def measure_quality(
    generator: Generator,
    judge: nn.Module,
    train: LabeledImages,
    test: LabeledImages,
    mix: CorruptionMix | None = None,
    *,
    per_class: int = PER_CLASS,
    seed: int = 0,
    report: Callable[[str], None] = lambda _: None,
) -> Quality:
    """Measure a generator at truncation 1 against real images, corrupted as in its training.

    Args:
        generator: its classes are those of the labels.
        judge: float32 ``[N, C, H, W]`` in [0, 1] → logits ``[N, K]``, or ``[N, K + 1]`` where the
            last means none of these; its features are the input of its last linear layer.
        train: the real images that the generator was trained on, uint8 ``[N, H, W, C]``.
        test: real images that neither generator nor judge has seen.
        mix: how real images are corrupted; default the paper's.
        per_class: images per class of each kind; fewer if there are fewer real ones.
        seed: keys samples, subsets and corruptions.
        report: called with one sentence per part.

    Raises:
        FailcondError: sizes or classes differ, a class has too few images, or the judge fails.
    """
    mix = mix or CorruptionMix()
    classes = generator.classes
    counts = _counts(generator, train, test, per_class)
    labels = np.repeat(np.arange(len(classes)), counts)
    watcher = Classifier(judge, name="judge")

    real = {
        name: _corrupted(_choose(data, counts, seed, name), mix, seed, name)
        for name, data in (("train", train), ("test", test))
    }
    report("the judge looks at training and test images")
    seen = {name: see(watcher, data) for name, data in real.items()}
    check_width(watcher.name, watcher.classes or 0, len(classes))
    report(f"{len(labels):,} images are generated, and the judge looks at them")
    made = _generate(generator, labels, seed)
    seen["generated"] = see(watcher, made)
    report("features are compared")
    frechet = {
        n: frechet_distance(seen[n].features, seen["test"].features) for n in ("generated", "train")
    }
    accuracy = {n: _by_class(seen[n].correct.astype(float), labels) for n in ("generated", "test")}
    recalls = {
        n: tuple(
            recall(seen[n].features[labels == c], seen["test"].features[labels == c])
            for c in range(len(classes))
        )
        for n in ("generated", "train")
    }
    useful = {}
    for name, data in (("generated", made), ("training", real["train"])):
        report(f"a small classifier is trained on {len(labels):,} {name} images")
        useful[name] = usefulness(data, real["test"], classes=len(classes), seed=seed)
    return Quality(
        classes=classes,
        images_per_class=tuple(counts.tolist()),
        seed=seed,
        judge_accuracy=Beside(
            float(seen["generated"].correct.mean()),
            float(seen["test"].correct.mean()),
            accuracy["generated"],
            accuracy["test"],
        ),
        frechet=Beside(frechet["generated"], frechet["train"]),
        recall=Beside(
            float(np.mean(recalls["generated"])),
            float(np.mean(recalls["train"])),
            recalls["generated"],
            recalls["train"],
        ),
        usefulness=Beside(useful["generated"], useful["training"]),
    )


def render(quality: Quality) -> str:
    """Write two tables, readable in a terminal and valid as Markdown."""
    q = quality
    total = sum(q.images_per_class)
    overall = [
        [f"{total:,} images of each kind", "generated", "real"],
        ["judge's accuracy (real: test images)", *_pair(q.judge_accuracy)],
        ["Fréchet distance to test images (real: training images)", *_pair(q.frechet, 2)],
        ["recall of test images (real: by training images)", *_pair(q.recall)],
        ["accuracy of a classifier trained on them alone", *_pair(q.usefulness)],
    ]
    by_class = [
        ["class", "images", "judge, generated", "judge, real", "recall, generated", "recall, real"]
    ]
    for c, name in enumerate(q.classes):
        values = (
            q.judge_accuracy.generated_per_class[c],
            q.judge_accuracy.real_per_class[c],
            q.recall.generated_per_class[c],
            q.recall.real_per_class[c],
        )
        by_class.append(
            [
                printable(name).replace("|", r"\|"),
                f"{q.images_per_class[c]:,}",
                *(f"{v:.3f}" for v in values),
            ]
        )
    return f"{table(overall)}\n\n{table(by_class)}\n"


def _counts(
    generator: Generator, train: LabeledImages, test: LabeledImages, per_class: int
) -> npt.NDArray[np.int64]:
    """Return the number of images per class that every kind has; check that the sets fit
    together.
    """
    config = generator.config
    expected = (*config.image_size, config.image_channels)
    for name, data in (("training", train), ("test", test)):
        if data.shape != expected:
            raise FailcondError(
                f"the generator makes images {list(expected)}, but the {name} images are "
                f"{list(data.shape)} (height, width, channels); give the images that it was "
                f"trained on"
            )
        if int(data.labels.max()) >= len(generator.classes):
            raise FailcondError(
                f"the {name} images have labels up to {data.labels.max()}, but the generator has "
                f"{len(generator.classes)} classes; give the images that it was trained on"
            )
    width = len(generator.classes)
    available = [np.bincount(data.labels, minlength=width) for data in (train, test)]
    counts: npt.NDArray[np.int64] = np.minimum(np.minimum(*available), per_class)
    if counts.min() <= NEIGHBOURS:
        few = generator.classes[int(counts.argmin())]
        raise FailcondError(
            f"class {few!r} has {count(int(counts.min()), 'image')} to compare; more than {NEIGHBOURS} are "
            "needed in the training images, in the test images and per class"
        )
    return counts


def _generate(generator: Generator, labels: npt.NDArray[np.int64], seed: int) -> LabeledImages:
    styles = generator.sample(labels, seed, stream="quality")
    parts = [to_uint8(generator.synthesize(part).numpy()) for part in torch.split(styles, _CHUNK)]
    return LabeledImages(np.concatenate(parts), labels)


def _choose(
    data: LabeledImages, counts: npt.NDArray[np.int64], seed: int, name: str
) -> LabeledImages:
    """Draw ``counts[c]`` images of every class c, ordered by class."""
    random = np.random.Generator(np.random.Philox(key=stream_key("quality", seed, name)))
    order = random.permutation(len(data))
    rows = np.concatenate([order[data.labels[order] == c][:n] for c, n in enumerate(counts)])
    return LabeledImages(data.images[rows], data.labels[rows])


def _corrupted(data: LabeledImages, mix: CorruptionMix, seed: int, name: str) -> LabeledImages:
    """Corrupt with a separate key: no image gets the noise that it had in training."""
    key = int(stream_key("quality mix", seed, name)[0] >> np.uint64(1))
    return LabeledImages(mix.apply(data.images, np.arange(len(data)), key), data.labels)


def _by_class(values: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> tuple[float, ...]:
    return tuple(float(values[labels == c].mean()) for c in range(int(labels.max()) + 1))


def _pair(numbers: Beside, digits: int = 3) -> tuple[str, str]:
    return f"{numbers.generated:.{digits}f}", f"{numbers.real:.{digits}f}"
