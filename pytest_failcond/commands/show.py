"""Write the picture of a moved start image, a corrupted test image, or an image of the corpus, made again.

The HTML report shows this command, filled in, beside each strip of pictures, and so does the result
of `failcond.image(case)` when a test prints it. Run the command in the folder in which you run the
tests: the configuration completes the options. The picture is that of the report, pixel by pixel,
enlarged.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_failcond.commands.arguments import not_negative
from pytest_failcond.commands.showing import Corrupted, Kept, Shown, corrupted, kept, moved
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.keys import CorruptionKey, DirectionKey, EntryKey, Key, RankingKey
from pytest_failcond.probes.moved import Moved
from pytest_failcond.ranges import SAMPLE, SEED
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.subjects.acceptance import Acceptance

_ENLARGED = 256  # least px of the picture's smaller side


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond show``."""
    parser.add_argument(
        "keys", metavar="KEY", nargs="+",
        help="a direction, such as direction:8:322:+, or several of one class, moved along together; "
        "ranking:8 for an unmoved image; a corruption, such as corruption:gaussian_noise:3; or an image of "
        "the corpus, such as corpus:8-combination-33",
    )  # fmt: skip
    parser.add_argument(
        "--shift", type=_shifts, metavar="T", help="the shift, in σ; one for each direction: 2,1.5"
    )
    parser.add_argument("--sample", type=SAMPLE.read, metavar="N", help="number of the start image")
    parser.add_argument(
        "--image", type=SAMPLE.read, metavar="N", help="of a corruption: index of the test image"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a PNG (default: named after the key)"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument(
        "--classifier", metavar="MODULE:CALLABLE", help="instead of the configured one"
    )
    parser.add_argument("--generator", metavar="FILE", help="instead of the configured one")
    parser.add_argument(
        "--images", metavar="MODULE:CALLABLE", help="test images, instead of the configured ones"
    )
    parser.add_argument("--seed", type=SEED.read, metavar="S", help="instead of the configured one")


def _shifts(text: str) -> list[float]:
    return [not_negative(part) for part in text.split(",")]


def run(options: argparse.Namespace) -> int:
    """Write the picture, and print the answers of classifier and judges."""
    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.laboratory.configured import find_settings
    from pytest_failcond.storage.outputs import Place, check_outputs
    from pytest_failcond.subjects.files import files_of

    wanted = _wanted(options)
    place = None if options.images is None else files_of(options.images)
    settings = find_settings(
        options.config,
        classifier=options.classifier,
        generator=None if options.generator is None else str(Path(options.generator).absolute()),
        images=options.images if place is None else str(place.absolute()),
        seed=options.seed,
    )
    out = options.out or Path(f"{wanted.name}.png")
    check_outputs([Place("--out", out)], inputs_of(settings, options.config))
    acceptance = _acceptance(settings)
    shown = _shown(wanted, settings, acceptance)
    say(shown.words)
    _answers(shown, settings, acceptance)
    if shown.note:
        say(f"note: {shown.note}")
    _write(out, shown.image[0])
    say(f"wrote {out}")
    return 0


def _shown(wanted: Moved | Corrupted | Kept, settings: Settings, acceptance: Acceptance) -> Shown:
    if isinstance(wanted, Corrupted):
        return corrupted(wanted, settings)
    if isinstance(wanted, Kept):
        return kept(wanted, settings, acceptance)
    return moved(wanted, settings, acceptance)


