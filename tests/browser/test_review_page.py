"""The page of a review in a real browser: keys, taking back, going on, and that it asks and tells no more."""

from __future__ import annotations

import io
import json
import threading

import numpy as np
import pytest
from PIL import Image

from pytest_failcond.review.answers import read_images, read_review, update_review
from pytest_failcond.review.choices import RULE
from pytest_failcond.review.page import Blind, page_as_file
from pytest_failcond.review.serving import make_server
from pytest_failcond.subjects.images import png
from tests.decks import claims, read_all, truthful, write_review

DIGITS = tuple("0123456789")
MANY = tuple(f"class {i}" for i in range(120))
COUNTS = {"break": 4, "rejected": 2, "test": 2, "unreadable": 2}
TOTAL = sum(COUNTS.values())


def blind_of(path, deck):
    images = read_images(path, deck)
    height, width = images[0].shape[:2]
    return Blind(
        deck.id, tuple(deck.classes), tuple(deck.images), tuple(map(png, images)), (width, height)
    )


@pytest.fixture
def keys(browser):
    from selenium.webdriver.common.keys import Keys

    return Keys


@pytest.fixture
def served(browser, tmp_path):
    """Open a deck in the browser as ``failcond review`` does; yields what opens it, and its file."""
    path, running = tmp_path / "failcond-review.json", []

    def go(reader="Ann", *, deck=None, **changes):
        deck = deck or write_review(path, counts=COUNTS, side=28, **{"classes": DIGITS} | changes)
        server = make_server(blind_of(path, deck), path, reader, "person")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        browser.resize(1200)
        browser.prefer("light")
        browser.driver.get(server.url)
        browser.wait("document.querySelector('#image').complete")
        return deck, path

    yield go
    for server, thread in running:
        server.shutdown()
        thread.join(10)
        server.server_close()


def press(browser, *texts):
    from selenium.webdriver import ActionChains

    chain = ActionChains(browser.driver)
    for text in texts:
        chain = chain.send_keys(text)
    chain.perform()


def saved(browser):
    """Wait until all is sent."""
    browser.wait("unsent.length === 0 && sending === null")


def answers(path, deck, reader="Ann"):
    found = read_review(path).answers_of(deck, reader)
    return [found[image].answer if image in found else "-" for image in deck.images]


def test_keys_name_classes_and_every_answer_is_kept_at_once(browser, served):
    deck, path = served()
    assert browser.find("#progress").text == f"image 1 of {TOTAL}"
    assert browser.find("#rule").text == RULE
    press(browser, "7")
    saved(browser)
    assert answers(path, deck) == ["7", *"-" * (TOTAL - 1)]
    press(browser, "?", "0")
    saved(browser)
    assert answers(path, deck)[:4] == ["7", None, "0", "-"]
    press(browser, "x", " ", "!")  # name nothing
    assert browser.find("#progress").text == f"image 4 of {TOTAL}"
    assert browser.errors() == []


def test_backspace_takes_back_one_after_the_other(browser, served, keys):
    deck, path = served()
    press(browser, "1", "2", "3", keys.BACKSPACE, keys.BACKSPACE)
    saved(browser)
    assert answers(path, deck)[:4] == ["1", "-", "-", "-"]
    press(browser, "9")
    saved(browser)
    assert answers(path, deck)[:4] == ["1", "9", "-", "-"]
    press(browser, *[keys.BACKSPACE] * 5)
    saved(browser)
    assert answers(path, deck) == ["-"] * TOTAL
    assert not browser.find("#back").is_enabled()
    assert browser.errors() == []


def test_a_stopped_review_goes_on_where_it_stopped(browser, served, keys):
    deck, path = served()
    press(browser, "1", "2")
    saved(browser)
    browser.driver.refresh()
    browser.wait("document.querySelector('#progress').textContent.startsWith('image 3')")
    served(deck=deck)
    assert browser.find("#progress").text == f"image 3 of {TOTAL}"
    press(browser, "3", keys.BACKSPACE, keys.BACKSPACE)
    saved(browser)
    assert answers(path, deck)[:3] == ["1", "-", "-"]
    served("Bob", deck=deck)
    assert browser.find("#progress").text == f"image 1 of {TOTAL}"


