"""The words, signs and number formats that all renderers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pytest_failcond.probes.keys import CombinationKey, DirectionKey, RankingKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.verdicts.gates import Check, GateResult, amount, unit
from pytest_failcond.words.printing import count as count
from pytest_failcond.words.printing import plural, printable

Status = Literal["passed", "marginal", "not_evaluated", "waived", "warned", "failed", "error"]
"""A verdict as it counts: a waived or warning failure does not count as failed."""

GRAVITY: tuple[Status, ...] = (
    "not_evaluated",
    "passed",
    "marginal",
    "waived",
    "warned",
    "error",
    "failed",
)
LABELS: dict[Status, str] = {status: status.replace("_", " ") for status in GRAVITY}
SIGNS: Mapping[str, str] = {
    "passed": "✓",
    "not_evaluated": "–",
    "marginal": "~",
    "waived": "○",
    "warned": "!",
    "error": "?",
    "failed": "✗",
}
NOTHING = "–"
BOUNDS = (
    "Bound: how bad (of a value that holds) or how good (of one that fails) the metric may be, at "
    "the configured confidence, on new images of the same kind. On these images themselves, the value is exact."
)
MARGIN = (
    "Margin: from value to threshold, in widths of sampling noise (from value to bound); under 1 × "
    "is marginal, under 0 fails."
)
WITHIN = (
    "A failure within sampling noise: the value crosses the threshold, though chance alone could "
    "explain it."
)
GRAVEST = "  (of several gates, the gravest)"
READABLE = (
    "readable: the mean share of the same images, or of 2,000 of them, that the judges accept"
)
_MOST_NAMES = 12  # in a sentence
_MOST_WIDTHS = 10_000  # widths of sampling noise; a larger margin is shown without them


def status_of(check: Check) -> Status:
    """Return the verdict of a check as it counts."""
    if check.waived is not None:
        return "waived"
    if check.verdict == "failed" and check.level == "warn":
        return "warned"
    return check.verdict


def label(status: Status) -> str:
    """Return sign and word of a verdict."""
    return f"{SIGNS[status]} {LABELS[status]}"


def sign(status: str | None) -> str:
    """Return the sign of a verdict; nothing for none."""
    return "" if status is None else SIGNS[status]


def gate_title(gate: GateResult) -> str:
    """Return the demand of a gate, and whether it only warns."""
    text = f"{gate.metric} {threshold(gate.checks[0])}" if gate.checks else gate.metric
    return f"{text} (warns only)" if gate.level == "warn" else text


def accuracy(value: float | None, digits: int = 4) -> str:
    """Format an accuracy, or a dash."""
    return NOTHING if value is None else f"{value:z.{digits}f}"


def share(value: float) -> str:
    """Format a share or a probability."""
    return f"{value:z.2f}"


def sigma(shift: float) -> str:
    """Format a shift."""
    return f"{shift:z.1f} σ"


def threshold(check: Check) -> str:
    """Return the demand of a gate."""
    where = ""
    if check.at is not None:
        rows = PROBES.metric(check.metric).unit == "severity"
        where = f" at accuracy {check.at:g}" if rows else f" at {sigma(check.at)}"
    return f"{'≥' if check.keeps_above else '≤'} {check.threshold:zg}{unit(check.metric)}{where}"


def value(run: Shown, check: Check) -> str:
    """Return the value of a check; a breaking shift that was not found is beyond the tested
    range.
    """
    return _amount_or_beyond(run, check, check.value)


def bound(run: Shown, check: Check) -> str:
    """Return the bound of a check; a dash if nothing was measured."""
    return _amount_or_beyond(run, check, check.bound)


def _amount_or_beyond(run: Shown, check: Check, number: float | None) -> str:
    if number is not None:
        return amount(check.metric, number)
    if check.verdict in ("error", "not_evaluated"):
        return NOTHING
    if PROBES.metric(check.metric).unit == "severity":
        return f"> {max(_severities(run, check))}"
    if not PROBES.metric(check.metric).in_sigma:
        return NOTHING
    tested = getattr(run.records.get(check.key), "tested_to", None)
    return "beyond" if tested is None else f"> {sigma(tested)}"


def _severities(run: Shown, check: Check) -> Sequence[int]:
    """Return the severities of a check: the gate's, else those of the grid."""
    gates = run.settings.get("gates") or ()
    selected = [g.get("severities") for g in gates if g.get("id") == check.gate]
    grid = run.settings.get("corruptions") or {}
    return (selected[0] if selected else None) or grid.get("severities") or (5,)


