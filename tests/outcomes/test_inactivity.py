from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import churnlib as cl
from churnlib.calendar import DAY_US, to_us
from churnlib.exceptions import ParameterError, ParameterTypeError
from churnlib.outcomes import NEVER
from tests.outcomes.worlds import END, expected, first_true, follow, instants, make_log, rows_of, spells_of

SILENCE = 20


def slow(events, *, kinds=None, refunds=False, silence=SILENCE):
    times = [e["t"] for e in events if (kinds is None or e["kind"] in kinds) and (refunds or (e["amount"] or 0) >= 0)]

    def silent(d):  # silence is complete at d: someone was there d - silence ago, and nobody since
        return d - silence in times and not any(d - silence < t < d for t in times)

    def lost_after(s):
        d = first_true((t + silence for t in times if t + silence > s), silent)
        return None if d is None else (d, None)

    return follow(min(times, default=None), lost_after, lambda d, _: min((t for t in times if t >= d), default=None))


@given(rows_of({"kind": st.sampled_from(["order", "login"]), "amount": st.integers(-2, 3)}), st.booleans())
def test_agrees_with_a_search_of_every_silence(rows, refunds):
    log = make_log(rows)
    wanted = [kind for kind in ("order", "login") if kind in log.kinds][:1]
    for kinds in (None, wanted):
        outcomes = cl.Inactivity(f"{SILENCE}us", kinds=kinds, refunds=refunds).outcomes(log)
        assert spells_of(outcomes) == expected(log, lambda events: slow(events, kinds=kinds, refunds=refunds))  # noqa: B023


@pytest.mark.parametrize(("gap", "spells"), [(-1, 1), (0, 2), (1, 2)])
def test_an_activity_exactly_at_the_end_of_the_silence_comes_too_late(gap, spells):
    log = make_log([{"id": "a", "t": 5}, {"id": "a", "t": 5 + SILENCE + gap}])
    outcomes = cl.Inactivity("20us").outcomes(log)
    assert len(outcomes) == spells
    if spells == 2:
        assert spells_of(outcomes)["a"] == [(5, 25), (25 + gap, 45 + gap)]


def test_churn_is_stamped_when_the_silence_is_complete_and_not_at_the_last_activity():
    outcomes = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": 5}, {"id": "a", "t": 8}]))
    assert outcomes.end.tolist() == [28]
    assert outcomes.last_activity.tolist() == [8]


@pytest.mark.parametrize(("until", "end"), [(24, NEVER), (25, 25), (26, 25)])
def test_churn_is_known_when_the_data_reach_it(until, end):
    outcomes = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": 5}], until=until))
    assert outcomes.end.tolist() == [end]
    assert outcomes.cause.tolist() == [int(end != NEVER)]


@pytest.mark.parametrize(
    ("cutoff", "at_risk"), [(5, []), (6, [1]), (25, [1]), (26, []), (30, []), (31, [2]), (50, [2]), (51, [])]
)
def test_at_risk_from_just_after_the_start_up_to_the_churn_itself(cutoff, at_risk):
    outcomes = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": 5}, {"id": "a", "t": 30}]))
    state = outcomes.state_at(cutoff)
    assert state.spell.tolist() == at_risk
    assert state.start.tolist() == [5] * len(at_risk)


def test_months_end_on_the_clock_of_the_log():
    # Berlin moves its clocks on 2025-03-30: one month after noon of the 15th is noon, 31 days less an hour.
    orders = pd.DataFrame({"id": ["a"], "at": ["2025-03-15 12:00"]})
    log = cl.EventLog.from_frame(
        orders, customer="id", time="at", timezone="Europe/Berlin", complete_until="2025-06-01"
    )
    outcomes = cl.Inactivity("1mo").outcomes(log)
    assert outcomes.end.tolist() == [to_us("2025-04-15 12:00", "Europe/Berlin")]
    assert outcomes.end[0] - log.time[0] == 31 * DAY_US - 3_600_000_000


@given(st.lists(instants(), min_size=1, max_size=8), st.integers(0, 10**9))
def test_moving_the_log_moves_the_outcomes(times, shift):
    here = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": t} for t in times]))
    there = cl.Inactivity("20us").outcomes(make_log([{"id": "a", "t": t + shift} for t in times], until=END + shift))
    assert (there.start - shift).tolist() == here.start.tolist()
    assert [e if e == NEVER else e - shift for e in there.end.tolist()] == here.end.tolist()


