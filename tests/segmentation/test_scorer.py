"""Scores by frozen edges: equal in, equal out; better in, never worse out; whatever the order of the rows."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline

from churnlib.events import EventLog
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.segmentation import RFMClusterSegmenter, RFMScorer, RFMSegmenter

RFM = ["recency_days", "n_orders", "spend_total"]
SCORES = [f"{name}_score" for name in RFM]


def tables(min_size: int = 1) -> st.SearchStrategy[pd.DataFrame]:
    """Customers of whom many are alike."""
    row = st.tuples(
        st.sampled_from([0, 1, 30, 90, 365]), st.sampled_from([1, 1, 1, 2, 3, 12]), st.sampled_from([0.0, 9.99, 50.0])
    )
    return st.lists(row, min_size=min_size, max_size=30).map(lambda rows: pd.DataFrame(rows, columns=RFM))


def customers(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "recency_days": rng.integers(0, 400, n),
            "n_orders": rng.geometric(0.6, n),
            "spend_total": rng.gamma(2, 40, n).round(2),
        },
        index=pd.Index(np.arange(n) + 1000, name="customer_id"),
    )


# ------------------------------------------------------------------ what must always hold


@given(tables(), st.integers(2, 9))
def test_scores_are_whole_numbers_from_1_to_n(table, n_bins):
    scored = RFMScorer(n_bins=n_bins).fit_transform(table)
    assert scored.columns.tolist() == [*SCORES, "rfm_score"]
    assert (scored[SCORES].dtypes == np.int64).all()
    assert scored[SCORES].to_numpy().min() >= 1
    assert scored[SCORES].to_numpy().max() <= n_bins
    assert scored["rfm_score"].between(0, 100).all()


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_of_the_fit_leaves_no_trace(table, random):
    order = random.sample(range(len(table)), len(table))
    scorer, shuffled = RFMScorer().fit(table), RFMScorer().fit(table.iloc[order])
    pd.testing.assert_frame_equal(shuffled.transform(table), scorer.transform(table))
    pd.testing.assert_frame_equal(scorer.transform(table.iloc[order]), scorer.transform(table).iloc[order])


@given(tables())
def test_equal_customers_have_equal_scores(table):
    scored = RFMScorer().fit_transform(table)
    for name in RFM:
        assert scored.groupby(table[name])[f"{name}_score"].nunique().eq(1).all()
    assert scored.groupby([table[name] for name in RFM])["rfm_score"].nunique().eq(1).all()


@given(tables(), tables())
def test_a_better_customer_never_has_a_lower_score(table, others):
    scorer = RFMScorer(weights={"spend_total": 2}).fit(table)
    worse, better = (
        others,
        others.assign(
            recency_days=others["recency_days"] // 2,
            n_orders=others["n_orders"] + 1,
            spend_total=others["spend_total"] * 3,
        ),
    )
    assert (scorer.transform(better) >= scorer.transform(worse)).all(axis=None)


@given(tables(), tables())
def test_a_customer_alone_is_scored_as_among_others(table, others):
    """Frozen edges: nobody's score depends on who else is scored."""
    scorer = RFMScorer().fit(table)
    together = scorer.transform(others)
    for k in range(len(others)):
        pd.testing.assert_frame_equal(scorer.transform(others.iloc[[k]]), together.iloc[[k]])


@given(tables(), st.data())
def test_whole_weights_are_repeated_rows(table, data):
    weight = data.draw(st.lists(st.integers(0, 3), min_size=len(table), max_size=len(table)).filter(any))
    weighted = RFMScorer().fit(table, sample_weight=weight)
    repeated = RFMScorer().fit(table.loc[table.index.repeat(weight)])
    assert pickle.dumps(weighted.edges_) == pickle.dumps(repeated.edges_)
    pd.testing.assert_frame_equal(weighted.transform(table), repeated.transform(table))


