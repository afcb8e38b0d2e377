"""Write the explorer, a page that shows along which directions a classifier loses its classes.

The page is a single HTML file that opens in any browser, without a server or a network. Choose a
class and a direction, and drag the slider: the image changes, and with it the answers of classifier
and judge. Two directions can be combined, and what the configured searches for combinations find is
shown beside them, one of each look first. Run the command in the folder in which you run the tests:
generator, classifier, judge and seed come from the configuration. The measurements are those of the
tests, made anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import chosen, names, up_to
from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import SAMPLES, TOP
from pytest_failcond.words.printing import count, say

if TYPE_CHECKING:
    from pytest_failcond.probes.keys import DirectionKey

_SAMPLES = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond explore``."""
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("explorer.html"),
        metavar="FILE",
        help="the page (default: explorer.html)",
    )
    parser.add_argument(
        "--classes", type=names, metavar="A,B", help="by name (default: all of the generator's)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--top", type=TOP.read, metavar="N", help="directions per class (default: corner_cases.top)"
    )
    what.add_argument(
        "--directions",
        type=names,
        metavar="KEY,KEY",
        help="only these, like direction:8:322:+",
    )
    parser.add_argument(
        "--samples",
        type=up_to(SAMPLES.most),
        metavar="N",
        help=f"start images shown per class, and combinations of each search (default: {_SAMPLES})",
    )
    parser.add_argument(
        "--classifier", metavar="MODULE:CALLABLE", help="instead of the configured one"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument("--device", metavar="DEVICE", help="where models compute, such as cuda")


def run(options: argparse.Namespace) -> int:
    """Measure, film and write the page; print a summary."""
    from pytest_failcond.commands.progress import announce
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.explorer.page import page
    from pytest_failcond.laboratory.configured import find_settings, open_laboratory
    from pytest_failcond.probes.direction.explore import explore
    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.storage.outputs import Place, check_outputs

    settings = find_settings(options.config, classifier=options.classifier, device=options.device)
    if options.top is not None:
        cases = settings.corner_cases.model_copy(update={"top": options.top})
        settings = settings.model_copy(update={"corner_cases": cases})
    drawn = settings.corner_cases.samples
    if options.samples is not None and options.samples > drawn:
        raise FailcondError(
            f"--samples: {options.samples} is over corner_cases.samples, {drawn}; raise that first"
        )
    check_outputs([Place("--out", options.out)], inputs_of(settings, options.config))
    laboratory = open_laboratory(settings)  # the generator's images are made like the test images
    known = settings.classes or (laboratory.generator.classes if laboratory.generator else ())
    directions = _directions(options.directions or (), known)
    exploration = explore(
        laboratory,
        _classes(options.classes, known, directions),
        directions,
        samples=options.samples or min(_SAMPLES, drawn),
        tell=announce,
    )
    content = page(exploration)
    write_atomically(options.out, content)
    for index, why in exploration.skipped.items():
        say(f"class {known[index]!r} is left out: {why}")
    for index, why in exploration.not_searched.items():
        say(f"class {known[index]!r} is not searched along several directions at once: {why}")
    films = sum(len(explored.films) for explored in exploration.explored)
    say(f"wrote {options.out}: {count(films, 'direction')}, {len(content) / 1e6:.1f} MB")
    return 0


def _directions(texts: Sequence[str], known: Sequence[str]) -> list[DirectionKey]:
    from pytest_failcond.probes.keys import DirectionKey
    from pytest_failcond.probes.registry import parse_key

    keys = [parse_key(text) for text in dict.fromkeys(texts)]
    for key in keys:
        if not isinstance(key, DirectionKey):
            raise FailcondError(
                f"--directions: {key} is not a direction; give directions like direction:8:322:+"
            )
        if known and key.class_index >= len(known):
            raise FailcondError(
                f"--directions: the class of {key} does not exist; there are {len(known)} "
                f"classes, from 0"
            )
    return [key for key in keys if isinstance(key, DirectionKey)]


def _classes(
    wanted: Sequence[str] | None, known: Sequence[str], directions: Sequence[DirectionKey]
) -> list[int]:
    of_directions = {key.class_index for key in directions}
    found = [i for i in chosen(wanted, known) if not directions or i in of_directions]
    if known and not found:
        raise FailcondError("--classes: none of --directions is of these classes; leave one out")
    return found
