import copy
import dataclasses
import json
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from churnlib.classification import ChurnClassifier, ModelCard, default_estimator
from churnlib.classification._card import _digest
from churnlib.economics import RetentionOffer
from churnlib.evaluation import evaluate
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError
from churnlib.model_selection import PurgedGroupTimeSplit
from tests.classification.worlds import world

OFFER = RetentionOffer(accept_rate=(6, 14), clv=200, offer_cost=10, contact_cost=1)


@pytest.fixture(scope="module")
def fitted():
    X, y = world(1200, cutoffs=3)
    estimator = default_estimator().set_params(n_estimators=20)
    return ChurnClassifier(estimator, monotone={"silence": 1}, random_state=0).fit(X, y), X, y


# -- what is on it -----------------------------------------------------------------------


def test_the_card_holds_what_the_fit_knew(fitted):
    model, X, y = fitted
    card = model.card().to_dict()
    assert card["predicts"] == "P(churn in the label window | the customer survives the blind gap)"
    assert card["data"] == {
        "rows": 1200,
        "customers": 400,
        "churned": int(y.sum()),
        "cause": None,
        "weighted": False,
        "first_cutoff": "2025-01-01T00:00:00+00:00",
        "last_cutoff": "2025-03-02T00:00:00+00:00",
        "cutoffs": 3,
    }
    assert card["base_rate"]["value"] == model.base_rate_
    assert [column["name"] for column in card["columns"]] == list(X.columns)
    assert card["columns"][2] == {
        "name": "plan",
        "role": "category",
        "missing": 0.0,
        "quantiles": None,
        "categories": 3,
        "monotone": 0,
    }
    assert card["model"]["estimator"] == "XGBClassifier"
    assert card["model"]["parameters"]["n_estimators"] == 20
    assert card["calibration"]["chosen"] == model.calibration_
    assert [row["calibration"] for row in card["calibration"]["report"]] == ["none", "sigmoid", "isotonic"]
    assert card["folds"] == {"number": 5, "how": "dealt at random, all rows of a customer in the same fold"}
    assert 0.7 < card["out_of_fold"]["auc"]["low"] < card["out_of_fold"]["auc"]["high"] < 0.95
    assert card["decision"] is None
    assert card["evaluation"] is None


def test_the_constraints_are_shown_with_their_check(fitted):
    (check,) = fitted[0].card().to_dict()["monotone"]
    assert (check["column"], check["sign"], check["violations"]) == ("silence", 1, 0)
    assert check["steps"] > 1000
    assert "| silence | may only rise |" in fitted[0].card().to_markdown()


def test_a_tuned_model_shows_what_it_was_compared_with():
    X, y = world(300)
    model = ChurnClassifier(tune=3, cv=2, calibration=None).fit(X, y)
    card = model.card().to_dict()
    assert len(card["tuning"]["report"]) == len(model.tuning_report_) == 3
    assert any("best of 3 models" in limit for limit in card["limits"])
    model.set_params(tune=None, calibration="isotonic")
    assert model.card().to_dict() == card, "settings changed after the fit are not those of the fit"
    assert (card["tuning"]["asked"], card["calibration"]["asked"]) == (3, None)
    assert "## How the model was chosen" in model.card().to_markdown()


def test_the_threshold_follows_from_the_offer(fitted):
    decision = fitted[0].card(offer=OFFER).to_dict()["decision"]
    assert decision["threshold"] == pytest.approx(11 / 67)
    assert decision["kind"] == "one"
    assert decision["offer"] == {"accept_rate": [6.0, 14.0], "clv": 200, "offer_cost": 10, "contact_cost": 1}
    assert "Threshold: 0.1642." in fitted[0].card(offer=OFFER).to_markdown()


def test_an_offer_that_never_pays_is_said_to(fitted):
    card = fitted[0].card(offer=RetentionOffer(accept_rate=0.3, clv=12, offer_cost=10, contact_cost=1))
    assert card.to_dict()["decision"]["never_pays"] == 1.0
    assert card.to_dict()["decision"]["threshold"] is None
    assert "This offer never pays" in card.to_markdown()


def test_values_by_customer_give_quantiles_of_thresholds_and_no_customer_s_own(fitted):
    values = pd.Series(np.r_[np.linspace(50, 500, 1000), np.full(250, 5.0)], index=np.arange(1250), name="clv")
    card = fitted[0].card(offer=RetentionOffer(accept_rate=0.3, clv=values, offer_cost=10, contact_cost=1))
    decision = card.to_dict()["decision"]
    assert decision["never_pays"] == 0.2
    assert decision["quantiles"][5] == pytest.approx(11 / (0.3 * 265 + 10), rel=0.01)
    assert "for 20.0% the offer never pays" in card.to_markdown()
    column = fitted[0].card(offer=RetentionOffer(accept_rate=0.3, clv="margin", offer_cost=10))
    assert "from a column of the rows that are scored" in column.to_markdown()


