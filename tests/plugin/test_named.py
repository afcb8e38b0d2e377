"""A module or function that cannot be found is one error before anything runs, and never a false one."""

from __future__ import annotations

import shutil
import sys
import tomllib

import pytest

from pytest_failcond.config.settings import Settings, load_settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.plugin.unfound import check_named
from pytest_failcond.subjects.references import locate, references_of
from tests.plugin.conftest import GRID, ROOT, SUITE

KEYS = {
    "classifier": '[tool.failcond]\nclassifier = "NAMED"\nimages = "mine:load_images"',
    "images": '[tool.failcond]\nclassifier = "mine:load_classifier"\nimages = "NAMED"',
    "judge": GRID.replace("[tool.failcond]", '[tool.failcond]\njudge = "NAMED"', 1),
    "judges": GRID.replace(
        "[tool.failcond]", '[tool.failcond]\njudges = ["mine:load_classifier", "NAMED"]', 1
    ),
    "corruptions.custom.blackout": GRID.replace("mine:blackout", "NAMED"),
}
WRONG = {
    "mein:load": "there is no module 'mein'",
    "mine.models:load": "there is no module 'mine.models'",
    "kit.modls:load": "there is no module 'kit.modls'",
    "kit.models.deep:load": "there is no module 'kit.models.deep'",
    "spaced.modls:load": "there is no module 'spaced.modls'",
    "mine:load_imagse": "there is no 'load_imagse' in mine",
    "kit.named:House.laod": "there is no 'House' in kit.named",
    "mine:": "not of the form module:callable",
    ":load": "not of the form module:callable",
    "mine:load classifier": "not of the form module:callable",
    "mine.py:load": "there is no module 'mine.py'",
    "kit.models.py:load": "there is no module 'kit.models.py'",
    "a/b:load": "not of the form module:callable",
    "mine::load": "not of the form module:callable",
}


@pytest.fixture
def kit(project):
    project.write("kit/__init__.py", "raise SystemExit('imported')")
    project.write("kit/models.py", "raise SystemExit('imported')")
    project.write("kit/named.py", "raise SystemExit('imported')\nclass Hosue: pass")
    project.write("spaced/models.py", "raise SystemExit('imported')")
    return project


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("reference", WRONG)
def test_what_cannot_be_found_is_one_sentence(kit, pytestconfig, key, reference):
    kit.configure(KEYS[key].replace("NAMED", reference))
    file = kit.path / "pyproject.toml"
    settings = load_settings(file, tomllib.loads(file.read_text())["tool"]["failcond"])
    with pytest.raises(FailcondError) as refused:
        check_named(pytestconfig, [kit.path], settings)
    message = str(refused.value)
    assert "\n" not in message
    for word in (key, repr(reference), WRONG[reference]):
        assert word in message


@pytest.mark.parametrize("key", KEYS)
def test_a_session_stops_at_once_with_that_sentence(kit, key):
    kit.configure(KEYS[key].replace("NAMED", "mein:load"))
    result = kit.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith("ERROR: ")
    assert "\n" not in message
    assert f"{key} = 'mein:load': {WRONG['mein:load']}" in message


def test_a_command_lines_reference_is_one_too(kit):
    result = kit.run("--failcond-classifier=mein:load")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no module 'mein'" in result.stderr.str()


@pytest.mark.parametrize("key", ["classifier", "images", "corruptions.custom.blackout"])
def test_the_nearest_function_is_named(kit, key):
    kit.configure(KEYS[key].replace("NAMED", "mine:load_imags"))
    message = kit.run().stderr.str().strip()
    assert message == (
        f"ERROR: {key} = 'mine:load_imags': there is no 'load_imags' in mine "
        f"({kit.path / 'mine.py'}); did you mean 'load_images'?"
    )


def test_a_mistyped_probe_is_one_sentence(project):
    project.write("flips.py", "FLIPPED = 3\n")
    project.configure(
        GRID.replace("[tool.failcond]", '[tool.failcond]\nprobes = ["flips:FLIPED"]', 1)
    )
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert "\n" not in message
    for word in ("probes", "'flips:FLIPED'", "did you mean 'FLIPPED'?"):
        assert word in message


