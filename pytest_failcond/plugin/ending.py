"""The end of a session: its run is made, kept and shown."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.beginnings import unbegun
from pytest_failcond.plugin.state import State
from pytest_failcond.words.printing import one_line


def keep_run(session: pytest.Session, exitstatus: int, state: State) -> None:
    """Make the run from the store and keep it; a planned key that is missing fails it."""
    from pytest_failcond.report.asking import outcomes
    from pytest_failcond.runs.assemble import assemble

    state.run = assemble(
        state.store,
        state.settings,
        state.classes,
        baseline=state.baseline,
        part=state.part,
        kept=state.measured is not None,
        strict=state.strict,
        unbegun=unbegun(session, exitstatus, state),
    )
    config = session.config
    if state.run is None:
        if session.exitstatus == pytest.ExitCode.OK and _asked_for_a_verdict(config):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return
    base = config.invocation_params.dir
    if exitstatus in (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR):
        state.problem = "the session was interrupted; an earlier file is untouched"
        return
    try:
        if path := config.getoption("failcond_json"):
            state.run.save(base / path, pictures=not config.getoption("failcond_no_images"))
        if path := config.getoption("failcond_markdown"):
            from pytest_failcond.report import markdown
            from pytest_failcond.storage.outputs import write_summary

            write_summary(base / path, markdown.render(state.run))
    except FailcondError as error:
        state.problem = str(error)
    unmeasured = any(check.verdict == "error" for check in state.run.checks) or state.run.errors
    beside = state.part is None and any(
        outcome.verdict in ("failed", "error") for outcome in outcomes(state.run).values()
    )
    if session.exitstatus == pytest.ExitCode.OK and (state.problem or unmeasured or beside):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def show_run(reporter: Any, config: pytest.Config, state: State) -> None:
    """Show the tables: accuracy by corruption and severity, directions, gates."""
    if state.run is None:
        _say_that_nothing_was_measured(reporter, config, state)
        return
    from pytest_failcond.report import terminal

    writer = config.get_terminal_writer()
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    text = terminal.render(
        state.run,
        width=writer.fullwidth,
        color=writer.hasmarkup,
        unicode=encoding.lower().startswith("utf"),
        verbose=config.get_verbosity(),
    )
    if config.get_verbosity() > -2:  # -q shortens pytest's own lines; -qq prints nothing
        reporter.section("failcond", cyan=True)
        reporter.write(text)
    path = config.getoption("failcond_json")
    if state.problem and (path or config.getoption("failcond_markdown")):
        reporter.write_line(one_line(f"the run was not kept: {state.problem}"), red=True)
    elif path:
        reporter.write_line(one_line(f"run kept: {path}"))


def _say_that_nothing_was_measured(reporter: Any, config: pytest.Config, state: State) -> None:
    """Warn if a session judged nothing, so that it does not look like one that passed."""
    gates = len(state.settings.gates) if state.part is None else 0
    parts = ["its gate was not checked" if gates == 1 else f"none of {gates} gates was checked"]
    parts = parts if gates else []
    for option in ("failcond_json", "failcond_markdown"):
        if path := config.getoption(option):
            old = (config.invocation_params.dir / path).exists()
            parts.append(f"{path} was not written{' and is of an older run' if old else ''}")
    if parts and config.get_verbosity() > -2:
        line = one_line(f"failcond: nothing was measured: {', '.join(parts)}")
        reporter.write_line(line, yellow=True)


def _asked_for_a_verdict(config: pytest.Config) -> bool:
    """Whether the command line itself, not ``addopts``, names an output that needs measurements."""
    asked = ("--failcond-json", "--failcond-markdown", "--failcond-strict")
    return any(argument.startswith(asked) for argument in map(str, config.invocation_params.args))
