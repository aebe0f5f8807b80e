import numpy as np
import pytest

from churnlib.classification._compiled_logistic import CompiledLogistic
from churnlib.classification._record import Column, RecordReader
from churnlib.exceptions import DataError

COLUMNS = (Column("a", None), Column("b", None), Column("c", ("p", "q")))
PLAIN = {
    "intercept": 0.5,
    "terms": [
        {"coefficient": 2.0, "mean": 1.0, "scale": 4.0, "fill": 3.0},
        {"coefficient": 1.0, "mean": 0.0, "scale": 1.0, "fill": 0.0},
        {"weights": [0.25, -0.25, 0.0]},
    ],
    "typical": [None, 1.0, 1],
}


def model(plain=PLAIN):
    return CompiledLogistic(plain, COLUMNS, RecordReader(COLUMNS))


def test_probability_and_contributions_by_hand():
    values = [5.0, -1.0, 0]
    # 0.5 + 2 (5 − 1) / 4 − 1 + 0.25, against 2 (3 − 1) / 4, 1 and −0.25
    assert model().probability(values) == pytest.approx(1 / (1 + np.exp(-1.75)))
    assert model().contributions(values).tolist() == pytest.approx([1.0, -2.0, 0.5])
    assert model().contributions([float("nan"), 1.0, -1]).tolist() == pytest.approx([0.0, 0.0, 0.25])


def test_a_huge_value_does_not_swallow_the_others():
    # without the huge column the log-odds are 0.5 + 1 − 0.25, whatever it was
    moved = model().contributions([1e300, 1.0, 1])
    assert moved[0] == pytest.approx(np.log((1 - 5e-5) / 5e-5) - 2.25)
    assert moved[1:].tolist() == [0.0, 0.0]


def test_extreme_margins_stay_finite():
    assert model().probability([1e300, 0.0, 0]) == 1.0
    assert model().probability([-1e300, 0.0, 0]) == 0.0


def test_weights_must_fit_the_categories():
    terms = [*PLAIN["terms"][:2], {"weights": [0.25]}]
    with pytest.raises(DataError, match="'c' has 2 categories and 1 weights; a weight for each category"):
        model(PLAIN | {"terms": terms})
