"""Notices before anything is measured: files not read, gates that the images cannot resolve."""

from __future__ import annotations

import pytest

from pytest_failcond.plugin.state import State
from pytest_failcond.process.interrupts import interrupts_wait
from pytest_failcond.words.printing import one_line


class Notices:
    """Prints, before anything is measured, the files left out and the gates that cannot be
    resolved.

    A test's setup loads the subjects, and its report comes before the test itself runs, from workers
    too.
    """

    def __init__(self, config: pytest.Config, state: State) -> None:
        self._config = config
        self._state = state

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print them once, on separate lines."""
        if self._state.noted or report.when != "setup" or self._config.get_verbosity() <= -2:
            return
        with interrupts_wait():
            from pytest_failcond.runs.assemble import notes_before

        state = self._state
        notes = notes_before(state.store, state.settings, state.classes)
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        state.noted = notes is not None
        place = state.settings.images_place
        if notes is not None and place is not None and state.measured is None:
            from pytest_failcond.subjects.files import unread

            notes = (*unread(place), *notes)
        if notes and reporter is not None:
            writer = self._config.get_terminal_writer()
            if writer.width_of_current_line:
                writer.line()
            writer.write("\n".join(one_line(f"failcond: {note}") for note in notes), yellow=True)
            # The running test's line begins anew, if the reporter has such lines.
            reporter.currentfspath = None
            reporter.pytest_runtest_logstart(report.nodeid, report.location)
            if reporter.currentfspath is None:
                writer.line()
