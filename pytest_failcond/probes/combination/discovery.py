"""Discovery: combined corner cases worth keeping as images, one of each look first."""

from __future__ import annotations

from pytest_failcond.laboratory.moving import Break, past_the_break
from pytest_failcond.probes.base import Bench
from pytest_failcond.probes.combination import configured_keys
from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.combination.starting import starts_in
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.records.found import Discovery, Wanted
from pytest_failcond.words.test_ids import class_id


def keep(class_index: int, bench: Bench, wanted: Wanted) -> Discovery:
    """Find combined corner cases of a class: ``per_search`` of each search, one of each look first.

    They are moved past their breaks and looked at again, as those along one direction. If one is
    dropped, the next is tried.

    Raises:
        NotEvaluated: the generator is not fit to show the class.
        FailcondError: the class cannot be searched.
    """
    laboratory, found = bench.laboratory, Discovery()
    names = laboratory.class_names or ()
    for key in configured_keys(laboratory.settings, names):
        if key.class_index == class_index:
            record: Combined = bench.measure(key)
            styles = starts_in(laboratory, class_index).styles
            breaks = [
                Break(record.moved_of(row), styles[row], key, name=_name(key, names))
                for row in record.cases
            ]
            cases = past_the_break(laboratory, breaks, record.tested_to)
            found.take(cases, wanted.per_search)
    return found


def _name(key: CombinationKey, names: tuple[str, ...]) -> str:
    return key.probe if key.toward is None else f"to-{class_id(names, key.toward)}-{key.probe}"
