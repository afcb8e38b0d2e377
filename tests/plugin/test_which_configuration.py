"""Which configuration a session has, from wherever pytest is called; and what is not judged by it fails."""

from __future__ import annotations

import json
import os
import re
from types import SimpleNamespace

import pytest

from pytest_failcond.plugin.option_table import OPTIONS
from pytest_failcond.plugin.scope import FILE, Scope
from tests.plugin.conftest import SUITE

TABLE = """
[tool.failcond]
classifier = "signs:load"
images = "signs:images"
[tool.failcond.corruptions]
names = ["contrast"]
severities = [{}]
"""
SIGNS = """
import numpy as np

def images():
    labels = np.arange(60) % 3
    random = np.random.default_rng(0)
    images = labels[:, None, None, None] * 60 + random.integers(0, 40, (60, 16, 16, 1))
    return images.astype(np.uint8), labels

def load():
    return lambda x: np.zeros((len(x), 3), np.float32)
"""


@pytest.fixture
def mono(project, monkeypatch):
    """Three services, of which two configure failcond, beside a pytest.ini of the whole."""
    for name in ("pyproject.toml", "mine.py", "torchy.py", "test_robustness.py"):
        (project.path / name).unlink()
    project.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    project.write("ci/robust.ini", "[pytest]\n")
    for severity, service in enumerate(("signs", "lights"), 1):
        project.write(f"{service}/pyproject.toml", TABLE.format(severity))
        project.write(f"{service}/signs.py", SIGNS)
        project.write(f"{service}/tests/test_{service}.py", SUITE)
        project.write(f"{service}/src/model.py", "")
    project.write("plain/pyproject.toml", '[project]\nname = "plain"\n')
    project.write("plain/test_plain.py", "def test_it(): pass\n")
    monkeypatch.delitem(os.sys.modules, "signs", raising=False)
    return project


def said(result):
    """The file that the header names, or None."""
    found = re.search(r"^failcond: configured by (\S+),", result.stdout.str(), re.MULTILINE)
    return found and found[1]


FROM = {
    # folder to start in, arguments, file that the header names, severity in its grid
    "a path": ("", ["signs"], "signs/pyproject.toml", 1),
    "a deeper path": ("", ["lights/tests"], "lights/pyproject.toml", 2),
    "a file": ("", ["signs/tests/test_signs.py"], "signs/pyproject.toml", 1),
    "a node": ("", ["signs/tests/test_signs.py::test_clean"], "signs/pyproject.toml", None),
    "a parameter": (
        "",
        ["lights/tests/test_lights.py::test_corruption[contrast-2]"],
        "lights/pyproject.toml",
        2,
    ),
    "two paths of one project": ("", ["signs/tests", "signs/src"], "signs/pyproject.toml", 1),
    "beside a project without": ("", ["plain", "signs"], "signs/pyproject.toml", 1),
    "its folder": ("signs", [], "pyproject.toml", 1),
    "a folder in it": ("signs/tests", [], "ROOT/signs/pyproject.toml", 1),
    "its source": ("signs/src", ["../tests"], "ROOT/signs/pyproject.toml", 1),
    "the next project": ("lights", ["../signs"], "ROOT/signs/pyproject.toml", 1),
    "another ini": ("signs", ["-c", "../ci/robust.ini"], "pyproject.toml", 1),
    "an ini from above": ("", ["-c", "ci/robust.ini", "lights"], "lights/pyproject.toml", 2),
    "a rootdir elsewhere": ("signs", ["--rootdir", "../lights"], "pyproject.toml", 1),
    "an empty rootdir": ("", ["--rootdir", "ci", "signs"], "signs/pyproject.toml", 1),
    "a named file": ("", ["--failcond-config=signs/pyproject.toml", "signs"], "signs/pyproject.toml", 1),
    "a named file of another": (
        "lights",
        ["--failcond-config=../signs/pyproject.toml"],
        "ROOT/signs/pyproject.toml",
        1,
    ),
    "a module": ("", ["--pyargs", "-p", "no:cacheprovider", "lamps.tests"], "lamps/pyproject.toml", 3),
}  # fmt: skip


@pytest.mark.parametrize("case", FROM)
def test_the_nearest_table_is_found_from_anywhere(mono, monkeypatch, case):
    folder, arguments, file, severity = FROM[case]
    project = mono
    if case == "a module":
        project.write("lamps/pyproject.toml", TABLE.format(3))
        project.write("lamps/__init__.py", "")
        project.write("lamps/tests/__init__.py", "")
        project.write("lamps/tests/test_lamps.py", SUITE)
    monkeypatch.chdir(project.path / folder)
    result = project.run("--collect-only", *arguments)
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert said(result) == file.replace("ROOT", str(project.path))
    cells = re.findall(r"test_corruption\[contrast-(\d)\]", result.stdout.str())
    assert cells == ([] if severity is None else [str(severity)])


