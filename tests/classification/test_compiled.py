"""The compiled scorer states what the fitted model states, and what it is stored in cannot be mistaken."""

import copy
import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier, CompiledScorer, default_estimator
from churnlib.classification._calibration import IsotonicCalibrator, SigmoidCalibrator
from churnlib.classification._compiled_file import pack
from churnlib.exceptions import DataError, ParameterError, ParameterTypeError, SchemaError, VersionError
from churnlib.reasons import ReasonCatalog, reason_codes
from tests.classification.odd_records import as_frame, odd_records, pool_of
from tests.classification.worlds import world

N = 1_000
ESTIMATORS = {
    "boosted": default_estimator().set_params(n_estimators=80),
    "deep": default_estimator().set_params(n_estimators=40, max_depth=6, min_child_weight=1),
    "logistic": LogisticRegression(max_iter=300),
    "forest": RandomForestClassifier(12, random_state=0),
}


def rows():
    X, y = world(500)
    rng = np.random.default_rng(0)
    X["town"] = rng.choice([f"town {k}" for k in range(9)], len(X))
    X.loc[rng.random(len(X)) < 0.1, "town"] = None
    return X, y


@pytest.fixture(scope="module")
def models():
    X, y = rows()
    return {name: ChurnClassifier(estimator, calibration=None).fit(X, y) for name, estimator in ESTIMATORS.items()}


@pytest.fixture(scope="module")
def scorers(models):
    return {name: model.compile() for name, model in models.items()}


@pytest.fixture(scope="module")
def boosted(models, scorers):
    return models["boosted"], scorers["boosted"]


@pytest.fixture
def scorer(scorers):
    return scorers["boosted"]


CALM = {"silence": 30.0, "orders": 3, "plan": "basic", "vip": False, "town": "town 1"}


# -- the same numbers ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_scores_and_contributions_equal_the_models(models, scorers, name):
    model, scorer = models[name], scorers[name]
    records = odd_records(scorer, N)
    frame = as_frame(records, scorer)
    np.testing.assert_allclose(scorer.score_many(records), model.predict_proba(frame)[:, 1], atol=1e-6, rtol=0)
    told = np.array([list(scorer.contributions(record).values()) for record in records])
    np.testing.assert_allclose(told, model.contributions(frame), atol=1e-5, rtol=0)


STEPS = IsotonicCalibrator(np.array([0.05, 0.2, 0.2 + 1e-7, 0.6]), np.array([0.01, 0.1, 0.4, 0.95]))


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("calibrator", [SigmoidCalibrator(0.8, -0.3), STEPS], ids=["sigmoid", "isotonic"])
def test_calibrated_scores_equal_the_models(models, name, calibrator):
    model = copy.copy(models[name])
    model.calibrator_ = calibrator
    scorer = model.compile()
    records = odd_records(scorer, N, seed=1)
    expected = model.predict_proba(as_frame(records, scorer))[:, 1]
    np.testing.assert_allclose(scorer.score_many(records), expected, atol=1e-6, rtol=0)


def test_fitted_calibrations_are_compiled():
    X, y = world(300)
    for method in ("sigmoid", "isotonic"):
        model = ChurnClassifier(LogisticRegression(), calibration=method, cv=2, random_state=0).fit(X, y)
        scorer = model.compile()
        assert f"calibration {method}" in repr(scorer)
        np.testing.assert_allclose(scorer.score_many(X.to_dict("records")), model.predict_proba(X)[:, 1], atol=1e-12)


@settings(max_examples=40)
@given(st.data())
def test_any_record_scores_as_the_model_does(boosted, data):
    model, scorer = boosted
    record = {column.name: data.draw(st.sampled_from(pool_of(column))) for column in scorer._reader.columns}
    expected = model.predict_proba(as_frame([record], scorer))[0, 1]
    assert scorer.score(record) == pytest.approx(expected, abs=1e-6)
    assert scorer.with_keys("lenient").score(record | {"phone": "0044"}) == scorer.score(record)


