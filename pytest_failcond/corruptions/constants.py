"""How severe each severity is: the constants of ImageNet-C and of CIFAR-C, as published.

Both from Hendrycks & Dietterich 2019 (arXiv 1903.12261) and the scripts that made the two sets.
ImageNet-C's are meant for 224 px: they leave little to see at 32 px. CIFAR-C's are meant for 32 px.
A tuple per name holds severities 1 to 5; the corruption's function explains its numbers.
"""

from __future__ import annotations

from typing import Any

from pytest_failcond.errors import FailcondError, nearest

Constants = dict[str, tuple[Any, ...]]

VERSION = 2
"""The version of the pixels. Raise it with any change of a pixel: older baselines are then
refused."""

STREAMS = 1
"""The version of the random numbers. It stays when one corruption is mended, so that all others
keep their pixels."""

IMAGENET_C: Constants = {
    "gaussian_noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "shot_noise": (60.0, 25.0, 12.0, 5.0, 3.0),
    "impulse_noise": (0.03, 0.06, 0.09, 0.17, 0.27),
    "speckle_noise": (0.15, 0.2, 0.35, 0.45, 0.6),
    "gaussian_blur": (1.0, 2.0, 3.0, 4.0, 6.0),
    "glass_blur": ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
    "defocus_blur": ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
    "motion_blur": ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
    "zoom_blur": ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
    "fog": ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
    "frost": (
        (1.0, 0.4, 1.1),
        (0.8, 0.6, 1.1),
        (0.7, 0.7, 1.1),
        (0.65, 0.7, 1.1),
        (0.6, 0.75, 1.1),
    ),
    "snow": (
        (0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
        (0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
        (0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
    ),
    "spatter": (
        (0.65, 0.3, 4.0, 0.69, 0.6, "water"),
        (0.65, 0.3, 3.0, 0.68, 0.6, "water"),
        (0.65, 0.3, 2.0, 0.68, 0.5, "water"),
        (0.65, 0.3, 1.0, 0.65, 1.5, "mud"),
        (0.67, 0.4, 1.0, 0.65, 1.5, "mud"),
    ),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "saturate": ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
    "jpeg_compression": (25, 18, 15, 10, 7),
    "pixelate": (0.6, 0.5, 0.4, 0.3, 0.25),
    "elastic_transform": (
        (12.5, "1%", 0.0),
        (16.25, "1%", 0.0),
        (21.25, "1%", 0.0),
        (25.0, "1%", 0.0),
        (30.0, "1%", 0.0),
    ),
}
CIFAR_C: Constants = {
    "gaussian_noise": (0.04, 0.06, 0.08, 0.09, 0.1),
    "shot_noise": (500.0, 250.0, 100.0, 75.0, 50.0),
    "impulse_noise": (0.01, 0.02, 0.03, 0.05, 0.07),
    "speckle_noise": (0.06, 0.1, 0.12, 0.16, 0.2),
    "gaussian_blur": (0.4, 0.6, 0.7, 0.8, 1.0),
    "glass_blur": ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)),
    "defocus_blur": ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
    "motion_blur": ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
    "zoom_blur": ((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    "fog": ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
    "frost": (
        (1.0, 0.2, 0.2),
        (1.0, 0.3, 0.2),
        (0.9, 0.4, 0.2),
        (0.85, 0.4, 0.2),
        (0.75, 0.45, 0.2),
    ),
    "snow": (
        (0.1, 0.2, 1.0, 0.6, 8, 3.0, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10, 4.0, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4.0, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6.0, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12.0, 0.8),
    ),
    "spatter": (
        (0.62, 0.1, 0.7, 0.7, 0.5, "water"),
        (0.65, 0.1, 0.8, 0.7, 0.5, "water"),
        (0.65, 0.3, 1.0, 0.69, 0.5, "water"),
        (0.65, 0.1, 0.7, 0.69, 0.6, "mud"),
        (0.65, 0.1, 0.5, 0.68, 0.6, "mud"),
    ),
    "contrast": (0.75, 0.5, 0.4, 0.3, 0.15),
    "brightness": (0.05, 0.1, 0.15, 0.2, 0.3),
    "saturate": ((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
    "jpeg_compression": (80, 65, 58, 50, 40),
    "pixelate": (0.95, 0.9, 0.85, 0.75, 0.65),
    # px at 32 px: displacement, width of its smoothing, and how far the affine corners move
    "elastic_transform": (
        (0.0, 0.0, 2.56),
        (1.6, 6.4, 2.24),
        (2.56, 1.92, 1.92),
        (3.2, 1.28, 1.6),
        (3.2, 0.96, 0.96),
    ),
}
BY_NAME: dict[str, Constants] = {"imagenet-c": IMAGENET_C, "cifar-c": CIFAR_C}


BACKENDS = ("native", "imagecorruptions")


def check_specification(constants: str, backend: str) -> None:
    """Raise a FailcondError unless there are such constants and such a backend, and they fit."""
    for what, value, known in (
        ("constants", constants, tuple(BY_NAME)),
        ("backend", backend, BACKENDS),
    ):
        if value not in known:
            raise FailcondError(f"unknown {what} {value!r}{nearest(value, known)}")
    if backend == "imagecorruptions" and constants != "imagenet-c":
        raise FailcondError(
            f"backend 'imagecorruptions' has ImageNet-C's constants only, not {constants!r}; "
            'use backend = "native"'
        )


def specification(constants: str, backend: str = "native") -> str:
    """Name the specification of the pixels: constants and version, or the other backend's package
    and version.

    Raises:
        FailcondError: there are no such constants, or the package is not installed.
    """
    check_specification(constants, backend)
    if backend == "native":
        return f"{constants}/{VERSION}"
    from pytest_failcond.corruptions.original import version

    return version()


def stream(constants: str, backend: str = "native") -> str:
    """Name the key of the random numbers; raise as `specification` does."""
    pixels = specification(constants, backend)
    return f"{constants}/{STREAMS}" if backend == "native" else pixels
