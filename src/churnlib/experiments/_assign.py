"""Who gets what: salted assignment by hash, with exact propensities and a permanent holdout."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_number
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.experiments._ids import read_ids, read_strata
from churnlib.experiments._shares import Shares, read_shares
from churnlib.numerics import salted_uniform, spread_within

__all__ = ["Assignment", "assign"]

HOLDOUT = "holdout"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Assignment:
    """The arm of each customer, and how probable it was.

    Attributes
    ----------
    frame : DataFrame
        Indexed by customer, in the order given: ``arm``, and ``propensity``, the probability with which this customer
        came into this arm (above 0, up to 1). Keep it with the outcomes: nothing can be learnt later about customers
        whose propensity was not written down.
    probabilities : dict
        Arm to the probability of each customer to come into it, the holdout included; they sum to 1.
    salt : str
        What the ids were hashed with.

    Examples
    --------
    >>> plan = assign(range(1000), arms={"control": 0.2, "offer": 0.8}, salt="spring-2026")
    >>> plan
    Assignment('spring-2026': 1,000 customers; control 200 (20%), offer 800 (80%))
    >>> plan.counts.to_dict()
    {'control': 200, 'offer': 800}
    """

    frame: pd.DataFrame
    probabilities: dict[Any, float]
    salt: str

    @property
    def arm(self) -> pd.Series[Any]:
        """The arm of each customer."""
        return self.frame["arm"]

    @property
    def propensity(self) -> pd.Series[float]:
        """The probability with which each customer came into the arm it is in."""
        return self.frame["propensity"]

    @property
    def counts(self) -> pd.Series[int]:
        """Customers by arm, in the order of `probabilities`; give them to `srm_check`."""
        return self.frame["arm"].value_counts().reindex(list(self.probabilities), fill_value=0)

    @property
    def propensities(self) -> pd.DataFrame:
        """The probability of each customer (row) to come into each arm (column)."""
        row = np.array(list(self.probabilities.values()))
        return pd.DataFrame(
            np.tile(row, (len(self.frame), 1)), index=self.frame.index, columns=list(self.probabilities)
        )

    def __repr__(self) -> str:
        counts = self.counts
        parts = ", ".join(f"{arm} {counts[arm]:,} ({share:.3g}%)" for arm, share in self._percent().items())
        return f"Assignment({self.salt!r}: {len(self.frame):,} customers; {parts})"

    def _repr_html_(self) -> str:
        table = pd.DataFrame({"customers": self.counts, "probability": pd.Series(self.probabilities)})
        return f"<p>{html.escape(repr(self))}</p>\n{table.to_html(escape=True, border=0)}"

    def _percent(self) -> dict[Any, float]:
        return {arm: 100 * share for arm, share in self.probabilities.items()}


def assign(
    customers: Any,
    *,
    arms: Shares,
    salt: str,
    strata: Any = None,
    holdout: float = 0.0,
    holdout_salt: str = "holdout",
    customer: str = "customer_id",
) -> Assignment:
    """Assign customers to arms by a hash of the salt and their id.

    The arm of a customer depends on the salt, the id and the arms, and on nothing else: not on the order of the
    rows, the kind of frame, the process or the machine, and without `strata` not on who else is in the list, so that
    who joins later can be assigned by the same line. Ids are hashed as texts, so that 7 and "7" are the same customer.

    Parameters
    ----------
    customers : list, array, Index, Series or any frame of customers
        One entry for each. Of a frame the column named by `customer` is read, or the named index of a pandas frame.
    arms : mapping of name to share, or list of names
        Shares are above 0 and sum to 1; a list of names means equal shares. They are shares of those who are not
        in the holdout. Put the control first.
    salt : str
        The name of this experiment. Each experiment needs its own: with the same salt the same customers would be
        the control again and again.
    strata : array-like, Series, str or list of str, default=None
        The stratum of each customer (a Series with a named index is matched by customer), or columns of the frame.
        Each stratum is then split as evenly as whole customers allow: each arm gets its share of each
        stratum, to less than one customer up or down. The arm of a customer then depends on who else is in the stratum.
    holdout : float, default=0.0
        The share of customers that no experiment may touch, 0 or more and below 1. It is drawn by `holdout_salt`
        alone: the same customers are held out under every `salt`, and a larger share only adds to them.
    holdout_salt : str, default="holdout"
        What the holdout is drawn with. Change it only to let the held out go and draw anew.
    customer : str, default="customer_id"
        The column of the ids in a frame, and the name of the index of the result.

    Returns
    -------
    Assignment
        Its ``frame`` has the arm and its exact propensity for each customer. Those held out are in the arm "holdout".

    Raises
    ------
    ParameterTypeError
        If the salt is no text, or `arms` neither names nor a mapping.
    ParameterError
        If there are fewer than two arms, shares do not sum to 1, an arm is called "holdout" beside a holdout,
        the salt is empty, or both salts are the same.
    DuplicateError
        If a customer is given twice.
    DataError
        If a customer has no id or no stratum, or there is none.
    SchemaError
        If a column does not exist, ids are neither texts nor integers, or a customer is not in the index of `strata`.

    Notes
    -----
    The hash is BLAKE2b (RFC 7693) with the salt as key; its 64 bits over 2⁶⁴ are a uniform number u, and the arm is
    the one whose interval of cumulated shares holds u. Within a stratum of n customers, u is (r + v) / n, where r is
    the rank of the customer's hash and v a uniform number of the stratum: r is uniform on 0..n-1, so that u is
    uniform on [0, 1), and the propensities are exact in this case too.

    Examples
    --------
    >>> plan = assign(["ann", "bob", "cem", "dan"], arms=["control", "offer"], salt="spring-2026")
    >>> plan.frame
                     arm  propensity
    customer_id
    ann          control         0.5
    bob            offer         0.5
    cem            offer         0.5
    dan            offer         0.5

    A holdout stays the same in every experiment:

    >>> first, second = (
    ...     assign(range(2000), arms=["control", "offer"], salt=name, holdout=0.05) for name in ("spring", "autumn")
    ... )
    >>> bool(((first.arm == "holdout") == (second.arm == "holdout")).all())
    True
    >>> first.probabilities
    {'control': 0.475, 'offer': 0.475, 'holdout': 0.05}
    """
    shares = read_shares(arms)
    kept_out = _checked_holdout(shares, holdout, _text(salt, "salt"), _text(holdout_salt, "holdout_salt"))
    ids = read_ids(customers, customer=customer)
    position = salted_uniform(ids, salt)
    held = salted_uniform(ids, holdout_salt) < kept_out if kept_out else np.zeros(len(ids), dtype=bool)
    if strata is not None:
        codes = read_strata(strata, customers, ids)
        position[~held] = spread_within(position[~held], codes[~held], ids[~held])
    chosen = np.searchsorted(np.cumsum(list(shares.values())), position, side="right")
    chosen = np.where(held, len(shares), np.minimum(chosen, len(shares) - 1))
    probabilities = {name: share * (1 - kept_out) for name, share in shares.items()}
    if kept_out:
        probabilities[HOLDOUT] = kept_out
    frame = pd.DataFrame(
        {
            "arm": pd.Index(list(probabilities)).take(chosen),
            "propensity": np.array(list(probabilities.values()))[chosen],
        },
        index=ids,
    )
    return Assignment(frame, probabilities, salt)


def _text(salt: object, name: str) -> str:
    if not isinstance(salt, str):
        raise ParameterTypeError(
            message(f"{name} is {salt!r}, a {type(salt).__name__}", "a text was expected", f"{name}='spring-2026'")
        )
    if not salt:
        raise ParameterError(message(f"{name} is empty", "it names the experiment", f"{name}='spring-2026'"))
    return salt


def _checked_holdout(shares: dict[Any, float], holdout: float, salt: str, holdout_salt: str) -> float:
    share = check_number(holdout, name="holdout", low=0, high=1)
    if share == 1:
        raise ParameterError(message("holdout=1 holds everybody out", "a share below 1 is needed", "holdout=0.05"))
    if share and HOLDOUT in shares:
        raise ParameterError(
            message(
                f"an arm is called {HOLDOUT!r}, as are those held out",
                "the arms of the experiment need other names",
                "arms={'control': 0.5, 'offer': 0.5}, holdout=0.05",
            )
        )
    if share and salt == holdout_salt:
        raise ParameterError(
            message(
                f"salt and holdout_salt are both {salt!r}",
                "the arms would be drawn with the hash that drew the holdout",
                "salt='spring-2026'",
            )
        )
    return share
