import pickle
import zlib

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import churnlib as cl
from churnlib.clv import BGBB, BGNBD, MBGNBD, CustomerLifetimeValue, GammaGamma, ParetoNBD, rfm_summary
from churnlib.economics import RetentionOffer, continuous_rate
from churnlib.exceptions import (
    AssumptionWarning,
    DataError,
    HistoryError,
    ParameterError,
    ParameterTypeError,
    SchemaError,
)

BUYS = {"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5}
SPENDS = {"p": 6.25, "q": 3.74, "v": 15.44}
PAPER = {"r": 0.242593, "alpha": 4.413532, "a": 0.792886, "b": 2.425752}
PARETO = {"r": 0.553276, "alpha": 10.577612, "s": 0.606214, "beta": 11.667911}


def summary(n: int = 800, *, seed: int = 1, newcomers: int = 0) -> pd.DataFrame:
    """Customers observed for 26 to 52 weeks, and some who came in the last one."""
    generator = np.random.RandomState(seed)
    X = BGNBD.from_params(BUYS).simulate(T=generator.uniform(26, 52, n), random_state=generator)
    spend = GammaGamma.from_params(SPENDS).simulate(X["frequency"].to_numpy(), random_state=generator)
    X["monetary_value"] = spend["monetary_value"].to_numpy()
    new = pd.DataFrame({"frequency": 0, "recency": 0.0, "T": 0.0, "monetary_value": 0.0}, index=range(newcomers))
    return pd.concat([X, new], ignore_index=True) if newcomers else X


def known(transactions=None, spend="gamma", **options) -> CustomerLifetimeValue:
    """Combine models of known parameters."""
    transactions = BGNBD.from_params(BUYS) if transactions is None else transactions
    spend = GammaGamma.from_params(SPENDS) if spend == "gamma" else spend
    return CustomerLifetimeValue.from_fitted(transactions, spend, **({"time_unit": "W", "horizon": 52} | options))


def orders(n_customers: int = 60, seed: int = 0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    counts = generator.geometric(0.3, n_customers)
    whose = np.repeat([f"c{number:03}" for number in range(n_customers)], counts)
    start = np.repeat(generator.integers(0, 200, n_customers), counts)
    day = np.minimum(start + generator.integers(0, 120, len(whose)), 299)
    level = np.repeat(generator.gamma(3, 0.4, n_customers), counts)  # customers differ in what they spend
    return pd.DataFrame(
        {
            "customer_id": whose,
            "ordered_at": pd.Timestamp("2025-01-01") + pd.to_timedelta(day, unit="D"),
            "total": (level * generator.gamma(4, 8, len(whose)) + 1).round(2),
        }
    )


def log_of(frame: pd.DataFrame, **options) -> cl.EventLog:
    return cl.EventLog.from_frame(
        frame, customer="customer_id", time="ordered_at", amount="total", complete_until="2025-10-28", **options
    )


# ---------------------------------------------------------------------- the value


@pytest.mark.parametrize(
    "transactions", [BGNBD.from_params(PAPER), MBGNBD.from_params(PAPER), ParetoNBD.from_params(PARETO)]
)
@pytest.mark.parametrize("annual", [0.02, 0.15, 3.0])
def test_continuous_discounting_is_the_integral(transactions, annual):
    X = summary(6, seed=1)
    model = known(transactions, horizon=104, annual_discount_rate=annual)
    delta = continuous_rate(annual, time_unit="W")
    spend = model.spend_.predict(X)
    for i, found in enumerate(model.predict(X)):
        row = X.iloc[[i]]

        def expected(u, row=row):
            return transactions.predict(row, u)[0]

        integral = quad(lambda u, row=row: expected(u) * np.exp(-delta * u), 0, 104, epsabs=0, epsrel=1e-9)[0]
        by_parts = expected(104) * np.exp(-delta * 104) + delta * integral
        assert found == pytest.approx(by_parts * spend[i], rel=1e-8)


@pytest.mark.parametrize(
    "transactions",
    [
        BGNBD.from_params({"r": 50.0, "alpha": 4.4, "a": 1e3, "b": 1e3}),
        MBGNBD.from_params({"r": 1e3, "alpha": 1e3, "a": 1e4, "b": 1e4}),
        ParetoNBD.from_params({"r": 1e3, "alpha": 1e4, "s": 2e3, "beta": 1e4}),
    ],
)
@pytest.mark.parametrize("horizon", [1, 52, 2000])
def test_customers_who_are_all_alike_and_soon_gone(transactions, horizon):
    """Where all leave at one rate, expected purchases are an exponential that may end long before T doubles."""
    X = pd.DataFrame({"frequency": [500], "recency": [40.0], "T": [40.0]})
    delta = continuous_rate(0.15, time_unit="W")
    ends = np.concatenate([[0], np.geomspace(1e-4, horizon, 40)])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    low, size = ends[:-1, None], np.diff(ends)[:, None]
    u, w = (low + size * (nodes + 1) / 2).ravel(), (size * weights / 2).ravel()
    bought = transactions.predict(pd.concat([X] * len(u)), u)
    exact = np.exp(-delta * horizon) * transactions.predict(X, horizon) + delta * (w @ (np.exp(-delta * u) * bought))
    model = known(transactions, None, horizon=horizon, annual_discount_rate=0.15)
    np.testing.assert_allclose(model.predict(X), exact, rtol=1e-9)


def test_the_integral_by_parts_is_that_of_the_derivative():
    # the definition itself: purchases as they come, each from its own moment
    X = summary(5, seed=1)
    model = known(horizon=52, annual_discount_rate=0.3, spend=None)
    delta, edges = continuous_rate(0.3, time_unit="W"), np.linspace(0, 52, 2081)
    bought = np.diff([model.transactions_.predict(X, edge) for edge in edges], axis=0)
    middle = (edges[1:] + edges[:-1]) / 2
    np.testing.assert_allclose(model.predict(X), np.exp(-delta * middle) @ bought, rtol=1e-6)


def test_without_a_rate_it_is_purchases_times_spend_times_margin():
    X = summary(300, newcomers=2)
    for discounting in ("continuous", "monthly"):
        model = known(margin=0.4, discounting=discounting)
        expected = model.transactions_.predict(X, 52) * model.spend_.predict(X) * 0.4
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-13)


def test_monthly_payments_come_at_the_ends_of_months():
    X = summary(50)
    month = 365.25 / 84
    model = known(annual_discount_rate=0.15, discounting="monthly", horizon="1y", spend=20.0)
    ends = np.array([model.transactions_.predict(X, month * i) for i in range(13)])
    factor = 1.15 ** (-np.arange(1, 13) / 12)
    np.testing.assert_allclose(model.predict(X), 20 * factor @ np.diff(ends, axis=0), rtol=1e-12)
    # 30 weeks are six months and a part, which ends with the horizon
    model = known(annual_discount_rate=0.15, discounting="monthly", horizon=30, spend=20.0)
    times = np.append(month * np.arange(7), 30.0)
    ends = np.array([model.transactions_.predict(X, t) for t in times])
    factor = 1.15 ** (-times[1:] * 7 / 365.25)
    np.testing.assert_allclose(model.predict(X), 20 * factor @ np.diff(ends, axis=0), rtol=1e-12)


def test_lifetimes_agrees_where_its_months_are_ours():
    """lifetimes discounts in steps of 30 days (4.345 weeks, and so on) by a monthly rate it is given.

    Its months are put to ours by adding up our own expected purchases at its steps.
    """
    lifetimes = pytest.importorskip("lifetimes")
    X = summary(600)
    days = X.assign(recency=X["recency"] * 7, T=X["T"] * 7)
    theirs, their_spend = lifetimes.BetaGeoFitter(), lifetimes.GammaGammaFitter()
    theirs.fit(days["frequency"], days["recency"], days["T"])
    repeats = days[days["frequency"] > 0]
    their_spend.fit(repeats["frequency"], repeats["monetary_value"])
    model = CustomerLifetimeValue(horizon=360, annual_discount_rate=1.01**12 - 1, discounting="monthly").fit(days)
    value = their_spend.customer_lifetime_value(
        theirs, days["frequency"], days["recency"], days["T"], days["monetary_value"], time=12, discount_rate=0.01
    )
    steps = np.array([model.transactions_.predict(days, 30 * i) for i in range(13)])
    at_their_steps = 1.01 ** -np.arange(1.0, 13) @ np.diff(steps, axis=0) * model.spend_.predict(days)
    np.testing.assert_allclose(at_their_steps, value, rtol=2e-3)  # its search stops earlier than ours
    # months of 30 days instead of 30.44 are worth little: 360 days are 11.83 of our months
    np.testing.assert_allclose(model.predict(days), value, rtol=5e-3)


@pytest.mark.parametrize(
    "transactions", [BGNBD.from_params(PAPER), MBGNBD.from_params(PAPER), ParetoNBD.from_params(PARETO)]
)
def test_far_horizons_meet_the_discounted_expectation(transactions):
    X = summary(20)
    rate = {"annual_discount_rate": 0.15, "spend": None}
    forever = known(transactions, horizon="forever", **rate).predict(X)
    direct = transactions.predict_discounted(X, discount_rate=continuous_rate(0.15, time_unit="W"))
    np.testing.assert_allclose(forever, direct, rtol=1e-13)
    np.testing.assert_allclose(known(transactions, horizon=None, **rate).predict(X), forever)
    near = [known(transactions, horizon=h, **rate).predict(X) for h in (520, 2600, 26_000)]
    assert np.all(np.diff(near, axis=0) > 0)
    assert np.all(near[-1] <= forever * (1 + 1e-8))
    np.testing.assert_allclose(near[-1], forever, rtol=1e-8)


def test_the_published_discounted_expectation():
    # BG/NBD, x=2, t_x=30.43, T=38.86, δ=.0027 a week: 5.156 purchases; Pareto/NBD: 6.482
    customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})
    annual = float(np.expm1(0.0027 * 365.25 / 7))
    for transactions, expected in ((BGNBD.from_params(PAPER), 5.156), (ParetoNBD.from_params(PARETO), 6.482246)):
        model = known(transactions, spend=None, horizon="forever", annual_discount_rate=annual)
        assert model.predict(customer)[0] == pytest.approx(expected, abs=5e-4)


