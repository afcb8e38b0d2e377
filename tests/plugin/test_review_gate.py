"""A review in a user's project: drawn, read, told in every report, and held against a gate."""

from __future__ import annotations

import csv
import json
import re
import signal
import sys
import threading
import urllib.request

import pytest

from pytest_failcond import Run
from pytest_failcond.cli import main
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.review.answers import read_images, read_review, update_review
from tests.explorable import CONFIGURATION, write_project
from tests.schema import errors_of

IMAGES = """

def load_images():
    from pytest_failcond import LabeledImages
    generator = Generator.load(Path(__file__).parent / "tiny.safetensors")
    labels = torch.arange(60) % 3
    images = generator.synthesize(generator.sample(labels, 9)).mul(255).round().byte()
    return LabeledImages(images.permute(0, 2, 3, 1).numpy(), labels.numpy())

def marked(model):
    model.register_buffer("mark", torch.ones(1))
    return model.eval()

def load_other():
    return marked(Linear(1, 4.0))

def load_other_judge():
    return marked(Linear(3, 0.1))
"""
REVIEW = 'review = "failcond-review.json"\nimages = "explorable_models:load_images"\n'
GATE = '[[tool.failcond.gates]]\nid = "valid"\nmetric = "reviewed_validity"\nmin = {}\n'


class Reviewed:
    """A project, a run of it that is kept, and what can be done with both."""

    def __init__(self, project):
        self.project, self.path = project, project.path

    def configure(self, least=0.5, *, changes=()):
        table = CONFIGURATION.replace("[tool.failcond]\n", f"[tool.failcond]\n{REVIEW}")
        for old, new in changes:
            assert old in table
            table = table.replace(old, new)
        self.project.configure(
            f"{table}\n[tool.failcond.acceptance]\nleast_p = 0.4\n", GATE.format(least)
        )

    def run(self, *arguments):
        return self.project.run(
            "-k", "corner_case or review", "--failcond-json=run.json", *arguments
        )

    def begin(self):
        """Have a run to draw decks from."""
        self.project.once("-k", "corner_case or review", "--failcond-json=run.json")

    def judge(self, *arguments):
        """Judge the answers, in a session of its own run file, without walking again."""
        result = self.project.run("-k", "review", "--failcond-json=judged.json", *arguments)
        (check,) = Run.load(self.path / "judged.json").checks
        return result, check

    def read(self, say, reader="Ann", *options):
        """Draw a deck if there is none, fill its table, and give it to the command."""
        folder = self.path / f"deck-{reader}"
        assert main(["review", "run.json", "--images", str(folder), *options]) == 0
        deck = read_review(self.path / "failcond-review.json").decks[-1]
        claims = {claim.image: claim for claim in deck.claims}
        with (folder / "answers.csv").open("a", newline="") as file:
            pass
        head = [
            line
            for line in (folder / "answers.csv").read_text().splitlines()
            if line.startswith("#")
        ]
        with (folder / "answers.csv").open("w", newline="") as file:
            file.write("\n".join(head) + "\n")
            table = csv.writer(file)
            table.writerow(["position", "answer"])
            for position, image in enumerate(deck.images, start=1):
                table.writerow([position, say(claims[image]) or "?"])
        answers = ["--answers", str(folder / "answers.csv"), "--reader", reader, "--kind", "person"]
        assert main(["review", *answers]) == 0
        return deck


def truthful(claim):
    return claim.class_name


@pytest.fixture
def reviewed(project, monkeypatch):
    write_project(project.path)
    models = project.path / "explorable_models.py"
    models.write_text(models.read_text() + IMAGES)
    monkeypatch.delitem(sys.modules, "explorable_models", raising=False)
    monkeypatch.chdir(project.path)
    made = Reviewed(project)
    made.configure()
    return made


