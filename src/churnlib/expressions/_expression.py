"""An expression as a value: read once, checked against columns, evaluated over a frame or one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import pandas as pd

from churnlib._typing import BoolArray, IntoFrame
from churnlib.exceptions import ParameterError, message
from churnlib.expressions._bind import Bound, bind
from churnlib.expressions._columns import Columns, ColumnType, Row, source_of
from churnlib.expressions._nodes import Name, Node, leaves, walk, written
from churnlib.expressions._parser import tree_of

__all__ = ["BoundExpression", "Expression"]


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Expression:
    r"""A condition over columns, written in a small language that can do nothing else.

    ====================  ==============================================================
    columns               ``recency_days``, ``order.count.30d``, ```plan name```
    values                ``30``, ``0.5``, ``30d`` (a length of time), ``"basic"``, ``'basic'``, ``true``, ``false``
    comparisons           ``==``  ``!=``  ``<``  ``<=``  ``>``  ``>=``; a chain ``0 <= x < 90`` is half-open
    several values        ``plan in ("basic", "free")``, ``not in``; ``x between 2 and 5`` (both included)
    missing values        ``plan is missing``, ``plan is not missing``
    joined                ``and``, ``or``, ``not``, parentheses; ``not`` binds tighter than ``and``, ``and`` than ``or``
    arithmetic            ``+``  ``-``  ``*``  ``/``, ``abs``, ``min``, ``max``, ``coalesce`` (the first not missing)
    ====================  ==============================================================

    **Missing is unknown, never false.** A comparison with a missing value is unknown, and so is what
    depends on it (Kleene's three-valued logic, T = true, F = false, ? = unknown):

    =======  ===  ===  ===  ===  ===  ===  ===  ===  ===
    a        T    T    T    ?    ?    ?    F    F    F
    b        T    ?    F    T    ?    F    T    ?    F
    a and b  T    ?    F    ?    ?    F    F    F    F
    a or b   T    T    T    T    ?    ?    T    ?    F
    not a    F    F    F    ?    ?    ?    T    T    T
    =======  ===  ===  ===  ===  ===  ===  ===  ===  ===

    Arithmetic with a missing value is missing, and so is a division by zero; `min` and `max` are missing
    as soon as one argument is. ``is missing`` is never unknown. A value of a list is never missing.

    **Types and units.** Numbers, texts, truth values and lengths of time do not mix: to compare a text
    with a number is an error, not false. ``30d`` is compared with a column of timedeltas, or of numbers
    whose unit is stated, in that unit. Units of time are us, ms, s, min, h, d, w; months have no fixed
    length. A number without a unit is in the unit of what it is compared with.

    **Safe.** The text is read by a parser that knows this grammar and nothing else: there is no
    attribute, index, call of anything but the four functions, or code. At most 2,000 characters, 200
    parts, 32 levels.

    Parameters
    ----------
    text : str
        The condition. It is kept in its canonical form: two expressions are equal when they have the
        same tree, whatever spaces and parentheses they were written with.

    Attributes
    ----------
    text : str
        The canonical text; it reads back to an equal expression.
    tree : Node
        The tree.

    Raises
    ------
    ParameterTypeError
        When it is not a text.
    ParameterError
        When it is no condition of this language; a caret marks the place.

    Notes
    -----
    Truth tables: S. C. Kleene, Introduction to Metamathematics (1952), section 64, the strong connectives.

    Examples
    --------
    >>> rule = Expression("(recency_days>=30) and not plan in ('free','trial')")
    >>> rule
    Expression('recency_days >= 30 and plan not in ("free", "trial")')
    >>> rule.names
    ('recency_days', 'plan')
    >>> print(rule.evaluate({"recency_days": 45, "plan": None}), rule.evaluate({"recency_days": 5, "plan": None}))
    None False
    """

    text: str
    tree: Node = field(compare=False)

    def __init__(self, text: str) -> None:
        tree = tree_of(text)
        bind(tree, text, None)
        canonical = written(tree)
        try:
            # Read again, so that the canonical text is known to be readable, and positions are its own.
            tree = tree_of(canonical)
        except ParameterError:
            raise ParameterError(
                message(
                    f"written out in full, the expression has {len(canonical):,} characters or too many parts",
                    "what is read once must be readable again",
                    "split it, or compute a column for a part of it",
                )
            ) from None
        object.__setattr__(self, "text", canonical)
        object.__setattr__(self, "tree", tree)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it reads, each once, in the order of the text.

        Examples
        --------
        >>> Expression("b > a or b < 0").names
        ('b', 'a')
        """
        return tuple(dict.fromkeys(node.name for node in walk(self.tree) if isinstance(node, Name)))

    @property
    def conditions(self) -> tuple[Expression, ...]:
        """The conditions that ``and``, ``or`` and ``not`` put together, each once, in the order of the text.

        They are what an explanation names: each is an expression of its own, with its names, and can be
        evaluated by itself.

        Examples
        --------
        >>> for part in Expression("recency_days >= 30 and not (plan == 'free' or n < 2)").conditions:
        ...     print(part, part.names)
        recency_days >= 30 ('recency_days',)
        plan == "free" ('plan',)
        n < 2 ('n',)
        """
        return tuple(dict.fromkeys(Expression(written(leaf)) for leaf in leaves(self.tree)))

    def bind(self, types: Mapping[str, ColumnType]) -> BoundExpression:
        """Check names, types and units against columns, once for many evaluations.

        Parameters
        ----------
        types : mapping of str to ColumnType
            What each column holds.

        Returns
        -------
        BoundExpression
            What evaluates frames and rows with columns of these types.

        Raises
        ------
        SchemaError
            When a name is no column (the nearest is suggested), or a column cannot serve where it stands.

        Examples
        --------
        >>> types = {"any.recency": ColumnType("number", unit="days")}
        >>> late = Expression("any.recency >= 4w").bind(types)
        >>> late({"any.recency": 28.0}), late({"any.recency": 27.9})
        (True, False)
        """
        return BoundExpression(self, bind(self.tree, self.text, types))

    @overload
    def evaluate(self, data: Mapping[str, Any], *, units: Mapping[str, str] | None = ...) -> Any: ...
    @overload
    def evaluate(self, data: IntoFrame, *, units: Mapping[str, str] | None = ...) -> Any: ...
    def evaluate(self, data: Any, *, units: Mapping[str, str] | None = None) -> Any:
        """Say where the condition holds.

        Parameters
        ----------
        data : dataframe, mapping of str to array, or mapping of str to value
            A frame (pandas, polars, pyarrow), columns by name, or one row.
        units : mapping of str to str, optional
            Units of columns of numbers, such as ``{"recency": "days"}``.

        Returns
        -------
        Series of boolean, or bool or None
            For a frame one value per row, indexed like it, ``<NA>`` where it is unknown; for one row
            True, False, or None where it is unknown. Row by row both are the same.

        Raises
        ------
        SchemaError
            When a name is no column, or a column cannot serve where it stands.
        DataError
            When a whole number is beyond 2**53, where a float is no longer exact.

        Examples
        --------
        >>> frame = pd.DataFrame({"n_orders": [1, 5, None]}, index=["ann", "bob", "cyd"])
        >>> Expression("n_orders >= 2").evaluate(frame)
        ann    False
        bob     True
        cyd     <NA>
        dtype: boolean
        """
        source = source_of(data, units=units)
        return self.bind(source)(source)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


@dataclass(frozen=True, slots=True, repr=False)
class BoundExpression:
    """An expression whose columns and types are known; call it with a frame or a row.

    Parameters
    ----------
    expression : Expression
        What it evaluates.
    bound : Bound
        Its function.

    Examples
    --------
    >>> Expression("n > 2").bind({"n": ColumnType("number")})({"n": 3})
    True
    """

    expression: Expression
    bound: Bound = field(repr=False)

    def __call__(self, data: Any) -> Any:
        """Say where the condition holds; see `Expression.evaluate`."""
        source = source_of(data)
        if isinstance(source, Row):
            true, false = self.bound.read(source)
            return True if true else (False if false else None)
        true, false = self.truth(source)
        # set from both halves: what is neither true nor false is missing
        return pd.Series(pd.arrays.BooleanArray(true, ~(true | false), copy=True), index=source.index)

    def truth(self, source: Columns) -> tuple[BoolArray, BoolArray]:
        """Return where the condition is true and where it is false, for columns.

        Parameters
        ----------
        source : Columns
            The columns; they are read once, however many expressions share them.

        Returns
        -------
        true, false : arrays of bool
            Where neither holds, it is unknown.

        Examples
        --------
        >>> from churnlib.expressions import Columns
        >>> columns = Columns({"n": [1, 3, None]})
        >>> Expression("n > 2").bind(columns).truth(columns)[0].tolist()
        [False, True, False]
        """
        with np.errstate(all="ignore"):  # what overflows or is undefined is infinite or missing, as in one row
            true, false = self.bound.read(source)
        n_rows = source.n_rows
        return _spread(true, n_rows), _spread(false, n_rows)

    def __repr__(self) -> str:
        return f"<{self.expression!r}, bound>"


def _spread(truth: Any, n_rows: int) -> BoolArray:
    return truth if isinstance(truth, np.ndarray) else np.full(n_rows, truth, dtype=bool)
