"""From contracts to hazards: snapshots carry delayed entry, and what was put into the world comes out."""

from __future__ import annotations

import numpy as np
import pytest

import churnlib as cl


@pytest.fixture(scope="module")
def world():
    return cl.datasets.make_subscriptions(n_customers=6000, heterogeneity=0.0, random_state=5)


@pytest.fixture(scope="module")
def data(world):
    return cl.build_dataset(
        world.log,
        contracts=world.contracts,
        cutoffs=cl.monthly("2024-01", "2024-11"),
        horizon="30d",
        churn=cl.ContractEnd(grace="1d"),
        features=cl.FeatureSpec.standard(),
    )


def _truth(world, months):
    """Incidence by cause and survival after whole months, of a customer from the start."""
    hazards = world.hazards.loc[1:months]
    staying = np.cumprod(1 - hazards.sum(axis=1))
    before = staying.shift(fill_value=1.0)
    return {cause: float((before * hazards[cause]).sum()) for cause in hazards}, float(staying.iloc[-1])


def test_snapshots_give_the_hazards_of_the_world_back(world, data):
    assert data.survival["entry"].min() > 0 or (data.survival["entry"] > 0).mean() > 0.9
    model = cl.AalenJohansen(causes=data.causes).fit(data.X, data.survival)
    incidence, staying = _truth(world, 12)
    begins = model.support_[0]
    assert begins < 30  # before the first renewal
    found = model.predict_cumulative_incidence(data.X[:1], [12 * 30 + 3])[0, :, 0]
    for cause, truth in incidence.items():
        assert found[data.causes.index(cause)] == pytest.approx(truth, abs=0.02)
    assert 1 - found.sum() == pytest.approx(staying, abs=0.03)


def test_without_entries_everybody_seems_to_stay(world, data):
    late = data.survival
    naive = cl.survival_target(late["event"] > 0, late["time"])
    _, staying = _truth(world, 12)
    curve = cl.KaplanMeier().fit(data.X, naive)
    assert curve.predict_survival_function(data.X[:1], [363])[0, 0] > staying + 0.1


def test_the_next_month_is_foreseen_given_the_tenure(data):
    train, test = data.split(test_cutoffs=1)
    any_cause = cl.survival_target(train.survival["event"] > 0, train.survival["time"], entry=train.survival["entry"])
    curve = cl.KaplanMeier(beyond="extrapolate").fit(train.X, any_cause)
    expected = curve.predict_churn_probability(test.X, "30d", given=test.tenure).mean()
    noise = np.sqrt(expected / len(test))
    assert expected == pytest.approx(test.y.mean(), abs=4 * noise)
