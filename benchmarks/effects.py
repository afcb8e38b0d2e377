"""Ranking without gradients against ranking by gradient: CPU time, and the dimensions that are found.

Effects measured exhaustively on other start images, every dimension pushed both ways, say which dimensions
are to be found.
"""

from __future__ import annotations

from time import process_time

import numpy as np
import numpy.typing as npt

from benchmarks.example import load_example
from pytest_failcond import rank_dimensions
from pytest_failcond.probes.direction.by_effect import SAMPLES
from pytest_failcond.probes.direction.pushing import Pushing
from pytest_failcond.probes.direction.ranking import Ranking
from pytest_failcond.probes.direction.record import Way
from pytest_failcond.probes.direction.starts import start_images

TRUNCATION, TOP = 0.7, 5
WAYS: tuple[Way, ...] = ("gradient", "effect")


def run() -> None:
    """Print seconds of both ways for each class, and how many of their first five are of the true five."""
    generator, _, classifier, _, acceptance = load_example()

    def ranked(way: Way, index: int) -> tuple[float, Ranking]:
        before = process_time()
        ranking = rank_dimensions(
            generator, classifier, index, judge=acceptance, truncation=TRUNCATION, way=way
        )
        return process_time() - before, ranking

    def true_effects(index: int) -> npt.NDArray[np.float64]:
        """Return the greater mean fall of p(class) of each dimension's two pushes: ``[S]``."""
        starts = start_images(
            generator, acceptance, index, SAMPLES, stream="exhaustive", truncation=TRUNCATION
        )
        pushes = np.arange(2 * generator.style_space.size)
        pushing = Pushing(generator, classifier, starts, len(pushes) * SAMPLES)
        falls: npt.NDArray[np.float64] = pushing.falls(pushes, 0, SAMPLES).mean(axis=1)
        worse: npt.NDArray[np.float64] = falls.reshape(2, -1).max(axis=0)
        return worse

    ranked("effect", 0)  # the first call is slower
    print(f"class   CPU s: gradient  effect   of the true {TOP}: gradient  effect")
    spent, found = dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0)
    for index, name in enumerate(generator.classes):
        true = set(np.argsort(-true_effects(index), kind="stable")[:TOP].tolist())
        both = {way: ranked(way, index) for way in WAYS}
        common = {way: len(true & set(both[way][1].dimensions[:TOP].tolist())) for way in WAYS}
        for way in WAYS:
            spent[way] += both[way][0]
            found[way] += common[way]
        seconds = "".join(f"{both[way][0]:8.2f}" for way in WAYS)
        print(f"{name:>5} {seconds:>24} {common['gradient']:>21}{common['effect']:8}", flush=True)
    ratio = spent["effect"] / spent["gradient"]
    count = len(generator.classes)
    print(f"by effect: {ratio:.1f} x the CPU time, {found['effect'] / count:.1f} of the true {TOP}")
    print(f"by gradient: {found['gradient'] / count:.1f} of the true {TOP}")
