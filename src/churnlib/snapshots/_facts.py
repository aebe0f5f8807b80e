"""Dated facts about customers, joined to the log of what customers did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from churnlib._frames import column_names
from churnlib._typing import BoolArray
from churnlib.events import Contracts, EventLog, with_facts
from churnlib.exceptions import DuplicateError, SchemaError, TimeError, message, nearest, some

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
    attributes = [name for name in names if name not in ("customer_id", "since")]
    facts = EventLog.from_frame(
        customers, customer="customer_id", time="since", timezone=log.timezone, attributes=attributes,
    )  # fmt: skip
    _check_order(facts, log)
    return with_facts(log, facts, "customer")


def _check_order(facts: EventLog, log: EventLog) -> None:
    """Refuse facts of the future, and two facts of one customer at one instant."""
    late = facts.time >= log.complete_until_us
    if late.any():
        raise TimeError(
            message(
                f"{int(late.sum())} of {len(facts)} rows of customers have a 'since' at or after the end of the data, "
                f"{log.complete_until} ({_who(facts, late)})",
                "a fact is dated by when it became true",
                "customers[customers['since'] < log.complete_until]",
            )
        )
    again = np.zeros(len(facts), bool)
    again[1:] = (facts.customer_codes[1:] == facts.customer_codes[:-1]) & (facts.time[1:] == facts.time[:-1])
    if again.any():
        raise DuplicateError(
            message(
                f"{int(again.sum())} rows of customers repeat a customer and 'since' ({_who(facts, again)})",
                "which of two facts of one instant holds cannot be known",
                "customers.drop_duplicates(['customer_id', 'since'], keep='last')",
            )
        )


def _who(facts: EventLog, rows: BoolArray) -> str:
    return some(facts.customers[facts.customer_codes[rows]].unique())
