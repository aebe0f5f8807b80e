"""The small safe rule language: conditions over columns that people write, read and approve.

>>> from churnlib.expressions import Expression
>>> Expression("n_orders == 1 and recency_days > 90").evaluate({"n_orders": 1, "recency_days": 120})
True
"""

from churnlib.expressions._columns import Columns, ColumnType
from churnlib.expressions._expression import BoundExpression, Expression

__all__ = ["BoundExpression", "ColumnType", "Columns", "Expression"]
