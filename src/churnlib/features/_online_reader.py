"""One event as a mapping, read by the rules by which `EventLog.from_frame` reads a column."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from churnlib.calendar import to_us
from churnlib.events import Schema
from churnlib.exceptions import ChurnlibError, DataError, MoneyError, SchemaError, TimeError, message, nearest

__all__ = ["EventReader", "ReadEvent"]

_AWARE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NAIVE = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the wall clock of UTC
_EXACT = 2**53
"""Up to here every whole number is a float of its own."""

_LARGEST = 2**63


ReadEvent: TypeAlias = tuple[Any, int, int, str, int, Any, tuple[Any, ...], Any]
"""Customer, time, known, kind, amount, item, what is stated of each attribute, event id.

Times are microseconds since 1970 in UTC, amounts minor units, and None is what an event does not
say. What became known before it happened keeps both times: it moves the clock when it comes in.
A plain tuple, as one with names takes as long to make as all the rest of reading.
"""

_FIRST, _LAST = (
    (dt.datetime(year, month, day, tzinfo=dt.UTC) - _AWARE) // dt.timedelta(microseconds=1)
    for year, month, day in ((1, 1, 1), (9999, 12, 31))
)
"""The years that dates have; an integer beyond them counts nanoseconds, or nothing at all."""


class EventReader:
    """Read events of one schema.

    The common types (integers, texts, floats, datetimes) take a short way of their own; all
    others go through the readers of `calendar` and the checks below. What is wrong raises
    before anything is changed.

    Parameters
    ----------
    schema : Schema
        Keys by role, and what to do with doubtful values.
    scale : int
        Decimals of money.
    numeric : dict of str to bool
        Whether an attribute is a number; an attribute takes its type from its first value.

    Attributes
    ----------
    id_type : type or None
        Type of customer ids, from the first one on: 7 and "7" are two customers, and the same
        one written in two ways is a mistake that nobody would notice.
    """

    __slots__ = ("_factor", "_factors", "_keys", "_scale", "_short", "_unit", "_utc", "id_type", "numeric", "schema")

    def __init__(self, schema: Schema, scale: int, numeric: dict[str, bool]) -> None:
        self.schema, self._scale = schema, scale
        self._factor: int = 10**scale
        self._unit = float(self._factor)
        self._utc = schema.timezone == "UTC"
        self._keys = schema.customer, schema.time, schema.kind, schema.amount, schema.item
        self._factors = None if schema.quantity is None or schema.price is None else (schema.quantity, schema.price)
        self._short = schema.known_at is None and schema.event_id is None and not schema.attributes
        self.id_type: type | None = None
        self.numeric = numeric

    def read(self, event: Mapping[str, Any]) -> ReadEvent:
        """Read one event.

        Raises
        ------
        SchemaError
            When a key is missing, or a value is of the wrong type.
        TimeError, MoneyError, DataError
            When a time, an amount, or another value cannot be read.
        """
        customer_key, time_key, kind_key, amount_key, item_key = self._keys
        try:
            customer, time = event[customer_key], event[time_key]
            kind = "event" if kind_key is None else event[kind_key]
            item = None if item_key is None else event[item_key]
            amount = 0 if amount_key is None else event[amount_key]
            # Up to a billion, m = round(x · 10ᵏ) stays below 2**53 at any scale, and x is the
            # nearest float of the decimal number m / 10ᵏ if and only if that is x again.
            if (
                type(amount) is float
                and -1e9 < amount < 1e9
                and (minor := round(amount * self._unit)) / self._unit == amount
            ):
                amount = minor
            elif amount_key is not None:
                amount = self._amount(amount, amount_key)
            elif self._factors is not None:
                amount = self._product(event[self._factors[0]], event[self._factors[1]])
        except (KeyError, TypeError) as error:
            raise _unreadable(error, event) from None
        if (
            type(customer) is not self.id_type
            or customer == ""
            or (type(customer) is int and not -_LARGEST <= customer < _LARGEST)
        ):
            customer = self._id_of(customer)
        if type(time) is not int or not _FIRST <= time <= _LAST:
            time = self.instant(time, time_key)
        if type(kind) is not str or kind == "":
            kind = self._kind(kind)
        if amount < 0 and self.schema.negative == "error":
            raise MoneyError(
                message(
                    f"the amount is {amount / self._unit}",
                    "positive amounts were expected",
                    "negative='refund' keeps refunds, with their sign",
                )
            )
        if item_key is not None and (type(item) is not str or item == ""):
            item = self.name(item, item_key)
        known, stated, event_id = (None, (), None) if self._short else self._rest(event)
        # Settled by an event that was read to its end; None is no type of an id.
        self.id_type = self.id_type or (None if customer is None else type(customer))
        return customer, time, time if known is None else known, kind, amount, item, stated, event_id

    def _rest(self, event: Mapping[str, Any]) -> tuple[int | None, tuple[Any, ...], Any]:
        """Read the roles that few streams have."""
        schema, known, event_id = self.schema, None, None
        types = dict(self.numeric) if len(self.numeric) < len(schema.attributes) else self.numeric
        try:
            if schema.known_at is not None:
                known = self.instant(event[schema.known_at], schema.known_at)
            if schema.event_id is not None:
                event_id = self._id(event[schema.event_id])
            return known, tuple([self.value(event[name], name) for name in schema.attributes]), event_id
        except KeyError as error:
            wrong: ChurnlibError = SchemaError(_no_key(error.args[0], event))
        except ChurnlibError as error:
            wrong = error
        if types is not self.numeric:  # what an event says that is not taken settles nothing
            self.numeric.clear()
            self.numeric.update(types)
        raise wrong

    # -- values ----------------------------------------------------------------------------

    def customer(self, value: Any) -> int | str | None:
        """Return an id as `_id_of` does, and hold others to its type from now on."""
        found = self._id_of(value)
        if self.id_type is None and found is not None:
            self.id_type = type(found)
        return found

    def _id_of(self, value: Any) -> int | str | None:
        """Return an id as the log has it; None where there is none and the schema drops it."""
        found = self.name(value, self.schema.customer)
        if found is None:
            if self.schema.missing_customer == "drop":
                return None
            raise DataError(
                message(
                    f"the event names no customer: {self.schema.customer!r} is {value!r}",
                    "every event belongs to a customer",
                    "missing_customer='drop' refuses such events and counts them",
                )
            )
        if isinstance(found, int) and not -_LARGEST <= found < _LARGEST:
            raise SchemaError(_no_word(found, self.schema.customer))
        if self.id_type is not None and type(found) is not self.id_type:
            words = {int: "integers", str: "texts"}
            raise SchemaError(
                message(
                    f"customer {value!r} is among the {words[type(found)]}, and the ids so far are "
                    f"{words[self.id_type]}",
                    "ids are of one type",
                    f"{self.id_type.__name__}({value!r}) before the event comes in",
                )
            )
        return found

    def name(self, value: Any, role: str) -> int | str | None:
        """Return an id or a name: a text or an integer; None for a missing one."""
        if type(value) is str or type(value) is int:
            return value if value != "" else None
        if value is None or value is pd.NA or value is pd.NaT:
            return None
        if isinstance(value, (bool, np.bool_)):
            raise SchemaError(_no_name(value, role))
        if isinstance(value, (int, np.integer)):
            return int(value)
        if isinstance(value, str):
            return str(value) or None
        if isinstance(value, (float, np.floating, Decimal)):
            if math.isnan(value):
                return None
            if math.isfinite(value) and value == int(value):
                return int(value)
        raise SchemaError(_no_name(value, role))

    def instant(self, value: Any, role: str) -> int:
        """Return a point in time as microseconds of UTC; what is finer is cut down, as in a column."""
        if type(value) is str:
            value = self._from_text(value)
        if type(value) is dt.datetime:
            if value.tzinfo is not None:
                delta = value - _AWARE
            elif self._utc:
                delta = value - _NAIVE
            else:
                return to_us(value, self.schema.timezone)
            return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
        if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            if not _FIRST <= value <= _LAST:
                raise TimeError(_no_year(int(value), role))
            return int(value)
        if value is None or value is pd.NaT or value is pd.NA:
            raise TimeError(
                message(f"the event has no {role!r}", "every event says when it happened", "leave the event out")
            )
        if isinstance(value, (pd.Timestamp, np.datetime64)):
            value = pd.Timestamp(value).floor("us")
        return to_us(value, self.schema.timezone)

    def _from_text(self, text: str) -> Any:
        try:
            if self.schema.time_format is not None:
                return dt.datetime.strptime(text, self.schema.time_format)  # noqa: DTZ007 - the zone is the schema's
            return dt.datetime.fromisoformat(text)
        except ValueError:
            return text

    def _kind(self, value: Any) -> str:
        found = self.name(value, str(self.schema.kind))
        if found is None:
            raise DataError(
                message(
                    f"the event has no kind: {self.schema.kind!r} is {value!r}", "every event has a kind", "'other'"
                )
            )
        return str(found)

    def _id(self, value: Any) -> int | str:
        found = self.name(value, str(self.schema.event_id))
        if found is None:
            raise DataError(
                message(
                    f"the event has no id: {self.schema.event_id!r} is {value!r}",
                    "every event has an id once the key is named",
                    "leave out event_id=",
                )
            )
        return found

    # -- money -----------------------------------------------------------------------------

    def _amount(self, value: Any, role: str) -> int:
        """Return an amount in minor units; a float stands for its shortest decimal number."""
        if type(value) is int:
            return value * self._factor
        number = _decimal(value, role)
        if number is None:
            if self.schema.missing_amount == "zero":
                return 0
            raise MoneyError(
                message(
                    f"the event has no amount: {role!r} is {value!r}",
                    "every event has an amount once the key is named",
                    "missing_amount='zero' if such events moved no money",
                )
            )
        return self._scaled(number, f"{role!r} is {value!r}")

    def _scaled(self, number: Decimal, what: str) -> int:
        minor = number.scaleb(self._scale)
        if minor == minor.to_integral_value():
            return int(minor)
        digits = -int(number.normalize().as_tuple().exponent)
        raise MoneyError(
            message(
                f"{what}, which has {digits} decimals",
                f"amounts are whole units of the scale, which has {self._scale}",
                f"scale={min(digits, 6)} when the state is made, or round(amount, {self._scale})",
            )
        )

    def _product(self, quantity: Any, price: Any) -> int:
        left, right = (
            _decimal(value, str(role)) for value, role in ((quantity, self.schema.quantity), (price, self.schema.price))
        )
        if left is None or right is None:
            return self._amount(None, f"{self.schema.quantity} × {self.schema.price}")
        return self._scaled(left * right, f"{self.schema.quantity} × {self.schema.price} is {quantity!r} × {price!r}")

    # -- attributes ------------------------------------------------------------------------

    def value(self, value: Any, name: str) -> Any:
        """Return what is stated of an attribute: a number, a flag or a text; None for nothing."""
        if value is None or value is pd.NA or value is pd.NaT or value == "" or value != value:  # noqa: PLR0124 - NaN
            return None
        flag = isinstance(value, (bool, np.bool_))
        numeric = isinstance(value, (int, float, np.integer, np.floating, Decimal)) and not flag
        if self.numeric.setdefault(name, numeric) != numeric:
            words = ("categories", "numbers")
            raise SchemaError(
                message(
                    f"attribute {name!r} is {value!r}, and its values so far are {words[self.numeric[name]]}",
                    "an attribute is of one type",
                    f"{'float' if self.numeric[name] else 'str'}(value) before the event comes in",
                )
            )
        if flag:
            return bool(value)
        if not numeric:
            return self.name(value, name)
        number = float(value)
        if math.isinf(number) or (isinstance(value, (int, np.integer)) and abs(int(value)) > _EXACT):
            raise DataError(
                message(
                    f"attribute {name!r} is {value!r}",
                    "a number that is an attribute is a finite 64-bit float, and an integer is below 2⁵³",
                    "str(value) makes a category of it",
                )
            )
        return number + 0.0  # -0.0 and 0.0 are one value


def _decimal(value: Any, role: str) -> Decimal | None:
    """Return a number exactly; None for a missing one."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (bool, np.bool_, str)) or not isinstance(value, (int, float, np.number, Decimal)):
        raise SchemaError(
            message(f"{role!r} is {value!r}, a {type(value).__name__}", "a number was expected", f"float({value!r})")
        )
    try:
        # The text of a float is its shortest decimal number.
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_infinite() or (isinstance(value, (float, np.floating)) and abs(float(value)) > _EXACT):
        raise MoneyError(
            message(f"{role!r} is {value!r}", "a finite amount, exact as a float, was expected", "Decimal('12.50')")
        )
    return None if number.is_nan() else number