def test_a_mistyped_function_of_the_example_is_found_before_anything_runs(project):
    for name in ("pyproject.toml", "digits.py", "test_robustness.py"):
        shutil.copy(ROOT / "example_project" / name, project.path)
    mistyped = "--failcond-classifier=digits:load_clasifier"
    table = project.path / "pyproject.toml"
    kept = [
        line
        for line in table.read_text().splitlines()
        if not line.startswith(("generator", "judge", "corpus", "review"))
    ]
    table.write_text("\n".join(kept).partition("[tool.failcond.corner_cases]")[0])
    result = project.run(mistyped)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith("ERROR: classifier = 'digits:load_clasifier': there is no")
    assert message.endswith("did you mean 'load_classifier'?")


def test_a_folder_of_images_that_is_absent_is_one_sentence(project):
    project.configure(KEYS["images"].replace("NAMED", "data/test"))
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert "\n" not in message
    assert "data/test" in message


USED_OTHERWISE = {
    # files: in each, the classifier is found or is not asked for
    "conftest.py": {
        "conftest.py": "import pytest, mine\n@pytest.fixture(scope='session')\n"
        "def failcond_classifier(): return mine.load_classifier()\n"
    },
    "a conftest.py further down": {
        "test_robustness.py": "",
        "below/conftest.py": "import pytest, mine\n@pytest.fixture(scope='session')\n"
        "def failcond_classifier(): return mine.load_classifier()\n",
        "below/test_here.py": SUITE,
    },
    "the test module": {
        "test_robustness.py": SUITE + "import pytest, mine\n@pytest.fixture(scope='session')\n"
        "def failcond_classifier(): return mine.load_classifier()\n"
    },
    "a plugin": {
        "conftest.py": "pytest_plugins = ['fixtures_of_mine']\n",
        "fixtures_of_mine.py": "import pytest, mine\n@pytest.fixture(scope='session')\n"
        "def failcond_classifier(): return mine.load_classifier()\n",
    },
    "beside the tests": {
        "test_robustness.py": "",
        "below/test_here.py": SUITE,
        "below/absent_model.py": "from mine import load_classifier as load\n",
    },
    "a path of the tests' own": {
        "test_robustness.py": "",
        "lib/absent_model.py": "from mine import load_classifier as load\n",
        "below/test_here.py": "import sys, pathlib\n"
        "sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'lib'))\n" + SUITE,
    },
    "made by conftest.py": {
        "conftest.py": "import sys, types, mine\n"
        "module = sys.modules['absent_model'] = types.ModuleType('absent_model')\n"
        "module.load = mine.load_classifier\n"
    },
    "pythonpath": {
        "pytest.ini": "[pytest]\npythonpath = lib\n",
        "lib/absent_model.py": "from mine import load_classifier as load\n",
    },
    "another finder": {
        "conftest.py": "import sys, importlib.util, pathlib\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'absent_model':\n"
        "            file = pathlib.Path(__file__).with_name('of_the_finder.txt')\n"
        "            loader = importlib.machinery.SourceFileLoader(name, str(file))\n"
        "            return importlib.util.spec_from_loader(name, loader)\n"
        "sys.meta_path.append(Finder())\n",
        "of_the_finder.txt": "from mine import load_classifier as load\n",
    },
    "nobody asks": {"test_robustness.py": "def test_it(): pass\n"},
}


@pytest.mark.parametrize("case", USED_OTHERWISE)
def test_what_is_found_later_or_not_needed_is_not_refused(project, monkeypatch, case):
    for module in ("absent_model", "fixtures_of_mine"):
        monkeypatch.delitem(__import__("sys").modules, module, raising=False)
    monkeypatch.setattr("sys.meta_path", [*__import__("sys").meta_path])
    project.configure(KEYS["classifier"].replace("NAMED", "absent_model:load"))
    for name, text in USED_OTHERWISE[case].items():
        project.write(name, text)
    result = project.run()
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert result.parseoutcomes()["passed"] == 1


