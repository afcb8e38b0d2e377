"""What the example brings: digits, two classifiers, and a corruption of its own."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from pytest_failcond import LabeledImages

HERE = Path(__file__).parent


def read_digits(folder: Path, name: str) -> LabeledImages:
    """Read MNIST's ``t10k`` or ``train`` files: uint8 ``[N, 28, 28, 1]`` and labels ``[N]``."""
    with gzip.open(folder / f"{name}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), dtype=np.uint8, offset=16).reshape(-1, 28, 28, 1)
    with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), dtype=np.uint8, offset=8).astype(np.int64)
    return LabeledImages(images, labels)


def load_test_images() -> LabeledImages:
    """The 10,000 test digits."""
    return read_digits(HERE / "data", "t10k")


def make_mlp() -> nn.Module:
    """The paper's classifier: 784-512-512-10 with ReLU."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


def _load(model: nn.Module, name: str) -> nn.Module:
    from safetensors.torch import load_file

    model.load_state_dict(
        {key: value.float() for key, value in load_file(HERE / "models" / name).items()}
    )
    return model.eval()


def load_mlp() -> nn.Module:
    """The MLP trained on clean digits only: the one that fails."""
    return _load(make_mlp(), "mlp.safetensors")


def load_classifier() -> nn.Module:
    """The same MLP, hardened: trained on corrupted digits too."""
    return _load(make_mlp(), "hardened.safetensors")


def column_blur(
    images: npt.NDArray[np.uint8], severity: int, random: object
) -> npt.NDArray[np.uint8]:
    """Blur each column by itself, down the rows: what the paper's "gaussian_blur" was.

    An old scikit-image took the width of a gray image for colour channels, and so blurred along
    one axis only.
    """
    from scipy.ndimage import gaussian_filter1d

    sigma = (1, 2, 3, 4, 6)[severity - 1]
    blurred = gaussian_filter1d(images / 255.0, sigma, axis=1, mode="nearest")
    return (np.clip(blurred, 0, 1) * 255).astype(np.uint8)