@pytest.mark.parametrize("seed", range(5))
def test_70_percent_of_one_time_buyers_have_one_score_whatever_the_order(seed):
    table = customers(1000).assign(n_orders=[1] * 700 + [2] * 200 + [5] * 100)
    table = table.sample(frac=1, random_state=seed)
    scored = RFMScorer().fit_transform(table)
    # by hand: p is 0.35, 0.8 and 0.95
    assert scored.groupby(table["n_orders"])["n_orders_score"].agg(set).to_dict() == {1: {2}, 2: {5}, 5: {5}}


# ------------------------------------------------------------------ numbers by hand


def test_111_is_0_and_555_is_100_exactly():
    for weights in (None, {"spend_total": 2}, dict(zip(RFM, (0.1, 0.2, 0.7), strict=True))):
        scorer = RFMScorer(weights=weights).fit(customers())
        ends = pd.DataFrame([[1e6, -1, -1], [-1, 1e6, 1e6]], columns=RFM)
        assert scorer.rfm_code(ends).tolist() == ["111", "555"]
        assert scorer.transform(ends)["rfm_score"].tolist() == [0.0, 100.0]


def test_the_total_is_the_weighted_mean_of_the_scores():
    # codes 12345 in one column each: (score - 1) / 4 is 0, .25, .5, .75, 1
    table = pd.DataFrame({name: [1.0, 2, 3, 4, 5] for name in RFM})
    scorer = RFMScorer(weights={"spend_total": 2}, lower_is_better=[]).fit(table)
    mixed = pd.DataFrame([[5, 1, 3]], columns=RFM)
    assert scorer.transform(mixed)["rfm_score"].tolist() == [100 * (1 * 1 + 1 * 0 + 2 * 0.5) / 4]
    assert scorer.weights_ == {"recency_days": 0.25, "n_orders": 0.25, "spend_total": 0.5}


def test_weights_that_sum_to_80_percent_score_80():
    """0.3 + 0.5 are 0.8, as a person reads it, and not a hair less."""
    shares = (0.1, 0.2, 0.3, 0.4)
    names = list("abcd")
    weights = dict(zip(names, shares, strict=True))
    scorer = RFMScorer(columns=names, weights=weights, n_bins=2).fit([[1] * 4, [2] * 4])
    for best in itertools.product([0, 1], repeat=4):
        expected = sum(round(10 * share) for share, is_best in zip(shares, best, strict=True) if is_best) * 10
        assert scorer.transform([[2.0 if is_best else 0.0 for is_best in best]])[0, -1] == expected


def test_the_code_is_a_label_of_digits_joined_where_they_would_run_together():
    table = pd.DataFrame({"a": np.arange(20), "b": np.arange(20)})
    assert RFMScorer(n_bins=9).fit(table).rfm_code(table.iloc[[0, 19]]).tolist() == ["11", "99"]
    assert RFMScorer(n_bins={"a": 10}).fit(table).rfm_code(table.iloc[[0, 19]]).tolist() == ["1-1", "10-5"]


def test_a_code_of_more_columns_than_64_bits_can_count():
    table = np.arange(60.0).reshape(2, 30)
    assert RFMScorer(n_bins=9).fit(table).rfm_code(table).tolist() == ["3" * 30, "7" * 30]


def test_business_thresholds_with_their_bounds():
    scorer = RFMScorer(
        columns=["recency_days", "spend_total"],
        strategy="threshold",
        edges={"recency_days": [30, 90, 180], "spend_total": [100, 500]},
        closed={"spend_total": "left"},
    ).fit(customers())
    days = pd.DataFrame({"recency_days": [30, 31, 90, 91, 180, 181], "spend_total": [99.99, 100, 499, 500, 501, 0]})
    assert scorer.rfm_code(days).tolist() == ["41", "32", "32", "23", "23", "11"]
    intervals = scorer.score_intervals()
    assert intervals["recency_days"].tolist() == ["(-∞, 30]", "(30, 90]", "(90, 180]", "(180, ∞)"]
    assert intervals["spend_total"].tolist() == ["", "[500, ∞)", "[100, 500)", "(-∞, 100)"]
    assert scorer.n_scores_ == {"recency_days": 4, "spend_total": 3}
    assert scorer.edges_["spend_total"].tolist() == [100.0, 500.0]


