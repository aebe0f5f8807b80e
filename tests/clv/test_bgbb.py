"""BG/BB: the numbers of the paper, likelihoods counted out by hand, and what must always hold."""

from __future__ import annotations

import pickle
import zlib
from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import beta as beta_function
from scipy.special import hyp2f1
from sklearn.base import clone

from churnlib.clv import BGBB
from churnlib.exceptions import DataError, ParameterError, SchemaError

PAPER = {"alpha": 1.203522, "beta": 0.749716, "gamma": 0.656718, "delta": 2.783442}


@pytest.fixture(scope="module")
def donors(data_dir: Path) -> pd.DataFrame:
    """11,104 donors of 1995 after six yearly appeals, as 22 rows with their number in `weights`."""
    return pd.read_csv(data_dir / "donations_bgbb.csv.gz").rename(columns={"periods": "T"})


def histories(n: int = 2000, *, T: int | np.ndarray = 8, seed: int = 0) -> pd.DataFrame:
    return BGBB.from_params(PAPER).simulate(T=T, n_customers=n, random_state=seed)


def cell(x: int, tx: int, T: int = 6) -> pd.DataFrame:
    return pd.DataFrame({"frequency": [x], "recency": [tx], "T": [T]})


# ------------------------------------------------------------------ published numbers


def test_donations(donors):
    fitted = BGBB().fit(donors, sample_weight=donors["weights"])
    assert_allclose(list(fitted.params_.values()), list(PAPER.values()), atol=1e-5)
    assert_allclose(fitted.loglik_, -33225.5813, rtol=1e-8)
    assert fitted.converged_
    assert fitted.n_customers_ == 11_104


def test_donors_alive_as_in_the_paper(donors):
    """The paper's table (.11, .59, .93) is of the next opportunity; of the last one the chances are higher."""
    fitted = BGBB().fit(donors, sample_weight=donors["weights"])
    three = pd.concat([cell(0, 0), cell(2, 4), cell(6, 6)])
    assert_allclose(fitted.predict_alive_probability(three, 1), [0.1081, 0.5897, 0.9304], atol=5e-5)
    assert_allclose(fitted.predict_alive_probability(three), [0.1162, 0.6337, 1.0], atol=5e-5)


def test_donations_of_the_next_five_years(donors):
    fitted = BGBB().fit(donors, sample_weight=donors["weights"])
    assert_allclose(fitted.predict(donors, 5) @ donors["weights"], 12884.157, atol=5e-3)
    four = pd.concat([cell(0, 0), cell(1, 1), cell(3, 6), cell(6, 6)])
    assert_allclose(fitted.predict(four, 5), [0.072863, 0.085696, 2.189749, 3.752544], atol=5e-7)


def test_donors_in_sample(donors):
    fitted = BGBB().fit(donors, sample_weight=donors["weights"])
    expected = 11_104 * fitted.predict_new_distribution(6, largest=6)[0]
    assert_allclose(expected[[0, 6]], [3454.9, 1253.1], atol=0.05)
    assert_allclose(expected.sum(), 11_104, rtol=1e-12)


# ------------------------------------------------------------------ formulas against other ways to compute them


def direct(x: int, tx: int, T: int, *, alpha: float, beta: float, gamma: float, delta: float) -> float:
    """Return the likelihood, term by term as the paper writes it."""
    total = beta_function(alpha + x, beta + T - x) * beta_function(gamma, delta + T)
    for i in range(T - tx):
        total += beta_function(alpha + x, beta + tx - x + i) * beta_function(gamma + 1, delta + tx + i)
    return total / beta_function(alpha, beta) / beta_function(gamma, delta)


def every_cell(T: int) -> pd.DataFrame:
    """All histories of T opportunities; `ways` orders give the same one."""
    rows = [(0, 0, T, 1)] + [(x, tx, T, comb(tx - 1, x - 1)) for tx in range(1, T + 1) for x in range(1, tx + 1)]
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "ways"])


shape = st.floats(0.05, 30)
params = st.fixed_dictionaries(dict.fromkeys(PAPER, shape))


@given(given_params=params, T=st.integers(1, 9))
def test_likelihood_of_every_history_term_by_term(given_params, T):
    cells = every_cell(T)
    ours = BGBB.from_params(given_params).log_likelihood(cells)
    by_hand = [direct(x, tx, T, **given_params) for x, tx in zip(cells["frequency"], cells["recency"], strict=True)]
    assert_allclose(ours, np.log(by_hand), rtol=1e-9, atol=1e-11)
    assert_allclose(np.exp(ours) @ cells["ways"], 1, rtol=1e-10)


