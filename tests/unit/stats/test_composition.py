from __future__ import annotations

import math

import numpy as np
import pytest

from pytest_framing.stats import clustered, composition, multiplicity

Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
DOSES = (0, 4, 8, 16)


def simulated(harmful_effect: float, benign_effect: float, queries: int = 40, spread: float = 0.8) -> Data:
    rng = np.random.default_rng(1)
    rows = [(h, g, q) for q in range(queries) for h in DOSES for g in DOSES]
    harmful, benign, query = np.array(rows).T
    own = rng.normal(0, spread, queries)
    logit = -1.5 + harmful_effect * harmful + benign_effect * benign + own[query]
    return harmful, benign, (rng.random(len(rows)) < 1 / (1 + np.exp(-logit))).astype(int), query


def separated(complied_from: int = 8, queries: int = 10) -> Data:
    harmful, benign, _, query = simulated(0, 0, queries=queries)
    return harmful, benign, (harmful >= complied_from).astype(int), query


def test_the_planted_effects_are_found_and_named() -> None:
    dilution = composition.fit(*simulated(0.15, -0.08))
    assert dilution.method == "ml"
    assert dilution.reason == ""
    assert (dilution.n, dilution.queries) == (640, 40)
    assert dilution.wald.harmful.p < 0.001
    assert composition.classify(dilution.coefficients.benign, dilution.wald.harmful.p) == "dilution"
    amplification = composition.fit(*simulated(0.1, 0.1))
    assert composition.classify(amplification.coefficients.benign, amplification.wald.harmful.p) == "amplification"
    assert amplification.wald.total.p > 0.001


def test_clustering_and_not_clustering_are_both_reported() -> None:
    fit = composition.fit(*simulated(0.15, -0.08, spread=1.5))
    assert fit.se.intercept > 1.2 * fit.model_se.intercept  # answers to one query go together
    assert fit.wald.joint.df == fit.likelihood_ratio.joint.df == 2


def test_the_sensitivity_analyses_agree_in_direction() -> None:
    data = simulated(0.15, -0.08)
    fit, gee, conditional = composition.fit(*data), clustered.exchangeable(*data), clustered.conditional(*data)
    assert gee.coefficients == pytest.approx(fit.coefficients, abs=0.02)
    assert gee.correlation > 0
    # given the query, effects are larger than averaged over queries
    assert abs(conditional.coefficients[0]) > abs(fit.coefficients.harmful)
    assert conditional.loglik > conditional.null_loglik


@pytest.mark.parametrize("complied_from", [8, 4, 0, 99])
def test_separation_ends_in_firths_fit_and_says_so(complied_from: int) -> None:
    # statsmodels' GLM calls most of these converged
    fit = composition.fit(*separated(complied_from))
    assert fit.method == "firth"
    assert fit.reason.startswith("separation (")
    assert "Firth's penalised fit" in fit.reason
    assert all(math.isfinite(value) for value in (*fit.coefficients, *fit.se))
    assert all(math.isfinite(test.statistic) for test in (*fit.wald, *fit.likelihood_ratio))


def test_quasi_separation_is_seen_too() -> None:
    harmful, benign, complied, query = simulated(0, 0, queries=20, spread=0)
    complied[harmful == 16] = 1
    complied[(harmful < 16)] = 0
    complied[:1] = 1  # one exception, so that no plane separates them but for ties
    harmful[0], benign[0] = 16, 16
    assert composition.fit(harmful, benign, complied, query).method == "firth"


def test_the_likelihood_ratio_is_what_decides_under_separation() -> None:
    fit = composition.fit(*separated(8))
    assert fit.likelihood_ratio.joint.p < 1e-6
    assert fit.likelihood_ratio.harmful.p > 0.05  # the benign count does nothing here


@pytest.mark.parametrize(
    ("data", "method"),
    [(simulated(0.1, 0.0, queries=9), "ml"), (separated(8, queries=1), "firth"), (separated(8, queries=9), "firth")],
    ids=["nine", "one separated", "nine separated"],
)
def test_too_few_queries_are_no_test_however_many_their_answers(data: Data, method: str) -> None:
    fit = composition.fit(*data)
    assert fit.method == method
    assert "fewer than 10 queries" in fit.reason
    assert math.isnan(fit.wald.harmful.p)
    assert all(math.isnan(value) for value in fit.se)
    assert math.isnan(fit.wald.joint.p)
    assert math.isfinite(fit.likelihood_ratio.joint.p)


