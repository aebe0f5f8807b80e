import csv

import numpy as np
import pandas as pd
import polars as pl
import pytest

from churnlib.classification import ChurnClassifier, contact_list, default_estimator, write_contact_list
from churnlib.economics import RetentionOffer
from churnlib.exceptions import DuplicateError, ParameterError, ParameterTypeError, SchemaError
from tests.classification.worlds import world

OFFER = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)


@pytest.fixture(scope="module")
def fitted():
    X, y = world(500)
    return ChurnClassifier(default_estimator().set_params(n_estimators=60), calibration=None).fit(X, y), X


def test_columns_are_fixed(fitted):
    model, X = fitted
    listed = contact_list(model, X, OFFER, n=5)
    assert listed.columns.tolist() == [
        "rank",
        "customer_id",
        "churn_probability",
        "clv",
        "expected_gain",
        "contact",
        "reason_1",
        "reason_1_value",
        "reason_2",
        "reason_2_value",
    ]
    assert listed["rank"].tolist() == [1, 2, 3, 4, 5]
    assert "reason_1" not in contact_list(model, X, OFFER, n=5, reasons=0)


def test_numbers_are_the_model_s(fitted):
    model, X = fitted
    listed = contact_list(model, X, OFFER).set_index("customer_id")
    rows = X.droplevel("cutoff").loc[listed.index]
    again = X.loc[listed.index.to_list()]
    np.testing.assert_array_equal(listed["expected_gain"], model.expected_gain(again, OFFER))
    np.testing.assert_array_equal(listed["churn_probability"], model.predict_proba(again)[:, 1])
    np.testing.assert_array_equal(listed["contact"], listed["expected_gain"] > 0)
    assert (np.diff(listed["expected_gain"]) <= 0).all()
    for place in ("reason_1", "reason_2"):
        for customer, reason in listed[place].dropna().items():
            value = listed.loc[customer, f"{place}_value"]
            assert value == rows.loc[customer, reason] or pd.isna(rows.loc[customer, reason])


def test_the_riskiest_have_two_reasons(fitted):
    model, X = fitted
    assert contact_list(model, X, OFFER, n=20)[["reason_1", "reason_2"]].notna().all(axis=None)


def test_order_of_the_rows_does_not_matter(fitted):
    model, X = fitted
    alike = pd.concat([X] * 2).iloc[:700]
    alike.index = pd.Index(np.random.default_rng(0).permutation(700), name="customer_id")
    shuffled = alike.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(contact_list(model, alike, OFFER), contact_list(model, shuffled, OFFER))


def test_ties_go_by_customer(fitted):
    model, X = fitted
    same = pd.concat([X.iloc[[0]]] * 4).set_index(pd.Index(["d", "b", "c", "a"], name="customer_id"))
    assert contact_list(model, same, OFFER)["customer_id"].tolist() == ["a", "b", "c", "d"]
    mixed = same.set_index(pd.Index([2, "b", 1, "a"], name="customer_id"))
    assert len(contact_list(model, mixed, OFFER)) == 4


def test_value_column_of_the_offer(fitted):
    model, X = fitted
    valued = X.assign(margin=np.linspace(10, 900, len(X)))
    offer = RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10, contact_cost=1)
    listed = contact_list(model, valued, offer, n=10)
    assert not listed["reason_1"].eq("margin").any()
    assert listed["clv"].isin(valued["margin"]).all()


def test_a_customer_stands_once(fitted):
    model, X = fitted
    with pytest.raises(DuplicateError, match=r"(?s)500 of 500 customers stand in several rows.*data.latest\(\).X"):
        contact_list(model, pd.concat([X, X]), OFFER)


def test_customers_must_be_named(fitted):
    model, X = fitted
    with pytest.raises(SchemaError, match="customers are unknown"):
        contact_list(model, X.reset_index(drop=True), OFFER)


def test_an_empty_list_is_refused(fitted):
    model, X = fitted
    with pytest.raises(ParameterError, match="n=0 is out of range"):
        contact_list(model, X, OFFER, n=0)


def test_formulas_are_neutralised(tmp_path):
    evil = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\r=1", " =1", "\uff1d1", "plain", "a=b", None]
    frame = pd.DataFrame({"=name": evil, "n": range(-5, 6)})
    frame["kind"] = pd.Categorical(evil)
    path = write_contact_list(frame, tmp_path / "list.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["'=name", "n", "kind"]
    for row, original in zip(rows[1:], evil, strict=True):
        assert row[0] == row[2] == ({None: "", "plain": "plain", "a=b": "a=b"}.get(original, f"'{original}"))
    assert [int(row[1]) for row in rows[1:]] == list(range(-5, 6))


def test_a_list_survives_the_file(fitted, tmp_path):
    model, X = fitted
    listed = contact_list(model, X, OFFER, n=30)
    read = pd.read_csv(write_contact_list(listed, tmp_path / "list.csv"), encoding="utf-8-sig", dtype=str)
    # every digit is written: pandas below 3 would round while reading, Python does not
    assert [float(text) for text in read["expected_gain"]] == listed["expected_gain"].tolist()
    assert read["reason_1"].tolist() == listed["reason_1"].tolist()
    assert "nan" not in (tmp_path / "list.csv").read_text(encoding="utf-8-sig").lower()


def test_text_in_any_script_survives(tmp_path):
    path = write_contact_list(pd.DataFrame({"name": ["携号转网", "Žluťoučký"]}), tmp_path / "list.csv")
    assert pd.read_csv(path, encoding="utf-8-sig")["name"].tolist() == ["携号转网", "Žluťoučký"]


def test_rows_that_name_no_customer_are_refused(fitted):
    model, X = fitted
    with pytest.raises(ParameterTypeError, match=r"X is a numpy ndarray; a pandas frame whose index"):
        contact_list(model, X.to_numpy(), OFFER)
    with pytest.raises(ParameterTypeError, match=r"X is a polars DataFrame"):
        contact_list(model, pl.from_pandas(X.reset_index(drop=True)), OFFER)


@pytest.mark.parametrize("front", ["\u00a0", "\u200b", "\ufeff", "\x0b", " \u3000"])
def test_invisible_signs_do_not_hide_a_formula(tmp_path, front):
    frame = pd.DataFrame({"id": [f"{front}=1+1", "a=1", ""]})
    path = write_contact_list(frame, tmp_path / "list.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [row[0] for row in csv.reader(file) if row]
    assert cells[1:3] == [f"'{front}=1+1", "a=1"]
