"""Datasets: nothing from the future, the risk set, labels, and independence of order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_series_equal

import churnlib as cl
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    HistoryError,
    LeakageError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
    TimeError,
)
from tests.strategies import (
    COMPLETE_UNTIL,
    CUTOFFS,
    DAY,
    HORIZON,
    LEAD,
    SILENCE,
    frames,
    to_log,
)

SPEC = cl.FeatureSpec.standard(kinds=("order", "visit"))


def build(frame: pd.DataFrame, **options) -> cl.Dataset:
    options = {
        "cutoffs": CUTOFFS,
        "lead": LEAD,
        "horizon": HORIZON,
        "churn": cl.Inactivity(SILENCE),
        "features": SPEC,
    } | options
    return cl.build_dataset(to_log(frame), **options)


def stamp(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


def span(text: str) -> pd.Timedelta:
    return pd.Timedelta(days=int(text.removesuffix("d")))


def known(frame: pd.DataFrame) -> pd.Series:
    return frame[["time", "known_at"]].max(axis=1) if "known_at" in frame else frame["time"]


_DAYS = pd.to_datetime(["2025-05-20", "2025-06-05", "2025-06-20", "2025-07-05", "2025-07-20"], utc=True)
ANCHOR = pd.DataFrame(
    {
        "customer_id": 9,
        "time": _DAYS,
        "kind": ["order", "visit"] * 2 + ["order"],
        "amount": 1.0,
        "item": 0,
        "known_at": _DAYS,
    }
)


def anchored(frame: pd.DataFrame) -> pd.DataFrame:
    """Add one customer who is at risk at every cutoff, so that no frame is empty."""
    rows = ANCHOR if "known_at" in frame else ANCHOR.drop(columns="known_at")
    return pd.concat([frame, rows], ignore_index=True)


# -- no leakage ----------------------------------------------------------------------------


@given(frames(late=True), frames(late=True), st.sampled_from(CUTOFFS))
def test_events_at_or_after_the_cutoff_or_known_after_it_never_change_x(old, new, cutoff):
    c = stamp(cutoff)
    seen = old[known(old) < c]
    unseen = new[known(new) >= c]
    # Half of what cannot be known concerns the customer who is at risk at every cutoff.
    unseen = unseen.assign(customer_id=unseen["customer_id"].replace({0: 9, 1: 9}))
    alone = build(anchored(seen)).at(c).X
    assert_frame_equal(build(anchored(pd.concat([seen, unseen]))).at(c).X, alone)
    assert_frame_equal(build(anchored(old)).at(c).X, alone)


@given(frames(late=True), st.randoms(use_true_random=False))
def test_row_order_never_changes_the_dataset(frame, random):
    order = list(range(len(frame)))
    random.shuffle(order)
    one, two = build(anchored(frame)), build(anchored(frame.iloc[order]))
    assert_frame_equal(one.X, two.X)
    assert_series_equal(one.y, two.y)
    assert one.survival.tobytes() == two.survival.tobytes()
    assert_frame_equal(one.counts, two.counts)


@given(frames(late=True), st.integers(-400, 400))
def test_shifting_log_and_cutoffs_together_changes_nothing(frame, days):
    def moved(at):
        return at + days * DAY

    frame = anchored(frame)
    later = frame.assign(time=moved(frame["time"]), known_at=moved(frame["known_at"]))
    one = build(frame)
    log = to_log(later, complete_until=moved(stamp(COMPLETE_UNTIL)))
    two = cl.build_dataset(
        log,
        cutoffs=[moved(stamp(c)) for c in CUTOFFS],
        lead=LEAD,
        horizon=HORIZON,
        churn=cl.Inactivity(SILENCE),
        features=SPEC,
    )
    assert ((one.cutoff + days * DAY) == two.cutoff).all()
    assert_frame_equal(one.X.reset_index(drop=True), two.X.reset_index(drop=True))
    assert one.y.tolist() == two.y.tolist()


@given(frames(late=True))
def test_any_frame_library_gives_the_same_dataset(frame):
    pl = pytest.importorskip("polars")
    frame = anchored(frame)
    one, two = build(frame), build(pl.from_pandas(frame))
    assert_frame_equal(one.X, two.X)
    assert_series_equal(one.y, two.y)


# -- labels --------------------------------------------------------------------------------


def oracle(frame: pd.DataFrame, cutoff: pd.Timestamp) -> dict[int, str]:
    """Say what becomes of each customer at risk at the cutoff, one customer at a time."""
    silence, lead, horizon = (span(x) for x in (SILENCE, LEAD, HORIZON))
    fate = {}
    active = frame[frame["amount"] >= 0]  # a refund is the shop's doing
    for customer, events in active.groupby("customer_id"):
        seen = events[known(events) < cutoff]["time"]
        if seen.empty or seen.max() + silence < cutoff:
            continue
        last = seen.max()
        for at in sorted(events["time"]):
            if last < at < last + silence:
                last = at
        gone = last + silence
        if gone > stamp(COMPLETE_UNTIL) or gone >= cutoff + lead + horizon:
            fate[customer] = "retained"
        else:
            fate[customer] = "in lead" if gone < cutoff + lead else "churned"
    return fate


@given(frames(late=True))
def test_risk_set_and_label_agree_with_a_plain_reading_of_the_definition(frame):
    frame = anchored(frame)
    data = build(frame)
    for text in CUTOFFS[:2]:
        c = stamp(text)
        expected = oracle(frame, c)
        rows = data.y[data.cutoff == c]
        got = dict(zip(rows.index.get_level_values("customer_id"), rows, strict=True))
        assert got == {k: int(f == "churned") for k, f in expected.items() if f != "in lead"}
        counts = data.counts.loc[c]
        assert counts["churned_in_lead"] == sum(f == "in lead" for f in expected.values())
        assert counts["at_risk"] == len(expected)
        assert set(data.at(c).customer) == set(expected)


@given(frames())
def test_immature_rows_never_carry_y_and_mature_rows_always_do(frame):
    data = build(anchored(frame))
    ends = data.cutoff + span(LEAD) + span(HORIZON)
    assert (ends <= stamp(COMPLETE_UNTIL)).all()
    assert set(data.y.unique()) <= {0, 1}
    waiting = data.unlabelled
    assert (waiting.cutoff == stamp(CUTOFFS[2])).all()
    assert len(waiting) == data.counts["immature"].sum()
    with pytest.raises(ParameterError, match=r"rows carry no y .*windows are not over"):
        _ = waiting.y


def test_a_label_is_mature_at_the_very_end_of_its_window():
    frame = anchored(ANCHOR.assign(customer_id=1))
    end = stamp(CUTOFFS[1]) + span(LEAD) + span(HORIZON)
    assert CUTOFFS[1] in str(build_until(frame, end).cutoff.max())
    assert CUTOFFS[1] not in str(build_until(frame, end - pd.Timedelta("1us")).cutoff.max())


def build_until(frame: pd.DataFrame, end: pd.Timestamp) -> cl.Dataset:
    return cl.build_dataset(
        to_log(frame[frame["time"] < end], complete_until=end),
        cutoffs=CUTOFFS[:2],
        lead=LEAD,
        horizon=HORIZON,
        churn=cl.Inactivity(SILENCE),
        features=SPEC,
    )


def test_a_customer_who_returns_is_at_risk_again_in_a_second_spell():
    times = pd.to_datetime(["2025-01-01", "2025-05-30", "2025-06-18"], utc=True)
    frame = pd.DataFrame(
        {"customer_id": 1, "time": times, "item": 0, "amount": 1.0, "kind": ["order", "visit", "order"]}
    )
    data = build(frame, cutoffs=["2025-01-10", "2025-06-01", "2025-07-01"])
    assert data.spell.tolist() == [1, 2, 2]
    assert data.tenure.tolist() == [9.0, 151.0, 181.0]


@given(frames())
def test_counts_reconcile(frame):
    counts = build(anchored(frame)).counts
    assert (counts["known"] == counts["gone"] + counts["at_risk"]).all()
    parts = counts[["churned_before", "churned_in_lead", "treated_dropped", "churned", "retained", "immature"]]
    assert (counts["at_risk"] == parts.sum(axis=1)).all()


@given(frames())
def test_survival_and_label_tell_the_same_story(frame):
    data = build(anchored(frame))
    survival = data.survival
    window = span(HORIZON) / DAY
    inside = survival["event"] & (survival["time"] - survival["entry"] < window - 1e-9)
    assert (inside == (data.y == 1)).all()
    assert np.allclose(survival["entry"], data.tenure + 7)
    assert (survival["time"] > survival["entry"]).all()


@given(frames())
def test_each_customer_is_scored_once_and_as_of_the_end_of_the_data(frame):
    data = build(anchored(frame))
    now = data.latest()
    assert now.customer.is_unique
    assert (now.cutoff == stamp(COMPLETE_UNTIL)).all()
    silent_since = frame.groupby("customer_id")["time"].max().reindex(now.customer).dropna()
    assert (silent_since + span(SILENCE) >= stamp(COMPLETE_UNTIL)).all()


@given(frames())
def test_additive_features_add_up_over_adjacent_windows(frame):
    f = cl.features
    spec = cl.FeatureSpec([f.Count("30d"), f.Count("60d"), f.Sum("30d"), f.Sum("60d")])
    log = to_log(anchored(frame))
    c = stamp("2025-07-01")
    now, before = (f.compute(log, at, spec) for at in (c, c - 30 * DAY))
    for raw in ("any.count", "any.sum"):
        earlier = np.zeros(log.n_customers, np.int64)
        earlier[before.customer_code] = before.raw[f"{raw}.30d"]
        total = now.raw[f"{raw}.30d"] + earlier[now.customer_code]
        assert (now.raw[f"{raw}.60d"] == total).all()


# -- the risk set on real data ---------------------------------------------------------------

RISK_SET_SQL = """
with events as (
    select CustomerID as id, epoch_us(InvoiceDate) as t from retail
    -- a refund settles an old order: it is the shop's bookkeeping, not the customer's activity
    where CustomerID is not null and amount >= 0
), seen as (
    select id, max(t) as last from events where t < $c group by id
), gaps as (
    select id, t, lead(t) over (partition by id order by t) as next from events
), spell_end as (
    -- the first silence of 60 days that begins at or after the last activity before c
    select s.id, min(g.t) + $silence as gone
    from seen s join gaps g on g.id = s.id and g.t >= s.last
    where g.next is null or g.next >= g.t + $silence
    group by s.id
)
select count(*) as known,
       count(*) filter (gone < $c) as gone,
       count(*) filter (gone >= $c and gone < $c + $lead) as in_lead,
       count(*) filter (gone >= $c + $lead and gone < $c + $lead + $horizon) as churned
