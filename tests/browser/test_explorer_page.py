"""The explorer in a real browser: it loads in silence, and everything that can be moved moves."""

from __future__ import annotations

import json
import sys

import pytest

from pytest_failcond.cli import main
from tests.explorable import CLASSES, SEARCH, write_project

LOADED = "document.querySelector('#command').textContent"
SHEET_LOADED = "document.querySelectorAll('#sheet canvas').length"


def explore(folder, channels, search=""):
    """Make the page of a generator with this many channels."""
    write_project(folder, image_channels=channels, search=search)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "explorable_models", raising=False)
        assert main(["explore"]) == 0
    return folder / "explorer.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return explore(tmp_path_factory.mktemp("gray"), 1, SEARCH)


@pytest.fixture(scope="module")
def coloured_page(tmp_path_factory):
    return explore(tmp_path_factory.mktemp("coloured"), 3)


GRAY_AND_COLOURED = pytest.mark.parametrize("explorer", ["page", "coloured_page"], indirect=True)
"""For tests of what images look like."""


@pytest.fixture
def explorer(browser, request):
    """The page, opened afresh at 1200 px; at its end, the console must be silent."""
    browser.open(request.getfixturevalue(getattr(request, "param", "page")))
    browser.wait(f"{LOADED} && {SHEET_LOADED}")
    yield browser
    assert browser.errors() == []


def pixels(browser, selector):
    """What a canvas shows, as the text of a PNG file."""
    return browser.run("return document.querySelector(arguments[0]).toDataURL()", selector)


def levels(browser, selector):
    """What a canvas shows, as its bytes."""
    script = """
        const canvas = document.querySelector(arguments[0]);
        const copy = new OffscreenCanvas(canvas.width, canvas.height);
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(canvas, 0, 0);
        return Array.from(context.getImageData(0, 0, copy.width, copy.height).data);
    """
    return browser.run(script, selector)


@pytest.fixture
def keys(browser):
    """Selenium's names of keys; Selenium may be missing where the browser is."""
    from selenium.webdriver.common.keys import Keys

    return Keys


def data(browser):
    return json.loads(browser.run("return document.getElementById('data').textContent"))


def choose_class(browser, index):
    """Click on a class, and wait until its films are shown."""
    browser.run("arguments[0].click()", browser.find_all("#classes input")[index])
    browser.wait("plot.direction === direction() && sheet.film === filmOf(chosen.pair.film)")
    assert browser.run("return chosen.explored.index") == index


def test_it_opens_on_the_class_that_breaks_first(explorer):
    found = [
        min([d["breaking"] for d in one["directions"] if d["breaking"] is not None], default=99)
        for one in data(explorer)["explored"]
    ]
    index = explorer.run("return chosen.explored.index")
    assert found[index] == min(found) < max(found)
    label = explorer.find("#classes label:has(:checked)")
    assert label.text.split("\n") == [CLASSES[index], f"{found[index]:.1f} σ"]
    breaks = explorer.run("return direction().breaks[chosen.start]")
    assert breaks > 0


def verdict(film, number, label):
    """What a frame shows, by the data: the class of its frame and the words beneath it."""
    if not film["accepted"][number]:
        return "lost", "○ not accepted"
    if film["classifier"]["predicted"][number] != label:
        return "broken", "✗ broken"
    return "right", "✓ right"


def reading(browser, who="classifier", table="readings"):
    """The row of the readings: what is said, p(class), p(said)."""
    (row,) = (r for r in browser.find_all(f"#{table} tbody tr") if r.text.startswith(who))
    return [cell.text for cell in row.find_elements("css selector", "td")]


def test_names_are_text_and_nothing_else(explorer):
    names = [label.text for label in explorer.find_all("#classes .name")]
    assert names == list(CLASSES)
    choose_class(explorer, 0)
    assert explorer.find("#one-title").text.startswith(f"Class {CLASSES[0]} along s")


