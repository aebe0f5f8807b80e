"""Why the model rates a customer as it does: contributions of the columns, in log-odds."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from churnlib._checks import check_choice, check_integer
from churnlib.classification._model import RowModel

__all__ = ["Reference", "contributions", "reference_of", "top_reasons"]

FloatArray = npt.NDArray[np.float64]

# the mean contribution of 1,000 rows is known to about 1/30 of its spread
_REFERENCE_ROWS = 1_000

_DIRECTIONS = ("raises", "lowers", "both")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What "compared with customers who stay" means for one fitted model.

    Parameters
    ----------
    mean : ndarray of shape (n_features,) or None
        For tree ensembles of xgboost: mean contribution of retained training rows.
    row : DataFrame of shape (1, n_features) or None
        For every other model: a typical retained customer, the median of each number
        and the most frequent of each category.
    """

    mean: FloatArray | None
    row: pd.DataFrame | None


def _is_xgboost(model: RowModel) -> bool:
    return model.encoder is not None and model.preprocessor is None and hasattr(model.estimator, "get_booster")


def reference_of(model: RowModel, X: pd.DataFrame, retained: npt.NDArray[np.bool_]) -> Reference:
    """Summarise the retained rows of the fit; no customer's row is kept.

    Parameters
    ----------
    model : RowModel
        The fitted model.
    X : DataFrame of shape (n_rows, n_features)
        The rows of the fit.
    retained : ndarray of shape (n_rows,)
        Which of them stayed.

    Returns
    -------
    Reference
        The baseline of `contributions`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification._model import fit_rows
    >>> X = pd.DataFrame({"plan": ["a", "b", "b", "a"], "orders": [1, 2, 3, 4]})
    >>> y = np.array([1, 0, 0, 1])
    >>> reference_of(fit_rows(LogisticRegression(), X, y), X, y == 0).row.to_dict("records")
    [{'plan': 'b', 'orders': 2}]
    """
    stayed = np.flatnonzero(retained)
    if _is_xgboost(model):
        step = -(-len(stayed) // _REFERENCE_ROWS)
        return Reference(_tree_contributions(model, X.iloc[stayed[::step]]).mean(axis=0), None)
    kept = X.iloc[stayed]
    typical = {position: _typical(kept.iloc[:, position]) for position in range(kept.shape[1])}
    row = pd.concat([column.reset_index(drop=True) for column in typical.values()], axis=1)
    return Reference(None, row)


def _typical(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a one-row piece of the column itself, so that its dtype survives: lower median or mode."""
    present = column[column.notna().to_numpy()]
    if not len(present):
        return column.iloc[:1]
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        order = np.argsort(present.to_numpy(), kind="stable")
        place = int(order[(len(order) - 1) // 2])
    else:
        text = present.astype(str)
        place = int(np.flatnonzero((text == text.mode().iloc[0]).to_numpy())[0])
    return present.iloc[place : place + 1]


def contributions(model: RowModel, X: pd.DataFrame, reference: Reference) -> FloatArray:
    """Return what each column adds to a row's log-odds, compared with customers who stay.

    For xgboost these are its exact tree contributions (SHAP values), less their mean
    over retained training rows. For every other model: the log-odds of the row less
    those of the same row with this one column set to that of a typical retained
    customer, which for a logistic regression is ``coefficient × (value − typical)``.
    They describe the model; they are not effects, and do not say what an action would change.

    Parameters
    ----------
    model : RowModel
        The fitted model.
    X : DataFrame of shape (n_rows, n_features)
        The rows to explain.
    reference : Reference
        What to compare with.

    Returns
    -------
    ndarray of shape (n_rows, n_features)
        Log-odds before calibration; positive raises the risk.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with
    explainable AI for trees, Nature Machine Intelligence 2.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification._model import fit_rows
    >>> X = pd.DataFrame({"orders": [1.0, 2, 3, 4]})
    >>> y = np.array([1, 1, 0, 0])
    >>> model = fit_rows(LogisticRegression(), X, y)
    >>> contributions(model, X, reference_of(model, X, y == 0))[:, 0].round(1).tolist()
    [1.7, 0.8, 0.0, -0.8]
    """
    if reference.mean is not None:
        return _tree_contributions(model, X) - reference.mean
    assert reference.row is not None
    whole = _log_odds(model, X)
    result = np.empty(X.shape, dtype=np.float64)
    for position in range(X.shape[1]):
        typical = reference.row.iloc[np.zeros(len(X), dtype=np.intp), position].set_axis(X.index)
        columns = [typical if place == position else X.iloc[:, place] for place in range(X.shape[1])]
        swapped = pd.concat(columns, axis=1).set_axis(X.columns, axis=1)
        result[:, position] = whole - _log_odds(model, swapped)
    return result


def _log_odds(model: RowModel, X: pd.DataFrame) -> FloatArray:
    # tree averages state exactly 0 or 1: half a row in ten thousand keeps the log-odds finite
    return np.asarray(logit(np.clip(model.probability(X), 5e-5, 1.0 - 5e-5)), dtype=np.float64)


def _tree_contributions(model: RowModel, X: pd.DataFrame) -> FloatArray:
    from xgboost import DMatrix

    booster = model.estimator.get_booster()
    best = getattr(model.estimator, "best_iteration", None) if model.estimator.early_stopping_rounds else None
    rows = DMatrix(model.rows(X), enable_categorical=True, nthread=1)
    stated = booster.predict(rows, pred_contribs=True, iteration_range=(0, 0 if best is None else best + 1))
    return np.asarray(stated, dtype=np.float64)[:, :-1]


def top_reasons(X: pd.DataFrame, contribution: FloatArray, *, top: int, direction: str) -> pd.DataFrame:
    """List the columns that move each row most.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The rows; values are shown as they stand in it.
    contribution : ndarray of shape (n_rows, n_features)
        Log-odds of each column.
    top : int
        At most so many reasons a row.
    direction : {"raises", "lowers", "both"}
        Which contributions are reasons.

    Returns
    -------
    DataFrame
        Indexed like `X`, a row per reason: ``rank``, ``feature``, ``value``,
        ``contribution``, ``direction``. A row without such a contribution has no reason.

    Raises
    ------
    ParameterError
        If `direction` is unknown, or `top` is below 1.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> X = pd.DataFrame({"orders": [1], "silence": [90]}, index=["ann"])
    >>> top_reasons(X, np.array([[-0.1, 0.7]]), top=2, direction="raises").to_dict("records")
    [{'rank': 1, 'feature': 'silence', 'value': 90, 'contribution': 0.7, 'direction': 'raises'}]
    """
    check_choice(direction, _DIRECTIONS, name="direction")
    check_integer(top, name="top", low=1)
    size = {"raises": contribution, "lowers": -contribution, "both": np.abs(contribution)}[direction]
    # stable: of two columns that weigh the same, the first one of X comes first
    order = np.argsort(-size, axis=1, kind="stable")[:, :top]
    chosen = np.take_along_axis(size, order, axis=1) > 0
    row, rank = np.nonzero(chosen)
    feature = order[row, rank]
    value = np.empty(len(row), dtype=object)
    for position in np.unique(feature):
        here = np.flatnonzero(feature == position)
        value[here] = X.iloc[row[here], position].to_numpy(dtype=object)
    moved = contribution[row, feature]
    return pd.DataFrame(
        {
            "rank": rank + 1,
            "feature": pd.Index(X.columns.to_numpy(dtype=object))[feature],
            "value": value,
            "contribution": moved,
            "direction": np.where(moved > 0, "raises", "lowers"),
        },
        index=X.index[row],
    )
