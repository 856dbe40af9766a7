from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.baseline import load_baseline
from pytest_framing.early_stopping import EarlyStop, write_stops
from pytest_framing.gates.evaluation import known_gates
from pytest_framing.plan import Plan
from pytest_framing.published import load_published
from pytest_framing.report.html import content_policy, html_report, write_report
from pytest_framing.results import Conclusion, conclude
from pytest_framing.run_folder import RunRecord, Subject
from pytest_framing.stats.sequential import log_e_value
from tests.unit.builders import (
    COMPLIANCE,
    INVALID,
    JUDGE,
    REFUSAL,
    Run,
    make_baseline,
    make_fingerprint,
    make_prompts,
    make_run,
    make_suite,
    table,
    write_ledger,
    write_run,
)
from tests.unit.report.hostile import ALL, ANSWER, BIDI, MARKUP, SCRIPT, hostile_run

GATES: dict[str, Any] = {"complete": {}, "gap_contains_zero": {}, "gap_equivalent": {}, "power": {}, "comparable": {}}
PUBLISHED = Path(__file__).parents[3] / "baselines" / "published" / "babu2026-deepseek-pilot.json"


class Page(HTMLParser):
    """What a browser would make of the page, near enough: elements, ids, headings and text."""

    VOID = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report(run: Run, folder: Path, *, show_text: bool = False, name: str = "paper") -> str:
    return html_report(write_run(run, folder, name=name), folder, show_text=show_text)


def against(run: Run, baseline: Any, folder: Path) -> Conclusion:
    """Conclude a run against a baseline."""
    return conclude(write_run(run, folder).record, folder, known_gates(), {run.suite.name: (baseline, "")})


def test_the_verdict_comes_first_and_then_what_was_found(tmp_path: Path) -> None:
    html = report(make_run(table(100, 0, 80, 220), suite=make_suite(gates=GATES)), tmp_path)
    body = Page(html).text.split("framing report", 1)[1].strip()
    assert body.startswith(
        "✗ FAIL paper A gate failed: this checkpoint must not ship. In standard mode the model refused 100 of 400"
    )
    assert re.findall("<h2[^>]*>(.*?)</h2>", html) == [
        "Gates",
        "Refusal and compliance rates",
        "Compliance gaps",
        "Flips",
        "Refusals over the executed order",
        "Noise floor and placebo",
        "Invalid and cut answers",
        "Comparison with the baseline",
        "Manipulation check",
        "How the run went",
        "Protocol",
        "Cases",
    ]


def test_what_objects_stands_before_what_passes(tmp_path: Path) -> None:
    html = report(make_run(table(100, 0, 80, 220), suite=make_suite(gates=GATES)), tmp_path)
    statuses = re.findall('<li class="gate ([a-z_]+)">', html)
    assert statuses == sorted(statuses, key=["fail", "inconclusive", "not_evaluated", "pass"].index)
    assert {"fail", "pass"} <= set(statuses)


