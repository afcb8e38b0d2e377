"""The rules between the rooms of the house."""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from tests.sources import FILES, ROOT, nodes_of, tree_of


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

    visit(tree_of(path))
    return found


@cache
def file_of(module: str) -> Path | None:
    """Return the file of a module of ours, named without the package."""
    whole = ROOT.joinpath(*module.split("."))
    files = (whole.with_suffix(".py"), whole / "__init__.py")
    return next((path for path in files if path.is_file()), None)


def test_the_plugin_loads_only_the_standard_library_and_pytest():
    seen: set[str] = set()
    queue = ["plugin"]
    while queue:
        path = file_of(queue.pop())
        assert path is not None
        for module in imports(path, at_load=True):
            top = module.split(".")[0]
            if top == "pytest_failcond":
                rest = module.removeprefix("pytest_failcond").removeprefix(".")
                if rest and file_of(rest) is not None and rest not in seen:
                    seen.add(rest)
                    queue.append(rest)
            else:
                assert top in {"pytest", "pluggy", "_pytest"} or top in sys.stdlib_module_names, (
                    f"{path.name} imports {module}"
                )
    assert {
        "plugin.fixtures",
        "errors",
        "plugin.state",
        "probes.registry",
        "probes.direction",
    } <= seen


def test_nobody_imports_the_hooks():
    assert not [p for p in FILES if ROOT / "plugin" / "__init__.py" in ours(p)]


LAYERS = {
    "what can be said": "__init__ errors ranges words",
    "bytes that are there whole": "storage",
    "pixels and numbers": "process images corruptions statistics",
    "what can be tested": "probes records review",
    "what you bring": "config foreign subjects judges generators.base generators.__init__",
    "what makes images": "generators training",
    "what we measure and decide": "laboratory measuring verdicts review.drawing hard",
    "what we keep": "runs",
    "what we show": "report explorer review.page review.folder review.serving review.opening",
    "pytest": "plugin",
    "who calls": "commands cli suite strategies",
}
"""From the ground up: a module imports from its own layer, or from one below. Types do not count."""

PARTS = {
    "what can be tested": "__init__ keys record place fit folder manifest exploration",
    "what we measure and decide": """
        measure metrics trials
        breaks corrupting perfect grouping replaying starting
        starts fitness outlook ranking by_gradient by_effect pushing walking corner_cases filming explore discovery attributes tones strokes regions
        beginning finding posing problem searching slopes evolution stages telling differences nearest pruning
    """,
    "what we show": """
        view fitness_view words chosen way breaking reproduce properties confusions shared versus
        strip pairs searches
    """,
}
"""The layers of the modules in a probe's folder: it declares, does and shows all that is of the probe."""


def layer_of(path: Path) -> int:
    """Return the number of a file's layer, from 0."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    module = ".".join(parts)
    if part_of(path) is not None:
        found = [i for i, name in enumerate(LAYERS) if parts[2] in PARTS.get(name, "").split()]
    else:
        named = [i for i, names in enumerate(LAYERS.values()) if module in names.split()]
        found = named or [i for i, names in enumerate(LAYERS.values()) if parts[0] in names.split()]
    assert len(found) == 1, f"{module} is in {len(found)} layers"
    return found[0]


def part_of(path: Path) -> str | None:
    """Return the name of the probe in whose folder a file lies, if any."""
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "probes" and len(parts) > 2 else None


@cache
def ours(path: Path) -> set[Path]:
    """Return our own files that a file imports, when it is loaded or later."""
    modules = imports(path, at_load=False)
    inner = {
        m.removeprefix("pytest_failcond.") for m in modules if m.startswith("pytest_failcond.")
    }
    # ``from package import module`` is about the module alone.
    packages = {name.rpartition(".")[0] for name in inner if file_of(name) is not None}
    files = {file_of(name) for name in inner if name not in packages}
    return {file for file in files if file is not None} - {path}


def test_every_module_stands_in_a_layer_and_imports_from_none_above():
    wrong = [
        f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}, which stands above it"
        for path in FILES
        for other in sorted(ours(path))
        if layer_of(other) > layer_of(path)
    ]
    assert wrong == []
    assert len(LAYERS) <= 11


LENT = {("combination", "direction"): {"starts", "ranking", "outlook", "attributes", "fitness"}}
"""The modules beyond declarations that one probe takes of another, whose search it goes on with."""


def test_a_probe_knows_of_another_what_it_declares():
    declared = layer_of(ROOT / "probes" / "base.py")
    wrong = [
        f"{path.relative_to(ROOT)} imports {other.relative_to(ROOT)}"
        for path in FILES
        if part_of(path) is not None
        for other in ours(path)
        if part_of(other) not in (None, part_of(path)) and layer_of(other) > declared
        if other.stem not in LENT.get((part_of(path), part_of(other)), ())
    ]
    assert wrong == []


NAMES_A_PROBE = {
    # The values of public fixtures, and the methods of `failcond` about them.
    "plugin/fixtures.py": "combination corruption direction",
    "plugin/case_images.py": "direction",
    "plugin/cases.py": "corruption direction",
    "plugin/session.py": "corpus",
    # Each image of the corpus has a test, named before anything is loaded.
    "plugin/options.py": "corpus",
    # Commands that are the way in to one probe.
    "commands/compare.py": "corruption direction regression",
    "commands/discover.py": "corpus",
    "commands/explore.py": "direction",
    "commands/showing.py": "corpus corruption direction",
    "commands/train.py": "direction",
}
"""The modules that name a built-in probe, which a project's own probe therefore does without."""


