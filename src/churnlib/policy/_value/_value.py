"""What a policy would have been worth, with its interval, and what stands against believing it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import pandas as pd

from churnlib.policy._value._estimators import EstimatorName

__all__ = ["PolicyValue"]

_NAMES = {
    "dr": "doubly robust",
    "ips": "inverse propensity",
    "snips": "self-normalised inverse propensity",
    "dm": "outcome model alone",
    "sndr": "self-normalised doubly robust",
    "switch": "doubly robust, the model alone where weights are large",
}
_FEW = 100
_FEW_CARRY = 30
_FAR = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PolicyValue:
    """The mean outcome that a policy would have had on the customers of a log.

    Attributes
    ----------
    value : float
        Mean outcome per row of the log, net of `cost`; with `versus` the difference to that policy: positive is good.
    low, high : float
        Bounds that hold the true value in the given share of logs.
    standard_error : float
        Of the value; rows of one customer count as one draw.
    confidence : float
        That share.
    estimator : str
        How it was estimated.
    outlook : str
        Where predicted outcomes come from; empty where none are used.
    policy_value, versus_value : float
        The two values of which `value` is the difference; without `versus` the value itself, and None.
    cost : float
        What the actions of the policy cost per row; 0 where no costs were given.
    ess : float
        Effective sample size of the weights, ``(Σw)² / Σw²``: how many rows of the policy's own this log is worth.
    max_weight : float
        The largest weight, how much more probable a logged action is under the policy than it was.
    mean_weight, mean_weight_error : float
        Mean of the weights before clipping and its standard error: 1 but for chance if the propensities are right
        and the log tried all that the policy would do.
    no_overlap : float
        Share of what the policy would do that the log never tries, from 0 to 1.
    clipped, by_model_alone : float
        Shares of the rows whose weight was cut off, and where only the model speaks (``estimator="switch"``).
    resting_on : float
        How many customers the standard error rests on, ``(Σs²)² / Σs⁴`` of what each adds to it.
    share_treated : float or None
        Share of rows in which the policy acts; None where the log has no action called "none" or "control".
    n_rows, n_customers : int
        Rows of the log, and independent customers behind them.

    Examples
    --------
    >>> from churnlib.policy import evaluate_policy
    >>> log = pd.DataFrame(
    ...     {"action": ["none", "call"] * 100, "propensity": 0.5, "kept": [1, 1, 0, 1] * 50},
    ... )
    >>> result = evaluate_policy(log, "call", outcome="kept", estimator="snips")
    >>> result
    The policy would have had a mean outcome of 1 (1 to 1, 95% interval; self-normalised inverse propensity) on 200
    rows of 200 customers, instead of the 0.75 of what was done; it acts on 100.0%. The log is worth 100 rows of its
    own.
    """

    value: float
    low: float
    high: float
    standard_error: float
    confidence: float
    estimator: EstimatorName
    outlook: str
    policy_value: float
    versus_value: float | None
    logged_value: float
    cost: float
    ess: float
    max_weight: float
    mean_weight: float
    mean_weight_error: float
    no_overlap: float
    clipped: float
    by_model_alone: float
    resting_on: float
    share_treated: float | None
    n_rows: int
    n_customers: int

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the bounds; of a difference, whether one policy is clearly better."""
        return self.low > 0 or self.high < 0

    @property
    def sentence(self) -> str:
        """The answer in a few words, with interval, method and n."""
        method = _NAMES[self.estimator] + (f", {self.outlook}" if self.outlook else "")
        sign = "" if self.versus_value is None else "+"
        found = f"{self.value:{sign},.4g} ({self.low:{sign},.4g} to {self.high:{sign},.4g}"
        tail = f", {100 * self.confidence:.3g}% interval; {method}) on {self.n_rows:,} rows of {self.n_customers:,} "
        if self.versus_value is not None:
            begin = (
                f"The policy would have had a mean outcome {found}{tail}customers beyond that of the other, "
                f"{self.policy_value:,.4g} against {self.versus_value:,.4g}"
            )
        else:
            begin = (
                f"The policy would have had a mean outcome of {found}{tail}customers, "
                f"instead of the {self.logged_value:,.4g} of what was done"
            )
        acts = "" if self.share_treated is None else f"; it acts on {self.share_treated:.1%}"
        costs = f" at a cost of {self.cost:,.4g} per row, taken off" if self.cost else ""
        worth = "" if self.estimator == "dm" else f" The log is worth {self.ess:,.0f} rows of its own."
        return f"{begin}{acts}{costs}.{worth}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands against believing it, in words; empty where nothing does."""
        return tuple(self._overlap() + self._weights() + self._model())

    def _overlap(self) -> list[str]:
        if not self.no_overlap:
            return []
        filled = "counts as 0" if self.estimator in {"ips", "snips"} else "is the model's word alone"
        share = f"{self.no_overlap:.1%} of what the policy would do was never tried"
        return [f"{share}: what it brings {filled}, and no interval can know it."]

    def _weights(self) -> list[str]:
        if self.estimator == "dm":
            return []
        found = []
        if self.ess < _FEW:
            found.append(
                f"The log is worth only {self.ess:,.1f} rows of the policy (largest weight {self.max_weight:,.1f}): it "
                "hardly ever did what the policy would do."
            )
        if self.resting_on < _FEW_CARRY:
            found.append(
                f"The interval rests on about {self.resting_on:,.0f} customers, and may be too narrow: 95% of such "
                "intervals hold the truth less often than that."
            )
        if abs(self.mean_weight - 1) > _FAR * self.mean_weight_error + 1e-9 and not self.no_overlap:
            found.append(
                f"The weights average {self.mean_weight:.3f} where 1 is expected (± {self.mean_weight_error:.3f}): the "
                "propensities are not those the actions were drawn with, or the log never tries some of what the "
                "policy would do."
            )
        if self.clipped:
            found.append(
                f"{self.clipped:.1%} of the weights are cut off: less noise, and a bias that the interval leaves out."
            )
        return found

    def _model(self) -> list[str]:
        if self.estimator == "dm":
            limit = "It is as good as the model: the interval says how customers differ, not how far the model is off."
            return [f"{limit} estimator='dr' corrects the model by what was seen."]
        if self.by_model_alone:
            where = f"In {self.by_model_alone:.1%} of the rows the weight is beyond switch="
            return [f"{where}: there the model speaks alone, and its error is not in the interval."]
        return []

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts.

        Returns
        -------
        dict
            The attributes, ``sentence`` and ``warnings``.
        """
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"sentence": self.sentence, "warnings": list(self.warnings)}

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *(f"- {warning}" for warning in self.warnings)])

    def _repr_html_(self) -> str:
        rows = {
            "value": f"{self.value:,.4g} ({self.low:,.4g} to {self.high:,.4g})",
            "effective rows": f"{self.ess:,.0f} of {self.n_rows:,}",
            "largest weight": f"{self.max_weight:,.1f}",
            "never tried": f"{self.no_overlap:.1%}",
        }
        table = pd.Series(rows, name="policy").to_frame().to_html(escape=True, border=0)
        listed = "".join(f"<li>{html.escape(warning)}</li>" for warning in self.warnings)
        return f"<p>{html.escape(self.sentence)}</p>\n{table}" + (f"<ul>{listed}</ul>" if listed else "")
