"""What the configuration names and nobody can find is said once, before anything runs; and only that."""

from __future__ import annotations

import pytest

from pytest_failcond.config.settings import Settings
from pytest_failcond.subjects.references import missing_module, references_of
from tests.plugin.conftest import GRID, SUITE

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
    project.write("spaced/models.py", "raise SystemExit('imported')")
    return project


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("reference", WRONG)
def test_what_cannot_be_found_is_one_sentence(kit, key, reference):
    kit.configure(KEYS[key].replace("NAMED", reference))
    result = kit.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    message = result.stderr.str().strip()
    assert message.startswith("ERROR: ")
    assert "\n" not in message
    for word in (key, repr(reference), WRONG[reference]):
        assert word in message


def test_a_command_lines_reference_is_one_too(kit):
    result = kit.run("--failcond-classifier=mein:load")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no module 'mein'" in result.stderr.str()


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


def test_a_package_that_makes_its_modules_is_believed(tmp_path, monkeypatch):
    """Nothing is imported; what code may do then is not known."""
    for name, text in (
        ("plain", ""),
        ("lazy", "import sys\nsys.modules[__name__ + '.models'] = 1\n"),
        ("elsewhere", "__path__.append('/elsewhere')\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    assert missing_module("plain.models", tmp_path) == "plain.models"
    assert missing_module("lazy.models.more", tmp_path) is None
    assert missing_module("elsewhere.models", tmp_path) is None
    assert missing_module("plain", tmp_path) is None
    for name in ("os.path", "sys", "importlib.metadata", "numpy.linalg", "xml.etree.ElementTree"):
        assert missing_module(name, tmp_path) is None
    assert missing_module("xml.etree.ElementTre", tmp_path) == "xml.etree.ElementTre"


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
