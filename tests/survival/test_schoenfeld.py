"""Schoenfeld residuals and the test of proportional hazards; beside R live in test_cox_r.py."""

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.survival import CoxModel, proportional_hazards_test, schoenfeld_residuals
from churnlib.targets import survival_target
from tests.survival.cox_worlds import world

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rows():
    w = world(200, 61)
    X = pd.DataFrame(w.X, columns=["a", "b", "c"])
    return X, survival_target(w.event, w.time, entry=w.entry), w


def test_rossi(data_dir):
    """``cox.zph(coxph(...))`` of R's survival 3.5, whose coefficients stop at 1e-9 of the likelihood."""
    frame = pd.read_csv(data_dir / "rossi.csv.gz")
    X, y = frame[ROSSI], survival_target("arrest", "week", data=frame)
    model = CoxModel().fit(X, y)
    table = proportional_hazards_test(model, X, y)
    expected = [0.06242975, 5.97398165, 2.06826539, 4.22459563, 1.01102156, 0.01838330, 0.52058425, 17.69441525]
    np.testing.assert_allclose(table["chisq"], expected, atol=1e-6)
    assert table.loc["GLOBAL", "p_value"] == pytest.approx(0.01342751, abs=1e-8)
    assert table["df"].tolist() == [1] * 7 + [7]
    for transform, chisq in {"rank": 11.0251834071, "identity": 18.1826870391, "log": 17.6615705707}.items():
        table = proportional_hazards_test(model, X, y, transform=transform)
        assert table.loc["GLOBAL", "chisq"] == pytest.approx(chisq, abs=1e-6)


def test_residuals_are_differences_from_those_at_risk(rows):
    X, y, w = rows
    model = CoxModel(ties="breslow").fit(X, y)
    found = schoenfeld_residuals(model, X, y)
    hazard = np.exp(X.to_numpy() @ model.coef_)
    for (row, t), residual in found.head(30).iterrows():
        at_risk = (w.entry < t) & (t <= w.time)
        mean = hazard[at_risk] @ X.to_numpy()[at_risk] / hazard[at_risk].sum()
        np.testing.assert_allclose(residual, X.iloc[row] - mean, atol=1e-10)
        assert w.time[row] == t
    np.testing.assert_allclose(found.sum(), 0, atol=1e-7)
    assert len(found) == model.n_events_


def test_scaled_residuals_scatter_about_the_coefficients(rows):
    X, y, _ = rows
    model = CoxModel().fit(X, y)
    scaled = schoenfeld_residuals(model, X, y, scaled=True)
    np.testing.assert_allclose(scaled.mean(), model.coef_, atol=1e-8)


def test_an_effect_that_fades_is_found_and_one_that_does_not_is_not():
    generator = np.random.default_rng(1)
    n = 4000
    X = pd.DataFrame({"promo": generator.integers(0, 2, n), "age": generator.normal(size=n)})
    # promo: twice the hazard until day 10, none of it after
    rate = 0.05 * np.exp(0.4 * X["age"].to_numpy())
    early = rate * np.where(X["promo"] == 1, 4.0, 1.0)
    need = generator.exponential(size=n)
    time = np.where(need < early * 10, need / early, 10 + (need - early * 10) / rate)
    y = survival_target(time < 40, np.minimum(time, 40))
    table = proportional_hazards_test(CoxModel().fit(X, y), X, y)
    assert table.loc["promo", "p_value"] < 1e-6
    assert table.loc["age", "p_value"] > 0.01


def test_other_rows_other_weights_and_penalties_are_refused(rows):
    X, y, w = rows
    model = CoxModel().fit(X, y)
    with pytest.raises(DataError, match="not the best for these rows"):
        proportional_hazards_test(model, X[:100], y[:100])
    with pytest.raises(DataError, match="not the best for these rows"):
        schoenfeld_residuals(model, X, y, sample_weight=w.weight)
    with pytest.raises(DataError, match="X has 200 rows and y 100"):
        proportional_hazards_test(model, X, y[:100])
    with pytest.raises(ParameterError, match=r"penalty \(alpha=0.1\)"):
        proportional_hazards_test(CoxModel(alpha=0.1).fit(X, y), X, y)
    with pytest.raises(ParameterError, match="transform='sqrt'"):
        proportional_hazards_test(model, X, y, transform="sqrt")


@pytest.mark.parametrize("transform", ["km", "rank", "identity", "log"])
def test_rows_of_weight_zero_are_as_good_as_left_out(rows, transform):
    X, y, w = rows
    weight = np.where(np.arange(len(X)) % 4 == 0, 0.0, w.weight)
    kept = weight > 0
    model = CoxModel().fit(X, y, sample_weight=weight)
    found = proportional_hazards_test(model, X, y, sample_weight=weight, transform=transform)
    expected = proportional_hazards_test(model, X[kept], y[kept], sample_weight=weight[kept], transform=transform)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
