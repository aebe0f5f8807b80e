import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.classification._calibration import IsotonicCalibrator, SigmoidCalibrator
from churnlib.classification._compiled_calibration import calibration_of
from churnlib.exceptions import DataError

SHARES = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 1e-9, 0.2, 0.5, 0.7]))


def test_none_is_no_map():
    assert calibration_of({"kind": "none"}) is None


@given(SHARES, st.floats(0, 5), st.floats(-5, 5))
def test_sigmoid_is_that_of_the_classifier(p, slope, intercept):
    single = calibration_of({"kind": "sigmoid", "slope": slope, "intercept": intercept})(p)
    assert single == pytest.approx(float(SigmoidCalibrator(slope, intercept)(np.array([p]))[0]), abs=1e-15)


@pytest.mark.parametrize("stated", [[0.2, 0.5, 0.7], [0.5]])
@given(SHARES)
def test_isotonic_is_that_of_the_classifier(stated, p):
    observed = [0.1, 0.4, 0.9][: len(stated)]
    single = calibration_of({"kind": "isotonic", "stated": stated, "observed": observed})(p)
    assert single == float(IsotonicCalibrator(np.array(stated), np.array(observed))(np.array([p]))[0])


@pytest.mark.parametrize(
    "plain", [{"kind": "beta"}, {"kind": "isotonic", "stated": [], "observed": []},
              {"kind": "isotonic", "stated": [0.1], "observed": []},
              {"kind": "isotonic", "stated": [0.5, 0.1], "observed": [0.2, 0.3]}],
)  # fmt: skip
def test_others_are_refused(plain):
    with pytest.raises(DataError, match=r"the calibration .* cannot be read; none, sigmoid or isotonic"):
        calibration_of(plain)