def test_the_horizon_has_a_unit():
    X = summary(10)
    days = X.assign(recency=X["recency"] * 7, T=X["T"] * 7)
    in_weeks = known(horizon=52, annual_discount_rate=0.2)
    slow = BGNBD.from_params(BUYS | {"alpha": BUYS["alpha"] * 7})
    for horizon in ("364d", "52w", 364, np.timedelta64(364, "D"), pd.Timedelta(364, unit="D")):
        in_days = known(slow, horizon=horizon, time_unit="D", annual_discount_rate=0.2)
        np.testing.assert_allclose(in_days.predict(days), in_weeks.predict(X), rtol=1e-9)
    assert known(horizon="1y").horizon_ == pytest.approx(365.25 / 7, rel=1e-15)
    assert known(horizon="6mo", time_unit="M").horizon_ == 6


def test_money_in_cents_is_worth_a_hundred_times_as_much():
    X = summary(400)
    cents = X.assign(monetary_value=X["monetary_value"] * 100)
    options = {"horizon": 26, "time_unit": "W", "annual_discount_rate": 0.1}
    model, other = (CustomerLifetimeValue(**options).fit(frame) for frame in (X, cents))
    np.testing.assert_allclose(other.predict(cents), 100 * model.predict(X), rtol=1e-8)
    assert np.all(np.isfinite(model.predict_interval(X)))
    np.testing.assert_allclose(other.predict_interval(cents), 100 * model.predict_interval(X), rtol=1e-6)


