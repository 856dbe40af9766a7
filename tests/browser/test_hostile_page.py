"""The report of a run whose answers, ids and categories are every text of the corpus, in a real browser."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.chromium import chromium, missing, requested
from pytest_framing.report.html import write_report
from tests.hostile.corpus import TEXTS
from tests.unit.builders import COMPLIANCE, REFUSAL, make_prompts, make_run, make_suite, write_run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "all there")


def test_no_text_of_the_corpus_makes_an_element_or_loads_anything(tmp_path: Path) -> None:
    texts = list(TEXTS.values())
    plain = make_prompts(len(texts))
    prompts = tuple(
        replace(prompt, id=f"{number} {text[:150]}", semantic_category=text, functional_category=text)
        for number, (prompt, text) in enumerate(zip(plain.prompts, texts, strict=True))
    )
    run = make_run(
        [(REFUSAL, COMPLIANCE)] * len(texts),
        suite=make_suite(gates={"complete": {}, "gap_contains_zero": {}}),
        prompts=replace(plain, prompts=prompts, resolution=texts[0], source="planted"),
    )
    run = replace(
        run,
        responses=tuple(
            replace(one, answer=texts[number % len(texts)], worker=texts[number % len(texts)])
            for number, one in enumerate(run.responses)
        ),
        verdicts=tuple(
            replace(one, rule=texts[number % len(texts)], evidence=texts[-number % len(texts)])
            for number, one in enumerate(run.verdicts)
        ),
    )
    page = write_report(write_run(run, tmp_path, name=texts[6]), tmp_path, show_text=True).as_uri()
    with chromium() as driver:
        requested(driver)
        driver.get(page)
        driver.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert "planted" in driver.execute_script("return document.body.innerText")

        planted = "script, style, img, iframe, base, use, link, meta, [onerror], [onload], [onfocus], [autofocus]"
        assert driver.execute_script("return document.scripts.length") == 1
        found = driver.execute_script(
            f"return [...document.querySelectorAll({planted!r})].map((one) => one.outerHTML)"
            ".filter((html) => html.includes('planted'))"
        )
        assert found == []
        foreign = [address for address in requested(driver) if not address.startswith(("data:", "chrome"))]
        assert foreign == [page]
        assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium types it so
