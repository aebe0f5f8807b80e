import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.economics import RetentionOffer
from churnlib.exceptions import DataError, DuplicateError, ParameterError, ParameterTypeError, SchemaError

CUSTOMERS = pd.Index(["ann", "bob", "cid"], name="customer_id")


def offer(**changed):
    return RetentionOffer(**({"accept_rate": 0.3, "clv": 200, "offer_cost": 10, "contact_cost": 1} | changed))


def frame():
    return pd.DataFrame({"margin": [100.0, 12.0, 500.0]}, index=CUSTOMERS)


def test_a_beta_counts_by_its_mean():
    assert offer(accept_rate=(6, 14)).mean_accept_rate == pytest.approx(0.3)
    assert offer(accept_rate=(6, 14)).threshold() == pytest.approx(11 / 67)


def test_one_value_for_all():
    assert offer().clv_of(frame()).tolist() == [200.0] * 3


def test_value_from_a_column_keeps_the_index():
    values = offer(clv="margin").clv_of(frame())
    pd.testing.assert_series_equal(values, frame()["margin"].rename("clv"))


def test_series_is_aligned_by_label_not_by_position():
    clv = pd.Series([500, 100, 12], index=["cid", "ann", "bob"])
    assert offer(clv=clv).clv_of(frame()).tolist() == [100.0, 12.0, 500.0]


def test_series_serves_several_cutoffs_of_a_customer():
    index = pd.MultiIndex.from_product([["ann", "bob"], [1, 2]], names=["customer_id", "cutoff"])
    clv = pd.Series([1.0, 2.0], index=["ann", "bob"])
    assert offer(clv=clv).clv_of(pd.DataFrame({"x": range(4)}, index=index)).tolist() == [1, 1, 2, 2]


def test_series_by_customer_and_cutoff():
    index = pd.MultiIndex.from_product([["ann", "bob"], [1, 2]], names=["customer_id", "cutoff"])
    clv = pd.Series([1.0, 2.0, 3.0, 4.0], index=index)
    rows = pd.DataFrame({"x": [0, 0]}, index=index[[3, 1]])
    assert offer(clv=clv).clv_of(rows).tolist() == [4.0, 2.0]


def test_threshold_of_rows_numbers_and_arrays_agree():
    by_column = offer(clv="margin")
    expected = [11 / 37, np.inf, 11 / 157]
    assert by_column.threshold(frame()).tolist() == pytest.approx(expected)
    assert by_column.threshold(frame()).name == "threshold"
    assert offer().threshold(frame()["margin"].to_numpy()).tolist() == pytest.approx(expected)
    assert [offer().threshold(value) for value in frame()["margin"]] == pytest.approx(expected)


def test_expected_gain_of_rows_is_a_named_series():
    gain = offer(clv="margin").expected_gain([0.5, 0.5, 0.5], frame())
    assert gain.tolist() == pytest.approx([0.5 * 26 - 5.5, 0.5 * -0.4 - 5.5, 0.5 * 146 - 5.5])
    assert gain.name == "expected_gain"
    assert gain.index.equals(CUSTOMERS)


def test_expected_gain_of_plain_numbers():
    assert offer().expected_gain(0.5) == pytest.approx(22.5)
    assert offer().expected_gain([0.0, 1.0]).tolist() == pytest.approx([-11.0, 56.0])


def test_an_offer_is_a_value():
    clv = pd.Series([1.0, 2.0], index=["a", "b"])
    one, same = offer(clv=clv), offer(clv=clv.iloc[::-1])
    assert one == same
    assert hash(one) == hash(same)
    assert one != offer(clv=clv + 1)
    assert one != "offer"
    clv.iloc[0] = 99.0
    assert one == same
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.offer_cost = 3


def test_beta_and_its_mean_are_different_offers():
    assert offer(accept_rate=(6, 14)) != offer(accept_rate=0.3)


def test_repr_and_dict_show_no_customers_value():
    clv = pd.Series([100.0, 300.0], index=["secret-a", "secret-b"])
    assert repr(offer(clv=clv)) == (
        "RetentionOffer(accept_rate=0.3, clv=<2 customers, mean 200>, offer_cost=10, contact_cost=1)"
    )
    assert repr(offer(clv="margin")).startswith("RetentionOffer(accept_rate=0.3, clv='margin'")
    text = json.dumps(offer(clv=clv, accept_rate=(6, 14)).to_dict())
    assert "secret" not in text
    assert json.loads(text)["clv"] == {"customers": 2, "mean": 200.0}


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), True, "half", None])
def test_accept_rate_out_of_range(rate):
    with pytest.raises(ParameterError, match="is not a share; a number between 0 and 1"):
        offer(accept_rate=rate)