def test_opportunities_are_paid_for_as_they_come():
    bgbb = BGBB.from_params({"alpha": 1.2035, "beta": 0.7497, "gamma": 0.6567, "delta": 2.7834})
    donors = pd.DataFrame({"frequency": [0, 3], "recency": [0, 5], "T": [6, 6]})
    options = {"time_unit": "Y", "annual_discount_rate": 0.1}
    model = known(bgbb, spend=50.0, horizon=5, **options)
    years = np.array([bgbb.predict(donors, t) for t in range(6)])
    np.testing.assert_allclose(
        model.predict(donors), 50 * 1.1 ** -np.arange(1.0, 6) @ np.diff(years, axis=0), rtol=1e-12
    )
    far, forever = (known(bgbb, spend=50.0, horizon=h, **options).predict(donors) for h in (300, "forever"))
    np.testing.assert_allclose(far, forever, rtol=1e-9)
    with pytest.raises(ParameterError, match="is not whole"):
        known(bgbb, spend=50.0, horizon=5.5, **options)


# ---------------------------------------------------------------------- fit


def test_newcomers_are_left_out_of_the_fit_and_predicted_as_such():
    X = summary(500, newcomers=7)
    model = CustomerLifetimeValue(horizon=26, time_unit="W", annual_discount_rate=0.1).fit(X)
    without = CustomerLifetimeValue(horizon=26, time_unit="W", annual_discount_rate=0.1).fit(X[X["T"] > 0])
    assert (model.n_left_out_, without.n_left_out_) == (7, 0)
    assert model.transactions_.params_ == without.transactions_.params_
    assert model.predict_new().shape == (1,)
    np.testing.assert_allclose(model.predict(X)[-7:], model.predict_new()[0], rtol=1e-9)


