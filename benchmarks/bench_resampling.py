"""Balanced classes beside a threshold on IBM's Telco data: probabilities, profit, rare churn.

Needs the real data: CHURNLIB_DATA names the folder. Rewrites the section "resampling" of RESULTS.md and the tables of
docs/explanation/threshold-not-smote.md.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import machine, table, write_section
from churnlib.classification import ChurnClassifier, default_estimator
from churnlib.economics import RetentionOffer
from churnlib.metrics import (
    calibration_band,
    calibration_error,
    correct_prior,
    expected_profit,
    lift_score,
    precision_at,
    profit_summary,
    recall_at,
)

DATA = Path(os.environ.get("CHURNLIB_DATA", "data"))
PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "threshold-not-smote.md"

PLAIN, WEIGHTED = "logistic regression", "weighted logistic regression"
SMOTE_LR, SMOTENC_LR = "SMOTE + logistic regression", "SMOTENC + logistic regression"
OURS, DEEP, SMOTE_OURS = "churnlib's default", "xgboost as it comes", "SMOTE + shallow boosting"
UNDER_LR, UNDER_OURS = "under-sampled + logistic regression", "under-sampled + churnlib's default"
MAIN = (PLAIN, WEIGHTED, SMOTE_LR, SMOTENC_LR, OURS, DEEP, SMOTE_OURS)
BALANCED = (WEIGHTED, SMOTE_LR, SMOTENC_LR, SMOTE_OURS, UNDER_LR, UNDER_OURS)
RARE = (PLAIN, WEIGHTED, SMOTE_LR, OURS, DEEP, SMOTE_OURS)
CONTACT_COSTS = (5, 30)
CALLS = 0.05  # of the customers, where churn is rare

Fit = Callable[[pd.DataFrame, pd.Series], Any]


def telco(folder: Path = DATA) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """7,043 customers: features, churn, and what each is worth, 40 % of two years of the monthly charge."""
    X = pd.read_csv(folder / "telco_ibm.csv.gz").drop(columns="customerID")
    X["TotalCharges"] = pd.to_numeric(X["TotalCharges"], errors="coerce")
    y = (X.pop("Churn") == "Yes").astype("int8")
    return X, y, 0.4 * 24 * X["MonthlyCharges"]


def offer(contact_cost: float) -> RetentionOffer:
    """Three in ten accept; the offer costs 5 % of the customer's value. The values are passed row by row."""
    return RetentionOffer(accept_rate=0.3, clv=0, offer_fraction=0.05, contact_cost=contact_cost)


def numbers_ready() -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def one_hot() -> Any:
    """The usual preparation: numbers imputed and standardised, text one-hot."""
    return make_column_transformer(
        (numbers_ready(), make_column_selector(dtype_include="number")),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_exclude="number")),
    )


def logistic(**options: Any) -> Any:
    return LogisticRegression(max_iter=1000, **options)


def with_smote(model: Any) -> Any:
    """SMOTE on the one-hot columns, of the training rows only."""
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    return make_sampling_pipeline(one_hot(), SMOTE(random_state=0), model)


