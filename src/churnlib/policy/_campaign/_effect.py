"""The mean effect on those contacted, from those left alone by lot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, message
from churnlib.experiments._ratio_interval import mean_ratio, share_difference
from churnlib.policy._campaign._rows import CampaignRows

__all__ = ["CampaignEffect", "Contrast", "contrast", "effect_of", "share_anyway"]


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """Differences of means of several columns, treated less control, with their covariance."""

    treated: FloatArray
    control: FloatArray
    value: FloatArray
    influence: FloatArray
    df: float

    @property
    def covariance(self) -> FloatArray:
        """Of the differences."""
        return np.asarray(self.influence.T @ self.influence, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class CampaignEffect:
    """The effect per customer contacted with its interval."""

    treated: float
    control: float
    value: float
    low: float
    high: float
    standard_error: float
    df: float
    method: str


def contrast(columns: FloatArray, rows: CampaignRows) -> Contrast:
    """Compare means; each row of the control counts by its odds, so that the control stands for the treated.

    Rows of one customer are added up before they are squared, and each arm is scaled by G / (G - 1) customers. Degrees
    of freedom are Satterthwaite's, with the effective number of customers in the control.
    """
    owner, names = pd.factorize(rows.customer)
    n = len(names)
    means, influence, variance, customers = [], np.zeros((n, columns.shape[1])), [], []
    for chosen, weight, sign in ((rows.treated, np.ones(len(owner)), 1.0), (rows.control, rows.odds, -1.0)):
        part = np.where(chosen, weight, 0.0) / weight[chosen].sum()
        mean = part @ columns
        each = np.bincount(owner, part, n)
        found = int((each > 0).sum())
        _refuse_few(found, treated=sign > 0)
        moved = np.stack([np.bincount(owner, part * (y - m), n) for y, m in zip(columns.T, mean, strict=True)], axis=1)
        moved *= sign * np.sqrt(found / (found - 1))
        influence += moved
        means.append(mean)
        variance.append(float((moved[:, 0] ** 2).sum()))
        customers.append(1 / float(each @ each))
    total = sum(variance)
    shared = sum(v**2 / max(g - 1, 1.0) for v, g in zip(variance, customers, strict=True))
    df = total**2 / shared if shared > 0 else float(sum(customers) - 2)
    return Contrast(means[0], means[1], means[0] - means[1], influence, df)


def effect_of(
    outcome: FloatArray, covariates: FloatArray | None, rows: CampaignRows, *, confidence: float, shares: bool
) -> tuple[CampaignEffect, float]:
    """Return the effect, and the share of its variance that covariates leave."""
    columns = outcome[:, None] if covariates is None else np.column_stack([outcome, covariates])
    found = contrast(columns, rows)
    value, moved = float(found.value[0]), found.influence[:, 0]
    alone = float(moved @ moved)
    if covariates is not None:
        # what the arms differ by before is chance: take out as much of it as makes the variance least
        value, moved = _adjusted(value, moved, found)
    error = float(np.sqrt(moved @ moved))
    half = -float(stdtrit(found.df, (1 - confidence) / 2)) * error
    low, high, df, method = value - half, value + half, found.df, "difference of means"
    if covariates is not None:
        method = "difference of means given what was known before"
    elif shares and _plain(rows):
        low, high = _newcombe(outcome, rows, confidence)
        df = np.inf
    treated = float(found.treated[0])
    effect = CampaignEffect(treated, treated - value, value, low, high, error, df, method)
    return effect, error**2 / alone if alone > 0 else 1.0


def _adjusted(value: float, moved: FloatArray, found: Contrast) -> tuple[float, FloatArray]:
    """Least squares of the outcome's influence on those of the covariates, residuals corrected for leverage (HC2)."""
    by = found.influence[:, 1:]
    slopes = np.linalg.lstsq(by, moved, rcond=1e-10)[0]
    left, size, _ = np.linalg.svd(by, full_matrices=False)
    leverage = (left[:, size > 1e-10 * max(float(size.max()), 1e-300)] ** 2).sum(axis=1)
    residual = (moved - by @ slopes) / np.sqrt(np.maximum(1 - leverage, 1e-10))
    return value - float(found.value[1:] @ slopes), np.asarray(residual, dtype=np.float64)


def share_anyway(
    bought: BoolArray, redeemed: BoolArray, rows: CampaignRows, *, confidence: float
) -> tuple[float, float, float]:
    """Return the share of redeemers who would have bought anyway, 1 − Δ/r, with Fieller's bounds, not cut to [0, 1].

    Δ is how many more of the contacted bought, r the share of them who redeemed.
    """
    both = np.column_stack([bought.astype(np.float64), (redeemed & rows.treated).astype(np.float64)])
    found = contrast(both, rows)
    gain, used = float(found.value[0]), float(found.treated[1])
    covariance = found.covariance[::-1, ::-1]
    critical = -float(stdtrit(found.df, (1 - confidence) / 2))
    low, high = mean_ratio(used, gain, np.asarray(covariance), critical)
    return 1 - gain / used, -high, -low


def _plain(rows: CampaignRows) -> bool:
    """Whether each customer stands in one row and all odds are alike."""
    odds = rows.odds[rows.control]
    chosen = rows.customer[rows.treated | rows.control]
    return bool(np.ptp(odds) <= 1e-9 * odds.max()) and not bool(chosen.has_duplicates)


def _newcombe(outcome: FloatArray, rows: CampaignRows, confidence: float) -> tuple[float, float]:
    kept = int(outcome[rows.control].sum()), int(outcome[rows.treated].sum())
    return share_difference(kept, (int(rows.control.sum()), int(rows.treated.sum())), confidence)


def _refuse_few(found: int, *, treated: bool) -> None:
    if found < 2:
        raise DataError(
            message(
                f"{'the treated are' if treated else 'the control is'} {found} customer",
                "an interval needs at least two on either side",
                "a larger holdout: churnlib.experiments.sample_size says how large",
            )
        )
