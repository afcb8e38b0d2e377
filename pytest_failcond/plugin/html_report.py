"""Our parts of pytest-html's report. Imports only the standard library and pytest at load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_failcond.plugin.state import STATE, State
from pytest_failcond.words.printing import escape_html

_STYLES = ("report.css", "pytest-html.css")
_COLUMNS = ("class", "direction", "value", "threshold")
_AFTER = 2  # result and test
_LAST = ":"  # sorts behind every number, and before an empty cell


class HtmlReport:
    """Hooks that are registered if failcond is configured and pytest-html is installed."""

    def __init__(self, state: State) -> None:
        self._state = state

    @classmethod
    def join(cls, config: pytest.Config, state: State) -> None:
        """Register the hooks, and our style sheets before the user's."""
        folder = Path(__file__).parents[1] / "report" / "templates"
        config.option.css = [*(str(folder / name) for name in _STYLES), *config.option.css]
        config.pluginmanager.register(cls(state), "failcond-html")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[None]:
        """Attach the pictures and tables of a failed test, in the process that ran it."""
        report: Any = yield
        if report.when == "call" and report.failed:
            keys = [str(value) for name, value in item.user_properties if name == "failcond_key"]
            pictures = not item.config.getoption("failcond_no_images")
            made = _extras(self._state, keys, pictures) if keys else []
            report.extras = [*getattr(report, "extras", []), *made]
        return report  # type: ignore[no-any-return]

    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """Put verdicts, gates and the heat map at the top."""
        state = session.config.stash[STATE]
        if state.run is not None:
            from pytest_failcond.report import html

            pictures = not session.config.getoption("failcond_no_images")
            prefix.append(html.summary(state.run, pictures=pictures))

    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add our columns to the table of tests."""
        cells[_AFTER:_AFTER] = [
            f'<th class="sortable" data-column-type="{name}">{name.capitalize()}</th>'
            for name in _COLUMNS
        ]

    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        """Fill our columns in; they are empty for other tests."""
        if cells:  # a hook may have emptied the row, to leave it out
            found = row_of(dict(map(tuple, getattr(report, "user_properties", ()))))
            cells[_AFTER:_AFTER] = [
                f'<td class="col-{name}"><span hidden>{escape_html(order)}</span>{escape_html(text)}</td>'
                for name, (order, text) in zip(_COLUMNS, found, strict=True)
            ]


def row_of(noted: dict[str, Any]) -> list[tuple[str, str]]:
    """Return class, direction, value and threshold of a test, each after its sort key.

    Args:
        noted: the test's properties. pytest-html compares cells as text.
    """
    name, direction = noted.get("failcond_class", ""), noted.get("failcond_direction", "")
    row = [(f"{noted.get('failcond_class_index', 0):06d}" if name else "", name),
           (str(noted.get("failcond_key", "")) if direction else "", direction)]  # fmt: skip
    if "failcond_metric" not in noted:
        return [*row, ("", ""), ("", "")]
    from pytest_failcond.verdicts.gates import amount, unit

    metric, threshold = noted["failcond_metric"], noted["failcond_threshold"]
    value, tested = noted.get("failcond_value"), noted.get("failcond_tested_to")
    sign = "≥" if noted["failcond_limit"] == "min" else "≤"
    if value is not None:
        shown = _sortable(value), amount(metric, value)
    else:
        shown = _LAST, f"> {amount(metric, tested)}" if tested is not None else ""
    return [*row, shown, (_sortable(threshold), f"{sign} {threshold:zg}{unit(metric)}")]


def _sortable(number: float) -> str:
    """Write a number so that it sorts rightly as text."""
    return f"{number + 1e9:020.6f}"


def _extras(state: State, keys: Sequence[str], pictures: bool) -> list[dict[str, Any]]:
    """Return pytest-html's extras for a failed test: the details of its keys."""
    from pytest_html import extras

    from pytest_failcond.probes.registry import PROBES
    from pytest_failcond.report import html
    from pytest_failcond.runs.assemble import assemble

    run = assemble(
        state.store,
        state.settings,
        state.classes,
        baseline=state.baseline,
        part=state.part,
        only=keys,
    )
    if run is None:
        return []
    return [extras.html(html.details(run, PROBES.about(key), pictures=pictures)) for key in keys]
