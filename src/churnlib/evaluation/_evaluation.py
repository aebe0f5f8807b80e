"""What is known about a model, in one sentence and a few tables."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import pandas as pd

from churnlib.evaluation._silence import Silence
from churnlib.evaluation._words import FEW_CHURNERS, dates_of, limits_of, row_of, spans, titled
from churnlib.metrics import CalibrationBand

__all__ = ["Evaluation"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class Evaluation:
    """A model judged on unseen rows, beside "silent for N days".

    Made by `evaluate`. All intervals are 95 % and come from resampled customers.

    Attributes
    ----------
    frame : DataFrame
        ``metric``, ``value``, ``low``, ``high`` of the model. Metrics: auc, log_loss, ece,
        precision and lift of the list, and profit (money per row) when there was an offer.
    baseline : DataFrame or None
        The same for "silent longest", at equal list size; it states no probabilities,
        so it has no log-loss and no ece.
    difference : DataFrame or None
        Model less baseline, paired, with ``verdict``: "wins", "loses" or "no clear difference".
    lift_table : DataFrame
        The ranking in ten equal bins, riskiest first.
    calibration : CalibrationBand
        The ECE beside what chance alone would give a perfectly calibrated model.
    n_rows, n_customers : int
        How much was judged.
    base_rate : float
        Share of churn.
    fraction : float
        Share of the rows on the list.
    list_size : int
        Rows on the list.
    n_contacted : int or None
        Rows the model would contact at the offer's own threshold.
    silence : Silence or None
        The rule "silent for at least N days" of that list size.
    cutoffs : tuple of Timestamp
        Cutoffs judged on, ascending; empty if the rows do not say.
    n_boot, failed : int
        Resamples, and those left out for holding one class only.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from churnlib.evaluation import evaluate
    >>> index = pd.Index(range(40), name="customer_id")
    >>> X = pd.DataFrame({"any.recency": range(40)}, index=index)
    >>> y = (X["any.recency"] >= 20).astype(int)
    >>> result = evaluate(DummyClassifier().fit(X, y), X, y, fraction=0.25, n_boot=50)
    >>> result.verdict, result.silent_days
    ('loses', 30.0)
    >>> result.baseline[["metric", "value"]].round(2).to_dict("records")[1]
    {'metric': 'precision', 'value': 1.0}
    """

    frame: pd.DataFrame
    baseline: pd.DataFrame | None
    difference: pd.DataFrame | None
    lift_table: pd.DataFrame
    calibration: CalibrationBand
    n_rows: int
    n_customers: int
    base_rate: float
    fraction: float
    list_size: int
    n_contacted: int | None
    silence: Silence | None
    cutoffs: tuple[pd.Timestamp, ...]
    n_boot: int
    failed: int

    @property
    def silent_days(self) -> float | None:
        """N of the rule "silent for at least N days", in days; None without the comparison."""
        return None if self.silence is None else self.silence.days

    @property
    def few_churners(self) -> bool:
        """Whether fewer than 20 rows churned: resamples can only repeat them, so the intervals may be too narrow."""
        return round(self.base_rate * self.n_rows) < FEW_CHURNERS

    @property
    def verdict(self) -> str | None:
        """Whether the model's list holds more churners than the silent: wins, loses, no clear difference."""
        if self.difference is None:
            return None
        return str(row_of(self.difference, "precision")["verdict"])

    @property
    def sentence(self) -> str:
        """The answer in one sentence, with number, interval, n and as of when."""
        mine = row_of(self.frame, "precision")
        text = (
            f"On {self.n_rows:,} rows of {self.n_customers:,} customers{dates_of(self.cutoffs)}, of whom "
            f"{self.base_rate:.1%} churned, {mine['value']:.1%} of the {self.list_size:,} riskiest did "
            f"({mine['low']:.1%} to {mine['high']:.1%})"
        )
        if self.baseline is None or self.difference is None or self.silence is None:
            return f"{text}."
        theirs, gap = row_of(self.baseline, "precision"), row_of(self.difference, "precision")
        points = f"{100 * gap['value']:+.1f} points ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})"
        ending = {
            "wins": f"the model wins, by {points}",
            "loses": f"the model loses, by {points}",
        }.get(gap["verdict"], f"no clear difference, {points}")
        return (
            f"{text}, against {theirs['value']:.1%} of as many who had been silent longest "
            f"({self.silence.days:.0f} days or more): {ending}."
        )

    @property
    def limits(self) -> str:
        """One line on what these numbers cannot say."""
        return limits_of(round(self.base_rate * self.n_rows), priced=self.n_contacted is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts, safe to write as JSON.

        Returns
        -------
        dict
            Keys ``sentence``, ``verdict``, ``metrics``, ``baseline``, ``difference``, ``lift_table`` and the counts.
        """
        return {
            "sentence": self.sentence,
            "verdict": self.verdict,
            "n_rows": self.n_rows,
            "n_customers": self.n_customers,
            "base_rate": self.base_rate,
            "fraction": self.fraction,
            "list_size": self.list_size,
            "n_contacted": self.n_contacted,
            "silent_days": self.silent_days,
            "silent_listed": None if self.silence is None else self.silence.listed,
            "cutoffs": [moment.isoformat() for moment in self.cutoffs],
            "n_boot": self.n_boot,
            "failed": self.failed,
            "ece_by_chance": {"expected": float(self.calibration.expected), "upper": float(self.calibration.upper)},
            "metrics": self.frame.to_dict("records"),
            "baseline": None if self.baseline is None else self.baseline.to_dict("records"),
            "difference": None if self.difference is None else self.difference.to_dict("records"),
            "lift_table": self.lift_table.reset_index().to_dict("records"),
        }

    def _shown(self) -> pd.DataFrame:
        table = pd.DataFrame({"model": spans(self.frame)})
        if self.baseline is not None and self.difference is not None:
            table["silent longest"] = spans(self.baseline)
            table["difference"] = spans(self.difference)
            table["verdict"] = self.difference.set_index("metric")["verdict"]
        table = table.astype(object).where(table.notna(), "")
        table.index = titled(table.index)
        return table

    def __repr__(self) -> str:
        return f"{self.sentence}\n\n{self._shown().to_string()}\n\n{self.limits}"

    def _repr_html_(self) -> str:
        table = self._shown().to_html(escape=True, border=0)
        return f"<p>{html.escape(self.sentence)}</p>{table}<p>{html.escape(self.limits)}</p>"
