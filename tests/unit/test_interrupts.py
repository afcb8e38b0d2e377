"""Ctrl-C during an import is not lost."""

import contextlib
import os
import signal
import threading

import pytest

from pytest_failcond.process.interrupts import interrupts_wait


def greedy_import():
    """Import as some libraries do: they catch whatever comes."""
    with contextlib.suppress(BaseException):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


def importing(error=None):
    """Import something greedy, let Ctrl-C wait, and fail where there is an error."""
    with interrupts_wait():
        greedy_import()
        if error is not None:
            raise error


def test_an_interrupt_that_the_block_would_swallow_comes_after_it():
    with pytest.raises(KeyboardInterrupt):
        importing()


def test_an_error_of_the_block_gives_way_to_the_interrupt():
    with pytest.raises(KeyboardInterrupt):
        importing(ImportError("half there"))


def test_the_handler_is_there_again_and_nothing_comes_where_nothing_came():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_wait():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_and_ignored_interrupts_are_left_alone(monkeypatch):
    found = []

    def look():
        with interrupts_wait():
            found.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts_wait():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