def test_numbers_beyond_single_precision(boosted):
    model, scorer = boosted
    for value in (1e39, -1e300, 1.7e308):
        record = CALM | {"silence": value}
        assert scorer.score(record) == pytest.approx(model.predict_proba(as_frame([record], scorer))[0, 1], abs=1e-6)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_many_are_as_each(scorers, name):
    scorer = scorers[name]
    records = odd_records(scorer, 50)
    assert scorer.score_many(records).tolist() == [scorer.score(record) for record in records]
    assert scorer.score_many(iter([])).shape == (0,)


def test_telco(data_dir):
    X = pd.read_csv(data_dir / "telco_ibm.csv.gz").drop(columns="customerID")
    X["TotalCharges"] = pd.to_numeric(X["TotalCharges"], errors="coerce")
    y = (X.pop("Churn") == "Yes").astype("int8")
    model = ChurnClassifier(default_estimator(), calibration="sigmoid", cv=2, random_state=0).fit(X, y)
    scorer = model.compile()
    np.testing.assert_allclose(scorer.score_many(X.to_dict("records")), model.predict_proba(X)[:, 1], atol=1e-6)
    few = X.iloc[::40]
    told = np.array([list(scorer.contributions(record).values()) for record in few.to_dict("records")])
    np.testing.assert_allclose(told, model.contributions(few), atol=1e-5)


# -- explanations --------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["raises", "lowers", "both"])
def test_reasons_are_those_of_the_model(models, scorers, direction):
    model, scorer = models["logistic"], scorers["logistic"]
    X, _ = rows()
    X = X[:60].reset_index(drop=True)
    expected = model.reasons(X, top=3, direction=direction)
    for position, record in enumerate(X.to_dict("records")):
        told = scorer.explain(record, top=3, direction=direction)
        part = expected[expected.index == position]
        assert [reason.feature for reason in told.reasons] == part["feature"].tolist()
        assert [reason.direction for reason in told.reasons] == part["direction"].tolist()
        np.testing.assert_allclose([reason.contribution for reason in told.reasons], part["contribution"], atol=1e-10)
        assert all(reason.value is record[reason.feature] for reason in told.reasons)
        assert told.probability == scorer.score(record)


