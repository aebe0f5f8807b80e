"""The model is chosen on rows that it has not seen, and the scores of the choice are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._sklearn import clone
from churnlib.classification._calibration import clustered_mean, cross_calibrated, row_log_loss
from churnlib.classification._crossfit import OutOfFold, Sample, out_of_fold
from churnlib.classification._model import RowModel
from churnlib.classification._tuning import Candidate
from churnlib.exceptions import ChurnlibError, ParameterError, message

__all__ = ["Choice", "choose_model", "staged_out_of_fold"]

FloatArray = npt.NDArray[np.float64]

# rounds without a better log-loss before a fold stops; at the learning rates tried, the
# curves of small folds still fall again after shorter pauses
_PATIENCE = 50


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What is to be fitted on all rows.

    Parameters
    ----------
    estimator : classifier
        Not fitted.
    scored : OutOfFold or None
        Its scores on the folds, where it was compared.
    report : DataFrame or None
        What it was compared with.
    """

    estimator: Any
    scored: OutOfFold | None
    report: pd.DataFrame | None


def choose_model(
    template: Any,
    candidates: list[Candidate],
    sample: Sample,
    *,
    cautious: bool,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: bool = False,
) -> Choice:
    """Compare candidates by their log-loss out of fold and take one.

    Parameters
    ----------
    template : classifier
        What is fitted where there are no candidates.
    candidates : list of Candidate
        The first is the one that the others are compared with.
    sample : Sample
        Rows and folds; without folds the first candidate is taken uncompared.
    cautious : bool
        Whether another than the first is taken only if it lowers the log-loss by more
        than the standard error of the difference, or if its mean is lower at all.
    seed : int, default=0
        Seed of the folds on which the sigmoid of margins is fitted.
    n_jobs : int or None, default=1
        How many folds are fitted at once; the result does not depend on it.
    progress : bool, default=False
        Show a bar over the candidates.

    Returns
    -------
    Choice
        The estimator, its scores, and the comparison.

    Raises
    ------
    ParameterError
        If a candidate after the first cannot be fitted.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from sklearn.dummy import DummyClassifier
    >>> from churnlib.classification._encoder import TableEncoder
    >>> X, y = pd.DataFrame({"a": range(4)}), np.array([0, 1, 0, 1])
    >>> halves = [(np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1]))]
    >>> prior, sure = DummyClassifier(), DummyClassifier(strategy="constant", constant=1)
    >>> choice = choose_model(
    ...     prior,
    ...     [Candidate("prior", prior, {}), Candidate("sure", sure, {})],
    ...     Sample(X, y, None, TableEncoder.learn(X), None, halves),
    ...     cautious=True,
    ... )
    >>> choice.report["chosen"].tolist()
    [True, False]
    """
    if not candidates:
        return Choice(template, None, None)
    if not sample.splits:
        # nothing can be compared: the report shows the candidates, no log-loss, and the first one taken
        shown = [(np.nan, np.nan, np.nan, place == 0, one.parameters) for place, one in enumerate(candidates)]
        return Choice(candidates[0].estimator, None, _report(candidates, shown))
    # one map for every candidate, so that none wins by a calibration that another was not offered
    method = "none" if all(hasattr(one.estimator, "predict_proba") for one in candidates) else "sigmoid"
    judged = []
    for candidate in _shown(candidates, progress):
        try:
            judged.append(_judge(candidate, sample, method, seed, n_jobs))
        except ValueError as error:
            # the first came without the space, so that a mistake in it is not the space's
            if isinstance(error, ChurnlibError) or not judged:
                raise
            raise _unfitted(candidate, error) from error
    rows = judged[0].scored.row
    weight, customer = sample.weight_of(rows), sample.customer_of(rows)
    gains = [clustered_mean(judged[0].loss - one.loss, weight, customer) for one in judged]
    worth = [gain if not cautious or gain > error else 0.0 for gain, error in gains]
    taken = int(np.argmax(worth))  # the first of equals
    shown = [
        (float(np.average(one.loss, weights=weight)), gain, error, place == taken, one.parameters)
        for place, (one, (gain, error)) in enumerate(zip(judged, gains, strict=True))
    ]
    return Choice(judged[taken].estimator, judged[taken].scored, _report(candidates, shown))


def _unfitted(candidate: Candidate, error: ValueError) -> ParameterError:
    return ParameterError(
        message(
            f"trial {candidate.name!r} with {candidate.parameters} cannot be fitted: {str(error).strip()}",
            "values that the classifier takes, in every combination",
            "leave the value out of the space of Tuning",
        )
    )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """A candidate as it would be fitted on all rows, and how it did on the folds."""

    estimator: Any
    parameters: dict[str, Any]
    scored: OutOfFold
    loss: FloatArray


