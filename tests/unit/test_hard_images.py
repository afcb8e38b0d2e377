"""Hard images: `failcond export`, and the torch dataset of its manifest."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader

from pytest_failcond import Classifier, FailcondError, HardImages
from pytest_failcond.cli import main
from pytest_failcond.config.combination_settings import CombinationSettings
from pytest_failcond.config.settings import Settings
from pytest_failcond.hard.candidates import Candidate, rarest_first
from pytest_failcond.hard.export import Export
from pytest_failcond.hard.lines import Lines, first_breaks
from pytest_failcond.hard.manifest import KINDS, MANIFEST, Asked, read_manifest
from pytest_failcond.hard.places import folders
from pytest_failcond.hard.rendering import StartStyles
from pytest_failcond.hard.same import check_answers, check_same
from pytest_failcond.hard.sharing import missing, shares
from pytest_failcond.laboratory.configured import build_laboratory
from pytest_failcond.probes.combination.problem import CLEARLY, Seen
from pytest_failcond.probes.direction.starts import start_images
from pytest_failcond.subjects.acceptance import EVERYTHING, Acceptance
from pytest_failcond.subjects.images import to_float
from tests.unit.linear import Bright, linear_generator
from tests.unit.tiny import tiny_generator

GENERATOR = tiny_generator()
COUNT = 20


def linear_classifier(seed=1):
    """A linear classifier of 8 px images that has some of each class right."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).eval()


def laboratory(model=None, generator=GENERATOR, judge=None):
    return build_laboratory(Settings(), model or linear_classifier(), None, generator, judge)


def asked(**changes):
    plain = {
        "count": COUNT,
        "classes": [0, 1, 2],
        "kinds": list(KINDS),
        "directions": 4,
        "max_shift": 2.0,
        "dimensions": 32,
        "max_distance": 8.0,
        "seed": 0,
        "truncation": 1.0,
        "files": True,
    }
    return Asked(**(plain | changes))


def export(folder, lab=None, tell=lambda done, total, text: None, **changes):
    Export(lab or laboratory(), folder, asked(**changes)).run(tell)
    return read_manifest(folder / MANIFEST)


def stop(done, total, text):
    os.kill(os.getpid(), signal.SIGINT)


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "hard"
    export(folder)
    return folder


def test_images_are_shared_evenly_among_classes_and_kinds(exported):
    manifest = read_manifest(exported / MANIFEST)
    assert manifest.complete
    cells = Counter((image.label, image.kind) for image in manifest.images)
    assert sum(cells.values()) == COUNT
    assert len(cells) == 3 * len(KINDS)
    assert max(cells.values()) - min(cells.values()) <= 1
    listed = {image.file for image in manifest.images}
    assert listed == set(content(exported)) - {MANIFEST}
    assert {file.partition("/")[0] for file in listed} == {"circle", "square", "star"}
    assert set(map(str, {k for image in manifest.images for k in image.dimensions})) <= set(
        manifest.std
    )


def test_images_are_of_their_kind(exported):
    manifest = read_manifest(exported / MANIFEST)
    images = HardImages(exported)
    p = Classifier(linear_classifier()).probabilities(to_float(images.pixels(range(COUNT))))
    for image, row in zip(manifest.images, p, strict=True):
        assert image.predicted == row.argmax()
        assert image.p == pytest.approx(row[image.label], abs=1e-4)
        assert (image.predicted == image.label) == (image.kind == "near")


def test_a_classifier_without_gradients_gives_images_too(tmp_path):
    weights = linear_classifier()[1].weight.detach().numpy()

    def callable_one(images):
        return images.reshape(len(images), -1).astype(np.float32) @ weights.T

    manifest = export(tmp_path, laboratory(callable_one), count=9, dimensions=4)
    assert Counter(image.kind for image in manifest.images) == dict.fromkeys(KINDS, 3)
    for image in manifest.images:
        assert (image.predicted == image.label) == (image.kind == "near")


