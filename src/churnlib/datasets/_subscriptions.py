"""A simulated subscription firm: contracts, payments, and three ways to leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._checks import check_integer, check_number
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.calendar import DAY_US, timestamp, timestamps, to_us
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, message, nearest

from ._draws import check_share, fading, generator, poisson_times
from ._world import SimulatedWorld

__all__ = ["make_subscriptions"]

CAUSES = ("voluntary", "payment", "moved")
DEFAULT_HAZARDS: dict[str, tuple[float, ...]] = {
    # Rises where the introductory offer ends, months 4 to 6, and settles after a year.
    "voluntary": (0.015, 0.015, 0.02, 0.05, 0.06, 0.05, 0.03, 0.025, 0.025, 0.02, 0.02, 0.03, 0.015),
    "payment": (0.012, 0.01, 0.008),
    "moved": (0.004,),
}
PLANS = ("basic", "plus", "pro")
PLAN_SHARE = (0.6, 0.3, 0.1)
PLAN_CENTS = (999, 1999, 3999)
PLAN_RISK = (1.15, 0.85, 0.55)  # mean 1 under PLAN_SHARE
PLAN_EFFECT = (1.25, 0.75, 0.25)  # mean 1 under PLAN_SHARE
MONTH = 30 * DAY_US
HAZARD_CAP = 0.95
FADE_DEPTH, FADE_DAYS = 0.8, 40.0


@dataclass(frozen=True, slots=True)
class _Members:
    """The latent state of every member, one entry each."""

    start: IntArray
    plan: IntArray
    usage: FloatArray
    multiplier: FloatArray  # one column per cause, mean 1
    ratio: FloatArray  # hazard ratio of voluntary leaving when treated
    treated: BoolArray


@dataclass(frozen=True, slots=True)
class _Fate:
    """When and why every member leaves, one entry each."""

    tenure: IntArray  # months completed at departure, 0 = beyond the last month drawn
    cause: IntArray
    leaves: IntArray
    alive: BoolArray


def make_subscriptions(
    n_customers: int = 2000,
    *,
    months: int = 24,
    hazards: Mapping[str, Sequence[float]] | None = None,
    heterogeneity: float = 0.5,
    treated_share: float = 0.0,
    effect: float = -0.4,
    effect_months: int = 12,
    opening: str | pd.Timestamp = "2023-01-01",
    random_state: int | np.random.Generator | None = 0,
) -> SimulatedWorld:
    r"""Simulate monthly subscriptions with known hazards, causes and effects.

    A month is 30 days of 24 hours, counted from each customer's own start, on a
    day drawn evenly from the first three quarters of the span. At the end of
    month :math:`m` of tenure the customer :math:`i` who is still there leaves
    for cause :math:`k` with probability

    .. math:: h_{ik}(m) = b_k(m)\, r_{ik}\, \rho_i^{[k = \mathrm{voluntary},\ i\ \mathrm{treated}]}

    where :math:`b_k` are the base hazards (`hazards`; the last value holds for
    all later months). With :math:`\sigma` = `heterogeneity` and independent
    standard normal :math:`u, w`, the multipliers, each of mean 1, are
    :math:`r = \pi_\mathrm{plan}\,e^{-\sigma u - \sigma^2/2}` for voluntary
    leaving (:math:`u` is the usage; :math:`\pi` = 1.15, .85, .55 for basic,
    plus, pro), :math:`e^{\sigma w - \sigma^2/2}` for payment, and 1 for moved.
    Should the three sum to more than .95 they are scaled down to it.

    *Treatment* is a welcome programme, given by lot to `treated_share` of all at
    their start, with :math:`\rho = \exp(\mathrm{effect} \cdot \phi_\mathrm{plan})`,
    :math:`\phi` = 1.25, .75, .25. The truth's ``uplift`` is the difference in
    the chance to complete `effect_months` months,
    :math:`\prod_m (1 - \sum_k h_{ik}(m))` with minus without the programme.

    *Behaviour.* A payment of 9.99, 19.99 or 39.99 is made at the start of every
    month; logins form a Poisson process of rate :math:`8\,e^{.6u-.18}` per 30
    days that fades over the 40 days before a voluntary departure (a point
    :math:`d` days ahead stays with probability
    :math:`1 - .8\,\max(0, 1 - d/40)`); tickets come at .15 per 30 days; payments
    fail at .03 per 30 days, and 20, 10 and 1 days before a departure for
    payment. A voluntary departure is recorded as a ``cancel`` when it happens.

    Parameters
    ----------
    n_customers : int, default=2000
        How many customers ever start.
    months : int, default=24
        Length of the recorded span in months of 30 days, at least 4.
    hazards : mapping of str to sequence of float, optional
        Base hazards per month of tenure, in [0, 1), for the causes
        ``"voluntary"``, ``"payment"`` and ``"moved"``; a cause left out never
        happens. The default rises in months 4 to 6.
    heterogeneity : float, default=0.5
        Spread of the multipliers; with 0 only the plan differs.
    treated_share : float, default=0.0
        Share of customers in the welcome programme, drawn by lot.
    effect : float, default=-0.4
        Mean log hazard ratio of the programme on voluntary leaving (negative = it keeps customers).
    effect_months : int, default=12
        Months over which the truth's ``uplift`` counts.
    opening : str or pandas.Timestamp, default="2023-01-01"
        First instant of the span (naive = UTC).
    random_state : int, numpy.random.Generator or None, default=0
        Seed; the same seed gives the same world to the byte.

    Returns
    -------
    SimulatedWorld
        ``log`` with the kinds cancel, login, payment, payment_failed and ticket,
        and the plan as a dated attribute; ``contracts`` with plan and cause;
        ``hazards`` the base hazards per month and cause; ``truth`` indexed by
        customer with ``start``, ``plan``, ``multiplier_<cause>``,
        ``hazard_ratio``, ``treated``, ``uplift`` (positive = more are retained),
        ``months`` (completed tenure at departure, missing while alive),
        ``alive``, ``churned_at``, ``cause`` and ``clv`` (expected payments of the
        next 12 months of a customer active at the end; 0 otherwise).

    Raises
    ------
    ParameterError
        If a count, a share or a hazard lies outside its range, or a cause is unknown.
    ParameterTypeError
        If an argument is not a number, or `random_state` is no seed.

    Examples
    --------
    >>> world = make_subscriptions(300, hazards={"voluntary": [0.1]}, heterogeneity=0.0)
    >>> world.hazards.loc[[1, 24]]
           voluntary  payment  moved
    month
    1            0.1      0.0    0.0
    24           0.1      0.0    0.0
    >>> sorted(world.truth["cause"].dropna().unique())
    ['voluntary']
    """
    n = check_integer(n_customers, name="n_customers", low=1)
    span = check_integer(months, name="months", low=4)
    horizon = check_integer(effect_months, name="effect_months", low=1)
    treated_share = check_share(treated_share, name="treated_share")
    heterogeneity = check_number(heterogeneity, name="heterogeneity", low=0, high=3)
    effect = check_number(effect, name="effect", low=-5, high=5)
    base = _base_hazards(DEFAULT_HAZARDS if hazards is None else hazards, max(span, horizon) + 12)
    rng = generator(random_state)
    begin = to_us(opening)
    end = begin + span * MONTH

    start = begin + (rng.random(n) * 0.75 * span * MONTH).astype(np.int64)
    members = _draw_members(rng, start, heterogeneity=heterogeneity, treated_share=treated_share, effect=effect)
    hazard = _hazards(members, base, treated=members.treated)
    tenure, cause = _draw_departures(rng, hazard)
    leaves = np.where(tenure > 0, members.start + tenure * MONTH, np.iinfo(np.int64).max)
    ids = np.arange(500_001, 500_001 + n)
    fate = _Fate(tenure, cause, leaves, leaves > end)
    truth = _truth(members, base, hazard, fate, end=end, horizon=horizon, ids=ids)
    log = EventLog.from_frame(
        _draw_events(rng, members, fate, end=end, ids=ids),
        customer="customer_id",
        time="time",
        kind="kind",
        amount="amount",
        attributes=["plan"],
        complete_until=timestamp(end),
    )
    contacts = None
    if members.treated.any():
        given = members.treated
        contacts = pd.DataFrame({"customer_id": ids[given], "contacted_at": timestamps(members.start[given])})
    table = pd.DataFrame(base[:span], index=pd.RangeIndex(1, span + 1, name="month"), columns=list(CAUSES))
    return SimulatedWorld(log, truth, _contracts(truth, end), contacts, table)


def _base_hazards(hazards: Mapping[str, Sequence[float]], months: int) -> FloatArray:
    unknown = [name for name in hazards if name not in CAUSES]
    if unknown:
        raise ParameterError(
            message(f"hazards names the unknown cause {unknown[0]!r}", nearest(unknown[0], CAUSES), "hazards=None")
        )
    base = np.zeros((months, len(CAUSES)))
    for code, name in enumerate(CAUSES):
        values = np.asarray(hazards.get(name, [0.0]), dtype=float)
        if values.ndim != 1 or values.size == 0 or not ((values >= 0) & (values < 1)).all():
            raise ParameterError(
                message(
                    f"hazards[{name!r}] is {hazards[name]!r}",
                    "one or more probabilities in [0, 1), one per month of tenure",
                    f"hazards={{{name!r}: [0.05]}}",
                )
            )
        base[:, code] = np.concatenate([values[:months], np.full(max(months - values.size, 0), values[-1])])
    return base


def _draw_members(
    rng: np.random.Generator,
    start: IntArray,
    *,
    heterogeneity: float,
    treated_share: float,
    effect: float,
) -> _Members:
    n = len(start)
    usage, luck = rng.standard_normal((2, n))
    plan = rng.choice(len(PLANS), size=n, p=PLAN_SHARE)
    down = heterogeneity**2 / 2
    multiplier = np.stack(
        [
            np.array(PLAN_RISK)[plan] * np.exp(-heterogeneity * usage - down),
            np.exp(heterogeneity * luck - down),
            np.ones(n),
        ],
        axis=1,
    )
    return _Members(
        start=start,
        plan=plan,
        usage=usage,
        multiplier=multiplier,
        ratio=np.exp(effect * np.array(PLAN_EFFECT)[plan]),
        treated=rng.random(n) < treated_share,
    )


def _hazards(members: _Members, base: FloatArray, *, treated: BoolArray) -> FloatArray:
    """Hazards by member, month and cause."""
    hazard = base[None, :, :] * members.multiplier[:, None, :]
    hazard[:, :, 0] *= np.where(treated, members.ratio, 1.0)[:, None]
    total = hazard.sum(axis=2, keepdims=True)
    return np.asarray(hazard * np.minimum(1.0, HAZARD_CAP / np.maximum(total, 1e-300)))


def _draw_departures(rng: np.random.Generator, hazard: FloatArray) -> tuple[IntArray, IntArray]:
    """The month of departure (0 = beyond the last month drawn) and its cause."""
    total = hazard.sum(axis=2)
    leaves = rng.random(total.shape) < total
    month = np.where(leaves.any(axis=1), leaves.argmax(axis=1), -1)
    rows = np.arange(len(month))
    at = hazard[rows, month]
    shares = np.cumsum(at, axis=1) / np.maximum(at.sum(axis=1, keepdims=True), 1e-300)
    cause = (rng.random(len(month))[:, None] > shares[:, :-1]).sum(axis=1)
    return month + 1, cause


def _draw_events(
    rng: np.random.Generator,
    members: _Members,
    fate: _Fate,
    *,
    end: int,
    ids: IntArray,
) -> pd.DataFrame:
    n = len(members.start)
    leaves, cause = fate.leaves, fate.cause
    until = np.minimum(leaves, end)
    everyone = np.arange(n)
    paid = np.repeat(everyone, -(-(until - members.start) // MONTH))
    turn = np.arange(len(paid)) - np.searchsorted(paid, paid)
    voluntary = np.where(cause == 0, leaves.astype(float), np.inf)
    login = poisson_times(rng, 8 / 30 * np.exp(0.6 * members.usage - 0.18), members.start, until)
    login = fading(rng, *login, voluntary, depth=FADE_DEPTH, days=FADE_DAYS)
    ticket = poisson_times(rng, np.full(n, 0.15 / 30), members.start, until)
    failed = poisson_times(rng, np.full(n, 0.03 / 30), members.start, until)
    left = leaves < end
    broke = np.repeat(everyone[left & (cause == 1)], 3)
    warned = leaves[broke] - np.tile(np.array([20, 10, 1]) * DAY_US, len(broke) // 3)
    quits = everyone[left & (cause == 0)]
    parts = [
        ("payment", paid, members.start[paid] + turn * MONTH),
        ("login", *login),
        ("ticket", *ticket),
        ("payment_failed", np.concatenate([failed[0], broke]), np.concatenate([failed[1], warned])),
        ("cancel", quits, leaves[quits]),
    ]
    owner = np.concatenate([part[1] for part in parts])
    kind = np.repeat([part[0] for part in parts], [len(part[1]) for part in parts])
    plan = members.plan[owner]
    cents = np.where(kind == "payment", np.array(PLAN_CENTS)[plan], 0)
    return pd.DataFrame(
        {
            "customer_id": ids[owner],
            "time": timestamps(np.concatenate([part[2] for part in parts])),
            "kind": kind,
            "amount": cents / 100,
            "plan": np.array(PLANS, dtype=object)[plan],
        }
    )


def _truth(
    members: _Members,
    base: FloatArray,
    hazard: FloatArray,
    fate: _Fate,
    *,
    end: int,
    horizon: int,
    ids: IntArray,
) -> pd.DataFrame:
    n, alive = len(ids), fate.alive
    stays = {
        arm: np.prod(1 - _hazards(members, base[:horizon], treated=np.full(n, arm)).sum(axis=2), axis=1)
        for arm in (False, True)
    }
    leaves = timestamps(np.where(alive, 0, members.start + fate.tenure * MONTH))
    columns = {
        "start": timestamps(members.start),
        "plan": pd.Categorical.from_codes(members.plan, categories=pd.Index(PLANS)),
        **{f"multiplier_{name}": members.multiplier[:, code] for code, name in enumerate(CAUSES)},
        "hazard_ratio": members.ratio,
        "treated": members.treated,
        "uplift": stays[True] - stays[False],
        "months": pd.array(np.where(alive, 0, fate.tenure), dtype="Int64"),
        "alive": alive,
        "churned_at": pd.Series(leaves).mask(alive).array,
        "cause": pd.Categorical.from_codes(np.where(alive, -1, fate.cause), categories=pd.Index(CAUSES)),
        "clv": np.where(alive, _expected_payments(members, hazard, end), 0.0),
    }
    truth = pd.DataFrame(columns, index=pd.Index(ids, name="customer_id"))
    truth.loc[alive, "months"] = pd.NA
    return truth


def _expected_payments(members: _Members, hazard: FloatArray, end: int) -> FloatArray:
    """Expected payments in the 12 months after `end` of members who are active then.

    A payment is due at the start of every month of tenure; the j-th one ahead is
    made by those who did not leave at the end of one of the j months between.
    """
    price = np.array(PLAN_CENTS)[members.plan] / 100
    done = (end - members.start) // MONTH  # months of tenure already completed
    month = done[:, None] + np.arange(12)[None, :]
    stay = 1 - np.take_along_axis(hazard.sum(axis=2), month, axis=1)
    return np.asarray(price * np.cumprod(stay, axis=1).sum(axis=1))


def _contracts(truth: pd.DataFrame, end: int) -> Contracts:
    frame = pd.DataFrame(
        {
            "customer_id": truth.index,
            "start": truth["start"].array,
            "end": truth["churned_at"].array,
            "plan": truth["plan"].astype(object).array,
            "cause": truth["cause"].astype(object).array,
        }
    )
    return Contracts.from_frame(
        frame,
        customer="customer_id",
        start="start",
        end="end",
        plan="plan",
        cause="cause",
        complete_until=timestamp(end),
    )
