"""The test's part of the record: how good the model is, beside the base rate and beside silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.evaluation import Evaluation
from churnlib.metrics import calibration_error, lift_table, reliability_table
from churnlib.numerics import customer_bootstrap
from churnlib.reporting._numbers import count, number, plain

if TYPE_CHECKING:
    from churnlib.snapshots import Dataset

__all__ = ["curve_of", "level_of", "lift_of", "reliability_of", "tested_of"]

CURVE_BINS = 40
LABELS = {
    "auc": ("AUC", "chance to rank a leaver above a stayer"),
    "log_loss": ("Log-loss", "lower is better"),
    "ece": ("Calibration error (ECE)", "lower is better"),
    "precision": ("Leavers among the listed", "higher is better"),
    "lift": ("Lift of the list", "churn rate of the listed over the average"),
    "profit": ("Profit per row", "at the offer of the evaluation; assumed, not measured"),
}


def level_of(test: Dataset, probability: FloatArray) -> dict[str, float]:
    """Compare the level of the probabilities with what happened, resampling customers."""
    y = test.y.to_numpy()

    def ratio(weight: Any) -> float:
        return float(weight @ y) / float(weight @ probability)

    boot = customer_bootstrap(ratio, test.customer, n_boot=200)
    return {"ratio": float(boot.estimate), "ratio_se": float(boot.standard_error), "expected": float(probability.sum())}


def tested_of(test: Dataset, evaluation: Evaluation, base_rate: float, level: dict[str, float]) -> dict[str, Any]:
    """Put the measures of the model, of the base rate and of silence side by side."""
    silent = evaluation.silence
    return {
        "rows": evaluation.n_rows,
        "customers": evaluation.n_customers,
        "cutoffs": len(evaluation.cutoffs),
        "split": test.splits is not None,
        "few": evaluation.few_churners,
        "churned": int(test.y.sum()),
        "base_rate": evaluation.base_rate,
        "training_rate": base_rate,
        "expected": level["expected"],
        "list_size": evaluation.list_size,
        "fraction": evaluation.fraction,
        "rule": None
        if silent is None
        else f"silent {number(silent.days) if silent.days < 10 else count(silent.days)} days",
        "silent_days": None if silent is None else silent.days,
        "silent_listed": None if silent is None else silent.listed,
        "verdict": evaluation.verdict,
        "comparison": _comparison(evaluation),
        "chance_ece": float(evaluation.calibration.expected),
        "metrics": _metrics(test, evaluation, base_rate),
    }


def _days(length: float) -> str:
    return count(length) if length >= 10 else number(length)


def _comparison(evaluation: Evaluation) -> dict[str, Any] | None:
    """How many leavers each list of the same length holds."""
    if evaluation.baseline is None or evaluation.difference is None:
        return None
    model, rule, gap = (
        _by_metric(frame)["precision"] for frame in (evaluation.frame, evaluation.baseline, evaluation.difference)
    )
    size = evaluation.list_size
    return {
        "size": size,
        "model": size * float(model["value"]),
        "rule": size * float(rule["value"]),
        "difference": size * float(gap["value"]),
        "low": size * float(gap["low"]),
        "high": size * float(gap["high"]),
    }


def _metrics(test: Dataset, evaluation: Evaluation, base_rate: float) -> list[dict[str, Any]]:
    base = _base_measures(test, base_rate)
    rule, better = _by_metric(evaluation.baseline), _by_metric(evaluation.difference)
    rows = []
    for row in evaluation.frame.to_dict("records"):
        name = str(row["metric"])
        label, meaning = LABELS.get(name, (name, ""))
        if name == "lift" and evaluation.fraction == 0.1:
            label = "Top-decile lift"
        gap = better.get(name, {})
        rows.append(
            {
                "name": name,
                "label": label,
                "meaning": meaning,
                "model": plain(row["value"]),
                "low": plain(row["low"]),
                "high": plain(row["high"]),
                "base": base.get(name),
                "rule": plain(rule.get(name, {}).get("value")),
                "better": plain(gap.get("value")),
                "better_low": plain(gap.get("low")),
                "better_high": plain(gap.get("high")),
            }
        )
    return rows


def _by_metric(frame: pd.DataFrame | None) -> dict[str, dict[str, Any]]:
    if frame is None:
        return {}
    return {str(row["metric"]): {str(key): value for key, value in row.items()} for row in frame.to_dict("records")}


def _base_measures(test: Dataset, base_rate: float) -> dict[str, float]:
    """What one and the same probability for everybody, the churn rate of training, would score."""
    y = test.y.to_numpy(dtype=np.float64)
    seen = float(y.mean())
    stated = min(max(base_rate, 1e-7), 1 - 1e-7)
    return {
        "auc": 0.5,
        "log_loss": float(-(seen * np.log(stated) + (1 - seen) * np.log(1 - stated))),
        "ece": float(calibration_error(y, np.full(len(y), stated), bins=min(10, len(y)))),
        "precision": seen,
        "lift": 1.0,
        "profit": 0.0,
    }


def lift_of(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Turn the lift table into rows of plain values."""
    return [
        {
            "label": str(bin_),
            "customers": plain(row["rows"]),
            "churned": plain(row["churners"]),
            "rate": plain(row["churn_rate"]),
            "lift": plain(row["lift"]),
            "found": plain(row["captured"]),
        }
        for bin_, row in evaluation.lift_table.iterrows()
    ]


def curve_of(test: Dataset, probability: FloatArray, silence: FloatArray | None) -> dict[str, Any]:
    """Share of leavers found along the ranking of the model and of silence."""
    y = test.y.to_numpy()
    bins = min(CURVE_BINS, len(y))
    curve: dict[str, Any] = {"rule": None}
    for name, score in (("model", probability), ("rule", silence)):
        if score is not None:
            table = lift_table(y, score, bins=bins)
            curve["share"] = [0.0, *(table["rows"].cumsum() / len(y)).tolist()]
            curve[name] = [0.0, *table["captured"].tolist()]
    return curve


def reliability_of(test: Dataset, probability: FloatArray) -> list[dict[str, Any]]:
    """Predicted and observed churn in groups of equal size."""
    table = reliability_table(test.y.to_numpy(), probability, bins=min(10, len(test)))
    columns = ["rows", "predicted", "observed", "low", "high"]
    return [plain(row) for row in table[columns].iloc[::-1].to_dict("records")]
