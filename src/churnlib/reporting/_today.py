"""Today's part of the record: who is at risk, what that is worth, whom to contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnlib._typing import FloatArray
from churnlib.classification import contact_list
from churnlib.economics import RetentionOffer
from churnlib.reporting._numbers import is_missing, number, plain
from churnlib.reporting._words import span

if TYPE_CHECKING:
    from churnlib.snapshots import Dataset

__all__ = ["contacts_of", "list_customers", "profit_curve", "today_of"]

CURVE_POINTS = 60


def list_customers(model: Any, now: Dataset, offer: RetentionOffer | None, n: int) -> pd.DataFrame:
    """Rank today's customers, by expected gain or without an offer by risk.

    Returns
    -------
    pandas.DataFrame
        The columns of `contact_list`; without an offer those of money are left out.
    """
    if offer is not None:
        return contact_list(model, now.X, offer, n=n)
    # With the same worth for all and a free contact, the gain orders customers as their risk does.
    by_risk = RetentionOffer(accept_rate=1.0, clv=1.0, offer_cost=0.0)
    return contact_list(model, now.X, by_risk, n=n).drop(columns=["clv", "expected_gain", "contact"])


def today_of(
    now: Dataset, probability: FloatArray, offer: RetentionOffer | None, gain: FloatArray, past: dict[str, float]
) -> dict[str, Any]:
    """Count and value the customers at risk.

    The interval of the number expected to leave adds two sources: chance, with
    variance ``sum p (1 - p)``, and the error of the level, as seen out of time: the
    ratio of observed to expected leavers and its standard error. It reaches from
    1.96 standard deviations below the smaller of the plain and the corrected number
    to as many above the larger.
    """
    counts = now.counts.iloc[0]
    expected = float(probability.sum())
    corrected = expected * past["ratio"]
    chance = float((probability * (1 - probability)).sum())
    spread = float(np.sqrt(chance + (expected * past["ratio_se"]) ** 2))
    today: dict[str, Any] = {
        "known": int(counts["known"]),
        "gone": int(counts["gone"]),
        "at_risk": len(now),
        "expected": expected,
        "expected_low": max(min(expected, corrected) - 1.96 * spread, 0.0),
        "expected_high": min(max(expected, corrected) + 1.96 * spread, float(len(now))),
        "highest": float(probability.max(initial=0.0)),
    }
    if offer is not None:
        value = offer.clv_of(now.X).to_numpy()
        pays = gain > 0
        today |= {
            "value": float(value.sum()),
            "value_at_risk": float(probability @ value),
            "contacts": int(pays.sum()),
            "gain": float(gain[pays].sum()),
        }
    return today


def profit_curve(gain: FloatArray) -> dict[str, Any]:
    """Add up the expected gain along the list, at a few dozen lengths and at the best one."""
    ranked = np.concatenate(([0.0], np.cumsum(np.sort(gain)[::-1])))
    n, best = len(gain), int((gain > 0).sum())
    # Twice the best length shows the hill; the long fall behind it says nothing more.
    last = min(n, max(2 * best, 50))
    places = np.unique(np.concatenate([np.linspace(0, last, CURVE_POINTS).astype(int), [min(best, last)]]))
    return {"contacted": places.tolist(), "gain": ranked[places].tolist()}


def contacts_of(listed: pd.DataFrame, now: Dataset) -> list[dict[str, Any]]:
    """Turn the list into rows of plain values, every reason with its words."""
    words = _feature_words(now)
    rows = []
    for row in listed.to_dict("records"):
        reasons = [
            _reason(row[f"reason_{place}"], row[f"reason_{place}_value"], words)
            for place in (1, 2)
            if row.get(f"reason_{place}") is not None
        ]
        rows.append(
            {
                "rank": int(row["rank"]),
                "customer": plain(row["customer_id"]),
                "risk": plain(row["churn_probability"]),
                "value": plain(row.get("clv")),
                "gain": plain(row.get("expected_gain")),
                "contact": plain(row.get("contact")),
                "reasons": reasons,
            }
        )
    return rows


def _feature_words(now: Dataset) -> dict[str, tuple[str, str]]:
    """Meaning and unit of every feature."""
    table = now.features.describe()
    return {
        str(name): (str(meaning), str(unit))
        for name, meaning, unit in zip(table.index, table["meaning"], table["unit"], strict=True)
    }


def _reason(feature: str, value: Any, words: dict[str, tuple[str, str]]) -> dict[str, Any]:
    meaning, unit = words.get(feature, (feature, ""))
    text = span(f"{meaning[:1].upper()}{meaning[1:]}".rstrip("."))
    # "Days since the last order: 51" needs no second "days".
    shown = _shown(value, "" if unit in meaning else unit)
    return {"feature": feature, "value": plain(value), "text": text, "shown": shown}


def _shown(value: Any, unit: str) -> str:
    if is_missing(value):
        return "none yet"
    text = number(value) if isinstance(value, (int, float, np.number)) else str(value)
    return f"{text} days" if unit == "days" else text
