"""An export from start to end: shares, the turns of the classes, resumption, and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.hard.candidates import Search
from pytest_failcond.hard.folder import ExportFolder
from pytest_failcond.hard.manifest import SCHEMA, Asked, Kind, Manifest, Progress, Subjects
from pytest_failcond.hard.places import folders
from pytest_failcond.hard.rendering import BLOCK, StartStyles
from pytest_failcond.hard.same import check_answers
from pytest_failcond.hard.seeking import Seeker
from pytest_failcond.hard.sharing import shares
from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.fitness import unfit_sentence
from pytest_failcond.process.exchange import UserCodeError
from pytest_failcond.process.interrupts import interruptible
from pytest_failcond.words.printing import count

_SAVE_EVERY_SECONDS = 60.0

Tell = Callable[[int, int, str], None]
"""Called with the images found, the images asked for, and a text about the class that is searched."""


class Export:
    """An export into a folder, which goes on with what an earlier session left there.

    Args:
        laboratory: the subjects.
        folder: of the images and their manifest.
        asked: what is asked for.

    Attributes:
        restored: files that were missing or of another size, and are made again.

    Raises:
        FailcondError: there is no generator, the folder has something else in it, or its
            export is of other settings or models.
    """

    def __init__(self, laboratory: Laboratory, folder: Path, asked: Asked) -> None:
        if laboratory.generator is None:
            raise FailcondError(NO_GENERATOR)
        self._laboratory, self._generator, self._asked = laboratory, laboratory.generator, asked
        self._names = laboratory.class_names or self._generator.classes
        self._folder = ExportFolder(folder, self._manifest())
        self._styles = StartStyles(self._generator, asked.seed, asked.truncation)
        check_answers(
            self._folder.place,
            laboratory.classifier,
            laboratory.acceptance,
            self._styles,
            self._folder.earlier,
            self._folder.std,
        )
        self._wanted = shares(asked.count, asked.classes)
        progress = self._folder.head.progress
        self._progress = {label: progress[str(label)] for label in asked.classes}
        self._seekers: dict[int, Seeker] = {}
        self.restored = 0

    @property
    def saved(self) -> int:
        """The number of images in the manifest, as it was written last."""
        return self._folder.saved

    def __len__(self) -> int:
        """Return the number of images that were found."""
        return len(self._folder)

    @property
    def by_class(self) -> dict[str, int]:
        """The number of images of each class that is asked for, by name."""
        return {self._names[label]: self._folder.count(label) for label in self._asked.classes}

    @property
    def by_kind(self) -> dict[Kind, int]:
        """The number of images of each way of failing that is asked for."""
        return {kind: self._folder.count_of(kind) for kind in self._asked.kinds}

    def run(self, tell: Tell) -> list[str]:
        """Search until all shares are found, or given up.

        Returns a sentence for each class that has fewer images than its share.

        Raises:
            FailcondError: no class can be searched, or a model fails.
            KeyboardInterrupt: after Ctrl-C, when everything has been written.
        """
        saved = time.monotonic()
        with interruptible() as interrupted:
            self._restore(tell, interrupted)
            while (label := self._next()) is not None:
                found = f"{len(self):,} of {count(self._asked.count, 'image')}"
                tell(
                    len(self), self._asked.count, f"{found}; searching class {self._names[label]!r}"
                )
                self._search(label)
                if interrupted():
                    self._save(complete=False)
                    raise KeyboardInterrupt
                if time.monotonic() - saved > _SAVE_EVERY_SECONDS:
                    self._save(complete=False)
                    saved = time.monotonic()
            self._save(complete=True)
        return self._short()

    def _restore(self, tell: Tell, interrupted: Callable[[], bool]) -> None:
        """Make missing files again."""
        while lost := self._folder.lost(BLOCK):
            tell(len(self), self._asked.count, "missing files")
            self._folder.restore(self._styles.render(lost, self._folder.std))
            self.restored += len(lost)
            if interrupted():
                self._save(complete=self._folder.head.complete)
                raise KeyboardInterrupt

    def _next(self) -> int | None:
        """Return the class of which fewest images were drawn, among those that go on; None: none does."""
        going = [label for label, progress in self._progress.items() if not progress.done]
        return min(going, key=lambda label: self._progress[label].drawn, default=None)

    def _search(self, label: int) -> None:
        """Search the next block of a class."""
        seeker = self._seekers.get(label)
        if seeker is None:
            try:
                seeker = self._seekers[label] = self._seeker(label)
            except UserCodeError:
                raise
            except FailcondError as error:
                self._progress[label] = Progress(done=True, left_out=str(error))
                return
        for found in seeker.block():
            self._folder.add(found)
        self._folder.note(seeker.std, self._generator.style_space)
        self._progress[label] = seeker.progress

    def _seeker(self, label: int) -> Seeker:
        """Return the search in a class.

        Raises:
            FailcondError: the generator is not fit for the class, or it cannot be ranked.
        """
        laboratory = self._laboratory
        if why := unfit_sentence(laboratory, label):
            raise FailcondError(why)
        search = Search(
            generator=self._generator,
            classifier=laboratory.classifier,
            acceptance=laboratory.acceptance,
            guides=laboratory.guides,
            asked=self._asked,
            label=label,
        )
        kept = self._folder.earlier_of(label)
        return Seeker(search, self._wanted[label], self._progress[label], kept)

    def _save(self, *, complete: bool) -> None:
        progress = {str(label): progress for label, progress in self._progress.items()}
        self._folder.save(progress, complete=complete)

    def _short(self) -> list[str]:
        """Return a sentence for each class that has fewer images than its share.

        Raises:
            FailcondError: there is no image at all.
        """
        short = [
            self._why(label, progress)
            for label, progress in self._progress.items()
            if self._folder.count(label) < self._wanted[label]
        ]
        if not len(self):
            raise FailcondError(f"no image is found: {short[0]}")
        return short

    def _why(self, label: int, progress: Progress) -> str:
        name, acceptance = self._names[label], self._laboratory.acceptance
        if progress.left_out:
            return f"a class is left out: {progress.left_out}"
        if not progress.usable:
            lacking = "accepted" if acceptance.judged and not progress.accepted else "right"
            what, who = {
                "accepted": ("accepted as it", f"the generator or {acceptance.who}"),
                "right": ("right with the classifier", "the classifier"),
            }[lacking]
            return (
                f"a class is left out: of {progress.drawn:,} generated images of class {name!r} none is "
                f"{what}; train {who} further"
            )
        return (
            f"class {name!r} has {self._folder.count(label):,} of {self._wanted[label]:,} images: of "
            f"{progress.drawn:,} generated ones too few break the classifier; raise --directions or "
            "corner_cases.max_shift"
        )

    def _manifest(self) -> Manifest:
        laboratory, asked = self._laboratory, self._asked
        acceptance, settings = laboratory.acceptance, laboratory.settings
        return Manifest(
            schema=SCHEMA,
            complete=False,
            asked=asked,
            subjects=Subjects(
                generator=self._generator.hash,
                classifier=laboratory.classifier.hash,
                classifier_name=settings.classifier,
                judges=[judge.hash for judge in acceptance.judges],
                judge_names=[name for _, name in settings.named_judges],
                least_p=acceptance.least_p if acceptance.judged else None,
            ),
            class_names=list(self._names),
            folders=list(folders(self._names)),
            image_shape=list(self._generator.image_shape),
            std={},
            dimensions={},
            progress={str(label): Progress() for label in asked.classes},
            images=[],
        )
