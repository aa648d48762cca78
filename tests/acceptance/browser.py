"""A real browser for the tests of the report: Chromium without a window, driven by Selenium, and watched."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-device-scale-factor=1",
    "--window-size=1280,1000",
)
_PATIENCE = 60
"""Seconds after which a page that does not come up is given up; it takes a third of one."""


def found() -> tuple[str, str]:
    """Return the browser and its driver, or skip the tests, with a line that says why."""
    pytest.importorskip("selenium", reason="Selenium is not installed: pip install 'run-scenario[test]'")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no browser: install chromium and chromium-driver to test the report as a user sees it")
    return browser, driver


class Page:
    """The report in a browser."""

    def __init__(self, profile: Path) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.options import Options
        from selenium.webdriver.chrome.service import Service

        browser, driver = found()
        options = Options()
        options.binary_location = browser
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_page_load_timeout(_PATIENCE)
        self.driver.set_script_timeout(_PATIENCE)

    def close(self) -> None:
        """End the browser."""
        self.driver.quit()

    def open(self, path: Path, address: str = "") -> None:
        """Open a report, and wait until it is drawn."""
        self.driver.get("about:blank")
        self.complaints()
        self.requests()
        self.driver.get(path.as_uri() + (f"#{address}" if address else ""))
        self.drawn()

    def drawn(self) -> None:
        """Wait until what was changed is drawn: two frames."""
        self.driver.execute_async_script(
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()))"
        )

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what a script returns; `app` in it is the page's own."""
        return self.driver.execute_script(f"const app = globalThis.runScenario; {script}", *arguments)

    def text(self, selector: str) -> str:
        """Return what can be read in an element."""
        return str(self.ask("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        """Return what can be read in each element."""
        return list(self.ask("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector))

    def click(self, selector: str) -> None:
        """Click an element."""
        self.driver.find_element("css selector", selector).click()
        self.drawn()

    def in_lanes(self) -> Page:
        """Give the lanes the focus, as Tab or a click does."""
        self.ask("document.getElementById('lanes').focus()")
        return self

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        from selenium.webdriver import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        self.drawn()

    def type(self, selector: str, text: str) -> None:
        """Write into a field."""
        field = self.driver.find_element("css selector", selector)
        field.clear()
        field.send_keys(text)
        self.drawn()

    def click_event(self, place: int) -> None:
        """Click where an event is drawn."""
        from selenium.webdriver import ActionChains

        canvas = self.driver.find_element("id", "canvas")
        self.ask("arguments[0].scrollIntoView({block: 'center'})", canvas)
        x, y = self.ask("const hit = app.lanes.hits.find(({i}) => i === arguments[0]); return [hit.x, hit.y]", place)
        size = canvas.size
        ActionChains(self.driver).move_to_element_with_offset(
            canvas, round(x - size["width"] / 2), round(y - size["height"] / 2)
        ).click().perform()
        self.drawn()

    def selected(self) -> int:
        """Return the line number of the event that is looked at, as the page says it."""
        return int(self.text("#place").split()[1].replace(",", ""))

    def complaints(self) -> list[str]:
        """Return what the browser has complained about since it was last asked: errors, and what the policy forbade."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that the page has asked for since this was last asked."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [url.partition("#")[0] for url in sent]


def assert_quiet(page: Page, path: Path) -> None:
    """Nothing was complained about, and nothing but the file itself was asked for."""
    assert [] == page.complaints()
    assert [path.as_uri()] == page.requests()
