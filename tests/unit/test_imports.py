"""The rules between the rooms of the house."""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2] / "pytest_failcond"
FILES = sorted(ROOT.rglob("*.py"))


@cache
def imports(path: Path, *, at_load: bool) -> set[str]:
    """Return the modules that a file imports: all, or only those imported when it is loaded."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if at_load and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                module = child.module or ""
                found.add(module)
                found.update(f"{module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def test_the_plugin_loads_only_the_standard_library_and_pytest():
    seen: set[str] = set()
    queue = ["plugin"]
    while queue:
        path = ROOT / f"{queue.pop().replace('.', '/')}.py"
        for module in imports(path, at_load=True):
            top = module.split(".")[0]
            if top == "pytest_failcond":
                rest = module.removeprefix("pytest_failcond").removeprefix(".")
                if rest and (ROOT / f"{rest.replace('.', '/')}.py").is_file() and rest not in seen:
                    seen.add(rest)
                    queue.append(rest)
            else:
                assert top in {"pytest", "pluggy", "_pytest"} or top in sys.stdlib_module_names, (
                    f"{path.name} imports {module}"
                )
    assert {"fixtures", "errors", "state"} <= seen


def test_nobody_imports_the_plugin():
    assert FILES
    assert not [p for p in FILES if "pytest_failcond.plugin" in imports(p, at_load=False)]


ROOMS = {
    "report": {"pytest", "torch", "pytest_failcond.session", "pytest_failcond.store",
               "pytest_failcond.settings", "pytest_failcond.gate_settings", "pytest_failcond.measure", "pytest_failcond.failures",
               "pytest_failcond.stylegan2", "pytest_failcond.corruptions"},
    "failures": {"pytest"},
    "corruptions": {"pytest", "torch"},
    "stylegan2": {"pytest", "pytest_failcond.failures", "pytest_failcond.session"},
    "subjects": {"pytest", "pytest_failcond.session"},
    "measure.py": {"pytest"},
    "measurements.py": {"pytest", "torch"},
    "directions.py": {"pytest", "torch"},
    "packing.py": {"pytest", "torch"},
    "examples.py": {"pytest", "torch"},
    "gates.py": {"pytest", "torch"},
    "selftest.py": {"pytest", "torch"},
    "draws.py": {"pytest", "torch"},
    "trials.py": {"pytest", "torch"},
    "walk_trials.py": {"pytest", "torch"},
    "statistics.py": {"pytest", "torch"},
    "run.py": {"pytest", "torch"},
    "reading.py": {"pytest", "torch", "numpy"},
    "run_file": {"pytest", "torch", "pytest_failcond.session", "pytest_failcond.store"},
    "progress/": {"torch", "numpy", "pytest_failcond.session", "pytest_failcond.measure"},
    "progress/notes.py": {"pytest"},
    "progress/text.py": {"pytest"},
    "exploration.py": {"pytest", "torch", "pytest_failcond.failures"},
    "explore.py": {"pytest", "pytest_failcond.report"},
    "settings.py": {"pytest", "torch", "numpy"},
    "gate_settings.py": {"pytest", "torch", "numpy"},
}  # fmt: skip


def test_rooms_keep_to_their_purpose():
    wrong = []
    for room, banned in ROOMS.items():
        files = [path for path in FILES if str(path.relative_to(ROOT)).startswith(room)]
        assert files, f"there is no {room}"
        wrong += [
            f"{path.relative_to(ROOT)} imports {module}"
            for path in files
            for module in sorted(imports(path, at_load=False))
            if any(module == name or module.startswith(f"{name}.") for name in banned)
        ]
    assert wrong == []


def imported_files(path: Path) -> list[Path]:
    """Return our own files that a file imports, wherever it does and be it for types alone."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_failcond."):
            whole = ROOT.joinpath(*str(node.module).split(".")[1:])
            inside = [whole / f"{alias.name}.py" for alias in node.names]
            found += [file for file in (*inside, whole.with_suffix(".py")) if file.is_file()]
    return found


def test_what_makes_images_and_what_searches_them_is_no_circle():
    rooms = ("generators", "stylegan2", "subjects", "failures")
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] in rooms]
    graph = {path: set(imported_files(path)).intersection(files) for path in files}
    assert list(TopologicalSorter(graph).static_order())  # raises if there is one
