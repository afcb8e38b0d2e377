"""Train a class-conditional StyleGAN2 on your own images.

Name images and judge as module:callable, importable from the current directory. The same command
continues a training that stopped, by Ctrl-C too.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.commands.arguments import (
    IMAGES,
    JUDGE,
    add_mix,
    add_threads,
    count,
    load_judge,
    names,
    number,
    numbers,
    positive,
    read_mix,
    use_threads,
)
from pytest_failcond.commands.next_step import set_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.config import GeneratorConfig
from pytest_failcond.ranges import BATCH_SIZE, SEED
from pytest_failcond.training.recipe import Recipe
from pytest_failcond.words.printing import lines, put, say

if TYPE_CHECKING:
    from torch import nn

    from pytest_failcond.config.settings import Settings
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.subjects.images import LabeledImages
    from pytest_failcond.training.trainer import Trainer

_WIDEST, _NARROWEST = 64, 8  # feature channels


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond train``."""
    recipe = Recipe()
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="file to write (.safetensors)")
    parser.add_argument(
        "--images",
        required=True,
        metavar="MODULE:CALLABLE",
        help=IMAGES,
    )
    quality = parser.add_argument_group("quality report at the end, kept in the file")
    quality.add_argument(
        "--test-images",
        metavar="MODULE:CALLABLE",
        help="test images: returns LabeledImages; or such a folder",
    )
    quality.add_argument(
        "--judge",
        metavar="FILE|MODULE:CALLABLE",
        help=JUDGE,
    )
    shape = parser.add_argument_group("the generator")
    shape.add_argument(
        "--classes", type=names, metavar="A,B,C", help="class names (default: 0,1,2,…)"
    )
    shape.add_argument(
        "--start-from",
        type=Path,
        metavar="FILE",
        help="go on from this trained generator, with a new discriminator (see --warm-up)",
    )
    shape.add_argument(
        "--resolution",
        type=count,
        metavar="PX",
        help="a power of two (default: the next that holds the images)",
    )
    shape.add_argument(
        "--channels",
        type=numbers,
        metavar="N,N,…",
        help="feature channels at 4, 8, 16, … px (default for 32 px: 64,64,32,16)",
    )
    budget = parser.add_argument_group("budget")
    budget.add_argument(
        "--budget-images",
        type=count,
        default=1_500_000,
        metavar="N",
        help="images to train on in all, like 600k or 1.5M (default: 1.5M)",
    )
    budget.add_argument(
        "--minutes", type=positive, metavar="M", help="stop after M minutes (default: no limit)"
    )
    how = parser.add_argument_group("recipe")
    for flag, kind, meaning in (
        ("batch", BATCH_SIZE.read, "images per step"),
        ("learning-rate", positive, "of Adam"),
        ("warm-up", count, "first images, from which only the discriminator learns"),
        ("cooldown", count, "further images, over which the learning rate falls to 0"),
        ("r1-gamma", number, "weight of the R1 penalty"),
        ("path-weight", number, "weight of the path-length penalty"),
        ("seed", SEED.read, "keys all randomness"),
    ):
        default = getattr(recipe, flag.replace("-", "_"))
        how.add_argument(
            f"--{flag}", type=kind, default=default, metavar="X", help=f"{meaning} ({default})"
        )
    how.add_argument(
        "--adaptive-augmentation",
        action="store_true",
        help="augment the discriminator's images, for small sets",
    )
    how.add_argument(
        "--float32", action="store_true", help="compute in float32 rather than in half precision"
    )
    how.add_argument("--device", default="cpu", help="device of the networks, such as cuda (cpu)")
    add_threads(parser)
    add_mix(parser, default="gaussian_blur,gaussian_noise")


