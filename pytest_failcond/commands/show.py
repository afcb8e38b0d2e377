"""Write the picture of a corner case: a start image moved along a direction.

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
from pytest_failcond.errors import NO_GENERATOR, FailcondError
from pytest_failcond.ranges import SAMPLE, SEED
from pytest_failcond.words.printing import say

if TYPE_CHECKING:
    from pytest_failcond.config.settings import Settings
    from pytest_failcond.generators.base import Generator
    from pytest_failcond.subjects.acceptance import Acceptance

_ENLARGED = 256  # least px of the picture's smaller side


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond show``."""
    parser.add_argument("key", metavar="KEY", help="a direction, such as direction:8:322:+")
    parser.add_argument(
        "--shift", type=not_negative, required=True, metavar="T", help="the shift, in σ"
    )
    parser.add_argument(
        "--sample", type=SAMPLE.read, required=True, metavar="N", help="number of the start image"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="a PNG (default: named after the key)"
    )
    parser.add_argument("--config", metavar="FILE", help="the configuration (default: found here)")
    parser.add_argument(
        "--classifier", metavar="MODULE:CALLABLE", help="instead of the configured one"
    )
    parser.add_argument("--generator", metavar="FILE", help="instead of the configured one")
    parser.add_argument("--seed", type=SEED.read, metavar="S", help="instead of the configured one")


def run(options: argparse.Namespace) -> int:
    """Write the picture, and print the answers of classifier and judges."""
    import numpy as np

    from pytest_failcond.config.inputs import inputs_of
    from pytest_failcond.generators.base import batches_of
    from pytest_failcond.laboratory.configured import (
        find_settings,
        load_configured,
        load_generator,
        wrapped,
    )
    from pytest_failcond.probes.direction.corner_cases import shifted_images
    from pytest_failcond.probes.direction.starts import start_image
    from pytest_failcond.probes.keys import DirectionKey
    from pytest_failcond.probes.registry import parse_key
    from pytest_failcond.storage.outputs import Place, check_outputs
    from pytest_failcond.words.judged import judged_name

    key = parse_key(options.key)
    if not isinstance(key, DirectionKey):
        raise FailcondError(f"{options.key}: expected a direction like direction:8:322:+")
    settings = find_settings(
        options.config,
        classifier=options.classifier,
        generator=None if options.generator is None else str(Path(options.generator).absolute()),
        seed=options.seed,
    )
    if settings.generator is None:
        raise FailcondError(NO_GENERATOR)
    out = options.out or Path(
        f"direction-{key.class_index}-{key.dimension}-{'up' if key.sign > 0 else 'down'}"
        f"-{options.shift:g}-{options.sample}.png"
    )
    check_outputs([Place("--out", out)], inputs_of(settings, options.config))
    acceptance = _acceptance(settings)
    generator = load_generator(settings, acceptance)
    if key.class_index >= len(generator.classes):
        raise FailcondError(f"{key}: the generator has {len(generator.classes)} classes")
    if key.dimension >= generator.style_space.size:
        raise FailcondError(f"{key}: the generator has {generator.style_space.size} dimensions")
    count = settings.corner_cases.samples
    model = load_configured(settings, "classifier")
    start = start_image(
        generator,
        key.class_index,
        options.sample,
        count,
        seed=settings.seed,
        truncation=settings.corner_cases.truncation,
    )
    image = shifted_images(generator, start, key, np.array([0]), np.array([options.shift]))
    names = settings.classes or generator.classes
    say(
        f"class {names[key.class_index]!r}, s{key.dimension} "
        f"{generator.style_space.name(key.dimension)} {'up' if key.sign > 0 else 'down'} by "
        f"{options.shift:g} σ, sample {options.sample}"
    )
    batch = batches_of(generator).images
    judgement = acceptance.see(image, among=len(names), batch=batch)
    said = [
        (judge.name, p[0])
        for judge, p in zip(acceptance.judges, judgement.probabilities, strict=True)
    ]
    if model is not None:
        classifier = wrapped(model, "classifier", settings)
        said.insert(0, (classifier.name, classifier.probabilities(image, batch=batch)[0]))
    for name, p in said:
        seen = judged_name(names, int(np.argmax(p)))
        say(f"{name}: {seen!r}, p({names[key.class_index]}) = {p[key.class_index]:.3f}")
    if acceptance.judged:
        shown = judgement.accepted(key.class_index)[0]
        say(f"{'' if shown else 'not '}accepted, with least_p = {acceptance.least_p:g}")
    if note := _no_start(options.sample, generator, acceptance, key.class_index, settings):
        say(f"note: {note}")
    _write(out, image[0])
    say(f"wrote {out}")
    return 0


def _acceptance(settings: Settings) -> Acceptance:
    from pytest_failcond.laboratory.configured import acceptance_by, load_judges

    return acceptance_by(load_judges(settings), settings)


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


def _write(out: Path, image: object) -> None:
    import numpy as np

    from pytest_failcond.storage.files import write_atomically
    from pytest_failcond.subjects.images import png, to_uint8

    pixels = to_uint8(np.asarray(image)[None])[0]
    factor = -(-_ENLARGED // min(pixels.shape[:2]))
    write_atomically(out, png(pixels.repeat(factor, axis=0).repeat(factor, axis=1)))
