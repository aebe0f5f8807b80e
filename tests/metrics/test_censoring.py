from __future__ import annotations

import numpy as np
import pytest

from churnlib.exceptions import HistoryError, ParameterError
from churnlib.metrics import dynamic_auc, survival_brier_loss, uno_concordance_score
from churnlib.metrics._censoring import read_censoring
from churnlib.metrics._survival_inputs import read_watched
from churnlib.numerics import censoring_survival
from churnlib.targets import survival_target

# Lost from sight at 3 and at 8; G falls to 3/4 at 3 (four at risk), and to 0 at 8.
Y = survival_target([1, 0, 1, 1, 0], [2, 3, 3.5, 6, 8])
S = np.full((5, 1), 0.5)


def test_who_left_weighs_by_the_chance_to_be_watched_just_before():
    train = survival_target([0, 1, 1, 0], [3, 3, 7, 9])  # at 3 one leaves and one of the other three is lost
    scored = read_watched(survival_target([1, 1], [3, 7]), None)
    ours = read_censoring(scored, train, "churnlib")
    theirs = read_censoring(scored, train, "sksurv")
    assert ours.of_events(np.array([3.0, 7.0])).tolist() == [1.0, 1 / (2 / 3)]
    assert theirs.of_events(np.array([3.0, 7.0])).tolist() == [1 / (2 / 3), 1 / (2 / 3)]
    assert ours.of_survivors(np.array([2.9, 3.0])).tolist() == [1.0, 1 / (2 / 3)]


def test_censoring_is_that_of_the_training_rows():
    train = survival_target([0, 0, 1, 1], [1, 1, 9, 10])
    fitted = censoring_survival(train["time"], train["event"])
    expected = survival_brier_loss(Y, S, [5], train=train)
    assert expected == survival_brier_loss(Y, S, [5], train=fitted)
    assert expected != survival_brier_loss(Y, S, [5])


@pytest.mark.parametrize("time", [8.0, 9.0])
def test_times_at_which_nobody_is_watched_are_refused(time):
    for score in (survival_brier_loss, dynamic_auc):
        with pytest.raises(HistoryError, match=rf"1 of 2 times cannot be scored \(first: {time:g}\).*before 8"):
            score(Y, np.full((5, 2), 0.5), [5, time])


def test_without_censoring_every_time_can_be_scored():
    y = survival_target([1, 1, 1], [1, 2, 3])
    assert survival_brier_loss(y, np.full((3, 2), 0.25), [2.5, 99]).tolist() == [(2 * 0.0625 + 0.5625) / 3, 0.0625]


def test_training_that_ends_early_says_nothing_about_later_times():
    train = survival_target([0, 1], [1, 2])  # the last one left: G stays at 1/2, but for how long?
    assert survival_brier_loss(Y, S, [2], train=train).shape == (1,)
    with pytest.raises(HistoryError, match=r"nobody is still watched at 2\.5"):
        survival_brier_loss(Y, S, [2.5], train=train)
    with pytest.raises(HistoryError, match=r"2 of 3 who left did so where.*rows 2, 3.*\n.*tau=2"):
        uno_concordance_score(Y, [5, 4, 3, 2, 1], train=train)
    assert 0 <= uno_concordance_score(Y, [5, 4, 3, 2, 1], train=train, tau=3) <= 1


@pytest.mark.parametrize("convention", ["sksurv", "riskRegression"])
def test_other_conventions_know_no_delayed_entry(convention):
    late = survival_target([1, 0], [2, 3], entry=[0, 1])
    plain = survival_target([1, 0], [2, 3])
    for y, train in ((late, plain), (plain, late)):
        with pytest.raises(ParameterError, match=f"convention='{convention}' with delayed entry"):
            survival_brier_loss(y, [0.5, 0.5], 1, train=train, convention=convention)
    with pytest.raises(ParameterError, match="convention='sksrv' is not a choice"):
        survival_brier_loss(plain, [0.5, 0.5], 1, convention="sksrv")
