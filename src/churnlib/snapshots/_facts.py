"""Dated facts about customers, joined to the log of what customers did."""

from __future__ import annotations

from typing import Any

from churnlib.events import Contracts, EventLog

__all__ = ["with_contracts", "with_customers"]


def with_contracts(log: EventLog | None, contracts: Contracts) -> EventLog:
    raise NotImplementedError


def with_customers(log: EventLog, customers: Any) -> EventLog:
    raise NotImplementedError
