"""The quality of judges as Markdown tables."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_failcond.corruptions.names import SEVERITIES
from pytest_failcond.training.judges.bench import Count
from pytest_failcond.training.judges.negatives import OF_ACCEPTORS, OF_GUIDES
from pytest_failcond.training.judges.quality import JudgeQuality
from pytest_failcond.training.tables import table


def render(quality: JudgeQuality) -> str:
    """Return the report as Markdown tables."""
    texts = [_kind_table(quality)]
    acceptors = quality.kinds["acceptor"]
    header = ["acceptors put the class first / accept it, by severity", *map(str, SEVERITIES)]
    rows = [
        [name, *(f"{_two(a)} / {_two(b)}" for a, b in zip(first, accepted, strict=True))]
        for (name, first), accepted in zip(
            acceptors.corrupted_first.items(), acceptors.corrupted_accepted.values(), strict=True
        )
    ]
    texts.append(table([header, *rows]))
    kinds = [f"by {kind}s" for kind in quality.kinds]
    changes = {
        name: [f"{of.changes_accepted[name].share:.3f}" for of in quality.kinds.values()]
        for name in acceptors.changes_accepted
    }
    texts.append(table([["readable changes accepted", *kinds], *_rows(changes)]))
    taught = {"acceptor": OF_ACCEPTORS, "guide": OF_GUIDES}
    families = {
        name: [
            f"{of.caught[name].share:.3f}"
            + (" *" if name in {f.__name__ for f in taught[kind]} else "  ")
            for kind, of in quality.kinds.items()
        ]
        for name in acceptors.caught
    }
    texts.append(table([["negatives caught (* learned from)", *kinds], *_rows(families)]))
    return "\n\n".join(texts) + "\n"


def _kind_table(quality: JudgeQuality) -> str:
    first = next(iter(quality.kinds.values()))
    title = f"{first.clean_accepted.total:,} held-out images, accepted at p ≥ {quality.least_p:g}"
    rows = {"": [title, *(f"{kind}s" for kind in quality.kinds)]}
    bound = f"clean: not accepted, at most ({quality.confidence:.0%} confidence)"
    for kind in quality.kinds.values():
        cells = {
            "clean: every judge puts the class first": f"{kind.clean_first.share:.4f}",
            "clean: accepted": f"{kind.clean_accepted.share:.4f}",
            bound: f"{kind.rejected_at_most:.4f}",
            "clean: accepted as another class": f"{kind.accepted_wrongly.share:.4f}",
            "readable variants: accepted": f"{kind.variants_accepted.share:.4f}",
            "calibration error of each judge": ", ".join(
                f"{value:.3f}" for value in kind.calibration.values()
            ),
        }
        for text, cell in cells.items():
            rows.setdefault(text, [text]).append(cell)
    return table(list(rows.values()))


def _rows(cells: Mapping[str, list[str]]) -> list[list[str]]:
    return [[name, *row] for name, row in cells.items()]


def _two(count: Count) -> str:
    return f"{count.share:.2f}".removeprefix("0") if count.share < 1 else "1.0"