def test_weights_are_repeated_rows():
    X = summary(400, newcomers=5)
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    options = {"horizon": 26, "time_unit": "W", "annual_discount_rate": 0.1}
    weighted = CustomerLifetimeValue(**options).fit(X, sample_weight=weight)
    repeated = CustomerLifetimeValue(**options).fit(X.loc[X.index.repeat(weight)])
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)
    np.testing.assert_allclose(weighted.predict_interval(X), repeated.predict_interval(X), rtol=1e-5)
    assert weighted.n_left_out_ == repeated.n_left_out_


def test_a_log_is_summed_up_and_predicted_by_customer():
    frame = orders()
    log = log_of(frame)
    options = {"spend": GammaGamma(l2=0.01), "horizon": "90d"}
    model = CustomerLifetimeValue(MBGNBD(l2=0.01), **options).fit(log)
    table = rfm_summary(log)
    direct = CustomerLifetimeValue(MBGNBD(l2=0.01), **options).fit(table)
    pd.testing.assert_frame_equal(model.customers_, table)
    ids = pd.Index(["c010", "c003", "c010"])
    value = model.predict(ids)
    assert (value.name, value.index.name, list(value.index)) == ("clv", "customer_id", list(ids))
    np.testing.assert_allclose(value, direct.predict(table.loc[ids]), rtol=1e-9)
    for same in (pd.Series(list(ids), index=[9, 8, 7]), list(ids), ids.to_numpy()):
        pd.testing.assert_series_equal(model.predict(same), value)
    np.testing.assert_allclose(model.predict(log), direct.predict(table), rtol=1e-9)
    ends = model.predict_interval(ids)
    assert list(ends.columns) == ["lower", "upper"]
    assert ((ends["lower"] < value) & (value < ends["upper"])).all()
    offer = RetentionOffer(accept_rate=0.3, clv=model.predict(ids.unique()), offer_cost=1)
    assert offer.clv_of(pd.DataFrame(index=ids.rename("customer_id"))).tolist() == value.tolist()


