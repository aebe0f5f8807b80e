"""Landmarks and paths of features that change."""

import copy

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.survival import CoxModel, KaplanMeier, landmark_rows, predict_along_path
from churnlib.targets import survival_target


@pytest.fixture
def rows():
    """Anna has three stretches, then leaves; Ben two and a gap; Cleo leaves at 20; Dan is seen from 15."""
    frame = pd.DataFrame(
        [
            ("anna", 0, 10, 0, 1.0),
            ("anna", 10, 20, 0, 2.0),
            ("anna", 20, 33, 1, 3.0),
            ("ben", 0, 12, 0, 4.0),
            ("ben", 18, 40, 0, 5.0),
            ("cleo", 0, 20, 1, 6.0),
            ("dan", 15, 50, 0, 7.0),
        ],
        columns=["customer", "entry", "time", "event", "calls"],
        index=list("ABCDEFG"),
    )
    return frame, survival_target("event", "time", entry="entry", data=frame)


def _landmarks(rows, **options):
    frame, y = rows
    return landmark_rows(frame[["calls"]], y, groups=frame["customer"], **options)


def test_features_are_those_in_force_at_the_landmark(rows):
    found = _landmarks(rows, at=10)
    assert found.groups.tolist() == ["anna", "ben", "cleo"]
    assert found.X["calls"].tolist() == [2.0, 4.0, 6.0]  # what begins at 10 is known at 10
    assert found.X.index.tolist() == ["B", "D", "F"]
    assert found.y["entry"].tolist() == [10, 10, 10]
    assert found.y["time"].tolist() == [33, 12, 20]  # Ben is lost from sight at 12
    assert found.y["event"].tolist() == [True, False, True]


def test_who_leaves_at_the_landmark_is_gone(rows):
    found = _landmarks(rows, at=20)
    assert found.groups.tolist() == ["anna", "ben", "dan"]


def test_a_horizon_censors_those_still_here(rows):
    found = _landmarks(rows, at=10, horizon=10)
    assert found.y["time"].tolist() == [20, 12, 20]
    assert found.y["event"].tolist() == [False, False, True]


def test_several_landmarks_are_stacked(rows):
    found = _landmarks(rows, at=[0, 20])
    assert found.at.tolist() == [0, 0, 0, 20, 20, 20]
    assert found.y["entry"].tolist() == found.at.tolist()
    assert len(found) == 6


def test_causes_and_arrays_are_kept(rows):
    frame, _ = rows
    y = survival_target([0, 0, 2, 0, 0, 1, 0], frame["time"], entry=frame["entry"], causes=["price", "moved"])
    found = landmark_rows(frame[["calls"]].to_numpy(), y, at=0, groups=frame["customer"])
    assert found.y["event"].tolist() == [2, 0, 1]
    assert isinstance(found.X, np.ndarray)


def test_landmark_predictions_need_no_word_on_the_future():
    generator = np.random.default_rng(0)
    n, months = 300, 6
    customer = np.repeat(np.arange(n), months)
    entry = np.tile(np.arange(months) * 1.0, n)
    X = pd.DataFrame({"calls": generator.poisson(1, n * months).astype(float)})
    leaves = generator.random(n * months) < 0.05 * np.exp(0.5 * X["calls"])
    kept = pd.Series(leaves).groupby(customer).cumsum().sub(leaves) == 0
    y = survival_target(leaves[kept], entry[kept] + 1, entry=entry[kept])
    model = CoxModel().fit(X[kept], y, groups=customer[kept])
    assert model.time_varying_
    found = landmark_rows(X[kept], y, at=[1, 2, 3], groups=customer[kept], horizon=2)
    landmark = CoxModel(covariance="cluster").fit(found.X, found.y, groups=found.groups)
    assert not landmark.time_varying_
    chance = landmark.predict_churn_probability(found.X, 2, given=found.at)
    assert ((chance > 0) & (chance < 1)).all()


def test_landmarks_that_cannot_be_are_refused(rows):
    with pytest.raises(DataError, match="nobody is watched at 60"):
        _landmarks(rows, at=60)
    with pytest.raises(ParameterError, match="at=-1"):
        _landmarks(rows, at=-1)
    with pytest.raises(ParameterError, match="no landmark"):
        _landmarks(rows, at=[])
    with pytest.raises(ParameterError, match="horizon=0 looks at no time"):
        _landmarks(rows, at=10, horizon=0)
    frame, y = rows
    with pytest.raises(DataError, match=r"1 of 7 rows overlap with the row before of their customer \(row 4; 'dan'\)"):
        landmark_rows(frame[["calls"]], y, at=10, groups=frame["customer"].where(frame.index != "E", "dan"))
    with pytest.raises(DataError, match="X has 3 rows and y 7"):
        landmark_rows(frame[["calls"]][:3], y, at=10, groups=frame["customer"])


# ------------------------------------------------------------------ along a path


@pytest.fixture(scope="module")
def model():
    generator = np.random.default_rng(3)
    X = pd.DataFrame({"calls": generator.normal(size=400)})
    time = np.ceil(generator.exponential(20 * np.exp(-0.6 * X["calls"])))
    return CoxModel().fit(X, survival_target(time < 60, np.minimum(time, 60.0)))


