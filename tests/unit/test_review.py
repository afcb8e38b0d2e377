"""The review file, decks and what their answers say."""

from __future__ import annotations

import json
import math
import multiprocessing
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_failcond.config.settings import Settings
from pytest_failcond.errors import FailcondError
from pytest_failcond.review.answers import (
    Answer,
    Review,
    image_path,
    read_images,
    read_review,
    update_review,
)
from pytest_failcond.review.calibration import calibration_text
from pytest_failcond.review.choices import RULE, keys_of
from pytest_failcond.review.deck import Searched, hash_pixels, make_deck
from pytest_failcond.review.folder import read_answers, write_folder
from pytest_failcond.review.page import Blind, page_as_file
from pytest_failcond.review.standing import Reader, Share, standing
from pytest_failcond.review.statistics import LEVELS, calibrate, faultless
from pytest_failcond.review.summary import summary
from pytest_failcond.review.unreadable import unreadable
from pytest_failcond.review.wording import CARELESS, doubts, sentence
from pytest_failcond.statistics.bounds import proportion_bound
from pytest_failcond.subjects.images import png
from tests.decks import (
    CLASSES,
    COUNTS,
    SEARCHED,
    claims,
    drawn,
    read_all,
    review_of,
    subjects,
    truthful,
    write_review,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "failcond-review.json"


def test_a_deck_and_its_answers_are_kept_and_read_again(path):
    deck = write_review(path)
    update_review(path, lambda r: r.with_answers(read_all(deck, truthful)))
    review = read_review(path)
    assert review is not None
    assert review.decks == (deck,)
    assert len(review.answers) == sum(COUNTS.values())
    assert [hash_pixels(pixels) for pixels in read_images(path, deck)] == deck.images


def test_the_order_of_images_depends_on_the_key_alone():
    images = drawn()
    deck, _ = make_deck(images, CLASSES, subjects(), 1)
    assert make_deck(images[::-1], CLASSES, subjects(), 1)[0] == deck
    relabelled = [
        type(one)(one.pixels, one.claim.model_copy(update={"kind": "test", "class_name": "circle"}))
        for one in images
    ]
    assert make_deck(relabelled, CLASSES, subjects(), 1)[0].images == deck.images
    assert make_deck(images, CLASSES, subjects(), 2)[0].images != deck.images
    kinds = [claims(deck)[image].kind for image in deck.images]
    assert kinds != sorted(kinds)
    assert kinds != [one.claim.kind for one in images]


def test_equal_images_come_once():
    images = drawn()
    deck, found = make_deck([*images, images[0]], CLASSES, subjects(), 1)
    assert len(deck.images) == len(found) == len(images)


def test_a_newer_answer_takes_the_place_of_an_older_one_and_can_be_taken_back(path):
    deck = write_review(path)
    image = deck.images[3]
    for said in ("circle", None, "square"):
        answer = Answer(deck=deck.id, image=image, answer=said, reader="Ann", kind="person")
        review = update_review(path, lambda r, a=answer: r.with_answers([a]))
    assert [a.answer for a in review.answers] == ["square"]
    assert update_review(path, lambda r: r.without(deck.id, "Bob", image)).answers == review.answers
    assert update_review(path, lambda r: r.without(deck.id, "Ann", image)).answers == ()


def _answer_some(path, deck_id, images, reader):
    for image in images:
        answer = Answer(deck=deck_id, image=image, answer=None, reader=reader, kind="person")
        update_review(path, lambda r, a=answer: r.with_answers([a]))


def test_two_processes_lose_no_answer(path):
    deck = write_review(path)
    context = multiprocessing.get_context("fork")
    readers = [
        context.Process(target=_answer_some, args=(path, deck.id, deck.images, name))
        for name in ("Ann", "Bob")
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
        assert reader.exitcode == 0
    review = read_review(path)
    assert len(review.answers) == 2 * len(deck.images)


BAD_FILES = {
    "empty": (lambda data: b"", "it is empty"),
    "cut": (lambda data: json.dumps(data).encode()[:-40], "it is not JSON"),
    "a run": (lambda data: b'{"environment": {}}', "not a review file"),
    "newer": (lambda data: data | {"schema": 2}, "update pytest-failcond"),
    "unknown key": (lambda data: data | {"extra": 1}, "unknown key 'extra'"),
    "no such image": (
        lambda data: data["answers"][0].update(image="sha256:" + "0" * 64) or data,
        "is not an image of deck",
    ),
    "no such deck": (lambda data: data["answers"][0].update(deck="00000000") or data, "there is no deck"),
    "no such class": (lambda data: data["answers"][0].update(answer="star") or data, "'star' is not a class"),
    "two kinds": (lambda data: data["answers"][0].update(kind="model") or data, "is a model in the review"),
    "twice": (lambda data: data["answers"].append(data["answers"][0]) or data, "twice"),
    "a claim is gone": (lambda data: data["decks"][0]["claims"].pop() and data, "expected one claim for each image"),
    "an image is gone": (lambda data: data["decks"][0]["images"].pop() and data, "expected one claim for each image"),
    "images swapped": (lambda data: data["decks"][0]["images"].reverse() or data, "its id does not fit"),
    "foreign class": (
        lambda data: data["decks"][0].update(classes=["circle", "square"]) or data, "a claim has the class 'triangle'",
    ),
    "two decks": (lambda data: data["decks"].append(data["decks"][0]) or data, "a deck occurs twice"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_damaged_or_foreign_review_file_is_one_sentence_and_stays_as_it_is(path, kind):
    deck = write_review(path)
    update_review(path, lambda r: r.with_answers(read_all(deck, truthful)))
    harm, expected = BAD_FILES[kind]
    harmed = harm(json.loads(path.read_text()))
    content = harmed if isinstance(harmed, bytes) else json.dumps(harmed).encode()
    path.write_bytes(content)
    with pytest.raises(FailcondError) as error:
        update_review(path, lambda r: r)
    assert expected in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == content


def test_any_part_of_a_file_is_read_or_refused(path):
    deck = write_review(path)
    update_review(path, lambda r: r.with_answers(read_all(deck, truthful)))
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = []
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(random.integers(1, 4)):
            damaged[random.integers(len(damaged))] = random.integers(32, 127)
        path.write_bytes(bytes(damaged))
        try:
            read_review(path)
        except FailcondError as error:
            refused.append(str(error))
    assert len(refused) > 200
    assert all(str(path) in told and "\n" not in told for told in refused)


def test_an_image_that_is_missing_or_another_is_said(path):
    deck = write_review(path)
    file = image_path(path, deck.images[0])
    file.write_bytes(image_path(path, deck.images[1]).read_bytes())
    with pytest.raises(FailcondError, match="its pixels differ from those of the deck"):
        read_images(path, deck)
    file.unlink()
    with pytest.raises(FailcondError, match="this image of the review is missing"):
        read_images(path, deck)


def test_an_answer_that_cannot_be_taken_loses_nothing(path):
    deck = write_review(path)
    update_review(path, lambda r: r.with_answers(read_all(deck, truthful)))
    before = path.read_bytes()
    answer = Answer(
        deck=deck.id, image="sha256:" + "0" * 64, answer=None, reader="A", kind="person"
    )
    with pytest.raises(FailcondError, match="is not an image of deck"):
        update_review(path, lambda r: r.with_answers([answer]))
    assert path.read_bytes() == before


@pytest.mark.parametrize("classes", [
    tuple("0123456789"), ("cat", "dog", "frog"), ("cat", "cow", "dog"), tuple(map(str, range(100))),
    ("1a", "2b"), ("Ähre", "Baum"), (" a", "b"), ("A", "a"), tuple(f"class {i}" for i in range(1000)), ("x",),
])  # fmt: skip
def test_each_class_has_a_key_of_its_own_and_of_one_length(classes):
    keys = keys_of(classes)
    assert len(set(keys)) == len(classes) == len(keys)
    assert {len(key) for key in keys} == {len(keys[0])}
    assert all(key.isascii() and key.isalnum() and key == key.lower() for key in keys)


def test_digits_name_themselves_and_letters_their_class():
    assert keys_of("0123456789") == list("0123456789")
    assert keys_of(["cat", "Dog", "frog"]) == ["c", "d", "f"]
    assert keys_of(["cat", "cow"]) == ["1", "2"]
    assert keys_of([f"c{i}" for i in range(12)])[:2] == ["01", "02"]


def test_the_fewest_faultless_answers():
    assert faultless(0.9, 0.95) == 29
    assert faultless(0.9, 0.9) == 22
    assert faultless(0.8, 0.95) == 14
    for target in (0.5, 0.75, 0.9, 0.95, 0.99):
        for confidence in (0.75, 0.9, 0.95, 0.99):
            count = faultless(target, confidence)
            assert proportion_bound(count, count, confidence, "lower") >= target
            if count > 1:
                assert proportion_bound(count - 1, count - 1, confidence, "lower") < target
            assert math.isclose(count, math.log(1 - confidence) / math.log(target), abs_tol=1)


def test_calibration_proposes_the_smallest_level_that_holds():
    levels = np.linspace(0.02, 0.9989, 200)
    found = calibrate(levels, levels >= 0.6, 0.9, 0.95)
    assert found.missing == 0
    assert found.proposed in LEVELS
    assert [t.level for t in found.tested] == [
        x for x in LEVELS if 0.98 > x >= found.tested[-1].level
    ][-len(found.tested) :]
    assert all(t.bound >= 0.9 for t in found.tested[:-1])
    assert found.tested[-1].bound < 0.9 < found.tested[-2].bound
    assert found.proposed == found.tested[-2].level


def test_calibration_says_how_many_more_answers_it_takes():
    few = calibrate([0.9] * 20, [True] * 20, 0.9, 0.95)
    assert (few.proposed, few.missing, few.tested) == (None, 9, ())
    bad = calibrate([0.999] * 40, [True] * 35 + [False] * 5, 0.9, 0.95)
    assert bad.proposed is None
    more = bad.missing
    assert proportion_bound(35 + more, 40 + more, 0.95, "lower") >= 0.9
    assert proportion_bound(34 + more, 39 + more, 0.95, "lower") < 0.9
    assert calibrate([], [], 0.9, 0.95).missing == 29


def test_the_first_level_that_fails_ends_it():
    """A looser level that would hold by itself is not reached: that is what keeps the promise."""
    levels = [0.9991] * 30 + [0.5] * 400
    readable = [False] * 3 + [True] * 427
    assert calibrate(levels, readable, 0.9, 0.95).proposed is None
    assert proportion_bound(427, 430, 0.95, "lower") > 0.9


def test_the_sentence_of_a_whole_review():
    deck, _ = make_deck(
        drawn({"break": 50, "rejected": 20, "test": 10, "unreadable": 10}), CLASSES, subjects(), 1
    )
    unread = iter(range(100))

    def say(claim):
        if claim.kind == "break":
            return claim.class_name if next(unread) >= 4 else None
        if claim.kind == "rejected":
            return claim.class_name if claim.sample < 3 else None
        return claim.class_name

    found = standing(review_of(deck, read_all(deck, say)), subjects())
    assert sentence(found, 0.95) == (
        "46 of 50 corner cases show their class (at least 82 %), read by 1 person, on version mine:model "
        "(cccccccc); of 20 rejected breaks 3 could be read; the reader named 10 of 10 test images and 0 of "
        "10 unreadable ones"
    )
    assert doubts(found) == ""


def test_an_unfinished_deck_comes_first_in_the_sentence():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)
    later, _ = make_deck(drawn(seed=1), CLASSES, subjects(), 2)
    answers = read_all(deck, truthful)
    for number in range(1, len(answers)):
        told = sentence(standing(review_of(deck, answers[:number]), subjects()), 0.95)
        are = "is" if number == 1 else "are"
        assert told.startswith(f"{number} of {len(answers)} images {are} read so far: ")
    waiting = Review((deck, later)).with_answers(answers)
    assert "so far" not in sentence(standing(waiting, subjects()), 0.95)


def test_the_summary_says_why_readers_make_the_metric_marginal():
    few = {"break": 6, "test": 6, "unreadable": 6}
    deck, _ = make_deck(drawn(few), CLASSES, subjects(), 1)
    for say, careless in ((truthful, False), (lambda claim: CLASSES[0], True)):
        told = " ".join(summary(review_of(deck, read_all(deck, say)), Settings()))
        assert (f"which speaks against the answers; {CARELESS}" in told) == careless


def test_combinations_are_told_beside_directions_and_belong_to_their_search():
    now = subjects(combinations=Searched(**SEARCHED))
    deck, _ = make_deck(drawn(combined=True), CLASSES, now, 1)
    answers = read_all(deck, lambda claim: claim.class_name if claim.sample != 1 else None)
    review = review_of(deck, answers)
    found = standing(review, now)
    assert sentence(found, 0.95).startswith(
        "11 of 12 corner cases show their class (at least 66 %), read by 1 person, on version mine:model "
        "(cccccccc); of them 5 of 6 by combination and 6 of 6 by direction; of 5 rejected breaks"
    )
    for changes in (
        {"dimensions": 16},
        {"max_distance": 9.0},
        {"toward": ["star"]},
        {"guides": [None]},
    ):
        other = subjects(combinations=Searched(**SEARCHED | changes))
        assert "is of another search for combinations" in standing(review, other).outdated
    assert "with least_p 0.8 and over" in standing(review, subjects(least_p=0.7)).outdated
    alone = standing(review, subjects())  # nothing is searched now
    assert (str(alone.breaks), alone.found_by) == ("6 of 6", {})
    assert (found.rejected.all, alone.rejected.all) == (5, 3)  # those along directions
    told = list(summary(review, Settings(acceptance={"least_p": 0.8})))
    assert "of them 5 of 6 by combination" in told[0]


def test_a_deck_of_directions_counts_beside_searches_and_says_that_they_were_not_read():
    now, old = (
        subjects(combinations=Searched(**SEARCHED)),
        make_deck(drawn(), CLASSES, subjects(), 1)[0],
    )
    found = standing(review_of(old, read_all(old, truthful)), now)
    assert str(found.breaks) == "12 of 12"
    assert "; combinations have not been read; " in sentence(found, 0.95)
    new, _ = make_deck(drawn(seed=1, combined=True), CLASSES, now, 2)
    review = Review((old, new)).with_answers(read_all(old, truthful))
    assert standing(review, now).unread
    both = standing(review.with_answers(read_all(new, truthful)), now)
    assert (both.unread, str(both.breaks)) == (False, "24 of 24")
    assert {name: str(one) for name, one in both.found_by.items()} == {
        "combination": "6 of 6", "direction": "18 of 18"
    }  # fmt: skip


def test_no_level_is_proposed_under_that_of_a_search():
    levels, readable = [0.9] * 100, [True] * 100
    assert calibrate(levels, readable, 0.9, 0.95).proposed == 0.05
    assert calibrate(levels, readable, 0.9, 0.95, 0.8).proposed == 0.8
    few = calibrate(levels[:9], readable[:9], 0.9, 0.95, 0.95)
    assert (few.tested, few.missing) == ((), 29)


def test_nothing_that_a_reader_gets_tells_how_an_image_was_found(tmp_path):
    """Page and folder are the same, byte for byte, whatever is claimed."""
    given = []
    for combined in (False, True):
        path, folder = tmp_path / f"{combined}.json", tmp_path / f"deck-{combined}"
        of = subjects(combinations=Searched(**SEARCHED)) if combined else subjects()
        deck = write_review(path, of, combined=combined)
        images = read_images(path, deck)
        write_folder(folder, deck, images)
        pngs = tuple(map(png, images))
        blind = Blind(deck.id, tuple(deck.classes), tuple(deck.images), pngs, (8, 8))
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
        given.append((page_as_file(blind, "Ann", "person"), files))
        assert ("combination:" in path.read_text()) == combined
    assert given[0] == given[1]


def test_the_example_s_review_is_written_as_it_is(tmp_path):
    """Older decks know no combinations."""
    kept = Path(__file__).parents[2] / "example_project"
    for name in ("failcond-review.json", "models/tried-judges-review.json"):
        (tmp_path / "again.json").write_bytes((kept / name).read_bytes())
        update_review(tmp_path / "again.json", lambda review: review)
        assert (tmp_path / "again.json").read_bytes() == (kept / name).read_bytes()


def test_every_sentence_says_whether_persons_or_models_read():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)
    for readers, expected in (
        ([("a", "model")], "read by 1 model"),
        ([("a", "person"), ("b", "person")], "read by 2 persons"),
        ([("a", "person"), ("b", "model"), ("c", "model")], "read by 1 person and 2 models"),
    ):
        answers = [read_all(deck, truthful, name, kind=kind) for name, kind in readers]
        assert expected in sentence(standing(review_of(deck, *answers), subjects()), 0.95)


def test_an_image_counts_if_more_than_half_named_it_rightly():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)

    def nothing(claim):
        return None

    tied = standing(
        review_of(deck, read_all(deck, truthful), read_all(deck, nothing, "Bob")), subjects()
    )
    assert str(tied.breaks) == "0 of 12"
    assert str(tied.agreement) == "4 of 25"  # on the unreadable ones
    three = [read_all(deck, truthful, name) for name in ("Ann", "Eve")] + [
        read_all(deck, nothing, "Bob")
    ]
    found = standing(review_of(deck, *three), subjects())
    assert str(found.breaks) == "12 of 12"
    assert "readers agree on 4 of 25 images" in sentence(found, 0.95)
    assert "Bob named 0 of 4 test images and 0 of 4 unreadable ones" in sentence(found, 0.95)


def test_a_deck_without_answers_is_named_with_those_that_do_not_count():
    old, _ = make_deck(drawn(), CLASSES, subjects(truncation=1.0), 1)
    new, _ = make_deck(drawn({"break": 3}, seed=1), CLASSES, subjects(truncation=0.7), 1)
    more, _ = make_deck(drawn({"break": 2}, seed=2), CLASSES, subjects(judges=None), 1)
    review = Review((old, more, new)).with_answers(read_all(old, truthful))
    found = standing(review, subjects(truncation=0.7))
    assert found.outdated == (
        f"deck {new.id} has no answers yet; name its 3 images with `failcond review RUN`; "
        f"deck {old.id} does not count: it is of start images at truncation 1"
    )
    assert " ".join(summary(Review((new,)), Settings())).count("no answers yet") == 1
    told = list(summary(review.with_answers(read_all(new, truthful)[:2]), Settings()))
    assert told[-3:] == [
        f"deck {old.id}: 25 images; answers: Ann (person) 25 of 25; does not count: it is of start images "
        "at truncation 1",
        f"deck {more.id}: 2 images; no answers yet; does not count: it is of other judges",
        f"deck {new.id}: 3 images; answers: Ann (person) 2 of 3",
    ]
    chose = review.with_deck(new.model_copy(update={"calibrated": True}))
    assert [
        line for line in summary(chose, Settings()) if line.endswith("not count: it chose least_p")
    ]


def test_a_stricter_level_is_a_subset_and_other_subjects_are_outdated():
    deck, _ = make_deck(drawn({"break": 40}), CLASSES, subjects(), 1)
    review = review_of(deck, read_all(deck, truthful))
    strict = standing(review, subjects(least_p=0.9))
    expected = sum(claim.level >= 0.9 for claim in deck.claims)
    assert 0 < strict.breaks.all == expected < 40
    assert standing(review, subjects(least_p=0.1)).breaks.all == 40  # drawn at the loosest level
    for change, told in (
        ({"generator": "sha256:" + "d" * 64}, "of another generator"),
        ({"judges": None}, "of other judges"),
        ({"truncation": 0.7}, "of start images at truncation 1"),
        ({"max_shift": 10.0}, "of walks to 8 σ"),
    ):
        found = standing(review, subjects(**change))
        assert told in found.outdated
        assert "failcond review RUN" in found.outdated
        assert found.breaks.all == 0
    loosest = deck.model_copy(update={"loosest": 0.5})
    found = standing(review_of(loosest, read_all(loosest, truthful)), subjects(least_p=0.4))
    assert "with least_p 0.5 and over" in found.outdated


def test_a_review_of_another_classifier_says_of_which():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)
    review = review_of(deck, read_all(deck, truthful))
    for now in (subjects(classifier="sha256:" + "e" * 64), subjects(classifier=None)):
        found = standing(review, now)
        assert not found.same
        assert doubts(found) == "reviewed on version mine:model (cccccccc)"
        assert found.breaks.all == 12
    unnamed, _ = make_deck(drawn(), CLASSES, subjects(classifier=None), 1)
    found = standing(review_of(unnamed, read_all(unnamed, truthful)), subjects(classifier=None))
    assert not found.same  # a plain callable may have changed


