"""imagecorruptions 1.1.2 as it was meant, on today's libraries: the reference for speed and pixels.

The module is loaded from its file with the names that it expects: ``pkg_resources`` (gone from new
setuptools), SciPy's old namespace, and scikit-image's ``gaussian`` with ``multichannel``. Neither the
installed package nor anything global is changed.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]


@cache
def load() -> types.ModuleType:
    """Return the module ``imagecorruptions.corruptions``, adapted."""
    import scipy.ndimage
    import skimage.filters

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

    def gaussian(image: Any, sigma: float, multichannel: bool = False, **more: Any) -> Any:
        axis = -1 if multichannel else None
        blur: Callable[..., Any] = skimage.filters.gaussian
        return blur(image, sigma=sigma, channel_axis=axis, **more)

    vars(module)["gaussian"] = gaussian
    return module


def corrupt_one(image: Images, name: str, severity: int) -> Images:
    """Corrupt one gray or colour image ``[H, W, C]`` as ``imagecorruptions.corrupt`` does."""
    from PIL import Image

    function: Callable[..., Any] = getattr(load(), name)
    channels = image.shape[2]
    colour = np.repeat(image, 3, axis=2) if channels == 1 else image
    out = np.uint8(function(Image.fromarray(colour), severity))
    return np.asarray(out)[..., :channels]
