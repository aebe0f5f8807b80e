"""Whether as many left within the horizon as were expected to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import HistoryError, message
from churnlib.metrics import _arrays
from churnlib.metrics._bins import bin_of_block
from churnlib.metrics._d_calibration import customer_codes
from churnlib.metrics._survival_inputs import Watched, read_horizon, read_risk, read_watched
from churnlib.numerics import TiedOrder, greenwood, product_limit, risk_table, wilson_interval

__all__ = ["horizon_calibration_table"]


def horizon_calibration_table(
    y: Any,
    probability: ArrayLike,
    horizon: float | str,
    *,
    bins: int = 10,
    confidence: float = 0.95,
    customer: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare stated chances to leave within a horizon with the share that left, by stated chance.

    Who was lost from sight before the horizon has no outcome: the share that left is one less Kaplan–Meier's
    curve of the bin. It assumes that, within a bin, being lost from sight tells nothing about leaving.

    Parameters
    ----------
    y : structured array of shape (n_rows,)
        The survival target. With delayed entry the horizon counts from each row's entry. Several causes
        count as one churn.
    probability : array-like of shape (n_rows,)
        The stated chance to leave within the horizon, between 0 and 1:
        ``model.predict_churn_probability(X, horizon, given=entry)``.
    horizon : float or str
        How far ahead, above 0, in the unit of y; text such as ``"90d"`` means days.
    bins : int, default=10
        How many bins of equal mass; equal probabilities stay in one bin, so that fewer may remain.
    confidence : float, default=0.95
        Share of samples whose interval shall hold the true share that leaves.
    customer : array-like of shape (n_rows,), default=None
        The customer of each row, where a customer has several (at several cutoffs): the interval then takes the rows
        of one customer together. None: each row is a customer.
    sample_weight : array-like of shape (n_rows,), default=None
        The weight of each row; whole numbers stand for repeated rows.

    Returns
    -------
    DataFrame
        Indexed by ``bin``, 1 = riskiest, and at the end "all": ``rows`` (their weight), ``predicted`` (mean
        probability), ``observed`` (share that left within the horizon), ``gap`` (observed minus predicted,
        positive where more left than was said), ``low`` and ``high`` (interval of the true share), ``p_low`` and
        ``p_high``. The gap of "all" is the total difference; being a plain difference it is not moved away from
        0 by chance, as a mean of absolute gaps over the bins would be.

    Raises
    ------
    DataError
        If y is no survival target, or a probability is missing or outside 0 and 1.
    HistoryError
        If in some bin nobody was watched up to the horizon.
    ParameterError
        If there are more bins than rows, or the horizon is not above 0.

    Notes
    -----
    The interval is Wilson's, of as many rows as would have the variance of the curve without censoring:
    ``n = S (1 − S) / Var S`` with Greenwood's variance (Rothman 1978, J. Chronic Dis. 31, 557-560). With customers, or
    weights that are not whole, the variance is the sum over customers of their squared influence. Where nobody
    left (or nobody stayed) n is the number still watched at the horizon (or seen to leave).

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> y = survival_target([1, 1, 0, 0, 1, 0, 0, 0], [10, 40, 95, 99, 80, 92, 30, 91])
    >>> table = horizon_calibration_table(y, [0.6] * 4 + [0.3] * 4, "90d", bins=2)
    >>> table[["rows", "predicted", "observed", "gap"]].round(3)
         rows  predicted  observed    gap
    bin
    1       4       0.60     0.500 -0.100
    2       4       0.30     0.333  0.033
    all     8       0.45     0.417 -0.033
    """
    watched = read_watched(y, sample_weight)
    p = _arrays.probabilities(read_risk(probability, len(watched)))
    ahead = read_horizon(horizon)
    _arrays.checked_bins(bins, len(watched))
    _, whole = _arrays.weights(sample_weight, len(watched))
    codes = customer_codes(customer, len(watched)) if customer is not None else None
    if codes is None and not whole:
        codes = np.arange(len(watched))
    order = TiedOrder(p)
    bin_of = np.empty(len(watched), dtype=np.int64)
    sizes = np.diff(np.append(order.starts, order.n_rows))
    bin_of[order.order] = np.repeat(bin_of_block(order.block_sums(watched.weight), bins), sizes)
    bin_of[watched.weight == 0] = -1
    names = [number for number in range(bins) if (bin_of == number).any()]
    parts = [np.flatnonzero(bin_of == number) for number in names] + [np.flatnonzero(bin_of >= 0)]
    labels: list[int | str] = [*range(1, len(names) + 1), "all"]
    lines = [_line(watched, p, ahead, rows, codes, label) for rows, label in zip(parts, labels, strict=True)]
    table = pd.DataFrame(lines, index=pd.Index(labels, name="bin", dtype=object))
    table["low"], table["high"] = wilson_interval(
        table["observed"].to_numpy() * table["n"].to_numpy(), table["n"].to_numpy(), confidence=confidence
    )
    if whole:
        table["rows"] = np.rint(table["rows"]).astype(np.int64)
    table["gap"] = table["observed"] - table["predicted"]
    return table[["rows", "predicted", "observed", "gap", "low", "high", "p_low", "p_high"]]


