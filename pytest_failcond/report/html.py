"""The run as HTML fragments for the pytest-html report. Every name goes through `escape`."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable, Iterable, Sequence
from html import escape

from pytest_failcond.errors import FailcondError
from pytest_failcond.gates import Check
from pytest_failcond.measurements import Replayed
from pytest_failcond.report import contents, corpus, wording
from pytest_failcond.report.contents import Cell, Grid
from pytest_failcond.report.wording import Status
from pytest_failcond.run import Run

# The system's page colours: readable whatever the page around it does, light or dark. The rules of
# pytest-html for its own table name its id and would win over a class without !important.
_STYLE = """<style>
.failcond { color: CanvasText; background: Canvas; padding: .1em .8em .6em; line-height: 1.45;
  font-family: system-ui, sans-serif; font-size: 13px; white-space: normal; }
.failcond h2 { color: inherit; font-size: 1.15em; margin: 1.2em 0 .3em; }
.failcond p { color: inherit; margin: .4em 0; }
.failcond .verdict { font-size: 1.15em; font-weight: 600; }
.failcond table { border-collapse: collapse; width: auto; margin: .3em 0 .6em; color: inherit; }
.failcond th, .failcond td { border: 0 !important; border-bottom: 1px solid #8885 !important;
  padding: .25em 1.2em .25em 0 !important; font-size: inherit; text-align: left;
  vertical-align: top; }
