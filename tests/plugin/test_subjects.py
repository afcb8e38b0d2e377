"""A session measures one set of subjects: keys know none, so others are refused, never mixed."""

from __future__ import annotations

import textwrap

import pytest

from tests.plugin.conftest import GRID, SUITE, TORCH

MINE = "def test_mine(failcond):\n    assert failcond.measure('clean').accuracy > 0.9\n"
TWO = "a session measures one set of subjects, but fixture {}"
REMEDY = "compare the runs by `failcond compare`"


def fixture(subject="classifier", returns="mine.load_classifier()", scope="session", rest=""):
    """Write a fixture that overrides a subject."""
    asked = "request" if "request" in returns else rest.rpartition("=")[2] if "asks" in rest else ""
    options = "" if "asks" in rest else f", {rest}"
    return (
        "import pytest, mine\n"
        f"@pytest.fixture(scope='{scope}'{options})\n"
        f"def failcond_{subject}({asked}):\n    return {returns}\n"
    )


PARAMS = fixture(
    returns="getattr(mine, request.param)()", rest="params=['load_classifier', 'load_blind']"
)
BASE = (
    "import pytest, mine\n"
    "@pytest.fixture(scope='session', params=['load_classifier', 'load_blind'])\n"
    "def weights(request):\n    return request.param\n"
)
MISTYPED = {
    "in conftest.py": {"conftest.py": fixture("clasifier")},
    "by name=": {"conftest.py": fixture("x").replace("'session'", "'session', name='failcond_juge'")},
    "beside the tests": {"test_robustness.py": SUITE + fixture("imges")},
    "in a class": {
        "test_robustness.py": "import pytest\nclass TestIt:\n    @pytest.fixture\n"
        "    def failcond_clasifier(self):\n        pass\n    def test_it(self, failcond):\n        pass\n",
    },
    "in a module that a conftest names": {
        "conftest.py": "pytest_plugins = ['mended']\n",
        "mended.py": fixture("clasifier"),
    },
}  # fmt: skip


@pytest.mark.parametrize("case", MISTYPED)
def test_a_fixture_that_takes_the_place_of_none_of_ours_is_refused(project, case):
    for name, text in MISTYPED[case].items():
        project.write(name, text)
    result = project.run()
    assert result.ret == 1
    # Where CI runs, pytest repeats it in full in its summary.
    text = result.stdout.str().partition("short test summary")[0]
    assert (
        text.count("names that begin with failcond_ are reserved for pytest-failcond's fixtures")
        == 1
    )
    assert "; did you mean 'failcond_" in text
    assert "classified" not in project.log()


def test_what_is_only_called_like_a_fixture_of_ours_is_none_of_our_business(project):
    project.write(
        "conftest.py",
        "from pytest_failcond.plugin.fixtures import failcond_judge\nfailcond_path = 'models'\n"
        "def failcond_helper():\n    pass\n",
    )
    assert project.run().ret == 0


PARTED = {
    "a fixture with parameters": {"conftest.py": PARAMS},
    "a fixture that depends on one": {
        "conftest.py": BASE + fixture(returns="getattr(mine, weights)()", rest="asks=weights"),
    },
    "parameters given to it by a test": {
        "conftest.py": fixture(returns="getattr(mine, request.param)()"),
        "test_mine.py": "import pytest\n"
        "@pytest.mark.parametrize('failcond_classifier', ['load_classifier'], indirect=True)\n"
        + MINE,
        "test_robustness.py": "import pytest\n"
        "pytestmark = pytest.mark.parametrize('failcond_classifier', ['load_blind'], indirect=True)\n"
        + SUITE,
    },
    "values given by parametrize": {
        "test_mine.py": "import pytest, mine\n"
        "@pytest.mark.parametrize('failcond_classifier',\n"
        "    [mine.load_classifier(), mine.load_blind()], scope='session')\n" + MINE,
        "test_robustness.py": "",
    },
    "a conftest.py in each package": {
        "a/conftest.py": fixture(),
        "b/conftest.py": fixture(returns="mine.load_blind()"),
        "a/test_a.py": MINE,
        "b/test_b.py": SUITE,
        "test_robustness.py": "",
    },
    "the same that asks for another as it runs": {
        "conftest.py": fixture(returns="request.getfixturevalue('weights')"),
        "a/conftest.py": fixture().replace("failcond_classifier", "weights"),
        "b/conftest.py": fixture(returns="mine.load_blind()").replace("failcond_classifier", "weights"),
        "a/test_a.py": MINE,
        "b/test_b.py": SUITE,
        "test_robustness.py": "",
    },
    "one in a package, none in the other": {"a/conftest.py": fixture(), "a/test_a.py": MINE},
    "one in a class": {
        "test_mine.py": "class TestOther:\n"
        + textwrap.indent(fixture().replace("classifier():", "classifier(self):"), "    ")
        + "    def test_it(self, failcond):\n        failcond.measure('clean')\n",
    },
    "one in a module, of the images": {
        "test_mine.py": fixture("images", "mine.load_images().subset(9, 0)[0]") + MINE,
    },
}  # fmt: skip


def write(project, files):
    for name, text in files.items():
        project.write(name, text)


