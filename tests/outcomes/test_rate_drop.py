from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import END, expected, follow, instants, make_log, spells_of

WINDOW, BASELINE = 20, 30


class Slow:
    """The definition in fractions, over lists, one customer at a time."""

    def __init__(self, rows, alive, by, least):
        self.rows, self.alive, self.by, self.least = rows, alive, by, least  # rows: (time, value)
        self.first = min(alive, default=None)

    def dropped(self, x):
        if self.first is None or x < self.first + WINDOW + BASELINE:
            return None
        recent = sum(v for t, v in self.rows if x - WINDOW < t <= x)
        base = sum(v for t, v in self.rows if x - WINDOW - BASELINE < t <= x - WINDOW)
        events = sum(1 for t in self.alive if x - WINDOW - BASELINE < t <= x - WINDOW)
        if base <= 0 or events < self.least:
            return None
        goal = (1 - self.by) * Fraction(base, BASELINE)
        return goal if Fraction(recent, WINDOW) < goal else None

    def instants(self):
        return sorted({t + WINDOW for t, _ in self.rows} | {self.first + WINDOW + BASELINE}) if self.alive else []

    def lost_after(self, s):
        return next(
            ((x, self.dropped(x)) for x in self.instants() if s < x < END and self.dropped(x) is not None), None
        )

    def back_at(self, d, goal):
        for u in sorted(t for t in self.alive if t >= d):
            if Fraction(sum(v for t, v in self.rows if u - WINDOW < t <= u), WINDOW) >= goal:
                return u
        return None

    def spells(self):
        return follow(self.first, self.lost_after, self.back_at)


shares = st.sampled_from([0.1, 0.3, 0.5, 0.75])


def dense(low):
    """Draw one customer with many rows, so that windows and baselines are filled, and a few of another."""
    whole = st.integers(0, 24).map(lambda k: 5 * k) | instants(120)
    row = st.fixed_dictionaries({"id": st.sampled_from("aaab"), "t": whole, "amount": st.integers(low, 9)})
    return st.lists(row, min_size=4, max_size=40)


def frequency(events, by, least):
    times = [e["t"] for e in events if (e["amount"] or 0) >= 0]
    return Slow([(t, 1) for t in times], times, Fraction(str(by)), least)


def spend(events, by, least):
    times = [e["t"] for e in events if e["amount"] >= 0]
    return Slow([(e["t"], e["amount"]) for e in events], times, Fraction(str(by)), least)


@given(dense(-4), shares, st.integers(1, 4))
def test_frequency_agrees_with_fractions_over_lists(rows, by, least):
    log = make_log(rows)
    drop = cl.FrequencyDrop(by=by, window="20us", baseline="30us", min_events=least)
    assert spells_of(drop.outcomes(log)) == expected(log, lambda events: frequency(events, by, least).spells())


@given(dense(-4), shares, st.integers(1, 4))
def test_spend_agrees_with_fractions_over_lists(rows, by, least):
    log = make_log(rows)
    drop = cl.SpendDrop(by=by, window="20us", baseline="30us", min_events=least)
    assert spells_of(drop.outcomes(log)) == expected(log, lambda events: spend(events, by, least).spells())


@given(dense(0), shares, st.integers(1, 4), st.booleans())
def test_the_first_churn_is_the_first_of_all_instants_at_which_the_drop_holds(rows, by, least, money):
    log = make_log(rows, until=400)
    kind, slow = (cl.SpendDrop, spend) if money else (cl.FrequencyDrop, frequency)
    outcomes = kind(by=by, window="20us", baseline="30us", min_events=least).outcomes(log)
    for code in range(log.n_customers):
        judge = slow([{"t": int(t), "amount": int(a)} for t, a in _rows(log, code)], by, least)
        first = next((x for x in range(judge.first + 1, 400) if judge.dropped(x) is not None), NEVER)
        assert int(outcomes.end[(outcomes.customer == code) & (outcomes.spell == 1)][0]) == first


def _rows(log, code):
    here = slice(int(log.offsets[code]), int(log.offsets[code + 1]))
    return zip(log.time[here], log.amount[here], strict=True)


def test_a_drop_of_exactly_the_share_is_none():
    # At 80 and 90 the baseline holds 4 visits in 40 us, the recent window 2: exactly a half is gone.
    log = make_log([{"id": "a", "t": t} for t in (0, 10, 20, 30, 40, 50, 70, 90)], until=95)
    arguments = {"window": "40us", "baseline": "40us", "min_events": 1}
    assert cl.FrequencyDrop(by=0.5, **arguments).outcomes(log).end.tolist() == [NEVER]
    assert cl.FrequencyDrop(by=0.49, **arguments).outcomes(log).end.tolist() == [80]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_who_comes_at_equal_intervals_is_never_lost(gap, window, baseline):
    times = range(0, 40 * gap, gap)
    log = make_log([{"id": "a", "t": t} for t in times], until=times[-1] + 1)
    # The windows hold whole numbers of intervals, so that no visit more or less fits in by chance.
    drop = cl.FrequencyDrop(by=0.01, window=f"{window * gap}us", baseline=f"{baseline * gap}us", min_events=1)
    assert drop.outcomes(log).end.tolist() == [NEVER]


