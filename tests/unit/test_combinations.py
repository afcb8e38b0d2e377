"""Combined corner cases: their record, metrics, words, settings and comparison, on planted results."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_failcond.commands import show
from pytest_failcond.config.settings import load_settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.measuring.measuring import Measuring
from pytest_failcond.probes.base import Planning
from pytest_failcond.probes.combination import view, words
from pytest_failcond.probes.combination.grouping import grouped
from pytest_failcond.probes.combination.record import Combined
from pytest_failcond.probes.combination.reproduce import show_command
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.probes.registry import PROBES, parse_key
from pytest_failcond.probes.regression import searches
from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.run import Run
from pytest_failcond.statistics.shifts import breaking_shift_bound
from pytest_failcond.storage.packing import pack, pack_bits
from pytest_failcond.storage.store import Store
from pytest_failcond.words.blocks import Block, Fold, Note, Table
from pytest_failcond.words.drawings import Curve, Strip
from pytest_failcond.words.media import MEDIA
from tests.combinations import WIDTH, anywhere, combined
from tests.runs import make_run, make_strip
from tests.unit.linear import LOST, Bright, linear_generator

KEY = CombinationKey(0)
distances = st.lists(st.none() | st.just(0.0) | st.floats(0.01, 12), min_size=1, max_size=40)


@given(found=distances)
@settings(max_examples=30, deadline=None)
def test_the_distance_is_where_half_of_the_start_images_are_broken(found):
    record = combined(KEY, found)
    half, near = -(-len(found) // 2), sorted(d for d in record.distances if d is not None)
    assert record.distance == (near[half - 1] if len(near) >= half else None)
    assert record.broken_by(record.tested_to) == len(near)
    assert record.wrong_unmoved == sum(d == 0 for d in near)
    assert sorted(record.cases) == [i for i, d in enumerate(found) if d]
    assert len(record.rejected_cases) == record.rejections
    assert set(record.rejected_cases) <= {i for i, d in enumerate(found) if d is None}
    for row in record.cases:
        moves = record.shifts_of(row)
        assert set(moves) <= {322 + i for i in range(WIDTH)}
        assert np.hypot.reduce([*moves.values()]) == pytest.approx(record.distances[row], abs=1e-3)
        assert [abs(s) for s in moves.values()] == sorted(map(abs, moves.values()), reverse=True)


def test_the_first_cases_are_one_of_each_group():
    record = combined(KEY, [1.0] * 7)
    assert record.cases.tolist()[:3] == [group[0] for group in record.groups]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"distances": [1.0, 2.0, 4.0]}, "shifts do not have the length"),
        ({"shifts": pack(np.zeros(1), "<f4")}, "bytes, where 7 numbers belong"),
        ({"shifts": pack(np.full(7, np.nan), "<f4")}, "not finite"),
        ({"moved": "AAAA"}, "damaged"),
        ({"rejected": "AAAA"}, "damaged"),
        ({"groups": [[0, 1]]}, "groups are not of its cases"),
        ({"groups": [[0, 1], [2, 2]]}, "groups are not of its cases"),
    ],
)
def test_a_record_whose_parts_do_not_fit_is_refused(change, words):
    data = combined(KEY, [1.0, 2.0, 3.0]).to_json()
    assert Combined.from_json(json.loads(json.dumps(data))).to_json() == data
    with pytest.raises(ValueError, match=words):
        Combined.from_json(data | change)


@pytest.mark.parametrize(
    "change", [{"max_distance": 4.9}, {"rejected": pack_bits(np.zeros(2, bool))}]
)
def test_shifts_beyond_the_distances_are_those_of_rejected_combinations(change):
    data = combined(KEY, [None, 3.0]).to_json()
    assert Combined.from_json(data).rejected_cases.tolist() == [0]
    with pytest.raises(ValueError, match="shifts do not have the length"):
        Combined.from_json(data | change)


def with_searches(run: Run, *found: Combined, **fields) -> Run:
    return replace(run, records=run.records | {one.key: one for one in found}, **fields)


def test_a_run_keeps_them_with_their_pictures(tmp_path):
    found = anywhere(KEY, 30, 1), combined(CombinationKey(0, 2), [None, 5.0])
    run = with_searches(make_run(tmp_path / "pictures"), *found)
    for file in {file for one in found for file in one.files}:
        (tmp_path / "pictures" / file).write_bytes(make_strip(frames=1))
    run.save(tmp_path / "run.json")
    again = Run.load(tmp_path / "run.json")
    assert {key: one.to_json() for key, one in again.combinations.items()} == {
        one.key: one.to_json() | {"pictured": again.combinations[one.key].to_json()["pictured"]}
        for one in found
    }
    assert all(again.picture(file) for one in again.combinations.values() for file in one.files)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: one["distances"].__setitem__(0, 12.5), "over max_distance, 12"),
        (lambda one: one["levels"].pop(), "lists that belong together"),
        (lambda one: one["names"].pop(), "differ in length: 6 dimensions, 5 names"),
        (lambda one: one["groups"].append([9]), "start image beyond 3"),
        (lambda one: one["groups"].append([]), "a group is empty"),
        (lambda one: one.update(toward=1), "toward is 1, but the key is combination:0"),
        (lambda one: one.update(key="combination:0:0"), "is not a key"),
        (lambda one: one["predicted"].__setitem__(0, 3), "no class 3"),
    ],
)
def test_a_run_file_whose_search_contradicts_itself_is_refused(tmp_path, change, words):
    from pytest_failcond.runs.content import digest

    with_searches(make_run(), combined(KEY, [1.0, 2.0, 3.0])).save(tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    change(data["combinations"][0])
    del data["digest"]
    (tmp_path / "run.json").write_text(json.dumps(data | {"digest": digest(data)}))
    with pytest.raises(FailcondError, match=words):
        Run.load(tmp_path / "run.json")


# The configuration


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"sampels": 3}, "combinations: unknown key 'sampels'; did you mean 'samples'"),
        ({"samples": 1}, "combinations.samples: 1: give a whole number from 2"),
        ({"dimensions": 1}, "combinations.dimensions: 1: give a whole number from 2"),
        ({"max_distance": 0.0}, "combinations.max_distance: 0: give a distance over 0"),
        ({"max_distance": 1e9}, "combinations.max_distance: 1e"),
        ({"max_distance": float("nan")}, "combinations.max_distance"),
        ({"toward": "7"}, "combinations.toward: '7': give a list of classes, like ['7'], or 'every'"),
        ({"toward": []}, "combinations.toward: is empty"),
        ({"toward": ["a", "a"]}, "combinations.toward: names 'a' twice"),
        ({"toward": [7]}, 'got 7; put it in quotes: "7"'),
        ({"toward": ["x"]}, "combinations.toward: there is no class 'x'"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_sentence(table, words):
    with pytest.raises(FailcondError) as error:
        load_settings(Path("p.toml"), {"classes": ["a", "b"], "combinations": table})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        ({"toward": ["c"]}, "'g' selects nothing: toward 'c' is not configured"),
        ({"toward": ["b"], "classes": ["b"]}, "class 'b' is not searched towards itself"),
        ({"toward": []}, "selects nothing: 'toward' is empty"),
        ({"classes": ["x"]}, "selects nothing: classes 'x' is not configured"),
        ({"by_class": True}, "takes no 'by_class'"),
        ({"severities": [1]}, "takes no 'severities'"),
    ],
)
def test_a_gate_that_selects_no_search_is_one_sentence(gate, words):
    table = {"classes": ["a", "b", "c"], "combinations": {"toward": ["b"]}}
    gate = {"id": "g", "metric": "combined_distance", "min": 3.0} | gate
    with pytest.raises(FailcondError, match=words):
        load_settings(Path("p.toml"), table | {"gates": [gate]})


def test_gates_without_the_table_or_its_pairs_name_it():
    gate = {"metric": "combined_share", "at": 4.0, "max": 0.5}
    for table, more, said in (
        ({}, {}, "there is no .tool.failcond.combinations."),
        ({"combinations": {}}, {"toward": ["7"]}, r"set toward = \['7'\] in"),
    ):
        with pytest.raises(FailcondError, match=said):
            load_settings(Path("p.toml"), table | {"gates": [gate | more]})


def test_a_class_is_not_searched_towards_itself():
    with pytest.raises(FailcondError, match="combination:7:7: a class is not searched towards"):
        parse_key("combination:7:7")
    every = load_settings(Path(), {"combinations": {"toward": "every"}}).combinations
    assert every.pairs(("a", "b", "c")) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({}, ["combination:0", "combination:1", "combination:2"]),
        ({"classes": ["c"]}, ["combination:2"]),
        ({"toward": ["b"]}, ["combination:0:1", "combination:2:1"]),
        ({"toward": ["b"], "classes": ["a", "b"]}, ["combination:0:1"]),
    ],
)
def test_a_gate_checks_the_searches_that_it_selects(fields, keys):
    gate = {"metric": "combined_distance", "min": 3.0} | fields
    table = {"classes": ["a", "b", "c"], "combinations": {"toward": ["a", "b"]}, "gates": [gate]}
    found = load_settings(Path(), table)
    assert PROBES["combination"].keys(found.gates[0], found, ("a", "b", "c")) == keys


# Words


def test_the_changes_are_said_together():
    found = combined(
        KEY, [0.0, *[3.0] * 3, None], changes={"contrast": -1.2, "slant": 0.9, "x": 0.1}
    )
    run = with_searches(make_run(), found)
    assert words.summary(run, found) == (
        "4 of 5 start images are broken within 12.0 σ, 1 of them unmoved: contrast − and slant + together"
    )
    toward = combined(CombinationKey(0, 2), [None, 2.0], changes={"slant": 0.9})
    assert words.summary(run, toward).startswith("1 of 2 start images are taken for [red]x")
    assert words.summary(run, toward).endswith("rejected what the guides let pass: slant +")
    assert words.half_at(combined(KEY, [None, None, 4.0])) == "> 12.0 σ"


MEDIUMS = {
    "terminal": lambda run: terminal.render(run, width=200, color=False, unicode=True),
    "html": html.page,
    "markdown": markdown.render,
}


@pytest.mark.parametrize("medium", MEDIUMS.values(), ids=MEDIUMS)
def test_changes_that_no_row_has_are_explained_by_the_few_images(medium):
    few = combined(KEY, [0.0, 3.0, 4.0, None], changes={"contrast": 0.05})
    more = combined(CombinationKey(1), [3.0] * 7, changes={"slant": 0.0})
    told = "no change stands out from chance in 2 to 7 start images of a class"
    assert told in " ".join(medium(with_searches(make_run(), few, more)).split())
    seen = replace(more, attributes=combined(KEY, [3.0], changes={"slant": 0.9}).attributes)
    assert told not in " ".join(medium(with_searches(make_run(), few, seen)).split())
    assert words.meaning([seen, few]) == words.TOGETHER
    assert words.meaning([combined(KEY, [None] * 3, changes={})]) == words.TOGETHER


def test_groups_begin_with_the_typical_and_the_largest():
    looks = np.array([[0.0, 0], [9, 9], [0.2, 0], [0.1, 0], [9, 9.1], [-30, 0]])
    found = [part.tolist() for part in grouped(looks, 3)]
    assert found == [[3, 0, 2], [1, 4], [5]]
    assert [part.tolist() for part in grouped(looks[:1], 3)] == [[0]]
    assert sum(map(len, grouped(np.zeros((4, 2)), 3))) == 4


# The comparison with a baseline

SUBJECTS = {"classifier": "w:1", "generator": "g:1", "judge": "j:1", "least_p": 0.8, "images": "i"}


def compared(then: Combined, now: Combined, subjects=None, table=None, found=None):
    both = [
        with_searches(make_run(), one, subjects=SUBJECTS | more, settings={"combinations": options})
        for one, more, options in ((then, {}, {"samples": 3}), (now, subjects or {}, table or {"samples": 3}))
    ]  # fmt: skip
    return compare(*both, "then", confidence=0.95, found=found)


def test_searches_by_other_guides_are_not_compared():
    found = compared(combined(KEY, [1.0]), combined(KEY, [2.0], guides=["model:4"]))
    assert found.remark == "combinations are not compared: other guides of the search"


def test_a_comparison_has_both_distances_and_the_replay():
    then, now = combined(KEY, [0.0, 2.0, 4.0]), combined(KEY, [3.0, None, None])
    found = compared(then, now, found={KEY: {"replayed": 2, "still": 1}})
    (entry,) = found.combinations
    assert (entry.distance_then, entry.distance, entry.tested_to) == (2.0, None, 12.0)
    assert (entry.broken_then, entry.broken, entry.total) == (3, 1, 3)
    assert (entry.replayed, entry.still) == (2, 1)
    assert found.remark == ""
    assert found.predictions_differ
    assert KEY not in found.only_then
    assert (
        KEY
        in compare(with_searches(make_run(), then), make_run(), "then", confidence=0.95).only_then
    )


@pytest.mark.parametrize(("then", "now"), [*permutations(("gradient", "evolution", "steps"), 2)])
def test_distances_found_in_different_ways_are_told_apart_and_not_counted_as_a_change(then, now):
    run = with_searches(make_run(), combined(KEY, [3.0], way=now))
    same = compare(run, run, "then", confidence=0.95)
    other = compared(combined(KEY, [1.0], way=then), combined(KEY, [3.0], way=now))
    assert not other.predictions_differ
    said = [note_of(run, comparison) for comparison in (same, other)]
    assert "differ in strength" not in said[0]
    assert said[1].count("is not the models' alone") == 1
    tried = compared(
        combined(KEY, [1.0], way=then), combined(KEY, [3.0], way=now),
        found={KEY: {"replayed": 1, "still": 0}},
    )  # fmt: skip
    assert tried.predictions_differ  # a combination tried again needs no search


def note_of(run, comparison) -> str:
    shown = searches.blocks(run, comparison, ["", "", "", "", ""], "A", every=False, on=MEDIA)
    return " ".join(block.text for block in shown if isinstance(block, Note))


@pytest.mark.parametrize(
    ("ways", "said"),
    [
        (["gradient", "gradient"], ""),
        (["gradient", "evolution"], "Class "),
        (["steps", "evolution"], "All classes: "),
    ],
)
def test_a_run_says_which_classes_were_searched_without_gradients(ways, said):
    found = [combined(CombinationKey(i), [2.0], way=way) for i, way in enumerate(ways)]
    run = with_searches(make_run(), *found)
    assert words.without_gradients(run, found).startswith(said)
    (section,) = view.sections(run)
    told = [
        b.text for b in section.blocks if isinstance(b, Note) and words.WITHOUT_GRADIENTS in b.text
    ]
    assert len(told) == bool(said)


@pytest.mark.parametrize(
    ("subjects", "table", "words"),
    [
        (
            {"generator": "g:2"},
            None,
            "directions and combinations are not compared: another generator",
        ),
        ({"judge": "j:2"}, None, "directions and combinations are not compared: another judge"),
        ({"least_p": 0.9}, None, "not compared: another acceptance, least_p = 0.8 there and"),
        ({}, {"samples": 4}, "combinations are not compared: other combinations settings"),
        ({}, {"samples": 3, "toward": ["7"]}, ""),
    ],
)
def test_other_searches_are_not_compared(subjects, table, words):
    found = compared(combined(KEY, [1.0]), combined(KEY, [2.0]), subjects, table)
    assert words in found.remark
    assert bool(found.remark) == bool(words)
    assert len(found.combinations) == (not words)


def measuring(folder, level: float, judged: float | None = None) -> Measuring:
    """What a session measures with: images that get darker by 0.1 per σ of one dimension."""
    table = {
        "corner_cases": {"top": 1, "samples": 8},
        "combinations": {"samples": 8, "dimensions": 2},
    }
    judge = None if judged is None else Bright(judged, sharpness=50)
    laboratory = build_laboratory(
        load_settings(Path("p.toml"), table), Bright(level), None, linear_generator(), judge
    )
    return Measuring(laboratory.settings, Store(folder), laboratory)


def test_a_search_is_measured_and_replayed_on_another_classifier(tmp_path):
    first = measuring(tmp_path / "first", 0.45)
    found = first.measure(KEY)
    assert found.broken_by(2.5) > 4
    assert found.median_dimensions <= 2
    # The farthest of two dimensions is the one that darkens, by 0.1 per σ.
    assert all(next(iter(found.shifts_of(row))) == LOST for row in found.cases)
    for name, level, all_break in (("easier", 0.3, False), ("harder", 0.5, True)):
        other = measuring(tmp_path / name, level)
        again = other.compared(KEY, {KEY: found}.__getitem__)
        assert again["replayed"] == len(found.cases) > 0
        assert again["still"] == (len(found.cases) if all_break else 0)
    assert first.compared(KEY, {KEY: replace(found, samples=[99])}.__getitem__) == {}


def test_what_the_acceptors_reject_is_not_found(tmp_path):
    """A judge that loses the image before the classifier does accepts no combination."""
    found = measuring(tmp_path, 0.45, judged=0.5).measure(KEY)
    assert found.broken_by(12.0) == found.wrong_unmoved
    assert found.judged
    assert found.guided_by_acceptors
    assert words.warnings([found]) == [words.GUIDED]


# The command that makes one again


@pytest.mark.parametrize("row", [0, 2])
def test_the_command_in_the_report_is_read_back_exactly(row):
    found = combined(KEY, [2.0, 0.0, 3.3])
    run = with_searches(make_run(), found)
    command = shlex.split(show_command(run, found, row))
    assert command[:2] == ["failcond", "show"]
    parser = ArgumentParser()
    show.add_arguments(parser)
    options = parser.parse_args(command[2:])
    assert (options.sample, options.seed) == (found.samples[row], 3)
    keys = [parse_key(key) for key in options.keys]
    pairs = zip(keys, options.shift, strict=True)
    read = {key.dimension: np.float32(key.sign * shift) for key, shift in pairs}
    assert read == {d: np.float32(s) for d, s in found.shifts_of(row).items()}


def test_the_bound_of_no_break_is_beyond_unless_there_are_few_images():
    for count, beyond in ((4, False), (5, True)):
        at, broken = combined(KEY, [None] * count).steps
        lower = breaking_shift_bound(at, broken, count, 0.95, "lower")
        assert (lower is None) == beyond
        assert breaking_shift_bound(at, broken, count, 0.95, "upper") is None


# The details of a key


def details_of(run: Run, found: Combined) -> list[Block]:
    return list(view.details(run, found.key))


def test_the_details_of_one_key_compare_with_a_direction_only_if_one_is_known():
    found = combined(KEY, [2.0, 3.3, 4.1])
    whole = with_searches(make_run(), found)
    alone = replace(whole, records={KEY: found})
    for run, known in ((whole, True), (alone, False)):
        blocks = details_of(run, found)
        (table,) = (block for block in blocks if isinstance(block, Table))
        (curve,) = (block for block in blocks if isinstance(block, Curve))
        columns, _ = table.seen_on("html")
        assert ("one direction" in [column.title for column in columns]) == known
        assert ("One direction" in table.explained(columns)) == known
        assert ("single" in [line.kind for line in curve.lines]) == known
        assert ("one direction" in curve.told) == known


def test_every_picture_has_its_start_image_and_its_command():
    found = combined(KEY, [2.0, 3.3, 4.1, 5.0])
    run = with_searches(make_run(), found)
    blocks = details_of(run, found)
    (strip,) = (block for block in blocks if isinstance(block, Strip))
    assert "the largest group first" in strip.title
    (others,) = (block.blocks for block in blocks if isinstance(block, Fold))
    again = [block for block in (*blocks, *others) if isinstance(block, Note) and block.command]
    rows = found.pictured.rows
    assert [note.command for note in again] == [show_command(run, found, row) for row in rows]
    for row, note, frame in zip(rows, again, strip.frames, strict=True):
        assert f"ample {found.samples[row]}" in note.text
        assert frame.said[0].text.startswith(f"sample {found.samples[row]}: ")


@given(found=distances)
@settings(max_examples=30, deadline=None)
def test_the_drawn_curve_is_at_one_half_or_over_where_it_is_said_to_be(found):
    record = combined(KEY, found)
    curve = view.curve_of(with_searches(make_run(), record), record)
    for line in curve.lines:
        at = line.shifts(curve)
        assert len(at) == len(line.values)
        assert [*at] == sorted(set(at))
    (line,) = (line for line in curve.lines if line.kind == "broken")
    if curve.breaks is not None:
        assert 2 * np.interp(curve.breaks, line.shifts(curve), line.values) >= record.total


# Markers


@pytest.mark.parametrize(
    ("toward", "marker", "words"),
    [
        (None, {"toward": ["4"]}, "no class is searched towards another; set toward = ['4'] in"),
        (None, {"toward": ["x"]}, "toward 'x': there is no class 'x'; known: 4, 7, 9"),
        (["7"], {"toward": ["4"]}, "toward '4' is not configured; known: 7"),
        (["4"], {"classes": ["4"], "toward": ["4"]}, "a class is not searched towards itself"),
        ("every", {"classes": ["4"], "toward": ["4"]}, "a class is not searched towards itself"),
        (["4"], {"classes": ["x"]}, "classes 'x' is not configured; known: 4, 7, 9"),
    ],
)
def test_a_marker_that_selects_nothing_is_told_why(toward, marker, words):
    classes = ("4", "7", "9")
    table = {} if toward is None else {"toward": toward}
    given = load_settings(Path(), {"classes": list(classes), "combinations": table})
    planning = Planning(given, classes, generator=True, marked=lambda name, known: [marker])
    with pytest.raises(FailcondError) as error:
        list(PROBES["combination"].tests(planning))
    assert words in str(error.value)
