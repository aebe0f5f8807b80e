"""Which column plays which role, and what to do with rows that break a rule."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from churnlib._checks import as_names, check_choice
from churnlib.calendar import zone_name
from churnlib.exceptions import ParameterError, message, some

__all__ = ["Schema"]

_ROLES = ("customer", "time", "kind", "amount", "quantity", "price", "item", "known_at", "event_id", "currency")
_CHOICES: dict[str, tuple[str, ...]] = {
    "duplicates": ("error", "drop", "keep"),
    "missing_customer": ("error", "drop"),
    "missing_amount": ("error", "zero"),
    "negative": ("refund", "error"),
    "future": ("error", "drop"),
}
_RESERVED = {"customer_id", "time", "kind", "known_at", "amount", "item", "event_id"}
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The roles of a table's columns, and the rules for its doubtful rows.

    Parameters
    ----------
    customer, time : str
        Columns of the customer id and of the time of the event.
    kind, amount, quantity, price, item, known_at, event_id : str or None, default=None
        Columns of the other roles.
    currency : str or None, default=None
        A column of currency codes, or one code such as ``"EUR"``.
    attributes : tuple of str, default=()
        Columns of dated attributes.
    facts : tuple of str, default=()
        Kinds that state something about customers, and are nothing they did.
    timezone : str, default="UTC"
        The zone of naive times and of the log's calendar.
    time_format : str or None, default=None
        A strptime format for times that are texts but not ISO 8601.
    duplicates : {"error", "drop", "keep"}, default="error"
        What to do with a repeated event id.
    missing_customer : {"error", "drop"}, default="error"
        What to do with a row that names no customer.
    missing_amount : {"error", "zero"}, default="error"
        What to do with a row without an amount.
    negative : {"refund", "error"}, default="refund"
        What to do with a negative amount.
    future : {"error", "drop"}, default="error"
        What to do with an event at or after `complete_until`.

    Examples
    --------
    >>> Schema(customer="id", time="ts", kind="type").columns()
    {'customer': 'id', 'time': 'ts', 'kind': 'type'}
    """

    customer: str
    time: str
    kind: str | None = None
    amount: str | None = None
    quantity: str | None = None
    price: str | None = None
    item: str | None = None
    known_at: str | None = None
    event_id: str | None = None
    currency: str | None = None
    attributes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    timezone: str = "UTC"
    time_format: str | None = None
    duplicates: Literal["error", "drop", "keep"] = "error"
    missing_customer: Literal["error", "drop"] = "error"
    missing_amount: Literal["error", "zero"] = "error"
    negative: Literal["refund", "error"] = "refund"
    future: Literal["error", "drop"] = "error"

    @classmethod
    def checked(
        cls, *, attributes: str | Iterable[str], facts: str | Iterable[str] = (), timezone: str, **roles: Any
    ) -> Schema:
        """Check the arguments a caller gave and make a schema of them.

        Parameters
        ----------
        attributes : str or iterable of str
            Columns of dated attributes.
        facts : str or iterable of str, default=()
            Kinds that are nothing customers did.
        timezone : str
            An IANA name.
        **roles : Any
            The other fields of the schema.

        Returns
        -------
        Schema
            The checked schema.

        Raises
        ------
        ParameterError
            When roles contradict each other, or a rule has no such choice.

        Examples
        --------
        >>> Schema.checked(customer="id", time="ts", attributes="plan", timezone="UTC").attributes
        ('plan',)
        """
        for rule, choices in _CHOICES.items():
            if rule in roles:
                check_choice(roles[rule], choices, name=rule)
        names = _names(attributes, "attributes")
        schema = cls(attributes=names, facts=_names(facts, "facts"), timezone=zone_name(timezone), **roles)
        if schema.facts and schema.kind is None:
            raise ParameterError(
                message(
                    f"facts={list(schema.facts)} without a column of kinds",
                    "facts are kinds of events",
                    "kind='column'",
                )
            )
        if (schema.quantity is None) != (schema.price is None):
            given, lacking = ("quantity", "price") if schema.price is None else ("price", "quantity")
            raise ParameterError(
                message(f"{given}= was given without {lacking}=", "the amount is their product", f"{lacking}='column'")
            )
        if schema.amount is not None and schema.quantity is not None:
            raise ParameterError(
                message(
                    "amount= and quantity= with price= were both given",
                    "an amount has one source",
                    f"leave out amount={schema.amount!r}",
                )
            )
        used = set(schema.columns().values()) & set(names)
        if used & {schema.customer, schema.time}:
            raise ParameterError(
                message(
                    f"attributes names {some(sorted(used))}, which already play a role",
                    "an attribute is a column of its own",
                    "leave them out of attributes=",
                )
            )
        taken = _RESERVED & set(names)
        if taken:
            raise ParameterError(
                message(
                    f"{len(taken)} attributes have a name of the log's own ({some(sorted(taken))})",
                    f"attributes stand beside {some(sorted(_RESERVED), 8)} in log.to_frame()",
                    f"frame.rename(columns={{{min(taken)!r}: 'my_{min(taken)}'}})",
                )
            )
        return schema

    @property
    def has_money(self) -> bool:
        """Whether the events have amounts."""
        return self.amount is not None or self.quantity is not None

    def columns(self) -> dict[str, str]:
        """Return role to column, for the roles that are given; attributes are left to `attributes`."""
        named = {role: getattr(self, role) for role in _ROLES}
        return {role: name for role, name in named.items() if name is not None}

    def wanted(self, available: Iterable[str]) -> dict[str, str]:
        """Return every column to read, by role; a currency code is not a column.

        Parameters
        ----------
        available : iterable of str
            The columns of the table.

        Returns
        -------
        dict of str to str
            Role to column; attributes come as ``"attributes[name]"``.
        """
        wanted = self.columns()
        if (
            "currency" in wanted
            and wanted["currency"] not in set(available)
            and _CURRENCY.fullmatch(wanted["currency"])
        ):
            del wanted["currency"]
        return wanted | {f"attributes[{name}]": name for name in self.attributes}

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain values that JSON can hold."""
        return asdict(self) | {"attributes": list(self.attributes), "facts": list(self.facts)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Schema:
        """Rebuild a schema from what `to_dict` returned."""
        known = {entry.name for entry in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        lists = {name: tuple(values.get(name, ())) for name in ("attributes", "facts")}
        return cls(**kept | lists)


def _names(value: str | Iterable[str], name: str) -> tuple[str, ...]:
    return as_names(value if isinstance(value, (str, list)) else list(value), name=name)