def smotenc(X: pd.DataFrame, y: pd.Series) -> Any:
    """SMOTE that gives a made-up customer the commonest category of its neighbours, instead of a third of each."""
    from imblearn.over_sampling import SMOTENC
    from imblearn.pipeline import make_pipeline as make_sampling_pipeline

    text = X.select_dtypes(exclude="number").columns.tolist()
    on_one_scale = make_column_transformer(
        (numbers_ready(), make_column_selector(dtype_include="number")),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_sampling_pipeline(on_one_scale, SMOTENC(text, random_state=0), one_hot(), logistic()).fit(X, y)


def xgboost_as_it_comes(X: pd.DataFrame, y: pd.Series) -> Any:
    from xgboost import XGBClassifier

    text = X.select_dtypes(exclude="number").columns
    dtypes = {name: pd.CategoricalDtype(sorted(X[name].unique())) for name in text}
    model = XGBClassifier(enable_categorical=True, n_jobs=1, random_state=0).fit(X.astype(dtypes), y)
    return Recast(model, dtypes)


@dataclass(frozen=True)
class Recast:
    """A model that is shown text as the categories it was fitted with."""

    model: Any
    dtypes: Mapping[str, pd.CategoricalDtype]

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        return self.model.predict_proba(X.astype(self.dtypes))


def half_churners(X: pd.DataFrame, y: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
    """Throw away stayers until there are as many churners."""
    churners, stayers = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    kept = np.random.default_rng(0).choice(stayers, churners.size, replace=False)
    rows = np.sort(np.append(churners, kept))
    return X.iloc[rows], y.iloc[rows]


def ours() -> ChurnClassifier:
    return ChurnClassifier(tune=None, random_state=0)


FITS: dict[str, Fit] = {
    PLAIN: lambda X, y: make_pipeline(one_hot(), logistic()).fit(X, y),
    WEIGHTED: lambda X, y: make_pipeline(one_hot(), logistic(class_weight="balanced")).fit(X, y),
    SMOTE_LR: lambda X, y: with_smote(logistic()).fit(X, y),
    SMOTENC_LR: smotenc,
    OURS: lambda X, y: ours().fit(X, y),
    DEEP: xgboost_as_it_comes,
    SMOTE_OURS: lambda X, y: with_smote(default_estimator()).fit(X, y),
    UNDER_LR: lambda X, y: make_pipeline(one_hot(), logistic()).fit(*half_churners(X, y)),
    UNDER_OURS: lambda X, y: ours().fit(*half_churners(X, y)),
}


@dataclass(frozen=True)
class Fold:
    """Test rows of one fold, what each model says of them, and what is known of their training rows."""

    repeat: int
    y: np.ndarray
    value: np.ndarray
    stated: dict[str, np.ndarray]
    train_rate: float
    train_value: float


def folds(
    X: pd.DataFrame, y: pd.Series, value: pd.Series, names: Sequence[str], *, repeats: int = 5, seed: int = 0
) -> list[Fold]:
    """Fit every model on the same folds; no row is judged by a model that has seen it."""
    made = []
    splits = RepeatedStratifiedKFold(n_splits=5, n_repeats=repeats, random_state=seed).split(X, y)
    for place, (train, test) in enumerate(splits):
        stated = {}
        for name in names:
            model = FITS[name](X.iloc[train], y.iloc[train])
            stated[name] = np.asarray(model.predict_proba(X.iloc[test])[:, 1], dtype=np.float64)
        rate, worth = float(y.iloc[train].mean()), float(value.iloc[train].mean())
        made.append(Fold(place // 5, y.iloc[test].to_numpy(), value.iloc[test].to_numpy(), stated, rate, worth))
        print(f"fold {place + 1}", flush=True)
    return made


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean over folds and its standard error.

    Folds share training rows, and the usual error takes them for independent. That of Nadeau and Bengio (2003, Machine
    Learning 52) adds what they share: the size of a test over that of its training rows, a quarter in five folds.
    """
    seen = np.asarray(values)
    return float(seen.mean()), float(np.sqrt((1 / seen.size + 1 / 4) * seen.var(ddof=1)))


def over(made: Sequence[Fold], measure: Callable[[Fold], float]) -> float:
    return float(np.mean([measure(fold) for fold in made]))


def difference(made: Sequence[Fold], measure: Callable[[Fold, str], float], name: str, other: str) -> str:
    mean, error = mean_and_error([measure(fold, name) - measure(fold, other) for fold in made])
    return f"{mean:+.4f} ({error:.4f})"


QUALITY: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "AUC": roc_auc_score,
    "log-loss": log_loss,
    "lift": lambda y, p: lift_score(y, p, fraction=0.1),
    "predicted / observed": lambda y, p: p.mean() / y.mean(),
}


def quality(made: Sequence[Fold], names: Sequence[str]) -> list[list[str]]:
    """Ranking and probabilities of each model; the error of a perfect one beside its calibration error."""
    rows = []
    for name in names:
        seen = {
            what: over(made, lambda fold, f=f, name=name: f(fold.y, fold.stated[name])) for what, f in QUALITY.items()
        }
        bands = [calibration_band(fold.y, fold.stated[name]) for fold in made]
        error, chance, upper = np.mean([(band.error, band.expected, band.upper) for band in bands], axis=0)
        rows.append(
            [
                name,
                f"{seen['AUC']:.4f}",
                f"{seen['log-loss']:.4f}",
                f"{error:.3f}",
                f"{chance:.3f} to {upper:.3f}",
                f"{seen['predicted / observed']:.2f}",
                f"{seen['lift']:.2f}",
            ]
        )
    return rows


def quality_differences(made: Sequence[Fold], names: Sequence[str]) -> list[list[str]]:
    """Each balanced model less the same model left alone, and the rest less ours, fold by fold."""
    pairs = [(WEIGHTED, PLAIN), (SMOTE_LR, PLAIN), (SMOTENC_LR, PLAIN), (SMOTE_OURS, OURS), (PLAIN, OURS), (DEEP, OURS)]
    return [
        [f"{name}, less {other}"]
        + [
            difference(made, lambda fold, which, f=QUALITY[what]: f(fold.y, fold.stated[which]), name, other)
            for what in ("AUC", "log-loss")
        ]
        for name, other in pairs
        if name in names and other in names
    ]


def at_half(made: Sequence[Fold], names: Sequence[str]) -> list[list[str]]:
    """What is seen at a cut-off of one half, and on lists of one length for all: that of the weighted model."""
    rows = []
    for name in names:
        seen = [(fold.y, fold.stated[name] > 0.5) for fold in made]
        length = [float((fold.stated[WEIGHTED] > 0.5).mean()) for fold in made]
        found = [recall_at(fold.y, fold.stated[name], fraction=share) for fold, share in zip(made, length, strict=True)]
        figures = [np.mean([chosen.mean() for _, chosen in seen])]
        figures += [np.mean([f(y, chosen) for y, chosen in seen]) for f in (precision_score, recall_score, f1_score)]
        rows.append([name, *(f"{figure:.1%}" for figure in figures[:3]), f"{figures[3]:.3f}",
                     f"{np.mean(found):.1%}"])  # fmt: skip
    return rows


def contacted(fold: Fold, name: str, rule: str, contact_cost: float, others: Sequence[Fold] = ()) -> np.ndarray:
    """Whom a rule contacts, as a chance between 0 and 1."""
    p = fold.stated[name]
    if rule == "at .5":
        return (p > 0.5).astype(float)
    if rule == "one threshold":
        return (p > offer(contact_cost).threshold(fold.train_value)).astype(float)
    if rule == "each their own":
        return (p > offer(contact_cost).threshold(fold.value)).astype(float)
    if rule == "top tenth":
        return (p >= np.sort(p)[-round(0.1 * p.size)]).astype(float)
    # searched: the cut-off that earned most on the rows of the other folds
    y, seen, value = (
        np.concatenate(part)
        for part in ([o.y for o in others], [o.stated[name] for o in others], [o.value for o in others])
    )
    return (p >= profit_summary(y, seen, offer=offer(contact_cost), clv=value).threshold).astype(float)


RULES = ("at .5", "one threshold", "each their own", "searched", "top tenth")


def profits(made: Sequence[Fold], name: str, rule: str, contact_cost: float) -> np.ndarray:
    """Money per customer, fold by fold."""
    earned = []
    for fold in made:
        others = [other for other in made if other.repeat == fold.repeat and other is not fold]
        chosen = contacted(fold, name, rule, contact_cost, others)
        earned.append(expected_profit(fold.y, chosen, offer=offer(contact_cost), clv=fold.value))
    return np.array(earned)


def profit(made: Sequence[Fold], names: Sequence[str]) -> list[list[str]]:
    """Money per customer of each rule, and against each customer's own threshold on churnlib's default."""
    rows = []
    for cost in CONTACT_COSTS:
        for name in names:
            earned = {rule: profits(made, name, rule, cost) for rule in RULES}
            rows.append([str(cost), name, *(f"{money.mean():.2f}" for money in earned.values())])
    return rows


def profit_differences(made: Sequence[Fold]) -> list[list[str]]:
    """Pairs of model and rule that are worth telling apart."""
    pairs = [
        ((OURS, "each their own"), (OURS, "at .5")),
        ((OURS, "each their own"), (OURS, "top tenth")),
        ((OURS, "each their own"), (OURS, "one threshold")),
        ((OURS, "each their own"), (SMOTE_OURS, "at .5")),
        ((OURS, "each their own"), (SMOTE_OURS, "each their own")),
        ((PLAIN, "each their own"), (SMOTE_LR, "at .5")),
        ((PLAIN, "each their own"), (SMOTE_LR, "each their own")),
        ((PLAIN, "each their own"), (SMOTE_LR, "searched")),
    ]
    rows = []
    for (name, rule), (other, otherwise) in pairs:
        found = []
        for cost in CONTACT_COSTS:
            gap = profits(made, name, rule, cost) - profits(made, other, otherwise, cost)
            mean, error = mean_and_error(gap)
            found.append(f"{mean:+.2f} ({error:.2f})")
        rows.append([f"{name}, {rule}", f"{other}, {otherwise}", *found])
    return rows


def repaired(made: Sequence[Fold]) -> list[Fold]:
    """Move the probabilities of balanced models back to the churn rate of the rows they came from."""
    return [
        Fold(
            fold.repeat,
            fold.y,
            fold.value,
            {
                name: correct_prior(p, train_rate=0.5, deploy_rate=fold.train_rate)
                for name, p in fold.stated.items()
                if name in BALANCED
            },
            fold.train_rate,
            fold.train_value,
        )
        for fold in made
    ]


def correction(made: Sequence[Fold], names: Sequence[str]) -> list[list[str]]:
    """Log-loss, calibration error, level and profit before and after the correction."""
    measures = [
        (4, QUALITY["log-loss"]),
        (3, calibration_error),
        (2, QUALITY["predicted / observed"]),
    ]
    rows = []
    for name in names:
        row = [name]
        for digits, measure in measures:
            seen = [
                over(part, lambda fold, f=measure, name=name: f(fold.y, fold.stated[name]))
                for part in (made, repaired(made))
            ]
            row.append(" → ".join(f"{figure:.{digits}f}" for figure in seen))
        money = [profits(part, name, "each their own", 30).mean() for part in (made, repaired(made))]
        rows.append([*row, " → ".join(f"{figure:.2f}" for figure in money)])
    return rows


def rare(X: pd.DataFrame, y: pd.Series, value: pd.Series, names: Sequence[str], *, draws: int = 5) -> list[list[Fold]]:
    """Keep all stayers and so many churners that 3 % churn; draw them anew each time."""
    stayers, churners = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    kept = round(0.03 / 0.97 * stayers.size)
    made = []
    for draw in range(draws):
        chosen = np.random.default_rng(draw).choice(churners, kept, replace=False)
        rows = np.sort(np.append(stayers, chosen))
        made.append(folds(X.iloc[rows], y.iloc[rows], value.iloc[rows], names, repeats=1, seed=draw))
    return made


def rare_table(draws: Sequence[Sequence[Fold]], names: Sequence[str]) -> list[list[str]]:
    """Ranking, list and money where churn is rare."""
    made = [fold for draw in draws for fold in draw]
    rows = []
    for name in names:
        auc = over(made, lambda fold, name=name: roc_auc_score(fold.y, fold.stated[name]))
        listed = over(made, lambda fold, name=name: precision_at(fold.y, fold.stated[name], fraction=CALLS))
        level = over(made, lambda fold, name=name: fold.stated[name].mean() / fold.y.mean())
        half = over(made, lambda fold, name=name: (fold.stated[name] > 0.5).mean())
        own = over(made, lambda fold, name=name: contacted(fold, name, "each their own", 5).mean())
        money = [
            np.mean(np.concatenate([profits(draw, name, rule, 5) for draw in draws]))
            for rule in ("at .5", "each their own")
        ]
        shares = [f"{share:.1%}" for share in (listed, half, own)]
        rows.append([name, f"{auc:.3f}", shares[0], f"{level:.2f}", shares[1], f"{money[0]:+.2f}",
                     shares[2], f"{money[1]:+.2f}"])  # fmt: skip
    return rows


def rare_differences(draws: Sequence[Sequence[Fold]]) -> list[list[str]]:
    """Balanced less left alone, on lists of one length."""
    made = [fold for draw in draws for fold in draw]
    rows = []
    for name, other in ((WEIGHTED, PLAIN), (SMOTE_LR, PLAIN), (SMOTE_OURS, OURS), (PLAIN, OURS)):
        auc, listed = (
            mean_and_error([measure(fold, name) - measure(fold, other) for fold in made])
            for measure in (
                lambda fold, which: roc_auc_score(fold.y, fold.stated[which]),
                lambda fold, which: precision_at(fold.y, fold.stated[which], fraction=CALLS),
            )
        )
        points = f"{100 * listed[0]:+.1f} ({100 * listed[1]:.1f})"
        rows.append([f"{name}, less {other}", f"{auc[0]:+.4f} ({auc[1]:.4f})", points])
    return rows


def before_the_split(X: pd.DataFrame, y: pd.Series) -> list[list[str]]:
    """The mistake that makes SMOTE look best: made-up twins of the training rows among the rows judged."""
    from imblearn.over_sampling import SMOTE

    prepared = one_hot().fit_transform(X)
    model = default_estimator()
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    twins, outcome = SMOTE(random_state=0).fit_resample(prepared, y)
    rows = []
    for when, data, labels, estimator in (
        ("SMOTE first, then folds", twins, outcome, model),
        ("folds first, SMOTE on the training rows", X, y, with_smote(model)),
    ):
        found = [
            cross_val_score(estimator, data, labels, cv=cv, scoring=what).mean()
            for what in ("roc_auc", "accuracy", "f1")
        ]
        rows.append([when, *(f"{figure:.3f}" for figure in found)])
    return rows


def told_apart(X: pd.DataFrame, y: pd.Series) -> list[list[str]]:
    """Whether a model can tell the churners that SMOTE made up from the real ones."""
    from imblearn.over_sampling import SMOTE

    rows, outcome = SMOTE(random_state=0).fit_resample(one_hot().fit_transform(X), y)
    churners = np.flatnonzero(outcome == 1)
    made_up = churners >= len(y)  # they stand behind the real rows
    cv = StratifiedKFold(5, shuffle=True, random_state=0)
    return [
        [name, f"{cross_val_score(model, rows[churners], made_up, cv=cv, scoring='roc_auc').mean():.3f}"]
        for name, model in ((PLAIN, logistic()), ("shallow boosting", default_estimator()))
    ]


HEADINGS = {
    "quality": [
        "model",
        "AUC",
        "log-loss",
        "ECE",
        "ECE by chance",
        "predicted / observed",
        "lift",
    ],
    "differences": ["difference", "AUC", "log-loss"],
    "half": ["model", "above .5", "precision", "recall", "F1", "recall at one length"],
    "profit": ["contact cost", "model", *RULES],
    "profit differences": ["this", "less that", *(f"contact cost {cost}" for cost in CONTACT_COSTS)],
    "correction": ["model", "log-loss", "ECE", "predicted / observed", "profit, contact cost 30"],
    "rare": [
        "model",
        "AUC",
        "churners among the 5 %",
        "predicted / observed",
        "above .5",
        "profit",
        "above their own",
        "profit",
    ],
    "rare differences": ["difference", "AUC", "churners among the 5 %, points"],
    "before": ["order", "AUC", "accuracy", "F1"],
    "told apart": ["model", "AUC, made-up churners from real ones"],
}


def main() -> None:
    """Fit, judge, write the tables."""
    X, y, value = telco()
    made = folds(X, y, value, [*MAIN, UNDER_LR, UNDER_OURS])
    few = rare(X, y, value, RARE)
    rows = {
        "quality": quality(made, MAIN),
        "differences": quality_differences(made, MAIN),
        "half": at_half(made, MAIN),
        "profit": profit(made, MAIN),
        "profit differences": profit_differences(made),
        "correction": correction(made, BALANCED),
        "rare": rare_table(few, RARE),
        "rare differences": rare_differences(few),
        "before": before_the_split(X, y),
        "told apart": told_apart(X, y),
    }
    parts = [
        "## A threshold, or balanced classes",
        "",
        "IBM's Telco data, 5 × 5 folds. The page docs/explanation/threshold-not-smote.md says what the columns mean.",
        machine("numpy", "scikit-learn", "xgboost", "imbalanced-learn"),
    ]
    for name, lines in rows.items():
        laid = table(HEADINGS[name], lines)
        write_section(name, laid, path=PAGE)
        parts += ["", f"{name.capitalize()}:", "", laid]
    text = "\n".join(parts)
    write_section("resampling", text)
    print(text)


if __name__ == "__main__":
    main()
