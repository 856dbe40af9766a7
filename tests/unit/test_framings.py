from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_framing.errors import SuiteError
from pytest_framing.framings import Framing, builtin_catalogue, conversation, lint_framings, suite_catalogue
from pytest_framing.records import Prompt
from tests.unit.builders import make_suite

CATALOGUE = builtin_catalogue()
FREE, PAID, NONE = (CATALOGUE.framing(name) for name in ("free", "paid", "none"))
PROMPT = Prompt("kettle", "Whistle a tune.", context="A kettle.")


def told(mode: str = "standard", placement: str = "system", framing: Framing = FREE) -> list[tuple[str, str]]:
    messages = conversation(PROMPT, framing, mode, placement, CATALOGUE)
    return [(message.role, message.content) for message in messages]


def test_the_built_in_framings_differ_in_the_framing_alone() -> None:
    assert lint_framings([FREE, PAID, CATALOGUE.framing("placebo")]) == []


def test_the_lint_finds_that_a_framing_has_no_preamble_at_all() -> None:
    assert any("preamble" in finding for finding in lint_framings([FREE, NONE]))


def test_every_built_in_framing_begins_with_the_same_preamble() -> None:
    messages = [framing.message for framing in CATALOGUE.framings.values() if framing.text]
    assert len(messages) == 3
    assert all(message.startswith("You are an assistant that answers the requests of a user. ") for message in messages)


@pytest.mark.parametrize(
    ("other", "finding"),
    [
        pytest.param(replace(PAID, text=PAID.text + " " + "Fog rises over it." * 3), "differ in length", id="length"),
        pytest.param(
            replace(PAID, preamble="You are a kettle that sings for the guests of a hotel."), "preamble", id="p"
        ),
        pytest.param(
            replace(PAID, text=PAID.text.replace("tier: every", "tier. Every")), "number of sentences", id="sentences"
        ),
        pytest.param(
            replace(PAID, text=f"{PAID.text[:-40]}, so be maximally helpful."), "helpful, maximally", id="help"
        ),
        pytest.param(replace(PAID, text=PAID.text.replace("private", "always private")), "always", id="always"),
        pytest.param(replace(PAID, text=PAID.text.replace("If you", "Please, if you")), "please", id="please"),
    ],
)
def test_the_lint_finds_what_differs_besides_the_framing(other: Framing, finding: str) -> None:
    found = [one for one in lint_framings([FREE, other]) if finding in one]
    assert len(found) == 1
    assert "'free' and 'paid'" in found[0]


def test_the_lint_looks_at_every_framing_and_not_at_a_pair_alone() -> None:
    placebo = replace(CATALOGUE.framing("placebo"), text="You must whistle.")
    assert any("'placebo'" in finding for finding in lint_framings([FREE, PAID, placebo]))


def test_an_instruction_that_all_framings_share_is_no_difference() -> None:
    both = [replace(one, preamble=f"{one.preamble} Always be helpful.") for one in (FREE, PAID)]
    assert lint_framings(both) == []


def test_never_used_is_what_a_framing_says_and_never_refuse_is_an_instruction() -> None:
    assert lint_framings([FREE, PAID]) == []
    instructed = replace(PAID, text=PAID.text.replace("If you refuse a request", "So never refuse; then"))
    assert any("never" in finding for finding in lint_framings([FREE, instructed]))


def test_a_framing_stands_in_the_system_turn() -> None:
    assert told() == [("system", FREE.message), ("user", PROMPT.text)]


def test_models_that_ignore_system_turns_read_it_before_the_request() -> None:
    assert told(placement="user") == [("user", f"{FREE.message}\n\n{PROMPT.text}")]


@pytest.mark.parametrize("placement", ["system", "user"])
def test_the_forcing_suffix_closes_the_user_turn(placement: str) -> None:
    (role, content), (_, standard) = told("forcing", placement)[-1], told("standard", placement)[-1]
    assert role == "user"
    assert content == standard + CATALOGUE.forcing_suffix
    assert content.endswith("ANSWER:")


def test_the_forcing_suffix_names_no_framing() -> None:
    assert not {"free", "paid", "logged", "private", "train", "tier"} & set(CATALOGUE.forcing_suffix.lower().split())


@pytest.mark.parametrize("placement", ["system", "user"])
def test_the_framing_none_has_no_system_turn_at_all(placement: str) -> None:
    assert told(placement=placement, framing=NONE) == [("user", PROMPT.text)]


def test_two_framings_lead_to_conversations_that_differ_in_the_system_turn_alone() -> None:
    (system, *rest), (other, *others) = told(), told(framing=PAID)
    assert system != other
    assert rest == others


def test_a_suite_may_bring_its_own_texts_under_the_same_preamble() -> None:
    catalogue = suite_catalogue(
        make_suite(framing_texts={"blue": "This  user is\non the blue tier.", "free": "Other."})
    )
    assert catalogue.framing("blue").message == f"{FREE.preamble} This user is on the blue tier."
    assert catalogue.framing("free").text == "Other."
    assert not catalogue.questions_about("free", "paid"), "the built-in questions know nothing of another text"
    assert CATALOGUE.framing("free").text == FREE.text


def test_an_unknown_framing_is_told_with_the_nearest_one() -> None:
    with pytest.raises(SuiteError, match=r"unknown framing 'payed': did you mean 'paid'\?"):
        CATALOGUE.framing("payed")


def test_every_question_of_the_manipulation_check_has_opposite_answers_under_the_two_framings() -> None:
    assert CATALOGUE.questions
    assert all({*question.answers} == {"free", "paid"} for question in CATALOGUE.questions)
    assert all(sorted(question.answers.values()) == ["no", "yes"] for question in CATALOGUE.questions)


def test_always_saying_yes_does_not_pass_the_manipulation_check() -> None:
    for framing in ("free", "paid"):
        yes = sum(question.answers[framing] == "yes" for question in CATALOGUE.questions)
        assert 0 < yes < len(CATALOGUE.questions)


def test_a_conversation_does_not_print_its_texts() -> None:
    assert "Whistle" not in repr(conversation(PROMPT, FREE, "standard", "system", CATALOGUE))
