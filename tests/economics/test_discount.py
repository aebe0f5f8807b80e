import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.economics import Discount, continuous_rate, units_per_year
from churnlib.exceptions import ParameterError, ParameterTypeError

UNITS = ("s", "min", "h", "D", "W", "M", "Y")
rates = st.floats(0, 5, allow_subnormal=False)
units = st.sampled_from(UNITS)


def test_the_rates_of_the_literature():
    # 15 % a year per week: log(1.15) / 52.18 = .00268, and / 52 = .0027 where a year is called 52 weeks
    assert continuous_rate(0.15, time_unit="W") == pytest.approx(math.log(1.15) / (365.25 / 7), rel=1e-15)
    assert round(continuous_rate(0.15, time_unit="W"), 5) == 0.00268
    assert Discount(0.15).monthly == pytest.approx(1.15 ** (1 / 12) - 1, rel=1e-13)


@given(rates, units, units)
def test_a_rate_is_the_same_in_every_unit(rate, per, unit):
    discount = Discount(rate, per=per)
    one_period = units_per_year(unit) / units_per_year(per)
    assert math.exp(-discount.continuous(unit) * one_period) == pytest.approx(1 / (1 + rate), rel=1e-12)
    back = Discount(discount.annual) if math.isfinite(discount.annual) and discount.annual < 1e12 else discount
    assert back.continuous(unit) == pytest.approx(discount.continuous(unit), rel=1e-9, abs=1e-12)


@given(rates, st.lists(st.floats(0, 240), min_size=1))
def test_monthly_never_pays_earlier_and_agrees_at_the_ends(rate, months):
    at_once = Discount(rate).factor(months, "M")
    at_the_end = Discount(rate, timing="monthly").factor(months, "M")
    assert np.all(at_the_end <= at_once * (1 + 1e-12))
    whole = np.arange(12)
    np.testing.assert_allclose(
        Discount(rate, timing="monthly").factor(whole, "M"), Discount(rate).factor(whole, "M"), rtol=1e-12
    )


def test_no_rate_is_no_discount():
    assert Discount(0).factor([0, 7, 1e6], "D").tolist() == [1.0, 1.0, 1.0]


def test_a_discount_is_a_value():
    assert Discount(0.1) == Discount(0.1, per="Y", timing="continuous")
    assert pickle.loads(pickle.dumps(Discount(0.1))) == Discount(0.1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rate": -0.1}, "rate=-0.1 is out of range"),
        ({"rate": 0.1, "per": "year"}, "per='year' is not a choice"),
        ({"rate": 0.1, "timing": "daily"}, "timing='daily' is not a choice"),
    ],
)
def test_what_cannot_be_is_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        Discount(**wrong)


def test_a_rate_is_a_number():
    with pytest.raises(ParameterTypeError, match="rate is '15 %'"):
        Discount("15 %")


def test_times_are_counted_from_now():
    with pytest.raises(ParameterError, match="2 of 3 times are negative or missing"):
        Discount(0.1).factor([1, -1, np.nan], "D")


def test_an_unknown_unit_is_refused():
    with pytest.raises(ParameterError, match="time_unit='days' is not a choice"):
        continuous_rate(0.1, time_unit="days")
