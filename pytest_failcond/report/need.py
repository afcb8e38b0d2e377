"""Checks and gates in the order in which they need a look: failures first, then the least
margin.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from pytest_failcond.probes.shown import Shown
from pytest_failcond.report.contents import MOST_CLASSES
from pytest_failcond.report.wording import GRAVITY, LABELS, clearance, note, status_of
from pytest_failcond.verdicts.gates import WITHIN_NOISE, Check, GateResult
from pytest_failcond.words.printing import printable


def failures(run: Shown) -> list[Check]:
    """Return the checks against the classifier, most certain first, warnings last."""

    def order(check: Check) -> tuple[int, float]:
        return (
            3 if status_of(check) == "warned" else 1 if check.verdict == "error" else
            0 if check.certain else 2,
            0.0 if check.bound is None else clearance(check),
        )  # fmt: skip

    return sorted(
        (c for c in run.checks if status_of(c) in ("failed", "error", "warned")), key=order
    )


def told_once(reasons: Iterable[tuple[bool, str]]) -> Iterator[str]:
    """Return reasons in their order; repeated errors of one cause refer to the first.

    Args:
        reasons: each with whether it is an error: two values that cross a threshold are two reasons.
    """
    told = set()
    for is_error, why in reasons:
        yield "see above" if is_error and why in told else why
        told.add(why)


def by_need(checks: Iterable[Check]) -> list[Check]:
    """Sort checks gravest first, then by margin, in widths of their sampling noise."""
    return sorted(checks, key=_need)


def neediest(checks: Iterable[Check]) -> Check:
    """Return the first check in that order, without sorting the others: a gate may have thousands."""
    return min(checks, key=_need)


def _need(check: Check) -> tuple[int, float]:
    return -GRAVITY.index(status_of(check)), clearance(check)


def few_classes(checks: Iterable[Check]) -> tuple[list[Check], Counter[str]]:
    """Keep the worst ten of each gate's checks by class; return the number of the others, by
    gate.
    """
    listed = list(checks)
    by_gate: dict[str, list[Check]] = {}
    for check in listed:
        if check.class_index is not None:
            by_gate.setdefault(check.gate, []).append(check)
    more: Counter[str] = Counter()
    kept: set[int] = set()
    for gate, of_classes in by_gate.items():
        kept |= set(map(id, heapq.nsmallest(MOST_CLASSES, of_classes, key=_need)))
        if len(of_classes) > MOST_CLASSES:
            more[gate] = len(of_classes) - MOST_CLASSES
    return [c for c in listed if c.class_index is None or id(c) in kept], more


def and_more(more: Mapping[str, int]) -> str:
    """Count the checks left out, by gate: ``… and 990 more of gate 'cells'``; or nothing."""
    return "; ".join(f"… and {n:,} more of gate {printable(gate)!r}" for gate, n in more.items())


def gates_by_need(run: Shown) -> list[GateResult]:
    """Sort gates by the first check of each in that order."""
    gates = (gate for gate in run.gates if gate.checks)
    return sorted(gates, key=lambda gate: _need(neediest(gate.checks)))


def asides(gate: GateResult) -> list[str]:
    """Add to one check of a gate: the verdicts of the others, waivers, and untested parts.

    ``2 failed, 10 passed``; ``expected to fail: see the roadmap``
    """
    mixed = len(set(map(status_of, gate.checks))) > 1
    notes = dict.fromkeys(note(check) for check in gate.checks if _is_own(check))
    idle = {c.reason: c for c in gate.checks if status_of(c) == "not_evaluated"}
    for check in list(idle.values())[:1]:  # the first reason, without its remedy
        more = f" (and {len(idle) - 1} more like it)" if len(idle) > 1 else ""
        notes[f"{note(check).partition('; ')[0]}{more}"] = None
    return [*([together(gate.checks)] if mixed else []), *filter(None, notes)]


def _is_own(check: Check) -> bool:
    """Whether a check has a note that is not that of many others."""
    return check.reason != WITHIN_NOISE and status_of(check) != "not_evaluated"


def together(checks: Iterable[Check]) -> str:
    """Count checks by verdict: ``18 passed, 2 not evaluated``."""
    counts = Counter(map(status_of, checks))
    return ", ".join(f"{counts[s]} {LABELS[s]}" for s in reversed(GRAVITY) if counts[s])
