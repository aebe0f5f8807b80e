"""Look for features that know too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.exceptions import DataError, ParameterError, message

__all__ = ["audit_leakage"]

_COLUMNS = ("feature", "reason", "statistic", "explanation")
_MOST_ROWS = 20_000
_FEWEST_CUSTOMERS = 50
_PURE, _PURE_ROWS = 0.98, 30
_MISSING_AUC = 0.8


def audit_leakage(X: pd.DataFrame, y: pd.Series, *, max_auc: float = 0.95) -> pd.DataFrame:
    """Name the features that look as if they knew the label, the customer or the future.

    Features built by churnlib cannot see past the cutoff; columns that were joined to X
    from elsewhere can. Three signs are looked for, each in one column by itself:

    * *predicts alone*: a small decision tree on this column only, judged on customers it
      was not fitted on, ranks churners with an AUC of `max_auc` or more. Honest single
      features of churn rarely pass .85.
    * *missing tells*: whether the value is missing ranks churners with an AUC above .8, or
      a missing value or a category of at least 30 rows is at least 98 % churners in a
      dataset where they are the minority.
    * *identifier*: nearly every customer has a value of their own that never changes: a
      number or code that names the customer, and carries whatever order it was given in.

    A flag is a suspicion to look into, not a proof; no flag is no proof of innocence.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        Features; where the index has the level `customer_id`, folds keep customers apart.
    y : Series of shape (n_rows,)
        1 = churn, 0 = retained.
    max_auc : float, default=0.95
        AUC from which a single column is suspicious; between .5 and 1.

    Returns
    -------
    DataFrame
        One row per suspicion, in column order: feature, reason, statistic (the AUC or the
        share that gave it away, in [0, 1]), explanation. Empty when nothing is found.

    Raises
    ------
    ParameterError
        If `max_auc` is not above .5 and at most 1.
    DataError
        If X and y differ in length or y holds one class only.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> y = pd.Series(np.tile([0, 0, 1], 100), name="churn")
    >>> X = pd.DataFrame({"visits": np.arange(300) % 7, "closed_on": np.where(y == 1, 5.0, np.nan)})
    >>> audit_leakage(X, y)[["feature", "reason"]].values.tolist()
    [['closed_on', 'predicts alone']]
    """
    if not 0.5 < max_auc <= 1:
        raise ParameterError(message(f"max_auc={max_auc}", "an AUC above 0.5 and at most 1", "max_auc=0.95"))
    label = np.asarray(y)
    if len(X) != len(label) or len(np.unique(label)) != 2:
        raise DataError(
            message(
                f"X has {len(X)} rows, y has {len(label)} with {len(np.unique(label))} classes",
                "the audit compares churners with those who stay, row by row",
                "audit_leakage(data.X, data.y)",
            )
        )
    groups = _customers(X)
    rows = _sample(groups)
    found: list[tuple[str, str, float, str]] = []
    for position, name in enumerate(X.columns):
        column = X.iloc[:, position]
        found += [(str(name), *sign) for sign in _signs(column.iloc[rows], label[rows], groups[rows], max_auc)]
    return pd.DataFrame(found, columns=list(_COLUMNS))


def _customers(X: pd.DataFrame) -> npt.NDArray[np.intp]:
    if "customer_id" in X.index.names:
        return pd.factorize(X.index.get_level_values("customer_id"))[0]
    return np.arange(len(X))


def _sample(groups: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Take whole customers, every k-th, so that cost does not grow with the dataset."""
    step = max(1, len(groups) // _MOST_ROWS)
    return np.flatnonzero(groups % step == 0)


def _signs(
    column: pd.Series, y: npt.NDArray[np.int8], groups: npt.NDArray[np.intp], max_auc: float
) -> list[tuple[str, float, str]]:
    """Return the strongest sign of the column, as a list of one or none."""
    missing = column.isna().to_numpy()
    codes = _as_numbers(column)
    if _names_customers(column, codes, groups):
        text = "nearly every customer has a value of their own: drop the column"
        return [("identifier", 1.0, text)]
    auc = _auc_alone(codes, y, groups)
    if auc >= max_auc:
        text = f"this column alone ranks unseen customers with an AUC of {auc:.3f}"
        return [("predicts alone", auc, text)]
    if 0 < missing.sum() < len(missing):
        auc = _auc(y, missing)
        if max(auc, 1 - auc) > _MISSING_AUC:
            text = "whether the value is missing tells who churns"
            return [("missing tells", max(auc, 1 - auc), text)]
    return _pure_value(column, missing, y)


def _pure_value(
    column: pd.Series, missing: npt.NDArray[np.bool_], y: npt.NDArray[np.int8]
) -> list[tuple[str, float, str]]:
    """Look for a missing value or a category that (almost) only churners have."""
    if y.mean() >= 0.5:
        return []
    values = missing.astype(np.int64) if _is_number(column) else _as_numbers(column)
    for value in np.unique(values):
        if _is_number(column) and value == 0:
            continue
        here = values == value
        if here.sum() >= _PURE_ROWS and y[here].mean() >= _PURE:
            shown = "missing" if missing[here].all() else repr(column[here].iloc[0])
            text = f"{int(here.sum())} rows with {shown} are {y[here].mean():.1%} churners"
            reason = "missing tells" if missing[here].all() else "predicts alone"
            return [(reason, float(y[here].mean()), text)]
    return []


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)