def test_from_nothing_to_a_verdict_in_every_report(reviewed, capsys):
    first = reviewed.run("-v", "-rs")
    first.assert_outcomes(passed=6, skipped=1, deselected=1)
    first.stdout.fnmatch_lines(["*the review has no deck yet; begin with `failcond review RUN`*"])
    first.stdout.fnmatch_lines(["*1 gate not evaluated: the review has no deck yet*"])
    deck = reviewed.read(truthful)
    told = capsys.readouterr().out
    breaks = [claim for claim in deck.claims if claim.kind == "break" and claim.level >= 0.4]
    assert f"{len(breaks)} of {len(breaks)} corner cases show their class" in told
    second = reviewed.run("--failcond-markdown=run.md", "--html=report.html")
    second.assert_outcomes(passed=7, deselected=1)
    sentence = f"{len(breaks)} of {len(breaks)} corner cases show their class (at least "
    second.stdout.fnmatch_lines([f"*{sentence}*".replace("[", "[[]")])
    assert sentence in (reviewed.path / "run.md").read_text()
    assert sentence in (reviewed.path / "report.html").read_text()
    assert errors_of(reviewed.path / "run.json") == []
    run = Run.load(reviewed.path / "run.json")
    (check,) = run.checks
    assert (check.verdict, check.n, check.value) == ("passed", len(breaks), 1.0)
    assert main(["report", "run.json", "--out", "page.html"]) == 0
    assert sentence in (reviewed.path / "page.html").read_text()
    assert main(["selftest", "run.json", "--resamples", "200"]) == 0
    again = reviewed.project.run("--failcond-from=run.json", "-k", "review")
    again.assert_outcomes(passed=1, deselected=7)


def test_a_deck_draws_from_combinations_too(reviewed, capsys):
    cases = "[tool.failcond.corner_cases]"
    search = f"[tool.failcond.combinations]\nsamples = 4\ndimensions = 6\n{cases}"
    fewer = "top = 2\nsamples = 16", "top = 1\nsamples = 8"
    reviewed.configure(changes=[(cases, search), fewer])
    reviewed.project.run("-k", "corner_case or combination", "--failcond-json=run.json")
    deck = reviewed.read(truthful, "Ann", "--breaks", "8")
    found_by = [claim.found_by for claim in deck.claims if claim.kind == "break"]
    assert min(found_by.count("combination"), found_by.count("direction")) >= 2
    starts = [(c.class_name, c.sample) for c in deck.claims if c.sample is not None]
    assert len(set(starts)) == len(starts)
    result, check = reviewed.judge()
    result.stdout.fnmatch_lines(["*; of them * by combination and * by direction; *"])
    assert check.verdict == "passed"
    # A deck that drew from directions alone is not that of a run with both.
    path = reviewed.path / "failcond-review.json"
    alone = deck.subjects.model_copy(update={"combinations": None})
    older = deck.model_copy(update={"subjects": alone, "loosest": 0.0})
    update_review(path, lambda review: review.with_deck(older))
    assert main(["review", "run.json", "--page", "page.html", "--breaks", "2"]) == 0
    decks = read_review(path).decks
    assert [(one.number, one.subjects.combinations is None) for one in decks] == [
        (1, True),
        (2, False),
    ]
    drawn = [(c.class_name, c.sample) for c in decks[1].claims if c.sample is not None]
    assert not {*drawn} & {*starts}


def test_what_readers_cannot_name_fails_the_gate(reviewed):
    reviewed.begin()
    reviewed.read(lambda claim: claim.class_name if claim.kind == "test" else None)
    result, check = reviewed.judge()
    result.stdout.fnmatch_lines(["*FAILED*test_probe?review?*"])
    assert (check.verdict, check.value, check.certain) == ("failed", 0.0, True)


def test_another_classifier_is_marginal_and_other_judges_are_not_evaluated(reviewed):
    reviewed.begin()
    reviewed.read(truthful)
    version = read_review(reviewed.path / "failcond-review.json").decks[0].subjects.version
    reviewed.configure(changes=[("load_classifier", "load_other")])
    result, check = reviewed.judge()
    assert (check.verdict, check.reason) == ("marginal", f"reviewed on version {version}")
    result.stdout.fnmatch_lines([f"*on version {version}*"])
    reviewed.configure(changes=[("load_judge", "load_other_judge")])
    result, check = reviewed.judge("-rs")
    assert (check.verdict, check.reason) == (
        "not_evaluated", "the review is of other judges; review these with `failcond review RUN`",
    )  # fmt: skip
    assert result.parseoutcomes()["skipped"] == 1
    strict, _ = reviewed.judge("--failcond-strict")
    assert strict.ret == 1
    reviewed.configure(changes=[("max_shift = 4.0", "max_shift = 5.0")])
    _, check = reviewed.judge()
    assert check.reason == "the review is of walks to 4 σ; review these with `failcond review RUN`"


