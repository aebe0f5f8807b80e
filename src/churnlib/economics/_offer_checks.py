"""What an offer is given, looked at: rates, costs, values by customer, probabilities."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.economics._customers import customers_of
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)

__all__ = [
    "checked_clv",
    "checked_cost",
    "checked_fraction",
    "checked_probability",
    "checked_rate",
    "checked_values",
    "given_values",
    "values_by_label",
    "values_in_column",
]


_PROBABILITY = "model.predict_proba(X)[:, 1]"


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def checked_rate(rate: Any) -> float | tuple[float, float]:
    if isinstance(rate, tuple | list):
        if len(rate) == 2 and all(_is_number(x) and 0 < x < math.inf for x in rate):
            return (float(rate[0]), float(rate[1]))
        raise ParameterError(
            message(
                f"accept_rate={rate!r} is no Beta distribution",
                "it needs two positive numbers (a, b), with mean a / (a + b)",
                "accept_rate=(6, 14), or a share such as accept_rate=0.3",
            )
        )
    if _is_number(rate) and 0 <= rate <= 1:
        return float(rate)
    raise ParameterError(
        message(
            f"accept_rate={rate!r} is not a share",
            "a number between 0 and 1, or (a, b) of a Beta",
            "accept_rate=0.3 for 30 %",
        )
    )


def checked_cost(cost: Any, name: str) -> float:
    if _is_number(cost) and 0 <= cost < math.inf:
        return cost  # type: ignore[no-any-return]
    raise ParameterError(
        message(f"{name}={cost!r} is not a cost", "a finite number that is not negative", f"{name}=10")
    )


def checked_fraction(fraction: Any) -> float:
    if _is_number(fraction) and 0 <= fraction <= 1:
        return float(fraction)
    raise ParameterError(
        message(
            f"offer_fraction={fraction!r} is not a share",
            "a number between 0 and 1: the part of the customer's value that the offer costs",
            "offer_fraction=0.05 for 5 %",
        )
    )


def checked_clv(clv: Any) -> float | str | pd.Series[Any]:
    if isinstance(clv, pd.Series):
        return _checked_series(clv)
    if isinstance(clv, str):
        return clv
    if _is_number(clv):
        if math.isfinite(clv):
            return clv  # type: ignore[no-any-return]
        raise ParameterError(message(f"clv={clv!r} is not finite", "the value of a customer is a number", "clv=200"))
    raise ParameterTypeError(
        message(
            f"clv is a {type(clv).__name__}, which does not say whose value is which",
            "a number, the name of a column of X, or a Series indexed by customer",
            "clv=pd.Series(values, index=customer_ids)",
        )
    )


def _checked_series(clv: pd.Series[Any]) -> pd.Series[Any]:
    if not pd.api.types.is_numeric_dtype(clv.dtype) or pd.api.types.is_bool_dtype(clv.dtype):
        raise DataError(message(f"clv holds {clv.dtype} values", "numbers were expected", "clv=pd.to_numeric(clv)"))
    values = clv.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        names = some(clv.index[bad].tolist())
        raise DataError(
            message(
                f"clv is missing or infinite for {int(bad.sum()):,} of {len(clv):,} customers ({names})",
                "every customer needs a value",
                "clv=clv.fillna(0) if no value means worth nothing",
            )
        )
    repeated = clv.index[clv.index.duplicated()].unique()
    if len(repeated):
        raise DuplicateError(
            message(
                f"clv names {len(repeated):,} customers more than once ({some(repeated.tolist())})",
                "one value per customer was expected",
                "clv=clv.groupby(level=0).sum()",
            )
        )
    # a copy: the offer is a value, and must not change when the caller's Series does
    return pd.Series(values.copy(), index=clv.index, name="clv")


def values_in_column(X: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    if name not in X.columns:
        raise SchemaError(
            message(
                f"clv={name!r} is not a column of X ({nearest(name, list(X.columns))})",
                "the column that holds each customer's value",
                "RetentionOffer(clv='...'), or clv=<Series indexed by customer>",
            )
        )
    column = X[name]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise SchemaError(
            message(f"column {name!r} (clv) holds {column.dtype} values", "numbers were expected", "pd.to_numeric")
        )
    values: npt.NDArray[np.float64] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        raise DataError(
            message(
                f"column {name!r} (clv) is missing or infinite in {int(bad.sum()):,} of {len(X):,} rows "
                f"({some(X.index[bad].tolist())})",
                "every row needs a value",
                f"X[{name!r}].fillna(0) if no value means worth nothing",
            )
        )
    return values


def values_by_label(clv: pd.Series[Any], X: pd.DataFrame) -> npt.NDArray[np.float64]:
    by_row = clv.index.nlevels > 1
    labels = X.index if by_row else customers_of(X)
    position = clv.index.get_indexer(labels)
    missing = position < 0
    if missing.any():
        absent = labels[missing].unique()
        raise DataError(
            message(
                f"clv has no value for {len(absent):,} of {labels.nunique():,} "
                f"{'rows' if by_row else 'customers'} ({some(absent.tolist())})",
                "values are aligned by label",
                "clv=clv.reindex(X.index.get_level_values('customer_id').unique(), fill_value=0) "
                "if no value means worth nothing",
            )
        )
    values: npt.NDArray[np.float64] = clv.to_numpy(dtype=np.float64)[position]
    return values


def checked_probability(probability: Any, value: Any) -> Any:
    labelled = isinstance(probability, pd.Series) and isinstance(value, pd.Series)
    if labelled and not probability.index.equals(value.index):
        raise DataError(
            message(
                f"{len(probability):,} probabilities and {len(value):,} rows have different labels",
                "one probability per row, in the same order",
                "probability.reindex(X.index)",
            )
        )
    try:
        p = np.asarray(probability, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"probabilities cannot be read as numbers ({error})", "one for each row", _PROBABILITY)
        ) from None
    if p.ndim > 1:
        raise DataError(message(f"probabilities have shape {p.shape}", "one for each row", _PROBABILITY))
    rows = np.shape(value)
    if p.ndim and rows and p.shape != rows:
        raise DataError(
            message(
                f"{p.size:,} probabilities for {rows[0]:,} rows",
                "one probability per row",
                "model.predict_proba(X)[:, 1] of the same X",
            )
        )
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        raise DataError(
            message(
                f"{int(bad.sum()):,} of {p.size:,} probabilities are missing or outside [0, 1]",
                "a calibrated probability to churn",
                _PROBABILITY,
            )
        )
    return probability if isinstance(probability, pd.Series) else p


def checked_values(value: Any) -> Any:
    """Return customer values that were given as numbers if each is finite."""
    given = np.asarray(value)
    if given.dtype.kind not in "iuf":
        raise ParameterTypeError(
            message(
                f"the values of customers are a {type(value).__name__} of {given.dtype}",
                "a frame, or numbers: the value of each row",
                "offer.threshold(X), or offer.threshold(values.to_numpy())",
            )
        )
    if given.ndim > 1:
        raise ParameterTypeError(
            message(
                f"the values of customers are a {type(value).__name__} of shape {given.shape}",
                "a frame of pandas, or one value for each row",
                "offer.threshold(X.to_pandas()), or the values in one column: values.ravel()",
            )
        )
    bad = ~np.isfinite(given)
    if bad.any():
        raise DataError(
            message(
                f"clv is missing or infinite in {int(bad.sum()):,} of {given.size:,} rows "
                f"(rows {some(np.flatnonzero(bad).tolist())})",
                "every row needs a value",
                "np.nan_to_num(clv) if no value means worth nothing",
            )
        )
    return value if given.ndim == 0 or isinstance(value, pd.Series) else given


def given_values(clv: Any, X: Any, n_rows: int) -> npt.NDArray[np.float64]:
    """Return the values given for the rows of X by position, as many as there are rows."""
    if isinstance(clv, pd.Series) and isinstance(X, pd.DataFrame) and not clv.index.equals(X.index):
        raise DataError(
            message(
                f"clv and the rows of X have different labels ({len(clv):,} and {n_rows:,})",
                "values given here are matched by position",
                "clv=clv.reindex(X.index), or an offer whose clv is a Series by customer",
            )
        )
    values = np.asarray(checked_values(clv), dtype=np.float64)
    if values.shape not in {(), (n_rows,)}:
        raise DataError(
            message(f"clv has shape {values.shape} for {n_rows} rows", "one value for each row", "clv=values[test]")
        )
    return np.broadcast_to(values, (n_rows,))