def test_equal_contributions_keep_the_order_of_the_columns():
    X = pd.DataFrame({"first": [1.0, 2, 3, 4] * 10, "second": [1.0, 2, 3, 4] * 10})
    scorer = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [1, 1, 0, 0] * 10).compile()
    for direction, value in (("raises", 1), ("lowers", 4), ("both", 1)):
        told = scorer.explain({"first": value, "second": value}, direction=direction)
        assert [reason.feature for reason in told.reasons] == ["first", "second"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_codes_are_those_of_the_catalogue(models, language):
    model = models["logistic"]
    catalog = ReasonCatalog({"silence": "ENG02", "plan": "PRC01"})
    scorer = model.compile(catalog=catalog)
    X, _ = rows()
    X = X[:40]
    expected = reason_codes(model.contributions(X), catalog, top=2, language=language)
    by_row = expected.frame.groupby(np.repeat(np.arange(len(X)), expected.summary["n_reasons"].clip(lower=1)))
    for (_, part), record in zip(by_row, X.to_dict("records"), strict=True):
        told = scorer.explain(record, language=language)
        assert [code.code for code in told.codes] == part["code"].tolist()
        assert [code.text for code in told.codes] == part["text"].tolist()
    whole = scorer.explain(CALM)
    assert sum(whole.themes.values()) == pytest.approx(sum(scorer.contributions(CALM).values()))


def test_an_unseen_category_is_named_and_counts_as_missing(scorer):
    told = scorer.explain(CALM | {"plan": "platinum", "town": None})
    assert told.unseen == ("plan",)
    assert told.probability == scorer.score(CALM | {"plan": None, "town": None})
    assert scorer.explain(CALM).unseen == ()


def test_explanations_are_plain_for_json(models):
    scorer = models["logistic"].compile(catalog=ReasonCatalog()).with_keys("lenient")
    record = {"silence": np.float32(200), "orders": np.int64(0), "plan": "basic", "vip": float("nan"), "town": 1j}
    told = scorer.explain(record, top=9, direction="both").to_dict()
    again = json.loads(json.dumps(told, allow_nan=False))
    values = {reason["feature"]: reason["value"] for reason in again["reasons"]}
    assert values["silence"] == 200.0
    assert values.get("town", "1j") == "1j"
    assert again["codes"][0]["rank"] == 1
    absent = scorer.explain({}, top=9, direction="both")
    assert {reason.value for reason in absent.reasons} == {None}


def test_arguments_of_explain_are_checked(scorer):
    with pytest.raises(ParameterError, match=r"direction='rises' is not a choice .did you mean 'raises'"):
        scorer.explain(CALM, direction="rises")
    with pytest.raises(ParameterError, match="top=0 is out of range"):
        scorer.explain(CALM, top=0)


# -- records that cannot be read -----------------------------------------------------------


def test_strict_and_lenient(scorer):
    with pytest.raises(SchemaError, match=r"1 of 5 columns are absent \(vip\) and 1 keys are unknown \(VIP"):
        scorer.score({("VIP" if name == "vip" else name): value for name, value in CALM.items()})
    lenient = scorer.with_keys("lenient")
    assert (scorer.keys, lenient.keys) == ("strict", "lenient")
    assert lenient.score({"silence": 30.0}) == scorer.score(dict.fromkeys(CALM) | {"silence": 30.0})
    assert lenient.with_keys("strict") == scorer
    with pytest.raises(ParameterError, match=r"keys='loose' is not a choice"):
        scorer.with_keys("loose")


def test_the_record_that_cannot_be_read_is_named(scorer):
    with pytest.raises(SchemaError, match=r"record 1: the value of 'silence' is 'long' \(str\)"):
        scorer.score_many([CALM, CALM | {"silence": "long"}])
    with pytest.raises(DataError, match=r"the value of 'orders' is infinite"):
        scorer.score(CALM | {"orders": float("inf")})


@pytest.mark.parametrize("records", [CALM, pd.DataFrame([CALM]), "records", 3])
def test_score_many_takes_a_list_of_records(scorer, records):
    with pytest.raises(ParameterTypeError, match=r"records is a \w+; a list of dicts"):
        scorer.score_many(records)


# -- JSON ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_round_trips_give_the_same_bytes_and_scores(scorers, name, tmp_path):
    scorer = scorers[name]
    records = odd_records(scorer, 60, seed=2)
    path = scorer.save(tmp_path / "churn.json")
    for again in (
        CompiledScorer.from_json(scorer.to_json()),
        CompiledScorer.load(path),
        pickle.loads(pickle.dumps(scorer)),
        copy.deepcopy(scorer),
    ):
        assert again.to_json() == scorer.to_json()
        assert (again, hash(again), again.digest) == (scorer, hash(scorer), scorer.digest)
        assert again.score_many(records).tolist() == scorer.score_many(records).tolist()
        assert again.explain(records[0]) == scorer.explain(records[0])
    assert path.read_text(encoding="ascii") == scorer.to_json()


def test_equal_models_give_equal_bytes(boosted):
    assert boosted[0].compile().to_json() == boosted[1].to_json()


def test_it_is_small_and_holds_no_row():
    X, y = world(400)
    X["code"] = [f"customer {k:03d}" if k % 2 else "none" for k in range(len(X))]
    X["exact"] = np.random.default_rng(0).random(len(X)) + 1000
    model = ChurnClassifier(default_estimator().set_params(n_estimators=5), calibration=None).fit(X, y)
    text = model.compile().to_json()
    content = json.loads(text)["content"]
    assert len(pickle.dumps(model.compile())) < len(text) + 500
    # of a number only thresholds between values, and means, are stored
    stored = {float(cut) for column in content["columns"] for cut in column["cuts"]}
    assert not stored & set(X["exact"])
    assert len(content["model"]["reference"]) == X.shape[1]


def test_altered_files_and_other_files_are_refused(scorer, tmp_path):
    text = scorer.to_json()
    with pytest.raises(VersionError, match="changed after it was written"):
        CompiledScorer.from_json(text.replace('"strict"', '"lenient"'))
    path = tmp_path / "notes.json"
    path.write_text('{"kind": "notes"}')
    with pytest.raises(DataError, match=r"notes\.json: the text is other JSON: of the kind 'notes'"):
        CompiledScorer.load(path)
    path.write_bytes(b"\xff\x00")
    with pytest.raises(DataError, match=r"notes\.json: the text is no JSON"):
        CompiledScorer.load(path)


@pytest.mark.parametrize("name", ["calibration", "catalog", "columns", "keys", "model"])
@pytest.mark.parametrize("value", ["absent", None, 3, {}, []])
def test_content_that_makes_no_model_is_refused(scorer, name, value):
    content = json.loads(scorer.to_json())["content"]
    if value == "absent":
        del content[name]
    elif (name, value) == ("catalog", None):
        return
    else:
        content[name] = value
    with pytest.raises((DataError, ParameterError), match=r"cannot be read|is not a choice|its lists differ"):
        CompiledScorer.from_json(pack(content, "0.1")[0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda content: content["model"].update(reference=[]), "reference is not 5 numbers"),
        (lambda content: content["model"].update(reference=[None] * 5), "reference is not 5 numbers"),
        (lambda content: content["columns"][0]["cuts"].reverse(), "thresholds of a column do not ascend"),
        (lambda content: content["columns"][0].update(name="orders"), "two columns have the same name"),
    ],
)
def test_content_that_would_answer_wrongly_is_refused(scorer, change, match):
    content = json.loads(scorer.to_json())["content"]
    change(content)
    with pytest.raises(DataError, match=match):
        CompiledScorer.from_json(pack(content, "0.1")[0])


