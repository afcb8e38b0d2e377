"""Key → measurement through the store: each key once, for tests and for commands. Knows no pytest."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.laboratory.preflight import preflight
from pytest_failcond.laboratory.suiting import remarks_on, tell_of
from pytest_failcond.measuring.environment import describe_environment
from pytest_failcond.measuring.progress.notes import Progress
from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.probes.metric import resolved
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.regression.measure import picture_change
from pytest_failcond.process.surroundings import ours
from pytest_failcond.records.examples import SavePicture
from pytest_failcond.records.measurements import Examples, Measurement
from pytest_failcond.storage.packing import pack, unpack
from pytest_failcond.storage.store import COMPARED, Record, Store
from pytest_failcond.subjects.classifier import Classifier
from pytest_failcond.subjects.images import png
from pytest_failcond.subjects.memory import used_memory
from pytest_failcond.verdicts.metrics import Measure
from pytest_failcond.words.remarks import Remark


class Measuring:
    """Measures keys, unless another process that shares the store has.

    Args:
        settings: of the session.
        store: keeps the records.
        laboratory: the subjects; None: only the records of the store are available.
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
            if laboratory.images is not None:
                for remark in remarks_on(laboratory.images, laboratory.generator, settings):
                    self._remark(remark)
            if laboratory.generator is not None:
                tell_of(laboratory.generator, self._remark)
        self.session = store.get("session", self._describe)
        if laboratory is not None:
            self._refuse_others(laboratory)

    def _refuse_others(self, laboratory: Laboratory) -> None:
        """Check that the subjects are those of the session's first process: keys name no subjects.

        A model that is drawn at random when loaded differs from process to process.
        """
        for name in ("classifier", "images", "generator", "judge"):
            here, there = laboratory.subjects[name], self.session["subjects"][name]
            if here != there:
                raise FailcondError(
                    f"{name}: a session measures one set of subjects, but this process loaded "
                    f"another than the first process ({here} and {there}); load the same each "
                    f"time, with "
                    "fixed seeds, or run pytest once for each and compare by `failcond compare`"
                )

    def _watch(self, model: Classifier) -> None:
        """Keep the remarks on a model; check once, in one process, whether its output repeats."""

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
                "--failcond-from judges a kept run and loads no models or images; deselect this "
                "test, or leave that option out"
            )
        return self.given

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """True class of every test image, ``[N]``."""
        return unpack(self.session["labels"])

    def measure(self, key: Key) -> Any:
        """Return the record of a key.

        Raises:
            FailcondError: it cannot be measured, now or when it was tried.
        """
        return PROBES.read(key, self.store.get(key, lambda: self._measured(key)), self.labels)

    def found(self, key: Key) -> Any:
        """Return the record of a measured key; None if it is not measured, or an error."""
        record = self.store.find(key)
        if record is None or "error" in record:
            return None
        return PROBES.read(key, record, self.labels)

    def _measured(self, key: Key) -> Record:
        """Measure a key, and keep records of other keys found on the way; note progress."""
        if self.given is None:
            raise FailcondError(
                "this key is not in the judged run, whose session did not select its test, or did "
                "not configure it; select the same tests (-k) as that session did"
            )
        probe = PROBES[key.probe]
        total = len(self.laboratory.test_images) if probe.over_images else None
        with self._progress.measuring(key, total), ours():
            found: Record | None = None
            for other, record in PROBES.measure(key, self):
                if other == key:
                    found = record.to_json()
                else:
                    self.store.put(other, record.to_json())
        if found is None:
            raise FailcondError(f"{key}: its probe, {probe.name!r}, measured nothing")
        if key == CleanKey():
            clean: Any = PROBES.read(key, found, self.labels)
            with ours():
                for remark in preflight(self.laboratory, clean):
                    self._remark(remark)
        return found

    def compared(self, key: Key, baseline: Measure) -> dict[str, Any]:
        """Picture the images lost and gained since a baseline, or replay its findings, once.

        Raises:
            FailcondError: the key cannot be measured, or not be compared.
        """
        return self.store.get(f"{COMPARED}{key}", lambda: self._change(key, baseline))

    def expect(self, seconds: float) -> None:
        """Tell, for the progress, the time that the current key will still take."""
        self._progress.expect(seconds, used_memory())

    def save(self, name: str, picture: npt.NDArray[np.uint8]) -> str:
        """Keep a picture, ``[H, W, C]``; returns its file name."""
        return self.store.save_picture(name, png(picture))

    @property
    def save_example(self) -> SavePicture | None:
        """Keeps pictures of the user's images; None if none are wanted."""
        return self.save if self._pictures else None

    def _change(self, key: Key, baseline: Measure) -> dict[str, Any]:
        replay = PROBES[key.probe].replay
        if replay is not None:
            self.measure(key)
            with ours():
                return {} if self.given is None else resolved(replay)(key, baseline(key), self)
        found: dict[str, Examples | None] = {"lost": None, "gained": None}
        now, save = self.measure(key), self.save_example
        if isinstance(
            now, Measurement
        ):  # a direction may be one that the kept run did not walk again
            then = baseline(key)
            if self.given is not None and save is not None:
                found |= picture_change(self.given, then, now, save)
        return {name: None if one is None else vars(one) for name, one in found.items()}

    def _describe(self) -> dict[str, Any]:
        """Return the run's entries of its subjects and its environment."""
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
