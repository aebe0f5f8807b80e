"""Several models on the same folds, beside "silent for N days"."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_flag, check_integer, check_number
from churnlib._sklearn import clone
from churnlib._typing import FloatArray, IntArray
from churnlib.economics import RetentionOffer
from churnlib.evaluation._comparison import SILENT, Comparison
from churnlib.evaluation._folds import Folds
from churnlib.evaluation._judged import Judged, bar_of, judge
from churnlib.evaluation._measures import (
    Measure,
    calibration,
    log_loss,
    over_folds,
    profit,
    profit_of_longest,
    ranking,
    together,
)
from churnlib.evaluation._rows import (
    JudgedRows,
    checked_offer,
    churn_probability,
    contacts_and_gains,
    cutoffs_of,
    say_if_it_never_pays,
)
from churnlib.evaluation._silence import silence_of
from churnlib.exceptions import AssumptionWarning, ParameterError, ParameterTypeError, message, nearest, some
from churnlib.metrics import RankedOutcomes

__all__ = ["compare"]

_MODELS = "models={'logistic': LogisticRegression(), 'boosting': ChurnClassifier()}"
_RESERVED = ("fold", "churn", SILENT)


def compare(
    models: Mapping[str, Any],
    X: Any,
    y: Any = None,
    *,
    cv: Any,
    reference: str | None = None,
    offer: RetentionOffer | None = None,
    fraction: float = 0.1,
    recency: str | None = "any.recency",
    n_boot: int = 500,
    random_state: int = 0,
    n_jobs: int | None = 1,
    progress: bool = False,
) -> Comparison:
    """Fit several models on the same folds and say which is better, by how much, and whether that is more than chance.

    Every model is fitted on the same training rows and judged on the same test rows, beside the rule "contact
    those who have been silent longest". Differences to one reference model come with intervals from the same
    resampled customers, so that what the models share cancels.

    Rows of several cutoffs need folds in time. Random folds train on other months of the customers they test, and
    on labels that reach into the test: on a simulated panel they promise an AUC of .76 where the next month gives .64.
    They are refused. Folds that keep customers whole but mix times are accepted with a warning.

    Parameters
    ----------
    models : mapping of str to classifier
        Unfitted, each with ``predict_proba``; clones are fitted. All columns of `X` are features: where a model
        should see some of them, wrap it in a Pipeline that picks. A model whose ``random_state`` is None may give
        other numbers the next time.
    X : Dataset or DataFrame of shape (n_rows, n_features)
        Rows, indexed by (customer_id, cutoff), or by customer.
    y : array-like of shape (n_rows,), default=None
        1 = churn, 0 = not; a Dataset brings its own.
    cv : splitter, int or iterable of (train, test)
        `PurgedGroupTimeSplit` for rows of several cutoffs. A number of folds that keep customers whole and share
        churners evenly, or any splitter, for rows of one point in time.
    reference : str, default=None
        The model that the others are compared with; None is the first.
    offer : RetentionOffer, default=None
        With an offer, the profit of each model's own contact list is added. The silent get a list as long as that
        of the reference.
    fraction : float, default=0.1
        Share of the rows of each fold on the list whose precision and lift are stated.
    recency : str or None, default="any.recency"
        Column with the days since the last activity; a missing value counts as silent longest. None leaves the
        rule out.
    n_boot : int, default=500
        Resamples of customers behind the 95 % intervals; a customer at several cutoffs is one draw.
    random_state : int, default=0
        Seed of the resamples, and of the folds where `cv` is a number.
    n_jobs : int or None, default=1
        How many fits run at once. The result does not depend on it.
    progress : bool, default=False
        Whether to show progress bars over fits and resamples.

    Returns
    -------
    Comparison
        Metrics of each model, paired differences with verdicts, the numbers of each fold, and all out-of-fold
        probabilities.

    Raises
    ------
    LeakageError
        If a fold trains on what it tests: the rows themselves, other months of the same customers, or, where a
        Dataset says how far labels look ahead, labels that reach into the test.
    DataError
        If labels are missing, not 0 and 1 or of other rows, a fold lacks churners or stayers, or a model states no
        probability.
    TimeError
        If a cutoff is missing, or cannot be read as a time.
    SchemaError
        If the column of `recency` is missing or no numbers, or the index does not name customers.
    ParameterError
        If a name is taken, `reference` is none of the models, or a fold names rows that there are not.
    ParameterTypeError
        If `models` is no mapping of classifiers, `cv` does not split, or `offer` is no RetentionOffer.

    Warns
    -----
    AssumptionWarning
        If folds mix times, or tear apart customers whose rows name no cutoff; if the offer can never pay; or if a
        model is frozen, so that it may have been fitted on the rows it is tested on.

    Notes
    -----
    AUC, precision and lift are taken within each fold and averaged with the rows of the fold as weight: the scores
    of different folds come from different models and need not be comparable. Log-loss and profit are means over all
    rows tested, the ECE (10 bins of equal mass) is taken over all of them.

    The intervals are percentiles over resampled customers and **hold the fitted models fixed**: they say how far
    other customers would have moved the numbers, not how far other training rows would have. Two fits of
    one algorithm with different seeds may therefore differ "clearly". Several models against one reference are
    several questions: of twenty that are no better, one wins by chance. Differences of the precision have
    intervals that are somewhat too wide (they held the truth in 96 to 97 of 100 simulated samples).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame(
    ...     {"any.recency": rng.exponential(30, 600), "complaints": rng.poisson(1, 600)},
    ...     index=pd.Index(range(600), name="customer_id"),
    ... )
    >>> y = (rng.random(600) < 1 / (1 + np.exp(2 - X["complaints"]))).astype(int)
    >>> models = {"base rate": DummyClassifier(), "logistic": LogisticRegression()}
    >>> result = compare(models, X, y, cv=5, n_boot=100)
    >>> found = result.difference.set_index(["model", "metric"])
    >>> found.loc[("logistic", "log_loss"), "verdict"]
    'wins'
    >>> result.predictions.columns.tolist()
    ['fold', 'churn', 'base rate', 'logistic']
    """
    check_flag(progress, name="progress")
    draws = check_integer(n_boot, name="n_boot", low=20)
    seed = check_integer(random_state, name="random_state", low=0)
    share = check_number(fraction, name="fraction")
    names = _checked_models(models)
    against = _checked_reference(reference, names)
    checked_offer(offer)
    rows = JudgedRows.of(X, y, np.array([0, 1]), fix="y = (label == 'churned').astype('int8')")
    folds = Folds.of(cv, rows, X, seed=seed)
    # what can be refused is refused before anything is fitted
    RankedOutcomes(rows.y, rows.y).top(share)
    tested = _Tested.of(rows, folds, recency)
    if offer is not None:
        say_if_it_never_pays(offer, tested.X)
    _warn_of_frozen(models)
    stated = _out_of_fold(models, rows, folds, n_jobs=n_jobs, progress=progress)
    parts, contacted = _measures(tested, {name: p[tested.row] for name, p in stated.items()}, offer, share, against)
    whole = {name: over_folds(own, tested.places) for name, own in parts.items()}
    for name in names:
        whole[name] = together(whole[name], calibration(tested.y, stated[name][tested.row]))
    judged = judge(whole, tested.customer, n_boot=draws, random_state=seed, progress=progress)
    cutoff = cutoffs_of(tested.X)
    return Comparison(
        frame=_stack({name: judged.table(name) for name in parts}),
        difference=_differences(judged, list(parts), against),
        folds=_by_fold(tested, folds, parts, {name: stated[name][tested.row] for name in names}, contacted),
        predictions=pd.DataFrame(
            {"fold": tested.fold, "churn": tested.y} | {name: stated[name][tested.row] for name in names},
            index=tested.X.index,
        ),
        models=names,
        reference=against,
        forward=folds.forward,
        n_customers=judged.boot.n_customers,
        fraction=share,
        cutoffs=() if cutoff is None else tuple(cutoff.unique().sort_values()),
        n_boot=draws,
        failed=judged.boot.failed,
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    """The rows that are tested, in the order of X, with the fold of each."""

    X: pd.DataFrame
    y: IntArray
    customer: pd.Index
    row: IntArray
    fold: IntArray
    silence: FloatArray | None

    @classmethod
    def of(cls, rows: JudgedRows, folds: Folds, recency: str | None) -> _Tested:
        fold = np.full(len(rows.y), -1)
        for number, (_, test) in enumerate(folds.parts):
            fold[test] = number
        row = np.flatnonzero(fold >= 0)
        X = rows.X.iloc[row]
        silence = None if recency is None else silence_of(X, recency)
        return cls(X, rows.y[row], rows.customer[row], row, fold[row], silence)

    @property
    def places(self) -> list[IntArray]:
        """The rows of each fold."""
        return [np.flatnonzero(self.fold == number) for number in range(int(self.fold.max()) + 1)]


def _out_of_fold(
    models: Mapping[str, Any], rows: JudgedRows, folds: Folds, *, n_jobs: int | None, progress: bool
) -> dict[str, FloatArray]:
    """Return what each model states of each row it is tested on; NaN elsewhere."""
    from sklearn.utils.parallel import Parallel, delayed

    stated = {name: np.full(len(rows.y), np.nan) for name in models}
    tasks = [(name, number) for name in models for number in range(len(folds.parts))]
    with bar_of(len(tasks), "fitting models", show=progress) as bar:

        def predicted(name: str, number: int) -> FloatArray:
            train, test = folds.parts[number]
            try:
                fitted = clone(models[name]).fit(rows.X.iloc[train], rows.y[train])
                found = churn_probability(fitted, rows.X.iloc[test], name=f"{name!r}")
            except Exception as error:
                error.add_note(f"This is model {name!r} on fold {number} of {len(folds.parts)}.")
                raise
            if bar is not None:
                bar.update()
            return found

        # threads: the boosting engines release the interpreter while they work, and nothing is copied
        found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(predicted)(*task) for task in tasks)
    for (name, number), probability in zip(tasks, found, strict=True):
        stated[name][folds.parts[number][1]] = probability
    return stated


def _measures(
    tested: _Tested,
    stated: Mapping[str, FloatArray],
    offer: RetentionOffer | None,
    fraction: float,
    reference: str,
) -> tuple[dict[str, list[Measure]], dict[str, FloatArray]]:
    """Return what each candidate is measured by in each fold, and whom each model contacts."""
    y, places = tested.y, tested.places
    parts: dict[str, list[list[Measure]]] = {
        name: [[ranking(y[own], p[own], fraction), log_loss(y[own], p[own])] for own in places]
        for name, p in stated.items()
    }
    if tested.silence is not None:
        parts[SILENT] = [[ranking(y[own], tested.silence[own], fraction)] for own in places]
    if offer is None:
        return _joined(parts), {}
    decided = {name: contacts_and_gains(tested.X, y, p, offer) for name, p in stated.items()}
    for name, (contacted, gain) in decided.items():
        for own, measures in zip(places, parts[name], strict=True):
            measures.append(profit(contacted[own], gain[own]))
    if tested.silence is not None:
        contacted, gain = decided[reference]
        for own, measures in zip(places, parts[SILENT], strict=True):
            measures.append(profit_of_longest(tested.silence[own], contacted[own], gain[own]))
    return _joined(parts), {name: contacted for name, (contacted, _) in decided.items()}


def _joined(parts: Mapping[str, list[list[Measure]]]) -> dict[str, list[Measure]]:
    return {name: [together(*one) for one in measures] for name, measures in parts.items()}


def _stack(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    named = [table.assign(model=name) for name, table in tables.items()]
    stacked = pd.concat(named, ignore_index=True)
    return stacked[["model", *(column for column in stacked.columns if column != "model")]]


def _differences(judged: Judged, candidates: list[str], reference: str) -> pd.DataFrame:
    tables = {name: judged.difference(name, reference) for name in candidates if name != reference}
    if not tables:
        columns = ["model", "reference", "metric", "value", "low", "high", "verdict"]
        return pd.DataFrame(columns=columns)
    stacked = _stack(tables)
    stacked.insert(1, "reference", reference)
    return stacked


def _by_fold(
    tested: _Tested,
    folds: Folds,
    parts: Mapping[str, list[Measure]],
    stated: Mapping[str, FloatArray],
    contacted: Mapping[str, FloatArray],
) -> pd.DataFrame:
    lines = []
    cutoff = cutoffs_of(tested.X)
    for number, own in enumerate(tested.places):
        shared: dict[str, Any] = {"fold": number}
        if cutoff is not None:
            shared |= {"test_from": cutoff[own].min(), "test_until": cutoff[own].max()}
        shared |= {"train_rows": len(folds.parts[number][0]), "test_rows": len(own)}
        for name, measures in parts.items():
            line = shared | {"model": name, "churn_rate": float(tested.y[own].mean())}
            line["stated_rate"] = float(stated[name][own].mean()) if name in stated else np.nan
            if contacted:
                line["contacted"] = float(contacted[name][own].sum()) if name in contacted else np.nan
            lines.append(line | measures[number](np.ones(len(own), dtype=np.int64)))
    return pd.DataFrame(lines)


def _checked_models(models: Any) -> tuple[str, ...]:
    if not isinstance(models, Mapping) or not models:
        what = "is empty" if isinstance(models, Mapping) else f"is a {type(models).__name__}"
        raise ParameterTypeError(message(f"models {what}", "names with unfitted classifiers", _MODELS))
    strange = [name for name in models if not isinstance(name, str)]
    if strange:
        raise ParameterTypeError(message(f"models are named {some(strange)}", "names that are text", _MODELS))
    taken = [name for name in models if name in _RESERVED]
    if taken:
        raise ParameterError(
            message(f"a model is named {taken[0]!r}", f"{some(_RESERVED)} are columns of the result", _MODELS)
        )
    for name, model in models.items():
        if isinstance(model, type) or not (hasattr(model, "fit") and hasattr(model, "predict_proba")):
            what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
            raise ParameterTypeError(
                message(
                    f"model {name!r} is {what}, which states no probabilities",
                    "an unfitted classifier with predict_proba",
                    f"models={{{name!r}: ChurnClassifier(estimator)}}, or CalibratedClassifierCV(estimator)",
                )
            )
    return tuple(models)


def _warn_of_frozen(models: Mapping[str, Any]) -> None:
    from sklearn.frozen import FrozenEstimator

    for name, model in models.items():
        parts = model.get_params(deep=True).values() if hasattr(model, "get_params") else ()
        if any(isinstance(part, FrozenEstimator) for part in (model, *parts)):
            warnings.warn(
                message(
                    f"model {name!r} is frozen, or holds a part that is: it is not fitted on the rows of each fold",
                    "if it was fitted on rows that are tested here, it knows the answers",
                    f"models={{{name!r}: the estimator without FrozenEstimator}}, or evaluate(model, test)",
                ),
                AssumptionWarning,
                stacklevel=3,
            )


def _checked_reference(reference: str | None, names: tuple[str, ...]) -> str:
    if reference is None:
        return names[0]
    if reference not in names:
        raise ParameterError(
            message(
                f"reference={reference!r} is none of the models ({nearest(reference, names)})",
                "the model that the others are compared with",
                f"reference={names[0]!r}",
            )
        )
    return reference
