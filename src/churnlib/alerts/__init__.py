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
from churnlib.alerts._backtest._against import AgainstSilence
from churnlib.alerts._backtest._backtest import Backtest
from churnlib.alerts._backtest._replay import Replay
from churnlib.alerts._bound import BoundRules
from churnlib.alerts._fit._fit import RuleFit
from churnlib.alerts._online._alerts import Alert, OnlineAlerts, OnlineStep
from churnlib.alerts._packs import Need, RulePack, pack
from churnlib.alerts._route import Escalation, Route
from churnlib.alerts._rule import Rule
from churnlib.alerts._ruleset import RuleSet
from churnlib.alerts._silence import Silence
from churnlib.alerts._state import AlertState
from churnlib.alerts._watch._durable import DurableWatch
from churnlib.alerts._watch._notice import Notice, notices
from churnlib.alerts._watch._sinks import CallableSink, DeliveryError, Sink
from churnlib.alerts._watch._sinks_lines import JsonLinesSink
from churnlib.alerts._watch._sinks_webhook import WebhookSink
from churnlib.alerts._watch._sources import BadLine, Source, Taken
from churnlib.alerts._watch._sources_lines import JsonLinesSource
from churnlib.alerts._watch._sources_socket import SocketSource
from churnlib.alerts._watch._watch import Watch

__all__ = [
    "AgainstSilence",
    "Alert",
    "AlertState",
    "AlertStep",
    "Backtest",
    "BadLine",
    "BoundRules",
    "CallableSink",
    "DeliveryError",
    "DurableWatch",
    "Escalation",
    "JsonLinesSink",
    "JsonLinesSource",
    "Need",
    "Notice",
    "OnlineAlerts",
    "OnlineStep",
    "Replay",
    "Route",
    "Rule",
    "RuleFit",
    "RulePack",
    "RuleSet",
    "Silence",
    "Sink",
    "SocketSource",
    "Source",
    "Taken",
    "Watch",
    "WebhookSink",
    "notices",
    "pack",
]
