"""The subcommands of ``failcond``, a module each; `pytest_failcond.cli` lists them.

A module's docstring starts with its line in
``failcond --help``. The module has ``add_arguments(parser)`` and ``run(options) -> int``, which
returns the exit status and imports heavy modules.
"""
