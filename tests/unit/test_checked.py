"""Checks as records of the store: made once, and read as they were made."""

from __future__ import annotations

import datetime
import json
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import pytest_failcond.verdicts.verdicts
from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, DirectionKey, MeanKey
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.storage.store import Store
from pytest_failcond.verdicts.checked import Checked
from pytest_failcond.verdicts.gates import Check
from pytest_failcond.verdicts.verdicts import Verdicts

CLEAN = Planned.of_key(CleanKey())
LABELS = np.arange(200) % 2


def measured(wrong):
    """The clean images, some of which are wrong."""
    predicted = LABELS.copy()
    predicted[:wrong] = 1 - predicted[:wrong]
    return lambda key: Measurement(key, predicted, LABELS, "sha256:0", 3)


def verdicts(store, measure, *, day=None, wait=True, **gate):
    table = GateSettings(id="one", metric="clean_accuracy", min=0.9, **gate)
    whole = Settings(classifier="m:c", images="m:i", gates=(table,))
    names = ("a", "b", "c")
    return Verdicts(whole, names, measure, today=day, checked=Checked(store, wait=wait))


@pytest.fixture
def made(monkeypatch):
    """What was asked of `gates.check`, by class."""
    check, found = pytest_failcond.verdicts.verdicts.check, []

    def counted(*arguments, class_index=None, **options):
        found.append(class_index)
        return check(*arguments, class_index=class_index, **options)

    monkeypatch.setattr(pytest_failcond.verdicts.verdicts, "check", counted)
    return found


def test_who_asks_later_reads_what_was_made(tmp_path, made):
    (first,) = verdicts(Store(tmp_path), measured(60)).of_planned(CLEAN)
    for wait in (True, False):
        later = verdicts(Store(tmp_path), measured(0), wait=wait)
        assert later.of_planned(CLEAN) == [first]
    assert made == [None]


def test_a_waiver_is_held_against_the_day_of_the_test(tmp_path):
    until = datetime.date(2030, 1, 2)
    day, next_day = until, until + datetime.timedelta(days=1)
    waiver = {"expected_fail": "known", "until": until}
    (before,) = verdicts(Store(tmp_path / "a"), measured(60), day=day, **waiver).of_planned(CLEAN)
    (after,) = verdicts(Store(tmp_path / "a"), measured(60), day=next_day, **waiver).of_planned(CLEAN)  # fmt: skip
    assert before == after
    assert before.waived == "known (until 2030-01-02)"
    (late,) = verdicts(Store(tmp_path / "b"), measured(60), day=next_day, **waiver).of_planned(CLEAN)  # fmt: skip
    assert late.waived is None


def test_a_note_on_an_idle_waiver_is_no_part_of_what_is_kept(tmp_path):
    for _ in range(3):
        made = verdicts(Store(tmp_path), measured(0), expected_fail="known")
        ((check,),) = (result.checks for result in made.results([CLEAN]))
        assert check.reason == "waived, but it holds: drop the waiver"


def test_what_could_not_be_measured_is_asked_again_and_never_a_pass(tmp_path, made):
    def dead(key):
        raise FailcondError("it hung up")

    for _ in range(2):
        (check,) = verdicts(Store(tmp_path), dead).of_planned(CLEAN)
        assert (check.verdict, check.reason) == ("error", "it hung up")
    for _ in range(2):
        (check,) = verdicts(Store(tmp_path), measured(0)).of_planned(CLEAN)
        assert check.verdict == "passed"
    for _ in range(2):  # what was made stays, whatever cannot be measured later
        assert verdicts(Store(tmp_path), dead).of_planned(CLEAN) == [check]
    assert made == [None] * 3


def test_of_a_gate_by_class_only_the_classes_that_could_not_be_are_made_again(tmp_path, made):
    for _ in range(2):
        checks = verdicts(Store(tmp_path), measured(0), by_class=True).of_planned(CLEAN)
        assert [check.verdict for check in checks] == ["passed", "passed", "error"]
        assert [check.class_index for check in checks] == [0, 1, 2]
    assert made == [0, 1, 2, 2]  # there are no images of the last


def test_who_comes_second_waits_and_who_reports_does_not(tmp_path, made):
    entered, go, found = threading.Event(), threading.Event(), {}

    def slow(key):
        entered.set()
        assert go.wait(20)
        return measured(60)(key)

    def ask(name, measure, wait):
        found[name] = verdicts(Store(tmp_path), measure, wait=wait).of_planned(CLEAN)

    one = threading.Thread(target=ask, args=("one", slow, True))
    one.start()
    assert entered.wait(20)
    two = threading.Thread(target=ask, args=("two", measured(60), True))
    two.start()
    ask("end", measured(60), False)  # would hang
    go.set()
    one.join(20)
    two.join(20)
    assert found["one"] == found["two"] == found["end"]
    assert len(made) == 2  # of the first, and of the one that did not wait


def test_a_disk_that_fills_up_costs_no_verdict(tmp_path, monkeypatch, made):
    def full(self, name, record):
        raise FailcondError("No space left on device")

    monkeypatch.setattr(Store, "put", full)
    for _ in range(2):
        (check,) = verdicts(Store(tmp_path), measured(60)).of_planned(CLEAN)
        assert check.verdict == "failed"
    assert made == [None] * 2


NUMBERS = st.none() | st.floats(allow_nan=False) | st.integers(-5, 5)
KEYS = st.sampled_from(
    [CleanKey(), MeanKey(), CorruptionKey("a.b", 3), DirectionKey(8, 322, -1)]
)  # fmt: skip
CHECKS = st.builds(
    Check,
    gate=st.just("one"),
    metric=st.just("accuracy"),
    level=st.sampled_from(["fail", "warn"]),
    key=KEYS,
    value=NUMBERS,
    bound=NUMBERS,
    threshold=st.floats(0, 1),
    keeps_above=st.booleans(),
    n=st.integers(0, 10**9),
    verdict=st.sampled_from(["passed", "marginal", "failed", "not_evaluated"]),
    certain=st.booleans(),
    reason=st.text(),
    at=NUMBERS,
    waived=st.none() | st.text(),
    class_index=st.none() | st.integers(0, 999),
)


@given(CHECKS)
@hypothesis_settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_check_is_read_as_it_was_kept_to_the_byte(tmp_path, check):
    kept = Checked(Store(tmp_path), wait=False)
    kept.keep("one", check.key, [check])
    (read,) = kept.find("one", check.key).values()
    assert read == check
    assert type(read.key) is type(check.key)
    assert json.dumps(vars(read)) == json.dumps(vars(check))
