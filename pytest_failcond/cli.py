"""``failcond COMMAND …``: finds the command's module, and reports a fault in one sentence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from pytest_failcond import __version__
from pytest_failcond.config.own_probes import add_those_of_here
from pytest_failcond.errors import FailcondError, unreadable
from pytest_failcond.process.threads import share_cores
from pytest_failcond.words.printing import one_line, put, say

COMMANDS = (
    "init",
    "train",
    "convert",
    "quality",
    "judge",
    "show",
    "report",
    "discover",
    "export",
    "baseline",
    "compare",
    "merge",
    "explore",
    "selftest",
    "history",
    "review",
)
"""Names of modules in `pytest_failcond.commands`, in the order of ``failcond --help``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the command line without the program's name; default that of the process.

    Returns:
        The exit status: the command's (0 if all is well), 2 for a fault that the user can mend
        (one sentence on stderr, as argparse does for its usage), 130 after Ctrl-C.
    """
    command = "failcond"
    try:
        share_cores()
        words = sys.argv[1:] if argv is None else list(argv)
        parser = _parser(words[:1] if words and words[0] in COMMANDS else COMMANDS)
        if "" in words or any(word.startswith("--") and word.endswith("=") for word in words):
            parser.error("an argument is empty; perhaps a variable is not set")
        options, unknown = parser.parse_known_args(words)
        if unknown:
            options.parser.error(_unrecognized(unknown))
        command = f"failcond {options.command}"
        add_those_of_here()
        return int(options.run(options))
    except FailcondError as error:
        say(f"{command}: {error}", to=sys.stderr)
        return 2
    except OSError as error:  # a path can lead to no folder, be too long, or lie on a failed disk
        say(f"{command}: {unreadable(error)}", to=sys.stderr)
        return 2
    except KeyboardInterrupt:
        say(f"{command}: interrupted", to=sys.stderr)
        return 130


def _unrecognized(words: Sequence[str]) -> str:
    """Return the error of arguments that a command does not take."""
    listed = " ".join(words)
    is_list = not any(word.startswith("-") for word in words)
    advice = "; a list is one argument, with commas and no spaces, like a,b,c" if is_list else ""
    return f"unrecognized arguments: {listed}{advice}"


class _Parser(argparse.ArgumentParser):
    """An argparse parser that escapes what was typed, and prints help in an encoding that the
    stream accepts.
    """

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))

    def _print_message(self, message: str, file: Any = None) -> None:
        put(message, to=file or sys.stderr)


def _parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the parser of these commands; each takes a while to be imported and described."""
    parser = _Parser(prog="failcond", description="Robustness checks for image classifiers.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        module = import_module(f"pytest_failcond.commands.{name}")
        text = (module.__doc__ or "").strip()
        command = commands.add_parser(
            name,
            help=text.splitlines()[0].rstrip("."),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run, parser=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
