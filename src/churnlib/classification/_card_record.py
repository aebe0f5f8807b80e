"""The numbers of a model card, as plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from churnlib.classification._facts import QUANTILES, ColumnFacts, FitFacts, quantiles_of, readable
from churnlib.economics import RetentionOffer
from churnlib.exceptions import ParameterTypeError, message, some

__all__ = ["FORMULA", "decision_of", "evaluation_of", "model_of", "record_of_facts", "texts_of"]

FORMULA = "contact iff p > t, with t = (d + f) / (g (clv - d) + d); never where g (clv - d) <= f"

# the convention of credit scoring, where the index comes from: below .1 nothing to see, above .25 to act upon
_STABILITY = {"look": 0.1, "act": 0.25}
_FEW = 20


def plain(value: Any) -> Any:
    """Turn numpy and pandas scalars into what JSON knows; what is missing or not finite becomes None.

    Parameters
    ----------
    value : object
        A number, a text, or a dict or list of such.

    Returns
    -------
    object
        Safe to write as JSON.

    Examples
    --------
    >>> plain({"auc": np.float64(0.8), "low": float("nan")})
    {'auc': 0.8, 'low': None}
    """
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    text = value if isinstance(value, str) else readable(value)
    # half of a surrogate pair cannot be written to a file
    return text.encode("utf-8", "replace").decode("utf-8")


def record_of_facts(facts: FitFacts, *, show_categories: bool) -> dict[str, Any]:
    """Return what the fit left behind.

    Parameters
    ----------
    facts : FitFacts
        Of the fitted model.
    show_categories : bool
        Whether to name the categories that at least ten customers share.

    Returns
    -------
    dict
        Keys data, base_rate, columns, folds, out_of_fold, monotone, drift and limits.
    """
    base = dataclasses.asdict(facts.base_rate)
    lowest, highest = facts.rates or (None, None)
    steps = [check.rows * max(check.points - 1, 0) for check in facts.monotone]
    return {
        "data": {
            "rows": facts.n_rows,
            "customers": facts.n_customers,
            "churned": facts.n_churned,
            "cause": facts.cause,
            "weighted": facts.weighted,
            "first_cutoff": facts.cutoffs[0] if facts.cutoffs else None,
            "last_cutoff": facts.cutoffs[1] if facts.cutoffs else None,
            "cutoffs": facts.n_cutoffs,
        },
        "base_rate": {**base, "lowest_at_a_cutoff": lowest, "highest_at_a_cutoff": highest},
        "columns": [_column(one, show_categories=show_categories) for one in facts.columns],
        "folds": {"number": facts.n_folds, "how": facts.folds},
        "out_of_fold": None if facts.out_of_fold is None else dataclasses.asdict(facts.out_of_fold),
        "monotone": [{**dataclasses.asdict(check), "steps": n} for check, n in zip(facts.monotone, steps, strict=True)],
        "drift": _drift(facts),
        "limits": _limits(facts),
    }


def _column(column: ColumnFacts, *, show_categories: bool) -> dict[str, Any]:
    number = column.role == "number"
    shown: dict[str, Any] = {
        "name": column.name,
        "role": column.role,
        "missing": column.missing,
        "quantiles": list(column.quantiles) if number else None,
        "categories": column.n_categories,
        "monotone": column.monotone,
    }
    if show_categories and not number:
        shown["common"] = dict(column.common)
    return shown


def _drift(facts: FitFacts) -> dict[str, Any]:
    """Return what new data are to be held against."""
    low, high = (end for end in (facts.base_rate.low, facts.base_rate.high))
    if facts.rates and low is not None and high is not None:
        low, high = min(low, facts.rates[0]), max(high, facts.rates[1])
    return {
        "base_rate": [low, high],
        "levels": list(QUANTILES),
        "score": None if facts.out_of_fold is None else list(facts.out_of_fold.quantiles),
        "population_stability": dict(_STABILITY),
    }


def _limits(facts: FitFacts) -> list[str]:
    """Say what follows from how the model was made."""
    said = [
        "It states a risk. Whether a contact keeps anybody, only an experiment with a holdout can tell.",
        "Reasons and contributions describe the model, not causes: changing a column need not keep a customer.",
        "It speaks of customers like those of the fit, at times like theirs.",
    ]
    if facts.cause is not None:
        said.append(
            f"A customer lost to another cause in the window counts as not lost to {facts.cause!r}: the probabilities "
            "of all causes add up to that of churn."
        )
    if facts.out_of_fold is None:
        said.append("Nothing was judged out of fold: how good the model is, is not known from its fit.")
    elif facts.n_cutoffs > 1 and facts.folds.startswith("dealt"):
        said.append(
            "The folds mix times. Forward in time a model does worse as a rule: judge it on later cutoffs, or fit it "
            "with cv=PurgedGroupTimeSplit(...)."
        )
    if facts.n_churned < _FEW:
        lost = "churned" if facts.cause is None else f"were lost to {facts.cause!r}"
        said.append(f"Only {facts.n_churned} rows {lost}: too few to trust the intervals.")
    if facts.weighted:
        said.append("Rows were weighted: the AUC is of the weighted rows, and no interval is known for it.")
    if facts.n_customers is None:
        said.append("The customers of the rows were not known: the intervals take every row for a customer of its own.")
    return said


def model_of(model: Any, facts: FitFacts) -> dict[str, Any]:
    """Return the estimator with its settings, and how tuning and calibration were chosen.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted.
    facts : FitFacts
        Its facts.

    Returns
    -------
    dict
        Keys model, tuning and calibration.
    """
    estimator = model.estimator_
    parameters = {name: plain(value) for name, value in sorted(estimator.get_params(deep=True).items())}
    return {
        "model": {
            "estimator": type(estimator).__name__,
            "module": type(estimator).__module__.split(".")[0],
            "parameters": parameters,
            "seed": facts.seed,
            "versions": dict(facts.versions),
        },
        "tuning": {"asked": plain(facts.tune), "report": _rows(model.tuning_report_)},
        "calibration": {
            "asked": facts.calibration,
            "chosen": model.calibration_,
            "report": _rows(model.calibration_report_),
        },
    }


def _rows(report: pd.DataFrame | None) -> list[dict[str, Any]] | None:
    if report is None:
        return None
    name = "trial" if report.index.name is None else str(report.index.name)
    rows = report.rename_axis(name).reset_index().to_dict("records")
    return [plain({str(key): value for key, value in row.items()}) for row in rows]


def decision_of(offer: Any) -> dict[str, Any] | None:
    """Derive the threshold of the decision from an offer.

    Parameters
    ----------
    offer : RetentionOffer or None
        What is offered.

    Returns
    -------
    dict or None
        The offer, the formula, and one threshold or, where the value differs by
        customer, the quantiles of theirs, and the share for whom the offer never pays.

    Raises
    ------
    ParameterTypeError
        If it is something else.

    Examples
    --------
    >>> decision = decision_of(RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1))
    >>> round(decision["threshold"], 4), decision["never_pays"]
    (0.1642, 0.0)
    """
    if offer is None:
        return None
    if not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer says what a contact earns and costs",
                "model.card(offer=RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1))",
            )
        )
    said: dict[str, Any] = {"offer": plain(offer.to_dict()), "formula": FORMULA, "threshold": None, "quantiles": None}
    if isinstance(offer.clv, str):
        return {**said, "kind": "by column", "customers": None, "never_pays": None}
    if not isinstance(offer.clv, pd.Series):
        threshold = float(offer.threshold())
        return {
            **said,
            "kind": "one",
            "customers": None,
            "threshold": plain(threshold),
            "never_pays": float(not math.isfinite(threshold)),
        }
    thresholds = np.asarray(offer.threshold(offer.clv.to_numpy(dtype=np.float64)), dtype=np.float64)
    finite = thresholds[np.isfinite(thresholds)]
    quantiles = list(quantiles_of(finite, np.arange(len(finite))))
    never = (len(thresholds) - len(finite)) / max(len(thresholds), 1)
    return {**said, "kind": "by customer", "customers": len(thresholds), "quantiles": quantiles, "never_pays": never}


def evaluation_of(evaluation: Any) -> dict[str, Any] | None:
    """Return what `churnlib.evaluation.evaluate` found, as plain values.

    Parameters
    ----------
    evaluation : Evaluation or None
        Anything with a `sentence` and `to_dict`.

    Returns
    -------
    dict or None
        Its numbers.

    Raises
    ------
    ParameterTypeError
        If it is something else.

    Examples
    --------
    >>> evaluation_of(None) is None
    True
    """
    if evaluation is None:
        return None
    if not (callable(getattr(evaluation, "to_dict", None)) and isinstance(getattr(evaluation, "sentence", None), str)):
        raise ParameterTypeError(
            message(
                f"evaluation is a {type(evaluation).__name__}",
                "the result of evaluate on rows that the model has not seen",
                "model.card(evaluation=churnlib.evaluate(model, test))",
            )
        )
    limits = getattr(evaluation, "limits", None)
    found = dict(plain(evaluation.to_dict()))
    return {**found, "sentence": evaluation.sentence, "limits": limits if isinstance(limits, str) else None}


def texts_of(limits: Any, **named: Any) -> tuple[dict[str, str | None], list[str]]:
    """Check what a team writes into its card.

    Parameters
    ----------
    limits : str or sequence of str
        More that the card cannot say.
    **named : str or None
        The other texts.

    Returns
    -------
    texts : dict
        The others.
    limits : list of str
        One text each.

    Raises
    ------
    ParameterTypeError
        If something is no text.

    Examples
    --------
    >>> texts_of("Not for business customers.", name="Q3")
    ({'name': 'Q3'}, ['Not for business customers.'])
    """
    odd = [name for name, value in named.items() if not (value is None or isinstance(value, str))]
    if odd:
        raise ParameterTypeError(
            message(
                f"{some([f'{name} is a {type(named[name]).__name__}' for name in odd])}",
                "a text, or None",
                f'model.card({odd[0]}="...")',
            )
        )
    listed = [limits] if isinstance(limits, str) else limits
    if not isinstance(listed, Sequence) or not all(isinstance(one, str) for one in listed):
        raise ParameterTypeError(
            message(
                f"limits is {readable(limits)}",
                "texts, each of them one thing that the model cannot say",
                'model.card(limits=["Not fitted on business customers."])',
            )
        )
    return named, list(listed)
