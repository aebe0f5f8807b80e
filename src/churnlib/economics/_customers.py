"""Which customer each row of a frame belongs to."""

from __future__ import annotations

import pandas as pd

from churnlib.exceptions import SchemaError, message

__all__ = ["customers_of"]

LEVEL = "customer_id"


def customers_of(X: pd.DataFrame | pd.Series) -> pd.Index:
    """Return the customer of each row, read from the index.

    A dataset of churnlib is indexed by ``(customer_id, cutoff)``. A plain frame
    serves too if its index *names* what it holds (``X.rename_axis("customer_id")``);
    a nameless index is refused, since after a shuffle or a filter it holds row
    numbers, and row numbers look like customer numbers.

    Parameters
    ----------
    X : DataFrame or Series
        One row per customer, or per customer and cutoff.

    Returns
    -------
    pandas.Index
        The customers, in the order of the rows, with repeats; its length is
        the number of rows.

    Raises
    ------
    SchemaError
        If the index does not say which customer a row belongs to.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"orders": [3, 1]}, index=pd.Index([17, 42], name="customer_id"))
    >>> list(customers_of(frame))
    [17, 42]
    """
    index = X.index
    if LEVEL in index.names:
        return index.get_level_values(LEVEL)
    if index.nlevels == 1 and index.name is not None:
        return index
    held = "an index without names" if index.nlevels == 1 else f"index levels {list(index.names)}"
    raise SchemaError(
        message(
            f"the {len(X):,} rows have {held}, so their customers are unknown",
            "customers are read from an index level named 'customer_id'",
            "X = X.set_index('customer_id'), or X.rename_axis('customer_id') if the index already holds them",
        )
    )
