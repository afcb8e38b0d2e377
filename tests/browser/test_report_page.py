"""pytest-html's report, with what we put into it, in a real browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.explorable import write_project

ROOT = Path(__file__).parents[2]
REST = """
[[tool.failcond.gates]]
metric = "breaking_shift"
min = 0.75
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of a session in which some corner cases fail and some pass."""
    folder = write_project(tmp_path_factory.mktemp("project"))
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(REST)
    (folder / "test_robustness.py").write_text("from pytest_failcond.suite import *\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:randomly",
        "-p",
        "no:syrupy",
        "-p",
        "no:cacheprovider",
    ]
    ended = subprocess.run(
        [*command, "--html=report.html", "--self-contained-html"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert " passed" in ended.stdout
    return folder / "report.html"


@pytest.fixture
def opened(browser, report):
    """The report, opened afresh; at its end, the console must be silent."""
    browser.open(report)
    browser.wait("document.querySelectorAll('#results-table .results-table-row').length")
    yield browser
    assert browser.errors() == []


def results(browser):
    return [cell.text for cell in browser.find_all("#results-table .col-result")]


def test_it_shows_what_failed(opened):
    assert {"Passed", "Failed"} <= set(results(opened))
    assert "verdict: failed" in opened.find("body").text
    pictures = opened.run(  # pytest-html leaves empty ones of its own
        "return [...document.querySelectorAll('.failcond img')].map((i) => i.naturalWidth)"
    )
    assert len(pictures) >= 2
    assert all(pictures)


def test_the_results_sort(opened):
    orders = []
    for _ in range(2):
        opened.find("#results-table th[data-column-type='result']").click()
        orders.append(results(opened))
    assert {tuple(order) for order in orders} == {
        tuple(sorted(orders[0])),
        tuple(sorted(orders[0], reverse=True)),
    }
