"""The subjects, and the classification of test images. Pure: knows neither pytest nor files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.class_names import class_names
from pytest_failcond.config.settings import Settings
from pytest_failcond.corruptions import specification
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.judging import MOST_JUDGED, Reading, may_be, refuse_itself
from pytest_failcond.probes.keys import (
    Key,
)
from pytest_failcond.records.examples import Lost
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance, check_width, judge_name
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import LabeledImages, as_8_bits, to_float

if TYPE_CHECKING:  # torch, which only a generator needs
    from pytest_failcond.generators.base import Generator

Pixels = npt.NDArray[np.uint8]
Change = Callable[[Pixels, npt.NDArray[np.int64]], Pixels]
Made = TypeVar("Made")

_GENERATED = 256  # generated images that distinguish models, without test images
_CHUNK = 16  # batches per pass at most: enough for kernels to be fast
_CHUNK_VALUES = 1 << 25  # of a pass at most: memory stays flat, however large images or set are


@dataclass(frozen=True)
class Laboratory:
    """The subjects of a session and the settings they are measured with.

    ``find_guides`` loads the judges that a search may use, when they are first needed.

    Raises:
        FailcondError: when built, if subjects disagree on classes, channels or size, or a judge is the
            classifier.
    """

    settings: Settings
    classifier: Classifier
    images: LabeledImages | None = None
    generator: Generator | None = None
    acceptance: Acceptance = EVERYTHING
    find_guides: Callable[[], Sequence[Classifier]] = field(
        default=tuple, repr=False, compare=False
    )
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_classes()
        if self.images is not None and self.generator is not None:
            height, width, channels = self.images.shape
            made = self.generator.image_shape
            if made != (height, width, channels):
                raise FailcondError(
                    f"generator and images disagree: the generator makes {made[2]} x "
                    f"{made[0]} x {made[1]} images, the test images are "
                    f"{channels} x {height} x {width}; correct or leave out crop, resize and channels in "
                    f"{self.settings.table('generator')}"
                )
        self._check_judges()

    def _check_classes(self) -> None:
        names = self.class_names
        if names is None:
            return
        if self.images is not None and self.images.labels.max() >= len(names):
            raise FailcondError(
                f"labels: {self.images.labels.max()} is outside the {len(names)} classes; "
                "labels count from 0"
            )
        if self.classifier.classes not in (None, len(names)):
            raise FailcondError(
                f"the {self.classifier.name} has {self.classifier.classes} classes, but there are "
                f"{len(names)}; check its outputs, `classes` and the generator"
            )
        self.classifier.classes = len(names)
        for judge in self.acceptance.judges:
            if judge.classes is not None:
                check_width(judge.name, judge.classes, len(names))

    def _check_judges(self) -> None:
        for judge in self.acceptance.judges:
            if may_be(judge, self.classifier) and (images := self._some_images()) is not None:
                refuse_itself(judge, self.classifier, images)

    def _some_images(self) -> npt.NDArray[np.float32] | None:
        """Return test images, or without any, generated ones, to distinguish models by."""
        if self.images is not None:
            return to_float(self.test_images.subset(MOST_JUDGED, self.settings.seed)[0].images)
        if self.generator is None:
            return None
        from pytest_failcond.generators.by_rejection import of_any_kind

        generator = of_any_kind(self.generator)
        kinds = max(len(generator.classes), 1)
        labels = np.repeat(np.arange(kinds), max(1, _GENERATED // kinds))
        images = generator.synthesize(generator.sample(labels, self.settings.seed))
        return as_8_bits(images)

    @cached_property
    def guides(self) -> list[Classifier] | None:
        """The judges that a search may use, and that do not decide; None: there are none.

        Raises:
            FailcondError: they cannot be loaded, do not fit the classes, or one is the classifier.
        """
        guides = list(self.find_guides())
        for guide in guides:
            if guide.classes is not None and self.classifier.classes is not None:
                check_width(guide.name, guide.classes, self.classifier.classes)
            if may_be(guide, self.classifier) and (images := self._some_images()) is not None:
                refuse_itself(guide, self.classifier, images)
        return guides or None

    @property
    def guide_hashes(self) -> list[str | None]:
        """The hashes of the guides; None for a plain callable."""
        return [guide.hash for guide in self.guides or ()]

    @property
    def models(self) -> dict[str, Classifier]:
        """Classifier and judges, by their roles."""
        judges = self.acceptance.judges
        named = {judge_name(i, len(judges)): judge for i, judge in enumerate(judges, start=1)}
        return {"classifier": self.classifier, **named}

    @property
    def computes_with_torch(self) -> bool:
        """Whether any of the subjects is a torch module."""
        models = self.models.values()
        return self.generator is not None or any(model.differentiable for model in models)

    @cached_property
    def class_names(self) -> tuple[str, ...] | None:
        """Names by index: the configured, the generator's, or those of the images' folders, if any."""
        return class_names(
            self.settings, None if self.generator is None else self.generator.classes
        )

    @cached_property
    def test_images(self) -> LabeledImages:
        """The measured images: all, or the keyed subset of ``max_images``.

        Raises:
            FailcondError: there are none.
        """
        return self._subset[0]

    @cached_property
    def _subset(self) -> tuple[LabeledImages, npt.NDArray[np.int64]]:
        if self.images is None:
            raise FailcondError(
                'images: none are configured; set images = "module:callable" in '
                f"{self.settings.table()}"
            )
        count = self.settings.max_images or len(self.images)
        return self.images.subset(count, self.settings.seed)

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """Index of each test image in the user's set, ``[N]``."""
        return self._subset[1]

    @cached_property
    def subjects(self) -> dict[str, Any]:
        """The subjects' entry of a run: hashes, and the settings that the images depend on."""
        grid = self.settings.corruptions
        return {
            "classifier": self.classifier.hash,
            **self.acceptance.subjects,
            "generator": None if self.generator is None else self.generator.hash,
            "truncation": None if self.generator is None else self.settings.corner_cases.truncation,
            "images": None if self.images is None else self.images.hash,
            "max_images": self.settings.max_images,
            "seed": self.settings.seed,
            "corruptions": None if grid is None else specification(grid.constants, grid.backend),
        }

    def classify(
        self,
        key: Key,
        change: Change | None = None,
        *,
        judged: bool = True,
        lost: Lost | None = None,
    ) -> Measurement:
        """Classify the test images, changed or unchanged.

        Args:
            key: of the measurement.
            change: returns the images to classify instead of some images, uint8
                ``[n, H, W, C]``, given their indices in the user's set, ``[n]``; the result may
                depend on nothing else.
            judged: whether the judges see some of them too.
            lost: takes some that are lost, for their picture.

        Raises:
            FailcondError: there are no images, the change raised, or labels and classes do not fit.
        """
        data, indices = self.test_images, self.indices
        acceptance = self.acceptance if judged else EVERYTHING
        digest = hashlib.sha256()
        predicted, accepted = [], []
        reading = Reading(acceptance.judges)
        classify = self.classifier.probabilities
        batch = self.classifier.size_for(*data.images.shape[1:3])
        chunk = batch * max(1, min(_CHUNK, _CHUNK_VALUES // (batch * data.images[0].size)))
        for start in range(0, len(data), chunk):
            pixels = data.images[start : start + chunk]
            if change is not None:
                pixels = change(pixels, indices[start : start + chunk])
            digest.update(np.ascontiguousarray(pixels).data)
            predicted.append(classify(to_float(pixels), owned=True).argmax(axis=1))
            if lost is not None:
                lost.see(start, predicted[-1], pixels)
            if acceptance.judged and (shown := self._shown_to_judge[start : start + chunk]).any():
                labels, among = data.labels[start : start + chunk][shown], self.classifier.classes
                judgement = acceptance.see(to_float(pixels[shown]), among=among or 0)
                accepted.append(judgement.accepted(labels))
                reading.see(judgement, predicted[-1][shown], labels)
        if change is None:
            reading.note()
        classes = self.classifier.classes or 0
        if data.labels.max() >= classes:
            head = self.classifier.head
            where = "" if head is None else f", of its head {head!r}"
            raise FailcondError(
                f"labels: {data.labels.max()} is outside the classifier's {classes} classes{where}; "
                "labels count from 0"
            )
        return Measurement(
            key=key,
            predicted=np.concatenate(predicted).astype(np.int64),
            labels=data.labels,
            pixels=f"sha256:{digest.hexdigest()[:32]}",
            classes=classes,
            judge_correct=sum(int(right.sum()) for right in accepted) if accepted else None,
            judge_total=sum(map(len, accepted)) if accepted else None,
        )

    @cached_property
    def _shown_to_judge(self) -> npt.NDArray[np.bool_]:
        """The test images that the judges see too: enough to recognise an unreadable corruption."""
        shown = np.zeros(len(self.test_images), dtype=bool)
        shown[self.test_images.subset(MOST_JUDGED, self.settings.seed)[1]] = True
        return shown

    @cached_property
    def picture_order(self) -> npt.NDArray[np.int64]:
        """Rows of the test images in the order in which they are pictured, ``[N]``.

        It is the same for all keys, so that an image lost at several severities recurs, and depends
        on no threshold.
        """
        return np.random.default_rng([self.settings.seed, 0xE4A]).permutation(len(self.test_images))

    def has(self, make: Callable[[Laboratory], Any]) -> bool:
        """Whether `once` has computed the result of a function."""
        return make in self._made

    def once(self, make: Callable[[Laboratory], Made]) -> Made:
        """Return the result of a function of the subjects, computed on the first call."""
        if make not in self._made:
            self._made[make] = make(self)
        made: Made = self._made[make]
        return made
