from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib._frames import read_columns
from churnlib.events._codes import as_index, compact, encode
from churnlib.exceptions import SchemaError


def chunked(values, kind=None, pieces=2):
    cut = len(values) // pieces
    return pa.chunked_array([pa.array(values[:cut], kind), pa.array(values[cut:], kind)])


def check_against_sorting(column, values):
    coded = encode(column, name="id")
    expected = sorted({value for value in values if value is not None})
    assert coded.values.tolist() == expected
    assert [None if code < 0 else expected[code] for code in coded.codes] == values
    assert (coded.missing is None) == (None not in values)


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=30))
def test_integers_are_ranked_over_any_range(values):
    check_against_sorting(chunked(values, pa.int64()), values)


@given(st.lists(st.one_of(st.none(), st.integers(-50, 50)), max_size=30))
def test_integers_of_a_small_range_are_ranked(values):
    check_against_sorting(chunked(values, pa.int8()), values)


@given(st.lists(st.one_of(st.none(), st.text(min_size=1)), max_size=30), st.booleans())
def test_texts_are_ranked_by_code_point(values, as_categories):
    column = chunked(values, pa.string())
    check_against_sorting(column.dictionary_encode() if as_categories else column, values)


@given(st.lists(st.integers(2**63, 2**64 - 1), min_size=1, max_size=20))
def test_integers_beyond_int64_stay_exact(values):
    coded = encode(chunked(values, pa.uint64()), name="id")
    assert coded.values.tolist() == sorted(set(values))
    assert coded.values.dtype == np.uint64


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(38, 2)])
def test_whole_numbers_become_integers_and_are_counted(kind):
    coded = encode(pa.chunked_array([pa.array([17850, None, 13047], pa.int64()).cast(kind)]), name="id")
    assert coded.values.tolist() == [13047, 17850]
    assert coded.codes.tolist() == [1, -1, 0]
    assert coded.integral == 2


def test_floats_too_large_to_be_exact_are_no_ids():
    with pytest.raises(
        SchemaError, match=r"1 values of column 'id', double, are not whole numbers below 2⁵³ \(row 1\)"
    ):
        encode(pa.chunked_array([[1.0, 2.0**54]]), name="id")


def test_categories_of_numbers_and_unused_ones():
    series = pd.Series(pd.Categorical([30, 10, 30], categories=[10, 20, 30]))
    coded = encode(pa.chunked_array([pa.array(series)]), name="id")
    assert coded.values.tolist() == [10, 30]
    assert coded.codes.tolist() == [1, 0, 1]


def test_an_empty_text_is_missing():
    coded = encode(pa.chunked_array([["a", "", "b"]]), name="id")
    assert coded.missing.tolist() == [False, True, False]


def test_a_column_of_nulls_or_of_nothing_has_no_values():
    assert encode(pa.chunked_array([pa.nulls(2)]), name="id").missing.all()
    assert not len(encode(pa.chunked_array([pa.array([], pa.string())]), name="id").codes)
    assert not len(encode(pa.chunked_array([], pa.string()), name="id").codes)
    assert not len(encode(pa.chunked_array([pa.array([], pa.int64())]), name="id").values)


def test_objects_without_an_order_are_refused():
    ids = np.array([uuid.uuid4(), "a"], dtype=object)
    with pytest.raises(
        SchemaError, match=r"column 'id' mixes types: 1 × UUID, 1 × str.*\nFix: frame\['id'\].astype\('string'\)"
    ):
        encode(ids, name="id")
    with pytest.raises(SchemaError, match=r"column 'id' holds binary; texts or integers"):
        encode(pa.chunked_array([[b"a"]]), name="id")


@given(st.lists(st.integers(-1, 5), max_size=20))
def test_compacting_keeps_what_rows_say(codes):
    values = pd.Index(list("abcdef"))
    before = [None if code < 0 else values[code] for code in codes]
    kept, left = compact(np.array(codes, dtype=np.int32), values)
    assert [None if code < 0 else left[code] for code in kept] == before
    assert set(left) == {value for value in before if value is not None}
    assert kept.dtype == np.int32


def test_an_index_of_integers_is_64_bits_wide():
    assert as_index(np.array([1, 2], dtype=np.uint8)).dtype == np.int64
    assert as_index(["a"]).tolist() == ["a"]


@pytest.mark.parametrize("values", [[uuid.UUID(int=1), uuid.UUID(int=2)], [10**30, 1], [(1, 2), (1, 3)]])
def test_objects_of_one_type_are_not_called_a_mixture_and_the_fix_works(values):
    frame = pd.DataFrame({"id": pd.Series(values, dtype=object)})
    column = read_columns(frame, {"customer": "id"})["customer"]
    with pytest.raises(SchemaError, match=r"column 'id' holds objects: 2 × ") as caught:
        encode(column, name="id")
    frame["id"] = eval(str(caught.value).partition("Fix: ")[2], {"frame": frame})
    assert len(encode(read_columns(frame, {"customer": "id"})["customer"], name="id").values) == 2


def test_the_fix_for_mixed_ids_makes_no_customer_of_a_missing_id():
    frame = pd.DataFrame({"id": pd.Series([1, "a", None], dtype=object)})
    with pytest.raises(SchemaError, match="mixes types: 1 × int, 1 × str") as caught:
        encode(read_columns(frame, {"customer": "id"})["customer"], name="id")
    frame["id"] = eval(str(caught.value).partition("Fix: ")[2], {"frame": frame})
    assert encode(read_columns(frame, {"customer": "id"})["customer"], name="id").values.tolist() == ["1", "a"]
