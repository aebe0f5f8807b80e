"""Events: what customers did, read from any table, exact and in canonical order."""

from churnlib.events._contracts import OPEN_END, Contracts
from churnlib.events._log import EventLog
from churnlib.events._purchase_rows import PurchaseRows, read_purchases
from churnlib.events._purchases import Holdout, Purchases
from churnlib.events._report import QualityReport
from churnlib.events._rows import Attribute
from churnlib.events._schema import Schema
from churnlib.events._with_facts import with_facts

__all__ = [
    "OPEN_END",
    "Attribute",
    "Contracts",
    "EventLog",
    "Holdout",
    "PurchaseRows",
    "Purchases",
    "QualityReport",
    "Schema",
    "read_purchases",
    "with_facts",
]
