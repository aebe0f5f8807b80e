"""Three baselines by their definitions."""

import numpy as np
import pytest

from churnlib.survival._cox_baseline import baselines
from churnlib.survival._cox_newton import Penalty, maximise
from tests.survival.cox_worlds import World, world


def _fitted(w: World, ties: str = "efron"):
    likelihood = w.likelihood(ties)
    return likelihood, maximise(likelihood, penalty=Penalty(), tol=1e-9, max_iter=50, names=["a", "b", "c"])


def _steps(curve) -> np.ndarray:
    return np.diff(curve.values, prepend=0.0)


@pytest.mark.parametrize("kind", ["efron", "breslow", "kalbfleisch-prentice"])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_each_step_is_its_definition(kind, ties):
    w = world(150, 41)
    likelihood, found = _fitted(w, ties)
    relative = np.exp(w.X @ found.beta)
    for s, curve in enumerate(baselines(likelihood, found.point, kind)):
        for t, step in zip(curve.times, _steps(curve), strict=True):
            at_risk = (w.stratum == s) & (w.entry < t) & (t <= w.time)
            dead = (w.stratum == s) & w.event & (w.time == t)
            S, D, d = (w.weight * relative)[at_risk].sum(), (w.weight * relative)[dead].sum(), dead.sum()
            weight = w.weight[dead]
            if kind == "breslow":
                expected = weight.sum() / S
            elif kind == "efron":
                expected = sum(weight.mean() / (S - turn / d * D) for turn in range(d))
            elif at_risk.sum() == d:
                expected = np.inf
            else:
                left = weight * relative[dead] / -np.expm1(-step * relative[dead])
                assert left.sum() == pytest.approx(S, rel=1e-11)
                continue
            assert step == pytest.approx(expected, rel=1e-10)


def test_one_event_alone_has_a_closed_form():
    w = world(80, 42, span=None, everything=False)
    likelihood, found = _fitted(w)
    (curve,) = baselines(likelihood, found.point, "kalbfleisch-prentice")
    relative = np.exp(w.X @ found.beta)
    for t, step in zip(curve.times[:-1], _steps(curve)[:-1], strict=True):
        r = relative[w.event & (w.time == t)][0]
        assert np.exp(-step) == pytest.approx((1 - r / relative[w.time >= t].sum()) ** (1 / r), rel=1e-10)


def test_when_everybody_leaves_nobody_is_left():
    w = world(60, 43, everything=False)
    w = World(w.X, np.minimum(w.time, 5.0), w.event | (w.time >= 5), None, None, None, w.customer)
    likelihood, found = _fitted(w)
    (curve,) = baselines(likelihood, found.point, "kalbfleisch-prentice")
    assert np.isinf(curve.values[-1])
    assert np.isfinite(curve.values[:-1]).all()
    (efron,) = baselines(likelihood, found.point, "efron")
    assert np.isfinite(efron.values).all()


def test_what_is_small_is_much_the_same():
    w = world(3000, 44, span=None, everything=False)
    likelihood, found = _fitted(w)
    curves = [baselines(likelihood, found.point, kind)[0] for kind in ("efron", "breslow", "kalbfleisch-prentice")]
    values = [curve([0.5, 1.0, 2.0]) for curve in curves]
    np.testing.assert_allclose(values[1], values[0], rtol=1e-12)
    np.testing.assert_allclose(values[2], values[0], rtol=1e-2)