class Planted:
    """Margins and doubts of lines that fall and rise evenly: each image breaks, and is lost, at its own shift."""

    def __init__(self, breaks, lost):
        self.breaks, self.lost = np.array(breaks), np.array(lost)

    def seen(self, problem, rows, shifts):
        at = shifts.abs().sum(dim=1)
        margin = 1 - at / torch.from_numpy(self.breaks)[rows]
        return Seen(margin, at - torch.from_numpy(self.lost)[rows])


SIGMAS = st.floats(0.3, 12)


@given(st.lists(st.tuples(SIGMAS, SIGMAS, st.floats(0.2, 5)), min_size=1, max_size=5))
def test_the_first_break_along_a_line_is_found_where_the_guides_let_it_pass(planted):
    """Wherever slopes at the start let it be expected."""
    breaks, lost, wrong_by = (np.array(column) for column in zip(*planted, strict=True))
    count, farthest = len(breaks), 8.0
    problem = SimpleNamespace(
        dimensions=np.arange(3), room=torch.full((2, count, 3), torch.inf).double()
    )
    problem.room[0] *= -1
    lines = Lines(
        torch.arange(count),
        torch.arange(count) % 3,
        torch.ones(count).double(),
        torch.from_numpy(breaks * wrong_by),
    )
    found = first_breaks(problem, Planted(breaks, lost), lines, farthest).numpy()
    broken = np.isfinite(found)
    clearly = breaks * (1 + CLEARLY)
    assert (found[broken] >= breaks[broken]).all()
    assert (found[broken] <= np.minimum(lost, farthest)[broken]).all()
    certain = (clearly + 0.8 < lost) & (clearly < farthest)
    assert broken[certain].all()
    assert (found[certain] - breaks[certain] < 0.8).all()


def test_images_are_made_again_from_the_manifest_alone(exported, tmp_path):
    shutil.copy(exported / MANIFEST, tmp_path / "alone.json")
    read, made = HardImages(exported), HardImages(tmp_path / "alone.json", tiny_generator())
    assert len(read) == len(made) == COUNT
    for (image, label), (again, same) in zip(read, made, strict=True):
        assert torch.equal(image, again)
        assert label == same
    assert image.dtype == torch.float32
    assert image.shape == (1, 8, 8)
    order = [7, 3, 19, 3, 0]
    assert np.array_equal(made.pixels(order), read.pixels(order))
    (batch, labels), *_ = DataLoader(made, batch_size=16, shuffle=True)
    assert batch.shape == (16, 1, 8, 8)
    assert labels.dtype == torch.int64
    assert read.classes == ("circle", "square", "star")
    near = HardImages(exported, kinds=["near"])
    assert set(near.kinds) == {"near"}
    assert 0 < len(near) < COUNT
    with pytest.raises(IndexError):
        read[COUNT]


def test_the_manifest_alone_can_be_written(exported, tmp_path):
    few = {"count": 6, "classes": [1], "kinds": ["near"]}
    manifest, same = export(tmp_path / "a", **few), export(tmp_path / "b", **few, files=False)
    assert set(content(tmp_path / "b")) == {MANIFEST}
    assert same.images == manifest.images
    with pytest.raises(FailcondError, match="wrote no image files; give its generator"):
        HardImages(tmp_path / "b")


@given(
    st.lists(st.integers(0, 3), max_size=30),
    st.dictionaries(st.integers(0, 3), st.integers(0, 9)),
    st.integers(0, 30),
)
def test_dimensions_take_turns(dimensions, kept, most):
    """However many are taken, no dimension has two more than one of which another is waiting."""
    found = [Candidate(0, "near", n, (k,), (1.0,)) for n, k in enumerate(dimensions)]
    before = Counter({("near", k): n for k, n in kept.items()})
    ordered = rarest_first(found, before)
    assert sorted(ordered) == sorted(found)
    counts = Counter(kept)
    for candidate in ordered[:most]:
        counts[candidate.dimensions[0]] += 1
    taken = {candidate.dimensions[0] for candidate in ordered[:most]}
    waiting = {candidate.dimensions[0] for candidate in ordered[most:]}
    assert all(counts[one] <= counts[other] + 1 for one in taken for other in waiting)


