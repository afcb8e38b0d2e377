"""Key → measurement through the store: each key once, for tests and for commands. Knows no pytest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.compare import Other
from pytest_failcond.corpus import Corpus
from pytest_failcond.directions import ClassRanking, Direction
from pytest_failcond.environment import describe_environment
from pytest_failcond.errors import FailcondError
from pytest_failcond.examples import SavePicture
from pytest_failcond.keys import (
    CleanKey,
    CorpusKey,
    CorruptionKey,
    DirectionKey,
    RankingKey,
    parse_key,
)
from pytest_failcond.measure import Laboratory
from pytest_failcond.measurements import AnyMeasurement, Examples, Measurement, Replay
from pytest_failcond.packing import pack, unpack
from pytest_failcond.progress.notes import Progress
from pytest_failcond.remarks import Remark
from pytest_failcond.settings import Settings
from pytest_failcond.store import Record, Store
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import png
from pytest_failcond.surroundings import ours


class Measuring:
    """Measures what is asked for, unless somebody who shares the store has.

    Args:
        settings: what it is measured with.
        store: where it is kept.
        laboratory: the subjects; None: only what is in the store can be had.
        pictures: whether pictures of the user's images may be made.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        laboratory: Laboratory | None,
        *,
        pictures: bool = True,
    ) -> None:
        self.settings = settings
        self.store = store
        self.given = laboratory
        self._pictures = pictures
        self._progress = Progress(store.folder)
        if laboratory is not None:
            laboratory.classifier.seen = self._progress.seen
            for model in laboratory.models.values():
                self._watch(model)
            if laboratory.images is not None and laboratory.images.noticed:
                self._remark(Remark("images", "mixed", laboratory.images.noticed))
        self.session = store.get("session", self._describe)
        if laboratory is not None:
            self._refuse_others(laboratory)

    def _refuse_others(self, laboratory: Laboratory) -> None:
        """See that the subjects are those of whoever described the session: keys know no subjects.

        A model that is drawn at random where it is loaded differs from process to process.
        """
        for name in ("classifier", "images", "generator", "judge"):
            here, there = laboratory.subjects[name], self.session["subjects"][name]
            if here != there:
                raise FailcondError(
                    f"{name}: a session measures one set of subjects, but here another was loaded than "
                    f"where the session began ({here} and {there}); load the same each time, with "
                    "fixed seeds, or run pytest once for each and compare by `failcond compare`"
                )

    def _watch(self, model: Classifier) -> None:
        """Keep what is noticed of a model; see once, in whatever process, whether it repeats itself."""

        def repeat(again: Callable[[], Remark | None]) -> None:
            def compute() -> Record:
                if (found := again()) is not None:
                    self._remark(found)
                return {}

            self.store.get(f"repeated:{model.name}", compute)

        model.notice, model.repeat = self._remark, repeat

    def _remark(self, remark: Remark) -> None:
        if self.store.find(remark.record) is None:
            self.store.put(remark.record, remark.to_json())

    @property
    def laboratory(self) -> Laboratory:
        """The subjects.

        Raises:
            FailcondError: there are none: a kept run is judged.
        """
        if self.given is None:
            raise FailcondError(
                "this was not measured in the run that is judged, and with --failcond-from nothing "
                "is measured; leave that option out"
            )
        return self.given

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """True class of every test image, ``[N]``."""
        return unpack(self.session["labels"])

    def measure(self, key: str) -> AnyMeasurement:
        """Return the measurement of a key.

        Raises:
            FailcondError: it cannot be measured, now or when it was tried.
        """
        parsed, get = parse_key(key), self._get
        if isinstance(parsed, RankingKey):
            return ClassRanking.from_json(get(key, lambda: self._find(parsed)))
        if isinstance(parsed, DirectionKey):
            return Direction.from_json(get(key, lambda: self._walk(parsed)))
        if isinstance(parsed, CorpusKey):
            return Replay.from_json(get(key, self._replay))
        if isinstance(parsed, CleanKey):
            record = get(key, lambda: self.laboratory.measure_clean().to_json())
        else:
            record = get(key, lambda: self._measure_cell(parsed))
        return Measurement.from_json(record, self.labels)

    def _get(self, key: str, compute: Callable[[], Record]) -> Record:
        """Return a key's record; while it is computed, progress is noted."""

        def noted() -> Record:
            cell = isinstance(parse_key(key), CleanKey | CorruptionKey)
            total = len(self.laboratory.test_images) if cell else None
            with self._progress.measuring(key, total), ours():
                return compute()

        return self.store.get(key, noted)

    @property
    def clean(self) -> Measurement:
        """The test images as they are."""
        measured = self.measure("clean")
        assert isinstance(measured, Measurement)
        return measured

    def compared(self, key: str, baseline: Other) -> dict[str, Any]:
        """Picture what was lost and what was gained since a baseline, once.

        Raises:
            FailcondError: the key cannot be measured, or not be compared.
        """
        return self.store.get(f"compared:{key}", lambda: self._picture_change(key, baseline))

    def other(self, path: Path) -> Other:
        """Return another run to compare with."""
        return Other(path, self.session["subjects"], self.measure)

    def _measure_cell(self, key: CorruptionKey) -> dict[str, Any]:
        return self.laboratory.measure_corruption(
            key.corruption, key.severity, clean=self.clean, save=self._save_example
        ).to_json()

    def _replay(self) -> Record:
        if self.settings.corpus is None:
            raise FailcondError(
                'corpus: none is configured; set corpus = "folder" in [tool.failcond]'
            )
        corpus = Corpus.read(self.settings.path(self.settings.corpus))
        return self.laboratory.replay(corpus, self._save_example).to_json()

    def _walk(self, key: DirectionKey) -> dict[str, Any]:
        """Walk a direction, unless it is one that the ranking of its class walks anyway.

        A classifier without gradients cannot be ranked, but it can be walked.
        """
        with contextlib.suppress(FailcondError):
            self.measure(str(RankingKey(key.class_index)))
        walked = self.store.find(str(key))
        if walked is not None and "error" not in walked:
            return walked
        return self.laboratory.measure_direction(key, self._save).to_json()

    def _find(self, key: RankingKey) -> dict[str, Any]:
        ranking, directions = self.laboratory.find(key, self._save)
        for direction in directions:
            self.store.put(direction.key, direction.to_json())
        return ranking.to_json()

    def _save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        return self.store.save_picture(name, png(picture))

    @property
    def _save_example(self) -> SavePicture | None:
        """Keeps pictures of the user's images; None where none are wanted."""
        return self._save if self._pictures else None

    def _picture_change(self, key: str, baseline: Other) -> dict[str, Any]:
        found: dict[str, Examples | None] = {"lost": None, "gained": None}
        save = self._save_example
        if not isinstance(parse_key(key), DirectionKey):
            then, now = baseline.measure(key), self.measure(key)
            assert isinstance(now, Measurement)
            if self.given is not None and save is not None:
                for name in found:
                    found[name] = self.given.picture_some(
                        f"{name}:{key}", then, now, name == "lost", save
                    )
        return {name: None if one is None else vars(one) for name, one in found.items()}

    def _describe(self) -> dict[str, Any]:
        """Return what the run says of its subjects and its surroundings."""
        laboratory, settings = self.laboratory, self.settings
        labels = np.zeros(0, dtype=np.int64)
        subset = laboratory.images is not None and settings.max_images is not None
        return {
            "subjects": laboratory.subjects,
            "environment": describe_environment(
                settings, with_torch=laboratory.computes_with_torch
            ),
            "labels": pack(labels if laboratory.images is None else laboratory.test_images.labels),
            "kept": pack(laboratory.indices, "<u4") if subset else None,
        }
