"""A checklist: what is wrong with the input, where it is noticed, and the line that mends it.

Every message names what is wrong with counts, and ends with a fix. Unknown keys of a single row are tested
with the compiled scorer.
"""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier, ProfitThresholdClassifier, contact_list
from churnlib.economics import RetentionOffer, contact_threshold
from churnlib.evaluation import compare, evaluate, out_of_time_predict
from churnlib.exceptions import AssumptionWarning, ChurnlibError, DataError, ParameterError, ParameterTypeError
from churnlib.metrics import (
    RankedOutcomes,
    auepc_score,
    calibration_band,
    calibration_error,
    correct_prior,
    empb_score,
    empc_score,
    expected_profit,
    ks_score,
    lift_score,
    lift_table,
    mpc_score,
    profit_curve,
    profit_interval,
    profit_summary,
    reliability_table,
    savings_score,
)
from churnlib.model_selection import ProfitScorer

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
HOPELESS = RetentionOffer(accept_rate=0.3, clv=20, offer_cost=10, contact_cost=5)
N = 40
CUSTOMERS = pd.Index([f"c{i:02d}" for i in range(N)], name="customer_id")
X = pd.DataFrame({"silence": np.arange(N, dtype=float), "any.recency": 1.0 * np.arange(N)}, index=CUSTOMERS)
Y = pd.Series((np.arange(N) % 3 == 0).astype(int), index=CUSTOMERS, name="churn")
P = np.linspace(0.02, 0.98, N)
VALUE = pd.Series(np.linspace(20.0, 800.0, N), index=CUSTOMERS)
HALVES = [(np.arange(20), np.arange(20, 40)), (np.arange(20, 40), np.arange(20))]


class Stating(ClassifierMixin, BaseEstimator):
    """States one number for every third row, one half for the others, whatever it has learned."""

    def __init__(self, number=0.5):
        self.number = number

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        p = np.where(np.arange(len(X)) % 3 == 0, self.number, 0.5)
        return np.column_stack([1 - p, p])


def offer(clv):
    return RetentionOffer(accept_rate=0.3, clv=clv, offer_cost=10, contact_cost=1)


def refused(call, error, said):
    """The error is of the tree, says this, and how to mend it."""
    with pytest.raises(error, match=said) as caught:
        call()
    assert isinstance(caught.value, ChurnlibError)
    assert re.search(r"\nFix: \S", str(caught.value)), str(caught.value)


def one(p, wrong):
    return np.where(np.arange(len(p)) == 7, wrong, p)


# -- probabilities outside [0, 1], or missing ----------------------------------------------

PROBABILITIES = {
    "expected gain": OFFER.expected_gain,
    "whom to contact": OFFER.contacts,
    "expected gain of rows": lambda p: OFFER.expected_gain(p, X),
    "calibration error": lambda p: calibration_error(Y, p),
    "reliability table": lambda p: reliability_table(Y, p),
    "calibration band": lambda p: calibration_band(Y, p),
    "prior correction": lambda p: correct_prior(p, train_rate=0.5, deploy_rate=0.1),
}


@pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf])
@pytest.mark.parametrize("where", list(PROBABILITIES))
def test_probabilities_outside_their_range(where, wrong):
    said = r"1 of 40 probabilities are (missing or )?outside (0 and 1|\[0, 1\])"
    refused(lambda: PROBABILITIES[where](one(P, wrong)), DataError, said)


@pytest.mark.parametrize("where", list(PROBABILITIES))
def test_missing_probabilities(where):
    said = r"1 of 40 (probabilities are missing|scores are NaN)"
    refused(lambda: PROBABILITIES[where](one(P, np.nan)), DataError, said)


DECISIONS = {
    "ProfitThresholdClassifier": lambda model: (
        ProfitThresholdClassifier(model, offer=OFFER).fit(X[["silence"]], Y).predict(X[["silence"]])
    ),
    "its gain": lambda model: (
        ProfitThresholdClassifier(model, offer=OFFER).fit(X[["silence"]], Y).expected_gain(X[["silence"]])
    ),
    "ChurnClassifier.contact": lambda model: ChurnClassifier(model, calibration=None).fit(X, Y).contact(X, OFFER),
    "ProfitScorer": lambda model: ProfitScorer(OFFER)(model.fit(X, Y), X, Y),
    "evaluate": lambda model: evaluate(model.fit(X, Y), X, Y),
    "compare": lambda model: compare({"broken": model}, X, Y, cv=HALVES),
    "out_of_time_predict": lambda model: out_of_time_predict(model, X, Y, cv=_Halves()),
}


