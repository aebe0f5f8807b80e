"""The base of all definitions of churn: it holds the routine, each definition the one step that differs."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, replace
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._typing import Array, BoolArray
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError, message, nearest, some
from churnlib.outcomes._outcomes import Outcomes, settle
from churnlib.outcomes._segments import offsets_of
from churnlib.outcomes._spells import Spells
from churnlib.outcomes._state import OutcomeState, revised

__all__ = ["ChurnDefinition", "needed_contracts", "needed_log"]

_SCHEMA_VERSION = 1
_QUIET = (None, (), False, "unknown")


class ChurnDefinition(ABC):
    """What it means to be lost. A subclass says, in `spells`, who was with us from when to when.

    Everything else is here: sorting, checks, numbering of spells, censoring at `complete_until`,
    the risk set as known at a cutoff, equality, and JSON. A definition is a frozen dataclass, so
    that two with the same arguments are equal and can be keys of a dict.

    Examples
    --------
    A definition of one's own: lost after the third order.

    >>> from dataclasses import dataclass
    >>> import churnlib as cl, numpy as np, pandas as pd
    >>> from churnlib.outcomes import NEVER, ChurnDefinition, Spells
    >>> @dataclass(frozen=True, repr=False)
    ... class ThirdOrder(ChurnDefinition):
    ...     def spells(self, log, contracts=None):
    ...         first, third = log.offsets[:-1], log.offsets[:-1] + 2
    ...         reached = third < log.offsets[1:]
    ...         end = np.where(reached, log.time[np.minimum(third, len(log) - 1)], NEVER)
    ...         return Spells(
    ...             customers=log.customers,
    ...             customer=np.arange(log.n_customers),
    ...             start=log.time[first],
    ...             end=end,
    ...             complete_until_us=log.complete_until_us,
    ...         )
    >>> orders = pd.DataFrame({"id": ["a", "a", "a", "b"], "at": pd.date_range("2025-01-01", periods=4)})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at")
    >>> ThirdOrder().outcomes(log).frame["churned_at"].dt.date.tolist()
    [datetime.date(2025, 1, 3), NaT]
    """

    __slots__ = ()
    _registry: ClassVar[dict[str, type[ChurnDefinition]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        ChurnDefinition._registry[cls.__name__] = cls

    @abstractmethod
    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:
        """Say who was with us from when to when, in any order.

        Parameters
        ----------
        log : EventLog or None
            What customers did.
        contracts : Contracts, optional
            Contract periods.

        Returns
        -------
        Spells
            Disjoint spells of each customer.
        """

    @property
    def name(self) -> str:
        """A short name for tables and causes, such as "contract_end"."""
        text = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in text).lstrip("_")

    def outcomes(self, log: EventLog | None, contracts: Contracts | None = None) -> Outcomes:
        """Work out when each customer came, left and returned.

        Parameters
        ----------
        log : EventLog or None
            What customers did; None only for definitions that read contracts alone.
        contracts : Contracts, optional
            Contract periods, for definitions that read them.

        Returns
        -------
        Outcomes
            Spells ordered by customer, censored at the end of the data.

        Raises
        ------
        ParameterError
            If the definition needs a log or contracts that are not given, or names a kind or
            attribute that the log does not have.

        Examples
        --------
        >>> import churnlib as cl, pandas as pd
        >>> orders = pd.DataFrame({"id": ["a", "b"], "at": ["2025-01-01", "2025-03-20"]})
        >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-04-01")
        >>> int(cl.Inactivity("30d").outcomes(log).end[0] - log.time[0]) // cl.calendar.DAY_US
        30
        """
        _check_types(log, contracts)
        return settle(self.spells(log, contracts), log)

    def state_at(
        self,
        log: EventLog | None,
        cutoff_us: int,
        *,
        contracts: Contracts | None = None,
        truth: Outcomes | None = None,
    ) -> OutcomeState:
        """Return the risk set of a cutoff as it was known then, and the true outcome of its members.

        Rows that had happened before the cutoff c but were known only at c or later (``time < c <=
        known``) are hidden: the customers who have such rows are judged without them. What becomes
        of everyone is read from the full data. Without times of knowledge this is
        ``outcomes(log).state_at(c)``.

        Parameters
        ----------
        log : EventLog or None
            What customers did.
        cutoff_us : int
            The cutoff c in microseconds since 1970, UTC.
        contracts : Contracts, optional
            Contract periods.
        truth : Outcomes, optional
            ``outcomes(log, contracts)`` if at hand, so that it is computed once for many cutoffs.

        Returns
        -------
        OutcomeState
            The customers at risk at c, when each will churn, and how many are known and gone.

        Examples
        --------
        The order of 20 January was keyed in only on 5 February. On 1 February the customer looked
        lost, and so is not in the risk set, although the truth says otherwise.

        >>> import churnlib as cl, pandas as pd
        >>> orders = pd.DataFrame(
        ...     {"id": "a", "at": ["2025-01-01", "2025-01-20"], "keyed": ["2025-01-01", "2025-02-05"]}
        ... )
        >>> log = cl.EventLog.from_frame(
        ...     orders, customer="id", time="at", known_at="keyed", complete_until="2025-04-01"
        ... )
        >>> definition, cutoff = cl.Inactivity("30d"), cl.calendar.to_us("2025-02-01")
        >>> definition.state_at(log, cutoff).at_risk, definition.outcomes(log).state_at(cutoff).at_risk
        (0, 1)
        """
        if truth is None:
            truth = self.outcomes(log, contracts)
        affected = _affected(truth.customers, log, contracts, cutoff_us)
        if not affected.any():
            return truth.state_at(cutoff_us)
        seen = self.outcomes(
            None if log is None else _seen_events(log, truth.customers, affected, cutoff_us),
            None if contracts is None else _seen_contracts(contracts, truth.customers, affected, cutoff_us),
        )
        return revised(truth, seen, affected, cutoff_us)

    # -- values --------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as plain values, for JSON.

        Returns
        -------
        dict
            The class under "definition", and its arguments.

        Examples
        --------
        >>> import churnlib as cl
        >>> cl.Inactivity("60d").to_dict()["duration"]
        '60d'
        """
        return {"definition": type(self).__name__} | {
            field.name: _plain(getattr(self, field.name)) for field in _fields(self)
        }

    def to_json(self) -> str:
        """Return the definition as JSON text; `from_json` reads it back.

        Returns
        -------
        str
            One line, keys in a fixed order.

        Examples
        --------
        >>> import churnlib as cl
        >>> cl.outcomes.ChurnDefinition.from_json(cl.Inactivity("60d").to_json())
        Inactivity('60d')
        """
        return json.dumps({"schema_version": _SCHEMA_VERSION} | self.to_dict(), ensure_ascii=False)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ChurnDefinition:
        """Make a definition from what `to_dict` returned.

        Parameters
        ----------
        values : mapping
            "definition" and the arguments.

        Returns
        -------
        ChurnDefinition
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            If the class is unknown here.

        Examples
        --------
        >>> ChurnDefinition.from_dict({"definition": "Inactivity", "duration": "60d"})
        Inactivity('60d')
        """
        arguments = dict(values)
        name = arguments.pop("definition", None)
        known = ChurnDefinition._registry
        if name not in known:
            raise ParameterError(
                message(
                    f"there is no definition of churn named {name!r} ({nearest(name, sorted(known))})",
                    "the name of a definition of churn was expected",
                    "import the module that defines it before reading",
                )
            )
        return known[name]._from_arguments(arguments)

    @staticmethod
    def from_json(text: str) -> ChurnDefinition:
        """Read a definition written by `to_json`.

        Parameters
        ----------
        text : str
            The JSON text.

        Returns
        -------
        ChurnDefinition
            Equal to the one that was written.

        Raises
        ------
        ParameterError
            If the text is no definition.
        VersionError
            If it was written with a schema this version does not read.

        Examples
        --------
        >>> ChurnDefinition.from_json('{"schema_version": 1, "definition": "Inactivity", "duration": "60d"}')
        Inactivity('60d')
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ParameterError(
                message(
                    f"the text is not JSON ({error})",
                    "a definition written by to_json was expected",
                    "definition.to_json()",
                )
            ) from None
        if not isinstance(values, dict):
            raise ParameterError(
                message(
                    "the text is not a JSON object",
                    "a definition written by to_json was expected",
                    "definition.to_json()",
                )
            )
        version = values.pop("schema_version", None)
        if version != _SCHEMA_VERSION:
            raise VersionError(
                message(
                    f"the definition was written with schema version {version}",
                    f"version {_SCHEMA_VERSION} was expected",
                    "read it with the release of churnlib that wrote it",
                )
            )
        return ChurnDefinition.from_dict(values)

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> ChurnDefinition:
        names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # every concrete definition is a dataclass
        strangers = [name for name in arguments if name not in names]
        if strangers:
            raise ParameterError(
                message(
                    f"{cls.__name__} has no argument {some(strangers)} ({nearest(strangers[0], names)})",
                    f"arguments among {some(names, 12)} were expected",
                    "read it with the release of churnlib that wrote it",
                )
            )
        return cls(**arguments)

    def __repr__(self) -> str:
        shown = []
        for field in _fields(self):
            value = getattr(self, field.name)
            if _default(field) == value and value in _QUIET:
                continue
            shown.append(f"{field.name}={_plain(value)!r}" if field.kw_only else repr(_plain(value)))
        return f"{type(self).__name__}({', '.join(shown)})"


def needed_log(log: EventLog | None, definition: ChurnDefinition) -> EventLog:
    """Return the log, or raise if there is none.

    Parameters
    ----------
    log : EventLog or None
        What was given.
    definition : ChurnDefinition
        Who asks, for the message.

    Returns
    -------
    EventLog
        The log.

    Raises
    ------
    ParameterError
        If there is none.

    Examples
    --------
    >>> import churnlib as cl
    >>> cl.Inactivity("60d").outcomes(None)
    Traceback (most recent call last):
    ...
    churnlib.exceptions.ParameterError: Inactivity was given no log; it reads events.
    Fix: Inactivity('60d').outcomes(log)
    """
    if log is None:
        kind = type(definition).__name__
        raise ParameterError(message(f"{kind} was given no log", "it reads events", f"{definition!r}.outcomes(log)"))
    return log


def needed_contracts(contracts: Contracts | None, definition: ChurnDefinition) -> Contracts:
    """Return the contracts, or raise if there are none.

    Parameters
    ----------
    contracts : Contracts or None
        What was given.
    definition : ChurnDefinition
        Who asks, for the message.

    Returns
    -------
    Contracts
        The contracts.

    Raises
    ------
    ParameterError
        If there are none.

    Examples
    --------
    >>> import churnlib as cl
    >>> cl.ContractEnd().outcomes(None)
    Traceback (most recent call last):
    ...
    churnlib.exceptions.ParameterError: ContractEnd was given no contracts; it reads contract periods.
    Fix: contracts=Contracts.from_frame(frame, customer=..., start=..., end=...)
    """
    if contracts is None:
        raise ParameterError(
            message(
                f"{type(definition).__name__} was given no contracts",
                "it reads contract periods",
                "contracts=Contracts.from_frame(frame, customer=..., start=..., end=...)",
            )
        )
    return contracts


def _check_types(log: object, contracts: object) -> None:
    if log is not None and not isinstance(log, EventLog):
        raise ParameterTypeError(
            message(
                f"log is a {type(log).__name__}",
                "events come as an EventLog",
                "EventLog.from_frame(frame, customer=..., time=...)",
            )
        )
    if contracts is not None and not isinstance(contracts, Contracts):
        raise ParameterTypeError(
            message(
                f"contracts is a {type(contracts).__name__}",
                "contract periods come as Contracts",
                "Contracts.from_frame(frame, customer=..., start=..., end=...)",
            )
        )


def _fields(definition: ChurnDefinition) -> tuple[Field[Any], ...]:
    return fields(definition)  # type: ignore[arg-type]  # every concrete definition is a dataclass


def _default(field: Field[Any]) -> Any:
    return field.default if field.default is not MISSING else ...


def _plain(value: Any) -> Any:
    """Return tuples as lists and mappings in pairs as dicts, the way JSON and people write them."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, tuple):
        if value and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
            return dict(value)
        return list(value)
    return value


