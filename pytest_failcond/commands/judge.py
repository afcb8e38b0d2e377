"""Train judges, which say whether an image still shows its class, on your own images.

The command needs labelled images alone; do not give it the images that you test with. It gets them from a
module:callable, importable from the current directory, or from a folder. After Ctrl-C or any other stop, the
same command continues the training.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_failcond.commands.arguments import (
    IMAGES,
    add_threads,
    names,
    number,
    positive,
    up_to,
    use_threads,
)
from pytest_failcond.commands.next_step import set_key
from pytest_failcond.errors import FailcondError
from pytest_failcond.judges.config import PackConfig
from pytest_failcond.ranges import BATCH_SIZE, LEAST_P, SEED
from pytest_failcond.training.judges.recipe import EPOCHS, JudgeRecipe, judges_for
from pytest_failcond.words.printing import lines, put, say

if TYPE_CHECKING:
    from torch import nn

    from pytest_failcond.subjects.images import LabeledImages
    from pytest_failcond.training.judges.trainer import JudgeTrainer

_MOST = 16  # judges of a kind
_ENOUGH = 0.95  # of clean images, accepted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``failcond judge``."""
    recipe = JudgeRecipe()
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="file to write (.safetensors)")
    parser.add_argument(
        "--images",
        required=True,
        metavar="MODULE:CALLABLE",
        help=IMAGES,
    )
    parser.add_argument(
        "--classes",
        type=names,
        metavar="A,B,C",
        help="for a folder: its class names in the order of the classifier's outputs (default: sorted as text)",
    )
    parser.add_argument(
        "--features",
        metavar="MODULE:CALLABLE",
        help="returns a torch.nn.Module (images to features), which is not trained; the judges read its "
        "features. Needed above 64 px, and later to load OUTPUT",
    )
    parser.add_argument(
        "--acceptors",
        type=up_to(_MOST),
        default=2,
        metavar="N",
        help="judges that decide whether an image is accepted (2)",
    )
    parser.add_argument(
        "--guides", type=up_to(_MOST), default=1, metavar="N", help="judges for a search (1)"
    )
    budget = parser.add_argument_group("budget")
    budget.add_argument(
        "--epochs",
        type=positive,
        default=EPOCHS,
        metavar="N",
        help=f"passes of each judge over its half of the images ({EPOCHS})",
    )
    budget.add_argument(
        "--minutes",
        type=positive,
        metavar="M",
        help="end after M minutes of training, all sessions together (default: no limit)",
    )
    how = parser.add_argument_group("recipe")
    for flag, kind, meaning in (
        ("batch", BATCH_SIZE.read, "images per step"),
        ("learning-rate", positive, "highest learning rate of AdamW"),
        (
            "floor",
            positive,
            "least contrast, from 0 to 1; an image below it is none of the classes",
        ),
        ("seed", SEED.read, "keys all randomness"),
    ):
        default = getattr(recipe, flag.replace("-", "_"))
        how.add_argument(
            f"--{flag}", type=kind, default=default, metavar="X", help=f"{meaning} ({default})"
        )
    parser.add_argument(
        "--least-p",
        type=number,
        default=LEAST_P,
        metavar="P",
        help=f"for the report: the least probability at which a judge accepts ({LEAST_P})",
    )
    parser.add_argument("--device", default="cpu", help="device of the judges (cpu)")
    add_threads(parser)


