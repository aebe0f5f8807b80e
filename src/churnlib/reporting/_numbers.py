"""Numbers as people read them; what is missing is a dash, never a "nan"."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

__all__ = ["MISSING", "between", "count", "day", "decimal", "instant", "money", "number", "percent", "plain"]

MISSING = "–"
MINUS = "−"
NARROW = "\u202f"  # a narrow space at which no line breaks


def is_missing(value: Any) -> bool:
    """Whether there is no number to show: None, NaN, NaT, NA or an infinity."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and not math.isfinite(value)


def decimal(value: Any, places: int = 2) -> str:
    """Show a number with a fixed number of decimals and thousands apart."""
    if is_missing(value):
        return MISSING
    text = f"{abs(value):,.{places}f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def count(value: Any) -> str:
    """Show a whole number."""
    return decimal(value, 0)


def number(value: Any) -> str:
    """Show a measured value with about three significant digits, whole numbers whole."""
    if is_missing(value):
        return MISSING
    size = abs(value)
    if float(value).is_integer() or size >= 100:
        return decimal(value, 0)
    return decimal(value, 1 if size >= 10 else 2 if size >= 0.1 else 3)


def percent(value: Any, places: int | None = None) -> str:
    """Show a share as a percentage; below 10 % with one decimal."""
    if is_missing(value):
        return MISSING
    if places is None:
        places = 0 if abs(value) >= 0.0995 else 1
    return f"{decimal(100 * value, places)}{NARROW}%"


def money(value: Any, currency: str | None = None) -> str:
    """Show an amount: whole above 100, with two decimals below, the currency behind."""
    if is_missing(value):
        return MISSING
    text = decimal(value, 0 if abs(value) >= 100 else 2)
    return f"{text}\u00a0{currency}" if currency else text


def between(low: Any, high: Any, show: Any = number) -> str:
    """Show an interval."""
    if is_missing(low) or is_missing(high):
        return MISSING
    return f"{show(low)} to {show(high)}"


def day(value: str | pd.Timestamp) -> str:
    """Show a date without depending on the machine's language."""
    stamp = pd.Timestamp(value)
    return f"{stamp.day} {_MONTHS[stamp.month - 1]} {stamp.year}"


def instant(value: str | pd.Timestamp) -> str:
    """Show a date, and the time of day unless it is midnight."""
    stamp = pd.Timestamp(value)
    clock = "" if stamp == stamp.normalize() else f", {stamp:%H:%M}"
    return f"{day(stamp)}{clock}"


def plain(value: Any) -> Any:
    """Turn numpy and pandas scalars into what JSON knows; missing becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, pd.Timestamp):
        return None if value is pd.NaT else value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    return None if is_missing(value) else value


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
