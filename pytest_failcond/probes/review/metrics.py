"""The metric of the review. Pure."""

from __future__ import annotations

from pytest_failcond.errors import NotEvaluated
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.review.standing import command
from pytest_failcond.review.wording import doubts
from pytest_failcond.verdicts.metrics import Case, Value, share


def reviewed_validity(case: Case) -> Value:
    """Return the share of accepted corner cases that more than half of their readers named rightly.

    Raises:
        NotEvaluated: the review does not apply to the present subjects, or has no accepted corner case.
    """
    found: Reviewed = case.measure(case.key)
    standing = found.standing
    if standing.outdated:
        raise NotEvaluated(standing.outdated)
    if not standing.breaks.all:
        raise NotEvaluated(
            f"the answers have no corner case that is accepted now; read more with {command(case.settings.given)}"
        )
    return share(standing.breaks.some, standing.breaks.all, untested=doubts(standing))
