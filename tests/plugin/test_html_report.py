"""What stands in pytest-html's report and in JUnit files."""

from __future__ import annotations

import html
import json
import re
from xml.etree import ElementTree

import pytest

from pytest_failcond.cli import main
from tests.plugin.conftest import CORNERS, GRID

COLUMNS = ("class", "direction", "value", "threshold")


def blob(project, name="report.html"):
    """The data that pytest-html's page draws its table from, by test."""
    text = (project.path / name).read_text(encoding="utf-8")
    found = re.search(r'data-jsonblob="(.*?)"></div>', text)
    tests = json.loads(html.unescape(found[1]))["tests"]
    return {name.partition("::")[2]: results[-1] for name, results in tests.items()}


def shown(result, column):
    """What a reader sees in a column."""
    return html.unescape(re.sub(r"<span hidden>.*?</span>", "", result[column]))


def sorted_by(results, column):
    """The order in which pytest-html lays out tests: by text."""
    return sorted(results, key=lambda name: results[name][column])


def test_results_have_value_and_threshold_and_sort_by_them(project, gate):
    project.configure(GRID, gate(metric="accuracy", min=0.9), gate(metric="clean_accuracy", min=1))
    project.write("test_other.py", "def test_other():\n    pass\n")
    project.run("--html=report.html", "--self-contained-html")
    results = blob(project)
    assert {len(result["resultsTableRow"]) for result in results.values()} == {8}
    cell = results["test_corruption[blackout-3]"]
    assert [shown(cell, column) for column in COLUMNS] == ["", "", "0.8000", "≥ 0.9"]
    assert [shown(results["test_other"], column) for column in COLUMNS] == [""] * 4
    order = [shown(results[name], "value") for name in sorted_by(results, "value")]
    assert order[:2] == ["0.8000", "0.9333"]
    assert order == [*sorted(order[:-1], key=float), ""]


def test_results_have_class_and_direction(corners, gate):
    corners.configure(CORNERS, gate(metric="breaking_shift", min=2.0))
    corners.once("--html=report.html", "--self-contained-html", "--failcond-json=run.json")
    results = blob(corners)
    directions = json.loads((corners.path / "run.json").read_text())["directions"]
    assert len(results) == len(directions) == 6
    for found in directions:
        name = ("circle", "square", "star")[found["class"]]
        cell = results[f"test_corner_case[{name}-{found['rank']}]"]
        assert shown(cell, "class") == name
        assert shown(cell, "direction").startswith(f"s{found['dimension']} {found['layer']}[")
        assert shown(cell, "threshold") == "≥ 2 σ"
        broke, end = found["breaking_shift"], found["curve"]["shift"][-1]
        assert shown(cell, "value") == (f"> {end:.1f} σ" if broke is None else f"{broke:.1f} σ")
    order = [shown(results[name], "value") for name in sorted_by(results, "value")]
    assert order == sorted(order, key=lambda text: (text.startswith(">"), text))


def test_a_regression_shows_what_was_lost(project, monkeypatch, gate):
    monkeypatch.chdir(project.path)
    project.once("--failcond-json=old.json")
    assert main(["baseline", "old.json"]) == 0
    baseline = '[tool.failcond]\nbaseline = "failcond-baseline.json"'
    table = GRID.replace("[tool.failcond]", baseline, 1)
    project.configure(table, gate(id="drop", metric="regression_drop", max=0.01))
    blind = "--failcond-classifier=mine:load_blind"
    project.run(blind, "--html=report.html", "--self-contained-html")
    result = blob(project)["test_regression[clean]"]
    (extra,) = result["extras"]
    for part in ("Since the baseline:", "Lost:", "then ✓ 2"):
        assert part in extra["content"]
    assert "data:image/png" in extra["content"]
    assert shown(result, "value") == "0.3333"
    project.run(blind, "--html=none.html", "--self-contained-html", "--failcond-no-images")  # fmt: skip
    assert "data:image" not in (project.path / "none.html").read_text(encoding="utf-8")


def test_the_style_is_a_file_where_the_report_has_assets(project):
    project.run("--html=report.html")
    assert ".failcond .heat" in (project.path / "assets" / "style.css").read_text()
    page = (project.path / "report.html").read_text(encoding="utf-8")
    assert ".failcond .heat" not in page
    assert "verdict: nothing is gated" in page


def test_junit_files_carry_the_numbers_of_a_check(project, gate):
    loose = gate(id="loose", metric="accuracy", min=0.5)
    project.configure(GRID, loose, gate(id="tight", metric="accuracy", min=0.9))
    project.run("--junitxml=junit.xml")
    cases = {case.get("name"): case for case in ElementTree.parse("junit.xml").iter("testcase")}
    found = {
        p.get("name"): p.get("value") for p in cases["test_corruption[blackout-3]"].iter("property")
    }
    assert found["failcond_gate"] == "tight", "the gravest of both"
    assert float(found["failcond_value"]) == pytest.approx(0.8)
    assert 0.8 < float(found["failcond_bound"]) < 0.9
    assert (found["failcond_threshold"], found["failcond_limit"]) == ("0.9", "min")
    assert found["failcond_n"] == "300"
