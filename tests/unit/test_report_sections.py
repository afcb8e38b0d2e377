"""A probe's section has the place that it names, in every medium, whoever wrote the probe."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes import Fault, Note, Outcome, Probe, Section
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.report import contents, html, markdown, terminal
from pytest_failcond.report.sections import DOWN, UP, sections
from pytest_failcond.words.blocks import Place
from pytest_failcond.words.media import BRIEF, VERBOSE
from tests.runs import make_run
from tests.unit.test_report_snapshots import whole_run

TITLES = (
    "Gates",
    "Since the baseline",
    "Accuracy by corruption and severity",
    "Directions along which a class is lost fastest",
    "Corpus",
)
MINE = "Mine, a section of my own"


@pytest.fixture
def placed():
    """Registers a probe with these sections."""
    added: list[Probe] = []

    def add(*made: Section, **hooks: Any) -> None:
        probe = Probe(name=f"own{len(added)}", sections=lambda run: made, **hooks)
        PROBES.add(probe)
        added.append(probe)

    yield add
    for probe in added:
        PROBES.remove(probe)


def order_in(text: str, *titles: str) -> list[str]:
    """Titles in the order in which a text has them."""
    found = {title: text.find(title) for title in titles}
    assert -1 not in found.values(), found
    return sorted(titles, key=found.__getitem__)


@pytest.fixture
def run(tmp_path):
    return whole_run(tmp_path)


@pytest.mark.parametrize(
    ("place", "rank", "after"),
    [
        ("gates", -1, None),
        ("gates", 1, "Gates"),
        ("changes", -1, "Gates"),
        ("changes", 100, "Since the baseline"),
        ("findings", 0, "Since the baseline"),
        ("findings", 15, "Accuracy by corruption and severity"),
        ("findings", 100, "Corpus"),
    ],
)
def test_a_section_of_a_projects_own_takes_any_place_among_ours(run, placed, place, rank, after):
    placed(Section(MINE, [Note("x")], place=place, rank=rank))
    expected = list(TITLES)
    expected.insert(0 if after is None else TITLES.index(after) + 1, MINE)
    page, text = html.page(run), terminal.render(run, width=100, color=False, unicode=True)
    assert order_in(page.partition("<main>")[2], *expected) == expected
    assert order_in(html.summary(run), *expected) == expected
    shown = [section.title for section in sections(run, DOWN)]
    assert [title for title in shown if title in expected] == expected
    up = [section.title for section in sections(run, UP) if section.title in expected]
    assert order_in(text, *expected) == up
    # A terminal turns the places round, not the sections of one place.
    places = {section.title: section.place for section in sections(run, UP)}
    assert up == sorted(expected, key=lambda title: UP.index(places[title]))
    assert MINE in markdown.render(run)


def test_every_place_has_its_turn_on_a_page_and_in_a_terminal():
    assert set(DOWN) == set(UP) == set(get_args(Place))


def test_sections_of_one_rank_come_in_the_order_of_their_probes(placed):
    placed(Section("first", [Note("x")]), Section("second", [Note("x")]))
    placed(
        Section("third", [Note("x")]), Section("none", []), Section("zeroth", [Note("x")], rank=99)
    )
    shown = [section.title for section in sections(make_run(), DOWN)]
    assert shown[-4:] == ["zeroth", "first", "second", "third"]
    assert "none" not in shown


def test_a_place_that_does_not_exist_is_refused_in_one_sentence():
    with pytest.raises(
        FailcondError, match="section 'mine': place = 'top' does not exist; take one of 'gates'"
    ):
        Section("mine", [], place="top")  # type: ignore[arg-type]


def test_a_terminal_that_is_asked_for_every_row_shows_what_is_meant_for_it(placed):
    placed(Section(MINE, [Note("in short", on=BRIEF), Note("at length", on=VERBOSE)]))
    for verbose, said, unsaid in ((0, "in short", "at length"), (1, "at length", "in short")):
        text = terminal.render(make_run(), width=100, color=False, unicode=True, verbose=verbose)
        assert said in text
        assert unsaid not in text


def test_details_of_a_probe_are_in_the_failed_test_and_in_the_article_of_any_key(tmp_path, placed):
    run = make_run(tmp_path)
    placed(details=lambda run, key: [Note("what a probe of mine knows")])
    failed = [
        check.key for check in run.checks if check.verdict == "failed" and check.key in run.records
    ]
    assert failed
    assert "what a probe of mine knows" in html.details(run, failed[0])
    assert html.page(run).count("what a probe of mine knows") >= len(set(failed))


def _raises(*_):
    yield from {}["mine"]


def _misplaced(*_):
    yield Section("mine", [Note("x")], place="top")  # type: ignore[arg-type]


def _none(*_):
    return None


def _text(*_):
    return ["a text"]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (_raises, "raised KeyError: 'mine' (tests/unit/test_report_sections.py:"),
        (_misplaced, "place = 'top' does not exist"),
        (_none, "raised TypeError"),
        (_text, "got str, expected"),
    ],
)
def test_a_section_that_cannot_be_made_is_a_sentence_and_the_others_are_shown(
    tmp_path, broken, told
):
    run = make_run(tmp_path)
    PROBES.add(probe := Probe(name="own", sections=broken, details=broken))
    try:
        failed = next(c.key for c in run.checks if c.verdict == "failed" and c.key in run.records)
        for text in (
            terminal.render(run, width=200, color=False, unicode=True),
            markdown.render(run),
            html.summary(run),
            html.details(run, failed),
        ):
            assert told in text.replace("&#x27;", "'").replace("\\_", "_")
            assert "bound" in text
    finally:
        PROBES.remove(probe)


@pytest.mark.parametrize("verdict", ["failed", "error"])
def test_a_fault_beside_the_gates_turns_a_run_red_with_its_reason(placed, verdict):
    run = make_run(gates=(), cells=False)
    assert not contents.is_red(run)
    found = Outcome(
        verdict, [Fault("page 7", "is torn")], "two torn", "one page lost", ["Pages are old."]
    )
    placed(outcome=lambda run: found)
    assert contents.run_status(run) == verdict
    line, _ = contents.verdict_line(run)
    assert line == f"verdict: {verdict}; two torn · one page lost"
    text = terminal.render(run, width=100, color=False, unicode=True, verbose=-1)
    assert text.splitlines()[0].split("  ") == [verdict.upper(), "own0", "page 7", "is torn"]
    for said in (text, markdown.render(run), html.summary(run)):
        assert "Pages are old." in said
    assert "is torn" in markdown.render(run)


def test_what_held_beside_the_gates_is_a_verdict(placed):
    run = make_run(gates=(), cells=False)
    assert contents.run_status(run) is None
    placed(outcome=lambda run: Outcome("passed"))
    assert contents.run_status(run) == "passed"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda run: {}["mine"], "KeyError: 'mine' ("),
        (_none, "TypeError: got NoneType, expected Outcome"),
    ],
)
def test_an_outcome_that_cannot_be_told_is_an_error_of_the_run(placed, broken, told):
    placed(outcome=broken)
    run = make_run(gates=(), cells=False)
    assert contents.run_status(run) == "error"
    text = terminal.render(run, width=200, color=False, unicode=True, verbose=-1)
    assert f"ERROR  own0  probe own0  probe 'own0': outcome raised {told}" in text
