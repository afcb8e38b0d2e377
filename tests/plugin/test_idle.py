"""In a project that configures nothing, the plugin is silent and costs next to nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.plugin.conftest import ALONE, ROOT, without_idle

HEAVY = ("torch", "numpy", "scipy", "pydantic", "PIL", "matplotlib", "rich", "safetensors")


def pytest_in(folder, *arguments):
    """Run pytest in a process of its own, where nothing is imported yet."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *ALONE, *without_idle(arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_is_imported_generated_or_shown(pytester, workers):
    pytester.makepyprojecttoml('[tool.pytest]\nstrict = true\n[project]\nname = "of failcond"')
    pytester.makepyfile(
        f"""
        import sys
        def test_it():
            assert not [name for name in {HEAVY!r} if name in sys.modules]
        """
    )
    result = pytest_in(pytester.path, "-W", "error", *(["-n", str(workers)] if workers else []))
    assert result.returncode == 0, result.stdout
    assert "1 passed" in result.stdout
    assert "failcond:" not in result.stdout
    assert "= failcond =" not in result.stdout


def test_a_fixture_without_a_configuration_says_what_to_do(project):
    project.write("pyproject.toml", "")
    project.write("test_robustness.py", "def test_it(failcond):\n    pass\n")
    result = project.run()
    assert result.ret == 1
    assert "`failcond init` writes the [tool.failcond] tables" in result.stdout.str()


def test_config_none_switches_the_plugin_off(project):
    result = project.run("--failcond-config=none")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert project.log() == []


def test_the_help_lists_every_option(project):
    told = project.run("--help").stdout.str()
    for option in ("config", "classifier", "generator", "images", "device", "seed", "strict"):
        assert f"--failcond-{option}" in told
    for option in ("json", "compare", "markdown", "no-images"):
        assert f"--failcond-{option}" in told


TEN_LINES = """
[tool.failcond]
classifier = "mine:load_classifier"
images = "mine:load_images"
[tool.failcond.corruptions]
names = ["gaussian_noise", "gaussian_blur", "contrast"]
[[tool.failcond.gates]]
metric = "accuracy_drop"
severities = [1, 2, 3]
max = 0.9
"""
"""The set-up of the README."""


def test_a_numpy_classifier_needs_neither_torch_nor_opencv(project):
    """They take seconds, in every worker, and whoever brings another framework may not have them."""
    project.configure(TEN_LINES)
    project.write(
        "conftest.py",
        "import sys\n"
        "from pathlib import Path\n"
        "def pytest_collection_finish(session):\n"
        "    assert not {'torch', 'cv2', 'skimage', 'imagecorruptions'} & set(sys.modules)\n"
        "def pytest_unconfigure(config):\n"
        "    Path('loaded.txt').write_text('\\n'.join(sys.modules))\n",
    )
    result = pytest_in(
        project.path, "--failcond-json=run.json", "--failcond-markdown=run.md", "--html=run.html"
    )
    assert result.returncode == 0, result.stdout
    assert "16 passed" in result.stdout
    loaded = set((project.path / "loaded.txt").read_text().split())
    assert {"pytest_failcond.laboratory.measure", "pytest_failcond.report.html"} <= loaded
    assert not loaded & {"torch", "cv2", "skimage", "imagecorruptions", "matplotlib", "safetensors"}
    environment = json.loads((project.path / "run.json").read_text())["environment"]
    assert environment["threads"] == 0
    assert environment["packages"]["torch"]