def _line(
    watched: Watched, p: FloatArray, horizon: float, rows: IntArray, codes: IntArray | None, label: int | str
) -> dict[str, float]:
    part = _canonical(watched, p, rows)
    curve = _Curve.at(horizon, watched, part)
    if not curve.known:
        raise HistoryError(
            message(
                f"in bin {label} of {rows.size} rows nobody was watched up to the horizon of {horizon:g} "
                f"(last: {watched.time[rows].max():g}, counted from the entry)",
                "the share that leaves within the horizon is seen only where some are watched that long",
                "a shorter horizon, fewer bins, or rows of earlier cutoffs",
            )
        )
    weight, stated = watched.weight[part], p[part]
    return {
        "rows": float(weight.sum()),
        "predicted": float((weight * stated).sum() / weight.sum()),
        "observed": curve.left,
        "n": curve.rows_worth(None if codes is None else codes[part]),
        "p_low": float(stated.min()),
        "p_high": float(stated.max()),
    }


def _canonical(watched: Watched, p: FloatArray, rows: IntArray) -> IntArray:
    """Order rows by all that counts, so that sums do not depend on the order in which they came."""
    keys = (watched.weight[rows], p[rows], watched.observed[rows], watched.time[rows])
    return rows[np.lexsort(keys)]


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Kaplan–Meier at the horizon, and what its variance is made of."""

    time: FloatArray
    observed: FloatArray
    weight: FloatArray
    horizon: float
    left: float
    variance: float
    known: bool

    @classmethod
    def at(cls, horizon: float, watched: Watched, rows: IntArray) -> _Curve:
        time, observed, weight = watched.time[rows], watched.observed[rows], watched.weight[rows]
        table = risk_table(time, observed, weight=weight if watched.weighted else None)
        here = float(product_limit(table)(horizon))
        variance = here**2 * float(greenwood(table)(horizon)) if here > 0 else 0.0
        known = here <= 0 or float(time.max()) >= horizon
        return cls(time, observed.astype(np.float64), weight, horizon, 1.0 - here, variance, known)

    def rows_worth(self, codes: IntArray | None) -> float:
        """Return how many rows without censoring would tell as much."""
        if not 0 < self.left < 1:
            inside = self.time >= self.horizon if self.left <= 0 else self.observed > 0
            return float(self.weight[inside].sum())
        variance = self.variance if codes is None else self._by_customer(codes)
        return self.left * (1 - self.left) / variance

    def _by_customer(self, codes: IntArray) -> float:
        """Sum the squared influence of each customer: what the curve would move by without the customer."""
        table = risk_table(self.time, self.observed, weight=self.weight)
        staying = table.at_risk - table.left
        inside = (table.times <= self.horizon) & (staying > 0)
        per_event = np.divide(1.0, staying, out=np.zeros(staying.size), where=inside)
        steps = np.cumsum(np.where(inside, table.left / table.at_risk, 0.0) * per_event)
        where = np.searchsorted(table.times, self.time)
        influence = self.observed * per_event[where] - steps[where]
        # Past the horizon no event counts, and the sum of the hazard stands still.
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        sums = np.add.reduceat((self.weight * influence)[order], starts)
        return float((1 - self.left) ** 2 * np.sort(sums**2).sum())  # sorted: the same in any order of customers
