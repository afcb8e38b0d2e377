"""The configured corruptions, the user's own among them, applied to images."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pytest_failcond.config.settings import CorruptionSettings, Settings
from pytest_failcond.corruptions import Corruption, corrupt
from pytest_failcond.errors import FailcondError
from pytest_failcond.process.exchange import UserCodeError, place_of, text_of
from pytest_failcond.subjects.loading import load_callable


class Corruptions:
    """Applies corruptions by name, with the seed and the constants of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._grid = settings.corruptions or CorruptionSettings()

    @cached_property
    def by_name(self) -> dict[str, Corruption]:
        """The configured ones, custom ones imported.

        Raises:
            FailcondError: a custom one cannot be imported.
        """
        grid = self._grid
        loaded: dict[str, Corruption] = {name: name for name in grid.names}
        custom = {
            name: load_callable(value, f"corruptions.custom.{name}", folder=self._settings.folder)
            for name, value in grid.custom.items()
            if isinstance(value, str)
        }
        for name, value in grid.custom.items():
            loaded[name] = (
                custom[name] if isinstance(value, str) else [custom.get(p, p) for p in value]
            )
        return loaded

    def apply(
        self,
        name: str,
        pixels: npt.NDArray[np.uint8],
        severity: int,
        indices: npt.NDArray[np.int64],
        seed_offset: int = 0,
    ) -> npt.NDArray[np.uint8]:
        """Return the images under a corruption; a built-in one need not be configured.

        Args:
            name: of the corruption.
            pixels: ``[N, H, W, C]``.
            severity: 1 to 5.
            indices: of the images in the user's set, ``[N]``; they key the random draws.
            seed_offset: added to the seed.

        Raises:
            FailcondError: a custom one cannot be imported, or raised; names the image.
        """
        corruption = self.by_name.get(name, name)

        def apply(part: slice) -> npt.NDArray[np.uint8]:
            return corrupt(
                pixels[part],
                corruption,
                severity,
                seed=self._settings.seed + seed_offset,
                indices=indices[part],
                name=name,
                constants=self._grid.constants,
                backend=self._grid.backend,
            )

        cause: Exception
        try:
            return apply(slice(None))
        except UserCodeError as error:
            kind, text, place, cause = error.kind, error.text, error.place, error
        except FailcondError:
            raise
        except Exception as error:
            kind, text, place, cause = type(error).__name__, text_of(error), place_of(error), error
        raise FailcondError(
            f"corruption {name!r} raised {kind} at severity {severity} on "
            f"{_culprit(apply, indices)}{f': {text}' if text else ''}{place}"
        ) from cause


def _culprit(apply: Callable[[slice], object], indices: npt.NDArray[np.int64]) -> str:
    """Return the image on which a corruption raises; try one by one, once, at an error."""
    for row, index in enumerate(indices):
        try:
            apply(slice(row, row + 1))
        except Exception:
            return f"image {index}"
    return f"images {indices[0]} to {indices[-1]} together"