def test_an_evaluation_is_shown_in_its_own_words(fitted):
    model, X, y = fitted
    X, y = world(400, seed=1)
    found = evaluate(model, X, y, recency=None, n_boot=20)
    card = model.card(evaluation=found)
    assert card.to_dict()["evaluation"]["metrics"] == found.to_dict()["metrics"]
    assert card.to_dict()["evaluation"]["sentence"] == found.sentence
    assert "## On rows it has not seen" in card.to_markdown()


def test_the_window_comes_from_the_caller_or_from_folds_forward_in_time():
    X, y = world(900, cutoffs=9)
    cv = PurgedGroupTimeSplit(n_splits=2, horizon="60d", lead="7d")
    model = ChurnClassifier(LogisticRegression(), cv=cv).fit(X, y)
    card = model.card().to_dict()
    assert card["window"] == "60d, after a blind gap of 7d"
    assert card["folds"]["how"].startswith("PurgedGroupTimeSplit(")
    assert not any("mix times" in limit for limit in card["limits"])
    assert model.card(window="two months").to_dict()["window"] == "two months"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"calibration": None}, "Nothing was judged out of fold"),
        ({}, "The folds mix times."),
    ],
)
def test_what_the_card_cannot_say_follows_from_the_fit(options, said):
    X, y = world(300, cutoffs=3)
    limits = (
        ChurnClassifier(LogisticRegression(), **options).fit(X, y).card(limits="Not for firms.").to_dict()["limits"]
    )
    assert any(limit.startswith(said) for limit in limits)
    assert limits[-1] == "Not for firms."


def test_few_churners_weights_and_unknown_customers_are_said():
    X, y = world(120)
    few = np.where(np.cumsum(y) > 15, 0, y)
    model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X.reset_index(drop=True), few, np.ones(120))
    said = " ".join(model.card().to_dict()["limits"])
    for part in ("Only 15 rows churned", "Rows were weighted", "customers of the rows were not known"):
        assert part in said


# -- personal data -----------------------------------------------------------------------


def test_no_id_no_value_and_no_category_of_a_customer_is_on_the_card():
    X, y = world(400)
    X = X.assign(town=[f"town-{number:03d}" for number in range(400)], income=np.arange(400) * 1237.0 + 50_001)
    X.index = pd.Index([f"kid-{number:03d}" for number in range(400)], name="customer_id")
    model = ChurnClassifier(LogisticRegression()).fit(X, y.to_numpy())
    for show in (False, True):
        text = model.card(show_categories=show, offer=OFFER).to_json()
        assert "town-" not in text
        assert "kid-" not in text
        assert "50001" not in text
        assert ("gold" in text) is show


# -- its forms ---------------------------------------------------------------------------


def test_texts_are_escaped_in_markdown_and_html():
    X, y = world(100)
    X = X.rename(columns={"silence": "<img src=x>|`days`\n# silent"})
    card = (
        ChurnClassifier(LogisticRegression(), calibration=None)
        .fit(X, y)
        .card(name="<script>alert(1)</script>", limits=["| <b>bold</b> |\nnew line"])
    )
    html = card.to_html()
    for form in (html, card._repr_html_()):
        assert "<script" not in form
        assert "<img" not in form
        assert "<b>" not in form
    assert html.startswith("<!doctype html>")
    assert "http" not in html
    assert not card._repr_html_().startswith("<!doctype")
    markdown = card.to_markdown()
    assert "\\<img src=x\\>\\|\\`days\\` \\# silent |" in markdown
    assert "- \\| \\<b\\>bold\\</b\\> \\| new line" in markdown
    tables = [line for line in markdown.splitlines() if line.startswith("| \\<img")]
    assert all(line.replace("\\|", "").count("|") in {6, 13} for line in tables)


def test_equal_fits_give_equal_cards(fitted):
    model, X, y = fitted
    again = copy.deepcopy(model).fit(X, y)
    assert again.card(offer=OFFER) == model.card(offer=OFFER)
    assert again.card() != model.card(offer=OFFER)
    assert pickle.loads(pickle.dumps(model)).card().to_json() == model.card().to_json()
    assert len({model.card(), again.card()}) == 1


def test_a_card_is_frozen_and_gives_copies(fitted):
    card = fitted[0].card()
    card.to_dict()["data"]["rows"] = 0
    assert card.to_dict()["data"]["rows"] == 1200
    with pytest.raises(dataclasses.FrozenInstanceError):
        card.text = "{}"
    assert repr(card).startswith("ModelCard('Churn model': base rate ")


