"""The plot of shared directions decodes, is not blank, and leaves no trace in matplotlib's state."""

import io
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.cli import main
from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction.shared import shared_directions
from pytest_failcond.report import figures
from tests.runs import make_comparison, make_run

ROOT = Path(__file__).parents[2]


def test_both_are_drawn_whatever_they_are_called(tmp_path):
    run = make_run(tmp_path, classes=("$\\frac$", "数字", "c"))
    run = replace(run, comparison=make_comparison(tmp_path))
    content = shared_directions(run, run, "$\\frac$ before", "now")
    image = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):
        assert (np.abs(image - colour).sum(axis=2) < 30).sum() > 50


def test_nothing_shared_is_refused():
    with pytest.raises(FailcondError, match="no common direction"):
        shared_directions(make_run(), make_run(), "a", "b")


@pytest.fixture
def without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed


REMEDY = "pip install 'pytest-failcond[plots]' installs it"


@pytest.mark.parametrize(
    "command", ["compare mine:load {run}", "compare {run} {run}", "history {run}"]
)
def test_without_matplotlib_a_plot_is_refused_before_anything_is_done(
    command, tmp_path, capsys, without_matplotlib, monkeypatch
):
    for module in ("compare", "history"):  # nothing is read or measured in vain
        monkeypatch.setattr(f"pytest_failcond.commands.{module}.say", pytest.fail)
    monkeypatch.setattr("pytest_failcond.commands.compare._runs", pytest.fail)
    monkeypatch.setattr("pytest_failcond.runs.run.Run.load", pytest.fail)
    arguments = command.format(run=tmp_path / "run.json").split()
    assert main([*arguments, "--plot", str(tmp_path / "plot.png")]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"failcond {command.split()[0]}: --plot: plots need matplotlib" in printed.err
    assert printed.err.count("\n") == 1
    assert REMEDY in printed.err
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_all_but_plots_is_there(
    tmp_path, monkeypatch, capsys, without_matplotlib
):
    monkeypatch.chdir(tmp_path)  # a report is written here
    make_run(tmp_path).save(tmp_path / "run.json")
    for command in ("compare {run} {run}", "history {run}", "report {run}"):
        assert main(command.format(run=tmp_path / "run.json").split()) == 0
    assert "matplotlib" not in capsys.readouterr().err
    with pytest.raises(FailcondError, match="cannot be imported"):
        figures.new_figure((3.0, 2.0))


def test_plots_are_an_extra_and_of_the_developers_too():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert not [name for name in project["dependencies"] if name.startswith("matplotlib")]
    extras = project["optional-dependencies"]
    assert [name.partition(">")[0] for name in extras["plots"]] == ["matplotlib"]
    assert "pytest-failcond[plots]" in extras["dev"]
    for path in (ROOT / "pytest_failcond").rglob("*.py"):
        named = "matplotlib" in path.read_text(encoding="utf-8")
        assert named == (path.name == "figures.py"), path


def test_pyplot_is_not_touched():
    code = (
        "import sys, matplotlib as m; before = dict(dict.items(m.rcParams)); "  # asks for no backend
        "import tempfile; from pathlib import Path; from dataclasses import replace; "
        "from tests.runs import make_run, make_comparison; "
        "from pytest_failcond.probes.direction.shared import shared_directions; "
        "folder = tempfile.TemporaryDirectory(); path = Path(folder.name); "
        "run = replace(make_run(path), comparison=make_comparison(path)); "
        "shared_directions(run, run, 'a', 'b'); folder.cleanup(); "
        "sys.exit('matplotlib.pyplot' in sys.modules or dict(dict.items(m.rcParams)) != before)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT)
    assert done.returncode == 0
