"""How far codes depend on the draw of customers, and on the day."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, message
from churnlib.reasons._catalog import ReasonCatalog
from churnlib.reasons._codes import ReasonCodes, reason_codes

__all__ = ["bag_stability", "code_overlap"]


def code_overlap(first: ReasonCodes, second: ReasonCodes, *, top: int = 3) -> pd.DataFrame:
    r"""Compare the codes of the same customers by two models, or at two dates.

    Parameters
    ----------
    first, second : ReasonCodes
        What to compare; customers that only one of them has are left out and counted.
    top : int, default=3
        How many codes of a customer to compare.

    Returns
    -------
    DataFrame of one row
        customers (in both), left_out (in one only), jaccard (mean over customers of
        :math:`|A \cap B| / |A \cup B|` of their codes, in [0, 1]; no dominant reason is a code like
        any other) and same_first (share whose first code is the same).

    Raises
    ------
    DataError
        If they have no customer in common.
    ParameterTypeError
        If one is no ReasonCodes.

    Examples
    --------
    >>> index = pd.Index(["ann", "bob"], name="customer_id")
    >>> now = reason_codes(pd.DataFrame({"any.recency": [0.5, 0.5], "price": [0.25, 0.0]}, index=index))
    >>> then = reason_codes(pd.DataFrame({"any.recency": [0.5, 0.5], "price": [0.0, 0.0]}, index=index))
    >>> code_overlap(now, then).to_dict("records")
    [{'customers': 2, 'left_out': 0, 'jaccard': 0.75, 'same_first': 1.0}]
    """
    check_integer(top, name="top", low=1)
    for name, codes in (("first", first), ("second", second)):
        if not isinstance(codes, ReasonCodes):
            raise ParameterTypeError(
                message(f"{name} is a {type(codes).__name__}", "ReasonCodes were expected", "reason_codes(...)")
            )
    a, b = _codes_by_customer(first, top), _codes_by_customer(second, top)
    both = [customer for customer in a if customer in b]
    if not both:
        raise DataError(
            message(
                f"the {len(a):,} customers of first and the {len(b):,} of second have nobody in common",
                "codes are compared by customer",
                "code_overlap(codes, codes_of_last_month)",
            )
        )
    shares = [len({*a[c]} & {*b[c]}) / len({*a[c]} | {*b[c]}) for c in both]
    same = [a[c][0] == b[c][0] for c in both]
    return pd.DataFrame(
        {
            "customers": [len(both)],
            "left_out": [len(a) + len(b) - 2 * len(both)],
            "jaccard": [float(np.mean(shares))],
            "same_first": [float(np.mean(same))],
        }
    )


def _codes_by_customer(codes: ReasonCodes, top: int) -> dict[Any, list[str]]:
    index = codes.frame.index
    names = index.get_level_values("customer_id") if "customer_id" in index.names else index
    found: dict[Any, list[str]] = {}
    for customer, rank, code in zip(names, codes.frame["rank"], codes.frame["code"], strict=True):
        if rank <= top:
            found.setdefault(customer, []).append(code)
    return found


def bag_stability(
    bags: Sequence[pd.DataFrame], catalog: ReasonCatalog | None = None, *, top: int = 3, min_effect: float = 0.10
) -> pd.DataFrame:
    """Say how far the codes depend on the draw of customers the model was fitted to.

    Parameters
    ----------
    bags : sequence of DataFrame
        Contributions to the same rows by several models: `bag_contributions`.
    catalog : ReasonCatalog or None, default=None
        What the codes are; None is the standard one.
    top : int, default=3
        How many codes of a customer to compare.
    min_effect : float, default=0.1
        As in `reason_codes`.

    Returns
    -------
    DataFrame
        A row for each pair of bags, indexed by their positions: the columns of `code_overlap`.
        The means of ``jaccard`` and ``same_first`` are what to publish.

    Raises
    ------
    ParameterError
        If there are fewer than two bags.

    Examples
    --------
    >>> index = pd.Index(["ann"], name="customer_id")
    >>> bags = [pd.DataFrame({"any.recency": [x], "price": [0.3]}, index=index) for x in (0.5, 0.4, 0.0)]
    >>> bag_stability(bags)["jaccard"].tolist()
    [1.0, 0.5, 0.5]
    """
    if len(bags) < 2:
        raise ParameterError(message(f"there are {len(bags)} bags", "two at least are compared", "n_bags=5"))
    found = [reason_codes(bag, catalog, top=top, min_effect=min_effect) for bag in bags]
    pairs = list(itertools.combinations(range(len(found)), 2))
    rows = [code_overlap(found[i], found[j], top=top) for i, j in pairs]
    return pd.concat(rows).set_axis(pd.MultiIndex.from_tuples(pairs, names=["bag", "other_bag"]), axis=0)