def test_start_images_are_none_of_the_tests(exported):
    """Even at the same seed, no style vector of the export is one of the streams that tests draw from."""
    drawn = StartStyles(GENERATOR, 0, 1.0).block(0, 0)
    for stream in ("rank", "measure"):
        tested = start_images(GENERATOR, EVERYTHING, 0, 64, stream=stream).styles
        assert not (drawn[:, None] == tested[None]).all(dim=2).any()


def test_a_stopped_export_goes_on_to_the_same_bytes(exported, tmp_path):
    """After Ctrl-C, and after a kill, which leaves a manifest older than its files."""

    kept = []
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            export(tmp_path, tell=stop)
        manifest = read_manifest(tmp_path / MANIFEST)
        assert not manifest.complete
        files = {image.file for image in manifest.images}
        assert files == set(content(tmp_path)) - {MANIFEST}
        assert len(HardImages(tmp_path)) == len(files)
        kept.append((tmp_path / MANIFEST).read_bytes())
    (tmp_path / MANIFEST).write_bytes(kept[1])
    (tmp_path / manifest.images[-1].file).write_bytes(b"half a file")
    export(tmp_path)
    assert content(tmp_path) == content(exported)


def test_a_finished_export_is_left_as_it_is(exported):
    before = content(exported)
    export(exported)
    assert content(exported) == before


OTHERS = {
    "count": ({"count": 9}, "--count 20, and now it is 9"),
    "classes": ({"classes": [0, 2]}, "--classes circle, square, star, and now it is circle, star"),
    "kinds": ({"kinds": ["near"]}, "--kinds direction, combination, near, and now it is near"),
    "directions": ({"directions": 5}, "--directions 4, and now it is 5"),
    "max_shift": ({"max_shift": 3.5}, "corner_cases.max_shift 2, and now it is 3.5"),
    "dimensions": ({"dimensions": 8}, "combinations.dimensions 32, and now it is 8"),
    "max_distance": ({"max_distance": 6.0}, "combinations.max_distance 8, and now it is 6"),
    "seed": ({"seed": 4}, "seed 0, and now it is 4"),
    "truncation": ({"truncation": 0.7}, "corner_cases.truncation 1, and now it is 0.7"),
    "files": ({"files": False}, "--manifest-only off, and now it is on"),
}


def test_every_setting_of_an_export_is_among_these():
    assert set(OTHERS) == set(Asked.model_fields)


@pytest.mark.parametrize("name", OTHERS)
def test_an_export_of_other_settings_is_refused(exported, name):
    changes, words = OTHERS[name]
    before = content(exported)
    with pytest.raises(FailcondError) as caught:
        export(exported, **changes)
    assert f"has an export with {words}; give the same again, or choose an empty folder" in str(
        caught.value
    )
    assert content(exported) == before


def test_other_names_of_classes_are_named(exported):
    then = read_manifest(exported / MANIFEST)
    for names, words in (
        (["circle", "box", "star"], "class 1 square, and now it is box;"),
        (["circle", "square"], "class 2 star, and now it is missing;"),
    ):
        now = then.model_copy(update={"class_names": names, "asked": asked(classes=[0])})
        before = then.model_copy(update={"asked": asked(classes=[0])})
        with pytest.raises(FailcondError, match=words):
            check_same("OUT: hard", before, now)


def test_a_long_list_begins_with_what_the_other_lacks(exported):
    then = read_manifest(exported / MANIFEST)
    names = [f"c{label}" for label in range(30)]
    before, now = (
        then.model_copy(update={"class_names": names, "asked": asked(classes=classes)})
        for classes in (list(range(30)), list(range(29)))
    )
    with pytest.raises(FailcondError) as caught:
        check_same("OUT: hard", before, now)
    assert "--classes c29, c0, c1, c2, c3, c4, c5, c6, … and 22 more, and now" in str(caught.value)


