"""Where the states of all customers stand between two steps: rows of numbers, a row for each customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._ids import ids_of
from churnlib._typing import IntArray
from churnlib.alerts._state import AlertState
from churnlib.alerts._step import Cells, Pace, empty_cells
from churnlib.exceptions import ParameterError, message

__all__ = ["OnlineStates"]

_LARGEST = 2**63

_AT_FIRST = 16
"""Customers there is room for at first."""


class OnlineStates:
    """The cells of all customers under all rules.

    The cells of a customer lie side by side, so that those of one are one piece of memory and
    those of a thousand are gathered in one go. What no rule of the set needs (histories without
    "k of n", times without `keep_firing`) takes no room.

    Parameters
    ----------
    paces : sequence of Pace
        The tolerance of each rule.

    Attributes
    ----------
    paces : Pace
        Those of all rules, side by side.
    slots : dict of id to int
        The row of each customer.
    seen : ndarray of int64
        When each was evaluated last, in microseconds.
    columns : dict of str to ndarray of shape (n_rows, n_rules)
        What the cells hold, by the names in `Cells`; without what takes no room.
    kept : dict of id to mapping
        The values of the last step, of those whose last step was one of their own.
    """

    def __init__(self, paces: Sequence[Pace]) -> None:
        unused = {"bits": all(pace.n == 1 for pace in paces), "quiet": not any(pace.keep_us for pace in paces)}
        kinds = {name: kind.dtype for name, kind in empty_cells(0)._asdict().items() if not unused.get(name)}
        self.n_rules = len(paces)
        self.paces = Pace.stack(paces)
        self.slots: dict[Any, int] = {}
        self.kept: dict[Any, Mapping[str, Any]] = {}
        self.seen = np.zeros(_AT_FIRST, np.int64)
        self.columns = {name: np.zeros((_AT_FIRST, self.n_rules), kind) for name, kind in kinds.items()}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self.slots)

    # -- who is in it --------------------------------------------------------------------------

    def add(self, customer: Any) -> int:
        """Return the row of a customer, a blank one for a new customer."""
        slot = self.slots.get(customer)
        if slot is None:
            self.check_id(customer)
            slot = self._free.pop() if self._free else len(self.slots)
            if slot >= len(self.seen):
                self._grow()
            self.slots[customer] = slot
        return slot

    def check_id(self, customer: Any) -> None:
        """Refuse an id that could not be kept beside the others.

        Raises
        ------
        ParameterError
            When it is neither a whole number nor a text, or is not what the others are.
        """
        if isinstance(customer, bool) or not isinstance(customer, int | np.integer | str):
            raise ParameterError(
                message(
                    f"the customer is {customer!r}, a {type(customer).__name__}",
                    "ids are whole numbers or texts",
                    f"str({customer!r})",
                )
            )
        if not isinstance(customer, str) and not -_LARGEST <= customer < _LARGEST:
            raise ParameterError(
                message(
                    "the customer is a whole number that leaves 64 bits",
                    "ids of 64 bits",
                    "str(...) makes a text of it",
                )
            )
        other = next(iter(self.slots), customer)
        if isinstance(other, str) != isinstance(customer, str):
            raise ParameterError(
                message(
                    f"the customer is {customer!r}, and others are known by ids such as {other!r}",
                    "ids of one kind were expected",
                    f"the id of this customer as {'a text' if isinstance(other, str) else 'a whole number'}",
                )
            )

    def _grow(self) -> None:
        size = 2 * len(self.seen)
        self.seen = _longer(self.seen, size)
        self.columns = {name: _longer(column, size) for name, column in self.columns.items()}

    def drop(self, customer: Any) -> None:
        """Forget a customer: nothing of them is left."""
        self.kept.pop(customer, None)
        slot = self.slots.pop(customer, None)
        if slot is not None:
            self.blank(slot)
            self._free.append(slot)

    def blank(self, slot: int) -> None:
        """Make the cells of a row those of somebody of whom nothing is known."""
        self.seen[slot] = 0
        for column in self.columns.values():
            column[slot] = 0

    # -- cells of one customer -----------------------------------------------------------------

    def row(self, slot: int) -> tuple[list[int], ...]:
        """Return the cells of a customer as numbers: a list over rules for each name in `Cells`."""
        columns, blank = self.columns, [0] * self.n_rules
        return tuple([columns[name][slot].tolist() if name in columns else blank for name in Cells._fields])

    def put(self, slot: int, k: int, cell: Cells) -> None:
        """Write the cell of one rule."""
        for name, column in self.columns.items():
            column[slot, k] = getattr(cell, name)

    # -- cells of many customers -------------------------------------------------------------------

    def gather(self, slots: IntArray, k: IntArray) -> Cells:
        """Return cells as arrays, by row and rule."""
        columns = self.columns
        none = None if len(columns) == len(Cells._fields) else np.zeros(len(slots), np.int64)
        return Cells(*(columns[name][slots, k] if name in columns else none for name in Cells._fields))

    def scatter(self, slots: IntArray, k: IntArray, before: Cells, after: Cells) -> None:
        """Write cells, by row and rule; a column that is the same array did not change."""
        for name, was, column in zip(Cells._fields, before, after, strict=True):
            if column is not was and name in self.columns:
                self.columns[name][slots, k] = column

    # -- all of it -----------------------------------------------------------------------------

    def load(self, state: AlertState, ids: Sequence[str]) -> None:
        """Begin with a saved state of these rules."""
        customers = state.customers.tolist()
        self.slots = {customer: slot for slot, customer in enumerate(customers)}
        n = max(len(customers), _AT_FIRST)
        self.seen = _longer(state.seen, n)
        for name in self.columns:
            stacked = np.zeros((n, self.n_rules), self.columns[name].dtype)
            for k, rule in enumerate(ids):
                stacked[: len(customers), k] = getattr(state.cells[rule], name)
            self.columns[name] = stacked

    def state(self, digest: str, ids: Sequence[str]) -> AlertState:
        """Return all of it as a state, customers in order."""
        customers = sorted(self.slots)
        slots = np.array([self.slots[customer] for customer in customers], np.int64)
        cells = {rule: empty_cells(len(customers))._asdict() for rule in ids}
        for name, column in self.columns.items():
            gathered = column[slots]
            for k, rule in enumerate(ids):
                cells[rule][name] = gathered[:, k].copy()
        found = {rule: Cells(**named) for rule, named in cells.items()}
        return AlertState(digest, ids_of(customers), self.seen[slots], found)


def _longer(column: Any, size: int) -> Any:
    longer = np.zeros((size, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer
