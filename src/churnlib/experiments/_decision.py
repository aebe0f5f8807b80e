"""Go, or no go: what an effect earns per customer treated, after its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from churnlib._checks import check_number
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.experiments._effect import Effect

__all__ = ["Decision", "decide"]

Go: TypeAlias = Literal["go", "no go", "not yet"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Decision:
    """What a treatment earns per customer treated.

    Attributes
    ----------
    gain, low, high : float
        Money per customer treated after the cost, with the bounds of the effect.
    break_even : float
        The effect at which the gain is 0, in the unit of the outcome.
    confidence : float
        Of the bounds.

    Examples
    --------
    >>> Decision(gain=1.5, low=0.2, high=2.8, break_even=0.01, confidence=0.95).verdict
    'go'
    """

    gain: float
    low: float
    high: float
    break_even: float
    confidence: float

    @property
    def verdict(self) -> Go:
        """Go where even the lower bound earns, no go where not even the upper one does, else not yet."""
        if self.low > 0:
            return "go"
        return "no go" if self.high <= 0 else "not yet"

    def __repr__(self) -> str:
        return (
            f"{self.verdict}: {self.gain:+,.2f} per customer treated ({self.low:+,.2f} to {self.high:+,.2f}, "
            f"{100 * self.confidence:.3g}% interval); an effect of {self.break_even:.4g} breaks even."
        )


def decide(effect: Effect, *, cost: float, value: float = 1.0) -> Decision:
    """Weigh an effect against its cost.

    Parameters
    ----------
    effect : Effect
        Of a pilot or of any experiment.
    cost : float
        What treating one customer cost, contacts and redeemed offers of all who were treated divided by their
        number; 0 or more. An outcome in money from which the cost is taken already has the cost 0.
    value : float, default=1.0
        What one unit of the outcome is worth, above 0: the margin of a kept customer, or 1 for an outcome in money.

    Returns
    -------
    Decision
        ``go`` only if the whole interval of the effect pays.

    Raises
    ------
    ParameterTypeError
        If `effect` is no Effect, or a number is none.
    ParameterError
        If the cost is negative, or the value not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from churnlib.experiments import effect
    >>> kept = np.repeat([1, 0, 1, 0], [880, 120, 915, 85])
    >>> found = effect(kept, np.repeat(["control", "offer"], 1000))
    >>> decide(found, value=200, cost=3)
    not yet: +4.00 per customer treated (-1.32 to +9.35, 95% interval); an effect of 0.015 breaks even.
    """
    if not isinstance(effect, Effect):
        raise ParameterTypeError(
            message(
                f"effect is a {type(effect).__name__}",
                "what effect() returned was expected",
                "decide(effect(outcome, treatment), value=200, cost=3)",
            )
        )
    spent = check_number(cost, name="cost", low=0)
    worth = check_number(value, name="value", low=0)
    if worth == 0:
        raise ParameterError(message("value=0 makes every effect worthless", "a value above 0 is needed", "value=200"))
    gain, low, high = (worth * number - spent for number in (effect.value, effect.low, effect.high))
    return Decision(gain=gain, low=low, high=high, break_even=spent / worth, confidence=effect.confidence)
