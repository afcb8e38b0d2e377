"""All about one key, as blocks: for a failed test, and an article of the page."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_failcond.probes.keys import CleanKey, Key
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.shown import Shown
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import contents, gates, need, wording
from pytest_failcond.report.asking import details_of
from pytest_failcond.words.blocks import Block, Note


def blocks(run: Shown, key: Key) -> list[Block]:
    """Describe a key: its numbers, its checks, and all that the probes know of it."""
    return [*_numbers(run, key), *_of_probes(run, key)]


def articles(run: Shown) -> dict[Key, list[Block]]:
    """Describe the measured keys on which a check failed, waived and warning ones too, gravest first:
    those of which a probe knows more than the checks.
    """
    failed = [
        check.key
        for check in need.by_need(run.checks)
        if wording.status_of(check) in ("failed", "error", "warned", "waived")
    ]
    measured = [key for key in dict.fromkeys(failed) if key in run.records]
    known = {key: _of_probes(run, key) for key in measured}
    return {key: [*_numbers(run, key), *more] for key, more in known.items() if more}


def _of_probes(run: Shown, key: Key) -> list[Block]:
    return [block for probe in PROBES for block in details_of(probe, run, key)]


def _numbers(run: Shown, key: Key) -> Iterator[Block]:
    if why := contents.unmeasured(run).get(key):
        yield Note(why, "error")
    measured = run.records.get(key)
    if isinstance(measured, Measurement):
        yield Note(_accuracy(run, measured))
    if checks := run.checks_by_key.get(key, []):
        shown, more = need.few_classes(
            need.by_need(checks) if len(checks) > contents.MOST_CLASSES else checks
        )
        yield gates.checks_table(run, shown)
        if more:
            yield Note(need.and_more(more), "aside")
        yield Note(wording.BOUNDS, "aside")


def _accuracy(run: Shown, measured: Measurement) -> str:
    clean = run.records.get(CleanKey())
    beside = ""
    if clean is not None and measured.key != CleanKey():
        beside = f", clean {wording.accuracy(clean.accuracy)}"
    return f"accuracy {wording.accuracy(measured.accuracy)}{beside}, n {measured.total}"