def test_the_design_s_line_works():
    log = log_of(orders())
    data = cl.build_dataset(
        log, cutoffs=cl.monthly("2025-08", "2025-10"), horizon="30d", churn=cl.Inactivity("30d"),
        features=cl.FeatureSpec.standard(),
    )  # fmt: skip
    now = data.latest()
    value = CustomerLifetimeValue(MBGNBD(l2=1e-3), horizon="365d").fit(log).predict(now.customer)
    assert len(value) == len(now.X)
    assert value.index.equals(pd.Index(now.customer, name="customer_id"))


def test_a_cutoff_leaves_out_what_came_later():
    frame = orders()
    log = log_of(frame)
    early = CustomerLifetimeValue(MBGNBD(l2=1e-3), spend=30.0, horizon="90d").fit(log, cutoff="2025-07-01")
    pd.testing.assert_frame_equal(
        early.customers_, rfm_summary(log, cutoff="2025-07-01")[["frequency", "recency", "T"]]
    )


def test_unknown_customers_are_an_error_with_their_number():
    model = CustomerLifetimeValue(MBGNBD(l2=1e-3), horizon="90d").fit(log_of(orders()))
    with pytest.raises(DataError, match=r"2 of 3 customers are unknown \(nobody, none\)"):
        model.predict(["c003", "nobody", "none", "nobody"])
    with pytest.raises(ParameterError, match="2 customers are named, but the model was fitted on a summary"):
        CustomerLifetimeValue(horizon=26).fit(summary(300)).predict(["c003", "c004"])


def test_refitting_on_a_summary_forgets_the_customers():
    model = CustomerLifetimeValue(MBGNBD(l2=1e-3), horizon="90d").fit(log_of(orders()))
    assert not hasattr(model.fit(summary(300)), "customers_")


def test_spend_is_modelled_given_or_left_out():
    X = summary(400)
    options = {"horizon": 26, "time_unit": "W"}
    purchases = CustomerLifetimeValue(spend=None, **options).fit(X[["frequency", "recency", "T"]])
    fixed = CustomerLifetimeValue(spend=12.5, **options).fit(X[["frequency", "recency", "T"]])
    np.testing.assert_allclose(fixed.predict(X), 12.5 * purchases.predict(X), rtol=1e-13)
    np.testing.assert_allclose(purchases.predict(X), purchases.transactions_.predict(X, 26), rtol=1e-13)
    modelled = CustomerLifetimeValue(spend=GammaGamma(finite_mean=True), **options).fit(X)
    assert set(modelled.summary().loc["spend"].index) == {"p", "q", "v"}
    assert set(purchases.summary().index.get_level_values("model")) == {"transactions"}


def test_covariates_pass_through():
    X = summary(400)
    X["z"] = np.arange(400) % 2
    model = CustomerLifetimeValue(BGNBD(purchase_covariates="z"), horizon=26, annual_discount_rate=0.1).fit(X)
    assert model.n_features_in_ == 5
    assert model.predict_new(covariates=pd.DataFrame({"z": [0, 1]})).shape == (2,)
    assert np.all(np.isfinite(model.predict(X)))
    with pytest.raises(SchemaError, match="'z'"):
        model.predict(X.drop(columns="z"))
    with pytest.raises(SchemaError, match="a log does not hold the covariates z"):
        CustomerLifetimeValue(BGNBD(purchase_covariates="z"), horizon=26).fit(log_of(orders()))


def test_arrays_count_by_position():
    X = summary(300)
    model = CustomerLifetimeValue(horizon=26).fit(X)
    array = CustomerLifetimeValue(horizon=26).fit(X.to_numpy())
    np.testing.assert_allclose(array.predict(X.to_numpy()), model.predict(X), rtol=1e-12)
    with pytest.raises(DataError, match=r"X has 3 feature\(s\)"):
        CustomerLifetimeValue(horizon=26).fit(X.to_numpy()[:, :3])


