"""Temporary folders and locks: gone with their owner, however it ends, and never somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage import folders, locks
from pytest_failcond.storage.folders import OwnFolder, sweep
from pytest_failcond.storage.locks import Lock, hold, lock_path

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder of temporary files that nobody else uses."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(place):
    return sorted(p.name for p in place.iterdir())


OWNER = """
import os, signal, sys, time
from pathlib import Path
from pytest_failcond.storage.folders import OwnFolder
from pytest_failcond.storage.locks import lock_path

folder = OwnFolder()
(folder.path / "record.json").write_text("{}")
with lock_path("run.json"):
    if sys.argv[1] == "fork" and not os.fork():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    print(folder.path, flush=True)
    time.sleep(60)
"""


def owner(place, how="sleep"):
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, how], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(place), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    with process.stdout as said:
        return process, Path(said.readline().strip())


def test_what_a_session_leaves_that_is_terminated_or_killed(place):
    process, folder = owner(place)
    sweep()
    assert (folder / "record.json").exists()  # it lives
    process.terminate()
    assert process.wait(200) == -signal.SIGTERM
    assert not folder.exists()
    process, folder = owner(place)
    process.kill()
    process.wait(200)
    assert (folder / "record.json").exists()
    with OwnFolder() as own:
        assert names(place) == [own.name]
    assert names(place) == []


def test_a_fork_that_is_terminated_leaves_its_parents_folder(place):
    process, folder = owner(place, "fork")
    time.sleep(0.5)
    assert (folder / "record.json").exists()
    process.terminate()
    process.wait(200)
    assert not folder.exists()


def test_what_is_not_ours_stays(place, monkeypatch):
    (place / "failcond-notes").mkdir()
    (place / "failcond-notes" / "mine.txt").write_text("")
    (place / "failcond-file").write_text("")
    (place / "far").mkdir()
    (place / "far" / ".owner.lock").write_text("")
    (place / "failcond-link").symlink_to("far")
    before = names(place)
    sweep()
    assert names(place) == before
    assert (place / "failcond-notes" / "mine.txt").exists()
    assert (place / "far" / ".owner.lock").exists()
    (place / "failcond-other").mkdir()
    (place / "failcond-other" / ".owner.lock").write_text("")
    monkeypatch.setattr(folders.os, "getuid", lambda: 12345)  # another user's
    sweep()
    assert (place / "failcond-other").exists()
    monkeypatch.undo()


def test_a_folder_goes_with_its_session_and_so_does_the_handler(place):
    before = signal.getsignal(signal.SIGTERM)
    with OwnFolder() as one, OwnFolder() as two:
        assert one != two
        (two / "deep").mkdir()
        if before is signal.SIG_DFL:
            assert signal.getsignal(signal.SIGTERM) is folders._end
    assert names(place) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_of_the_users_own_stays(place):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with OwnFolder():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_folder_may_be_made_by_a_thread(place):
    found = []
    thread = threading.Thread(target=lambda: found.append(OwnFolder()))
    thread.start()
    thread.join(20)
    assert found[0].path.is_dir()
    found[0].close()
    assert names(place) == []


def test_no_room_for_temporary_files_is_said(monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders.tempfile, "mkdtemp", full)
    with pytest.raises(FailcondError, match="set TMPDIR to a folder with room"):
        OwnFolder()


def test_a_lock_is_held_by_one_and_leaves_nothing(place):
    path, inside, most = place / "x.lock", [], []

    def work():
        for _ in range(20):
            with hold(path, "another"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 80
    assert max(most) == 1
    assert names(place) == []


def test_a_wait_is_announced_once_and_names_what_is_waited_for(place, monkeypatch, capsys):
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.0)
    release = threading.Event()
    held = threading.Event()

    def other():
        with lock_path(place / "run.json"):
            held.set()
            release.wait(20)

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(20)
    threading.Timer(0.3, release.set).start()
    with lock_path(place / "run.json"):
        pass
    thread.join(20)
    said = capsys.readouterr().err
    assert said == f"failcond: waiting for another session that writes {place / 'run.json'}\n"
    with lock_path(place / "run.json"):
        pass
    assert capsys.readouterr().err == ""


def test_a_lock_that_cannot_be_is_said(place):
    (place / "folder.lock").mkdir()
    with pytest.raises(FailcondError, match="cannot be locked"):
        Lock(place / "folder.lock").take()
    (place / "aim").write_text("")
    (place / "link.lock").symlink_to("aim")
    with pytest.raises(FailcondError, match="cannot be locked"):
        Lock(place / "link.lock").take()