def test_one_column_by_threshold_beside_others_by_quantile():
    table = customers()
    scorer = RFMScorer(strategy={"n_orders": "threshold"}, edges={"n_orders": [1, 2, 4, 8]}).fit(table)
    scored = scorer.transform(table)
    assert set(scored.loc[table["n_orders"] == 1, "n_orders_score"]) == {1}
    pd.testing.assert_series_equal(scored["spend_total_score"], RFMScorer().fit_transform(table)["spend_total_score"])


def test_behaviour_and_potential_enter_by_name():
    table = customers().assign(active_days=np.arange(200), referrals=np.arange(200)[::-1], note="x")
    names = [*RFM, "active_days", "referrals"]
    scorer = RFMScorer(columns=names, weights={"active_days": 0.5, "referrals": 0}).fit(table)
    scored = scorer.transform(table)
    assert scored.columns.tolist() == [*(f"{name}_score" for name in names), "rfm_score"]
    assert scorer.weights_["referrals"] == 0.0
    assert scorer.weights_["active_days"] == pytest.approx(0.5 / 3.5)


# ------------------------------------------------------------------ any frame, any array


@pytest.mark.parametrize("make", [pl.DataFrame, pl.LazyFrame, pa.table])
def test_any_frame_gives_the_same_numbers(make):
    table = customers()
    other = make({name: table[name].to_list() for name in reversed(RFM)})
    scorer = RFMScorer().fit(table)
    expected = scorer.transform(table).reset_index(drop=True)
    pd.testing.assert_frame_equal(RFMScorer().fit(other).transform(other), expected)
    pd.testing.assert_frame_equal(scorer.transform(other), expected)


def test_other_columns_of_a_frame_with_all_three_are_not_looked_at():
    table = customers()
    wide = table.assign(name="ann", birthday=pd.Timestamp("2000-01-01"))[["name", *reversed(RFM), "birthday"]]
    scorer = RFMScorer().fit(wide)
    assert scorer.feature_names_in_.tolist() == RFM
    assert scorer.n_features_in_ == 3
    pd.testing.assert_frame_equal(scorer.transform(wide), RFMScorer().fit(table).transform(table))
    assert scorer.get_feature_names_out(list(wide.columns)).tolist() == [*SCORES, "rfm_score"]


def test_an_array_with_named_columns_is_the_frame():
    table = customers()
    scorer = RFMScorer(columns=RFM).fit(table.to_numpy())
    expected = RFMScorer().fit(table).transform(table)
    np.testing.assert_array_equal(scorer.transform(table.to_numpy()), expected.to_numpy())
    pd.testing.assert_frame_equal(scorer.transform(table[RFM[::-1]]), expected)


def test_unnamed_columns_are_better_when_greater():
    scorer = RFMScorer(n_bins=2).fit([[1, 5], [2, 6]])
    assert scorer.columns_ == ("x0", "x1")
    assert scorer.transform([[2, 5]]).tolist() == [[2, 1, 50]]
    turned = RFMScorer(n_bins=2, lower_is_better="x1").fit([[1, 5], [2, 6]])
    assert turned.transform([[2, 5]]).tolist() == [[2, 2, 100]]


def test_pandas_columns_without_text_names_are_an_array_with_an_index():
    frame = pd.DataFrame([[1, 5], [2, 6]], index=["a", "b"])
    scorer = RFMScorer(n_bins=2).fit(frame)
    assert not hasattr(scorer, "feature_names_in_")
    assert scorer.transform(frame).index.tolist() == ["a", "b"]
    assert scorer.transform(frame).columns.tolist() == ["x0_score", "x1_score", "rfm_score"]
    np.testing.assert_array_equal(scorer.transform(frame.to_numpy()), scorer.transform(frame))