def plain(seed=1):
    """The linear classifier as a plain callable, which has no hash."""
    weights = linear_classifier(seed)[1].weight.detach().numpy()
    return lambda images: images.reshape(len(images), -1).astype(np.float32) @ weights.T


def named(name, model=None, judge=None):
    """A laboratory whose configuration names the classifier, or a judge that accepts everything."""
    names = {"classifier": "models:net"} if judge else {"classifier": name}
    settings = Settings(**names, judge=name if judge else None)
    return build_laboratory(settings, model or linear_classifier(), None, GENERATOR, judge)


def sure(images):
    return np.zeros((len(images), 3), dtype=np.float32)


OTHER_MODELS = {
    "a plain callable of another name": (
        lambda: named("models:net", plain()),
        lambda: named("models:other", plain()),
        "has an export of the classifier models:net, and this one is models:other; give the same again",
    ),
    "another plain callable of the same name": (
        lambda: named("models:net", plain()),
        lambda: named("models:net", plain(2)),
        "has an export of another classifier: in ",
    ),
    "a module of another name": (
        lambda: named("models:net"),
        lambda: named("models:other", linear_classifier(2)),
        "has an export of the classifier models:net, and this one is models:other; give",
    ),
    "other weights": (
        lambda: named("models:net"),
        lambda: named("models:net", linear_classifier(2)),
        "has an export of another classifier: models:net, model:",
    ),
    "a module instead of a callable": (
        lambda: named("models:net", plain()),
        lambda: named("models:net"),
        "has an export of another classifier: models:net, a plain callable, and now it is model:",
    ),
    "another plain judge": (
        lambda: named("models:judge", judge=sure),
        lambda: named("models:sure", judge=sure),
        "has an export judged by models:judge, and this one is by models:sure; give",
    ),
    "another generator": (
        laboratory,
        lambda: laboratory(generator=tiny_generator(z_dim=6)),
        "has an export of the generator weights:",
    ),
}


@pytest.mark.parametrize("kind", OTHER_MODELS)
def test_an_export_of_another_model_is_refused(tmp_path, kind):
    first, second, words = OTHER_MODELS[kind]
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path, first(), stop, count=6, kinds=["near"], classes=[2])
    before = content(tmp_path)
    with pytest.raises(FailcondError) as caught:
        export(tmp_path, second(), count=6, kinds=["near"], classes=[2])
    assert words in str(caught.value)
    assert "None" not in str(caught.value)
    assert content(tmp_path) == before


def test_an_export_of_the_same_model_by_another_name_goes_on(tmp_path):
    """A module is known by its weights, a plain callable by its name and its answers."""
    few = {"count": 3, "kinds": ["near"], "classes": [2]}
    export(tmp_path / "module", named("models:net"), **few)
    export(tmp_path / "module", named("models:again"), **few)
    export(tmp_path / "plain", named("models:net", plain()), **few)
    export(tmp_path / "plain", named("models:net", plain()), **few)


def test_a_plain_judge_is_known_by_its_answers(exported):
    manifest = read_manifest(exported / MANIFEST)
    first, other = (Acceptance((Classifier(plain(seed)),)) for seed in (1, 2))
    pixels = to_float(HardImages(exported).pixels(range(COUNT)))
    labels = np.array([image.label for image in manifest.images])
    level = first.see(pixels, among=3).level(labels).tolist()
    images = [
        image.model_copy(update={"level": p})
        for image, p in zip(manifest.images, level, strict=True)
    ]
    styles = StartStyles(GENERATOR, 0, 1.0)
    std = {int(k): value for k, value in manifest.std.items()}
    asked_for = "OUT: hard", Classifier(linear_classifier())
    check_answers(*asked_for, first, styles, images, std)
    with pytest.raises(FailcondError, match=r"hard has an export of other judges: in \w+/000\d+"):
        check_answers(*asked_for, other, styles, images, std)


