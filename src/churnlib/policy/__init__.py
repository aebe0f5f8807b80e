"""Whom to treat, how, and at what price: actions, contact rules, allocation, plans, and what they brought."""

from churnlib.policy._actions._action import Action
from churnlib.policy._actions._candidates import Candidates, candidates
from churnlib.policy._actions._catalogue import actions_from_json, actions_from_toml, actions_to_json, actions_to_toml
from churnlib.policy._actions._clocks import Clock, clock_table
from churnlib.policy._actions._examples import complaint_clocks, tier_cadence, welcome_triggers
from churnlib.policy._actions._triggers import (
    OnAlert,
    OnCadence,
    OnClock,
    OnCondition,
    OnDate,
    OnReason,
    OnStage,
    OnTier,
)
from churnlib.policy._campaign._campaign import campaign_result
from churnlib.policy._campaign._result import CampaignResult
from churnlib.policy._contact._policy import ContactCheck, ContactPolicy
from churnlib.policy._contact._rules import Cooldown, Exclusive, FrequencyCap, OptOut, QuietAfter, QuietHours
from churnlib.policy._loyalty import LoyaltyTiers
from churnlib.policy._plan._allocate import allocate
from churnlib.policy._plan._explanation import PlanExplanation
from churnlib.policy._plan._limits import Quota
from churnlib.policy._plan._log import PlanLog
from churnlib.policy._plan._plan import Plan
from churnlib.policy._solve._limit import Limit
from churnlib.policy._solve._solution import Solution
from churnlib.policy._solve._solve import solve
from churnlib.policy._threshold import CostThreshold
from churnlib.policy._tree import PolicyTree, TreeValue
from churnlib.policy._value._compare import compare_policies
from churnlib.policy._value._comparison import PolicyComparison
from churnlib.policy._value._evaluate import evaluate_policy
from churnlib.policy._value._value import PolicyValue

__all__ = [
    "Action",
    "CampaignResult",
    "Candidates",
    "Clock",
    "ContactCheck",
    "ContactPolicy",
    "Cooldown",
    "CostThreshold",
    "Exclusive",
    "FrequencyCap",
    "Limit",
    "LoyaltyTiers",
    "OnAlert",
    "OnCadence",
    "OnClock",
    "OnCondition",
    "OnDate",
    "OnReason",
    "OnStage",
    "OnTier",
    "OptOut",
    "Plan",
    "PlanExplanation",
    "PlanLog",
    "PolicyComparison",
    "PolicyTree",
    "PolicyValue",
    "QuietAfter",
    "QuietHours",
    "Quota",
    "Solution",
    "TreeValue",
    "actions_from_json",
    "actions_from_toml",
    "actions_to_json",
    "actions_to_toml",
    "allocate",
    "campaign_result",
    "candidates",
    "clock_table",
    "compare_policies",
    "complaint_clocks",
    "evaluate_policy",
    "solve",
    "tier_cadence",
    "welcome_triggers",
]