def test_infinite_spend_is_said():
    spend = GammaGamma.from_params(SPENDS | {"q": 0.9})
    X = summary(30)
    with pytest.warns(AssumptionWarning, match=r"the value of \d+ of 30 customers is infinite"):
        value = known(spend=spend).predict(X)
    assert (np.isinf(value) == (X["frequency"] == 0)).all()
    assert np.isnan(known(spend=spend).predict_interval(X)).all()


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": "forever"}, "without a rate of discount the sum may not end"),
        ({"horizon": None, "annual_discount_rate": 0.1, "discounting": "monthly"}, "months would not end"),
        ({"horizon": "soon"}, "horizon: 'soon' is not a length of time"),
        ({"horizon": -3}, "horizon=-3 is no length of time"),
        ({"horizon": float("inf")}, "horizon=inf is no length of time"),
        ({"margin": 0.0}, "margin"),
        ({"annual_discount_rate": -0.1}, "annual_discount_rate"),
        ({"discounting": "daily"}, "discounting"),
        ({"spend": -1.0}, "spend"),
        ({"time_unit": "days"}, "time_unit"),
    ],
)
def test_options_that_cannot_work(options, words):
    with pytest.raises(ValueError, match=words):
        CustomerLifetimeValue(**options).fit(summary(50))


def test_data_that_cannot_work():
    X = summary(50)
    with pytest.raises(SchemaError, match="monetary_value"):
        CustomerLifetimeValue().fit(X[["frequency", "recency", "T"]])
    with pytest.raises(DataError, match="'T' is 0 in all 4 rows"):
        CustomerLifetimeValue().fit(summary(1, newcomers=4).iloc[1:])
    with pytest.raises(DataError, match=r"column 'T' is missing or infinite .* in 1 of 50 rows"):
        CustomerLifetimeValue().fit(X.assign(T=X["T"].where(X.index != 3)))
    no_money = cl.EventLog.from_frame(orders(), customer="customer_id", time="ordered_at", complete_until="2025-10-28")
    with pytest.raises(SchemaError, match="the log has no amounts"):
        CustomerLifetimeValue().fit(no_money)
    with pytest.raises(ParameterError, match="sample_weight is given beside a log"):
        CustomerLifetimeValue().fit(no_money, sample_weight=np.ones(60))
    with pytest.raises(ParameterError, match="cutoff is given beside a summary"):
        CustomerLifetimeValue().fit(X, cutoff="2025-01-01")
    with pytest.raises(ParameterTypeError, match="transactions is a GammaGamma"):
        CustomerLifetimeValue(GammaGamma()).fit(X)
    with pytest.raises(ParameterTypeError, match="spend is a BGNBD"):
        CustomerLifetimeValue(spend=BGNBD()).fit(X)
    with pytest.raises(NotFittedError):
        CustomerLifetimeValue().predict(X)
    with pytest.raises(NotFittedError):
        CustomerLifetimeValue.from_fitted(BGNBD(), None)


# ---------------------------------------------------------------------- intervals


def test_the_two_intervals_agree():
    X = summary(1500)
    model = CustomerLifetimeValue(
        horizon=26, time_unit="W", annual_discount_rate=0.1, n_bootstrap=150, random_state=0
    ).fit(X)
    assert model.bootstrap_params_.shape == (150, 7)
    assert model.n_failed_ == 0
    delta, drawn = model.predict_interval(X.head(40)), model.predict_interval(X.head(40), method="bootstrap")
    width = np.log(drawn[:, 1] / drawn[:, 0]) / np.log(delta[:, 1] / delta[:, 0])
    assert 0.75 < np.median(width) < 1.3
    again = clone(model).fit(X)
    np.testing.assert_allclose(again.predict_interval(X.head(3), method="bootstrap"), drawn[:3], rtol=1e-12)
    assert np.all(np.diff(model.predict_interval(X.head(3), confidence=0.5)) < np.diff(delta[:3]))


def test_the_bootstrap_counts_weights_as_customers():
    # the spread of the draws is that of as many customers as the weights say
    X = summary(300)
    options = {"horizon": 26, "time_unit": "W", "spend": 10.0, "n_bootstrap": 60, "random_state": 0}
    one, four = (CustomerLifetimeValue(**options).fit(X, sample_weight=np.full(len(X), w)) for w in (1.0, 4.0))
    ratio = one.bootstrap_params_.std() / four.bootstrap_params_.std()
    assert 1.4 < ratio["transactions__r"] < 2.8


