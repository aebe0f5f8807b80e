"""A world in which retention is played month by month, and in which it is known what nobody would know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray, IntArray
from churnlib.datasets._draws import generator
from churnlib.datasets._retention_world_effects import (
    NOISE,
    SIGNALS,
    TIRING,
    chance,
    changes,
    log_odds,
    with_complaints,
)
from churnlib.datasets._retention_world_parameters import ACTIONS, RetentionParameters, read_parameters
from churnlib.datasets._retention_world_people import draw_people
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    HistoryError,
    InfeasibleError,
    ParameterError,
    message,
    nearest,
    some,
)

__all__ = ["RetentionTruth", "RetentionView", "RetentionWorld"]

NAMES = tuple(action.name for action in ACTIONS)
ARMS = ("none", *NAMES)
COSTS = np.array([0.0, *(action.cost for action in ACTIONS)])
FIRST = 100_001
FEATURES = tuple(SIGNALS + NOISE)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RetentionView:
    """What the firm sees at the beginning of a month. It is all that a policy may use.

    Attributes
    ----------
    month : int
        The month that begins, counted from 1.
    customers : DataFrame
        Features of the customers who are there, indexed by ``customer_id``. Names tell nothing of what is noise.
    past : DataFrame
        The same features at each past decision, indexed by ``customer_id`` and ``month``.
    log : DataFrame
        Indexed like `past`: ``action`` ("none" for nothing), ``propensity`` of it, ``retained`` (1 = stayed through
        the month), ``margin`` (money earned with the customer in the month) and ``cost`` (money spent).
    propensities : DataFrame
        Indexed like `past`: the probability of "none" and of each action, as given to `RetentionWorld.step`.
    actions : DataFrame
        Indexed by name: ``cost`` (each), ``channel``, and ``capacity`` (customers a month; infinite for no limit).
    budget : float
        The most that may be spent this month, in money.

    Examples
    --------
    >>> RetentionWorld(n_customers=500).observed()
    RetentionView(month 1: 500 customers, 18 features; 0 decisions logged)
    """

    month: int
    customers: pd.DataFrame
    past: pd.DataFrame
    log: pd.DataFrame
    propensities: pd.DataFrame
    actions: pd.DataFrame
    budget: float

    def __repr__(self) -> str:
        n, k = self.customers.shape
        return f"RetentionView(month {self.month}: {n:,} customers, {k} features; {len(self.log):,} decisions logged)"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RetentionTruth:
    """What nobody sees: risk, effects and value of each customer who is there, in the month that begins.

    Attributes
    ----------
    risk : Series
        Probability to leave this month if left alone.
    effects : DataFrame
        By action: how much it raises the probability to stay through this month (above 0 is good), with
        the fatigue of earlier contacts.
    value : Series
        Money that a customer who stays through this month brings from this month on, if left alone afterwards;
        expected and discounted to this month.
    fatigue : Series
        What earlier contacts left, 0 for none.
    gain : DataFrame
        Effect times value, by action, in money and before its cost.

    Examples
    --------
    >>> truth = RetentionWorld(n_customers=500).truth
    >>> truth
    RetentionTruth(500 customers: mean risk 5.2%, mean effects message 1.6, call -0.3, discount 1.7 points)
    """

    risk: pd.Series[float]
    effects: pd.DataFrame
    value: pd.Series[float]
    fatigue: pd.Series[float]

    @property
    def gain(self) -> pd.DataFrame:
        """Effect times value, by action, in money and before its cost."""
        return self.effects.mul(self.value, axis=0)

    def __repr__(self) -> str:
        points = ", ".join(f"{name} {100 * mean:.1f}" for name, mean in self.effects.mean().items())
        n, risk = len(self.risk), self.risk.mean()
        return f"RetentionTruth({n:,} customers: mean risk {risk:.1%}, mean effects {points} points)"


class RetentionWorld:
    r"""A firm's customers, month by month: who leaves depends on what is done, and is known beforehand to nobody.

    Play it with `step`. A policy is given `observed` and nothing else; a judge may look at `truth`. Everything
    random is drawn when the world is made: `again` gives the same customers with the same luck, so that two policies,
    or a policy and doing nothing, are compared customer by customer.

    Parameters
    ----------
    parameters : RetentionParameters, optional
        What is put in; the shipped ones by default.
    random_state : int, numpy.random.Generator or None, default=0
        Seed; the same seed gives the same world.
    **changes : float
        Single parameters that shall be different, such as ``n_customers=5000``.

    Attributes
    ----------
    parameters : RetentionParameters
        What was put in.
    month : int
        The month that begins, counted from 1; one more than ``parameters.months`` when the world has ended.

    Raises
    ------
    ParameterError
        If a parameter is unknown or out of range.
    ParameterTypeError
        If a parameter is no number, or `random_state` no seed.

    See Also
    --------
    churnlib.policy.allocate : Plans with the propensities that `step` logs.

    Notes
    -----
    *Features* (18): tenure, monthly margin (log-normal), price above the cheapest rival, usage and its trend, months of
    contract left, complaints of the last month, days in the app, autopay, age, products, waiting time at support; and
    six that nothing depends on.

    *Risk.* The log-odds to leave in a month fall with tenure, contract, products and a growing usage, rise with price,
    complaints, waiting and the end of a contract, and have a season. Between 5 and 6 % leave in a month.

    *Effects* lower these log-odds by :math:`s\,(\beta_a^\top z(x) - \kappa\,g(x)) - \phi F`. Terms :math:`z` are
    bent, capped or products of features: a message helps app users and customers in their second year, and reminds the
    dormant on autopay of what they pay; a call helps those who waited and the elder, and wakes whom nobody
    has asked for years; a discount helps where the price is high, but not the dormant. :math:`g` takes the effect of
    calls and discounts from those who have as good as left. Thus effects are of several points either way, and hardly
    follow risk.

    *Fatigue* :math:`F` is one half for a message, 1 for a call and 0.7 for a discount in the month after, and fades
    with `memory`. *Drift*: from `drift_month` on, messages work less through the app and better where usage fades,
    age no longer helps a call, and a discount depends less on the price and more on growing usage.

    *Money.* Who stays through a month brings the margin, with some noise. An action costs what it costs, whether they
    stay or not.

    Given the features and the past contacts, which are logged, what a policy does is all that differs: outcomes
    depend on nothing that both the policy and the luck could have known.

    Examples
    --------
    >>> world = RetentionWorld(n_customers=2000)
    >>> world.step("none")
    >>> world
    RetentionWorld(month 2 of 12: 2,000 customers at the start, 1,988 now)
    >>> world.observed().log["retained"].mean().round(3)
    np.float64(0.944)

    Contact everybody who has been there for long, in a world with the same luck, and see who left because of it:

    >>> other = world.again()
    >>> other.step(pd.Series("message", index=other.observed().customers.query("tenure > 30").index))
    >>> both = world.observed().log["retained"] - other.observed().log["retained"]
    >>> int((both == 1).sum()), int((both == -1).sum())
    (7, 11)
    """

    def __init__(
        self,
        parameters: RetentionParameters | None = None,
        *,
        random_state: int | np.random.Generator | None = 0,
        **changes: Any,
    ) -> None:
        self.parameters = read_parameters(parameters, changes)
        self._people = draw_people(generator(random_state), self.parameters)
        self._begin()

    def _begin(self) -> None:
        n = len(self._people.arrives)
        self.month = 1
        self._here = np.ones(n, dtype=bool)
        self._fatigue = np.zeros(n)
        self._profit = np.zeros(n)
        self._past: list[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]] = []

    # -- what a policy uses ------------------------------------------------------------------

    def observed(self) -> RetentionView:
        """Return what the firm sees at the beginning of this month.

        Returns
        -------
        RetentionView
            Features, the log of decisions with propensities and outcomes, actions and the budget.

        Examples
        --------
        >>> RetentionWorld(n_customers=2000).observed().actions
                  cost channel  capacity
        action
        message    0.5     app    1000.0
        call       6.0   phone     250.0
        discount  12.0  letter       inf
        """
        rows = self._active()
        past, log, propensities = (pd.concat(frames) for frames in zip(*(self._past or [_nothing()]), strict=True))
        return RetentionView(
            month=self.month,
            customers=self._features(rows),
            past=past,
            log=log,
            propensities=propensities,
            actions=self._terms(),
            budget=self.parameters.budget * self.parameters.n_customers,
        )

    def step(self, actions: pd.Series[Any] | str, propensities: pd.DataFrame | None = None) -> None:
        """Play this month.

        Parameters
        ----------
        actions : Series, or "none"
            What is done, by customer; "none", and who is not named, for nothing.
        propensities : DataFrame, optional
            The probability with which each customer who is there came to "none" and to each action (columns), to be
            logged. None: there was no chance in it.

        Raises
        ------
        HistoryError
            If the world has ended.
        DataError
            If a customer is not there, or probabilities do not sum to 1 or exclude what was done.
        DuplicateError
            If a customer is named twice.
        ParameterError
            If an action is unknown.
        InfeasibleError
            If a capacity or the budget is exceeded; which, and by how much.

        Examples
        --------
        >>> world = RetentionWorld(n_customers=2000)
        >>> world.step(pd.Series("call", index=world.observed().customers.index[:100]))
        >>> world.observed().log.groupby("action", observed=True)["cost"].agg(["size", "sum"])
                size    sum
        action
        none    1900    0.0
        call     100  600.0
        """
        if self.month > self.parameters.months:
            raise HistoryError(
                message(f"the world has ended after {self.parameters.months} months", "", "world = world.again()")
            )
        rows = self._active()
        arm = self._arms(actions, rows)
        self._check_limits(arm)
        odds = self._propensities(propensities, arm, rows)
        x = self._people.features(rows, self.month)
        logit = with_complaints(log_odds(x, self.month, self.parameters), x["complaints"])
        lowered = np.column_stack([np.zeros(len(rows)), changes(x, self.month, self.parameters, self._fatigue[rows])])[
            np.arange(len(rows)), arm
        ]
        stays = self._people.luck[rows, self.month - 1] >= chance(logit - lowered)
        margin = np.where(stays, x["margin"] * self._people.spending[rows, self.month - 1], 0.0)
        self._record(rows, arm, odds, stays, margin)
        self._profit[rows] += self.parameters.discounting ** (self.month - 1) * (margin - COSTS[arm])
        self._here[rows[~stays]] = False
        self._fatigue *= self.parameters.memory
        self._fatigue[rows] += np.array([0.0, *TIRING])[arm]
        self.month += 1

    # -- what only a judge uses --------------------------------------------------------------

    @property
    def truth(self) -> RetentionTruth:
        """What nobody sees: risk, effects and value of each customer in the month that begins.

        Examples
        --------
        >>> truth = RetentionWorld(n_customers=2000).truth
        >>> (truth.effects < 0).mean().round(2).to_dict()
        {'message': 0.18, 'call': 0.27, 'discount': 0.17}
        """
        if self.month > self.parameters.months:
            raise HistoryError(
                message(f"the world has ended after {self.parameters.months} months", "", "world = world.again()")
            )
        rows = self._active()
        x = self._people.features(rows, self.month)
        logit = with_complaints(log_odds(x, self.month, self.parameters), x["complaints"])
        lowered = changes(x, self.month, self.parameters, self._fatigue[rows])
        risk, index = chance(logit), self._ids(rows)
        return RetentionTruth(
            risk=pd.Series(risk, index=index, name="risk"),
            effects=pd.DataFrame(risk[:, None] - chance(logit[:, None] - lowered), index=index, columns=list(NAMES)),
            value=pd.Series(self._people.value[rows, self.month - 1], index=index, name="value"),
            fatigue=pd.Series(self._fatigue[rows], index=index, name="fatigue"),
        )

    @property
    def profit(self) -> pd.Series[float]:
        """Money each customer has brought so far, with what is expected of those still there if they are left alone.

        By customer, those who will arrive included; margins less costs, discounted to the first month. Take the
        difference with a world in which nobody was treated: it is the incremental profit, customer by customer.

        Examples
        --------
        >>> world = RetentionWorld(n_customers=2000)
        >>> idle = world.again()
        >>> idle.step("none")
        >>> world.step(pd.Series("message", index=world.truth.effects["message"].nlargest(1000).index))
        >>> round(float((world.profit - idle.profit).sum()))
        23600
        """
        found = self._profit.copy()
        last = self.month - 1
        if last:
            rows = np.flatnonzero(self._here & (self._people.arrives < last))
            later = self._people.value[rows, last - 1] - self._people.fixed["margin"][rows]
            found[rows] += self.parameters.discounting ** (last - 1) * later
        return pd.Series(found, index=self._ids(np.arange(len(found))), name="profit")

    def again(self) -> RetentionWorld:
        """Return the same world before its first month: the same customers, with the same luck.

        Returns
        -------
        RetentionWorld
            Whoever is treated in both alike meets the same fate in both.

        Examples
        --------
        >>> world = RetentionWorld(n_customers=2000)
        >>> world.step("none")
        >>> world.again().month
        1
        """
        twin = object.__new__(RetentionWorld)
        twin.parameters, twin._people = self.parameters, self._people
        twin._begin()
        return twin

    def __repr__(self) -> str:
        return (
            f"RetentionWorld(month {self.month} of {self.parameters.months}: {self.parameters.n_customers:,} "
            f"customers at the start, {len(self._active()):,} now)"
        )

    # -- inside ------------------------------------------------------------------------------

    def _active(self) -> IntArray:
        found: IntArray = np.flatnonzero(self._here & (self._people.arrives < self.month))
        return found

    def _ids(self, rows: IntArray) -> pd.Index[Any]:
        return pd.Index(FIRST + rows, name="customer_id")

    def _features(self, rows: IntArray) -> pd.DataFrame:
        x = self._people.features(rows, min(self.month, self.parameters.months))
        return pd.DataFrame({name: x[name] for name in FEATURES}, index=self._ids(rows))

    def _terms(self) -> pd.DataFrame:
        size = self.parameters.n_customers
        return pd.DataFrame(
            {
                "cost": [action.cost for action in ACTIONS],
                "channel": [action.channel for action in ACTIONS],
                "capacity": [np.inf if action.share is None else np.floor(action.share * size) for action in ACTIONS],
            },
            index=pd.Index(NAMES, name="action"),
        )

    def _arms(self, actions: pd.Series[Any] | str, rows: IntArray) -> IntArray:
        ids = self._ids(rows)
        named = pd.Series(actions, index=ids) if isinstance(actions, str) else actions
        if not named.index.is_unique:
            twice = named.index[named.index.duplicated()]
            raise DuplicateError(
                message(
                    f"{len(twice)} customers have two actions ({some(twice)})",
                    "one for each",
                    "actions.groupby(level=0)",
                )
            )
        unknown = sorted({str(name) for name in named.unique()} - set(ARMS))
        if unknown:
            raise ParameterError(
                message(f"there is no action {unknown[0]!r}", nearest(unknown[0], ARMS), "world.observed().actions")
            )
        place = ids.get_indexer(named.index)
        if (place < 0).any():
            gone = named.index[place < 0]
            raise DataError(
                message(
                    f"{len(gone)} of {len(named)} customers are not there ({some(gone)})",
                    "customers who have arrived and not left",
                    "world.observed().customers.index",
                )
            )
        arm = np.zeros(len(rows), dtype=np.int64)
        arm[place] = pd.Index(ARMS).get_indexer(pd.Index(named.astype(str)))
        return arm

    def _check_limits(self, arm: IntArray) -> None:
        terms = self._terms()
        used = np.bincount(arm, minlength=len(ARMS))[1:]
        for name, count, most in zip(NAMES, used, terms["capacity"], strict=True):
            if count > most:
                raise InfeasibleError(
                    message(f"{count:,} customers get a {name}, {count - most:,.0f} above the capacity of {most:,.0f}")
                )
        spent, most = float(COSTS[arm].sum()), self.parameters.budget * self.parameters.n_customers
        if spent > most + 1e-6:
            raise InfeasibleError(message(f"the actions cost {spent:,.2f}, {spent - most:,.2f} above the budget"))

    def _propensities(self, given: pd.DataFrame | None, arm: IntArray, rows: IntArray) -> FloatArray:
        if given is None:
            return np.eye(len(ARMS))[arm]
        absent = [name for name in ARMS if name not in given.columns]
        ids = self._ids(rows)
        if absent or not ids.isin(given.index).all():
            raise DataError(
                message(
                    f"propensities lack the column {absent[0]!r}"
                    if absent
                    else f"propensities lack {int((~ids.isin(given.index)).sum())} of {len(ids)} customers",
                    f"a row for each customer and the columns {some(ARMS)}",
                    "plan.propensities",
                )
            )
        odds: FloatArray = given.loc[ids, list(ARMS)].to_numpy(dtype=float)
        wrong = ~(np.abs(odds.sum(axis=1) - 1) < 1e-9) | (odds < 0).any(axis=1)
        wrong |= ~(odds[np.arange(len(arm)), arm] > 0)
        if wrong.any():
            raise DataError(
                message(
                    f"{int(wrong.sum())} of {len(ids)} rows of propensities do not sum to 1, or exclude what was done "
                    f"({some(ids[wrong])})",
                    "the probability of each action, and above 0 for the one that came",
                    "plan.propensities",
                )
            )
        return odds

    def _record(self, rows: IntArray, arm: IntArray, odds: FloatArray, stays: Any, margin: FloatArray) -> None:
        ids = self._ids(rows)
        index = pd.MultiIndex.from_arrays([ids, np.full(len(ids), self.month)], names=["customer_id", "month"])
        log = pd.DataFrame(
            {
                "action": pd.Categorical.from_codes(arm, pd.Index(ARMS)),
                "propensity": odds[np.arange(len(arm)), arm],
                "retained": stays.astype(np.int8),
                "margin": margin,
                "cost": COSTS[arm],
            },
            index=index,
        )
        self._past.append(
            (self._features(rows).set_axis(index), log, pd.DataFrame(odds, index=index, columns=list(ARMS)))
        )


def _nothing() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the log before anything was done."""
    index = pd.MultiIndex.from_arrays([np.array([], dtype=np.int64)] * 2, names=["customer_id", "month"])
    log = pd.DataFrame(
        {
            "action": pd.Categorical.from_codes(np.array([], dtype=np.int8), pd.Index(ARMS)),
            "propensity": np.array([], dtype=float),
            "retained": np.array([], dtype=np.int8),
            "margin": np.array([], dtype=float),
            "cost": np.array([], dtype=float),
        },
        index=index,
    )
    return (
        pd.DataFrame(np.empty((0, len(FEATURES))), index=index, columns=list(FEATURES)),
        log,
        pd.DataFrame(np.empty((0, len(ARMS))), index=index, columns=list(ARMS)),
    )
