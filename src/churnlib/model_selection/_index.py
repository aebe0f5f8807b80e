"""Whose row it is, and of when: read from arguments, else from the index of X."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from churnlib._checks import named_rows
from churnlib._typing import TimeArray
from churnlib.exceptions import ParameterTypeError, SchemaError, TimeError, message, some

__all__ = ["RowKeys", "customers_and_cutoffs"]

_CUSTOMER, _CUTOFF = "customer_id", "cutoff"


@dataclass(frozen=True, slots=True, eq=False)
class RowKeys:
    """The customer and the cutoff of every row.

    Attributes
    ----------
    customer : pandas.Index of length n_rows
        Ids of their own type.
    cutoff_us : array of shape (n_rows,)
        Microseconds since 1970 in UTC.

    Examples
    --------
    >>> len(RowKeys(pd.Index(["ann", "bob"]), np.array([0, 0])))
    2
    """

    customer: pd.Index[Any]
    cutoff_us: TimeArray

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.customer)


def customers_and_cutoffs(X: Any, groups: Any = None, time: Any = None) -> RowKeys:
    """Find the customer and the cutoff of each row of X.

    Arguments come first; what they leave open is read from the index of X, by
    the names ``customer_id`` and ``cutoff``.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        The features. `Dataset.X` is indexed by (customer_id, cutoff), and a slice of it still is.
    groups : array-like of shape (n_rows,), default=None
        The customer of each row; or an index or a frame that has both
        ``customer_id`` and ``cutoff``, such as ``X.index``.
    time : array-like of shape (n_rows,), default=None
        The cutoff of each row: timestamps, datetimes or ISO texts; naive ones are UTC.

    Returns
    -------
    RowKeys
        Customers and cutoffs in the order of the rows.

    Raises
    ------
    SchemaError
        If customer or cutoff is to be had from neither, or a length differs.
    TimeError
        If a cutoff is missing, or cannot be read as a time.
    ParameterTypeError
        If cutoffs are bare numbers, which have no unit.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product(
    ...     [["ann", "bob"], pd.to_datetime(["2025-03-01", "2025-04-01"], utc=True)],
    ...     names=["customer_id", "cutoff"],
    ... )
    >>> X = pd.DataFrame({"orders": [1, 2, 3, 4]}, index=index)
    >>> customers_and_cutoffs(X).customer.tolist()
    ['ann', 'ann', 'bob', 'bob']
    >>> customers_and_cutoffs(X.to_numpy(), groups=index).cutoff_us[:2] // 86_400_000_000
    array([20148, 20179])
    """
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    both = _levels(groups)
    own = _levels(getattr(X, "index", None))
    customer = both.get(_CUSTOMER, own.get(_CUSTOMER) if groups is None else groups)
    cutoff = time if time is not None else both.get(_CUTOFF, own.get(_CUTOFF))
    _both_or_error(customer, cutoff, X)
    customers: pd.Index[Any] = pd.Index(cast("Any", customer))
    _same_length("groups", len(customers), n_rows)
    missing = np.asarray(pd.isna(customers))
    if missing.any():
        raise SchemaError(
            message(
                f"{int(missing.sum())} of {n_rows} rows have no customer ({named_rows(missing)})",
                "every row belongs to a customer",
                "groups=data.X.index, or drop the rows without a customer, and count them",
            )
        )
    instants = _instants(cutoff)
    _same_length("time", len(instants), n_rows)
    return RowKeys(customers, instants)


def _levels(keys: Any) -> dict[str, Any]:
    """Name what an index or a frame holds of customer and cutoff."""
    if isinstance(keys, pd.MultiIndex):
        return {name: keys.get_level_values(name) for name in (_CUSTOMER, _CUTOFF) if name in keys.names}
    if isinstance(keys, pd.Index):
        return {str(keys.name): keys} if keys.name in (_CUSTOMER, _CUTOFF) else {}
    if isinstance(keys, pd.DataFrame):
        return {name: keys[name] for name in (_CUSTOMER, _CUTOFF) if name in keys.columns}
    return {}


def _both_or_error(customer: Any, cutoff: Any, X: Any) -> None:
    lacking = [name for name, found in ((_CUSTOMER, customer), (_CUTOFF, cutoff)) if found is None]
    if not lacking:
        return
    index = getattr(X, "index", None)
    has = f"its index has {some(index.names)}" if isinstance(index, pd.Index) else f"{type(X).__name__} has no index"
    raise SchemaError(
        message(
            f"the {' and the '.join(lacking)} of the rows cannot be told: X does not say ({has})",
            "splitting by time needs the customer and the cutoff of each row",
            "pass the frame of a Dataset (data.X), or groups=data.X.index, or groups= and time= by metadata routing",
        )
    )


def _instants(cutoff: Any) -> TimeArray:
    values = cutoff if isinstance(cutoff, (pd.Index, pd.Series)) else pd.Series(cast("Any", cutoff))
    if pd.api.types.is_numeric_dtype(values.dtype):
        raise ParameterTypeError(
            message(
                f"cutoffs are bare numbers ({values.dtype})",
                "a number says no unit; timestamps were expected",
                "time=pd.to_datetime(month, unit='D', utc=True)",
            )
        )
    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(values, utc=True, format="ISO8601"))
    except (ValueError, TypeError, OverflowError) as error:
        raise TimeError(
            message(
                f"cutoffs cannot be read as times ({error})",
                "one timestamp for each row",
                "time=pd.to_datetime(cutoffs, utc=True)",
            )
        ) from None
    missing = np.asarray(stamps.isna())
    if missing.any():
        raise TimeError(
            message(
                f"{int(missing.sum())} of {len(stamps)} cutoffs are missing ({named_rows(missing)})",
                "every row has a cutoff",
                "time=data.X.index.get_level_values('cutoff')",
            )
        )
    us: TimeArray = stamps.as_unit("us").asi8
    return us


def _same_length(name: str, length: int, n_rows: int) -> None:
    if length != n_rows:
        raise SchemaError(
            message(f"{name} has {length} entries for {n_rows} rows", "one for each row", "groups=X.index")
        )
