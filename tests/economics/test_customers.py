import pandas as pd
import pytest

from churnlib.economics import customers_of
from churnlib.exceptions import SchemaError


def test_customers_come_from_the_level_of_a_dataset():
    index = pd.MultiIndex.from_product(
        [["b", "a"], pd.to_datetime(["2025-01-01", "2025-02-01"], utc=True)], names=["customer_id", "cutoff"]
    )
    assert list(customers_of(pd.DataFrame({"x": range(4)}, index=index))) == ["b", "b", "a", "a"]


def test_a_named_flat_index_serves():
    assert list(customers_of(pd.DataFrame({"x": [1]}, index=pd.Index([7], name="CustomerID")))) == [7]


def test_a_nameless_index_is_refused():
    with pytest.raises(SchemaError, match=r"(?s)the 2 rows have an index without names.*rename_axis\('customer_id'\)"):
        customers_of(pd.DataFrame({"x": [1, 2]}).rename_axis(None))


def test_levels_without_customers_are_refused():
    index = pd.MultiIndex.from_tuples([(1, 2)], names=["shop", "day"])
    with pytest.raises(SchemaError, match=r"the 1 rows have index levels \['shop', 'day'\]"):
        customers_of(pd.DataFrame({"x": [1]}, index=index))
