"""Backtests: numbers computed by hand, an oracle in plain Python, and what must not matter."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import churnlib as cl
from churnlib import alerts
from churnlib.alerts import Rule, RuleSet
from churnlib.exceptions import ParameterError, ParameterTypeError, SchemaError
from tests.alerts.past import DAY, START, dataset_of, events_of, log_of, randoms, rules_of

FEWER = settings(max_examples=min(30, settings.default.max_examples))
SILENT = RuleSet([Rule("silent", 1, "any.recency >= 7d")])
TEXT = ["part", "name"]


# -- by hand ----------------------------------------------------------------------------------------

STORY = [
    # lost on day 26; silent for 7 days on day 7 and for 9 on day 21
    ("ann", 0.0), ("ann", 12.0),
    # never silent
    *(("bob", float(day)) for day in range(0, 49, 5)),
    # silent for 7, 8 and 9 days on days 7, 21 and 35, and never lost
    ("dan", 0.0), ("dan", 13.0), ("dan", 26.0), ("dan", 39.0), ("dan", 48.0),
    # lost on day 47, when no window is over; silent for 9 days on day 42
    ("eve", 31.0), ("eve", 33.0),
    # lost on day 15; silent for 13 days on day 14
    ("fay", 1.0),
]  # fmt: skip
# Rows on days 7, 14, ... 42; the data end on day 49, so that windows of 21 days are over up to day 28.


def story(**options) -> cl.Dataset:
    return dataset_of(log_of(STORY, until="2025-04-21"), **options)


def row(found, name: str) -> dict:
    return found.table.set_index("name").loc[name].to_dict()


def test_by_hand():
    found = SILENT.backtest(story(), silence="9d")
    want = {
        "part": "combined", "warnings": 7.0, "per_week": 7 / 6, "judged": 5.0, "right": 3.0, "precision": 3 / 5,
        "base_rate": 5 / 13, "lift": 3 / 5 * 13 / 5, "lead_low": 1.0, "lead_days": 5.0, "lead_high": 19.0,
        "caught": 3.0, "share_caught": 1.0,
    }  # fmt: skip
    for name, part in {"combined": "combined", "level 1": "level", "silent": "rule"}.items():
        one = row(found, name)
        assert {key: one[key] for key in want} == pytest.approx(want | {"part": part})
    silent = row(found, "silent 9d")
    assert (silent["warnings"], silent["judged"], silent["precision"]) == (4, 2, 1)
    assert (silent["caught"], silent["lead_low"], silent["lead_days"], silent["lead_high"]) == (3, 1, 5, 5)
    assert (found.n_lost, found.weeks, found.n_unlabelled, found.n_left_out) == (3, 6, 6, 0)
    assert found.weekly["at_risk"].tolist() == [4, 4, 3, 2, 3, 3]
    assert found.weekly["labelled"].tolist() == [4, 4, 3, 2, 0, 0]
    assert found.weekly["lost"].tolist() == [2, 2, 1, 0, 0, 0]
    assert found.weekly["warnings"].tolist() == [2, 1, 2, 0, 1, 1]
    assert found.weekly["right"].fillna(-1).tolist() == [1, 1, 1, 0, -1, -1]
    assert found.weekly["silent_warnings"].tolist() == [0, 1, 1, 0, 1, 1]
    assert found.base_rate == 5 / 13


def test_by_hand_with_one_place_at_each_cutoff():
    found = SILENT.backtest(story(), capacity=1)
    one = row(found, "combined")
    # on days 7 and 21 ann and dan share the place
    assert (one["warnings"], one["judged"], one["right"]) == (5, 3, 2)
    assert one["precision"] == 2 / 3
    # ann is missed where both halves fall to dan
    assert one["caught"] == 1 + 1 + 0.75
    # of the earliest warnings: fay 1 day ahead; eve 5, ann 5 with 1/4; ann 19 with 1/2
    assert (one["lead_low"], one["lead_days"], one["lead_high"]) == (1, 5, 5)
    assert found.weekly["warnings"].tolist() == [1, 1, 1, 0, 1, 1]


def test_by_hand_after_a_warm_up():
    found = SILENT.backtest(story(), since="2025-03-17", silence=None)
    one = row(found, "combined")
    assert found.weeks == 5
    assert (one["warnings"], one["per_week"], one["judged"], one["right"]) == (5, 1, 3, 2)
    assert one["base_rate"] == 3 / 9
    assert (found.n_lost, one["caught"], one["lead_days"]) == (3, 3, 5)
    assert "silent_warnings" not in found.weekly
    assert found.table["part"].tolist() == ["rule", "level", "combined"]


def test_rules_that_are_the_loss_are_apart_and_in_no_count():
    close = Rule("closes", 3, "any.recency >= 13d", is_loss=True, weight=9.0)
    found = RuleSet([SILENT["silent"], close]).backtest(story())
    alone = SILENT.backtest(story())
    pd.testing.assert_frame_equal(found.table, alone.table)
    assert found.lost_rules.to_dict("list") == {"rule": ["closes"], "told": [1], "per_week": [1 / 6], "customers": [1]}
    assert alone.lost_rules.empty
    only = RuleSet([close]).backtest(story(), silence=None)
    assert only.table["name"].tolist() == ["combined"]
    assert only.table["warnings"].tolist() == [0]


def test_several_rules_at_one_cutoff_are_one_warning():
    twice = RuleSet(
        [Rule("a", 1, "any.recency >= 7d"), Rule("b", 1, "any.recency >= 7d"), Rule("c", 2, "any.count > 99")]
    )
    found = twice.backtest(story())
    assert found.table["warnings"].tolist() == [7, 7, 0, 7, 0, 7, 0]
    none = row(found, "c")
    assert all(math.isnan(none[name]) for name in ("precision", "low", "high", "lift", "lead_days"))
    assert none["share_caught"] == 0


# -- by a slow and plain program --------------------------------------------------------------------


def quantile_of(pairs: list[tuple[float, float]], share: float) -> float:
    pairs = sorted(pair for pair in pairs if pair[1] > 0)
    total = sum(weight for _, weight in pairs)
    if not pairs:
        return math.nan
    low = high = None
    reached = 0.0
    for value, weight in pairs:
        reached += weight
        if low is None and reached >= share * total - 1e-9 * total:
            low = value
        if high is None and reached >= share * total + 1e-9 * total:
            high = value
    return (low + (pairs[-1][0] if high is None else high)) / 2


def places_of(listed: list[tuple[int, float]], capacity: int | None) -> dict[int, float]:
    """Places of rows with values, the highest first."""
    if capacity is None:
        return dict.fromkeys((one for one, _ in listed), 1.0)
    found, left = {}, float(capacity)
    for value in sorted({value for _, value in listed}, reverse=True):
        tied = [one for one, other in listed if other == value]
        for one in tied:
            found[one] = min(1.0, left / len(tied))
        left = max(0.0, left - len(tied))
    return found


def oracle(found, silence: float, capacity: int | None) -> tuple[list[dict], float]:
    """All numbers of the table from rows, one at a time."""
    replay = found.replay
    closes = replay.data.horizon.fixed_us + replay.data.lead.fixed_us
    rows, was = [], {}
    for k in range(len(replay)):
        who, c = int(replay.data.rows.customer[k]), int(replay.data.rows.cutoff[k])
        recency = float(replay.data.X["any.recency"].iloc[k])
        silent = math.isnan(recency) or recency >= silence
        begins = silent and not was.get(who, False)
        was[who] = silent
        label, churn = int(replay.data.rows.label[k]), int(replay.data.rows.churn[k])
        opens = c + replay.data.lead.fixed_us
        lost = opens <= churn < c + closes and churn <= replay.data.origin.complete_until_us
        if replay.counts_since[k]:
            rules = [rule.id for j, rule in enumerate(replay.rules) if replay.announced[k, j] and not rule.is_loss]
            rows.append(
                {
                    "who": who, "c": c, "y": None if label < 0 else label, "rules": rules, "begins": begins,
                    "silent_for": math.inf if math.isnan(recency) else recency, "score": float(replay.score[k]),
                    "level": int(replay.level[k]), "days": (churn - c) / 86_400e6 if lost else None,
                }
            )  # fmt: skip
    p, q = {}, {}
    for c in {one["c"] for one in rows}:
        here = [k for k, one in enumerate(rows) if one["c"] == c]
        p |= places_of([(k, rows[k]["score"]) for k in here if rows[k]["rules"]], capacity)
        q |= places_of([(k, rows[k]["silent_for"]) for k in here if rows[k]["begins"]], capacity)
    every = sorted({int(c) for c in replay.data.rows.cutoff})
    counted = sorted({one["c"] for one in rows})
    before = [c for c in every if c < counted[0]]
    week = 7 * 86_400e6
    if before:
        weeks = (counted[-1] - before[-1]) / week
    else:
        gaps = [b - a for a, b in itertools.pairwise(counted)]
        weeks = (sum(gaps) + sum(gaps) / len(gaps)) / week if gaps else math.nan
    listed = [{k: v for k, v in p.items() if rule.id in rows[k]["rules"]} for rule in replay.rules if not rule.is_loss]
    levels = sorted({n for r in replay.rules if not r.is_loss for n in (r.level, *(e.level for e in r.escalate))})
    listed += [{k: v for k, v in p.items() if rows[k]["level"] == level} for level in levels]
    known = [one["y"] for one in rows if one["y"] is not None]
    base = sum(known) / len(known)
    lost = {one["who"] for one in rows if one["days"] is not None}
    table = []
    for share in [*listed, p, q]:
        judged = sum(v for k, v in share.items() if rows[k]["y"] is not None)
        right = sum(v for k, v in share.items() if rows[k]["y"] == 1)
        precision = right / judged if judged else math.nan
        caught, leads = 0.0, []
        for who in lost:
            still = 1.0
            for k, one in sorted(enumerate(rows), key=lambda pair: pair[1]["c"]):
                if one["who"] == who and one["days"] is not None:
                    leads.append((one["days"], still * share.get(k, 0.0)))
                    still *= 1 - share.get(k, 0.0)
            caught += 1 - still
        table.append(
            {
                "warnings": sum(share.values()), "per_week": sum(share.values()) / weeks, "judged": judged,
                "right": right, "precision": precision, "base_rate": base,
                "lift": precision / base if base else math.nan, "caught": caught,
                "share_caught": caught / len(lost) if lost else math.nan,
                "lead_low": quantile_of(leads, 0.25), "lead_days": quantile_of(leads, 0.5),
                "lead_high": quantile_of(leads, 0.75),
            }
        )  # fmt: skip
    return table, weeks


@FEWER
@given(
    randoms(), st.sampled_from(["0d", "5d"]), st.sampled_from([None, 1, 2]), st.sampled_from([None, "2025-03-17"]),
    st.sampled_from([5, 7]),
)  # fmt: skip
def test_a_plain_program_finds_the_same(rng, lead, capacity, since, step):
    data = dataset_of(log_of(events_of(rng, late=True)), lead=lead, horizon="14d", step=step)
    found = rules_of(rng, rng.randint(1, 3)).backtest(data, since=since, capacity=capacity, silence="6d", n_boot=2)
    want, weeks = oracle(found, 6.0, capacity)
    assert found.weeks == pytest.approx(weeks, nan_ok=True)
    for one, other in zip(found.table.to_dict("records"), want, strict=True):
        got = {name: one[name] for name in other}
        assert got == pytest.approx(other, nan_ok=True, abs=1e-8), one["name"]
    combined = row(found, "combined")
    assert found.weekly["warnings"].sum() == pytest.approx(combined["warnings"])
    assert found.weekly["right"].sum() == pytest.approx(combined["right"])
    levels = found.table[found.table["part"] == "level"]
    assert levels["warnings"].sum() == pytest.approx(combined["warnings"])


# -- what must not matter, and what must ------------------------------------------------------------


@FEWER
@given(randoms(), st.sampled_from([None, 1]))
def test_order_of_rows_and_rules_do_not_matter(rng, capacity):
    data = dataset_of(log_of(events_of(rng)))
    data = data.take(np.arange(len(data)))
    rules = rules_of(rng, 3)
    one = rules.backtest(data, capacity=capacity, n_boot=20)
    mixed = data.take(np.array(rng.sample(range(len(data)), len(data))))
    other = RuleSet(reversed(rules.rules)).backtest(mixed, capacity=capacity, n_boot=20)
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    pd.testing.assert_frame_equal(one.weekly, other.weekly, check_exact=True)
    for volume in ("silent", 1):
        assert str(one.against_silence(volume, n_boot=9)) == str(other.against_silence(volume, n_boot=9))


@FEWER
@given(randoms(), st.sampled_from([None, 1]))
def test_what_comes_after_a_cutoff_changes_no_count_of_warnings_up_to_it(rng, capacity):
    events, rules = events_of(rng), rules_of(rng, 2)
    day = 7 * rng.randint(1, 6)
    later = [(who, min(day + rng.choice([0.0, 6.0, 20.0]), 62.5)) for who in {event[0] for event in events}]
    changed = [event for event in events if event[1] < day] + rng.sample(later, rng.randint(1, len(later)))
    frames = []
    for given_events in (events, changed):
        data = dataset_of(log_of(given_events), lead="5d", horizon="14d")
        frame = rules.backtest(data, capacity=capacity, silence="6d", n_boot=2).weekly
        frames.append(frame.loc[frame.index <= START + day * DAY, ["at_risk", "warnings", "silent_warnings"]])
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.parametrize(("step", "weeks"), [(1, 6 / 7), (7, 6), (10, 60 / 7)])
def test_alerts_a_week_are_by_the_week_however_often_the_cutoffs_come(step, weeks):
    data = dataset_of(log_of(STORY, until="2025-06-21"), step=step, horizon="14d")
    found = SILENT.backtest(data)
    assert found.weeks == pytest.approx(weeks)
    one = row(found, "combined")
    assert one["per_week"] == pytest.approx(one["warnings"] / weeks)


def test_uneven_cutoffs_stand_for_the_time_since_the_one_before():
    at = ["2025-03-10", "2025-03-24", "2025-03-31", "2025-04-28"]
    data = cl.build_dataset(
        log_of(STORY, until="2025-06-21"),
        cutoffs=at,
        horizon="14d",
        churn=cl.Inactivity("14d"),
        features=story().features,
    )
    assert SILENT.backtest(data).weeks == 7 * 4 / 3
    assert SILENT.backtest(data, since="2025-03-24").weeks == 7


def test_weeks_are_those_of_the_clock_on_the_wall():
    log = log_of([("bob", float(day)) for day in range(0, 49, 5)], timezone="Europe/Berlin", until="2025-06-21")
    at = cl.weekly("2025-03-10", "2025-04-14")
    data = cl.build_dataset(
        log, cutoffs=at, horizon="14d", churn=cl.Inactivity("14d"), features=story().features
    )  # the clocks change on 2025-03-30
    assert str(data.cutoff[-1]) == "2025-04-13 22:00:00+00:00"
    found = SILENT.backtest(data, since="2025-03-17", silence=None)
    assert found.weeks == 5
    assert len(found.weekly) == 5


def test_each_customer_is_lost_once_though_they_come_back():
    log = log_of([("ann", 0.0), ("ann", 28.0), *STORY], until="2025-06-21")
    found = SILENT.backtest(dataset_of(log, n=8))
    data = found.replay.data
    assert data.spell[data.customer == "ann"].max() == 2
    assert found.n_lost == row(found, "combined")["caught"] == 5


def test_who_opted_out_is_warned_of_by_neither():
    found = SILENT.backtest(story(), opted_out=["ann"], silence="7d")
    one, silent = row(found, "combined"), row(found, "silent 7d")
    assert one["warnings"] == silent["warnings"] == 5
    assert one["caught"] == silent["caught"] == 2
    assert found.against_silence().judged_silent == SILENT.backtest(story(), silence="7d").against_silence().judged


def test_one_cutoff():
    found = SILENT.backtest(story(n=1))
    one = row(found, "combined")
    assert (one["warnings"], one["precision"]) == (2, 0.5)
    assert math.isnan(one["per_week"])
    assert "One cutoff says nothing of warnings a week." in found.notes
    assert "a week;" not in found.headline


def test_nobody_lost_and_nobody_warned():
    steady = [(who, float(day)) for who in ("ann", "bob") for day in range(0, 60, 3)]
    found = SILENT.backtest(dataset_of(log_of(steady)))
    one = row(found, "combined")
    assert found.n_lost == found.base_rate == one["warnings"] == 0
    assert all(math.isnan(one[name]) for name in ("precision", "low", "high", "lift", "lead_days", "share_caught"))
    compared = found.against_silence(1)
    assert (compared.precision, compared.difference, compared.tied) == (0, 0, 1)
    nobody = found.against_silence()
    assert math.isnan(nobody.difference)
    assert nobody.verdict == "too few to say"
    assert "0 warnings" in repr(found)


def test_intervals_are_of_customers():
    found = SILENT.backtest(story(), n_boot=300, random_state=5)
    again = SILENT.backtest(story(), n_boot=300, random_state=5)
    pd.testing.assert_frame_equal(found.table, again.table)
    one = row(found, "combined")
    # right: ann twice, fay once; wrong: dan twice
    assert (one["low"], one["high"]) == (0, 1)
    narrow = row(SILENT.backtest(story(), n_boot=300, confidence=0.2, random_state=5), "combined")
    assert one["low"] < narrow["low"] < 0.6 < narrow["high"] < one["high"]


# -- against silence --------------------------------------------------------------------------------


def test_against_silence_by_hand():
    rules = RuleSet([Rule("rare", 1, "any.count.14d < 2", weight=1.0), Rule("twice", 1, "any.count >= 2", weight=0.25)])
    found = rules.backtest(story(), silence="7d")
    # day 7: ann and dan are silent; scores: ann 1, dan 1, fay 1, bob 0.25: three share two places
    # day 14: fay is silent; fay 1 leads ann 0.25, dan 0.25 (2 in 14 days), bob 0.25
    # day 21: ann, dan are silent; ann 1.25, dan 1.25 lead bob
    # day 28: nobody is silent
    compared = found.against_silence()
    assert compared.precision_silent == 3 / 5
    assert compared.judged == compared.judged_silent == 5
    scores = pd.Series(found.replay.score, index=found.replay.data.X.index).xs(START + 7 * DAY, level="cutoff")
    assert scores.to_dict() == {"ann": 1, "bob": 0.25, "dan": 1, "fay": 1}
    # lost in the window: ann, fay of day 7: 4/3 of two places; day 14: fay; day 21: ann
    assert compared.precision == pytest.approx((4 / 3 + 1 + 1) / 5)
    assert compared.difference == pytest.approx(1 / 3 * 1 / 5)
    assert compared.tied == pytest.approx(2 / 5)
    assert compared.shared == pytest.approx((4 / 3 + 1 + 2) / 5)
    assert (compared.n_cutoffs, compared.n_customers, compared.per_list) == (4, 4, 1.25)


def test_lists_of_a_number_end_where_the_customers_do():
    found = SILENT.backtest(story())
    compared = found.against_silence(3)
    assert compared.per_list == (3 + 3 + 3 + 2) / 4
    everyone = found.against_silence(99)
    assert everyone.difference == everyone.low == everyone.high == 0
    assert everyone.precision == found.base_rate
    assert everyone.shared == 1


def test_rows_without_a_label_take_their_places():
    log = log_of([("fay", 1.0), *((who, float(d)) for who in ("ann", "bob") for d in range(0, 60, 5))])
    data = dataset_of(log, lead="5d", horizon="14d")
    compared = SILENT.backtest(data).against_silence(1)
    # on day 14 fay, lost on day 15 and so in the lead, heads both lists and is not judged
    assert compared.judged == compared.judged_silent == compared.n_cutoffs - 1


# -- words and errors -------------------------------------------------------------------------------


def test_words():
    rules = RuleSet([SILENT["silent"], Rule("closes", 3, "any.recency >= 13d", is_loss=True)])
    found = rules.backtest(story(), capacity=1, silence="9d")
    assert found.headline == (
        "At 6 cutoffs (2025-03-10 to 2025-04-14), 5 warnings, 0.8 a week, at most 1 at a cutoff; "
        "66.7% (0.0% to 100.0%) of 3 were right: lost in 21d, as were 38.5% of all. "
        "Of 3 customers lost, 91.7% were warned of, 5 days ahead in the median."
    )
    text = repr(found)
    assert text.startswith(f"Backtest: {found.headline}")
    assert "silent 9d" in text
    assert "6 rows are too young for a label" in text
    assert "No warm-up" in text
    assert "In no count, being the loss itself: closes." in text
    assert "<table" in found._repr_html_()
    assert "capacity" not in RuleSet([Rule("a", 1, "any.count > 9")]).backtest(story()).headline
    compared = found.against_silence()
    assert "too few to say" in str(compared)
    assert repr(compared) == f"AgainstSilence({compared})"
    assert compared._repr_html_().startswith("<p>Of ")
    left = SILENT.backtest(dataset_of(log_of([*STORY, ("zoe", 0.0), ("zoe", 9.0)], until="2025-04-21"), lead="5d"))
    assert "no label since the customer was lost during the lead" in repr(left)


def test_lists_without_anybody_say_so():
    data = story()
    one = data.take(np.arange(len(data)) == 0)
    text = str(SILENT.backtest(one, silence="60d").against_silence())
    assert text.startswith("Of 0.0 customers a list at 1 cutoff (")
    assert "nan" not in text
    assert text.endswith("none has a label on one of the lists: too few to say.")


def test_arguments_of_no_use():
    data = story()
    with pytest.raises(ParameterError, match="capacity"):
        SILENT.backtest(data, capacity=0)
    with pytest.raises(ParameterError, match="n_boot"):
        SILENT.backtest(data, n_boot=1)
    with pytest.raises(ParameterError, match="confidence"):
        SILENT.backtest(data, confidence=95)
    with pytest.raises(ParameterError, match="silence='1mo' has no fixed length"):
        SILENT.backtest(data, silence="1mo")
    with pytest.raises(SchemaError, match=r"recency='any.recncy' is no column \(did you mean 'any.recency'"):
        SILENT.backtest(data, recency="any.recncy")
    with pytest.raises(ParameterTypeError, match="data is a str"):
        SILENT.backtest("data")
    with pytest.raises(ParameterError, match="this backtest knows no silence"):
        SILENT.backtest(data, silence=None).against_silence()
    found = SILENT.backtest(data)
    with pytest.raises(ParameterError, match="volume"):
        found.against_silence(0)
    with pytest.raises(ParameterTypeError, match="volume"):
        found.against_silence(1.5)
    with pytest.raises(ParameterError, match=r"volume='all' is not a choice .*'silent'"):
        found.against_silence("all")
    for wrong in (SILENT.backtest, lambda _, **options: found.against_silence(**options)):
        with pytest.raises(ParameterTypeError, match="confidence is 'high'"):
            wrong(data, confidence="high")
        for seed in ("x", -1):
            with pytest.raises(ParameterTypeError, match="random_state is"):
                wrong(data, random_state=seed)
    with pytest.raises(ParameterTypeError, match=r"recency is \['any.recency'\]"):
        SILENT.backtest(data, recency=["any.recency"])
    with pytest.raises(SchemaError, match=r"recency='any.count' is in count.*a length of time"):
        SILENT.backtest(data, recency="any.count")


def test_feeds_of_several_kinds_are_those_of_a_pack():
    shop = alerts.pack("retail", events={"activity": ["visit", "order"]})
    data = cl.datasets.make_shop(n_customers=60, random_state=0)
    shop = shop.for_log(data.log)
    cutoffs = cl.weekly("2025-05-05", "2025-06-30")
    rows = cl.build_dataset(
        data.log, cutoffs=cutoffs, horizon="30d", churn=cl.Inactivity("60d"), features=shop.features
    )
    found = shop.rules.backtest(rows, sources=shop.feeds, recency="order+visit.recency")
    assert found.table["warnings"].sum() > 0


def test_data_without_labels_teach():
    data = story()
    with pytest.raises(ParameterError, match=r"none of the 3 rows that count has a label \(cutoffs until 2025-04-14"):
        SILENT.backtest(data, since="2025-04-14")
    with pytest.raises(ParameterError, match="whether a warning was right is known once complete_until"):
        SILENT.backtest(data.at("2025-04-14"))
    with pytest.raises(SchemaError, match="holds no numbers"):
        SILENT.backtest(_with_text(data), recency="plan")


def _with_text(data: cl.Dataset) -> cl.Dataset:
    return data._derive(X=data.X.assign(plan="a"), _waiting=None)