def test_a_reader_who_names_noise_leaves_it_marginal(reviewed):
    reviewed.begin()
    reviewed.read(lambda claim: claim.class_name or "star")
    result, check = reviewed.judge()
    assert check.verdict == "marginal"
    assert "10 of 10 unreadable ones, which speaks against the answers" in check.reason
    result.stdout.fnmatch_lines(["*which speaks against the answers*"])


def test_a_begun_deck_goes_on_and_a_new_one_has_other_images(reviewed):
    reviewed.begin()
    few = ("--breaks", "6")
    first = reviewed.read(truthful, "Ann", *few)
    assert reviewed.read(truthful, "Bob", *few) == first
    second = reviewed.read(truthful, "Eve", "--new", *few)
    assert second.number == 2
    assert not set(second.images) & set(first.images)
    starts = [
        {(c.class_name, c.sample) for c in deck.claims if c.sample is not None}
        for deck in (first, second)
    ]
    assert not starts[0] & starts[1]
    review = read_review(reviewed.path / "failcond-review.json")
    assert review.decks == (first, second)
    for deck in review.decks:
        assert len(read_images(reviewed.path / "failcond-review.json", deck)) == len(deck.images)


def test_the_same_deck_is_drawn_again_wherever_it_is_drawn(reviewed):
    reviewed.begin()
    assert main(["review", "run.json", "--page", "one.html"]) == 0
    file = reviewed.path / "failcond-review.json"
    first = file.read_bytes()
    file.unlink()
    reviewed.run()  # another date, the same subjects
    assert main(["review", "run.json", "--page", "two.html"]) == 0
    assert file.read_bytes() == first
    assert (reviewed.path / "one.html").read_bytes() == (reviewed.path / "two.html").read_bytes()


def test_calibration_marks_its_deck_and_asks_for_another(reviewed, capsys):
    reviewed.begin()
    reviewed.read(truthful)
    capsys.readouterr()
    assert main(["review", "--calibrate", "0.75"]) in (0, 1)
    told = capsys.readouterr().out
    assert "failcond review RUN --new" in told
    assert read_review(reviewed.path / "failcond-review.json").decks[0].calibrated
    _, check = reviewed.judge()
    assert check.verdict == "not_evaluated"
    assert "draw another deck with `failcond review RUN --new`" in check.reason


class Reader(threading.Thread):
    """A browser that opens the page and answers: some images, or all and finishes; else it is Ctrl-C."""

    def __init__(self, url, answers):
        super().__init__(daemon=True)
        self.base, self.url, self.answers = url.partition("/?")[0], url, answers
        self.start()

    def run(self):
        try:
            self.read()
        except OSError:
            self.answers = None
        if self.answers is not ...:
            signal.raise_signal(signal.SIGINT)

    def read(self):
        jar = urllib.request.HTTPCookieProcessor()
        self.opener = urllib.request.build_opener(jar)
        self.page = self.opener.open(self.url, timeout=10).read().decode()
        count = json.loads(re.search(r'"count":(\d+)', self.page)[1])
        for position, answer in enumerate([2] * count if self.answers is ... else self.answers):
            self.post("answer", {"position": position, "answer": answer})
        if self.answers is ...:
            self.post("finish", {})

    def post(self, path, body):
        headers = {"Content-Type": "application/json", "Origin": self.base}
        request = urllib.request.Request(f"{self.base}/{path}", json.dumps(body).encode(), headers)
        self.opener.open(request, timeout=10).close()


