from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.events import _order
from churnlib.events._order import canonical_order, gather, take

CODES = st.lists(st.integers(0, 4), min_size=1, max_size=40)


def by_hand(codes, time, *ties):
    keys = list(zip(codes, time, *ties, strict=True))
    return sorted(range(len(keys)), key=lambda row: keys[row]), keys


def check(codes, time, *ties):
    codes, time = np.asarray(codes, dtype=np.int32), np.asarray(time, dtype=np.int64)
    order, offsets, identical = canonical_order(codes, int(codes.max()) + 1, time, [np.asarray(tie) for tie in ties])
    expected, keys = by_hand(codes.tolist(), time.tolist(), *[list(tie) for tie in ties])
    assert [keys[row] for row in order] == [keys[row] for row in expected]
    assert sorted(order.tolist()) == list(range(len(codes)))
    assert np.diff(offsets).tolist() == np.bincount(codes).tolist()
    assert identical == len(keys) - len(set(keys))


@given(st.data(), CODES)
def test_rows_come_as_python_sorts_them(data, codes):
    time = [data.draw(st.integers(-3, 3)) for _ in codes]
    kind = [data.draw(st.integers(0, 1)) for _ in codes]
    amount = [data.draw(st.integers(-1, 1)) for _ in codes]
    check(codes, time, kind, amount)


@pytest.mark.parametrize("block", [4, 64])
@pytest.mark.parametrize(
    "step", [1, 1_000, 1_000_000, 86_400_000_000, 2**40], ids=["us", "ms", "s", "day", "too long to pack"]
)
def test_every_way_of_packing_keys_gives_the_same_order(monkeypatch, block, step):
    monkeypatch.setattr(_order, "_BLOCK", block)
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 40, 500)
    time = generator.integers(0, 50, 500) * step + (0 if step > 1 else 1)
    check(codes, time, generator.integers(0, 2, 500))


@pytest.mark.parametrize("span", [2**20, 2**55, 2**62])
def test_wide_spans_of_time_are_sorted_without_packing(monkeypatch, span):
    monkeypatch.setattr(_order, "_BLOCK", 128)
    generator = np.random.default_rng(1)
    codes = np.append(generator.integers(0, 300, 998), [0, 0])
    time = np.append(generator.integers(-span // 2, span // 2, 998), [-span // 2, span // 2])
    check(codes, time)


def test_rows_already_in_time_order_need_no_sort(monkeypatch):
    monkeypatch.setattr(_order, "_sort_inside", None)  # would fail if it were called
    check([2, 0, 1, 0], [1, 2, 2, 3])


def test_one_customer_with_very_many_events():
    generator = np.random.default_rng(2)
    time = generator.permutation(300_000)
    order, offsets, _ = canonical_order(np.zeros(300_000, dtype=np.int32), 1, time, [])
    assert (time[order] == np.arange(300_000)).all()
    assert offsets.tolist() == [0, 300_000]


def test_missing_numbers_are_equal_to_each_other():
    values = np.array([np.nan, 1.0, np.nan])
    order, _, identical = canonical_order(np.zeros(3, dtype=np.int32), 1, np.zeros(3, dtype=np.int64), [values])
    assert identical == 1
    assert order[0] == 1


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "float64"])
@pytest.mark.parametrize("size", [10, 100_000])
def test_values_are_looked_up_by_position(kind, size):
    generator = np.random.default_rng(3)
    values = generator.integers(0, 100, size).astype(kind)
    places = generator.permutation(size).astype(np.int32)
    assert (take(values, places) == values[places]).all()
    gathered = gather([values, None, values.astype(bool)], places)
    assert gathered[1] is None
    assert (gathered[2] == values[places].astype(bool)).all()
