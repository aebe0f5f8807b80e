from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.exceptions import DataError
from churnlib.metrics import ConcordanceCounts, concordance_counts, concordance_score
from churnlib.targets import survival_target
from tests.metrics import watched_rows
from tests.metrics.watched_rows import Rows


def by_definition(rows: Rows) -> list[float]:
    """Look at every pair."""
    n = len(rows.time)
    weight = np.ones(n) if rows.weight is None else rows.weight
    entry = np.zeros(n) if rows.entry is None else rows.entry
    concordant = discordant = tied_risk = tied_time = 0.0
    for i in np.flatnonzero(rows.event):
        for j in range(n):
            if i == j or entry[j] >= rows.time[i]:
                continue
            pair = weight[i] * weight[j]
            if rows.time[j] == rows.time[i] and rows.event[j]:
                tied_time += pair / 2  # met twice
            elif rows.time[j] >= rows.time[i]:
                concordant += pair * (rows.risk[i] > rows.risk[j])
                discordant += pair * (rows.risk[i] < rows.risk[j])
                tied_risk += pair * (rows.risk[i] == rows.risk[j])
    return [concordant, discordant, tied_risk, tied_time]


def counts(rows: Rows) -> ConcordanceCounts:
    return concordance_counts(rows.y, rows.risk, sample_weight=rows.weight)


def as_list(found: ConcordanceCounts) -> list[float]:
    return [found.concordant, found.discordant, found.tied_risk, found.tied_time]


# ------------------------------------------------------------------ the definition, and what follows from it


@given(watched_rows.rows())
def test_it_is_the_definition(rows):
    expected = by_definition(rows)
    assume(sum(expected[:3]) > 0)
    found = counts(rows)
    assert as_list(found) == pytest.approx(expected, abs=1e-9)
    assert found.score == pytest.approx((expected[0] + expected[2] / 2) / sum(expected[:3]))
    if rows.weight is None:
        assert all(isinstance(value, int) for value in as_list(found))


@given(watched_rows.rows(), st.randoms(use_true_random=False))
def test_no_row_order_changes_a_bit(rows, random):
    assume(sum(by_definition(rows)[:3]) > 0)
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    assert counts(rows.at(order)) == counts(rows)


@given(watched_rows.rows())
def test_negated_risk_turns_the_score_round(rows):
    assume(sum(by_definition(rows)[:3]) > 0)
    turned = concordance_score(rows.y, -rows.risk, sample_weight=rows.weight)
    assert turned == pytest.approx(1 - counts(rows).score, abs=1e-12)


@given(watched_rows.rows(weights=False))
def test_only_the_order_of_risks_counts(rows):
    assume(sum(by_definition(rows)[:3]) > 0)
    assert concordance_counts(rows.y, np.exp(rows.risk) * 3 + 1) == counts(rows)


@given(watched_rows.rows(weights=False), st.data())
def test_weights_are_repeated_rows(rows, data):
    n = len(rows.time)
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    repeated = rows.at(np.repeat(np.arange(n), times))
    assume(len(repeated.time) > 1 and sum(by_definition(repeated)[:3]) > 0)
    # Two copies of one row tie in time; of a row that left they are not compared, of any other neither.
    assert concordance_score(rows.y, rows.risk, sample_weight=times) == pytest.approx(
        concordance_score(repeated.y, repeated.risk), abs=1e-12
    )


def test_entry_at_the_very_time_of_an_event_is_too_late():
    y = survival_target([1, 1, 0], [5, 9, 9], entry=[0, 5, 4.9])
    assert as_list(concordance_counts(y, [3, 2, 1])) == [2, 0, 0, 0]  # rows 0 and 2, rows 1 and 2


def test_left_and_last_seen_at_one_time_are_compared_and_two_who_left_are_not():
    y = survival_target([1, 1, 0], [5, 5, 5])
    assert as_list(concordance_counts(y, [3, 1, 2])) == [1, 1, 0, 1]


def test_several_causes_are_one_churn_and_an_array_of_scikit_survival_is_read():
    several = survival_target([1, 2, 0], [1, 2, 3], causes=["price", "moved"])
    foreign = np.array([(True, 1.0), (True, 2.0), (False, 3.0)], dtype=[("cens", "?"), ("t", "f8")])
    assert concordance_score(several, [3, 1, 2]) == concordance_score(foreign, [[3], [1], [2]]) == 2 / 3


# ------------------------------------------------------------------ published numbers and other implementations