def test_mouse_and_touch_do_the_same(browser, served):
    deck, path = served()
    browser.find_all("#choices button")[4].click()
    browser.find("#unknown").click()
    browser.find_all("#choices button")[2].click()
    browser.find("#back").click()
    saved(browser)
    assert answers(path, deck)[:3] == ["4", None, "-"]
    for width in (1200, 400):
        browser.resize(width)
        sizes = [one.rect for one in browser.find_all("main button")]
        assert min(size["height"] for size in sizes) >= 44


def test_the_end_can_be_taken_back_and_finished(browser, served, keys):
    deck, path = served()
    press(browser, *"1234567890")
    assert browser.find("#done").is_displayed()
    assert not browser.find("#reading").is_displayed()
    press(browser, "5")  # answers nothing
    press(browser, keys.BACKSPACE)
    assert browser.find("#progress").text == f"image {TOTAL} of {TOTAL}"
    press(browser, "?")
    browser.find("#finish").click()
    browser.wait("at('thanks').textContent.includes('close this page')")
    assert answers(path, deck) == [*"123456789", None]
    assert browser.errors() == []


def test_the_image_is_enlarged_by_a_whole_factor_on_the_same_ground_in_light_and_dark(
    browser, served
):
    deck, path = served()
    pixels = read_images(path, deck)[0]
    for width, scheme in ((1200, "light"), (1200, "dark"), (400, "light")):
        browser.resize(width)
        browser.prefer(scheme)
        box = browser.find("#image").rect
        factor = box["width"] / 28
        assert factor == int(factor) >= 10
        assert box["height"] == box["width"]
        shot = Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("L")
        left, top = round(box["x"]), round(box["y"] - browser.run("return window.scrollY"))
        seen = np.asarray(shot)[top : top + int(box["height"]), left : left + int(box["width"])]
        step = int(factor)
        assert np.array_equal(seen, pixels[..., 0].repeat(step, 0).repeat(step, 1))
        ground = browser.run("return getComputedStyle(at('ground')).backgroundColor")
        assert ground == "rgb(128, 128, 128)"


def test_nothing_that_the_browser_gets_or_asks_depends_on_a_claim(browser, served):
    deck, _ = served()
    press(browser, "1", "2")
    saved(browser)
    names = browser.run(
        "return performance.getEntriesByType('resource').map((e) => new URL(e.name).pathname)"
    )
    assert set(names) <= {f"/image/{i}" for i in range(TOTAL)} | {"/answer"}
    html = browser.run("return document.documentElement.outerHTML")
    for claim in deck.claims:
        assert claim.image not in html
        assert not claim.direction or claim.direction not in html
    assert browser.run("return location.href").endswith("/")  # the token is gone from the address
    assert browser.run("return document.cookie") == ""


def test_many_classes_are_named_by_numbers(browser, served, keys):
    deck, path = served(classes=MANY)
    press(browser, "0", "4")
    assert browser.find("#typed").text == "04"
    assert len(browser.find_all("#choices button.named")) == 10
    press(browser, keys.BACKSPACE, "1", "9")
    press(browser, "1", keys.ESCAPE, "1", "2", "0", "9")
    saved(browser)
    assert answers(path, deck)[:3] == ["class 18", "class 119", "-"]
    assert browser.find("#progress").text == f"image 3 of {TOTAL}"
    press(browser, keys.ESCAPE)
    browser.find_all("#choices button")[77].click()
    saved(browser)
    assert answers(path, deck)[2] == "class 77"


def test_an_answer_that_could_not_be_saved_is_said_and_sent_again(browser, served):
    deck, path = served()
    content = path.read_text()
    path.write_text("{")
    press(browser, "1", "2")
    browser.wait("!at('trouble').hidden")
    assert "take it from the last commit" in browser.find("#why").text
    path.write_text(content)
    browser.find("#retry").click()
    saved(browser)
    assert answers(path, deck)[:3] == ["1", "2", "-"]
    assert not browser.find("#trouble").is_displayed()
    browser.errors()


@pytest.mark.parametrize("width", [1200, 700, 400])
@pytest.mark.parametrize(
    "classes", [DIGITS, ("a" * 90, "b" * 90, "c & <d>")], ids=["short", "long"]
)
def test_nothing_is_wider_than_the_window(browser, served, width, classes):
    served(classes=classes)
    browser.resize(width)
    assert browser.sideways() == 0
    for element in ("#rule", "#image", "#ground", "#choices", "#unknown"):
        box = browser.find(element).rect
        assert box["width"] > 50
        assert box["x"] + box["width"] <= width
    assert browser.errors() == []


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark(browser, served, scheme, dark):
    served()
    browser.prefer(scheme)
    assert (sum(browser.background()) < 3 * 60) == dark
    ink = browser.run("return getComputedStyle(document.body).color")
    assert (int(ink.split("(")[1].split(",")[0]) > 180) == dark


