"""Progress: what a process notes, what others read, and what is said of it at a given time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_failcond import Classifier
from pytest_failcond.measuring.progress import notes
from pytest_failcond.measuring.progress.notes import Current, Notes, Progress
from pytest_failcond.measuring.progress.text import Plan, clock, expected, rows, time_left
from pytest_failcond.probes.keys import CleanKey, CorruptionKey, RankingKey

NOISE = [CorruptionKey("noise", severity) for severity in (1, 2, 3)]
BLUR = [CorruptionKey("blur", severity) for severity in (1, 2, 3)]
CLEAN, FIRST, LAST = CleanKey(), RankingKey(0), RankingKey(7)
PLAN = Plan.of([CLEAN, *NOISE, *BLUR, FIRST, LAST])


@pytest.fixture
def watched(tmp_path):
    notes.watch(tmp_path)
    return tmp_path


def test_notes_tell_what_is_being_measured_and_how_long_it_took(watched):
    mine = Progress(watched)
    assert notes.read(watched) == []
    with mine.measuring(NOISE[0], 300):
        (noted,) = notes.read(watched)
        assert noted.current is not None
        assert (noted.current.key, noted.current.done, noted.current.total) == (NOISE[0], 0, 300)
        assert noted.finished == {}
    (noted,) = notes.read(watched)
    assert noted.current is None
    assert list(noted.finished) == [NOISE[0]]
    assert 0 < noted.finished[NOISE[0]] < 60


@pytest.mark.parametrize(
    "text", ["", "3", "[]", "{}", '{"current": 3}', '{"current": {}, "finished": {}}']
)
def test_what_is_no_note_is_left_out(watched, text):
    (watched / notes.FOLDER / "main.json").write_text(text)
    assert notes.read(watched) == []


def test_images_are_added_up_and_the_filling_of_the_last_batch_is_not(watched, monkeypatch):
    monkeypatch.setattr(notes, "_EVERY_SECONDS", 0.0)
    mine = Progress(watched)
    mine.seen(64)  # asked for by a test, for no key
    with mine.measuring(CLEAN, 100):
        mine.seen(64)
        assert notes.read(watched)[0].current.done == 64
        mine.seen(64)
        assert notes.read(watched)[0].current.done == 100
    with mine.measuring(FIRST, None):
        mine.seen(64)
        mine.seen(64)
        assert notes.read(watched)[0].current.done == 128


def test_notes_are_not_written_more_often_than_anybody_looks(watched, monkeypatch):
    time = [0.0]
    monkeypatch.setattr(notes.time, "perf_counter", lambda: time[0])
    mine = Progress(watched)
    with mine.measuring(FIRST, None):
        seen = set()
        for _ in range(1000):  # one second
            time[0] += 0.001
            mine.seen(1)
            seen.add(notes.read(watched)[0].current.done)
    assert 4 <= len(seen) <= 6


def test_what_fails_is_finished_but_its_time_counts_for_nothing(watched):
    mine = Progress(watched)
    with pytest.raises(ZeroDivisionError), mine.measuring(NOISE[1], 10):
        raise ZeroDivisionError
    (noted,) = notes.read(watched)
    assert noted == Notes(None, {NOISE[1]: None})
    assert expected(NOISE[2], noted.finished) is None


def test_where_nobody_watches_nothing_is_written(tmp_path):
    mine = Progress(tmp_path)
    with mine.measuring(CLEAN, 10):
        mine.seen(10)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_goes_away_does_not_stop_a_measurement(watched):
    mine = Progress(watched)
    (watched / notes.FOLDER).rmdir()
    with mine.measuring(CLEAN, 10):
        mine.seen(10)


def test_what_a_worker_measured_when_it_died_is_given_up(watched, monkeypatch):
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    worker = Progress(watched)
    with worker.measuring(NOISE[0], 10):
        pass
    with worker.measuring(NOISE[1], 10):
        notes.give_up(watched, "gw0")
        assert notes.read(watched)[0].current is not None
        notes.give_up(watched, "gw1")
        (noted,) = notes.read(watched)
    assert noted.current is None
    assert noted.finished[NOISE[0]] is not None
    assert noted.finished[NOISE[1]] is None


def test_a_broken_note_is_passed_over(watched):
    (watched / notes.FOLDER / "gw0.json").write_text("{")
    with Progress(watched).measuring("clean", 10):
        assert len(notes.read(watched)) == 1


def test_a_key_is_expected_to_take_as_long_as_those_like_it():
    finished = {CLEAN: 1.0, NOISE[0]: 2.0, NOISE[1]: 4.0, FIRST: 50.0}
    assert expected(NOISE[2], finished) == 3.0
    assert expected(BLUR[0], finished) == 3.0
    assert expected(BLUR[0], finished | {BLUR[1]: 9.0}) == 9.0
    assert expected(LAST, finished) == 50.0
    assert expected("direction:0:1:+", finished) is None
    assert expected(NOISE[0], {CLEAN: 1.0}) is None


def test_the_time_left_goes_by_a_keys_own_speed_once_it_has_one():
    finished = {NOISE[0]: 30.0}
    assert time_left(Current(NOISE[1], 0, 100, started=10.0), finished, now=15.0) == 25.0
    assert time_left(Current(NOISE[1], 50, 100, started=10.0), finished, now=15.0) == 5.0
    assert time_left(Current(NOISE[1], 0, 100, started=10.0), finished, now=60.0) == 0.0
    assert time_left(Current(NOISE[1], 0, 100, started=10.0), {}, now=15.0) is None
    ranking = Current(LAST, 500, None, started=10.0)
    assert time_left(ranking, finished, now=15.0) is None
    assert time_left(ranking, {FIRST: 12.0}, now=15.0) == 7.0


def test_the_plan_is_made_of_cells_and_rankings():
    assert PLAN.cells == {"clean", *NOISE, *BLUR}
    assert PLAN.rankings == {"ranking:0", "ranking:7"}


def said(measured, plan=PLAN, now=100.0, width=200, **options) -> list[str]:
    return rows(measured, plan, now, width=width, **options)


def test_one_row_says_what_is_measured_how_fast_and_how_long_it_takes():
    finished = {CLEAN: 1.0, NOISE[0]: 10.0, NOISE[1]: 20.0, FIRST: 60.0}
    measured = [Notes(Current(NOISE[2], 4096, 10_000, started=98.0), finished)]
    # 2.9 s of this cell, three of blur at 15 s each, one ranking.
    assert said(measured) == [
        "corruption:noise:3  4,096 of 10,000 images · 2,048/s · 0:03 left · "
        "3 of 7 cells · 1 of 2 classes · 1:48 left in all"
    ]


def test_where_nothing_is_known_no_time_is_invented():
    measured = [Notes(Current(CLEAN, 0, 300, started=97.0))]
    assert said(measured) == [
        "clean  0 of 300 images · 0:03 so far · 0 of 7 cells · 0 of 2 classes"
    ]
    assert said(measured, Plan()) == ["clean  0 of 300 images · 0:03 so far"]
    assert said([]) == said([Notes(None, {CLEAN: 1.0})]) == []


def test_what_is_known_of_one_kind_is_said_of_it_alone():
    measured = [Notes(Current(LAST, 20, None, started=90.0), {FIRST: 30.0})]
    assert said(measured) == [
        "ranking:7  20 images · 2.0/s · 0:20 left · 0 of 7 cells · 1 of 2 classes, 0:20 left"
    ]


def test_a_kind_that_is_done_is_not_mentioned():
    finished = dict.fromkeys(PLAN.cells, 1.0) | {FIRST: 30.0}
    measured = [Notes(Current(LAST, 20, None, started=90.0), finished)]
    assert said(measured) == [
        "ranking:7  20 images · 2.0/s · 0:20 left · 1 of 2 classes · 0:20 left in all"
    ]


def test_a_key_that_expects_its_end_tells_it_and_that_of_the_others_of_its_kind():
    going = Current(LAST, 20, None, started=90.0, ends=130.0, memory=2_700_000_000)
    plan = Plan(rankings=PLAN.rankings)
    assert said([Notes(going)], plan) == [
        "ranking:7  20 images · 2.0/s · 0:30 left · 0 of 2 classes · 1:10 left in all"
    ]
    # Another class that is finished says more of those that wait.
    assert said([Notes(going, {FIRST: 60.0})], plan)[0].endswith(
        "1 of 2 classes · 0:30 left in all"
    )


def test_the_memory_of_long_work_alone_is_told():
    going = Current(LAST, 20, None, started=90.0, ends=161.0, memory=2_700_000_000)
    assert said([Notes(going)])[0].startswith(
        "ranking:7  20 images · 2.0/s · 1:01 left · about 2.7 GB · "
    )
    assert "GB" not in said([Notes(replace(going, ends=159.0))])[0]
    assert "GB" not in said([Notes(replace(going, memory=None))])[0]


def test_a_key_that_takes_longer_than_it_expected_says_how_long_so_far():
    going = Current(LAST, 20, None, started=90.0, ends=95.0)
    assert said([Notes(going)])[0].startswith("ranking:7  20 images · 2.0/s · 0:10 so far · ")


def test_an_expected_end_is_kept_with_the_notes(tmp_path):
    notes.watch(tmp_path)
    progress = Progress(tmp_path)
    progress.expect(5.0, 1)  # nothing is measured
    with progress.measuring(LAST, None):
        progress.expect(100.0, 3_000_000_000)
        progress.seen(64)
        progress.expect(90.0, 3_100_000_000)
        (noted,) = notes.read(tmp_path)
        current = noted.current
        assert (current.done, current.memory) == (64, 3_100_000_000)
        assert current.started + 80 < current.ends <= current.started + 100
    assert notes.read(tmp_path)[0].current is None


def test_two_processes_share_what_is_left():
    measured = [
        Notes(Current(NOISE[2], 50, 100, started=90.0), {CLEAN: 1.0, NOISE[0]: 20.0}),
        Notes(Current(BLUR[1], 90, 100, started=91.0), {BLUR[0]: 40.0, NOISE[1]: 20.0}),
    ]
    plan = Plan(PLAN.cells)
    assert said(measured, plan) == [
        "corruption:noise:3  50 of 100 images · 5.0/s · 0:10 left",
        "corruption:blur:2  90 of 100 images · 10/s · 0:01 left",
        "4 of 7 cells · 0:26 left in all",  # (10 + 1 + 40) / 2
    ]
    # The last cell is measured by one process alone, while the other has nothing to do.
    last = [measured[0], Notes(None, measured[1].finished | {BLUR[1]: 40.0, BLUR[2]: 40.0})]
    assert said(last, plan)[0].endswith("6 of 7 cells · 0:10 left in all")


def test_many_processes_take_few_rows():
    measured = [Notes(Current(RankingKey(n), 640, None, started=90.0)) for n in range(9)]
    text = said(measured)
    assert len(text) == 5
    assert text[-1] == "and 5 more · 0 of 7 cells · 0 of 2 classes"


def test_narrow_terminals_get_less():
    finished = {CLEAN: 1.0, NOISE[0]: 10.0, NOISE[1]: 20.0, FIRST: 60.0}
    measured = [Notes(Current(NOISE[2], 4096, 10_000, started=98.0), finished)]
    assert said(measured, width=79) == [
        "corruption:noise:3  4,096 of 10,000 images · 2,048/s · 0:03 left",
        "3 of 7 cells · 1 of 2 classes · 1:48 left in all",
    ]
    assert said(measured, width=60) == [
        "corruption:noise:3  4,096 of 10,000 images · 0:03 left",
        "3 of 7 cells · 1 of 2 classes · 1:48 left in all",
    ]
    assert all(len(row) <= 20 for row in said(measured, width=20))


def test_without_unicode_the_text_is_ascii():
    measured = [Notes(Current(CLEAN, 150, 300, started=97.0))]
    (row,) = said(measured, unicode=False)
    assert row.isascii()
    assert row.startswith("clean  150 of 300 images, 50/s, 0:03 left")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (0.6, "0:01"), (59.6, "1:00"), (80, "1:20"), (3661, "1:01:01"), (-3, "0:00")],
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_a_classifier_tells_of_the_images_of_each_call():
    told: list[int] = []
    classifier = Classifier(lambda images: np.ones((len(images), 2)), batch_size=64)
    images = np.zeros((100, 1, 8, 8), dtype=np.float32)
    classifier.probabilities(images)
    classifier.seen = told.append
    classifier.probabilities(images)
    assert told == [64, 64]