def _judge(candidate: Candidate, sample: Sample, method: str, seed: int, n_jobs: int | None) -> _Judged:
    estimator, parameters = candidate.estimator, candidate.parameters
    if candidate.staged:
        n_trees, scored = staged_out_of_fold(estimator, sample, n_jobs=n_jobs)
        estimator = clone(estimator).set_params(n_estimators=n_trees)
        parameters = {**parameters, "n_estimators": n_trees}
    else:
        scored = out_of_fold(estimator, sample, n_jobs=n_jobs)
    return _Judged(estimator, parameters, scored, _loss(method, scored, sample, seed))


def _loss(method: str, scored: OutOfFold, sample: Sample, seed: int) -> FloatArray:
    """Return the log-loss of each scored row; margins are judged as the probabilities they can be made."""
    target, weight, customer = sample.target[scored.row], sample.weight_of(scored.row), sample.customer_of(scored.row)
    return row_log_loss(target, cross_calibrated(method, scored.probability, target, weight, customer, seed=seed))


def staged_out_of_fold(estimator: Any, sample: Sample, *, n_jobs: int | None) -> tuple[int, OutOfFold]:
    """Find the number of trees of a boosting on the folds, and its scores at that number.

    Each fold is fitted once, and stops when its test rows have seen no better log-loss
    for some rounds. The number is the minimum of the mean of the folds' curves.

    Parameters
    ----------
    estimator : xgboost.XGBClassifier
        Its ``n_estimators`` is the largest number.
    sample : Sample
        Rows and folds.
    n_jobs : int or None
        How many folds are fitted at once; the result does not depend on it.

    Returns
    -------
    n_trees : int
        From 1.
    scored : OutOfFold
        What models of so many trees state.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from churnlib.classification import default_estimator
    >>> from churnlib.classification._encoder import TableEncoder
    >>> X, y = pd.DataFrame({"a": np.arange(200) % 10}), (np.arange(200) % 10 > 6).astype(int)
    >>> halves = [(np.arange(100), np.arange(100, 200)), (np.arange(100, 200), np.arange(100))]
    >>> sample = Sample(X, y, None, TableEncoder.learn(X), None, halves)
    >>> n_trees, scored = staged_out_of_fold(default_estimator(), sample, n_jobs=1)
    >>> 1 <= n_trees <= 300, scored.probability.shape
    (True, (200,))
    """
    watching = clone(estimator).set_params(early_stopping_rounds=_PATIENCE, eval_metric="logloss")

    def fitted(train: npt.NDArray[np.intp], test: npt.NDArray[np.intp]) -> RowModel:
        return sample.fit(watching, train, watched=test)

    models = sample.over_folds(fitted, n_jobs=n_jobs)
    curves = [np.asarray(model.estimator.evals_result()["validation_0"]["logloss"]) for model in models]
    mass = np.array([sample.weight_of(test).sum() for _, test in sample.splits])
    # One number for all folds, since the model of all rows has one. A number for each fold would
    # be chosen on the very rows that it is judged on, and flatter a staged candidate beside one
    # of fixed length; one number over all of them hardly can. Folds that stopped earlier end the
    # curve: beyond, their log-loss had not improved for many rounds.
    shortest = min(len(curve) for curve in curves)
    n_trees = int(np.argmin(mass @ np.stack([curve[:shortest] for curve in curves]))) + 1

    def stated(model: RowModel, test: npt.NDArray[np.intp]) -> FloatArray:
        rows = model.rows(sample.X.iloc[test])
        return np.asarray(model.estimator.predict_proba(rows, iteration_range=(0, n_trees))[:, 1], dtype=np.float64)

    return n_trees, sample.gather([stated(model, test) for model, (_, test) in zip(models, sample.splits, strict=True)])


def _report(candidates: list[Candidate], rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    columns = ["log_loss", "improvement", "standard_error", "chosen", "parameters"]
    names = pd.Index([candidate.name for candidate in candidates], name="trial")
    return pd.DataFrame(rows, index=names, columns=columns)


def _shown(candidates: list[Candidate], progress: bool) -> Iterable[Candidate]:  # noqa: FBT001
    if not progress:
        return candidates
    from tqdm.auto import tqdm

    bar: Iterable[Candidate] = tqdm(candidates, desc="comparing models", unit="trial", leave=False)
    return bar
