"""What is put into the world of the closed loop, with its defaults."""

from __future__ import annotations

from dataclasses import dataclass, fields

from churnlib._checks import check_integer, check_number
from churnlib.exceptions import ParameterError, message, nearest

__all__ = ["ACTIONS", "ActionTerms", "RetentionParameters"]


@dataclass(frozen=True, slots=True)
class ActionTerms:
    """What the firm knows of an action: its name, cost, channel, and capacity as a share of the customers at the start.

    Attributes
    ----------
    name : str
        Its name.
    cost : float
        Money spent on each customer it is done for, whether they stay or not.
    channel : str
        How customers are reached.
    share : float or None
        The most customers a month, as a share of the number at the start; None for no limit.
    """

    name: str
    cost: float
    channel: str
    share: float | None


ACTIONS = (
    ActionTerms("message", 0.5, "app", 0.5),
    ActionTerms("call", 6.0, "phone", 0.125),
    ActionTerms("discount", 12.0, "letter", None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionParameters:
    """Parameters of `RetentionWorld`: how many customers, how risky, how much actions change, and how long that lasts.

    The shapes of risk and effects, by customer, are fixed; see the Notes of `RetentionWorld`.

    Parameters
    ----------
    n_customers : int, default=20_000
        Customers at the start.
    months : int, default=12
        How long the world can be played.
    arrivals : float, default=0.05
        New customers each month, as a share of `n_customers`; as many as leave when nobody does anything.
    log_odds : float, default=-3.0
        Level of the monthly log-odds to leave. With the default between 5 and 6 % leave in a month.
    effect_scale : float, default=1.6
        Multiplies all changes that actions make to the log-odds (0 = actions change nothing).
    decided : float, default=0.7
        How much of the effect of calls and discounts is lost on customers who are about to leave anyway; it keeps
        effects from following risk.
    drift_month : int, default=6
        The first month of the new effects, counted from 1; a month beyond the last means no drift.
    drift : float, default=1.0
        How far effects move in that month, from 0 (not at all) to 1.
    fatigue : float, default=0.2
        What one contact takes off the log-odds effect of an action in the month after it.
    memory : float, default=0.5
        The share of fatigue that is left after another month.
    budget : float, default=2.25
        Money to be spent in a month, per customer at the start.
    discounting : float, default=0.99
        What money is worth a month later.
    margin_spread : float, default=0.85
        Standard deviation of the logarithm of monthly margins, whose median is 20.

    Raises
    ------
    ParameterError
        If a number is out of range.
    ParameterTypeError
        If it is no number.

    Examples
    --------
    >>> RetentionParameters(n_customers=5000).budget
    2.25
    """

    n_customers: int = 20_000
    months: int = 12
    arrivals: float = 0.05
    log_odds: float = -3.0
    effect_scale: float = 1.6
    decided: float = 0.7
    drift_month: int = 6
    drift: float = 1.0
    fatigue: float = 0.2
    memory: float = 0.5
    budget: float = 2.25
    discounting: float = 0.99
    margin_spread: float = 0.85

    def __post_init__(self) -> None:
        for name, low, high in _WHOLE:
            object.__setattr__(self, name, check_integer(getattr(self, name), name=name, low=low, high=high))
        for field, least, most in _NUMBERS:
            object.__setattr__(self, field, float(check_number(getattr(self, field), name=field, low=least, high=most)))
        if self.discounting == 1:
            raise ParameterError(
                message("discounting is 1", "a number below 1, or the future has no bound", "discounting=0.99")
            )


_WHOLE: tuple[tuple[str, int, int | None], ...] = (
    ("n_customers", 1, None), ("months", 1, 48), ("drift_month", 1, None),
)  # fmt: skip
_NUMBERS: tuple[tuple[str, float, float | None], ...] = (
    ("arrivals", 0, 1), ("log_odds", -8, 2), ("effect_scale", 0, 5), ("decided", -2, 2), ("drift", 0, 1),
    ("fatigue", 0, 5), ("memory", 0, 0.99), ("budget", 0, None), ("discounting", 0, 1), ("margin_spread", 0, 3),
)  # fmt: skip


def read_parameters(parameters: RetentionParameters | None, changes: dict[str, object]) -> RetentionParameters:
    """Return the parameters with some of them changed."""
    from dataclasses import replace

    known = [field.name for field in fields(RetentionParameters)]
    unknown = [name for name in changes if name not in known]
    if unknown:
        raise ParameterError(
            message(f"{unknown[0]!r} is no parameter of the world", nearest(unknown[0], known), "RetentionWorld()")
        )
    return replace(parameters or RetentionParameters(), **changes)  # type: ignore[arg-type]
