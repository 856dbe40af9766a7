"""A model as a judge: what it is shown, how it is batched, and what becomes of answers that are no verdict."""

from __future__ import annotations

import pytest

from pytest_framing.errors import CheckpointError, JudgeError, SettingsError
from pytest_framing.judges.formats import FORMATS
from pytest_framing.judges.judge import JudgeSources, choose_judge
from pytest_framing.judges.model_judge import ModelJudge
from pytest_framing.records import VerdictLabel
from tests.unit.judges.judging import ScriptedModel, item, setup


def test_a_verdict_names_the_judge_its_weights_and_what_it_said() -> None:
    verdict = ModelJudge(FORMATS["rubric"], ScriptedModel(lambda *_: "refusal"), setup(), name="rubric:m").judge(
        *item("No.")
    )
    assert (verdict.judge, verdict.verdict, verdict.rule) == ("rubric:m/1@abcdef01", VerdictLabel.REFUSAL, "said")
    assert verdict.evidence == "'refusal'"


@pytest.mark.parametrize("output", ["", "rubbish", "refusal or compliance", "x" * 10_000])
def test_a_judge_that_answers_rubbish_gives_no_verdict_and_the_run_goes_on(output: str) -> None:
    judge = ModelJudge(FORMATS["rubric"], ScriptedModel(lambda *_: output), setup())
    verdicts = judge.judge_many([item("Sure.", 1), item("No.", 2)])
    assert [(one.verdict, one.rule) for one in verdicts] == [(VerdictLabel.INVALID, "unparsable")] * 2
    assert all(len(one.evidence) < 200 for one in verdicts)


def test_a_judge_never_sees_framing_or_mode() -> None:
    model = ScriptedModel(lambda *_: "compliance")
    judge = ModelJudge(FORMATS["wildguard"], model, setup(request="Fold a napkin."))
    judge.judge_many([item("Sure.", 1, "framingfree"), item("Sure.", 1, "framingpaid")])
    assert not any("framing" in text for text in model.asked)
    assert model.asked[0] == model.asked[1]


def test_responses_come_in_an_order_that_the_seed_draws() -> None:
    items = [item(f"Answer {number:02}.", number) for number in range(40)]

    def order(seed: int) -> list[str]:
        model = ScriptedModel(lambda *_: "compliance")
        ModelJudge(FORMATS["rubric"], model, setup(seed)).judge_many(items)
        return [text[text.index("Answer ") :][:9] for text in model.asked]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2)) != order(1)


def test_batches_have_planned_shapes_whatever_is_judged_together() -> None:
    model = ScriptedModel(lambda *_: "compliance")
    ModelJudge(FORMATS["rubric"], model, setup()).judge_many([item("x" * size, size) for size in range(20, 1000, 60)])
    assert all(len(request.conversations) <= request.rows == 4 for request in model.requests)
    assert all(max(map(len, model.asked)) <= model.requests[-1].length for _ in (0,))
    assert model.started == 1


def test_an_answer_that_nobody_could_judge_is_not_asked_about() -> None:
    model = ScriptedModel(lambda *_: "compliance")
    verdicts = ModelJudge(FORMATS["rubric"], model, setup()).judge_many(
        [item("", 1), item("1234", 2), item("Sure.", 3, finish="error"), item("Sure.", 4)]
    )
    assert [one.rule for one in verdicts] == ["empty", "no_letters", "engine_error", "said"]
    assert len(model.asked) == 1


def test_a_megabyte_is_judged_by_its_ends_and_the_verdict_says_so() -> None:
    model = ScriptedModel(lambda *_: "compliance")
    verdict = ModelJudge(FORMATS["rubric"], model, setup()).judge(
        *item(" ".join(f"word{number}" for number in range(150_000)))
    )
    assert "characters of the answer were left out" in verdict.evidence
    assert len(model.asked[0]) < 26_000


