"""The command-line options, and how they are read. Imports only the standard library and pytest."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.scope import OFF
from pytest_failcond.ranges import PARTS, SEED, SEEDS, shorten

WRITTEN = {
    "failcond_markdown": "--failcond-markdown",
    "htmlpath": "--html",
    "xmlpath": "--junitxml",
    "report_log": "--report-log",
    "log_file": "--log-file",
}
"""Options, ours and other plugins', that name one output file, by their name inside pytest."""


OPTIONS: dict[str, dict[str, Any]] = {
    "config": {
        "metavar": "FILE",
        "help": "configuration file; default: failcond.toml, or [tool.failcond] in pyproject.toml, "
        f"nearest above the tests; {OFF!r} switches off",
    },
    "classifier": {"metavar": "MODULE:CALLABLE", "help": "loads the model under test"},
    "generator": {"metavar": "FILE", "help": "generator file (safetensors)"},
    "images": {
        "metavar": "MODULE:CALLABLE",
        "help": "loads the labelled test images; or a folder with one folder of image files per class, or "
        "a CSV file of paths and labels",
    },
    "device": {"metavar": "DEVICE", "help": "where models compute, such as cpu or cuda"},
    "seed": {"metavar": "N", "type": SEED.read, "help": "keys all randomness"},
    "seeds": {
        "metavar": "N",
        "type": SEEDS.read,
        "help": "repeat random corruptions with N seeds",
    },
    "strict": {"action": "store_true", "help": "marginal and not-evaluated checks fail"},
    "json": {"metavar": "PATH", "help": "keep the run: PATH, and pictures in PATH.files/"},
    "compare": {"metavar": "PATH", "help": "run file of a baseline to compare with"},
    "shard": {
        "metavar": "I/N",
        "help": "measure the I-th of N parts of the plan, judge nothing, and keep the part: by "
        "--failcond-json, else as failcond-part-I-of-N.json; `failcond merge` joins the parts",
    },
    "from": {"metavar": "RUN", "help": "judge a kept run; measure nothing"},
    "markdown": {
        "metavar": "PATH",
        "help": "write a summary for pull requests; it is appended to the file that "
        "GITHUB_STEP_SUMMARY names",
    },
    "no-images": {"action": "store_true", "help": "leave pictures out of all reports"},
}
"""By name, the arguments of pytest's ``addoption``."""


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line options."""
    group = parser.getgroup("failcond", "robustness of image classifiers (pytest-failcond)")
    for name, arguments in OPTIONS.items():
        group.addoption(f"--failcond-{name}", **arguments)


def read_part(text: str | None) -> tuple[int, int] | None:
    """Read ``I/N``: the I-th of N parts, from 1."""
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    part = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part[0] <= part[1] <= PARTS.most:
        raise FailcondError(
            f"--failcond-shard={shorten(text)}: give I/N, such as 1/3 for the first of three, "
            f"with N at most {PARTS.most}"
        )
    return part