@pytest.mark.parametrize(("until", "end"), [(80, NEVER), (81, 80)])
def test_a_drop_at_the_very_end_of_the_data_is_undecided(until, end):
    log = make_log([{"id": "a", "t": t} for t in (0, 10, 20, 30, 40)], until=until)
    drop = cl.FrequencyDrop(by=0.99, window="40us", baseline="40us", min_events=4)
    assert drop.outcomes(log).end.tolist() == [end]


def test_silence_and_habit_bring_nobody_back():
    times = [*range(0, 80, 10), *range(110, 600, 40)]  # one in ten, then one in forty
    log = make_log([{"id": "a", "t": t} for t in times], until=1000)
    outcomes = cl.FrequencyDrop(by=0.3, window="40us", baseline="40us", min_events=2).outcomes(log)
    assert spells_of(outcomes) == {"a": [(0, 90)]}


def test_nothing_is_judged_before_window_and_baseline_are_over():
    log = make_log([{"id": "a", "t": t} for t in (0, 1, 2, 3, 4, 5)], until=1000)
    lost = cl.FrequencyDrop(by=0.3, window="20us", baseline="20us", min_events=2)
    assert lost.outcomes(log).end.tolist() == [40]  # silent since 5, and yet not at 25


def test_refunds_count_as_visits_only_when_asked_for():
    log = make_log([{"id": "a", "t": 10 * k, "amount": -1 if k > 8 else 1} for k in range(20)], until=1000)
    arguments = {"by": 0.3, "window": "40us", "baseline": "40us", "min_events": 2}
    without = cl.FrequencyDrop(**arguments).outcomes(log)
    with_ = cl.FrequencyDrop(refunds=True, **arguments).outcomes(log)
    assert without.end[0] < with_.end[0]


def test_refunds_are_subtracted_from_the_spend():
    rows = [{"id": "a", "t": 10 * k, "amount": 10} for k in range(9)]
    drop = cl.SpendDrop(by=0.5, window="40us", baseline="40us", min_events=2)
    assert drop.outcomes(make_log(rows, until=81)).end.tolist() == [NEVER]
    # At 80 the recent window (40, 80] holds 4 orders of 10 less a refund of 25: 15 of 40.
    refunded = [*rows, {"id": "a", "t": 55, "amount": -25}]
    assert drop.outcomes(make_log(refunded, until=81)).end.tolist() == [80]


def test_money_beyond_two_to_the_53_is_compared_exactly():
    big = 2**53
    rows = [
        {"id": "a", "t": 10, "amount": 1},
        {"id": "a", "t": 30, "amount": big + 1},
        {"id": "a", "t": 60, "amount": (big // 2)},
    ]
    rows += [
        {"id": "b", "t": 10, "amount": 1},
        {"id": "b", "t": 30, "amount": big + 1},
        {"id": "b", "t": 60, "amount": big // 2 + 1},
    ]
    log = make_log(rows, until=90)
    drop = cl.SpendDrop(by=0.5, window="40us", baseline="20us", min_events=1)
    # Judged at 70: the baseline (10, 30] is 2**53 + 1 in 20 us; half of its rate over 40 us is 2**53 + 1.
    outcomes = drop.outcomes(log)
    assert outcomes.end[outcomes.spell == 1].tolist() == [70, 70]
    half = cl.SpendDrop(by=Fraction(3, 4), window="40us", baseline="20us", min_events=1).outcomes(log)
    # A quarter of the rate is 2**52 + 1/2: 2**52 is below it, 2**52 + 1 is not.
    assert half.end[half.spell == 1].tolist() == [70, NEVER]


def test_ratios_that_do_not_fit_64_bits_are_formed_in_python():
    from churnlib.outcomes._shares import least_levels

    base = np.array([0, 1, -7, 2**40], dtype=np.int64)
    ratio = Fraction(2**40 + 1, 3)
    top = 2**63 - 1
    assert least_levels(base, ratio).tolist() == [max(-top, min(top, -(-int(b) * ratio.numerator // 3))) for b in base]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cl.FrequencyDrop(by=0), ParameterError, "by=0 is out of range"),
        (lambda: cl.FrequencyDrop(by=1.0), ParameterError, "by=1.0 is out of range"),
        (lambda: cl.SpendDrop(by=-0.2), ParameterError, "by=-0.2 is out of range"),
        (lambda: cl.SpendDrop(by=float("nan")), ParameterError, "by=nan is out of range"),
        (lambda: cl.FrequencyDrop(by="30%"), ParameterTypeError, "by='30%' is a str"),
        (lambda: cl.FrequencyDrop(window="0d"), ParameterError, "window='0d' has a length of zero"),
        (lambda: cl.FrequencyDrop(window="3mo"), ParameterError, "window='3mo' has no fixed length"),
        (lambda: cl.FrequencyDrop(baseline="1y"), ParameterError, "baseline='1y' has no fixed length"),
        (lambda: cl.FrequencyDrop(min_events=0), ParameterError, "min_events=0"),
        (lambda: cl.SpendDrop().outcomes(make_log([{"id": "a", "t": 1}])), SchemaError, "without amounts"),
        (lambda: cl.FrequencyDrop(kinds="x").outcomes(make_log([{"id": "a", "t": 1}])), ParameterError, "x"),
        (lambda: cl.FrequencyDrop().outcomes(None), ParameterError, "FrequencyDrop was given no log"),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    with pytest.raises(error, match=text):
        make()
