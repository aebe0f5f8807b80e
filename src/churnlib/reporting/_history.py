"""The past's part of the record: what became of every cutoff, and of every row of input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib.calendar import DAY_US
from churnlib.reporting._numbers import MISSING, count, instant

if TYPE_CHECKING:
    from churnlib.events import EventLog
    from churnlib.snapshots import Dataset

__all__ = ["cutoffs_of", "data_of", "splits_of"]

WEEK_US = 7 * DAY_US
PARTS = ("train", "purged", "test")


def cutoffs_of(test: Dataset) -> list[dict[str, Any]]:
    """List every cutoff with its part and its counts."""
    parts = {} if test.splits is None else test.splits["split"].to_dict()
    zone = test.log.timezone
    rows = []
    for cutoff, (_, counts) in zip(pd.DatetimeIndex(test.counts.index), test.counts.iterrows(), strict=True):
        labelled = int(counts["immature"]) == 0
        churned, retained = int(counts["churned"]), int(counts["retained"])
        rows.append(
            {
                "cutoff": cutoff.tz_convert(zone).isoformat(),
                "split": str(parts.get(cutoff, "test")) if labelled else "immature",
                **{name: int(counts[name]) for name in counts.index},
                "churned": churned if labelled else None,
                "retained": retained if labelled else None,
                "set_aside": int(counts["churned_before"] + counts["treated_dropped"]),
                "rate": churned / (churned + retained) if labelled and churned + retained else None,
            }
        )
    return rows


def splits_of(cutoffs: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Count cutoffs and rows by part."""
    return {
        part: {
            "cutoffs": sum(row["split"] == part for row in cutoffs),
            "rows": sum(row["churned"] + row["retained"] for row in cutoffs if row["split"] == part),
        }
        for part in PARTS
    }


def data_of(log: EventLog) -> dict[str, Any]:
    """Report what came in, what was kept and refused, and how fresh it is."""
    report = log.report
    amounts = report.input_amount is not None
    refused = [{"reason": reason, "rows": int(rows)} for reason, rows in report.reasons.items()]
    return {
        "input_rows": report.input_rows,
        "kept": report.kept,
        "refused_rows": report.refused,
        "refused": refused,
        "null_customers": report.null_customers,
        "customers": report.customers,
        "amounts": amounts,
        "input_amount": _exact(report.input_amount),
        "kept_amount": _exact(report.kept_amount),
        "refused_amount": _exact(report.refused_amount),
        "first": _iso(report.first),
        "last": _iso(report.last),
        "complete_until": log.complete_until.isoformat(),
        "days": (log.complete_until_us - int(log.time.min())) / DAY_US,
        "stale": _stale(log),
        "notes": _notes(log),
    }


def _exact(amount: Any) -> str | None:
    return None if amount is None else f"{amount:,}"


def _iso(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat()


def _notes(log: EventLog) -> list[list[str]]:
    report = log.report
    rows = [
        ["Customers", count(report.customers)],
        ["Rows without a customer id", count(report.null_customers)],
        ["Last event", MISSING if report.last is None else instant(report.last)],
        ["Complete until", instant(log.complete_until)],
    ]
    return rows + [[note[:1].upper() + note[1:], count(rows_)] for note, rows_ in report.notes.items()]


def _stale(log: EventLog) -> str | None:
    """Warn when a feed seems to be late: to a model, missing events look like churn."""
    end = log.complete_until_us
    if int(log.time.min()) > end - 9 * WEEK_US:
        return None
    week = (end - 1 - log.time) // WEEK_US  # 0 = the last seven days
    weekly = np.bincount(week[week < 9], minlength=9)
    usual = float(np.median(weekly[1:]))
    if weekly[0] >= min(0.5 * usual, weekly[1:].min()):
        return None
    return (
        f"The last seven days hold {count(weekly[0])} events, the eight weeks before about {count(usual)} each. If a "
        f"feed is late, this page takes missing events for churn: set complete_until to where the data really end."
    )
