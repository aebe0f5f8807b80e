"""By keywords without labels, learned with them, silent when unsure."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold, cross_val_score

from churnlib.exceptions import DataError, ParameterTypeError
from churnlib.reasons import ComplaintClassifier, Lexicon, ReasonCatalog, text_groups

PRICE = ["too dear", "far too dear", "so dear", "it is dear", "dear dear", "太贵了", "价格贵", "有点贵"]
STAFF = ["rude man", "so rude", "very rude", "what a rude voice", "rude again", "态度差", "态度恶劣", "态度不好"]
TEXTS = pd.Series(PRICE + STAFF, index=[f"t{i}" for i in range(16)])
LABELS = ["price"] * 8 + ["staff"] * 8


def test_without_labels_the_lexicon_speaks() -> None:
    texts = ["太贵, 而且态度差", "一切都好", "携号转网", "not expensive"]
    reader = ComplaintClassifier().fit(texts)
    assert [list(found) for found in reader.labels(texts)] == [["price", "service_quality"], [], ["competition"], []]
    assert set(reader.source_.values()) == {"lexicon"}
    assert reader.multi_label_
    table = pd.DataFrame(reader.predict(texts), columns=reader.classes_)
    assert table.loc[0, ["price", "service_quality"]].tolist() == [1, 1]
    assert table.loc[[1, 3]].to_numpy().sum() == 0
    codes = ComplaintClassifier(level="code").fit(texts)
    assert codes.labels(texts).iloc[0] == ("PRC01", "SRV01")


def test_the_catalogue_decides_what_the_themes_are() -> None:
    catalog = ReasonCatalog().revise("PRC01", theme="money")
    assert ComplaintClassifier(catalog=catalog).fit(["-"]).labels(["太贵"]).iloc[0] == ("money",)


def test_evidence_keeps_the_names_of_the_texts() -> None:
    reader = ComplaintClassifier().fit(TEXTS)
    found = reader.evidence(pd.Series(["not cheap, and RUDE", "-"], index=pd.Index([70, 71], name="ticket")))
    assert found.index.tolist() == [70, 70]
    assert found.index.name == "ticket"
    assert found["text"].tolist() == ["cheap", "RUDE"]
    assert found["negation"].tolist() == ["not", ""]
    nothing = reader.evidence(["-"])
    assert nothing.empty
    assert list(nothing.columns) == ["label", "text", "start", "end", "weight", "negation"]


def test_with_labels_it_learns_and_abstains() -> None:
    reader = ComplaintClassifier(min_labels=3, min_confidence=0.8).fit(TEXTS, LABELS)
    assert reader.predict(["much too dear", "a rude clerk", "贵", "zzz"]).tolist() == [
        "price", "staff", "price", "undecided",
    ]  # fmt: skip
    assert reader.labels(["zzz"]).iloc[0] == ()
    assert reader.labels(["so dear"]).iloc[0] == ("price",)
    np.testing.assert_allclose(reader.predict_proba(TEXTS).sum(axis=1), 1.0)
    never = clone(reader).set_params(min_confidence=0).fit(TEXTS, LABELS)
    assert set(never.predict(["zzz"])) <= {"price", "staff"}
    assert reader.source_ == {"price": "model", "staff": "model"}
    assert reader.n_labels_ == {"price": 8, "staff": 8}


def test_several_labels_at_once() -> None:
    texts = [*PRICE, *STAFF, *(f"{a}, {b}" for a, b in zip(PRICE, STAFF, strict=True)), "fine", "all well"]
    y = [["price"]] * 8 + [["staff"]] * 8 + [["price", "staff"]] * 8 + [[], []]
    reader = ComplaintClassifier(min_labels=3).fit(texts, y)
    assert reader.classes_.tolist() == ["price", "staff"]
    assert reader.predict(["too dear and so rude"]).tolist() == [[1, 1]]
    assert reader.score(texts, y) > 0.9
    frame = pd.DataFrame({"price": ["price" in own for own in y], "staff": ["staff" in own for own in y]})
    assert reader.score(texts, frame) == reader.score(texts, y)
    np.testing.assert_array_equal(
        ComplaintClassifier(min_labels=3).fit(texts, frame).predict(texts), reader.predict(texts)
    )


def test_a_rare_label_stays_with_its_keywords() -> None:
    lexicon = Lexicon({"price": ["dear"], "porting": ["port*", "携号转网"]})
    reader = ComplaintClassifier(lexicon, min_labels=3).fit([*TEXTS, "port my number"], [*LABELS, "porting"])
    assert reader.source_ == {"porting": "lexicon", "price": "model", "staff": "model"}
    assert reader.predict(["我要携号转网"])[0] in {"porting", "undecided"}
    assert reader.predict_proba(["我要携号转网"])[0].argmax() == reader.classes_.tolist().index("porting")
    with pytest.raises(DataError, match=r"1 of 3 labels have fewer than min_labels=3 texts, .*'oddity' with 1"):
        ComplaintClassifier(lexicon, min_labels=3).fit([*TEXTS, "hm"], [*LABELS, "oddity"])


def test_labels_of_any_type_come_back_as_they_were() -> None:
    reader = ComplaintClassifier(min_labels=3, min_confidence=0).fit(TEXTS, [0] * 8 + [1] * 8)
    assert reader.predict(["so rude"]).tolist() == [1]
    assert reader.predict(["so rude"]).dtype == np.asarray([1]).dtype
    assert reader.score(TEXTS, [0] * 8 + [1] * 8) == 1.0


def test_the_score_is_the_macro_f1() -> None:
    reader = ComplaintClassifier(min_labels=3, min_confidence=0.6).fit(TEXTS, LABELS)
    wrong = LABELS[:-2] + ["price", "price"]
    assert reader.score(TEXTS, wrong) == pytest.approx(
        f1_score(wrong, reader.predict(TEXTS), labels=["price", "staff"], average="macro")
    )
    with pytest.raises(DataError, match=r"y has others .taste."):
        reader.score(TEXTS, ["price"] * 15 + ["taste"])


def test_it_is_an_estimator_like_others() -> None:
    reader = ComplaintClassifier(min_labels=2, min_confidence=0)
    assert clone(reader).get_params() == reader.get_params()
    scores = cross_val_score(reader, TEXTS, np.array(LABELS), groups=text_groups(TEXTS), cv=GroupKFold(4))
    assert scores.shape == (4,)
    fitted = reader.fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    np.testing.assert_array_equal(clone(reader).fit(TEXTS, LABELS).predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    with pytest.raises(NotFittedError):
        ComplaintClassifier().predict(TEXTS)
    with pytest.raises(ValueError, match="'level' parameter of ComplaintClassifier"):
        ComplaintClassifier(level="themes").fit(TEXTS)


def test_a_tokenizer_of_ones_own_is_used() -> None:
    asked = []

    def cut(text: str) -> list[str]:
        asked.append(text)
        return list(text)

    ComplaintClassifier(tokenizer=cut, min_labels=3).fit(TEXTS, LABELS)
    assert "太贵了" in asked


def test_wrong_input_is_named() -> None:
    with pytest.raises(ParameterTypeError, match="the texts are a str"):
        ComplaintClassifier().fit("too dear")
    with pytest.raises(DataError, match="1 of 2 texts are missing"):
        ComplaintClassifier().fit(["a", None])
    with pytest.raises(DataError, match="16 texts and 2 labels"):
        ComplaintClassifier().fit(TEXTS, ["a", "b"])
    with pytest.raises(DataError, match="two kinds of text at least"):
        ComplaintClassifier().fit(TEXTS, ["a"] * 16)
    reader = ComplaintClassifier().fit(TEXTS)
    with pytest.raises(DataError, match="texts are missing"):
        reader.predict([None])
