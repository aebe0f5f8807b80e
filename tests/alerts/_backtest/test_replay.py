"""Replay: the same as stepping by hand, as of every cutoff, with nothing of the future in it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import churnlib as cl
from churnlib.alerts import Rule, RuleSet, Silence
from churnlib.alerts._backtest._replay import _Feed, replay
from churnlib.calendar import to_us
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError
from tests.alerts.past import DAY, SPEC, START, dataset_of, events_of, log_of, randoms, rules_of

LEADS = st.sampled_from(["0d", "5d"])
MICRO = pd.Timedelta(1, unit="us")
FEWER = settings(max_examples=min(25, settings.default.max_examples))
SILENT = RuleSet([Rule("silent", 1, "any.recency >= 7d")])


def by_hand(rules: RuleSet, data: cl.Dataset, **options) -> pd.DataFrame:
    """Step through the cutoffs as a service would, and write down every customer and alert."""
    state, found = None, []
    bound = rules.bind(data.features)
    for cutoff in data.counts.index:
        X = data.at(cutoff).X
        step = bound.step(X.droplevel("cutoff"), now=cutoff, state=state, **options)
        state = step.state
        one = step.customers[["score", "level", "lost"]].copy()
        for rule in rules.ids:
            alerts = step.alerts[step.alerts["rule"] == rule].set_index("customer_id")["suppressed_by"].astype(str)
            told = step.notifications.query("reason != 'escalated'")
            one[f"{rule}.fires"] = one.index.isin(alerts.index)
            free = alerts[~alerts.str.contains("inhibited")]
            one[f"{rule}.counts"] = one.index.isin(free.index) & (not rules[rule].is_loss)
            one[f"{rule}.told"] = one.index.isin(told[told["rule"] == rule]["customer_id"])
        one["cutoff"] = cutoff
        found.append(one)
    return pd.concat(found).reset_index().set_index(["customer_id", "cutoff"]).sort_index()


def as_frame(found) -> pd.DataFrame:
    frame = pd.DataFrame({"score": found.score, "level": found.level, "lost": found.lost}, index=found.data.X.index)
    for k, rule in enumerate(found.rules.ids):
        frame[f"{rule}.fires"] = found.firing[:, k]
        frame[f"{rule}.counts"] = found.counted[:, k]
        frame[f"{rule}.told"] = found.announced[:, k]
    return frame


@FEWER
@given(randoms(), LEADS, st.booleans())
def test_it_is_stepping_by_hand(rng, lead, late):
    log, rules = log_of(events_of(rng, late=late)), rules_of(rng, rng.randint(1, 4))
    data = dataset_of(log, lead=lead)
    found = replay(rules, data)
    pd.testing.assert_frame_equal(as_frame(found), by_hand(rules, data), check_like=True)
    assert found.data.X.index.is_monotonic_increasing


@FEWER
@given(randoms())
def test_order_of_rows_and_rules_do_not_matter(rng):
    data = dataset_of(log_of(events_of(rng)), lead="5d")
    rules = rules_of(rng, 3)
    mixed = data.take(np.array(rng.sample(range(len(data)), len(data))))
    again = RuleSet(list(reversed(rules.rules)))
    one, other = replay(rules, data.take(np.arange(len(data)))), replay(again, mixed)
    assert (one.data.X.index == other.data.X.index).all()
    for name in ("firing", "counted", "announced", "score", "level", "lost"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert np.array_equal(one.y, other.y, equal_nan=True)


@FEWER
@given(randoms(), LEADS)
def test_what_comes_after_a_cutoff_changes_nothing_up_to_it(rng, lead):
    events = events_of(rng)
    data = dataset_of(log_of(events), lead=lead)
    rules = rules_of(rng, 2)
    day = 7 * rng.randint(1, 8)
    cut = START + day * DAY
    kept = [event for event in events if event[1] < day]
    later = [
        (who, min(day + rng.choice([0.0, 1.0, 6.0, 20.0]), 62.5), "visit") for who in {event[0] for event in events}
    ]
    other = dataset_of(log_of(kept + rng.sample(later, rng.randint(1, len(later)))), lead=lead)
    one, two = (as_frame(replay(rules, given)) for given in (data, other))
    one, two = (frame[frame.index.get_level_values("cutoff") <= cut] for frame in (one, two))
    pd.testing.assert_frame_equal(one, two)


def test_who_is_lost_in_the_lead_or_has_no_label_yet_is_evaluated_too():
    log = log_of([(1, day) for day in range(0, 85, 5)] + [(2, 0.0), (2, 9.0), (3, 69.0)], until="2025-05-28")
    data = dataset_of(log, lead="5d", n=11)
    found = replay(SILENT, data)
    frame = pd.DataFrame({"y": found.y, "fires": found.firing[:, 0]}, index=found.data.X.index)
    two = frame.xs(2)
    # lost at day 9 + 14 = 23: within the lead of day 21, and in the window of days 7 and 14
    assert two["y"].fillna(-1).tolist() == [1, 1, -1]
    assert two["fires"].tolist() == [True, False, True]
    assert not found.data.labelled
    assert found.data.unlabelled is not None
    late = frame.xs(3)
    assert late["y"].isna().all()
    assert len(late) == 2


@pytest.mark.parametrize("treated", ["drop", "feature", "keep"])
def test_contacts_after_a_cutoff_do_not_choose_whom_rules_see(treated):
    steady = [(who, float(day)) for who in (1, 2) for day in range(0, 60, 5)]
    log = log_of([*steady, (3, 0.0), (3, 12.0)])
    contacts = pd.DataFrame({"customer_id": [3], "time": [START + 20 * DAY]})
    data = cl.build_dataset(
        log, cutoffs=[START + 7 * k * DAY for k in range(1, 6)], horizon="9d", churn=cl.Inactivity("14d"),
        features=SPEC, contacts=contacts, treated=treated,
    )  # fmt: skip
    found = replay(SILENT, data)
    frame = pd.DataFrame({"y": found.y, "days": found.days_to_loss, "fires": found.firing[:, 0]}, found.data.X.index)
    three = frame.xs(3)
    assert three["fires"].tolist() == [True, False, True]
    # contacted on day 20, in the window of day 14 only; lost on day 26, in the window of day 21 only
    assert three["y"].isna().tolist() == [False, treated == "drop", False]
    assert three["days"].isna().tolist() == [True, True, False]


def test_days_to_the_loss_are_read_as_far_as_the_data_know():
    log = log_of([(1, day) for day in range(0, 70, 5)] + [(2, 0.0), (2, 9.0), (3, 56.0)], until="2025-05-15")
    data = dataset_of(log, horizon="21d", n=10)
    found = replay(SILENT, data)
    days = pd.Series(found.days_to_loss, index=found.data.X.index)
    assert days.xs(2).tolist() == [16.0, 9.0, 2.0]
    # customer 3 is lost at day 70: the data end on day 73, before the windows of days 63 and 70 are over
    y = pd.Series(found.y, index=found.data.X.index)
    assert y.xs(3).isna().tolist() == [True, True]
    assert days.xs(3).tolist() == [7.0, 0.0]
    assert days.xs(1).isna().all()


def test_rows_before_since_only_warm_up():
    data = dataset_of(log_of([(1, 0.0), (1, 12.0), (2, 1.0), (2, 13.0), (2, 24.0)]))
    found = replay(SILENT, data, since="2025-03-17")
    assert found.counts_since.tolist() == (found.data.cutoff >= "2025-03-17").tolist()
    assert not found.counts_since.all()
    assert replay(SILENT, data).counts_since.all()


@given(randoms())
def test_feeds_are_as_fresh_as_known_at_any_instant(rng):
    log = log_of([*events_of(rng, late=True), (0, 2.0, "mail", 3)])
    frame = log.to_frame()
    feed = _Feed(log, log.codes_of("mail"))
    for instant in [*frame["time"], *frame["known_at"]]:
        for now in (instant - MICRO, instant, instant + MICRO):
            seen = (frame["kind"] == "mail") & (frame["time"] < now) & (frame["known_at"] < now)
            last = frame.loc[seen, "time"].max()
            assert feed.last(to_us(now)) == (None if pd.isna(last) else last)


def test_a_rule_is_suspended_where_its_feed_was_stale():
    visits = [(1, float(day)) for day in range(0, 60, 5)]
    # the mail of day 14 is not before the cutoff of that day; that of day 24 is known on day 30
    data = dataset_of(log_of([*visits, (1, 14.0, "mail"), (1, 24.0, "mail", 6)]))
    rules = RuleSet([Rule("a", 1, "any.count > 0", sources="mails")], sources={"mails": "8d"})
    found = replay(rules, data, sources={"mails": "mail"})
    days = (found.data.cutoff - START) // DAY
    assert days[found.announced[:, 0]].tolist() == [21]
    assert replay(rules, data, sources={"mails": None}).announced[:, 0].tolist() == [True, *[False] * 5]
    with pytest.raises(
        ParameterError, match=r"(?s)nothing says which events the feed 'mails' delivers.*Fix: sources=.'mails': "
    ):
        replay(rules, data)


def test_silences_and_opt_outs_hold_announcements_back_and_nothing_else():
    data = dataset_of(log_of([(1, 0.0), (1, 13.0), (2, 0.0), (2, 13.0)]))
    plain = replay(SILENT, data)
    held = replay(SILENT, data, opted_out=[1], silences=[Silence("move", until="2025-03-12", customers=[2])])
    assert np.array_equal(plain.firing, held.firing)
    assert np.array_equal(plain.score, held.score)
    assert plain.announced.sum() > held.announced.sum() == 1


class Half:
    """A classifier that says how long the silence is, as a probability."""

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        share = np.clip(X["any.recency"].to_numpy() / 14, 0, 1)
        return np.column_stack([1 - share, share])


def test_scores_join_the_columns():
    data = dataset_of(log_of([(1, 0.0), (1, 13.0), (2, 0.0), (2, 5.0), (2, 18.0)]))
    rules = RuleSet([Rule("likely", 2, "p >= 0.5 and any.count > 0", because="p is {p:.2f}")])
    by_model = replay(rules, data, scores={"p": Half()})
    values = pd.Series(Half().predict_proba(by_model.data.X)[:, 1], index=by_model.data.X.index)
    by_label = replay(rules, data, scores={"p": values.sample(frac=1, random_state=0)})
    by_place = replay(rules, data, scores={"p": values.to_numpy()})
    assert by_model.firing.any()
    assert not by_model.firing.all()
    for other in (by_label, by_place):
        assert np.array_equal(by_model.firing, other.firing)
    assert "p" not in by_model.data.X.columns


def test_rows_that_someone_took_are_the_rows_replayed():
    steady = [(who, day) for who in (1, 2) for day in range(0, 60, 5)]
    data = dataset_of(log_of([*steady, (3, 0.0), (3, 12.0), (4, 9.0)]), lead="5d", horizon="9d")
    assert len(replay(SILENT, data)) > len(data) + len(data.unlabelled)
    some = data.take(np.asarray(data.customer == data.customer[0]))
    assert len(replay(SILENT, some)) == len(some)
    train, test = data.split(test_cutoffs=1)
    assert set(replay(SILENT, test).data.cutoff) == set(test.cutoff)
    assert len(train) <= len(replay(SILENT, train))


def test_repr_counts():
    data = dataset_of(log_of([(1, 0.0), (1, 13.0)]))
    assert repr(replay(SILENT, data)) == "Replay(3 rows at 3 cutoffs, 1 rule, 2 rows with an alert)"


def test_names_and_units_are_checked_before_any_step():
    data = dataset_of(log_of([(1, 0.0), (1, 13.0)]))
    with pytest.raises(SchemaError, match=r"rule 'a' reads 'any.recncy', which is no column.*'any.recency'"):
        replay(RuleSet([Rule("a", 1, "any.recncy > 3")]), data)
    with pytest.raises(ParameterError, match=r"'any.recency' is in hours, and the columns say days"):
        replay(RuleSet([Rule("a", 1, "any.recency > 3")], units={"any.recency": "hours"}), data)
    with pytest.raises(SchemaError, match=r"rule 'a': when: .*length of time"):
        replay(RuleSet([Rule("a", 1, "any.count > 3d")]), data)


def test_arguments_of_no_use():
    data = dataset_of(log_of([(1, 0.0), (1, 13.0)]))
    with pytest.raises(ParameterTypeError, match="data is a DataFrame"):
        replay(SILENT, data.X)
    with pytest.raises(DataError, match="the dataset has no rows"):
        replay(SILENT, data.take(np.zeros(len(data), bool)))
    with pytest.raises(ParameterError, match=r"since is 2025-12-01.*after the last cutoff"):
        replay(SILENT, data, since="2025-12-01")
    with pytest.raises(ParameterTypeError, match="scores is 'p'"):
        replay(SILENT, data, scores="p")
    with pytest.raises(ParameterError, match=r"scores names 'any.count', which is a feature already"):
        replay(SILENT, data, scores={"any.count": Half()})
    with pytest.raises(DataError, match=r"scores\['p'\] holds 1 values, and 3 rows are replayed"):
        replay(SILENT, data, scores={"p": [0.5]})
    with pytest.raises(DataError, match=r"scores\['p'\] is missing for 1 of 3 rows"):
        replay(SILENT, data, scores={"p": [0.5, np.nan, 0.5]})
    with pytest.raises(ParameterTypeError, match="sources is 'visits'"):
        replay(SILENT, data, sources="visits")
    with pytest.raises(ParameterError, match="sources names 'visits', which is no feed of the rules"):
        replay(SILENT, data, sources={"visits": "visit"})
    fed = RuleSet([Rule("a", 1, "any.count > 0", sources="visits")], sources={"visits": "8d"})
    unread = RuleSet([Rule("a", 1, "any.count > 0")], sources={"visits": "8d"})
    assert replay(unread, data).firing.all()  # a feed that no rule depends on need not be named
    with pytest.raises(ParameterError, match=r"sources\['visits'\] names no kind of events"):
        replay(fed, data, sources={"visits": []})
    with pytest.raises(ParameterTypeError, match=r"sources\['visits'\] is 3"):
        replay(fed, data, sources={"visits": 3})
    for out in ("ann", None, 1):
        with pytest.raises(ParameterTypeError, match="opted_out is"):
            replay(SILENT, data, opted_out=out)
    for held in (None, Silence("move", until="2026-03-09")):
        with pytest.raises(ParameterTypeError, match="silences is"):
            replay(SILENT, data, silences=held)
    rows = replay(SILENT, data).data.X.index
    twice = pd.Series(0.5, index=rows.append(rows[:1]))
    with pytest.raises(DataError, match=r"the index of scores\['p'\] names 1 rows again"):
        replay(SILENT, data, scores={"p": twice})
    with pytest.raises(DataError, match=r"the index of scores\['p'\] has 3 levels"):
        replay(SILENT, data, scores={"p": pd.concat({"x": pd.Series(0.5, index=rows)})})
    with pytest.raises(ParameterTypeError, match=r"(?s)scores\['p'\] is a list that holds no numbers.*Fix: scores"):
        replay(SILENT, data, scores={"p": ["high", "low", "low"]})
    with pytest.raises(ParameterTypeError, match="progress"):
        replay(SILENT, data, progress=1)
    three = type("Three", (), {"predict_proba": lambda self, X: np.ones((len(X), 3)) / 3})()
    with pytest.raises(DataError, match=r"predicts an array of shape \(3, 3\)"):
        replay(SILENT, data, scores={"p": three})


def test_progress_shows_a_bar(capsys):
    replay(SILENT, dataset_of(log_of([(1, 0.0), (1, 13.0)])), progress=True)
    assert "replaying cutoffs" in capsys.readouterr().err
