"""Commands import from where pytest's tests do: its ``pythonpath``, in any file and form that it reads."""

from __future__ import annotations

import sys

import pytest

from pytest_failcond.cli import main
from pytest_failcond.config.pythonpath import pythonpath_of
from pytest_failcond.errors import FailcondError
from tests.unit.tiny import tiny_generator

FORMS = {
    "pytest.toml": '[pytest]\npythonpath = ["src", "my lib"]\n',
    ".pytest.toml": '[pytest]\npythonpath = ["src", "my lib"]\n',
    "pytest.ini": "[pytest]\naddopts = -ra\npythonpath =\n    src\n    'my lib'\n",
    ".pytest.ini": '[pytest]\npythonpath = src "my lib"\n',
    "pyproject.toml": '[tool.pytest]\npythonpath = ["src", "my lib"]\n',
    "tox.ini": '[tox]\nenvlist = py\n[pytest]\npythonpath = src "my lib"\n',
    "setup.cfg": '[tool:pytest]\npythonpath = src "my lib"\n',
}
OLDER = {
    "a string": "[tool.pytest.ini_options]\npythonpath = \"src 'my lib'\"\n",
    "a list": '[tool.pytest.ini_options]\npythonpath = ["src", "my lib"]\n',
}


@pytest.fixture(autouse=True)
def _own_path(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.mark.parametrize("name", FORMS)
def test_every_file_that_pytest_reads(tmp_path, name):
    (tmp_path / name).write_text(FORMS[name])
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (below / "setup.cfg").write_text("[metadata]\nname = x\n")  # none of pytest's
    (below / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (below / "tox.ini").write_text("[tox]\n")
    assert pythonpath_of(below) == [tmp_path / "src", tmp_path / "my lib"]


@pytest.mark.parametrize("form", OLDER)
def test_the_older_table(tmp_path, form):
    (tmp_path / "pyproject.toml").write_text(OLDER[form])
    assert pythonpath_of(tmp_path) == [tmp_path / "src", tmp_path / "my lib"]


def test_the_first_in_pytests_order_and_the_nearest_wins(tmp_path):
    for name in reversed(FORMS):
        text = FORMS[name].replace("src", name.replace(".", ""))
        (tmp_path / name).write_text(text)
        assert pythonpath_of(tmp_path)[0].name == name.replace(".", "")
    below = tmp_path / "below"
    below.mkdir()
    (below / "pytest.ini").write_text("")
    assert pythonpath_of(below) == []  # as pytest: that file, though it is empty
    assert pythonpath_of(tmp_path / "nowhere")[0].name == "pytesttoml"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "pythonpath = src\n"),
        ("pyproject.toml", "[tool.pytest"),
        ("pyproject.toml", "tool = 3\n"),
        ("pytest.toml", "[pytest]\npythonpath = 3\n"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(FailcondError, match=name):
        pythonpath_of(tmp_path)


def test_a_command_imports_from_there(tmp_path, monkeypatch, capsys):
    """From any folder of the project, and with a configuration named from outside."""
    (tmp_path / "src").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "src" / "model_of_path.py").write_text(
        "def load(): raise RuntimeError('it is found')\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest]\npythonpath = ["src"]\n[tool.failcond]\nclassifier = "model_of_path:load"\n'
        'generator = "none.safetensors"\n'
    )
    for folder, options in (
        (tmp_path, []),
        (tmp_path / "deep" / "er", []),
        ("/", ["--config", str(tmp_path / "pyproject.toml")]),
    ):
        monkeypatch.setattr(sys, "path", [*sys.path])
        monkeypatch.delitem(sys.modules, "model_of_path", raising=False)
        monkeypatch.chdir(folder)
        assert main(["explore", *options]) == 2
        assert "it is found" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "deep")
    tiny_generator().save("tiny.safetensors")
    for command in (
        ["train", "out.safetensors", "--images", "model_of_path:load"],
        ["quality", "tiny.safetensors", "--images", "model_of_path:load",
         "--test-images", "a:b", "--judge", "c:d"],
    ):  # fmt: skip
        monkeypatch.delitem(sys.modules, "model_of_path", raising=False)
        assert main(command) == 2
        assert "it is found" in capsys.readouterr().err
