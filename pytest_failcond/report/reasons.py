"""Why a run is red: what failed, what could not be measured, what of the corpus was lost."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from pytest_failcond.probes.corpus import view as corpus
from pytest_failcond.report import contents, need, wording
from pytest_failcond.report.wording import Status
from pytest_failcond.runs.run import Run


class Reason(NamedTuple):
    """One reason.

    Attributes:
        status: the verdict of a check.
        gate: whose check it is; empty where no gate is about it.
        where: what it is about.
        threshold: what the gate demands.
        why: what was found.
    """

    status: Status
    gate: str
    where: str
    threshold: str
    why: str


def reasons(run: Run, *, brief: bool = False) -> tuple[list[Reason], Counter[str]]:
    """Return the reasons, the most certain first, and how many of which gate are left out.

    Args:
        run: what is told of.
        brief: whether the numbers of images are left out.
    """
    failing, left_out = need.few_classes(need.failures(run))
    found = [
        Reason(wording.status_of(check), check.gate, wording.check_text(run, check),
               wording.threshold(check), wording.reason(run, check, brief=brief))
        for check in failing
    ]  # fmt: skip
    for missing, why in contents.unmeasured(run).items():
        found.append(Reason("error", "", wording.key_text(run, missing), "", why))
    for entry in contents.lost(run):
        told = corpus.told(run, entry)
        found.append(Reason("failed", "corpus", corpus.title(entry), "", told))
    return found, left_out


def told_once(found: list[Reason]) -> list[Reason]:
    """Return the same, with an error of one cause referring to the first."""
    whys = need.told_once((reason.status == "error", reason.why) for reason in found)
    return [reason._replace(why=why) for reason, why in zip(found, whys, strict=True)]
