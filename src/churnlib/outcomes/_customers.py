"""One list of customers out of several."""

from __future__ import annotations

import pandas as pd

from churnlib._typing import IntArray
from churnlib.exceptions import SchemaError, message, some

__all__ = ["codes_in", "joined_customers"]


def joined_customers(first: pd.Index, second: pd.Index) -> pd.Index:
    """Return the customers of both lists, sorted; the very same object where one list holds all.

    Parameters
    ----------
    first, second : Index
        Sorted unique ids.

    Returns
    -------
    Index
        Sorted unique ids.

    Raises
    ------
    SchemaError
        If one list holds numbers and the other words, so that no id can ever match.

    Examples
    --------
    >>> joined_customers(pd.Index([1, 3]), pd.Index([2, 3])).tolist()
    [1, 2, 3]
    """
    if first is second or first.equals(second) or not len(second):
        return first
    if not len(first):
        return second
    kinds = [pd.api.types.infer_dtype(ids, skipna=False) for ids in (first, second)]
    if kinds[0] != kinds[1]:
        raise SchemaError(
            message(
                f"the log and the contracts name customers by {kinds[0]} ({some(first, 3)}) and by {kinds[1]} "
                f"({some(second, 3)})",
                "ids of one type were expected",
                "frame['customer_id'] = frame['customer_id'].astype('string'), in both",
            )
        )
    return first if bool(second.isin(first).all()) else first.union(second).sort_values()


def codes_in(customers: pd.Index, own: pd.Index, codes: IntArray) -> IntArray:
    """Translate codes into one list of customers to codes into another that holds them all.

    Parameters
    ----------
    customers : Index
        The longer list.
    own : Index
        The list the codes belong to.
    codes : ndarray of int, shape (n,)
        Positions in `own`.

    Returns
    -------
    ndarray of int, shape (n,)
        Positions in `customers`.

    Examples
    --------
    >>> import numpy as np
    >>> codes_in(pd.Index([1, 2, 3]), pd.Index([1, 3]), np.array([1, 1, 0])).tolist()
    [2, 2, 0]
    """
    return codes if own is customers else customers.get_indexer(own)[codes]