def test_it_asks_nobody(explorer):
    loaded = explorer.run("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []


@GRAY_AND_COLOURED
def test_arrow_keys_move_image_and_number_from_frame_to_frame(explorer, keys):
    choose_class(explorer, 0)
    film = data(explorer)["explored"][0]["directions"][0]["film"]
    start = explorer.run("return chosen.start")
    width = len(film["shifts"][0])
    zero = film["shifts"][0].index(0)
    slider = explorer.find("#slider")
    seen = []
    for place in range(zero, width):
        number = start * width + place
        name = CLASSES[film["classifier"]["predicted"][number]]
        sign = "✓" if film["classifier"]["predicted"][number] == 0 else "✗"
        expected = [f"{sign} {name}", f"{film['classifier']['p'][number]:.2f}"]
        said, p, _ = reading(explorer)
        assert said == expected[0]
        assert float(p) == pytest.approx(float(expected[1]), abs=0.0101)
        assert explorer.find("#shift").text == f"{film['shifts'][0][place]:.1f} σ"
        assert explorer.find("#measured").text == ""
        assert explorer.find("#verdict").text == verdict(film, number, 0)[1]
        seen.append(pixels(explorer, "#image"))
        slider.send_keys(keys.ARROW_RIGHT)
    assert len(set(seen)) > len(seen) // 2
    assert seen[0] != seen[-1]
    slider.send_keys(keys.HOME)
    assert explorer.find("#shift").text == "−2.0 σ"


def test_dragging_blends_and_rests_on_a_measured_frame(explorer):
    from selenium.webdriver import ActionChains

    slider = explorer.find("#slider")
    before = pixels(explorer, "#image")
    drag = ActionChains(explorer.driver).move_to_element(slider).click_and_hold()
    drag.move_by_offset(153, 0).perform()
    place = explorer.run("return Number(slider.value)")
    during = pixels(explorer, "#image")
    assert during != before
    if place % 10:
        assert "blended" in explorer.find("#measured").text
    ActionChains(explorer.driver).release().perform()
    assert explorer.run("return Number(slider.value) % 10") == 0
    assert explorer.find("#measured").text == ""
    assert explorer.run("return slider.value") != "0"


@GRAY_AND_COLOURED
def test_between_two_frames_the_picture_lies_between_them(explorer):
    shots = {}
    for place in (40, 45, 50):
        explorer.run("slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))", place)
        shots[place] = levels(explorer, "#image")
    for low, middle, high in zip(shots[40], shots[45], shots[50], strict=True):
        assert abs(middle - (low + high) / 2) <= 2


def test_break_and_valid_range_are_marked_where_they_are(explorer):
    explored = data(explorer)["explored"]
    marked = 0
    for index, one in enumerate(explored):
        choose_class(explorer, index)
        direction = one["directions"][0]
        for kind, shift in (("half", direction["breaking"]), ("valid", direction["valid"])):
            marks = explorer.find_all(f"#curve line.{kind}")
            assert len(marks) == (shift is not None)
            if shift is not None:
                x = explorer.run("return plot.x(arguments[0])", shift)
                assert float(marks[0].get_attribute("x1")) == pytest.approx(x, abs=0.01)
                marked += 1
    assert marked > len(explored)


def test_choosing_a_direction_and_a_start_image(explorer, keys):
    titles, images = set(), set()
    for radio in explorer.find_all("#directions input"):
        explorer.run("arguments[0].click()", radio)
        explorer.wait("plot.direction === direction()")
        titles.add(explorer.find("#one-title").text)
    assert len(titles) == 2
    for radio in explorer.find_all("#starts input"):
        radio.send_keys(keys.SPACE)
        images.add(pixels(explorer, "#image"))
    assert len(images) == 6


def test_the_sheet_of_two_directions(explorer, keys):
    choose_class(explorer, 2)
    pair = data(explorer)["explored"][2]["pairs"][0]
    film = pair["film"]
    columns = len(film["shifts"][1])
    buttons = explorer.find_all("#sheet button")
    assert len(buttons) == len(film["shifts"][0]) * columns == 81
    start = explorer.run("return chosen.pairStart")
    buttons[0].click()
    first = pixels(explorer, "#pair-image")
    buttons[0].send_keys(keys.ARROW_DOWN)
    explorer.driver.switch_to.active_element.send_keys(keys.ARROW_RIGHT)
    number = start * 81 + columns + 1
    said, p, _ = reading(explorer, table="pair-readings")
    assert said.endswith(CLASSES[film["classifier"]["predicted"][number]])
    assert float(p) == pytest.approx(film["classifier"]["p"][number], abs=0.0101)
    assert pixels(explorer, "#pair-image") != first
    assert len(explorer.find_all("#sheet button[aria-current]")) == 1
    kinds = [button.get_attribute("class") for button in buttons]
    assert kinds == [verdict(film, start * 81 + place, 2)[0] for place in range(81)]
    assert {"right", "broken"} <= set(kinds)


def test_the_combinations_of_a_class(explorer, keys):
    choose_class(explorer, 1)
    searches = data(explorer)["explored"][1]["searches"]
    assert [search["toward"] for search in searches] == [None, 2]
    options = explorer.find_all("#search option")
    assert [option.text for option in options] == ["any other class", "towards star"]
    explorer.wait("document.querySelectorAll('#moves tbody tr').length")
    film, cases = searches[0]["film"], searches[0]["cases"]
    radios = explorer.find_all("#cases input")
    assert len(radios) == len(cases) >= 2
    images, commands = set(), set()
    for number, case in enumerate(cases):
        if number:  # from one to the next by the keyboard
            explorer.driver.switch_to.active_element.send_keys(keys.ARROW_RIGHT)
        else:
            radios[0].send_keys(keys.SPACE)
        assert explorer.find("#case-verdict").text == verdict(film, 2 * number + 1, 1)[1]
        assert explorer.find("#unmoved-verdict").text == verdict(film, 2 * number, 1)[1]
        said, p, _ = reading(explorer, table="case-readings")
        assert said.endswith(CLASSES[film["classifier"]["predicted"][2 * number + 1]])
        assert float(p) == pytest.approx(film["classifier"]["p"][2 * number + 1], abs=0.0101)
        rows = explorer.find_all("#moves tbody tr")
        assert len(rows) == len(case["moves"])
        assert rows[0].text.startswith(case["moves"][0]["name"])
        assert f"{case['distance']:.2f} σ" in explorer.find("#case-distance").text
        images |= {pixels(explorer, "#case-image"), pixels(explorer, "#unmoved-image")}
        commands.add(explorer.find("#case-command").text)
    assert len(images) == 2 * len(cases)
    assert len(commands) == len(cases)
    options[1].click()
    explorer.wait("several.search === chosen.explored.searches[1]")
    explorer.wait("at('cases').querySelectorAll('label.broken').length")
    assert explorer.find_all("#cases .sign")[0].text == "✗ star"


@pytest.mark.parametrize("explorer", ["coloured_page"], indirect=True)
def test_without_a_search_there_is_no_section_of_combinations(explorer):
    assert not explorer.find("#several").is_displayed()
    assert "several at once" not in explorer.find("#words").text


@pytest.mark.parametrize("width", [1200, 700, 400])
def test_nothing_is_wider_than_the_window(browser, page, width):
    browser.open(page, width=width)
    browser.wait(f"{LOADED} && {SHEET_LOADED}")
    assert browser.sideways() == 0
    for element in (
        "#image",
        "#curve",
        "#slider",
        "#sheet",
        "#starts",
        "#directions",
        "#case-image",
        "#moves",
    ):
        box = browser.find(element).rect
        assert box["width"] > 50
        assert box["x"] + box["width"] <= width
    assert browser.errors() == []


def test_the_plot_follows_the_width(explorer):
    wide = explorer.find("#curve").rect["width"]
    explorer.resize(400)
    explorer.wait(f"document.querySelector('#curve').getBoundingClientRect().width < {wide}")
    explorer.wait(f"document.querySelector('#slider').getBoundingClientRect().width < {wide}")
    curve, slider = explorer.find("#curve").rect, explorer.find("#slider").rect
    assert curve["x"] <= slider["x"]
    assert slider["x"] + slider["width"] <= curve["x"] + curve["width"] + 1


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_light_and_dark(browser, page, scheme, dark):
    browser.open(page, scheme=scheme)
    browser.wait(LOADED)
    assert (sum(browser.background()) < 3 * 60) == dark
    ink = browser.run("return getComputedStyle(document.body).color")
    assert (int(ink.split("(")[1].split(",")[0]) > 180) == dark
    assert browser.errors() == []


def test_every_control_has_a_name(explorer):
    unnamed = explorer.run(
        "return [...document.querySelectorAll('input, select, button')].filter((one) => "
        "!one.getAttribute('aria-label') && ![...(one.labels ?? [])].some((l) => l.textContent.trim()))"
        ".map((one) => one.outerHTML)"
    )
    assert unnamed == []
