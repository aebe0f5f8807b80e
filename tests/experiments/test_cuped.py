"""CUPED: the formula, what it saves, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.experiments import cuped, effect


@given(st.integers(0, 10_000))
def test_one_covariate_is_the_published_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = rng.normal(size=(2, 30)) + 5
    found = cuped(y, x)
    theta = np.cov(y, x)[0, 1] / x.var(ddof=1)
    assert found.slopes == pytest.approx([theta])
    assert found.adjusted == pytest.approx(y - theta * (x - x.mean()))
    assert found.adjusted.mean() == pytest.approx(y.mean())
    assert found.variance_ratio == pytest.approx(1 - np.corrcoef(y, x)[0, 1] ** 2)
    assert found.correlation == pytest.approx(abs(np.corrcoef(y, x)[0, 1]))


def test_several_covariates_are_least_squares() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3))
    y = x @ [1.0, -2.0, 0.5] + rng.normal(size=50)
    known = np.linalg.lstsq(np.c_[np.ones(50), x], y, rcond=None)[0][1:]
    assert cuped(y, x).slopes == pytest.approx(known)
    with_constant = cuped(y, np.c_[x, np.full(50, 1e9)])
    assert with_constant.slopes == pytest.approx([*known, 0])
    assert repr(with_constant).startswith("Cuped(slopes ")


def test_slopes_within_arms_are_those_of_dummies() -> None:
    rng = np.random.default_rng(1)
    x, treated = rng.normal(size=60), np.arange(60) % 2
    y = x + 10 * treated + rng.normal(size=60)
    known = np.linalg.lstsq(np.c_[np.ones(60), treated, x], y, rcond=None)[0][2]
    found = cuped(y, x, treatment=treated)
    assert found.slopes == pytest.approx([known])
    # the effect of the adjusted outcome is that of the regression, with nearly the interval of `effect`
    direct, handed = effect(y, treated, covariate=x), effect(found.adjusted, treated)
    assert handed.value == pytest.approx(direct.value, rel=0.01)
    assert handed.standard_error == pytest.approx(direct.standard_error, rel=0.1)


def test_a_series_stays_one() -> None:
    y = pd.Series([1.0, 2.0, 4.0], index=list("abc"), name="spend")
    found = cuped(y, pd.Series([1.0, 2.0, 3.0], index=list("abc")))
    assert found.adjusted.name == "spend"
    assert found.adjusted.index.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("outcome", "covariate", "options", "words"),
    [
        ([1.0, 1.0], [1.0, 2.0], {}, "all 2 outcomes are equal; an outcome that varies"),
        ([1.0, 2.0], [1.0, 2.0], {"treatment": [0, 1]}, "all 2 outcomes are equal within their arm"),
        ([1.0, 2.0], [1.0], {}, "covariate has shape \\(1,\\) and outcome has 2 rows"),
        ([1.0, 2.0], [1.0, np.nan], {}, "1 of 2 rows of covariate are missing"),
        ([1.0, np.nan], [1.0, 2.0], {}, "1 of 2 rows of outcome are missing"),
        (
            [1.0, 2.0],
            [1.0, 2.0],
            {"treatment": [0, 1, 1]},
            "treatment has 3 rows, 0 of them missing, and outcome has 2",
        ),
        ([1.0, 2.0], [1.0, 2.0], {"treatment": [0, None]}, "treatment has 2 rows, 1 of them missing"),
        (pd.Series([1, 0], name="churn"), [1.0, 2.0], {}, "where 1 is bad"),
    ],
)
def test_refusals(outcome, covariate, options, words) -> None:
    with pytest.raises(DataError, match=words):
        cuped(outcome, covariate, **options)
