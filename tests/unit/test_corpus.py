"""The corpus: what is written is read back, and what was edited amiss is refused in one sentence."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.corpus.folder import MANIFEST, Corpus, hash_png
from pytest_failcond.probes.corpus.manifest import Entry, read_manifest, write_manifest
from pytest_failcond.probes.direction.discovery import typical_rows

NAMES = ("circle", "square", "star")


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(number: int, shape=(8, 9)) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, shape).astype(np.uint8)


def entry(number: int, content: bytes, **fields) -> Entry:
    values = {
        "id": f"star-{number}-up-4",
        "status": "open",
        "class_name": "star",
        "direction": f"direction:2:{number}:+",
        "dimension": "b8.conv0[1]",
        "sample": 4,
        "broke_at": 1.25,
        "shift": 1.75,
        "predicted": "circle",
        "p": 0.125,
        "judged": None,
        "seed": 0,
        "generator": "sha256:1",
        "classifier": "weights:2",
        "judge": None,
        "png": hash_png(content),
    }
    return Entry(**values | fields)


@pytest.fixture
def corpus(tmp_path):
    """Three images of a star, written to a folder."""
    contents = {n: png(pixels_of(n)) for n in (11, 5, 7)}
    made = Corpus(tmp_path / "corpus", tuple(entry(n, c) for n, c in contents.items()))
    made.save({f"star-{n}-up-4": c for n, c in contents.items()})
    return Corpus.read(made.folder)


def edit(corpus, change):
    path = corpus.folder / MANIFEST
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def refusal(action) -> str:
    with pytest.raises(FailcondError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_images_are_what_was_written(corpus):
    assert corpus.ids == ("star-5-up-4", "star-7-up-4", "star-11-up-4")
    images = corpus.images()
    assert images.shape == (3, 8, 9, 1)
    for row, number in enumerate((5, 7, 11)):
        assert (images[row, :, :, 0] == pixels_of(number)).all()
    assert corpus.labels(NAMES) == [2, 2, 2]


def test_colour_is_kept(tmp_path):
    content = png(pixels_of(1, (8, 8, 3)))
    Corpus(tmp_path, (entry(1, content),)).save({"star-1-up-4": content})
    assert (Corpus.read(tmp_path).images()[0] == pixels_of(1, (8, 8, 3))).all()


def test_the_manifest_does_not_depend_on_when_an_entry_was_added(corpus):
    before = (corpus.folder / MANIFEST).read_bytes()
    Corpus(corpus.folder, corpus.entries[::-1]).save({})
    assert (corpus.folder / MANIFEST).read_bytes() == before


def test_marking_changes_one_line_of_the_manifest(corpus):
    before = (corpus.folder / MANIFEST).read_text().splitlines()
    corpus.marked(["star-7-up-4"], "fixed").save({})
    after = (corpus.folder / MANIFEST).read_text().splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert changed == [('   "status": "open",', '   "status": "fixed",')]
    again = Corpus.read(corpus.folder)
    assert [e.status for e in again.entries] == ["open", "fixed", "open"]
    again.marked(["star-7-up-4"], "open").save({})
    assert (corpus.folder / MANIFEST).read_text().splitlines() == before


@pytest.mark.parametrize("action", ["marked", "without"])
def test_an_unknown_id_gives_the_nearest(corpus, action):
    arguments = (["star-7-up-5"], "fixed") if action == "marked" else (["star-7-up-5"],)
    assert "did you mean 'star-7-up-4'?" in refusal(lambda: getattr(corpus, action)(*arguments))


def test_what_a_review_took_out_is_remembered(corpus):
    case = corpus.entries[1].case
    corpus.without(["star-7-up-4"]).save({})
    left = Corpus.read(corpus.folder)
    assert left.ids == ("star-5-up-4", "star-11-up-4")
    assert left.removed == (case,)


def test_an_id_is_given_once(corpus):
    assert corpus.free_id("star-6-up-4") == "star-6-up-4"
    assert corpus.free_id("star-7-up-4") == "star-7-up-4-2"
    assert corpus.free_id("STAR-7-up-4") == "STAR-7-up-4-2"  # one file, on some systems


def test_no_folder_and_no_entries(tmp_path):
    assert "`failcond discover` makes it" in refusal(lambda: Corpus.read(tmp_path / "no"))
    Corpus(tmp_path).save({})
    assert "has no entries" in refusal(lambda: Corpus.read(tmp_path))


def test_a_missing_file(corpus):
    corpus.file("star-7-up-4").unlink()
    assert "star-7-up-4.png: is missing" in refusal(corpus.images)


def test_a_changed_file(corpus):
    corpus.file("star-7-up-4").write_bytes(png(pixels_of(1)))
    assert "star-7-up-4.png: has changed: its hash is not that of the manifest" in refusal(
        corpus.images
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no image", "cannot be read"),
        (png(pixels_of(1, (8, 8))), "keep images of one size"),
        (png(pixels_of(1, (8, 9, 4))), "is transparent in places"),
    ],
)
def test_a_file_that_does_not_belong_there(corpus, content, words):
    corpus.file("star-7-up-4").write_bytes(content)
    edit(corpus, lambda data: data["entries"][1].update(png=hash_png(content)))
    assert words in refusal(Corpus.read(corpus.folder).images)


def test_an_unknown_class(corpus):
    sentence = refusal(lambda: corpus.labels(("circle", "square", "stars")))
    assert "star-5-up-4: there is no class 'star'; did you mean 'stars'?" in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["entries"][1].update(status="fixd"), "entries 'star-7-up-4'.status"),
        (
            lambda d: d["entries"][1].update(id="star-5-up-4"),
            "two entries have the id 'star-5-up-4'",
        ),
        (lambda d: d["entries"][1].update(id="STAR-5-up-4"), "two entries have the id"),
        (lambda d: d["entries"][1].update(id="../secret"), "id"),
        (lambda d: d["entries"][1].update(direction="up"), "must be a direction"),
        (lambda d: d["entries"][1].update(p=1.5), "'star-7-up-4'.p: "),
        (lambda d: d["entries"][1].update(note="hm"), "unknown key 'note'"),
        (lambda d: d["entries"][1].pop("seed"), "seed is missing"),
        (lambda d: d["entries"][1].pop("id"), "entries[1].id is missing"),
        (lambda d: d.pop("entries"), "entries is missing"),
        (lambda d: d.update(entries=[3]), "entries[0]: "),
        (lambda d: d.update(schema=2), "update pytest-failcond"),
        (lambda d: d.pop("schema"), "is not a manifest of a corpus"),
    ],
)
def test_a_manifest_edited_amiss(corpus, change, words):
    edit(corpus, change)
    sentence = refusal(lambda: Corpus.read(corpus.folder))
    assert str(corpus.folder / MANIFEST) in sentence
    assert words in sentence


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\ufeff{}"])
def test_no_manifest(corpus, text):
    (corpus.folder / MANIFEST).write_text(text, encoding="utf-8")
    assert MANIFEST in refusal(lambda: Corpus.read(corpus.folder))


def test_a_place_that_cannot_be_written_keeps_the_older_manifest(corpus, monkeypatch):
    before = (corpus.folder / MANIFEST).read_bytes()

    def full(path, content):
        raise FailcondError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr("pytest_failcond.probes.corpus.folder.write_atomically", full)
    content = png(pixels_of(1))
    extended = Corpus(corpus.folder, (*corpus.entries, entry(1, content)))
    assert "No space left" in refusal(lambda: extended.save({"star-1-up-4": content}))
    assert (corpus.folder / MANIFEST).read_bytes() == before
    assert len(Corpus.read(corpus.folder).images()) == 3


def test_typical_breaks_are_those_nearest_the_median_within_the_valid_range():
    breaks = np.array([np.nan, 0.0, 4.0, 0.5, 2.0, 1.0, 1.5])
    assert typical_rows(breaks, 3.0, 2).tolist() == [6, 5]  # of 0.5, 1.0, 1.5 and 2.0
    assert typical_rows(breaks, 3.0, 9).tolist() == [6, 5, 4, 3]
    assert typical_rows(breaks, None, 1).tolist() == [6]
    assert typical_rows(breaks[:2], 3.0, 3).tolist() == []


def test_a_start_image_at_another_truncation_is_another_case():
    """Manifests of earlier versions, and what was removed from them, know no truncation."""
    one = entry(1, b"")
    data = one.model_dump(by_alias=True)
    del data["truncation"]
    assert Entry.model_validate(data) == one
    assert "truncation" not in one.case
    other = one.model_copy(update={"truncation": 0.7})
    assert other.case == one.case.replace("seed 0", "seed 0 truncation 0.7") != one.case


def combined_entry(number: int, content: bytes, **fields) -> Entry:
    moves = {f"direction:2:{number}:-": 4.0, "direction:2:99:+": 3.0}
    values = {"direction": None, "dimension": None, "search": "combination:2:0", "moves": moves}
    return entry(number, content, **values | {"id": f"star-{number}", "shift": 5.0} | fields)


def test_a_combination_is_kept_with_the_shift_along_each_direction(tmp_path):
    content = png(pixels_of(1))
    entries = combined_entry(7, content), entry(5, content)
    made = Corpus(tmp_path, entries)
    made.save({one.id: content for one in entries})
    again = Corpus.read(tmp_path)
    assert again.ids == ("star-5-up-4", "star-7")  # after those of single directions
    assert again.entries == entries[::-1]
    kept = again.entry("star-7")
    assert kept.origin == "combination of 2 dimensions, 5 σ from sample 4"
    assert again.entry("star-5-up-4").origin == "b8.conv0[1] up, 1.8 σ from sample 4"
    assert kept.moved.moves == kept.moves
    assert kept.case == "combination:2:0 along 7- 99+ sample 4 seed 0 sha256:1"
    written = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))["entries"]
    assert [{"direction", "dimension"} & one.keys() for one in written] == [
        {"direction", "dimension"}, set()
    ]  # fmt: skip
    assert [{"search", "moves"} & one.keys() for one in written] == [set(), {"search", "moves"}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"direction": "direction:2:7:+", "dimension": "b8.conv0[1]"}, "either direction or moves"),
        ({"moves": None}, "either direction or moves"),
        ({"dimension": "b8.conv0[1]"}, "direction and dimension go together"),
        ({"search": None}, "search and moves go together"),
        ({"search": "Combination 2"}, "search"),
        ({"moves": {}}, "expected 1 to 1000 directions, got 0"),
        ({"moves": {"ranking:2": 5.0}}, "'ranking:2' must be a direction"),
        ({"moves": {"direction:2:7:+": -5.0}}, "a shift of 0 σ or more, got -5"),
        ({"moves": {"direction:2:7:+": 4.0, "direction:1:8:+": 3.0}}, "of different classes"),
        ({"moves": {"direction:2:7:+": 4.0, "direction:2:7:-": 3.0}}, "moved twice"),
        ({"shift": 4.5}, "the moves have a length of 5.0000 σ, and shift is 4.5"),
    ],
)
def test_an_entry_that_does_not_say_how_it_was_made_is_refused(tmp_path, change, words):
    content = png(pixels_of(1))
    Corpus(tmp_path, (combined_entry(7, content),)).save({"star-7": content})
    data = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    data["entries"][0] |= change
    (tmp_path / MANIFEST).write_text(json.dumps(data), encoding="utf-8")
    assert words in refusal(lambda: Corpus.read(tmp_path))


def test_the_example_s_corpus_is_written_as_it_is(tmp_path):
    folder = Path(__file__).parents[2] / "example_project" / "corpus"
    manifest = read_manifest(folder / MANIFEST)
    write_manifest(tmp_path / MANIFEST, manifest.entries, manifest.removed)
    assert (tmp_path / MANIFEST).read_bytes() == (folder / MANIFEST).read_bytes()
