"""An action: what may be done for a customer, at what cost, through which channel, for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, check_integer, check_number, named_rows
from churnlib._fields import check_label, check_text, entries_of, span_of
from churnlib._frames import check_columns
from churnlib._ids import customer_ids
from churnlib._typing import BoolArray, FloatArray, Instant, IntoFrame, Span
from churnlib.alerts import Rule
from churnlib.calendar import Duration, to_us
from churnlib.exceptions import ChurnlibError, DataError, ParameterError, ParameterTypeError, message
from churnlib.expressions import Columns, Expression

__all__ = ["NONE", "Action", "Amount"]

NONE = "none"
"""What stands for doing nothing; no action may be called so."""

Amount: TypeAlias = float | str | Callable[[Any], Any]
"""Money for each customer: one number, a column of the customers, or a function of them."""

_EXAMPLE = "Action('call', cost=6, channel='phone', capacity=400)"
_OPTIONAL = (
    "cost", "channel", "capacity", "eligible", "value", "revenue_cost", "minimum_gap", "due", "subject", "owner",
)  # fmt: skip


@dataclass(frozen=True, slots=True, init=False)
class Action:
    """Something that may be done for a customer: a call, a coupon, a better plan.

    Assumes that one customer gets an action at most once in a plan, and that what it costs does not
    depend on who else gets it. Eligibility is judged at one instant; how often a customer may be
    contacted is for `ContactPolicy` to say.

    Parameters
    ----------
    name : str
        Its name, distinct within a catalogue. "none" is reserved for doing nothing.
    cost : float, str or callable, default=0.0
        Money spent when it is done for a customer, at least 0: one number, a column of the customers, or
        a function that takes their frame and returns one number per row.
    channel : str, default=None
        How the customer is reached, such as "phone". Actions of one channel share its capacity, and
        contact limits go by channel. None belongs to no channel: limits on all contacts hold for it all the same.
    capacity : int, default=None
        How many customers the channel can serve in a plan (the action itself, where it has no
        channel); None for no limit.
    eligible : str, Expression, Rule or mapping, default=None
        Whom it may be done for, in the language of `churnlib.expressions.Expression`, or an alert
        rule, whose `when`, `valid` and `on_missing` decide. None for everybody. Where a condition is
        unknown, the customer is not eligible.
    value : float, str or callable, default=None
        What it gains, before its own cost; None where `allocate` is given the values.
    revenue_cost : float, str or callable, default=0.0
        Revenue given up when it is taken, at least 0: what a customer pays less after moving to a
        better plan. It is part of the costs, beside the money spent.
    minimum_gap : str or timedelta, default=None
        The least time from one such action to the next for the same customer; `ContactPolicy` keeps it.
    due : str or timedelta, default=None
        How soon after it came up it must be done.
    subject : str, default=""
        What it is about, for those who do it.
    owner : str, default=""
        Who does it.

    Raises
    ------
    ParameterError
        When an argument makes no sense: a reserved name, a negative cost, an expression that cannot be read.
    ParameterTypeError
        When an argument is of a wrong type.

    See Also
    --------
    candidates : From alerts, reasons and dates to actions.
    ContactPolicy : How often a customer may be contacted.

    Examples
    --------
    >>> call = Action("call", cost=6, channel="phone", capacity=400, eligible="tier == 'A'")
    >>> customers = pd.DataFrame({"tier": ["A", "D", None]}, index=["ann", "bob", "cyd"])
    >>> call.allowed(customers).tolist(), call.costs(customers).tolist()
    ([True, False, False], [6.0, 6.0, 6.0])
    """

    name: str
    cost: Amount
    channel: str | None
    capacity: int | None
    eligible: Expression | Rule | None
    value: Amount | None
    revenue_cost: Amount
    minimum_gap: Duration | None
    due: Duration | None
    subject: str
    owner: str

    def __init__(
        self,
        name: str,
        *,
        cost: Amount = 0.0,
        channel: str | None = None,
        capacity: int | None = None,
        eligible: str | Expression | Rule | Mapping[str, Any] | None = None,
        value: Amount | None = None,
        revenue_cost: Amount = 0.0,
        minimum_gap: Span | Duration | None = None,
        due: Span | Duration | None = None,
        subject: str = "",
        owner: str = "",
    ) -> None:
        fields: dict[str, Any] = {"name": _name(name)}
        try:
            check_text(subject, "subject")
            check_text(owner, "owner")
            fields |= {
                "cost": _amount(cost, "cost", low=0),
                "channel": None if channel is None else check_label(channel, "channel"),
                "capacity": None if capacity is None else check_integer(capacity, name="capacity", low=0),
                "eligible": _eligible(eligible),
                "value": None if value is None else _amount(value, "value"),
                "revenue_cost": _amount(revenue_cost, "revenue_cost", low=0),
                "minimum_gap": None if minimum_gap is None else span_of(minimum_gap, "minimum_gap", allow_zero=False),
                "due": None if due is None else span_of(due, "due"),
                "subject": subject,
                "owner": owner,
            }
        except ChurnlibError as error:
            raise type(error)(f"action {name!r}: {error}") from None
        for field, found in fields.items():
            object.__setattr__(self, field, found)

    @property
    def read(self) -> tuple[str, ...]:
        """The columns of the customers that it reads, each once; what functions read is not known.

        Examples
        --------
        >>> Action("coupon", cost="coupon_cost", eligible="tier == 'D'").read
        ('coupon_cost', 'tier')
        """
        amounts = [amount for amount in (self.cost, self.revenue_cost, self.value) if isinstance(amount, str)]
        return tuple(dict.fromkeys([*amounts, *(() if self.condition is None else self.condition.names)]))

    @property
    def condition(self) -> Expression | None:
        """The condition of eligibility, whether it came by itself or as a rule.

        Examples
        --------
        >>> Action("coupon", eligible="n_orders < 2").condition
        Expression('n_orders < 2')
        """
        return self.eligible.when if isinstance(self.eligible, Rule) else self.eligible

    def costs(self, customers: IntoFrame, *, customer: str | None = None) -> pd.Series[float]:
        """Return what the action costs for each customer, revenue given up included.

        Parameters
        ----------
        customers : dataframe
            One row per customer.
        customer : str, default=None
            The column that names the customer; None for "customer_id", or else the index.

        Returns
        -------
        Series of float
            Money, at least 0, indexed by customer.

        Raises
        ------
        SchemaError
            When the column of a cost is missing.
        DataError
            When a cost is missing, negative or infinite.

        Examples
        --------
        >>> upgrade = Action("better plan", cost=1, revenue_cost="saved_a_year")
        >>> upgrade.costs(pd.DataFrame({"saved_a_year": [60, 24]}, index=["ann", "bob"])).to_dict()
        {'ann': 61.0, 'bob': 25.0}
        """
        found = self._numbers(customers, "cost", low=0) + self._numbers(customers, "revenue_cost", low=0)
        return pd.Series(found, index=customer_ids(customers, customer), name=self.name)

    def values(self, customers: IntoFrame, *, customer: str | None = None) -> pd.Series[float]:
        """Return what the action gains for each customer, before its cost.

        Parameters
        ----------
        customers : dataframe
            One row per customer.
        customer : str, default=None
            The column that names the customer; None for "customer_id", or else the index.

        Returns
        -------
        Series of float
            Money, indexed by customer; negative where the action does harm.

        Raises
        ------
        ParameterError
            When the action states no value.
        SchemaError
            When the column of values is missing.
        DataError
            When a value is missing or infinite.

        Examples
        --------
        >>> Action("call", value="gain").values(pd.DataFrame({"gain": [40, -3]}, index=["ann", "bob"])).to_dict()
        {'ann': 40.0, 'bob': -3.0}
        """
        if self.value is None:
            raise ParameterError(
                message(f"action {self.name!r} states no value", "what it gains was asked for", "Action(..., value=12)")
            )
        return pd.Series(self._numbers(customers, "value"), index=customer_ids(customers, customer), name=self.name)

    def allowed(
        self,
        customers: IntoFrame,
        *,
        on: Instant | None = None,
        customer: str | None = None,
        units: Mapping[str, str] | None = None,
    ) -> pd.Series[bool]:
        """Say for whom the action may be done.

        Parameters
        ----------
        customers : dataframe
            One row per customer, with the columns that `eligible` reads.
        on : str, date or datetime, default=None
            The instant of the decision; needed where the rule of eligibility says when it is valid.
        customer : str, default=None
            The column that names the customer; None for "customer_id", or else the index.
        units : mapping of str to str, default=None
            Units of columns of numbers that are compared with lengths of time: ``{"recency": "days"}``.

        Returns
        -------
        Series of bool
            Indexed by customer; False where the condition is unknown.

        Raises
        ------
        SchemaError
            When the condition names no column (the nearest is suggested), or a column cannot serve.
        DataError
            When a rule with ``on_missing="error"`` meets a missing value.
        ParameterError
            When the rule says when it is valid, and no instant is given.

        Examples
        --------
        >>> customers = pd.DataFrame({"n_orders": [1, 5]}, index=["ann", "bob"])
        >>> Action("coupon", eligible="n_ordres < 2").allowed(customers)
        Traceback (most recent call last):
            ...
        churnlib.exceptions.SchemaError: action 'coupon': eligible: at character 1: 'n_ordres' is no column (did you
        mean 'n_orders'?)...
        """
        true, _ = self._truth(customers, on, units)
        return pd.Series(true, index=customer_ids(customers, customer), name=self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the action as plain values, as it stands in a file.

        Returns
        -------
        dict
            The name, and of the other entries those that differ from their defaults.

        Raises
        ------
        ParameterError
            When an amount is a function, which no file can hold.

        Examples
        --------
        >>> Action("call", cost=6, channel="phone", due="24h").to_dict()
        {'name': 'call', 'cost': 6.0, 'channel': 'phone', 'due': '1d'}
        """
        functions = [name for name in ("cost", "value", "revenue_cost") if callable(getattr(self, name))]
        if functions:
            raise ParameterError(
                message(
                    f"action {self.name!r}: {functions[0]} is a function, which no file can hold",
                    "a number or the name of a column can be written",
                    f"Action(..., {functions[0]}='column')",
                )
            )
        rule = self.eligible
        written: dict[str, Any] = {
            "name": self.name,
            "cost": self.cost or None,
            "channel": self.channel,
            "capacity": self.capacity,
            "eligible": rule.to_dict() if isinstance(rule, Rule) else None if rule is None else rule.text,
            "value": self.value,
            "revenue_cost": self.revenue_cost or None,
            "minimum_gap": None if self.minimum_gap is None else str(self.minimum_gap),
            "due": None if self.due is None else str(self.due),
            "subject": self.subject or None,
            "owner": self.owner or None,
        }
        return {name: entry for name, entry in written.items() if entry is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Action:
        """Make an action from what `to_dict` returned, or what stands in a file.

        Parameters
        ----------
        values : mapping
            The name, and what else there is.

        Returns
        -------
        Action
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            When an entry is missing, unknown or makes no sense.
        ParameterTypeError
            When an entry is of a wrong type.

        Examples
        --------
        >>> Action.from_dict({"name": "call", "channell": "phone"})
        Traceback (most recent call last):
            ...
        churnlib.exceptions.ParameterError: action 'call' has an entry 'channell' (did you mean 'channel'?)...
        """
        named = values.get("name") if hasattr(values, "get") else None
        what = f"action {named!r}" if isinstance(named, str) else "an action"
        return cls(**entries_of(values, ("name",), _OPTIONAL, what=what, fix="{'name': 'call', 'cost': 6}"))

    # -- what the rows say -------------------------------------------------------------------

    def _numbers(self, customers: Any, which: str, *, low: float | None = None) -> FloatArray:
        amount = getattr(self, which)
        columns = Columns(customers)
        try:
            if isinstance(amount, str):
                check_columns(columns.names, {which: amount})
                found = columns.read(amount, "number")
            elif callable(amount):
                found = _called(amount, customers, columns.n_rows, which)
            else:
                return np.full(columns.n_rows, float(amount))
        except ChurnlibError as error:
            raise type(error)(f"action {self.name!r}: {error}") from None
        strange = ~np.isfinite(found) if low is None else ~(np.isfinite(found) & (found >= low))
        if strange.any():
            raise DataError(
                message(
                    f"action {self.name!r}: {int(strange.sum()):,} of {len(found):,} {which}s are missing, infinite"
                    + (" or negative" if low is not None else "")
                    + f" ({named_rows(strange)}; the first is {found[strange][0]:g})",
                    "a finite amount"
                    + (" of at least 0" if low is not None else "")
                    + " was expected for each customer",
                    f"customers[{amount!r}].fillna(0).clip(lower=0), if that is what they mean"
                    if isinstance(amount, str)
                    else f"{which}=lambda frame: ...",
                )
            )
        return np.array(found, dtype=np.float64)

    def _truth(
        self, customers: Any, on: Instant | None, units: Mapping[str, str] | None = None, tz: str = "UTC"
    ) -> tuple[BoolArray, BoolArray]:
        """Return who is eligible, and of whom nobody knows."""
        columns = Columns(customers, units=units)
        if self.condition is None:
            return np.ones(columns.n_rows, dtype=bool), np.zeros(columns.n_rows, dtype=bool)
        try:
            true, false = self.condition.bind(columns).truth(columns)
        except ChurnlibError as error:
            raise type(error)(f"action {self.name!r}: eligible: {error}") from None
        unknown = ~(true | false)
        if isinstance(self.eligible, Rule):
            return self._by_rule(self.eligible, true, unknown, on, tz)
        return true, unknown

    def _by_rule(
        self, rule: Rule, true: BoolArray, unknown: BoolArray, on: Instant | None, tz: str
    ) -> tuple[BoolArray, BoolArray]:
        if rule.on_missing == "error" and unknown.any():
            raise DataError(
                message(
                    f"action {self.name!r}: rule {rule.id!r} is unknown for {int(unknown.sum()):,} of {len(true):,} "
                    f"customers ({named_rows(unknown)})",
                    "on_missing='error' wants every value it reads",
                    "on_missing='clear', or fill the missing values",
                )
            )
        if rule.on_missing == "fire":
            true, unknown = true | unknown, np.zeros_like(unknown)
        start, until = rule.valid
        if start is None and until is None:
            return true, unknown
        if on is None:
            raise ParameterError(
                message(
                    f"action {self.name!r}: rule {rule.id!r} says when it is valid, and no instant was given",
                    "the instant of the decision was expected",
                    "action.allowed(customers, on='2026-03-02')",
                )
            )
        now = to_us(on, tz)
        holds = (start is None or to_us(start, tz) <= now) and (until is None or now < to_us(until, tz))
        return (true, unknown) if holds else (np.zeros_like(true), np.zeros_like(unknown))


def _name(given: Any) -> str:
    name = check_label(given, "name")
    if name.lower() == NONE:
        raise ParameterError(
            message(f"an action is called {name!r}, which stands for doing nothing", "another name", _EXAMPLE)
        )
    return name


def _amount(given: Any, name: str, *, low: float | None = None) -> Amount:
    if isinstance(given, str):
        return check_label(given, name)
    if callable(given):
        function: Callable[[Any], Any] = given
        return function
    return check_number(given, name=name, low=low)


def _eligible(given: Any) -> Expression | Rule | None:
    if given is None or isinstance(given, Expression):
        return given
    if isinstance(given, Mapping):
        given = Rule.from_dict(given)
    if isinstance(given, Rule):
        if not given.for_.is_zero or given.of != (1, 1):
            raise ParameterError(
                message(
                    f"eligible: rule {given.id!r} waits (for_={str(given.for_)!r}, of={given.of}), "
                    "and eligibility is judged at one instant",
                    "a rule without for_ and of, or its alerts",
                    "candidates(..., alerts=rules.step(X, now=now))",
                )
            )
        return given
    if not isinstance(given, str):
        raise ParameterTypeError(
            message(
                f"eligible is a {type(given).__name__}",
                "a condition or a Rule was expected",
                "eligible=\"tier == 'A'\"",
            )
        )
    try:
        return Expression(given)
    except ChurnlibError as error:
        raise type(error)(f"eligible: {error}") from None


def _called(function: Callable[[Any], Any], customers: Any, n_rows: int, which: str) -> FloatArray:
    try:
        found = as_floats(function(customers))
    except (TypeError, ValueError) as error:
        raise DataError(
            message(f"{which}: the function returned no numbers ({error})", "one number per row", f"{which}='column'")
        ) from None
    if found.ndim == 0:
        return np.full(n_rows, float(found))
    if found.shape != (n_rows,):
        raise DataError(
            message(
                f"{which}: the function returned an array of shape {found.shape} for {n_rows:,} customers",
                "one number per row",
                f"{which}=lambda frame: 0.1 * frame['clv']",
            )
        )
    return found
