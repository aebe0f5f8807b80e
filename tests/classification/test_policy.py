"""Whom to contact in a world where the truth is known: probabilities, accept rate and values are the simulator's."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier, ProfitThresholdClassifier, default_estimator
from churnlib.economics import RetentionOffer

ACCEPT, OFFER_COST, CONTACT_COST = 0.3, 25.0, 4.0


@dataclass(frozen=True)
class World:
    """Customers with their true probability to churn and their value."""

    X: pd.DataFrame
    p: np.ndarray
    clv: np.ndarray

    @property
    def offer(self) -> RetentionOffer:
        value = pd.Series(self.clv, index=self.X.index)
        return RetentionOffer(accept_rate=ACCEPT, clv=value, offer_cost=OFFER_COST, contact_cost=CONTACT_COST)

    def realised(self, contacted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What each contact brings when fate is drawn: who churns, and who of those accepts."""
        churns = rng.random(len(self.p)) < self.p
        accepts = rng.random(len(self.p)) < ACCEPT
        kept = np.where(churns & accepts, self.clv - OFFER_COST, np.where(churns, 0.0, -OFFER_COST))
        return contacted * (kept - CONTACT_COST)

    @property
    def gain(self) -> np.ndarray:
        """What contacting each is expected to earn, outcome by outcome."""
        accepting = self.p * ACCEPT * (self.clv - OFFER_COST - CONTACT_COST)
        refusing = self.p * (1 - ACCEPT) * -CONTACT_COST
        staying = (1 - self.p) * (-OFFER_COST - CONTACT_COST)
        return accepting + refusing + staying

    def expected(self, contacted: Any) -> float:
        """What a decision earns per customer in expectation."""
        return float(np.mean(np.asarray(contacted) * self.gain))

    @property
    def best(self) -> float:
        """The most that any decision knowing p, but not fate, can earn: whatever earns is taken."""
        return float(np.maximum(self.gain, 0.0).mean())


def world(n: int, *, seed: int = 0) -> World:
    rng = np.random.default_rng(seed)
    silence, complaints, tenure = rng.exponential(1, n), rng.poisson(0.7, n), rng.uniform(0, 1, n)
    p = 1 / (1 + np.exp(3.2 - 0.9 * silence - 0.6 * complaints + 1.2 * tenure))
    clv = rng.lognormal(5.2 + 0.5 * tenure, 0.9)
    X = pd.DataFrame(
        {"silence": silence, "complaints": complaints, "tenure": tenure}, index=pd.RangeIndex(n, name="customer_id")
    )
    return World(X, p, clv)


def rules(known: World, p: np.ndarray) -> dict[str, np.ndarray]:
    """What people do instead."""
    flat = RetentionOffer(
        accept_rate=ACCEPT, clv=float(known.clv.mean()), offer_cost=OFFER_COST, contact_cost=CONTACT_COST
    )
    return {
        "flat threshold at the mean value": p > flat.threshold(),
        "top decile": p >= np.quantile(p, 0.9),
        "one half": p > 0.5,
        "everybody": np.ones(len(p), dtype=bool),
        "nobody": np.zeros(len(p), dtype=bool),
    }


def test_the_rule_earns_what_the_oracle_earns():
    known = world(4000)
    chosen = known.offer.contacts(known.p, known.X).to_numpy()
    assert 0.05 < chosen.mean() < 0.6
    assert known.expected(chosen) == pytest.approx(known.best, rel=0.01)
    assert known.expected(chosen) <= known.best * (1 + 1e-12)
    assert known.offer.expected_gain(known.p, known.X)[chosen].sum() / 4000 == pytest.approx(known.best, rel=1e-9)


def test_the_rule_beats_what_people_do_instead(record_property):
    known = world(50_000)
    earned = known.expected(known.offer.contacts(known.p, known.X))
    others = {name: known.expected(chosen) / earned for name, chosen in rules(known, known.p).items()}
    record_property("share of the rule's profit", others)
    assert max(others.values()) < 1
    assert others["flat threshold at the mean value"] > others["one half"]


def test_money_comes_in_as_expected_when_fate_is_drawn(record_property):
    known = world(200_000, seed=1)
    rng = np.random.default_rng(2)
    chosen = known.offer.contacts(known.p, known.X).to_numpy()
    earned = known.realised(chosen, rng)
    expected = known.expected(chosen)
    error = earned.std() / np.sqrt(len(earned))
    record_property("realised", {"earned": earned.mean(), "expected": expected, "standard error": error})
    assert abs(earned.mean() - expected) < 4 * error
    fate = np.random.default_rng(3)
    draws = {name: known.realised(rule, fate).mean() for name, rule in rules(known, known.p).items()}
    assert max(draws.values()) < earned.mean()


def test_fitted_probabilities_earn_nearly_as_much_and_weighted_ones_less(record_property):
    past, today = world(6000, seed=4), world(20_000, seed=5)
    y = (np.random.default_rng(6).random(len(past.p)) < past.p).astype(int)
    best = today.expected(today.offer.contacts(today.p, today.X))
    weight = (1 - y.mean()) / y.mean()
    models = {
        "boosting": default_estimator().set_params(n_estimators=100),
        "boosting, weighted": default_estimator().set_params(n_estimators=100, scale_pos_weight=weight),
        "logistic": LogisticRegression(),
        "logistic, weighted": LogisticRegression(class_weight="balanced"),
    }
    share = {}
    for name, estimator in models.items():
        inner = ChurnClassifier(estimator, calibration=None, tune=None)
        model = ProfitThresholdClassifier(inner, offer=today.offer).fit(past.X, y)
        share[name] = today.expected(model.predict(today.X)) / best
    record_property("share of the oracle's profit", share)
    assert share["boosting"] > 0.93
    assert share["logistic"] > 0.98  # the world is logistic
    assert share["boosting"] > share["boosting, weighted"] + 0.02
    assert share["logistic"] > share["logistic, weighted"] + 0.02


customers = st.lists(
    st.tuples(st.floats(0, 1), st.floats(-50, 2000), st.floats(0, 1) | st.just(np.inf)), min_size=1, max_size=15
)


@given(customers, st.floats(0, 1), st.floats(0, 200), st.floats(0, 50))
def test_no_other_threshold_earns_more_in_expectation(rows, accept_rate, offer_cost, contact_cost):
    p, clv, other = np.array(rows).T
    offer = RetentionOffer(accept_rate=accept_rate, clv=1, offer_cost=offer_cost, contact_cost=contact_cost)
    gain = p * accept_rate * (clv - offer_cost) - p * contact_cost - (1 - p) * (offer_cost + contact_cost)
    ours, _ = offer._decide(p, clv)
    slack = 1e-9 * (1 + np.abs(gain).sum())
    assert gain[ours].sum() >= gain[p > other].sum() - slack
    assert gain[ours].sum() >= -slack
