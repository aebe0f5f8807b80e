"""Early warning: rules with levels, tolerance and owners, evaluated alike for a table and event by event.

A `Rule` says when to warn, how much to tolerate and whom to tell; a `RuleSet` evaluates rules for
a table of customers at an instant, or for one customer at a time, with the same results.

>>> import pandas as pd
>>> from churnlib.alerts import Rule, RuleSet
>>> rules = RuleSet([Rule("no-visit", 1, "recency_days >= 30", clear="recency_days < 7")])
>>> monday = rules.step(pd.DataFrame({"recency_days": [41, 3]}, index=["ann", "bob"]), now="2026-03-02")
>>> monday.alerts[["customer_id", "rule", "level"]]
  customer_id      rule  level
0         ann  no-visit      1
"""

from churnlib.alerts._alert_step import AlertStep
from churnlib.alerts._bound import BoundRules
from churnlib.alerts._online import Alert, OnlineAlerts, OnlineStep
from churnlib.alerts._route import Escalation, Route
from churnlib.alerts._rule import Rule
from churnlib.alerts._ruleset import RuleSet
from churnlib.alerts._silence import Silence
from churnlib.alerts._state import AlertState

__all__ = [
    "Alert",
    "AlertState",
    "AlertStep",
    "BoundRules",
    "Escalation",
    "OnlineAlerts",
    "OnlineStep",
    "Route",
    "Rule",
    "RuleSet",
    "Silence",
]
