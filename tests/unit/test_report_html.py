"""The HTML: complete, valid, and inert whatever things are called."""

import base64
import io
import re
from dataclasses import replace
from itertools import pairwise

import html5lib
import numpy as np
import pytest
from PIL import Image

from pytest_failcond.errors import FailcondError
from pytest_failcond.probes.direction import words as direction_text
from pytest_failcond.probes.direction.record import Direction
from pytest_failcond.probes.direction.reproduce import show_command
from pytest_failcond.probes.direction.view import curve_of
from pytest_failcond.probes.registry import PROBES
from pytest_failcond.report import html
from pytest_failcond.report.html import curves, pictures
from pytest_failcond.report.html.parts import anchor, style
from tests.runs import EVIL, make_comparison, make_direction, make_examples, make_gates, make_run

WICKED = (EVIL, '"><img src=x onerror=alert(1)>', "'& onload='x")
NOISY = "corruption:gaussian_noise:3"
UP = "direction:0:322:+"


class Read:
    """A document or a fragment, read by a parser that stops at the first error."""

    def __init__(self, text):
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        whole = text.startswith("<!DOCTYPE html>")
        self.root = parser.parse(text) if whole else parser.parseFragment(text)
        self.elements = [e for e in self.root.iter() if isinstance(e.tag, str)]
        self.tags = {e.tag for e in self.elements}
        shown = (e for e in self.elements if e.tag not in ("style", "title"))
        self.text = " ".join(" ".join(filter(None, (e.text, e.tail))) for e in shown)
        self.images = [e.attrib for e in self.elements if e.tag == "img"]

    def all(self, kind):
        return [e for e in self.elements if kind in e.get("class", "").split()]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "pictures"
    return replace(make_run(folder), comparison=make_comparison(folder))


def decode(image):
    content = base64.b64decode(image["src"].partition("base64,")[2], validate=True)
    return np.asarray(Image.open(io.BytesIO(content)))


def test_summary(run):
    page = Read(html.summary(run))
    assert page.text.strip().startswith("verdict: failed; 1 gate not")
    for part in ("gaussian-noise", "accuracy_drop", "≤ 0.05", "0.0821", "✗ failed", "○ waived",
                 "expected to fail: known", "s322 b16.conv0[2] ↗", "> 8.0 σ", "not judged",
                 "passed over", "10 cells", "over 2 keys of 200 images: 21 predictions lost",
                 "inputs changed"):  # fmt: skip
        assert part in page.text


def test_gates_failed_first_then_the_smallest_margins(run):
    text = html.summary(run)
    gates, checks = text.split("<h3>Check by check</h3>")
    verdicts = re.findall(r'<td class="sign (\w+)">', gates)
    assert verdicts == ["failed", "error", "warned", "waived", "marginal", "passed",
                        "not_evaluated"]  # fmt: skip
    verdicts = re.findall(r'<td class="sign (\w+)">', checks)
    assert verdicts[:4] == ["failed", "failed", "error", "warned"]
    assert "7 more: 6 passed, 1 not evaluated" in text


def test_the_heat_map_says_in_numbers_what_it_shades(run):
    page = Read(html.summary(run, pictures=False))
    (heat,) = page.all("heat")
    cells = {e.text: e for e in heat.iter() if "cell" in (e.get("class") or "").split()}
    marked = cells["0.9200"]
    assert marked.get("style") == "--error: 0.080"
    assert [e.text for e in marked] == ["✗", "−6.0"]
    assert "failed" in marked.get("class")
    assert cells["error"].get("style") is None


def test_curves_of_every_direction(run):
    page = Read(html.summary(run, pictures=False))
    curves = page.all("curve")
    assert len(curves) == len(run.directions)
    assert "class zero, direction 1: s322 b16.conv0[2] ↗: breaks at 2.0 σ" in curves[0].get(
        "aria-label"
    )
    kinds = [[e.get("class") for e in curve.iter() if e.get("class")] for curve in curves]
    for kind in ("band right", "band broken", "band lost", "line right", "line p", "beyond"):
        assert all(kind in found for found in kinds)
    assert ["break" in found for found in kinds] == [True, False, False], (
        "3.5 σ is not valid any more"
    )
    assert ["valid" in found for found in kinds] == [True, False, True]


