"""The plan: one row per customer and day, what is done, how probable it was, and why."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._ids import check_same_kind
from churnlib._typing import FloatArray
from churnlib.classification import write_contact_list
from churnlib.exceptions import DataError, DuplicateError, ParameterTypeError, SchemaError, message, some
from churnlib.policy._actions._action import NONE
from churnlib.policy._plan._explanation import PlanExplanation, explained
from churnlib.policy._plan._explore import propensities
from churnlib.policy._plan._parts import Parts
from churnlib.policy._plan._reasons import skipped

if TYPE_CHECKING:
    from churnlib.policy._plan._log import PlanLog

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Who gets which action on one day, made by `allocate`.

    The allocation is made for everybody; then the holdout gets nothing, and the few who are explored get
    an action drawn at random. Therefore the probability of each action is known exactly for each customer,
    the allocated one of those held out is known too, and no limit is ever exceeded.

    Attributes
    ----------
    parts : Parts
        What it was made from, as arrays.

    Examples
    --------
    >>> from churnlib.policy import Action, allocate
    >>> gain = pd.Series([30.0, 20, 20, 3], index=pd.Index(["ann", "bob", "cem", "dan"], name="customer_id"))
    >>> plan = allocate(gain, actions=[Action("call", cost=6, channel="phone", capacity=2)], on="2026-03-02")
    >>> plan
    Plan(2026-03-02: 4 customers; call 2, none 2; worth 38.00 for a cost of 12.00)
    >>> plan.frame[["action", "channel", "value", "cost", "propensity"]]
                action channel  value  cost  propensity
    customer_id
    ann           call   phone   24.0   6.0         1.0
    bob           call   phone   14.0   6.0         1.0
    cem           none     NaN    0.0   0.0         1.0
    dan           none     NaN    0.0   0.0         1.0
    >>> plan.skipped
      customer_id          reason action  value  price
    0         cem  capacity phone   call   14.0   14.0
    1         dan    does not pay   call   -3.0   14.0
    >>> float(plan.shadow_price["phone"])
    14.0
    """

    parts: Parts

    # -- what is done ------------------------------------------------------------------------

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per customer, indexed by customer_id, in the order of the values.

        ``on`` (the day, without a zone), ``action`` ("none" for nothing), ``channel``, ``value`` (gain less cost, in
        money), ``cost``, ``propensity`` (the probability with which the customer came to this action), ``holdout``,
        ``explored`` (the action was drawn at random), and ``allocated``: the action before chance took part, known
        for the held out too.
        """
        options, draw = self.parts.options, self.parts.draw
        arm = self.parts.arm
        rows, given = np.arange(len(arm)), arm >= 0
        cost = np.where(given, options.cost[rows, arm], 0.0)
        labels = pd.Index([NONE, *options.names])
        channels = pd.Index([*(action.channel for action in options.actions), None], dtype=labels.dtype)
        return pd.DataFrame(
            {
                "on": np.full(
                    len(arm), np.datetime64("NaT") if pd.isna(self.on) else self.on.to_datetime64(), dtype="M8[us]"
                ),
                "action": labels.take(arm + 1),
                "channel": channels.take(arm),
                "value": np.where(given, options.gain[rows, arm], 0.0) - cost,
                "cost": cost,
                "propensity": self._probabilities(1 + arm.astype(np.int64)),
                "holdout": draw.held,
                "explored": draw.explored,
                "allocated": labels.take(self.parts.solution.arm + 1),
            },
            index=options.customers,
        )

    @property
    def on(self) -> Any:
        """The day of the plan, a Timestamp without a zone; NaT where none was given."""
        return self.parts.day

    @property
    def customers(self) -> pd.Index[Any]:
        """The customers, in the order of the values."""
        return self.parts.options.customers

    @property
    def actions(self) -> tuple[Any, ...]:
        """The actions of the plan."""
        return self.parts.options.actions

    @cached_property
    def propensities(self) -> pd.DataFrame:
        """The probability of each customer (row) to come to "none" and to each action (columns); they sum to 1."""
        options, chance = self.parts.options, self.parts.chance
        found = propensities(
            self.parts.solution.arm,
            self.parts.allowed,
            len(options.names),
            holdout=chance.holdout,
            explore=chance.explore,
        )
        return pd.DataFrame(found, index=options.customers, columns=[NONE, *options.names])

    @property
    def value(self) -> float:
        """What the plan is expected to bring, net of its cost, in money; explorers may take some away."""
        return float(self.frame["value"].sum())

    @property
    def cost(self) -> float:
        """What the plan costs, in money."""
        return float(self.frame["cost"].sum())

    @property
    def counts(self) -> pd.Series[int]:
        """Customers by action, "none" included."""
        labels = pd.Index([NONE, *self.parts.options.names], name="action")
        return pd.Series(np.bincount(self.parts.arm + 1, minlength=len(labels)), index=labels, name="count")

    # -- why ---------------------------------------------------------------------------------

    @cached_property
    def skipped(self) -> pd.DataFrame:
        """Every customer without action, with the reason that decided.

        ``customer_id``, ``reason``, ``action`` (the one that came closest), ``value`` (its gain less its cost) and
        ``price`` (what the limits ask for it). Reasons are "holdout", "explored" (nothing was drawn), "not eligible",
        "not a candidate", what the contact policy says, "does not pay" (no action brings more than it costs), and
        where it would pay the limit that keeps it out: "budget" (its value per money is below the shadow price),
        "capacity phone", "quota A", "budget A".
        """
        return skipped(self.parts)

    @cached_property
    def ceilings(self) -> pd.DataFrame:
        """The most that each action (column) may cost for each customer (row) and still be worth it.

        At the prices λ of the budgets and μ of the other limits it is (gain − μ) / (1 + λ), at least 0: what is
        offered beyond it would do more elsewhere. Missing where the action is not allowed.
        """
        options = self.parts.options
        return pd.DataFrame(self.parts.ceilings(), index=options.customers, columns=options.names)

    @property
    def shadow_price(self) -> pd.Series[float]:
        """What one more unit of each limit would bring, in money: of the budget, each capacity and each quota.

        The price of a budget is net: 0.4 means that one more unit of money brings 1.40. A price below 0 is what a
        quota's `at_least` costs for each customer it demands.
        """
        names = [limit.name for limit in self.parts.limits]
        return pd.Series([self.parts.price(name) for name in names], index=names, dtype=float, name="shadow_price")

    @cached_property
    def limits(self) -> pd.DataFrame:
        """The limits: what they count, how much they allow and demand, and what became of it.

        ``set_aside`` is kept for those explored, whatever the draw; ``allocated`` is what the allocation uses,
        and ``used`` what is left of it once the holdout gets nothing and the explorers what they drew.
        """
        arm = self.parts.arm
        rows = {
            limit.name: {
                "counts": limit.counts,
                "at_least": limit.at_least,
                "at_most": limit.at_most,
                "set_aside": self.parts.aside.get(limit.name, 0.0),
                "allocated": self.parts.use(limit, self.parts.solution.arm),
                "used": self.parts.use(limit, arm),
                "price": self.parts.price(limit.name),
            }
            for limit in self.parts.limits
        }
        columns = ["counts", "at_least", "at_most", "set_aside", "allocated", "used", "price"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("limit")

    @property
    def upper_bound(self) -> float:
        """What no allocation within the limits is worth more than, before chance takes part."""
        return self.parts.solution.upper_bound

    @property
    def gap(self) -> float:
        """The upper bound less what the allocation is worth: at most so much is lost to customers being whole."""
        return self.parts.solution.gap

    def explain(self, *, customer: Any) -> PlanExplanation:
        """Say what was decided for a customer, and why.

        Parameters
        ----------
        customer : object
            The id; 7 and "7" are the same customer.

        Returns
        -------
        PlanExplanation
            Sentences in a notebook, with a table of all actions in ``options``.

        Raises
        ------
        DataError
            When the customer is not in the plan.
        """
        found = _found(self.customers, customer)
        if found is None:
            raise DataError(
                message(
                    f"customer {customer!r} is not in the plan of {len(self.customers):,} customers",
                    "only customers with a value are planned for",
                    f"plan.explain(customer={self.customers[0]!r})",
                )
            )
        return explained(self.parts, found)

    # -- what comes of it --------------------------------------------------------------------

    def check_against(self, *others: Plan) -> None:
        """Check that no customer has two plans for one day.

        Parameters
        ----------
        *others : Plan
            Plans that are to be carried out too.

        Raises
        ------
        DuplicateError
            When there is one, with names.
        ParameterTypeError
            When something else than a plan is given.
        """
        for other in others:
            if not isinstance(other, Plan):
                raise ParameterTypeError(
                    message(f"{other!r:.60} is no plan", "plans made by allocate", "plan.check_against(other)")
                )
            if pd.isna(self.on) or pd.isna(other.on) or self.on != other.on:
                continue
            check_same_kind(self.customers, other.customers)
            both = self.customers[self.customers.isin(other.customers)]
            if len(both):
                raise DuplicateError(two_plans(both, f"on {self.on:%Y-%m-%d}"))

    def log(self, log: PlanLog | None = None, *, owner: Any = None) -> PlanLog:
        """Write the plan into a log of decisions.

        Parameters
        ----------
        log : PlanLog, default=None
            Where it is appended; None begins a new one.
        owner : str, mapping or Series, default=None
            As in `PlanLog.append`.

        Returns
        -------
        PlanLog
            A new log; the one given is not changed.
        """
        from churnlib.policy._plan._log import PlanLog

        return (PlanLog() if log is None else log).append(self, owner=owner)

    def to_csv(self, path: str | Path, *, columns: pd.DataFrame | None = None) -> Path:
        """Write the list for those who carry it out: whom, how, and empty cells for what came of it.

        Only customers with an action are in it, by channel and falling value; nothing says who is held out. A cell
        that starts like a formula is made harmless. `PlanLog.record` reads the file again.

        Parameters
        ----------
        path : str or path
            Where to.
        columns : DataFrame, default=None
            More to write about each customer, such as a telephone number: indexed by customer_id. Nothing
            else than ids, actions and these columns leaves the house.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        SchemaError
            When a column has a name that the list needs itself.
        """
        by_name = {action.name: action for action in self.actions}
        done = self.frame[self.frame["action"] != NONE]
        channel = pd.factorize(done["channel"], sort=True)[0]
        order = np.lexsort((np.arange(len(done)), -done["value"].to_numpy(), channel))
        done = done.iloc[order]
        names = done["action"].astype(str)
        listed = pd.DataFrame(
            {
                "customer_id": done.index,
                "on": done["on"].dt.strftime("%Y-%m-%d").to_numpy(dtype=object),
                "action": names.to_numpy(dtype=object),
                "channel": done["channel"].to_numpy(dtype=object),
                "subject": [by_name[name].subject for name in names],
                "owner": [by_name[name].owner for name in names],
            }
        )
        if columns is not None:
            listed = _beside(listed, columns)
        return write_contact_list(listed.assign(result="", feedback=""), path)

    # -- how it looks ------------------------------------------------------------------------

    def __repr__(self) -> str:
        day = "" if pd.isna(self.on) else f"{self.on:%Y-%m-%d}: "
        counts = self.counts
        parts = ", ".join(f"{name} {counts[name]:,}" for name in [*counts.index[1:], NONE])
        draw = self.parts.draw
        chance = [f"{int(n.sum()):,} {word}" for n, word in ((draw.held, "held out"), (draw.explored, "explored"))]
        drawn = ", ".join(text for text in chance if not text.startswith("0 "))
        tail = f"; {drawn}" if drawn else ""
        worth = f"worth {self.value:,.2f} for a cost of {self.cost:,.2f}"
        return f"Plan({day}{len(self.customers):,} customers; {parts}; {worth}{tail})"

    def _repr_html_(self) -> str:
        given = self.frame[self.frame["action"] != NONE]
        table = given.groupby("action", observed=True).agg(
            customers=("cost", "size"), cost=("cost", "sum"), value=("value", "sum")
        )
        reasons = self.skipped["reason"].value_counts().rename("customers").to_frame()
        frames = [table, reasons.rename_axis("without action, because"), self.limits]
        return f"<p>{html.escape(repr(self))}</p>\n" + "\n".join(
            frame.to_html(escape=True, border=0) for frame in frames if len(frame)
        )

    def _probabilities(self, option: Any) -> FloatArray:
        """Return the probability of one option of each customer, without the table of all of them."""
        options, chance = self.parts.options, self.parts.chance
        may = self.parts.allowed
        n, k = options.gain.shape
        found = np.where(self.parts.solution.arm + 1 == option, (1 - chance.holdout) * (1 - chance.explore), 0.0)
        if chance.explore:
            each = (1 - chance.holdout) * chance.explore / (1 + (k if may is None else may.sum(axis=1)))
            open_to = np.ones(n, dtype=bool) if may is None else (option == 0) | may[np.arange(n), option - 1]
            found += np.where(open_to, each, 0.0)
        found += np.where(option == 0, chance.holdout, 0.0)
        return found

    def _chances_of_allocated(self) -> tuple[FloatArray, FloatArray]:
        """Return the probability of each customer to get nothing, and to get what was allocated, all chance counted."""
        option = self.parts.solution.arm.astype(np.int64) + 1
        return self._probabilities(np.zeros(len(option), dtype=np.int64)), self._probabilities(option)


def two_plans(customers: pd.Index[Any], when: str) -> str:
    """Say that customers are planned for twice."""
    word = "customer has" if len(customers) == 1 else "customers have"
    return message(
        f"{len(customers):,} {word} two plans {when} ({some(customers)})",
        "one row per customer and day",
        "one allocate() with all actions, or value.drop(earlier.customers, errors='ignore')",
    )


def _found(customers: pd.Index[Any], customer: Any) -> int | None:
    try:
        if customer in customers:
            return int(customers.get_indexer(pd.Index([customer]))[0])
    except TypeError:  # what cannot be hashed is no id
        return None
    same = np.flatnonzero(np.asarray(customers.astype(str)) == str(customer))
    return int(same[0]) if len(same) else None


def _beside(listed: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    taken = [name for name in columns.columns if name in (*listed.columns, "result", "feedback")]
    if taken:
        raise SchemaError(
            message(f"columns named {some(taken)} are the list's own", "other names", f"columns.drop(columns={taken})")
        )
    return listed.join(columns, on="customer_id")