def test_a_deck_that_chose_least_p_proves_nothing():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)
    used = deck.model_copy(update={"calibrated": True})
    found = standing(review_of(used, read_all(used, truthful)), subjects())
    assert "draw another deck with `failcond review RUN --new`" in found.outdated
    fresh, _ = make_deck(drawn(seed=1), CLASSES, subjects(), 2)
    review = Review((used, fresh)).with_answers(
        read_all(used, truthful) + read_all(fresh, lambda c: None)
    )
    assert str(standing(review, subjects()).breaks) == "0 of 12"


def test_every_printed_command_is_of_the_same_configuration():
    deck, _ = make_deck(drawn(), CLASSES, subjects(), 1)
    used = deck.model_copy(update={"calibrated": True})
    chosen = {"config": "its own.toml", "classifier": "mine:model"}
    told = [
        standing(review, now, chosen).outdated
        for review, now in (
            (Review(), subjects()),
            (review_of(used, read_all(used, truthful)), subjects()),
            (review_of(deck, read_all(deck, truthful)), subjects(truncation=0.7)),
            (review_of(deck, []), subjects()),
        )
    ]
    told += calibration_text(review_of(deck, read_all(deck, truthful)), [deck], 0.9, 0.95, chosen)[
        0
    ]
    commands = re.findall(r"`(failcond review [^`]*)`", " ".join(told))
    assert len(commands) == 5
    assert all(command.endswith(" --config 'its own.toml'") for command in commands)


