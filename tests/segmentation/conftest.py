"""Real customers for the tests of segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnlib.events import EventLog


@pytest.fixture(scope="session")
def online_retail(data_dir: Path) -> EventLog:
    """The lines of a year of invoices, of customers who are known."""
    return EventLog.from_parquet(
        data_dir / "online_retail_uci.parquet",
        customer="CustomerID",
        time="InvoiceDate",
        quantity="Quantity",
        price="UnitPrice",
        missing_customer="drop",
    )
