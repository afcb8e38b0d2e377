"""A training from start to end: budget, progress, previews, checkpoints, and the file at the end."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.process.interrupts import interruptible
from pytest_failcond.storage.files import write_atomically
from pytest_failcond.subjects.images import png, to_uint8
from pytest_failcond.training.trainer import LOSSES, Trainer

STATE = "state.safetensors"
"""Name of the file, in the folder of a training, that it is resumed from."""
_SAVE_EVERY_SECONDS = 120.0
_PREVIEW_IMAGES = 51_200
_PREVIEW_PER_CLASS = 10


@dataclass(frozen=True)
class Budget:
    """When a training ends: at ``images`` seen in all, or after ``minutes`` of this session."""

    images: int
    minutes: float | None = None


Report = Callable[[int, int, float, float, dict[str, float]], None]
"""Called about every second: images seen, images in all, images/s, seconds left, losses."""


def train(trainer: Trainer, output: Path, budget: Budget, report: Report) -> Generator:
    """Train until the budget is used or Ctrl-C, and write the averaged generator to ``output``.

    ``<output>.training/``, beside it, has the state to resume from, preview grids (one column per
    class) and the losses. An existing state is continued.

    Raises:
        FailcondError: a place cannot be written, the state is of another training, or the
            training diverged.
        KeyboardInterrupt: after Ctrl-C, when everything has been written.
    """
    folder, state = training_folder(output), state_file(output)
    if output.is_dir():
        raise FailcondError(f"{output}: expected a file, found a folder; name a file")
    if state.exists():
        trainer.resume(state)
    else:
        trainer.save(state)  # a place that cannot be written fails at once
    started = saved = shown = time.monotonic()
    first = trainer.images_seen
    previewed = first // _PREVIEW_IMAGES
    history: list[dict[str, float]] = []
    with closing(trainer), interruptible() as interrupted:
        while trainer.images_seen < budget.images and not interrupted():
            losses = trainer.advance()
            now = time.monotonic()
            if now - shown > 1.0:
                shown = now
                history.append({"images": trainer.images_seen, **losses})
                speed = (trainer.images_seen - first) / (now - started)
                left = (budget.images - trainer.images_seen) / speed
                if budget.minutes is not None:
                    left = min(left, started + budget.minutes * 60 - now)
                report(trainer.images_seen, budget.images, speed, left, losses)
            if trainer.images_seen // _PREVIEW_IMAGES > previewed:
                previewed = trainer.images_seen // _PREVIEW_IMAGES
                _write_preview(trainer, folder)
            if now - saved > _SAVE_EVERY_SECONDS:
                saved = now
                trainer.save(state)
                _append_history(folder / "losses.csv", history)
            if budget.minutes is not None and now - started > budget.minutes * 60:
                break
        trainer.save(state)
        _append_history(folder / "losses.csv", history)
        _write_preview(trainer, folder)
        generator = trainer.generator()
        generator.save(output)
        if interrupted():
            raise KeyboardInterrupt
    return generator


def training_folder(output: Path) -> Path:
    """Return the folder of a training's state, previews and losses."""
    return output.with_name(output.name + ".training")


def state_file(output: Path) -> Path:
    """Return the file from which a training is resumed."""
    return training_folder(output) / STATE


def _write_preview(trainer: Trainer, folder: Path) -> None:
    name = f"preview-{trainer.images_seen // 1000:06d}k.png"
    write_atomically(folder / name, preview(trainer.generator()))


def preview(generator: Generator) -> bytes:
    """Draw a grid of generated images, one column per class, as PNG."""
    classes = len(generator.classes)
    labels = np.tile(np.arange(classes), _PREVIEW_PER_CLASS)
    images = to_uint8(generator.synthesize(generator.sample(labels, stream="preview")).numpy())
    return png(grid(images, classes))


def grid(images: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """Lay images ``[N, H, W, C]`` out in rows of ``columns``: one image ``[H', W', C]``."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    filled = np.zeros((rows * columns, height, width, channels), dtype=np.uint8)
    filled[:count] = images
    tiled = filled.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return tiled.reshape(rows * height, columns * width, channels)


def _append_history(path: Path, history: list[dict[str, float]]) -> None:
    """Add rows to a CSV file and empty the list."""
    if not history:
        return
    try:
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, ("images", *LOSSES), restval="")
            if file.tell() == 0:
                writer.writeheader()
            writer.writerows(history)
    except OSError as error:
        raise FailcondError(f"{path}: cannot be written ({error.strerror or error})") from error
    history.clear()
