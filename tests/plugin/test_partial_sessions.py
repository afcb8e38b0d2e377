"""A session that selects some tests, or stops early: what it leaves out is told by its cause."""

from __future__ import annotations

import json

import pytest

from tests.plugin.conftest import GRID

STOPS = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if "blackout-1" in item.nodeid:
        {}
"""


def errors_of(project):
    found = json.loads((project.path / "run.json").read_text())["errors"]
    return {entry["key"]: entry["error"] for entry in found}


NOT_ENDED = "was planned, but its test did not end"
NOT_BEGUN = "was not run, because the session stopped before its test ({}); let it run to its end"


@pytest.mark.parametrize("options", [("-x",), ("--maxfail=1", "--failcond-shard=1/1")])
def test_a_test_that_a_stop_prevented_is_told_apart_from_one_that_did_not_end(project, options):
    project.write("conftest.py", STOPS.format("assert 0"))
    assert project.run("--failcond-json=run.json", *options).ret == 1
    assert errors_of(project) == {
        "corruption:blackout:1": NOT_ENDED,
        "corruption:blackout:3": NOT_BEGUN.format("stopping after 1 failures"),
    }


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        ("item.session.shouldstop = 'enough'; assert 0", "enough"),
        ("pytest.exit('enough')", "it was interrupted"),
    ],
)
def test_a_gate_that_an_interruption_prevented_stays_an_error(project, gate, stop, told):
    project.configure(GRID, gate(metric="mean_corruption_accuracy", min=0.1))
    project.write("conftest.py", STOPS.format(stop))
    text = " ".join(project.run().stdout.str().split())
    assert f"ERROR mean-corruption-accuracy corruptions {NOT_ENDED}" in text
    assert f"ERROR corruption:blackout:3 {NOT_BEGUN.format(told)}" in text


def test_workers_tell_the_same(project):
    project.write("conftest.py", STOPS.format("assert 0"))
    text = " ".join(project.run("-x", workers=1).stdout.str().split())
    assert f"ERROR corruption:blackout:1 {NOT_ENDED}" in text
    assert f"ERROR corruption:blackout:3 {NOT_BEGUN.format('stopping after 1 failures')}" in text


def test_what_a_partial_run_has_not_is_asked_of_it_with_its_own_selection(project):
    project.run("-k", "blackout", "--failcond-json=run.json")
    judged = "--failcond-from=run.json"
    result = project.run(judged)
    assert result.parseoutcomes() == {"passed": 3, "failed": 2}
    result.stdout.fnmatch_lines(
        [
            "corruption:gaussian_noise:1: this key is not in the judged run, *select the same tests (-k)*"
        ]
    )
    assert project.run(judged, "-k", "blackout").ret == 0
