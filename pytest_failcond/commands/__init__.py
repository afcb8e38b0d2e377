"""The subcommands of ``failcond``, a module each; `pytest_failcond.cli` lists them.

A module's docstring starts with its line in ``failcond --help``. It has ``add_arguments(parser)``
and ``run(options) -> int``, which gives the exit status, and imports what is heavy in ``run``.
"""
