"""The run file: what is saved is what is loaded, and a bad file is refused in one sentence."""

import datetime
import json
from dataclasses import replace

import pytest

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.runs import run as run_module
from pytest_failcond.runs.content import digest
from pytest_failcond.runs.run import Run
from pytest_failcond.storage.packing import pack_bits
from tests.runs import TOP_LEFT, changed, make_run, make_strip


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "pictures")


@pytest.fixture
def path(run, tmp_path):
    run.save(tmp_path / "run.json")
    return tmp_path / "run.json"


def refusal(path):
    with pytest.raises(FailcondError) as caught:
        Run.load(path)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def change(path, **fields):
    """Write other fields, with a digest that fits them: a file by another hand than an editor's."""
    data = json.loads(path.read_text(encoding="utf-8")) | fields
    del data["digest"]
    data["digest"] = digest(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def test_an_edited_file_is_refused(path):
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"zero"', '"nought"'), encoding="utf-8")
    assert "was edited or damaged after it was written" in refusal(path)


def test_another_layout_of_the_same_content_is_no_edit(run, path):
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(data.items()))), encoding="utf-8")
    assert Run.load(path) == run


def content(folder):
    """Every file below a folder, with its bytes."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_saved_is_loaded(run, path):
    loaded = Run.load(path)
    assert loaded == run
    assert loaded.gates == run.gates
    assert loaded.directions == run.directions
    assert loaded.rankings == run.rankings
    assert (loaded.measurements["clean"].predicted == run.measurements["clean"].predicted).all()
    for direction in run.directions.values():
        assert loaded.picture(direction.strip.file) == run.picture(direction.strip.file)


def test_runs_that_differ_are_not_equal(run):
    assert run != replace(run, errors={})
    assert run != "run"


def test_file_is_as_documented(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["schema"] == 1
    cell = next(m for m in data["measurements"] if m["key"] == "corruption:gaussian_noise:3")
    assert cell["kind"] == "corruption"
    assert cell["corruption"] == "gaussian_noise"
    assert cell["severity"] == 3
    assert cell["correct"] == 172
    assert cell["total"] == 200
    assert sum(right for right, _ in cell["per_class"]) == 172
    direction = data["directions"][0]
    assert direction["class"] == 0
    assert direction["valid_range"] == 3.5
    gate = next(g for g in data["gates"] if g["id"] == "gaussian-noise")
    assert gate["verdict"] == "failed"
    assert gate["checks"][1]["certain"] is True


def test_attributes_are_kept(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    noise = {"name": "noise", "change": 4.12, "low": 4.02, "high": 4.22}
    assert data["directions"][0]["attributes"][0] == pytest.approx(noise)
    assert [a.name for a in Run.load(path).directions["direction:0:322:+"].standing_out] == [
        "noise",
        "contrast",
    ]


def test_the_place_of_a_change_is_kept_and_runs_without_one_are_read(path):
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["directions"][0]["where"]["regions"] == TOP_LEFT
    kept = Run.load(path).directions["direction:0:322:+"].where
    assert kept is not None
    assert kept.places == ("top left",)
    assert Run.load(path).picture(kept.file) == make_strip(frames=1)
    for direction in data["directions"]:
        del direction["where"]
    data["digest"] = digest({name: value for name, value in data.items() if name != "digest"})
    path.write_text(json.dumps(data), encoding="utf-8")
    older = Run.load(path).directions["direction:0:322:+"]
    assert older.where is None
    assert direction_text.attributes(older) == "noise +4.1 σ, contrast −0.6 σ"


def test_missing(tmp_path):
    assert "cannot be read" in refusal(tmp_path / "no.json")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", "null", '{"runs": []}', "\ufeff"])
def test_foreign(tmp_path, text):
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    assert "not a run file of pytest-failcond" in refusal(tmp_path / "run.json")


def test_binary(tmp_path):
    (tmp_path / "run.json").write_bytes(make_strip())
    assert "not a run file" in refusal(tmp_path / "run.json")


def test_newer_schema(path):
    change(path, schema=2)
    assert "schema 2" in refusal(path)
    assert "update pytest-failcond" in refusal(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"labels": "AAAA"},
        {"labels": 3},
        {"labels": "eJwDAAAAAAE="},
        {"measurements": [{"key": "clean"}]},
        {"measurements": None},
        {"directions": [{}]},
        {"gates": [{"id": "x"}]},
        {"gates": [{"id": "x", "metric": "m", "level": "fail", "checks": [{"value": 1}]}]},
        {"errors": ["x"]},
        {"classes": 3},
    ],
)
def test_damaged(path, fields):
    change(path, **fields)
    assert "damaged" in refusal(path)


def test_counts_that_do_not_add_up_are_damage(path):
    measurements = json.loads(path.read_text(encoding="utf-8"))["measurements"]
    measurements[0]["correct"] += 1
    change(path, measurements=measurements)
    assert "damaged" in refusal(path)


def test_cut_short(path):
    path.write_bytes(path.read_bytes()[:-100])
    assert "not a run file" in refusal(path)


def test_pictures_are_replaced(run, path, tmp_path):
    folder = tmp_path / "run.json.files"
    (folder / "notes.txt").write_text("mine")
    first = next(iter(run.directions.values()))
    (run.pictures / first.strip.file).write_bytes(make_strip(color=True))
    smaller = changed(run, directions={first.key: first}, measurements={})
    smaller.save(path)
    kept = Run.load(path)
    strip = kept.directions[first.key].strip.file
    assert kept.picture_files == {strip, first.where.file}
    assert {p.name for p in folder.iterdir()} == {*kept.picture_files, "notes.txt"}
    assert kept.picture(strip) == make_strip(color=True)


def test_without_pictures(run, path, tmp_path):
    run.save(path, pictures=False)
    assert not (tmp_path / "run.json.files").exists()
    assert Run.load(path).picture(next(iter(run.directions.values())).strip.file) is None


def test_saved_in_its_own_place(path, tmp_path):
    before = content(tmp_path)
    Run.load(path).save(path)
    assert content(tmp_path) == before


def test_pictures_outside_the_folder_are_not_read(run, tmp_path):
    (tmp_path / "secret.png").write_bytes(make_strip())
    assert run.picture("../secret.png") is None
    assert run.picture(str(tmp_path / "secret.png")) is None


def test_unwritable_place_leaves_the_older_run(run, path, tmp_path, monkeypatch):
    before = content(tmp_path)
    write = run_module.write_atomically

    def full(target, data):
        if target == path:
            raise FailcondError(f"{target}: cannot be written (No space left on device)")
        write(target, data)

    monkeypatch.setattr(run_module, "write_atomically", full)
    changed = make_run(tmp_path / "others", color=True)
    with pytest.raises(FailcondError, match="No space left"):
        changed.save(path)
    assert {k: v for k, v in content(tmp_path).items() if k.parts[0] != "others"} == before
    assert Run.load(path) == run


@pytest.mark.parametrize("place", ["run.json/inner.json", "pictures"])
def test_impossible_place(run, path, tmp_path, place):
    before = content(tmp_path)
    with pytest.raises(FailcondError, match="cannot be written"):
        run.save(tmp_path / place)
    assert content(tmp_path) == before


def test_numbers_that_json_lacks_leave_the_older_run(run, path, tmp_path):
    before = content(tmp_path)
    with pytest.raises(ValueError, match="JSON"):
        replace(run, environment={"threads": float("nan")}).save(path)
    assert content(tmp_path) == before


def test_the_judges_verdicts_fit_the_curve(run):
    judged = run.directions["direction:0:322:+"]
    assert judged.valid.shape == (len(judged.curve.shift), judged.total)
    assert judged.valid.sum(axis=1).tolist() == judged.curve.accepted
    assert run.directions["direction:1:40:-"].valid.all()  # nobody judged
    data = judged.to_json()
    assert Direction.from_json(data) == judged
    with pytest.raises(ValueError, match="does not fit its curve"):
        Direction.from_json(data | {"accepted": pack_bits(~judged.valid)})


def test_the_day_of_a_waiver_comes_back_with_the_settings():
    gate = {
        "metric": "clean_accuracy", "min": 0.9, "expected_fail": "known", "until": "2027-01-01",
    }  # fmt: skip
    run = make_run()
    kept = replace(
        run, settings={"classifier": "mine:load", "images": "mine:images", "gates": [gate]}
    )
    (found,) = kept.configuration.gates
    assert found.until == datetime.date(2027, 1, 1)