class _Halves:
    def split(self, X, y=None):
        return iter(HALVES)


@pytest.mark.parametrize("wrong", [np.nan, 1.5, -0.5])
@pytest.mark.parametrize("where", list(DECISIONS))
def test_a_classifier_that_states_no_probability(where, wrong):
    said = r"(7|14) of (20|40) probabilities (are|that are) missing or outside \[0, 1\]"
    refused(lambda: DECISIONS[where](Stating(wrong)), DataError, said)


@pytest.mark.parametrize("where", ["ProfitThresholdClassifier", "ProfitScorer", "evaluate", "compare"])
def test_a_classifier_without_probabilities(where):
    from sklearn.svm import LinearSVC

    said = r"LinearSVC,? (which )?states no probabilities"
    refused(lambda: DECISIONS[where](LinearSVC()), (ParameterTypeError, ParameterError), said)


# -- scores and outcomes that are none -----------------------------------------------------

SCORES = {
    "RankedOutcomes": RankedOutcomes,
    "EMPC": lambda y, s: empc_score(y, s, offer=OFFER),
    "MPC": lambda y, s: mpc_score(y, s, offer=OFFER),
    "EMPB": lambda y, s: empb_score(y, s, offer=OFFER),
    "AUEPC": lambda y, s: auepc_score(y, s, offer=OFFER),
    "profit curve": lambda y, s: profit_curve(y, s, offer=OFFER),
    "profit summary": lambda y, s: profit_summary(y, s, offer=OFFER),
    "profit interval": lambda y, s: profit_interval(y, s, offer=OFFER),
    "expected profit": lambda y, s: expected_profit(y, s, offer=OFFER),
    "savings": lambda y, s: savings_score(y, s, offer=OFFER),
    "lift": lift_score,
    "lift table": lift_table,
    "KS": ks_score,
    "calibration error": calibration_error,
}


@pytest.mark.parametrize("where", list(SCORES))
def test_scores_that_are_missing(where):
    refused(lambda: SCORES[where](Y, one(P, np.nan)), DataError, r"1 of 40 (scores|contacts) are NaN \(rows 7\)")


@pytest.mark.parametrize("where", list(SCORES))
def test_outcomes_that_are_missing_or_something_else(where):
    refused(lambda: SCORES[where](one(Y.to_numpy(), np.nan), P), DataError, r"1 of 40 y are NaN \(rows 7\)")
    refused(lambda: SCORES[where](one(Y.to_numpy(), 2), P), DataError, "1 of 40 outcomes are neither 0 nor 1")
    named = np.where(Y == 1, "left", "here")
    refused(lambda: SCORES[where](named, P), DataError, "y cannot be read as numbers")


@pytest.mark.parametrize("where", list(SCORES))
def test_outcomes_of_other_rows_than_the_scores(where):
    refused(lambda: SCORES[where](Y[1:], P), DataError, r"y has 39 rows and the (scores|contacts) have 40")
    refused(lambda: SCORES[where]([], []), DataError, "there are (no rows|0 customers)")


# -- one class -----------------------------------------------------------------------------

ONE_CLASS = {
    "ChurnClassifier": lambda y: ChurnClassifier().fit(X, y),
    "ProfitThresholdClassifier": lambda y: ProfitThresholdClassifier(LogisticRegression(), offer=OFFER).fit(X, y),
    "evaluate": lambda y: evaluate(DummyClassifier().fit(X, Y), X, y),
    "compare": lambda y: compare({"any": DummyClassifier()}, X, y, cv=HALVES),
    "compare on folds of its own": lambda y: compare({"any": DummyClassifier()}, X, y, cv=3),
    "ProfitScorer": lambda y: ProfitScorer(OFFER)(DummyClassifier().fit(X, y), X, y),
    "lift": lambda y: lift_score(y, P),
    "KS": lambda y: ks_score(y, P),
    "AUC": lambda y: RankedOutcomes(y, P).auc(),
    "savings": lambda y: savings_score(y, P, offer=OFFER),
}


@pytest.mark.parametrize("where", list(ONE_CLASS))
def test_nobody_churned(where):
    said = (
        "one class only|40 rows are stayers|none of 40 rows churned|rows of fold 0 0 churned|cv gives no folds|"
        r"fitted on the classes \[0\]|the better of contacting nobody and everybody costs 0"
    )
    refused(lambda: ONE_CLASS[where](Y * 0), DataError, said)


