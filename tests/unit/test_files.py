"""One way to write: whole or not at all; through links, into devices and pipes, over mounted files."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.storage import files
from pytest_failcond.storage.files import check_writable, write_atomically


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("old")
    (tmp_path / "near").symlink_to("far/file")
    write_atomically(tmp_path / "near", "new")
    assert (tmp_path / "near").is_symlink()
    assert (tmp_path / "far" / "file").read_text() == "new"


def test_a_link_to_nothing_makes_its_file(tmp_path):
    (tmp_path / "near").symlink_to("far/file")
    write_atomically(tmp_path / "near", "new")
    assert (tmp_path / "near").is_symlink()
    assert (tmp_path / "far" / "file").read_text() == "new"


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(FailcondError, match="cannot be written"):
        write_atomically(tmp_path / "a", "new")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_file_keeps_its_mode(tmp_path, mode):
    target = tmp_path / "file"
    target.write_text("old")
    target.chmod(mode)
    write_atomically(target, "new")
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_new_file_has_the_mode_of_any_other(tmp_path):
    (tmp_path / "other").write_text("")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_another_name_of_the_file_keeps_the_old_content(tmp_path):
    (tmp_path / "cache").write_text("old")
    os.link(tmp_path / "cache", tmp_path / "file")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "cache").read_text() == "old"
    assert (tmp_path / "file").read_text() == "new"


def test_a_file_that_is_protected_stays(tmp_path, monkeypatch):
    target = tmp_path / "file"
    target.write_text("old")
    monkeypatch.setattr(files.os, "access", lambda path, mode: False)  # root may write anything
    for attempt in (lambda: write_atomically(target, "new"), lambda: check_writable(target)):
        with pytest.raises(FailcondError, match="read-only"):
            attempt()
    assert target.read_text() == "old"


def test_a_device_is_written_into():
    before = Path(os.devnull).stat()
    check_writable(os.devnull)
    write_atomically(os.devnull, "anything")
    after = Path(os.devnull).stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_device_that_takes_nothing_is_said():
    with pytest.raises(FailcondError, match="No space left"):
        write_atomically("/dev/full", "anything")


def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = os.urandom(300_000)  # more than a pipe holds
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    check_writable(pipe)
    write_atomically(pipe, content)
    reader.join(20)
    assert found == [content]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_without_a_reader_is_given_up(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(files, "_READER_SECONDS", 0.05)
    with pytest.raises(FailcondError, match="start its reader first"):
        write_atomically(pipe, "new")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # it is there, but does not read
    try:
        with pytest.raises(FailcondError, match="start its reader first"):
            write_atomically(pipe, b"0" * 300_000)
    finally:
        os.close(reader)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux has it")
@pytest.mark.parametrize("kind", ["a file", "a pipe", "a socket"])
@pytest.mark.parametrize("linked", [False, True])
def test_what_a_shell_has_opened_is_written_on_and_not_replaced(tmp_path, kind, linked):
    ends = {
        "a file": lambda: (os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT),) * 2,
        "a pipe": os.pipe,
        "a socket": lambda: tuple(end.detach() for end in socket.socketpair()),
    }
    reader, writer = ends[kind]()
    path = Path(f"/proc/self/fd/{writer}")
    if linked:
        (tmp_path / "link").symlink_to(path)
        path = tmp_path / "link"
    os.write(writer, b"before\n")
    check_writable(path)
    write_atomically(path, "written\n")
    os.write(writer, b"after\n")
    if kind == "a file":
        os.lseek(reader, 0, os.SEEK_SET)
    found = b""
    while found.count(b"\n") < 3:
        found += os.read(reader, 100)
    assert found == b"before\nwritten\nafter\n"
    for handle in {reader, writer}:
        os.close(handle)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux has it")
def test_what_another_process_has_opened_is_added_to(tmp_path):
    with (tmp_path / "out").open("wb", buffering=0) as shell:
        shell.write(b"before\n")
        write_atomically(f"/proc/{os.getpid()}/fd/{shell.fileno()}", "written\n")
    assert (tmp_path / "out").read_text() == "before\nwritten\n"


@pytest.mark.parametrize("place", ["a folder", "a socket"])
def test_what_is_no_file_is_said(tmp_path, place, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may not be long
    target = Path("target")
    if place == "a folder":
        target.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(target))
    for attempt in (lambda: write_atomically(target, "new"), lambda: check_writable(target)):
        with pytest.raises(FailcondError, match=r"target: cannot be written \((a|neither)"):
            attempt()


@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize("step", ["mkstemp", "replace"])
def test_what_cannot_be_replaced_is_written_in_place(tmp_path, monkeypatch, step, code):
    def refuse(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(
        *((files.tempfile, step) if step == "mkstemp" else (files.os, step)), refuse
    )
    target = tmp_path / "file"
    target.write_text("old and longer")
    inode = target.stat().st_ino
    write_atomically(target, "new")
    assert (target.read_text(), target.stat().st_ino) == ("new", inode)
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FailcondError, match="cannot be written"):  # there is no file to write into
        write_atomically(tmp_path / "other", "new")


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(FailcondError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_the_longest_names_are_written(tmp_path):
    target = tmp_path / ("n" * 255)
    check_writable(target)
    write_atomically(target, "new")
    assert target.read_text() == "new"


def test_what_is_no_unicode_is_written_as_an_escape(tmp_path):
    write_atomically(tmp_path / "file", "a\udcffb")
    assert (tmp_path / "file").read_text() == "a\\udcffb"
