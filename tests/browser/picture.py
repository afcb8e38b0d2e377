"""``python -m tests.browser.picture PAGE OUT``: what a page looks like in Chromium, as a PNG."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser.conftest import Browser, start_browser

_COLOURS = 96  # of a picture for the documentation: half the size, and no difference to see


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1200, help="CSS px (1200)")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--docs", action="store_true", help="the explorer, as the README shows it")
    options = parser.parse_args()
    scheme = "dark" if options.dark else "light"
    with tempfile.TemporaryDirectory() as folder, start_browser(Path(folder)) as browser:
        browser.open(options.page.resolve(), width=options.width, scheme=scheme)
        if options.docs:
            _set_the_scene(browser)
        browser.screenshot(options.out)
        if options.docs:
            bottom = browser.run(
                "return at('case-readings').getBoundingClientRect().bottom + scrollY"
            )
            _crop(options.out, int(bottom) + 16)


def _set_the_scene(browser: Browser) -> None:
    """Choose class 5, its second direction and the last start image, and move it to its break; hide pairs."""
    browser.wait("plot.direction && plot.direction === direction()")
    browser.run("at('classes').querySelectorAll('input')[5].click()")
    browser.run("at('directions').querySelectorAll('input')[1].click()")
    browser.wait("plot.direction === direction() && chosen.direction === 1")
    browser.run("[...at('starts').querySelectorAll('input')].at(-1).click()")
    browser.run(
        "const own = direction().breaks[chosen.start];"
        "moveTo(filmOf(direction().film).shifts[0].find((shift) => shift >= own));"
        "at('two').hidden = true"
    )


def _crop(path: Path, bottom: int) -> None:
    with Image.open(path) as picture:
        part = picture.convert("RGB").crop((48, 8, picture.width - 48, bottom))
    part.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