def _no_key(key: Any, event: Mapping[str, Any]) -> str:
    return message(
        f"the event has no key {key!r} ({nearest(str(key), [str(name) for name in event])})",
        f"its {len(event)} keys are the roles named when the state was made",
        f"event | {{{key!r}: ...}}",
    )


def _unreadable(error: Exception, event: Any) -> Exception:
    if isinstance(error, KeyError):
        return SchemaError(_no_key(error.args[0], event))
    return error if isinstance(event, Mapping) else SchemaError(_no_event(event))


def _no_event(event: Any) -> str:
    return message(
        f"the event is {str(event)[:40]!r}, a {type(event).__name__}",
        "a mapping with the keys named when the state was made",
        "{'customer_id': 7, 'time': '2025-03-01'}",
    )


def _no_word(value: int, role: str) -> str:
    shown = value if abs(value) < 10**40 else "a number of more than 40 digits"
    return message(f"{role!r} is {shown}", "ids that are whole numbers have 64 bits", "str(...) makes a text of it")


def _no_year(us: int, role: str) -> str:
    return message(
        f"{role!r} is {us}, which as microseconds since 1970 lies in no year from 1 to 9999",
        "whole numbers are microseconds since 1970 in UTC",
        f"{role!r}: {us // 1000} if they were nanoseconds",
    )


def _no_name(value: Any, role: str) -> str:
    return message(
        f"{role!r} is {value!r}, a {type(value).__name__}", "a text or a whole number was expected", f"str({value!r})"
    )