def test_what_does_not_fit_the_judges_window_is_invalid() -> None:
    model = ScriptedModel(lambda *_: "compliance", window=500)
    verdict = ModelJudge(FORMATS["rubric"], model, setup()).judge(
        *item(" ".join(f"word{number}" for number in range(100)))
    )
    assert (verdict.verdict, verdict.rule) == (VerdictLabel.INVALID, "not_answered")


def test_a_judge_that_needs_the_request_says_where_it_is_missing() -> None:
    judge = ModelJudge(FORMATS["harmbench"], ScriptedModel(lambda *_: "no"), setup())
    with pytest.raises(JudgeError, match="no request"):
        judge.judge(*item("No."))


def test_a_reasoning_judge_is_read_after_its_reasoning() -> None:
    outputs = {"A": "<think>refusal or compliance?</think>\n\nrefusal", "B": "<think>it never ends: refusal"}
    model = ScriptedModel(lambda text, _: outputs["A" if "Answer A" in text else "B"])
    verdicts = ModelJudge(FORMATS["rubric"], model, setup()).judge_many([item("Answer A", 1), item("Answer B", 2)])
    assert [one.rule for one in verdicts] == ["said", "not_answered"]


def test_twenty_votes_are_drawn_by_twenty_seeds_and_counted() -> None:
    seen: set[int] = set()

    def says(_: str, seed: int) -> str:
        seen.add(seed)
        return "refusal" if len(seen) <= 9 else "compliance"

    model = ScriptedModel(says)
    verdict = ModelJudge(FORMATS["rubric"], model, setup(), votes=20).judge(*item("Sure."))
    assert (verdict.verdict, verdict.evidence) == (VerdictLabel.REFUSAL, "9 refusal, 11 compliance")
    assert verdict.judge.endswith("*20>40%")
    assert len(seen) == 20
    assert {request.decoding.temperature for request in model.requests} == {1.0}


def test_asking_again_is_asking_between_other_marks() -> None:
    model = ScriptedModel(lambda *_: "compliance")
    judge = ModelJudge(FORMATS["rubric"], model, setup())
    for repeat in (0, 0, 1):
        judge.judge_many([item("Sure.")], repeat)
    first, same, again = model.asked
    assert first == same != again


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("rulez", SettingsError, "did you mean 'rules'"),
        ("rules*20", SettingsError, "says the same each time"),
        ("rules+rules", SettingsError, "holds each judge once"),
        ("tiny-judge>30", SettingsError, r"a share needs votes: tiny-judge\*20>30%"),
        ("tiny-judge*1", SettingsError, "1 vote is none"),
        ("rules++rules", SettingsError, "is no judge"),
        ("rubric:nowhere", CheckpointError, "judge 'rubric:nowhere'"),
        ("rubric", SettingsError, "unknown judge 'rubric'"),
    ],
)
def test_a_name_that_means_no_judge_is_an_error(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        choose_judge(name, JudgeSources())


@pytest.mark.parametrize("name", ["wildguard", "harmbench", "wildguard=.", "rubric:allenai/wildguard"])
def test_a_judge_whose_whole_prompt_we_write_is_not_asked_of_a_server(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"would put that into a chat template once more; run it where"):
        choose_judge(name, JudgeSources(engine="openai"))


def test_a_judge_that_was_closed_starts_its_model_again() -> None:
    model = ScriptedModel(lambda *_: "refusal")
    judge = ModelJudge(FORMATS["rubric"], model, setup())
    judge.close()
    for _ in range(2):
        judge.judge(*item("No."))
        judge.close()
    assert (model.started, model.closed) == (2, 2)


def test_a_rubric_leaves_a_model_room_to_reason_before_its_word() -> None:
    model = ScriptedModel(lambda *_: "<think>It declines politely.</think>refusal")
    verdict = ModelJudge(FORMATS["rubric"], model, setup()).judge(*item("No."))
    assert verdict.verdict is VerdictLabel.REFUSAL
    assert [request.decoding.max_new_tokens for request in model.requests] == [1024]
