from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnlib.events import EventLog
from churnlib.features import FeatureSpec, compute
from tests.features.worlds import CUTOFFS, DAY, Event, make_log


def test_the_set_depends_on_roles_only():
    spec = FeatureSpec.standard()
    assert spec.adaptive
    bare = EventLog.from_frame(pd.DataFrame({"c": [1], "t": ["2025-01-01"]}), customer="c", time="t")
    full = make_log([Event(0, CUTOFFS[0])])
    assert spec.for_log(full).left_out == ()
    assert set(spec.for_log(bare).left_out) == {
        n for n in spec.names if "sum" in n or "mean.365d" in n or "distinct" in n
    }


def test_each_kind_gets_columns_of_its_own():
    own = set(FeatureSpec.standard(kinds=("order", "visit")).names) - set(FeatureSpec.standard().names)
    assert own == {f"{kind}.{what}" for kind in ("order", "visit") for what in ("recency", "count.30d", "count.90d")}
    assert FeatureSpec.standard(kinds="order").names == FeatureSpec.standard(kinds=["order"]).names


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_short_history_gives_no_infinite_value(n):
    drawn = [Event(c, CUTOFFS[0] - k * 3 * DAY, kind=1, amount=100 * k) for c in range(n) for k in range(1, c + 2)]
    frame = compute(make_log(drawn), np.array(CUTOFFS), FeatureSpec.standard(kinds=["order", "visit"])).frame
    assert frame.shape == (n * len(CUTOFFS), 32)
    assert not np.isinf(frame.to_numpy(float)).any()
