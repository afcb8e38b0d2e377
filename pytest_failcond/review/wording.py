"""A review in words, for terminal, reports and messages. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from pytest_failcond.review.standing import Reader, Share, Standing
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.words.printing import count

CARELESS = (
    "readers who miss more than a fifth of the test images, or name more than a fifth of the unreadable ones, "
    "make `reviewed_validity` marginal at best"
)


def sentence(standing: Standing, confidence: float) -> str:
    """Say the readers' findings, or why the review does not apply.

    ``46 of 50 corner cases show their class (at least 82 %), read by 1 person, on version X; of 20 rejected
    breaks 3 could be read; the reader named 10 of 10 test images and 0 of 10 unreadable ones``
    """
    if standing.outdated:
        return standing.outdated
    parts = [
        f"{_so_far(standing.read)}{_breaks(standing.breaks, confidence)}, read by {who(standing.readers)}, on version "
        f"{standing.version}"
    ]
    if standing.found_by:
        kinds = [f"{share} by {name}" for name, share in standing.found_by.items()]
        parts.append(f"of them {' and '.join(kinds)}")
    if standing.unread:
        parts.append("combinations have not been read")
    if standing.rejected.all:
        rejected = standing.rejected
        parts.append(f"of {count(rejected.all, 'rejected break')} {rejected.some} could be read")
    parts.append(checks(standing.readers, alone=len(standing.readers) == 1))
    if standing.agreement.all:
        parts.append(f"readers agree on {standing.agreement} images")
    return "; ".join(parts)


def _so_far(read: Share) -> str:
    """Say how many images are read, if they are not all."""
    are = "is" if read.some == 1 else "are"
    return f"{read} images {are} read so far: " if read.some < read.all else ""


def _breaks(breaks: Share, confidence: float) -> str:
    if not breaks.all:
        return "no accepted corner case among the images"
    least = proportion_bound(breaks.some, breaks.all, confidence, "lower")
    noun = "corner case shows its" if breaks.all == 1 else "corner cases show their"
    return f"{breaks} {noun} class (at least {percent(least)})"


def percent(share: float) -> str:
    """Say a lower bound, rounded down: ``82 %``."""
    return f"{math.floor(100 * share + 1e-9)} %"


def who(readers: Sequence[Reader]) -> str:
    """Say the numbers of persons and models: ``1 person and 2 models``."""
    kinds = Counter(reader.kind for reader in readers)
    persons = {0: "", 1: "1 person"}.get(kinds["person"], f"{kinds['person']} persons")
    models = count(kinds["model"], "model") if kinds["model"] else ""
    return " and ".join(filter(None, (persons, models)))


def checks(readers: Sequence[Reader], *, alone: bool) -> str:
    """Say readers' results on the checks, whose right answers are known; ``alone``: there is one reader in all."""
    names = ["the reader"] if alone else [reader.name for reader in readers]
    told = []
    for name, reader in zip(names, readers, strict=True):
        of = [f"{reader.tests} test images"] if reader.tests.all else []
        of += [f"{reader.unreadable} unreadable ones"] if reader.unreadable.all else []
        told.append(f"{name} named {' and '.join(of)}" if of else f"{name} read no checks")
    return "; ".join(told)


def marginal(standing: Standing) -> str:
    """Say why the readers make the metric marginal, with the rule; empty if they do not."""
    told = warning(standing)
    return f"{told}; {CARELESS}" if told else ""


def warning(standing: Standing) -> str:
    """Name a reader whose checks speak against the answers; empty if there is none."""
    careless = [reader for reader in standing.readers if not reader.reliable]
    alone = len(standing.readers) == 1
    return (
        f"{checks(careless[:1], alone=alone)}, which speaks against the answers" if careless else ""
    )


def doubts(standing: Standing) -> str:
    """Say why the result is not certain; empty if it is."""
    if told := warning(standing):
        return told
    return "" if standing.same else f"reviewed on version {standing.version}"
