"""The splitter: what may train, what tests, and every place of scikit-learn that takes a ``cv``."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from churnlib.calendar import duration
from churnlib.exceptions import HistoryError, ParameterError, ParameterTypeError, SchemaError
from churnlib.model_selection import PurgedGroupTimeSplit, customers_and_cutoffs

DAY = 86_400_000_000


def panel(customers: int = 40, months: int = 10, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """A frame like that of a Dataset: monthly cutoffs, customers who come and go, an int8 outcome."""
    rng = np.random.default_rng(seed)
    cutoffs = pd.date_range("2025-01-01", periods=months, freq="MS", tz="UTC")
    index = pd.MultiIndex.from_product(
        [[f"c{i:03d}" for i in range(customers)], cutoffs], names=["customer_id", "cutoff"]
    )
    index = index[rng.random(len(index)) < 0.8]
    X = pd.DataFrame(rng.normal(size=(len(index), 3)), index=index, columns=["a", "b", "c"])
    y = (rng.random(len(X)) < 1 / (1 + np.exp(1 - X["a"].to_numpy()))).astype("int8")
    return X, pd.Series(y, index=index, name="churn")


# ---- properties ----------------------------------------------------------------------------------------------------

SPANS = st.sampled_from(["0d", "1d", "7d", "12h", "1mo"])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, dict[str, object]]:
    """Rows at irregular cutoffs, some one microsecond beside a boundary, and arguments for them."""
    horizon, lead, embargo = draw(st.sampled_from(["1d", "30d", "1mo", "36h"])), draw(SPANS), draw(SPANS)
    start = 1_735_689_600_000_000  # 2025-01-01
    reach = duration(embargo, name="e", allow_zero=True).after(
        duration(horizon, name="h").after(duration(lead, name="l", allow_zero=True).after(start))
    )
    steps = st.sampled_from([1, DAY, 17 * DAY, reach - start, reach - start - 1, reach - start + 1])
    gaps = draw(st.lists(steps, min_size=3, max_size=9))
    cutoffs = np.unique(start + np.concatenate([[0], np.cumsum(gaps)]))
    customers = draw(st.integers(2, 9))
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, customers - 1), st.integers(0, len(cutoffs) - 1)),
            min_size=4,
            max_size=40,
            unique=True,
        )
    )
    who, when = zip(*rows, strict=True)
    index = pd.MultiIndex.from_arrays(
        [np.array(who), pd.to_datetime(cutoffs[list(when)], unit="us", utc=True)], names=["customer_id", "cutoff"]
    )
    arguments = {
        "n_splits": draw(st.integers(1, 3)),
        "horizon": horizon,
        "lead": lead,
        "embargo": embargo,
        "test_size": draw(st.sampled_from([1, 2, "40d", "1mo"])),
        "unseen_customers": draw(st.booleans()),
    } | draw(
        st.sampled_from(
            [
                {},
                {"window": "rolling"},
                {"window": "rolling", "train_size": 1},
                {"window": "rolling", "train_size": "60d"},
            ]
        )
    )
    return pd.DataFrame({"x": range(len(index))}, index=index), arguments


def folds(cv: PurgedGroupTimeSplit, X: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    try:
        return list(cv.split(X))
    except HistoryError:
        assume(False)
        raise


@given(worlds())
def test_no_training_label_is_open_when_the_test_begins(world: tuple[pd.DataFrame, dict]) -> None:
    X, arguments = world
    keys = customers_and_cutoffs(X)
    lead, horizon, embargo = (
        duration(arguments[name], name=name, allow_zero=True) for name in ("lead", "horizon", "embargo")
    )
    for train, test in folds(PurgedGroupTimeSplit(**arguments), X):
        first_test = keys.cutoff_us[test].min()
        for cutoff in keys.cutoff_us[train].tolist():
            assert embargo.after(horizon.after(lead.after(cutoff))) <= first_test
        assert set(train).isdisjoint(test)


@given(worlds())
def test_folds_are_whole_cutoffs_and_walk_forward(world: tuple[pd.DataFrame, dict]) -> None:
    X, arguments = world
    arguments = arguments | {"unseen_customers": False}
    cutoff = customers_and_cutoffs(X).cutoff_us
    found = folds(PurgedGroupTimeSplit(**arguments), X)
    assert len(found) == arguments["n_splits"] == PurgedGroupTimeSplit(**arguments).get_n_splits(X)
    newest_before = -1
    for train, test in found:
        for rows in (train, test):
            assert np.isin(cutoff, cutoff[rows]).sum() == len(rows)  # every row of a cutoff, or none
            assert (np.diff(rows) > 0).all()
        assert cutoff[test].min() > newest_before  # tests do not overlap
        newest_before = cutoff[test].max()
    assert newest_before == cutoff.max()


@given(worlds())
def test_unseen_customers_share_none_and_take_nothing_else_away(world: tuple[pd.DataFrame, dict]) -> None:
    X, arguments = world
    customer = customers_and_cutoffs(X).customer
    strict = folds(PurgedGroupTimeSplit(**(arguments | {"unseen_customers": True})), X)
    plain = folds(PurgedGroupTimeSplit(**(arguments | {"unseen_customers": False})), X)
    tested: list[set[object]] = []
    for (train, test), (all_train, all_test) in zip(strict, plain, strict=True):
        ours = set(customer[test])
        assert ours.isdisjoint(customer[train])
        assert set(train) <= set(all_train)
        assert set(test) <= set(all_test)
        tested.append(ours)
    assert sum(len(one) for one in tested) == len(set().union(*tested))  # each customer tests in one fold at most


@given(worlds(), st.randoms(use_true_random=False))
def test_row_order_changes_positions_only(world: tuple[pd.DataFrame, dict], random: object) -> None:
    X, arguments = world
    order = random.sample(range(len(X)), len(X))  # type: ignore[attr-defined]
    cv = PurgedGroupTimeSplit(**arguments)
    shuffled = X.iloc[order]
    for straight, other in zip(folds(cv, X), folds(cv, shuffled), strict=True):
        for ours, theirs in zip(straight, other, strict=True):
            assert sorted(X["x"].iloc[ours]) == sorted(shuffled["x"].iloc[theirs])


@given(worlds())
def test_index_arguments_and_table_agree(world: tuple[pd.DataFrame, dict]) -> None:
    X, arguments = world
    cv = PurgedGroupTimeSplit(**arguments)
    customer, time = X.index.get_level_values(0).to_numpy(), X.index.get_level_values(1)
    by_index = folds(cv, X)
    by_arguments = list(cv.split(X.to_numpy(), None, customer, time=time))
    by_groups = list(cv.split(X.to_numpy(), groups=X.index))
    for one, two, three in zip(by_index, by_arguments, by_groups, strict=True):
        for ours, theirs, others in zip(one, two, three, strict=True):
            assert ours.tolist() == theirs.tolist() == others.tolist()
    table = cv.table(X)
    assert table["train_rows"].tolist() == [len(train) for train, _ in by_index]
    assert table["test_rows"].tolist() == [len(test) for _, test in by_index]
    assert (table["known_by"] <= table["test_from"]).all()
    cutoff = customers_and_cutoffs(X).cutoff_us
    for line, (train, test) in zip(table.itertuples(), by_index, strict=True):
        assert line.test_from == pd.Timestamp(cutoff[test].min(), unit="us", tz="UTC")
        assert line.train_until == pd.Timestamp(cutoff[train].max(), unit="us", tz="UTC")
        if not arguments["unseen_customers"] and "window" not in arguments:
            assert line.train_rows + line.purged_rows == (cutoff < cutoff[test].min()).sum()


def test_a_label_that_ends_exactly_at_the_test_trains() -> None:
    time = pd.to_datetime([0, DAY, DAY + 1, 11 * DAY], unit="us", utc=True)
    cv = PurgedGroupTimeSplit(1, horizon="7d", lead="2d", embargo="1d")
    [(train, test)] = cv.split(np.zeros((4, 1)), groups=[1, 1, 1, 1], time=time)
    assert (train.tolist(), test.tolist()) == ([0, 1], [3])


def test_windows_and_sizes() -> None:
    X, _ = panel()
    month = X.index.get_level_values("cutoff").month.to_numpy()

    def months(cv: PurgedGroupTimeSplit) -> list[tuple[list[int], list[int]]]:
        return [(sorted(set(month[train])), sorted(set(month[test]))) for train, test in cv.split(X)]

    # 31 days after 1 July is 1 August, but 31 days after 1 September is 2 October.
    assert months(PurgedGroupTimeSplit(3, horizon="31d")) == [
        ([1, 2, 3, 4, 5, 6, 7], [8]),
        ([1, 2, 3, 4, 5, 6, 7, 8], [9]),
        ([1, 2, 3, 4, 5, 6, 7, 8], [10]),
    ]
    assert months(PurgedGroupTimeSplit(1, horizon="1mo")) == [([1, 2, 3, 4, 5, 6, 7, 8, 9], [10])]
    assert months(PurgedGroupTimeSplit(2, horizon="60d", test_size=2)) == [
        ([1, 2, 3, 4, 5], [7, 8]),
        ([1, 2, 3, 4, 5, 6, 7], [9, 10]),
    ]
    assert months(PurgedGroupTimeSplit(2, horizon="60d", test_size="2mo")) == months(
        PurgedGroupTimeSplit(2, horizon="60d", test_size=2)
    )
    assert months(PurgedGroupTimeSplit(2, horizon="60d", window="rolling")) == [
        ([1, 2, 3, 4, 5, 6, 7], [9]),
        ([2, 3, 4, 5, 6, 7, 8], [10]),
    ]
    assert months(PurgedGroupTimeSplit(2, horizon="60d", window="rolling", train_size=3)) == [
        ([5, 6, 7], [9]),
        ([6, 7, 8], [10]),
    ]
    assert months(PurgedGroupTimeSplit(2, horizon="60d", window="rolling", train_size="2mo")) == [
        ([6, 7], [9]),
        ([7, 8], [10]),
    ]


def test_a_calendar_month_is_one_of_the_zone() -> None:
    # Midnights in Berlin: the clocks change in March, so that 31 × 24 h of UTC reach an hour past 1 April.
    time = pd.to_datetime(["2025-03-01", "2025-04-01"]).tz_localize("Europe/Berlin")
    X = np.zeros((2, 1))
    [(train, test)] = PurgedGroupTimeSplit(1, horizon="1mo", timezone="Europe/Berlin").split(
        X, groups=[1, 1], time=time
    )
    assert (train.tolist(), test.tolist()) == ([0], [1])
    with pytest.raises(HistoryError, match="has no row to train on"):
        list(PurgedGroupTimeSplit(1, horizon="31d").split(X, groups=[1, 1], time=time))


def test_customers_are_dealt_evenly_without_a_pattern_of_their_ids() -> None:
    from churnlib.model_selection._customer_parts import customer_parts

    ids = np.arange(1000)
    part = customer_parts(pd.Index(ids), 5)
    assert np.bincount(part).tolist() == [200] * 5
    for step in (2, 3, 5, 10):  # every second or tenth id may be a business
        assert np.bincount(part[ids % step == 0]).min() > 0.12 * (1000 // step)
    assert part.tolist() == customer_parts(pd.Index(ids[::-1]), 5)[::-1].tolist()
    text = pd.Index([f"c{one}" for one in ids])
    assert customer_parts(text, 5).tolist() == customer_parts(text.astype(object), 5).tolist()


# ---- every place that takes a cv -----------------------------------------------------------------------------------


@pytest.fixture(params=["index", "groups", "routing"])
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    with sklearn.config_context(enable_metadata_routing=request.param == "routing"):
        yield request.param


def inputs(way: str) -> tuple[object, np.ndarray, dict[str, object]]:
    """X, y and what is passed beside them, by each of the three ways."""
    X, y = panel()
    if way == "index":
        return X, y, {}
    if way == "groups":
        return X.to_numpy(), y.to_numpy(), {"groups": X.index}
    customer, time = (X.index.get_level_values(name).to_numpy() for name in ("customer_id", "cutoff"))
    return X.to_numpy(), y.to_numpy(), {"groups": customer, "time": time}


CV = PurgedGroupTimeSplit(3, horizon="31d")


def by_hand() -> list[float]:
    X, y = panel()
    scores = []
    for train, test in CV.split(X):
        model = LogisticRegression().fit(X.iloc[train], y.iloc[train])
        scores.append(roc_auc_score(y.iloc[test], model.predict_proba(X.iloc[test])[:, 1]))
    return scores


def test_cross_validate(way: str) -> None:
    X, y, beside = inputs(way)
    passed = {"params": beside} if way == "routing" else beside
    found = cross_validate(LogisticRegression(), X, y, cv=CV, scoring="roc_auc", **passed)
    assert found["test_score"].tolist() == pytest.approx(by_hand(), abs=1e-12)


def test_cross_val_score_of_a_pipeline(way: str) -> None:
    X, y, beside = inputs(way)
    passed = {"params": beside} if way == "routing" else beside
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    assert cross_val_score(pipe, X, y, cv=CV, scoring="roc_auc", **passed).shape == (3,)


def test_grid_search(way: str) -> None:
    X, y, beside = inputs(way)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=CV, scoring="roc_auc")
    search.fit(X, y, **beside)
    assert search.n_splits_ == 3
    assert [search.cv_results_[f"split{i}_test_score"][1] for i in range(3)] == pytest.approx(by_hand(), abs=1e-12)
    assert clone(search).cv.horizon == "31d"


def test_learning_curve(way: str) -> None:
    X, y, beside = inputs(way)
    passed = {"params": beside} if way == "routing" else beside
    sizes, _, scores = learning_curve(
        LogisticRegression(), X, y, cv=CV, scoring="roc_auc", train_sizes=[1.0], shuffle=True, random_state=0, **passed
    )
    assert sizes.tolist() == [len(next(iter(CV.split(panel()[0])))[0])]
    assert scores.shape == (1, 3)


@pytest.mark.parametrize("way", ["index", "routing"], indirect=True)
def test_calibrated_classifier_with_an_ensemble(way: str) -> None:
    X, y, beside = inputs(way)
    model = CalibratedClassifierCV(LogisticRegression(), cv=CV, ensemble=True).fit(X, y, **beside)
    assert len(model.calibrated_classifiers_) == 3
    frame, outcome = panel()
    train, _ = next(iter(CV.split(frame)))
    first = LogisticRegression().fit(frame.iloc[train], outcome.iloc[train])
    np.testing.assert_allclose(model.calibrated_classifiers_[0].estimator.coef_, first.coef_, rtol=1e-10)


@pytest.mark.parametrize("way", ["index", "routing"], indirect=True)
def test_tuned_threshold(way: str) -> None:
    X, y, beside = inputs(way)
    model = TunedThresholdClassifierCV(LogisticRegression(), cv=CV, scoring="balanced_accuracy").fit(X, y, **beside)
    assert 0 < model.best_threshold_ < 1


def test_nested_search_inside_cross_validation_by_index() -> None:
    X, y = panel()
    inner = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=PurgedGroupTimeSplit(2, horizon="31d"))
    scores = cross_validate(inner, X, y, cv=PurgedGroupTimeSplit(2, horizon="31d"), error_score="raise")["test_score"]
    assert scores.shape == (2,)


def test_requests_can_be_set() -> None:
    with sklearn.config_context(enable_metadata_routing=True):
        X, y, beside = inputs("routing")
        cv = PurgedGroupTimeSplit(3, horizon="31d").set_split_request(groups="who", time="when")
        named = {"who": beside["groups"], "when": beside["time"]}
        found = cross_validate(LogisticRegression(), X, y, cv=cv, scoring="roc_auc", params=named)
        assert found["test_score"].tolist() == pytest.approx(by_hand(), abs=1e-12)


def test_time_splits_are_no_partition() -> None:
    X, y = panel()
    with pytest.raises(ValueError, match="cross_val_predict only works for partitions"):
        cross_val_predict(LogisticRegression(), X, y, cv=CV)
    with pytest.raises(ValueError, match="only works for partitions"):
        CalibratedClassifierCV(LogisticRegression(), cv=CV, ensemble=False).fit(X, y)


def test_arrays_without_keys_are_refused_with_the_fix() -> None:
    X, y = panel()
    with pytest.raises(SchemaError, match=r"groups=data\.X\.index"):
        cross_val_score(LogisticRegression(), X.to_numpy(), y, cv=CV)


# ---- the lesson ----------------------------------------------------------------------------------------------------


def leaky_panel() -> tuple[pd.DataFrame, pd.Series]:
    """Customers at ten monthly cutoffs, with features that all but name them, and labels two months long."""
    rng = np.random.default_rng(0)
    customers, months = 1000, 12
    traits, weights = rng.normal(size=(customers, 6)), rng.normal(size=6) * 0.35
    hidden, drift = rng.normal(size=customers), np.linspace(0, 1, months)
    left = np.full(customers, 99)
    for month in range(months):
        risk = 1 / (1 + np.exp(3.8 - drift[month] - traits @ weights - hidden))
        left[(left == 99) & (rng.random(customers) < risk)] = month
    cutoffs = pd.date_range("2024-01-01", periods=months, freq="30D", tz="UTC")
    parts = []
    for month in range(months - 2):
        here = np.flatnonzero(left >= month)
        part = pd.DataFrame(traits[here] + 0.05 * rng.normal(size=(len(here), 6)), columns=list("abcdef"))
        parts.append(
            part.assign(customer_id=here, cutoff=cutoffs[month], churn=(left[here] - month < 2).astype("int8"))
        )
    frame = pd.concat(parts).set_index(["customer_id", "cutoff"])
    return frame.drop(columns="churn"), frame["churn"]


def test_random_folds_flatter_a_model_and_purged_folds_do_not() -> None:
    from sklearn.ensemble import ExtraTreesClassifier

    X, y = leaky_panel()
    model = ExtraTreesClassifier(30, min_samples_leaf=2, random_state=0)
    auc = {
        name: cross_val_score(model, X, y, cv=cv, scoring="roc_auc").mean()
        for name, cv in {
            "random": KFold(4, shuffle=True, random_state=0),
            "purged": PurgedGroupTimeSplit(4, horizon="60d"),
            "unseen": PurgedGroupTimeSplit(4, horizon="60d", unseen_customers=True),
        }.items()
    }
    assert auc["random"] > auc["purged"] + 0.08, auc
    assert auc["random"] > auc["unseen"] + 0.08, auc
    assert auc["purged"] > 0.55, auc


# ---- refusals ------------------------------------------------------------------------------------------------------


def test_the_horizon_must_be_said() -> None:
    with pytest.raises(ParameterError, match=r"(?s)horizon of the labels is not given.*from_dataset\(data\)"):
        PurgedGroupTimeSplit(5)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"horizon": "0d"}, ParameterError, "horizon='0d' has a length of zero"),
        ({"horizon": "-3d"}, ParameterError, "horizon='-3d' is negative"),
        ({"horizon": 60}, ParameterTypeError, "horizon: 60 is a int and says no unit"),
        ({"lead": "soon"}, ParameterError, "lead: 'soon' is not a length of time"),
        ({"embargo": "-1d"}, ParameterError, "embargo='-1d' is negative"),
        ({"test_size": 0}, ParameterError, "test_size=0 is out of range"),
        ({"test_size": "0d"}, ParameterError, "test_size='0d' has a length of zero"),
        ({"n_splits": 0}, ParameterError, "n_splits=0 is out of range"),
        ({"n_splits": 2.5}, ParameterTypeError, "n_splits is 2.5"),
        ({"window": "sliding"}, ParameterError, "window='sliding' is not a choice"),
        ({"train_size": 3}, ParameterError, "train_size=3 with an expanding window"),
        ({"window": "rolling", "train_size": 0}, ParameterError, "train_size=0 is out of range"),
        ({"unseen_customers": "yes"}, ParameterTypeError, "unseen_customers is 'yes'"),
        ({"timezone": "Mars"}, Exception, "Mars"),
    ],
)
def test_arguments_are_checked_at_once(arguments: dict, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        PurgedGroupTimeSplit(**({"horizon": "60d"} | arguments))


def test_too_short_a_history_is_named_with_what_would_fit() -> None:
    X, _ = panel(months=4)
    with pytest.raises(
        HistoryError, match=r"(?s)4 folds of 1 test cutoffs need more than 4 cutoffs, and there are 4.*n_splits=3"
    ):
        list(PurgedGroupTimeSplit(4, horizon="30d").split(X))
    with pytest.raises(
        HistoryError, match=r"fold 1 of 3, which tests from 2025-02-01.*has no row to train on; lead 0d \+ horizon 60d"
    ):
        list(PurgedGroupTimeSplit(3, horizon="60d").split(X))
    with pytest.raises(HistoryError, match=r"fold 2 of 3 has no cutoff between 2025-03-22.* and 2025-03-27"):
        list(PurgedGroupTimeSplit(3, horizon="1d", test_size="5d").split(X))
    with pytest.raises(HistoryError, match="train_size=9, but only 1 of 4 cutoffs can train the first fold"):
        list(PurgedGroupTimeSplit(2, horizon="31d", window="rolling", train_size=9).split(X))


def test_unseen_customers_need_customers() -> None:
    X, _ = panel(customers=2)
    with pytest.raises(HistoryError, match="2 customers cannot be dealt into 3 parts"):
        list(PurgedGroupTimeSplit(3, horizon="31d", unseen_customers=True).split(X))
    time = pd.to_datetime(["2025-01-01", "2025-01-01", "2025-03-01"], utc=True)
    cv = PurgedGroupTimeSplit(1, horizon="31d", unseen_customers=True)
    outcomes = []
    for lone in ("a", "b"):  # whichever part the newest customer belongs to, one of the two panels cannot be tested
        try:
            outcomes.append(list(cv.split(np.zeros((3, 1)), groups=["a", "b", lone], time=time)))
        except HistoryError as error:
            outcomes.append(str(error))
    refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(refused) == 1
    assert "tests on no row; each fold tests on its own part of the customers" in refused[0]
    assert "unseen_customers=False" in refused[0]


def test_a_dataset_gives_lead_horizon_and_zone() -> None:
    class Log:
        timezone = "Europe/Berlin"

    class Data:
        horizon, lead, log = "2mo", "7d", Log

    made = PurgedGroupTimeSplit.from_dataset(Data, 3, embargo="1d")  # type: ignore[arg-type]
    assert (made.n_splits, made.horizon, made.lead, made.embargo, made.timezone) == (
        3,
        "2mo",
        "7d",
        "1d",
        "Europe/Berlin",
    )


def test_repr_names_the_arguments() -> None:
    assert repr(PurgedGroupTimeSplit(2, horizon="60d")).startswith("PurgedGroupTimeSplit(embargo='0d', horizon='60d'")