FOREIGN = ["letter.txt", "circle/notes.md", "circle/7.png", "circle/000020.png", "other/000000.png"]


@pytest.mark.parametrize("place", FOREIGN)
def test_a_folder_with_something_else_in_it_is_refused(exported, tmp_path, place):
    """With or without an export, which may be done or have stopped before it wrote an image."""
    stopped = tmp_path / "stopped"
    shutil.copytree(exported, tmp_path / "done")
    few = {"files": False, "count": 1, "classes": [0], "kinds": ["near"]}
    with pytest.raises(KeyboardInterrupt):
        export(stopped, tell=stop, **few)
    (tmp_path / "new").mkdir()
    for name, changes in {"done": {}, "new": {}, "stopped": few}.items():
        folder = tmp_path / name
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text("dear")
        before = content(folder)
        with pytest.raises(FailcondError) as caught:
            export(folder, **changes)
        assert str(caught.value).startswith(f"OUT: {folder} ")
        first = place if name != "stopped" and "other" not in place else place.partition("/")[0]
        assert repr(first) in str(caught.value)
        assert content(folder) == before


def test_files_that_systems_make_are_left_alone(exported, tmp_path):
    made = ".DS_Store", "Thumbs.db", ".gitignore", "._x", ".failcond-a.part"
    few = {"count": 3, "kinds": ["near"], "classes": [0]}
    for _ in range(2):
        for name in made:
            (tmp_path / name).write_text("")
        export(tmp_path, **few)
    for name in made:
        (tmp_path / "circle" / name).write_text("")
    export(tmp_path, **few)
    assert len(HardImages(tmp_path)) == 3


def remove_all(folder):
    shutil.rmtree(folder / "circle")


def remove_one(folder):
    (folder / "circle" / "000001.png").unlink()


def cut_one(folder):
    file = folder / "circle" / "000001.png"
    file.write_bytes(file.read_bytes()[:-9])


@pytest.mark.parametrize("harm", [remove_all, remove_one, cut_one])
def test_missing_and_damaged_files_are_made_again(exported, tmp_path, harm):
    """Of a finished export; the command says how many."""
    folder = tmp_path / "hard"
    shutil.copytree(exported, folder)
    harm(folder)
    if harm is not cut_one:
        with pytest.raises(FailcondError) as caught:
            HardImages(folder)
        words = (
            f"{COUNT} files that the manifest names {'is' if harm is remove_one else 'are'} missing"
        )
        assert words in str(caught.value)
        assert "run the same failcond export again" in str(caught.value)
    again = Export(laboratory(), folder, asked())
    again.run(lambda *told: None)
    assert again.restored == (len(list((folder / "circle").iterdir())) if harm is remove_all else 1)
    assert content(folder) == content(exported)


def test_a_stop_while_files_are_made_again_loses_nothing(exported, tmp_path):
    folder = tmp_path / "hard"
    shutil.copytree(exported, folder)
    remove_all(folder)
    with pytest.raises(KeyboardInterrupt):
        export(folder, tell=stop)
    assert content(folder) == content(exported)


WRONG_KINDS = {
    "unknown": (["nearly"], "kinds: there is no kind 'nearly'; did you mean 'near'?"),
    "far off": (["xyz"], "kinds: there is no kind 'xyz'; known: combination, direction, near"),
    "empty": ([], "kinds: it is empty; give some of direction, combination, near"),
    "not there": (["direction"], "it has no image of the kind 'direction'; it has: near"),
}


@pytest.mark.parametrize("name", WRONG_KINDS)
def test_kinds_without_an_image_are_refused(only_near, name):
    kinds, words = WRONG_KINDS[name]
    with pytest.raises(FailcondError) as caught:
        HardImages(only_near, kinds=kinds)
    assert words in str(caught.value)


