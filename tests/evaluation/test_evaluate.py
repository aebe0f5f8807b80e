import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from churnlib.economics import RetentionOffer
from churnlib.evaluation import evaluate
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from tests.evaluation.worlds import Stated, value, world

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)


def test_metrics_are_the_usual_ones():
    X, y = world()
    result = evaluate(Stated(), X, y, n_boot=50)
    assert result.frame["metric"].tolist() == ["auc", "log_loss", "ece", "precision", "lift"]
    assert value(result.frame, "auc") == pytest.approx(roc_auc_score(y, X["p"]))
    assert value(result.frame, "log_loss") == pytest.approx(log_loss(y, X["p"]))
    top = X["p"].nlargest(120).index
    assert value(result.frame, "precision") == pytest.approx(y.loc[top].mean())
    assert value(result.frame, "lift") == pytest.approx(y.loc[top].mean() / y.mean())
    parts = np.array_split(np.argsort(X["p"].to_numpy()), 10)
    ece = sum(abs(X["p"].iloc[part].mean() - y.iloc[part].mean()) * len(part) for part in parts) / len(X)
    assert value(result.frame, "ece") == pytest.approx(ece)
    assert (result.n_rows, result.n_customers, result.list_size) == (1200, 400, 120)
    assert result.base_rate == pytest.approx(y.mean())


def test_the_silent_get_a_list_of_the_same_length():
    X, y = world()
    result = evaluate(Stated(), X, y, n_boot=50)
    silence = X["any.recency"]
    days = result.silent_days
    above, at = silence > days, silence == days
    assert above.sum() < 120 <= (above | at).sum() == result.silence.listed
    # those who tie at the end of the list stand on it with equal chance
    expected = (y[above].sum() + y[at].mean() * (120 - above.sum())) / 120
    assert value(result.baseline, "precision") == pytest.approx(expected)
    assert value(result.baseline, "auc") == pytest.approx(roc_auc_score(y, silence))
    assert result.baseline["metric"].tolist() == ["auc", "precision", "lift"]


def test_differences_are_model_less_silent():
    X, y = world()
    result = evaluate(Stated(), X, y, n_boot=50, offer=OFFER)
    for metric in ("auc", "precision", "lift", "profit"):
        gap = value(result.frame, metric) - value(result.baseline, metric)
        assert value(result.difference, metric) == pytest.approx(gap)


def test_profit_is_what_the_contacts_bring():
    X, y = world()
    result = evaluate(Stated(), X, y, n_boot=50, offer=OFFER)
    contacted = X["p"] > 11 / 67
    profit = (56 * (contacted & (y == 1)).sum() - 11 * (contacted & (y == 0)).sum()) / len(y)
    assert value(result.frame, "profit") == pytest.approx(profit)
    assert result.n_contacted == contacted.sum()
    # by hand for the silent: a list as long, ties in equal parts
    silence = X["any.recency"].to_numpy()
    gain = np.where(y == 1, 56, -11)
    size = contacted.sum()
    last = np.sort(silence)[::-1][size - 1]
    above, at = silence > last, silence == last
    theirs = (gain[above].sum() + gain[at].mean() * (size - above.sum())) / len(y)
    assert value(result.baseline, "profit") == pytest.approx(theirs)


def test_profit_uses_each_customer_s_own_value():
    X, y = world()
    clv = pd.Series(np.linspace(0, 500, 400), index=range(400))
    offer = RetentionOffer(accept_rate=0.3, clv=clv, offer_cost=10, contact_cost=1)
    result = evaluate(Stated(), X, y, n_boot=20, offer=offer)
    own = clv.loc[X.index.get_level_values(0)].to_numpy()
    contacted = X["p"].to_numpy() > offer.threshold(X).to_numpy()
    gain = np.where(y == 1, 0.3 * (own - 10) - 1, -11.0)
    assert value(result.frame, "profit") == pytest.approx((contacted * gain).sum() / len(y))


def test_a_good_model_wins_and_says_so():
    X, y = world(800, signal=2.0)
    result = evaluate(Stated(), X, y, n_boot=100)
    assert result.verdict == "wins"
    assert "the model wins, by +" in result.sentence
    assert "On 2,400 rows of 800 customers as of 2025-01-01 to 2025-03-02" in result.sentence