def test_a_list_still_earns_or_costs_where_nobody_churned():
    """Of one class there is no ranking, but there is money: what is contacted is wasted, nobody the best list."""
    assert expected_profit(Y * 0, np.ones(N), offer=OFFER) == -11
    assert empc_score(Y * 0, P, offer=OFFER) == mpc_score(Y * 0, P, offer=OFFER) == 0


# -- costs and rates -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"offer_cost": -1}, "offer_cost=-1 is not a cost; a finite number that is not negative"),
        ({"contact_cost": -0.5}, "contact_cost=-0.5 is not a cost"),
        ({"offer_cost": np.nan}, "offer_cost=nan is not a cost"),
        ({"offer_cost": "ten"}, "offer_cost='ten' is not a cost"),
        ({"offer_cost": None, "offer_fraction": -0.1}, "offer_fraction=-0.1 is not a share"),
        ({"offer_cost": None}, "offer_cost is None and offer_fraction is None; exactly one"),
        ({"accept_rate": 1.2}, "accept_rate=1.2 is not a share"),
        ({"accept_rate": (6, -14)}, r"accept_rate=\(6, -14\) is no Beta distribution"),
        ({"clv": np.inf}, "clv=inf is not finite"),
    ],
)
def test_costs_and_rates_out_of_range(given, said):
    settings = {"accept_rate": 0.3, "clv": 200, "offer_cost": 10, "contact_cost": 1} | given
    refused(lambda: RetentionOffer(**settings), ParameterError, said)


def test_a_negative_value_contacts_nobody():
    """Divided blindly, a negative value would turn the threshold negative and have everybody contacted."""
    assert contact_threshold(-500.0, accept_rate=0.3, offer_cost=10, contact_cost=1) == np.inf
    assert not OFFER.contacts(P, np.where(np.arange(N) % 2, -500.0, 5.0 * np.arange(N)))[1::2].any()


# -- values of customers -------------------------------------------------------------------

VALUES = {
    "EMPB": lambda clv: empb_score(Y.to_numpy(), P, offer=OFFER, clv=clv),
    "AUEPC": lambda clv: auepc_score(Y.to_numpy(), P, offer=OFFER, clv=clv),
    "expected profit": lambda clv: expected_profit(Y.to_numpy(), P > 0.5, offer=OFFER, clv=clv),
    "savings": lambda clv: savings_score(Y.to_numpy(), P > 0.5, offer=OFFER, clv=clv),
    "profit curve": lambda clv: profit_curve(Y.to_numpy(), P, offer=OFFER, clv=clv),
    "profit interval": lambda clv: profit_interval(Y.to_numpy(), P, offer=OFFER, clv=clv),
    "ProfitScorer": lambda clv: ProfitScorer(OFFER)(DummyClassifier().fit(X, Y), X, Y, clv=clv),
    "ProfitThresholdClassifier": lambda clv: (
        ProfitThresholdClassifier(DummyClassifier(), offer=OFFER).fit(X, Y).predict(X, clv=clv)
    ),
}


@pytest.mark.parametrize("where", list(VALUES))
def test_values_that_are_too_few_or_missing(where):
    refused(lambda: VALUES[where](VALUE.to_numpy()[1:]), DataError, r"clv has shape \(39,\) for 40 rows")
    said = r"clv is missing or infinite in 1 of 40 rows \(rows 7\)"
    refused(lambda: VALUES[where](one(VALUE.to_numpy(), np.nan)), DataError, said)


def test_values_given_to_the_offer_itself():
    refused(lambda: OFFER.threshold(one(VALUE.to_numpy(), np.nan)), DataError, "clv is missing or infinite in 1 of 40")
    refused(lambda: OFFER.expected_gain(P, VALUE.to_numpy()[1:]), DataError, "40 probabilities for 39 rows")
    refused(lambda: OFFER.threshold("margin"), ParameterTypeError, "the values of customers are a str")
    refused(lambda: offer(VALUE.to_numpy()), ParameterTypeError, "clv is a ndarray, which does not say whose")


