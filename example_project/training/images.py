"""MNIST's 60,000 training digits, which the example's models learn from and the example leaves out."""

from __future__ import annotations

import os
from pathlib import Path

import digits

from pytest_failcond import FailcondError, LabeledImages


def load_training_images() -> LabeledImages:
    """Read MNIST's training files from the folder that the environment variable MNIST names.

    Raises:
        FailcondError: the variable is not set, or the folder lacks a file.
    """
    folder = os.environ.get("MNIST")
    if not folder:
        raise FailcondError(
            "the environment variable MNIST is not set; let it name the folder that holds "
            "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
        )
    try:
        return digits.read_digits(Path(folder), "train")
    except OSError as error:
        raise FailcondError(
            f"MNIST: {error.filename or folder} cannot be read ({error.strerror or error}); let "
            "the environment variable name the folder that holds MNIST's gzip files"
        ) from error