def test_a_bad_model_loses_and_says_so():
    X, y = world(800, signal=0.0)
    X["p"] = np.random.default_rng(1).uniform(0.01, 0.99, len(X))
    result = evaluate(Stated(), X, y, n_boot=100)
    assert result.verdict == "loses"
    assert "the model loses, by -" in result.sentence


def test_a_model_that_is_the_rule_is_no_better():
    X, y = world(signal=0.0)
    X["p"] = (X["any.recency"] + 1) / 100
    result = evaluate(Stated(), X, y, n_boot=50)
    assert result.verdict == "no clear difference"
    assert "no clear difference, +0.0 points (+0.0 to +0.0)" in result.sentence


def test_never_seen_counts_as_silent_longest():
    X, y = world()
    gone = X.copy()
    gone.loc[gone["any.recency"] == gone["any.recency"].max(), "any.recency"] = np.nan
    with_gap, without = (evaluate(Stated(), rows, y, n_boot=20).baseline for rows in (gone, X))
    assert value(with_gap, "auc") == pytest.approx(value(without, "auc"))


def test_comparison_may_be_left_out():
    X, y = world()
    result = evaluate(Stated(), X.drop(columns="any.recency"), y, n_boot=20, recency=None, offer=OFFER)
    assert result.baseline is result.difference is result.silence is result.silent_days is result.verdict is None
    assert "against" not in result.sentence
    assert "silent" not in repr(result)


def test_a_dataset_brings_its_labels():
    X, y = world()
    dataset = SimpleNamespace(X=X, y=y)
    pd.testing.assert_frame_equal(
        evaluate(Stated(), dataset, n_boot=20).frame, evaluate(Stated(), X, y, n_boot=20).frame
    )


def test_same_seed_same_numbers_for_any_order_of_rows():
    X, y = world(100)
    order = np.random.default_rng(0).permutation(len(X))
    one, other = (
        evaluate(Stated(), X.iloc[rows], y.iloc[rows], n_boot=30, offer=OFFER) for rows in (np.arange(len(X)), order)
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.difference, other.difference)


def test_labels_of_the_model_s_own_kind():
    X, y = world()
    model = Stated()
    model.classes_ = np.array(["here", "left"])
    named = evaluate(model, X, np.where(y == 1, "left", "here"), n_boot=20)
    pd.testing.assert_frame_equal(named.frame, evaluate(Stated(), X, y, n_boot=20).frame)


def test_columns_the_model_does_not_know_are_left_out():
    X, y = world()
    model = Stated()
    model.feature_names_in_ = np.array(["p"], dtype=object)
    seen = []
    model.predict_proba = lambda rows: seen.append(list(rows.columns)) or Stated.predict_proba(model, rows)
    evaluate(model, X, y, n_boot=20)
    assert seen == [["p"]]


def test_input_is_not_modified():
    X, y = world(100)
    before = X.copy(deep=True)
    evaluate(Stated(), X, y, n_boot=20, offer=OFFER)
    pd.testing.assert_frame_equal(X, before)


def test_a_page_has_no_nan_and_no_markup_of_the_data():
    X, y = world(100)
    result = evaluate(Stated(), X, y, n_boot=20, offer=OFFER)
    page = result._repr_html_()
    assert "nan" not in page.lower()
    assert "nan" not in repr(result).lower()
    assert "<table" in page
    assert "only an experiment" in repr(result)
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["n_customers"] == 100
    assert plain["metrics"][0]["metric"] == "auc"
    assert len(plain["lift_table"]) == 10


def test_progress_is_shown_only_when_asked(capsys):
    X, y = world(50)
    evaluate(Stated(), X, y, n_boot=20)
    assert capsys.readouterr().err == ""
    evaluate(Stated(), X, y, n_boot=20, progress=True)
    assert "resampling customers" in capsys.readouterr().err


@pytest.mark.slow
def test_intervals_cover_the_truth():
    """The truth of each metric, from 200,000 customers, lies in the 95 % interval about 95 times in 100."""
    big_X, big_y = world(200_000, 2, seed=10_000)
    truth = evaluate(Stated(), big_X, big_y, n_boot=20).frame.set_index("metric")["value"]
    runs = []
    for seed in range(200):
        X, y = world(500, 2, seed=seed)
        runs.append(evaluate(Stated(), X, y, n_boot=200, random_state=seed).frame.set_index("metric"))
    # the ECE of a sample is never that of the population: its interval is about samples of this size
    truth["ece"] = np.mean([run.loc["ece", "value"] for run in runs])
    share = pd.DataFrame([(run["low"] <= truth) & (truth <= run["high"]) for run in runs]).mean()
    # 200 runs: three standard errors below .95 are .904
    assert (share >= 0.90).all(), share


