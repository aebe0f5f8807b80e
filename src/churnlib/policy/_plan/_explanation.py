"""One customer of a plan: what was decided, what every action would bring, and what may be offered."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib.policy._actions._action import NONE
from churnlib.policy._plan._explore import propensities
from churnlib.policy._plan._parts import Parts
from churnlib.policy._plan._reasons import EXPLORED, HELD_OUT, blocked_because, skipped

__all__ = ["PlanExplanation", "explained"]

_ROUNDING = 1e-9  # a price is a difference of amounts of money: the last digits of what it leaves say nothing


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PlanExplanation:
    """Why a customer gets an action, or none.

    Attributes
    ----------
    customer : object
        The id.
    on : Timestamp
        The day of the plan, without a zone; NaT where none was given.
    action : str
        What is done, or "none".
    allocated : str
        What the allocation gave before chance took part: differs from `action` for those held out or explored.
    reason : str
        "chosen", or why nothing is done.
    about : str
        The action that the sentences are about: the one done or allocated, or else the one that came closest.
    options : DataFrame
        A row for each action: allowed, gain, cost, value (gain less cost), price (what the limits ask for it),
        left (value less price), ceiling (the most it may cost), propensity, note.
    because : tuple of str
        What made the action come up, where candidates say so.
    limits : dict
        Which limits ask how much for the action in question.

    Examples
    --------
    >>> from churnlib.policy import Action, allocate
    >>> gain = pd.Series([30.0, 20, 20], index=pd.Index(["ann", "bob", "cem"], name="customer_id"))
    >>> plan = allocate(gain, actions=[Action("call", cost=6, channel="phone", capacity=2)], on="2026-03-02")
    >>> plan.explain(customer="cem")
    cem on 2026-03-02: no action (capacity phone).
    call gains 20.00 and costs 6.00: it brings 14.00, and 14.00 is what the limits ask for it (phone 14.00).
    It may cost at most 6.00.
    """

    customer: Any
    on: Any
    action: str
    allocated: str
    reason: str
    about: str
    options: pd.DataFrame
    because: tuple[str, ...]
    limits: dict[str, float]

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        lines = "<br>\n".join(html.escape(line) for line in self._lines())
        return f"<p>{lines}</p>\n{self.options.to_html(escape=True, border=0)}"

    def _lines(self) -> list[str]:
        day = "" if pd.isna(self.on) else f" on {self.on:%Y-%m-%d}"
        done = f"{self.action}" if self.action != NONE else "no action"
        lines = [f"{self.customer}{day}: {done} ({self.reason})."]
        if self.reason in (HELD_OUT, EXPLORED) and self.allocated != self.action:
            given = "nothing" if self.allocated == NONE else self.allocated
            lines.append(f"Without chance it would have been {given}.")
        elif self.reason in (HELD_OUT, EXPLORED):
            return lines
        name, option = self.about, self.options.loc[self.about]
        if not option["allowed"]:
            return [*lines, f"{name} is not allowed: {option['note']}."]
        text = f"{name} gains {option['gain']:,.2f} and costs {option['cost']:,.2f}: it brings {option['value']:,.2f}"
        if self.limits and option["value"] > 0:
            parts = ", ".join(f"{limit} {charge:,.2f}" for limit, charge in self.limits.items())
            text += f", and {option['price']:,.2f} is what the limits ask for it ({parts})"
        lines.append(text + ".")
        if self.action == self.allocated == NONE and option["left"] > _ROUNDING * option["value"]:
            lines.append("It would be worth that, but no room is left for one more whole customer.")
        lines.append(f"It may cost at most {option['ceiling']:,.2f}.")
        if self.because:
            lines.append(f"It came up because of {'; '.join(self.because)}.")
        return lines


def explained(parts: Parts, row: int) -> PlanExplanation:
    """Explain the customer of a row.

    Parameters
    ----------
    parts : Parts
        Of the plan.
    row : int
        The customer's position.

    Returns
    -------
    PlanExplanation
        With a row for each action.
    """
    rows = np.array([row])
    names = parts.options.names
    arm, allocated = int(parts.arm[row]), int(parts.solution.arm[row])
    charges = {limit.name: charge[0] for limit, charge in parts.charges(rows)}
    price = sum(charges.values(), start=np.zeros(len(names)))
    may, net = parts.may(rows)[0], parts.net(rows)[0]
    chance = parts.chance
    shares = propensities(
        parts.solution.arm[rows],
        None if parts.allowed is None else parts.allowed[rows],
        len(names),
        holdout=chance.holdout,
        explore=chance.explore,
    )[0, 1:]
    notes = ["" if may[k] else str(blocked_because(parts, rows, np.array([k]))[0]) for k in range(len(names))]
    table = pd.DataFrame(
        {
            "allowed": may,
            "gain": parts.options.gain[row],
            "cost": parts.options.cost[row],
            "value": net,
            "price": price,
            "left": net - price,
            "ceiling": parts.ceilings(rows)[0],
            "propensity": shares,
            "note": notes,
        },
        index=pd.Index(names, name="action"),
    )
    labels = [NONE, *names]
    reason, closest = _reason(parts, row, arm)
    given = arm if arm >= 0 else allocated
    about = names[given] if given >= 0 else closest
    return PlanExplanation(
        customer=parts.options.customers[row],
        on=parts.day,
        action=labels[1 + arm],
        allocated=labels[1 + allocated],
        reason=reason,
        about=about,
        options=table,
        because=_because(parts, row, names[given] if given >= 0 else None),
        limits={
            name: float(charge[names.index(about)]) for name, charge in charges.items() if charge[names.index(about)]
        },
    )


def _reason(parts: Parts, row: int, arm: int) -> tuple[str, str]:
    """Return the reason, and for those without action the one that came closest."""
    if arm >= 0:
        return (EXPLORED if parts.draw.explored[row] else "chosen"), ""
    found = skipped(parts, np.array([row])).iloc[0]
    return str(found["reason"]), str(found["action"])


def _because(parts: Parts, row: int, action: str | None) -> tuple[str, ...]:
    if parts.because is None:
        return ()
    found = parts.because
    of = found["customer_id"] == parts.options.customers[row]
    if action is not None:
        of &= found["action"] == action
    return tuple(dict.fromkeys(found.loc[of, "because"].astype(str)))
