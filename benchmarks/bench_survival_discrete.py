"""Hazards by period: our Newton beside scikit-learn's, and the booster beside the ensembles of scikit-survival."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import interleaved, machine, table, write_section
from churnlib.survival import DiscreteTimeHazard, SurvivalBooster
from churnlib.survival._periods import periods_of
from churnlib.targets import read_survival_target, survival_target

MONTHS, COLUMNS = 36, 20


def customers(n: int = 80_000) -> tuple[np.ndarray, np.ndarray]:
    """Features that stay as they are, and whole months until the customer leaves or is lost from sight."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((n, COLUMNS))
    eta = np.log(0.03) + X @ np.linspace(-0.4, 0.4, COLUMNS)
    lost = generator.integers(1, MONTHS + 1, n)
    here, event, last = np.ones(n, dtype=bool), np.zeros(n, dtype=bool), lost.copy()
    for month in range(1, MONTHS + 1):
        hazard = 1 / (1 + np.exp(-(eta + 0.3 * np.sin(month))))
        leaves = here & (month <= lost) & (generator.random(n) < hazard)
        event[leaves], last[leaves] = True, month
        here &= ~leaves
    return X, survival_target(event, last)


def month_by_month(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One row for each month, with features that change every month: nothing is shared between periods."""
    cells = periods_of(read_survival_target(y), 1.0).expand(slice(0, len(y)))
    moved = X[cells.row] + 0.3 * np.random.default_rng(1).standard_normal((len(cells.row), COLUMNS))
    return moved, survival_target(cells.outcome, cells.period, entry=cells.period - 1)


def materialised(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The matrix of person-periods with a dummy for each month."""
    cells = periods_of(read_survival_target(y), 1.0).expand(slice(0, len(y)))
    dummies = (cells.period[:, None] == np.arange(1, MONTHS + 1)).astype(float)
    return np.column_stack([X[cells.row], dummies]), cells.outcome


def newton(name: str, X: np.ndarray, y: np.ndarray, rounds: int) -> list[str]:
    """Time the two fits in turns."""
    from sklearn.linear_model import LogisticRegression

    matrix, outcome = materialised(X, y)
    peer = LogisticRegression(C=np.inf, solver="newton-cholesky", fit_intercept=False, tol=1e-8)
    candidates: dict[str, Callable[[], Any]] = {
        "churnlib": lambda: DiscreteTimeHazard(clock="dummy").fit(X, y).coef_,
        "scikit-learn": lambda: peer.fit(matrix, outcome).coef_[0, :COLUMNS],
    }
    timings, results = interleaved(candidates, rounds=rounds)
    ours, theirs = timings["churnlib"].best, timings["scikit-learn"].best
    apart = np.abs(results["churnlib"] - results["scikit-learn"]).max()
    return [name, f"{len(outcome):,}", f"{ours:.3f}", f"{theirs:.2f}", f"{theirs / ours:.1f} ×", f"{apart:.0e}"]


def memory(X: np.ndarray, y: np.ndarray) -> str:
    """Peak memory that a fit adds, in MiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    DiscreteTimeHazard(clock="dummy").fit(X, y)
    return f"{(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024:.0f}"


def ensembles(folder: Path) -> list[list[str]]:
    """Integrated Brier loss and seconds, on the same folds, of models with their own settings."""
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold
    from sksurv.ensemble import GradientBoostingSurvivalAnalysis, RandomSurvivalForest
    from sksurv.metrics import integrated_brier_score

    from tests.survival.period_worlds import recidivism, rotterdam, telco

    rows = []
    for data in (recidivism, rotterdam, telco):
        X, y = data(folder)
        X = np.asarray(X, dtype=float)
        models = {
            "SurvivalBooster": SurvivalBooster(),
            "boosting": GradientBoostingSurvivalAnalysis(random_state=0),
            "forest": RandomSurvivalForest(random_state=0, min_samples_leaf=15),
        }
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
        for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y["event"]):
            times = np.unique(np.quantile(y["time"][test][y["event"][test]], np.linspace(0.05, 0.95, 20)))
            for name, model in models.items():
                began = time.perf_counter()
                fitted = clone(model).fit(X[train], y[train])
                if name == "SurvivalBooster":
                    survival = fitted.predict_survival_function(X[test], times)
                else:
                    steps = fitted.predict_survival_function(X[test], return_array=True)
                    survival = steps[:, np.searchsorted(fitted.unique_times_, times, side="right") - 1]
                seconds = time.perf_counter() - began
                found[name].append((integrated_brier_score(y[train], y[test], survival, times), seconds))
                print(data.__name__, name, found[name][-1], flush=True)
        means = {name: np.mean(values, axis=0) for name, values in found.items()}
        cells = [f"{loss:.4f} ({seconds:.1f} s)" for loss, seconds in means.values()]
        rows.append([data.__name__, f"{len(X):,}", *cells])
    return rows


def main() -> None:
    """Time, compare, write the section."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    X, y = customers()
    peak = memory(X, y)
    rows = [
        newton("features of the customer", X, y, rounds),
        newton("features of the month", *month_by_month(X, y), rounds),
    ]
    matrix = (COLUMNS + MONTHS) * 8 * int(rows[0][1].replace(",", "")) / 2**20
    parts = [
        "## Hazards by period",
        "",
        f"{COLUMNS} features and {MONTHS} months, each with an intercept of its own: from features and target to",
        'coefficients and standard errors, beside `LogisticRegression(solver="newton-cholesky")` on the matrix of',
        f"person-periods, whose making is not counted. Best of {rounds} rounds, in turns in one process. `apart` is",
        "the largest difference between coefficients. Our fit to features of the customer adds",
        f"{peak} MiB to the peak of memory; the matrix alone has {matrix:.0f} MiB.",
        machine("numpy", "scikit-learn"),
        "",
        table(["rows", "person-periods", "churnlib, s", "scikit-learn, s", "ratio", "apart"], rows),
    ]
    folder = os.environ.get("CHURNLIB_DATA")
    if folder:
        parts += [
            "",
            "Integrated Brier loss (lower is better) and seconds to fit and predict, means of the same three folds:",
            "`SurvivalBooster()` beside `GradientBoostingSurvivalAnalysis()` and",
            "`RandomSurvivalForest(min_samples_leaf=15)`, all on one thread.",
            machine("xgboost", "scikit-survival"),
            "",
            table(["data", "rows", "SurvivalBooster", "boosting", "forest"], ensembles(Path(folder))),
        ]
    text = "\n".join(parts)
    write_section("survival-discrete", text)
    print(text)


if __name__ == "__main__":
    main()