@pytest.fixture(scope="module")
def only_near(tmp_path_factory):
    folder = tmp_path_factory.mktemp("near") / "hard"
    export(folder, count=3, kinds=["near"])
    return folder


def test_an_export_without_an_image_is_refused(only_near, tmp_path):
    data = json.loads((only_near / MANIFEST).read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps(data | {"images": []}))
    with pytest.raises(FailcondError, match="it has no image, its export has found none so far"):
        HardImages(tmp_path)


def test_the_documentation_shows_datasets_that_join(tmp_path, monkeypatch):
    """Its lines run as they are written, and give batches of both."""
    page = (Path(__file__).parents[2] / "docs" / "mend.md").read_text()
    blocks = [block.partition("```")[0] for block in page.split("```python\n")[1:]]
    monkeypatch.chdir(tmp_path)
    GENERATOR.save("generator.safetensors")
    loaded = laboratory(generator=type(GENERATOR).load("generator.safetensors"))
    export(Path("hard"), loaded, count=3, kinds=["near"])
    pixels, labels = torch.rand(5, 1, 8, 8), torch.arange(5) % 3
    mine = list(zip(pixels, labels.tolist(), strict=True))  # as torchvision's datasets
    names = {"mine": mine, "images": pixels, "labels": labels}
    for block in blocks:
        exec(block, names)
        got = list(names["loader"])
        assert sum(len(labels) for _, labels in got) == 3 + 5
        assert {labels.dtype for _, labels in got} == {torch.int64}
    assert len(blocks) == 2


def test_items_are_transformed(exported):
    images = HardImages(exported, transform=torch.neg, target_transform=str)
    plain = HardImages(exported)
    assert torch.equal(images[3][0], -plain[3][0])
    assert images[3][1] == str(plain[3][1])
    assert type(plain[3][1]) is int


def test_a_manifest_of_another_generator_is_refused(exported):
    with pytest.raises(FailcondError, match="its images are of another generator: weights:"):
        HardImages(exported, tiny_generator(z_dim=6))


def damaged(change):
    def damage(data):
        change(data)
        return json.dumps(data)

    return damage


