"""Themes and base make the margin; nothing depends on the order of columns; noise is seen between bags."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from churnlib.reasons import ReasonCatalog, bag_contributions, centre_contributions, theme_contributions

CATALOG = ReasonCatalog({"fee": "PRC01", "rise": "PRC02", "calls": "SRV02", "age": "PRF01"})


def customers(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "fee": rng.gamma(2, 15, n),
            "calls": rng.poisson(1.0, n).astype(float),
            "age": rng.integers(18, 80, n).astype(float),
            "colour": rng.choice(["red", "blue"], n),
        },
        index=pd.Index(range(n), name="customer_id"),
    )
    X.loc[::17, "age"] = np.nan
    p = 1 / (1 + np.exp(-(-2.2 + 0.04 * X["fee"] + 0.6 * X["calls"])))
    return X, (rng.random(n) < p).astype(int).to_numpy()


@pytest.fixture(scope="module")
def fitted() -> tuple[ChurnClassifier, pd.DataFrame, np.ndarray]:
    X, y = customers()
    return ChurnClassifier(calibration=None, random_state=0).fit(X, y), X, y


def test_themes_and_base_are_the_margin(fitted: tuple[ChurnClassifier, pd.DataFrame, np.ndarray]) -> None:
    model, X, y = fitted
    themes = theme_contributions(model.contributions(X), CATALOG)
    margin = logit(model.predict_proba(X)[:, 1])
    # contributions are centred on the retained, so their mean log-odds is the base
    base = margin[y == 0].mean()
    assert list(themes.columns) == ["price", "service_quality", "profile", "other"]
    np.testing.assert_allclose(themes.sum(axis=1) + base, margin, atol=1e-5)


@given(st.permutations(["fee", "rise", "calls", "age", "x"]), st.integers(0, 1000))
def test_the_order_of_columns_decides_nothing(names: list[str], seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(4, 5))
    frame = pd.DataFrame(values, columns=["fee", "rise", "calls", "age", "x"])
    pd.testing.assert_frame_equal(
        theme_contributions(frame, CATALOG), theme_contributions(frame[names], CATALOG), check_exact=True
    )


def test_a_row_does_not_depend_on_the_others() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 4)), columns=["fee", "rise", "calls", "age"])
    alone = pd.concat([theme_contributions(frame.iloc[[row]], CATALOG) for row in range(50)])
    pd.testing.assert_frame_equal(theme_contributions(frame, CATALOG), alone, check_exact=True)


def test_centring_compares_with_the_retained_of_the_same_segment() -> None:
    frame = pd.DataFrame({"b": [1.0, 2.0], "a": [0.0, 5.0]})
    stayed = pd.DataFrame({"a": [1.0, 3.0, 10.0], "b": [0.0, 0.0, 1.0]})
    whole = centre_contributions(frame, stayed)
    np.testing.assert_allclose(whole.to_numpy(), [[1 - 1 / 3, -14 / 3], [2 - 1 / 3, 5 - 14 / 3]])
    assert list(whole.columns) == ["b", "a"]
    parts = centre_contributions(frame, stayed, segment=["n", "s"], reference_segment=["n", "n", "s"])
    assert parts.to_numpy().tolist() == [[1.0, -2.0], [1.0, -5.0]]


def test_centring_the_retained_themselves_gives_zero_on_average(
    fitted: tuple[ChurnClassifier, pd.DataFrame, np.ndarray],
) -> None:
    model, X, y = fitted
    stayed = model.contributions(X)[y == 0]
    np.testing.assert_allclose(centre_contributions(stayed, stayed).mean(), 0.0, atol=1e-12)


def test_centring_names_what_is_wrong() -> None:
    frame = pd.DataFrame({"a": [1.0]})
    with pytest.raises(SchemaError, match="reference differs from contributions in 2 columns"):
        centre_contributions(frame, pd.DataFrame({"b": [1.0]}))
    with pytest.raises(ParameterError, match="only one of segment and reference_segment"):
        centre_contributions(frame, frame, segment=["x"])
    with pytest.raises(ParameterError, match="segment has 2 values for 1 rows"):
        centre_contributions(frame, frame, segment=["x", "y"], reference_segment=["x"])
    with pytest.raises(DataError, match=r"1 of 1 rows belong to segments without a retained customer .x."):
        centre_contributions(frame, frame, segment=["x"], reference_segment=["y"])


@pytest.mark.parametrize(
    ("frame", "error", "text"),
    [
        (np.zeros((2, 2)), ParameterTypeError, "contributions is a ndarray"),
        (pd.DataFrame(), DataError, "0 rows and 0 columns"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), SchemaError, "the column 'a' more than once"),
        (pd.DataFrame({"a": ["x"]}), SchemaError, "1 of 1 columns of contributions hold no numbers .a."),
        (pd.DataFrame({"a": [True]}), SchemaError, "hold no numbers"),
        (pd.DataFrame({"a": [0.0, np.inf], "b": [np.nan, 1.0]}), DataError, "in 2 of 2 rows .rows 0, 1."),
    ],
)
def test_what_are_no_contributions_is_named(frame: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        theme_contributions(frame)  # type: ignore[arg-type]


def test_the_catalogue_must_be_one() -> None:
    with pytest.raises(ParameterTypeError, match="catalog is a dict"):
        theme_contributions(pd.DataFrame({"a": [1.0]}), {"a": "PRC01"})  # type: ignore[arg-type]


def test_bags_differ_from_each_other_and_not_from_run_to_run() -> None:
    X, y = customers(150)
    model = ChurnClassifier(LogisticRegression())
    one, other = (bag_contributions(model, X, y, X.iloc[:5], n_bags=3, random_state=1) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert not one[0].equals(one[1])
    assert model.calibration == "auto"
    assert not hasattr(model, "classes_")


def test_bags_draw_customers_and_not_rows() -> None:
    seen = []

    class Explains:
        def get_params(self, deep: bool = True) -> dict[str, object]:
            return {}

        def fit(self, X: pd.DataFrame, y: object) -> Explains:
            seen.append(X.index.get_level_values("customer_id"))
            return self

        def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
            return X

    X = pd.DataFrame({"a": range(20)}, index=pd.Index(np.repeat(range(10), 2), name="customer_id"))
    bag_contributions(Explains(), X, np.zeros(20), X, n_bags=4)
    assert all((ids.value_counts() % 2 == 0).all() for ids in seen)


def test_bags_name_what_is_wrong() -> None:
    X, y = customers(20)
    with pytest.raises(ParameterError, match="n_bags=1 is out of range"):
        bag_contributions(ChurnClassifier(), X, y, X, n_bags=1)
    with pytest.raises(ParameterTypeError, match="LogisticRegression, which states no contributions"):
        bag_contributions(LogisticRegression(), X, y, X)