@pytest.mark.parametrize("kind", PARTED)
def test_two_sets_of_subjects_are_refused_before_anything_is_measured(project, kind):
    write(project, PARTED[kind])
    result = project.run()
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"errors"}
    text = result.stdout.str()
    subject = (
        "images"
        if "images" in kind
        else "weights"
        if "depends" in kind or "asks" in kind
        else "classifier"
    )
    whole = f"failcond_{subject}" if subject != "weights" else subject
    assert text.count("\n" + TWO.format(whole)) == 1
    assert REMEDY in text
    assert "INTERNALERROR" not in text
    assert project.log() == []


def test_fixtures_that_one_function_makes_are_told_apart(project):
    maker = (
        "import pytest, mine\n"
        "def make(name):\n"
        "    @pytest.fixture(scope='session')\n"
        "    def failcond_classifier():\n"
        "        return getattr(mine, name)()\n"
        "    return failcond_classifier\n"
    )
    project.write("maker.py", maker)
    for name in ("load_classifier", "load_blind"):
        text = f"import maker\nfailcond_classifier = maker.make('{name}')\n{MINE}"
        project.write(f"test_{name}.py", text)
    result = project.run("test_load_classifier.py", "test_load_blind.py")
    assert result.parseoutcomes() == {"errors": 2}
    result.stdout.fnmatch_lines(
        ["* but fixture failcond_classifier is made twice in maker.py, for *"]
    )


@pytest.mark.parametrize("options", [["-k", "load_blind"], ["-k", "load_classifier"]])
def test_tests_of_one_set_can_be_selected(project, options):
    write(project, PARTED["a fixture with parameters"])
    project.write(
        "test_mine.py", "def test_it(failcond):\n    print(failcond.measure('clean').correct)\n"
    )
    result = project.run("-s", *options, "test_mine.py")
    assert result.parseoutcomes() == {"passed": 1, "deselected": 1}
    result.stdout.fnmatch_lines(
        ["test_mine.py 200" if "load_blind" in options else "test_mine.py 300"]
    )


ONE = {
    "one parameter": {
        "conftest.py": fixture(
            returns="getattr(mine, request.param)()", rest="params=['load_blind']"
        )
    },
    "the suite in two modules, and the same fixture": {
        "conftest.py": fixture(returns="mine.load_blind()"),
        "test_again.py": SUITE + SUITE,
    },
    "another model where nothing is measured": {
        "conftest.py": fixture(returns="mine.load_blind()"),
        "a/conftest.py": fixture(),
        "a/test_a.py": "def test_it(failcond_classifier):\n    pass\n",
    },
    "parameters around": {
        "conftest.py": fixture(returns="mine.load_blind()")
        + "@pytest.fixture(autouse=True, params=[1, 2], scope='session')\n"
        "def around(request):\n    pass\n",
    },
}


@pytest.mark.parametrize("kind", ONE)
def test_one_set_is_measured_however_often_it_is_asked_for(project, kind):
    write(project, ONE[kind])
    result = project.run("--failcond-json=run.json")
    assert result.ret == 0
    from pytest_failcond.runs.run import Run

    assert Run.load(project.path / "run.json").measurements["clean"].correct == 200
    assert project.log().count("blackout 1") == 1


@pytest.mark.parametrize("scope", ["function", "module", "package"])
def test_a_subject_of_a_narrower_scope_is_named(project, scope):
    project.write("conftest.py", fixture(scope=scope))
    result = project.run()
    assert result.parseoutcomes() == {"errors": 5}
    assert "ScopeMismatch" not in result.stdout.str()
    result.stdout.fnmatch_lines(
        [f"fixture failcond_classifier (conftest.py) has scope '{scope}'*give it scope=\"session\""]
    )


def test_a_test_that_asks_as_it_runs_gets_no_other_model_either(project):
    ask = "def test_it(request):\n    request.getfixturevalue('failcond').measure('clean')\n"
    write(project, {"a/conftest.py": fixture(), "a/test_a.py": ask, "b/conftest.py": fixture(),
                    "b/test_b.py": ask})  # fmt: skip
    result = project.run("a", "b")
    assert result.parseoutcomes() == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines([f"{TWO.format('failcond_classifier')} comes from *"])


def test_a_second_model_without_a_hash_is_refused_as_it_is_loaded(project):
    project.write(
        "conftest.py",
        fixture() + "@pytest.fixture(autouse=True)\n"
        "def forgetful(request):\n"
        "    yield\n"
        "    for name in ('failcond', 'failcond_classifier'):\n"
        "        for definition in request._fixturemanager.getfixturedefs(name, request.node):\n"
        "            definition._finalizers.clear()\n"
        "            definition.cached_result = None\n",
    )
    result = project.run()
    assert result.parseoutcomes() == {"passed": 1, "errors": 4}
    result.stdout.fnmatch_lines(["classifier: * but a second classifier was loaded; *"])


def test_models_that_workers_draw_at_random_are_not_mixed(project):
    random = TORCH.replace("torch.manual_seed(3)", "torch.seed()").replace("Linear(64", "Linear(81")
    project.write("torchy.py", random)
    project.configure(GRID.replace("mine:load_classifier", "torchy:load_classifier"))
    result = project.run(*project.by_workers(), "--dist=each", "-k", "blackout")
    assert result.ret == 1
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["errors"]) == (2, 2)
    result.stdout.fnmatch_lines(["classifier: a session measures one set of subjects, but this *"])


def test_an_option_that_an_override_makes_idle_is_an_error_wherever_the_override_lies(project):
    write(project, {"a/conftest.py": fixture(), "a/test_a.py": MINE})
    result = project.run("--failcond-classifier=mine:load_blind", "a")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["--failcond-classifier would have no effect: *conftest.py overrides*"]
    )
