"""The outcome of customers who were not all watched to the end: time stayed within a horizon, censoring made up for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._typing import Array, ArrayLike, BoolArray, FloatArray, Span
from churnlib.calendar import DAY_US, duration
from churnlib.exceptions import AssumptionWarning, DataError, HistoryError, ParameterError, message
from churnlib.numerics import StepFunction, censoring_survival, product_limit, risk_table
from churnlib.targets import SurvivalRows, read_survival_target

__all__ = ["read_rmst_horizon", "rmst_outcomes"]

_FEW = 0.05
"""Below this share of customers still watched, single customers stand for more than twenty."""


def rmst_outcomes(
    survival: Any,
    *,
    horizon: float | Span,
    treatment: ArrayLike,
    strata: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> FloatArray:
    """Turn survival targets into an outcome for uplift: the time each customer stays within a horizon.

    A customer who left after 40 of 90 days stayed 40, and one who was still here stayed 90. Of one lost from sight
    on day 20 nobody knows, and leaving such rows out would favour early leavers. Here every row gets a number whose
    mean, within each arm and for customers of any kind, is that of the time they stay: the restricted mean survival
    time. Any learner can be fitted to it. The effect is in the unit of time, positive when customers are kept longer.

    It assumes that, within an arm and a stratum, being lost from sight says nothing about leaving, whoever the
    customer is. Where customers entered at different times and the log ends for all on one day, it holds if later
    ones are not of another kind; otherwise let `strata` be the cutoff.

    Parameters
    ----------
    survival : structured array of shape (n_rows,)
        Whether and when customers left, as `churnlib.survival_target` makes it. Causes are not told apart. With delayed
        entry, time is counted from the entry: the moment from which the customer was watched, and at which the
        treatment was decided.
    horizon : float, or length of time such as "90d"
        How far to look, in the unit of the times; a length of time means days.
    treatment : array-like of shape (n_rows,)
        The arm of each row. Each arm has its own censoring.
    strata : array-like of shape (n_rows,), default=None
        Groups (cohorts, cutoffs) that differ in how they are lost from sight; censoring is estimated in each within
        each arm.
    sample_weight : array-like of shape (n_rows,), default=None
        How many customers each row stands for.

    Returns
    -------
    ndarray of shape (n_rows,)
        In the unit of the times. Without censoring ``min(time, horizon)``; with it single values may lie
        below 0 or above the horizon, and their mean in an arm is the area under its Kaplan–Meier curve.

    Raises
    ------
    DataError
        If `survival` is no survival target, lengths differ, or a treatment, stratum or weight is missing.
    ParameterError
        If the horizon is not above 0, or a length of the calendar.
    HistoryError
        If nobody of an arm is watched up to the horizon.

    Warns
    -----
    AssumptionWarning
        If fewer than a twentieth of an arm are still watched near the horizon.

    Notes
    -----
    With ``Y = min(T, h)``, U the time to which a row is watched, G the censoring's Kaplan–Meier curve of the arm and
    Q(u) the mean of Y among those still here at u::

        1[Y was seen] Y / G(Y-) + sum over censorings at u < h of Q(u)/G(u) (1[lost at u] - 1[could be lost at u] dL(u))

    The first term weighs up those who were seen (inverse probability of censoring weights); the second takes what is
    known of the lost, that they stayed until then (Robins and Rotnitzky 1992; Rubin and van der Laan 2007, Int. J.
    Biostat. 3). Its mean is 0 for customers of any kind, and exactly 0 in each arm, where the first alone gives the
    area under the Kaplan–Meier curve. Without it the spread would be too wide by what estimating G brings; with it
    intervals computed from these numbers as if they were data hold.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> stayed = survival_target([1, 0, 1, 1, 0, 1], [30, 90, 60, 20, 40, 90])
    >>> rmst_outcomes(stayed, horizon="60d", treatment=[1, 1, 1, 0, 0, 0])
    array([30., 60., 60., 20., 60., 60.])

    The fifth customer was lost on day 40; the one who was still here then stayed 60 days, so that is what is expected.
    """
    rows = read_survival_target(survival)
    end = read_rmst_horizon(horizon)
    n_rows = len(rows)
    codes, names = _codes(treatment, n_rows, "treatment")
    stratum = np.zeros(n_rows, dtype=np.int64) if strata is None else _codes(strata, n_rows, "strata")[0]
    weight = None if sample_weight is None else _weights(sample_weight, n_rows)
    outcome = np.empty(n_rows)
    cell = codes * (int(stratum.max()) + 1) + stratum
    for number in np.unique(cell):
        chosen = np.flatnonzero(cell == number)
        who = f"arm {names[codes[chosen[0]]]!r}" + ("" if strata is None else f", stratum {stratum[chosen[0]]}")
        outcome[chosen] = _of_one_arm(rows.take(chosen), end, None if weight is None else weight[chosen], who)
    return outcome


def read_rmst_horizon(horizon: Any) -> float:
    """Return how far to look as a number above 0; a length of time is turned into days."""
    if isinstance(horizon, (int, float, np.number)) and not isinstance(horizon, bool):
        if not (np.isfinite(horizon) and horizon > 0):
            raise ParameterError(
                message(f"horizon={horizon!r}", "how far to look, above 0, in the unit of the times", "horizon=90")
            )
        return float(horizon)
    if horizon is None:
        raise ParameterError(
            message(
                "horizon is None and the outcome is survival",
                "how far to look: the effect is on the time stayed until then",
                "DRLearner(horizon='90d'), or rmst_outcomes(survival, horizon='90d', treatment=treated)",
            )
        )
    length = duration(horizon, name="horizon")
    if length.fixed_us is None:
        raise ParameterError(
            message(f"horizon={horizon!r} is a length of the calendar", "a fixed length", 'horizon="90d"')
        )
    return length.fixed_us / DAY_US


def _of_one_arm(rows: SurvivalRows, end: float, weight: FloatArray | None, who: str) -> FloatArray:
    time, seen = rows.duration, rows.observed
    table = risk_table(time, seen, weight=weight)
    G = censoring_survival(time, seen, weight=weight)
    _watched_long_enough(G.times[(G.values <= 0) & (G.times < end)], float(G.left(end)), end, who)
    stayed = np.minimum(time, end)
    known = (seen & (time <= end)) | (time >= end)
    outcome = np.where(known, stayed / G.left(stayed), 0.0)
    lost = (table.censored > 0) & (table.times < end)
    if not lost.any():
        return outcome
    at = table.times[lost]
    share = table.censored[lost] / (table.at_risk[lost] - table.left[lost])
    curve = product_limit(table)
    expected = _expected(at, end, curve) / G(at)
    # every row that could have been lost at u pays Q/G dL there: those watched beyond u, and those lost at u
    paid = np.concatenate([[0.0], np.cumsum(expected * share)])
    outcome -= paid[np.where(known, np.searchsorted(at, stayed, side="left"), np.searchsorted(at, time, side="right"))]
    outcome[~known] += _expected(time[~known], end, curve) / G(time[~known])
    return outcome


def _expected(at: FloatArray, end: float, curve: StepFunction) -> FloatArray:
    """Mean of min(T, end) among those still here at each time: ``u + area from u to end / S(u)``."""
    within = curve.times < end
    edges = np.concatenate([[0.0], curve.times[within], [end]])
    heights = np.concatenate([[1.0], curve.values[within]])
    upto = np.concatenate([[0.0], np.cumsum(np.diff(edges) * heights)])  # the area up to each edge
    step = np.searchsorted(edges, at, side="right") - 1
    area = upto[-1] - (upto[step] + (at - edges[step]) * heights[step])
    here = heights[step]
    found: FloatArray = at + np.divide(area, here, out=np.zeros_like(area), where=here > 0)
    return found


def _watched_long_enough(nobody: FloatArray, watched: float, end: float, who: str) -> None:
    if nobody.size:
        raise HistoryError(
            message(
                f"nobody of {who} is watched beyond {nobody[0]:g}, and the horizon is {end:g}",
                "some customers of every arm who are watched up to the horizon",
                f"horizon={nobody[0]:g}, or customers who were treated longer ago",
            )
        )
    if watched < _FEW:
        warnings.warn(
            message(
                f"{watched:.1%} of {who} would still be watched at the horizon, {end:g}",
                "a few customers stand for all the others, and effects are uncertain",
                "a shorter horizon=",
            ),
            AssumptionWarning,
            stacklevel=4,
        )


def _codes(values: Any, n_rows: int, name: str) -> tuple[Array, Any]:
    column = pd.Series(values if isinstance(values, pd.Series) else np.asarray(values)).reset_index(drop=True)
    if len(column) != n_rows:
        raise DataError(message(f"{name} has {len(column)} rows and survival {n_rows}", "one of each for every row"))
    missing: BoolArray = column.isna().to_numpy(dtype=bool)
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum())} of {n_rows} values of {name} are missing ({named_rows(missing)})",
                "every row has one",
                "leave these rows out, and count them",
            )
        )
    codes, found = pd.factorize(column, sort=True)
    return codes.astype(np.int64), found.tolist()


def _weights(sample_weight: Any, n_rows: int) -> FloatArray:
    weight = np.asarray(as_floats(sample_weight))
    if weight.shape != (n_rows,) or not (np.isfinite(weight) & (weight >= 0)).all():
        raise DataError(
            message(
                f"sample_weight has shape {weight.shape} for {n_rows} rows, or values below 0 or missing",
                "a weight of 0 or more for each row",
                "sample_weight=None counts each row once",
            )
        )
    return weight
