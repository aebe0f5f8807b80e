"""A customer's alerts as bytes: whole, of these rules, or refused by name."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnlib.alerts import OnlineAlerts, Rule, RuleSet
from churnlib.alerts._online._bytes import _CELL, _HEAD, _MAGIC, _checksum
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, VersionError
from tests.alerts.worlds import Moment, moments, rule_sets

RULES = RuleSet([Rule("a", 1, "x > 1", for_="1d", of=(2, 3)), Rule("b", 2, "x > 2", keep_firing="1d")])


def online() -> OnlineAlerts:
    found = RULES.online()
    for day in (2, 3):
        found.step("ann", {"x": 3}, f"2026-03-0{day}")
    return found


def wrapped(body: bytes) -> bytes:
    """Bytes that are right up to their content."""
    return b"".join((_MAGIC, b"\x01", bytes.fromhex(RULES.digest), _checksum(body), body))


@given(rules=rule_sets(), story=moments(max_size=5))
def test_a_customer_who_moves_goes_on_as_before(rules: RuleSet, story: list[Moment]) -> None:
    here, there = rules.online(), rules.online()
    for moment in story:
        for one in (here, there):
            one.set(sources=moment.sources)
        for customer, row in moment.rows.items():
            assert here.step(customer, row, moment.now) == there.step(customer, row, moment.now)
        moved = rules.online()
        assert [moved.from_bytes(there.to_bytes(customer)) for customer in there.state().customers] == list(
            there.state().customers
        )
        there = moved
        assert there.state() == here.state()


@pytest.mark.parametrize("customer", [7, -(2**63), "", "Zoë", "\ud800", "a" * 65_535])
def test_ids_stay_what_they_are(customer: Any) -> None:
    here, there = RULES.online(), RULES.online()
    here.step(customer, {"x": 3}, "2026-03-02")
    found = there.from_bytes(here.to_bytes(customer))
    assert found == customer
    assert type(found) is type(customer)


def test_few_cells_are_few_bytes() -> None:
    assert len(online().to_bytes("ann")) == len(_MAGIC) + 1 + 32 + 16 + 11 + 3 + 2 * 29


def test_what_was_known_before_is_replaced() -> None:
    here, there = online(), RULES.online()
    there.step("ann", {"x": 0}, "2026-03-09")
    there.step("bob", {"x": 3}, "2026-03-09")
    there.from_bytes(here.to_bytes("ann"))
    there.forget(["bob"])
    assert there.state() == here.state()
    assert there.tick("2026-03-20") == []  # the row of another life is not kept


def test_who_is_not_known_has_no_bytes() -> None:
    with pytest.raises(DataError, match="customer 'bob' is not known; one of 1 customers"):
        online().to_bytes("bob")
    one = RULES.online()
    one.step("a" * 65_536, {"x": 3}, "2026-03-02")
    with pytest.raises(DataError, match="an id has 65,536 bytes"):
        one.to_bytes("a" * 65_536)


def test_bytes_of_other_rules_versions_or_contents_are_refused() -> None:
    data = online().to_bytes("ann")
    other = RuleSet([Rule("a", 1, "x > 1")]).online()
    with pytest.raises(VersionError, match=f"the alerts belong to rules with the digest {RULES.digest[:12]}"):
        other.from_bytes(data)
    with pytest.raises(VersionError, match="written with schema version 9"):
        online().from_bytes(_MAGIC + b"\x09" + data[len(_MAGIC) + 1 :])
    with pytest.raises(VersionError, match="not as they were written"):
        online().from_bytes(data[:-1] + b"\xff")
    with pytest.raises(VersionError, match="70 bytes are no alerts of a customer"):
        online().from_bytes(b"x" * 70)
    numbers = RULES.online()
    numbers.step(7, {"x": 3}, "2026-03-02")
    with pytest.raises(ParameterError, match="others are known by ids such as 7"):
        numbers.from_bytes(data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        _HEAD.pack(0, 2, 1) + b"a",
        _HEAD.pack(0, 1, 9) + b"ann",
        _HEAD.pack(0, 0, 3) + b"ann",
        _HEAD.pack(0, 0, 20) + b"99999999999999999999",
        _HEAD.pack(0, 1, 1) + b"\xff",
        _HEAD.pack(0, 1, 1) + b"a" + b"cell",
        _HEAD.pack(0, 1, 1) + b"a" + _CELL.pack(2, 1, 0, 0, 0, 0),
        _HEAD.pack(0, 1, 1) + b"a" + 2 * _CELL.pack(1, 1, 0, 0, 0, 0),
        _HEAD.pack(0, 1, 1) + b"a" + _CELL.pack(1, 32, 0, 0, 0, 0),
        _HEAD.pack(0, 1, 1) + b"a" + _CELL.pack(0, 0, 0, 8, 0, 0),
    ],
)
def test_contents_that_cannot_be_are_refused(body: bytes) -> None:
    one = online()
    before = one.state()
    with pytest.raises(VersionError, match=f"{len(body)} bytes of a customer's alerts cannot be read"):
        one.from_bytes(wrapped(body))
    assert one.state() == before


@settings(max_examples=4 * settings().max_examples)
@given(data=st.binary(max_size=200), whole=st.booleans(), at=st.integers(0, 150), flip=st.integers(1, 255))
def test_random_bytes_are_refused_by_name(data: bytes, whole: bool, at: int, flip: int) -> None:
    one = online()
    right = bytearray(one.to_bytes("ann"))
    right[at % len(right)] ^= flip
    for garbage in (data, bytes(right), _MAGIC + data):
        with pytest.raises(VersionError):
            one.from_bytes(garbage)
    body = data if whole else struct.pack("<qBH", 5, at % 2, len(data) % 7) + data
    try:
        customer = one.from_bytes(wrapped(body))
    except (VersionError, ParameterError):
        return
    assert customer in one
    assert len(one.state()) == len(one)


@pytest.mark.parametrize("data", [None, 10**12, "text", [1]])
def test_what_is_no_bytes_is_refused_without_room_for_it(data: Any) -> None:
    with pytest.raises(ParameterTypeError, match="data is a "):
        RULES.online().from_bytes(data)
    with pytest.raises(DataError, match="is not known"):
        RULES.online().to_bytes(data)
