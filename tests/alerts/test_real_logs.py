"""Warnings on five public logs: the tables of the docs are what the rules give, and what they show is so."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks import bench_warnings as bench
from benchmarks.warning_logs import HOUSEHOLDS, LISTENERS, LOGS, SOCIAL, STUDENTS, WHOLESALE

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "warning-on-real-logs.md"
LESSER = [log for log in LOGS if log is not STUDENTS]


@pytest.fixture(scope="module")
def found(data_dir):
    kept = {}

    def get(log):
        if log.name not in kept:
            kept[log.name] = bench.judged(log, data_dir)
        return kept[log.name]

    return get


def rows_of(text):
    return text.splitlines()[2:]


def check_page(one):
    page = PAGE.read_text(encoding="utf-8")
    for part in (bench.protocol, bench.line, bench.desk, bench.capacity):
        for row in rows_of(part([one])):
            assert row in page
    assert bench.rules(one) in page


@pytest.mark.parametrize("log", [HOUSEHOLDS, WHOLESALE], ids=lambda log: log.name)
def test_the_tables_of_the_docs(found, log):
    check_page(found(log))


@pytest.mark.slow
@pytest.mark.parametrize("log", [SOCIAL, STUDENTS, LISTENERS], ids=lambda log: log.name)
def test_the_tables_of_the_docs_on_the_other_logs(found, log):
    check_page(found(log))


@pytest.mark.slow
def test_the_score_is_better_than_silence_on_three_of_five_and_worse_on_none(found):
    lines = [found(log).line for log in LOGS]
    assert sum(line.low > 0 for line in lines) >= 3
    assert not any(line.high < 0 for line in lines)


@pytest.mark.parametrize("log", [HOUSEHOLDS, WHOLESALE], ids=lambda log: log.name)
def test_the_score_is_better_than_silence_where_customers_have_a_pace(found, log):
    assert found(log).line.low > 0
    assert found(log).line.verdict == "wins"


@pytest.mark.parametrize("log", [HOUSEHOLDS, WHOLESALE], ids=lambda log: log.name)
def test_nothing_of_the_test_window_is_learned(found, log):
    one = found(log)
    assert one.train.cutoff.max() + one.train.window <= one.test.cutoff.min()
    assert one.alerts.replay.data.cutoff[one.alerts.replay.counts_since].min() == one.test.cutoff.min()
    again = log.rules.fit(one.train).rules
    assert again == one.fit.rules == one.alerts.replay.rules


def test_the_line_by_hand(found):
    """Sorted lists at each cutoff, without anything of the backtest but the score."""
    one = found(HOUSEHOLDS)
    replay = one.alerts.replay
    rows = replay.counts_since & replay.data.cutoff.isin(one.test.cutoff.unique())
    cutoff, score, y = replay.data.cutoff[rows], replay.score[rows], replay.y[rows]
    silence = replay.data.X[HOUSEHOLDS.silence].to_numpy()[rows]
    listed, right = np.zeros(2), np.zeros(2)
    for week in np.unique(cutoff):
        here = np.flatnonzero(cutoff == week)
        k = int((silence[here] >= 30).sum())
        for way, value in enumerate((score, silence)):
            last = np.sort(value[here])[-k]
            above, tied = here[value[here] > last], here[value[here] == last]
            share = (k - len(above)) / len(tied)
            for part, weight in ((above, 1.0), (tied, share)):
                listed[way] += weight * np.isfinite(y[part]).sum()
                right[way] += weight * np.nansum(y[part])
    precision = right / listed
    assert one.line.precision == pytest.approx(precision[0])
    assert one.line.precision_silent == pytest.approx(precision[1])


def test_the_code_of_the_docs_gives_the_line_of_the_docs(found, capsys):
    page = PAGE.read_text(encoding="utf-8")
    code = re.search(r"^```py\n(.*?)^```", page, re.DOTALL | re.MULTILINE).group(1)
    names = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert str(found(WHOLESALE).line) in capsys.readouterr().out
    weights = sorted(rule.weight for rule in names["frozen"])
    assert weights == sorted(rule.weight for rule in found(WHOLESALE).fit.rules)


def test_students_are_known_by_what_could_be_known(data_dir):
    frame = STUDENTS.read(data_dir).log.to_frame()
    kinds = frame.groupby("customer_id")["kind"].agg(["first", "last"])
    gone = frame.loc[frame["kind"] == "unregistered", "customer_id"]
    assert (kinds["first"] == "began").all()
    assert (kinds.loc[gone, "last"] == "unregistered").all()
    midnight = frame["time"].dt.normalize() == frame["time"]
    assert midnight[frame["kind"] == "missed"].all()
    assert not midnight[frame["kind"].isin(["submitted", "late"])].any()


@pytest.mark.slow
def test_who_leaves_within_the_lead_is_seen_all_the_same(found):
    one = found(STUDENTS)
    replay = one.alerts.replay
    rows = replay.counts_since & replay.data.cutoff.isin(one.test.cutoff.unique())
    unknown = rows & np.isnan(replay.y)
    assert unknown.sum() == len(replay.y[rows]) - len(one.test) > 1000
    assert one.desk_line.judged < one.desk_line.per_list * one.desk_line.n_cutoffs


@pytest.mark.slow
def test_what_students_do_later_changes_nothing_before(data_dir, monkeypatch):
    """The files as they were on a day in the middle of a course make the same events up to that day."""
    until, run = pd.Timestamp("2014-12-01"), ["code_module", "code_presentation"]
    whole = STUDENTS.read(data_dir).log.to_frame()
    read = pd.read_csv
    begins = read(data_dir / "oulad_course.csv.gz")[run]
    month = begins["code_presentation"].str[4].map({"B": "-02-01", "J": "-10-01"})
    begins["begins"] = pd.to_datetime(begins["code_presentation"].str[:4] + month)
    tasks = read(data_dir / "oulad_assessment.csv.gz")[[*run, "id_assessment"]].merge(begins, on=run)

    def as_it_was(path):
        frame = read(path)
        if path.name.startswith("oulad_student_registration"):
            day = frame.merge(begins, on=run, how="left")["begins"]
            gone = day + pd.to_timedelta(frame["date_unregistration"], unit="D") < until
            return frame.assign(date_unregistration=frame["date_unregistration"].where(gone))
        if path.name.startswith("oulad_student_assessment"):
            day = frame.merge(tasks, on="id_assessment", how="left")["begins"]
            at = day + pd.to_timedelta(frame["date_submitted"], unit="D") + pd.Timedelta(hours=12)
            return frame[at < until]
        return frame

    monkeypatch.setattr(pd, "read_csv", as_it_was)
    then = STUDENTS.read(data_dir).log.to_frame()
    before, same = (log[log["time"] < until.tz_localize("UTC")].reset_index(drop=True) for log in (whole, then))
    assert len(then) < len(whole)
    assert len(before) > 300_000
    pd.testing.assert_frame_equal(before, same, check_categorical=False)