def test_draws_that_cannot_be_fitted_are_counted():
    X = pd.DataFrame({"frequency": [1, 2, 0, 0], "recency": [9.0, 20.0, 0.0, 0.0], "T": 30.0, "monetary_value": 5.0})
    X["monetary_value"] = [5.0, 7.0, 0.0, 0.0]
    model = CustomerLifetimeValue(
        BGNBD(l2=0.01), spend=GammaGamma(l2=0.01), horizon=10, n_bootstrap=40, random_state=0
    ).fit(X)
    assert model.n_failed_ > 0
    assert len(model.bootstrap_params_) == 40 - model.n_failed_


def test_there_is_no_bootstrap_without_draws():
    with pytest.raises(HistoryError, match="without draws of customers"):
        known().predict_interval(summary(5), method="bootstrap")
    with pytest.raises(ParameterError, match="method='exact' is not a choice"):
        known().predict_interval(summary(5), method="exact")


def test_progress_is_shown_only_where_asked_for(capsys):
    X = summary(200)
    CustomerLifetimeValue(horizon=5, n_bootstrap=2).fit(X)
    assert capsys.readouterr().err == ""
    CustomerLifetimeValue(horizon=5, n_bootstrap=2, progress=True).fit(X)
    assert "bootstrap" in capsys.readouterr().err


