"""Contributions of columns: checked, compared with customers who stay, summed to themes, repeated on bags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from churnlib._checks import check_integer, named_rows
from churnlib._sklearn import clone
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.economics import customers_of
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, message, nearest, some
from churnlib.numerics import customer_draws
from churnlib.reasons._catalog import ReasonCatalog

__all__ = ["Sums", "bag_contributions", "centre_contributions", "checked_bags", "read", "theme_contributions"]

_FIX = "contributions = model.contributions(X)"


class _Explains(Protocol):
    def fit(self, X: Any, y: Any) -> Any: ...
    def contributions(self, X: Any) -> pd.DataFrame: ...


def read(contributions: Any, name: str = "contributions") -> pd.DataFrame:
    """Return contributions if they are finite numbers in named columns.

    Parameters
    ----------
    contributions : DataFrame of shape (n_rows, n_features)
        What the caller passed.
    name : str
        The argument's name, for the message.

    Returns
    -------
    DataFrame
        The same, as float64, its columns sorted by name, so that their order decides nothing.

    Raises
    ------
    ParameterTypeError
        When it is no pandas frame.
    SchemaError
        When a column stands twice or holds no numbers.
    DataError
        When there are no rows or columns, or values are missing or infinite.

    Examples
    --------
    >>> read(pd.DataFrame({"b": [1], "a": [0.5]})).columns.tolist()
    ['a', 'b']
    """
    if not isinstance(contributions, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"{name} is a {type(contributions).__name__}",
                "a pandas frame of log-odds, customers by features, was expected",
                _FIX,
            )
        )
    if contributions.empty:
        raise DataError(
            message(
                f"{name} has {len(contributions):,} rows and {contributions.shape[1]:,} columns",
                "at least one of each",
                _FIX,
            )
        )
    names = [str(column) for column in contributions.columns]
    twice = sorted({column for column in names if names.count(column) > 1})
    if twice:
        raise SchemaError(
            message(f"{name} has the column {twice[0]!r} more than once", "each column stands once", _FIX)
        )
    wrong = [
        column
        for column, dtype in zip(names, contributions.dtypes, strict=True)
        if not pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    ]
    if wrong:
        raise SchemaError(
            message(
                f"{len(wrong)} of {len(names)} columns of {name} hold no numbers ({some(wrong)})",
                "contributions in log-odds were expected, not the features themselves",
                _FIX,
            )
        )
    values = contributions.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise DataError(
            message(
                f"{name} is missing or infinite in {int(bad.sum()):,} of {len(values):,} rows ({named_rows(bad)})",
                "finite log-odds were expected",
                _FIX,
            )
        )
    order = sorted(range(len(names)), key=names.__getitem__)
    return pd.DataFrame(values[:, order], index=contributions.index, columns=[names[place] for place in order])


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Contributions summed to the reasons and to the themes of a catalogue.

    Attributes
    ----------
    code : ndarray of shape (n_rows, n_codes)
        Log-odds of each reason that some column speaks of.
    theme : ndarray of shape (n_rows, n_themes)
        Log-odds of each of their themes.
    codes, themes : tuple of str
        Which, in the catalogue's order.
    of_code : ndarray of shape (n_codes,)
        The theme of each code, by position.
    columns : tuple of ndarray
        The columns of each code, by position.
    """

    code: FloatArray
    theme: FloatArray
    codes: tuple[str, ...]
    themes: tuple[str, ...]
    of_code: IntArray
    columns: tuple[IntArray, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, catalog: ReasonCatalog) -> Sums:
        """Sum a checked frame."""
        reasons = [catalog.reason_of(column) for column in frame.columns]
        mapped = np.array([reason.code for reason in reasons], dtype=object)
        codes = tuple(code for code in catalog.codes if (mapped == code).any())
        theme_of = {reason.code: reason.theme for reason in reasons}
        themes = tuple(theme for theme in catalog.themes if theme in set(theme_of.values()))
        values = frame.to_numpy()
        columns = tuple(np.flatnonzero(mapped == code) for code in codes)
        of_code = np.array([themes.index(theme_of[code]) for code in codes], dtype=np.int64)
        code = np.column_stack([_added(values, places) for places in columns])
        theme = np.column_stack([_added(code, np.flatnonzero(of_code == k)) for k in range(len(themes))])
        return cls(code, theme, codes, themes, of_code, columns)


def _added(values: FloatArray, places: IntArray) -> FloatArray:
    """Add columns one after another: the bytes of a row do not depend on the other rows."""
    total = np.zeros(len(values))
    for place in places:
        total += values[:, place]
    return total


