"""Which models are compared before one is fitted: the question, and the candidates."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from churnlib._checks import check_choice, check_integer
from churnlib._sklearn import clone
from churnlib.classification._default import DEEP, SPACE, with_leaves_for
from churnlib.exceptions import ParameterError, ParameterTypeError, message, nearest

__all__ = ["Candidate", "Tuning", "candidates_of", "read_tune"]


@dataclasses.dataclass(frozen=True, slots=True)
class Tuning:
    """A budget of models to compare out of fold, and what may vary between them.

    Parameters
    ----------
    trials : int
        How many models are compared, the untuned ones included. Each costs one fit a fold.
    space : mapping of str to list or distribution, default=None
        For each parameter its values, or a scipy distribution to draw them from. Needed
        for an estimator of your own; None is a range of shallow and deep boosting for
        the default one. Where all are lists, no combination is drawn twice.

    Raises
    ------
    ParameterError
        If `trials` is below 1, or the space is empty.
    ParameterTypeError
        If `trials` is no whole number, or the space maps to neither lists nor distributions.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification import ChurnClassifier, Tuning
    >>> X = pd.DataFrame({"orders": [1, 2, 3, 4] * 20})
    >>> tune = Tuning(trials=3, space={"C": [0.001, 1.0]})
    >>> model = ChurnClassifier(LogisticRegression(), tune=tune).fit(X, [1, 1, 0, 0] * 20)
    >>> model.tuning_report_["parameters"].tolist()
    [{'C': 1.0}, {'C': 0.001}, {'C': 1.0}]
    """

    trials: int
    space: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_integer(self.trials, name="trials", low=1)
        if self.space is None:
            return
        if not isinstance(self.space, Mapping):
            raise ParameterTypeError(
                message(
                    f"space is a {type(self.space).__name__}",
                    "a mapping from a parameter to its values",
                    'Tuning(trials=20, space={"max_depth": [2, 3, 4]})',
                )
            )
        if not self.space:
            raise ParameterError(
                message("space is empty", "at least one parameter that varies", "space=None, or tune=None")
            )
        for name, values in self.space.items():
            _check_values(name, values)


def _check_values(name: str, values: object) -> None:
    if hasattr(values, "rvs"):
        return
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray):
        listed = isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)
        raise ParameterTypeError(
            message(
                f"space[{name!r}] is a {type(values).__name__}"
                if listed
                else f"space[{name!r}] is {values!r}, a {type(values).__name__}",
                "a list of values, or a scipy distribution",
                f"space={{{name!r}: list(values)}}" if listed else f"space={{{name!r}: [{values!r}]}}",
            )
        )
    if not len(values):
        raise ParameterError(
            message(f"space[{name!r}] is empty", "at least one value", f"leave {name!r} out of the space")
        )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model that may be taken.

    Parameters
    ----------
    name : str
        What the report calls it.
    estimator : classifier
        Not fitted.
    parameters : dict
        What distinguishes it from the others.
    staged : bool
        Whether its number of trees is found on the folds.
    """

    name: str
    estimator: Any
    parameters: dict[str, Any]
    staged: bool = False


def read_tune(tune: Any, estimator: Any) -> Tuning | None:
    """Return the budget that `tune` of `ChurnClassifier` asks for.

    Parameters
    ----------
    tune : "auto", int, Tuning or None
        As the user said it.
    estimator : classifier or None
        The user's own; None is the default one.

    Returns
    -------
    Tuning or None
        None where nothing is compared by a budget: "auto" and None.

    Raises
    ------
    ParameterError
        If the word is unknown, the number below 1, or an own estimator has no space or no such parameter.
    ParameterTypeError
        If it is none of these kinds.

    Examples
    --------
    >>> read_tune(20, None)
    Tuning(trials=20, space=None)
    >>> read_tune("auto", None) is None
    True
    """
    if tune is None:
        return None
    if isinstance(tune, str):
        check_choice(tune, ("auto",), name="tune")
        return None
    if isinstance(tune, numbers.Integral) and not isinstance(tune, bool | np.bool_):
        if tune < 1:
            raise ParameterError(
                message(
                    f"tune={tune} compares no model at all", "a number of trials, 1 or more", "tune=20, or tune=None"
                )
            )
        tune = Tuning(int(tune))
    if not isinstance(tune, Tuning):
        raise ParameterTypeError(
            message(
                f"tune is {tune!r}, a {type(tune).__name__}",
                '"auto", None, a number of trials, or a Tuning',
                "tune=20, or tune=Tuning(trials=20, space={...})",
            )
        )
    if estimator is not None and tune.space is None:
        raise ParameterError(
            message(
                f"tune with {tune.trials} trials does not say what may vary in {type(estimator).__name__}",
                "an estimator of your own needs a space of its parameters",
                f'tune=Tuning(trials={tune.trials}, space={{"parameter": [values]}}), or estimator=None',
            )
        )
    return tune


