"""Files that may come from anywhere: refused in one sentence that says what they are."""

from __future__ import annotations

import json
import os
import pickle

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.generators.stylegan2.checkpoint import read_config
from pytest_failcond.hard.manifest import read_manifest as read_export
from pytest_failcond.judges.file import read_judges
from pytest_failcond.probes.corpus.manifest import read_manifest
from pytest_failcond.review.answers import Review
from pytest_failcond.review.folder import read_answers
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.opening import read_bytes
from pytest_failcond.storage.reading import parse_json

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

FOREIGN = {
    "empty": (b"", "it is empty"),
    "lfs": (POINTER, "git lfs pull"),
    "pickle": (pickle.dumps({"schema": 1}), "a pickle, which executes code"),
    "zip": (b"PK\x03\x04" + bytes(40), "a zip archive"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(40), "a picture"),
    "html": (b"\n<!DOCTYPE html><html>", "HTML or XML"),
    "binary": (bytes(range(128, 256)), "binary"),
    "utf-16": ('{"schema": 1}'.encode("utf-16"), "UTF-16"),
    "bom": (b'\xef\xbb\xbf{"schema": 1}', "byte order mark"),
    "no JSON": (b'{"schema": 1', "in line 1, column 13"),
    "nan": (b'{"schema": NaN}', "NaN for a number"),
    "infinity": (b'{"schema": -Infinity}', "-Infinity for a number"),
    "beyond": (b'{"schema": 1e999}', "1e999"),
    "digits": (b'{"schema": 1' + b"0" * 5000 + b"}", "5001 digits"),
    "twice": (b'{"schema": 1, "schema": 1}', "'schema' twice"),
    "surrogate": (b'{"schema": "\\ud800"}', "surrogate"),
    "deep list": (b"[" * 100_000, "nested too deeply"),
    "deep object": (b'{"a":' * 100_000, "nested too deeply"),
    "rather deep": (b'{"schema": ' + b"[" * 200 + b"]" * 200 + b"}", "nested too deeply"),
}


@pytest.mark.parametrize("read", [Run.load, read_manifest], ids=["run", "manifest"])
@pytest.mark.parametrize(("content", "words"), FOREIGN.values(), ids=FOREIGN)
def test_what_it_is_is_said(tmp_path, read, content, words):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(FailcondError) as caught:
        read(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path}: not a ")
    assert words in sentence
    assert "\n" not in sentence
    assert len(sentence) < len(str(path)) + 200


SOURCES = {
    "a run": (Run.load, "pytest --failcond-json="),
    "an export": (read_export, "failcond export"),
    "a generator": (read_config, "failcond train"),
    "judges": (read_judges, "failcond judge"),
    "answers": (lambda path: read_answers(path, Review(), None, None, None), "failcond review"),
}


@pytest.mark.parametrize(("read", "command"), SOURCES.values(), ids=SOURCES)
def test_a_missing_file_is_refused_with_the_command_that_makes_one(tmp_path, read, command):
    (tmp_path / "file").touch()
    for path in (tmp_path / "nowhere", tmp_path / "file" / "below"):
        with pytest.raises(FailcondError) as caught:
            read(path)
        told = str(caught.value)
        assert told.startswith(f"{path}: cannot be read (No")
        assert f"; `{command}" in told or f"`{command}" in told.partition("; ")[2]


@pytest.mark.parametrize("read", [Run.load, read_manifest], ids=["run", "manifest"])
def test_folders_and_devices_are_refused(tmp_path, read):
    with pytest.raises(FailcondError, match="it is a folder; name a file"):
        read(tmp_path)
    with pytest.raises(FailcondError, match="no ordinary file"):
        read(type(tmp_path)(os.devnull))


def test_a_pipe_is_read(tmp_path):
    reading, writing = os.pipe()
    try:
        os.write(writing, b"[1]")
        os.close(writing)
        assert read_bytes(type(tmp_path)(f"/dev/fd/{reading}")) == b"[1]"
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    "text", ['"\\ud83d\\ude00"', '"süß"', "[[[[1.5]]]]", '{"a": {"a": 1}}', "3"]
)
def test_json_is_read_as_ever(text):
    assert parse_json(text.encode()) == json.loads(text)
