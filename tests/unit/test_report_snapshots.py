"""The whole of what every medium says of one run, word by word: what is reworded is seen in one diff.

``pytest tests/unit/test_report_snapshots.py --snapshot-update`` writes what is said now into ``__snapshots__/``.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from pytest_failcond.probes.corpus.record import Replay, Replayed
from pytest_failcond.probes.keys import CombinationKey
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.probes.regression import versus
from pytest_failcond.report import html, markdown, terminal
from pytest_failcond.report.page import Page
from tests.combinations import combined
from tests.runs import changed, make_comparison, make_run, make_strip


class Text(SingleFileSnapshotExtension):
    """A file of its own for each text, as it is."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


class Markdown(Text):
    file_extension = "md"


class Html(Text):
    file_extension = "html"


def two_rows(strip: bytes) -> bytes:
    """The same pictures twice, one row above the other."""
    pixels, made = np.asarray(Image.open(io.BytesIO(strip))), io.BytesIO()
    Image.fromarray(np.concatenate([pixels, 255 - pixels])).save(made, format="png")
    return made.getvalue()


def whole_run(folder: Path):
    """A run with everything: grid, directions, gates, a corpus, a comparison."""
    run = replace(make_run(folder), comparison=make_comparison(folder))
    found = combined(CombinationKey(0), [0.0, 2.0, 3.5, 4.0, 4.5, 9.0, None, None])
    guided = combined(CombinationKey(1), [None] * 6 + [11.0] * 2, guided_by_acceptors=True)
    pair = combined(CombinationKey(0, 1), [5.0, None, 6.5, 7.0], changes={"slant": 0.3})
    combinations = (found, guided, pair)
    for one in combinations:
        for file in one.files:
            strip = make_strip(frames=len(one.groups))
            (folder / file).write_bytes(two_rows(strip))
    run = replace(run, records=run.records | {one.key: one for one in combinations})
    (folder / "corpus.png").write_bytes(make_strip(frames=1))
    entries = (
        Replayed("zero-1-up-0", "open", 0, 1, 0.25),
        Replayed("zero-2-up-0", "open", 0, 0, 0.75),
        Replayed("1-3-up-0", "fixed", 1, 1, 0.9),
        Replayed("1-4-up-0", "fixed", 1, 2, 0.1, "corpus.png"),
    )
    planned = (*run.planned, *(f"corpus:{entry.id}" for entry in entries))
    notes = ("gate 'drops' cannot fail with certainty",)
    return changed(run, corpus=Replay(entries, "sha256:0"), planned=planned, notes=notes)


def laid_out(page: str) -> str:
    """A tag a line; of a picture its size, of a style sheet nothing."""

    def size(found: re.Match[str]) -> str:
        with Image.open(io.BytesIO(base64.b64decode(found[2]))) as image:
            return f"{found[1]} of {image.width} x {image.height} px"

    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
    page = re.sub(r"(data:image/\w+);base64,([A-Za-z0-9+/=]+)", size, page)
    return page.replace("><", ">\n<")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return whole_run(tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("verbose", [-1, 0, 1])
@pytest.mark.parametrize("width", [80, 160])
def test_terminal(run, snapshot, width, verbose):
    text = terminal.render(run, width=width, color=False, unicode=True, verbose=verbose)
    assert text == snapshot(extension_class=Text)


def test_terminal_in_colour_and_ascii(run, snapshot):
    text = terminal.render(run, width=100, color=True, unicode=False)
    assert text.replace("\x1b", "ESC") == snapshot(extension_class=Text)


def test_two_runs_side_by_side(run, snapshot):
    page = Page(100, color=False, unicode=True)
    versus.show_two(page, run, run.comparison, "old", "new")
    assert page.content() == snapshot(extension_class=Text)


def test_markdown(run, snapshot):
    assert markdown.render(run) == snapshot(extension_class=Markdown)


@pytest.mark.parametrize("pictures", [True, False])
def test_html_summary(run, snapshot, pictures):
    assert laid_out(html.summary(run, pictures=pictures)) == snapshot(extension_class=Html)


def test_html_page(run, snapshot):
    assert laid_out(html.page(run)) == snapshot(extension_class=Html)


@pytest.mark.parametrize(
    "key",
    [
        "corruption:gaussian_noise:3",
        "direction:0:322:+",
        "corpus:1-4-up-0",
        "ranking:1",
        "combination:0",
    ],
    ids=["corruption", "direction", "corpus", "ranking", "combination"],
)
def test_html_of_one_key(run, snapshot, key):
    assert laid_out(html.details(run, PROBES.about(key))) == snapshot(extension_class=Html)
