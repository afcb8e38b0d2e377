"""A real browser: Debian's Chromium, without a window, driven by Selenium; `make browser` installs both.

Where it is missing, the tests are skipped and say why; with FAILCOND_BROWSER=required, as continuous
integration has it, they fail.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

Scheme = Literal["light", "dark"]
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # of no use to root, and these pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)


class Browser:
    """A page in Chromium, and what a test wants to know of it."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, *, width: int = 1200, scheme: Scheme = "light") -> None:
        """Open a file in a window of this width, px, in light or dark mode."""
        self.resize(width)
        self.prefer(scheme)
        self.driver.get(page.as_uri())

    def resize(self, width: int, height: int = 900) -> None:
        """Give the page this many CSS px, which may be fewer than a window can have."""
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: Scheme) -> None:
        """Emulate the wish for light or dark pages."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._command("Emulation.setEmulatedMedia", features=features)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run JavaScript in the page; returns what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        """Return the first element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def find_all(self, selector: str) -> list[Any]:
        """Return all elements of a CSS selector."""
        found: list[Any] = self.driver.find_elements("css selector", selector)
        return found

    def wait(self, script: str, seconds: float = 10.0) -> None:
        """Wait until a JavaScript expression is true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, seconds).until(
            lambda driver: driver.execute_script(f"return Boolean({script})"), message=script
        )

    def errors(self) -> list[str]:
        """Return what the console holds at level warning or above since it was last asked."""
        entries = self.driver.get_log("browser")
        return [e["message"] for e in entries if e["level"] in ("WARNING", "SEVERE")]

    def sideways(self) -> int:
        """Return by how many px the page is wider than its window."""
        width: int = self.run(
            "const root = document.documentElement; return root.scrollWidth - root.clientWidth"
        )
        return width

    def background(self) -> tuple[int, int, int]:
        """Return the colour of the page."""
        text = self.run("return getComputedStyle(document.body).backgroundColor")
        red, green, blue = (int(part) for part in text[text.index("(") + 1 : -1].split(",")[:3])
        return red, green, blue

    def screenshot(self, path: Path) -> Path:
        """Keep a picture of the whole page, however high."""
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return window.innerWidth")
        self.resize(width, height)
        self.driver.save_screenshot(str(path))
        self.resize(width)
        return path

    def _command(self, name: str, **parameters: Any) -> None:
        self.driver.execute_cdp_cmd(name, parameters)


def _missing() -> str:
    """Say what is not installed; empty where all is."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return "" if importlib.util.find_spec("selenium") else "selenium is not installed"


@contextlib.contextmanager
def start_browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium with a profile that is an empty folder, and end it."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    # With the driver's place given, Selenium looks for none to download.
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium with an empty profile, for all tests; each opens its own page."""
    missing = _missing()
    if missing and os.environ.get("FAILCOND_BROWSER") == "required":
        pytest.fail(f"{missing}, though FAILCOND_BROWSER=required; run `make browser`")
    if missing:
        pytest.skip(f"{missing}; `make browser` installs it")
    with start_browser(tmp_path_factory.mktemp("profile")) as running:
        yield running
