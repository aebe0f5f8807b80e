"""Which of several models is better, in a sentence and a few tables."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import pandas as pd

from churnlib.evaluation._words import FEW_CHURNERS, dates_of, limits_of, span, spans, titled

__all__ = ["SILENT", "Comparison"]

SILENT = "silent longest"
"""What the rule of today is called among the models."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison:
    """Models judged on the same folds, beside "silent longest".

    Made by `compare`. All intervals are 95 %, come from resampled customers and hold the fitted models fixed.

    Attributes
    ----------
    frame : DataFrame
        ``model``, ``metric``, ``value``, ``low``, ``high``. Metrics: auc, log_loss, ece, precision and lift of the
        list, and profit (money per row) when there was an offer. The last model is "silent longest", if it was
        asked for; it states no probabilities, so it has no log-loss and no ece.
    difference : DataFrame
        The same of each other model less the reference, paired, with ``reference`` and ``verdict``: "wins", "loses"
        or "no clear difference". Of the log-loss a negative difference wins. The ece is left out: chance
        lifts that of the better model more.
    folds : DataFrame
        A row for each fold (from 0; in time, the earliest) and model: rows trained on and tested, the share that
        churned and the share stated, who was contacted, and each metric.
    predictions : DataFrame
        The rows tested, indexed like X and in its order: ``fold``, ``churn`` and the out-of-fold probability
        of each model.
    models : tuple of str
        Their names.
    reference : str
        The one that the others are compared with.
    forward : bool
        Whether every fold was trained on earlier cutoffs than it was tested on.
    n_customers : int
        How many independent customers stand behind the intervals.
    fraction : float
        Share of the rows of each fold on the list.
    cutoffs : tuple of Timestamp
        Cutoffs tested on, ascending; empty if the rows do not say.
    n_boot, failed : int
        Resamples, and those left out for holding one class only in a fold.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from churnlib.evaluation import compare
    >>> X = pd.DataFrame({"complaints": np.arange(90) % 3}, index=pd.Index(range(90), name="customer_id"))
    >>> models = {"base rate": DummyClassifier(), "tree": DecisionTreeClassifier()}
    >>> result = compare(models, X, X["complaints"] == 2, cv=3, recency=None, n_boot=50)
    >>> print(result.headline)
    On 90 rows of 90 customers in 3 folds, of whom 33.3% churned, 'tree' has the lowest log-loss, 0.000. Against
    'base rate', 'tree' wins, by -0.637 (-0.698 to -0.584) of log-loss.
    """

    frame: pd.DataFrame
    difference: pd.DataFrame
    folds: pd.DataFrame
    predictions: pd.DataFrame
    models: tuple[str, ...]
    reference: str
    forward: bool
    n_customers: int
    fraction: float
    cutoffs: tuple[pd.Timestamp, ...]
    n_boot: int
    failed: int

    @property
    def n_rows(self) -> int:
        """Rows tested."""
        return len(self.predictions)

    @property
    def base_rate(self) -> float:
        """Share of the rows tested that churned."""
        return float(self.predictions["churn"].mean())

    @property
    def few_churners(self) -> bool:
        """Whether fewer than 20 rows churned: resamples can only repeat them, so the intervals may be too narrow."""
        return int(self.predictions["churn"].sum()) < FEW_CHURNERS

    @property
    def best(self) -> str:
        """The model with the lowest log-loss."""
        loss = self._metric("log_loss").loc[list(self.models)]
        return str(loss["value"].idxmin())

    @property
    def headline(self) -> str:
        """The answer in a few sentences, with numbers, intervals, n and as of when."""
        folds = int(self.folds["fold"].nunique())
        best = self.best
        loss = f"{self._metric('log_loss')['value'][best]:.3f}"
        found = f"the lowest log-loss, {loss}" if len(self.models) > 1 else f"a log-loss of {loss}"
        text = (
            f"On {self.n_rows:,} rows of {self.n_customers:,} customers in {folds} fold{'s'[: folds > 1]}"
            f"{dates_of(self.cutoffs)}, of whom {self.base_rate:.1%} churned, {best!r} has {found}."
        )
        return f"{text}{self._verdicts()}{self._silence()}"

    def _verdicts(self) -> str:
        clauses = []
        for row in self.difference[self.difference["metric"] == "log_loss"].to_dict("records"):
            gap = f"{span(row['value'], row['low'], row['high'], sign='+')} of log-loss"
            if row["verdict"] == "no clear difference":
                clauses.append(f"{row['model']!r} makes no clear difference, {gap}")
            else:
                clauses.append(f"{row['model']!r} {row['verdict']}, by {gap}")
        return f" Against {self.reference!r}, {'; '.join(clauses)}." if clauses else ""

    def _silence(self) -> str:
        precision = self._metric("precision")["value"]
        if SILENT not in precision.index:
            return ""
        return (
            f" Of the riskiest {100 * self.fraction:g}%, {precision[self.best]:.1%} churned with {self.best!r}, "
            f"against {precision[SILENT]:.1%} of as many who had been silent longest."
        )

    @property
    def limits(self) -> str:
        """What these numbers cannot say."""
        priced = bool((self.frame["metric"] == "profit").any())
        text = limits_of(int(self.predictions["churn"].sum()), priced=priced)
        return f"{text} Intervals hold the fitted models fixed."

    def _metric(self, name: str) -> pd.DataFrame:
        return self.frame[self.frame["metric"] == name].set_index("model")

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the predictions as plain numbers and texts, safe to write as JSON.

        Returns
        -------
        dict
            Keys ``headline``, ``best``, ``reference``, ``metrics``, ``difference``, ``folds`` and the counts.
        """
        folds = self.folds.astype(object).where(self.folds.notna(), None)
        for column in {"test_from", "test_until"} & set(folds.columns):
            folds[column] = [moment.isoformat() for moment in self.folds[column]]
        return {
            "headline": self.headline,
            "best": self.best,
            "reference": self.reference,
            "forward": self.forward,
            "n_rows": self.n_rows,
            "n_customers": self.n_customers,
            "base_rate": self.base_rate,
            "fraction": self.fraction,
            "cutoffs": [moment.isoformat() for moment in self.cutoffs],
            "n_boot": self.n_boot,
            "failed": self.failed,
            "metrics": self.frame.to_dict("records"),
            "difference": self.difference.to_dict("records"),
            "folds": folds.to_dict("records"),
        }

    def _shown(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the metrics, and the differences with their verdicts, a column for each model."""
        values = pd.DataFrame({name: spans(part) for name, part in self.frame.groupby("model", sort=False)})
        gaps = pd.DataFrame(
            {
                name: spans(part, sign="+") + ": " + part.set_index("metric")["verdict"]
                for name, part in self.difference.groupby("model", sort=False)
            }
        )
        order = list(dict.fromkeys(self.frame["metric"]))
        return _written(values.reindex(order)), _written(gaps.reindex([name for name in order if name in gaps.index]))

    def __repr__(self) -> str:
        values, gaps = self._shown()
        less = f"\n\nless {self.reference!r}\n{gaps.to_string()}" if len(gaps) else ""
        return f"{self.headline}\n\n{values.to_string()}{less}\n\n{self.limits}"

    def _repr_html_(self) -> str:
        values, gaps = (table.to_html(escape=True, border=0) if len(table) else "" for table in self._shown())
        less = f"<p>less {html.escape(repr(self.reference))}</p>{gaps}" if gaps else ""
        return f"<p>{html.escape(self.headline)}</p>{values}{less}<p>{html.escape(self.limits)}</p>"


def _written(table: pd.DataFrame) -> pd.DataFrame:
    table = table.astype(object).where(table.notna(), "")
    return table.set_axis(titled(table.index), axis=0)
