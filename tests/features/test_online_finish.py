import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.features import (
    Change,
    Count,
    Distinct,
    GapMean,
    GapRatio,
    GapStd,
    Mean,
    MonthsToContractEnd,
    Recency,
    RunLength,
    Share,
    Slope,
    Sum,
    Tenure,
)
from churnlib.features._feature import Facts
from churnlib.features._online_finish import finish_of

FEATURES = [
    Change("30d"), Change("30d", of="sum"), Count(), Distinct(), GapMean(), GapRatio(), Mean(), Recency(),
    RunLength("a"), Share("a"), Slope(), Slope(5, of="sum"), Sum(), Tenure(),
]  # fmt: skip
numbers = st.one_of(st.integers(-3, 40), st.integers(-(2**60), 2**60), st.integers(0, 10**15))


def both(feature, raws, scale=2, at=0):
    places = range(len(raws))
    found = finish_of(feature, list(places), scale, "UTC")([*raws, at])
    columns = tuple(np.array([raw], np.int64) for raw in raws)
    return found, np.asarray(feature.finish(columns, Facts(np.array([at]), scale)))[0]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
@given(data=st.data())
def test_one_number_is_finished_as_a_column_is(feature, data):
    raws = [data.draw(numbers) for _ in feature.raws()]
    found, expected = both(feature, raws, data.draw(st.integers(0, 6)))
    assert found == expected or (np.isnan(found) and np.isnan(expected))


@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=12))
def test_the_spread_of_gaps(gaps):
    found, expected = both(GapStd(), [len(gaps) + 1, sum(gaps), sum(gap * gap for gap in gaps)])
    assert found == expected or (np.isnan(found) and np.isnan(expected))


def test_a_feature_without_a_short_way_is_finished_by_its_own():
    found, expected = both(MonthsToContractEnd(), [40 * 86_400_000_000], at=10 * 86_400_000_000)
    assert found == expected
