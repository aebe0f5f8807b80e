import numpy as np
import pytest
from scipy.special import expit

from churnlib.classification._compiled_boosted import _sigmoid


@pytest.mark.parametrize("margin", [0.0, 1.5, -1.5, 20.0, -20.0, 88.0, -88.0])
def test_the_sigmoid_is_that_of_single_precision(margin):
    assert _sigmoid(margin) == pytest.approx(float(np.float32(expit(margin))), rel=3e-7)
    assert np.float32(_sigmoid(margin)) == _sigmoid(margin)


@pytest.mark.parametrize(("margin", "p"), [(1e30, 1.0), (-1e30, 0.0)])
def test_it_stays_finite(margin, p):
    assert _sigmoid(margin) == pytest.approx(p, abs=1e-37)