def test_a_band_holds_its_line_and_is_that_of_clopper_and_pearson(run):
    from pytest_failcond.statistics.bounds import proportion_bound

    curve = Read(html.details(run, PROBES.about(UP))).all("curve")[0]
    named = {e.get("class"): e for e in curve if e.get("class")}

    def heights(kind):
        return np.array([float(p.split(",")[1]) for p in named[kind].get("points").split()])

    line, band = heights("line broken"), heights("band broken")
    upper, lower = band[: len(line)], band[len(line) :][::-1]
    assert (upper <= line).all()
    assert (line <= lower).all()
    assert (upper < lower).all()
    bottom, top = heights("line right")[0] * 0 + line[0], upper.min()  # nothing is broken unmoved
    of = run.directions[UP]
    best = max(proportion_bound(n, of.total, 0.95, "upper") for n in of.curve.broken)
    full = 240 - 22 - 30
    assert bottom - top == pytest.approx(full * best, abs=0.1)


def test_details_of_a_direction(run):
    page = Read(html.details(run, PROBES.about(UP)))
    assert len(page.images) == 10, "eight frames, what changed, and where all do"
    for part in ("p(zero) 0.98", "✗ <script>alert(1)</script>", "judge ✓ zero", "difference",
                 "○ waived", "valid to 3.5 σ"):  # fmt: skip
        assert part in page.text
    (code,) = (e.text for e in page.elements if e.tag == "code")
    assert code == show_command(run, run.directions[UP], 4.0)
    assert not Read(html.details(run, PROBES.about(UP), pictures=False)).images


def test_frames_say_whether_they_are_accepted(run):
    """Of what a judge takes for the class, but too unsurely, and of what it takes for none of these."""
    strip = run.directions[UP].strip
    several = replace(
        strip, judged=[0, 0, 3, 1, 0, 0, 0, 0], accepted=[True, False, False, False, *[True] * 4]
    )
    run.records[UP] = replace(run.directions[UP], strip=several)
    text = Read(html.details(replace(run), PROBES.about(UP))).text
    for part in ("judge ✓ zero", "judge ✗ zero?", "judge ✗ none of these", "judge ✗ <script>"):
        assert part in text
    before = vars(strip) | {"accepted": None}
    old = Direction.from_json(run.directions[UP].to_json() | {"strip": before})
    assert old.strip.accepted == [*[True] * 7, True]


def test_what_directions_change(run):
    text = Read(html.summary(run)).text
    assert "noise +4.1 σ, contrast −0.6 σ" in text
    assert "noise + breaks zero first" in text
    details = Read(html.details(run, PROBES.about(UP))).text
    assert "noise +4.1 σ, contrast −0.6 σ" in details
    assert direction_text.ATTRIBUTES in details


def test_frames_are_shown_to_the_pixel(run):
    page = Read(html.details(run, PROBES.about(UP)))
    strip = np.asarray(Image.open(run.pictures / run.directions[UP].strip.file))
    frames = [decode(image) for image in page.images]
    assert (np.concatenate(frames[:8], axis=1) == strip).all()
    change = strip[:, -28:].astype(int) - strip[:, :28]
    shown = frames[8].astype(int) - 127.5
    assert (np.sign(shown)[abs(change) > 2] == np.sign(change)[abs(change) > 2]).all()
    assert abs(shown).max() == 127.5


def test_where_all_start_images_change_is_shown_beside_the_strip(run):
    page = Read(html.details(run, PROBES.about(UP)))
    assert len(page.images) == 10
    with Image.open(run.pictures / run.directions[UP].where.file) as difference:
        assert (decode(page.images[9]) == np.asarray(difference)).all()
    assert "mean of 20" in page.text


