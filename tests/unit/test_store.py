"""The store: once per key, errors too, whole or not at all."""

from __future__ import annotations

import threading

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage.store import Store


def test_a_record_is_computed_once_and_shared(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"value": 3}

    first, second = Store(tmp_path), Store(tmp_path)
    assert first.get("corruption:fog:1", compute) == {"value": 3}
    assert second.get("corruption:fog:1", compute) == {"value": 3}
    assert first.get("corruption:fog:1", compute) == {"value": 3}
    assert len(calls) == 1


def test_who_comes_second_waits_for_who_computes(tmp_path):
    entered, go = threading.Event(), threading.Event()
    calls = []

    def slow():
        calls.append("slow")
        entered.set()
        assert go.wait(20)
        return {"value": 1}

    def other():
        calls.append("other")
        return {"value": 2}

    found = {}
    one = threading.Thread(target=lambda: found.update(one=Store(tmp_path).get("key", slow)))
    one.start()
    assert entered.wait(20)
    two = threading.Thread(target=lambda: found.update(two=Store(tmp_path).get("key", other)))
    two.start()
    go.set()
    one.join(20)
    two.join(20)
    assert calls == ["slow"]
    assert found == {"one": {"value": 1}, "two": {"value": 1}}


def test_what_cannot_be_computed_is_not_tried_again(tmp_path):
    calls = []

    def fails():
        calls.append(1)
        raise FailcondError("the classifier returned NaN")

    for _ in range(2):
        with pytest.raises(FailcondError, match="returned NaN"):
            Store(tmp_path).get("clean", fails)
    assert len(calls) == 1
    assert Store(tmp_path).find("clean") == {"error": "the classifier returned NaN"}


class Reruns:
    """Two processes that share a folder, and the rerun that the first is in."""

    def __init__(self, folder):
        self.rerun = None
        self.first, self.second = Store(folder, rerun=lambda: self.rerun), Store(folder)
        self.calls = []

    def ask(self, cause, store=None):
        """Ask for a cell that depends on the clean images, which an exception breaks, or nothing does."""

        def clean():
            self.calls.append("clean")
            if cause is not None:
                raise FailcondError("it hung up") from cause
            return {"value": 1}

        def cell():
            self.calls.append("cell")
            return store.get("clean", clean)

        store = store or self.first
        return store.get("cell", cell)


def test_what_an_exception_broke_is_tried_once_in_each_rerun_with_all_that_it_depends_on(tmp_path):
    process = Reruns(tmp_path)
    for rerun in (None, None, "a", "a", "b"):
        process.rerun = rerun
        with pytest.raises(FailcondError, match="it hung up"):
            process.ask(OSError())
    with pytest.raises(FailcondError, match="it hung up"):
        process.ask(None, process.second)  # in no rerun
    assert process.calls == ["cell", "clean"] * 3
    process.rerun = "c"
    assert process.ask(None) == {"value": 1}
    assert process.ask(None, process.second) == {"value": 1}  # what passed holds for all
    process.rerun = "d"
    assert process.ask(OSError()) == {"value": 1}
    assert process.calls == ["cell", "clean"] * 4


@pytest.mark.parametrize("cause", [FailcondError("1 class"), None])
def test_what_no_exception_broke_is_not_tried_again(tmp_path, cause):
    process = Reruns(tmp_path)

    def fails():
        process.calls.append("clean")
        raise FailcondError("2 classes") from cause

    for process.rerun in (None, "a", "b"):
        with pytest.raises(FailcondError, match="2 classes"):
            process.first.get("clean", fails)
    assert process.calls == ["clean"]


def test_a_crash_leaves_no_record(tmp_path):
    def crashes():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).get("clean", crashes)
    assert Store(tmp_path).find("clean") is None
    assert Store(tmp_path).get("clean", lambda: {"value": 1}) == {"value": 1}


def test_names_survive_as_files(tmp_path):
    store = Store(tmp_path)
    names = ["check:a/b:clean", "check:ü \"':direction:8:322:+", "check:..:x"]
    for name in names:
        store.put(name, {"name": name})
    assert dict(store.records("check:")) == {name: {"name": name} for name in names}
    assert {path.parent for path in tmp_path.rglob("*.json")} == {tmp_path}
    up = store.save_picture("direction:8:322:+", b"up")
    assert up != store.save_picture("direction:8:322:-", b"down")
    assert (store.pictures / up).read_bytes() == b"up"


@pytest.mark.parametrize("length", [100, 118, 121, 300, 5000])
@pytest.mark.parametrize("letter", ["a", "A", "ü", ":", "\n", "\udcff", "/", "~", "%"])
def test_names_of_any_length_and_letter_are_told_apart(tmp_path, length, letter):
    store = Store(tmp_path / "store")
    names = [letter * length + end for end in ("", "1", "2")] + [f"x{letter * length}"]
    for name in names:
        assert store.get(name, lambda name=name: {"name": name}) == {"name": name}
    again = Store(tmp_path / "store")
    assert [again.find(name) for name in names] == [{"name": name} for name in names]
    assert dict(again.records("")) == {name: {"name": name} for name in names}
    assert dict(again.records("x")) == {names[-1]: {"name": names[-1]}}
    files = {store.save_picture(name, name.encode(errors="replace")) for name in names}
    assert len(files) == len(names)
    assert max(len(path.name.encode()) for path in tmp_path.rglob("*")) < 200
    assert not list(tmp_path.rglob("*.lock"))


def test_names_that_differ_in_case_have_files_that_differ_in_more(tmp_path):
    store = Store(tmp_path)
    for name in ("fog", "Fog", "FOG", "%46og"):
        store.put(name, {"name": name})
    assert len({path.name.lower() for path in tmp_path.glob("*.json")}) == 4
    assert dict(store.records("F")) == {name: {"name": name} for name in ("Fog", "FOG")}


def test_pictures_keep_the_names_that_they_had(tmp_path):
    names = {
        "direction:8:322:+": "direction-8-322-up.png",
        "corruption:gaussian_noise:3": "corruption-gaussian_noise-3.png",
        "lost:clean": "lost-clean.png",
    }
    assert {name: Store(tmp_path).save_picture(name, b"") for name in names} == names


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    """What a worker measures after its session was ended would lie about for ever."""
    store = Store(tmp_path / "session" / "store")
    for attempt in (
        lambda: store.get("clean", lambda: {"value": 1}),
        lambda: store.put("clean", {"value": 1}),
        lambda: store.save_picture("clean", b""),
    ):
        with pytest.raises(FailcondError, match="the session was ended"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_a_long_wait_for_another_worker_is_announced(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pytest_failcond.storage.store._PATIENCE_SECONDS", 0.0)
    entered, go = threading.Event(), threading.Event()

    def slow():
        entered.set()
        assert go.wait(20)
        return {"value": 1}

    one = threading.Thread(target=lambda: Store(tmp_path).get("corruption:fog:1", slow))
    one.start()
    assert entered.wait(20)
    threading.Timer(0.2, go.set).start()
    assert Store(tmp_path).get("corruption:fog:1", dict) == {"value": 1}
    one.join(20)
    said = capsys.readouterr().err
    assert said == "failcond: waiting for another worker, which measures corruption:fog:1\n"
