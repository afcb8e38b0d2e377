"""A cache of results that depend on one file alone: computed once per machine, kept by the file's
hash.

Measurements are not kept: a stale green is worse than a slow one.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.files import write_atomically

VARIABLE = "FAILCOND_CACHE"
"""Names a folder in place of the user's own for caches; empty: nothing is kept."""


def cached_array(
    name: str, shape: tuple[int, ...], compute: Callable[[], npt.NDArray[np.float64]]
) -> npt.NDArray[np.float64]:
    """Return an array, float64 of a ``shape``, that depends on its ``name`` alone.

    An unreadable entry is computed again; an entry that cannot be written is not kept.
    """
    folder = _folder()
    if folder is None:
        return compute()
    path = folder.joinpath(*name.replace(":", "-").split("/")).with_suffix(".npy")
    try:
        # Mapped, not read: a header may claim more than the file has.
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        if mapped.shape == shape and mapped.dtype == np.float64:
            kept: npt.NDArray[np.float64] = np.array(mapped)
            if np.isfinite(kept).all():
                return kept
    except (OSError, ValueError, EOFError):
        pass  # missing, or damaged
    computed = compute()
    buffer = io.BytesIO()
    np.save(buffer, computed, allow_pickle=False)
    with contextlib.suppress(FailcondError):  # the folder may be read-only, or full
        write_atomically(path, buffer.getvalue())
    return computed


def _folder() -> Path | None:
    """Return the user's folder for caches; None: nothing is kept."""
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]) if os.environ[VARIABLE] else None
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("pytest-failcond")
    except (RuntimeError, KeyError, OSError):
        return None
    # If the system knows no home folder, "~" is not expanded.
    return folder if folder.is_absolute() else None
