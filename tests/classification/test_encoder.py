import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.classification._encoder import TableEncoder
from churnlib.exceptions import DataError, SchemaError


def codes(encoder, column):
    return encoder.encode(column.to_frame("plan"))["plan"].tolist()


def test_dtype_of_text_does_not_matter():
    text = pd.Series(["b", "a", None, "b"], name="plan")
    kinds = [text.astype(object), text.astype("string"), text.astype("category"), text.astype("string[pyarrow]")]
    kinds.append(text.astype(pd.CategoricalDtype(["z", "b", "a"], ordered=True)))
    encoders = [TableEncoder.learn(kind.to_frame("plan")) for kind in kinds]
    assert all(encoder == encoders[0] for encoder in encoders)
    for kind in kinds:
        np.testing.assert_array_equal(codes(encoders[0], kind), [1, 0, np.nan, 1])


def test_unseen_category_is_missing():
    encoder = TableEncoder.learn(pd.DataFrame({"plan": ["a", "b"]}))
    np.testing.assert_array_equal(codes(encoder, pd.Series(["b", "new"])), [1, np.nan])


def test_declared_category_without_rows_is_not_learned():
    declared = pd.Series(["a"], dtype=pd.CategoricalDtype(["a", "b"]))
    assert TableEncoder.learn(declared.to_frame("plan")).categories == {"plan": ("a",)}


def test_whole_number_categories_survive_a_missing_value():
    # an integer code read with a gap becomes a float: 3 and 3.0 are one category
    whole = pd.Series([3, 5]).astype("category")
    gap = pd.Series([3.0, np.nan]).astype("category")
    encoder = TableEncoder.learn(whole.to_frame("plan"))
    assert encoder.categories == {"plan": ("3", "5")}
    np.testing.assert_array_equal(codes(encoder, gap), [0, np.nan])


def test_large_integer_categories_stay_apart():
    ids = pd.Series([2**53, 2**53 + 1]).astype("category")
    assert TableEncoder.learn(ids.to_frame("plan")).categories == {"plan": (str(2**53), str(2**53 + 1))}


def test_numbers_of_any_dtype_become_floats():
    frame = pd.DataFrame(
        {
            "int8": np.array([1, 2], dtype="int8"),
            "nullable": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "bool": [True, False],
            "decimal": [Decimal("1.5"), None],
            "object": pd.Series([1, 2.5], dtype=object),
            "empty": pd.Series([None, None], dtype=object),
            "mixed": pd.Series([1.5, np.nan], dtype="float32"),
        }
    )
    encoder = TableEncoder.learn(frame)
    assert encoder.categories == {}
    encoded = encoder.encode(frame)
    assert (encoded.dtypes == np.float64).all()
    np.testing.assert_array_equal(encoded.iloc[1].to_numpy(), [2, np.nan, np.nan, 0, np.nan, 2.5, np.nan, np.nan])


def test_true_and_false_of_text_columns():
    mixed = pd.Series([True, "yes"], dtype=object)
    assert TableEncoder.learn(mixed.to_frame("plan")).categories == {"plan": ("True", "yes")}


def test_input_is_not_modified():
    frame = pd.DataFrame({"plan": ["b", None], "n": [1, 2]})
    before = frame.copy(deep=True)
    TableEncoder.learn(frame).encode(frame)
    pd.testing.assert_frame_equal(frame, before)


@given(st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=20), st.randoms())
def test_row_order_at_fit_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    one, other = (
        TableEncoder.learn(pd.DataFrame({"plan": pd.Series(v, dtype=object), "text": "a"})) for v in (values, shuffled)
    )
    assert one == other


@pytest.mark.parametrize(
    "values",
    [pd.to_datetime(["2025-01-01"]), pd.to_timedelta(["1D"]), [dt.date(2025, 1, 1)]],
    ids=["instant", "duration", "date"],
)
def test_dates_are_refused(values):
    with pytest.raises(SchemaError, match=r"1 columns hold dates or durations \(since\)"):
        TableEncoder.learn(pd.DataFrame({"since": values}))


def test_lists_are_refused():
    with pytest.raises(SchemaError, match=r"column 'tags' holds values such as \['a'\] \(list\)"):
        TableEncoder.learn(pd.DataFrame({"tags": [["a"], ["b"]]}))


def test_repeated_names_are_refused():
    with pytest.raises(DataError, match=r"1 column names are repeated \(a\)"):
        TableEncoder.learn(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_text_where_numbers_were():
    encoder = TableEncoder.learn(pd.DataFrame({"n": [1, 2]}))
    with pytest.raises(SchemaError, match=r"column 'n' held numbers at fit and holds 2 texts now \(x, y\)"):
        encoder.encode(pd.DataFrame({"n": ["x", "y"]}))


def test_a_column_that_is_empty_now_is_missing():
    encoder = TableEncoder.learn(pd.DataFrame({"n": [1, 2]}))
    assert encoder.encode(pd.DataFrame({"n": pd.Series([None], dtype="string")}))["n"].isna().all()


def test_infinite_values_are_counted_by_column():
    frame = pd.DataFrame({"a": [np.inf, 1], "b": [-np.inf, np.inf], "c": ["x", "y"]})
    with pytest.raises(DataError, match=r"3 values are infinite \(a: 1, b: 2\)"):
        TableEncoder.learn(frame).encode(frame)


def test_complex_numbers_are_refused():
    frame = pd.DataFrame({"a": [1j]})
    with pytest.raises(SchemaError, match="Complex data not supported"):
        TableEncoder.learn(frame).encode(frame)


def test_true_and_one_are_two_categories_whatever_stands_beside_them():
    rows = pd.DataFrame({"plan": np.array([1, True, 1.0, "a", np.False_, 0, None], dtype=object)})
    encoder = TableEncoder.learn(rows)
    assert encoder.categories == {"plan": ("0", "1", "False", "True", "a")}
    together = codes(encoder, rows["plan"])
    alone = [codes(encoder, rows["plan"].iloc[[place]])[0] for place in range(len(rows))]
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, [1, 3, 1, 4, 2, 0, np.nan])
