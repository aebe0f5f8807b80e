import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold

from churnlib.classification import ChurnClassifier
from churnlib.classification._crossfit import OutOfFold, Sample
from churnlib.classification._encoder import TableEncoder
from churnlib.classification._facts import learn_facts, quantiles_of, readable, rounded
from churnlib.metrics import auc_interval
from tests.classification.worlds import truth, world


def facts_of(X, y, probability=None, *, weight=None, customer=None, **options):
    sample = Sample(X, np.asarray(y, dtype=np.int64), weight, TableEncoder.learn(X), customer, [])
    scored = None if probability is None else OutOfFold(np.arange(len(X)), np.asarray(probability))
    options = {"cv": None, "seed": 0, "estimator": None, "monotone": (), **options}
    return learn_facts(sample, scored, **options)


def known(n=600, *, seed=0, cutoffs=2):
    X, y = world(n, seed=seed, cutoffs=cutoffs)
    return X, y.to_numpy(), truth(X.fillna({"silence": 30.0})).to_numpy(), X.index.get_level_values("customer_id")


# -- the rows ----------------------------------------------------------------------------


def test_rows_customers_cutoffs_and_base_rate_are_counted():
    X, y, _, customer = known()
    facts = facts_of(X, y, customer=customer)
    assert (facts.n_rows, facts.n_customers, facts.n_churned) == (600, 300, y.sum())
    assert facts.cutoffs == ("2025-01-01T00:00:00+00:00", "2025-01-31T00:00:00+00:00")
    assert facts.n_cutoffs == 2
    by_cutoff = pd.Series(y, index=X.index).groupby("cutoff").mean()
    assert facts.rates == (by_cutoff.min(), by_cutoff.max())
    assert facts.base_rate.value == y.mean()
    assert facts.base_rate.low < y.mean() < facts.base_rate.high


def test_rows_repeated_by_their_customers_say_no_more_about_the_base_rate():
    X, y, _, customer = known(cutoffs=1)
    once = facts_of(X, y, customer=customer).base_rate
    again = facts_of(pd.concat([X, X]), np.r_[y, y], customer=customer.append(customer)).base_rate
    assert again.standard_error == pytest.approx(once.standard_error)


def test_without_an_index_that_says_so_nothing_is_known_of_customers_and_times():
    facts = facts_of(pd.DataFrame({"a": [1.0, 2.0]}), [0, 1])
    assert (facts.n_customers, facts.cutoffs, facts.rates, facts.out_of_fold) == (None, (), (), None)
    missing = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.DatetimeIndex([pd.NaT, pd.NaT], name="cutoff"))
    assert facts_of(missing, [0, 1]).cutoffs == ()


def test_instants_that_differ_by_row_leave_no_rate_behind():
    index = pd.Index(pd.date_range("2025-01-01", periods=200, freq="h"), name="cutoff")
    assert facts_of(pd.DataFrame({"a": np.arange(200.0)}, index=index), np.arange(200) % 2).rates == ()


# -- the columns -------------------------------------------------------------------------


def test_columns_have_role_missing_share_and_quantiles():
    X, y, _, customer = known(4000, cutoffs=1)
    silence, orders, plan, vip = facts_of(X, y, customer=customer).columns
    assert (silence.name, silence.role, vip.role, plan.role) == ("silence", "number", "number", "category")
    assert silence.missing == X["silence"].isna().mean()
    assert silence.quantiles[5] == rounded(X["silence"].median())
    assert (orders.n_categories, plan.n_categories, plan.quantiles) == (None, 3, ())
    assert dict(plan.common) == {text: rounded(share) for text, share in X["plan"].value_counts(normalize=True).items()}


def test_a_pipeline_s_infinite_values_are_no_matter():
    X = pd.DataFrame({"a": [np.inf, -np.inf, 1.0, 2.0] * 30})
    (column,) = facts_of(X, [0, 1] * 60).columns
    assert column.quantiles[5] == 1.5


@pytest.mark.parametrize(("n", "hidden"), [(9, 11), (20, 10), (99, 4), (100, 2), (999, 2), (1000, 0)])
def test_ten_customers_lie_beyond_every_quantile_that_is_kept(n, hidden):
    values = np.arange(float(n))
    kept = quantiles_of(values, np.arange(n))
    assert sum(value is None for value in kept) == hidden
    assert quantiles_of(np.tile(values, 50), np.tile(np.arange(n), 50)).count(None) == hidden


def test_categories_of_few_customers_are_not_named():
    customer = pd.Index(np.repeat(np.arange(30), 20))
    X = pd.DataFrame({"town": np.where(np.arange(600) < 180, "Ems", np.where(np.arange(600) < 380, "Ulm", "Bonn"))})
    (town,) = facts_of(X, np.arange(600) % 2, customer=customer).columns
    # Ems has 180 rows, all of 9 customers
    assert town.common == (("Bonn", 0.367), ("Ulm", 0.333))
    assert town.n_categories == 3


def test_an_id_like_column_leaves_no_id_behind():
    X = pd.DataFrame({"phone": [f"0170-{number}" for number in range(500)]})
    (phone,) = facts_of(X, np.arange(500) % 2).columns
    assert (phone.common, phone.n_categories) == ((), 500)


def test_the_facts_do_not_grow_with_the_rows():
    X, y, p, customer = known(200)
    large, many, stated, who = known(20_000)
    small = len(pickle.dumps(facts_of(X, y, p, customer=customer)))
    assert len(pickle.dumps(facts_of(large, many, stated, customer=who))) < small + 200