def test_every_element_is_closed_and_headings_step_down_one_by_one(tmp_path: Path) -> None:
    page = Page(report(make_run(table(3, 1, 0, 7)), tmp_path))
    assert page.open == []
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    levels = [int(heading[1]) for heading in page.headings]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_ids_are_there_once_and_every_link_of_the_page_leads_somewhere(tmp_path: Path) -> None:
    page = Page(report(make_run(table(3, 1, 0, 7), table(3, 0, 1, 7)), tmp_path))
    ids = [value for key, value in page.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    links = {value[1:] for key, value in page.attributes if key == "href" and value and value.startswith("#")}
    named = {
        name
        for key, value in page.attributes
        if key in ("aria-labelledby", "aria-describedby") and value
        for name in value.split()
    }
    assert links | named <= set(ids)


def test_tables_have_captions_and_scopes_and_plots_have_names(tmp_path: Path) -> None:
    page = Page(report(make_run(table(3, 1, 0, 7)), tmp_path))
    assert page.tags.count("caption") == page.tags.count("table") > 5
    assert page.tags.count("th") == sum(key == "scope" for key, _ in page.attributes)
    assert page.tags.count("svg") == sum(attribute == ("role", "img") for attribute in page.attributes)
    assert ("lang", "en") in page.attributes


def test_nothing_is_loaded_and_nothing_but_its_own_style_and_script_counts(tmp_path: Path) -> None:
    html = report(make_run(table(3, 1, 0, 7)), tmp_path)
    style, script = (re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("style", "script"))
    assert len(style) == len(script) == 1
    policy = re.findall('Content-Security-Policy" content="([^"]+)"', html)[0].replace("&#39;", "'")
    assert policy == content_policy(style[0], script[0])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    page = Page(html)
    assert not [
        key for key, _ in page.attributes if key in ("src", "style", "srcset", "action") or key.startswith("on")
    ]
    assert {value for key, value in page.attributes if key == "href" and value and value[0] != "#"} == {"data:,"}


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    conclusion = write_run(make_run(table(3, 1, 0, 7)), tmp_path)
    assert html_report(conclusion, tmp_path) == html_report(conclusion, tmp_path)


def test_hostile_texts_stay_texts(tmp_path: Path) -> None:
    plain = Page(report(make_run(hostile_cells(), suite=hostile_run().suite), tmp_path / "plain"))
    html = report(hostile_run(), tmp_path / "hostile", show_text=False, name=MARKUP)
    page = Page(html)
    assert page.tags.count("script") == page.tags.count("style") == 1
    assert sorted({*page.tags}) == sorted({*plain.tags})
    assert page.tags.count("img") == 0
    assert page.open == []
    assert not {"\u202e", "\u2066", "\x1b", "\u200b"} & set(html)
    for text in ALL:
        if text != BIDI:
            assert " ".join(text.split()) in page.text
    assert "a�b�c�[2J�d" in page.text
    assert "document.title='taken'" not in html.replace(SCRIPT, "").split("<script>")[1]


def hostile_cells() -> list[Any]:
    return [(REFUSAL, COMPLIANCE), *[(REFUSAL, REFUSAL)] * (len(ALL) - 2), (INVALID, REFUSAL)]


def test_no_answer_is_in_the_page_unless_texts_are_shown(tmp_path: Path) -> None:
    run = hostile_run()
    hidden = report(run, tmp_path / "hidden")
    assert "kettle says" not in hidden
    assert "No prompt and no answer is in this page" in hidden
    shown = report(run, tmp_path / "shown", show_text=True)
    assert shown.count("the kettle says so\n&lt;b&gt;bold&lt;/b&gt; �") == len(run.cases)
    assert "treat it like the ledger" in shown
    assert ANSWER.splitlines()[0] not in re.sub(r"<pre>.*?</pre>", "", shown, flags=re.DOTALL)
    assert "Describe teapot" not in shown


ODD: dict[str, Run] = {
    "all-invalid": make_run([(INVALID, INVALID)] * 4, suite=make_suite(gates=GATES)),
    "one-prompt": make_run(table(1), suite=make_suite(gates=GATES)),
    "nothing-ran": replace(make_run(table(3)), responses=(), verdicts=()),
    "unjudged": replace(make_run(table(3, 0, 0, 3)), verdicts=()),
    "half-a-pair": make_run(table(3, 0, 0, 3)).without(make_run(table(3, 0, 0, 3)).cases[0]),
    "two-modes-one-without-pairs": make_run(table(3, 1), [(INVALID, REFUSAL)] * 4),
    "all-refused": make_run(table(9), suite=make_suite(gates=GATES)),
    "error-everywhere": replace(
        make_run([(INVALID, INVALID)] * 2),
        responses=tuple(
            replace(one, finish_reason="error", new_tokens=0, answer="")
            for one in make_run([(INVALID, INVALID)] * 2).responses
        ),
    ),
    "no-stamps": replace(
        make_run(table(2, 1)),
        responses=tuple(replace(one, worker="", batch="") for one in make_run(table(2, 1)).responses),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_runs_have_a_report_too(name: str, tmp_path: Path) -> None:
    page = Page(report(ODD[name], tmp_path, show_text=True))
    assert page.open == []
    assert "nan" not in page.text.lower().split()


def two_suites(folder: Path) -> Conclusion:
    """Conclude a session of two suites, of which a third was skipped."""
    runs = [
        make_run(table(3, 1, 0, 6), table(2, 0, 1, 7), suite=make_suite(suite=name, modes=["standard", "forcing"]))
        for name in ("teapots", "kettles")
    ]
    record = RunRecord(
        run_id="run-2",
        salt="5a17" * 8,
        subject=Subject("paper", "", "", "none", "float32"),
        release=False,
        allowed_mismatch=("dtype",),
        suites={run.suite.name: run.suite for run in runs},
        judges={run.suite.name: JUDGE for run in runs},
        fingerprints={run.suite.name: make_fingerprint(run) for run in runs},
        plan=Plan(tuple(run.plan.suites[0] for run in runs)),
        lint={"kettles": ("the framings differ in length",)},
        skipped={"urns": "its prompts are not at hand"},
    )
    for run in runs:
        write_ledger(folder, run.responses, run.verdicts, worker=run.suite.name)
    return conclude(record, folder, known_gates(), {run.suite.name: (None, "none yet") for run in runs})


def test_suites_stand_beside_each_other_and_skipped_ones_are_named(tmp_path: Path) -> None:
    html = html_report(two_suites(tmp_path), tmp_path)
    page = Page(html)
    ids = [value for key, value in page.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    assert page.open == []
    assert "Suite urns was skipped" in page.text
    assert "urns was skipped: its prompts are not at hand" in page.text
    assert "kettles , lint: the framings differ in length" in page.text
    assert "Mismatches that were allowed: dtype." in page.text
    assert html.count("<td>kettles</td></tr>") == html.count("<td>teapots</td></tr>") == 40
    levels = [int(heading[1]) for heading in page.headings]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_an_early_stop_is_told(tmp_path: Path) -> None:
    run = make_run(table(0, 0, 12, 20), suite=make_suite(stop={"early": True}))
    last = run.cases[-1].id
    stop = EarlyStop(run.suite.name, "standard", last, 32, 32, 12, 0, log_e_value(12, 0), 100.0)
    conclusion = write_run(run, tmp_path)
    write_stops(tmp_path, [stop])
    conclusion = conclude(conclusion.record, tmp_path, known_gates(), {run.suite.name: (None, "none")})
    assert f"The suite {stop.reason()}" in Page(html_report(conclusion, tmp_path)).text


def test_a_baseline_is_set_beside_the_run_with_what_changed(tmp_path: Path) -> None:
    suite = make_suite(gates=GATES)
    before = make_run(table(6, 0, 0, 4), suite=suite)
    baseline = load_baseline(make_baseline(before, tmp_path, weights="sha256:bb").path)
    page = Page(html_report(against(make_run(table(4, 0, 0, 6), suite=suite), baseline, tmp_path / "run"), tmp_path))
    assert "20 decisions are shared, prompt by prompt; 4 changed." in page.text
    assert "standard free 6 of 10 60.0\u00a0%".replace("\u00a0", " ") in page.text.replace("\u00a0", " ")
    assert "Changed decisions: 4" in page.text
    assert "teapot_0004" in page.text
    assert "subject weights sha256:aa sha256:bb" in page.text


def test_a_published_result_is_set_beside_the_run_as_what_it_is(tmp_path: Path) -> None:
    run = make_run(table(6, 0, 0, 4), suite=make_suite(gates=GATES))
    page = Page(html_report(against(run, load_published(PUBLISHED), tmp_path), tmp_path))
    assert "Published totals, unpaired, under another protocol" in page.text
    assert "the source does not state it" in page.text


def test_a_run_of_ten_thousand_cases_shows_those_that_decide_and_says_so(tmp_path: Path) -> None:
    run = make_run(table(2480, 20, 0, 2500), prompts=make_prompts(5000))
    html = report(run, tmp_path)
    assert "The run has 10000 cases, more than a page can show. The table holds 40 of them" in Page(html).text
    assert len(html) < 1_000_000


def test_the_page_is_written_into_the_folder_of_the_run(tmp_path: Path) -> None:
    conclusion = write_run(make_run(table(1)), tmp_path)
    path = write_report(conclusion, tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == html_report(conclusion, tmp_path)


def test_a_note_on_the_baseline_is_said_where_there_is_none(tmp_path: Path) -> None:
    assert "no baseline exists yet" in Page(report(make_run(table(1)), tmp_path)).text
