"""The pytest hooks that this plugin adds, for projects and other plugins."""

from __future__ import annotations

from pytest_failcond.probes.registry import Registry


def pytest_failcond_probes(registry: Registry) -> None:
    """Add your own probes: ``registry.add(PROBE)``; see "a probe" in CONTRIBUTING.

    Called once in every process, before the configuration is read. Commands run without pytest; they
    find the probes that ``[tool.failcond] probes = ["module:PROBE"]`` names, which pytest does too.
    """
