"""The figures of fitness for some generators of one project: ``python -m benchmarks.fitness GENERATOR…``.

Run it in the project's folder. A row for each generator: the worst class in each figure, and how many
classes are not fit by the project's limits. docs/fitness.md has the rows that the defaults rest on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_failcond.generators.stylegan2.generator import Generator
from pytest_failcond.laboratory.configured import find_settings, open_laboratory
from pytest_failcond.probes.direction.fit import Fitness, unfit
from pytest_failcond.probes.direction.fitness import measure_fitness
from pytest_failcond.probes.keys import FitnessKey

HEAD = (
    "| generator | accepted ÷ real, least, mean | distance − real, largest, mean | "
    "coverage ÷ real, least, mean | classes not fit |\n| :-- | --: | --: | --: | --: |"
)


def figures(found: list[Fitness]) -> Iterator[tuple[float, float]]:
    """Return the worst and the mean of each figure over the classes, as the limits see them."""
    accepted = [f.accepted / f.drawn / max(f.real_accepted / f.real, 1e-9) for f in found]
    yield min(accepted), sum(accepted) / len(found)
    both = [(f.likeness, f.real_likeness) for f in found]
    alike = [(mine, real) for mine, real in both if mine is not None and real is not None]
    if alike:
        far = [mine.distance - real.distance for mine, real in alike]
        yield max(far), sum(far) / len(far)
        near = [mine.coverage / real.coverage for mine, real in alike]
        yield min(near), sum(near) / len(near)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("generators", nargs="+", metavar="GENERATOR")
    parser.add_argument(
        "--config", metavar="FILE", help="of the project (default: found from here)"
    )
    options = parser.parse_args()
    settings = find_settings(options.config)
    laboratory = open_laboratory(settings)
    print(HEAD)
    for path in options.generators:
        generator = Generator.load(path)
        with_it = replace(laboratory, generator=generator)
        keys = map(FitnessKey, range(len(generator.classes)))
        found = [measure_fitness(with_it, key) for key in keys]
        cells = [f"{worst:.2f}, {mean:.2f}" for worst, mean in figures(found)]
        print(f"| {Path(path).name} | {' | '.join(cells)} | {len(unfit(found))} |", flush=True)


if __name__ == "__main__":
    main()
