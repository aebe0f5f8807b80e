"""The features of the benchmark as SQL, the way an analyst would write them for DuckDB.

Whole numbers only, so that every engine has to agree to the bit: counts and minor units
of money over 7, 30, 90 and 365 days, orders in 90 days, microseconds since the last and
the first event, all events so far, the weighted weekly count behind a slope over twelve
weeks, and, where asked for, the distinct products of a year. One row for each customer
with an event before the cutoff.
"""

from __future__ import annotations

from collections.abc import Sequence

CUTOFFS = ("2025-03-01", "2025-06-01", "2025-09-01", "2025-12-01")
WINDOWS = (7, 30, 90, 365)
WEEK_US = 7 * 86_400_000_000


def columns(cutoff: str, *, distinct: bool) -> list[str]:
    """Return the select list; `cutoff` is an expression of type timestamp."""

    def since(days: int) -> str:
        return f"filter (ts >= {cutoff} - interval {days} day)"

    week = f"((epoch_us({cutoff}) - epoch_us(ts) - 1) // {WEEK_US})"
    listed = []
    for days in WINDOWS:
        listed.append(f"count(*) {since(days)} as count_{days}")
        listed.append(f"coalesce(sum(amount) {since(days)}, 0)::bigint as sum_{days}")
    listed += [
        f"count(*) filter (kind = 'order' and ts >= {cutoff} - interval 90 day) as orders_90",
        f"epoch_us({cutoff}) - epoch_us(max(ts)) as recency_us",
        f"epoch_us({cutoff}) - epoch_us(min(ts)) as tenure_us",
        "count(*) as count_all",
        f"coalesce(sum(11 - 2 * {week}) {since(84)}, 0)::bigint as trend",
    ]
    if distinct:
        listed.append(f"count(distinct product_id) {since(365)} as products_365")
    return listed


def one_scan_per_cutoff(source: str, *, distinct: bool, cutoffs: Sequence[str] = CUTOFFS) -> str:
    """Return one aggregation for each cutoff, put together: the fastest spelling we found."""
    parts = []
    for cutoff in cutoffs:
        at = f"timestamp '{cutoff}'"
        chosen = ",\n  ".join(["customer_id", f"{at} as cutoff", *columns(at, distinct=distinct)])
        parts.append(f"select\n  {chosen}\nfrom {source} where ts < {at} group by customer_id")
    return "\nunion all\n".join(parts)


def one_scan(source: str, *, distinct: bool, cutoffs: Sequence[str] = CUTOFFS) -> str:
    """Return one aggregation over events joined with the cutoffs after them."""
    listed = ", ".join(f"(timestamp '{cutoff}')" for cutoff in cutoffs)
    chosen = ",\n  ".join(["customer_id", "cutoff", *columns("cutoff", distinct=distinct)])
    return (
        f"select\n  {chosen}\nfrom {source} as event join (values {listed}) as look(cutoff) on event.ts < look.cutoff\n"
        "group by customer_id, cutoff"
    )
