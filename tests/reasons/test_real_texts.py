"""Real texts in folds that keep copies together: against a tuned baseline, and the lexicon alone.

Nobody has labelled public complaints with reasons to leave. So category and polarity of Chinese
reviews, and the product of American complaints to the regulator, stand in for them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold
from sklearn.multiclass import OneVsRestClassifier

from churnlib.reasons import ComplaintClassifier, Lexicon, text_groups

CATEGORIES = Lexicon(
    {
        "书籍": ["书", "作者", "小说", "读者", "故事", "出版", "当当"],
        "平板": ["平板", "ipad", "pad", "触屏", "游戏"],
        "手机": ["手机", "铃声", "通话", "短信", "诺基亚", "待机"],
        "水果": ["苹果", "水果", "橙子", "樱桃", "芒果", "榴莲", "新鲜", "生鲜"],
        "洗发水": ["洗发", "头发", "头皮", "去屑", "清扬", "香味", "护发", "泵头"],
        "热水器": ["热水器", "安装师傅", "加热", "安装费", "美的"],
        "蒙牛": ["牛奶", "蒙牛", "酸奶", "伊利", "奶"],
        "衣服": ["衣服", "裤子", "尺码", "面料", "穿", "掉色", "色差", "起球"],
        "计算机": ["笔记本", "电脑", "键盘", "散热", "显卡", "本本", "驱动", "硬盘"],
        "酒店": ["酒店", "房间", "前台", "入住", "早餐", "宾馆", "携程"],
    }
)
PRODUCTS = Lexicon(
    {
        "credit reporting": ["credit report*", "equifax", "experian", "transunion", "inquir*", "fcra", "credit file"],
        "debt collection": ["debt*", "collector*", "collection agenc*", "collection*", "they call*"],
        "accounts and cards": [
            "credit card*",
            "card",
            "bank",
            "mortgage",
            "loan*",
            "deposit*",
            "refund*",
            "transaction*",
        ],
    }
)

Record = Callable[[str, object], None]


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


@pytest.fixture(scope="module")
def shopping(data_dir: Path) -> pd.DataFrame:
    return read(data_dir / "zh_online_shopping_10_cats.csv.gz").dropna(subset=["review"])


@pytest.fixture(scope="module")
def takeaway(data_dir: Path) -> pd.DataFrame:
    return read(data_dir / "zh_waimai_10k.csv.gz")


@pytest.fixture(scope="module")
def complaints(data_dir: Path) -> pd.DataFrame:
    frame = read(data_dir / "cfpb_complaints_sample.csv.gz").dropna(subset=["Consumer complaint narrative"])

    def product(name: str) -> str:
        if name.startswith("Credit reporting"):
            return "credit reporting"
        return "debt collection" if name.startswith("Debt") else "accounts and cards"

    texts = frame["Consumer complaint narrative"].reset_index(drop=True)
    return pd.DataFrame({"text": texts, "label": frame["Product"].map(product).to_numpy()})


def baseline(texts: pd.Series, y: np.ndarray, groups: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Character TF-IDF and logistic regression, its C tuned on grouped folds of the training texts."""

    def fitted(rows: np.ndarray, C: float) -> tuple[TfidfVectorizer, OneVsRestClassifier]:
        maker = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2 if len(texts) > 300 else 1
        )
        model = OneVsRestClassifier(LogisticRegression(C=C, solver="liblinear"))
        return maker, model.fit(maker.fit_transform(texts.iloc[rows]), y[rows])

    def score(C: float) -> float:
        found = []
        for inner, outer in GroupKFold(3).split(train, groups=groups[train]):
            maker, model = fitted(train[inner], C)
            predicted = model.predict(maker.transform(texts.iloc[train[outer]]))
            found.append(f1_score(y[train[outer]], predicted, average="macro"))
        return float(np.mean(found))

    maker, model = fitted(train, max((3.0, 10.0, 30.0), key=score))
    return np.asarray(model.predict(maker.transform(texts.iloc[test])))