def _as_numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    """Give every value a number: its own, its time, or the rank of its text; NaN if missing."""
    if _is_number(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        numbers = column.astype("int64").to_numpy(dtype=np.float64)
        return np.where(column.isna(), np.nan, numbers)
    codes, _ = pd.factorize(column.astype("string"), sort=True)
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def _names_customers(column: pd.Series, codes: npt.NDArray[np.float64], groups: npt.NDArray[np.intp]) -> bool:
    """Tell whether the column is constant within customers and (nearly) unique across them."""
    frame = pd.DataFrame({"group": groups, "value": codes}).dropna()
    customers = frame["group"].nunique()
    if customers < max(_FEWEST_CUSTOMERS, 0.9 * len(np.unique(groups))):
        return False
    pairs = frame.drop_duplicates()
    distinct = frame["value"].nunique()
    if len(pairs) > customers or distinct < 0.95 * customers:
        return False
    if not _is_number(column):
        return not pd.api.types.is_datetime64_any_dtype(column.dtype)
    values = frame["value"].to_numpy()
    whole = bool((values == np.floor(values)).all())
    # With one row per customer every measure is constant within customers, so only values
    # that count through a range, as running numbers do, are taken for identifiers.
    repeated = len(frame) > 1.5 * customers
    dense = values.max() - values.min() + 1 <= 3 * distinct
    return whole and (repeated or dense)


def _auc_alone(codes: npt.NDArray[np.float64], y: npt.NDArray[np.int8], groups: npt.NDArray[np.intp]) -> float:
    """AUC of a small tree on this column, cross-fitted over customers."""
    # scikit-learn takes longer to load than all else that a dataset needs, and a service that steps rules never asks
    from sklearn.model_selection import GroupKFold
    from sklearn.tree import DecisionTreeClassifier

    n_groups = len(np.unique(groups))
    if n_groups < 4 or np.unique(codes).size < 2:
        return 0.5
    missing = np.isnan(codes)
    table = np.column_stack([np.where(missing, 0.0, codes), missing])
    score = np.zeros(len(y))
    for fit, judge in GroupKFold(2).split(table, y, groups):
        tree = DecisionTreeClassifier(max_leaf_nodes=16, min_samples_leaf=max(5, len(y) // 400), random_state=0).fit(
            table[fit], y[fit]
        )
        score[judge] = tree.predict_proba(table[judge])[:, -1] if y[fit].any() else 0.0
    return _auc(y, score)


def _auc(y: npt.NDArray[np.int8], score: npt.NDArray[Any]) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, score))