# -- out of fold -------------------------------------------------------------------------


def test_log_loss_and_auc_are_scikit_learn_s_and_customers_are_the_draws():
    X, y, p, customer = known()
    found = facts_of(X, y, p, customer=customer).out_of_fold
    assert found.log_loss.value == pytest.approx(log_loss(y, p))
    assert found.auc.value == pytest.approx(roc_auc_score(y, p))
    assert (found.auc.low, found.auc.high) == (
        auc_interval(y, p, customer=customer).low,
        auc_interval(y, p, customer=customer).high,
    )
    assert (found.predicted, found.observed) == (pytest.approx(p.mean()), y.mean())
    assert found.n_customers == 300


def test_weights_count_and_leave_the_auc_without_an_interval():
    X, y, p, customer = known()
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X))
    facts = facts_of(X, y, p, weight=weight, customer=customer)
    assert facts.weighted
    assert facts.out_of_fold.log_loss.value == pytest.approx(log_loss(y, p, sample_weight=weight))
    assert facts.out_of_fold.auc.value == pytest.approx(roc_auc_score(y, p, sample_weight=weight))
    assert facts.out_of_fold.auc.low is None


def test_one_class_among_the_judged_rows_leaves_the_auc_open():
    found = facts_of(pd.DataFrame({"a": [1.0, 2.0, 3.0]}), [0, 0, 0], [0.1, 0.2, 0.3]).out_of_fold
    assert np.isnan(found.auc.value)
    assert found.auc.low is None
    assert found.observed == 0


def test_the_classifier_judges_what_neither_model_nor_map_has_seen():
    X, y, _, _ = known(800)
    model = ChurnClassifier(LogisticRegression(), calibration="auto").fit(X, y)
    report = model.calibration_report_
    found = model._facts.out_of_fold
    assert found.log_loss.value == pytest.approx(report.loc[report["chosen"], "log_loss"].item())
    plain = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, y)
    assert plain._facts.out_of_fold is None


@pytest.mark.simulation
def test_95_of_100_intervals_hold_the_truth(record_property):
    X, _, p, customer = known(40_000, cutoffs=4)
    expected = float(np.mean(-p * np.log(p) - (1 - p) * np.log(1 - p)))
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    n = 200
    for _ in range(n):
        # customers, not rows, are drawn: the four rows of one share their luck
        drawn = rng.choice(10_000, 250, replace=False)
        rows = (drawn[:, None] * 4 + np.arange(4)).ravel()
        luck = np.repeat(rng.random(250), 4)
        facts = facts_of(X[["orders"]].iloc[rows], (luck < p[rows]), p[rows], customer=customer[rows])
        loss, rate = facts.out_of_fold.log_loss, facts.base_rate
        hits += [loss.low <= expected <= loss.high, rate.low <= p.mean() <= rate.high]
    record_property("coverage", dict(zip(["log_loss", "base_rate"], hits / n, strict=True)))
    assert (hits / n > 0.92).all()
    assert (hits / n < 0.98).all()


# -- how it was made ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cv", "said"),
    [
        (None, "dealt at random, row by row, since no customers are known"),
        (3, "dealt at random, row by row, since no customers are known"),
        (GroupKFold(3), "GroupKFold("),
        ([(np.arange(2), np.arange(2))], "given as positions of rows"),
    ],
)
def test_folds_are_described_without_their_rows(cv, said):
    assert facts_of(pd.DataFrame({"a": [1.0, 2.0]}), [0, 1], cv=cv).folds.startswith(said)


def test_objects_are_named_without_their_address_and_shortly():
    class Odd:
        pass

    assert "0x" not in readable(Odd())
    assert readable(np.mean) == "mean"
    assert len(readable("a" * 500)) == 200


def test_versions_name_what_the_model_was_fitted_with():
    X, y, *_ = known(100)
    named = dict(facts_of(X, y, estimator=LogisticRegression()).versions)
    assert set(named) == {"python", "numpy", "pandas", "scikit-learn"}
    assert "xgboost" in dict(ChurnClassifier(tune=None, calibration=None).fit(X, y)._facts.versions)


def test_the_rows_of_one_customer_are_no_crowd():
    # 300 of 1,300 rows are one customer's, whose value nobody else comes near
    values = np.append(np.arange(1000.0), np.full(300, 7777.0))
    kept = quantiles_of(values, np.append(np.arange(1000), np.full(300, 1000)))
    assert kept[-3:] == (None, None, None)
    assert kept[-4] == 909
    assert quantiles_of(-values, np.append(np.arange(1000), np.full(300, 1000)))[:3] == (None, None, None)


def test_one_customer_alone_has_no_interval():
    X = pd.DataFrame({"a": np.arange(40.0)})
    rate = facts_of(X, np.arange(40) % 2, customer=pd.Index(np.zeros(40))).base_rate
    assert (rate.value, rate.standard_error, rate.low, rate.high) == (0.5, None, None, None)


def test_shares_at_a_cutoff_are_weighted_as_the_base_rate_is():
    index = pd.Index(np.repeat(pd.date_range("2025-01-01", periods=2), 200), name="cutoff")
    y = np.append(np.arange(200) % 2, np.arange(200) % 4 == 0).astype(int)
    weight = np.where(y == 1, 0.1, 1.0)
    facts = facts_of(pd.DataFrame({"a": np.arange(400.0)}, index=index), y, weight=weight)
    assert facts.rates == pytest.approx((5 / 155, 10 / 110))
    assert facts.rates[0] < facts.base_rate.value < facts.rates[1]
