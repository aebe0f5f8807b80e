"""Matched pairs: two branches that are alike, of which the lot treated one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib.exceptions import DataError, message
from churnlib.experiments._means import Means
from churnlib.experiments._trial import Trial


def are_pairs(trial: Trial) -> bool:
    """Whether each stratum holds one treated cluster and one of the control."""
    if trial.strata is None or trial.cluster is None:
        return False
    drawn = pd.DataFrame({"pair": trial.strata, "treated": trial.treated, "cluster": trial.cluster}).drop_duplicates()
    counts = drawn.groupby(["pair", "treated"]).size()
    return bool((counts == 1).all()) and len(counts) == 2 * len(trial.stratum_names)


def paired(trial: Trial) -> Means:
    """Means of pairs, weighted by their customers (Imai, King and Nall 2009, Stat. Sci. 24, 29-53, eq. 7).

    Inside a pair one branch stands in each arm, so that its spread cannot be told from one pair; it is told from how
    the pairs' weighted means differ, with as many degrees of freedom as there are pairs, less one.
    """
    n_pairs = len(trial.stratum_names)
    if trial.covariates is not None:
        raise DataError(
            message(
                f"covariates beside {n_pairs:,} matched pairs",
                "a pair has already taken out what its two clusters share, and pairs are too few for slopes",
                "effect(outcome, treatment, strata=pair, cluster=branch)",
            )
        )
    if n_pairs < 2:
        raise DataError(
            message(
                "there is one pair of clusters",
                "how pairs differ shows what chance does; at least two are needed, and an honest pilot has ten or more",
                "more pairs, or customers drawn at random within branches",
            )
        )
    cells = pd.DataFrame({"y": trial.outcome, "pair": trial.strata, "treated": trial.treated})
    table = cells.groupby(["treated", "pair"])["y"].agg(["mean", "size"])
    mean, size = (table[name].to_numpy(dtype=np.float64).reshape(2, n_pairs) for name in ("mean", "size"))
    parts = mean * size.sum(axis=0) / size.sum()
    control, treated = parts.sum(axis=1)
    covariance = n_pairs * np.cov(parts)  # of a sum of n_pairs parts
    return Means(float(control), float(treated), covariance, float(n_pairs - 1), f"{n_pairs:,} matched pairs")