def test_reports_and_pytest_name_no_probe():
    found: dict[str, str] = {}
    for path in FILES:
        probes = {str(part_of(other)) for other in ours(path) if part_of(other) is not None}
        name = str(path.relative_to(ROOT))
        if probes and name.partition("/")[0] in ("report", "plugin", "commands"):
            found[name] = " ".join(sorted(probes))
    assert found == NAMES_A_PROBE


MOST_LINES = 300
"""Of a module; about 250 are a good length. Lower it where that is possible, and never raise it."""


def test_a_module_fits_into_the_head():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES
    }
    longer = {name: n for name, n in lengths.items() if n > MOST_LINES}
    assert longer == {}


def test_no_module_imports_itself_by_way_of_others():
    graph = {path: ours(path) for path in FILES}
    assert list(TopologicalSorter(graph).static_order())  # raises if there is a circle


PURE = {"pytest", "torch"}
ROOMS = {
    "report/": {*PURE, "pytest_failcond.runs.run", "pytest_failcond.storage.store", "pytest_failcond.config",
                "pytest_failcond.laboratory",
                "pytest_failcond.generators", "pytest_failcond.corruptions"},
    "explorer/": {*PURE, "pytest_failcond.laboratory", "pytest_failcond.generators"},
    "corruptions/": PURE,
    "foreign/": {*PURE, "pickle", "importlib", "shelve", "zipfile", "marshal"},
    "generators/": {"pytest", "pytest_failcond.probes"},
    "training/": {"pytest", "pytest_failcond.probes"},
    "judges/": {"pytest", "pytest_failcond.training", "pytest_failcond.generators"},
    "subjects/": {"pytest"},
    "laboratory/": {"pytest"},
    "records/": PURE,
    "probes/": {"pytest", "pytest_failcond.runs"},
    "statistics/": PURE,
    "storage/packing.py": PURE,
    "storage/reading.py": {*PURE, "numpy"},
    "verdicts/": PURE,
    "runs/run.py": PURE,
    "runs/selftest.py": PURE,
    "runs/run_file/": {*PURE, "pytest_failcond.storage.store"},
    "measuring/progress/": {*PURE, "numpy"},
    "config/settings.py": {*PURE, "numpy"},
    "config/gate_settings.py": {*PURE, "numpy"},
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
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_failcond."):
            whole = ROOT.joinpath(*str(node.module).split(".")[1:])
            inside = [whole / f"{alias.name}.py" for alias in node.names]
            found += [file for file in (*inside, whole.with_suffix(".py")) if file.is_file()]
    return found


def test_what_makes_images_and_what_searches_them_is_no_circle():
    rooms = ("generators", "training", "subjects", "probes")
    files = [path for path in FILES if path.relative_to(ROOT).parts[0] in rooms]
    graph = {path: set(imported_files(path)).intersection(files) for path in files}
    assert list(TopologicalSorter(graph).static_order())  # raises if there is one
