"""Definitions of churn, and the outcomes they give: who was with us from when to when, and why it ended.

Every definition stamps churn at the instant at which it becomes *knowable*, numbers the spells of
customers who return, and leaves undecided what the data cannot show yet.
"""

from churnlib.outcomes._causes import CAUSES, churn_mode
from churnlib.outcomes._definition import ChurnDefinition
from churnlib.outcomes._inactivity import Inactivity
from churnlib.outcomes._labels import Labels
from churnlib.outcomes._outcomes import Outcomes
from churnlib.outcomes._spells import NEVER, Spells
from churnlib.outcomes._state import OutcomeState

__all__ = [
    "CAUSES",
    "NEVER",
    "ChurnDefinition",
    "Inactivity",
    "Labels",
    "OutcomeState",
    "Outcomes",
    "Spells",
    "churn_mode",
]