def test_gbsg2_as_in_r_and_scikit_survival():
    rows, _ = watched_rows.gbsg2()
    found = counts(rows)
    # R 4 survival 3.5 `concordance` and scikit-survival 0.28: .6879283395, 91544 concordant, 41528 discordant.
    # scikit-survival's 42 ties in time are pairs of one who left and one last seen, compared like any other.
    assert as_list(found) == [91544, 41528, 0, 32]
    assert found.score == pytest.approx(0.6879283395, abs=5e-11)
    same = [(rows.time == t) & rows.event for t in np.unique(rows.time)]
    assert (
        sum(
            int(left.sum() * ((rows.time == t) & ~rows.event).sum())
            for t, left in zip(np.unique(rows.time), same, strict=True)
        )
        == 42
    )


def test_rossi_as_in_r_lifelines_and_scikit_survival(data_dir):
    frame = pd.read_csv(data_dir / "rossi.csv.gz")
    efron = {
        "fin": -0.37942217,
        "age": -0.05743774,
        "race": 0.31389979,
        "wexp": -0.14979570,
        "mar": -0.43370388,
        "paro": -0.08487108,
        "prio": 0.09149708,
    }
    risk = sum(frame[name] * value for name, value in efron.items())
    y = survival_target("arrest", "week", data=frame)
    # Rows with equal features tie in risk, whatever the last bits of the sums.
    assert concordance_score(y, np.round(risk, 8)) == pytest.approx(0.6403292471, abs=5e-11)


def test_scikit_survival_finds_the_same_pairs():
    metrics = pytest.importorskip("sksurv.metrics")
    for seed in range(5):
        rng = np.random.default_rng(seed)
        event, time, risk = rng.random(300) < 0.6, np.ceil(rng.exponential(20, 300)), rng.integers(0, 40, 300)
        found = concordance_counts(survival_target(event, time), risk)
        theirs = metrics.concordance_index_censored(event, time, risk.astype(float))
        assert (found.score, *as_list(found)[:3]) == pytest.approx(theirs[:4], abs=1e-15)


def test_lifelines_finds_the_same_where_no_two_leave_together():
    utils = pytest.importorskip("lifelines.utils")
    rng = np.random.default_rng(0)
    event, time, risk = rng.random(500) < 0.6, rng.exponential(20, 500), rng.integers(0, 40, 500)
    found = concordance_score(survival_target(event, time), risk)
    assert found == pytest.approx(utils.concordance_index(time, -risk, event), abs=1e-15)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_finds_the_same_with_delayed_entry_and_weights():
    rng = np.random.default_rng(1)
    time = np.ceil(rng.exponential(20, 60))
    entry = np.floor(time * rng.random(60) * 0.9)
    event, risk, weight = rng.random(60) < 0.6, rng.integers(0, 15, 60), rng.integers(1, 9, 60) / 2
    lists = [",".join(map(str, values)) for values in (entry, time, event.astype(int), risk, weight)]
    program = (
        "suppressMessages(ok <- require(survival, quietly=TRUE)); if (!ok) quit(status=3); "
        "a <- c({}); t <- c({}); e <- c({}); r <- c({}); w <- c({}); ".format(*lists)
        + "x <- concordance(Surv(a, t, e) ~ r, weights=w, reverse=TRUE);"
        + "cat(format(c(x$count[1:3], x$concordance), digits=17))"
    )
    run = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("R has no package survival")
    expected = [float(word) for word in run.stdout.split()]
    found = concordance_counts(survival_target(event, time, entry=entry), risk, sample_weight=weight)
    assert [*as_list(found)[:3], found.score] == pytest.approx(expected, rel=1e-12)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("event", "risk", "match"),
    [
        ([0, 0, 0], [1, 2, 3], r"no two of 3 rows can be compared \(0 were seen to leave\)"),
        ([0, 0, 1], [1, 2, 3], r"no two of 3 rows can be compared \(1 were seen to leave\)"),
        ([1, 1, 0], [1, 2], r"risk has shape \(2,\) for 3 rows of y"),
        ([1, 1, 0], [[1, 2], [3, 4], [5, 6]], r"risk has shape \(3, 2\)"),
        ([1, 1, 0], [1, np.nan, 2], r"1 of 3 risks are NaN \(row 1\)"),
        ([1, 1, 0], ["a", "b", "c"], "risk cannot be read as numbers"),
    ],
)
def test_bad_input_is_counted_and_named(event, risk, match):
    with pytest.raises(DataError, match=match):
        concordance_score(survival_target(event, [1, 2, 3]), risk)
