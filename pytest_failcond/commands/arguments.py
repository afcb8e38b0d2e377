"""Options that several commands share, and their values; torch-free until a value is used."""

from __future__ import annotations

import argparse
import datetime
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_failcond.errors import FailcondError, nearest
from pytest_failcond.ranges import THREADS, shorten

if TYPE_CHECKING:
    from torch import nn

    from pytest_failcond.training.data import CorruptionMix


def names(text: str) -> tuple[str, ...]:
    """Read ``a,b,c``: no name is empty or occurs twice."""
    found = tuple(part.strip() for part in text.split(","))
    wrong = next((name for name in found if not name or found.count(name) > 1), None)
    if wrong is not None:
        how = f"{shorten(wrong)!r} occurs twice" if wrong else "a name is empty"
        raise argparse.ArgumentTypeError(f"{how}; give each name once, like a,b,c")
    return found


def chosen(wanted: Iterable[str] | None, known: Sequence[str]) -> list[int]:
    """Return the classes that ``--classes`` names, by index in their order; all if it is not given.

    Raises:
        FailcondError: one does not exist.
    """
    wanted = known if wanted is None else tuple(wanted)
    for name in wanted:
        if name not in known:
            raise FailcondError(f"--classes: there is no class {name!r}{nearest(name, known)}")
    return [index for index, name in enumerate(known) if name in wanted]


def numbers(text: str) -> tuple[int, ...]:
    """Read ``1,2,3``."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{shorten(text)!r}: give whole numbers like 1,2,3"
        ) from None


def up_to(most: int, example: str = "") -> Callable[[str], int]:
    """Return a reader of counts, from 1: ``600000``, ``600k`` or ``1.5M``."""

    def count(text: str) -> int:
        match = re.fullmatch(r"([0-9]{0,15}(?:\.[0-9]{1,15})?)([kKmM]?)", text.replace("_", ""))
        units = {"": 1, "k": 1_000, "m": 1_000_000}
        value = round(float(match[1]) * units[match[2].lower()]) if match and match[1] else 0
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{shorten(text)!r}: give 1 to {most}{example}")
        return value

    return count


count = up_to(10**12, ", like 600000, 600k or 1.5M")
"""Reads a number of images."""


def number(text: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{shorten(text)!r}: give a number, like 2.5")
    return value


def not_negative(text: str) -> float:
    """Read a number from 0 on."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{shorten(text)!r}: give a number from 0 on")
    return value


def positive(text: str) -> float:
    """Read a number above 0."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{shorten(text)!r}: give a number above 0")
    return value


def duration(text: str) -> datetime.timedelta:
    """Read a length of time: ``90s``, ``10m``, ``2h`` or ``1d``."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", text)
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]] if match else 0
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r}: give a time above 0, like 90s, 10m, 2h or 1d")
    return datetime.timedelta(seconds=seconds)


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Add ``--threads``."""
    parser.add_argument(
        "--threads", type=THREADS.read, metavar="N", help="CPU threads (default: one per core)"
    )


def use_threads(options: argparse.Namespace) -> None:
    """Let torch compute with the requested number of threads."""
    import torch

    torch.set_num_threads(options.threads or os.cpu_count() or 1)


def add_mix(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options of the corruption of images."""
    group = parser.add_argument_group("corruption of the real images")
    which = group.add_mutually_exclusive_group()
    which.add_argument(
        "--corruptions",
        type=names,
        metavar="A,B",
        help=f"applied one after the other (default: {default})",
    )
    which.add_argument("--no-corruptions", action="store_true", help="show clean images only")
    group.add_argument(
        "--severities",
        type=numbers,
        metavar="1,2,3",
        help="drawn for each corruption of an image (default: 1,2,3)",
    )
    group.add_argument(
        "--probability",
        type=not_negative,
        metavar="P",
        help="share of corrupted images (default: 0.5)",
    )


def read_mix(options: argparse.Namespace) -> CorruptionMix | None:
    """Return the mix that the options of `add_mix` describe, or None if none was given.

    Raises:
        FailcondError: a corruption or severity does not exist, or the options contradict each
            other.
    """
    from pytest_failcond.training.data import CorruptionMix

    given = {
        key: getattr(options, key)
        for key in ("corruptions", "severities", "probability")
        if getattr(options, key) is not None
    }
    if options.no_corruptions:
        if given:
            raise FailcondError(
                f"--no-corruptions: leave it out, or leave out --{next(iter(given))}"
            )
        return CorruptionMix(corruptions=())
    return CorruptionMix(**given) if given else None


IMAGES = (
    "training images: returns LabeledImages; or a folder with one folder of image files per class, or "
    "a CSV file of paths and labels"
)
"""Help of ``--images``."""

JUDGE = (
    "a file of judges, of which the first acceptor is asked; or returns a torch.nn.Module (images to "
    "logits) that ends in a torch.nn.Linear"
)
"""Help of ``--judge``, of the quality report."""


def load_judge(reference: str) -> nn.Module:
    """Return the judge that ``--judge`` names: ``module:callable``, or a file of judges.

    Raises:
        FailcondError: it cannot be loaded.
    """
    from pathlib import Path

    from torch import nn

    from pytest_failcond.judges.file import load_judges
    from pytest_failcond.subjects.loading import load_subject

    if not reference.endswith(".safetensors"):
        return load_subject(reference, "--judge", nn.Module)
    return load_judges(Path(reference)).acceptors[0]
