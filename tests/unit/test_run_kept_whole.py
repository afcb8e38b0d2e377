"""Whatever step a session dies at, the older run or the newer is there, with its own pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.report import html
from pytest_failcond.runs.content import digest
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.files import hash_bytes
from tests.runs import changed, make_run, make_strip

ROOT = Path(__file__).parents[2]
STEPS = ("open", "mkdir", "write", "fsync", "chmod", "replace", "unlink", "rmdir", "ftruncate")


def whole(run):
    """Every picture of a run, which must all be there; raises where one is another's."""
    found = {file: run.picture(file) for file in run.picture_files}
    assert found
    assert None not in found.values()
    return sorted(found.values())


def without_hashes(path):
    """Make a run file as it was before pictures had hashes."""
    data = json.loads(path.read_text())
    del data["pictures"], data["digest"]
    path.write_text(json.dumps(data | {"digest": digest(data)}))


DYING = """
import os, sys
from pathlib import Path
import pytest_failcond.report.html  # all imports are done before the steps are counted
from pytest_failcond.runs.run import Run

work, steps = Path(sys.argv[1]), sys.argv[2].split(",")
new = Run.load(work / "new" / "run.json")

def dies_at(folder, left):
    def counted(function):
        def call(*args, **kwargs):
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return function(*args, **kwargs)
        return call
    for name in steps:
        setattr(os, name, counted(getattr(os, name)))
    new.save(work / folder / "run.json")
    os._exit(0)

for older in sys.argv[3:]:
    step = 0
    while True:
        os.system(f"cp -r {work}/{older} {work}/{older}-{step}")
        child = os.fork()
        if not child:
            dies_at(f"{older}-{step}", step)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
        step += 1
    print(step)
"""


def test_a_session_that_is_killed_leaves_one_whole_run(tmp_path):
    old, new = make_run(tmp_path / "old-pictures"), make_run(tmp_path / "new-pictures", color=True)
    # The newer run lacks a picture of the older one, and has another under each of the other names.
    cells = {k: m for k, m in new.measurements.items() if m.examples is None}
    new = changed(new, measurements=cells, environment={"date": "2027-01-01T00:00:00Z"})
    olders = ("with-hashes", "without")
    for older in olders:
        (tmp_path / older).mkdir()
        old.save(tmp_path / older / "run.json")
        (tmp_path / older / "run.json.files" / "mine.png").write_bytes(b"the user's own")
    without_hashes(tmp_path / "without" / "run.json")
    new.save(tmp_path / "new" / "run.json")
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), ",".join(STEPS), *olders],
        capture_output=True, text=True, check=True, cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    wholes = {True: whole(new), False: whole(old)}
    for older, steps in zip(olders, map(int, done.stdout.split()), strict=True):
        assert steps > 20
        seen = []
        for step in range(steps + 1):
            left = tmp_path / f"{older}-{step}"
            run = Run.load(left / "run.json")
            seen.append(run.environment.get("date", "").startswith("2027"))
            assert whole(run) == wholes[seen[-1]]
            assert (left / "run.json.files" / "mine.png").read_bytes() == b"the user's own"
        assert seen == sorted(seen)  # first the older, then the newer
        assert (seen[0], seen[-1]) == (False, True)


@pytest.mark.parametrize("fails", ["picture", "run file", "content"])
def test_a_run_that_cannot_be_written_leaves_the_older_one_and_nothing_else(
    tmp_path, monkeypatch, fails
):
    path = tmp_path / "kept" / "run.json"
    make_run(tmp_path / "old").save(path)
    before = {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}
    new = make_run(tmp_path / "new", color=True)
    if fails == "content":
        new = replace(new, environment={"threads": float("nan")})
    move, moved = os.replace, []

    def full(source, target):
        moved.append(target)
        if fails == ("run file" if Path(target) == path else "picture") and len(moved) > 2:
            raise OSError(28, "No space left on device")
        move(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ValueError if fails == "content" else FailcondError):
        new.save(path)
    assert {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()} == before


def test_a_file_of_the_users_own_keeps_its_name_and_content(tmp_path):
    run = make_run(tmp_path / "pictures")
    path = tmp_path / "run.json"
    taken = sorted(run.picture_files)[0]
    folder = tmp_path / "run.json.files"
    folder.mkdir()
    (folder / taken).write_bytes(b"the user's own")
    (folder / "other.png").write_bytes(b"another")
    for _ in range(2):
        run.save(path)
        assert (folder / taken).read_bytes() == b"the user's own"
        assert whole(Run.load(path)) == whole(run)
    run.save(path, pictures=False)
    assert {p.name for p in folder.iterdir()} == {taken, "other.png"}


