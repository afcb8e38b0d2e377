"""The package's own source, which rules are held against: read, parsed and walked once a process."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest_failcond

ROOT = Path(pytest_failcond.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """A file, parsed. It belongs to all tests: do not change it."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All that is in a file."""
    return tuple(ast.walk(tree_of(path)))
