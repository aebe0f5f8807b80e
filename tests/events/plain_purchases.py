"""The definition of purchases summed up, written out in plain Python: slow, and easy to check by eye."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd

MICROSECOND = pd.Timedelta(microseconds=1)
EPOCH = pd.Timestamp(0, tz="UTC")


def number(stamp, period, zone):
    local = stamp.to_pydatetime().astimezone(ZoneInfo(zone))
    us = (stamp - EPOCH) // MICROSECOND
    days = local.date().toordinal()
    return {
        "min": us // 60_000_000, "h": us // 3_600_000_000, "D": days, "W": (days - 1) // 7,
        "M": local.year * 12 + local.month, "Y": local.year,
    }[period]  # fmt: skip


def plain_purchases(frame, cutoff, *, zone="UTC", period="D", negative="purchase"):
    """Per customer: first, last and end as period numbers, orders, periods, last instant, spend, spend later."""
    before = [row for row in frame.itertuples() if row.ts < cutoff]
    buys = [row for row in before if negative == "purchase" or row.total >= 0]
    everybody = [number(row.ts, period, zone) for row in buys]
    end = max([number(cutoff - MICROSECOND, period, zone), *everybody])
    found = {}
    for who in sorted({row.who for row in buys}):
        own = [row for row in buys if row.who == who]
        periods = {number(row.ts, period, zone) for row in own}
        money = [(number(row.ts, period, zone), Decimal(str(row.total))) for row in before if row.who == who]
        found[who] = {
            "first": min(periods), "last": max(periods), "end": end, "n_orders": len(own), "n_periods": len(periods),
            "last_time": max(row.ts for row in own), "spend": sum(amount for _, amount in money),
            "spend_later": sum(amount for at, amount in money if at != min(periods)),
        }  # fmt: skip
    return found