def test_histories_of_different_lengths_do_not_mix():
    cells = pd.concat([every_cell(T) for T in (1, 2, 5, 9)], ignore_index=True).sample(frac=1, random_state=0)
    together = BGBB.from_params(PAPER).log_likelihood(cells)
    alone = [BGBB.from_params(PAPER).log_likelihood(cells.iloc[[row]])[0] for row in range(len(cells))]
    assert_allclose(together, alone, rtol=1e-12)


@given(given_params=params, x=st.integers(0, 4), more=st.integers(0, 3), silence=st.integers(0, 5), t=st.integers(1, 6))
def test_the_future_is_a_ratio_of_likelihoods(given_params, x, more, silence, t):
    """Counting the ways in which n purchases can fall on t opportunities gives the distribution without its formula."""
    tx = x + more if x else 0
    T = max(tx + silence, 1)
    model = BGBB.from_params(given_params)
    pmf = model.predict_purchase_distribution(cell(x, tx, T), t, largest=t + 2)[0]
    now = direct(x, tx, T, **given_params)
    counted = [direct(x, tx, T + t, **given_params) / now]
    for n in range(1, t + 1):
        ways = [(comb(last - 1, n - 1), T + last) for last in range(n, t + 1)]
        counted.append(sum(k * direct(x + n, later, T + t, **given_params) for k, later in ways) / now)
    assert_allclose(pmf, [*counted, 0, 0], rtol=1e-8, atol=1e-13)
    assert_allclose(pmf.sum(), 1, rtol=1e-10)
    assert_allclose(pmf @ np.arange(t + 3), model.predict(cell(x, tx, T), t)[0], rtol=1e-9)
    silent = model.predict_no_purchase_probability(cell(x, tx, T), t)[0]
    assert_allclose(silent, pmf[0], rtol=1e-12)
    assert silent >= 1 - model.predict_alive_probability(cell(x, tx, T))[0] - 1e-12


@given(given_params=params, x=st.integers(0, 20), more=st.integers(0, 20), silence=st.integers(0, 20))
def test_chances_fall_with_time(given_params, x, more, silence):
    tx = x + more if x else 0
    one = cell(x, tx, tx + silence)
    ahead = np.array([0, 1, 2, 3, 7, 30, 400])
    many = pd.concat([one] * len(ahead))
    model = BGBB.from_params(given_params)
    alive, silent = model.predict_alive_probability(many, ahead), model.predict_no_purchase_probability(many, ahead)
    expected = model.predict(many, ahead)
    assert np.all(np.diff(alive) <= 1e-12)
    assert np.all(np.diff(silent) <= 1e-12)
    assert np.all(silent >= 1 - alive[0] - 1e-12)
    assert np.all((alive >= 0) & (alive <= 1) & (silent >= 0) & (silent <= 1 + 1e-12))
    assert np.all(np.diff(expected) >= 0)
    assert expected[0] == 0
    assert silent[0] == pytest.approx(1)
    steps = model.predict_alive_probability(pd.concat([one] * 7), np.arange(1, 8))
    assert_allclose(
        expected[4], steps.sum() * (model.alpha_ + x) / (model.alpha_ + model.beta_ + tx + silence), rtol=1e-9
    )


def test_who_bought_at_the_last_opportunity_is_alive():
    assert BGBB.from_params(PAPER).predict_alive_probability(cell(1, 6)) == 1.0


@pytest.mark.parametrize("t", [1, 5, 300])
def test_continuous_through_gamma_equal_to_one(t):
    """The paper divides by γ - 1."""
    at = [
        BGBB.from_params(PAPER | {"gamma": gamma}).predict(cell(2, 4), t)[0]
        for gamma in (1 - 1e-10, 1 - 1e-13, 1.0, 1 + 1e-13, 1 + 1e-10)
    ]
    assert np.all(np.isfinite(at))
    assert_allclose(at, at[2], rtol=1e-9)
    summed = [
        BGBB.from_params(PAPER | {"gamma": 1.0}).predict_alive_probability(cell(2, 4), j)[0] for j in range(1, t + 1)
    ]
    assert_allclose(at[2], sum(summed) * (PAPER["alpha"] + 2) / (PAPER["alpha"] + PAPER["beta"] + 6), rtol=1e-10)


