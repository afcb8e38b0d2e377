"""The start images of a class that combinations are searched from: the first of those of its directions."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_failcond.laboratory.measure import Laboratory
from pytest_failcond.probes.direction.starts import Starts, starts_of


def starts_in(laboratory: Laboratory, class_index: int) -> Starts:
    """Return the start images, drawn once for all searches of the class.

    Raises:
        FailcondError: too few are accepted.
    """
    return laboratory.once(_StartsOf(class_index))


@dataclass(frozen=True)
class _StartsOf:
    """Draws them among as many as directions start from: a network's last bits depend on the batch."""

    class_index: int

    def __call__(self, laboratory: Laboratory) -> Starts:
        generator, settings = laboratory.generator, laboratory.settings
        assert generator is not None
        assert settings.combinations is not None
        count = settings.combinations.samples
        drawn = starts_of(
            generator,
            laboratory.acceptance,
            self.class_index,
            settings,
            count=max(count, settings.corner_cases.samples),
        )
        return Starts(self.class_index, drawn.samples[:count], drawn.styles[:count])