def candidates_of(template: Any, tune: Any, *, own: bool, seed: int, base_rate: float = 0.5) -> list[Candidate]:
    """Return the models to compare, in the order in which they are tried.

    Parameters
    ----------
    template : classifier
        The default one, or the user's own.
    tune : "auto", int, Tuning or None
        As the user said it.
    own : bool
        Whether the classifier is the user's own.
    seed : int
        Seed of the random draws.
    base_rate : float, default=0.5
        Share of churn, between 0 and 1: where it is small, so are the leaves that may be tried.

    Returns
    -------
    list of Candidate
        The first is the untuned one; empty where nothing is compared.

    Raises
    ------
    ParameterError
        If the space names a parameter that the classifier does not have.

    Examples
    --------
    >>> from churnlib.classification import default_estimator
    >>> [one.name for one in candidates_of(default_estimator(), 4, own=False, seed=0)]
    ['shallow', 'deep', 'random 1', 'random 2']
    """
    tuning = read_tune(tune, template if own else None)
    if tune is None or (own and tuning is None):
        return []
    deep = with_leaves_for(base_rate, DEEP)
    space: Mapping[str, Any] = (
        with_leaves_for(base_rate, SPACE) if tuning is None or tuning.space is None else tuning.space
    )
    known = template.get_params(deep=True)
    for name in space:
        if name not in known:
            raise ParameterError(
                message(
                    f"space names {name!r}, and {type(template).__name__} has no such parameter",
                    nearest(name, sorted(known)),
                    f"sorted({type(template).__name__}().get_params())",
                )
            )
    varied = {} if tuning is None else dict(space)
    shown = tuple(space) if own else tuple({**deep, **varied})
    first = [_candidate("given", template, {}, shown)] if own else _presets(template, deep, shown)
    if tuning is None:
        return first
    drawn = _draws(space, tuning.trials - len(first), seed)
    named = enumerate(drawn, start=1)
    # of other boosters than trees, the first rounds are not the model of so many rounds
    staged = not own and not {"n_estimators", "booster"} & set(space)
    most = {"n_estimators": deep["n_estimators"]} if staged else {}
    return first[: tuning.trials] + [
        _candidate(f"random {k}", template, {**most, **one}, shown, staged=staged) for k, one in named
    ]


def _presets(template: Any, deep: Mapping[str, Any], shown: tuple[str, ...]) -> list[Candidate]:
    return [_candidate("shallow", template, {}, shown), _candidate("deep", template, deep, shown, staged=True)]


def _candidate(
    name: str, template: Any, changed: Mapping[str, Any], shown: tuple[str, ...], *, staged: bool = False
) -> Candidate:
    # cloned again: a step that the space brings stays the user's own
    estimator = clone(clone(template).set_params(**changed))
    parameters = estimator.get_params(deep=True)
    return Candidate(name, estimator, {key: parameters[key] for key in shown}, staged)


def _draws(space: Mapping[str, Any], n: int, seed: int) -> list[dict[str, Any]]:
    from sklearn.model_selection import ParameterGrid, ParameterSampler

    if n < 1:
        return []
    lists = {name: list(values) for name, values in space.items() if not hasattr(values, "rvs")}
    if len(lists) == len(space):
        # a list of combinations is drawn without repetition and may be shorter than the budget
        n = min(n, len(ParameterGrid(lists)))
    drawn = ParameterSampler({**space, **lists}, n_iter=n, random_state=np.random.RandomState(seed))
    # numpy's numbers as Python's own: parameters are shown, and written into cards
    return [
        {name: value.item() if isinstance(value, np.generic) else value for name, value in one.items()} for one in drawn
    ]