def test_intervals_widen_when_rows_repeat_a_customer():
    X, y = world(300, 1)
    copies = pd.concat([X] * 5).sort_index()
    result = evaluate(Stated(), copies, np.repeat(y.to_numpy(), 5), n_boot=200)
    single = evaluate(Stated(), X, y, n_boot=200)
    width = [
        float(np.ptp(table.set_index("metric").loc["auc", ["low", "high"]])) for table in (result.frame, single.frame)
    ]
    assert width[0] == pytest.approx(width[1], rel=0.15)


# -- errors ------------------------------------------------------------------------------


def test_recency_column_must_be_there():
    X, y = world(50)
    with pytest.raises(
        SchemaError, match=r"(?s)'any.recency' is not a column of X .did you mean 'any.recncy'.*recency=None"
    ):
        evaluate(Stated(), X.rename(columns={"any.recency": "any.recncy"}), y)


def test_model_must_state_probabilities():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="object states no probabilities"):
        evaluate(object(), X, y)


def test_labels_must_be_there():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="y is missing"):
        evaluate(Stated(), X)
    with pytest.raises(ParameterTypeError, match="a dataset and y were both given"):
        evaluate(Stated(), SimpleNamespace(X=X, y=y), y)
    with pytest.raises(DataError, match="X has 150 rows and y 149 labels"):
        evaluate(Stated(), X, y[1:])
    with pytest.raises(DataError, match=r"1 of 150 labels are missing or unknown to the model \(nan\)"):
        evaluate(Stated(), X, y.astype(float).where(np.arange(150) > 0))


def test_rows_must_be_a_frame_that_names_customers():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="X is a ndarray"):
        evaluate(Stated(), X.to_numpy(), y)
    with pytest.raises(SchemaError, match="customers are unknown"):
        evaluate(Stated(), X.reset_index(drop=True), y)


def test_labels_of_one_class():
    X, y = world(50)
    with pytest.raises(DataError, match="150 rows are stayers"):
        evaluate(Stated(), X, y * 0)


def test_too_few_draws():
    X, y = world(50)
    with pytest.raises(ParameterError, match="n_boot=1 is out of range"):
        evaluate(Stated(), X, y, n_boot=1)


def test_fraction_out_of_range():
    X, y = world(50)
    with pytest.raises(ParameterError, match="fraction"):
        evaluate(Stated(), X, y, fraction=1.5)


def test_progress_must_be_a_flag():
    X, y = world(50)
    with pytest.raises(ParameterTypeError, match="progress is 'yes'"):
        evaluate(Stated(), X, y, progress="yes")


def test_fewer_rows_than_bins_are_judged_in_fewer_bins():
    X, _ = world(6, 1)
    result = evaluate(Stated(), X, [0, 1, 0, 1, 0, 1], n_boot=40)
    assert result.n_rows == 6
    assert len(result.lift_table) == 6
    assert np.isfinite(result.calibration.expected)


def test_an_offer_that_is_none_is_refused():
    X, y = world(20)
    with pytest.raises(ParameterTypeError, match="offer is a int; a RetentionOffer says"):
        evaluate(Stated(), X, y, offer=3)


def test_labels_of_who_stayed_are_refused():
    X, y = world(20)
    with pytest.raises(DataError, match="y is named 'retained', and its 60 rows say who stayed"):
        evaluate(Stated(), X, (1 - y).rename("retained"))


def test_a_handful_of_churners_is_said_to_be_too_few():
    X, _ = world(200, 1)
    y = np.zeros(len(X), dtype=int)
    y[:3] = 1
    result = evaluate(Stated(), X, y, n_boot=40)
    assert result.few_churners
    assert result.limits.endswith("Only 3 rows churned: too few to trust the intervals.")
    y[:20] = 1
    enough = evaluate(Stated(), X, y, n_boot=40)
    assert not enough.few_churners
    assert "too few" not in enough.limits