def test_queries_of_the_least_number_seldom_have_a_class_that_is_not_there() -> None:
    rng = np.random.default_rng(3)
    cells = [(0, 2), (1, 1), (2, 0), (0, 8), (4, 4), (8, 0)]
    rows = [(h, g, q) for q in range(composition.FEWEST_QUERIES) for h, g in cells]
    harmful, benign, query = np.array(rows).T
    found = 0
    for _ in range(200):
        own = rng.normal(0, 1.5, composition.FEWEST_QUERIES)
        complied = rng.random(len(rows)) < 1 / (1 + np.exp(0.5 - 0.25 * harmful - own[query]))
        fit = composition.fit(harmful, benign, complied.astype(int), query)
        adjusted = multiplicity.holm([test.p for test in fit.wald])[1]
        found += composition.classify(fit.coefficients.benign, adjusted) != "none"
    assert found <= 18  # binomial at 5 %: more than 18 of 200 in 1 % of all simulations


def test_counts_that_vary_together_cannot_be_told_apart() -> None:
    harmful, _, complied, query = simulated(0.1, 0.0)
    for benign in (harmful, 16 - harmful, np.zeros_like(harmful)):
        fit = composition.fit(harmful, benign, complied, query)
        assert fit.method == "none"
        assert "do not vary independently" in fit.reason
        assert all(math.isnan(value) for value in fit.coefficients)
        assert math.isnan(clustered.exchangeable(harmful, benign, complied, query).correlation)
        assert math.isnan(clustered.conditional(harmful, benign, complied, query).loglik)
    assert composition.fit([], [], [], []).method == "none"


def test_sensitivity_analyses_that_cannot_be_had_are_nan() -> None:
    for data in (separated(8), separated(0), separated(99)):
        assert math.isnan(clustered.conditional(*data).loglik)
        assert math.isnan(clustered.exchangeable(*data).correlation)


def test_classes_and_what_none_does_not_mean() -> None:
    assert composition.classify(-0.1, 0.05) == "dilution"
    assert composition.classify(0.1, 0.0499) == "amplification"
    assert composition.classify(-0.1, 0.051) == "none"
    assert composition.classify(math.nan, math.nan) == "none"
    small = composition.fit(*simulated(0.1, 0.0, queries=6))
    large = composition.fit(*simulated(0.1, 0.0, queries=200))
    for fit in (small, large):
        assert composition.classify(fit.coefficients.benign, fit.wald.harmful.p) == "none"
    assert not composition.benign_effect_is_negligible(small, 0.02)
    assert composition.benign_effect_is_negligible(large, 0.02)
    unknown = composition.fit([], [], [], [])
    assert not composition.benign_effect_is_negligible(unknown, 0.02)


def test_names_of_queries_do_not_matter() -> None:
    harmful, benign, complied, query = simulated(0.1, -0.05)
    named = np.array([f"prompt {q}" for q in query])
    order = np.random.default_rng(0).permutation(len(query))
    plain = composition.fit(harmful, benign, complied, query)
    shuffled = composition.fit(harmful[order], benign[order], complied[order], named[order])
    assert shuffled.wald.total.statistic == pytest.approx(plain.wald.total.statistic)
    gee = clustered.exchangeable(harmful, benign, complied, query)
    turned = clustered.exchangeable(harmful[order], benign[order], complied[order], named[order])
    assert turned.correlation == pytest.approx(gee.correlation, abs=1e-6)


def test_nonsense_is_named() -> None:
    with pytest.raises(ValueError, match="must be sequences of the same length"):
        composition.fit([1, 2], [1, 2], [0, 1], ["a"])
    with pytest.raises(ValueError, match="must be counts of at least 0"):
        composition.fit([1, -2], [1, 2], [0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="complied must hold only 0 and 1"):
        composition.fit([1, 2], [1, 2], [0, 3], ["a", "b"])
    with pytest.raises(ValueError, match="margin must be above 0"):
        composition.benign_effect_is_negligible(composition.fit([], [], [], []), 0)
