"""No command and no option of pytest writes over what it reads, or two things to one place."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_failcond.cli import COMMANDS, main
from pytest_failcond.errors import FailcondError
from pytest_failcond.laboratory.configured import find_settings
from pytest_failcond.plugin.options import _check_outputs
from pytest_failcond.runs.run import Run
from tests.runs import make_run

CONFIG = """
[tool.failcond]
classifier = "mine:load"
images = "photos"
generator = "models/generator.safetensors"
judge = "package.judges:load"
corpus = "corpus"
baseline = "base.json"
[tool.failcond.corruptions]
names = ["gaussian_noise", "own"]
reference = "reference.json"
[tool.failcond.corruptions.custom]
own = "corrupt:own"
[[tool.failcond.gates]]
metric = "clean_accuracy"
min = 0.5
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    make_run(folder / "pictures").save(folder / "run.json")
    shutil.copytree(folder / "run.json.files", folder / "other.json.files")
    for name in ("other.json", "base.json", "reference.json"):
        shutil.copy(folder / "run.json", folder / name)
    for name in (
        "models/generator.safetensors", "corpus/corpus.json", "corpus/a-1-up-0.png", "mine.py",
        "photos/cat/1.png", "package/judges.py", "corrupt.py",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("kept")
    (folder / "pyproject.toml").write_text(CONFIG)
    (folder / "models" / "own.toml").write_text(CONFIG)
    return folder


@pytest.fixture
def here(template, tmp_path, monkeypatch):
    shutil.copytree(template, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def by_name(path):
    return path


def by_dots(path):
    return f"./models/../{path}"


def by_link(path):
    Path("link").symlink_to(path)
    return "link"


def by_hard_link(path):
    os.link(path, "hard")
    return "hard"


REFUSED = [
    ("baseline {run.json} --out run.json", "--out: run.json is RUN"),
    ("baseline run.json --out {run.json}", "--out: * is RUN"),
    ("baseline base.json", "--out: failcond-baseline.json is RUN"),
    ("report run.json --out {run.json}", "--out: * is RUN"),
    ("report run.json --markdown {run.json}", "--markdown: * is RUN"),
    ("report run.json --out {x.html} --markdown x.html", "--out: * is --markdown, which is an output"),
    ("report run.json --out run.json.files/page.html", "--out: * lies in the pictures of RUN"),
    ("merge run.json {other.json} --out other.json", "--out: other.json is a PART"),
    ("merge run.json other.json --out {run.json}", "--out: * is a PART"),
    ("compare run.json other.json --json {run.json}", "--json: * is A"),
    ("compare run.json other.json --json {other.json}", "--json: * is B"),
    ("compare run.json other.json --plot {other.json}", "--plot: * is B"),
    ("compare run.json other.json --plot {x.png} --json x.png", "--plot: * is --json"),
    ("compare run.json other.json --json x.json --plot x.json.files/p.png", "--plot: * lies in"),
    ("compare mine:load run.json --plot {mine.py}", "--plot: * choose another place"),
    ("history run.json other.json --plot {run.json}", "--plot: * is a RUN"),
    ("selftest run.json --json {run.json}", "--json: * is RUN"),
    ("selftest run.json --baseline base.json --json {base.json}", "--json: * is the baseline"),
    ("selftest run.json --reference base.json --json {base.json}", "--json: * is the reference"),
    ("show direction:0:1:+ --shift 1 --sample 0 --out {models/generator.safetensors}",
     "--out: * is the generator"),
    ("explore --out {models/generator.safetensors}", "--out: * is the generator"),
    ("explore --out {pyproject.toml}", "--out: * is the configuration"),
    ("explore --config models/own.toml --out {models/own.toml}", "--out: * is the configuration"),
    ("discover --out photos/cat", "the corpus: * lies in the images"),
    ("train {g.safetensors} --images mine:load --start-from g.safetensors",
     "OUTPUT: * is --start-from"),
]  # fmt: skip


def spellings(line):
    """The spellings of the word in braces; one that is not there yet has no hard link."""
    if "{" not in line:
        return (by_name,)
    return (
        (by_name, by_dots, by_link) if "{x" in line else (by_name, by_dots, by_link, by_hard_link)
    )


CASES = [(line, sentence, how) for line, sentence in REFUSED for how in spellings(line)]


@pytest.mark.parametrize(
    ("line", "sentence", "spelled"), CASES, ids=[f"{c[0]}-{c[2].__name__}" for c in CASES]
)
def test_commands_write_over_nothing_that_they_read(here, capsys, line, sentence, spelled):
    Path("failcond-baseline.json").symlink_to("base.json")
    Path("g.safetensors").write_text("a generator")
    argv = [spelled(word.strip("{}")) if word[0] == "{" else word for word in line.split()]
    if argv[0] == "train" and not argv[1].endswith(".safetensors"):
        argv[1] = str(Path(argv[1]).rename(f"{argv[1]}.safetensors"))
    before = content(here)
    assert main(argv) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in sentence.split("*"):
        assert part.strip() in said
    assert content(here) == before


def session(monkeypatch, **options):
    """What pytest knows of its options, without a pytest."""
    settings = find_settings(None)
    return SimpleNamespace(
        getoption=lambda name, default=None: options.get(name, default),
        invocation_params=SimpleNamespace(dir=Path.cwd()),
        inipath=Path.cwd() / "tox.ini",
    ), settings


@pytest.mark.parametrize(
    ("option", "spelled"),
    [("failcond_json", spelled) for spelled in (by_name, by_dots, by_link)]
    + [(o, by_name) for o in ("failcond_markdown", "htmlpath", "xmlpath", "report_log")],
)
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("base.json", "the baseline, which is an input; write the run to another file"),
        ("run.json", "--failcond-from"),
        ("other.json", "--failcond-compare"),
        ("reference.json", "the reference"),
        ("models/generator.safetensors", "the generator"),
        ("corpus/corpus.json", "the corpus"),
        ("corpus/a-1-up-0.png", "the corpus"),
        ("photos/cat/1.png", "the images"),
        ("mine.py", "the module of classifier"),
        ("package/judges.py", "the module of judge"),
        ("corrupt.py", "the module of own"),
        ("pyproject.toml", "the configuration"),
        ("tox.ini", "pytest's configuration"),
        ("run.json.files/direction-0-322-up.png", "the pictures of --failcond-from"),
    ],
)
def test_sessions_write_over_nothing_that_they_read(
    here, monkeypatch, spelled, option, path, named
):
    given = {option: spelled(path), "failcond_from": "run.json", "failcond_compare": "other.json"}
    before = content(here)
    with pytest.raises(FailcondError, match=r"which is an input") as caught:
        _check_outputs(*session(monkeypatch, **given))
    assert named in str(caught.value)
    assert str(caught.value).startswith("--")
    assert content(here) == before


