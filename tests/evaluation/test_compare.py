"""Models on the same folds: the numbers by hand, who wins, what is refused, and the intervals' coverage."""

import warnings
import zlib
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

import churnlib as cl
from churnlib.classification import ChurnClassifier
from churnlib.economics import RetentionOffer
from churnlib.evaluation import compare
from churnlib.evaluation._judged import judge
from churnlib.evaluation._measures import log_loss as log_loss_of
from churnlib.evaluation._measures import over_folds, ranking, together
from churnlib.exceptions import (
    AssumptionWarning,
    DataError,
    DuplicateError,
    LeakageError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from churnlib.model_selection import PurgedGroupTimeSplit
from tests.evaluation.panels import MONTHS, sticky_panel, twins
from tests.evaluation.worlds import Stated, world

OFFER = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
LEARNED = {"logistic": LogisticRegression(), "base rate": DummyClassifier()}


def once(n=300, *, seed=0, signal=1.0):
    """One row a customer, without time."""
    X, y = world(n, 1, seed=seed, signal=signal)
    return X.droplevel("cutoff"), y.droplevel("cutoff")


def number(table, model, metric, column="value"):
    return table.set_index(["model", "metric"]).loc[(model, metric), column]


# -- the numbers -------------------------------------------------------------------------


def test_metrics_are_those_of_each_fold_averaged_by_its_rows():
    X, y = once(300)
    parts = [(np.arange(100, 300), np.arange(100)), (np.arange(200), np.arange(200, 300)), (np.arange(180), [190, 195])]
    parts[2] = (np.arange(140), np.arange(140, 200))
    result = compare(LEARNED, X, y, cv=parts, n_boot=30, offer=OFFER, fraction=0.2)
    fitted = [clone(LEARNED["logistic"]).fit(X.iloc[train], y.iloc[train]) for train, _ in parts]
    stated = [model.predict_proba(X.iloc[test])[:, 1] for model, (_, test) in zip(fitted, parts, strict=True)]
    label = [y.iloc[test].to_numpy() for _, test in parts]
    size = [len(test) for _, test in parts]

    def averaged(metric):
        return np.average([metric(*pair) for pair in zip(label, stated, strict=True)], weights=size)

    assert number(result.frame, "logistic", "auc") == pytest.approx(averaged(roc_auc_score))
    assert number(result.frame, "logistic", "log_loss") == pytest.approx(
        log_loss(np.concatenate(label), np.concatenate(stated))
    )
    top = averaged(lambda y, p: y[np.argsort(-p)[: round(0.2 * len(y))]].mean())
    assert number(result.frame, "logistic", "precision") == pytest.approx(top)
    earned = averaged(lambda y, p: np.mean(np.where(p > 11 / 67, np.where(y == 1, 56, -11), 0)))
    assert number(result.frame, "logistic", "profit") == pytest.approx(earned)
    assert result.n_rows == 260
    folds = result.folds[result.folds["model"] == "logistic"]
    assert folds["auc"].tolist() == pytest.approx([roc_auc_score(*pair) for pair in zip(label, stated, strict=True)])
    assert folds["stated_rate"].tolist() == pytest.approx([p.mean() for p in stated])
    assert folds["contacted"].tolist() == [(p > 11 / 67).sum() for p in stated]
    assert folds["train_rows"].tolist() == [200, 200, 140]


def test_predictions_are_out_of_fold_in_the_order_of_x():
    X, y = once(90)
    folds = KFold(3, shuffle=True, random_state=1)
    result = compare(LEARNED, X, y, cv=folds, n_boot=20)
    frame = result.predictions
    pd.testing.assert_index_equal(frame.index, X.index)
    assert frame.columns.tolist() == ["fold", "churn", "logistic", "base rate"]
    np.testing.assert_array_equal(frame["churn"], y)
    for fold, (train, test) in enumerate(folds.split(X)):
        np.testing.assert_array_equal(frame["fold"].iloc[test], fold)
        model = LogisticRegression().fit(X.iloc[train], y.iloc[train])
        np.testing.assert_allclose(frame["logistic"].iloc[test], model.predict_proba(X.iloc[test])[:, 1])


def test_differences_are_model_less_reference():
    X, y = once(300)
    models = LEARNED | {"stated": Stated()}
    for reference in (None, "stated"):
        result = compare(models, X, y, cv=3, n_boot=20, offer=OFFER, reference=reference)
        against = reference or "logistic"
        assert set(result.difference["reference"]) == {against}
        assert result.difference["model"].unique().tolist() == [
            name for name in (*models, "silent longest") if name != against
        ]
        for row in result.difference.to_dict("records"):
            gap = number(result.frame, row["model"], row["metric"]) - number(result.frame, against, row["metric"])
            assert row["value"] == pytest.approx(gap)
            assert row["low"] <= row["high"]


def test_the_silent_get_the_list_of_the_reference():
    X, y = once(300)
    result = compare({"stated": Stated()}, X, y, cv=[(np.arange(20), np.arange(20, 300))], n_boot=20, offer=OFFER)
    tested, label = X.iloc[20:], y.iloc[20:].to_numpy()
    silence = tested["any.recency"].to_numpy()
    size, gain = int((tested["p"] > 11 / 67).sum()), np.where(label == 1, 56, -11)
    last = np.sort(silence)[::-1][size - 1]
    above, at = silence > last, silence == last
    theirs = (gain[above].sum() + gain[at].mean() * (size - above.sum())) / len(tested)
    assert number(result.frame, "silent longest", "profit") == pytest.approx(theirs)
    assert number(result.frame, "silent longest", "auc") == pytest.approx(roc_auc_score(label, silence))
    assert result.frame[result.frame["model"] == "silent longest"]["metric"].tolist() == [
        "auc",
        "precision",
        "lift",
        "profit",
    ]


def test_a_better_model_wins_and_a_worse_one_loses():
    X, y = once(1500, signal=2.0)
    noisy = X.assign(q=1 / (1 + np.exp(-np.log(X["p"] / (1 - X["p"])) + np.random.default_rng(1).normal(0, 2, len(X)))))
    result = compare({"noisy": Stated("q"), "true": Stated("p")}, noisy, y, cv=3, n_boot=200)
    gaps = result.difference.set_index(["model", "metric"])
    assert gaps.loc["true", "verdict"].to_dict() == dict.fromkeys(["auc", "log_loss", "precision", "lift"], "wins")
    assert gaps.loc[("true", "log_loss"), "high"] < 0 < gaps.loc[("true", "auc"), "low"]
    turned = compare({"true": Stated("p"), "noisy": Stated("q")}, noisy, y, cv=3, n_boot=200)
    lost = turned.difference.set_index(["model", "metric"])
    assert lost.loc["noisy", "verdict"].to_dict() == dict.fromkeys(["auc", "log_loss", "precision", "lift"], "loses")
    assert result.best == turned.best == "true"


def test_the_same_model_twice_makes_no_clear_difference():
    X, y = once(200)
    result = compare({"a": LogisticRegression(), "b": LogisticRegression()}, X, y, cv=3, n_boot=30, recency=None)
    assert (result.difference[["value", "low", "high"]] == 0).all(axis=None)
    assert set(result.difference["verdict"]) == {"no clear difference"}


def test_the_result_does_not_depend_on_jobs_and_models_are_not_touched():
    X, y = once(150)
    models = {"logistic": LogisticRegression(), "trees": DecisionTreeClassifier(max_depth=3, random_state=0)}
    before = X.copy(deep=True)
    one, two = (compare(models, X, y, cv=3, n_boot=20, n_jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one.frame, two.frame)
    pd.testing.assert_frame_equal(one.predictions, two.predictions)
    pd.testing.assert_frame_equal(X, before)
    assert not hasattr(models["logistic"], "classes_")


def test_folds_of_a_number_share_out_whole_customers():
    X, y = world(100, 2)
    X, y = X.droplevel("cutoff"), y.droplevel("cutoff")
    frame = compare(LEARNED, X, y, cv=4, n_boot=20).predictions
    assert not frame.groupby(level="customer_id")["fold"].std().any()
    other = compare(LEARNED, X, y, cv=4, n_boot=20, random_state=1).predictions
    assert (frame["fold"] != other["fold"]).any()


def test_pipelines_and_churn_classifiers_are_compared_alike():
    X, y = once(200)
    models = {
        "pipeline": make_pipeline(StandardScaler(), LogisticRegression()),
        "ours": ChurnClassifier(LogisticRegression(), calibration=None),
    }
    gap = compare(models, X, y, cv=3, n_boot=20, recency=None).difference
    assert gap["value"].abs().max() < 1e-3


def test_progress_is_shown_only_when_asked(capsys):
    X, y = once(80)
    compare(LEARNED, X, y, cv=2, n_boot=20)
    assert capsys.readouterr().err == ""
    compare(LEARNED, X, y, cv=2, n_boot=20, progress=True)
    shown = capsys.readouterr().err
    assert "fitting models" in shown
    assert "0/4" in shown
    assert "resampling customers" in shown


def test_an_error_of_a_model_names_it_and_its_fold():
    X, y = once(80)
    X = X.assign(word="a")
    with pytest.raises(ValueError, match="could not convert string to float") as caught:
        compare({"fine": DummyClassifier(), "logistic": LogisticRegression()}, X, y, cv=2, n_boot=20)
    assert caught.value.__notes__ == ["This is model 'logistic' on fold 0 of 2."]


def test_warnings_of_a_model_are_heard():
    X, y = once(80)
    with pytest.warns(ConvergenceWarning):
        compare({"hasty": LogisticRegression(max_iter=1)}, X, y, cv=2, n_boot=20)


# -- time --------------------------------------------------------------------------------


def test_folds_in_time_are_in_order_and_purged():
    X, y = sticky_panel(300)
    cv = PurgedGroupTimeSplit(2, horizon="62d", test_size=2)
    result = compare({"stated": LogisticRegression()}, X, y, cv=cv, recency=None, n_boot=20)
    assert result.forward
    folds = result.folds
    assert folds["test_from"].tolist() == [MONTHS[6], MONTHS[8]]
    assert folds["test_until"].tolist() == [MONTHS[7], MONTHS[9]]
    assert result.cutoffs == tuple(MONTHS[6:10])
    assert "as of 2024-07-01 to 2024-10-01" in result.headline


@pytest.fixture(scope="module")
def dataset():
    log = cl.datasets.make_shop(n_customers=150, random_state=3).log
    return cl.build_dataset(
        log,
        cutoffs=cl.monthly("2025-01", "2025-09"),
        lead="7d",
        horizon="60d",
        churn=cl.Inactivity("60d", kinds="order"),
        features=cl.FeatureSpec.standard(),
    )


def test_a_dataset_knows_how_far_its_labels_reach(dataset):
    models = {"base rate": DummyClassifier(), "boosting": XGBClassifier(n_estimators=5, n_jobs=1)}
    cv = PurgedGroupTimeSplit.from_dataset(dataset, n_splits=2)
    assert compare(models, dataset, cv=cv, n_boot=20).forward
    open_labels = PurgedGroupTimeSplit(2, horizon="1d")
    with pytest.raises(
        LeakageError, match=r"labels of \d+ training rows of 2 folds are not known yet(?s:.*)horizon=data.horizon"
    ):
        compare(models, dataset, cv=open_labels, n_boot=20)
    # a frame does not say how far its labels look ahead
    assert compare(models, dataset.X, dataset.y, cv=open_labels, n_boot=20).forward


def test_the_first_of_the_cutoffs_tested_is_the_one_that_counts(dataset):
    month = dataset.X.index.get_level_values("cutoff").month
    train, late, both = (np.flatnonzero(month.isin(months)) for months in ([1], [4], [3, 4]))
    # the labels of January are known on 9 March
    assert compare({"base rate": DummyClassifier()}, dataset, cv=[(train, late)], n_boot=20).forward
    with pytest.raises(LeakageError, match=rf"labels of {len(train)} training rows of 1 folds are not known yet"):
        compare({"base rate": DummyClassifier()}, dataset, cv=[(train, both)], n_boot=20)


def test_random_folds_of_a_panel_are_refused():
    X, y = world(60, 4)
    with pytest.raises(
        LeakageError,
        match=r"test rows belong to customers who also train(?s:.*)PurgedGroupTimeSplit.*cv=5",
    ):
        compare(LEARNED, X, y, cv=KFold(3, shuffle=True, random_state=0), n_boot=20)


@pytest.mark.parametrize("cv", [3, GroupKFold(3)], ids=["number", "GroupKFold"])
def test_whole_customers_at_mixed_times_are_warned_of(cv):
    X, y = world(60, 4)
    with pytest.warns(AssumptionWarning, match="mix times(?s:.*)not how well they predict the next month"):
        result = compare(LEARNED, X, y, cv=cv, n_boot=20)
    assert not result.forward


def test_torn_customers_without_cutoffs_are_warned_of():
    X, y = world(60, 4)
    with pytest.warns(AssumptionWarning, match="240 test rows belong to customers who also train in their fold"):
        compare(LEARNED, X.droplevel("cutoff"), y.to_numpy(), cv=StratifiedKFold(3), n_boot=20)


def test_one_point_in_time_may_be_split_at_random():
    X, y = world(150, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare(LEARNED, X, y, cv=StratifiedKFold(3, shuffle=True, random_state=0), n_boot=20)


def read_as(X, cutoff):
    """The same rows with other cutoffs."""
    return X.set_axis(pd.MultiIndex.from_arrays([X.index.get_level_values(0), cutoff], names=X.index.names))


def test_cutoffs_are_times_whatever_they_are_written_in():
    X, y = sticky_panel(100)
    cv = [
        (
            np.flatnonzero(X.index.get_level_values("cutoff") < month),
            np.flatnonzero(X.index.get_level_values("cutoff") == month),
        )
        for month in MONTHS[8:10]
    ]
    when = X.index.get_level_values("cutoff")
    for written in (when.strftime("%Y-%m-%d"), when.date, pd.CategoricalIndex(when.strftime("%Y-%m-%d"))):
        result = compare(LEARNED, read_as(X, written), y.to_numpy(), cv=cv, recency=None, n_boot=20)
        assert result.forward
        assert "as of 2024-09-01 to 2024-10-01" in result.headline
        assert result.to_dict()["folds"][0]["test_from"] == "2024-09-01T00:00:00+00:00"
    kathmandu = read_as(X, when.tz_localize(None).tz_localize("Asia/Kathmandu"))
    result = compare(LEARNED, kathmandu, y.to_numpy(), cv=cv, recency=None, n_boot=20)
    assert result.cutoffs[0] == pd.Timestamp("2024-09-01", tz="Asia/Kathmandu")


def test_cutoffs_that_sort_by_their_letters_or_are_missing_are_refused():
    X, y = sticky_panel(100)
    when = X.index.get_level_values("cutoff")
    month = MONTHS.get_indexer(when)
    # October sorts before February, by the letters
    letters = read_as(X, when.strftime("%m/%d/%Y").str.lstrip("0"))
    later_first = [(np.flatnonzero(month == 9), np.flatnonzero(month == 1))]
    with pytest.raises(TimeError, match="cutoffs cannot be read as times"):
        compare(LEARNED, letters, y.to_numpy(), cv=later_first, recency=None)
    with pytest.raises(ParameterTypeError, match="cutoffs are bare numbers"):
        compare(LEARNED, read_as(X, when.year * 100 + when.month), y.to_numpy(), cv=3, recency=None)
    with pytest.raises(TimeError, match=r"1 of 758 cutoffs are missing \(row 5\)"):
        compare(LEARNED, read_as(X, when.where(np.arange(len(X)) != 5)), y.to_numpy(), cv=3, recency=None)


def test_labels_by_customer_belong_to_the_customers_of_the_rows():
    X, y = world(60, 2)
    by_customer = y.droplevel("cutoff")
    with pytest.raises(DataError, match=r"different order(?s:.*)get_level_values\('customer_id'\)"):
        compare(LEARNED, X, by_customer.sample(frac=1, random_state=0), cv=3)


def test_a_frozen_model_is_warned_of():
    X, y = once(120)
    knows = DecisionTreeClassifier(random_state=0).fit(X, y)
    for frozen in (
        FrozenEstimator(knows),
        make_pipeline(FrozenEstimator(StandardScaler().fit(X)), LogisticRegression()),
    ):
        with pytest.warns(AssumptionWarning, match="model 'old' is frozen(?s:.*)it knows the answers") as heard:
            compare(LEARNED | {"old": frozen}, X, y, cv=2, n_boot=20)
        assert heard[0].filename == __file__


def test_an_offer_that_never_pays_is_said_once_to_the_caller():
    X, y = once(120)
    never = RetentionOffer(accept_rate=0.3, clv=5, offer_cost=10)
    with pytest.warns(AssumptionWarning, match="nobody is contacted") as heard:
        result = compare(LEARNED, X, y, cv=2, n_boot=20, offer=never)
    assert [found.filename for found in heard] == [__file__]
    assert number(result.frame, "logistic", "profit") == 0


@pytest.mark.parametrize("masks", [False, True], ids=["positions", "masks"])
def test_folds_of_a_generator_serve_all_models(masks):
    X, y = once(90)
    fold = np.arange(90) % 3
    pairs = [(fold != k, fold == k) for k in range(3)]
    given = pairs if masks else [(np.flatnonzero(train), np.flatnonzero(test)) for train, test in pairs]
    result = compare(LEARNED, X, y, cv=(pair for pair in given), n_boot=20)
    np.testing.assert_array_equal(result.predictions["fold"], fold)
    assert result.predictions[["logistic", "base rate"]].notna().all(axis=None)


def test_the_traps_of_splitting_a_panel(record_property):
    """Random folds promise what no next month keeps; purged folds in time say what it will be."""
    X, y = sticky_panel(1000)
    month = MONTHS.get_indexer(X.index.get_level_values("cutoff"))
    part = X.index.get_level_values("customer_id") % 3
    nameless = X.set_axis(pd.Index(np.arange(len(X)), name="row"))  # as if nobody knew whose rows they are
    model = {"boosting": XGBClassifier(n_estimators=80, max_depth=6, learning_rate=0.1, n_jobs=1, random_state=0)}

    def judged(rows, cv):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AssumptionWarning)
            found = compare(model, rows, y.to_numpy(), cv=cv, recency=None, n_boot=20)
        stated = found.predictions
        return number(found.frame, "boosting", "auc"), stated["boosting"].mean() / stated["churn"].mean()

    def in_time(gap, *, unseen=False):
        for k in (6, 7, 8, 9):
            train, test = month <= k - gap, month == k
            if unseen:
                train, test = train & (part != k % 3), test & (part == k % 3)
            yield np.flatnonzero(train), np.flatnonzero(test)

    random, _ = judged(nameless, KFold(4, shuffle=True, random_state=0))
    grouped, _ = judged(X, GroupKFold(4))
    unpurged, _ = judged(X, in_time(1))
    purged, stated = judged(X, in_time(2))
    unseen, stated_of_unseen = judged(X, in_time(2, unseen=True))
    found = {"random": random, "grouped": grouped, "unpurged": unpurged, "purged": purged, "unseen": unseen}
    record_property("auc", found)
    record_property("stated over observed", {"purged": stated, "unseen": stated_of_unseen})
    # the table of docs/how-to/compare-models.md
    page = {"random": 0.760, "grouped": 0.617, "unpurged": 0.752, "purged": 0.643, "unseen": 0.658}
    assert found == pytest.approx(page, abs=0.02)
    assert random > unpurged > purged
    assert random > grouped + 0.03
    assert random - purged > 0.06
    assert stated < 0.8 < stated_of_unseen


# -- intervals ---------------------------------------------------------------------------

METRICS = ("auc", "log_loss", "precision")


def difference(X, y, names, *, metrics, n_boot, seed, n_folds=2):
    """The paired differences as `compare` takes them, of probabilities that are known."""
    fold = np.arange(len(y)) * n_folds // len(y)
    places = [np.flatnonzero(fold == k) for k in range(n_folds)]

    def measured(p):
        loss = [log_loss_of(y[own], p[own]) for own in places]
        if metrics == ("log_loss",):
            return over_folds(loss, places)
        ranked = [ranking(y[own], p[own], 0.2) for own in places]
        return over_folds([together(*pair) for pair in zip(ranked, loss, strict=True)], places)

    measures = {name: measured(X[name].to_numpy()) for name in names}
    judged = judge(measures, X.index, n_boot=n_boot, random_state=seed, progress=False)
    return judged.difference(*names).set_index("metric").loc[list(metrics)]


@cache
def truth(names, metrics):
    if names == ("one", "two"):  # they see as much of the truth as each other
        return np.zeros(len(metrics))
    X, y = twins(200_000, np.random.default_rng(1))
    return difference(X, y, names, metrics=metrics, n_boot=2, seed=0)["value"].to_numpy()


def coverage(names, repetitions, *, metrics, n_boot):
    held, width = np.zeros(len(metrics)), np.zeros(len(metrics))
    known = truth(names, metrics)
    for repetition in range(repetitions):
        rng = np.random.default_rng([zlib.crc32(" ".join(names).encode()), repetition])
        X, y = twins(400, rng)
        found = difference(X, y, names, metrics=metrics, n_boot=n_boot, seed=repetition)
        held += (found["low"] <= known) & (known <= found["high"])
        width += (found["high"] - found["low"]) / repetitions
    return dict(zip(metrics, held / repetitions, strict=True)), dict(zip(metrics, width, strict=True))


def test_equal_models_make_no_clear_difference_at_the_nominal_rate(record_property):
    held, width = coverage(("one", "two"), 400, metrics=("log_loss",), n_boot=200)
    record_property("coverage", held)
    record_property("width", width)
    assert 0.91 <= held["log_loss"] <= 0.9825


@pytest.mark.slow
@pytest.mark.parametrize("names", [("one", "two"), ("one", "little")], ids=["equal", "better"])
def test_the_paired_difference_is_covered(names, record_property):
    held, width = coverage(names, 2000, metrics=METRICS, n_boot=400)
    record_property("coverage", held)
    record_property("width", width)
    # The end of a list moves in steps from resample to resample, which makes the interval of the precision too wide:
    # 2,000 runs gave .961 (equal) and .966 (better), above the band of the others. Too narrow it may not be.
    highest = {"auc": 0.9655, "log_loss": 0.9655, "precision": 0.98}
    assert all(0.9335 <= share <= highest[metric] for metric, share in held.items()), held


# -- errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "error", "said"),
    [
        ([LogisticRegression()], ParameterTypeError, "models is a list; names with unfitted classifiers"),
        ({}, ParameterTypeError, "models is empty"),
        ({1: LogisticRegression()}, ParameterTypeError, "models are named 1; names that are text"),
        ({"a": LogisticRegression}, ParameterTypeError, "model 'a' is the class LogisticRegression"),
        ({"a": Perceptron()}, ParameterTypeError, r"'a' is a Perceptron, which states no(?s:.*)ChurnClassifier\("),
        ({"fold": LogisticRegression()}, ParameterError, "a model is named 'fold'; fold, churn, silent longest are"),
    ],
)
def test_models_that_cannot_be_compared(models, error, said):
    X, y = once(50)
    with pytest.raises(error, match=said):
        compare(models, X, y, cv=2)


def test_a_reference_that_is_none_of_the_models():
    X, y = once(50)
    with pytest.raises(ParameterError, match=r"reference='logistc' is none of the models .did you mean 'logistic'"):
        compare(LEARNED, X, y, cv=2, reference="logistc")


def test_folds_that_are_none():
    X, y = once(60)
    with pytest.raises(ParameterTypeError, match="cv is None; folds to compare on"):
        compare(LEARNED, X, y, cv=None)
    with pytest.raises(ParameterTypeError, match="cv='month' is no way to split"):
        compare(LEARNED, X, y, cv="month")
    with pytest.raises(DataError, match="cv gives no folds"):
        compare(LEARNED, X, y, cv=[])
    with pytest.raises(DataError, match=r"1 of 2 folds have no rows to train on or none to test \(1\)"):
        compare(LEARNED, X, y, cv=[(range(30), range(30, 60)), (range(30), [])])
    with pytest.raises(DuplicateError, match="10 rows are tested by several folds"):
        compare(LEARNED, X, y, cv=[(range(30), range(30, 50)), (range(30), range(40, 60))])
    with pytest.raises(LeakageError, match="5 rows of 1 folds are trained on and tested in the same fold"):
        compare(LEARNED, X, y, cv=[(range(35), range(30, 60))])


def test_folds_without_churners():
    X, y = once(60)
    y = np.repeat([0, 1], [30, 30]) * np.tile([0, 1], 30)
    with pytest.raises(DataError, match="of the 30 training rows of fold 0 0 churned"):
        compare(LEARNED, X, y, cv=[(range(30), range(30, 60))])
    with pytest.raises(DataError, match="of the 30 test rows of fold 0 0 churned; every fold needs"):
        compare(LEARNED, X, y, cv=[(range(30, 60), range(30))])


def test_labels_are_zero_and_one_and_in_the_order_of_x():
    X, y = once(60)
    with pytest.raises(DataError, match=r"60 of 60 labels are missing or unknown(?s:.*)label == 'churned'"):
        compare(LEARNED, X, np.where(y == 1, "left", "here"), cv=2)
    with pytest.raises(DataError, match=r"the same 60 labels in different order(?s:.*)y.loc\[X.index\]"):
        compare(LEARNED, X, y.iloc[::-1], cv=2)
    others = y.rename(index={y.index[7]: 900})
    with pytest.raises(DataError, match=r"1 of 60 labels of y are of rows that X does not have \(900\)"):
        compare(LEARNED, X, others, cv=2)
    unnamed = y.set_axis(range(1000, 1060))  # row numbers say nothing
    assert compare(LEARNED, X, unnamed, cv=2, n_boot=20).n_rows == 60
    with pytest.raises(DataError, match=r"y has shape \(60, 1\); one column of labels"):
        compare(LEARNED, X, y.to_frame(), cv=2)
    for unknown in ("Int8", "boolean", object):
        with pytest.raises(DataError, match=r"1 of 60 labels are missing or unknown.*\(nan\); labels 0 and 1"):
            compare(LEARNED, X, y.astype(bool).astype(unknown).mask(np.arange(60) == 7), cv=2)
    with pytest.raises(ParameterTypeError, match="a dataset and y were both given"):
        compare(LEARNED, SimpleNamespace(X=X, y=y), y, cv=2)


def test_probabilities_that_are_none():
    X, y = once(60)
    for wrong in (np.nan, 1.5, -0.1):
        broken = X.assign(p=np.where(np.arange(60) == 7, wrong, X["p"]))
        with pytest.raises(DataError, match=r"'stated' states 1 of \d+ probabilities that are missing or outside"):
            compare({"stated": Stated()}, broken, y, cv=2)


class Odd(LogisticRegression):
    def __init__(self, rows=slice(None), columns=slice(None)):
        super().__init__()
        self.rows = rows
        self.columns = columns

    def predict_proba(self, X):
        return super().predict_proba(X)[self.rows, self.columns]


@pytest.mark.parametrize(
    ("odd", "shape"),
    [(Odd(columns=1), r"\(30,\)"), (Odd(columns=slice(1)), r"\(30, 1\)"), (Odd(rows=slice(1, None)), r"\(29, 2\)")],
)
def test_probabilities_of_another_shape(odd, shape):
    X, y = once(60)
    with pytest.raises(DataError, match=rf"'odd' states probabilities of shape {shape} for 30 rows; two columns"):
        compare({"odd": odd}, X, y, cv=2)


def test_other_arguments_are_looked_at():
    X, y = once(60)
    with pytest.raises(SchemaError, match="recency='last' is not a column of X"):
        compare(LEARNED, X, y, cv=2, recency="last")
    with pytest.raises(SchemaError, match="customers are unknown"):
        compare(LEARNED, X.reset_index(drop=True), y.to_numpy(), cv=2)
    with pytest.raises(ParameterTypeError, match="offer is a int"):
        compare(LEARNED, X, y, cv=2, offer=3)
    with pytest.raises(ParameterError, match="n_boot=1 is out of range"):
        compare(LEARNED, X, y, cv=2, n_boot=1)
    with pytest.raises(ParameterTypeError, match="progress is 'yes'"):
        compare(LEARNED, X, y, cv=2, progress="yes")
    with pytest.raises(ParameterError, match=r"fraction is 1\.5"):
        compare(LEARNED, X, y, cv=2, fraction=1.5)
    with pytest.raises(ParameterTypeError, match="fraction is 'a tenth', a str"):
        compare(LEARNED, X, y, cv=2, fraction="a tenth")
    with pytest.raises(ParameterError, match="random_state=-1 is out of range"):
        compare(LEARNED, X, y, cv=2, random_state=-1)
    with pytest.raises(SchemaError, match=r"column 'any.recency' \(recency\) holds timedelta64(?s:.*)\.dt\.days"):
        compare(LEARNED, X.assign(**{"any.recency": pd.Timedelta(1, "D")}), y, cv=2)


class Unfittable(LogisticRegression):
    def fit(self, X, y):
        raise AssertionError("nothing was to be fitted")


@pytest.mark.parametrize(
    ("argument", "error"),
    [
        ({"fraction": 0}, ParameterError),
        ({"recency": "last"}, SchemaError),
        ({"offer": RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=1)}, SchemaError),
        ({"random_state": None}, ParameterTypeError),
    ],
    ids=["fraction", "recency", "offer", "random_state"],
)
def test_what_can_be_refused_is_refused_before_anything_is_fitted(argument, error):
    X, y = once(60)
    with pytest.raises(error, match=r"fraction is 0|recency='last'|clv='margin'|random_state is None"):
        compare({"a": Unfittable()}, X, y, cv=2, **argument)
