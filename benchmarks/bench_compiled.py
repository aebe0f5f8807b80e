"""One customer from dict to probability: the compiled scorer beside scikit-learn's pipeline, in turns."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import machine, table, write_section
from churnlib import ReasonCatalog
from churnlib.classification import ChurnClassifier, default_estimator

ROUNDS = 8


def customers(n: int = 7_000) -> tuple[pd.DataFrame, np.ndarray]:
    """4 numbers and 15 categories, as a telecommunications file has them, with some values missing."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "tenure": rng.integers(0, 73, n).astype(float),
            "monthly_charges": rng.uniform(18, 119, n).round(2),
            "total_charges": rng.lognormal(7, 1.2, n).round(2),
            "tickets": rng.poisson(1.0, n).astype(float),
        }
    )
    X.loc[rng.random(n) < 0.02, "total_charges"] = np.nan
    pull = 0.02 * (X["monthly_charges"] - 65) - 0.04 * (X["tenure"] - 30) + 0.4 * X["tickets"]
    for k in range(15):
        words = np.array(["no", "yes", "none", "other"][: 2 + k % 3], dtype=object)
        codes = rng.integers(0, len(words), n)
        X[f"service_{k}"] = words[codes]
        pull = pull + rng.normal(0, 0.4, len(words))[codes]
    return X, (rng.random(n) < 1 / (1 + np.exp(1.5 - pull))).astype(int)


def prepared(estimator: Any, X: pd.DataFrame) -> Any:
    """What one would write with scikit-learn: impute, scale, one-hot, then the same boosting."""
    numbers = X.select_dtypes("number").columns
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), list(numbers)),
            (OneHotEncoder(handle_unknown="ignore"), [name for name in X.columns if name not in set(numbers)]),
        ),
        estimator,
    )


def microseconds(candidates: dict[str, tuple[Callable[[], Any], int]]) -> dict[str, tuple[float, float]]:
    """Return p50 and p99 of each; every round runs all of them, so that all meet the same weather."""
    seen: dict[str, list[float]] = {name: [] for name in candidates}
    for run, _ in candidates.values():
        run()
    gc.collect()
    for _ in range(ROUNDS):
        for name, (run, calls) in candidates.items():
            took = seen[name]
            for _ in range(calls):
                began = time.perf_counter()
                run()
                took.append(time.perf_counter() - began)
    return {name: (1e6 * np.quantile(t, 0.5), 1e6 * np.quantile(t, 0.99)) for name, t in seen.items()}


def main() -> None:
    """Fit, compare the probabilities, time, write the section."""
    X, y = customers()
    shallow = default_estimator()
    model = ChurnClassifier(shallow, calibration="sigmoid", random_state=0).fit(X, y)
    deep = ChurnClassifier(default_estimator().set_params(max_depth=6), calibration=None).fit(X, y).compile()
    logistic = ChurnClassifier(LogisticRegression(max_iter=1000), calibration=None).fit(X, y).compile()
    pipeline = prepared(default_estimator(), X).fit(X, y)
    calibrated = CalibratedClassifierCV(prepared(default_estimator(), X), cv=5).fit(X, y)
    scorer = model.compile()
    coded = model.compile(catalog=ReasonCatalog())
    some = X.to_dict("records")
    # another customer on each call, as in a service
    records, frames = cycle(some[:500]), cycle([X.iloc[[k]] for k in range(500)])
    apart = float(np.abs(scorer.score_many(some) - model.predict_proba(X)[:, 1]).max())
    told = np.array([list(scorer.contributions(one).values()) for one in some[:300]])
    moved = float(np.abs(told - model.contributions(X.iloc[:300]).to_numpy()).max())
    candidates: dict[str, tuple[Callable[[], Any], int]] = {
        "compiled: score": (lambda: scorer.score(next(records)), 1500),
        "compiled: explain": (lambda: scorer.explain(next(records)), 500),
        "compiled: explain with a catalogue": (lambda: coded.explain(next(records)), 500),
        "compiled: score, 300 trees of depth 6": (lambda: deep.score(next(records)), 500),
        "compiled: explain, 300 trees of depth 6": (lambda: deep.explain(next(records)), 40),
        "compiled: score, logistic regression": (lambda: logistic.score(next(records)), 1500),
        "ChurnClassifier.predict_proba": (lambda: model.predict_proba(next(frames)), 30),
        "ChurnClassifier.reasons": (lambda: model.reasons(next(frames)), 20),
        "pipeline of scikit-learn and xgboost, predict_proba": (lambda: pipeline.predict_proba(next(frames)), 30),
        "CalibratedClassifierCV of it (5 models), predict_proba": (lambda: calibrated.predict_proba(next(frames)), 8),
    }
    timings = microseconds(candidates)
    mine, peer = timings["compiled: score"], timings["pipeline of scikit-learn and xgboost, predict_proba"]
    rows = [
        [name, f"{p50:,.1f}", f"{p99:,.1f}", f"{p50 / mine[0]:,.1f} ×", f"{p99 / mine[1]:,.1f} ×"]
        for name, (p50, p99) in timings.items()
    ]
    text = "\n".join(
        [
            "## One customer: the compiled scorer",
            "",
            "19 columns (4 numbers, 15 categories), 300 trees of depth 3 with sigmoid calibration, unless said",
            "otherwise. The compiled scorer begins with a plain dict; all others begin with a ready frame of one row.",
            f"{ROUNDS} rounds in turns in one process, another customer on each call. Against the pipeline of the",
            f"same size the scorer is {peer[0] / mine[0]:,.0f} × faster at the median and {peer[1] / mine[1]:,.0f} ×",
            f"at p99. Greatest difference to `predict_proba` over {len(X):,} rows: {apart:.0e}; of contributions over",
            f"300 rows: {moved:.0e} log-odds. The stored JSON has {len(scorer.to_json()) / 1000:,.0f} kB.",
            machine("numpy", "pandas", "scikit-learn", "xgboost"),
            "",
            table(["one row", "p50, µs", "p99, µs", "p50 to score", "p99 to score"], rows),
        ]
    )
    write_section("compiled", text)
    print(text)


if __name__ == "__main__":
    main()
