"""A kit to test the plugin with: small projects of a user's, run in this process or by workers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib import import_module, metadata
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

# pytester forgets what a run imported: it is imported anew in each, unless it is there already.
# torch cannot be imported twice; Hypothesis, whose plugin asks for it at the end of every session,
# would take as long as the rest of a small session, and so would rich and the package.
import hypothesis  # noqa: F401
import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
import pytest

import pytest_failcond
from pytest_failcond import Run
from tests.nursery import Child, Nursery
from tests.unit.tiny import tiny_generator

ROOT = Path(__file__).parents[2]

for module in walk_packages(pytest_failcond.__path__, "pytest_failcond."):
    import_module(module.name)

MINE = '''
"""What a user brings: 300 striped images of three classes, and a classifier in plain NumPy."""
from pathlib import Path

import numpy as np

from pytest_failcond import LabeledImages

HERE = Path(__file__).parent

def log(line):
    with (HERE / "log.txt").open("a") as file:
        file.write(line + "\\n")

def load_images():
    random = np.random.default_rng(0)
    labels = np.arange(300) % 3
    images = random.integers(0, 40, (300, 9, 9, 1))
    images[np.arange(9)[None, :] // 3 == labels[:, None]] += 150
    return LabeledImages(images.astype(np.uint8), labels)

def load_classifier():
    def classify(images):
        """The class is the third of the rows that is brightest; of black images, the first."""
        log("classified")
        return images.mean(axis=(1, 3)).reshape(-1, 3, 3).mean(axis=2) * 20
    return classify

def load_blind():
    """A classifier that sees no class 2."""
    classify = load_classifier()
    return lambda images: classify(images) * [1, 1, 0]

def blackout(images, severity, random):
    """Turns `severity` of ten images black: accuracy is 1 - 2/3 severity / 10."""
    log(f"blackout {severity}")
    images[np.arange(len(images)) % 10 < severity] = 0
    return images

def broken_corruption(images, severity, random):
    if severity == 2:
        raise ZeroDivisionError("no light")
    return images

def wrong_shape(images):
    return np.zeros((len(images), 3, 1))

def not_finite(images):
    return np.full((len(images), 3), np.nan)

def load_wrong_shape():
    return wrong_shape

def load_not_finite():
    return not_finite

def load_nothing():
    return None

def load_crash():
    raise RuntimeError("weights are\\non another machine")
'''

TORCH = '''
"""A torch classifier of 8 px images, and a judge that is never in doubt."""
import torch
from torch import nn
from pytest_failcond import LabeledImages

class Rows(nn.Module):
    """Class scores from the brightness of the rows, by weights that a seed draws."""
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.out = nn.Linear(64, 3)

    def forward(self, images):
        return 8 * self.out(images.flatten(1))

class Sure(Rows):
    """The same labels, without a doubt."""
    def forward(self, images):
        return 1000 * super().forward(images)

def load_classifier():
    return Rows().eval()

def load_judge():
    return Sure().eval()
'''

GRID = """
[tool.failcond]
classifier = "mine:load_classifier"
images = "mine:load_images"
[tool.failcond.corruptions]
names = ["gaussian_noise", "blackout"]
severities = [1, 3]
constants = "imagenet-c"
custom = { blackout = "mine:blackout" }
"""

CORNERS = """
[tool.failcond]
classifier = "torchy:load_classifier"
generator = "tiny.safetensors"
[tool.failcond.corner_cases]
top = 2
samples = 8
max_shift = 2.0
"""

ASKED_BY = {
    "randomly": ("--randomly",),
    "rerunfailures": ("--reruns",),
    "syrupy": ("--snapshot",),
    "logging": ("--log",),
    "html": ("--html",),
    "html_fixtures": ("--html",),
    "metadata": ("--html",),
    "pytest_cov": ("--cov",),
    "repeat": ("--count",),
    "xdist": ("-n", "--tx"),
    "xdist.looponfail": ("-f",),
    "junitxml": ("--junit",),
    "cacheprovider": ("--lf", "--ff"),
    **dict.fromkeys(("doctest", "subtests", "unittest", "legacypath", "pastebin", "setuponly"), ()),
    **dict.fromkeys(("setupplan", "stepwise", "faulthandler", "platformdirs"), ()),
}
"""Other plugins, and the options that ask for them. The first three change every session: they shuffle
tests, open a socket beside xdist, or count snapshots. Each of the others takes a part of its start."""

ALONE = ("-p", "no:hypothesispytest")
"""For sessions in processes of their own: each would import Hypothesis, which takes as long as they do."""

SUITE = "from pytest_failcond.suite import *\n"


def without_idle(arguments: Sequence[str]) -> list[str]:
    """Return the arguments, and those that leave out the plugins that none of them asks for."""
    idle = [
        name
        for name, asks in ASKED_BY.items()
        if not any(argument.startswith(asks) for argument in arguments)
    ]
    return [*(option for name in idle for option in ("-p", f"no:{name}")), *arguments]


KEPT: dict[tuple[object, ...], tuple[Any, dict[str, bytes]]] = {}
"""Sessions that were run once: from files, place and arguments to the result and the files then."""


def read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


class Project:
    """A user's project: its files, and pytest run in it."""

    def __init__(self, pytester: pytest.Pytester, nursery: Nursery) -> None:
        self.pytester = pytester
        self._nursery = nursery
        self.path = pytester.path
        self.write("mine.py", MINE)
        self.write("torchy.py", TORCH)
        self.configure(GRID)
        self.write("test_robustness.py", SUITE)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def configure(self, *tables: str) -> None:
        """Write pyproject.toml, with pytest's own strict settings."""
        strict = '[tool.pytest]\nstrict = true\nfilterwarnings = ["error"]\n'
        self.write("pyproject.toml", "\n".join([strict, *tables]))

    def add_generator(self) -> None:
        """Save a tiny generator with three classes, and configure it with a torch classifier."""
        tiny_generator().save(self.path / "tiny.safetensors")

    def run(self, *arguments: str, workers: int = 0) -> Any:
        """Run pytest here, without plugins that no argument asks for; returns pytester's result.

        Whatever run it keeps, can be read again.
        """
        if workers:
            arguments = (*self.by_workers(workers), *arguments)
        option = "--failcond-json="
        named = [a.removeprefix(option) for a in arguments if a.startswith(option)]
        before = [read(self.path / name) for name in named]
        result = self.pytester.runpytest_inprocess(*without_idle(arguments))
        for name, old in zip(named, before, strict=True):
            if read(self.path / name) != old:
                Run.load(self.path / name)
        return result

    def by_workers(self, number: int = 2) -> tuple[str, ...]:
        """Return what ``-n NUMBER`` stands for, with workers that have imported everything."""
        return (f"--tx={number}*{self._nursery.workers}", "--dist=load", *ALONE)

    def start(self, *arguments: str, file: int = -1, env: dict[str, str] | None = None) -> Child:
        """Start pytest in a process of its own, with a terminal if it is given one."""
        env = os.environ | {"PYTHONPATH": str(ROOT)} if env is None else env
        arguments = ("-m", "pytest", *ALONE, *without_idle(arguments))
        return Child(self._nursery, [*arguments], self.path, env, file)

    def once(self, *arguments: str) -> Any:
        """Run pytest as `run` does, unless an earlier test did: then take what its session left.

        Files, folder and arguments decide what is the same. So it is no way to run what a test has
        patched, and the name of an earlier test's folder may stand in the result.
        """
        place = Path.cwd().relative_to(self.path)
        key = (place, arguments, *sorted(self._files().items()))
        if key not in KEPT:
            KEPT[key] = self.run(*arguments), self._files()
        result, left = KEPT[key]
        here = self._files()
        for name in here.keys() - left.keys():
            (self.path / name).unlink()
        for name, content in left.items():
            if here.get(name) != content:
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                (self.path / name).write_bytes(content)
        return result

    def _files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in self.path.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

    def log(self) -> list[str]:
        """Return what classifier and corruptions wrote down when they were called."""
        path = self.path / "log.txt"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="session", autouse=True)
def _installed_packages():
    """Read once what is installed: each session in process reads the metadata of all packages."""
    installed = [*metadata.distributions()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "distributions", lambda **context: iter(installed))
        patch.setattr(metadata.Distribution, "from_name", cache(metadata.Distribution.from_name))
        for name in ("metadata", "files", "entry_points"):
            kept = cached_property(getattr(metadata.Distribution, name).fget)
            kept.__set_name__(metadata.Distribution, name)
            patch.setattr(metadata.Distribution, name, kept)
        yield


@pytest.fixture
def project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, nursery: Nursery
) -> Project:
    """A project with a grid of four cells, no gates, and the suite."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("mine", "torchy", "conftest"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(pytester.path))
    return Project(pytester, nursery)


@pytest.fixture
def corners(project: Project) -> Project:
    """A project with a generator of three classes, and no test images."""
    project.add_generator()
    project.configure(CORNERS)
    return project


@pytest.fixture
def gate() -> Callable[..., str]:
    """Write a gate's table from its keys."""

    def table(**keys: Any) -> str:
        lines = ["[[tool.failcond.gates]]"]
        for key, value in keys.items():
            text = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
            lines.append(f"{key} = {text}")
        return "\n".join(lines)

    return table
