"""A simulated shop: visits, orders, refunds, and customers who fade and leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._checks import check_integer, check_number
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.calendar import DAY_US, timestamp, timestamps, to_us
from churnlib.events import EventLog

from ._draws import check_share, fading, generator, poisson_times
from ._world import SimulatedWorld

__all__ = ["make_shop"]

CAUSES = ("moved", "price", "service")
WEIGHTS = (0.2, 0.45, 0.35)
SPREAD = 0.7
FADE_DEPTH, FADE_DAYS = 0.9, 45.0
MARGIN, VALUE_DAYS = 0.3, 365.0
ITEMS = 200


@dataclass(frozen=True, slots=True)
class _Customers:
    """The latent state of every customer, one entry each."""

    start: IntArray
    engagement: FloatArray
    price: FloatArray
    service: FloatArray
    hazards: FloatArray  # per 30 days, one column per cause
    ratio: FloatArray  # hazard ratio when treated
    order_rate: FloatArray  # per day
    mean_order: FloatArray

    @property
    def hazard(self) -> FloatArray:
        return np.asarray(self.hazards.sum(axis=1))


def make_shop(
    n_customers: int = 2000,
    *,
    days: int = 540,
    monthly_churn: float = 0.06,
    treated_share: float = 0.0,
    campaign_day: int | None = None,
    effect_days: float = 60.0,
    late_share: float = 0.02,
    opening: str | pd.Timestamp = "2024-07-01",
    random_state: int | np.random.Generator | None = 0,
) -> SimulatedWorld:
    r"""Simulate a shop whose customers' hazards, causes and responses are known.

    Each customer has three independent standard normal traits: engagement
    :math:`e`, price sensitivity :math:`p` and trouble with the service
    :math:`s`. Rates are per 30 days, and :math:`\sigma = 0.7`.

    *Leaving.* Three causes compete with constant hazards

    .. math::
        \lambda_\mathrm{price} = .45\,h\,e^{\sigma p - \sigma^2/2},\quad
        \lambda_\mathrm{service} = .35\,h\,e^{\sigma s - \sigma^2/2},\quad
        \lambda_\mathrm{moved} = .2\,h,

    so that their sum :math:`\lambda` has mean :math:`h` = `monthly_churn`. The
    time to leaving is exponential with rate :math:`\lambda`, and the cause is
    :math:`k` with probability :math:`\lambda_k/\lambda`.

    *Treatment.* On `campaign_day` a share `treated_share` of the customers
    active then is drawn by lot; from then on their hazards are multiplied by
    :math:`\rho = \exp(\mathrm{clip}(-.5 - .4\,p, -1.5, .7))`: the price
    sensitive can be kept, and for some the contact does harm. The effect on
    retention over `effect_days` (:math:`m` months of 30 days) is
    :math:`e^{-\lambda\rho m} - e^{-\lambda m}`, the truth's ``uplift``.

    *Behaviour.* Everybody starts with an order, on a day drawn evenly from the
    first three quarters of the span. While a customer stays, events form
    Poisson processes: orders at :math:`1.5\,e^{.5e-.125}`, visits at
    :math:`4\,e^{.5e-.125}`, mail opens at :math:`2\,e^{.4p-.08}`, complaints at
    :math:`.08\,e^{.9s-.405}`. Orders, visits and mail opens fade as the
    departure comes near: a point :math:`u` days ahead of it stays with
    probability :math:`1 - .9\,\max(0, 1 - u/45)`. An order is worth
    :math:`30\,e^{.4\,\varepsilon - .3p - .125}` with :math:`\varepsilon`
    standard normal, in whole cents; :math:`\min(.5, .04\,e^{.5s})` of the
    orders are refunded in full after 5 days on average, while the customer is
    still there.

    *Late feeds.* A share `late_share` of the refunds, complaints and mail opens
    becomes known 2 days after it happened, on average; what is not known by the
    end of the span is not in the log.

    *Value.* ``clv`` is the expected margin (30 % of the orders, before refunds)
    of the next 365 days of a customer who is active at the end (with the hazard
    as the campaign left it), and 0 for those who left.

    Parameters
    ----------
    n_customers : int, default=2000
        How many customers ever start.
    days : int, default=540
        Length of the recorded span, at least 60.
    monthly_churn : float, default=0.06
        Mean hazard of leaving per 30 days, in (0, 1).
    treated_share : float, default=0.0
        Share of the customers active on `campaign_day` who are contacted, drawn by lot.
    campaign_day : int, optional
        Day of the campaign, counted from the opening; two thirds into the span when not given.
    effect_days : float, default=60.0
        Days over which the truth's ``uplift`` counts.
    late_share : float, default=0.02
        Share of refunds, complaints and mail opens that arrive late.
    opening : str or pandas.Timestamp, default="2024-07-01"
        First instant of the span (naive = UTC).
    random_state : int, numpy.random.Generator or None, default=0
        Seed; the same seed gives the same world to the byte.

    Returns
    -------
    SimulatedWorld
        ``log`` with the kinds complaint, email_open, order, refund and visit;
        ``truth`` indexed by customer with ``start``, ``hazard`` and
        ``hazard_<cause>`` (per 30 days, untreated), ``hazard_ratio``, ``uplift``
        (positive = more are retained), ``treated``, ``alive``, ``churned_at``,
        ``cause`` (missing while alive), ``order_rate`` (per 30 days),
        ``mean_order`` and ``clv`` (both in the log's money); ``contacts`` when
        somebody was treated.

    Raises
    ------
    ParameterError
        If a count, a share or a day lies outside its range.
    ParameterTypeError
        If an argument is not a number, or `random_state` is no seed.

    Examples
    --------
    >>> world = make_shop(400, random_state=1)
    >>> world.log.kinds
    ('complaint', 'email_open', 'order', 'refund', 'visit')
    >>> bool(abs(world.truth["hazard"].mean() - 0.06) < 0.006)
    True
    """
    n = check_integer(n_customers, name="n_customers", low=1)
    span = check_integer(days, name="days", low=60)
    churn = _check_hazard(monthly_churn)
    treated_share = check_share(treated_share, name="treated_share")
    late_share = check_share(late_share, name="late_share")
    day = _check_day(campaign_day, span)
    effect_days = check_number(effect_days, name="effect_days", low=1)
    rng = generator(random_state)
    begin = to_us(opening)
    end = begin + span * DAY_US

    people = _draw_customers(rng, n, begin, span, churn)
    leaves, cause, treated = _draw_departures(rng, people, begin + day * DAY_US, treated_share)
    events = _draw_events(rng, people, np.minimum(leaves, float(end)).astype(np.int64), leaves)
    events = _deliver(rng, events, late_share, end)
    ids = np.arange(100_001, 100_001 + n)
    truth = _truth(people, leaves, cause, treated=treated, end=end, effect_days=effect_days, ids=ids)
    log = EventLog.from_frame(
        events.assign(customer_id=ids[events["owner"].to_numpy()]).drop(columns="owner"),
        customer="customer_id",
        time="time",
        kind="kind",
        amount="amount",
        item="item",
        known_at="known_at",
        complete_until=timestamp(end),
    )
    contacts = None
    if treated.any():
        contacts = pd.DataFrame(
            {"customer_id": ids[treated], "contacted_at": timestamps(np.full(int(treated.sum()), begin + day * DAY_US))}
        )
    return SimulatedWorld(log, truth, contacts=contacts)


def _check_hazard(value: float) -> float:
    share = check_share(value, name="monthly_churn", below_one=True)
    return max(share, 1e-9)  # a world without churn is the limit, and keeps the formulas finite


def _check_day(campaign_day: int | None, span: int) -> int:
    if campaign_day is None:
        return 2 * span // 3
    return check_integer(campaign_day, name="campaign_day", low=0, high=span - 1)


def _draw_customers(rng: np.random.Generator, n: int, begin: int, span: int, churn: float) -> _Customers:
    engagement, price, service = rng.standard_normal((3, n))
    start = begin + (rng.random(n) * 0.75 * span * DAY_US).astype(np.int64)
    traits = np.stack([np.zeros(n), price, service], axis=1)
    spread = np.array([0.0, SPREAD, SPREAD])
    hazards = churn * np.array(WEIGHTS) * np.exp(spread * traits - spread**2 / 2)
    return _Customers(
        start=start,
        engagement=engagement,
        price=price,
        service=service,
        hazards=hazards,
        ratio=np.exp(np.clip(-0.5 - 0.4 * price, -1.5, 0.7)),
        order_rate=1.5 / 30 * np.exp(0.5 * engagement - 0.125),
        # E exp(.4 eps) = exp(.08)
        mean_order=30 * np.exp(-0.3 * price - 0.125 + 0.08),
    )


def _draw_departures(
    rng: np.random.Generator, people: _Customers, campaign: int, treated_share: float
) -> tuple[FloatArray, IntArray, BoolArray]:
    n = len(people.start)
    leaves = people.start + rng.exponential(size=n) / (people.hazard / 30) * DAY_US
    # Competing exponentials: which cause comes first is independent of when.
    shares = people.hazards / people.hazard[:, None]
    cause = (rng.random(n)[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)
    active = (people.start < campaign) & (leaves > campaign)
    treated = active & (rng.random(n) < treated_share)
    # The remaining time of an exponential is exponential: scaling it by 1/ratio multiplies the hazard by ratio.
    leaves = np.where(treated, campaign + (leaves - campaign) / people.ratio, leaves)
    return leaves, cause, treated


def _draw_events(rng: np.random.Generator, people: _Customers, until: IntArray, leaves: FloatArray) -> pd.DataFrame:
    base = np.exp(0.5 * people.engagement - 0.125) / 30
    opens = 2 / 30 * np.exp(0.4 * people.price - 0.08)
    complaints = 0.08 / 30 * np.exp(0.9 * people.service - 0.405)
    drawn = []
    for kind, rate, fades in (
        ("order", people.order_rate, True),
        ("visit", 4 * base, True),
        ("email_open", opens, True),
        ("complaint", complaints, False),
    ):
        owner, time = poisson_times(rng, rate, people.start, until)
        if fades:
            owner, time = fading(rng, owner, time, leaves, depth=FADE_DEPTH, days=FADE_DAYS)
        if kind == "order":
            first = np.arange(len(people.start))
            owner, time = np.concatenate([first, owner]), np.concatenate([people.start, time])
            drawn += _orders_and_refunds(rng, people, owner, time, until)
        else:
            drawn.append(pd.DataFrame({"owner": owner, "us": time, "kind": kind, "cents": 0, "item": None}))
    return pd.concat([frame for frame in drawn if len(frame)], ignore_index=True)


def _orders_and_refunds(
    rng: np.random.Generator, people: _Customers, owner: IntArray, time: IntArray, until: IntArray
) -> list[pd.DataFrame]:
    noise = 0.4 * rng.standard_normal(len(owner))
    cents = np.maximum(np.rint(3000 * np.exp(noise - 0.3 * people.price[owner] - 0.125)), 1).astype(np.int64)
    popularity = 1 / np.arange(1, ITEMS + 1)
    codes = rng.choice(ITEMS, size=len(owner), p=popularity / popularity.sum())
    item = np.array([f"item-{code:03d}" for code in range(1, ITEMS + 1)], dtype=object)[codes]
    orders = pd.DataFrame({"owner": owner, "us": time, "kind": "order", "cents": cents, "item": item})
    chance = np.minimum(0.5, 0.04 * np.exp(0.5 * people.service[owner]))
    back = time + (rng.exponential(5 * DAY_US, size=len(owner))).astype(np.int64)
    refunded = (rng.random(len(owner)) < chance) & (back < until[owner])
    refunds = orders[refunded].assign(us=back[refunded], kind="refund", cents=-cents[refunded])
    return [orders, refunds]


def _deliver(rng: np.random.Generator, events: pd.DataFrame, late_share: float, end: int) -> pd.DataFrame:
    slow = events["kind"].isin(["refund", "complaint", "email_open"]).to_numpy()
    late = slow & (rng.random(len(events)) < late_share)
    delay = (rng.exponential(2 * DAY_US, size=len(events))).astype(np.int64)
    time = events["us"].to_numpy()
    known = time + np.where(late, delay, 0)
    seen = (time < end) & (known < end)
    return pd.DataFrame(
        {
            "owner": events["owner"].to_numpy(),
            "time": timestamps(time),
            "kind": events["kind"].to_numpy(),
            "amount": events["cents"].to_numpy() / 100,
            "item": events["item"].to_numpy(),
            "known_at": timestamps(known),
        }
    )[seen]


def _expected_orders(order_rate: FloatArray, hazard: FloatArray, horizon: float) -> FloatArray:
    """Expected orders in the next `horizon` days of a customer known to be active.

    With rate r, hazard l per day and R ~ Exp(l) the time left, memorylessness gives
    ``r * E[keep] * (1 - exp(-l*H)) / l`` where ``E[keep] = 1 - f * (1 - (1 - exp(-l*w)) / (l*w))``.
    """
    daily = hazard / 30
    keep = 1 - FADE_DEPTH * (1 + np.expm1(-daily * FADE_DAYS) / (daily * FADE_DAYS))
    return np.asarray(order_rate * keep * -np.expm1(-daily * horizon) / daily)


def _truth(
    people: _Customers,
    leaves: FloatArray,
    cause: IntArray,
    *,
    treated: BoolArray,
    end: int,
    effect_days: float,
    ids: IntArray,
) -> pd.DataFrame:
    alive = leaves >= end
    months = effect_days / 30
    churned = pd.Series(timestamps(np.where(alive, 0, leaves).astype(np.int64))).mask(alive)
    hazard_now = people.hazard * np.where(treated, people.ratio, 1.0)
    orders = _expected_orders(people.order_rate, hazard_now, VALUE_DAYS)
    columns = {
        "start": timestamps(people.start),
        "hazard": people.hazard,
        **{f"hazard_{name}": people.hazards[:, code] for code, name in enumerate(CAUSES)},
        "hazard_ratio": people.ratio,
        "uplift": np.exp(-people.hazard * people.ratio * months) - np.exp(-people.hazard * months),
        "treated": treated,
        "alive": alive,
        "churned_at": churned.array,
        "cause": pd.Categorical.from_codes(np.where(alive, -1, cause), categories=pd.Index(CAUSES)),
        "order_rate": 30 * people.order_rate,
        "mean_order": people.mean_order,
        "clv": np.where(alive, MARGIN * people.mean_order * orders, 0.0),
    }
    return pd.DataFrame(columns, index=pd.Index(ids, name="customer_id"))