def clearance(check: Check) -> float:
    """Return the distance of a value from its threshold, in widths of its sampling noise.

    A width is from the value to its bound, on the side of the threshold. Infinite if there is none.
    """
    if check.value is None or check.bound is None or check.margin is None:
        return float("inf")
    return check.margin / max(abs(check.value - check.bound), 1e-9)


def margin(check: Check) -> str:
    """Return the same as text: ``1.2 ×``; a dash if it is not known."""
    widths = clearance(check)
    if abs(widths) > _MOST_WIDTHS or check.value == check.bound:
        return NOTHING
    return f"{widths:z.{0 if abs(widths) >= 100 else 1}f} ×".replace("-", "−")


def reason(run: Shown, check: Check, *, brief: bool = False) -> str:
    """Return in one line the case against a check, with its numbers; if brief, without n."""
    text = printable(check.reason)
    if check.verdict == "failed":
        text = f"{PROBES.metric(check.metric).noun} {text}"
    if check.verdict == "failed" and check.bound is not None:
        text += f" (bound {bound(run, check)}{'' if brief else f', n {check.n}'})"
    return text


def short_reason(check: Check) -> str:
    """Return the case against a check whose numbers are shown beside it."""
    if check.verdict == "error":
        return printable(check.reason)
    if check.verdict != "failed":
        return ""
    noise = "beyond" if check.certain else "within"
    # The part after the comparison, such as an expired waiver, stays.
    _, _, rest = check.reason.partition("; ")
    return "; ".join(filter(None, [f"{noise} sampling noise", printable(rest)]))


def class_name(run: Shown, index: int) -> str:
    """Return the name of a class, or its index if it has none."""
    return printable(run.classes[index]) if 0 <= index < len(run.classes) else str(index)


def class_names(run: Shown, indices: Iterable[int]) -> str:
    """Name classes: ``0, 3 and 8``; those beyond a dozen are counted."""
    return listed([class_name(run, index) for index in indices])


def listed(names: Sequence[str]) -> str:
    """``0, 3 and 8``; those beyond a dozen are counted."""
    if len(names) > _MOST_NAMES:
        names = [*names[: _MOST_NAMES - 1], f"{len(names) - _MOST_NAMES + 1} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def key_text(run: Shown, key: str) -> str:
    """Name a key, with its classes if the key has only their indices."""
    text, parsed = printable(key), PROBES.named(key)
    if not isinstance(parsed, DirectionKey | RankingKey | CombinationKey):
        return text
    toward = parsed.toward if isinstance(parsed, CombinationKey) else None
    indices = [index for index in (parsed.class_index, toward) if index is not None]
    names = [class_name(run, index) for index in indices]
    return text if names == list(map(str, indices)) else f"{text} (class {' → '.join(names)})"


def check_text(run: Shown, check: Check) -> str:
    """Name the subject of a check: its key, and its class if it has one."""
    text = key_text(run, check.key)
    if check.class_index is None:
        return text
    return f"{text}, class {class_name(run, check.class_index)}"


def short_check_text(run: Shown, check: Check) -> str:
    """Name the same in less room: name and severity identify a cell."""
    return check_text(run, check).replace(printable(check.key), printable(check.key.short), 1)


def note(check: Check) -> str:
    """Return remarks on a check that does not fail: the reason of a marginal one, its waiver."""
    if check.waived is not None:
        return f"expected to fail: {printable(check.waived)}"
    return "" if check.verdict in ("failed", "error") else printable(check.reason)


def origin(of: Mapping[str, Any]) -> str:
    """Return date and commit of a run."""
    parts = []
    if of.get("commit"):
        parts.append(f"commit {of['commit'][:7]}{'+' if of.get('dirty') else ''}")
    if of.get("date"):
        parts.append(str(of["date"])[:10])
    return ", ".join(parts)


def subject(run: Shown) -> str:
    """Return model, date and commit of a run."""
    model = run.settings.get("classifier") or "the classifier of conftest.py"
    made = origin(run.environment)
    return printable(f"{model}, {made}" if made else str(model))


def no_change(numbers: Sequence[int]) -> str:
    """Say that no change of images stands out, as far as these numbers of start images, of each row, can tell."""
    least, most = min(numbers), max(numbers)
    few = str(most) if least == most else f"{least} to {most}"
    return (
        f"What changes: no change stands out from chance in {few} {plural(most, 'start image')} of a class; more "
        "`samples` may show one."
    )