def test_another_page_cannot_answer(browser, served, tmp_path):
    """A page of another origin knows the port, and still neither reads nor writes."""
    deck, path = served()
    address = browser.run("return location.origin")
    evil = tmp_path / "evil.html"
    evil.write_text(f"""<title>x</title><form id="f" method="post" enctype="text/plain" action="{address}/answer">
        <input name='{{"position":0,"answer":1,"x":"' value='"}}'></form><iframe name="inner"></iframe>
        <iframe id="framed" src="{address}/"></iframe><script>
        window.found = null;
        fetch("{address}/answer", {{method: "POST", credentials: "include",
          headers: {{"Content-Type": "application/json"}}, body: '{{"position":0,"answer":1}}'}})
          .then(async (r) => {{ window.found = await r.text(); }}, () => {{ window.found = "refused"; }});
        f.target = "inner"; f.submit();
        </script>""")
    browser.driver.get(evil.as_uri())
    browser.wait("window.found !== null")
    assert browser.run("return window.found") == "refused"
    browser.errors()
    assert answers(path, deck) == ["-"] * TOTAL


@pytest.fixture
def as_file(browser, tmp_path):
    """The page as a file, opened afresh."""
    path = tmp_path / "failcond-review.json"
    deck = write_review(path, counts=COUNTS, side=28, classes=DIGITS)
    page = tmp_path / "page.html"
    page.write_text(page_as_file(blind_of(path, deck), "", "model"), encoding="utf-8")
    browser.open(page)
    browser.run("localStorage.clear()")
    browser.open(page)
    browser.wait("document.querySelector('#image').complete")
    return deck, path, page


def test_the_page_as_a_file_keeps_answers_and_lets_them_be_downloaded(
    browser, as_file, tmp_path, keys
):
    from pytest_failcond.review.folder import read_answers

    deck, path, page = as_file
    downloads = tmp_path / "downloads"
    browser._command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    press(browser, "1", "?", "3", keys.BACKSPACE)
    browser.open(page)  # a stopped review goes on
    assert browser.find("#progress").text == f"image 3 of {TOTAL}"
    browser.find("#download").click()
    assert browser.run("return document.activeElement.id") == "reader"  # a name is needed
    browser.find("#reader").send_keys("Eve 5?")
    assert (
        browser.find("#progress").text == f"image 3 of {TOTAL}"
    )  # keys in the name are no answers
    browser.find("#download").click()
    file = downloads / f"answers-{deck.id}.json"
    for _ in range(200):
        if file.exists() and file.stat().st_size:
            break
        browser.driver.execute_async_script("setTimeout(arguments[0], 50)")
    found = read_answers(file, read_review(path), None, None, None)
    assert [(a.image, a.answer, a.reader, a.kind) for a in found] == [
        (deck.images[0], "1", "Eve 5?", "model"), (deck.images[1], None, "Eve 5?", "model"),
    ]  # fmt: skip
    assert browser.errors() == []


def test_the_page_as_a_file_asks_nobody(browser, as_file):
    deck, _, page = as_file
    loaded = browser.run("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    text = page.read_text()
    assert not any(claim.direction in text for claim in deck.claims if claim.direction)
    assert not browser.find("#finish").is_displayed()


def test_every_control_has_a_name(browser, as_file):
    unnamed = browser.run(
        "return [...document.querySelectorAll('input, button, progress')].filter((one) => "
        "!one.getAttribute('aria-label') && !one.textContent.trim() && "
        "![...(one.labels ?? [])].some((l) => l.textContent.trim())).map((one) => one.outerHTML)"
    )
    assert unnamed == []


def test_the_reader_of_a_whole_deck(browser, served):
    """What is claimed can be named by keys alone, image after image."""
    deck, path = served()
    of = claims(deck)
    for image in deck.images:
        press(browser, of[image].class_name or "?")
    saved(browser)
    expected = read_all(deck, truthful)
    assert answers(path, deck) == [answer.answer for answer in expected]
    update_review(path, lambda review: review)
    assert json.loads(path.read_text())["schema"] == 1