NAMED_OTHERWISE = {
    # files: in each, the module that is found now lacks the name, and the tests find it
    "a fixture": {
        "test_robustness.py": SUITE + "import pytest, mine\n@pytest.fixture(scope='session')\n"
        "def failcond_classifier(): return mine.load_classifier()\n"
    },
    "conftest.py sets it": {
        "conftest.py": "import lacking, mine\nlacking.load = mine.load_classifier\n"
    },
    "a conftest.py further down sets it": {
        "test_robustness.py": "",
        "below/conftest.py": "import lacking, mine\nlacking.load = mine.load_classifier\n",
        "below/test_here.py": SUITE,
    },
    "the test module sets it": {
        "test_robustness.py": SUITE
        + "import lacking, mine\nsetattr(lacking, 'load', mine.load_classifier)\n"
    },
    "another module of this name beside the tests": {
        "test_robustness.py": None,
        "below/test_here.py": SUITE,
        "pytest.ini": "[pytest]\npythonpath = .\n",
        "below/lacking.py": "from mine import load_classifier as load\n",
    },
    "a path of the tests' own": {
        "test_robustness.py": None,
        "pytest.ini": "[pytest]\npythonpath = .\n",
        "lib/lacking.py": "from mine import load_classifier as load\n",
        "below/test_here.py": "import sys, pathlib\n"
        "sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'lib'))\n" + SUITE,
    },
    "all names of another module": {"lacking.py": "from lacking_more import *\n"},
    "nobody asks": {"test_robustness.py": "def test_it(): pass\n"},
}


@pytest.mark.parametrize("case", NAMED_OTHERWISE)
def test_a_name_that_is_given_later_or_not_needed_is_not_refused(project, monkeypatch, case):
    for module in ("lacking", "lacking_more"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr("sys.path", [*sys.path])
    project.configure(KEYS["classifier"].replace("NAMED", "lacking:load"))
    project.write("lacking.py", "import mine\n")
    project.write("lacking_more.py", "from mine import load_classifier as load\n")
    for name, text in NAMED_OTHERWISE[case].items():
        if text is None:
            (project.path / name).unlink()  # pytest would import it last, and find its folder first
        else:
            project.write(name, text)
    result = project.run()
    assert result.ret == 0, result.stdout.str() + result.stderr.str()
    assert result.parseoutcomes()["passed"] == 1


def test_a_package_that_makes_its_modules_is_believed(tmp_path, monkeypatch):
    """Nothing is imported; what code may do then is not known."""
    for name, text in (
        ("plain", ""),
        ("lazy", "import sys\nsys.modules[__name__ + '.models'] = 1\n"),
        ("elsewhere", "__path__.append('/elsewhere')\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    assert locate("plain.models", tmp_path).missing == "plain.models"
    assert locate("lazy.models.more", tmp_path).missing is None
    assert locate("elsewhere.models", tmp_path).missing is None
    assert locate("plain", tmp_path).missing is None
    for name in ("os.path", "sys", "importlib.metadata", "numpy.linalg", "xml.etree.ElementTree"):
        assert locate(name, tmp_path).missing is None
    assert locate("xml.etree.ElementTre", tmp_path).missing == "xml.etree.ElementTre"


def test_every_reference_is_known(tmp_path):
    settings = Settings(
        classifier="a:b",
        images="c:d",
        judge="e:f",
        corruptions={"custom": {"x": "g:h", "both": ["x", "contrast"]}, "names": ["x"]},
        folder=tmp_path,
    )
    assert dict(references_of(settings)) == {
        "classifier": "a:b",
        "images": "c:d",
        "judge": "e:f",
        "corruptions.custom.x": "g:h",
    }
    several = Settings(judges=("a:b", "models/c.safetensors", "d:e"), folder=tmp_path)
    assert list(references_of(several)) == [("judges", "a:b"), ("judges", "d:e")]
    (tmp_path / "pictures").mkdir()
    assert dict(references_of(Settings(images="pictures", folder=tmp_path))) == {}
