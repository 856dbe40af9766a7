from __future__ import annotations

from pathlib import Path

import pytest

from pytest_framing.errors import SuiteError
from pytest_framing.framings import builtin_catalogue
from pytest_framing.gates.evaluation import known_gates, parameter_models
from pytest_framing.suite import Suite, load_suite, stored_suite

GATES = parameter_models(known_gates())
SHIPPED = Path(__file__).parents[2] / "suites" / "deployment_framing" / "suite.yaml"
SUITE = """\
suite: teapots
framings: {reference: free, treatment: paid}
modes: [standard]
order:
  seed: 7
controls: {repeat_fraction: 0.5}
execution:
  batch_size: 8
decoding: {max_new_tokens: 64}
gates:
  complete: {}
  flip_rate: {max: 0.1}
profiles:
  smoke:
    limit: 20
    gates:
      complete: {}
"""


def load(folder: Path, content: str = SUITE, profile: str | None = None) -> Suite:
    path = folder / "suite.yaml"
    path.write_text(content)
    return load_suite(path, GATES, profile)


def error_of(folder: Path, old: str, new: str, profile: str | None = None) -> str:
    assert SUITE.count(old) == 1
    with pytest.raises(SuiteError) as caught:
        load(folder, SUITE.replace(old, new), profile)
    return str(caught.value).removeprefix(f"{folder / 'suite.yaml'}:")


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        pytest.param("order:\n", "ordre:\n", "4: ", ["'ordre'", "did you mean 'order'?"], id="unknown key"),
        pytest.param("  seed: 7", "  sed: 7", "5: ", ["'sed'", "did you mean 'seed'?"], id="unknown key in a section"),
        pytest.param("limit: 20", "limits: 20", "15: ", ["unknown key 'limits'"], id="unknown key in a profile"),
        pytest.param("  seed: 7", "  colour: 7", "5: ", ["known: conditions, prompts, seed"], id="nothing near"),
        pytest.param("modes:", "7: x\nmodes:", "3: ", ["7"], id="key is a number"),
        pytest.param("modes:", "path: x\nmodes:", "3: ", ["unknown key 'path'"], id="internal key"),
        pytest.param("flip_rate:", "flip_rat:", "12: ", ["'flip_rat'", "did you mean 'flip_rate'?"], id="unknown gate"),
        pytest.param(
            "      complete: {}", "      compleet: {}", "17: ", ["unknown gate", "'complete'"], id="gate of a profile"
        ),
        pytest.param("{max: 0.1}", "{maxx: 0.1}", "12: ", ["'maxx'", "did you mean 'max'?"], id="gate parameter"),
        pytest.param("{max: 0.1}", "{max: 1.5}", "12: ", ["gates.flip_rate.max", "less than", "1.5"], id="gate limit"),
        pytest.param("{max: 0.1}", "{max: .nan}", "12: ", ["gates.flip_rate.max"], id="gate limit is no number"),
        pytest.param("{max: 0.1}", "often", "12: ", ["gates.flip_rate", "dictionary", "'often'"], id="gate is a word"),
        pytest.param("0.5}", "1.5}", "6: ", ["controls.repeat_fraction", "less than", "1.5"], id="out of range"),
        pytest.param("max_new_tokens: 64", "max_new_tokens: 0", "9: ", ["decoding.max_new_tokens", "0"], id="zero"),
        pytest.param("  seed: 7", "  seed: -1", "5: ", ["order.seed", "-1"], id="negative seed"),
        pytest.param("  seed: 7", "  seed: lucky", "5: ", ["order.seed", "integer", "'lucky'"], id="wrong type"),
        pytest.param("  seed: 7", "  seed: true", "5: ", ["order.seed", "integer", "True"], id="no number but a truth"),
        pytest.param("order:\n  seed: 7", "order: 7", "4: ", ["order", "7"], id="no section"),
        pytest.param("batch_size: 8", "batch_size: 7", "8: ", ["must be even", "pair", "7"], id="odd batch size"),
        pytest.param(
            "max_new_tokens: 64", "temperature: 2.5", "9: ", ["decoding.temperature", "2.5"], id="temperature"
        ),
        pytest.param("max_new_tokens: 64", "top_p: 0.9", "9: ", ["top_p", "temperature above 0"], id="top_p"),
        pytest.param("[standard]", "[standard, forced]", "3: ", ["'forcing'", "'forced'"], id="unknown mode"),
        pytest.param("[standard]", "[standard, standard]", "3: ", ["a mode stands twice"], id="mode twice"),
        pytest.param("[standard]", "[]", "3: ", ["modes", "at least 1"], id="no mode"),
        pytest.param("treatment: paid", "treatment: free", "2: ", ["three different"], id="one framing twice"),
        pytest.param(", treatment: paid", "", "2: ", ["framings.treatment is missing"], id="missing key"),
        pytest.param("suite: teapots", "suite: ../teapots", "1: ", ["suite", "'../teapots'"], id="name is a path"),
        pytest.param("order:\n  seed: 7", "order:\n  seed: 7\n  seed: 8", "6: ", ["stands twice"], id="key twice"),
        pytest.param("  seed: 7", "  seed: &s 7\njudge: *s", "6: ", ["aliases"], id="alias"),
        pytest.param("gates:\n  complete: {}\n  flip_rate: {max: 0.1}", "gates: {}", "10: ", ["gates"], id="no gates"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(
    tmp_path: Path, old: str, new: str, place: str, words: list[str]
) -> None:
    message = error_of(tmp_path, old, new)
    assert message.startswith(place), message
    assert [word for word in words if word not in message] == [], message


def test_a_profile_with_a_typo_is_told_the_key_that_was_meant(tmp_path: Path) -> None:
    assert "did you mean 'limit'?" in error_of(tmp_path, "limit: 20", "limits: 20")


def test_a_suite_that_is_not_utf8_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_bytes(SUITE.encode() + b"# caf\xe9\n")
    with pytest.raises(SuiteError, match=r"suite\.yaml:18: not UTF-8; save the file as UTF-8"):
        load_suite(path, GATES)


def test_an_unknown_profile_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"suite\.yaml: no profile 'smok' .*did you mean 'smoke'\?"):
        load(tmp_path, profile="smok")


