"""The corruptions' names and severities, without NumPy."""

from __future__ import annotations

from numbers import Integral

from pytest_failcond.errors import FailcondError, nearest

NAMES = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
)
SEVERITIES = (1, 2, 3, 4, 5)


def check_name(name: str, custom: tuple[str, ...] = ()) -> None:
    """Raise a FailcondError that names the nearest corruption, unless ``name`` is one."""
    if name not in NAMES and name not in custom:
        raise FailcondError(f"unknown corruption {name!r}{nearest(name, (*NAMES, *custom))}")


def check_severity(severity: int) -> None:
    """Raise a FailcondError unless ``severity`` is an integer from 1 to 5."""
    if isinstance(severity, bool) or not isinstance(severity, Integral) or not 1 <= severity <= 5:
        raise FailcondError(f"severity {severity!r} is not an integer from 1 to 5")
