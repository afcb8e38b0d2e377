"""The HTML fragments: complete, well formed, and inert whatever things are called."""

import base64
import re
from html.parser import HTMLParser

import pytest

from pytest_failcond.report import html, wording
from tests.runs import EVIL, make_gates, make_run

VOID = {"img", "br", "hr"}


class Reader(HTMLParser):
    """Checks nesting; collects text, tags and pictures."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text, self.images = [], set(), "", []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data + " "


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "pictures")


def test_summary(run):
    page = Reader(html.summary(run))
    assert page.text.strip().startswith("verdict: failed (2 failed")
    for part in ("gaussian-noise", "accuracy_drop", "≤ 0.05", "0.0821", "✗ failed", "○ waived",
                 "expected to fail: known", "s322 b16.conv0[2] ↗", "> 8.0 σ", "not judged",
                 "passed over", "10 cells"):  # fmt: skip
        assert part in page.text
    (image,) = page.images
    assert "gaussian_noise 0.9800 0.9200" in image["alt"]
    assert "error" in image["alt"]
    content = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"), validate=True)
    assert content.startswith(b"\x89PNG")


def test_gates_failed_first_then_the_smallest_margins(run):
    text = html.summary(run)
    verdicts = re.findall(r'<td class="sign (\w+)">', text)
    assert verdicts[:4] == ["failed", "failed", "error", "warned"]
    assert verdicts[-10:] == ["passed"] * 10
    assert "7 more that passed" in text


def test_summary_without_pictures_has_the_numbers(run):
    page = Reader(html.summary(run, pictures=False))
    assert not page.images
    assert "0.9200 ✗" in page.text


def test_details_of_a_direction(run):
    page = Reader(html.details(run, "direction:0:322:+"))
    assert len(page.images) == 2
    assert all("direction 1: s322 b16.conv0[2] ↗" in image["alt"] for image in page.images)
    assert "breaks at 2.0 σ" in page.images[1]["alt"]
    assert "○ waived" in page.text
    assert not Reader(html.details(run, "direction:0:322:+", pictures=False)).images


def test_what_directions_change(run):
    text = Reader(html.summary(run)).text
    assert "noise +4.1 σ, contrast −0.6 σ" in text
    assert "noise + breaks zero first" in text
    details = Reader(html.details(run, "direction:0:322:+")).text
    assert "noise +4.1 σ, contrast −0.6 σ" in details
    assert wording.ATTRIBUTES in details


def test_details_of_a_direction_kept_without_its_picture():
    page = Reader(html.details(make_run(), "direction:0:322:+"))
    assert len(page.images) == 1
    assert "kept without its picture" in page.text


def test_details_of_a_cell(run):
    page = Reader(html.details(run, "corruption:gaussian_noise:3"))
    assert "accuracy 0.8600, clean 0.9800, n 200" in page.text
    assert "beyond sampling noise" in page.text
    assert not page.images


def test_details_of_what_failed_to_be_measured(run):
    assert "ValueError" in Reader(html.details(run, "corruption:column_blur:5")).text
    assert "ValueError" in html.details(make_run(gates=()), "corruption:column_blur:5")
    assert "was not measured" in Reader(html.details(run, "corruption:fog:1")).text


def test_names_are_escaped(run):
    evil = make_run(run.pictures, classes=(EVIL, '"><img src=x onerror=alert(1)>', "'&"))
    for text in (
        html.summary(evil),
        html.summary(evil, pictures=False),
        *(html.details(evil, key) for key in [*evil.directions, EVIL]),
    ):
        page = Reader(text)
        assert "script" not in page.tags
        assert all(set(image) == {"alt", "src"} and image["src"] != "x" for image in page.images)
    assert EVIL in Reader(html.summary(evil)).text


def test_style_is_scoped(run):
    style = html.summary(run).partition("<style>")[2].partition("</style>")[0]
    for rule in re.findall(r"([^{}]+)\{", style):
        assert all(part.strip().startswith(".failcond") for part in rule.split(","))


def test_absent_parts_are_silent():
    text = Reader(html.summary(make_run(cells=False, corner_cases=False, gates=()))).text
    assert " ".join(text.split()) == "verdict: nothing is gated Clean accuracy 0.9800"
    gates = tuple(gate for gate in make_gates() if gate.id == "clean-accuracy")
    assert "Directions" not in html.summary(make_run(corner_cases=False, gates=gates))