@pytest.mark.parametrize(("output", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output(output, kind):
    table = customers()
    scorer = RFMScorer().set_output(transform=output).fit(table)
    expected = RFMScorer().fit(table).transform(table)
    for X in (table, pl.from_pandas(table)):
        scored = scorer.transform(X)
        assert isinstance(scored, kind)
        assert list(scored.columns) == [*SCORES, "rfm_score"]
        np.testing.assert_array_equal(scored.to_numpy(), expected.to_numpy())


def test_no_input_is_modified():
    table = customers()
    before = table.copy(deep=True)
    RFMScorer().fit(table).rfm_code(table)
    pd.testing.assert_frame_equal(table, before)


# ------------------------------------------------------------------ as a part of scikit-learn


def test_in_a_pipeline_under_cross_validation():
    table = customers(400)
    churned = (table["recency_days"] > 200).astype(int)
    for X in (table, pl.from_pandas(table), table.to_numpy()):
        pipeline = make_pipeline(RFMScorer(n_bins=4), LogisticRegression())
        scores = cross_validate(pipeline, X, churned, cv=3, scoring="roc_auc", error_score="raise")["test_score"]
        assert scores.min() > 0.9
    assert pipeline.fit(table, churned)[:-1].get_feature_names_out().tolist() == [*SCORES, "rfm_score"]


def test_a_fitted_scorer_holds_no_data():
    small, large = RFMScorer().fit(customers(100)), RFMScorer().fit(customers(1_000_000))
    assert len(pickle.dumps(large)) < 4096
    assert abs(len(pickle.dumps(large)) - len(pickle.dumps(small))) < 100
    again = pickle.loads(pickle.dumps(large))
    pd.testing.assert_frame_equal(again.transform(customers(100)), large.transform(customers(100)))


def test_fitting_again_on_an_array_forgets_the_names():
    scorer = RFMScorer().fit(customers())
    scorer.fit([[1.0], [2.0]])
    assert scorer.columns_ == ("x0",)
    assert scorer.transform([[3.0]]).shape == (1, 2)


# ------------------------------------------------------------------ what is refused


def test_missing_and_infinite_values_are_named():
    table = customers(3).astype(float)
    scorer = RFMScorer().fit(table)
    table.iloc[1:, 2] = np.nan
    for method in (RFMScorer().fit, scorer.transform, scorer.rfm_code):
        with pytest.raises(DataError, match=r"column 'spend_total' is missing \(NaN\) in 2 of 3 rows \(rows 1, 2\)"):
            method(table)
    table["spend_total"] = np.inf
    with pytest.raises(DataError, match=r"column 'spend_total' is infinite \(inf\) in 3 of 3 rows"):
        scorer.transform(table)


def test_a_column_that_is_gone_is_named():
    scorer = RFMScorer().fit(customers())
    with pytest.raises(SchemaError, match="no column 'n_orders'"):
        scorer.transform(customers().rename(columns={"n_orders": "orders"}))


def test_a_text_column_is_named():
    with pytest.raises(SchemaError, match=r"column 'plan' holds .*string values"):
        RFMScorer().fit(pd.DataFrame({"plan": ["a", "b"], "orders": [1, 2]}))


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"columns": []}, ParameterError, "columns is empty"),
        ({"columns": ["n_orders", "n_orders"]}, ParameterError, "columns names n_orders more than once"),
        (
            {"columns": "n_orders", "weights": {"spend": 1}},
            ParameterError,
            "weights names 'spend', which is not scored",
        ),
        ({"weights": {"active_days": 1}}, ParameterError, r"weights names 'active_days'.*\nFix: columns=\['recency"),
        ({"weights": dict.fromkeys(RFM, 0)}, ParameterError, "the weights of all 3 columns are 0"),
        ({"n_bins": 1}, ValueError, "The 'n_bins' parameter of RFMScorer"),
        ({"n_bins": {"n_orders": 1}}, ParameterError, r"n_bins\['n_orders'\]=1 is out of range"),
        ({"n_bins": {"n_orders": 2.5}}, ParameterTypeError, r"n_bins\['n_orders'\] is 2.5"),
        ({"n_bins": {"orders": 4}}, ParameterError, "n_bins names 'orders', which is not scored.*'n_orders'"),
        ({"strategy": "rank"}, ValueError, "The 'strategy' parameter of RFMScorer"),
        ({"strategy": {"n_orders": "treshold"}}, ParameterError, "did you mean 'threshold'"),
        ({"strategy": "threshold"}, ParameterError, "no edges for 3 columns"),
        ({"edges": {"n_orders": [1]}}, ParameterError, r"edges are given for 1 columns.*\(n_orders\).*\nFix: strategy"),
        ({"edges": {"orders": [1]}}, ParameterError, "edges names 'orders', which is not scored"),
        ({"closed": {"n_orders": "both"}}, ParameterError, r"closed\['n_orders'\]='both' is not a choice"),
        ({"lower_is_better": "recency"}, ParameterError, "lower_is_better names 'recency', which is not scored"),
        (
            {"strategy": {"n_orders": "threshold"}, "edges": {"n_orders": [4, 2]}},
            ParameterError,
            r"edges\['n_orders'\] has 2 after 4",
        ),
    ],
)
def test_settings_that_cannot_work_say_why(options, error, text):
    with pytest.raises(error, match=text):
        RFMScorer(**options).fit(customers())


