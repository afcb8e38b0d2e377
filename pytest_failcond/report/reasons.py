"""The reasons of a failed run: failed checks, keys that could not be measured, faults beside
the gates.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report import contents, need, wording
from pytest_failcond.report.asking import outcomes
from pytest_failcond.report.wording import Status


class Reason(NamedTuple):
    """One reason.

    Attributes:
        status: the verdict of a check.
        gate: the gate of the check; empty without one.
        where: its subject.
        threshold: the gate's demand.
        why: the finding.
        others: the subjects of further checks of the gate with the same error.
        kind: of a key that no gate asks for.
    """

    status: Status
    gate: str
    where: str
    threshold: str
    why: str
    others: tuple[str, ...] = ()
    kind: str = ""

    @property
    def subjects(self) -> str:
        """All subjects."""
        return ", ".join([self.where, *self.others])

    @property
    def first_subject(self) -> str:
        """The first subject, and the number of the others."""
        return f"{self.where} and {len(self.others)} more" if self.others else self.where


def reasons(run: Shown, *, brief: bool = False) -> tuple[list[Reason], Counter[str]]:
    """Return the reasons, the most certain first, and the number left out, by gate.

    Args:
        run: the run.
        brief: whether the numbers of images are left out.
    """
    failing, left_out = need.few_classes(need.failures(run))
    found = [
        Reason(wording.status_of(check), check.gate, wording.check_text(run, check),
               wording.threshold(check), wording.reason(run, check, brief=brief))
        for check in failing
    ]  # fmt: skip
    for missing, why in contents.unmeasured(run).items():
        where, kind = wording.key_text(run, missing), PROBES.read_key(missing).kind
        found.append(Reason("error", "", where, "", why, kind=kind))
    for name, outcome in outcomes(run).items():
        status: Status = "failed" if outcome.verdict == "failed" else "error"
        found += [Reason(status, name, fault.where, "", fault.why) for fault in outcome.faults]
    return found, left_out


def told_once(found: list[Reason]) -> list[Reason]:
    """Return the reasons; of repeated errors of one cause, those of another gate refer to the first, and
    keys that no gate asks for are left out.
    """
    whys = need.told_once((reason.status == "error", reason.why) for reason in found)
    told = zip(found, whys, strict=True)
    return [reason._replace(why=why) for reason, why in told if reason.gate or why == reason.why]


def merged(found: list[Reason]) -> list[Reason]:
    """Return the reasons, with a gate's errors of one cause in one."""
    rows: dict[object, Reason] = {}
    for number, reason in enumerate(found):
        is_error = reason.gate and reason.status == "error"
        row = rows.setdefault((reason.gate, reason.why) if is_error else number, reason)
        if row is not reason:
            others = (*row.others, reason.where)
            rows[reason.gate, reason.why] = row._replace(others=others)
    return list(rows.values())
