"""The pictures that ``failcond show`` writes: of a start image that is moved, a test image that is corrupted,
or an image of the corpus.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.probes.keys import CorruptionKey, DirectionKey, EntryKey
from pytest_failcond.probes.moved import Moved

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.generators.base import Generator
    from pytest_failcond.subjects.acceptance import Acceptance


@dataclass(frozen=True)
class Corrupted:
    """A test image under a corruption."""

    key: CorruptionKey
    index: int

    @property
    def name(self) -> str:
        """The picture's name."""
        return f"corruption-{self.key.corruption}-{self.key.severity}-{self.index}"


@dataclass(frozen=True)
class Kept:
    """An image of the corpus, to be made again."""

    key: EntryKey

    @property
    def name(self) -> str:
        """The picture's name."""
        return f"corpus-{self.key.entry}"


@dataclass(frozen=True)
class Shown:
    """An image ``[1, C, H, W]`` of a class, and the words about it."""

    image: Any
    label: int
    names: Sequence[str]
    words: str
    batch: int | None = None
    note: str | None = None


def moved(
    wanted: Moved,
    settings: Settings,
    acceptance: Acceptance,
    *,
    made_by: str | None = None,
    origin: str = "",
) -> Shown:
    """Make the image of a start image that is moved.

    Args:
        wanted: its start image, and its shifts.
        settings: of the start images.
        acceptance: says which they are.
        made_by: the hash of the generator; None: any.
        origin: words on where it comes from, with its start image; empty: they name that alone.

    Raises:
        FailcondError: there is no generator, it lacks the class or a dimension, or it is another.
    """
    from pytest_failcond.generators.base import batches_of
    from pytest_failcond.laboratory.configured import load_generator
    from pytest_failcond.probes.direction.corner_cases import moved_as_tested
    from pytest_failcond.probes.direction.starts import start_image

    if settings.generator is None:
        raise FailcondError(NO_GENERATOR)
    generator = load_generator(settings, acceptance)
    if made_by not in (None, generator.hash):
        raise FailcondError(
            f"the image was made by generator {made_by}, and {generator.hash} is configured; give the "
            "generator's file with --generator"
        )
    space, label = generator.style_space, wanted.class_index
    for key in wanted.keys:
        if label >= len(generator.classes):
            raise FailcondError(f"{key}: the generator has {len(generator.classes)} classes")
        if isinstance(key, DirectionKey) and key.dimension >= space.size:
            raise FailcondError(f"{key}: the generator has {space.size} dimensions")
    start = start_image(
        generator,
        label,
        wanted.sample,
        settings.corner_cases.samples,
        seed=settings.seed,
        truncation=settings.corner_cases.truncation,
    )
    image = moved_as_tested(generator, start, wanted.directions, 0, wanted.shifts)
    names = settings.classes or generator.classes
    moves = [
        f"s{key.dimension} {space.name(key.dimension)} {key.way} by {shift:g} σ"
        for key, shift in zip(wanted.directions, wanted.shifts, strict=True)
    ]
    words = ", ".join([f"class {names[label]!r}", *moves])
    words += f": {origin}" if origin else f", sample {wanted.sample}"
    note = _no_start(wanted.sample, generator, acceptance, label, settings)
    return Shown(image, label, names, words, batches_of(generator).images, note)


def kept(wanted: Kept, settings: Settings, acceptance: Acceptance) -> Shown:
    """Make an image of the corpus again, from the origin that the manifest has.

    Raises:
        FailcondError: there is no such entry, or it was made by another generator.
    """
    from dataclasses import replace

    import numpy as np

    from pytest_failcond.probes.corpus.folder import Corpus
    from pytest_failcond.subjects.images import to_float, to_uint8

    corpus = Corpus.read(settings.path(settings.corpus or "corpus"))
    entry = corpus.entry(wanted.key.entry)
    cases = settings.corner_cases.model_copy(update={"truncation": entry.truncation})
    then = settings.model_copy(update={"seed": entry.seed, "corner_cases": cases})
    shown = moved(entry.moved, then, acceptance, made_by=entry.generator, origin=entry.origin)
    file, pixels = replace(corpus, entries=(entry,)).images()[0], to_uint8(np.asarray(shown.image))
    levels = np.abs(pixels[0].astype(int) - file.astype(int)).max()
    differs = f"the file differs from it, by up to {levels} of 256 levels" if levels else None
    return replace(shown, image=to_float(pixels), batch=None, note=differs)


def corrupted(wanted: Corrupted, settings: Settings) -> Shown:
    """Make the image of a test image under a corruption.

    Raises:
        FailcondError: there are no test images, or fewer.
    """
    import numpy as np

    from pytest_failcond.config.class_names import class_names
    from pytest_failcond.laboratory.configured import load_images
    from pytest_failcond.probes.corruption.corrupting import Corruptions
    from pytest_failcond.subjects.images import to_float

    images = load_images(settings, settings.classes)
    if images is None:
        raise FailcondError(f'images: none are configured; set images = "…" in {settings.table()}')
    if wanted.index >= len(images):
        raise FailcondError(f"--image: {wanted.index} is outside the {len(images)} test images")
    rows = np.array([wanted.index])
    key = wanted.key
    pixels = Corruptions(settings).apply(key.corruption, images.images[rows], key.severity, rows)
    label = int(images.labels[wanted.index])
    names = class_names(settings, None) or tuple(map(str, range(int(images.labels.max()) + 1)))
    words = f"class {names[label]!r}, test image {wanted.index}, {key.corruption}, severity {key.severity}"
    return Shown(to_float(pixels), label, names, words)


def _no_start(
    sample: int,
    generator: Generator,
    acceptance: Acceptance,
    class_index: int,
    settings: Settings,
) -> str | None:
    """Say why a sample is none of the start images that the tests move; None: it is one."""
    from pytest_failcond.probes.direction.starts import starts_of

    count = settings.corner_cases.samples
    try:
        starts = starts_of(generator, acceptance, class_index, settings)
    except FailcondError as error:
        return f"this class has no start images, so that no test moves one: {error}"
    if sample in starts.samples:
        return None
    return f"no test starts from sample {sample}, which is not among the {count} start images of its class"
