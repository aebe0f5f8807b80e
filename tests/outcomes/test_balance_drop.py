from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError, SchemaError
from churnlib.outcomes import NEVER
from churnlib.outcomes._balance_drop import _least_ranks
from tests.outcomes.worlds import expected, follow, make_log, rows_of, spells_of, timeline

WINDOW = 20


def slow(events, by):
    believed = [(k, Fraction(repr(value))) for k, value in timeline(events, "saved")]
    falls = []
    for j, (x, now) in enumerate(believed):
        # Fact i is in force from its own instant until that of the next one.
        in_force = [believed[i][1] for i in range(j) if believed[i + 1][0] > x - WINDOW]
        if in_force and max(in_force) > 0 and now < (1 - by) * max(in_force):
            falls.append((x, (1 - by) * max(in_force)))

    def lost_after(s):
        return next((fall for fall in falls if fall[0] > s), None)

    def back_at(d, level):
        return next((k for k, now in believed if k >= d and now >= level), None)

    return follow(min(e["t"] for e in events), lost_after, back_at)


balances = st.sampled_from([0.0, -5.0, 35.0, 49.9, 50.0, 50.1, 70.0, 70.07, 100.0, 100.1, 200.0, None])


@given(
    st.booleans().flatmap(lambda late: rows_of({"saved": balances}, late=late, max_size=24)),
    st.sampled_from([0.3, 0.5, 0.65]),
)
def test_agrees_with_what_was_believed_at_every_instant(rows, by):
    first = {"id": "z", "t": 3, "saved": 1.0}
    log = make_log([*rows, first | ({"known": 3} if "known" in rows[0] else {})], until=150, attributes=["saved"])
    drop = cl.BalanceDrop(attribute="saved", by=by, window=f"{WINDOW}us")
    assert spells_of(drop.outcomes(log)) == expected(log, lambda events: slow(events, Fraction(str(by))))


@pytest.mark.parametrize(("at", "end"), [(30, 30), (31, NEVER)])
def test_a_balance_carried_into_the_window_counts_while_it_is_in_force(at, end):
    # 100 is in force during [0, 11): at 30 the window [10, 30) still sees it, at 31 it does not.
    log = make_log(
        [{"id": "a", "t": t, "saved": v} for t, v in ((0, 100.0), (11, 60.0), (at, 40.0))], attributes=["saved"]
    )
    assert cl.BalanceDrop(attribute="saved", by=0.5, window="20us").outcomes(log).end.tolist() == [end]


@pytest.mark.parametrize(("now", "end"), [(70.06, 10), (70.07, NEVER), (70.08, NEVER)])
def test_numbers_are_compared_by_their_digits(now, end):
    # 0.7 * 100.1 is 70.07 on paper; in floats it is 70.07 less a rounding error.
    log = make_log([{"id": "a", "t": 0, "saved": 100.1}, {"id": "a", "t": 10, "saved": now}], attributes=["saved"])
    assert cl.BalanceDrop(attribute="saved", by=0.3, window="20us").outcomes(log).end.tolist() == [end]


@given(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, unique=True),
    st.sampled_from([Fraction(1, 10), Fraction(1, 2), Fraction(7, 10)]),
)
def test_ranks_say_what_fractions_say(cents, ratio):
    values = np.unique(np.array(cents) / 100)
    digits = [Fraction(repr(float(v))) for v in values]
    assert _least_ranks(values, ratio).tolist() == [sum(d < ratio * one for d in digits) for one in digits]


def test_a_month_is_a_month_of_the_log():
    rows = pd.DataFrame(
        {"id": "a", "at": ["2025-02-01", "2025-02-10", "2025-03-10 00:00"], "saved": [100.0, 60.0, 40.0]}
    )
    log = cl.EventLog.from_frame(rows, customer="id", time="at", attributes=["saved"])
    assert cl.BalanceDrop(attribute="saved", window="1mo").outcomes(log).end.tolist() == [NEVER]
    assert cl.BalanceDrop(attribute="saved", window="29d").outcomes(log).end.tolist() == [log.time[2]]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cl.BalanceDrop(attribute="saved", by=1.5), ParameterError, "by=1.5 is out of range"),
        (lambda: cl.BalanceDrop(attribute="saved", window="0d"), ParameterError, "window='0d' has a length of zero"),
        (lambda: cl.BalanceDrop(attribute="plan"), SchemaError, "'plan' holds words"),
        (lambda: cl.BalanceDrop(attribute="svaed"), SchemaError, "did you mean 'saved'"),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    log = make_log([{"id": "a", "t": 1, "saved": 1.0, "plan": "pro"}], attributes=["saved", "plan"])
    with pytest.raises(error, match=text):
        make().outcomes(log)
