from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given

from churnlib.exceptions import DataError
from churnlib.features import Count, Feature, FeatureSpec, Sum
from churnlib.testing import event_logs
from churnlib.testing._online_parity import assert_online_parity

CUTOFFS = ["2025-03-01", "2025-06-01", "2025-09-01"]


@given(event_logs(boundaries=CUTOFFS, late=True, max_size=25))
def test_the_standard_features(log):
    refused = assert_online_parity(FeatureSpec.standard(), log, CUTOFFS)
    assert not refused


@given(event_logs(boundaries=CUTOFFS, late=True, max_size=25))
def test_what_is_refused_is_said(log):
    known = np.maximum.accumulate(np.sort(log.known))
    refused = assert_online_parity(FeatureSpec([Count("7d"), Sum()]), log, CUTOFFS)
    order = np.argsort(log.known, kind="stable")
    late = (log.time[order] < known + 1 - 7 * 86_400_000_000) & (log.known[order] < 1_756_684_800_000_000)
    assert sum(refused.values()) == int(late.sum())


@dataclass(frozen=True)
class Ranked(Feature):
    """A rank among all customers: no feature of one customer."""

    name, meaning, unit, nulls = "ranked", "rank", "rank", "never"

    def raws(self):
        return Count().raws()

    def finish(self, raws, facts):
        return np.argsort(np.argsort(raws[0]))


def test_a_feature_that_looks_at_other_customers_is_found():
    import churnlib as cl

    log = cl.datasets.make_shop(n_customers=5, random_state=0).log
    with pytest.raises(DataError, match=r"'ranked' at 2025-06-01 .* differs for [1-5] customers"):
        assert_online_parity(FeatureSpec([Ranked()]), log, "2025-06-01")
