"""Policies side by side on the same rows: what each would have brought, and how far it is from the reference."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

import pandas as pd

__all__ = ["PolicyComparison"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PolicyComparison:
    """What several policies would have brought on the customers of one log.

    Made by `compare_policies`.

    Attributes
    ----------
    frame : DataFrame
        ``policy``; ``value``, the mean outcome per row net of costs, with ``low`` and ``high``; ``share_treated``;
        ``cost`` per row; ``difference`` to the value of the reference from the same rows, with ``difference_low`` and
        ``difference_high``; ``ess``, how many rows of the policy's own the log is worth.
    reference : str
        The policy that the others are compared with; its difference is 0.
    limit : str
        Share or budget of the lists, in words.
    estimator : str
        "dr" or "ips".
    confidence : float
        Of the intervals.
    n_rows, n_customers : int
        Rows of the log, and independent customers behind them.

    Examples
    --------
    >>> import numpy as np
    >>> from churnlib.policy import compare_policies
    >>> called = np.arange(400) % 2
    >>> log = pd.DataFrame({"action": np.where(called, "call", "none"), "propensity": 0.5, "kept": called})
    >>> found = compare_policies(log, {"risk": np.arange(400) % 7}, outcome="kept", share=0.25)
    >>> found.frame[["policy", "value", "share_treated", "difference"]].round(3)
        policy  value  share_treated  difference
    0     risk   0.25           0.25        0.00
    1   random   0.25           0.25        0.00
    2   nobody   0.00           0.00       -0.25
    """

    frame: pd.DataFrame
    reference: str
    limit: str
    estimator: str
    confidence: float
    n_rows: int
    n_customers: int

    @property
    def headline(self) -> str:
        """The answer in a sentence or two."""
        table = self.frame.set_index("policy")
        best = str(table["value"].idxmax())
        certain = f"{100 * self.confidence:.3g}% intervals"
        text = (
            f"On {self.n_rows:,} rows of {self.n_customers:,} customers {self.limit}, {best!r} brings most: "
            f"{float(table['value'].max()):,.4g} per row"
        )
        if best == self.reference:
            return f"{text}; it is the reference ({certain})."
        gap = table.loc[best]
        found = f"{gap['difference']:+,.4g} ({gap['difference_low']:+,.4g} to {gap['difference_high']:+,.4g})"
        clear = "clearly more than" if gap["difference_low"] > 0 else "not clearly more than"
        return f"{text}, {clear} {self.reference!r}: {found} ({certain})."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands against believing it; empty where nothing does."""
        few = self.frame[self.frame["ess"] < 100]
        named = ", ".join(repr(name) for name in few["policy"])
        return (f"The log is worth fewer than 100 rows of {named}.",) if len(few) else ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts.

        Returns
        -------
        dict
            Keys ``headline``, ``warnings``, ``policies``, ``reference``, ``limit``, ``estimator``, ``confidence`` and
            the counts.
        """
        return {
            "headline": self.headline,
            "warnings": list(self.warnings),
            "policies": self.frame.to_dict("records"),
            "reference": self.reference,
            "limit": self.limit,
            "estimator": self.estimator,
            "confidence": self.confidence,
            "n_rows": self.n_rows,
            "n_customers": self.n_customers,
        }

    def _shown(self) -> pd.DataFrame:
        gap = f"beyond {self.reference!r}"
        rows = [
            {
                "value": f"{row['value']:,.4g} ({row['low']:,.4g} to {row['high']:,.4g})",
                "treated": f"{row['share_treated']:.1%}",
                "cost": f"{row['cost']:,.4g}",
                gap: ""
                if row["policy"] == self.reference
                else f"{row['difference']:+,.4g} ({row['difference_low']:+,.4g} to {row['difference_high']:+,.4g})",
            }
            for row in self.frame.to_dict("records")
        ]
        return pd.DataFrame(rows, index=self.frame["policy"].rename(None))

    def __repr__(self) -> str:
        return "\n\n".join([self.headline, self._shown().to_string(), *self.warnings])

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(warning)}</p>" for warning in self.warnings)
        return f"<p>{html.escape(self.headline)}</p>\n{self._shown().to_html(escape=True, border=0)}{said}"
