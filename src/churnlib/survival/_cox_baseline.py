"""The baseline of Cox's model: the cumulative hazard of a customer with mean features, in three ways."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from churnlib._typing import FloatArray
from churnlib.numerics import StepFunction
from churnlib.survival._cox_kernel import PartialLikelihood, Point

__all__ = ["Baseline", "baselines"]

Baseline: TypeAlias = Literal["efron", "breslow", "kalbfleisch-prentice"]

_ALL_LEFT = 1e-12
"""Of the relative hazards at risk: who stays beside that is rounding."""


def baselines(likelihood: PartialLikelihood, point: Point, kind: Baseline) -> list[StepFunction]:
    """Estimate the cumulative baseline hazard of each stratum.

    Parameters
    ----------
    likelihood : PartialLikelihood
        The rows.
    point : Point
        The fitted coefficients' place in it.
    kind : {"efron", "breslow", "kalbfleisch-prentice"}
        How the events of one time share the risk.

    Returns
    -------
    list of StepFunction
        ``−log S(t)`` of a row whose linear predictor is 0, for each stratum; infinite from the
        time on at which everybody at risk left (Kalbfleisch and Prentice only).

    Notes
    -----
    With relative hazards r, weights w, and S and D the sums of ``w r`` over the risk set and over
    the d events of a time, their mean weight ``w̄``, the steps are ``Σ w / S`` (Breslow 1974),
    ``w̄ Σ_(l<d) 1 / (S − (l/d) D)`` (Efron 1977), or the h that solves
    ``Σ_events w r / (1 − exp(−h r)) = S`` (Kalbfleisch and Prentice 1973, Biometrika 60, 267-278).
    The last makes the survival function a product of factors, as Kaplan–Meier's is, which it
    becomes without features; the sums of the others are hazards, low where many leave at once.
    """
    sets = likelihood.sets
    if kind == "kalbfleisch-prentice":
        steps = _kalbfleisch_prentice(likelihood, point)
    elif kind == "efron" and sets.tied:
        leaving = likelihood.by_time(point.theta[sets.dead])
        at_risk = point.at_risk[sets.turn] - sets.share * leaving[sets.turn]
        steps = likelihood.event_weight / sets.count * sets.over_turns(1.0 / at_risk)
    else:
        steps = likelihood.event_weight / point.at_risk
    found = []
    for low, high, shift in zip(sets.edges[:-1], sets.edges[1:], point.shift, strict=True):
        # Hazards count by the relative hazards, which were scaled by exp(-shift).
        found.append(StepFunction(sets.times[low:high], np.cumsum(steps[low:high]) * np.exp(-shift), 0.0))
    return found


def _kalbfleisch_prentice(likelihood: PartialLikelihood, point: Point) -> FloatArray:
    sets, weight = likelihood.sets, likelihood.leaving
    theta = point.theta[sets.dead]
    relative = theta / weight
    leaving = likelihood.by_time(theta)
    staying = point.at_risk - leaving
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        alone = -np.log1p(-leaving / point.at_risk) / likelihood.by_time(relative)
    steps = np.where(staying > _ALL_LEFT * point.at_risk, alone, np.inf)
    together = (sets.count > 1) & np.isfinite(steps)
    if not together.any():
        return steps
    # Where several leave the equation is convex and falls in h: from Breslow's step, which is
    # below the root because 1 - exp(-x) <= x, Newton's steps go up to it without passing it.
    rows = together[sets.group]
    number = np.cumsum(together)[sets.group[rows]] - 1
    r, w, total = relative[rows], weight[rows], point.at_risk[together]
    h = likelihood.event_weight[together] / total
    for _ in range(200):
        gone = -np.expm1(-h[number] * r)
        excess = np.bincount(number, weights=w * r / gone) - total
        slope = np.bincount(number, weights=w * r * r * (1 - gone) / (gone * gone))
        change = np.maximum(excess, 0.0) / slope
        h += change
        if (change <= 1e-15 * h).all():
            break
    steps[together] = h
    return steps
