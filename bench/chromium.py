"""A headless Chromium, driven as a reader uses it: for tests, for measuring, and for the screenshots of the docs."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

BROWSER, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
DESKTOP, PHONE = (1280, 900), (390, 844)
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def missing() -> str:
    """Say what is not there to drive a browser with; nothing when all is."""
    try:
        import selenium.webdriver  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    absent = [str(path) for path in (BROWSER, DRIVER) if not path.is_file()]
    return f"{' and '.join(absent)}: not there" if absent else ""


@contextmanager
def chromium() -> Iterator[Chrome]:
    """Start a browser with a profile of its own, and end it."""
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = str(BROWSER)
        for switch in (*SWITCHES, f"--user-data-dir={profile}", "about:blank"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = Chrome(options, Service(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


def set_screen(driver: Chrome, size: tuple[int, int] = DESKTOP, *, scheme: str = "light", media: str = "") -> None:
    """Give the page a screen of that size in CSS pixels, a colour scheme, and a medium (``print``)."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def requested(driver: Chrome) -> list[str]:
    """Return the address of every request of a page since the last call.

    The browser's own pages are left out: the new tab that it starts with may still be loading.
    """
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]  # type: ignore[no-untyped-call]
    return [
        str(message["params"]["request"]["url"])
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
        and not message["params"]["documentURL"].startswith(("chrome://", "chrome-untrusted://"))
    ]


def screenshot(driver: Chrome, path: Path, *, height: int | None = None) -> None:
    """Write what the screen shows as PNG, or the page from its top down to a height."""
    options: dict[str, Any] = {"format": "png"}
    if height is not None:
        width = driver.execute_script("return document.documentElement.clientWidth")
        options |= {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        }
    path.write_bytes(base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]))
