"""The corpus, tried on other draws of its images. Pure."""

from __future__ import annotations

from dataclasses import replace

from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.trials import Trial, rights, shares


def corpus_accuracy(case: Case) -> Trial:
    """The corpus has its own images."""
    return replace(shares(case, case.key, rights(case, [case.key]), [1], [-1]), images="corpus")
