"""Maps of columns that are frozen, rising, and can be read backwards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.segmentation._scales import learn_scale

columns = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).map(np.array)
kinds = st.sampled_from(["log", "rank", "none"])


@given(values=columns, kind=kinds)
def test_the_rows_of_the_fit_have_mean_0_and_spread_1(values, kind):
    scaled = learn_scale(values, kind).forward(values)
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, abs=1e-6) or np.allclose(scaled, 0, atol=1e-6)


@given(values=columns, more=columns, kind=kinds)
def test_it_rises_and_equal_stays_equal(values, more, kind):
    scaled = learn_scale(values, kind).forward(np.sort(np.concatenate([more, more])))
    assert (np.diff(scaled) >= 0).all()
    assert (scaled[::2] == scaled[1::2]).all()


@given(values=columns, kind=kinds)
def test_it_can_be_read_backwards_inside_the_fit(values, kind):
    scale = learn_scale(values, kind)
    np.testing.assert_allclose(scale.inverse(scale.forward(values)), values, rtol=1e-6, atol=1e-6)


def test_ranks_are_those_of_the_middle_of_equals():
    scale = learn_scale(np.array([1.0, 1, 1, 7]), "rank")
    assert scale.ranks.tolist() == [3 / 8, 7 / 8]


def test_ranks_of_many_values_keep_few_knots():
    values = np.random.default_rng(0).lognormal(size=50_000)
    scale = learn_scale(values, "rank")
    assert len(scale.knots) == 1_000
    exact = (np.argsort(np.argsort(values)) + 0.5) / len(values)
    np.testing.assert_allclose(scale.forward(values) * scale.spread + scale.mean, exact, atol=1e-3)


@pytest.mark.parametrize("kind", ["log", "rank", "none"])
def test_a_column_of_one_value_becomes_zero(kind):
    assert learn_scale(np.full(7, 0.1), kind).forward(np.full(2, 0.1)) == pytest.approx([0, 0])


def test_refunds_do_not_break_the_logarithm():
    assert learn_scale(np.array([0.0, 1.0]), "log").inverse(
        learn_scale(np.array([0.0, 1.0]), "log").forward(np.array([-50.0]))
    ) == pytest.approx([-50])
