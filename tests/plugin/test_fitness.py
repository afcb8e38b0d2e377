"""A poor generator blames nobody: classes that it does not show are set aside, for any classifier."""

from __future__ import annotations

import json

import pytest

from pytest_failcond.cli import main
from pytest_failcond.config.configuration import read_configuration
from pytest_failcond.config.settings import load_settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory import configured
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.report import html, terminal
from pytest_failcond.runs.run import Run
from tests.unit.banded import BandedGenerator, load_classifier, load_images, load_judge

TABLE = """
[tool.failcond]
classifier = "tests.unit.banded:{classifier}"
images = "tests.unit.banded:load_images"
{judge}
classes = ["circle", "square", "star"]
[tool.failcond.corner_cases]
top = 1
samples = 16
max_shift = 2.0
[tool.failcond.acceptance]
least_p = 0.5
[tool.failcond.fitness]
{limits}
[[tool.failcond.gates]]
id = "holds"
metric = "broken_share"
at = 1.0
max = 0.4
"""
FIXTURE = """
import pytest

from pytest_failcond.cli import main
from tests.unit.banded import BandedGenerator
@pytest.fixture(scope="session")
def failcond_generator(): return BandedGenerator({shown})
"""
JUDGE = 'judge = "tests.unit.banded:load_judge"'
NO_STAR = "the judge accepts 0 of 128 generated images of class 'star', and 60 of 60 real ones"
STRICT = "the judge accepts 0 of 60 real images of class"


@pytest.fixture
def banded(project):
    """A project with a generator that shows some classes; call it to set it up."""

    def configure(shown="(0, 1)", *, judge=JUDGE, classifier="load_classifier", limits=""):
        table = TABLE.format(classifier=classifier, judge=judge, limits=limits)
        project.configure(table)
        project.write("conftest.py", FIXTURE.format(shown=shown))
        return project

    return configure


def run_of(project, name="run.json"):
    return json.loads((project.path / name).read_text(encoding="utf-8"))


def verdicts(run):
    return {check["key"].split(":")[1]: check["verdict"] for check in run["gates"][0]["checks"]}


REPORTS = ("-rs", "--failcond-json=run.json", "--failcond-markdown=run.md", "-k", "corner")


@pytest.mark.parametrize("classifier", ["load_classifier", "load_bad"])
def test_a_class_that_is_not_shown_is_set_aside_whatever_the_classifier(banded, classifier):
    project = banded(classifier=classifier)
    result = project.once(*REPORTS)
    good = classifier == "load_classifier"
    outcomes = result.parseoutcomes()
    assert outcomes["skipped"] == 1
    assert outcomes.get("failed", 0) == (0 if good else 2)  # never excused
    run = run_of(project)
    assert verdicts(run)["2"] == "not_evaluated"
    assert set(verdicts(run).values()) == {"not_evaluated", "passed" if good else "failed"}
    assert result.ret == (0 if good else 1)
    assert [(f["class"], f["why"]) for f in run["fitness"]] == [(0, ""), (1, ""), (2, NO_STAR)]
    assert not run["errors"]
    assert [entry["key"] for entry in run["withheld"]] == ["ranking:2"]
    assert not [d for d in run["directions"] if d["class"] == 2]
    text, page = result.stdout.str(), (project.path / "run.md").read_text(encoding="utf-8")
    assert f"{NO_STAR}; train the generator longer" in text
    assert "1 of 3 classes is not fit" in text
    assert "1 check not evaluated: 1 of 3 classes is not fit" in text
    assert NO_STAR.replace("'", "&#x27;") in page or NO_STAR in page


def test_a_generator_that_shows_nothing_is_red(banded):
    project = banded("()")
    result = project.run(*REPORTS)
    assert (result.ret, result.parseoutcomes()["skipped"]) == (1, 3)
    line = next(line for line in result.outlines if line.startswith("verdict: "))
    assert line.startswith("verdict: error; none of 3 classes is fit:")
    assert set(verdicts(run_of(project)).values()) == {"not_evaluated"}
    assert "3 of 3 classes are not fit" in result.stdout.str()
    only = project.run("-k", "star")
    assert only.ret == 1
    only.stdout.fnmatch_lines([f"verdict: error; {NO_STAR[:40]}*"])


