"""Several candidates measured on the same resampled customers, and the tables of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray, IntArray
from churnlib.evaluation._measures import LOWER_IS_BETTER, Measure
from churnlib.numerics import CustomerBootstrap, customer_bootstrap

__all__ = ["Judged", "bar_of", "judge"]

_ORDER = ("auc", "log_loss", "ece", "precision", "lift", "profit")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The metrics of each candidate on all rows and on each resample.

    Parameters
    ----------
    boot : CustomerBootstrap
        One number for each of `places`.
    places : tuple of (candidate, metric)
        What each number is.
    """

    boot: CustomerBootstrap
    places: tuple[tuple[str, str], ...]

    def table(self, candidate: str) -> pd.DataFrame:
        """Return ``metric``, ``value``, ``low`` and ``high`` of one candidate."""
        own = [place for place, (name, _) in enumerate(self.places) if name == candidate]
        return _table(self.boot.map(lambda value: value[own]), [self.places[place][1] for place in own])

    def difference(self, candidate: str, reference: str) -> pd.DataFrame:
        """Return candidate less reference in what both are measured by, paired, with ``verdict``.

        The ECE is left out: chance lifts that of the better model more, so that its difference has no honest interval.
        """
        theirs = {metric: place for place, (name, metric) in enumerate(self.places) if name == reference}
        pairs = [
            (place, theirs[metric], metric)
            for place, (name, metric) in enumerate(self.places)
            if name == candidate and metric in theirs and metric != "ece"
        ]
        left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        table = _table(self.boot.map(lambda value: value[left] - value[right]), [pair[2] for pair in pairs])
        verdicts = [
            _verdict(low, high, lower_is_better=metric in LOWER_IS_BETTER)
            for metric, low, high in zip(table["metric"], table["low"], table["high"], strict=True)
        ]
        return table.assign(verdict=verdicts)


def judge(
    measures: Mapping[str, Measure], customer: pd.Index, *, n_boot: int, random_state: int, progress: bool
) -> Judged:
    """Measure every candidate on all rows and on the same resamples of customers.

    Parameters
    ----------
    measures : mapping of str to measure
        Of each candidate.
    customer : Index of shape (n_rows,)
        Customer of each row.
    n_boot : int
        Resamples.
    random_state : int
        Their seed.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Judged
        All metrics, paired.

    Raises
    ------
    DataError
        If a metric is not defined on all rows, or on most resamples.

    Examples
    --------
    >>> share = lambda paid: lambda w: {"auc": float(np.average(paid, weights=w))}
    >>> models = {"a": share([1, 1, 0, 1]), "b": share([0, 0, 0, 1])}
    >>> found = judge(models, pd.Index(range(4)), n_boot=50, random_state=0, progress=False)
    >>> found.difference("a", "b")["value"].tolist()
    [0.5]
    """
    places: list[tuple[str, str]] = []
    with bar_of(n_boot + 1, "resampling customers", show=progress) as bar:

        def measure(weight: IntArray) -> FloatArray:
            found = {name: one(weight) for name, one in measures.items()}
            if not places:
                places.extend((name, metric) for name in found for metric in _ORDER if metric in found[name])
            if bar is not None:
                bar.update()
            return np.array([found[name][metric] for name, metric in places])

        boot = customer_bootstrap(measure, customer, n_boot=n_boot, random_state=random_state)
    return Judged(boot, tuple(places))


def bar_of(total: int, what: str, *, show: bool) -> Any:
    """Return a progress bar, or nothing in its place."""
    if not show:
        return nullcontext()
    from tqdm.auto import tqdm

    return tqdm(total=total, desc=what, leave=False)


def _table(boot: CustomerBootstrap, metrics: list[str]) -> pd.DataFrame:
    low, high = boot.interval()
    centred_low, centred_high = boot.interval(method="centred")
    rows = []
    for place, name in enumerate(metrics):
        bounds = (low[place], high[place])
        if name == "ece":
            bounds = (max(centred_low[place], 0.0), max(centred_high[place], 0.0))
        rows.append((name, float(boot.estimate[place]), float(bounds[0]), float(bounds[1])))
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high"])


def _verdict(low: float, high: float, *, lower_is_better: bool) -> str:
    if lower_is_better:
        low, high = -high, -low
    if low > 0:
        return "wins"
    return "loses" if high < 0 else "no clear difference"