def test_a_constant_path_is_the_survival_function(model):
    path = pd.DataFrame({"calls": [0.7, 0.7, 0.7]}, index=list("xyz"))
    found = predict_along_path(model, path, [[0, 10], [10, 11], [11, 30]], groups=[5, 5, 5])
    plain = model.predict_survival_function(path[:1], [10, 11, 30])[0]
    np.testing.assert_allclose(found["survival"], plain, atol=1e-12)
    assert found.index.tolist() == list("xyz")
    np.testing.assert_allclose((1 - found["hazard"]).cumprod(), plain)


def test_it_is_the_product_of_stretches_in_any_order(model):
    X = pd.DataFrame({"calls": [1.0, -1.0, 0.5, 2.0]})
    stretches = pd.DataFrame({"entry": [10, 5, 0, 20], "time": [20, 30, 10, 25]})
    found = predict_along_path(model, X, stretches, groups=["a", "b", "a", "a"])
    H = model.baseline_["all"]
    ratio = np.exp(model.predict_log_hazard_ratio(X))
    steps = ratio * (H(stretches["time"]) - H(stretches["entry"]))
    expected = np.exp(-np.array([steps[2] + steps[0], steps[1], steps[2], steps[2] + steps[0] + steps[3]]))
    np.testing.assert_allclose(found["survival"], expected, atol=1e-12)
    assert found["group"].tolist() == ["a", "b", "a", "a"]


def test_a_target_gives_the_stretches_and_changing_features_need_no_future():
    y = survival_target([0, 1, 0, 1, 1, 0], [3, 6, 4, 7, 5, 9], entry=[0, 3, 0, 4, 0, 0])
    X = pd.DataFrame({"calls": [0.0, 2, 1, 2, 0, 1]})
    fitted = CoxModel().fit(X, y, groups=[1, 1, 2, 2, 3, 4])
    found = predict_along_path(fitted, X, y, groups=[1, 1, 2, 2, 3, 4])
    assert found["survival"].between(0, 1).all()
    assert found.loc[1, "survival"] <= found.loc[0, "survival"]


def test_any_hazard_model_has_paths():
    y = survival_target([1, 1, 0, 1], [1, 2, 3, 4])
    X = np.zeros((4, 1))
    found = predict_along_path(KaplanMeier().fit(X, y), np.zeros((2, 1)), [[0, 1], [1, 2]], groups=[0, 0])
    np.testing.assert_allclose(found["survival"], [0.75, 0.5])


def test_when_nobody_is_left_the_chance_is_zero_and_others_keep_theirs():
    y = survival_target([1, 1, 1], [1, 2, 3])
    fitted = CoxModel(baseline="kalbfleisch-prentice", alpha=1.0).fit(np.array([[0.0], [1.0], [0.5]]), y)
    X = np.zeros((4, 1))
    found = predict_along_path(fitted, X, [[0, 3], [0, 1], [1, 2], [2, 3]], groups=[0, 1, 1, 1])
    assert found["survival"].tolist()[0] == 0
    assert 0 < found["survival"][2] < found["survival"][1] < 1
    assert found["survival"][3] == 0


def test_past_the_support_as_the_caller_says(model):
    X = pd.DataFrame({"calls": [0.0, 0.0, 0.0]})
    y = [[0, 50], [50, 70], [70, 80]]
    with pytest.raises(HistoryError, match="nobody was watched beyond 60"):
        predict_along_path(model, X, y, groups=[0, 0, 0])
    found = predict_along_path(model, X, y, groups=[0, 0, 0], beyond="nan")["survival"]
    assert np.isfinite(found[0])
    assert found[1:].isna().all()
    with pytest.raises(ParameterError, match="beyond='foo'"):
        predict_along_path(model, X, y, groups=[0, 0, 0], beyond="foo")
    with pytest.raises(ParameterError, match="a tail of features that stay as they are"):
        predict_along_path(copy.copy(model).set_params(beyond="extrapolate"), X, y, groups=[0, 0, 0])
    held = predict_along_path(model, X, y, groups=[0, 0, 0], beyond="hold")["survival"]
    assert held[2] == held[1]


@pytest.mark.parametrize(
    ("y", "match"),
    [
        ([[0, 10], [12, 20]], r"1 of 2 rows begin after a gap of their customer \(row 1; 'a'\)"),
        ([[0, 10], [8, 20]], "1 of 2 rows overlap"),
        ([[0, 10], [20, 15]], r"1 of 2 stretches do not end after they begin.*\(row 1\)"),
        ([0, 10], r"y has shape \(2,\)"),
        ([["now", 10], [1, 2]], "y cannot be read as numbers"),
        ([[0, 10]], "X has 2 rows and y 1"),
    ],
)
def test_paths_that_are_none_are_refused(model, y, match):
    with pytest.raises(DataError, match=match):
        predict_along_path(model, pd.DataFrame({"calls": [0.0, 1.0]}), y, groups=["a", "a"])