def compared(texts: pd.Series, y: np.ndarray, *, folds: int, min_labels: int, record: Record) -> tuple[float, float]:
    groups = text_groups(texts)
    ours, theirs = [], []
    for train, test in GroupKFold(folds).split(texts, groups=groups):
        reader = ComplaintClassifier(min_labels=min_labels, min_confidence=0)
        predicted = reader.fit(texts.iloc[train], y[train]).predict(texts.iloc[test])
        ours.append(f1_score(y[test], predicted, average="macro"))
        theirs.append(f1_score(y[test], baseline(texts, y, groups, train, test), average="macro"))
    record("macro_f1", float(np.mean(ours)))
    record("macro_f1_of_the_baseline", float(np.mean(theirs)))
    return float(np.mean(ours)), float(np.mean(theirs))


def majority(y: np.ndarray) -> float:
    words, counts = np.unique(y, return_counts=True)
    return float(f1_score(y, np.full(len(y), words[counts.argmax()]), average="macro"))


# --- learned ---------------------------------------------------------------------------------


def test_takeaway_polarity_against_the_baseline(takeaway: pd.DataFrame, record_property: Record) -> None:
    part = takeaway.sample(1000, random_state=0)
    ours, theirs = compared(part["review"], part["label"].to_numpy(), folds=2, min_labels=50, record=record_property)
    assert ours >= theirs - 0.01


def test_products_of_complaints_against_the_baseline(complaints: pd.DataFrame, record_property: Record) -> None:
    ours, theirs = compared(
        complaints["text"], complaints["label"].to_numpy(), folds=3, min_labels=5, record=record_property
    )
    assert ours >= theirs - 0.01


@pytest.mark.slow
@pytest.mark.parametrize("label", ["cat", "label"])
def test_shopping_reviews_against_the_baseline(shopping: pd.DataFrame, label: str, record_property: Record) -> None:
    part = shopping.sample(5_000, random_state=0)
    ours, theirs = compared(part["review"], part[label].to_numpy(), folds=3, min_labels=10, record=record_property)
    assert ours >= theirs - 0.01


@pytest.mark.slow
def test_all_takeaway_reviews_against_the_baseline(takeaway: pd.DataFrame, record_property: Record) -> None:
    ours, theirs = compared(
        takeaway["review"], takeaway["label"].to_numpy(), folds=3, min_labels=50, record=record_property
    )
    assert ours >= theirs - 0.01


# --- the lexicon alone -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["takeaway", "shopping"])
def test_what_the_shipped_lexicon_finds_is_a_complaint(
    name: str, request: pytest.FixtureRequest, record_property: Record
) -> None:
    frame = request.getfixturevalue(name).sample(1500, random_state=1)
    reader = ComplaintClassifier().fit(frame["review"])
    positive = (reader.predict(frame["review"]).sum(axis=1) == 0).astype(int)
    y = frame["label"].to_numpy()
    found = f1_score(y, positive, average="macro")
    record_property("macro_f1", found)
    record_property("macro_f1_of_the_majority", majority(y))
    assert found > majority(y) + 0.2


def test_a_lexicon_of_ones_own_tells_the_category(shopping: pd.DataFrame, record_property: Record) -> None:
    frame = shopping.sample(1500, random_state=2)
    reader = ComplaintClassifier(CATEGORIES).fit(frame["review"])
    sure = reader.predict_proba(frame["review"])
    y = frame["cat"].to_numpy()
    predicted = np.where(sure.max(axis=1) > 0, reader.classes_[sure.argmax(axis=1)], "undecided").astype(str)
    found = f1_score(y, predicted, labels=np.unique(y), average="macro")
    record_property("macro_f1", found)
    record_property("macro_f1_of_the_majority", majority(y))
    assert found > majority(y) + 0.3


def test_a_lexicon_of_ones_own_tells_the_product(complaints: pd.DataFrame, record_property: Record) -> None:
    reader = ComplaintClassifier(PRODUCTS).fit(complaints["text"])
    sure = reader.predict_proba(complaints["text"])
    y = complaints["label"].to_numpy()
    predicted = np.where(sure.max(axis=1) > 0, reader.classes_[sure.argmax(axis=1)], "undecided").astype(str)
    found = f1_score(y, predicted, labels=np.unique(y), average="macro")
    record_property("macro_f1", found)
    record_property("macro_f1_of_the_majority", majority(y))
    assert found > majority(y) + 0.1
