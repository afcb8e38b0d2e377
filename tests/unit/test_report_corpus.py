"""The corpus in all renderers: the line, the command, what was lost, and names that do no harm."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_failcond.probes.corpus import view as corpus
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.regression import view as changes
from pytest_failcond.probes.regression.record import Comparison
from pytest_failcond.report import contents, html, markdown, terminal
from pytest_failcond.runs.compare import compare
from pytest_failcond.runs.run import Run
from tests.runs import EVIL, changed, make_run, make_strip

OPEN_WRONG = Replayed("zero-1-up-0", "open", 0, 1, 0.25)
OPEN_RIGHT = Replayed("zero-2-up-0", "open", 0, 0, 0.75)
FIXED_RIGHT = Replayed("1-3-up-0", "fixed", 1, 1, 0.9)
FIXED_WRONG = Replayed("1-4-up-0", "fixed", 1, 2, 0.1, "corpus-1-4-up-0.png")


def with_corpus(*entries: Replayed, tested: bool = True, folder=None) -> Run:
    run = make_run(folder, cells=False, corner_cases=False, gates=())
    planned = tuple(f"corpus:{entry.id}" for entry in entries) if tested else ()
    return changed(run, corpus=Replay(entries, "sha256:0"), planned=planned)


def text_of(run: Run, **options) -> str:
    return terminal.render(run, **{"width": 100, "color": False, "unicode": True} | options)


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ((OPEN_WRONG,), "1 open (1 still wrong)"),
        (
            (OPEN_WRONG, OPEN_RIGHT, FIXED_RIGHT),
            "2 open (1 still wrong, 1 now right), 1 fixed, all held",
        ),
        ((FIXED_RIGHT, FIXED_WRONG), "2 fixed, 1 lost"),
    ],
)
def test_a_line_says_how_it_stands(entries, line):
    run = with_corpus(*entries)
    assert corpus.summary(run) == line
    assert f"Corpus  {line}\n" in text_of(run)
    assert f"<p>{line}</p>" in html.summary(run)
    assert f"Corpus: {line}\n" in markdown.render(run)


def test_without_a_corpus_nothing_is_said():
    run = make_run()
    assert corpus.summary(run) == ""
    for text in (text_of(run), html.summary(run), markdown.render(run)):
        assert "orpus" not in text


def test_a_command_of_many_ids_is_cut():
    run = with_corpus(*(replace(OPEN_RIGHT, id=f"zero-{n}-up-0") for n in range(11)))
    assert corpus.advice(run).endswith("zero-6-up-0 zero-7-up-0 … (3 more)")
    assert "promote with failcond discover --fixed zero-0-up-0" in text_of(run)


@pytest.mark.parametrize(
    ("entries", "tested", "status"),
    [
        ((OPEN_WRONG, OPEN_RIGHT), True, None),
        ((FIXED_RIGHT,), True, "passed"),
        ((FIXED_RIGHT, FIXED_WRONG), True, "failed"),
        ((FIXED_RIGHT, FIXED_WRONG), False, "passed"),  # its test was deselected
    ],
)
def test_the_verdict_of_the_run(entries, tested, status):
    assert contents.run_status(with_corpus(*entries, tested=tested)) == status


def test_what_was_lost_is_told_with_its_picture_and_without_harm(tmp_path):
    run = with_corpus(FIXED_WRONG, FIXED_RIGHT, folder=tmp_path)
    (tmp_path / str(FIXED_WRONG.picture)).write_bytes(make_strip(frames=1))
    page, one = html.summary(run), html.details(run, PROBES.about("corpus:1-4-up-0"))
    for text in (page, one):
        assert EVIL not in text
        assert "is marked as fixed, but was taken for" in text
        assert text.count("data:image/png;base64") == 1
    assert "data:image" not in html.summary(run, pictures=False)
    assert "data:image" not in html.details(run, PROBES.about("corpus:1-3-up-0"))
    assert "FAILED  corpus  corpus:1-4-up-0" in text_of(run)
    assert EVIL not in markdown.render(run)


def test_how_a_lost_image_was_made_is_told_with_the_line_that_makes_it_again():
    origin = f"combination of 13 dimensions, 4.6 σ from sample 33 {EVIL}"
    lost = replace(FIXED_WRONG, id="1-combination-33", origin=origin)
    run = with_corpus(lost)
    run = replace(run, environment=run.environment | {"options": {"config": "a b.toml"}})
    one = html.details(run, PROBES.about("corpus:1-combination-33"))
    for text in (html.summary(run), one):
        assert "combination of 13 dimensions, 4.6 σ from sample 33" in text
        assert EVIL not in text
    assert "failcond show corpus:1-combination-33 " in one
    assert "--config &#x27;a b.toml&#x27;" in one or "--config &#39;a b.toml&#39;" in one
    promoted = with_corpus(OPEN_RIGHT)
    promoted = replace(
        promoted, environment=promoted.environment | {"options": {"config": "c.toml"}}
    )
    assert corpus.advice(promoted).endswith("--fixed zero-2-up-0 --config c.toml")


def test_kept_and_read_again(tmp_path):
    run = with_corpus(OPEN_WRONG, FIXED_WRONG, folder=tmp_path)
    (tmp_path / str(FIXED_WRONG.picture)).write_bytes(make_strip(frames=1))
    run.save(tmp_path / "run.json")
    loaded = Run.load(tmp_path / "run.json")
    assert loaded == run
    assert loaded.corpus == run.corpus
    assert loaded.measured("corpus").accuracy == 0.0
    assert loaded.picture(str(FIXED_WRONG.picture)) == make_strip(frames=1)


def test_two_runs_are_compared_image_by_image(tmp_path):
    then = with_corpus(
        replace(OPEN_WRONG, id="a-1-up-0", png="sha256:1"),
        replace(FIXED_RIGHT, id="b-1-up-0", png="sha256:2"),
        replace(FIXED_RIGHT, id="c-1-up-0", png="sha256:3"),
        replace(FIXED_RIGHT, id="d-1-up-0", png="sha256:4"),
    )
    now = with_corpus(
        replace(OPEN_RIGHT, id="a-1-up-0", png="sha256:1"),
        replace(FIXED_WRONG, id="b-1-up-0", png="sha256:2"),
        replace(FIXED_WRONG, id="c-1-up-0", png="sha256:another image"),
        replace(FIXED_WRONG, id="e-1-up-0", png="sha256:5"),
    )
    found = compare(then, now, "run.json", confidence=0.95)
    assert (found.corpus_lost, found.corpus_gained) == (("b-1-up-0",), ("a-1-up-0",))
    assert Comparison.from_json(json.loads(json.dumps(found.to_json())), PROBES.parse) == found
    remarks = changes.remarks(found, ())
    assert "corpus, lost: b-1-up-0" in remarks
    assert "corpus, gained: a-1-up-0" in remarks
