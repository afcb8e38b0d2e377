"""The training of judges until it is done, or until Ctrl-C; it reports progress and saves its state."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from pytest_failcond.process.interrupts import interruptible
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.subjects.images import png, to_uint8
from pytest_failcond.training.judges.trainer import JudgeTrainer
from pytest_failcond.training.loop import STATE, Report, grid

_SAVE_EVERY_SECONDS = 60.0
_COLUMNS = 32  # of the picture of examples


def train(trainer: JudgeTrainer, folder: Path, report: Report) -> None:
    """Train until the training is done, or until Ctrl-C. Continues from the state in the folder, if there is one.

    Args:
        trainer: the judges.
        folder: of the state, and of a picture of the first examples.
        report: called with the progress about every second.

    Raises:
        FailcondError: the state cannot be written or is of another training, or the training diverged.
        KeyboardInterrupt: after Ctrl-C, when the state has been written.
    """
    state = folder / STATE
    if state.exists():
        trainer.resume(state)
    else:
        trainer.save(state)  # so that a folder that cannot be written is found at once
        shown_first = to_uint8(torch.cat(trainer.examples()).numpy())
        write_atomically(folder / "examples.png", png(grid(shown_first, _COLUMNS)))
    last = saved = shown = time.monotonic()
    first, begun, losses = trainer.step, trainer.progress, dict[str, float]()
    started = last
    with interruptible() as interrupted:
        while trainer.progress < 1 and not interrupted():
            losses = trainer.advance()
            now = time.monotonic()
            trainer.seconds += now - last
            last = now
            if now - shown > 1.0:
                shown = now
                speed = (trainer.step - first) * trainer.recipe.batch / (now - started)
                left = (now - started) * (1 - trainer.progress) / (trainer.progress - begun)
                total = round(trainer.images_seen / trainer.progress)
                report(trainer.images_seen, total, speed, left, losses)
            if now - saved > _SAVE_EVERY_SECONDS:
                saved = now
                trainer.save(state)
        trainer.save(state)
        if interrupted():
            raise KeyboardInterrupt