@given(st.integers(0, 10), st.integers(0, 10))
def test_who_names_what_shows_nothing_is_not_believed(tests, unreadable_ones):
    reader = Reader(
        name="a",
        kind="person",
        tests=Share(some=tests, all=10),
        unreadable=Share(some=unreadable_ones, all=10),
    )
    assert reader.reliable == (tests >= 8 and unreadable_ones <= 2)


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 8, 1), (33, 30, 3)])
def test_unreadable_images_keep_their_levels_and_not_their_place(shape):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, shape, dtype=np.uint8)
    for number in range(6):
        made = unreadable(pixels, number, random)
        assert made.shape == shape
        assert made.dtype == np.uint8
        assert np.array_equal(np.sort(made, axis=None), np.sort(pixels, axis=None))
        assert (made != pixels).mean() > 0.8


def filled(folder, deck, say):
    rows = (folder / "answers.csv").read_text().splitlines()
    of = claims(deck)
    head, table = rows[:4], rows[4:]
    written = [
        f"{row.rstrip(',')},{say(of[image])}" for row, image in zip(table, deck.images, strict=True)
    ]
    (folder / "answers.csv").write_text("\n".join([*head, *written]) + "\n")


def test_a_folder_of_images_and_its_filled_table(path, tmp_path):
    deck = write_review(path)
    images = read_images(path, deck)
    folder = tmp_path / "deck"
    write_folder(folder, deck, images)
    names = sorted(file.name for file in folder.iterdir())
    assert names == [*(f"{i:02d}.png" for i in range(1, 26)), "answers.csv", "sheet.png"]
    assert RULE in (folder / "answers.csv").read_text()
    from PIL import Image

    for number, pixels in enumerate(images, start=1):
        shown = np.asarray(Image.open(folder / f"{number:02d}.png"))
        assert shown.shape == (448 + 32, 448 + 32)
        assert np.array_equal(shown[16:-16, 16:-16][::56, ::56], pixels[..., 0])
        assert (shown[:16] == 128).all()
    filled(folder, deck, lambda claim: claim.class_name or "?")
    review = read_review(path)
    found = read_answers(folder / "answers.csv", review, "a model", "model", None)
    assert found == read_all(deck, truthful, "a model", kind="model")
    with pytest.raises(FailcondError, match="is not empty"):
        write_folder(folder, deck, images)