def test_names_for_the_wrong_number_of_columns():
    with pytest.raises(SchemaError, match="columns names 2 columns and the array has 3"):
        RFMScorer(columns=["a", "b"]).fit(np.ones((2, 3)))


def test_a_column_called_rfm_would_hide_the_total():
    with pytest.raises(ParameterError, match="a column is named 'rfm'"):
        RFMScorer().fit(pd.DataFrame({"rfm": [1, 2]}))


def test_unusable_row_weights():
    with pytest.raises(DataError, match=r"sample_weight has shape \(2,\)"):
        RFMScorer().fit(customers(3), sample_weight=[1, 2])


def test_feature_names_are_checked():
    named, unnamed = RFMScorer().fit(customers()), RFMScorer().fit([[1.0, 2.0]])
    with pytest.raises(ParameterError, match="input_features is not equal to feature_names_in_"):
        named.get_feature_names_out(["a", "b", "c"])
    with pytest.raises(ParameterError, match=r"length equal to number of features \(2\), got 1"):
        unnamed.get_feature_names_out(["a"])
    assert unnamed.get_feature_names_out(["a", "b"]).tolist() == ["a_score", "b_score", "rfm_score"]


def test_one_column_may_be_named_by_a_text():
    table = customers()
    one, listed = (RFMScorer(columns=columns).fit(table).transform(table) for columns in ("n_orders", ["n_orders"]))
    pd.testing.assert_frame_equal(one, listed)


@pytest.mark.parametrize("estimator", [RFMScorer(), RFMSegmenter(), RFMClusterSegmenter()])
def test_a_log_and_a_summary_for_lifetime_value_are_told_apart_from_an_rfm_table(estimator):
    frame = pd.DataFrame({"id": [1, 1, 2], "ts": ["2025-01-05", "2025-02-05", "2025-01-09"], "total": [5, 6, 7]})
    log = EventLog.from_frame(frame, customer="id", time="ts", amount="total")
    with pytest.raises(ParameterTypeError, match=r"an EventLog was given.*\nFix: rfm_table\(log\)"):
        estimator.fit(log)
    summary = pd.DataFrame({"frequency": [1, 0], "recency": [31.0, 0.0], "T": [31.0, 27.0]})
    with pytest.raises(SchemaError, match=r"for the models of lifetime value.*\nFix: rfm_table\(log, cutoff"):
        estimator.fit(summary)