@pytest.mark.parametrize("gamma", [0.656718, 1.0, 4.0])
@pytest.mark.parametrize("d", [0.05, 0.1, 1.0])
def test_discounted_purchases_of_the_paper(gamma, d):
    """The paper's DERT with the discount d per opportunity is ours with the continuous rate log(1 + d)."""
    model = BGBB.from_params(PAPER | {"gamma": gamma})
    alpha, beta, _, delta = model.params_.values()
    x, tx, T = 2, 4, 6
    b = beta_function
    dert = b(alpha + x + 1, beta + T - x) / b(alpha, beta) * b(gamma, delta + T + 1) / b(gamma, delta) / (1 + d)
    dert *= hyp2f1(1, delta + T + 1, gamma + delta + T + 1, 1 / (1 + d)) / direct(x, tx, T, **model.params_)
    assert_allclose(model.predict_discounted(cell(x, tx, T), discount_rate=np.log1p(d)), dert, rtol=1e-10)


def test_discounted_purchases_are_a_sum_over_opportunities():
    model = BGBB.from_params(PAPER)
    steps = np.arange(0, 801)
    many = pd.concat([cell(3, 5)] * len(steps))
    gained = np.diff(model.predict(many, steps))
    discounted = model.predict_discounted(cell(3, 5), discount_rate=0.05)
    assert_allclose(discounted, gained @ np.exp(-0.05 * steps[1:]), rtol=1e-10)


@pytest.mark.parametrize("theta", [[0.2, -0.3, -0.4, 1.0], [3.5, 4.0, 2.0, 5.0], [-2.0, -3.0, -3.0, -1.0]])
def test_gradient_and_hessian_against_differences(theta):
    frame = histories(300, T=np.random.default_rng(0).integers(1, 12, 300))
    data, _ = BGBB()._read(frame, reset=True)
    problem = BGBB()._problem(data.unique(None), 1.0)
    step, point = 1e-5, np.array(theta)
    _, gradient, hessian = problem.evaluate(point)
    for j in range(4):
        up, down = (problem.evaluate(point + sign * step * np.eye(4)[j]) for sign in (1, -1))
        assert_allclose(gradient[j], (up[0] - down[0]) / (2 * step), rtol=1e-6, atol=1e-6)
        assert_allclose(hessian[j], (up[1] - down[1]) / (2 * step), rtol=1e-6, atol=1e-5)
    scores, weight = problem.scores(point)
    assert_allclose(scores @ weight, gradient, rtol=1e-10, atol=1e-10)


def test_log_likelihood_adds_up():
    frame = histories()
    fitted = BGBB().fit(frame)
    assert_allclose(fitted.log_likelihood(frame).sum(), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.score(frame) * len(frame), fitted.loglik_, rtol=1e-12)
    assert_allclose(fitted.aic_, 8 - 2 * fitted.loglik_)
    assert_allclose(fitted.bic_, 4 * np.log(len(frame)) - 2 * fitted.loglik_)


def test_a_thousand_opportunities_do_not_overflow():
    """A customer who bought every day and then fell silent is gone beyond what a float could say of the odds."""
    model = BGBB.from_params({"alpha": 200.0, "beta": 0.01, "gamma": 1.0, "delta": 50.0})
    X = pd.DataFrame({"frequency": [400, 0], "recency": [400, 0], "T": [2000, 2000]})
    assert np.all(np.isfinite(model.log_likelihood(X)))
    assert model.predict_alive_probability(X)[0] == pytest.approx(0, abs=1e-300)
    assert np.all(np.isfinite(model.predict(X, 100)))


@pytest.mark.filterwarnings("ignore")
def test_likelihood_and_expectation_of_lifetimes(donors):
    lifetimes = pytest.importorskip("lifetimes", reason="the older package is not installed")
    columns = [donors[name] for name in ("frequency", "recency", "T")]
    peer = lifetimes.BetaGeoBetaBinomFitter().fit(*columns, weights=donors["weights"])
    ours = BGBB.from_params(dict(peer.params_))
    theirs = peer.conditional_expected_number_of_purchases_up_to_time(5, *columns)
    assert_allclose(ours.predict(donors, 5), theirs, rtol=1e-8)
    alive = peer.conditional_probability_alive(1, *columns)
    assert_allclose(ours.predict_alive_probability(donors, 1), alive, rtol=1e-8)


# ------------------------------------------------------------------ simulation


