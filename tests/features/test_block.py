from __future__ import annotations

import numpy as np
import pandas as pd

from churnlib.features import Count, FeatureSpec, Recency, Sum, compute
from tests.features.worlds import CUTOFFS, DAY, Event, make_log

LOG = make_log([Event(0, CUTOFFS[0] - DAY, amount=150), Event(1, CUTOFFS[1] - DAY)])
BLOCK = compute(LOG, np.array(CUTOFFS[:2]), FeatureSpec([Sum(), Count(), Recency()]))


def test_columns_stand_in_the_order_of_the_spec():
    assert list(BLOCK.frame.columns) == ["any.sum", "any.count", "any.recency"]
    assert isinstance(BLOCK.frame.index, pd.RangeIndex)


def test_a_frame_is_made_anew_and_may_be_changed():
    frame = BLOCK.frame
    frame.loc[:, "any.count"] = 99
    frame.index = ["x"] * len(frame)
    assert BLOCK.frame["any.count"].tolist() == [1, 1, 1]
    assert BLOCK.raw["any.count.ever"].tolist() == [1, 1, 1]


def test_the_block_says_how_large_it_is():
    assert repr(BLOCK) == "FeatureBlock(3 rows × 3 features of 2 customers at 2 cutoffs)"
    assert len(BLOCK) == 3
