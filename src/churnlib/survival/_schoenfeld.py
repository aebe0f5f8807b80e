"""Whether features keep their effect: Schoenfeld residuals, and the test of proportional hazards."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import chdtrc
from scipy.stats import rankdata

from churnlib._checks import check_choice
from churnlib._sklearn import check_is_fitted
from churnlib._typing import ArrayLike, FloatArray
from churnlib.exceptions import DataError, ParameterError, message
from churnlib.metrics._arrays import weights
from churnlib.numerics import product_limit, risk_table
from churnlib.survival._cox import CoxModel
from churnlib.survival._cox_fit import CoxRows
from churnlib.survival._cox_kernel import PartialLikelihood, Point
from churnlib.survival._hazard_model import len_of
from churnlib.survival._stratified_model import parts
from churnlib.targets import read_survival_target

__all__ = ["proportional_hazards_test", "schoenfeld_residuals"]

_OFF = 1e-4
"""Gain in log-likelihood that the coefficients may have left on the rows that they were fitted to."""


def schoenfeld_residuals(
    model: CoxModel, X: Any, y: Any, *, sample_weight: ArrayLike | None = None, scaled: bool = False
) -> pd.DataFrame:
    """Return how those who left differed from those who were at risk then.

    Where features keep their effect these scatter around 0, whatever the tenure; a trend shows
    a feature whose effect grows or fades.

    Parameters
    ----------
    model : CoxModel
        A fitted model without penalty.
    X : array or frame of shape (n_rows, n_features)
        The rows that it was fitted to.
    y : structured array of shape (n_rows,)
        Their survival target.
    sample_weight : array-like of shape (n_rows,), default=None
        Their weights, where it was fitted with any.
    scaled : bool, default=False
        Whether to turn the residuals into estimates of the coefficient at the time of each event.

    Returns
    -------
    DataFrame of shape (n_events, n_coefficients)
        Indexed by the position of the row and its time, in the order of time within strata.

    Raises
    ------
    DataError
        If these are not the rows that the model was fitted to.
    ParameterError
        If the model has a penalty.

    Notes
    -----
    ``x_i − x̄(t_i)``, Schoenfeld 1982, Biometrika 69, 239-241; scaled ``β + d V (x_i − x̄)`` with d events and the
    covariance V of the coefficients, Grambsch and Therneau 1994, Biometrika 81, 515-526.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> X = pd.DataFrame({"calls": [3.0, 0, 1, 0, 2, 1]})
    >>> y = survival_target([1, 0, 1, 1, 1, 0], [20, 90, 35, 60, 70, 80])
    >>> schoenfeld_residuals(CoxModel().fit(X, y), X, y).round(3)
              calls
    row time
    0   20.0  0.953
    2   35.0 -0.224
    3   60.0 -1.279
    4   70.0  0.549
    """
    likelihood, point = _at_the_maximum(model, X, y, sample_weight)
    sets = likelihood.sets
    order = np.argsort(sets.group, kind="stable")
    rows, group = sets.dead[order], sets.group[order]
    residuals = likelihood.X[rows] - likelihood.means(point)[group]
    if scaled:
        inverse = np.linalg.inv(likelihood.information(point))
        residuals = model.coef_ + len(rows) * residuals @ inverse
    index = pd.MultiIndex.from_arrays([rows, sets.times[group]], names=["row", "time"])
    return pd.DataFrame(residuals, index=index, columns=list(model.coef_names_))


def proportional_hazards_test(
    model: CoxModel,
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    transform: Literal["km", "rank", "identity", "log"] = "km",
) -> pd.DataFrame:
    """Test whether each feature multiplies the hazard by the same factor at every tenure.

    The alternative is that a coefficient moves along a straight line over g(t). A small p-value
    says that it does; with many rows it also says so of movements too small to matter, so look at
    `schoenfeld_residuals` as well. What helps: the column into `strata`, or a model of the
    hazard by periods.

    Parameters
    ----------
    model : CoxModel
        A fitted model without penalty.
    X : array or frame of shape (n_rows, n_features)
        The rows that it was fitted to.
    y : structured array of shape (n_rows,)
        Their survival target.
    sample_weight : array-like of shape (n_rows,), default=None
        Their weights, where it was fitted with any.
    transform : {"km", "rank", "identity", "log"}, default="km"
        g(t): the share that has left before t, by Kaplan–Meier over all rows; the rank of t among the
        times of all rows, ties in the middle of theirs; t; or its logarithm.

    Returns
    -------
    DataFrame
        ``chisq``, ``df`` and ``p_value`` for each coefficient, and for all of them in the row ``GLOBAL``.

    Raises
    ------
    DataError
        If these are not the rows that the model was fitted to.
    ParameterError
        If the model has a penalty, or `transform` is no choice.

    Notes
    -----
    The score test of adding ``x g(t)`` to the model, with the information of each event time as it is
    (Therneau and Grambsch 2000, Modeling Survival Data, chapter 6); what ``cox.zph`` of R's survival 3
    computes.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> X = pd.DataFrame({"calls": [3.0, 0, 1, 0, 2, 1]})
    >>> y = survival_target([1, 0, 1, 1, 1, 0], [20, 90, 35, 60, 70, 80])
    >>> proportional_hazards_test(CoxModel().fit(X, y), X, y, transform="rank").round(3)
            chisq  df  p_value
    calls   0.349   1    0.555
    GLOBAL  0.349   1    0.555
    """
    check_choice(transform, ("km", "rank", "identity", "log"), name="transform")
    likelihood, point = _at_the_maximum(model, X, y, sample_weight)
    sets = likelihood.sets
    # Adding a constant to g adds a multiple of x itself, which is in the model already.
    g = _transformed(likelihood, transform, y)
    g = g - g.min()
    unexplained = -point.theta * likelihood.exposure(point, g)
    unexplained[sets.dead] += likelihood.leaving * g[sets.group]
    score = unexplained @ likelihood.X
    plain, mixed, squared = (likelihood.information(point, scale) for scale in (np.ones(len(g)), g, g * g))
    known = squared - mixed @ np.linalg.solve(plain, mixed)
    each = score**2 / np.diagonal(known)
    together = float(score @ np.linalg.lstsq(known, score, rcond=None)[0])
    p = len(each)
    chisq, df = np.append(each, together), np.append(np.ones(p, dtype=np.int64), p)
    return pd.DataFrame({"chisq": chisq, "df": df, "p_value": chdtrc(df, chisq)}, index=[*model.coef_names_, "GLOBAL"])


def _transformed(likelihood: PartialLikelihood, transform: str, y: Any) -> FloatArray:
    """Return g at each event time."""
    sets = likelihood.sets
    if transform == "identity":
        return sets.times
    if transform == "log":
        return np.log(sets.times)
    rows = read_survival_target(y)
    if transform == "rank":
        place = np.zeros(len(rows))
        counted = slice(None) if likelihood.weight is None else likelihood.weight > 0
        place[counted] = rankdata(rows.time[counted])
        ranks = np.empty(sets.n_times)
        ranks[sets.group] = place[sets.dead]
        return ranks
    if likelihood.weight is not None:
        rows = rows.take(likelihood.weight > 0)
    return 1.0 - product_limit(risk_table(rows.time, rows.observed, entry=rows.entry)).left(sets.times)


def _at_the_maximum(
    model: CoxModel, X: Any, y: Any, sample_weight: ArrayLike | None
) -> tuple[PartialLikelihood, Point]:
    check_is_fitted(model, "coef_")
    if model.alpha > 0:
        raise ParameterError(
            message(
                f"the model has a penalty (alpha={model.alpha:g})",
                "coefficients at the maximum of the likelihood",
                "CoxModel(alpha=0).fit(X, y)",
            )
        )
    rows = read_survival_target(y)
    data = model._read(X, reset=False)
    if len_of(data) != len(rows):
        raise DataError(message(f"X has {len_of(data)} rows and y {len(rows)}", "one target for each row of X"))
    matrix, codes = parts(data)
    weight, _ = weights(sample_weight, len(rows))
    counted = None if (weight == 1).all() else weight
    likelihood = CoxRows(matrix - model.means_, rows, counted, codes).likelihood(model.ties)
    point = likelihood.at(likelihood.X @ model.coef_)
    gradient = likelihood.gradient(point)
    gain = float(gradient @ np.linalg.lstsq(likelihood.information(point), gradient, rcond=None)[0]) / 2
    if model.converged_ and not gain <= _OFF:
        raise DataError(
            message(
                f"the coefficients are not the best for these rows (the log-likelihood could gain {gain:.2g})",
                "the rows, weights and target that the model was fitted to",
                "CoxModel().fit(X, y) on these rows first",
            )
        )
    return likelihood, point
