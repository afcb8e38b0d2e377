"""The content of reports and its order; the words are in `wording`, the looks elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pytest_failcond.probes.keys import (
    CornerCaseKey,
    Key,
    RankingKey,
)
from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.asking import outcomes
from pytest_failcond.report.wording import GRAVITY, LABELS, Status, count, status_of
from pytest_failcond.verdicts.gates import Check
from pytest_failcond.words.drawings import Shade
from pytest_failcond.words.printing import printable

MOST_CLASSES = 10
"""The number of classes listed one by one if there are more: the worst."""


def gravest(statuses: Iterable[Status]) -> Status | None:
    """Return the gravest of some verdicts, None for none."""
    return max(statuses, key=GRAVITY.index, default=None)


def status_of_key(run: Shown, key: str) -> Status | None:
    """Return the gravest verdict of a key, except those against a baseline; None for none."""
    checks = run.checks_by_key.get(key, ())
    return gravest(status_of(check) for check in checks if not check.against_baseline)


def shade_of(run: Shown, key: Key) -> Shade | None:
    """Return the accuracy of a key, with the gravest verdict on it; None if it was not
    requested.
    """
    if key not in run.records and key not in run.errors:
        return None
    measured = run.records.get(key)
    share = None if measured is None or not measured.total else measured.accuracy
    return Shade(share, status_of_key(run, key))


def _of_keys_alone(run: Shown) -> list[Check]:
    return [check for check in run.checks if not check.against_baseline]


def unmeasured(run: Shown) -> dict[str, str]:
    """Return the keys that could not be measured and that no check reports, with the reason."""
    told = {check.key for check in run.checks if check.verdict == "error"}
    # The checks of its corner cases report a class that could not be ranked.
    told |= {RankingKey(key.class_index) for key in told if isinstance(key, CornerCaseKey)}
    return {key: text for key, text in run.errors.items() if key not in told}


def remarks(run: Shown) -> list[str]:
    """Return the remarks that are not among the errors or in the verdict line, a sentence each."""
    found = [
        r.text for r in run.remarks if r.what != "absent" and r.text != run.errors.get(r.model)
    ]
    return [*(remark for outcome in outcomes(run).values() for remark in outcome.remarks), *found]


def run_status(run: Shown) -> Status | None:
    """Return the verdict of the whole run; None if nothing was gated and nothing went wrong."""
    found = {status_of(check) for check in run.checks}
    beside = {outcome.verdict for outcome in outcomes(run).values()}
    if "failed" in found | beside:
        return "failed"
    if "error" in found | beside or run.errors:
        return "error"
    if not found:
        return "passed" if "passed" in beside else None
    if run.strict and any(_is_doubtful(check) for check in run.checks):
        return "failed"
    return "not_evaluated" if found == {"not_evaluated"} else "passed"


def _is_doubtful(check: Check) -> bool:
    """Whether a check fails its test under ``--failcond-strict`` alone."""
    return check.level == "fail" and status_of(check) in ("marginal", "not_evaluated")


def is_red(run: Shown) -> bool:
    """Whether a run fails: a check does, or a key could not be measured."""
    return run_status(run) in ("failed", "error")


def verdict_line(run: Shown) -> tuple[str, Status | None]:
    """Return the closing line, such as ``verdict: passed · 36 checks of 2 gates: 1 marginal``, and its verdict."""
    status = run_status(run)
    if run.part is not None:
        part = "part {} of {}: measured; `failcond merge` judges the joined parts".format(*run.part)
        return (
            (f"{part}; {count(len(run.errors), 'key')} not measured", "error")
            if (run.errors)
            else (part, None)
        )
    counts = Counter(status_of(check) for check in run.checks)
    told = ("passed", "not_evaluated")
    aside = ", ".join(
        f"{counts[s]} {LABELS[s]}" for s in reversed(GRAVITY) if counts[s] and s not in told
    )
    found = outcomes(run).values()
    asides = [outcome.aside for outcome in found if outcome.aside]
    idle = [*asides, *_not_evaluated(run), *_not_compared(run), *_not_run(run)]
    beside = any(outcome.verdict == "failed" for outcome in found)
    strictly = status == "failed" and not counts["failed"] and not beside
    failed = " under --failcond-strict" if strictly else ""
    line = (
        LABELS[status] + failed
        if status is not None
        else "none"
        if _not_run(run)
        else "nothing is gated"
    )
    parts = ["; ".join([f"verdict: {line}", *idle])]
    if run.checks:
        checks = f"{count(len(run.checks), 'check')} of {count(len(run.gates), 'gate')}"
        parts.append(f"{checks}: {aside}" if aside else checks)
    parts += [outcome.count for outcome in found if outcome.count]
    if missing := unmeasured(run):
        parts.append(f"{count(len(missing), 'key')} not measured")
    return " · ".join(parts), status


def _waits(run: Shown, check: Check) -> bool:
    """Whether a check was not evaluated for want of another run."""
    return status_of(check) == "not_evaluated" and check.reason not in run.withheld.values()


def _not_evaluated(run: Shown) -> list[str]:
    """Count the gates that were not evaluated, with the reason:
    ``3 gates not evaluated: no baseline at …``.
    """
    reasons: Counter[str] = Counter()
    for gate in run.gates:
        reasons.update({c.reason for c in gate.checks if _waits(run, c)})
    return [
        f"{count(gates, 'gate')} not evaluated: "
        + printable(reason.partition("; ")[0].removeprefix("there is "))
        for reason, gates in reasons.items()
    ]


def _not_compared(run: Shown) -> list[str]:
    """Name a missing baseline or reference that no gate reports."""
    told = any(_waits(run, check) for check in run.checks)
    absent = [r for r in run.remarks if r.what == "absent" and not (told and r.model == "baseline")]
    return [f"not compared: {printable(remark.text)}" for remark in absent]


def _not_run(run: Shown) -> list[str]:
    """Name the gates without a check, because tests were left out of the session."""
    made = {gate.id: len(gate.checks) for gate in run.gates}
    wanted = run.demanded
    gates = sum(gate not in made for gate in wanted)
    checks = sum(max(0, wanted[gate] - made[gate]) for gate in wanted if gate in made)
    parts = [count(gates, "gate")] if gates else []
    parts += [count(checks, "check")] if checks else []
    return [f"{' and '.join(parts)} not run"] if parts else []


def several_gates(run: Shown) -> bool:
    """Whether more than one gate checks the same key, so that its sign is the gravest of
    several.
    """
    pairs = {(check.key, check.gate) for check in _of_keys_alone(run)}
    return len(pairs) > len({key for key, _ in pairs})
