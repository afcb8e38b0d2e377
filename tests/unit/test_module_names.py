"""The names of a module from its text: a name that it has after its import never counts as missing."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from types import ModuleType

import pytest

from pytest_failcond.subjects.module_names import names_of, written_names

BOUND = {
    "a function": "def load(): pass",
    "an async function": "async def load(): pass",
    "a class": "class load: pass",
    "an assignment": "load = len",
    "one of several": "first, (second, *load) = 1, (2, 3)",
    "an annotation": "load: object",
    "an augmented assignment": "load += 1",
    "an import": "import load",
    "an import of a submodule": "import load.below",
    "an import under another name": "import other as load",
    "an import of a name": "from other import load",
    "a name under another name": "from other import this as load",
    "a loop": "for load in []: pass",
    "a context": "with open('x') as load: pass",
    "a handler": "try:\n    1\nexcept ValueError as load:\n    pass",
    "a walrus": "print(load := 3)",
    "a walrus in a comprehension": "[load := x for x in range(3)]",
    "a walrus in a default": "def f(x=(load := 3)): pass",
    "a walrus in a decorator": "@(load := print)\nclass f: pass",
    "a match": "match 3:\n    case load: pass",
    "a match of a rest": "match {}:\n    case {**load}: pass",
    "a condition": "if len('x') > 3:\n    def load(): pass",
    "the other branch": "if True:\n    pass\nelse:\n    load = 1",
    "types alone": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from x import load",
    "a try": "try:\n    from fast import load\nexcept ImportError:\n    from slow import load",
    "a finally": "try:\n    pass\nfinally:\n    load = 1",
    "a while": "while False:\n    load = 1",
    "a deleted name": "load = 1\ndel load",
    "a global of a function": "def f():\n    global load\n    load = 1\nf()",
    "a global of a method": "class A:\n    def f(self):\n        def g():\n            global load\n"
    "            import load\n        g()\n",
    "a global of a class": "class A:\n    global load\n    def load(): pass\n",
}
UNKNOWN = {
    "all names of another": "from other import *",
    "all names, perhaps": "try:\n    from fast import *\nexcept ImportError:\n    pass",
    "a module's own __getattr__": "def __getattr__(name): return print",
    "an attached __getattr__": "import lazy\n__getattr__, __dir__, __all__ = lazy.attach('x')",
    "globals": "globals()['load'] = print",
    "locals": "locals()['load'] = print",
    "vars": "vars()['load'] = print",
    "setattr": "import sys\nsetattr(sys.modules[__name__], 'load', print)",
    "exec": "exec('load = print')",
    "eval": "eval('(load := print)')",
    "exec under another name": "from builtins import exec as run\nrun('load = print')",
    "builtins": "import builtins\nbuiltins.exec('load = print')",
    "another module in its place": "import sys\nsys.modules['x'] = object()",
    "modules by name": "from sys import modules\nmodules['x'] = object()",
    "a function's globals": "def f(): pass\nf.__globals__['load'] = print",
    "a frame's globals": "import inspect\ninspect.currentframe().f_globals['load'] = print",
    "an enumeration of the module": "import enum\n@enum.global_enum\nclass A(enum.Enum):\n    load = 1",
    "the module's name given away": "import apipkg\napipkg.initpkg(__name__, {'load': 'x:y'})",
    "other modules of its package": "__path__.append('/elsewhere')",
    "text that is not Python": "def load(: pass",
    "a null": "load\0er = 1",
}
ABSENT = {
    "nothing": "",
    "another name": "def laod(): pass",
    "a local name": "def f():\n    load = 1\n    def load(): pass",
    "an argument": "def f(load): pass\ng = lambda load: 1",
    "an attribute": "import numpy as np\ndef f(path): return np.load(path)",
    "a method": "class A:\n    def load(self): pass\n    load = 3",
    "a name that is read": "print(load)",
    "a keyword": "dict(load=1)",
    "a variable of a comprehension": "[load for load in range(3)]",
    "a string": "'load'\n# load = 1\n__all__ = ['load']",
    "a global that is not load": "def f():\n    global other\n    other = load",
    "a script's guard and a logger": "import logging\nlog = logging.getLogger(__name__)\n"
    "if __name__ == '__main__': print(load)",
    "a model's eval": "def f(): return model.eval()",
}


@pytest.fixture
def spec_of(tmp_path):
    def spec_of(text, name="mine"):
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return importlib.util.spec_from_file_location(f"{name}_for_this_test", path)

    return spec_of


@pytest.mark.parametrize("case", BOUND)
def test_a_bound_name_counts(spec_of, case):
    assert "load" in names_of(spec_of(BOUND[case]))


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_module_that_may_bind_more_does_not_tell(spec_of, case):
    assert names_of(spec_of(UNKNOWN[case])) is None


@pytest.mark.parametrize("case", ABSENT)
def test_a_name_that_is_bound_nowhere_is_missing(spec_of, case):
    assert "load" not in names_of(spec_of(ABSENT[case]))


def test_an_encoding_is_read_as_python_does(tmp_path):
    path = tmp_path / "mine.py"
    path.write_bytes("# coding: latin-1\nzähle = 3\n".encode("latin-1"))
    assert "zähle" in names_of(importlib.util.spec_from_file_location("mine_of_latin", path))
    path.write_bytes("zähle = 3\n".encode("latin-1"))
    assert names_of(importlib.util.spec_from_file_location("mine_of_latin", path)) is None


def test_modules_other_than_plain_files_do_not_tell():
    for name in ("sys", "os", "math", "_struct"):  # built in, frozen, compiled
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert names_of(spec) is None


def test_a_package_has_its_submodules_and_compiled_code_may_add_names(tmp_path):
    folder = tmp_path / "kit"
    folder.mkdir()
    (folder / "__init__.py").write_text("def load(): pass\n")
    (folder / "models.py").write_text("")
    spec = importlib.util.spec_from_file_location("kit_here", folder / "__init__.py")
    assert names_of(spec) == {"load", "models"}
    (folder / f"fast{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    assert names_of(spec) is None
    assert (
        names_of(importlib.util.spec_from_file_location("kit_here.models", folder / "models.py"))
        is None
    )


def test_a_loaded_module_has_the_names_that_it_has_now(spec_of, monkeypatch):
    spec = spec_of("")
    module = ModuleType(spec.name)
    module.load = print
    monkeypatch.setitem(sys.modules, spec.name, module)
    assert names_of(spec) == {*vars(module)}
    monkeypatch.setitem(sys.modules, spec.name, object())
    assert names_of(spec) is None


def loaded_modules():
    """Modules of the standard library that other tests have imported anyway."""
    import unittest.mock  # noqa: F401

    families = (
        "asyncio",
        "concurrent",
        "email",
        "http",
        "importlib",
        "json",
        "logging",
        "unittest",
    )
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        of_family = name.partition(".")[0] in families and spec is not None and spec.name == name
        if of_family and type(spec.loader) is SourceFileLoader:
            yield module


def test_no_name_of_a_module_of_the_standard_library_is_missing():
    told = 0
    for module in loaded_modules():
        names = written_names(module.__spec__)
        if names is not None:
            told += 1
            below = {  # also those that a test's session has imported and forgotten
                name
                for name, value in vars(module).items()
                if getattr(value, "__name__", None) == f"{module.__name__}.{name}"
            }
            public = {name for name in vars(module) if not name.startswith("__")}
            assert not public - names - below, module.__name__
    assert told > 40
