"""Whom a treatment helps, 100,000 customers × 20 features with known effects: a forest on doubly robust scores, timed
beside causalml's uplift forest.

causalml is no dependency of anything here: where it is not installed the benchmark says so and compares nothing.
Rewrites the section "uplift forest" of RESULTS.md.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.side_by_side import machine, table, write_section
from churnlib.uplift import DRLearner
from tests.uplift.effect_worlds import Campaign, twenty_features

ROWS, TREES = 100_000, 100


def ours(rows: Campaign, new: Campaign, *, propensity: Any) -> np.ndarray:
    """Five-fold nuisances, a forest of 100 trees, and predictions."""
    learner = DRLearner().fit(rows.X, rows.outcome, treatment=rows.treated, propensity=propensity)
    return np.asarray(learner.predict(new.X))


def causalml_forest(rows: Campaign, new: Campaign) -> np.ndarray:
    """As many trees of the same depth and smallest leaf, one process; it uses no propensity."""
    from causalml.inference.tree import UpliftRandomForestClassifier

    forest = UpliftRandomForestClassifier(
        control_name="control", n_estimators=TREES, max_depth=8, min_samples_leaf=100, n_jobs=1, random_state=0
    )
    arm = np.where(rows.treated == 1, "treated", "control")
    forest.fit(X=rows.X.to_numpy(), treatment=arm, y=rows.outcome.astype(int))
    return np.ravel(forest.predict(new.X.to_numpy()))


def timed(run: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Seconds of one processor's work: with one thread each, what else the machine does counts for neither."""
    began = time.process_time()
    effects = run()
    return time.process_time() - began, effects


def main() -> None:
    """Run both, or say that the peer is missing."""
    if importlib.util.find_spec("causalml") is None:
        print("causalml is not installed: the uplift forest is not compared")
        return
    from threadpoolctl import threadpool_limits

    rows, new = twenty_features(ROWS), twenty_features(ROWS, seed=99)
    runs: dict[str, Callable[[], np.ndarray]] = {
        "churnlib, propensity known": lambda: ours(rows, new, propensity=rows.propensity),
        "churnlib, propensity estimated": lambda: ours(rows, new, propensity="estimate"),
        "causalml, uplift forest": lambda: causalml_forest(rows, new),
    }
    found = {}
    with threadpool_limits(limits=1):
        for name, run in runs.items():
            found[name] = timed(run)
            print(f"{name:40} {found[name][0]:8.1f} s", flush=True)
    peer = found["causalml, uplift forest"][0]
    lines = [
        [
            name,
            f"{seconds:.1f} s",
            f"**{peer / seconds:.0f} ×**" if name.startswith("churnlib") else "–",
            f"{np.sqrt(np.mean((effects - new.effect) ** 2)):.4f}",
            f"{np.corrcoef(effects, new.effect)[0, 1]:.2f}",
        ]
        for name, (seconds, effects) in found.items()
    ]
    constant = float(np.std(new.effect))
    lines.append(["the mean effect for everybody", "–", "–", f"{constant:.4f}", "–"])
    text = (
        "## Uplift forest\n\n"
        f"{ROWS:,} customers × 20 features, treated by what they are like; effects known. Fit, models of outcome and "
        f"propensity included, and predictions for {ROWS:,} others; {TREES} trees. Seconds of one processor, in one "
        "process. The error is the root of the mean squared distance to the true effects.\n\n"
        f"{machine('numpy', 'xgboost', 'causalml')}\n\n"
        + table(["forest", "time", "ratio", "error of effects", "correlation with the truth"], lines)
    )
    write_section("uplift forest", text)
    print(text)


if __name__ == "__main__":
    main()