@pytest.mark.parametrize("rate", [(6,), (0, 14), (6, -1), (6, float("inf")), (True, 2)])
def test_accept_rate_is_no_beta(rate):
    with pytest.raises(ParameterError, match="is no Beta distribution"):
        offer(accept_rate=rate)


@pytest.mark.parametrize("name", ["offer_cost", "contact_cost"])
@pytest.mark.parametrize("cost", [-1, float("inf"), float("nan"), "10", True])
def test_cost_out_of_range(name, cost):
    with pytest.raises(ParameterError, match=f"{name}=.* is not a cost"):
        offer(**{name: cost})


def test_bare_arrays_are_refused_with_the_fix():
    with pytest.raises(ParameterTypeError, match=r"(?s)clv is a ndarray.*pd.Series\(values, index=customer_ids\)"):
        offer(clv=np.array([1.0, 2.0]))
    with pytest.raises(ParameterTypeError, match="clv is a list"):
        offer(clv=[1.0])


def test_value_must_be_finite():
    with pytest.raises(ParameterError, match="clv=inf is not finite"):
        offer(clv=float("inf"))


def test_series_with_missing_values_names_them():
    clv = pd.Series([1.0, np.nan, np.inf], index=["a", "b", "c"])
    with pytest.raises(DataError, match=r"clv is missing or infinite for 2 of 3 customers \(b, c\)"):
        offer(clv=clv)


def test_series_with_repeated_customers():
    with pytest.raises(DuplicateError, match=r"clv names 1 customers more than once \(a\)"):
        offer(clv=pd.Series([1.0, 2.0, 3.0], index=["a", "a", "b"]))


@pytest.mark.parametrize("values", [["1", "2"], [True, False]])
def test_series_of_no_numbers(values):
    with pytest.raises(DataError, match=r"clv holds .* values; numbers were expected"):
        offer(clv=pd.Series(values))


def test_missing_customers_are_counted():
    clv = pd.Series([1.0], index=["ann"])
    with pytest.raises(DataError, match=r"clv has no value for 2 of 3 customers \(bob, cid\)"):
        offer(clv=clv).clv_of(frame())


def test_missing_rows_are_counted():
    index = pd.MultiIndex.from_product([["ann", "bob"], [1, 2]], names=["customer_id", "cutoff"])
    clv = pd.Series([1.0, 2.0, 3.0], index=index[:3])
    with pytest.raises(DataError, match="clv has no value for 1 of 4 rows"):
        offer(clv=clv).clv_of(pd.DataFrame({"x": range(4)}, index=index))


def test_series_needs_rows_that_name_their_customers():
    with pytest.raises(SchemaError, match="customers are unknown"):
        offer(clv=pd.Series([1.0], index=["ann"])).clv_of(pd.DataFrame({"x": [1]}))


def test_misspelt_column():
    with pytest.raises(SchemaError, match=r"clv='margn' is not a column of X .did you mean 'margin'"):
        offer(clv="margn").clv_of(frame())


def test_column_of_text():
    with pytest.raises(SchemaError, match=r"column 'margin' \(clv\) holds .* values"):
        offer(clv="margin").clv_of(frame().astype(str))


def test_column_with_gaps():
    rows = frame()
    rows.loc["bob", "margin"] = np.nan
    with pytest.raises(DataError, match=r"column 'margin' \(clv\) is missing or infinite in 1 of 3 rows \(bob\)"):
        offer(clv="margin").clv_of(rows)


def test_threshold_without_rows_needs_one_value():
    with pytest.raises(ParameterTypeError, match="clv differs by customer, and no rows were given"):
        offer(clv="margin").threshold()


def test_probabilities_must_match_the_rows():
    with pytest.raises(DataError, match="2 probabilities for 3 rows"):
        offer().expected_gain([0.1, 0.2], frame())
    shuffled = pd.Series([0.1, 0.2, 0.3], index=["bob", "ann", "cid"])
    with pytest.raises(DataError, match="different labels"):
        offer().expected_gain(shuffled, frame())


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_probabilities_must_be_probabilities(p):
    with pytest.raises(DataError, match=r"1 of 3 probabilities are missing or outside \[0, 1\]"):
        offer().expected_gain([0.5, p, 0.5], frame())


