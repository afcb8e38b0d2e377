"""Measure how good a generator file is, beside real images.

Real images are corrupted as in the training, which the generator's file records, unless options
change that.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from pytest_failcond.commands.arguments import (
    IMAGES,
    JUDGE,
    add_mix,
    add_threads,
    load_judge,
    read_mix,
    up_to,
    use_threads,
)
from pytest_failcond.errors import FailcondError
from pytest_failcond.ranges import PER_CLASS, SEED
from pytest_failcond.words.printing import lines, put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond quality``."""
    parser.add_argument("generator", type=Path, metavar="GENERATOR", help="a generator file")
    for option, text in (
        ("--images", IMAGES),
        ("--test-images", "test images: returns LabeledImages; or such a folder"),
    ):
        parser.add_argument(option, required=True, metavar="MODULE:CALLABLE", help=text)
    parser.add_argument("--judge", required=True, metavar="FILE|MODULE:CALLABLE", help=JUDGE)
    parser.add_argument(
        "--per-class",
        type=up_to(PER_CLASS),
        default=1000,
        metavar="N",
        help="images per class (1000)",
    )
    parser.add_argument(
        "--seed", type=SEED.read, default=0, metavar="X", help="keys the samples (0)"
    )
    parser.add_argument("--save", action="store_true", help="keep the result in the generator file")
    add_threads(parser)
    add_mix(parser, default="those of the training")


def run(options: argparse.Namespace) -> int:
    """Print the quality of a generator file."""
    from pytest_failcond.commands.progress import announce
    from pytest_failcond.config.pythonpath import use_pythonpath
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.subjects.sources import load_images
    from pytest_failcond.training.data import CorruptionMix
    from pytest_failcond.training.quality import measure_quality, render

    use_threads(options)
    generator = Generator.load(options.generator)
    if not generator.classes:
        raise FailcondError(
            f"GENERATOR: {options.generator} has no classes, and quality is measured class by class; "
            "give a generator with classes"
        )
    mix = read_mix(options) or CorruptionMix.from_json(generator.training.get("mix", {}))
    use_pythonpath(Path.cwd())
    train = load_images(options.images, "--images", generator.classes)
    test = load_images(options.test_images, "--test-images", generator.classes)
    judge = load_judge(options.judge)
    quality = measure_quality(
        generator,
        judge,
        train,
        test,
        mix,
        per_class=options.per_class,
        seed=options.seed,
        report=announce,
    )
    if options.save:
        generator.training["quality"] = asdict(quality)
        generator.save(options.generator)
    put(f"\n{lines(render(quality))}\n")
    return 0
