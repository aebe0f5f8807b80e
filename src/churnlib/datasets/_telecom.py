"""A simulated mobile operator whose published churn table is known, and so are the hazards behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.calendar import timestamps
from churnlib.events import Contracts
from churnlib.targets import survival_target

from ._draws import generator
from ._telecom_tables import (
    BANDS,
    EDGES,
    MONTHS,
    PLANS,
    PUBLISHED,
    STOCK_SHARE,
    customers_by_month,
    hazards_by_month,
)

__all__ = ["TelecomWorld", "make_telecom"]

CARDS = ("genuine", "stock")
CLOSED = np.datetime64("2011-11", "M")
FLAGGED = (0.02, 0.90)  # of genuine cards, of dealers' stock
N_DEALERS, N_HOARDERS, HOARDED = 30, 5, 0.8


@dataclass(frozen=True, slots=True, repr=False)
class TelecomWorld:
    """A simulated operator: its customer file over some months, and the hazards that made it.

    Parameters
    ----------
    customers : DataFrame
        One row for each customer who was on the network at some time of the window, indexed by
        ``customer_id``: ``plan``, ``dealer``, ``suspect`` (the operator's flag: looks like dealers' stock),
        ``activated`` (first day of the month in which the card went on the network) and ``left`` (first day
        of the month by which it was off; missing while on).
    survival : structured array of shape (n_customers,)
        The survival target in months, a row for each customer: ``event``, ``time``, and ``entry``, the months
        completed when the window opened.
    truth : DataFrame
        Indexed like `customers`: ``genuine`` (False for dealers' stock), which nobody at the operator sees.
    hazards : DataFrame
        The chance to leave in each month on the network, by plan and by kind of card (genuine, stock).
    published : DataFrame
        The source's table, by plan and for the network: losses of August to October by customers on the network in
        October (as a ratio, 1 = 100 %) by band of tenure and of all, ``lost`` and ``base``.
    opened, closed : Timestamp
        The window: what happened from `opened` on and before `closed` is in the file.

    Examples
    --------
    >>> make_telecom(1000)
    TelecomWorld: 1,000 customers on 9 plans, 2011-08 to 2011-10, 80 lost, 54 flagged as suspect
    """

    customers: pd.DataFrame
    survival: Array
    truth: pd.DataFrame
    hazards: pd.DataFrame
    published: pd.DataFrame
    opened: pd.Timestamp
    closed: pd.Timestamp

    @property
    def bands(self) -> tuple[float, ...]:
        """The edges of the source's bands of tenure, in months.

        Examples
        --------
        >>> make_telecom(1000).bands
        (0.0, 3.0, 6.0, 12.0, 24.0, 36.0, 60.0, inf)
        """
        return (*(float(edge) for edge in EDGES), float("inf"))

    def contracts(self) -> Contracts:
        """Return the file as contracts, for outcomes and features.

        Customers who left before `opened` are not among them, so that nothing may be asked of
        cutoffs before it.

        Returns
        -------
        Contracts
            One contract for each customer, with the plan.

        Examples
        --------
        >>> make_telecom(1000).contracts().n_customers
        1000
        """
        return Contracts.from_frame(
            self.customers.reset_index().assign(plan=self.customers["plan"].astype(object).array),
            customer="customer_id",
            start="activated",
            end="left",
            plan="plan",
            complete_until=self.closed,
        )

    def __repr__(self) -> str:
        last = self.closed - pd.Timedelta(days=1)
        return (
            f"TelecomWorld: {len(self.customers):,} customers on {len(PLANS)} plans, "
            f"{self.opened:%Y-%m} to {last:%Y-%m}, {int(self.survival['event'].sum()):,} lost, "
            f"{int(self.customers['suspect'].sum()):,} flagged as suspect"
        )


def make_telecom(
    n_customers: int = 20_000,
    *,
    months: int = 3,
    random_state: int | np.random.Generator | None = 0,
) -> TelecomWorld:
    r"""Simulate a mobile operator whose losses by closing base are those of a published table.

    The source, a study of one Chinese operator of 2011, divides the losses of August to October by the customers on
    the network in October, by plan and months on the network. This world has monthly hazards by plan, tenure and kind
    of card, and activations by month, under which that table comes out: 9 plans by 7 bands, one of them 5022 %.

    A customer in month :math:`m` on the network leaves by its end with the hazard :math:`h(m)` of the plan and kind
    of card. Hazards rise in months 4 to 6 and 19 and 20; of the plan "home card one-way" they are highest in
    months 7 to 12, and of fixed-wireless they never fall. The 5022 % are no hazard either: the
    new-year card was sold until April, so that those it lost in their months 4 to 6 (about 6 % a month)
    are set against the nine who are in these months in October.

    *Dealers' stock.* Of the activations of a plan a share (20 % of the study plan of 2010, which was cheapest to
    hold) are cards in a drawer, which leave in months 4 to 6 with chances of 30, 36 and 45 %. What was sold by then
    is like other cards. Five of 30 dealers hold 80 % of it. The operator's flag finds 90 % of these cards, and is
    wrong about 2 % of the others.

    *The file* holds who was on the network when the window opened, or was activated in it. Who left before is not on
    file, which is delayed entry: ``survival`` says so.

    Parameters
    ----------
    n_customers : int, default=20_000
        How many customers are on file. 1,682,355 is the size of the source over three months.
    months : int, default=3
        Length of the window that ends with October 2011, from 1 to 60.
    random_state : int, numpy.random.Generator or None, default=0
        Seed; the same seed gives the same world to the byte.

    Returns
    -------
    TelecomWorld
        ``customers``, ``survival``, ``hazards``, ``published`` and what else is known.

    Raises
    ------
    ParameterError
        If a count is out of range.
    ParameterTypeError
        If an argument is not a number, or `random_state` is no seed.

    Notes
    -----
    With :math:`N(m)` customers in month m at the end of October (``share`` :math:`\sigma` of the activations stock,
    :math:`S_k` the survival of kind k), the window is entered at tenure :math:`e = \max(m - \mathrm{months}, 0)` by
    :math:`N(m)\,\sigma_k S_k(e) / \sum_j \sigma_j S_j(m)` customers of kind k. The source gives bases by plan only;
    those of cells, and the shape of hazards inside a band, are ours, and agree with all of its totals.

    Examples
    --------
    >>> world = make_telecom(200_000)
    >>> world.published.loc["new-year card 2011", ["4-6", "7-12"]].tolist()
    [50.2222, 0.211]
    >>> world.hazards["study plan 2010-07"].loc[4:6, "genuine"].round(3).tolist()
    [0.081, 0.083, 0.085]
    """
    n = check_integer(n_customers, name="n_customers", low=1)
    span = check_integer(months, name="months", low=1, high=60)
    rng = generator(random_state)
    hazard = hazards_by_month()
    stays = np.cumprod(np.concatenate([np.ones((*hazard.shape[:2], 1)), 1 - hazard], axis=2), axis=2)
    kind, plan, month = _draw_cells(rng, n, stays, span)
    entry = np.maximum(month - span, 0)
    time, left = _draw_lives(rng, stays, (plan, kind, month), entry)
    suspect = rng.random(n, dtype=np.float32) < np.array(FLAGGED, dtype=np.float32)[kind]
    dealer = _draw_dealers(rng, kind)
    index = pd.RangeIndex(700_001, 700_001 + n, name="customer_id")
    activated = CLOSED - month.astype(np.int64)
    customers = pd.DataFrame(
        {
            "plan": pd.Categorical.from_codes(plan, categories=pd.Index(PLANS)),
            "dealer": pd.Categorical.from_codes(
                dealer, categories=pd.Index([f"D{number:02d}" for number in range(1, N_DEALERS + 1)])
            ),
            "suspect": suspect,
            "activated": _days(activated),
            "left": pd.Series(_days(activated + time)).mask(~left).array,
        },
        index=index,
    )
    return TelecomWorld(
        customers,
        survival_target(left, time.astype(np.float64), entry=entry.astype(np.float64)),
        pd.DataFrame({"genuine": kind == 0}, index=index),
        _hazard_frame(hazard),
        _published_frame(),
        _days(np.array([CLOSED - span]))[0],
        _days(np.array([CLOSED]))[0],
    )


def _draw_cells(rng: np.random.Generator, n: int, stays: FloatArray, span: int) -> tuple[Array, Array, Array]:
    """Draw kind of card, plan and the month of tenure that October is or would have been, of each customer."""
    month = np.arange(1, MONTHS + 1)
    share = np.stack([1 - np.array(STOCK_SHARE), np.array(STOCK_SHARE)], axis=1)[:, :, None]
    alive = (share * stays[:, :, 1:]).sum(axis=1, keepdims=True)
    entering = customers_by_month()[:, None, :] * share * stays[:, :, np.maximum(month - span, 0)] / alive
    chance = entering.ravel() / entering.sum()
    cell = np.repeat(np.arange(chance.size, dtype=np.int32), rng.multinomial(n, chance))
    rng.shuffle(cell)
    plan, rest = np.divmod(cell, 2 * MONTHS)
    kind, place = np.divmod(rest, MONTHS)
    return kind.astype(np.int8), plan.astype(np.int8), (place + 1).astype(np.int16)


def _draw_lives(
    rng: np.random.Generator, stays: FloatArray, cells: tuple[Array, Array, Array], entry: Array
) -> tuple[Array, BoolArray]:
    """Draw the tenure at which each customer leaves or is last seen, and whether they left."""
    plan, kind, month = cells
    # Who leaves in month t of life has S(t) <= u S(e) < S(t - 1): one draw decides.
    goal = rng.random(len(month)) * stays[plan, kind, entry]
    time, left = month.copy(), np.zeros(len(month), dtype=bool)
    for step in range(1, int((month - entry).max()) + 1):
        tenure = np.minimum(entry + step, month)
        leaves = ~left & (entry + step <= month) & (stays[plan, kind, tenure] <= goal)
        time[leaves] = tenure[leaves]
        left |= leaves
    return time, left


def _draw_dealers(rng: np.random.Generator, kind: Array) -> Array:
    dealer = rng.integers(0, N_DEALERS, len(kind), dtype=np.int8)
    stock = np.flatnonzero(kind == 1)
    hoarded = stock[rng.random(len(stock)) < HOARDED]
    dealer[hoarded] = rng.integers(0, N_HOARDERS, len(hoarded), dtype=np.int8)
    return dealer


def _days(months: Array) -> pd.DatetimeIndex:
    us: IntArray = months.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
    return timestamps(us)


def _hazard_frame(hazard: FloatArray) -> pd.DataFrame:
    columns = pd.MultiIndex.from_product([PLANS, CARDS], names=["plan", "card"])
    index = pd.RangeIndex(1, MONTHS + 1, name="month")
    return pd.DataFrame(hazard.reshape(len(PLANS) * len(CARDS), MONTHS).T, index=index, columns=columns)


def _published_frame() -> pd.DataFrame:
    columns = [*BANDS, "all", "lost", "base"]
    frame = pd.DataFrame.from_dict(PUBLISHED, orient="index", columns=columns).rename_axis("plan")
    ratios = [*BANDS, "all"]
    frame[ratios] = (frame[ratios] / 100).round(6)
    return frame.astype({"lost": np.int64, "base": np.int64})