def test_a_review_in_the_browser_is_stopped_goes_on_and_ends(reviewed, capsys, monkeypatch):
    reviewed.begin()
    readers = []
    for answers in ([0, 1, -1], ...):
        monkeypatch.setattr(
            "webbrowser.open", lambda url, a=answers: readers.append(Reader(url, a))
        )
        capsys.readouterr()
        assert main(["review", "run.json", "--breaks", "6", "--reader", "Ann"]) == 0
        told = capsys.readouterr().out
        if answers is not ...:
            assert "3 of " in told
            assert "images answered by Ann" in told
            assert "the same command continues with the rest" in told
    for reader in readers:
        reader.join(10)
    assert "read by 1 person" in told
    assert "deck " in told
    review = read_review(reviewed.path / "failcond-review.json")
    (deck,) = review.decks
    assert {answer.answer for answer in review.answers_of(deck, "Ann").values()} == {"star"}
    assert len(review.answers) == len(deck.images)
    assert '"answers":[0,1,-1,null' in readers[1].page


BAD = {
    "no run": (["review"], "RUN: name the run file"),
    "no file": (["review", "none.json"], "none.json: cannot be read"),
    "no review": (["review", "--show"], "there is no review yet; begin with `failcond review RUN`"),
    "no review, run named": (
        ["review", "run.json", "--show"],
        "there is no review yet; begin with `failcond review run.json`",
    ),
    "no answers": (["review", "--answers", "none.json"], "there is no review yet"),
    "no deck": (["review", "run.json", "--deck", "00000000"], "there is no review yet"),
    "another model": (
        ["review", "run.json", "--classifier", "explorable_models:load_other", "--page", "x.html"],
        "run.json: the run was made with classifier",
    ),
    "a long name": (
        ["review", "run.json", "--reader", "x" * 101],
        "give a name of 1 to 100 characters",
    ),
    "no name": (["review", "run.json", "--reader", " "], "give a name of 1 to 100 characters"),
    "no share": (["review", "--calibrate", "90"], "give a share between 0 and 1, such as 0.9"),
    "a folder with something in it": (
        ["review", "run.json", "--breaks", "3", "--images", "."],
        "--images: . is not empty; name a new folder",
    ),
    "over what is read": (
        ["review", "run.json", "--page", "tiny.safetensors"],
        "is the generator, which is an input",
    ),
}


def status_of(arguments):
    try:
        return main(arguments)
    except SystemExit as ended:  # argparse refuses by itself
        return ended.code


def test_what_cannot_be_done_is_one_sentence(reviewed, capsys):
    reviewed.begin()
    for arguments, expected in BAD.values():
        capsys.readouterr()
        assert status_of(arguments) == 2
        told = capsys.readouterr().err
        assert expected in told.splitlines()[-1], arguments
    run = json.loads((reviewed.path / "run.json").read_text())
    assert run["directions"]


def test_a_run_without_directions_is_said(reviewed, capsys):
    reviewed.project.run("-k", "clean", "--failcond-json=clean.json")
    assert main(["review", "clean.json"]) == 2
    assert "the run has no directions or combinations to review" in capsys.readouterr().err


def test_a_gate_without_a_review_selects_nothing(reviewed):
    reviewed.project.configure(CONFIGURATION, GATE.format(0.5))
    result = reviewed.project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*there is no review; set review = *failcond review RUN*"])


def test_a_damaged_review_is_an_error_and_never_a_pass(reviewed):
    (reviewed.path / "failcond-review.json").write_text("{")
    result, check = reviewed.judge()
    assert result.ret == 1
    assert check.verdict == "error"
    assert "take it from the last commit" in check.reason


def test_nothing_is_written_over_the_review(reviewed):
    result = reviewed.project.run("--failcond-json=failcond-review.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is the review, which is an input*"])


def test_without_a_review_nothing_is_said(reviewed):
    reviewed.project.configure(CONFIGURATION)
    result = reviewed.project.run("--failcond-json=run.json", "-k", "star-1")
    assert "Review" not in result.stdout.str()
    assert "review" not in (
        json.loads((reviewed.path / "run.json").read_text()).get("records") or []
    )
    assert "review" in PROBES