# -- what was known at a cutoff ----------------------------------------------------------------


def _affected(customers: pd.Index, log: EventLog | None, contracts: Contracts | None, cutoff_us: int) -> BoolArray:
    """Mark the customers who have a row that had happened before the cutoff and was not known."""
    marks = np.zeros(len(customers), dtype=np.bool_)
    if log is not None and log.known is not None:
        _mark(marks, customers, log.customers, log.customer_codes[log.hidden(cutoff_us)])
    if contracts is not None and contracts.known is not None:
        _mark(marks, customers, contracts.customers, contracts.customer_codes[_hidden_contracts(contracts, cutoff_us)])
    return marks


def _mark(marks: BoolArray, customers: pd.Index, own: pd.Index, codes: Array) -> None:
    codes = np.unique(codes)
    if own is not customers:
        codes = customers.get_indexer(own.take(codes))
        codes = codes[codes >= 0]
    marks[codes] = True


def _hidden_contracts(contracts: Contracts, cutoff_us: int) -> BoolArray:
    assert contracts.known is not None
    return (contracts.start < cutoff_us) & (contracts.known >= cutoff_us)


def _members(customers: pd.Index, own: pd.Index, chosen: BoolArray) -> BoolArray:
    """Translate marks over one index of customers into marks over another."""
    if own is customers:
        return chosen
    code = customers.get_indexer(own)
    return (code >= 0) & chosen[np.maximum(code, 0)]


def _seen_events(log: EventLog, customers: pd.Index, affected: BoolArray, cutoff_us: int) -> EventLog:
    of_affected = _members(customers, log.customers, affected)[log.customer_codes]
    return log.subset(of_affected & ~log.hidden(cutoff_us))


def _seen_contracts(contracts: Contracts, customers: pd.Index, affected: BoolArray, cutoff_us: int) -> Contracts:
    of_affected = _members(customers, contracts.customers, affected)[contracts.customer_codes]
    if contracts.known is not None:
        of_affected &= ~_hidden_contracts(contracts, cutoff_us)
    rows = np.flatnonzero(of_affected)

    def pick(column: Array | None) -> Array | None:
        return None if column is None else column[rows]

    return replace(
        contracts,
        offsets=offsets_of(contracts.customer_codes[rows], len(contracts.customers)),
        start=contracts.start[rows],
        end=contracts.end[rows],
        known=pick(contracts.known),
        plan=pick(contracts.plan),
        cause=pick(contracts.cause),
        renewal=pick(contracts.renewal),
    )