def theme_contributions(contributions: pd.DataFrame, catalog: ReasonCatalog | None = None) -> pd.DataFrame:
    """Sum the contributions of columns to themes.

    The sum over themes is the sum over columns: with the base (the mean log-odds of the
    customers compared with) it is the margin of the model. It is a sum of the columns'
    contributions, which where columns of different themes interact is not what a game
    played by whole themes would give.

    Parameters
    ----------
    contributions : DataFrame of shape (n_rows, n_features)
        Log-odds, as ``ChurnClassifier.contributions(X)`` gives them.
    catalog : ReasonCatalog or None, default=None
        Which column speaks of which theme; None is the standard one.

    Returns
    -------
    DataFrame of shape (n_rows, n_themes)
        Log-odds, positive raises the risk; themes in the catalogue's order, those without a
        column left out.

    Raises
    ------
    SchemaError, DataError, ParameterTypeError
        If the contributions are no finite numbers.

    Examples
    --------
    >>> frame = pd.DataFrame({"any.recency": [0.75], "price": [-0.25], "x7": [0.5]}, index=["ann"])
    >>> theme_contributions(frame).to_dict("records")
    [{'price': -0.25, 'engagement': 0.75, 'other': 0.5}]
    """
    frame = read(contributions)
    sums = Sums.of(frame, _catalog(catalog))
    return pd.DataFrame(sums.theme, index=frame.index, columns=pd.Index(sums.themes, name="theme", dtype=object))


def _catalog(catalog: Any) -> ReasonCatalog:
    if catalog is None:
        return ReasonCatalog()
    if isinstance(catalog, ReasonCatalog):
        return catalog
    raise ParameterTypeError(
        message(f"catalog is a {type(catalog).__name__}", "a ReasonCatalog was expected", "catalog=ReasonCatalog()")
    )


