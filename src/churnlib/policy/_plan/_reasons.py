"""Why a customer gets nothing: one reason for each, the one that decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.policy._plan._parts import Parts

__all__ = ["DOES_NOT_PAY", "EXPLORED", "HELD_OUT", "NOT_CHOSEN", "blocked_because", "skipped"]

HELD_OUT, EXPLORED, DOES_NOT_PAY = "holdout", "explored", "does not pay"
NOT_CHOSEN = "limits"
"""Where no limit alone keeps a customer out: together they leave no room for a whole one."""


def skipped(parts: Parts, rows: IntArray | None = None) -> pd.DataFrame:
    """Return customers without action, with the reason and the action that came closest.

    Parameters
    ----------
    parts : Parts
        Of the plan.
    rows : ndarray of int, default=None
        Customers without action, by row; None for all of them.

    Returns
    -------
    DataFrame
        customer_id, reason, action, value (net), price (what the limits ask for it).
    """
    rows = np.flatnonzero(parts.arm < 0) if rows is None else rows
    reason, best = _reasons(parts, rows)
    names = np.array(parts.options.names, dtype=object)
    place = np.arange(len(rows))
    price = sum((charge for _, charge in parts.charges(rows)), start=np.zeros((len(rows), len(names))))
    return pd.DataFrame(
        {
            "customer_id": parts.options.customers[rows],
            "reason": reason,
            "action": names[best],
            "value": parts.net(rows)[place, best],
            "price": price[place, best],
        }
    )


def _reasons(parts: Parts, rows: IntArray) -> tuple[np.ndarray[Any, Any], IntArray]:
    net, may = parts.net(rows), parts.may(rows)
    pays = may & (net > 0)
    charges = [(limit.name, charge) for limit, charge in parts.charges(rows)]
    priced = net - sum((charge for _, charge in charges), start=np.zeros(net.shape))
    rationed = pays.any(axis=1)
    blocked = ~rationed & ((~may & (net > 0)).any(axis=1) | ~may.any(axis=1))
    best = np.where(
        rationed,
        np.where(pays, priced, -np.inf).argmax(axis=1),
        np.where(blocked, np.where(~may, net, -np.inf).argmax(axis=1), np.where(may, net, -np.inf).argmax(axis=1)),
    )
    reason = np.full(len(rows), DOES_NOT_PAY, dtype=object)
    reason[rationed] = _rationed(parts, rows[rationed], best[rationed], [(n, c[rationed]) for n, c in charges])
    reason[blocked] = blocked_because(parts, rows[blocked], best[blocked])
    reason[parts.draw.explored[rows]] = EXPLORED
    reason[parts.draw.held[rows]] = HELD_OUT
    return reason, best


def _rationed(
    parts: Parts, rows: IntArray, best: IntArray, charges: list[tuple[str, FloatArray]]
) -> np.ndarray[Any, Any]:
    """Name the limit whose price takes most of the value, or else the one that has no room left."""
    place = np.arange(len(rows))
    if not charges:
        return np.full(len(rows), NOT_CHOSEN, dtype=object)
    taken = np.column_stack([charge[place, best] for _, charge in charges])
    # one that has no price may still have no room for a whole customer; it comes after those that have one
    full = np.column_stack([_is_full(parts, name, rows, best) for name, _ in charges])
    weight = np.where(taken > 0, 1.0 + taken, np.where(full, 0.5, 0.0))
    words = np.array([parts.words[name] for name, _ in charges], dtype=object)
    return np.where(weight.max(axis=1) > 0, words[weight.argmax(axis=1)], NOT_CHOSEN)


def _is_full(parts: Parts, name: str, rows: IntArray, best: IntArray) -> BoolArray:
    limit = next(limit for limit in parts.limits if limit.name == name)
    need = parts.options.cost[rows, best] if limit.counts == "cost" else np.ones(len(rows))
    concerned = np.isin(best, limit.columns(parts.options.gain.shape[1]))
    if limit.rows is not None:
        concerned &= np.asarray(limit.rows)[rows]
    left = limit.at_most - parts.aside.get(name, 0.0) - parts.solution.used.get(name, parts.solution.cost)
    return np.asarray(concerned & (need > left))


def blocked_because(parts: Parts, rows: IntArray, arm: IntArray) -> np.ndarray[Any, Any]:
    """Return why an action may not be done for a customer: not eligible, not a candidate, or the contact rule.

    Parameters
    ----------
    parts : Parts
        Of the plan.
    rows, arm : ndarray of int
        Customers by row, and one action of each that is not allowed.

    Returns
    -------
    ndarray of object
        The reasons.
    """
    found = np.full(len(rows), "contact rules", dtype=object)
    if parts.refused is not None and len(rows) and len(parts.refused):
        first = parts.refused.drop_duplicates(["customer_id", "action"])
        where = pd.MultiIndex.from_arrays([first["customer_id"], first["action"].astype(str)])
        names = np.array(parts.options.names, dtype=object)[arm]
        wanted = pd.MultiIndex.from_arrays([parts.options.customers[rows], names])
        position = where.get_indexer(wanted)
        stated = first["reason"].astype(str).to_numpy(dtype=object)
        found = np.where(position >= 0, stated[position], found)
    for word, left in reversed(list(parts.blocks.items())):
        found = np.where(left[rows, arm], found, word)
    return found