def run(options: argparse.Namespace) -> int:
    """Train judges, write their file, and report their quality."""
    from pytest_failcond.commands.progress import announce, training_progress
    from pytest_failcond.config.pythonpath import use_pythonpath
    from pytest_failcond.storage.outputs import Place, check_outputs
    from pytest_failcond.subjects.sources import load_images
    from pytest_failcond.training.judges import loop
    from pytest_failcond.training.loop import state_file, training_folder

    if options.output.suffix != ".safetensors":
        raise FailcondError(f"OUTPUT: {options.output} must end in .safetensors")
    if not 0 < options.least_p < 1:
        raise FailcondError(f"--least-p: {options.least_p:g} must lie between 0 and 1")
    folder, state = training_folder(options.output), state_file(options.output)
    check_outputs(
        [
            Place("OUTPUT", options.output),
            Place("the folder of the training", folder, folder=True),
        ]
    )
    use_threads(options)
    use_pythonpath(Path.cwd())
    images = load_images(options.images, "--images", options.classes)
    trainer = make_trainer(options, images)
    next_step = set_key("judge", options.output)

    announce(f"{'Continues' if state.exists() else 'Starts'} a training of {options.output}.")
    announce(f"Its state, and a picture of examples, are in {folder}.")
    announce("Ctrl-C saves and stops; the same command continues.")
    try:
        with training_progress() as report:
            loop.train(trainer, folder, report)
    except KeyboardInterrupt:
        announce(
            f"Stopped at {trainer.progress:.0%}; all is saved. {options.output} is written at the end."
        )
        raise
    finish(options, images, trainer)
    say(f"{next_step}.")
    return 0


def make_trainer(options: argparse.Namespace, images: LabeledImages) -> JudgeTrainer:
    """Make the trainer for the options.

    Raises:
        FailcondError: an option contradicts the images or another option; the sentence names it.
    """
    import math

    from pytest_failcond.subjects.modules import check_device
    from pytest_failcond.training.judges.features import describe
    from pytest_failcond.training.judges.parts import divide
    from pytest_failcond.training.judges.trainer import JudgeTrainer

    check_device(options.device, "use --device=cpu")
    recipe = JudgeRecipe(
        batch=options.batch,
        learning_rate=options.learning_rate,
        floor=options.floor,
        seed=options.seed,
    )
    backbone: nn.Module | None = None
    known: dict[str, Any] = {}
    if options.features is not None:
        backbone, known = describe(options.features, images)
    parts = divide(images, recipe.seed)
    pack = PackConfig.from_json(
        {
            "classes": int(images.labels.max()) + 1,
            "image": list(images.shape),
            "floor": recipe.floor,
            "judges": judges_for(
                images.shape, options.acceptors, options.guides, features=backbone is not None
            ),
            **known,
        }
    )
    positives = recipe.batch - recipe.negatives_per_batch
    steps = math.ceil(options.epochs * len(parts.guides) / positives)
    seconds = None if options.minutes is None else options.minutes * 60
    return JudgeTrainer(
        images,
        parts,
        pack,
        recipe,
        steps=steps,
        seconds=seconds,
        backbone=backbone,
        device=options.device,
    )


def finish(options: argparse.Namespace, images: LabeledImages, trainer: JudgeTrainer) -> None:
    """Measure the judges on the held-out images, write the file and print the report."""
    from pytest_failcond.commands.progress import stage
    from pytest_failcond.judges.file import save_judges
    from pytest_failcond.subjects.images import LabeledImages
    from pytest_failcond.training.judges.quality import measure
    from pytest_failcond.training.judges.report import render

    trainer.calibrate(images)
    rows = trainer.parts.held_out
    held_out = LabeledImages(images.images[rows], images.labels[rows])
    with stage("Measuring the judges on the held-out images.") as tell:
        quality = measure(
            trainer.judges(),
            held_out,
            least_p=options.least_p,
            seed=options.seed,
            report=tell,
            device=options.device,
        )
    record = trainer.record() | {"quality": asdict(quality)}
    save_judges(options.output, trainer.pack, trainer.states(), record)
    say(
        f"Wrote {options.output}: {_counted(options.acceptors, 'acceptor')} and "
        f"{_counted(options.guides, 'guide')}."
    )
    if trainer.pack.features:
        say(
            f"The judges read the features of {trainer.pack.features}; loading them needs it, with the "
            "same weights."
        )
    put(f"\n{lines(render(quality))}\n")
    accepted = quality.kinds["acceptor"].clean_accepted.share
    if accepted < _ENOUGH:
        say(
            f"The acceptors accept only {accepted:.3f} of the held-out clean images; reliable judges "
            f"accept {_ENOUGH} or more: raise --epochs, or give more images."
        )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