def centre_contributions(
    contributions: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    segment: ArrayLike | None = None,
    reference_segment: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare contributions with those of similar customers who stayed.

    A contribution says little without its baseline: against the average of all customers, tenure
    wins for everyone who is new. ``ChurnClassifier.contributions`` is centred on retained customers
    already; use this for contributions of other makers (SHAP values), or to compare inside segments.

    Parameters
    ----------
    contributions : DataFrame of shape (n_rows, n_features)
        Log-odds of the customers to explain.
    reference : DataFrame of shape (n_retained, n_features)
        Log-odds of retained customers, by the same model, in the same columns.
    segment : array-like of shape (n_rows,), default=None
        Segment of each row to explain, such as its plan; None compares with all who stayed.
    reference_segment : array-like of shape (n_retained,), default=None
        Segment of each retained customer.

    Returns
    -------
    DataFrame of shape (n_rows, n_features)
        ``contribution − mean of the retained of the same segment``, in the columns' order.

    Raises
    ------
    DataError
        If a segment has nobody to compare with.
    SchemaError
        If the columns differ.
    ParameterError
        If only one of the segments is given, or it has another length.

    Examples
    --------
    >>> shap = pd.DataFrame({"tenure": [0.9, 0.2]}, index=["ann", "bob"])
    >>> stayed = pd.DataFrame({"tenure": [0.8, 1.0, 0.1]})
    >>> centred = centre_contributions(shap, stayed, segment=["new", "old"], reference_segment=["new", "new", "old"])
    >>> centred["tenure"].round(2).tolist()
    [0.0, 0.1]
    """
    frame, base = read(contributions), read(reference, "reference")
    _same_columns(frame, base, "reference")
    if (segment is None) != (reference_segment is None):
        raise ParameterError(
            message(
                "only one of segment and reference_segment is given",
                "rows are compared with the retained of the same segment",
                "centre_contributions(..., segment=X['plan'], reference_segment=stayed['plan'])",
            )
        )
    own = _segments(segment, len(frame), "segment")
    theirs = _segments(reference_segment, len(base), "reference_segment")
    alone = own[~np.isin(own, theirs)]
    if len(alone):
        raise DataError(
            message(
                f"{len(alone):,} of {len(own):,} rows belong to segments without a retained customer "
                f"({some(sorted(set(alone)))})",
                "each segment needs customers who stayed",
                "join small segments, or leave segment= out",
            )
        )
    means = {name: base.to_numpy()[theirs == name].mean(axis=0) for name in np.unique(theirs)}
    shift = np.stack([means[name] for name in own])
    names = [str(column) for column in contributions.columns]
    return pd.DataFrame(frame.to_numpy() - shift, index=frame.index, columns=frame.columns)[names]


def _segments(values: Any, size: int, name: str) -> Any:
    if values is None:
        return np.zeros(size, dtype=np.int64)
    listed = np.asarray(values).astype(str)
    if len(listed) != size:
        raise ParameterError(
            message(f"{name} has {len(listed):,} values for {size:,} rows", "one segment for each row", f"{name}=...")
        )
    return listed


def _same_columns(frame: pd.DataFrame, other: pd.DataFrame, name: str) -> None:
    if list(frame.columns) == list(other.columns):
        return
    strange = sorted(set(frame.columns) ^ set(other.columns))
    raise SchemaError(
        message(
            f"{name} differs from contributions in {len(strange)} columns ({some(strange)}; "
            f"{nearest(strange[0], list(frame.columns))})",
            "the same model's contributions, with the same columns",
            f"{name} = ... of the same columns of X",
        )
    )


def checked_bags(bags: Any, frame: pd.DataFrame) -> list[pd.DataFrame] | None:
    """Return the bags' contributions if each explains the same rows by the same columns.

    Parameters
    ----------
    bags : sequence of DataFrame or None
        What the caller passed.
    frame : DataFrame
        The contributions they belong to, as `read` returns them.

    Returns
    -------
    list of DataFrame, or None
        Two at least.

    Raises
    ------
    ParameterTypeError
        When it is no sequence of frames.
    ParameterError
        When there is only one.
    SchemaError, DataError
        When columns or rows differ.
    """
    if bags is None:
        return None
    if isinstance(bags, pd.DataFrame) or not isinstance(bags, Sequence):
        raise ParameterTypeError(
            message(
                f"bags is a {type(bags).__name__}",
                "a list of frames, one for each bag, was expected",
                "bags=bag_contributions(model, X, y, rows)",
            )
        )
    if len(bags) < 2:
        raise ParameterError(
            message(f"there are {len(bags)} bags", "noise is seen between two bags at least", "n_bags=5")
        )
    checked = [read(bag, f"bags[{place}]") for place, bag in enumerate(bags)]
    for place, bag in enumerate(checked):
        _same_columns(frame, bag, f"bags[{place}]")
        if not bag.index.equals(frame.index):
            raise DataError(
                message(
                    f"bags[{place}] explains {len(bag):,} rows and contributions {len(frame):,}, or in another order",
                    "the same rows in the same order",
                    "bags=bag_contributions(model, X, y, rows) of the rows explained",
                )
            )
    return checked


def bag_contributions(
    model: _Explains,
    X: pd.DataFrame,
    y: ArrayLike,
    rows: pd.DataFrame,
    *,
    n_bags: int = 5,
    random_state: int = 0,
) -> list[pd.DataFrame]:
    """Explain the same rows by several models, each fitted to customers drawn anew.

    How much the answers differ is the noise that `reason_codes` holds a reason against, and that
    `bag_stability` reports. A draw takes as many customers as there are, with replacement, and
    all rows of a customer with it.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted or not; clones of it are fitted, without calibration, which contributions come before.
    X : DataFrame of shape (n_train, n_features)
        The rows of the fit.
    y : array-like of shape (n_train,)
        1 = churn.
    rows : DataFrame of shape (n_rows, n_features)
        The rows to explain.
    n_bags : int, default=5
        How many models, two at least.
    random_state : int, default=0
        Seed of the draws.

    Returns
    -------
    list of DataFrame of shape (n_rows, n_features)
        Log-odds, one frame for each bag.

    Raises
    ------
    ParameterTypeError
        If the model states no contributions.
    ParameterError
        If there are fewer than two bags.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification import ChurnClassifier
    >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4] * 10})
    >>> y = [1, 1, 0, 0] * 10
    >>> bags = bag_contributions(ChurnClassifier(LogisticRegression()), X, y, X.iloc[:2], n_bags=3)
    >>> len(bags), bags[0].shape
    (3, (2, 1))
    """
    check_integer(n_bags, name="n_bags", low=2)
    if not hasattr(model, "contributions"):
        raise ParameterTypeError(
            message(
                f"model is a {type(model).__name__}, which states no contributions",
                "a ChurnClassifier was expected",
                "bag_contributions(ChurnClassifier(), X, y, rows)",
            )
        )
    target = np.asarray(y)
    by_row = "customer_id" not in X.index.names
    customers: Any = np.arange(len(X)) if by_row else customers_of(X)
    found = []
    for count in customer_draws(customers, n_boot=n_bags, random_state=random_state):
        drawn = np.repeat(np.arange(len(X)), count)
        bag = clone(model)
        if "calibration" in bag.get_params():  # type: ignore[attr-defined]
            bag.set_params(calibration=None)  # type: ignore[attr-defined]
        found.append(bag.fit(X.iloc[drawn], target[drawn]).contributions(rows))
    return found