def _wanted(options: argparse.Namespace) -> Moved | Corrupted | Kept:
    """Read the image that is asked for.

    Raises:
        FailcondError: a key names no picture, or an option is missing or superfluous.
    """
    from pytest_failcond.probes.registry import PROBES

    keys = [PROBES.about(text) for text in options.keys]
    if isinstance(keys[0], EntryKey):
        if len(keys) > 1:
            raise FailcondError(f"{keys[1]}: an image of the corpus is shown alone")
        _need(options, keys[0], [], ["image", "sample", "shift", "seed"])
        return Kept(keys[0])
    if isinstance(keys[0], CorruptionKey):
        if len(keys) > 1:
            raise FailcondError(f"{keys[1]}: a corruption is shown alone")
        _need(options, keys[0], ["image"], ["sample", "shift"])
        return Corrupted(keys[0], options.image)
    if isinstance(keys[0], RankingKey) and len(keys) == 1:
        _need(options, keys[0], ["sample"], ["image", "shift"])
        return Moved(keys[0].class_index, options.sample)
    directions = []
    for text, key in zip(options.keys, keys, strict=True):
        if not isinstance(key, DirectionKey):
            raise FailcondError(
                f"{text}: expected a direction like direction:8:322:+, an unmoved image's ranking:8, or a "
                "corruption like corruption:gaussian_noise:3"
            )
        directions.append(key)
    _need(options, directions[0], ["sample", "shift"], ["image"])
    if len({key.class_index for key in directions}) > 1:
        raise FailcondError("directions of different classes cannot be moved along together")
    if len({key.dimension for key in directions}) < len(directions):
        raise FailcondError("a dimension is named twice; give its shifts as one")
    if len(options.shift) != len(directions):
        raise FailcondError(
            f"--shift: expected {len(directions)}, one for each direction, got {len(options.shift)}; "
            "separate them by commas"
        )
    return Moved(directions[0].class_index, options.sample, tuple(directions), tuple(options.shift))


def _need(options: argparse.Namespace, key: Key, needed: list[str], idle: list[str]) -> None:
    for name in needed:
        if getattr(options, name) is None:
            raise FailcondError(f"{key}: --{name} is missing")
    for name in idle:
        if getattr(options, name) is not None:
            raise FailcondError(f"{key}: --{name} has no effect here; leave it out")


def _answers(shown: Shown, settings: Settings, acceptance: Acceptance) -> None:
    """Print what classifier and judges say of an image.

    Tests of directions ask the classifier before the image is rounded to 8 bits, those of combinations
    afterwards. At a break the answers may differ; then both are printed.
    """
    import numpy as np

    from pytest_failcond.laboratory.configured import load_configured, wrapped
    from pytest_failcond.subjects.images import as_8_bits
    from pytest_failcond.words.judged import judged_name

    said = []
    among = len(shown.names)
    model = load_configured(settings, "classifier")
    if model is not None:
        classifier = wrapped(model, "classifier", settings)
        p, rounded = (
            classifier.probabilities(image, batch=shown.batch)[0]
            for image in (shown.image, as_8_bits(shown.image))
        )
        said.append((classifier.name, p))
        if rounded.argmax() != p.argmax():
            said.append((f"{classifier.name}, of the image in 8 bits", rounded))
        among = len(p)
    judgement = acceptance.see(shown.image, among=among, batch=shown.batch)
    said += [
        (judge.name, p[0])
        for judge, p in zip(acceptance.judges, judgement.probabilities, strict=True)
    ]
    names = [*shown.names, *map(str, range(len(shown.names), among))]
    for name, p in said:
        seen = judged_name(names, int(np.argmax(p)))
        say(f"{name}: {seen!r}, p({names[shown.label]}) = {p[shown.label]:.3f}")
    if acceptance.judged:
        accepted = judgement.accepted(shown.label)[0]
        say(f"{'' if accepted else 'not '}accepted, with least_p = {acceptance.least_p:g}")


def _acceptance(settings: Settings) -> Acceptance:
    from pytest_failcond.laboratory.configured import acceptance_by, load_judges

    return acceptance_by(load_judges(settings), settings)


def _write(out: Path, image: object) -> None:
    import numpy as np

    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.subjects.images import png, to_uint8

    pixels = to_uint8(np.asarray(image)[None])[0]
    factor = -(-_ENLARGED // min(pixels.shape[:2]))
    write_atomically(out, png(pixels.repeat(factor, axis=0).repeat(factor, axis=1)))