def test_returned_goods_are_no_activity_unless_asked_for():
    log = make_log(
        [{"id": "a", "t": 5, "amount": 3}, {"id": "a", "t": 20, "amount": -3}, {"id": "b", "t": 7, "amount": -1}]
    )
    assert spells_of(cl.Inactivity("20us").outcomes(log)) == {"a": [(5, 25)], "b": []}
    assert spells_of(cl.Inactivity("20us", refunds=True).outcomes(log)) == {"a": [(5, 40)], "b": [(7, 27)]}


def test_online_retail_risk_set_equals_the_one_found_by_sql(data_dir):
    duckdb = pytest.importorskip("duckdb")
    path = data_dir / "online_retail_uci.parquet"
    frame = pd.read_parquet(path)
    log = cl.EventLog.from_frame(
        frame,
        customer="CustomerID",
        time="InvoiceDate",
        quantity="Quantity",
        price="UnitPrice",
        missing_customer="drop",
    )
    definition, cutoff = cl.Inactivity("60d"), to_us("2011-08-01")
    state = definition.state_at(log, cutoff)
    counts = state.label(lead="7d", horizon="60d").counts
    # A purchase is a line that is not sent back; only purchases are activity.
    sql = f"""
        WITH bought AS (
            SELECT CustomerID AS c, InvoiceDate AS t FROM '{path}'
            WHERE CustomerID IS NOT NULL AND NOT Quantity * UnitPrice < 0
        ), followed AS (
            SELECT c, t, lead(t) OVER (PARTITION BY c ORDER BY t) AS following FROM bought
        ), churns AS (
            SELECT c, t + INTERVAL 60 DAY AS churn FROM followed
            WHERE following IS NULL OR following >= t + INTERVAL 60 DAY
        ), seen AS (
            SELECT c, max(t) AS last FROM bought WHERE t < TIMESTAMP '2011-08-01' GROUP BY c
        ), alive AS (
            SELECT c FROM seen WHERE last + INTERVAL 60 DAY >= TIMESTAMP '2011-08-01'
        ), first_churn AS (
            SELECT c, min(churn) AS churn FROM churns JOIN alive USING (c)
            WHERE churn >= TIMESTAMP '2011-08-01' GROUP BY c
        )
        SELECT (SELECT count(*) FROM seen), (SELECT count(*) FROM seen) - (SELECT count(*) FROM alive),
               (SELECT count(*) FROM first_churn WHERE churn < TIMESTAMP '2011-08-08'),
               (SELECT count(*) FROM first_churn
                WHERE churn >= TIMESTAMP '2011-08-08' AND churn < TIMESTAMP '2011-10-07')
    """
    [by_sql] = duckdb.sql(sql).fetchall()
    assert (state.known, state.gone, counts["churned_in_lead"], counts["churned"]) == by_sql == (3148, 1591, 139, 867)
    assert counts["retained"] == 3148 - 1591 - 139 - 867


def test_says_which_kind_is_unknown():
    log = make_log([{"id": "a", "t": 5, "kind": "order"}])
    with pytest.raises(ParameterError, match="ordr"):
        cl.Inactivity("20us", kinds="ordr").outcomes(log)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: cl.Inactivity("0d"), ParameterError, "length of zero"),
        (lambda: cl.Inactivity("-60d"), ParameterError, "is negative"),
        (lambda: cl.Inactivity("sixty days"), ParameterError, "not a length of time"),
        (lambda: cl.Inactivity(60), ParameterTypeError, "says no unit"),
        (lambda: cl.Inactivity("60d", kinds=7), ParameterTypeError, "kinds"),
        (lambda: cl.Inactivity("60d", refunds="no"), ParameterTypeError, "refunds"),
        (lambda: cl.Inactivity("60d", cause=3), ParameterTypeError, "cause=3 is a int"),
        (lambda: cl.Inactivity("60d", cause=" "), ParameterError, "cause is empty"),
        (lambda: cl.Inactivity("60d").outcomes(None), ParameterError, "Inactivity was given no log"),
        (lambda: cl.Inactivity("60d").outcomes(pd.DataFrame()), ParameterTypeError, "log is a DataFrame"),
    ],
)
def test_refuses_what_cannot_work(make, error, text):
    with pytest.raises(error, match=text):
        make()
