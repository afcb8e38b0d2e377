"""The ready-made suite, and one property of our own."""

from __future__ import annotations

from pytest_failcond.suite import *  # noqa: F403