@pytest.mark.parametrize("other", ["failcond_markdown", "htmlpath", "xmlpath"])
def test_sessions_write_two_things_to_two_places(here, monkeypatch, other):
    with pytest.raises(FailcondError, match="which is an output too"):
        _check_outputs(*session(monkeypatch, failcond_json="new.json", **{other: "./new.json"}))
    _check_outputs(*session(monkeypatch, failcond_json="new.json", **{other: "new.txt"}))
    _check_outputs(*session(monkeypatch, failcond_json=os.devnull, **{other: os.devnull}))


def test_what_makes_sense_stays(here, capsys, monkeypatch):
    _check_outputs(*session(monkeypatch, failcond_json="run.json", failcond_compare="base.json"))
    _check_outputs(*session(monkeypatch, failcond_json="corpus/run.json"))
    assert main(["baseline", "run.json", "--out", "base.json"]) == 0
    assert "replaced base.json" in capsys.readouterr().out
    assert main(["baseline", "run.json", "--out", "models/../run-2.json"]) == 0
    assert Run.load("run.json").picture("direction-0-322-up.png") is not None


@pytest.mark.parametrize("line", ["report run.json --out {}", "report run.json --markdown {}"])
def test_a_link_that_is_written_through_stays(here, line):
    Path("near.txt").symlink_to("far.txt")
    assert main(line.format("near.txt").split()) == 0
    assert Path("near.txt").is_symlink()
    assert Path("far.txt").stat().st_size > 100


def test_a_summary_is_added_to_what_earlier_steps_wrote(here, monkeypatch):
    Path("summary").write_text("# lint: 3 remarks\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary"))
    assert main(["report", "run.json", "--markdown", "summary"]) == 0
    text = Path("summary").read_text()
    assert text.startswith("# lint: 3 remarks\n\n## ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("empty", ["", "--config="])
def test_an_empty_argument_is_refused(command, empty, capsys):
    """As of a variable of a pipeline that is not set: it would be the working directory."""
    with pytest.raises(SystemExit, match="2"):
        main([command, empty])
    assert "an argument is empty" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "/"])
@pytest.mark.parametrize(
    "command",
    [["report"], ["baseline"], ["merge"], ["compare", "a.json"], ["history"], ["selftest"]],
)
def test_a_folder_is_no_run_file(command, place, capsys):
    assert main([*command, place]) == 2
    assert "Traceback" not in capsys.readouterr().err