def test_without_gates_too(banded):
    project = banded("()")
    text = (project.path / "pyproject.toml").read_text()
    project.write("pyproject.toml", text.partition("[[tool.failcond.gates]]")[0])
    result = project.run("-k", "corner", "--failcond-strict")
    assert (result.ret, result.parseoutcomes()) == (1, {"skipped": 3, "deselected": 1})


def test_strictly_a_class_that_is_set_aside_fails_its_test(banded):
    project = banded()
    result = project.run("-k", "corner", "--failcond-strict")
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines([f"not_evaluated gate 'holds' on corner_case:2:1: {NO_STAR}; *"])


def test_without_a_judge_fitness_is_not_judged_and_that_is_said(banded):
    project = banded(judge="")
    result = project.run(*REPORTS)
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["failed"]) == (2, 1)  # star is blamed on the classifier
    result.stdout.fnmatch_lines(["no judge is configured: *", "*`failcond judge`*", "verdict: *"])
    run = run_of(project)
    assert "fitness" not in run
    assert "withheld" not in run
    assert (project.path / "run.md").read_text(encoding="utf-8").count(
        "no judge is configured"
    ) == 1
    kept = Run.load(project.path / "run.json")
    assert html.summary(kept).count("no judge is configured") == 1
    quiet = terminal.render(kept, width=80, color=False, unicode=True, verbose=-1)
    assert quiet.count("no judge is configured") == 1


def test_without_test_images_fitness_is_not_judged_and_that_is_said(banded):
    project = banded("(0, 1, 2)")
    text = (project.path / "pyproject.toml").read_text()
    project.write("pyproject.toml", text.replace('images = "tests.unit.banded:load_images"\n', ""))
    result = project.run(*REPORTS)
    assert result.parseoutcomes()["passed"] == 3
    result.stdout.fnmatch_lines(["*Without test images, the generator's fitness is not judged.*"])
    assert "fitness" not in run_of(project)


@pytest.mark.parametrize(
    ("shown", "judge", "limits", "reasons"),
    [
        ("(0, 1, 2)", "load_judge", "", {}),
        ("(0, 1), instead=0.3", "load_naive", "", {2: "generated images of class 'star' are"}),
        ("(0, 1), instead=0.3", "load_naive", "distance = 1e6\ncoverage = 0.0", {}),
        ("(0, 1), instead=0.3", "load_naive", "distance = 1e6", {2: "0% of the real images of class"}),
        ("(0, 1)", "load_callable", "", {2: NO_STAR}),
        ("(0, 1), instead=0.3", "load_callable", "acceptance = 0.0", {}),
        ("(0, 1, 2)", "load_strict", "", dict.fromkeys(range(3), STRICT)),
        ("()", "load_strict", "real = 0.0\ndistance = 1e6\ncoverage = 0.0", {}),
    ],
)  # fmt: skip
def test_each_figure_has_its_limit(banded, shown, judge, limits, reasons):
    """A judge that accepts whatever it is shown leaves it to features; a plain callable has none."""
    judge = f'judge = "tests.unit.banded:{judge}"'
    project = banded(shown, judge=judge, limits=limits)
    project.run(*REPORTS)
    run = run_of(project)
    found = {f["class"]: f["why"] for f in run["fitness"] if f["why"]}
    assert found.keys() == reasons.keys()
    for index, why in reasons.items():
        assert found[index].startswith(why)
    assert all((f["likeness"] is None) == ("callable" in judge) for f in run["fitness"])


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("real = 1.5", "fitness.real: 1.5: give a number from 0, which sets no limit, to 1"),
        ("acceptance = 1.5", "fitness.acceptance: 1.5: give a number from 0, which sets no limit, to 1"),
        ("coverage = -1.0", "fitness.coverage: -1: give a number from 0, which sets no limit, to 1"),
        ("distance = 0.0", "fitness.distance: 0: give a number over 0 and at most 1e+06, like 1.0"),
        ("distance = inf", "fitness.distance: input should be a finite number, got inf"),
        ("acceptence = 0.5", "fitness: unknown key 'acceptence'; did you mean 'acceptance'?"),
    ],
)  # fmt: skip
def test_limits_out_of_range_are_refused(banded, limits, told):
    file = banded(limits=limits).path / "pyproject.toml"
    with pytest.raises(FailcondError) as refused:
        load_settings(file, read_configuration(file, "--failcond-config").table)
    assert f"{file}: {told}" in str(refused.value)