@pytest.mark.parametrize("damaged", [True, False])
def test_a_strip_is_shown_if_the_picture_beside_it_cannot_be(run, damaged):
    where = run.pictures / run.directions[UP].where.file
    where.unlink()
    if damaged:
        where.write_bytes(b"no PNG")
    page = Read(html.details(run, PROBES.about(UP)))
    assert len(page.images) == 9
    assert ("is damaged" if damaged else "kept without its picture, where-322.png") in page.text


def test_large_images_are_shrunk_for_the_page(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3)).astype(np.uint8)
    content = pictures.encode(pixels)
    assert max(Image.open(io.BytesIO(content)).size) == 112
    assert len(content) < 15_000
    assert (np.asarray(Image.open(io.BytesIO(pictures.encode(pixels[:112, :112])))) ==
            pixels[:112, :112]).all()  # fmt: skip


def test_the_command_names_all_that_the_picture_depends_on(run):
    direction = run.directions["direction:1:40:-"]
    command = show_command(run, direction, 2.40625)
    assert command == (
        "failcond show direction:1:40:- --shift 2.40625 --sample 7 --seed 3 --classifier mine:load"
    )
    other = replace(run, settings=run.settings | {"generator": "/a folder/g.safetensors"})
    assert "--generator '/a folder/g.safetensors'" in show_command(other, direction, 1.0)


def test_details_without_their_picture():
    page = Read(html.details(make_run(), PROBES.about(UP)))
    assert not page.images
    assert "kept without its picture" in page.text
    assert "failcond show direction:0:322:+" in page.text


def test_a_damaged_picture_is_told_of(run):
    (run.pictures / run.directions[UP].strip.file).write_bytes(b"no PNG")
    assert "is damaged" in Read(html.details(run, PROBES.about(UP))).text
    with pytest.raises(FailcondError, match="is damaged"):
        pictures.cut(run, "noisy.png", 5)


def test_details_of_a_cell(run):
    page = Read(html.details(replace(run, comparison=None), PROBES.about(NOISY)))
    assert "accuracy 0.8600, clean 0.9800, n 200" in page.text
    assert "beyond sampling noise" in page.text
    assert len(page.images) == 8, "four lost images, clean and corrupted"
    both = np.asarray(Image.open(run.pictures / "noisy.png"))
    assert (decode(page.images[2]) == both[:28, 28:56]).all()
    assert (decode(page.images[3]) == both[28:, 28:56]).all()
    for part in ("image 5: <script>", "clean ✓ zero", "here ✗ [red]x", "taken for"):
        assert part in page.text
    quiet = Read(html.details(run, PROBES.about(NOISY), pictures=False))
    assert not quiet.images
    assert "taken for" in quiet.text


def test_confusions_count_images(run):
    table = html.details(run, PROBES.about(NOISY), pictures=False).partition(
        'aria-label="Confusions"'
    )[2]
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("</table>")[0])[1:]
    found = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert sum(int(row[2]) for row in found) == 28, "all that are wrong"
    assert sum(int(row[4]) for row in found) == 24, "four of them were wrong when clean"
    assert [int(row[3]) for row in found] == [67, 67, 66]


def test_what_a_regression_lost_and_gained(run):
    page = Read(html.details(run, PROBES.about(NOISY)))
    assert len(page.images) == 8 + 4 + 4
    for part in ("Since the baseline:", "Lost:", "Gained:", "then ✓ zero", "now ✗ "):
        assert part in page.text
    assert len(Read(html.summary(run)).images) == 8
    assert not Read(html.summary(run, pictures=False)).images


def test_details_of_what_failed_to_be_measured(run):
    assert "ValueError" in Read(html.details(run, PROBES.about("corruption:column_blur:5"))).text
    assert "ValueError" in html.details(
        make_run(gates=()), PROBES.about("corruption:column_blur:5")
    )
    assert "was not measured" in Read(html.details(run, PROBES.about("corruption:fog:1"))).text


