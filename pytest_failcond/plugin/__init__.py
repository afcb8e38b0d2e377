"""The pytest hooks. Imports only the standard library and pytest: it loads in every project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError, unreadable
from pytest_failcond.plugin import hookspecs
from pytest_failcond.plugin.beginnings import Beginnings
from pytest_failcond.plugin.fixtures import (  # noqa: F401 - pytest finds fixtures by name
    failcond,
    failcond_classifier,
    failcond_combination,
    failcond_corner_case,
    failcond_corpus,
    failcond_corruption,
    failcond_gate,
    failcond_generator,
    failcond_images,
    failcond_judge,
    failcond_probe,
    failcond_regression,
)
from pytest_failcond.plugin.header import header
from pytest_failcond.plugin.html_report import HtmlReport
from pytest_failcond.plugin.items import (
    GENERATED,
    bring_home,
    is_planned,
    measures,
    planned,
    says_nothing,
)
from pytest_failcond.plugin.notices import Notices
from pytest_failcond.plugin.option_table import add_options
from pytest_failcond.plugin.options import make_state
from pytest_failcond.plugin.outcome import point_home, tell_once
from pytest_failcond.plugin.scope import FILE, SCOPE, Scope, needs_configuration, seems_configured
from pytest_failcond.plugin.state import STATE, SUITE, State, fail, from_suite
from pytest_failcond.plugin.subject_fixtures import refusal, unknown_fixture
from pytest_failcond.probes.base import Planned
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.process.threads import share_cores

_NOTHING = "failcond_nothing"
_VERDICT = "failcond_verdict"


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Let projects add their own probes."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)  # a conftest may import torch, which reads these variables
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Prepare the process for computing beside others, if the project uses the plugin."""
    if seems_configured(early_config):
        share_cores()