DAMAGED = {
    "no JSON": (lambda data: "{", "not a manifest of hard images: it is not JSON"),
    "another file": (lambda data: '{"entries": []}', "is not a manifest of hard images"),
    "a newer one": (damaged(lambda d: d.update(schema=9)), "written with schema 9"),
    "an older one": (
        damaged(lambda d: d.update(schema=2)),
        "written with schema 2, this version reads 4; export again, into an empty folder",
    ),
    "no shift": (damaged(lambda d: d["images"][0].update(shifts=[])), "expected a shift for each"),
    "no class": (damaged(lambda d: d["images"][0].update(label=7)), "there is no class 7"),
    "no std": (damaged(lambda d: d.update(std={})), "std has no dimension"),
    "twice": (damaged(lambda d: d["images"].append(d["images"][0])), "have the same file"),
    "outside": (damaged(lambda d: d["images"][0].update(file="../x.png")), "lies outside"),
    "absolute": (damaged(lambda d: d["images"][0].update(file="/x.png")), "lies outside"),
    "no number": (damaged(lambda d: d["images"][0].update(sample=-1)), "sample: "),
    "unknown key": (damaged(lambda d: d.update(colour=1)), "unknown key 'colour'"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_manifest_is_refused_in_one_sentence(exported, tmp_path, name):
    damage, words = DAMAGED[name]
    path = tmp_path / MANIFEST
    path.write_text(damage(json.loads((exported / MANIFEST).read_bytes())))
    with pytest.raises(FailcondError) as caught:
        HardImages(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_missing_and_other_files_are_refused(exported, tmp_path):
    shutil.copytree(exported, tmp_path / "hard")
    images = HardImages(tmp_path / "hard")
    first, second = (tmp_path / "hard" / image.file for image in images._images[:2])
    first.unlink()
    with pytest.raises(FailcondError, match="is missing, though the manifest names it"):
        images[0]
    other = HardImages(exported).pixels([1])[0, :7]
    from pytest_failcond.subjects.images import png

    second.write_bytes(png(other))
    with pytest.raises(FailcondError, match=r"is \[7, 8, 1\], and the manifest says \[8, 8, 1\]"):
        images[1]
    with pytest.raises(FailcondError, match=r"nowhere\.json: cannot be read"):
        HardImages(tmp_path / "nowhere.json")


def bright(level, sharpness=5.0):
    return Bright(level, sharpness).eval()


def test_classes_without_start_images_are_left_out_and_the_others_go_on(tmp_path):
    """Of the linear generator all images are of class 0; judges accept none as another."""
    lab = laboratory(bright(0.4), linear_generator(), bright(0.1, 50.0))
    short = Export(lab, tmp_path, asked(count=30)).run(lambda *told: None)
    assert len(short) == 2
    for sentence, name in zip(short, ("square", "star"), strict=True):
        assert sentence.startswith("a class is left out: ")
        assert repr(name) in sentence
    images = HardImages(tmp_path, linear_generator())
    assert images.labels.tolist() == [0] * 10
    judge = Classifier(bright(0.1, 50.0))
    assert (judge.probabilities(to_float(images.pixels(range(10))))[:, 0] >= 0.8).all()
    assert (images.pixels(range(10)) == HardImages(tmp_path).pixels(range(10))).all()


def test_no_image_at_all_is_one_sentence(tmp_path):
    lab = laboratory(bright(0.4), linear_generator(), bright(0.1, 50.0))
    with pytest.raises(FailcondError, match="no image is found: a class is left out: "):
        export(tmp_path, lab, classes=[1], kinds=["direction"])


@given(
    st.lists(st.sampled_from(["", "a", "A", "..", ".", "con", "a/b", "ä", "x" * 400, "class-1", "0"]), max_size=9)
)  # fmt: skip
def test_folders_are_safe_and_distinct(names):
    made = folders(names)
    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert name.isascii()
        assert not set(name) & set("./\\: ")
        assert 0 < len(name) <= 100
        assert name.casefold() not in ("con", "nul")


@given(st.integers(0, 500), st.integers(1, 9))
def test_shares_are_even(total, among):
    found = shares(total, range(among))
    assert sum(found.values()) == total
    assert max(found.values()) - min(found.values()) <= 1


@given(
    total=st.integers(0, 60),
    order=st.permutations(range(4)),
    found=st.lists(st.integers(0, 20), min_size=4, max_size=4),
)
def test_the_share_of_what_is_given_up_falls_to_the_others(total, order, found):
    """Whatever is given up, in whatever order, no kind gets more than is missing, and all is found at last."""
    have, given_up = dict.fromkeys(range(4), 0), set()
    for last in order:
        for kind, most in missing(total, range(4), have, given_up).items():
            have[kind] += min(most, found[kind]) if kind == last else most
        assert sum(have.values()) <= total
        given_up.add(last)
        if len(given_up) < 4:
            assert sum(missing(total, range(4), have, given_up).values()) == total - sum(
                have.values()
            )


CONFIGURATION = """
[tool.failcond]
classifier = "hard_subjects:load"
generator = "tiny.safetensors"
corner_cases = { max_shift = 2.0 }
"""
SUBJECTS = """
from tests.unit.test_hard_images import linear_classifier as load
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    (tmp_path / "hard_subjects.py").write_text(SUBJECTS)
    GENERATOR.save(tmp_path / "tiny.safetensors")
    return tmp_path


def test_the_command_exports_and_goes_on(project, capsys):
    line = ["export", "hard", "--count", "4", "--classes", "star,circle", "--kinds", "near"]
    assert main(line) == 0
    said = capsys.readouterr()
    assert "exported 4 images to hard: 2 of 'circle', 2 of 'star'; near 4" in said.out
    assert "no judge is configured" in said.out
    assert "Starts an export to hard." in said.err
    before = content(project / "hard")
    assert main(line) == 0
    assert "Continues an export to hard." in capsys.readouterr().err
    assert content(project / "hard") == before
    assert HardImages("hard").labels.tolist().count(2) == 2


def test_progress_counts_all_images_and_names_the_class_that_is_searched(tmp_path):
    told = []
    export(tmp_path / "hard", tell=lambda *said: told.append(said), count=4, kinds=["near"])
    assert told[0] == (0, 4, "0 of 4 images; searching class 'circle'")
    assert all(text.startswith(f"{done} of 4 images; searching class ") for done, _, text in told)


def test_a_stop_says_what_is_saved(project, capsys, monkeypatch):
    """Nothing before the first block ends, all after it, and at a second Ctrl-C what was saved before."""
    line = ["export", "hard", "--count", "4", "--kinds", "near"]

    def twice(self, label):
        stop(0, 0, "")
        stop(0, 0, "")

    def once(self, label):
        search(self, label)
        stop(0, 0, "")

    def late(self, label):
        search(self, label)
        twice(self, label)

    search = Export._search
    words = {
        twice: "Stopped before an image was saved; the same command starts again.",
        once: "Stopped after ",
        late: " are saved.",
    }
    for how, said in words.items():
        monkeypatch.setattr(Export, "_search", how)
        assert main(line) == 130
        assert said in capsys.readouterr().err
    monkeypatch.setattr(Export, "_search", search)
    (project / "hard" / "circle" / "000000.png").unlink()
    assert main(line) == 0
    assert "made 1 missing or damaged file again" in capsys.readouterr().out


@pytest.mark.parametrize("table", ["", "combinations = { dimensions = 5, max_distance = 2.5 }"])
def test_combinations_are_sought_as_far_as_tests_seek_them(project, table):
    """One setting for both: what the tests do not look at need not be trained on."""
    (project / "pyproject.toml").write_text(CONFIGURATION + table)
    assert main(["export", "hard", "--count", "6", "--kinds", "combination"]) == 0
    manifest = read_manifest(project / "hard" / MANIFEST)
    configured = CombinationSettings(**({"dimensions": 5, "max_distance": 2.5} if table else {}))
    assert manifest.asked.dimensions == configured.dimensions
    assert manifest.asked.max_distance == configured.max_distance
    longest = max(np.linalg.norm(image.shifts) for image in manifest.images)
    assert 0 < longest <= 1.1 * configured.max_distance  # a tenth past the break at most


WRONG = [
    (["hard", "--count", "0"], "argument --count: '0': give 1 to 10000000, like 2000 or 20k"),
    (["hard", "--count", "many"], "argument --count: 'many': give 1 to"),
    (["hard", "--count", "9", "--classes", "sqare"], "--classes: there is no class 'sqare'; did you mean 'square'?"),
    (["hard", "--count", "9", "--kinds", "far"], "--kinds: there is no kind 'far'"),
    (["hard", "--count", "9", "--seed", "-1"], "argument --seed: '-1': give a whole number from 0"),
    (["tiny.safetensors", "--count", "9"], "OUT: tiny.safetensors is a file; name a folder"),
    ([".", "--count", "9"], "OUT: . holds the configuration, which is an input"),
    (["full", "--count", "9"], "OUT: full is not empty, and no export is in it: it has 'letter.txt'; choose"),
    (["hard", "--count", "9", "--directions", "5000"], f"--directions: 5000: give 1 to {GENERATOR.style_space.size}, the number"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), WRONG, ids=[w[1][:25] for w in WRONG])
def test_wrong_input_is_one_sentence(project, capsys, words, sentence):
    (project / "full").mkdir()
    (project / "full" / "letter.txt").write_text("dear")
    before = content(project)
    try:
        status = main(["export", *words])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert sentence in capsys.readouterr().err
    assert content(project) == before
