"""pytest-html's report, with what we put into it, in a real browser."""

from __future__ import annotations

import sys

import pytest

from tests.explorable import CONFIGURATION, write_project
from tests.plugin.conftest import project  # noqa: F401 - a fixture

REST = """
[[tool.failcond.gates]]
metric = "breaking_shift"
min = 0.75
"""


@pytest.fixture
def report(project, monkeypatch):  # noqa: F811
    """The report of a session in which some corner cases fail and some pass."""
    write_project(project.path)
    project.configure(CONFIGURATION, REST)
    monkeypatch.delitem(sys.modules, "explorable_models", raising=False)
    ended = project.once("--html=report.html", "--self-contained-html")
    assert ended.ret == 1, ended.stdout.str()
    assert ended.parseoutcomes()["passed"]
    return project.path / "report.html"


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


def test_a_long_command_makes_no_row_wider(opened):
    code = "document.querySelector('#results-table .failcond code')"
    opened.run(f"{code}.textContent = 'direction:4:187:- '.repeat(40)")
    assert opened.sideways() <= 0


def test_the_results_sort(opened):
    orders = []
    for _ in range(2):
        opened.find("#results-table th[data-column-type='result']").click()
        orders.append(results(opened))
    assert {tuple(order) for order in orders} == {
        tuple(sorted(orders[0])),
        tuple(sorted(orders[0], reverse=True)),
    }