def test_simulation_agrees_with_the_formulas():
    model = BGBB.from_params(PAPER)
    drawn = model.simulate(T=5, n_customers=300_000, random_state=3)
    cells = every_cell(5)
    expected = np.exp(model.log_likelihood(cells)) * cells["ways"]
    counted = drawn.groupby(["frequency", "recency"]).size()
    shares = counted.reindex(pd.MultiIndex.from_frame(cells[["frequency", "recency"]]), fill_value=0) / len(drawn)
    assert_allclose(shares.sum(), 1, rtol=1e-12)  # no other history occurs
    assert np.all(np.abs(shares.to_numpy() - expected) < 4.5 * np.sqrt(expected / len(drawn)))


@pytest.mark.parametrize("T", [[3, 8, 1], 4])
def test_simulated_histories_are_readable(T):
    drawn = BGBB.from_params(PAPER).simulate(T=T, n_customers=3, random_state=0)
    assert list(drawn.columns) == ["frequency", "recency", "T"]
    assert (drawn == drawn.round()).all(axis=None)
    assert drawn["T"].tolist() == list(np.broadcast_to(T, 3))
    BGBB.from_params(PAPER).log_likelihood(drawn)
    assert drawn.equals(BGBB.from_params(PAPER).simulate(T=T, n_customers=3, random_state=0))


def test_parameters_come_back():
    fitted = BGBB().fit(histories(200_000, T=np.random.default_rng(1).integers(4, 12, 200_000), seed=5))
    for name, value in PAPER.items():
        assert abs(fitted.params_[name] - value) < 4 * fitted.standard_errors_[name], name


# ------------------------------------------------------------------ invariances


@pytest.mark.parametrize("covariance", ["hessian", "sandwich"])
def test_weights_are_repeated_rows(donors, covariance):
    weighted = BGBB(covariance=covariance).fit(donors, sample_weight=donors["weights"])
    repeated = BGBB(covariance=covariance).fit(donors.loc[donors.index.repeat(donors["weights"])])
    assert weighted.params_ == repeated.params_
    assert weighted.loglik_ == repeated.loglik_
    assert_allclose(weighted.covariance_, repeated.covariance_, rtol=1e-12)


def test_the_order_of_rows_does_not_matter():
    frame = histories()
    mixed = frame.sample(frac=1, random_state=2)
    assert BGBB().fit(mixed).params_ == BGBB().fit(frame).params_
    model = BGBB.from_params(PAPER)
    assert_allclose(model.predict(mixed, 9), model.predict(frame, 9)[mixed.index])


def test_frames_and_arrays():
    frame = histories(300)
    expected = BGBB().fit(frame).params_
    assert BGBB().fit(frame.to_numpy()).params_ == expected
    assert BGBB().fit(frame.assign(note="text")[["T", "note", "recency", "frequency"]]).params_ == expected


def test_clones_and_small_pickles():
    fitted = BGBB(horizon=5).fit(histories())
    stored = pickle.dumps(fitted)
    assert len(stored) < 4096
    assert_allclose(pickle.loads(stored).predict(cell(2, 4)), fitted.predict(cell(2, 4), 5))
    assert clone(fitted).get_params() == fitted.get_params()


def test_sandwich_agrees_with_the_hessian_where_the_model_is_true():
    frame = histories(60_000)
    one, other = BGBB().fit(frame), BGBB(covariance="sandwich").fit(frame)
    assert_allclose(list(other.standard_errors_.values()), list(one.standard_errors_.values()), rtol=0.1)


# ------------------------------------------------------------------ intervals


def _coverage(runs: int, seed: int) -> tuple[pd.Series, pd.Series]:
    """Return the share of intervals that hold the truth, and their mean width, per parameter and prediction."""
    true_model = BGBB.from_params(PAPER)
    asked = cell(3, 5, 8)
    expected = true_model.predict(asked, 5)[0]
    held, width = [], []
    for run in range(runs):
        fitted = BGBB().fit(true_model.simulate(T=8, n_customers=6000, random_state=(seed + run) % 2**32))
        table = fitted.summary()
        low, high = fitted.predict_interval(asked, 5)[0]
        inside = (table["lower"] <= pd.Series(PAPER)) & (pd.Series(PAPER) <= table["upper"])
        held.append([*inside, low <= expected <= high])
        width.append([*(table["upper"] - table["lower"]), high - low])
    names = [*PAPER, "expected purchases"]
    return pd.Series(np.mean(held, axis=0), names), pd.Series(np.mean(width, axis=0), names)


