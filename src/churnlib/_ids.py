"""Which customer each row is about: ids of one kind, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._checks import named_rows
from churnlib._frames import column_names, read_columns
from churnlib.exceptions import DataError, DuplicateError, ParameterTypeError, SchemaError, message, some

__all__ = ["check_same_kind", "customer_ids", "ids_given", "ids_of", "opted_out_of"]

_ID = "customer_id"


def customer_ids(X: Any, customer: str | None) -> pd.Index[Any]:
    """Return the customers of the rows of a frame.

    Parameters
    ----------
    X : dataframe
        One row per customer.
    customer : str or None
        The column that names them; None for the column or index level "customer_id", or else the
        index of a pandas frame.

    Returns
    -------
    Index
        Whole numbers or texts, each once, in the order of the rows.

    Raises
    ------
    SchemaError
        When nothing names the customers, or their ids are neither whole numbers nor texts.
    DataError
        When an id is missing.
    DuplicateError
        When a customer has two rows.

    Examples
    --------
    >>> customer_ids(pd.DataFrame({"n": [1, 2]}, index=["ann", "bob"]), None).tolist()
    ['ann', 'bob']
    """
    found = ids_of(_named(X, customer))
    if not found.is_unique:
        twice = found[found.duplicated()].unique()
        raise DuplicateError(
            message(
                f"{len(twice):,} of {found.nunique():,} customers have more than one row ({some(twice)})",
                "one row per customer was expected",
                "data.latest(), or X[~X.index.duplicated()]",
            )
        )
    return found


def _named(X: Any, customer: str | None) -> Any:
    names = column_names(X)
    if customer is not None or _ID in names:
        return read_columns(X, {"customer": customer or _ID})["customer"]
    if isinstance(X, pd.DataFrame):
        if isinstance(X.index, pd.MultiIndex) and _ID in X.index.names:
            return X.index.get_level_values(_ID)
        plain = isinstance(X.index, pd.RangeIndex) and X.index.name is None
        if not isinstance(X.index, pd.MultiIndex) and not plain:
            return X.index
    raise SchemaError(
        message(
            f"nothing names the customers of the rows ({some(names, 12)})",
            "a column customer_id, or a pandas index, was expected",
            "X.rename(columns={'id': 'customer_id'})",
        )
    )


def ids_of(values: Any) -> pd.Index[Any]:
    """Return ids in one of two kinds: int64, or text.

    Parameters
    ----------
    values : Index, array or Arrow column
        The ids; floats that are whole numbers become int64.

    Returns
    -------
    Index
        Named "customer_id".

    Raises
    ------
    SchemaError
        When they are neither whole numbers nor texts.
    DataError
        When one is missing.

    Examples
    --------
    >>> ids_of([1.0, 2.0]).tolist(), ids_of(["a"]).name
    ([1, 2], 'customer_id')
    """
    if isinstance(values, pa.ChunkedArray | pa.Array):
        values = values.to_pandas()
    elif isinstance(values, pd.Index | pd.Series):
        values = values.array
    found = pd.Index(values, name=_ID)
    if isinstance(found.dtype, pd.CategoricalDtype):
        found = pd.Index(found.astype(found.categories.dtype), name=_ID)
    missing = np.asarray(found.isna())
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(found):,} customers have no id ({named_rows(missing)})",
                "each row is about a customer",
                "X.dropna(subset=['customer_id'])",
            )
        )
    kind = found.inferred_type
    if kind == "integer" or (kind == "floating" and bool((found == found.astype(np.int64)).all())):
        whole: pd.Index[Any] = found.astype(np.int64)
        return whole
    if kind == "string" or not len(found):
        texts: pd.Index[Any] = found if found.dtype == _TEXT else pd.Index(found.tolist(), dtype=_TEXT, name=_ID)
        return texts
    raise SchemaError(
        message(
            f"the ids of customers are of the kind {kind}",
            "whole numbers or texts were expected",
            "X.index = X.index.astype(str)",
        )
    )


_TEXT = pd.Index(["a"]).dtype


def check_same_kind(known: pd.Index[Any], given: pd.Index[Any]) -> None:
    """Refuse ids that are numbers here and texts there: they would never meet.

    Parameters
    ----------
    known, given : Index
        Ids that are to meet.

    Raises
    ------
    SchemaError
        When one holds numbers and the other texts.

    Examples
    --------
    >>> check_same_kind(ids_of([1]), ids_of([2]))
    """
    if len(known) and len(given) and known.dtype != given.dtype:
        raise SchemaError(
            message(
                f"customers are known as {known.dtype} (such as {known[0]!r}) and the rows "
                f"name them as {given.dtype} (such as {given[0]!r})",
                "ids of one kind were expected",
                "X.index = X.index.astype(...)",
            )
        )


def opted_out_of(customers: Any) -> frozenset[Any]:
    """Return who wants no contact, as ids that can be written to a file.

    Parameters
    ----------
    customers : collection of ids
        Whole numbers or texts; a single text is refused, since its letters are no customers.

    Returns
    -------
    frozenset
        The ids, numbers of numpy as plain ones.

    Raises
    ------
    ParameterTypeError
        When there is no collection, or an id is neither a whole number nor a text.

    Examples
    --------
    >>> opted_out_of([np.int64(7), 7])
    frozenset({7})
    """
    if isinstance(customers, str | bytes | Mapping) or not isinstance(customers, Iterable):
        raise ParameterTypeError(
            message(
                f"opted_out is {str(customers)[:40]!r}", "several ids of customers were expected", "opted_out=['c-17']"
            )
        )
    return frozenset(ids_given(customers, "opted_out"))


def ids_given(customers: Any, name: str) -> list[Any]:
    """Return ids as they are known everywhere: one alone is a list of one.

    Parameters
    ----------
    customers : id or collection of ids
        Whole numbers or texts.
    name : str
        The argument, for the message.

    Returns
    -------
    list
        The ids, numbers of numpy as plain ones.

    Raises
    ------
    ParameterTypeError
        When there is no collection, or an id is neither a whole number nor a text.

    Examples
    --------
    >>> ids_given("ann", "customers"), ids_given([1, 2], "customers")
    (['ann'], [1, 2])
    """
    listed = [customers] if isinstance(customers, str | int | np.integer) else customers
    if not isinstance(listed, Iterable) or isinstance(listed, bytes):
        raise ParameterTypeError(
            message(f"{name} is {str(customers)[:40]!r}", "ids of customers were expected", f"{name}=['c-17']")
        )
    found = [int(who) if isinstance(who, np.integer) else who for who in listed]
    strange = [who for who in found if not isinstance(who, str | int)]
    if strange:
        raise ParameterTypeError(
            message(
                f"{name} has {str(strange[0])[:40]!r}, a {type(strange[0]).__name__}",
                "ids are whole numbers or texts",
                f"{name}=['c-17']",
            )
        )
    return found