.failcond th { font-weight: 600; border-bottom: 1px solid currentColor !important; }
.failcond .number { text-align: right !important; font-variant-numeric: tabular-nums; white-space: nowrap; }
.failcond .sign { white-space: nowrap; }
.failcond .note { opacity: .75; }
.failcond img { display: block; max-width: 100%; height: auto; margin: .4em 0; border-radius: 4px; }
.failcond .pixels img { min-width: 9em; image-rendering: pixelated; }
.failcond .replayed { display: inline-block; width: 15em; margin-right: 1em; vertical-align: top; }
.failcond .failed, .failcond .error { color: #d33; font-weight: 600; }
.failcond .warned, .failcond .marginal { color: #a86a00; font-weight: 600; }
.failcond .passed { color: #2b8a4b; }
.failcond .failed, .failcond .error { color: color-mix(in srgb, CanvasText 25%, #e02b2b); }
.failcond .warned, .failcond .marginal { color: color-mix(in srgb, CanvasText 25%, #d98a00); }
.failcond .passed { color: color-mix(in srgb, CanvasText 25%, #1f9d4d); }
</style>
"""
_PASSED_SHOWN = 3
_PICTURED = 30  # lost images of the corpus in the summary; their tests show them all


def summary(run: Run, *, pictures: bool = True) -> str:
    """Return the top of the report: the verdict, gates, accuracy, directions."""
    line, status = contents.verdict_line(run)
    parts = [f'<p class="verdict {status or ""}">{escape(line)}</p>']
    parts.append(_unmeasured(run))
    parts.append(_gates(run))
    grid = contents.grid_of(run)
    if grid is not None:
        parts.append("<h2>Accuracy by corruption and severity</h2>")
        parts.append(_heat_map(run, grid) if pictures else _grid(grid))
        parts.append(
            f'<p class="note">{escape(f"{grid.summary(run)} · {wording.constants(run)}")}</p>'
        )
    elif (clean := contents.clean_of(run)) is not None:
        parts.append(f"<p>Clean accuracy {escape(_marked(clean)[0])}</p>")
    parts.append(_directions(run))
    parts.append(_corpus(run, pictures))
    return _fragment(parts)


def details(run: Run, key: str, *, pictures: bool = True) -> str:
    """Return what one test shows: its checks and, for a direction, its strip and its curve."""
    parts = [f'<p class="verdict">{escape(wording.key_text(run, key))}</p>']
    if why := contents.unmeasured(run).get(key):
        parts.append(f'<p class="error">{escape(wording.printable(why))}</p>')
    measured, direction = run.measurements.get(key), run.directions.get(key)
    if measured is not None:
        clean = run.measurements.get("clean")
        beside = "" if clean is None or key == "clean" else f", clean {clean.accuracy:.4f}"
        parts.append(f"<p>accuracy {measured.accuracy:.4f}{beside}, n {measured.total}</p>")
    checks = [check for check in run.checks if check.key == key]
    if checks:
        parts.append(_checks(run, checks))
        parts.append(f'<p class="note">{escape(wording.BOUNDS)}</p>')
    if direction is not None:
        parts.append(f"<p>{escape(wording.title(run, direction))}</p>")
        parts.append(_direction_table(run, [direction.key]))
        if direction.attributes:
            parts.append(f'<p class="note">{escape(wording.ATTRIBUTES)}</p>')
        if pictures:
            from pytest_failcond.report import figures

            named = escape(wording.title(run, direction))
            told = escape(f"breaks at {wording.breaks_at(direction)}, {wording.broken(direction)}")
            parts.append(_image(lambda: figures.strip(run, direction), f"Frames of {named}"))
            parts.append(_image(lambda: figures.degradation(run, direction),
                                f"Degradation curve of {named}: {told}"))  # fmt: skip
    for entry in () if run.corpus is None else run.corpus.entries:
        if key == f"corpus:{entry.id}":
            parts.append(_replayed(run, entry, pictures))
    if len(parts) == 1:
        parts.append("<p>was not measured</p>")
    return _fragment(parts)


def _fragment(parts: Iterable[str]) -> str:
    return f'<div class="failcond">{_STYLE}{"".join(parts)}</div>'


def _unmeasured(run: Run) -> str:
    rows = [
        [(wording.key_text(run, key), ""), (wording.printable(why), "error")]
        for key, why in contents.unmeasured(run).items()
    ]
    return f"<h2>Not measured</h2>{_table(['key', 'why'], rows)}" if rows else ""


def _gates(run: Run) -> str:
    """Gates failed first, then by margin; the many checks that pass are folded away."""
    if not run.gates:
        return ""
    checks = contents.by_need(run.checks)
    shown = [check for check in checks if wording.status_of(check) != "passed"]
    passed = [check for check in checks if wording.status_of(check) == "passed"]
    if len(passed) - _PASSED_SHOWN > 1:
        shown, folded = [*shown, *passed[:_PASSED_SHOWN]], passed[_PASSED_SHOWN:]
    else:
        shown, folded = [*shown, *passed], []
    parts = ["<h2>Gates: failed first, then the smallest margins</h2>", _checks(run, shown)]
    if folded:
        more = f"{len(folded)} more that passed, with wider margins"
        parts.append(f"<details><summary>{more}</summary>{_checks(run, folded)}</details>")
    parts.append(f'<p class="note">{escape(wording.BOUNDS)}</p>')
    return "".join(parts)


def _checks(run: Run, checks: Sequence[Check]) -> str:
    head = ["verdict", "gate", "metric", "key", "threshold", "value", "bound", "n", "why"]
    rows = []
    for check in checks:
        status = wording.status_of(check)
        level = " (warns only)" if check.level == "warn" else ""
        why = wording.short_reason(check)
        rows.append([
            (wording.label(status), f"sign {status}"),
            (wording.printable(check.gate) + level, ""),
            (check.metric, ""),
            (wording.check_text(run, check), ""),
            (wording.threshold(check), "number"),
            (wording.value(run, check), "number"),
            (wording.bound(run, check), "number"),
            (str(check.n or ""), "number"),
            ("; ".join(filter(None, [why, wording.note(check)])), ""),
        ])  # fmt: skip
    return _table(head, rows)


def _heat_map(run: Run, grid: Grid) -> str:
    from pytest_failcond.report import figures

    rows = [
        f"{wording.printable(name)} "
        + " ".join(_said(grid.cells.get((name, s))) for s in grid.severities)
        for name in grid.names
    ]
    severities = " ".join(map(str, grid.severities))
    clean = "" if grid.clean is None else f"clean {_said(grid.clean)}; "
    alt = f"Accuracy at severities {severities}: {clean}{'; '.join(rows)}"
    return _image(lambda: figures.heat_map(run), escape(alt))


def _grid(grid: Grid) -> str:
    judged = ["judge"] if grid.judged else []
    head = ["", "mean", *judged, *map(str, grid.severities)]
    rows = []
    if grid.clean is not None:
        judge = [(wording.accuracy(grid.clean.judge), "number")] if judged else []
        rows.append([("clean", ""), _marked(grid.clean), *judge])
    for name in grid.names:
        mean = (wording.accuracy(grid.mean(name)), "number")
        judge = [(wording.accuracy(grid.judge_mean(name)), "number")] if judged else []
        cells = [_marked(grid.cells.get((name, s))) for s in grid.severities]
        rows.append([(wording.printable(name), ""), mean, *judge, *cells])
    note = f'<p class="note">{escape(wording.JUDGE)}</p>' if judged else ""
    return _table(head, rows) + note


def _said(cell: Cell | None) -> str:
    if cell is None:
        return wording.NOTHING
    return "error" if cell.error else wording.accuracy(cell.accuracy)


def _marked(cell: Cell | None) -> tuple[str, str]:
    status: Status | None = None if cell is None else "error" if cell.error else cell.status
    sign = "" if status is None or status == "error" else f" {wording.SIGNS[status]}"
    return _said(cell) + sign, f"number {status or ''}"


def _directions(run: Run) -> str:
    keys = [direction.key for direction in contents.directions_of(run)]
    parts = []
    if keys:
        parts.append(_direction_table(run, keys))
        parts.append(f'<p class="note">{escape(wording.DIRECTIONS)}</p>')
        if line := wording.what_breaks(run):
            parts.append(f"<p>{escape(line)}</p>")
    for entry in contents.passed_over(run):
        parts.append(f'<p class="note">{escape(wording.passed_over(run, *entry))}</p>')
    if not parts:
        return ""
    return f"<h2>Directions along which a class is lost fastest</h2>{''.join(parts)}"


def _corpus(run: Run, pictures: bool) -> str:
    line = corpus.summary(run)
    if not line:
        return ""
    parts = [f"<h2>Corpus</h2><p>{escape(line)}</p>"]
    if advice := corpus.advice(run):
        parts.append(f'<p class="note">{escape(advice)}</p>')
    for entry in contents.lost(run)[:_PICTURED]:
        shown = f"<p>{escape(corpus.title(entry))}</p>{_replayed(run, entry, pictures)}"
        parts.append(f'<div class="replayed">{shown}</div>')
    return "".join(parts)


def _replayed(run: Run, entry: Replayed, pictures: bool) -> str:
    """What was seen in an image of the corpus and, where it was lost, the image."""
    said = corpus.told(run, entry)
    text = f'<p class="{"failed" if entry.lost else ""}">{escape(said)}</p>'
    picture = run.picture(entry.picture) if pictures and entry.picture else None
    if picture is None:
        return text
    shown = _image(lambda: picture, escape(f"{corpus.title(entry)}: {said}"))
    return f'{text}<div class="pixels">{shown}</div>'


def _direction_table(run: Run, keys: Sequence[str]) -> str:
    head = ["class", "#", "direction", "breaks at", "valid to", "broken", "start p", "what changes"]
    statuses = contents.status_by_key(run)
    rows = []
    for direction in (run.directions[key] for key in keys):
        status = statuses.get(direction.key)
        sign = "" if status is None else f" {wording.SIGNS[status]}"
        rows.append([
            (wording.class_name(run, direction.class_index), ""),
            (str(direction.rank or wording.NOTHING), ""),
            (wording.dimension(direction), ""),
            (wording.breaks_at(direction) + sign, f"number {status or ''}"),
            (wording.valid_to(direction), "number"),
            (wording.broken(direction), "number"),
            (wording.share(direction.curve.mean_p[0]), "number"),
            (wording.attributes(direction), ""),
        ])  # fmt: skip
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    """Lay out cells of text and CSS classes; a column of numbers has its head on the right."""
    numbers = {i for row in rows for i, (_, kind) in enumerate(row) if "number" in kind}
    titles = "".join(
        f'<th class="{"number" if i in numbers else ""}">{escape(text)}</th>'
        for i, text in enumerate(head)
    )
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _image(draw: Callable[[], bytes], alt: str) -> str:
    """Embed a picture, its ``alt`` escaped already; say why where it cannot be drawn."""
    try:
        with warnings.catch_warnings():
            # A library's deprecation must not end a session that runs with -W error.
            warnings.simplefilter("ignore")
            data = base64.b64encode(draw()).decode("ascii")
    except FailcondError as error:
        return f'<p class="note">{escape(str(error))}</p>'
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
