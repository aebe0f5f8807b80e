"""Dated facts about customers, joined to the log of what customers did."""

from __future__ import annotations

from typing import Any

import pandas as pd

from churnlib._frames import column_names
from churnlib.events import Contracts, EventLog, with_facts
from churnlib.exceptions import SchemaError, message, nearest

__all__ = ["with_contracts", "with_customers"]


def with_contracts(log: EventLog | None, contracts: Contracts) -> EventLog:
    """Join the start of each contract as a fact: the customer is known, and on that plan, from then on.

    Without a log the facts are all there is.
    """
    frame = contracts.to_frame().rename(columns={"start": "time"})
    plan = ["plan"] if "plan" in frame else []
    until = contracts.complete_until_us if log is None else max(log.complete_until_us, contracts.complete_until_us)
    facts = EventLog.from_frame(
        frame, customer="customer_id", time="time", attributes=plan,
        known_at="known_at" if "known_at" in frame else None,
        timezone=contracts.timezone, complete_until=pd.Timestamp(until, unit="us", tz="UTC"),
    )  # fmt: skip
    return facts if log is None else with_facts(log, facts, "contract")


def with_customers(log: EventLog, customers: Any) -> EventLog:
    """Join a frame of dated facts: `customer_id`, `since`, and attributes in all other columns."""
    names = column_names(customers)
    for name in ("customer_id", "since"):
        if name not in names:
            raise SchemaError(
                message(
                    f"customers has no column {name!r} ({nearest(name, names)})",
                    "each row states from when on it was true of whom",
                    "customers.assign(since=...), for facts that never change the day the customer joined",
                )
            )
    facts = EventLog.from_frame(
        customers, customer="customer_id", time="since", timezone=log.timezone, complete_until=log.complete_until,
        attributes=[name for name in names if name not in ("customer_id", "since")],
    )  # fmt: skip
    return with_facts(log, facts, "customer")
