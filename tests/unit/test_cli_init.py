"""``failcond init``: what it writes, what it refuses, and that pytest takes it."""

from __future__ import annotations

import inspect
import tomllib

import pytest

from pytest_failcond.cli import main
from pytest_failcond.config.settings import load_settings
from pytest_failcond.plugin.option_table import add_options


def test_what_it_writes_is_a_valid_configuration(tmp_path, capsys):
    assert main(["init", "--folder", str(tmp_path)]) == 0
    path = tmp_path / "pyproject.toml"
    settings = load_settings(path, tomllib.loads(path.read_text())["tool"]["failcond"])
    assert settings.classifier == "my_model:load_classifier"
    assert settings.generator is None
    assert len(settings.gates) == 2
    assert (
        "from pytest_failcond.suite import *"
        in (tmp_path / "tests" / "test_robustness.py").read_text()
    )
    out = capsys.readouterr().out
    assert "pytest" in out
    assert [line.split()[0] for line in out.splitlines()[-2:]] == ["Commit:", "Ignore"]


def test_options_stand_in_the_tables(tmp_path):
    options = {
        "--classifier": "a:b",
        "--images": "c:d",
        "--judge": "e:f",
        "--generator": 'odd "name".safetensors',
    }
    arguments = [part for pair in options.items() for part in pair]
    assert main(["init", "--folder", str(tmp_path), *arguments]) == 0
    table = tomllib.loads((tmp_path / "pyproject.toml").read_text())["tool"]["failcond"]
    assert [table[k.removeprefix("--")] for k in options] == list(options.values())


def test_what_was_there_is_kept(tmp_path):
    before = '[project]\nname = "mine"\n\n[tool.ruff]\nline-length = 99\n'
    (tmp_path / "pyproject.toml").write_text(before)
    assert main(["init", "--folder", str(tmp_path)]) == 0
    text = (tmp_path / "pyproject.toml").read_text()
    assert text.startswith(before.rstrip())
    assert tomllib.loads(text)["tool"]["ruff"] == {"line-length": 99}


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("pyproject.toml", "[tool.failcond]\nseed = 1\n", "already"),
        ("pyproject.toml", "[tool", "not valid TOML"),
        ("failcond.toml", "", "configures this project"),
        ("tests/test_robustness.py", "", "overwrites nothing"),
    ],
)
def test_nothing_is_overwritten(tmp_path, capsys, file, text, words):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert main(["init", "--folder", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err
    assert path.read_text() == text
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [("classifier", "nonsense"), ("judge", "a.b"), ("images", "a:b:c"), ("classifier", "my/file.py:load")],
)  # fmt: skip
def test_what_is_no_reference_is_refused(tmp_path, capsys, option, value):
    assert main(["init", "--folder", str(tmp_path), f"--{option}", value]) == 2
    error = capsys.readouterr().err
    assert f"--{option}: {value!r} is not of the form module:callable" in error
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main(["init", "--folder", str(tmp_path / "none")]) == 2
    assert "--folder" in capsys.readouterr().err


def test_a_folder_of_images_is_not_called_a_module(tmp_path, capsys):
    assert main(["init", "--folder", str(tmp_path), "--images", "data/test"]) == 0
    assert "'data/test'" not in capsys.readouterr().out
    text = (tmp_path / "pyproject.toml").read_text(encoding="utf-8")
    assert 'images = "data/test"  # a folder with one folder of image files per class' in text


def test_the_heading_that_the_test_module_names_is_pytests(tmp_path):
    assert main(["init", "--folder", str(tmp_path)]) == 0
    named = (tmp_path / "tests" / "test_robustness.py").read_text(encoding="utf-8").split('"')
    assert f'getgroup("failcond", "{named[4]}")' in inspect.getsource(add_options)


def test_a_configuration_above_is_named(tmp_path, capsys):
    assert main(["init", "--folder", str(tmp_path)]) == 0
    assert "the new tables win" not in capsys.readouterr().out
    (tmp_path / "below").mkdir()
    assert main(["init", "--folder", str(tmp_path / "below")]) == 0
    assert f"{tmp_path / 'pyproject.toml'} configures the folders around" in capsys.readouterr().out
