"""What is known about a model, in one sentence and a few tables."""

from __future__ import annotations

import dataclasses
import html
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.metrics import CalibrationBand

__all__ = ["Evaluation", "Silence"]

_TITLES = {
    "auc": "AUC",
    "log_loss": "log-loss",
    "ece": "calibration error (ECE)",
    "precision": "precision of the list",
    "lift": "lift of the list",
    "profit": "profit per row",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Silence:
    """The rule "silent for at least N days" that lists as many as the model.

    Parameters
    ----------
    days : float
        N: the shortest silence on a list of that length.
    listed : int
        How many rows the rule lists; more than the model where silences tie at N.

    Examples
    --------
    >>> import numpy as np
    >>> Silence.at_size(np.array([90.0, 30.0, 30.0, 1.0]), 2)
    Silence(days=30.0, listed=3)
    """

    days: float
    listed: int

    @classmethod
    def at_size(cls, silence: npt.NDArray[np.float64], size: int) -> Silence:
        """Find N for a list of a given length.

        Parameters
        ----------
        silence : ndarray of shape (n_rows,)
            Days since the last activity.
        size : int
            Length of the list.

        Returns
        -------
        Silence
            The rule.

        Examples
        --------
        >>> import numpy as np
        >>> Silence.at_size(np.array([5.0, 9.0]), 1).days
        9.0
        """
        place = len(silence) - size
        days = float(np.partition(silence, place)[place])
        return cls(days, int((silence >= days).sum()))


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
        return round(self.base_rate * self.n_rows) < 20

    @property
    def verdict(self) -> str | None:
        """Whether the model's list holds more churners than the silent: wins, loses, no clear difference."""
        if self.difference is None:
            return None
        return str(_row(self.difference, "precision")["verdict"])

    @property
    def sentence(self) -> str:
        """The answer in one sentence, with number, interval, n and as of when."""
        mine = _row(self.frame, "precision")
        text = (
            f"On {self.n_rows:,} rows of {self.n_customers:,} customers{self._when()}, of whom {self.base_rate:.1%} "
            f"churned, {mine['value']:.1%} of the {self.list_size:,} riskiest did "
            f"({mine['low']:.1%} to {mine['high']:.1%})"
        )
        if self.baseline is None or self.difference is None or self.silence is None:
            return f"{text}."
        theirs, gap = _row(self.baseline, "precision"), _row(self.difference, "precision")
        points = f"{100 * gap['value']:+.1f} points ({100 * gap['low']:+.1f} to {100 * gap['high']:+.1f})"
        ending = {
            "wins": f"the model wins, by {points}",
            "loses": f"the model loses, by {points}",
        }.get(gap["verdict"], f"no clear difference, {points}")
        return (
            f"{text}, against {theirs['value']:.1%} of as many who had been silent longest "
            f"({self.silence.days:.0f} days or more): {ending}."
        )

    def _when(self) -> str:
        if not self.cutoffs:
            return ""
        first, last = (f"{self.cutoffs[place]:%Y-%m-%d}" for place in (0, -1))
        return f" as of {first}" if first == last else f" as of {first} to {last}"

    @property
    def limits(self) -> str:
        """One line on what these numbers cannot say."""
        profit = " Profit is what the offer is assumed to bring." if self.n_contacted is not None else ""
        churned = f"Only {round(self.base_rate * self.n_rows):,} rows churned"
        few = f" {churned}: too few to trust the intervals." if self.few_churners else ""
        return (
            f"It ranks risk: whether a contact keeps anybody, only an experiment with a holdout can tell.{profit}{few}"
        )

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
        table = pd.DataFrame({"model": _spans(self.frame)})
        if self.baseline is not None and self.difference is not None:
            table["silent longest"] = _spans(self.baseline)
            table["difference"] = _spans(self.difference)
            table["verdict"] = self.difference.set_index("metric")["verdict"]
        table = table.astype(object).where(table.notna(), "")
        table.index = pd.Index([_TITLES.get(str(name), str(name)) for name in table.index])
        return table

    def __repr__(self) -> str:
        return f"{self.sentence}\n\n{self._shown().to_string()}\n\n{self.limits}"

    def _repr_html_(self) -> str:
        table = self._shown().to_html(escape=True, border=0)
        return f"<p>{html.escape(self.sentence)}</p>{table}<p>{html.escape(self.limits)}</p>"


def _row(table: pd.DataFrame, metric: str) -> dict[str, Any]:
    return dict(table.set_index("metric").loc[metric])


def _spans(table: pd.DataFrame) -> pd.Series[str]:
    texts = [
        f"{value:.3f} ({low:.3f} to {high:.3f})"
        for value, low, high in zip(table["value"], table["low"], table["high"], strict=True)
    ]
    return pd.Series(texts, index=table["metric"])