# -- in a service --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["boosted", "deep"])
def test_threads_share_one_scorer(scorers, name):
    scorer = scorers[name]
    records = odd_records(scorer, 60, seed=3)
    alone = [(scorer.score(record), scorer.contributions(record)) for record in records]

    def all_of_them(_):
        return [(scorer.score(record), scorer.contributions(record)) for record in records]

    with ThreadPoolExecutor(4) as pool:
        assert all(answers == alone for answers in pool.map(all_of_them, range(8)))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_no_pandas_scikit_learn_or_xgboost_on_the_way(scorers, name):
    text, entered = scorers[name].to_json(), set()

    def note(frame, event, function):
        entered.add(frame.f_globals.get("__name__", "").partition(".")[0])

    sys.setprofile(note)
    try:
        scorer = CompiledScorer.from_json(text)
        scorer.score(CALM)
        scorer.explain(CALM)
        scorer.score_many([CALM])
    finally:
        sys.setprofile(None)
    assert "churnlib" in entered
    assert not entered & {"pandas", "sklearn", "scipy", "xgboost"}


def test_repr(scorer):
    assert repr(scorer).startswith(
        "CompiledScorer(80 trees on 5 columns (silence, orders, plan, … 2 more), calibration none"
    )
    assert scorer.columns == ("silence", "orders", "plan", "vip", "town")


@pytest.mark.parametrize(
    ("name", "value", "match"), [("language", "fr", "language='fr'"), ("min_effect", -1, "min_eff")]
)
def test_arguments_of_codes_are_checked_without_a_catalogue(scorer, name, value, match):
    with pytest.raises(ParameterError, match=match):
        scorer.explain(CALM, **{name: value})


@pytest.mark.parametrize("missing", [pd.NA, pd.NaT, float("nan"), np.float32("nan")])
def test_a_missing_value_of_any_kind_is_null_in_an_explanation(scorer, missing):
    told = scorer.explain(dict.fromkeys(scorer.columns, missing), top=99, direction="both").to_dict()
    assert told["reasons"]
    assert {reason["value"] for reason in told["reasons"]} == {None}
