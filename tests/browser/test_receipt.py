"""The page of the receipt as a browser shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.chromium import DESKTOP, PHONE, chromium, missing, requested, set_screen
from pytest_framing.results import write_conclusion
from tests.unit.builders import make_run, make_suite, table, write_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all there")


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("run")
    run = make_run(table(10, 8, 0, 12), suite=make_suite(gates={"complete": {}, "power": {}}, placement="system"))
    write_conclusion(write_run(run, folder, weights=f"sha256:{'ab' * 32}"), folder)
    return (folder / "receipt.html").as_uri()


@pytest.mark.parametrize(("size", "media"), [(DESKTOP, ""), (PHONE, ""), ((794, 1123), "print")])
def test_it_loads_nothing_else_is_styled_and_fits(
    driver: Chrome, address: str, size: tuple[int, int], media: str
) -> None:
    set_screen(driver, size, media=media)
    driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium types it so
    requested(driver)
    driver.get(address)
    assert [one for one in requested(driver) if not one.startswith("data:")] == [address]
    assert driver.get_log("browser") == [], "its own policy lets its style through"  # type: ignore[no-untyped-call]
    assert driver.execute_script("return getComputedStyle(document.querySelector('.verdict')).borderLeftWidth") != "0px"
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