def test_json_says_who_wrote_it_and_reads_back(fitted):
    card = fitted[0].card(name="Läden", offer=OFFER)
    record = json.loads(card.to_json())
    assert record["schema_version"] == 1
    assert len(record["digest"]) == 64
    assert "churnlib" in record
    assert ModelCard(card.to_json()) == card
    with pytest.raises(VersionError, match="the digest of the card is"):
        ModelCard(card.to_json().replace("Läden", "Laden"))
    with pytest.raises(VersionError, match="schema version 2"):
        ModelCard(card.to_json().replace('"schema_version": 1', '"schema_version": 2'))
    for text in ("no json", None):
        with pytest.raises(ParameterError, match="the text is no JSON"):
            ModelCard(text)


@pytest.mark.parametrize(("ending", "first"), [("json", "{"), ("md", "# Churn model"), ("HTML", "<!doctype html>")])
def test_it_is_saved_as_its_ending_says(fitted, tmp_path, ending, first):
    path = fitted[0].card().save(tmp_path / f"card.{ending}")
    assert path.read_text(encoding="utf-8").startswith(first)


def test_another_ending_is_refused(fitted, tmp_path):
    with pytest.raises(ParameterError, match=r"path ends in '.pdf'"):
        fitted[0].card().save(tmp_path / "card.pdf")


# -- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"offer": 0.3}, "offer is a float"),
        ({"evaluation": {"auc": 0.8}}, "evaluation is a dict; the result of evaluate on rows"),
        ({"name": 3}, "name is a int"),
        ({"limits": [1]}, r"limits is \[1\]"),
        ({"limits": None}, "limits is None"),
        ({"show_categories": "yes"}, "show_categories is 'yes'"),
    ],
)
def test_what_does_not_belong_on_a_card_is_refused(fitted, options, match):
    with pytest.raises(ParameterTypeError, match=match):
        fitted[0].card(**options)


def test_whatever_was_changed_is_noticed(fitted):
    card = fitted[0].card()
    for key, value in {"churnlib": "<b>", "name": "x", "limits": []}.items():
        with pytest.raises(VersionError, match="digest"):
            ModelCard(json.dumps({**card.to_dict(), key: value}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_json_that_holds_no_number_is_refused(number):
    with pytest.raises(ParameterError, match=f"it holds {number}"):
        ModelCard('{"schema_version": 1, "base_rate": ' + number + "}")


def test_a_card_without_its_parts_is_refused(fitted):
    record = fitted[0].card().to_dict()
    kept = {key: value for key, value in record.items() if key not in {"schema_version", "digest", "drift"}}
    with pytest.raises(ParameterError, match=r"lacks 1 parts of a card \(drift\)"):
        ModelCard(json.dumps({"schema_version": 1, "digest": _digest(kept), **kept}))


def test_half_a_character_can_be_saved(fitted, tmp_path):
    card = fitted[0].card(name="\ud800 shop")
    assert card.to_dict()["name"] == "? shop"
    for form in ("json", "md", "html"):
        assert "? shop" in card.save(tmp_path / f"card.{form}").read_text(encoding="utf-8")


def test_an_auc_that_is_not_known_is_said_to_be_so():
    index = pd.MultiIndex.from_arrays(
        [np.arange(400), np.repeat(pd.date_range("2024-01-01", periods=4, freq="90D"), 100)],
        names=["customer_id", "cutoff"],
    )
    y = np.append(np.arange(100) % 3 == 0, np.arange(300) == 250).astype(int)  # one churner is tested
    folds = PurgedGroupTimeSplit(n_splits=2, horizon="30d")
    model = ChurnClassifier(LogisticRegression(), calibration="sigmoid", cv=folds)
    card = model.fit(pd.DataFrame({"a": np.arange(400.0) % 7}, index=index), y).card()
    assert "AUC not known" in repr(card)
    assert card.to_dict()["out_of_fold"]["auc"]["value"] is None


def test_the_window_is_that_of_the_fit():
    X, y = world(300)
    model = ChurnClassifier(LogisticRegression()).fit(X, y)
    model.set_params(cv=PurgedGroupTimeSplit(horizon="60d"))
    assert model.card().to_dict()["window"] is None


def test_the_card_of_a_cause_names_it():
    X, y = world(400)
    cause = pd.Series(np.where(y == 1, "payment", None), index=X.index, dtype=object)
    card = ChurnClassifier(LogisticRegression(), target="cause").fit(X, cause).models_["payment"].card()
    assert card.to_dict()["data"]["cause"] == "payment"
    assert f"of which {int(y.sum())} were lost to the cause 'payment'" in card.to_markdown()
