"""Data to learn on: simulated worlds whose truth is known, and public sets.

The simulators return the log a firm would see *and* the truth it never sees
(each customer's hazard, cause of leaving, value and response to treatment), so
that any estimate can be held against what was put in. The fetchers return
public data, checked by hash and row count, from an offline folder, a cache, or
the place of origin.
"""

from ._public import fetch_cdnow, fetch_fightchurn, fetch_online_retail, fetch_telco
from ._retention_world import RetentionTruth, RetentionView, RetentionWorld
from ._retention_world_parameters import RetentionParameters
from ._shop import make_shop
from ._store import cache_folder
from ._subscriptions import make_subscriptions
from ._telecom import TelecomWorld, make_telecom
from ._world import SimulatedWorld

__all__ = [
    "RetentionParameters",
    "RetentionTruth",
    "RetentionView",
    "RetentionWorld",
    "SimulatedWorld",
    "TelecomWorld",
    "cache_folder",
    "fetch_cdnow",
    "fetch_fightchurn",
    "fetch_online_retail",
    "fetch_telco",
    "make_shop",
    "make_subscriptions",
    "make_telecom",
]