def test_a_red_gate_is_red_wherever_pytest_is_called(mono, monkeypatch):
    gate = '[[tool.failcond.gates]]\nmetric = "clean_accuracy"\nmin = 0.9\n'
    mono.write("signs/pyproject.toml", TABLE.format(1) + gate)
    monkeypatch.chdir(mono.path / "signs" / "tests")
    result = mono.run("-c", "../../ci/robust.ini")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*verdict: failed · 1 check of 1 gate: 1 failed*"])


def test_an_ini_among_the_tests_does_not_hide_the_table(mono, monkeypatch):
    mono.write("signs/tests/pytest.ini", "[pytest]\n")
    monkeypatch.chdir(mono.path / "signs")
    result = mono.run("--collect-only", "tests")
    result.stdout.fnmatch_lines(
        ["failcond: configured by pyproject.toml*", "rootdir: */signs/tests"]
    )
    assert "test_corruption[contrast-1]" in result.stdout.str()


@pytest.mark.parametrize(
    ("ini", "file"),
    [
        ("[pytest]\ntestpaths = signs\n", "signs/pyproject.toml"),
        ("[pytest]\naddopts = lights/tests\n", "lights/pyproject.toml"),
    ],
)
def test_paths_of_the_ini_count_as_arguments(mono, ini, file):
    mono.write("pytest.ini", ini)
    result = mono.run("--collect-only")
    assert said(result) == file


def test_links_lead_to_the_project_that_they_lie_in_or_point_to(mono, monkeypatch):
    (mono.path / "link").symlink_to("signs")
    (mono.path / "tests").symlink_to("lights/tests")
    assert said(mono.run("--collect-only", "link/tests")) == "link/pyproject.toml"
    assert said(mono.run("--collect-only", "link", "signs")) is not None
    result = mono.run("--collect-only", "tests")
    assert said(result) == "lights/pyproject.toml"
    assert "test_corruption[contrast-2]" in result.stdout.str()
    monkeypatch.chdir(mono.path / "link" / "src")
    assert said(mono.run("--collect-only")) == str(mono.path / "signs/pyproject.toml")


@pytest.mark.parametrize(
    "arguments",
    [
        ["signs", "lights"],
        ["signs/tests/test_signs.py::test_clean", "plain", "lights/no/such"],
        ["-o", "testpaths=signs lights"],
    ],
)
def test_arguments_that_lead_to_two_files_are_refused_naming_both(mono, arguments):
    result = mono.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert "\n" not in message
    for service in ("signs", "lights"):
        assert str(mono.path / service / "pyproject.toml") in message