def cover(n_simulations: int, seed: int, *, n_bootstrap: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the coverage and the mean width of intervals for three customers, a newcomer among them."""
    who = pd.DataFrame(
        {"frequency": [0, 2, 6], "recency": [0.0, 25.0, 38.0], "T": [0.0, 40.0, 40.0], "monetary_value": [0, 60.0, 30]}
    )
    truth = known(horizon=26).predict(who)
    method = "bootstrap" if n_bootstrap else "delta"
    hits, widths = [], []
    for number in range(n_simulations):
        model = CustomerLifetimeValue(horizon=26, time_unit="W", n_bootstrap=n_bootstrap, random_state=number)
        ends = model.fit(summary(2000, seed=(seed + number) % 2**32)).predict_interval(who, method=method)
        hits.append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
        widths.append(ends[:, 1] - ends[:, 0])
    return np.mean(hits, axis=0), np.mean(widths, axis=0)


def test_intervals_cover(record_property):
    covered, width = cover(400, zlib.crc32(b"test_intervals_cover"))
    record_property("coverage", covered.tolist())
    record_property("mean_width", width.tolist())
    assert np.all((covered >= 0.91) & (covered <= 0.9825)), covered


@pytest.mark.slow
def test_intervals_cover_in_full(record_property):
    covered, width = cover(2000, zlib.crc32(b"test_intervals_cover_in_full"))
    record_property("coverage", covered.tolist())
    record_property("mean_width", width.tolist())
    assert np.all((covered >= 0.9335) & (covered <= 0.9655)), covered


@pytest.mark.slow
def test_bootstrap_intervals_cover(record_property):
    covered, width = cover(400, zlib.crc32(b"test_bootstrap_intervals_cover"), n_bootstrap=99)
    record_property("coverage", covered.tolist())
    record_property("mean_width", width.tolist())
    assert np.all((covered >= 0.91) & (covered <= 0.9825)), covered


# ---------------------------------------------------------------------- copies


def test_copies_say_the_same_and_hold_no_data():
    X = summary(3000)
    model = CustomerLifetimeValue(horizon=26, annual_discount_rate=0.1).fit(X)
    stored = pickle.dumps(model)
    assert len(stored) < 4096
    np.testing.assert_array_equal(pickle.loads(stored).predict(X), model.predict(X))
    assert clone(model).get_params(deep=False) == model.get_params(deep=False)
    log_model = CustomerLifetimeValue(MBGNBD(l2=1e-3), horizon="90d").fit(log_of(orders()))
    pd.testing.assert_series_equal(pickle.loads(pickle.dumps(log_model)).predict(["c003"]), log_model.predict(["c003"]))


def test_the_caller_s_models_and_data_are_left_alone():
    X, transactions, spend = summary(300), BGNBD(), GammaGamma()
    before = X.copy()
    CustomerLifetimeValue(transactions, spend=spend, horizon=26).fit(X).predict(X)
    assert not hasattr(transactions, "params_")
    assert not hasattr(spend, "params_")
    pd.testing.assert_frame_equal(X, before)


def test_customers_refunded_all_they_spent_have_a_value():
    frame = orders()
    often = frame["customer_id"].value_counts().index[0]
    bought = frame[frame["customer_id"] == often]
    log = log_of(pd.concat([frame, bought.assign(total=-bought["total"])], ignore_index=True))
    model = CustomerLifetimeValue(MBGNBD(l2=1e-3), horizon="90d", negative="refund")
    with pytest.warns(AssumptionWarning, match=r"1 of \d+ customers were refunded all they spent, or more"):
        model.fit(log)
    row = model.customers_.loc[often]
    assert (model.n_without_spend_, row["monetary_value"]) == (1, 0)
    p, q, v = model.spend_.params_.values()
    spend = p * v / (p * row["frequency"] + q - 1)  # the limit of Gamma-Gamma as the mean spend falls to 0
    expected = model.transactions_.predict(model.customers_.loc[[often]], model.horizon_).item()
    assert model.predict([often]).item() == pytest.approx(expected * spend, rel=1e-9)


def test_what_does_not_converge_is_said():
    with pytest.warns(ConvergenceWarning, match="MBGNBD did not converge: the maximum lies at the boundary"):
        CustomerLifetimeValue(MBGNBD(), spend=30.0, horizon="90d").fit(log_of(orders()))


def test_spend_that_has_no_maximum_is_said():
    X = summary(300)
    same = X.assign(monetary_value=np.where(X["frequency"] > 0, 20.0, 0.0))
    with pytest.warns(ConvergenceWarning, match="GammaGamma did not converge: the maximum lies at the boundary"):
        CustomerLifetimeValue(horizon=26).fit(same)


@pytest.mark.parametrize(
    ("option", "match"),
    [("annual_discount_rate", "annual_discount_rate=12 is 1200%"), ("margin", "margin=25 is 2500%")],
)
def test_a_percentage_is_suspected(option, match):
    given = {"annual_discount_rate": 12, "margin": 25}[option]
    with pytest.warns(AssumptionWarning, match=match):
        CustomerLifetimeValue(spend=30.0, horizon=26, **{option: given}).fit(summary(300))


def test_a_labelled_frame_gives_a_labelled_series():
    X = summary(300)
    labelled = X.set_axis(pd.Index([f"c{k}" for k in range(len(X))], name="customer_id"))
    model = CustomerLifetimeValue(horizon=26).fit(X)
    value = model.predict(labelled)
    assert value.name == "clv"
    assert value.index.equals(labelled.index)
    np.testing.assert_array_equal(value, model.predict(X))
    assert model.predict_interval(labelled).columns.tolist() == ["lower", "upper"]


@pytest.mark.parametrize("model", [BGNBD, MBGNBD])
def test_sums_over_times_are_sums_of_expectations(model):
    fitted = model.from_params({"r": 0.5, "alpha": 8.0, "a": 0.8, "b": 2.5})
    x, T = np.array([0.0, 2.0, 30.0]), np.array([5.0, 38.0, 50.0])
    times, weights = np.array([0.5, 7.0, 200.0]), np.array([0.2, 0.5, 0.9])
    parameters = fitted._parameters(np.empty((3, 0)))
    one_by_one = sum(w * fitted._expected(x, T, np.full(3, t), parameters) for t, w in zip(times, weights, strict=True))
    np.testing.assert_allclose(fitted._expected_sum(x, T, times, weights, parameters), one_by_one, rtol=1e-11)
