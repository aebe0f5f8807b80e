"""Examples to begin with: clocks for complaints, the first week of a customer, and a cadence for each tier.

Every number is a parameter, and stands for a custom of the field and no more: set them by your own promises.
"""

from __future__ import annotations

from collections.abc import Mapping

from churnlib._typing import Span
from churnlib.policy._actions._clocks import Clock
from churnlib.policy._actions._triggers import OnCadence, OnClock, OnCondition, Trigger

__all__ = ["complaint_clocks", "tier_cadence", "welcome_triggers"]

_URGENCY = {"high": "24h", "medium": "3d", "low": "7d"}
_CADENCE: dict[str, dict[str, Span]] = {
    "A": {"quarterly report": "3mo", "adviser": "1mo"},
    "B": {"monthly letter": "1mo", "weekly offer": "7d"},
    "C": {"fortnightly offer": "14d", "monthly letter": "1mo"},
}


def complaint_clocks(
    *,
    contact: Span = "5min",
    ordinary: Span = "30min",
    grave: Span = "1h",
    feedback: Span = "24h",
    urgency: Mapping[str, Span] | None = None,
    call_back_after: Span = "24h",
    call_back_within: Span = "24h",
) -> tuple[Clock, ...]:
    """Return the promises of a complaint desk.

    They read events of the kinds complaint, contacted, called, closed, feedback, answered, solved and called_back,
    with the columns grade ("ordinary" or "grave") and urgency.

    Parameters
    ----------
    contact : str or timedelta, default="5min"
        Within which every complaint is answered by a person.
    ordinary : str or timedelta, default="30min"
        Within which an ordinary one is closed.
    grave : str or timedelta, default="1h"
        Within which the customer of a grave one is called.
    feedback : str or timedelta, default="24h"
        Within which feedback is answered.
    urgency : mapping of str to span, default=None
        Within which a complaint of each urgency is solved; None for a day, three and seven.
    call_back_after : str or timedelta, default="24h"
        When, after it was solved, one may call back to ask.
    call_back_within : str or timedelta, default="24h"
        How long there is from then on.

    Returns
    -------
    tuple of Clock
        For `OnClock` and `clock_table`.

    Examples
    --------
    >>> [clock.name for clock in complaint_clocks()][:3]
    ['first contact', 'ordinary closed', 'grave called']
    """
    spans = dict(_URGENCY if urgency is None else urgency)
    return (
        Clock("first contact", "complaint", contact, done=("contacted", "called")),
        Clock("ordinary closed", "complaint", ordinary, done="closed", where="grade == 'ordinary'"),
        Clock("grave called", "complaint", grave, done="called", where="grade == 'grave'"),
        Clock("feedback answered", "feedback", feedback, done="answered"),
        *(
            Clock(f"solved, {name} urgency", "complaint", span, done="solved", where=f"urgency == '{name}'")
            for name, span in spans.items()
        ),
        Clock("called back", "solved", call_back_within, done="called_back", after=call_back_after),
    )


def welcome_triggers(
    *,
    guide: Span = "48h",
    adviser: Span = "72h",
    coupon: Span = "7d",
    silent_coupon: int = 3,
    silent_survey: int = 7,
    silent_tier: str = "D",
) -> tuple[Trigger, ...]:
    """Return what comes up in the first days of a customer, and for silent ones of a tier.

    They bring up the actions guide, adviser, repurchase coupon, silent coupon and silent survey; they read
    events of the kinds joined, guided, advised and ordered, and the columns tier and silent_days.

    Parameters
    ----------
    guide : str or timedelta, default="48h"
        Within which a new customer gets the guide.
    adviser : str or timedelta, default="72h"
        Within which an adviser calls.
    coupon : str or timedelta, default="7d"
        Within which a coupon asks for the next purchase.
    silent_coupon : int, default=3
        Silent days after which the tier gets a coupon.
    silent_survey : int, default=7
        Silent days after which it gets a survey instead.
    silent_tier : str, default="D"
        The tier that is cared for in this way.

    Returns
    -------
    tuple of triggers
        For `candidates`.

    Examples
    --------
    >>> [trigger.names[0] for trigger in welcome_triggers()]
    ['guide', 'adviser', 'repurchase coupon', 'silent coupon', 'silent survey']
    """
    silent = f"tier == '{silent_tier}' and silent_days >= "
    return (
        OnClock("guide", Clock("guide", "joined", guide, done="guided", lapses="7d")),
        OnClock("adviser", Clock("adviser", "joined", adviser, done="advised", lapses="7d")),
        OnClock("repurchase coupon", Clock("second purchase", "joined", coupon, done="ordered", lapses="7d")),
        OnCondition("silent coupon", f"{silent}{silent_coupon} and silent_days < {silent_survey}"),
        OnCondition("silent survey", f"{silent}{silent_survey}"),
    )


def tier_cadence(cadence: Mapping[str, Mapping[str, Span]] | None = None) -> tuple[Trigger, ...]:
    """Return how often the customers of each tier hear from you.

    Parameters
    ----------
    cadence : mapping of tier to mapping of action to span, default=None
        From one such action to the next; None for an example with the tiers A, B and C.

    Returns
    -------
    tuple of triggers
        For `candidates`, with ``tiers=`` and ``history=``.

    Examples
    --------
    >>> [(trigger.names[0], str(trigger.every)) for trigger in tier_cadence({"A": {"adviser": "1mo"}})]
    [('adviser', '1mo')]
    """
    listed = _CADENCE if cadence is None else cadence
    return tuple(
        OnCadence(action, every, tiers=tier) for tier, actions in listed.items() for action, every in actions.items()
    )
