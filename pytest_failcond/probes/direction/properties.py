"""The properties of a direction's test: JUnit files and pytest-html's table show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.direction.words import arrow


def properties(found: object, classes: Sequence[str]) -> Iterator[tuple[str, str | float]]:
    """Name a direction, its class, and how far it was tested, in σ; nothing of a ranking."""
    if isinstance(found, Direction):
        yield "failcond_class", classes[found.class_index]
        yield "failcond_class_index", found.class_index
        yield "failcond_direction", f"s{found.dimension} {found.name} {arrow(found.sign)}"
        yield "failcond_tested_to", found.tested_to
