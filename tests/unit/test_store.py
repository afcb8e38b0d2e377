"""The store: once per key, errors too, whole or not at all."""

from __future__ import annotations

import threading

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.store import Store


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
