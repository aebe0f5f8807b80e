"""The numbers of docs/explanation/hazards.md about smooth laws are what the models say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import churnlib as cl

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "hazards.md"


def _peaks(n: int = 40_000, months: int = 36) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customers with peaks of the hazard in months 4-6, 12, 19-20 and 24; features, target, hazards by month."""
    rng = np.random.default_rng(3)
    base = np.full(months + 1, 0.010)
    base[4:7], base[19:21], base[[12, 24]] = 0.030, 0.025, 0.08
    x = rng.standard_normal(n)
    hazard = 1 / (1 + np.exp(-(np.log(base / (1 - base)) + 0.5 * x[:, None])))
    left = np.full(n, months + 1)
    for month in range(1, months + 1):
        leaving = (left > months) & (rng.random(n) < hazard[:, month])
        left[leaving] = month
    watched = rng.integers(6, months + 1, n)
    return x[:, None], cl.survival_target(left <= watched, np.minimum(left, watched).astype(float)), hazard


@pytest.mark.slow
def test_the_table_of_the_page_is_what_the_models_say():
    pytest.importorskip("lifelines", reason="lifelines is not installed, or pandas is too new for it")
    X, y, hazard = _peaks()
    models = [
        cl.LifelinesModel("weibull"),
        cl.LifelinesModel("lognormal"),
        cl.CoxModel(),
        cl.SurvivalBooster(),
        cl.DiscreteTimeHazard(spikes=(12, 24)),
    ]
    for model in models:
        model.fit(X, y)
    table = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [cells for cells in table if len(cells) == 7 and cells[1].strip().startswith(".")]
    assert len(rows) == 6
    for place, *stated in rows:
        tenure, ahead = (int(number) for number in place.split(","))
        truth = 1 - np.prod(1 - hazard[:4000, tenure + 1 : tenure + ahead + 1], axis=1)
        said = [model.predict_churn_probability(X[:4000], ahead, given=tenure).mean() for model in models]
        np.testing.assert_allclose([truth.mean(), *said], [float(cell) for cell in stated], atol=0.002)


def test_a_law_without_those_who_never_leave_says_too_few_stay():
    pytest.importorskip("lifelines", reason="lifelines is not installed, or pandas is too new for it")
    rng = np.random.default_rng(0)
    n = 20_000
    time = np.where(rng.random(n) < 0.35, np.inf, 15 * rng.weibull(1.2, n))
    watched = rng.uniform(24, 72, n)
    y = cl.survival_target(time <= watched, np.minimum(time, watched))
    law = cl.LifelinesModel("weibull").fit(rng.normal(size=(n, 1)), y)
    assert law.predict_survival_function(np.zeros((1, 1)), [60])[0, 0] == pytest.approx(0.27, abs=0.005)
    truth = 0.35 + 0.65 * np.exp(-((60 / 15) ** 1.2))
    assert truth == pytest.approx(0.35, abs=0.005)
    assert cl.KaplanMeier().fit(None, y).predict_survival_function(None, [60])[0, 0] == pytest.approx(truth, abs=0.015)