def test_release_is_the_profile_of_a_suite_that_declares_none(tmp_path: Path) -> None:
    suite = load(tmp_path, SUITE[: SUITE.index("profiles:")])
    assert (suite.profile, suite.limit, list(suite.gates)) == ("release", None, ["complete", "flip_rate"])


def test_the_gates_of_a_profile_replace_those_of_the_suite(tmp_path: Path) -> None:
    suite = load(tmp_path, profile="smoke")
    assert (suite.profile, suite.limit, suite.gates) == ("smoke", 20, {"complete": {}})


def test_a_profile_leaves_alone_what_it_does_not_name(tmp_path: Path) -> None:
    smoke, release = load(tmp_path, profile="smoke"), load(tmp_path)
    assert (smoke.controls, smoke.order, smoke.decoding) == (release.controls, release.order, release.decoding)


def test_a_profile_may_have_its_own_control_arms(tmp_path: Path) -> None:
    suite = load(tmp_path, SUITE.replace("    limit: 20", "    controls: {placebo: false}"), profile="smoke")
    assert not suite.controls.placebo


def test_a_profile_without_any_gate_is_refused(tmp_path: Path) -> None:
    message = error_of(tmp_path, "    gates:\n      complete: {}\n", "    gates: {}\n", profile="smoke")
    assert message.startswith("16: ")


@pytest.mark.parametrize("value", ["true", "'0.1'"])
def test_a_limit_that_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    assert error_of(tmp_path, "{max: 0.1}", f"{{max: {value}}}").startswith("12: ")


def test_a_suite_is_read_back_from_a_plan_as_it_ran(tmp_path: Path) -> None:
    suite = load(tmp_path, profile="smoke")
    assert stored_suite(suite.model_dump(mode="json")) == suite


def test_a_suite_cannot_be_changed_by_a_stage_that_reads_it(tmp_path: Path) -> None:
    suite = load(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        suite.limit = 1  # type: ignore[misc]  # the checker knows it, too


def test_the_shipped_suite_has_the_form_of_the_design() -> None:
    suite = load_suite(SHIPPED, GATES)
    assert suite.name == "deployment_framing"
    assert suite.prompts.source == "harmbench"
    assert (suite.framings.reference, suite.framings.treatment, suite.framings.placebo) == ("free", "paid", "placebo")
    assert suite.modes == ("standard", "forcing")
    assert (suite.order.conditions, suite.order.prompts) == ("bernoulli", "shuffled")
    assert (suite.controls.repeat_fraction, suite.controls.placebo) == (0.25, True)
    assert (suite.decoding.max_new_tokens, suite.decoding.temperature) == (1024, 0)
    assert {"complete", "order_randomized", "gap_contains_zero", "gap_equivalent", "flip_rate"} <= suite.gates.keys()
    assert {"invalid_rate", "not_saturated", "power", "refusal_regression", "comparable"} <= suite.gates.keys()


def test_the_shipped_smoke_profile_checks_plumbing_alone() -> None:
    suite = load_suite(SHIPPED, GATES, "smoke")
    assert suite.limit == 20
    assert not {"gap_contains_zero", "gap_equivalent", "flip_rate", "power", "not_saturated"} & suite.gates.keys()


def test_the_shipped_suite_uses_framings_that_exist() -> None:
    framings = load_suite(SHIPPED, GATES).framings
    names = (framings.reference, framings.treatment, framings.placebo)
    assert all(builtin_catalogue().framing(name).text for name in names)
