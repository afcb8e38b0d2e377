"""The names of tests and their order do not depend on the order of a set, which each process has anew.

Workers that collect other tests than one another refuse to begin, and so do shards, now and then.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.sources import tree_of

TESTS = Path(__file__).parents[1]
SETS = (ast.Set, ast.SetComp)


@cache
def bound(path: Path) -> dict[str, ast.expr | str]:
    """The names of a module: what each is assigned, or the module that it is imported from."""
    found: dict[str, ast.expr | str] = {}
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {name.id: node.value for name in targets if isinstance(name, ast.Name)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: node.module for alias in node.names}
    return found


def unordered(node: ast.AST, path: Path) -> bool:
    """Whether the order of a set decides in which order an expression gives its elements."""
    if isinstance(node, SETS):
        return True
    if isinstance(node, ast.BinOp):
        views = [side for side in (node.left, node.right) if ast.unparse(side).endswith(".keys()")]
        return bool(views) or unordered(node.left, path) or unordered(node.right, path)
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        if called in ("set", "frozenset"):
            return True
        inside = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return called != "sorted" and any(unordered(part, path) for part in [*inside, *node.args])
    if isinstance(node, ast.List | ast.Tuple):
        return any(unordered(e.value, path) for e in node.elts if isinstance(e, ast.Starred))
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return any(unordered(value, path) for key, value in pairs if key is None)
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        return any(unordered(each.iter, path) for each in node.generators)
    if isinstance(node, ast.Starred):
        return unordered(node.value, path)
    if isinstance(node, ast.Name) and (value := bound(path).get(node.id)) is not None:
        if isinstance(value, ast.expr):
            return unordered(value, path)
        other = TESTS.parent.joinpath(*value.split(".")).with_suffix(".py")
        return other.is_file() and unordered(node, other)
    return False


def marks(node: ast.AST) -> list[ast.Call]:
    """The calls that mark a function, or that a name stands for, as parameters do."""
    made = getattr(node, "decorator_list", []) or [getattr(node, "value", None)]
    calls = [call for call in made if isinstance(call, ast.Call)]
    names = ("parametrize", "fixture")
    return [call for call in calls if ast.unparse(call.func).endswith(names)]


def parameters_without_order(path: Path) -> list[str]:
    """Return where a file makes a test for each element of a set, in the order of that set."""
    found, tree = [], tree_of(path)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions = [node for part in (tree, *classes) for node in part.body]
    for node in (made for function in functions for made in marks(function)):
        given = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
        if any(unordered(values, path) for values in given):
            found.append(f"{path.name}:{node.lineno} has the order of a set; use sorted")
    return found


def test_no_parameters_have_the_order_of_a_set():
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 100
    assert [line for path in files for line in parameters_without_order(path)] == []


@pytest.mark.parametrize(
    "values",
    ["{'a', 'b'}", "set('ab')", "[*{'a', 'b'}]", "list(frozenset('ab'))", "LETTERS - {'a'}",
     "[x for x in LETTERS]", "{**{x: 1 for x in LETTERS}}", "A.keys() & B.keys()", "LETTERS.union('c')",
     "enumerate(LETTERS)", "FORMED", "[*sorted('ab'), *LETTERS]"],
)  # fmt: skip
def test_such_parameters_are_found(values, tmp_path):
    path = tmp_path / "such.py"
    path.write_text(
        "from tests.unit.test_hostile_names import FORMED\nLETTERS = {'a', 'b'}\n"
        f"@pytest.mark.parametrize('x', {values})\ndef test_x(x): pass\n"
        f"@pytest.fixture(params={values})\ndef y(x): pass\n"
    )
    assert len(parameters_without_order(path)) == 2


@pytest.mark.parametrize(
    "values",
    ["sorted({'a', 'b'})", "[{'a', 'b'}, {'c'}]", "['a', 'b']", "{'a': 1}", "[*sorted(LETTERS)]",
     "A.keys()", "[len(LETTERS)]"],
)  # fmt: skip
def test_others_are_not(values, tmp_path):
    path = tmp_path / "other.py"
    path.write_text(
        f"LETTERS = {{'a', 'b'}}\n@pytest.mark.parametrize('x', {values})\ndef test_x(x): pass\n"
    )
    assert parameters_without_order(path) == []
