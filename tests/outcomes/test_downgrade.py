from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.exceptions import ParameterError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import expected, follow, make_log, rows_of, spells_of, timeline

ORDER = ("free", "basic", "plus", "pro")


def slow(events):
    believed = [(k, ORDER.index(plan)) for k, plan in timeline(events, "plan")]
    falls = [(k, before) for (_, before), (k, now) in pairwise(believed) if now < before]

    def lost_after(s):
        return next((fall for fall in falls if fall[0] > s), None)

    def back_at(d, level):
        return next((k for k, now in believed if k >= d and now >= level), None)

    return follow(min(e["t"] for e in events), lost_after, back_at)


@given(st.booleans().flatmap(lambda late: rows_of({"plan": st.sampled_from([*ORDER, None])}, late=late, max_size=24)))
def test_agrees_with_what_was_believed_at_every_instant(rows):
    first = {"id": "z", "t": 3, "plan": "free"}
    log = make_log([*rows, first | ({"known": 3} if "known" in rows[0] else {})], until=150, attributes=["plan"])
    assert spells_of(cl.Downgrade(attribute="plan", order=ORDER).outcomes(log)) == expected(log, slow)


def test_back_only_at_the_level_that_was_left():
    plans = ["pro", "basic", "free", "plus", "pro", "plus"]
    log = make_log([{"id": "a", "t": 10 * i, "plan": plan} for i, plan in enumerate(plans)], attributes=["plan"])
    outcomes = cl.Downgrade(attribute="plan", order=ORDER).outcomes(log)
    assert spells_of(outcomes) == {"a": [(0, 10), (40, 50)]}
    assert outcomes.causes == ("voluntary",)


def test_one_plan_throughout_is_no_downgrade():
    log = make_log([{"id": "a", "t": t, "plan": "plus"} for t in (1, 2, 3)], attributes=["plan"])
    assert cl.Downgrade(attribute="plan", order=ORDER).outcomes(log).end.tolist() == [NEVER]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: cl.Downgrade(attribute="plan", order=["pro"]), "order names 1 plans"),
        (
            lambda: cl.Downgrade(attribute="plan", order=["basic", "pr"]),
            "states 1 plans that order does not name: pro .did you mean 'pr'",
        ),
    ],
)
def test_refuses_what_cannot_work(make, text):
    log = make_log([{"id": "a", "t": 1, "plan": "pro"}], attributes=["plan"])
    with pytest.raises(ParameterError, match=text):
        make().outcomes(log)
