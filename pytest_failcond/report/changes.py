"""What of a comparison with a baseline is shown, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_failcond.compare import Comparison, DirectionComparison, KeyComparison
from pytest_failcond.report import wording
from pytest_failcond.report.wording import count, printable, sigma
from pytest_failcond.run import Run

HEAD = ("", "lost", "gained", "drop", "bound", "p (Holm)")
DIRECTIONS_HEAD = ("", "broke at", "breaks at", "broken then", "now")
_SHOWN = 8
_DIRECTIONS = 12
_LEVEL = 0.05
NOTE = (
    "lost: right in the baseline, wrong now; bound: of the drop, one-sided; p: McNemar's, of no "
    "difference, adjusted for the number of keys; it gates nothing."
)


def headline(comparison: Comparison) -> str:
    """Say with what the run is compared, and whether the model is another one."""
    model = {True: "the same model", False: "another model", None: "models without a hash"}
    then = origin(comparison.then)
    return (
        f"{printable(comparison.baseline)}{f' ({then})' if then else ''}: "
        + (model[comparison.same_model])
    )


def origin(of: dict[str, Any]) -> str:
    """Say when, and at which commit, a run was made."""
    parts = []
    if of.get("commit"):
        parts.append(f"commit {of['commit'][:7]}{'+' if of.get('dirty') else ''}")
    if of.get("date"):
        parts.append(str(of["date"])[:10])
    return ", ".join(parts)


def summary(comparison: Comparison) -> str:
    """Count what was lost and gained over all keys."""
    keys = [entry for entry in comparison.keys if not entry.inputs_changed]
    if not comparison.keys:
        return "test images were not measured in both"
    if not keys:
        return "no key of both was measured on the same pixels"
    lost, gained = (sum(getattr(e, name) for e in keys) for name in ("lost", "gained"))
    images = keys[0].right + keys[0].lost + keys[0].gained + keys[0].wrong
    mean = sum(entry.drop for entry in keys) / len(keys)
    return (
        f"over {count(len(keys), 'key')} of {count(images, 'image')}: {lost} predictions lost, "
        f"{gained} gained, mean drop {mean:.4f}"
    )


def shown(
    comparison: Comparison, *, every: bool = False
) -> tuple[list[KeyComparison], list[KeyComparison]]:
    """Split the keys into those shown and the rest, the largest losses and gains first.

    Keys that differ beyond chance are all shown.
    """
    keys = [entry for entry in comparison.keys if not entry.inputs_changed]
    keys.sort(key=lambda entry: (entry.p_holm >= _LEVEL, -abs(entry.drop)))
    if every:
        return keys, []
    wanted = max(_SHOWN, sum(entry.p_holm < _LEVEL for entry in keys))
    return (keys, []) if len(keys) <= wanted + 1 else (keys[:wanted], keys[wanted:])


def shown_directions(
    comparison: Comparison, *, every: bool
) -> tuple[list[DirectionComparison], int]:
    """Return the directions whose broken share changed most, and how many there are beside them."""
    found = sorted(
        comparison.directions, key=lambda e: (-abs(e.broken_share - e.broken_share_then), e.key)
    )
    shown = found if every else found[:_DIRECTIONS]
    return shown, len(found) - len(shown)


def row(run: Run, entry: KeyComparison) -> list[str]:
    """Return the cells of a key, as in `HEAD`."""
    return [
        wording.key_text(run, entry.key),
        str(entry.lost),
        str(entry.gained),
        f"{entry.drop:.4f}",
        f"{entry.bound:.4f}",
        f"{entry.p_holm:.2g}" if entry.p_holm else "< 1e-300",
    ]


def direction_row(run: Run, entry: DirectionComparison) -> list[str]:
    """Return the cells of a direction, as in `DIRECTIONS_HEAD`."""
    return [
        wording.key_text(run, entry.key),
        _breaks(entry.breaking_shift_then, entry.tested_to_then),
        _breaks(entry.breaking_shift, entry.tested_to),
        wording.share(entry.broken_share_then),
        wording.share(entry.broken_share),
    ]


def _breaks(shift: float | None, tested: float) -> str:
    return f"> {sigma(tested)}" if shift is None or shift > tested else sigma(shift)


def remarks(comparison: Comparison, rest: Sequence[KeyComparison]) -> list[str]:
    """Say what is not in the tables, and why."""
    said = []
    if rest:
        most = max(abs(entry.drop) for entry in rest)
        said.append(
            f"{count(len(rest), 'more key')}, none different beyond chance, by {most:.4f} at most"
        )
    if changed := [printable(entry.key) for entry in comparison.keys if entry.inputs_changed]:
        said.append(f"inputs changed, not only the model, so not compared: {', '.join(changed)}")
    if comparison.only_then:
        few = [printable(key) for key in comparison.only_then[:4]]
        more = len(comparison.only_then) - len(few)
        said.append(
            f"not measured again: {', '.join(few)}{f' and {more} more' if more > 0 else ''}"
        )
    for what in ("lost", "gained"):
        if ids := getattr(comparison, f"corpus_{what}"):
            named, more = ", ".join(map(printable, ids[:8])), len(ids) - 8
            said.append(f"corpus, {what}: {named}{f' and {more} more' if more > 0 else ''}")
    if comparison.remark:
        said.append(comparison.remark)
    return said
