"""The tables of docs/explanation/threshold-not-smote.md are what the models say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from benchmarks import bench_resampling as bench

from churnlib.classification import ChurnClassifier

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "threshold-not-smote.md"
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
CHEAP = [bench.PLAIN, bench.WEIGHTED]
QUALITY = [bench.QUALITY["AUC"], bench.QUALITY["log-loss"]]


def written(section: str) -> list[list[str]]:
    """Return the rows of one table of the page."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(f"<!-- {section}: begin -->")[2].partition(f"<!-- {section}: end -->")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.strip().splitlines()[2:]]


def agree(stated: list[str], made: list[str]) -> None:
    """Compare cell by cell; other versions of the libraries may differ in the last digit."""
    assert len(stated) == len(made)
    for told, found in zip(stated, made, strict=True):
        assert NUMBER.sub("#", told) == NUMBER.sub("#", found)
        for a, b in zip(NUMBER.findall(told), NUMBER.findall(found), strict=True):
            digits = len(a.partition(".")[2])
            assert float(a) == pytest.approx(float(b), abs=2.1 * 10.0**-digits), (stated, made)


def all_agree(section: str, made: list[list[str]], key: int = 1) -> None:
    told = {tuple(row[:key]): row for row in written(section)}
    assert made
    for row in made:
        agree(told[tuple(row[:key])], row)


@pytest.fixture(scope="module")
def telco(data_dir):
    return bench.telco(data_dir)


@pytest.fixture(scope="module")
def cheap_folds(telco):
    return bench.folds(*telco, CHEAP)


def test_probabilities_and_their_differences(cheap_folds):
    all_agree("quality", bench.quality(cheap_folds, CHEAP))
    all_agree("differences", bench.quality_differences(cheap_folds, CHEAP))


def test_what_one_half_shows(cheap_folds):
    all_agree("half", bench.at_half(cheap_folds, CHEAP))


def test_money_of_each_rule(cheap_folds):
    all_agree("profit", bench.profit(cheap_folds, CHEAP), key=2)


def test_correcting_class_weights_repairs_them(cheap_folds):
    all_agree("correction", bench.correction(cheap_folds, [bench.WEIGHTED]))


def test_the_default_on_the_first_folds_says_what_the_whole_page_says_of_it(telco, monkeypatch):
    """Uncalibrated, as calibration leaves it on all folds; a fifth of the folds is as far off as chance allows."""
    monkeypatch.setitem(
        bench.FITS, bench.OURS, lambda X, y: ChurnClassifier(tune=None, calibration=None, random_state=0).fit(X, y)
    )
    made = bench.folds(*telco, [bench.OURS], repeats=1)
    told = {row[0]: row for row in written("quality")}[bench.OURS]
    auc, loss = (bench.over(made, lambda fold, f=f: f(fold.y, fold.stated[bench.OURS])) for f in QUALITY)
    assert auc == pytest.approx(float(told[1]), abs=0.003)
    assert loss == pytest.approx(float(told[2]), abs=0.003)
    money = {rule: bench.profits(made, bench.OURS, rule, 30).mean() for rule in bench.RULES}
    row = {tuple(row[:2]): row for row in written("profit")}["30", bench.OURS]
    np.testing.assert_allclose(list(money.values()), [float(cell) for cell in row[2:]], atol=0.6)
    assert money["each their own"] > money["one threshold"] > money["at .5"] > money["top tenth"]


def test_balanced_models_lose_where_churn_is_rare(telco):
    made = bench.rare(*telco, CHEAP)
    told = {row[0]: row for row in written("rare")}
    for row in bench.rare_table(made, CHEAP):
        agree(told[row[0]], row)
    plain, weighted = (told[name] for name in CHEAP)
    assert float(weighted[5]) < 0 < float(plain[7])
    assert float(weighted[7]) < float(weighted[5])


@pytest.mark.slow
def test_the_default_and_xgboost_as_it_comes(telco):
    names = [bench.PLAIN, bench.OURS, bench.DEEP]
    made = bench.folds(*telco, names)
    all_agree("quality", bench.quality(made, names))
    all_agree("differences", bench.quality_differences(made, names))
    all_agree("profit", bench.profit(made, names), key=2)


@pytest.mark.slow
def test_smote(telco):
    pytest.importorskip("imblearn", reason="imbalanced-learn is not installed")
    names = [bench.PLAIN, bench.SMOTE_LR]
    made = bench.folds(*telco, names)
    all_agree("quality", bench.quality(made, names))
    all_agree("differences", bench.quality_differences(made, names))
    all_agree("correction", bench.correction(made, [bench.SMOTE_LR]))


def test_every_number_of_the_text_that_comes_from_a_table_stands_in_it():
    text = PAGE.read_text(encoding="utf-8")
    money = {tuple(row[:2]): [float(cell) for cell in row[2:]] for row in written("profit")}
    gains = []
    for name in (bench.OURS, bench.PLAIN):
        for cost in ("5", "30"):
            half, _, own, *_ = money[cost, name]
            gains.append(round(100 * (own / half - 1)))
    ours_5, ours_30, plain_5, plain_30 = gains
    assert f"{ours_5} and {ours_30} % more with churnlib's default, {plain_5} and {plain_30} % more with plain" in text
    better = [round(100 * (money[cost, bench.WEIGHTED][0] / money[cost, bench.PLAIN][0] - 1)) for cost in ("5", "30")]
    assert f"earns {better[0]} and {better[1]} % more than plain regression at one half" in text
    lost = 1 - money["30", bench.WEIGHTED][2] / money["30", bench.PLAIN][2]
    assert f"where contacts are dear: {100 * lost:.0f} %" in text
