"""Means of two arms and their covariance: as they are, within strata, by clusters, given covariates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.exceptions import DataError, message, some
from churnlib.experiments._means import Means
from churnlib.experiments._pairs import are_pairs, paired
from churnlib.experiments._robust import fit
from churnlib.experiments._trial import Trial


def estimate(trial: Trial) -> Means:
    """Choose the estimator by what is known of the customers."""
    if are_pairs(trial):
        return paired(trial)
    if trial.strata is not None:
        _check_strata(trial)
    if trial.cluster is not None:
        _check_clusters(trial)
    if trial.cluster is None and trial.covariates is None:
        return plain(trial) if trial.strata is None else _stratified(trial)
    return _regression(trial)


def plain(trial: Trial) -> Means:
    """Welch: the variance of each arm on its own."""
    arms = [trial.values(treated=False), trial.values(treated=True)]
    variance = np.array([arm.var(ddof=1) / len(arm) for arm in arms])
    size = np.array([len(arm) for arm in arms])
    return Means(
        float(arms[0].mean()), float(arms[1].mean()), np.diag(variance), _satterthwaite(variance, size), "unadjusted"
    )


def _stratified(trial: Trial) -> Means:
    """Post-stratification: means within strata, weighted by the share of customers in each."""
    cells = pd.DataFrame({"y": trial.outcome, "s": trial.strata, "t": trial.treated}).groupby(["t", "s"])["y"]
    table = cells.agg(["mean", "var", "size"])
    size, mean, variance = (table[name].to_numpy().reshape(2, -1) for name in ("size", "mean", "var"))
    weight = size.sum(axis=0) / size.sum()
    parts = weight**2 * variance / size
    control, treated = mean @ weight
    # the strata are a sample of the customers to come as well: the last term is the variance of their shares
    away = mean - np.array([[control], [treated]])
    covariance = np.diag(parts.sum(axis=1)) + (away * weight) @ away.T / size.sum()
    return Means(
        float(control), float(treated), covariance, _satterthwaite(parts.ravel(), size.ravel()), "within strata"
    )


def _regression(trial: Trial) -> Means:
    """Both arms regressed on centred strata and covariates of their own (Lin 2013, Ann. Appl. Stat. 7, 295-318)."""
    centred = _adjusters(trial)
    _check_room(trial, centred.shape[1])
    side = np.stack([~trial.treated, trial.treated]).astype(float)
    design = np.hstack([side.T, centred * side[0][:, None], centred * side[1][:, None]])
    found = fit(design, trial.outcome, trial.cluster)
    slopes = found.coefficients[2:].reshape(2, -1)
    moved = centred @ slopes.T  # by how much the customer's kind lifts its mean, in either arm
    if trial.cluster is not None:
        moved = np.stack([np.bincount(trial.cluster, column) for column in moved.T], axis=1)
    covariance = found.covariance + moved.T @ moved / len(trial.outcome) ** 2
    control, treated = found.coefficients[:2]
    return Means(float(control), float(treated), covariance, found.df, _named(trial))


def _check_room(trial: Trial, columns: int) -> None:
    """A regression with as many columns as customers fits perfectly, and its interval has no width."""
    units = np.arange(len(trial.outcome)) if trial.cluster is None else trial.cluster
    few = min(len(np.unique(units[trial.treated == treated])) for treated in (False, True))
    if few < columns + 2:
        what = "customers" if trial.cluster is None else "clusters"
        raise DataError(
            message(
                f"the smaller arm has {few:,} {what} for {columns:,} columns of strata and covariates",
                f"at least {columns + 2:,} {what} in each arm are needed to tell chance from fit",
                "covariate=one column, the same quantity in the weeks before",
            )
        )


def _adjusters(trial: Trial) -> FloatArray:
    columns = [np.empty((len(trial.outcome), 0))]
    if trial.strata is not None:
        columns.append((trial.strata[:, None] == np.arange(1, len(trial.stratum_names))).astype(float))
    if trial.covariates is not None:
        spread = trial.covariates.std(axis=0)
        columns.append(trial.covariates / np.where(spread > 0, spread, 1.0))
    matrix = np.hstack(columns)
    return np.asarray(matrix - matrix.mean(axis=0), dtype=np.float64)


def _named(trial: Trial) -> str:
    parts = [
        "within strata" if trial.strata is not None else "",
        "given covariates" if trial.covariates is not None else "",
        f"robust to {trial.n_clusters:,} clusters" if trial.cluster is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def _satterthwaite(variance: FloatArray, size: FloatArray) -> float:
    shared = (variance**2 / (size - 1)).sum()
    return float(variance.sum() ** 2 / shared) if shared > 0 else float(size.sum() - len(size))


def _check_strata(trial: Trial) -> None:
    units = trial.cluster if trial.cluster is not None else np.arange(len(trial.outcome))
    assert trial.strata is not None
    pairs = pd.DataFrame({"s": trial.strata, "t": trial.treated, "u": units}).drop_duplicates()
    side = pairs["t"].to_numpy()
    n = len(trial.stratum_names)
    few = (
        np.minimum(*(np.bincount(pairs["s"].to_numpy()[side == treated], minlength=n) for treated in (False, True))) < 2
    )
    if few.any():
        named = [trial.stratum_names[code] for code in np.flatnonzero(few)]
        what = "customers" if trial.cluster is None else "clusters"
        raise DataError(
            message(
                f"{int(few.sum()):,} of {len(few):,} strata have fewer than two {what} in an arm "
                f"({some(map(repr, named))})",
                f"each stratum needs two {what} or more in either arm",
                "merge small strata: strata.where(strata.map(strata.value_counts()) >= 20, 'other')",
            )
        )


def _check_clusters(trial: Trial) -> None:
    assert trial.cluster is not None
    counts = [len(np.unique(trial.cluster[trial.treated == treated])) for treated in (False, True)]
    if min(counts) < 2:
        raise DataError(
            message(
                f"arm {(trial.arm if counts[1] < 2 else trial.control)!r} has {min(counts)} cluster",
                "one cluster beside another shows how clusters differ, not what a treatment does; at least two in each "
                "arm are needed, and an honest pilot has ten or more",
                "more branches, or customers drawn at random within branches",
            )
        )
