"""Several definitions of churn at once: lost is whoever is lost by any of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from churnlib._typing import Array, IntArray
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, message, some
from churnlib.outcomes._causes import UNKNOWN, read_cause
from churnlib.outcomes._customers import codes_in, joined_customers
from churnlib.outcomes._definition import ChurnDefinition
from churnlib.outcomes._outcomes import Outcomes
from churnlib.outcomes._segments import first_at_least, first_beyond, offsets_of
from churnlib.outcomes._spells import Spells

__all__ = ["AnyOf", "Combined", "FirstOf"]


class Combined(ChurnDefinition):
    """What `AnyOf` and `FirstOf` share; they differ in what they call the cause.

    At risk is who is at risk by every part: the intersection of their spells. A spell ends where the
    first part ends it, and the next one begins where all parts have the customer back.
    """

    __slots__ = ()
    parts: Any

    @property
    @abstractmethod
    def _definitions(self) -> tuple[ChurnDefinition, ...]:
        """The parts, in the order given."""

    @abstractmethod
    def _causes(self, which: Array) -> tuple[Array, tuple[str, ...]]:
        """Return the cause of each spell, given which part ended it (0, 1, …), and the names of the causes."""

    def spells(self, log: EventLog | None, contracts: Contracts | None = None) -> Spells:
        """Intersect the spells of all parts.

        Parameters
        ----------
        log : EventLog or None
            What customers did.
        contracts : Contracts, optional
            Contract periods.

        Returns
        -------
        Spells
            One for each stay by all parts at once.
        """
        outcomes = [part.outcomes(log, contracts) for part in self._definitions]
        customers = outcomes[0].customers
        for other in outcomes[1:]:
            customers = joined_customers(customers, other.customers)
        common: _Pieces | None = None
        for part, each in enumerate(outcomes):
            pieces = _Pieces.of(each, codes_in(customers, each.customers, each.customer), part)
            common = pieces if common is None else common.intersect(pieces, len(customers))
        assert common is not None
        cause, names = self._causes(common.ended_by)
        return Spells(
            customers=customers,
            customer=common.customer,
            start=common.start,
            end=common.end,
            complete_until_us=min(each.complete_until_us for each in outcomes),
            cause=cause,
            causes=names,
            timezone=outcomes[0].timezone,
        )


@dataclass(frozen=True, slots=True, init=False, repr=False)
class AnyOf(Combined):
    """Lost is who is lost by any of several definitions, whichever it is.

    A customer is at risk while at risk by **every** part (so with `ContractEnd` among the parts, a
    customer without a contract never is), is lost at the first churn by any part, and is back when
    all parts have them back. All churns have one cause; `FirstOf` tells which part ended it.

    Parameters
    ----------
    *parts : ChurnDefinition
        The definitions.
    cause : str, default="unknown"
        The cause given to these churns; see `churnlib.outcomes.CAUSES`.

    Raises
    ------
    ParameterError
        If there are no parts.
    ParameterTypeError
        If a part is no definition.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {
    ...         "id": ["a", "a", "b"],
    ...         "at": ["2025-01-01", "2025-01-10", "2025-01-02"],
    ...         "state": ["open", "closed", "open"],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["state"], complete_until="2025-03-01")
    >>> lost = cl.AnyOf(cl.Inactivity("30d"), cl.StatusChange(attribute="state", churned="closed"))
    >>> lost.outcomes(log).frame["churned_at"].dt.date.astype(str).tolist()
    ['2025-01-10', '2025-02-01']
    """

    parts: tuple[ChurnDefinition, ...]
    cause: str

    def __init__(self, *parts: ChurnDefinition, cause: str = UNKNOWN) -> None:
        object.__setattr__(self, "parts", _checked(parts, "AnyOf"))
        object.__setattr__(self, "cause", read_cause(cause))

    @property
    def _definitions(self) -> tuple[ChurnDefinition, ...]:
        return self.parts

    def _causes(self, which: Array) -> tuple[Array, tuple[str, ...]]:
        return np.ones(len(which), dtype=np.int16), (self.cause,)

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as plain values, for JSON.

        Returns
        -------
        dict
            The class, its parts in order, and the cause.
        """
        return {"definition": "AnyOf", "parts": [part.to_dict() for part in self.parts], "cause": self.cause}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> AnyOf:
        parts = [ChurnDefinition.from_dict(part) for part in arguments["parts"]]
        return cls(*parts, cause=arguments.get("cause", UNKNOWN))

    def __repr__(self) -> str:
        named = [] if self.cause == UNKNOWN else [f"cause={self.cause!r}"]
        return f"AnyOf({', '.join([*map(repr, self.parts), *named])})"


