"""Export labelled images at which the classifier fails, or almost fails, to train the next one with.

Start images that the judges accept are moved along the dimensions that lose the class: past the break,
and to just before it. Images that the judges still accept become PNG files in a folder per class, with a
manifest from which HardImages, a torch dataset, reads them or makes them again. They are divided evenly
among classes and ways of failing. Start images have a stream of their own: tests never use them.

The same command continues an export that stopped, by Ctrl-C too. Run it in the folder in which you run
the tests.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import names, up_to
from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.ranges import DIMENSIONS, SEED
from pytest_failcond.words.judged import NO_JUDGE
from pytest_failcond.words.printing import count, say

if TYPE_CHECKING:
    from pytest_failcond.hard.export import Export
    from pytest_failcond.hard.manifest import Asked, Kind
    from pytest_failcond.laboratory.measure import Laboratory

_MOST_IMAGES = 10**7
_DIRECTIONS = 24
_MOST_CLASSES = 12  # whose numbers are listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond export``."""
    parser.add_argument("output", type=Path, metavar="OUT", help="folder to write, empty or new")
    parser.add_argument(
        "--count",
        type=up_to(_MOST_IMAGES, ", like 2000 or 20k"),
        required=True,
        metavar="N",
        help="images, like 2000 or 20k",
    )
    parser.add_argument(
        "--classes", type=names, metavar="A,B,C", help="classes by name (default: all)"
    )
    parser.add_argument(
        "--kinds",
        type=names,
        metavar="A,B",
        help="ways of failing: direction (past the break along one dimension), combination (past the "
        "smallest break along several), near (just before a break) (default: all)",
    )
    parser.add_argument(
        "--directions",
        type=up_to(DIMENSIONS.most),
        metavar="N",
        help=f"dimensions of each class that are tried, the highest-ranked ones ({_DIRECTIONS})",
    )
    parser.add_argument(
        "--seed",
        type=SEED.read,
        metavar="N",
        help="keys the start images (default: the configured)",
    )
    parser.add_argument(
        "--manifest-only",
        action="store_true",
        help="write no image files: HardImages makes the images of the manifest and the generator",
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument(
        "--classifier", metavar="MODULE:CALLABLE", help="instead of the configured one"
    )


def run(options: argparse.Namespace) -> int:
    """Export images, or go on with an export."""
    from pytest_failcond.commands.progress import announce, stage
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.hard.export import Export
    from pytest_failcond.laboratory.configured import find_settings, open_laboratory
    from pytest_failcond.storage.outputs import Place, check_outputs

    settings = find_settings(options.config, classifier=options.classifier)
    folder = options.output
    if folder.exists() and not folder.is_dir():
        raise FailcondError(f"OUT: {folder} is a file; name a folder")
    check_outputs([Place("OUT", folder, folder=True)], inputs_of(settings, options.config))
    laboratory = open_laboratory(settings)
    export = Export(laboratory, folder, _asked(options, laboratory))
    if not laboratory.acceptance.judged:
        say(NO_JUDGE)
    try:
        announce(f"{'Continues' if len(export) else 'Starts'} an export to {folder}.")
        announce("Ctrl-C saves and stops; the same command continues.")
        with stage(f"exporting {count(options.count, 'image')}") as tell:
            short = export.run(tell)
    except KeyboardInterrupt:
        announce(_stopped(export))
        raise
    if export.restored:
        say(f"made {count(export.restored, 'missing or damaged file')} again")
    for why in short:
        say(why)
    say(f"exported {count(len(export), 'image')} to {folder}: {_shares(export)}")
    return 0


def _shares(export: Export) -> str:
    """Return the numbers of images by class and by kind."""
    of_class, of_kind = export.by_class, export.by_kind
    classes = ", ".join(f"{number} of {name!r}" for name, number in of_class.items())
    if len(of_class) > _MOST_CLASSES:
        least, most = min(of_class.values()), max(of_class.values())
        each = str(most) if least == most else f"{least} to {most}"
        classes = f"{each} of each of {len(of_class)} classes"
    kinds = ", ".join(f"{kind} {number}" for kind, number in of_kind.items())
    return f"{classes}; {kinds}"


def _stopped(export: Export) -> str:
    """Return what Ctrl-C leaves, which at a second one is less than was found."""
    if not export.saved:
        return "Stopped before an image was saved; the same command starts again."
    if export.saved < len(export):
        return f"Stopped at once; {count(export.saved, 'image')} of {len(export):,} are saved."
    return f"Stopped after {count(len(export), 'image')}; all is saved."


def _asked(options: argparse.Namespace, laboratory: Laboratory) -> Asked:
    """Return what the options ask for.

    Raises:
        FailcondError: a class or a kind does not exist, or the generator has fewer dimensions.
    """
    from pytest_failcond.config.combination_settings import CombinationSettings
    from pytest_failcond.hard.manifest import KINDS, Asked

    settings, generator = laboratory.settings, laboratory.generator
    several = settings.combinations or CombinationSettings()
    known = laboratory.class_names or (() if generator is None else generator.classes)
    classes = [_one_of(name, known, "--classes", "class") for name in options.classes or known]
    kinds: list[Kind] = [
        KINDS[_one_of(name, KINDS, "--kinds", "kind")] for name in options.kinds or KINDS
    ]
    directions = options.directions
    if directions and generator is not None and directions > (size := generator.style_space.size):
        raise FailcondError(
            f"--directions: {directions}: give 1 to {size}, the number of the generator's dimensions"
        )
    return Asked(
        count=options.count,
        classes=sorted(set(classes)),
        kinds=[kind for kind in KINDS if kind in kinds],
        directions=directions or _DIRECTIONS,
        max_shift=settings.corner_cases.max_shift,
        dimensions=several.dimensions,
        max_distance=several.max_distance,
        seed=settings.seed if options.seed is None else options.seed,
        truncation=settings.corner_cases.truncation,
        files=not options.manifest_only,
    )


def _one_of(name: str, known: tuple[str, ...], option: str, noun: str) -> int:
    if name not in known:
        raise FailcondError(f"{option}: there is no {noun} {name!r}{nearest(name, known)}")
    return known.index(name)
