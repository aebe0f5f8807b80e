"""Labels in three forms are one table."""

from __future__ import annotations

import pandas as pd
import pytest

from churnlib.exceptions import DataError
from churnlib.reasons._labels import read_labels


def test_three_forms_of_the_same() -> None:
    lists = read_labels([["b"], [], ["a", "b"]], 3)
    frame = read_labels(pd.DataFrame({"a": [0, 0, 1], "b": [True, False, True]}), 3)
    assert lists.classes.tolist() == frame.classes.tolist() == ["a", "b"]
    assert lists.true.tolist() == frame.true.tolist() == [[False, True], [False, False], [True, True]]
    single = read_labels(pd.Series([1, 0, 1]), 3)
    assert single.classes.tolist() == [0, 1]
    assert single.true.tolist() == [[False, True], [True, False], [False, True]]
    assert (lists.several, frame.several, single.several) == (True, True, False)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (["a", "b"], "3 texts and 2 labels"),
        (["a", None, "b"], "1 of 3 labels are missing, or lists among single labels .row 1."),
        (["a", ["b"], "c"], "lists among single labels .row 1."),
        (["a", "a", "a"], "the labels hold 1 class;"),
        ([[], [], []], "the labels hold 0 classes"),
        (pd.DataFrame({"a": [0, 2, 1]}), "3 rows for 3 texts, 1 of them with other values"),
        (pd.DataFrame({"a": [0, 1]}), "2 rows for 3 texts"),
    ],
)
def test_what_are_no_labels_is_named(y: object, text: str) -> None:
    with pytest.raises(DataError, match=text):
        read_labels(y, 3)
