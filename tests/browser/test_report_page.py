"""The report as a browser shows it: one page for all tests, from a run whose every text is hostile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.chromium import DESKTOP, PHONE, chromium, missing, requested, screenshot, set_screen
from pytest_framing.report.html import write_report
from tests.unit.builders import make_run, make_suite, table, write_run
from tests.unit.report.hostile import ALL, hostile_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all there")


@pytest.fixture(scope="module")
def driver() -> Iterator[Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Address of each page."""
    suite = make_suite(
        modes=["standard", "forcing"],
        controls={"repeat_fraction": 0.5, "placebo": True},
        gates={"complete": {}, "gap_contains_zero": {}, "power": {}},
    )
    runs = {"plain": make_run(table(10, 8, 0, 12), table(9, 1, 2, 18), suite=suite), "hostile": hostile_run()}
    addresses = {}
    for name, run in runs.items():
        folder: Path = tmp_path_factory.mktemp(name)
        conclusion = write_run(run, folder, name=ALL[0] if name == "hostile" else "paper")
        addresses[name] = write_report(conclusion, folder, show_text=name == "hostile").as_uri()
    return addresses


class Reader:
    """Someone who reads the page."""

    def __init__(self, driver: Chrome, address: str) -> None:
        self.driver = driver
        set_screen(driver, DESKTOP)
        driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium types it so
        requested(driver)
        driver.get(address)

    def sees(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def opens_cases(self) -> None:
        self.sees("document.querySelector('.cases details').open = true")

    def column(self, name: str) -> list[str]:
        """Texts of a column of the table of cases, in the rows that are shown."""
        found: list[str] = self.sees(
            "(() => { const table = document.getElementById('case-table');"
            f"const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent === '{name}');"
            "return [...table.tBodies[0].rows].filter((row) => row.checkVisibility())"
            ".map((row) => row.cells[at].textContent); })()"
        )
        return found

    def clicks(self, selector: str) -> None:
        self.sees(f"document.querySelector({selector!r}).click()")

    def chooses(self, column: str, value: str) -> None:
        self.sees(
            f"(() => {{ const select = document.querySelector('select[data-column={column}]');"
            f"select.value = '{value}'; select.dispatchEvent(new Event('change')); }})()"
        )


@pytest.fixture
def plain(driver: Chrome, pages: dict[str, str]) -> Reader:
    return Reader(driver, pages["plain"])


@pytest.fixture
def hostile(driver: Chrome, pages: dict[str, str]) -> Reader:
    return Reader(driver, pages["hostile"])


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_the_page_loads_nothing_else_and_the_browser_has_nothing_to_say(
    name: str, driver: Chrome, pages: dict[str, str]
) -> None:
    reader = Reader(driver, pages[name])
    reader.opens_cases()
    assert reader.sees("performance.getEntriesByType('resource').map((entry) => entry.name)") in ([], ["data:,"])
    assert [address for address in requested(driver) if not address.startswith("data:")] == [pages[name]]
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium types it so


def test_the_verdict_is_the_first_thing_to_read(plain: Reader) -> None:
    first = plain.sees("document.body.innerText.trim().split('\\n')[0]")
    assert first.startswith("✗ FAIL")
    assert plain.sees("document.querySelector('h1').getBoundingClientRect().top") < 100
    assert plain.sees("document.body.innerText.indexOf('That is a framing effect') < innerHeight")


def test_cases_are_folded_until_they_are_asked_for(plain: Reader) -> None:
    assert plain.column("case") == []
    plain.opens_cases()
    assert len(plain.column("case")) == plain.sees("document.getElementById('case-table').tBodies[0].rows.length") > 100


def test_cases_sort_by_number_and_by_text_and_back(plain: Reader) -> None:
    plain.opens_cases()
    sequence = [int(value) for value in plain.column("sequence")]
    plain.clicks("#case-table th:nth-child(16) button")
    assert [int(value) for value in plain.column("sequence")] == sorted(sequence)
    assert plain.sees("document.querySelector('#case-table th:nth-child(16)').getAttribute('aria-sort')") == "ascending"
    plain.clicks("#case-table th:nth-child(16) button")
    assert [int(value) for value in plain.column("sequence")] == sorted(sequence, reverse=True)
    plain.clicks("#case-table th:nth-child(2) button")
    assert plain.column("prompt") == sorted(plain.column("prompt"))
    assert plain.sees("document.querySelectorAll('[aria-sort]').length") == 1


def test_cases_filter_by_choice_by_search_and_by_flips(plain: Reader) -> None:
    plain.opens_cases()
    total = len(plain.column("case"))
    plain.chooses("framing", "paid")
    assert {*plain.column("framing")} == {"paid"}
    plain.chooses("mode", "forcing")
    shown = plain.column("mode")
    assert {*shown} == {"forcing"}
    assert plain.sees("document.getElementById('shown').textContent") == f"{len(shown)} of {total} cases"
    plain.clicks("#flipped")
    # One flip is in the second replicate too, since half of the prompts run twice.
    assert 3 <= len(plain.column("case")) < len(shown)
    assert {*plain.column("flipped")} == {"yes"}
    plain.clicks("#reset")
    assert len(plain.column("case")) == total
    plain.sees("document.getElementById('search').value = 'TEAPOT_0003'")
    plain.sees("document.getElementById('search').dispatchEvent(new Event('input'))")
    assert {*plain.column("prompt")} == {"teapot_0003"}


def test_hostile_texts_make_no_element_and_run_nothing(hostile: Reader) -> None:
    hostile.opens_cases()
    assert hostile.sees("document.title").startswith(("FAIL", "INCONCLUSIVE", "PASS", "NOT EVALUATED"))
    assert hostile.sees("document.querySelectorAll('img, b, [onerror], [onfocus], [autofocus]').length") == 0
    assert hostile.sees("document.scripts.length") == 1
    assert hostile.sees("document.querySelectorAll('h1').length") == 1
    assert hostile.sees("document.querySelectorAll('main').length") == 1
    rules = hostile.column("rule")
    assert {" ".join(text.split()) for text in ALL[:-1]} < {*rules}
    assert not any(character in "".join(rules) for character in "\u202e\u2066\x1b\u200b")
    assert "49" not in rules


def test_answers_are_folded_where_they_are_shown(hostile: Reader) -> None:
    hostile.opens_cases()
    assert not hostile.sees("document.querySelector('#case-table pre').checkVisibility()")
    hostile.sees("document.querySelector('#case-table td details').open = true")
    assert hostile.sees("document.querySelector('#case-table pre').innerText").startswith("the kettle says so\n<b>")


@pytest.mark.parametrize("name", ["plain", "hostile"])
def test_a_phone_scrolls_tables_and_not_the_page(name: str, driver: Chrome, pages: dict[str, str]) -> None:
    reader = Reader(driver, pages[name])
    set_screen(driver, PHONE)
    for part in driver.find_elements("tag name", "details"):
        driver.execute_script("arguments[0].open = true", part)
    assert reader.sees("innerWidth") == PHONE[0]
    assert reader.sees("document.documentElement.scrollWidth") == PHONE[0]
    wide = reader.sees(
        "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    assert wide > 0
    small = "[...document.querySelectorAll('svg text')].filter((one) => one.checkVisibility())"
    # Plots are drawn anew for a phone: their text does not shrink with them.
    assert reader.sees(f"Math.min(...{small}.map((one) => one.getBoundingClientRect().height))") > 11


def test_the_dark_changes_page_and_plots(plain: Reader) -> None:
    colours = (
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color,"
        " getComputedStyle(document.querySelector('svg text')).fill,"
        " getComputedStyle(document.querySelector('.badge')).color]"
    )
    light = plain.sees(colours)
    set_screen(plain.driver, DESKTOP, scheme="dark")
    dark = plain.sees(colours)
    assert all(before != after for before, after in zip(light, dark, strict=True))
    assert dark[1] == dark[2]
    set_screen(plain.driver, DESKTOP, scheme="dark", media="print")
    assert plain.sees(colours) == light


def test_print_leaves_the_cases_out_and_shows_every_gate(plain: Reader) -> None:
    set_screen(plain.driver, DESKTOP, media="print")
    assert "The table of cases is left out in print" in plain.sees("document.body.innerText")
    assert not plain.sees("document.querySelector('.cases details').checkVisibility()")
    assert not plain.sees("document.querySelector('nav').checkVisibility()")
    assert plain.sees("document.querySelector('.passing .gate').checkVisibility({contentVisibilityAuto: true})")


def test_the_keyboard_reaches_what_scrolls_and_the_focus_is_seen(plain: Reader) -> None:
    assert plain.sees("[...document.querySelectorAll('.scroll')].every((one) => one.tabIndex === 0)")
    plain.driver.find_element("tag name", "body").send_keys("\ue004")
    assert plain.sees("document.activeElement.tagName") == "SUMMARY"
    assert plain.sees("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_screen_reader_finds_landmarks_names_and_the_numbers_of_each_plot(plain: Reader) -> None:
    plain.driver.execute_cdp_cmd("Accessibility.enable", {})
    nodes = plain.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            roles.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert len(roles["main"]) == len(roles["navigation"]) == 1
    assert roles["heading"][0].endswith("paper")
    # Of the two drawings of a plot, the one that is not shown is not read out either.
    assert roles["image"] == [
        "Compliance gaps with their intervals",
        "Refusal rate over the executed order in teapots",
        "Flip rates in teapots",
    ]
    assert {"Gaps in points, and the smallest that could have been seen", "Flip rates in teapots"} <= {*roles["table"]}


def test_a_picture_of_it_can_be_taken(plain: Reader, tmp_path: Path) -> None:
    screenshot(plain.driver, tmp_path / "page.png", height=1200)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