def test_the_page_is_whole(run):
    text = html.page(run)
    page = Read(text)
    ids = [e.get("id") for e in page.elements if e.get("id")]
    assert len(ids) == len(set(ids))
    links = [e.get("href") for e in page.elements if e.tag == "a"]
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    assert anchor(NOISY) in ids
    assert page.text.count("verdict: failed") == 1
    assert "my model" not in page.text
    assert "mine:load, 2026-01-01" in page.text
    for outside in ("http://", "https://", "url(", "@import", "<script", "<link"):
        assert outside not in text


def test_anchors_tell_keys_apart():
    keys = ["direction:1:40:-", "direction:1:40:+", "direction:1:4:0", "corruption:ä b:1"]
    assert len({anchor(key) for key in keys}) == 4
    assert all(re.fullmatch(r"[\w-]+", anchor(key)) for key in keys)


def test_names_are_escaped(run):
    evil = replace(make_run(run.pictures, classes=WICKED), comparison=run.comparison)
    evil.settings["classifier"] = EVIL
    for text in (
        html.page(evil),
        html.summary(evil),
        html.summary(evil, pictures=False),
        *(html.details(evil, PROBES.about(key)) for key in [*evil.directions, NOISY]),
    ):
        page = Read(text)
        assert "script" not in page.tags
        assert all(set(image) <= {"alt", "src", "class"} for image in page.images)
        assert all(image["src"].startswith("data:image/") for image in page.images)
        assert not [name for e in page.elements for name in e.attrib if name.startswith("on")]
    assert EVIL in Read(html.summary(evil)).text


def test_our_style_is_scoped():
    sheet = re.sub(r"/\*.*?\*/|@[^{]*\{", "", style("report.css"), flags=re.DOTALL)
    rules = [rule.strip(" }\n") for rule in re.findall(r"([^{}]+)\{", sheet)]
    assert len(rules) > 40
    for rule in rules:
        assert all(part.strip().startswith(".failcond") for part in rule.split(","))


def test_the_page_of_many_failures_is_small(tmp_path):
    folder = tmp_path / "pictures"
    run = make_run(folder)
    found = make_examples(folder, "some", rows=2, color=True)
    run.records[NOISY] = replace(run.measurements[NOISY], examples=found)
    assert len(html.page(run)) < 150_000


def test_absent_parts_are_silent():
    text = Read(html.summary(make_run(cells=False, corner_cases=False, gates=()))).text
    assert " ".join(text.split()) == ("verdict: nothing is gated Clean accuracy 0.9800")
    gates = tuple(gate for gate in make_gates() if gate.id == "clean-accuracy")
    assert "Directions" not in html.summary(make_run(corner_cases=False, gates=gates))


def test_marks_do_not_write_over_each_other():
    for breaks in (0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 8.0):
        for valid in (1.0, 2.0, 3.5, 6.0, 8.0):
            direction = make_direction(
                0, 1, 322, 1, breaking_shift=breaks, valid_range=valid, steps=17
            )
            for small in (True, False):
                curve = curve_of(make_run(), direction, caption="small" if small else "")
                drawn = Read(curves.draw(curve))
                words = [e for e in drawn.elements if e.tag.endswith("}text")]
                labels = [e for e in words if e.text.startswith(("breaks", "valid"))]
                assert len(labels) == 1 + (breaks <= valid)
                spans = []
                for label in labels:
                    x, width = float(label.get("x")), 5.6 * len(label.text)
                    left = x if label.get("text-anchor") == "start" else x - width
                    assert left >= 0
                    assert left + width <= (280 if small else 560)
                    spans.append((left, left + width, float(label.get("y"))))
                for a, b in pairwise(spans):
                    assert a[1] <= b[0] or b[1] <= a[0] or abs(a[2] - b[2]) >= 11
