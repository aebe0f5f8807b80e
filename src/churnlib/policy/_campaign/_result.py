"""What a campaign earned beyond what would have come anyway, or why nobody can know."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pandas as pd

__all__ = ["CampaignResult"]

CampaignVerdict: TypeAlias = Literal["paid", "lost", "worked", "harmed", "not shown", "cannot be known"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CampaignResult:
    """What a campaign brought, made by `campaign_result`.

    Attributes
    ----------
    known : bool
        Whether there were customers left alone by lot. If not, everything from `effect` on is None.
    why, next_time : str
        Why it cannot be known, and what to do about it next time; empty where it is known.
    action : label
        The action.
    outcome : str
        What is counted, and in which window.
    n_contacted : int
        Decisions in which the action was taken.
    n_treated, n_control : int
        Decisions drawn into the action and out of it, of those who could have come into either.
    treated_mean, control_mean : float
        Mean outcome of the treated, and what it would have been without the action.
    effect, low, high : float
        Their difference, per treated decision, with bounds: positive is good.
    standard_error, df : float
        Of the effect, and degrees of freedom of the bounds.
    incremental, incremental_low, incremental_high : float
        The effect times the treated: what would not have come without the campaign.
    cost : float
        What the treated cost, or all contacted where nothing else is known.
    net, net_low, net_high : float
        Incremental money less the cost; None where the outcome is no money.
    n_redeemed : int or None
        Contacted customers who redeemed; None where nobody said.
    credited : float or None
        The whole outcome of redeemers, which is what counting redemptions would claim.
    anyway, anyway_low, anyway_high : float
        Share of redeemers who would have bought anyway, within 0 and 1, if the campaign changes nobody but those who
        redeem.
    money : bool
        Whether the outcome is money.
    arms, method : str
        Who is compared with whom, and how.
    confidence : float
        Of the bounds.
    notes : tuple of str
        What else one should know.

    Examples
    --------
    >>> from churnlib.policy import campaign_result
    >>> plan = pd.DataFrame({"customer_id": range(6), "action": "coupon"})
    >>> spend = pd.DataFrame({"customer_id": range(6), "margin": 5.0})
    >>> campaign_result(spend, plan, action="coupon")
    Cannot be known what 'coupon' brought: 6 decisions were for 'coupon', and neither a holdout nor the propensities of
    the assignment were written down: nobody knows what would have happened without it.
    Next time: allocate(..., holdout=0.05) leaves one in twenty alone by lot, and plan.frame holds the propensities.
    """

    known: bool
    why: str
    next_time: str
    action: Any
    outcome: str
    n_contacted: int
    n_treated: int
    n_control: int
    treated_mean: float | None = None
    control_mean: float | None = None
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    df: float | None = None
    incremental: float | None = None
    incremental_low: float | None = None
    incremental_high: float | None = None
    cost: float = 0.0
    net: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    n_redeemed: int | None = None
    credited: float | None = None
    anyway: float | None = None
    anyway_low: float | None = None
    anyway_high: float | None = None
    money: bool = True
    arms: str = ""
    method: str = ""
    confidence: float = 0.95
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> CampaignVerdict:
        """Money: paid or lost where the whole interval of the net says so. Else worked or harmed. Or not shown."""
        if not self.known:
            return "cannot be known"
        low, high = (self.net_low, self.net_high) if self.money else (self.low, self.high)
        assert low is not None
        assert high is not None
        if low > 0:
            return "paid" if self.money else "worked"
        if high < 0:
            return "lost" if self.money else "harmed"
        return "not shown"

    @property
    def sentence(self) -> str:
        """The answer in a few sentences."""
        if not self.known:
            claimed = " ".join([f"Cannot be known what {self.action!r} brought: {self.why}.", self._claimed()]).rstrip()
            return f"{claimed}\nNext time: {self.next_time}"
        arms = f"{self.n_treated:,} treated against {self.n_control:,} left alone by lot"
        found = f"{self.action!r} {self._says()}: {self._span('effect')} per decision in {self.outcome}"
        parts = [f"{found} ({arms}; {100 * self.confidence:.3g}% interval, {self.method})."]
        if self.money:
            parts.append(
                f"In all {self._span('incremental')}, less a cost of {self.cost:,.2f}: {self._span('net')} net."
            )
        else:
            parts.append(f"In all {self._span('incremental')}, for a cost of {self.cost:,.2f}.")
        if self.n_redeemed:
            parts.append(self._redeemers())
        return " ".join(parts)

    def _says(self) -> str:
        return {
            "paid": "paid",
            "lost": "cost more than it brought",
            "worked": "worked",
            "harmed": "did harm",
            "not shown": "is not shown to pay" if self.money else "is not shown to work",
            "cannot be known": "",
        }[self.verdict]

    def _span(self, name: str) -> str:
        suffix = {"effect": ("low", "high")}.get(name, (f"{name}_low", f"{name}_high"))
        value, low, high = (getattr(self, key) for key in (name, *suffix))
        if not self.money and name == "effect":
            return f"{100 * value:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f})"
        if not self.money:
            return f"{value:+,.1f} customers ({low:+,.1f} to {high:+,.1f})"
        return f"{value:+,.2f} ({low:+,.2f} to {high:+,.2f})"

    def _claimed(self) -> str:
        if self.n_redeemed is None:
            return ""
        said = f"{self.n_redeemed:,} of {self.n_contacted:,} redeemed"
        if self.credited is not None:
            said += f", with {self.credited:,.2f} of {self.outcome}"
        return f"{said}; how much of it would have come anyway redemptions do not say."

    def _redeemers(self) -> str:
        if self.anyway is None or self.anyway_low is None or self.anyway_high is None:
            return self._claimed()
        claimed = "" if self.credited is None else f", with {self.credited:,.2f} of {self.outcome}"
        return (
            f"{self.n_redeemed:,} redeemed{claimed}; {self.anyway:.0%} of them ({self.anyway_low:.0%} to "
            f"{self.anyway_high:.0%}) would have bought anyway, if the campaign changes nobody but those who redeem."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and texts.

        Returns
        -------
        dict
            The attributes, ``verdict`` and ``sentence``.
        """
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return fields | {"notes": list(self.notes), "verdict": self.verdict, "sentence": self.sentence}

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *(f"- {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        said = f"<p>{html.escape(self.sentence)}</p>"
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        listed = f"<ul>{notes}</ul>" if notes else ""
        if not self.known:
            return said + listed
        rows = {
            "per decision": [self.effect, self.low, self.high],
            "in all": [self.incremental, self.incremental_low, self.incremental_high],
        }
        if self.money:
            rows["net of costs"] = [self.net, self.net_low, self.net_high]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
        return f"{said}\n{table.to_html(escape=True, border=0, float_format='{:,.4g}'.format)}{listed}"
