"""imagecorruptions 1.1.2 on today's libraries: a backend, and the reference for ours.

The module is loaded from its file with the names that it expects: ``pkg_resources`` (gone from new
setuptools), SciPy's old namespace, scikit-image's ``gaussian`` with ``multichannel``, NumPy's
``float_``, and keyed randomness where it draws from global generators. Neither the installed package
nor anything global is changed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterator
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

from pytest_failcond.corruptions.filters import Images
from pytest_failcond.corruptions.randomness import KeyedRandom
from pytest_failcond.errors import FailcondError

LEAST = 32  # px; the original refuses smaller images

_random = threading.local()
"""``generator``: the random generator of the current image."""


def version() -> str:
    """Name the installed distribution and version: ``imagecorruptions 1.1.2``.

    imagecorruptions-imaug installs a module of the same name, with another frost.

    Raises:
        FailcondError: none is installed.
    """
    for name in ("imagecorruptions", "imagecorruptions-imaug"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"{name} {metadata.version(name)}"
    if importlib.util.find_spec("imagecorruptions") is not None:
        return "imagecorruptions of unknown origin"
    raise FailcondError(
        "imagecorruptions is not installed; pip install imagecorruptions==1.1.2, or set "
        'corruptions.backend = "native" in the configuration'
    )


def corrupt_original(images: Images, name: str, severity: int, random: KeyedRandom) -> Images:
    """Corrupt uint8 ``[N, H, W, C]`` image by image, as ``imagecorruptions.corrupt`` does.

    Raises:
        FailcondError: the images are too small for it, or it cannot be imported.
    """
    if min(images.shape[1:3]) < LEAST:
        raise FailcondError(
            f"imagecorruptions takes images of {LEAST} x {LEAST} px or more, got "
            f'{list(images.shape[1:3])}; set corruptions.backend = "native" in the configuration'
        )
    return np.stack(
        [
            corrupt_one(image, name, severity, generator)
            for image, generator in zip(images, random.generators(), strict=True)
        ]
    )


def corrupt_one(image: Images, name: str, severity: int, generator: np.random.Generator) -> Images:
    """Corrupt one gray or colour image ``[H, W, C]``; a gray one goes through as colour."""
    from PIL import Image

    function: Callable[..., Any] = getattr(load(), name)
    channels = image.shape[2]
    colour = np.repeat(image, 3, axis=2) if channels == 1 else image
    with _drawing_from(generator), np.errstate(all="ignore"):
        out = np.uint8(function(Image.fromarray(colour), severity))
    return np.asarray(out)[..., :channels]


@contextlib.contextmanager
def _drawing_from(generator: np.random.Generator) -> Iterator[None]:
    before = getattr(_random, "generator", None)
    _random.generator = generator
    try:
        yield
    finally:
        _random.generator = before


class _Random:
    """A substitute for ``numpy.random``: draws from the image's own generator."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_random.generator, {"randint": "integers"}.get(name, name))


class _Module:
    """A substitute for a module, with some of its names replaced."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@cache
def load() -> types.ModuleType:
    """Return the module ``imagecorruptions.corruptions``, adapted.

    Raises:
        FailcondError: it is not installed, or one of its dependencies is missing.
    """
    version()
    try:
        return _load()
    except ImportError as error:
        missing = "libGL" in str(error) or "libgthread" in str(error)
        remedy = (
            "install the system library (Debian: apt install libgl1 libglib2.0-0), or "
            "opencv-python-headless in place of opencv-python"
            if missing
            else "pip install imagecorruptions opencv-python-headless scikit-image"
        )
        raise FailcondError(
            f"imagecorruptions cannot be imported ({error}); {remedy}; or set "
            'corruptions.backend = "native" in the configuration, which needs neither'
        ) from error


def _load() -> types.ModuleType:
    import scipy.ndimage
    import skimage
    import skimage.filters
    import skimage.util

    found = importlib.util.find_spec("imagecorruptions")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = found.submodule_search_locations[0]
    stubs = {
        "pkg_resources": types.ModuleType("pkg_resources"),
        "scipy.ndimage.interpolation": types.ModuleType("scipy.ndimage.interpolation"),
    }
    vars(stubs["pkg_resources"])["resource_filename"] = lambda _, name: f"{folder}/{name}"
    vars(stubs["scipy.ndimage.interpolation"])["map_coordinates"] = scipy.ndimage.map_coordinates
    before = {name: sys.modules.get(name) for name in stubs}
    sys.modules.update(stubs)
    try:
        spec = importlib.util.spec_from_file_location(
            "_adapted_imagecorruptions", f"{folder}/corruptions.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old

    def gaussian(image: Any, sigma: Any, multichannel: bool = False, **more: Any) -> Any:
        axis = -1 if multichannel else None
        blur: Callable[..., Any] = skimage.filters.gaussian
        return blur(image, sigma=sigma, channel_axis=axis, **more)

    def random_noise(image: Any, mode: str, **more: Any) -> Any:
        add: Callable[..., Any] = skimage.util.random_noise
        return add(image, mode, rng=_random.generator, **more)

    vars(module).update(
        gaussian=gaussian,
        np=_Module(np, random=_Random(), float_=np.float64),
        sk=_Module(skimage, util=_Module(skimage.util, random_noise=random_noise)),
        print=lambda *_: None,
    )
    return module
