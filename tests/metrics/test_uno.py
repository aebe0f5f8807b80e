from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from churnlib.exceptions import DataError, HistoryError, ParameterError
from churnlib.metrics import concordance_score, uno_concordance_score
from churnlib.numerics import censoring_survival
from churnlib.targets import survival_target
from tests.metrics import watched_rows
from tests.metrics.watched_rows import gbsg2


def by_definition(rows, tau: float) -> float:
    n = len(rows.time)
    weight = np.ones(n) if rows.weight is None else rows.weight
    watched = rows.time - (0 if rows.entry is None else rows.entry)
    G = censoring_survival(watched, rows.event, weight=weight)
    right = every = 0.0
    for i in np.flatnonzero(rows.event & (watched < tau)):
        later = (watched > watched[i]) | ((watched == watched[i]) & ~rows.event)
        pairs = later * weight * weight[i] / float(G.left(watched[i])) ** 2
        every += pairs.sum()
        right += (pairs * ((rows.risk < rows.risk[i]) + (rows.risk == rows.risk[i]) / 2)).sum()
    return right / every if every else np.nan


@given(watched_rows.rows(), st.sampled_from([2.0, 2.5, 4.0, 99.0]))
def test_it_is_the_definition(rows, tau):
    expected = by_definition(rows, tau)
    assume(not np.isnan(expected))
    found = uno_concordance_score(rows.y, rows.risk, tau=tau, sample_weight=rows.weight)
    assert found == pytest.approx(expected, abs=1e-12)
    turned = uno_concordance_score(rows.y, -rows.risk, tau=tau, sample_weight=rows.weight)
    assert turned == pytest.approx(1 - expected, abs=1e-12)


@given(watched_rows.rows(), st.randoms(use_true_random=False))
def test_no_row_order_changes_a_bit(rows, random):
    assume(not np.isnan(by_definition(rows, np.inf)))
    order = np.array(random.sample(range(len(rows.time)), len(rows.time)))
    part = rows.at(order)
    found = uno_concordance_score(rows.y, rows.risk, sample_weight=rows.weight)
    assert uno_concordance_score(part.y, part.risk, sample_weight=part.weight) == found


def test_without_censoring_it_is_harrells():
    rng = np.random.default_rng(0)
    y = survival_target(np.ones(200), np.ceil(rng.exponential(30, 200)))
    risk = rng.integers(0, 50, 200)
    assert uno_concordance_score(y, risk) == pytest.approx(concordance_score(y, risk), abs=1e-14)


def test_censoring_does_not_tilt_it():
    """Risk orders early churns only; heavy censoring then flatters Harrell's concordance."""
    rng = np.random.default_rng(3)
    n = 20_000
    life = rng.exponential(100, n)
    risk = np.where(life < 30, -life, -30 - rng.random(n))
    lost = rng.exponential(60, n)
    everything = concordance_score(survival_target(np.ones(n), np.minimum(life, 100)), risk)
    y = survival_target(life <= np.minimum(lost, 100), np.minimum(life, np.minimum(lost, 100)))
    harrell, uno = concordance_score(y, risk), uno_concordance_score(y, risk, tau=100)
    assert abs(uno - everything) < 0.01
    assert harrell - everything > 0.03


# ------------------------------------------------------------------ published numbers and other implementations


def test_gbsg2_as_in_scikit_survival_and_r():
    rows, _ = gbsg2()

    def uno(convention, tau=None):
        return uno_concordance_score(rows.y, rows.risk, tau=tau, convention=convention)

    # scikit-survival 0.28 `concordance_index_ipcw`
    assert uno("sksurv") == pytest.approx(0.6740728615, abs=1e-10)
    assert uno("sksurv", 1825) == pytest.approx(0.6765315847, abs=1e-10)
    # R survival `concordance(timewt="n/G2")`, and with ymax=1825
    for convention in ("riskRegression", "churnlib"):
        assert uno(convention) == pytest.approx(0.6717884462, abs=1e-10)
        assert uno(convention, 1825) == pytest.approx(0.6765973646, abs=1e-10)


def test_scikit_survival_finds_the_same():
    metrics = pytest.importorskip("sksurv.metrics")
    train, scored = watched_rows.simulated(300, seed=1)[0], watched_rows.simulated(200, seed=2)[0]
    scored = scored.at(scored.time < train.time.max())
    for tau in (None, float(np.sort(scored.time)[100])):  # the second is a time at which a row ends
        theirs = metrics.concordance_index_ipcw(train.y, scored.y, scored.risk, tau=tau)[0]
        ours = uno_concordance_score(scored.y, scored.risk, train=train.y, tau=tau, convention="sksurv")
        assert ours == pytest.approx(theirs, abs=1e-12)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_finds_the_same_with_ties_and_a_limit_that_is_a_time():
    time, event, risk = (
        [2, 5, 5, 7, 9, 12, 12, 15],
        [1, 1, 0, 0, 1, 1, 0, 0],
        [0.9, 0.2, 0.8, 0.4, 0.3, 0.35, 0.1, 0.05],
    )
    lists = [",".join(map(str, values)) for values in (time, event, risk)]
    program = (
        "suppressMessages(ok <- require(survival, quietly=TRUE)); if (!ok) quit(status=3); "
        "t <- c({}); e <- c({}); r <- c({}); ".format(*lists)
        + 'f <- function(m) concordance(Surv(t, e) ~ r, reverse=TRUE, timewt="n/G2", ymax=m)$concordance; '
        + "cat(format(c(f(11.9), f(12), f(99)), digits=17))"
    )
    run = subprocess.run(["Rscript", "-e", program], capture_output=True, text=True, check=False)
    if run.returncode == 3:
        pytest.skip("R has no package survival")
    found = [
        uno_concordance_score(survival_target(event, time), risk, tau=tau, convention="riskRegression")
        for tau in (11.9, 12, 99)
    ]
    assert found == pytest.approx([float(word) for word in run.stdout.split()], rel=1e-12)


def test_a_limit_is_open_and_that_of_r_closed():
    y = survival_target([1, 1, 0], [1, 2, 3])
    assert uno_concordance_score(y, [1, 3, 2], tau=2) == 0.0
    assert uno_concordance_score(y, [1, 3, 2], tau=2, convention="riskRegression") == pytest.approx(1 / 3)


# ------------------------------------------------------------------ bad input


def test_bad_input_is_named():
    y = survival_target([1, 0, 1], [1, 2, 3])
    with pytest.raises(DataError, match=r"no two of 3 rows can be compared \(0 were seen to leave in time\)"):
        uno_concordance_score(y, [1, 2, 3], tau=0.5)
    with pytest.raises(ParameterError, match=r"tau=-1\.0 is out of range"):
        uno_concordance_score(y, [1, 2, 3], tau=-1)
    with pytest.raises(ParameterError, match="tau is 0; nobody leaves before it"):
        uno_concordance_score(y, [1, 2, 3], tau=0)
    with pytest.raises(HistoryError, match=r"1 of 2 who left did so where.*nobody is still watched \(row 2\)"):
        uno_concordance_score(y, [1, 2, 3], train=survival_target([1, 0], [1, 2]))