def test_intervals_cover(record_property):
    held, width = _coverage(400, zlib.crc32(b"test_intervals_cover"))
    record_property("mean_width", width.to_dict())
    assert held.between(0.91, 0.9825).all(), held


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    held, width = _coverage(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("mean_width", width.to_dict())
    assert held.between(0.9335, 0.9655).all(), held


# ------------------------------------------------------------------ edges of the parameter space


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(6, 6, 6)] * 3, r"alpha runs to infinity.*delta runs to infinity.*or hardly anybody leaves"),
        ([(0, 0, 6), (1, 1, 6), (2, 2, 6), (3, 3, 6)] * 9, r"beta runs to 0.*some living customers buy at every"),
        ([(0, 0, 6), (6, 6, 6)] * 9, r"gamma runs to 0.*some customers never leave"),
        ([(0, 0, 1), (1, 1, 1)] * 9, r"do not determine alpha, beta, gamma, delta: the likelihood is flat"),
    ],
)
def test_the_boundary_is_named(rows, reason):
    fitted = BGBB().fit(pd.DataFrame(rows, columns=["frequency", "recency", "T"]))
    assert not fitted.converged_
    assert pd.Series([fitted.reason_]).str.contains(reason).all(), fitted.reason_


# ------------------------------------------------------------------ bad input


GOOD = pd.DataFrame({"frequency": [0, 2, 1], "recency": [0, 4, 6], "T": [6, 6, 6]})


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("recency", 3.5, r"column 'recency' is not a whole number in 1 of 3 rows \(first: row 1"),
        ("T", 6.5, r"column 'T' is not a whole number in 1 of 3 rows \(first: row 1.*MBGNBD"),
        ("frequency", 1.5, r"column 'frequency' is not a whole number in 1 of 3 rows \(first: row 1"),
        ("frequency", 5, r"column 'frequency' is larger than 'recency' in 1 of 3 rows \(first: row 1"),
        ("recency", 7, r"column 'recency' is larger than 'T' in 1 of 3 rows"),
        ("T", np.nan, r"column 'T' is missing or infinite \(NaN or inf\) in 1 of 3 rows"),
        ("frequency", -1, r"column 'frequency' is below 0 in 1 of 3 rows"),
    ],
)
def test_histories_that_cannot_be(column, value, text):
    X = GOOD.astype(float)
    X.loc[1, column] = value
    with pytest.raises(DataError, match=f"(?s){text}"):
        BGBB().fit(X)


def test_a_missing_column():
    with pytest.raises(SchemaError, match=r"of the columns of X 'recency' are missing"):
        BGBB().fit(GOOD[["frequency", "T"]])


def test_nothing_to_learn_from():
    with pytest.raises(DataError, match=r"column 'T' is 0 in 1 of 3 rows"):
        BGBB().fit(GOOD.assign(T=[0, 6, 6], recency=[0, 4, 6]))
    with pytest.raises(DataError, match=r"column 'frequency' is 0 in all 3 rows"):
        BGBB().fit(GOOD.assign(frequency=0, recency=0))
    with pytest.raises(DataError, match=r"n_samples = 1"):
        BGBB().fit(GOOD.iloc[[1]])


@pytest.mark.parametrize("ask", ["predict", "predict_alive_probability", "predict_no_purchase_probability"])
def test_opportunities_ahead_are_whole(ask):
    model = BGBB.from_params(PAPER)
    with pytest.raises(ParameterError, match=r"t=2.5 is not whole; BGBB counts opportunities"):
        getattr(model, ask)(GOOD, 2.5)
    with pytest.raises(ParameterError, match=r"t=1.5 is not whole"):
        BGBB.from_params(PAPER, horizon=1.5).predict(GOOD)
    with pytest.raises(ParameterError, match=r"neither t nor the horizon"):
        model.predict(GOOD)


def test_simulated_opportunities_are_whole():
    model = BGBB.from_params(PAPER)
    with pytest.raises(ParameterError, match=r"T is not whole; BGBB counts opportunities"):
        model.simulate(T=2.5)
    with pytest.raises(ParameterError, match=r"T is not positive"):
        model.simulate(T=0)
    with pytest.raises(ParameterError, match=r"discount_rate=0.0 does not discount"):
        model.predict_discounted(GOOD, discount_rate=0)
