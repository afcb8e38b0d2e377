"""The names that a module has after its import, read from its text: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import symtable
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, SourceFileLoader
from itertools import islice
from pathlib import Path
from types import ModuleType

_BINDING = {
    *("globals", "locals", "vars", "exec", "eval", "setattr", "builtins"),
    *("__builtins__", "__path__"),
}
_REACHING = {"modules", "__dict__", "__globals__", "__setattr__", "f_globals", "global_enum"}
"""Names, and also attributes, by which code may bind names that are not written in it."""


def names_of(spec: ModuleSpec) -> frozenset[str] | None:
    """Return all names that a module may have, or None if its text does not tell.

    A name counts if the text binds it anywhere at the top level, also under a condition, if it is a
    submodule, or if the module is loaded and has it. The text does not tell if the module is not a
    plain ``.py`` file, belongs to a package with compiled code, imports all names of another module, or
    may bind names that are not written in it.
    """
    loaded = sys.modules.get(spec.name)
    written = written_names(spec)
    if written is None or type(loaded) not in (type(None), ModuleType):
        return None
    submodules = pkgutil.iter_modules(spec.submodule_search_locations or [])
    return frozenset({*written, *(m.name for m in submodules), *getattr(loaded, "__dict__", ())})


def written_names(spec: ModuleSpec) -> frozenset[str] | None:
    """Return all names that the text of a module binds at its top level, or None if it does not tell."""
    if type(spec.loader) is not SourceFileLoader or spec.origin is None or _is_compiled(spec):
        return None
    try:
        return _names_in(importlib.util.decode_source(Path(spec.origin).read_bytes()))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None  # importing it reports the fault


@lru_cache(maxsize=32)  # one module has the classifier, the images and the corruptions
def _names_in(text: str) -> frozenset[str] | None:
    table = symtable.symtable(text, "<module>", "exec")
    names = frozenset({*_bound(table), *_global(table)})
    return None if "__getattr__" in names or _builds_names(ast.parse(text)) else names


def _is_compiled(spec: ModuleSpec) -> bool:
    """Whether a module is in a package with compiled code, which may set names of the package's modules."""
    depth = spec.name.count(".") + (spec.submodule_search_locations is not None)
    packages = islice(Path(str(spec.origin)).parents, depth)
    return any(any(p.glob(f"*{suffix}")) for p in packages for suffix in EXTENSION_SUFFIXES)


def _bound(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            yield symbol.get_name()


def _global(table: symtable.SymbolTable) -> Iterator[str]:
    """Return the names that functions and classes declare ``global``, at any depth."""
    for child in table.get_children():
        yield from (s.get_name() for s in child.get_symbols() if s.is_declared_global())
        yield from _global(child)


def _builds_names(tree: ast.Module) -> bool:
    """Whether a module's code may bind names that are not written in it."""
    harmless = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) or _makes_logger(node)
        for part in ast.iter_child_nodes(node)
    }
    for node in ast.walk(tree):
        match node:
            case ast.alias(name="*"):
                return True
            case ast.alias(name=name) | ast.Name(id=name) if name in _BINDING | _REACHING:
                return True
            case ast.Attribute(attr=name) if name in _REACHING:
                return True
            case ast.Name(id="__name__") if id(node) not in harmless:
                return True  # a function that gets the module's name may change the module
    return False


def _makes_logger(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.lower().endswith("logger")
    return False