@pytest.hookimpl(tryfirst=True)  # pytest-html reads the style sheets when it is configured
def pytest_configure(config: pytest.Config) -> None:
    """Read and validate the configuration; report its faults before anything runs."""
    markers = {
        "failcond_corruptions(names=None, severities=None)": "select cells of the grid",
        "failcond_corner_cases(classes=None, top=None)": "select classes and ranks",
        "failcond_combinations(classes=None, toward=None)": "select searches by class and wanted class",
    }
    for marker, text in markers.items():
        config.addinivalue_line("markers", f"{marker}: {text} for the generated tests")
    before = set(PROBES.names)
    try:
        config.hook.pytest_failcond_probes(registry=PROBES)
        config.add_cleanup(lambda: PROBES.keep(before))
        scope = config.stash[SCOPE] = Scope.of(config)
        state = make_state(config, scope)
    except FailcondError as error:
        raise pytest.UsageError(str(error)) from error
    except OSError as error:  # a fault a fault of a file that the user named
        raise pytest.UsageError(unreadable(error)) from error
    if state is not None:
        config.stash[STATE] = state
        if config.pluginmanager.hasplugin("html"):
            HtmlReport.join(config, state)
        if state.owns_store:
            config.pluginmanager.register(Beginnings(state), "failcond-beginnings")
        if state.owns_store and state.part is None:
            config.pluginmanager.register(Notices(config, state), "failcond-notices")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Show progress while tests measure, on a terminal."""
    state = session.config.stash.get(STATE, None)
    if state is not None and state.owns_store and not session.config.option.collectonly:
        from pytest_failcond.plugin.progress_line import start

        start(session.config, state)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the places of the store and the configuration."""
    state, found = node.config.stash.get(STATE, None), node.config.stash[SCOPE].found
    if state is not None:
        node.workerinput["failcond_store"] = str(state.store)
        node.workerinput[FILE] = str(found.path)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Generate a test per cell, direction, image of the corpus, gate and compared key."""
    for name in GENERATED:
        if name in metafunc.fixturenames:
            if metafunc.config.stash[SCOPE].objection(metafunc.definition) is not None:
                return  # the test fails with the reason before it needs any value
            state = metafunc.config.stash.get(STATE, None)
            tests: list[Planned] = []
            if state is not None:
                from pytest_failcond.plugin.generation import tests_of

                try:
                    tests = tests_of(name, state, metafunc.definition)
                except FailcondError as error:
                    fail(f"{metafunc.definition.nodeid}: {error}")
            if not tests and metafunc.module.__name__ != SUITE and not from_suite(metafunc):
                metafunc.parametrize(name, [], indirect=True)
            elif not tests:
                metafunc.parametrize(name, [None], ids=[_NOTHING], indirect=True)
            else:
                ids = [test.test_id for test in tests]
                metafunc.parametrize(name, tests, ids=ids, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Iterator[None]:
    """Leave out the suite's tests of unconfigured parts; report the others in the user's file."""
    made: Any = yield
    if isinstance(made, list):
        state = collector.config.stash.get(STATE, None)
        made = [item for item in made if not says_nothing(item, state)]
        for item in made:
            bring_home(item)
    return made  # type: ignore[no-any-return]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave a part of a divided session its share of the plan.

    The user's own tests are not in the plan; the first part runs them.
    """
    state = config.stash.get(STATE, None)
    if state is None or state.part is None:
        return
    from pytest_failcond.verdicts.plan import share_of

    share = share_of(_keep_plan(state, items), state.part)
    mine: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        chosen = planned(item).unit in share if is_planned(item) else state.part[0] == 1
        (mine if chosen else others).append(item)
    items[:] = mine
    config.hook.pytest_deselected(items=others)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the plan, so that missing keys are seen; check that its tests can share a session."""
    state = session.config.stash.get(STATE, None)
    if state is None:
        return
    if state.part is None:
        _keep_plan(state, session.items)
    asking = [item for item in session.items if measures(item)]
    state.refusal = unknown_fixture(asking) or refusal(asking, state.given)


def _keep_plan(state: State, items: list[pytest.Item]) -> list[Planned]:
    """Keep the plan in a fixed order: each part may shuffle its tests."""
    found = {one.name: one for one in map(planned, filter(is_planned, items))}
    plan = sorted(found)
    if plan:
        from pytest_failcond.storage.store import PLAN, Store

        tests = {item.nodeid: planned(item).name for item in items if is_planned(item)}
        Store(state.store).put(PLAN, {"plan": plan, "tests": tests})
    return [found[name] for name in plan]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Remember the running test, so that its verdict can be noted on it."""
    state = item.config.stash.get(STATE, None)
    if state is not None:
        state.item = item
    return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Fail a test that this session cannot judge, before anything is loaded; count attempts."""
    if needs_configuration(item, ("failcond", *GENERATED)):
        why = item.config.stash[SCOPE].objection(item)
        if why is not None:
            fail(why)
    state = item.config.stash.get(STATE, None)
    if state is None:
        return
    state.attempts[item.nodeid] += 1
    if state.attempts[item.nodeid] > 1:  # the notes on the test belong to the previous attempt
        item.user_properties[:] = [
            p for p in item.user_properties if not p[0].startswith("failcond_")
        ]
    if state.refusal is not None and measures(item):
        fail(state.refusal)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Report each fault once, and name a line of the user's code."""
    report: Any = yield
    state = item.config.stash.get(STATE, None)
    if call.excinfo is not None:
        if report.failed:
            tell_once(item, call.excinfo, report, state)
        point_home(item, call.excinfo, report)
    return report  # type: ignore[no-any-return]


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Show a check that holds only within sampling noise as MARGINAL."""
    noted = [list(entry) for entry in getattr(report, "user_properties", [])]  # collection has none
    if report.when == "call" and report.passed and [_VERDICT, "marginal"] in noted:
        return "marginal", "m", "MARGINAL"
    return None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the header: the subjects and the plan."""
    state = config.stash.get(STATE, None)
    return None if state is None else header(config, state)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Make the run from the store and keep it; a planned key that is missing fails it."""
    if (state := _ending(session.config)) is not None:
        from pytest_failcond.plugin.ending import keep_run

        keep_run(session, exitstatus, state)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the tables: accuracy by corruption and severity, directions, gates."""
    if (state := _ending(config)) is not None:
        from pytest_failcond.plugin.ending import show_run

        show_run(terminalreporter, config, state)


def _ending(config: pytest.Config) -> State | None:
    """Return the state of a session that ends in a run: not a worker's, nor one that only collects."""
    state = config.stash.get(STATE, None)
    if state is None or not state.owns_store or config.option.collectonly:
        return None
    return state


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the store."""
    state = config.stash.get(STATE, None)
    if state is not None and state.folder is not None:
        state.folder.close()
