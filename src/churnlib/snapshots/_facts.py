"""Dated facts about customers, joined to the log of what customers did."""

from __future__ import annotations

from typing import Any

from churnlib.events import Contracts, EventLog
from churnlib.exceptions import SchemaError, message, nearest

__all__ = ["with_contracts", "with_customers"]