LABELLED = {
    "threshold": lambda clv: offer(clv).threshold(X),
    "contact": lambda clv: ChurnClassifier(DummyClassifier(), calibration=None).fit(X, Y).contact(X, offer(clv)),
    "contact list": lambda clv: contact_list(
        ChurnClassifier(DummyClassifier(), calibration=None).fit(X, Y), X, offer(clv)
    ),
    "ProfitThresholdClassifier": lambda clv: (
        ProfitThresholdClassifier(DummyClassifier(), offer=offer(clv)).fit(X, Y).predict(X)
    ),
    "ProfitScorer": lambda clv: ProfitScorer(offer(clv))(DummyClassifier().fit(X, Y), X, Y),
    "evaluate": lambda clv: evaluate(DummyClassifier().fit(X, Y), X, Y, offer=offer(clv)),
    "compare": lambda clv: compare({"any": DummyClassifier()}, X, Y, cv=HALVES, offer=offer(clv)),
    "EMPB": lambda clv: empb_score(Y, P, offer=offer(clv)),
}


@pytest.mark.parametrize("where", list(LABELLED))
def test_customers_without_a_value(where):
    refused(lambda: LABELLED[where](VALUE[1:]), DataError, r"clv has no value for 1 of 40 customers \(c00\)")


@pytest.mark.parametrize("where", [name for name in LABELLED if name != "EMPB"])
def test_a_column_of_values_that_is_not_there(where):
    refused(lambda: LABELLED[where]("silenc"), DataError, r"clv='silenc' is not a column of X \(did you mean 'silence'")


# -- an offer that can never pay -----------------------------------------------------------

NEVER = {
    "contacts": lambda: HOPELESS.contacts(P),
    "contact": lambda: ChurnClassifier(DummyClassifier(), calibration=None).fit(X, Y).contact(X, HOPELESS),
    "contact list": lambda: contact_list(
        ChurnClassifier(DummyClassifier(), calibration=None).fit(X, Y), X, HOPELESS
    ).loc[:, "contact"],
    "ProfitThresholdClassifier": lambda: (
        ProfitThresholdClassifier(DummyClassifier(), offer=HOPELESS).fit(X, Y).predict(X)
    ),
    "its score": lambda: ProfitThresholdClassifier(DummyClassifier(), offer=HOPELESS).fit(X, Y).score(X, Y),
    "ProfitScorer": lambda: ProfitScorer(HOPELESS)(DummyClassifier().fit(X, Y), X, Y),
    "MPC": lambda: mpc_score(Y, P, offer=HOPELESS),
    "EMPB": lambda: empb_score(Y, P, offer=HOPELESS),
    "evaluate": lambda: evaluate(DummyClassifier().fit(X, Y), X, Y, offer=HOPELESS, n_boot=20).n_contacted,
    "compare": lambda: (
        compare({"any": DummyClassifier()}, X, Y, cv=HALVES, offer=HOPELESS, n_boot=20).folds["contacted"].fillna(0)
    ),
}


@pytest.mark.parametrize("where", list(NEVER))
def test_an_offer_that_can_never_pay_contacts_nobody_and_says_so(where):
    said = r"not even a certain churner is worth the contact(?s:.*)Fix: lower"
    with pytest.warns(AssumptionWarning, match=said) as heard:
        assert np.sum(NEVER[where]()) == 0
    assert len(heard) == 1
    assert repr(HOPELESS).endswith("never pays)")


def test_an_offer_that_pays_for_others_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not offer(VALUE).contacts(P[:1], X[:1]).any()
        assert offer("silence").contacts(P, X)[-1:].all()
        assert offer(VALUE).contacts(P[:0], X[:0]).empty


# -- categories not seen before ------------------------------------------------------------


def test_a_category_not_seen_in_the_fit_counts_as_missing():
    plans = X.assign(plan=np.where(Y == 1, "basic", "gold"))
    for estimator in (None, LogisticRegression()):
        model = ChurnClassifier(estimator, calibration=None, tune=None).fit(plans, Y)
        strange, unknown = plans.assign(plan="platinum"), plans.assign(plan=None)
        np.testing.assert_array_equal(model.predict_proba(strange), model.predict_proba(unknown))
        assert np.isfinite(model.predict_proba(strange)).all()


@pytest.mark.parametrize("where", ["evaluate", "compare"])
def test_labels_of_who_stayed(where):
    stayed = (1 - Y).rename("retained")
    calls = {
        "evaluate": lambda: evaluate(DummyClassifier().fit(X, Y), X, stayed),
        "compare": lambda: compare({"any": DummyClassifier()}, X, stayed, cv=2),
    }
    refused(calls[where], DataError, "y is named 'retained', and its 40 rows say who stayed")
