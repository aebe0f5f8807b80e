"""The numbers of other packages, from golden values and, where they are installed, live."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from churnlib.exceptions import DataError, ParameterError
from churnlib.metrics._uplift_score import auuc_score, qini_score
from churnlib.metrics._uplift_top import uplift_at_k
from tests.metrics.uplift_worlds import GOLDEN, RETAINED, SCORE, TREATED

ARMS = {"treatment": TREATED, "propensity": None}


def test_golden_numbers() -> None:
    y, s = RETAINED, SCORE
    turned = {"treatment": TREATED[::-1], "propensity": None}
    for area, score in {"qini": qini_score, "auuc": auuc_score}.items():
        for method in ("sklift", "causalml"):
            value = score(y, s, method=method, **ARMS)
            assert value == pytest.approx(GOLDEN[f"{method} {area}"], abs=1e-10)
        assert score(y[::-1], s[::-1], method="sklift", **turned) == pytest.approx(GOLDEN[f"sklift {area}"], abs=1e-10)
        assert score(y[::-1], s[::-1], method="causalml", **turned) == pytest.approx(
            GOLDEN[f"causalml {area} reversed"], abs=1e-10
        )
    for strategy in ("overall", "by_group"):
        assert uplift_at_k(y, s, k=0.5, method="sklift", strategy=strategy, **ARMS) == pytest.approx(1 / 3)


def area_by_hand(y: np.ndarray, t: np.ndarray, s: np.ndarray) -> float:
    """Above the diagonal of Radcliffe's curve, by trapezoids over the ends of ties."""
    order = np.argsort(-s, kind="stable")
    ends = [k + 1 for k in range(s.size) if k + 1 == s.size or s[order[k]] != s[order[k + 1]]]
    x, gain = [0], [0.0]
    for k in ends:
        on = order[:k]
        control = (1 - t[on]).sum()
        x.append(k)
        gain.append((y * t)[on].sum() - ((y * (1 - t))[on].sum() * t[on].sum() / control if control else 0.0))
    steps = [(x[i + 1] - x[i]) * (gain[i] + gain[i + 1]) / 2 for i in range(len(ends))]
    return float(sum(steps) - x[-1] * gain[-1] / 2)


def test_radcliffe_compares_the_arms_on_each_list() -> None:
    y, t, s = np.array(RETAINED), np.array(TREATED), np.array(SCORE)
    expected = area_by_hand(y, t, s) / (12 * t.sum())
    assert expected == pytest.approx(GOLDEN["radcliffe qini"], abs=1e-7)
    assert qini_score(y, SCORE, method="radcliffe", **ARMS) == pytest.approx(expected, abs=1e-12)
    assert qini_score(y * 2.0, SCORE, method="radcliffe", **ARMS) == pytest.approx(2 * expected, abs=1e-12)


def test_without_harm_the_perfect_order_gains_less() -> None:
    y, t, s = np.array([1, 1, 0, 1, 0, 0]), np.array([1, 1, 1, 0, 0, 0]), np.arange(6, 0, -1)
    values = [qini_score(y, s, treatment=t, method="sklift", negative_effect=negative) for negative in (True, False)]
    gained = y[t == 1].sum() - 3 * y[t == 0].mean()
    expected = [area_by_hand(y, t, y * t - y * (1 - t)), gained * (6 - gained) / 2]
    assert values == pytest.approx([area_by_hand(y, t, s) / best for best in expected], abs=1e-12)


def cases(n_cases: int, *, tied: bool):
    rng = np.random.default_rng(8)
    while n_cases:
        n = int(rng.integers(10, 150))
        y, t = rng.integers(0, 2, (2, n))
        if min(y[t == 1].std(), y[t == 0].std()) > 0:
            n_cases -= 1
            yield y, t, rng.integers(0, rng.choice([2, 10, 500]), n) / 7 if tied else rng.permutation(n) / n


