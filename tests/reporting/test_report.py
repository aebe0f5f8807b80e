"""Report: the record against the objects it was made from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import log_loss, roc_auc_score

import churnlib as cl
from churnlib.exceptions import DataError, LeakageError, ParameterError, ParameterTypeError, SchemaError


def test_today_counts_and_values(report, study, offer):
    model, _, _, now = study
    probability = model.predict_proba(now.X)[:, 1]
    value = offer.clv_of(now.X).to_numpy()
    gain = model.expected_gain(now.X, offer).to_numpy()
    today = report.to_dict()["today"]
    assert today["at_risk"] == len(now) == today["known"] - today["gone"]
    assert today["expected"] == pytest.approx(probability.sum())
    assert today["value_at_risk"] == pytest.approx((probability * value).sum())
    assert today["contacts"] == int(model.contact(now.X, offer).sum())
    assert today["gain"] == pytest.approx(gain[gain > 0].sum())
    assert today["expected_low"] < today["expected"] < today["expected_high"]


def test_the_interval_of_the_expected_number_has_both_sources(report, study):
    model, _, test, now = study
    p = model.predict_proba(now.X)[:, 1]
    tested = model.predict_proba(test.X)[:, 1]
    ratio = test.y.sum() / tested.sum()
    today = report.to_dict()["today"]
    chance = 1.96 * np.sqrt((p * (1 - p)).sum())
    assert today["expected_high"] - max(1, ratio) * p.sum() > chance
    assert min(1, ratio) * p.sum() - today["expected_low"] > chance


def test_the_listed_are_the_best_by_gain_with_values_equal_to_the_features(report, study, offer):
    model, _, _, now = study
    rows = report.to_dict()["contacts"]
    gain = model.expected_gain(now.X, offer).droplevel("cutoff")
    assert len(rows) == 20
    assert [row["customer"] for row in rows] == report.contacts["customer_id"].tolist()
    assert [row["gain"] for row in rows] == pytest.approx(gain.nlargest(20).tolist())
    X = now.X.droplevel("cutoff")
    for row in rows:
        assert len(row["reasons"]) == 2
        for reason in row["reasons"]:
            seen = X.loc[row["customer"], reason["feature"]]
            assert reason["value"] == seen or (reason["value"] is None and pd.isna(seen))


def test_without_an_offer_the_list_is_by_risk(study):
    model, _, test, now = study
    report = cl.Report(model, test, n_boot=20, n_listed=12)
    record = report.to_dict()
    risk = pd.Series(model.predict_proba(now.X)[:, 1], index=now.customer).nlargest(12)
    assert [row["risk"] for row in record["contacts"]] == pytest.approx(risk.tolist())
    assert record["offer"] is None
    assert record["profit_curve"] is None
    assert "clv" not in report.contacts
    assert report.to_html().startswith("<!doctype html>")


def test_measures_against_scikit_learn(report, study):
    model, train, test, _ = study
    p = model.predict_proba(test.X)[:, 1]
    metrics = {row["name"]: row for row in report.to_dict()["test"]["metrics"]}
    assert metrics["auc"]["model"] == pytest.approx(roc_auc_score(test.y, p))
    assert metrics["log_loss"]["model"] == pytest.approx(log_loss(test.y, p))
    base = train.y.mean()
    assert metrics["log_loss"]["base"] == pytest.approx(log_loss(test.y, np.full(len(test), base)))
    assert metrics["ece"]["base"] == pytest.approx(abs(base - test.y.mean()))
    assert metrics["auc"]["rule"] == pytest.approx(roc_auc_score(test.y, test.X["any.recency"]))
    assert (metrics["auc"]["base"], metrics["lift"]["base"]) == (0.5, 1.0)
    assert metrics["precision"]["base"] == pytest.approx(test.y.mean())
    assert metrics["log_loss"]["rule"] is None
    for row in metrics.values():
        assert row["low"] <= row["model"] <= row["high"]


def test_both_lists_have_the_same_length(report, study):
    _, _, test, _ = study
    lists = report.to_dict()["test"]["comparison"]
    k = lists["size"]
    longest = test.X["any.recency"].to_numpy()
    cut = np.sort(longest)[-k]
    above, tied = longest > cut, longest == cut
    y = test.y.to_numpy()
    expected = y[above].sum() + y[tied].mean() * (k - above.sum())
    assert k == round(0.1 * len(test))
    assert lists["rule"] == pytest.approx(expected)
    assert lists["difference"] == pytest.approx(lists["model"] - lists["rule"])


def test_curves_end_at_everything(report, study):
    _, _, test, _ = study
    record = report.to_dict()
    curve = record["gain_curve"]
    for name in ("share", "model", "rule"):
        assert curve[name][0] == 0
        assert curve[name][-1] == pytest.approx(1)
        assert np.all(np.diff(curve[name]) >= -1e-12)
    assert sum(row["customers"] for row in record["lift"]) == len(test)
    assert sum(row["churned"] for row in record["lift"]) == pytest.approx(test.y.sum())
    assert sum(row["rows"] for row in record["reliability"]) == len(test)
    assert max(record["profit_curve"]["gain"]) == pytest.approx(record["today"]["gain"])


def test_cutoffs_add_up_and_the_purge_is_told(report, study):
    _, train, test, _ = study
    record = report.to_dict()
    for row in record["cutoffs"]:
        assert row["known"] == row["gone"] + row["at_risk"]
        assert row["at_risk"] == row["churned_before"] + row["churned_in_lead"] + row["churned"] + row["retained"]
    parts = record["splits"]
    assert parts["train"]["rows"] == len(train)
    assert parts["test"]["rows"] == len(test)
    first = min(pd.Timestamp(row["cutoff"]) for row in record["cutoffs"] if row["split"] == "test")
    window = pd.Timedelta("37D")
    for row in record["cutoffs"]:
        over = pd.Timestamp(row["cutoff"]) + window
        assert {"train": over <= first, "purged": over > first, "test": True}[row["split"]]


def test_immature_cutoffs_have_no_rate(study):
    model = study[0]
    log = study[2].log
    data = cl.build_dataset(
        log,
        cutoffs=cl.monthly("2025-01", "2025-12"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=cl.FeatureSpec.standard(),
    )
    _, test = data.split(test_cutoffs=2)
    last = cl.Report(model, test, n_boot=20).to_dict()["cutoffs"][-1]
    assert last["split"] == "immature"
    assert (last["churned"], last["retained"], last["rate"]) == (None, None, None)
    assert last["immature"] == last["at_risk"]


def test_saving_twice_gives_the_same_bytes(report, study, offer, tmp_path):
    model, _, test, _ = study
    again = cl.Report(model, test, offer=offer, n_boot=60, value_note="30 % of last year's spend")
    assert report.save(tmp_path / "a.html").read_bytes() == again.save(str(tmp_path / "b.html")).read_bytes()


def test_an_evaluation_at_hand_is_used(report, study):
    model, _, test, _ = study
    judged = cl.evaluate(model, test, n_boot=20)
    assert cl.Report(model, test, evaluation=judged).evaluation is judged


def test_without_recency_there_is_no_rule(study):
    model, _, test, _ = study
    record = cl.Report(model, test, recency=None, n_boot=20).to_dict()
    assert record["test"]["rule"] is None
    assert record["gain_curve"]["rule"] is None


def test_wrong_arguments_are_refused(study):
    model, _, test, _ = study
    with pytest.raises(ParameterTypeError, match=r"test is a DataFrame; a Dataset was expected"):
        cl.Report(model, test.X)
    with pytest.raises(ParameterTypeError, match=r"now is a DataFrame"):
        cl.Report(model, test, now=test.X)
    with pytest.raises(ParameterTypeError, match=r"offer is a float; a RetentionOffer was expected"):
        cl.Report(model, test, offer=0.3)
    with pytest.raises(ParameterError, match="n_listed=0 is out of range"):
        cl.Report(model, test, n_listed=0)
    with pytest.raises(DataError, match=r"nobody is at risk at 2025-12-23"):
        cl.Report(model, test, now=test.latest().take(np.zeros(len(test.latest()), bool)))


def test_a_model_without_reasons_is_refused(study):
    with pytest.raises(ParameterTypeError, match=r"model is a DummyClassifier, without expected_gain, reasons"):
        cl.Report(DummyClassifier().fit([[0], [1]], [0, 1]), study[2])


def test_the_training_part_is_no_test(study):
    model, train, _, _ = study
    with pytest.raises(LeakageError, match=rf"{len(train):,} of {len(train):,} rows of test lie at cutoffs"):
        cl.Report(model, train)


def test_without_a_split_the_page_does_not_claim_one(study):
    model, _, test, _ = study
    data = cl.build_dataset(
        test.log,
        cutoffs=cl.monthly("2025-09", "2025-10"),
        lead="7d",
        horizon="30d",
        churn=cl.Inactivity("45d"),
        features=cl.FeatureSpec.standard(),
    )
    page = cl.Report(model, data, n_boot=20).to_html()
    assert "later than the last training label" not in page
    assert "cannot tell whether the model was trained on them" in page
    assert "cannot tell what the model was trained on" in page
    assert "Trained on" not in page


def test_a_misspelt_recency_is_refused(study):
    model, _, test, _ = study
    with pytest.raises(SchemaError, match=r"recency='any.recencyy' is not a column of X \(did you mean 'any.recency'"):
        cl.Report(model, test, recency="any.recencyy")
