"""The properties of a search's test: JUnit files and pytest-html's table show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_failcond.probes.combination.record import Combined


def properties(found: object, classes: Sequence[str]) -> Iterator[tuple[str, str | float]]:
    """Name the class, the wanted one, and the distance that breaks half of the start images, σ."""
    if isinstance(found, Combined):
        yield "failcond_class", classes[found.class_index]
        yield "failcond_class_index", found.class_index
        if found.toward is not None:
            yield "failcond_toward", classes[found.toward]
        if (distance := found.distance) is not None:
            yield "failcond_combined_distance", distance
        yield "failcond_tested_to", found.tested_to