def test_sklift_live() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = pytest.importorskip("sklift.metrics", reason="scikit-uplift is not installed")
        for y, t, s in cases(60, tied=True):
            arms = {"treatment": t, "propensity": None, "method": "sklift"}
            assert qini_score(y, s, **arms) == pytest.approx(metrics.qini_auc_score(y, s, t), abs=1e-12)
            assert auuc_score(y, s, **arms) == pytest.approx(metrics.uplift_auc_score(y, s, t), abs=1e-12)
            if y[t == 1].mean() > y[t == 0].mean():  # else sklift raises
                theirs = metrics.qini_auc_score(y, s, t, negative_effect=False)
                assert qini_score(y, s, negative_effect=False, **arms) == pytest.approx(theirs, abs=1e-12)
            for strategy in ("overall", "by_group"):
                theirs = metrics.uplift_at_k(y, s, t, strategy=strategy, k=0.5)
                assert uplift_at_k(y, s, k=0.5, strategy=strategy, **arms) == pytest.approx(theirs, abs=1e-12)


def test_causalml_live() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = pytest.importorskip("causalml.metrics", reason="causalml is not installed")
        for y, t, s in cases(40, tied=False):
            value = y + s + t
            frame = pd.DataFrame({"y": value, "w": t, "score": s})
            arms = {"treatment": t, "propensity": None, "method": "causalml"}
            assert qini_score(value, s, **arms) == pytest.approx(metrics.qini_score(frame)["score"], abs=1e-10)
            assert auuc_score(value, s, **arms) == pytest.approx(metrics.auuc_score(frame)["score"], abs=1e-10)


def test_what_they_cannot_take_is_refused() -> None:
    y, s = np.array(RETAINED), SCORE
    with pytest.raises(ParameterError, match=r"method='skilift' is not a choice \(did you mean 'sklift'"):
        qini_score(y, s, method="skilift", **ARMS)
    with pytest.raises(ParameterError, match="sample_weight is given with method='causalml'"):
        auuc_score(y, s, method="causalml", sample_weight=np.ones(12), **ARMS)
    with pytest.raises(ParameterError, match="sample_weight is given with method='sklift'"):
        uplift_at_k(y, s, method="sklift", sample_weight=np.ones(12), **ARMS)
    with pytest.raises(DataError, match="6 of 12 outcomes are neither 0 nor 1; sklift is made for"):
        qini_score(y * 3, s, method="sklift", **ARMS)
    with pytest.raises(DataError, match="the perfect order gains nothing"):
        qini_score(y * 0, s, method="sklift", **ARMS)
    with pytest.raises(DataError, match="the perfect order gains nothing"):
        qini_score(1 - y, s, method="sklift", negative_effect=False, treatment=1 - np.array(TREATED))
    with pytest.raises(ParameterError, match="negative_effect is False with method='radcliffe'"):
        qini_score(y, s, method="radcliffe", negative_effect=False, **ARMS)
    with pytest.raises(ParameterError, match="method='radcliffe' is not a choice"):
        auuc_score(y, s, method="radcliffe", **ARMS)
    with pytest.raises(DataError, match="the treatment changed nothing on the whole"):
        qini_score(y * 0, s, method="causalml", **ARMS)
    with pytest.raises(DataError, match=r"among the best 0\.1 of 12 rows 1 are treated and 0 are not"):
        uplift_at_k(y, s, k=0.1, method="sklift", **ARMS)
    with pytest.raises(DataError, match="all 12 rows are treated"):
        qini_score(y, s, method="sklift", treatment=[1] * 12, propensity=None)
    with pytest.raises(ParameterError, match="strategy is 'by_group' with method='churnlib'"):
        uplift_at_k(y, s, strategy="by_group", treatment=TREATED, propensity=0.5)
    with pytest.raises(ParameterError, match="method='causalml' is not a choice"):
        uplift_at_k(y, s, method="causalml", **ARMS)
    with pytest.raises(ParameterError, match="k is 0; a share of the rows"):
        uplift_at_k(y, s, k=0, treatment=TREATED, propensity=0.5)
