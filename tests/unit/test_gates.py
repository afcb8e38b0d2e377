"""Gates: from measurements to verdicts, each verdict of each metric, without pytest."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace

import numpy as np
import pytest

from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.base import Asking, Planned
from pytest_failcond.probes.keys import CleanKey, MeanKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.several import keys_over_cells
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.verdicts import verdicts as verdicts_module
from pytest_failcond.verdicts.gates import NO_BASELINE, check, note_idle_waiver, unmeasured, worst
from pytest_failcond.verdicts.metrics import Case
from pytest_failcond.verdicts.plan import (
    checks_of,
    classes_of_checks,
    number_of_checks,
)
from pytest_failcond.verdicts.resolution import unresolved
from pytest_failcond.verdicts.verdicts import Verdicts
from tests.runs import CLASSES, make_direction

LABELS = np.arange(200) % 2
DAY = datetime.date(2030, 1, 2)


def measured(key: str, wrong: int) -> Measurement:
    predicted = LABELS.copy()
    predicted[:wrong] = 1 - predicted[:wrong]
    return Measurement(PROBES.about(key), predicted, LABELS, "sha256:0", 2)


def settings(*gates: GateSettings, **corner_cases) -> Settings:
    return Settings(
        classifier="model:load",
        images="model:images",
        corruptions={"names": ["contrast", "gaussian_blur"], "severities": [1, 2]},
        corner_cases=corner_cases or {},
        gates=gates,
    )


def verdict_of(gate: GateSettings, key: str, found: dict, **more):
    return check(gate, PROBES.about(key), found.__getitem__, settings(gate), ("a", "b"), **more)


@pytest.mark.parametrize(
    ("wrong", "verdict", "certain"),
    [(0, "passed", False), (18, "marginal", False), (24, "failed", False), (60, "failed", True)],
)
def test_value_and_bound_make_the_verdict(wrong, verdict, certain):
    gate = GateSettings(metric="accuracy", min=0.9)
    key = "corruption:contrast:1"
    found = verdict_of(gate, key, {key: measured(key, wrong)})
    assert (found.verdict, found.certain) == (verdict, certain)
    assert found.value == pytest.approx(1 - wrong / 200)
    assert found.n == 200
    assert found.bound is not None
    assert (found.bound < found.value) == (verdict in ("passed", "marginal"))


def test_a_drop_is_paired_with_the_clean_images():
    gate = GateSettings(metric="accuracy_drop", max=0.05)
    key = "corruption:contrast:1"
    found = verdict_of(gate, key, {"clean": measured("clean", 30), key: measured(key, 34)})
    assert found.value == pytest.approx(0.02)
    # Of 200 images, 4 changed: unpaired, the bound would be many times as wide.
    assert found.verdict == "passed"
    assert found.bound < 0.05


def test_a_selected_class_is_judged_by_its_own_images():
    gate = GateSettings(metric="accuracy", min=0.9, classes=["b"])
    key = "corruption:contrast:1"
    one = measured(key, 0)
    one.predicted[LABELS == 1] = 0
    found = verdict_of(gate, key, {key: one})
    assert (found.value, found.n, found.verdict) == (0.0, 100, "failed")


def test_a_class_without_images_is_no_pass():
    gate = GateSettings(metric="accuracy", min=0.9, classes=["c"])
    key = "corruption:contrast:1"
    with pytest.raises(FailcondError, match="no images of the classes"):
        check(gate, key, lambda _: measured(key, 0), settings(gate), ("a", "b", "c"))


def test_a_mean_is_bounded_over_images_not_over_cells():
    gate = GateSettings(metric="mean_corruption_accuracy", min=0.8)
    keys = [f"corruption:{n}:{s}" for n in ("contrast", "gaussian_blur") for s in (1, 2)]
    found = verdict_of(gate, MeanKey(), {key: measured(key, 30) for key in keys})
    single = verdict_of(
        GateSettings(metric="accuracy", min=0.8), keys[0], {keys[0]: measured(keys[0], 30)}
    )
    assert found.value == pytest.approx(single.value)
    assert found.n == 200
    # Four cells that agree image by image know no more than one of them.
    assert found.bound == pytest.approx(single.bound, abs=0.01)


def test_mce_is_errors_over_those_of_the_reference_corruption_by_corruption():
    corruptions = {
        "names": ["contrast", "gaussian_blur"],
        "severities": [1, 2],
        "reference": "reference.json",
    }
    cells = [f"corruption:{n}:{s}" for n in ("contrast", "gaussian_blur") for s in (1, 2)]
    ours = dict(zip(cells, (10, 30, 40, 60), strict=True)) | {"clean": 4}
    theirs = dict(zip(cells, (20, 20, 50, 150), strict=True)) | {"clean": 10}
    found = {}
    for metric in ("mce", "relative_mce"):
        gate = GateSettings(metric=metric, max=0.9)
        whole = Settings(classifier="m:c", images="m:i", corruptions=corruptions, gates=(gate,))
        found[metric] = check(
            gate,
            MeanKey(),
            lambda key: measured(key, ours[key]),
            whole,
            ("a", "b"),
            reference=lambda key: measured(key, theirs[key]),
        )
    assert found["mce"].value == pytest.approx((40 / 40 + 100 / 200) / 2)
    assert found["relative_mce"].value == pytest.approx((32 / 20 + 92 / 180) / 2)
    assert found["mce"].verdict == "marginal"
    assert found["mce"].value < found["mce"].bound < 1.2
    assert found["relative_mce"].verdict == "failed"


def test_mce_needs_a_reference_that_errs():
    gate = GateSettings(metric="mce", max=0.9)
    with pytest.raises(ValueError, match="set reference ="):
        settings(gate)
    whole = Settings(
        classifier="m:c",
        corruptions={"names": ["contrast"], "severities": [1], "reference": "r.json"},
        gates=(gate,),
    )
    with pytest.raises(FailcondError, match="contrast is relative to the errors of the reference"):
        check(
            gate,
            MeanKey(),
            lambda key: measured(key, 5),
            whole,
            ("a", "b"),
            reference=lambda key: measured(key, 0),
        )


@pytest.mark.parametrize(
    ("wrongs", "least", "verdict", "value", "bound"),
    [
        ((2, 4), 3, "passed", None, None),
        ((2, 17), 3, "marginal", None, 2.0),
        ((2, 60), 2, "passed", 2.0, 2.0),
        ((2, 60), 3, "failed", 2.0, 2.0),
        ((50, 60), 2, "failed", 1.0, 1.0),
    ],
)
def test_the_severity_at_which_accuracy_crosses_a_level(wrongs, least, verdict, value, bound):
    gate = GateSettings(metric="crossing_severity", at=0.9, min=least, corruptions=["contrast"])
    whole = settings(gate)
    assert keys_over_cells(gate, whole) == ["corruption:contrast"]
    cells = {
        f"corruption:contrast:{s}": measured(f"corruption:contrast:{s}", wrong)
        for s, wrong in zip((1, 2), wrongs, strict=True)
    }
    found = verdict_of(gate, "corruption:contrast", cells)
    assert (found.verdict, found.value, found.bound) == (verdict, value, bound)


def test_nothing_is_claimed_beyond_the_valid_range():
    direction = make_direction(0, 1, 5, 1, breaking_shift=None, valid_range=2.0)
    gate = GateSettings(metric="breaking_shift", min=3.0)
    found = verdict_of(gate, direction.key, {direction.key: direction})
    assert (found.verdict, found.value, found.reason) == ("marginal", None, "tested to 2.0 σ only")
    nearer = GateSettings(metric="breaking_shift", min=1.0)
    assert verdict_of(nearer, direction.key, {direction.key: direction}).verdict == "passed"


def test_a_break_within_the_valid_range_fails():
    direction = make_direction(0, 1, 5, 1, breaking_shift=2.0, valid_range=3.0)
    gate = GateSettings(metric="breaking_shift", min=3.0)
    found = verdict_of(gate, direction.key, {direction.key: direction})
    assert (found.verdict, found.value) == ("failed", 2.0)
    assert found.reason.startswith("2.0 σ is under 3.0 σ")


def test_a_broken_share_says_at_which_shift():
    direction = make_direction(0, 1, 5, 1, breaking_shift=2.0, valid_range=3.0)
    gate = GateSettings(metric="broken_share", max=0.2, at=2.0)
    found = verdict_of(gate, direction.key, {direction.key: direction})
    assert (found.verdict, found.at, found.value) == ("failed", 2.0, 0.5)
    farther = GateSettings(metric="broken_share", max=0.99, at=4.0)
    found = verdict_of(farther, direction.key, {direction.key: direction})
    assert (found.verdict, found.reason) == ("marginal", "tested to 3.0 σ only")


@pytest.mark.parametrize(
    ("least", "verdict", "words"),
    [
        (0.5, "passed", ""),
        (2.0, "marginal", "only within sampling noise"),
        (4.0, "failed", "2.5 σ is under 4.0 σ"),
    ],
)
def test_a_valid_range_is_gated_like_a_shift(least, verdict, words):
    direction = make_direction(0, 1, 5, 1, breaking_shift=None, valid_range=2.5)
    accepted = [20, 20, 20, 18, 17, 16, 12, 9, 5]
    direction = replace(direction, curve=replace(direction.curve, accepted=accepted))
    gate = GateSettings(metric="valid_range", min=least)
    found = verdict_of(gate, direction.key, {direction.key: direction})
    assert (found.verdict, found.value, found.n) == (verdict, 2.5, 20)
    assert words in found.reason


def test_a_valid_range_needs_a_judge():
    direction = make_direction(0, 1, 5, 1, breaking_shift=None, valid_range=None)
    gate = GateSettings(metric="valid_range", min=1.0)
    with pytest.raises(FailcondError, match="set judge ="):
        verdict_of(gate, direction.key, {direction.key: direction})


def versions(then: int, now: list[int]) -> tuple[dict, dict]:
    """A baseline with as many images wrong in each key, and a version of its own in each."""
    keys = [
        "clean",
        *(f"corruption:{n}:{s}" for n in ("contrast", "gaussian_blur") for s in (1, 2)),
    ]
    return (
        {key: measured(key, then) for key in keys},
        {key: measured(key, wrong) for key, wrong in zip(keys, now, strict=True)},
    )


def test_a_mean_drop_since_the_baseline_is_over_all_that_is_compared():
    baseline, found = versions(20, [20, 20, 30, 40, 20])
    gate = GateSettings(metric="mean_regression_drop", max=0.05)
    checked = verdict_of(gate, MeanKey(), found, baseline=baseline.__getitem__)
    assert (checked.value, checked.n) == (pytest.approx(30 / 200 / 5), 200)
    assert checked.verdict == "passed"
    assert checked.value < checked.bound < 0.05
    cells = GateSettings(metric="mean_regression_drop", max=0.05, corruptions=["gaussian_blur"])
    checked = verdict_of(cells, MeanKey(), found, baseline=baseline.__getitem__)
    assert checked.value == pytest.approx(20 / 200 / 2)
    assert checked.verdict == "marginal"
    tight = GateSettings(metric="mean_regression_drop", max=0.01)
    assert verdict_of(tight, MeanKey(), found, baseline=baseline.__getitem__).verdict == "failed"
    assert verdict_of(gate, MeanKey(), found).verdict == "not_evaluated"


def test_a_flip_is_not_made_up_for_by_what_is_gained():
    then, now = measured("clean", 20), measured("clean", 0)
    now.predicted[100:110] = 1 - now.predicted[100:110]  # 10 lost, 20 gained
    flips = GateSettings(metric="negative_flips", max=0.04)
    checked = verdict_of(flips, "clean", {"clean": now}, baseline={"clean": then}.__getitem__)
    assert (checked.value, checked.n, checked.verdict) == (pytest.approx(0.05), 200, "failed")
    assert not checked.certain
    drop = GateSettings(metric="regression_drop", max=0.0)
    checked = verdict_of(drop, "clean", {"clean": now}, baseline={"clean": then}.__getitem__)
    assert (checked.value, checked.verdict) == (pytest.approx(-0.05), "passed")


@pytest.mark.parametrize(
    ("wrong", "fewest", "verdict"), [(0, 200, "passed"), (0, 201, "error"), (190, 201, "error")]
)
def test_fewer_images_than_the_minimum_are_an_error_whatever_the_value(wrong, fewest, verdict):
    gate = GateSettings(metric="clean_accuracy", min=0.5, min_n=fewest)
    found = verdict_of(gate, "clean", {"clean": measured("clean", wrong)})
    assert (found.verdict, found.n) == (verdict, 200)
    assert found.value == pytest.approx(1 - wrong / 200)
    if verdict == "error":
        assert found.reason == "rests on 200 images, fewer than min_n = 201"


def test_a_gate_by_class_counts_the_images_of_one_class_and_corrects_for_all():
    gate = GateSettings(metric="accuracy", min=0.9, by_class=True, min_n=101)
    key = "corruption:contrast:1"
    one = measured(key, 0)
    one.predicted[np.flatnonzero(LABELS == 1)[:60]] = 0
    plain = gate.model_copy(update={"min_n": None})
    first, second = (verdict_of(plain, key, {key: one}, class_index=index) for index in (0, 1))
    assert (first.verdict, first.value, first.n, first.class_index) == ("passed", 1.0, 100, 0)
    assert (second.verdict, second.value, second.class_index) == ("failed", 0.4, 1)
    assert second.certain
    assert number_of_checks(plain, settings(plain), ("a", "b")) == 8  # 4 cells of 2 classes
    assert classes_of_checks(plain, ("a", "b")) == (0, 1)
    chosen = plain.model_copy(update={"classes": ("b",)})
    assert classes_of_checks(chosen, ("a", "b")) == (1,)
    few = verdict_of(gate, key, {key: one}, class_index=0)
    assert (few.verdict, few.class_index) == ("error", 0)


def test_without_a_baseline_a_regression_is_not_evaluated():
    gate = GateSettings(metric="regression_drop", max=0.0)
    found = verdict_of(gate, "clean", {"clean": measured("clean", 3)})
    assert (found.verdict, found.reason) == ("not_evaluated", NO_BASELINE)
    baseline = {"clean": measured("clean", 0)}.__getitem__
    found = verdict_of(gate, "clean", {"clean": measured("clean", 3)}, baseline=baseline)
    assert (found.verdict, found.value) == ("failed", pytest.approx(0.015))


@pytest.mark.parametrize(
    ("wrong", "today", "waived", "words"),
    [
        (60, DAY, "known (until 2030-01-02)", "beyond sampling noise"),
        (60, DAY + datetime.timedelta(days=1), None, "its waiver expired on 2030-01-02"),
        (0, DAY, None, ""),
    ],
)
def test_a_waiver_holds_until_its_day(wrong, today, waived, words):
    gate = GateSettings(metric="clean_accuracy", min=0.9, expected_fail="known", until=DAY)
    found = verdict_of(gate, "clean", {"clean": measured("clean", wrong)}, today=today)
    assert found.waived == waived
    assert words in found.reason


def test_a_waiver_is_idle_where_no_check_of_its_gate_fails():
    gate = GateSettings(metric="accuracy", min=0.9, expected_fail="known")
    keys = ["corruption:contrast:1", "corruption:contrast:2"]
    holds, fails = (
        verdict_of(gate, key, {key: measured(key, wrong)})
        for key, wrong in zip(keys, (0, 60), strict=True)
    )
    assert note_idle_waiver(gate, [holds, fails]) == [holds, fails]
    assert [c.reason for c in note_idle_waiver(gate, [holds, holds])] == [
        "waived, but it holds: drop the waiver"
    ] * 2


def test_an_error_is_graver_than_a_margin_and_a_failure_than_all():
    assert worst([]) == "passed"
    assert worst(["passed", "marginal", "passed"]) == "marginal"
    assert worst(["error", "marginal", "not_evaluated"]) == "error"
    assert worst(["error", "failed"]) == "failed"
    gate = GateSettings(metric="clean_accuracy", min=0.9)
    assert unmeasured(gate, "clean", "it raised").verdict == "error"


def test_a_gate_is_about_the_keys_that_it_selects():
    gates = (
        GateSettings(id="clean", metric="clean_accuracy", min=0.9),
        GateSettings(id="drop", metric="accuracy_drop", max=0.1, corruptions=["contrast"]),
        GateSettings(id="severe", metric="accuracy", min=0.1, severities=[2]),
        GateSettings(id="mean", metric="mean_corruption_accuracy", min=0.5),
        GateSettings(id="first", metric="breaking_shift", min=1.0, classes=[CLASSES[0]]),
    )
    whole = settings(*gates, top=2)

    def ids(key: str) -> list[str]:
        planned = Planned.of_key(PROBES.parse(key))
        return [gate.id for gate, _ in checks_of(planned, Asking(whole, CLASSES, None))]

    assert ids("clean") == ["clean"]
    assert ids("corruption:contrast:1") == ["drop"]
    assert ids("corruption:contrast:2") == ["drop", "severe"]
    assert ids("corruption:gaussian_blur:1") == []
    assert ids("direction:0:7:+") == ["first"]
    assert ids("direction:1:7:+") == []
    assert [number_of_checks(g, whole, CLASSES) for g in gates] == [1, 2, 2, 1, 2]


def test_a_day_is_text_in_json_alone():
    gate = {"metric": "clean_accuracy", "min": 0.9, "expected_fail": "known", "until": "2027-01-01"}
    assert GateSettings.model_validate_json(json.dumps(gate)).until == datetime.date(2027, 1, 1)
    with pytest.raises(ValueError, match="until"):
        GateSettings(**gate)


@pytest.mark.parametrize(("names", "chosen"), [(("0", "1"), ["cat", "dog"]), ((), None)])
def test_a_gate_by_class_of_no_class_is_an_error_and_not_gone(names, chosen):
    gate = GateSettings(id="each", metric="clean_accuracy", min=0.9, by_class=True, classes=chosen)
    whole = Settings(classifier="m:c", images="m:i", gates=(gate,))
    verdicts = Verdicts(whole, names, lambda key: measured(key, 0))
    ((made,),) = (result.checks for result in verdicts.results([Planned.of_key(CleanKey())]))
    assert (made.verdict, made.gate) == ("error", "each")
    assert ("'cat', 'dog'" if chosen else "the classes are not known") in made.reason


def test_verdicts_by_class_look_at_each_image_once_per_cell(monkeypatch):
    """Twice the classes, of as many images each, are twice the work."""
    touched = []
    plain = Case.selected

    def counted(case, of):
        rows = plain(case, of)
        touched.append(len(rows))
        return rows

    monkeypatch.setattr(Case, "selected", counted)
    work = []
    for classes in (20, 40):
        labels = np.arange(10 * classes) % classes
        names = tuple(map(str, range(classes)))
        gate = GateSettings(id="each", metric="accuracy", min=0.5, by_class=True)
        whole = settings(gate)
        cells = [f"corruption:{n}:{s}" for n in ("contrast", "gaussian_blur") for s in (1, 2)]
        found = {key: Measurement(key, labels, labels, "", classes) for key in cells}
        touched.clear()
        (result,) = Verdicts(whole, names, found.__getitem__).results(
            [Planned.of_key(PROBES.parse(cell)) for cell in cells]
        )
        assert len(result.checks) == 4 * classes
        work.append(sum(touched))
        touched.clear()
        unresolved(whole, names, labels)
        assert len(touched) < 40  # of one class, however many there are
    assert work == [4 * 200, 4 * 400]


def test_what_gates_check_in_all_is_counted_once_however_many_keys_they_check(monkeypatch):
    counted = []
    count = verdicts_module.number_of_checks
    monkeypatch.setattr(
        verdicts_module,
        "number_of_checks",
        lambda gate, *more: counted.append(gate.id) or count(gate, *more),
    )
    gates = (
        GateSettings(id="cells", metric="accuracy", min=0.5),
        GateSettings(id="worst", metric="breaking_shift", min=1.0),
    )
    whole = settings(*gates)
    keys = [f"corruption:{n}:{s}" for n in ("contrast", "gaussian_blur") for s in (1, 2)]
    found = {key: measured(key, 0) for key in keys}
    made = Verdicts(whole, ("a", "b"), found.__getitem__)
    made.results([Planned.of_key(PROBES.parse(key)) for key in keys])
    assert counted == ["cells", "worst"]
