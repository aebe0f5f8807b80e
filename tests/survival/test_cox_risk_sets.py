"""Event times by number, and what each row saw of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from churnlib.survival._cox_risk_sets import _BLOCK, risk_sets


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 4), st.booleans(), st.integers(0, 2)), min_size=1, max_size=20
    ),
    st.booleans(),
    st.booleans(),
)
def test_a_row_is_at_risk_at_the_event_times_after_its_entry_up_to_its_time(rows, delayed, in_strata):
    time = np.array([r[0] for r in rows], dtype=float)
    entry = np.maximum(time - [r[1] for r in rows], 0)
    event = np.array([r[2] for r in rows])
    stratum = np.array([r[3] for r in rows])
    sets = risk_sets(time, event, entry=entry if delayed else None, stratum=stratum if in_strata else None)
    heads, value = np.arange(1.0, sets.n_times + 1), np.arange(2.0, len(rows) + 2)
    between = sets.between(heads)
    cells = np.bincount(sets.last_cell, weights=value, minlength=sets.n_times + 1)
    if sets.first_cell is not None:
        cells -= np.bincount(sets.first_cell, weights=value, minlength=sets.n_times + 1)
    at_risk = sets.tails(cells[: sets.n_times])
    table = sets.tails(np.column_stack([cells[: sets.n_times]] * 2))
    for k in range(sets.n_times):
        s = int(np.searchsorted(sets.edges, k, side="right")) - 1
        here = np.ones(len(rows), dtype=bool) if not in_strata else stratum == s
        seen = here & (time >= sets.times[k]) & ((entry < sets.times[k]) | (not delayed))
        assert abs(at_risk[k] - value[seen].sum()) < 1e-9
        np.testing.assert_allclose(table[k], at_risk[k], atol=1e-9)
        between = between - np.where(seen, heads[k], 0.0)
        assert sets.count[k] == (here & event & (time == sets.times[k])).sum()
    np.testing.assert_allclose(between, 0, atol=1e-9)


def test_turns_share_out_the_events_of_a_time():
    sets = risk_sets(np.array([2.0, 1, 2, 2, 3]), np.array([True, True, True, True, False]))
    assert sets.turn.tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(sets.share, [0, 0, 1 / 3, 2 / 3])
    assert sets.over_turns(np.array([1.0, 2, 3, 4])).tolist() == [1, 9]
    assert sets.tied


def test_running_sums_of_long_tables_are_those_of_short_ones():
    n = 2 * _BLOCK + 17
    time = np.arange(1.0, n + 1)
    sets = risk_sets(time, np.ones(n, dtype=bool))
    cells = np.random.default_rng(0).normal(size=(n, 3))
    np.testing.assert_allclose(sets.tails(cells.copy()), np.cumsum(cells[::-1], axis=0)[::-1], atol=1e-9)
