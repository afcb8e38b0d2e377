"""Guides come from the file whose acceptors decide, or from the setting; never from those that decide."""

from __future__ import annotations

import sys

import pytest
from packs import tiny_pack, write_pack

from pytest_failcond import Classifier, FailcondError
from pytest_failcond.config.settings import load_settings
from pytest_failcond.judges.file import load_judges
from pytest_failcond.laboratory import guiding
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.laboratory.configured import load_judges as configured_judges
from tests.unit.linear import Bright, linear_generator

OWN = "from tests.unit.linear import Bright\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_pack(tmp_path / "judges.safetensors")
    deciding = [judge for judge in tiny_pack().judges if judge.kind == "acceptor"]
    write_pack(tmp_path / "alone.safetensors", tiny_pack(judges=deciding))
    (tmp_path / "my_guides.py").write_text(
        f"{OWN}one = lambda: Bright(0.3).eval()\ntwo = lambda: [Bright(0.3).eval(), Bright(0.4).eval()]\n"
        "same = lambda: Bright(0.2).eval()\nnone = lambda: None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("my_guides", None)


def laboratory(folder, fixture=None, **table):
    settings = load_settings(folder / "pyproject.toml", table)
    judges = configured_judges(settings) if fixture is None else fixture
    return build_laboratory(settings, Bright(0.5).eval(), None, linear_generator(), judges)


def hashes(models):
    return [Classifier(model).hash for model in models]


def test_a_file_of_judges_brings_its_guides(folder):
    packed = load_judges(folder / "judges.safetensors")
    found = laboratory(folder, judges=["judges.safetensors", "my_guides:same"])
    assert hashes(guide.model for guide in found.guides) == hashes(packed.guides)
    assert not set(hashes(packed.guides)) & {judge.hash for judge in found.acceptance.judges}


def test_guides_are_loaded_when_they_are_needed(folder, monkeypatch):
    calls = []
    monkeypatch.setattr(guiding, "_hash", lambda model: calls.append(model))
    found = laboratory(folder, judge="judges.safetensors")
    assert calls == []
    assert found.guides is None
    assert found.guides is None
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("judge", "table"),
    [
        (Bright(0.2).eval(), {"judge": "judges.safetensors"}),  # a fixture took the file's place
        (None, {"judge": "alone.safetensors"}),
        (None, {"judge": "my_guides:same"}),
        (None, {}),
    ],
)
def test_other_judges_bring_none(folder, judge, table):
    assert laboratory(folder, judge, **table).guides is None


@pytest.mark.parametrize(("name", "count"), [("my_guides:one", 1), ("my_guides:two", 2)])
def test_the_setting_wins_over_the_file(folder, name, count):
    found = laboratory(folder, judge="judges.safetensors", guides=name).guides
    assert len(found) == count
    assert found[0].hash == hashes([Bright(0.3).eval()])[0]


def test_the_setting_may_be_a_file(folder):
    packed = load_judges(folder / "judges.safetensors")
    found = laboratory(folder, judge="my_guides:same", guides="judges.safetensors").guides
    assert [guide.hash for guide in found] == hashes(packed.guides)


@pytest.mark.parametrize(
    ("guides", "words"),
    [
        ("my_guides:same", "one of them is a judge that decides, too"),
        ("my_guides:none", "returned None; it must return a judge or several"),
        ("alone.safetensors", "the file has judges that decide, and no guides"),
    ],
)
def test_guides_that_are_none_are_refused(folder, guides, words):
    with pytest.raises(FailcondError, match=words) as refused:
        _ = laboratory(folder, judge="my_guides:same", guides=guides).guides
    assert str(refused.value).startswith(f"guides = {guides!r}")


def test_several_names_are_refused(folder):
    with pytest.raises(
        FailcondError, match=r"guides: input should be a valid string, got \('a:b', 'c:d'\)"
    ):
        laboratory(folder, guides=["a:b", "c:d"])
