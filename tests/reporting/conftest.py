"""One small shop, reported on; and its record as plain values."""

from __future__ import annotations

import copy

import pytest

import churnlib as cl


@pytest.fixture(scope="session")
def study():
    log = cl.datasets.make_shop(700, random_state=4).log
    data = cl.build_dataset(
        log,
        cutoffs=cl.monthly("2025-01", "2025-10"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=cl.FeatureSpec.standard(),
    )
    train, test = data.split(test_cutoffs=2)
    model = cl.ChurnClassifier(calibration=None, random_state=0).fit(train.X, train.y)
    return model, train, test, data.latest()


@pytest.fixture(scope="session")
def offer(study):
    now = study[3]
    worth = 0.3 * now.X["any.sum.365d"].droplevel("cutoff").clip(lower=0)
    return cl.RetentionOffer(accept_rate=(6, 14), clv=worth, offer_cost=10, contact_cost=1)


@pytest.fixture(scope="session")
def report(study, offer):
    model, _, test, now = study
    return cl.Report(model, test, now=now, offer=offer, n_boot=60, value_note="30 % of last year's spend")


@pytest.fixture
def record(report):
    return copy.deepcopy(report.to_dict())