def test_workers_parts_and_a_kept_run_say_the_same(banded, monkeypatch):
    project = banded()
    once = project.once(*REPORTS)
    run = run_of(project)
    for number, workers in ((1, 0), (2, 2)):
        part = (f"--failcond-shard={number}/2", f"--failcond-json={number}.json")
        project.run(*part, "-k", "corner", workers=workers)
    monkeypatch.chdir(project.path)
    assert main(["merge", "1.json", "2.json", "--out", "joined.json"]) == 0
    again = project.run("--failcond-from=run.json", "--failcond-json=again.json", "-k", "corner")
    assert again.parseoutcomes() == once.parseoutcomes()
    for other in ("joined.json", "again.json"):
        found = run_of(project, other)
        for field in ("fitness", "withheld", "gates", "errors", "planned"):
            assert found[field] == run[field], (other, field)


def test_a_kept_run_has_the_limits_that_it_was_measured_with(banded):
    project = banded()
    project.once(*REPORTS)
    project = banded(limits="acceptance = 0.0")
    result = project.run("--failcond-from=run.json", "-k", "corner")
    result.stderr.fnmatch_lines(["*run.json: was measured with other fitness; measure it again*"])


def test_a_baseline_on_a_better_generator_is_no_excuse(banded):
    """A class that the baseline had is not compared, and not forgotten."""
    project = banded("(0, 1, 2)")
    project.run("--failcond-json=then.json", "-k", "corner")
    project = banded()
    result = project.run("--failcond-compare=then.json", *REPORTS)
    comparison = run_of(project)["comparison"]
    assert "generator" in comparison["remark"]
    assert comparison["directions"] == []
    assert result.ret == 0


def test_tests_of_the_users_own_are_skipped(banded):
    project = banded()
    project.write(
        "test_own.py",
        "from pytest_failcond.strategies import Case\n"
        "def test_measure(failcond): failcond.measure('ranking:2')\n"
        "def test_check(failcond): failcond.check('direction:2:0:+')\n"
        "def test_image(failcond): failcond.image(Case(2, 1, 0, 0))\n"
        "def test_fitness(failcond):\n"
        "    assert not failcond.measure('fitness:2').fit and failcond.measure('fitness:1').fit\n"
        "def test_good(failcond): assert failcond.measure('ranking:1').directions\n",
    )
    result = project.run("test_own.py")
    assert result.parseoutcomes() == {"skipped": 3, "passed": 2}


def test_start_accuracy_is_set_aside_class_by_class(banded):
    project = banded(classifier="load_bad")
    text = (project.path / "pyproject.toml").read_text().partition("[[tool.failcond.gates]]")[0]
    gate = '[[tool.failcond.gates]]\nmetric = "start_accuracy"\nmin = 0.5\n'
    project.write("pyproject.toml", f"{text}{gate}")
    project.run("--failcond-json=run.json")
    assert verdicts(run_of(project)) == {"0": "failed", "1": "failed", "2": "not_evaluated"}


@pytest.mark.parametrize("shown", [(0, 1), ()])
def test_classes_that_are_not_shown_are_not_searched(banded, shown, monkeypatch, capsys):
    def with_generator(settings):
        return build_laboratory(
            settings, load_classifier(), load_images(), BandedGenerator(shown), [load_judge()]
        )

    project = banded(str(shown))
    monkeypatch.chdir(project.path)
    monkeypatch.setattr(configured, "open_laboratory", with_generator)
    code = main(["discover"])
    told = capsys.readouterr()
    if not shown:
        assert code == 2
        assert (
            "no class is searched: the judge accepts 0 of 128 generated images of class 'circle'"
            in told.err
        )
    else:
        assert code == 0
        assert f"a class left out: {NO_STAR}; train" in told.err + told.out
    assert not list(project.path.glob("corpus/*star*"))