def test_a_broken_table_on_the_way_is_one_sentence(mono):
    mono.write("signs/tests/failcond.toml", "seed: 1")
    result = mono.run("signs/tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith(f"ERROR: {mono.path / 'signs/tests/failcond.toml'}: cannot be read")
    assert "\n" not in message


def test_a_suite_that_another_file_is_nearer_to_fails_and_says_so(mono, monkeypatch):
    """Neither are its tests missing, nor are they judged by thresholds of others.

    Called from below, under another ini file.
    """
    gate = '[[tool.failcond.gates]]\nmetric = "clean_accuracy"\nmin = 0.9\n'
    mono.write("pyproject.toml", TABLE.format(5) + gate)
    mono.write("signs.py", SIGNS)
    mono.write("test_all.py", SUITE)
    monkeypatch.chdir(mono.path / "ci")
    result = mono.run("-c", "robust.ini", "..")
    assert said(result) == str(mono.path / "pyproject.toml")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert outcomes["errors"] == 16  # eight tests of each service
    assert outcomes["failed"] == 1  # the gate of test_all's
    assert outcomes["passed"] == 2  # test_all's other one, test_plain's one
    for service in ("signs", "lights"):
        result.stdout.fnmatch_lines(
            [f"configured by {mono.path}/{service}/pyproject.toml, but this session has "
             f"{mono.path}/pyproject.toml; run pytest on {mono.path}/{service}, or give *"]
        )  # fmt: skip
    assert result.stdout.str().count("\nsee above, ") == 14


@pytest.mark.parametrize("told", ["lights/pyproject.toml", None])
def test_a_worker_has_the_configuration_of_its_controller_and_looks_for_none(mono, told):
    """Or none, if the controller has none: a worker may run where another file is the nearest."""
    here = mono.path / "signs"
    config = SimpleNamespace(
        getoption={"failcond_config": None, "pyargs": False}.get,
        args=["tests"],
        rootpath=here,
        invocation_params=SimpleNamespace(dir=here),
    )
    assert Scope.of(config).found.path == here / "pyproject.toml"
    config.workerinput = {} if told is None else {FILE: str(mono.path / told)}
    found = Scope.of(config).found
    assert (found and found.path) == (told and mono.path / told)


def test_a_suite_below_a_session_without_a_configuration_fails(mono):
    result = mono.run()
    assert said(result) is None
    assert result.ret == 1
    assert result.parseoutcomes() == {"errors": 16, "passed": 1}
    result.stdout.fnmatch_lines(["configured by */signs/pyproject.toml, but this session has no *"])
    assert mono.run("--failcond-config=signs/pyproject.toml", "-k", "clean").ret == 0


def test_a_suite_without_any_configuration_fails_and_says_where_it_looked(mono):
    mono.write("plain/test_robustness.py", SUITE)
    mono.write("plain/test_partly.py", "from pytest_failcond.suite import test_gate as test_mine")
    result = mono.run("plain")
    assert result.ret == 1
    assert result.parseoutcomes() == {"errors": 9, "passed": 1}
    result.stdout.fnmatch_lines(
        [f"not configured: there is no ?tool.failcond? and no failcond.toml in {mono.path}/plain or "
         "above; `failcond init` writes the ?tool.failcond? tables"]
    )  # fmt: skip


OWN = """
import pytest

def test_whole(failcond):
    pass

def test_cell(failcond, failcond_corruption):
    pass

@pytest.mark.skip(reason="not today")
def test_case(failcond_corner_case):
    pass

def test_case_of_today(failcond_corner_case):
    pass

def test_other():
    pass
"""


def test_tests_of_the_users_own_fail_alike(mono):
    """They were skipped, for want of parameters, or judged by another project's configuration."""
    mono.write("plain/test_own.py", OWN)
    for arguments in (["plain"], ["plain", "signs"]):
        result = mono.run(*arguments, "-k", "test_own")
        outcomes = result.parseoutcomes()
        assert outcomes["errors"] == 3
        assert outcomes["skipped"] == 1
        assert outcomes["passed"] == 1
        result.stdout.fnmatch_lines(["not configured: there is no ?tool.failcond?*"])


def test_what_is_not_judged_is_no_part_of_the_plan(mono):
    mono.write("pyproject.toml", TABLE.format(5))
    mono.write("signs.py", SIGNS)
    mono.write("test_all.py", SUITE)
    result = mono.run("--failcond-json=run.json", "--deselect=test_all.py::test_clean")
    assert result.ret == 1
    run = json.loads((mono.path / "run.json").read_text())
    assert run["planned"] == ["corruption:contrast:5"]
    assert run["errors"] == []


def test_what_is_not_wanted_is_still_not_generated(mono):
    """There is a configuration: without a generator, corpus or gates, nothing is said of them."""
    result = mono.run("--collect-only", "-q", "signs")
    names = [line.split("::")[1] for line in result.outlines if "::" in line]
    assert names == ["test_clean", "test_corruption[contrast-1]"]


def test_none_switches_off_in_silence(mono):
    mono.write("plain/test_robustness.py", SUITE)
    for arguments in (["signs"], ["plain", "--failcond-json=run.json"], ["signs", "lights"]):
        result = mono.run("--failcond-config=none", *arguments)
        assert result.ret in (0, 5)
        assert "failcond:" not in result.stdout.str()
        assert result.stderr.str() == ""
    assert not (mono.path / "run.json").exists()


@pytest.mark.parametrize("name", [name for name in OPTIONS if name != "config"])
def test_any_option_without_a_configuration_is_an_error(mono, name):
    """Of every option that there is, and that there will be."""
    flag = OPTIONS[name].get("action") == "store_true"
    option = f"--failcond-{name}"
    result = mono.run("plain", option if flag else f"{option}=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith(f"ERROR: {option}: there is no [tool.failcond]")
    assert str(mono.path / "plain") in message
    assert "\n" not in message


def test_without_an_option_a_project_without_a_configuration_is_left_alone(mono):
    assert mono.run("plain").ret == 0


def test_options_of_the_ini_count_too_and_a_missing_path_is_named(mono):
    mono.write("pytest.ini", "[pytest]\naddopts = --failcond-strict --failcond-seed=0\n")
    result = mono.run("plan")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str()
    assert "--failcond-seed, --failcond-strict: there is no" in message
    assert f"{mono.path / 'plan'} (which does not exist)" in message


def test_a_named_file_wins_over_what_is_nearer(mono, monkeypatch):
    """It is relative to where pytest is called, as any path on a command line."""
    mono.write(
        "ci/strict.toml",
        TABLE.format(4).replace("tool.failcond.", "").replace("[tool.failcond]", ""),
    )
    mono.write("ci/signs.py", SIGNS)
    monkeypatch.chdir(mono.path / "signs")
    result = mono.run("--failcond-config=../ci/strict.toml", "../lights", ".")
    assert result.ret == 0, result.stdout.str()
    assert said(result) == str(mono.path / "ci" / "strict.toml")
    assert result.parseoutcomes()["passed"] == 4


def test_a_folder_of_images_on_the_command_line_is_relative_to_it(mono, monkeypatch):
    mono.write("signs/tests/pictures/a/x.png", "")
    mono.write("signs/tests/pictures/b/x.png", "")
    monkeypatch.chdir(mono.path / "signs" / "tests")
    result = mono.run("--collect-only", "--failcond-images=pictures")
    assert result.ret == 0, result.stderr.str()
    assert "is not of the form" not in result.stdout.str()
