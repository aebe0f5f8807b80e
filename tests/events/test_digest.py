from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib.events._digest import content_digest


def test_the_digest_depends_on_every_part_and_on_its_type():
    base = content_digest({"a": 1}, [np.array([1, 2])])
    others = [
        content_digest({"a": 2}, [np.array([1, 2])]),
        content_digest({"a": 1}, [np.array([1, 3])]),
        content_digest({"a": 1}, [np.array([1, 2], dtype=np.int32)]),
        content_digest({"a": 1}, [np.array([1]), np.array([2])]),
        content_digest({"a": 1}, [np.array([1, 2]), None]),
        content_digest({"a": 1}, [pd.Index(["1", "2"])]),
    ]
    assert len({base, *others}) == 7


def test_texts_are_told_apart_by_where_they_end():
    assert content_digest({}, [pd.Index(["ab", "c"])]) != content_digest({}, [pd.Index(["a", "bc"])])


def test_the_order_of_bytes_in_memory_does_not_matter():
    big = np.array([1, 2], dtype=">i8")
    assert content_digest({}, [big]) == content_digest({}, [big.astype("<i8")])
    assert content_digest({}, [np.arange(6)[::2]]) == content_digest({}, [np.array([0, 2, 4])])