def test_tables_are_no_values_and_no_probabilities():
    offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10)
    table = np.full((3, 2), 100.0)
    for ask in (offer.threshold, offer.pays, lambda of: offer.contacts(0.5, of)):
        with pytest.raises(ParameterTypeError, match=r"are a ndarray of shape \(3, 2\)(?s:.*)X.to_pandas\(\)"):
            ask(table)
        with pytest.raises(ParameterTypeError, match=r"are a DataFrame of shape \(2, 1\); a frame of pandas"):
            ask(pl.DataFrame({"value": [1.0, 2.0]}))
    # both columns of predict_proba would be two decisions for each row
    with pytest.raises(DataError, match=r"probabilities have shape \(3, 2\)(?s:.*)predict_proba\(X\)\[:, 1\]"):
        offer.contacts(table / 200)
    with pytest.raises(DataError, match=r"probabilities cannot be read as numbers \(could not convert"):
        offer.expected_gain(["high"])


def test_a_share_of_the_value_as_cost():
    share = RetentionOffer(accept_rate=0.3, clv="margin", offer_fraction=0.1, contact_cost=1)
    assert share.offer_cost_of(frame()["margin"]).tolist() == pytest.approx([10.0, 1.2, 50.0])
    assert share.threshold(frame()).tolist() == pytest.approx([11 / 37, 2.2 / 4.44, 51 / 185])
    assert share.expected_gain(1.0, 100.0) == pytest.approx(0.3 * 90 - 1)
    assert repr(share).endswith("clv='margin', offer_fraction=0.1, contact_cost=1)")
    assert share.to_dict()["offer_fraction"] == 0.1
    assert "offer_cost" not in share.to_dict()
    assert share != RetentionOffer(accept_rate=0.3, clv="margin", offer_fraction=0.2, contact_cost=1)


def test_a_customer_without_value_costs_nothing_and_is_not_contacted():
    share = RetentionOffer(accept_rate=0.3, clv=0, offer_fraction=0.1)
    assert share.offer_cost_of([-100.0, 0.0]).tolist() == [0.0, 0.0]
    assert share.threshold(np.array([-100.0, 0.0])).tolist() == [np.inf, np.inf]


def test_an_offer_says_for_whom_it_can_pay():
    assert offer().pays()
    assert offer(clv="margin").pays(frame()).tolist() == [True, False, True]
    assert offer(clv="margin").pays(frame()).name == "pays"
    assert offer().pays(np.array([13.0, 14.0])).tolist() == [False, True]
    hopeless = offer(clv=50, offer_cost=45, contact_cost=5)
    assert hopeless.pays() is False
    assert repr(hopeless).endswith("contact_cost=5: never pays)")
    assert repr(offer(clv=pd.Series([1.0, 900.0], index=["a", "b"]))).endswith("contact_cost=1)")
    assert hopeless.threshold() == np.inf


@pytest.mark.parametrize(("cost", "share"), [(None, None), (10, 0.1)])
def test_the_cost_is_said_once(cost, share):
    with pytest.raises(ParameterError, match="exactly one of them says what the offer costs"):
        offer(offer_cost=cost, offer_fraction=share)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), "5 %", True])
def test_the_share_is_a_share(share):
    with pytest.raises(ParameterError, match=r"offer_fraction=.* is not a share"):
        offer(offer_cost=None, offer_fraction=share)


def test_contacts_are_those_above_their_own_threshold():
    index = pd.Index(["a", "b", "c"], name="customer_id")
    X = pd.DataFrame({"margin": [15.0, 200.0, 2000.0]}, index=index)
    offer = RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10, contact_cost=1)
    expected = pd.Series([False, True, True], index=index, name="contact")
    p = np.array([0.9, 0.2, 0.2])
    pd.testing.assert_series_equal(offer.contacts(p, X), expected)
    pd.testing.assert_series_equal(offer.contacts(pd.Series(p, index=index), X), expected)
    np.testing.assert_array_equal(offer.contacts(p, X["margin"].to_numpy()), expected)
    assert offer.contacts(0.2, 200.0) is True
    flat = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    pd.testing.assert_series_equal(
        flat.contacts(pd.Series(p, index=index)), pd.Series([True] * 3, index, name="contact")
    )
    assert not flat.contacts(np.array([11 / 67]))[0]  # at the threshold nothing is earned
