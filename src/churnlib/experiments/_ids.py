"""Customer ids out of any list or frame, and their salted hash."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import named_rows
from churnlib._frames import column_names, read_columns
from churnlib.economics import customers_of
from churnlib.events._codes import encode
from churnlib.exceptions import DataError, DuplicateError, SchemaError, message, some


def read_ids(customers: Any, *, customer: str) -> pd.Index[Any]:
    """Return one id per customer in the order given: texts stay texts, whole floats become integers."""
    found = _coded(_column(customers, customer), customer)
    if not len(found):
        raise DataError(message("there are no customers", "at least one is needed", "check the filter that left none"))
    twice = found.duplicated()
    if twice.any():
        raise DuplicateError(
            message(
                f"{int(twice.sum())} of {len(found):,} customers stand in the list before ({some(found[twice])})",
                "each customer is assigned once",
                "customers.drop_duplicates(), or one cutoff of a dataset: data.at(cutoff)",
            )
        )
    return found.rename(customer)


def read_strata(strata: Any, customers: Any, ids: pd.Index[Any]) -> npt.NDArray[np.int64]:
    """Return the code of each customer's stratum, in the order of the ids; equal strata share a code."""
    columns = _strata_columns(strata, customers, ids)
    if any(len(column) != len(ids) for column in columns):
        raise DataError(
            message(
                f"strata has {len(columns[0]):,} rows for {len(ids):,} customers",
                "one stratum for each customer",
                "strata=frame.loc[customers, 'tier']",
            )
        )
    codes = np.zeros(len(ids), dtype=np.int64)
    for column in columns:
        own, levels = pd.factorize(column, sort=True)
        if (own < 0).any():
            raise DataError(
                message(
                    f"{int((own < 0).sum()):,} of {len(ids):,} customers have no stratum ({named_rows(own < 0)})",
                    "a stratum of their own keeps them in the experiment",
                    "strata=strata.fillna('unknown')",
                )
            )
        codes = codes * len(levels) + own
    return codes


def _column(customers: Any, customer: str) -> Any:
    if isinstance(customers, (pd.Index, pd.Series, np.ndarray)):
        return pd.Series(np.asarray(customers, dtype=None if customers.dtype != object else object))
    if isinstance(customers, (list, tuple, set, frozenset, range)):
        return pd.Series(list(customers), dtype=object)
    if isinstance(customers, pd.DataFrame) and customer not in customers.columns:
        return pd.Series(customers_of(customers).to_numpy())
    if hasattr(customers, "to_list"):  # a series of polars or of another library
        return pd.Series(customers.to_list(), dtype=object)
    column_names(customers)
    return customers


def _coded(column: Any, customer: str) -> pd.Index[Any]:
    frame = pd.DataFrame({customer: column}) if isinstance(column, pd.Series) else column
    coded = encode(read_columns(frame, {customer: customer})[customer], name=customer)
    if coded.missing is not None and coded.missing.any():
        raise DataError(
            message(
                f"{int(coded.missing.sum()):,} of {len(coded.codes):,} customers have no id "
                f"({named_rows(coded.missing)})",
                "every customer needs one",
                "drop the rows without an id, and count them",
            )
        )
    return coded.values.take(coded.codes)


def _strata_columns(strata: Any, customers: Any, ids: pd.Index[Any]) -> list[Any]:
    if isinstance(strata, str) or (isinstance(strata, list) and strata and _are_columns(strata, customers)):
        names = [strata] if isinstance(strata, str) else strata
        columns = read_columns(customers, {f"strata[{name!r}]": name for name in names})
        return [
            pd.Series(column.to_pandas() if hasattr(column, "to_pandas") else column) for column in columns.values()
        ]
    if isinstance(strata, pd.Series) and strata.index.name is not None:
        absent = ~ids.isin(strata.index)
        if absent.any():
            raise SchemaError(
                message(
                    f"{int(absent.sum()):,} of {len(ids):,} customers are not in the index of strata "
                    f"({some(ids[absent])})",
                    "strata with a named index are matched by customer",
                    "strata=strata.reindex(customers).fillna('unknown')",
                )
            )
        return [strata.loc[ids]]
    return [pd.Series(list(strata))]


def _are_columns(strata: list[Any], customers: Any) -> bool:
    if isinstance(customers, (pd.Index, pd.Series, np.ndarray, list, tuple, set, frozenset, range)):
        return False
    return all(isinstance(name, str) for name in strata) and set(strata) <= set(column_names(customers))
