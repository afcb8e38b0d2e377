"""Corruptions: names, severities, and one function that applies any of them to a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pytest_failcond.corruptions.constants import BY_NAME, specification, stream
from pytest_failcond.corruptions.filters import Images
from pytest_failcond.corruptions.names import NAMES, SEVERITIES, check_name, check_severity
from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import ask, described
from pytest_failcond.process.surroundings import theirs

__all__ = ["NAMES", "SEVERITIES", "Corruption", "KeyedRandom", "corrupt", "specification"]

Custom = Callable[[Images, int, KeyedRandom], Images]
Corruption = str | Custom | Sequence["str | Custom"]


def corrupt(
    images: Images,
    corruption: Corruption,
    severity: int,
    *,
    seed: int = 0,
    indices: npt.ArrayLike | None = None,
    name: str | None = None,
    constants: str = "imagenet-c",
    backend: str = "native",
) -> Images:
    """Corrupt a batch; an image's pixels depend on its own, the key and its index alone.

    Args:
        images: uint8 ``[N, H, W, C]``, C 1 or 3.
        corruption: a name of `NAMES`; a callable ``(images, severity, random) -> images``; or a
            list of these, applied one after the other with the same severity.
        severity: 1 to 5.
        seed: keys the randomness, together with corruption, severity and image index.
        indices: the images' indices in their set, int ``[N]``; default 0 to N - 1.
        name: keys the randomness of a custom corruption; default its ``__name__``.
        constants: how severe a severity is: ``imagenet-c`` (Hendrycks & Dietterich 2019), meant for
            224 px, or ``cifar-c``, milder and meant for 32 px.
        backend: ``native``, or ``imagecorruptions``: that package, image by image; its randomness
            is keyed too, but by other draws.

    Returns:
        uint8 ``[N, H, W, C]``, a new array.

    Raises:
        FailcondError: an input is not as above, or a custom corruption raised or returned another
            type or shape.
    """
    _check_images(images)
    images = np.ascontiguousarray(images)
    check_severity(severity)
    keyed_by = stream(constants, backend)
    order = np.arange(len(images)) if indices is None else np.asarray(indices)
    if order.shape != (len(images),):
        raise FailcondError(f"indices: expected {len(images)}, one per image, got {order.shape}")
    if not isinstance(corruption, str) and isinstance(corruption, Sequence):
        if not corruption:
            raise FailcondError("corruption: the list is empty; name at least one to apply")
        prefix = name or "+".join(_name_of(part) for part in corruption)
        for position, part in enumerate(corruption):
            label = f"{prefix}/{position}:{_name_of(part)}"
            images = _apply(images, part, severity, (keyed_by, seed, label), order)
        return images
    key = (keyed_by, seed, name or _name_of(corruption))
    return _apply(images, corruption, severity, key, order)


def _apply(
    images: Images,
    corruption: str | Custom,
    severity: int,
    key: tuple[str, int, str],
    indices: npt.NDArray[np.int64],
) -> Images:
    if not isinstance(corruption, str):
        random = KeyedRandom(*key, severity, indices=indices)
        return _apply_custom(images, corruption, severity, random)
    check_name(corruption)
    constants = BY_NAME.get(key[0].partition("/")[0])
    if constants is None:
        from pytest_failcond.corruptions.original import corrupt_original

        random = KeyedRandom(*key, severity, indices=indices)
        return corrupt_original(images, corruption, severity, random)
    from pytest_failcond.corruptions.kernels import KERNELS, images_at_once

    kernel, constant = KERNELS[corruption], constants[corruption][severity - 1]
    step = images_at_once(corruption, images.shape)
    if len(images) <= step:
        return kernel(images, constant, KeyedRandom(*key, severity, indices=indices))
    out = np.empty(images.shape, dtype=np.uint8)
    for start in range(0, len(images), step):
        part = slice(start, start + step)
        random = KeyedRandom(*key, severity, indices=indices[part])
        out[part] = kernel(images[part], constant, random)
    return out


def _apply_custom(images: Images, corruption: Custom, severity: int, random: KeyedRandom) -> Images:
    name = _name_of(corruption)
    if not callable(corruption):
        raise FailcondError(
            f"corruption {corruption!r} is not a name, a callable or a list of these"
        )
    # A copy, because a custom corruption may write into its input.
    given = images.copy()
    with theirs():
        out = ask(f"corruption {name!r}", corruption, given, severity, random)
    expected = isinstance(out, np.ndarray) and not np.ma.isMaskedArray(out)
    if not expected or out.shape != images.shape or out.dtype != np.uint8:
        raise FailcondError(
            f"corruption {name!r} returned {described(out)}; it must return a NumPy array like "
            f"its input, uint8 {list(images.shape)}"
        )
    return np.asarray(out)


def _check_images(images: Images) -> None:
    if not isinstance(images, np.ndarray):
        raise FailcondError(f"images: expected a NumPy array, got {type(images).__name__}")
    if images.dtype != np.uint8:
        from pytest_failcond.images.pixels import as_levels

        raise FailcondError(f"images: expected uint8 [N, H, W, C], {as_levels(images)}")
    shape = list(images.shape)
    if images.ndim != 4:
        raise FailcondError(
            f"images: expected [N, H, W, C], got {images.ndim} axes, {shape}; "
            "one image is images[None], gray ones without channels are images[..., None]"
        )
    if shape[3] not in (1, 3):
        raise FailcondError(f"images: expected [N, H, W, C] with 1 or 3 channels, got {shape}")
    if shape[0] == 0:
        raise FailcondError(f"images: the batch is empty, {shape}; give one image or more")
    if min(shape[1:3]) < 8:
        raise FailcondError(f"images: expected at least 8 x 8 px, got {shape[1:3]}")


def _name_of(corruption: str | Custom | Sequence[str | Custom]) -> str:
    return corruption if isinstance(corruption, str) else getattr(corruption, "__name__", "custom")