BAD_TABLES = {
    "no reader": (lambda text: text, None, "does not say who has read it; add --reader NAME"),
    "foreign": (lambda text: "a,b\n1,2\n", "A", "not a table of answers"),
    "empty": (lambda text: "", "A", "not a table of answers"),
    "position": (
        lambda text: text.replace("\n1,", "\n99,circle"),
        "A",
        "expected a position from 1 to 25",
    ),
    "untouched": (
        lambda text: text,
        "A",
        "no image has an answer yet; write the class that each image shows, or ?, into the column answer",
    ),
    "zero": (lambda text: text.replace("\n1,", "\n0,circle"), "A", "got 0"),
    "word": (
        lambda text: text.replace("\n1,", "\none,circle"),
        "A",
        "expected a position and an answer, got the row 'one,circle'",
    ),
    "class": (
        lambda text: text.replace("\n1,", "\n1,star"),
        "A",
        "position 1: 'star' is not a class",
    ),
    "twice": (lambda text: text.replace("\n2,", "\n1,"), "A", "position 1 occurs twice"),
    "deck": (
        lambda text: re.sub("deck .{8}", "deck 00000000", text),
        "A",
        "there is no deck '00000000'",
    ),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_a_table_that_answers_what_was_not_asked_is_one_sentence(path, tmp_path, kind):
    deck = write_review(path)
    write_folder(tmp_path / "deck", deck, read_images(path, deck))
    change, reader, expected = BAD_TABLES[kind]
    table = tmp_path / "deck" / "answers.csv"
    table.write_text(change(table.read_text()))
    with pytest.raises(FailcondError) as error:
        read_answers(table, read_review(path), reader, "model", None)
    assert expected in str(error.value)
    assert str(table) in str(error.value)


def test_answers_that_the_page_downloads(path, tmp_path):
    deck = write_review(path)
    given = {"deck": deck.id, "reader": "Ann", "kind": "person", "answers": [
        {"image": deck.images[0], "class": 2}, {"image": deck.images[1], "class": None},
    ]}  # fmt: skip
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(given))
    found = read_answers(file, read_review(path), None, None, None)
    assert [(a.image, a.answer, a.reader) for a in found] == [
        (deck.images[0], "triangle", "Ann"), (deck.images[1], None, "Ann"),
    ]  # fmt: skip
    assert read_answers(file, read_review(path), "Bob", "model", None)[0].kind == "model"
    for change, expected in (
        (
            {"answers": [{"image": deck.images[0], "class": 3}]},
            "expected a class from 0 to 2, got 3",
        ),
        ({"deck": "00000000"}, "there is no deck"),
        ({"answers": []}, "no image has an answer yet; read the page, then read the file again"),
        ({"kind": "cat"}, "kind: input should be 'person' or 'model'"),
        ({"reader": ""}, "reader"),
        ({"claims": []}, "unknown key 'claims'"),
    ):
        file.write_text(json.dumps(given | change))
        with pytest.raises(FailcondError) as error:
            read_answers(file, read_review(path), None, None, None)
        assert expected in str(error.value)


def test_png_files_tell_nothing_but_pixels(path):
    deck = write_review(path)
    for image, pixels in zip(deck.images, read_images(path, deck), strict=True):
        file = image_path(path, image)
        assert file.read_bytes() == png(pixels)
        assert file.stem == image.removeprefix("sha256:")[:32]