def run(options: argparse.Namespace) -> int:
    """Train, report on the quality if test images and a judge are given, and write the file."""
    from pytest_failcond.commands.progress import announce, training_progress
    from pytest_failcond.config.pythonpath import use_pythonpath
    from pytest_failcond.storage.outputs import Place, check_outputs
    from pytest_failcond.subjects.files import classes_of, files_of
    from pytest_failcond.subjects.sources import load_images
    from pytest_failcond.training import loop as session
    from pytest_failcond.training.quality import measure_quality, render

    if options.output.suffix != ".safetensors":
        raise FailcondError(f"OUTPUT: {options.output} must end in .safetensors")
    if (options.test_images is None) != (options.judge is None):
        raise FailcondError("--test-images and --judge go together; give both, or neither")
    written = [
        Place("OUTPUT", options.output),
        Place("the folder of the training", session.training_folder(options.output), folder=True),
    ]
    start = options.start_from
    check_outputs(written, [] if start is None else [Place("--start-from", start)])
    use_threads(options)
    use_pythonpath(Path.cwd())
    if (files := files_of(options.images)) is not None:
        options.classes = classes_of(files, options.classes, "--classes")
    images = load_images(options.images, "--images", options.classes)
    if options.judge is not None:
        judge = load_judge(options.judge)
        test = load_images(options.test_images, "--test-images", options.classes)
    settings = _configured()
    trainer = make_trainer(options, images)
    next_step = set_key("generator", options.output)
    mix = trainer.mix

    folder, state = session.training_folder(options.output), session.state_file(options.output)
    announce(f"{'Continues' if state.exists() else 'Starts'} a training of {options.output}.")
    announce(f"Previews, losses and the state to continue from lie in {folder}.")
    announce("Ctrl-C saves and stops; the same command continues.")
    budget = session.Budget(options.budget_images, options.minutes)
    try:
        with training_progress() as report:
            generator = session.train(trainer, options.output, budget, report)
    except KeyboardInterrupt:
        announce(f"Stopped after {trainer.images_seen:,} images; all is saved.")
        raise
    say(f"Wrote {options.output} after {trainer.images_seen:,} images.")
    if trainer.images_seen < options.budget_images:
        say(
            f"--minutes ended the training at {trainer.images_seen:,} of {options.budget_images:,} "
            "images: the generator is good for trying out only; the same command continues."
        )
    if options.judge is not None:
        quality = measure_quality(
            generator, judge, images, test, mix, seed=options.seed, report=announce
        )
        generator.training["quality"] = asdict(quality)
        if (kept := _fitness(generator, judge, test, settings)) is not None:
            generator.training["fitness"] = kept
        generator.save(options.output)
        put(f"\n{lines(render(quality))}\n")
    say(f"{next_step}.")
    return 0


def _configured() -> Settings:
    """Return the settings that fitness depends on: those of the configuration here, if there is one."""
    from pytest_failcond.config.configuration import Finder
    from pytest_failcond.config.settings import Settings, load_settings

    found = Finder().nearest(Path.cwd())
    given = (
        Settings()
        if found is None
        else load_settings(found.path, found.table, prefixed=found.prefixed)
    )
    names = ("seed", "max_images", "corner_cases", "acceptance")
    return Settings(**{name: getattr(given, name) for name in names})


def _fitness(
    generator: Generator, judge: nn.Module, test: LabeledImages, settings: Settings
) -> dict[str, Any] | None:
    """Return the figures of fitness, so that a session with these subjects need not measure them."""
    import numpy as np

    from pytest_failcond.laboratory.configured import build_laboratory
    from pytest_failcond.probes.direction.fitness import figures_to_keep

    def nobody(images: Any) -> Any:  # no classifier has a say
        return np.zeros((len(images), len(generator.classes)))

    return figures_to_keep(build_laboratory(settings, nobody, test, generator, judge))


def make_trainer(options: argparse.Namespace, images: LabeledImages) -> Trainer:
    """Make the trainer that the options describe.

    Raises:
        FailcondError: options contradict each other or the images; the sentence names the option.
    """
    from pytest_failcond.generators.stylegan2.generator import Generator
    from pytest_failcond.subjects.modules import check_device
    from pytest_failcond.training.data import CorruptionMix, TrainingImages
    from pytest_failcond.training.trainer import Trainer

    check_device(options.device, "use --device=cpu")
    height, width, image_channels = images.shape
    start = None if options.start_from is None else Generator.load(options.start_from)
    resolution = options.resolution or max(8, 1 << (max(height, width) - 1).bit_length())
    if start is None:
        classes = options.classes or tuple(str(c) for c in range(int(images.labels.max()) + 1))
        channels = options.channels or default_channels(resolution)
        config = GeneratorConfig(classes, resolution, (height, width), image_channels, channels)
    else:
        config = replace(
            start.config,
            classes=options.classes or start.classes,
            resolution=resolution,
            image_size=(height, width),
            image_channels=image_channels,
            channels=options.channels or start.config.channels,
        )
    recipe = Recipe(
        batch=options.batch,
        learning_rate=options.learning_rate,
        warm_up=options.warm_up,
        cooldown=options.cooldown,
        r1_gamma=options.r1_gamma,
        path_weight=options.path_weight,
        adaptive_augmentation=options.adaptive_augmentation,
        bf16=not options.float32,
        seed=options.seed,
    )
    mix = read_mix(options) or CorruptionMix()
    shown = TrainingImages(images, resolution, mix, options.seed)
    return Trainer(config, shown, recipe, start, options.device)


def default_channels(resolution: int) -> tuple[int, ...]:
    """Return 64 feature channels at 4 and 8 px, and half as many at every size beyond, 8 or more."""
    blocks = range(max(resolution.bit_length() - 2, 0))
    return tuple(max(_WIDEST >> max(block - 1, 0), _NARROWEST) for block in blocks)
