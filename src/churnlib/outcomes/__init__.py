"""Definitions of churn, and the outcomes they give: who was with us from when to when, and why it ended.

Every definition stamps churn at the instant at which it becomes *knowable*, numbers the spells of
customers who return, and leaves undecided what the data cannot show yet.
"""

from churnlib.outcomes._balance_drop import BalanceDrop
from churnlib.outcomes._cancel_and_refund import CancelAndRefund
from churnlib.outcomes._causes import CAUSES, churn_mode
from churnlib.outcomes._combined import AnyOf, FirstOf
from churnlib.outcomes._compare import compare_definitions
from churnlib.outcomes._contract_end import ContractEnd
from churnlib.outcomes._definition import ChurnDefinition
from churnlib.outcomes._downgrade import Downgrade
from churnlib.outcomes._inactivity import Inactivity
from churnlib.outcomes._labels import Labels
from churnlib.outcomes._outcomes import Outcomes
from churnlib.outcomes._rate_drop import FrequencyDrop, SpendDrop
from churnlib.outcomes._spells import NEVER, Spells
from churnlib.outcomes._state import OutcomeState
from churnlib.outcomes._status_change import StatusChange

__all__ = [
    "CAUSES",
    "NEVER",
    "AnyOf",
    "BalanceDrop",
    "CancelAndRefund",
    "ChurnDefinition",
    "ContractEnd",
    "Downgrade",
    "FirstOf",
    "FrequencyDrop",
    "Inactivity",
    "Labels",
    "OutcomeState",
    "Outcomes",
    "Spells",
    "SpendDrop",
    "StatusChange",
    "churn_mode",
    "compare_definitions",
]