@dataclass(frozen=True, slots=True, init=False, repr=False)
class FirstOf(Combined):
    """Several ways to be lost that compete: lost at the first of them, with its name as the cause.

    Who is at risk and when they are lost is as in `AnyOf`. The cause is the name of the part that
    ended the spell first; of parts that end it at the same instant, the one listed first. So the
    outcome serves models of competing risks.

    Parameters
    ----------
    *parts : ChurnDefinition
        Definitions named after their class: `ContractEnd` is "contract_end".
    **named : ChurnDefinition
        Definitions under names of one's own; they follow the others.

    Raises
    ------
    ParameterError
        If there are no parts, or two have one name.
    ParameterTypeError
        If a part is no definition.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> rows = pd.DataFrame(
    ...     {
    ...         "id": ["a", "a", "b"],
    ...         "at": ["2025-01-01", "2025-01-10", "2025-01-02"],
    ...         "state": ["open", "closed", "open"],
    ...     }
    ... )
    >>> log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["state"], complete_until="2025-03-01")
    >>> lost = cl.FirstOf(closed=cl.StatusChange(attribute="state", churned="closed"), silent=cl.Inactivity("30d"))
    >>> lost.outcomes(log).frame["cause"].tolist()
    ['closed', 'silent']
    """

    parts: tuple[tuple[str, ChurnDefinition], ...]

    def __init__(self, *parts: ChurnDefinition, **named: ChurnDefinition) -> None:
        _checked((*parts, *named.values()), "FirstOf")
        pairs = (*((part.name, part) for part in parts), *named.items())
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ParameterError(
                message(
                    f"{len(twice)} names stand for two parts each: {some(twice)}",
                    "one name for each part was expected, since it is the cause",
                    f"FirstOf({twice[0]}=..., another_name=...)",
                )
            )
        object.__setattr__(self, "parts", pairs)

    @property
    def _definitions(self) -> tuple[ChurnDefinition, ...]:
        return tuple(part for _, part in self.parts)

    def _causes(self, which: Array) -> tuple[Array, tuple[str, ...]]:
        return (which + 1).astype(np.int16), tuple(name for name, _ in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the definition as plain values, for JSON.

        Returns
        -------
        dict
            The class, and name and definition of each part in order.
        """
        return {"definition": "FirstOf", "parts": [[name, part.to_dict()] for name, part in self.parts]}

    @classmethod
    def _from_arguments(cls, arguments: dict[str, Any]) -> FirstOf:
        return cls(**{name: ChurnDefinition.from_dict(part) for name, part in arguments["parts"]})

    def __repr__(self) -> str:
        return f"FirstOf({', '.join(f'{name}={part!r}' for name, part in self.parts)})"


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Spells during which customers were at risk, ordered, with the part that ends each."""

    customer: Array
    start: IntArray
    end: IntArray
    ended_by: Array

    @classmethod
    def of(cls, outcomes: Outcomes, customer: Array, part: int) -> _Pieces:
        # Codes into a longer sorted list keep the order by customer.
        return cls(customer, outcomes.start, outcomes.end, np.full(len(customer), part, dtype=np.int64))

    def intersect(self, other: _Pieces, n_customers: int) -> _Pieces:
        """Return the common part of every two spells that overlap; of equal ends mine counts."""
        offsets = offsets_of(other.customer, n_customers)
        low, high = offsets[self.customer], offsets[np.asarray(self.customer) + 1]
        begin = first_beyond(other.end, low, high, self.start)
        stop = first_at_least(other.start, low, high, self.end)
        count = np.maximum(stop - begin, 0)
        mine = np.repeat(np.arange(len(count)), count)
        theirs = np.arange(len(mine)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
        end, their_end = self.end[mine], other.end[theirs]
        return _Pieces(
            self.customer[mine],
            np.maximum(self.start[mine], other.start[theirs]),
            np.minimum(end, their_end),
            np.where(their_end < end, other.ended_by[theirs], self.ended_by[mine]),
        )


def _checked(parts: Sequence[object], name: str) -> Sequence[object]:
    if not parts:
        raise ParameterError(
            message(
                f"{name} was given no definition",
                "at least one was expected",
                f'{name}(Inactivity("60d"), StatusChange(attribute="state", churned=["closed"]))',
            )
        )
    strange = [part for part in parts if not isinstance(part, ChurnDefinition)]
    if strange:
        types = [type(part).__name__ for part in strange]
        raise ParameterTypeError(
            message(
                f"{len(strange)} parts of {name} are no definitions of churn: {some(types)}",
                "definitions such as Inactivity were expected",
                f'{name}(Inactivity("60d"), ...)',
            )
        )
    return parts