def test_what_the_user_put_in_the_place_of_a_picture_is_not_removed(tmp_path):
    run, path = make_run(tmp_path / "pictures"), tmp_path / "run.json"
    run.save(path)
    changed = tmp_path / "run.json.files" / sorted(run.picture_files)[0]
    changed.write_bytes(b"drawn over")
    run.save(path, pictures=False)
    assert [p.read_bytes() for p in changed.parent.iterdir()] == [b"drawn over"]


def test_pictures_are_part_of_the_digest(tmp_path):
    run, path = make_run(tmp_path / "pictures"), tmp_path / "run.json"
    run.save(path)
    data = json.loads(path.read_text())
    assert set(data["pictures"]) == run.picture_files
    file = sorted(run.picture_files)[0]
    assert data["pictures"][file] == hash_bytes(run.picture(file))
    data["pictures"][file] = hash_bytes(b"another")
    path.write_text(json.dumps(data))
    with pytest.raises(FailcondError, match="digest does not fit"):
        Run.load(path)


def test_another_picture_is_not_shown_as_the_runs(tmp_path):
    run, path = make_run(tmp_path / "pictures"), tmp_path / "run.json"
    run.save(path)
    shown = html.page(Run.load(path))
    strip = next(iter(run.directions.values())).strip.file
    (tmp_path / "run.json.files" / strip).write_bytes(make_strip(color=True))
    swapped = Run.load(path)
    with pytest.raises(FailcondError, match="is not the picture that the run was kept with"):
        swapped.picture(strip)
    page = html.page(swapped)
    assert "is not the picture that the run was kept with" in page
    assert page.count("data:image") < shown.count("data:image")
    with pytest.raises(FailcondError, match="is not the picture"):
        swapped.save(tmp_path / "copy.json")
    assert not (tmp_path / "copy.json").exists()
    assert not (tmp_path / "copy.json.files").exists()
    swapped.save(tmp_path / "copy.json", pictures=False)  # as `failcond baseline` does


def test_another_picture_of_the_corpus_is_not_shown_as_the_runs(tmp_path):
    run, path = make_run(tmp_path / "pictures"), tmp_path / "run.json"
    (tmp_path / "pictures" / "lost.png").write_bytes(make_strip(frames=1))
    entry = Replayed("0-1-up-2", "fixed", 0, 1, 0.2, "lost.png", "sha256:1")
    changed(run, corpus=Replay((entry,), "sha256:x"), planned=("corpus:0-1-up-2",)).save(path)
    key = "corpus:0-1-up-2"
    assert "data:image" in html.details(Run.load(path), PROBES.about(key))
    (tmp_path / "run.json.files" / "lost.png").write_bytes(make_strip(frames=1, color=True))
    for shown in (html.details(Run.load(path), PROBES.about(key)), html.page(Run.load(path))):
        assert "is not the picture that the run was kept with" in shown
    assert "data:image" not in html.details(Run.load(path), PROBES.about(key))


def test_a_run_from_before_there_were_hashes_is_read(tmp_path):
    run, path = make_run(tmp_path / "pictures"), tmp_path / "run.json"
    run.save(path)
    without_hashes(path)
    assert whole(Run.load(path)) == whole(run)
    Run.load(path).save(path)
    assert set(Run.load(path).hashes) == run.picture_files


@pytest.mark.parametrize("pictures", [3, [], {"x.png": 3}, "x.png", None])
def test_hashes_of_another_form_are_refused(tmp_path, pictures):
    path = tmp_path / "run.json"
    make_run(tmp_path / "pictures").save(path)
    data = json.loads(path.read_text()) | {"pictures": pictures}
    del data["digest"]
    path.write_text(json.dumps(data | {"digest": digest(data)}))
    with pytest.raises(FailcondError, match=r"damaged.* pictures"):
        Run.load(path)


def test_a_device_has_no_pictures_beside_it(tmp_path):
    make_run(tmp_path / "pictures").save(os.devnull)
    assert not Path(f"{os.devnull}.files").exists()
