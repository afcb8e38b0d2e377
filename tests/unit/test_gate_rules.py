"""One rule for every metric: a gate is refused if no result that its configuration can give fails it, or
if every one does. Marginal is no failure. The results are put through the real `check`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failcond.config.gate_rules import check_reach
from pytest_failcond.config.gate_settings import GateSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.record import ClassRanking, Direction
from pytest_failcond.probes.keys import CombinationKey, MeanKey, RankingKey, RowKey
from pytest_failcond.probes.metric import STEP, Asked
from pytest_failcond.probes.registry import METRICS, PROBES, parse_key
from pytest_failcond.probes.review.record import Reviewed
from pytest_failcond.probes.several import keys_over_cells
from pytest_failcond.records.measurements import Measurement
from pytest_failcond.report import timeline, wording
from pytest_failcond.review.standing import Share, Standing
from pytest_failcond.runs.history import Question
from pytest_failcond.storage.packing import pack_bits
from pytest_failcond.verdicts.gates import Check, amount, check, held_against
from pytest_failcond.verdicts.metrics import Case
from tests.combinations import combined
from tests.runs import make_direction, make_run

N, CLASSES = 40, ("a", "b")
LABELS = np.arange(N) % 2
SEVERITIES = [(1, 2), (3, 5), (2,), (1, 2, 3, 4, 5)]
SHIFTS = [0.5, 4.0]
THRESHOLDS = [-100.0, -3.0, -1.0, -0.5, 0.0, 1e-9, 0.05, 0.5, 0.999, 1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0,
              4.5, 5.0, 6.0, 90.0]  # fmt: skip
ATS = {
    "broken_share": [0.0, 0.5],
    "newly_broken_share": [0.0, 0.5],
    "combined_share": [-0.5, 0.0, 0.5],
    "crossing_severity": [-0.5, 0.0, 0.5, 1.0, 1.5],
}


def configured(severities=(1, 2), max_shift=4.0, **gates: Any) -> Settings:
    return Settings(
        classifier="m:c",
        images="m:i",
        judge="m:j",
        corpus="corpus",
        review="review.json",
        classes=CLASSES,
        corruptions={
            "names": ["contrast", "fog"], "severities": severities, "reference": "reference.json",
        },
        corner_cases={"max_shift": max_shift},
        combinations={"max_distance": 4.0, "samples": 128},
        **gates,
    )  # fmt: skip


@cache
def measured(key: str, wrong: int) -> Measurement:
    predicted = np.where(np.arange(N) < wrong, 1 - LABELS, LABELS)
    return Measurement(PROBES.about(key), predicted, LABELS, "sha256:0", 2)


@cache
def walked(breaks: float | None, valid: float, max_shift: float) -> Direction:
    """A direction along which all images break at one shift, and all are lost after another."""
    shift = [STEP * i for i in range(round(max_shift / STEP) + 1)]
    broken = [N if breaks is not None and s >= breaks else 0 for s in shift]
    base = make_direction(0, 1, 5, 1, breaking_shift=breaks, valid_range=valid)
    counts = [N - b for b in broken]
    accepted = [N if s <= valid else 0 for s in shift]
    zeros, p = [0] * len(shift), [1.0] * len(shift)
    curve = replace(base.curve, shift=shift, right=counts, broken=broken, lost=zeros,
                    accepted=accepted, mean_p=p)  # fmt: skip
    return replace(base, total=N, curve=curve, accepted=None)


Result = tuple[str, dict[str, Callable[[str], Any]]]


def results(gate: GateSettings, settings: Settings) -> Iterator[Result]:
    """Results at the ends of what a metric can be, and between: a key, and who measures."""
    about = PROBES.of_metric(gate.metric).name
    if about == "start":
        for right in (0, N // 2, N):
            packed = pack_bits(np.arange(N) < right)
            ranking = ClassRanking(RankingKey(0), 0, N, [], [], [], [], N, packed)
            yield "ranking:0", {"measure": lambda _, found=ranking: found}
        return
    assert settings.corruptions is not None
    if about == "review":
        for some in (0, N // 2, N):
            read = Standing(version="m:c", same=True, breaks=Share(some=some, all=N))
            yield "review", {"measure": lambda _, read=read: Reviewed(read, 0.95)}
        return
    if about == "direction":
        end = settings.corner_cases.max_shift
        for breaks, valid in itertools.product((None, 0.0, STEP, end), (0.0, STEP, end)):
            yield "direction:0:5:+", {"measure": lambda _, b=breaks, v=valid: walked(b, v, end)}
        return
    if about == "combination":
        for distance in (None, 0.0, 0.4, 4.0):
            found = combined(CombinationKey(0), [distance] * N, max_distance=4.0)
            yield found.key, {"measure": lambda _, found=found: found}
        return
    key = {"clean": "clean", "corpus": "corpus", "corruption": "corruption:contrast:2",
           "regression": "clean", "several": MeanKey()}[about]  # fmt: skip
    if gate.metric == "crossing_severity":
        for end in (0, *settings.corruptions.severities):  # the last severity without errors

            def until(cell: str, end: int = end) -> Measurement:
                return measured(cell, N if int(cell[-1]) > end else 0)

            yield RowKey("contrast"), {"measure": until}
        return
    for clean, cells, other in itertools.product((0, N), (0, N // 2, N), (0, 1, N)):

        def now(cell: str, clean: int = clean, cells: int = cells) -> Measurement:
            only = about in ("clean", "corpus", "regression")
            return measured(cell, cells if only else clean if cell == "clean" else cells)

        def then(cell: str, other: int = other) -> Measurement:
            return measured(cell, 0 if cell == "clean" else other)

        baseline = lambda cell, other=other: measured(cell, other)  # noqa: E731
        yield key, {"measure": now, "baseline": baseline, "reference": then}


def verdicts(gate: GateSettings, settings: Settings) -> set[str]:
    found = set()
    for key, measures in results(gate, settings):
        try:
            found.add(check(gate, key, settings=settings, class_names=CLASSES, **measures).verdict)
        except FailcondError as error:
            # One that errs nowhere; and where all are wrong unmoved, no direction can be blamed.
            known = ("errors of the reference", "are right before they are moved")
            assert any(words in str(error) for words in known)  # noqa: PT017
    return found


def is_accepted(gate: GateSettings, **configuration: Any) -> bool:
    try:
        configured(**configuration, gates=(gate,))
    except ValueError as error:
        said = str(error)
    else:
        return True
    assert f"{METRICS[gate.metric].good} = " in said or "at = " in said
    assert repr(gate.metric) in said
    return False


@pytest.mark.parametrize("metric", METRICS)
def test_a_gate_is_accepted_if_and_only_if_some_results_fail_it_and_some_do_not(metric):
    row = METRICS[metric]
    outcomes = set()
    for at in ATS.get(metric, [None]):
        for severities in SEVERITIES if metric == "crossing_severity" else SEVERITIES[:1]:
            for max_shift in (
                SHIFTS if PROBES.of_metric(row.name).name == "direction" else SHIFTS[-1:]
            ):
                form = {"severities": severities, "max_shift": max_shift}
                settings = configured(**form)
                for threshold in THRESHOLDS:
                    if row.needs_reference and abs(threshold) > N:
                        continue  # not with 40 images
                    gate = GateSettings(id="gate", metric=metric, at=at, **{row.good: threshold})
                    found = verdicts(gate, settings)
                    tells = "failed" in found and bool(found & {"passed", "marginal"})
                    accepted = is_accepted(gate, **form)
                    assert accepted == tells, (gate, form, found)
                    outcomes.add(accepted)
    assert outcomes == {True, False} or metric == "relative_mce"  # which can have any value


@hypothesis.settings(deadline=None, max_examples=60)
@given(st.sampled_from([m for m in METRICS if m != "relative_mce"]), st.floats(-1e9, 1e9))
def test_any_threshold_tells_something_or_is_refused(metric, threshold):
    row = METRICS[metric]
    at = 0.5 if row.at else None
    gate = GateSettings(id="gate", metric=metric, at=at, **{row.good: threshold})
    settings = configured()
    tells = len({v == "failed" for v in verdicts(gate, settings)}) == 2
    if metric == "mce" and threshold > 0:  # bounded by the reference alone
        assert is_accepted(gate)
    else:
        assert is_accepted(gate) == tells


@pytest.mark.parametrize("metric", METRICS)
def test_no_value_is_out_of_a_metrics_reach_and_its_ends_are_reached(metric):
    row, settings = METRICS[metric], configured()
    at = 0.5 if row.at else None
    gate = GateSettings(metric=metric, at=at, **{row.good: 1.0})
    reach = row.reach(Asked((1, 2), 4.0, at, max_distance=4.0))
    values = set()
    for key, measures in results(gate, settings):
        case = Case(gate, key, measures.pop("measure"), settings, CLASSES, **measures)
        try:
            values.add(METRICS[metric].compute(case).value)
        except FailcondError:
            assert row.needs_reference or metric == "newly_broken_share"
    assert (None in values) == reach.beyond
    known = {v for v in values if v is not None}
    assert all(reach.lowest <= v <= reach.highest for v in known)
    ends = {v for v in (reach.lowest, reach.highest) if np.isfinite(v)}
    assert ends <= known


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), True, "0.5"])
def test_a_threshold_is_a_finite_number(metric, value):
    row = METRICS[metric]
    more = {"at": 0.5} if row.at else {}
    for key in (row.good, *more):
        with pytest.raises(ValueError, match=f"{key}\n"):
            GateSettings(metric=metric, **(more | {row.good: 0.5} | {key: value}))


@pytest.mark.parametrize("at", [-0.5, 0.3, 0.1 + 0.2, 0.75, 4.5, 1e9])
def test_a_share_is_broken_at_a_shift_that_is_walked(at):
    gate = GateSettings(id="share", metric="broken_share", max=0.2, at=at)
    with pytest.raises(ValueError, match=r"'share': at = .* multiple of 0.5 up to max_shift, 4"):
        configured(gates=(gate,))


@pytest.mark.parametrize(
    ("metric", "form", "words"),
    [
        ("clean_accuracy", {"min": 90}, "min = 90 fails on every result.*not a percentage"),
        ("accuracy", {"min": 0}, "min = 0 never fails.*over 0 and at most 1, like 0.95"),
        ("accuracy_drop", {"max": 5}, "max = 5 never fails.*at least -1 and under 1, like 0.05"),
        ("negative_flips", {"max": 1}, "max = 1 never fails.*at least 0 and under 1"),
        ("broken_share", {"max": -0.1, "at": 1.0}, "max = -0.1 fails on every result"),
        ("breaking_shift", {"min": 0}, "min = 0 never fails.*over 0, like 3"),
        ("valid_range", {"min": 4.5}, "min = 4.5 fails on every.*over 0 and at most 4, like 3"),
        ("combined_distance", {"min": 0}, "min = 0 never fails.*over 0, like 3"),
        ("combined_share", {"max": 1, "at": 1.0}, "max = 1 never fails.*at least 0 and under 1"),
        ("combined_share", {"max": 0.1, "at": 4.1}, "at = 4.1.*combinations.max_distance, 4"),
        ("crossing_severity", {"min": 1, "at": 0.5}, "min = 1 never fails.*over 1, like 2"),
        ("crossing_severity", {"min": 2, "at": 1.5}, "at = 1.5.*over 0 and at most 1"),
    ],
)
def test_a_refusal_names_the_gate_the_value_and_what_makes_sense(metric, form, words):
    with pytest.raises(ValueError, match=f"gate 'mine': {words}"):
        configured(gates=(GateSettings(id="mine", metric=metric, **form),))


def test_a_reference_narrows_the_rule():
    gate = GateSettings(id="mce", metric="mce", max=3.0)
    reach = METRICS["mce"].reach(Asked((1,), 4.0, None))
    check_reach(gate, reach)
    with pytest.raises(ValueError, match="never fails"):
        check_reach(gate, replace(reach, highest=2.5))


@pytest.mark.parametrize(
    ("key", "value"), [("corruptions", ["fog", "fog"]), ("severities", [2, 1, 2]), ("classes", ["a"] * 2)]
)  # fmt: skip
def test_what_is_named_twice_would_count_twice(key, value):
    for metric in (m for m, row in METRICS.items() if key in row.selectors):
        with pytest.raises(ValueError, match=f"{key}\n.* twice; leave one out"):
            GateSettings(metric=metric, **{METRICS[metric].good: 0.5, key: value})


@pytest.mark.parametrize("metric", METRICS)
def test_more_images_than_there_can_be_are_refused(metric):
    row = METRICS[metric]
    at = 0.5 if row.at else None

    def gate(min_n: int) -> GateSettings:
        least = 2.0 if metric == "crossing_severity" else 0.5
        return GateSettings(id="many", metric=metric, at=at, min_n=min_n, **{row.good: least})

    configured(max_images=200, gates=(gate(100),))
    if PROBES.of_metric(row.name).name in ("corpus", "review"):
        configured(max_images=200, gates=(gate(10**6),))
        return
    of_starts = PROBES.of_metric(row.name).name in ("direction", "start")
    key = "corner_cases.samples" if of_starts else "max_images"
    key = "combinations.samples" if metric.startswith("combined_") else key
    with pytest.raises(ValueError, match=f"'many': min_n = 201 fails.*{key} allows"):
        configured(max_images=200, gates=(gate(201),))


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_a_waiver_gives_a_reason(reason):
    with pytest.raises(ValueError, match=r"expected_fail\n.*give the reason"):
        GateSettings(metric="clean_accuracy", min=0.9, expected_fail=reason)


@pytest.mark.parametrize("metric", [m for m, row in METRICS.items() if row.needs_baseline])
@pytest.mark.parametrize("selected", [{"corruptions": ["fog"]}, {"severities": [1]}])
def test_cells_cannot_be_selected_where_there_are_none(metric, selected):
    gate = GateSettings(id="drop", metric=metric, max=0.1, **selected)
    with pytest.raises(
        ValueError, match=r"'drop' selects nothing.*no \[tool.failcond.corruptions\]"
    ):
        Settings(classifier="m:c", images="m:i", gates=(gate,))
    Settings(classifier="m:c", images="m:i", gates=(GateSettings(metric=metric, max=0.1),))


@pytest.mark.parametrize(
    ("severities", "least", "unseen"),
    [
        ((1, 2), 5, True), ((1, 2), 3, False), ((1, 2), 2.5, False), ((1, 2), 4, True),
        ((1, 3, 5), 5, True), ((1, 3, 5), 3, True), ((1, 3, 5), 2, False), ((3, 5), 4, True),
        ((1, 2, 3, 4, 5), 6, False), ((1, 2, 3, 4, 5), 7, True), ((1, 2, 3, 4, 5), 1e300, True),
    ],
)  # fmt: skip
def test_a_crossing_severity_is_claimed_of_severities_that_were_measured(severities, least, unseen):
    gate = GateSettings(metric="crossing_severity", min=least, at=0.5, corruptions=["contrast"])
    settings = configured(severities=severities)
    (key,) = keys_over_cells(gate, settings)
    found = check(gate, key, lambda cell: measured(cell, 0), settings, CLASSES)
    assert found.verdict == ("marginal" if unseen else "passed")
    if unseen:
        assert found.reason == f"tested at severities {', '.join(map(str, severities))} only"
    failing = check(gate, key, lambda cell: measured(cell, N), settings, CLASSES)
    assert failing.verdict == "failed"


@pytest.mark.parametrize("valid", [None, 0.0, 1.5, 4.0])
@pytest.mark.parametrize("end", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("breaks", [None, 1.0, 3.0])
def test_nothing_passes_beyond_what_was_walked_and_valid(valid, end, breaks):
    """A walk that ended early, with a judge or without one, says nothing of what lies beyond."""
    full = walked(breaks, 4.0 if valid is None else valid, end)
    direction = replace(full, valid_range=None if valid is None else min(valid, end))
    tested = direction.tested_to
    settings = configured()
    gates = [GateSettings(metric="breaking_shift", min=t / 2) for t in range(1, 13)]
    gates += [GateSettings(metric="broken_share", max=0.99, at=t / 2) for t in range(9)]
    for gate in gates:
        asked = gate.threshold if gate.at is None else gate.at
        found = check(gate, direction.key, lambda _: direction, settings, CLASSES).verdict
        broken = breaks is not None and breaks <= min(
            tested, asked - (STEP if gate.at is None else 0)
        )
        if broken:
            assert found == "failed"
        else:
            assert found == ("passed" if asked <= tested else "marginal"), (gate, tested)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_missing_or_needless_at_is_told_of_this_metric(metric):
    needed = metric.at is not None
    at = None if needed else 1.0
    words = "needs 'at', a" if needed else "takes no 'at'"
    with pytest.raises(ValueError, match=f"metric '{metric.name}' {words}"):
        GateSettings(metric=metric.name, at=at, **{metric.good: 0.5})


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [-0.0, -1e-17, -1e-9])
def test_no_printed_number_is_a_negative_zero(name, value):
    """A value that equals its threshold up to rounding has no margin, and not one below 0."""
    check = Check(
        "g", name, "fail", parse_key("clean"), value, value - 0.1, 0.0, True, 9, "passed", False, ""
    )
    run = make_run(corner_cases=False)
    question = Question(followed) if (followed := METRICS[name].followed_as) else Question()
    printed = [
        wording.margin(check), wording.threshold(replace(check, threshold=-0.0)), wording.value(run, check),
        wording.accuracy(value), wording.share(value), wording.sigma(value), amount(name, value),
        held_against(check), timeline._change(question, value),
    ]  # fmt: skip
    assert not [text for text in printed if re.search(r"[-−]0(\.0*)?(?![\d.e])", text)]