from spell_end
"""


def test_risk_set_of_online_retail_as_published_and_as_sql_derives_it(data_dir):
    duckdb = pytest.importorskip("duckdb")
    retail = pd.read_parquet(data_dir / "online_retail_uci.parquet")
    log = cl.EventLog.from_frame(
        retail,
        customer="CustomerID",
        time="InvoiceDate",
        quantity="Quantity",
        price="UnitPrice",
        missing_customer="drop",
    )
    data = cl.build_dataset(
        log,
        cutoffs="2011-08-01",
        lead="7d",
        horizon="60d",
        churn=cl.Inactivity("60d"),
        features=cl.FeatureSpec.standard(),
    )
    counts = data.counts.iloc[0]
    found = (counts["known"], counts["gone"], counts["churned_in_lead"], counts["churned"])
    assert found == (3148, 1591, 139, 867)

    day = 86_400_000_000
    frame = retail[["CustomerID", "InvoiceDate"]].assign(amount=retail["Quantity"] * retail["UnitPrice"])
    sql = duckdb.connect()
    sql.register("retail", frame)
    values = {
        "c": int(stamp("2011-08-01").timestamp() * 1_000_000),
        "silence": 60 * day,
        "lead": 7 * day,
        "horizon": 60 * day,
    }
    assert sql.execute(RISK_SET_SQL, values).fetchone() == found


# -- bad input -----------------------------------------------------------------------------


def test_a_horizon_longer_than_the_history_is_refused_with_the_dates():
    with pytest.raises(HistoryError, match=r"none of 3 cutoffs has a label yet.*2025-09-01"):
        build(anchored(ANCHOR), horizon="400d")


def test_scoring_after_the_end_of_the_data_is_refused():
    data = build(anchored(ANCHOR))
    with pytest.raises(ParameterError, match=r"(?s)after the end of the data .*data\.latest\(\)"):
        data.at("2025-09-02")
    with pytest.raises(ParameterError, match="2 cutoffs were given"):
        data.at(["2025-08-01", "2025-08-02"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"churn": "60d"}, r"churn is a str.*\n?.*Inactivity"),
        ({"features": ["count"]}, r"features is a list.*\n?.*FeatureSpec"),
        ({"horizon": "0d"}, "horizon"),
        ({"lead": "-1d"}, "lead"),
    ],
)
def test_arguments_of_the_wrong_kind_are_named(options, text):
    with pytest.raises((ParameterTypeError, ParameterError), match=text):
        build(anchored(ANCHOR), **options)


def test_a_frame_is_not_a_log():
    with pytest.raises(ParameterTypeError, match=r"log is a DataFrame.*\n?.*from_frame"):
        cl.build_dataset(ANCHOR, cutoffs=CUTOFFS, horizon=HORIZON, churn=cl.Inactivity("20d"), features=SPEC)
    with pytest.raises(ParameterError, match="neither a log nor contracts"):
        cl.build_dataset(cutoffs=CUTOFFS, horizon=HORIZON, churn=cl.Inactivity("20d"), features=SPEC)


# -- contacts ------------------------------------------------------------------------------


def contacts(*times: str, customer: int = 9) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customer, "time": pd.to_datetime(list(times), utc=True, format="ISO8601")})


def test_contacted_rows_are_refused_dropped_flagged_or_kept():
    frame = anchored(ANCHOR.assign(customer_id=1))
    before, inside, after = "2025-06-30 23:59:59.999999", "2025-07-01", "2025-08-07"
    called = contacts(before, inside, after)
    with pytest.raises(DataError, match=r"2 of 4 rows were contacted.*\n?.*treated=\"drop\""):
        build(frame, contacts=called)
    kept = build(frame, contacts=called, treated="keep")
    assert kept.treated.groupby("customer_id").sum().to_dict() == {1: 0, 9: 2}
    assert build(frame, contacts=contacts(after), treated="keep").treated.sum() == 0
    dropped = build(frame, contacts=called, treated="drop")
    assert set(dropped.customer) == {1}
    assert dropped.counts["treated_dropped"].sum() == 2
    feature = build(frame, contacts=called, treated="feature")
    assert feature.X["treated"].tolist() == kept.treated.tolist()
    assert (feature.latest().X["treated"] == 0).all()


def test_bad_contacts_are_named():
    frame = anchored(ANCHOR.assign(customer_id=1))
    with pytest.raises(DataError, match=r"1 contacted customers are not in the log \(77\)"):
        build(frame, contacts=contacts("2025-07-01", customer=77))
    with pytest.raises(ParameterError, match=r"treated='ignore' is not a choice"):
        build(frame, contacts=contacts("2025-07-01"), treated="ignore")
    with pytest.raises(ParameterError, match="knows of no contacts"):
        _ = build(frame).treated


# -- facts about customers, and contracts --------------------------------------------------


def test_customers_without_events_have_rows_once_a_table_says_they_were_customers():
    table = pd.DataFrame(
        {
            "customer_id": [9, 5, 5],
            "since": ["2025-01-01", "2025-06-28", "2025-07-03"],
            "plan": ["basic", "basic", "gold"],
        }
    )
    spec = cl.FeatureSpec([cl.features.Count(), cl.features.AttributeValue("plan")])
    data = build(anchored(ANCHOR.assign(customer_id=1)), customers=table, features=spec)
    assert 5 not in data.at("2025-06-28").customer
    quiet = data.at("2025-07-01").X.loc[5].iloc[0]
    assert (quiet["any.count"], quiet["plan.value"]) == (0, "basic")
    assert data.at("2025-07-04").X.loc[5].iloc[0]["plan.value"] == "gold"
    plain = build(anchored(ANCHOR.assign(customer_id=1)), features=cl.FeatureSpec([cl.features.Count()]))
    assert data.X.loc[9, "any.count"].tolist() == plain.X.loc[9, "any.count"].tolist()


def test_a_table_of_customers_names_what_it_lacks():
    with pytest.raises(DataError, match=r"customers has no column 'since'.*did you mean 'sinse'"):
        build(anchored(ANCHOR), customers=pd.DataFrame({"customer_id": [9], "sinse": ["2025-01-01"]}))


CONTRACTS = pd.DataFrame(
    {
        "id": ["a", "a", "b", "c"],
        "from": ["2025-01-01", "2025-04-01", "2025-02-01", "2025-06-20"],
        "to": ["2025-04-01", "2025-07-15", "2025-07-20", None],
        "plan": ["basic", "gold", "basic", "gold"],
    }
)


def test_contracts_alone_make_a_dataset():
    contracts = cl.Contracts.from_frame(
        CONTRACTS, customer="id", start="from", end="to", plan="plan", complete_until="2025-09-01"
    )
    f = cl.features
    data = cl.build_dataset(
        contracts=contracts,
        cutoffs=["2025-03-01", "2025-07-01"],
        horizon="30d",
        churn=cl.ContractEnd(grace="7d"),
        features=cl.FeatureSpec([f.MonthsToContractEnd(), f.AttributeValue("plan")]),
    )
    assert data.X.index.get_level_values(0).tolist() == ["a", "a", "b", "b", "c"]
    assert data.y.tolist() == [0, 1, 0, 1, 0]
    assert data.X["plan.value"].tolist() == ["basic", "gold", "basic", "basic", "gold"]


def test_contracts_of_customers_without_events_join_the_log():
    frame = anchored(ANCHOR.assign(customer_id=1)).astype({"customer_id": str})
    contracts = cl.Contracts.from_frame(
        CONTRACTS, customer="id", start="from", end="to", plan="plan", complete_until=COMPLETE_UNTIL
    )
    data = build(
        frame,
        contracts=contracts,
        churn=cl.ContractEnd(grace="7d"),
        features=cl.FeatureSpec([cl.features.Count(), cl.features.MonthsToContractEnd()]),
    )
    assert set(data.customer) == {"a", "b", "c"}
    assert (data.X["any.count"] == 0).all()


def test_facts_of_the_future_or_of_one_instant_are_refused():
    def table(*since: str) -> pd.DataFrame:
        return pd.DataFrame({"customer_id": 9, "since": list(since), "plan": [f"p{k}" for k in range(len(since))]})

    with pytest.raises(TimeError, match=r"1 of 2 rows of customers have a 'since' at or after .*\(9\)"):
        build(anchored(ANCHOR), customers=table("2025-01-01", "2026-01-01"))
    with pytest.raises(DuplicateError, match=r"1 rows of customers repeat a customer and 'since' \(9\)"):
        build(anchored(ANCHOR), customers=table("2025-01-01", "2025-01-01"))


def test_an_end_written_when_the_customer_left_may_not_be_read():
    ended = CONTRACTS.assign(why=["", "price", "price", None]).replace({"why": {"": None}})
    roles = {"customer": "id", "start": "from", "end": "to", "cause": "why", "complete_until": "2025-09-01"}
    options = {
        "cutoffs": "2025-07-01",
        "horizon": "30d",
        "churn": cl.ContractEnd(grace="7d"),
        "features": cl.FeatureSpec([cl.features.MonthsToContractEnd()]),
    }
    with pytest.raises(LeakageError, match=r"2 contracts carry a cause.*\n?.*renewal='agreed_end'"):
        cl.build_dataset(contracts=cl.Contracts.from_frame(ended, **roles), **options)
    agreed = cl.Contracts.from_frame(ended.assign(agreed="2026-01-01"), renewal="agreed", **roles)
    assert (cl.build_dataset(contracts=agreed, **options).X["contract.months_left"] > 5).all()


def test_nobody_at_risk_is_said_with_counts():
    with pytest.raises(HistoryError, match=r"no customer is at risk at any of 1 cutoffs \(2024-01-01\): at most 0"):
        build(anchored(ANCHOR), cutoffs="2024-01-01")


def test_contacts_may_be_none_but_not_of_another_type():
    frame = anchored(ANCHOR.assign(customer_id=1))
    nobody = contacts("2025-07-01").iloc[:0]
    assert build(frame, contacts=nobody).treated.sum() == 0
    with pytest.raises(SchemaError, match=r"contacts name customers by texts \(9\), the log by whole numbers"):
        build(frame, contacts=contacts("2025-07-01").astype({"customer_id": str}))
    with pytest.raises(ParameterError, match="treated='drop' without contacts"):
        build(frame, treated="drop")
