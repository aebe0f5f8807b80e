"""The boosted default: gradient boosting of the hazard in each period."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._sklearn import Interval, Tags, validate_data
from churnlib._typing import BoolArray, FloatArray, IntArray
from churnlib.exceptions import SchemaError, message, some
from churnlib.survival._classifier_hazards import refuse_reserved
from churnlib.survival._clocks import Clock, knots_by_events
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._logistic_hazard import LogisticFit, clock_effects, fit_logistic_hazard
from churnlib.survival._logistic_likelihood import HazardLikelihood
from churnlib.survival._period_model import Hazards, PeriodModel
from churnlib.survival._periods import Periods

__all__ = ["SurvivalBooster"]

_CELLS = 1 << 18
"""Person-periods that are expanded at once."""


@dataclass(frozen=True, slots=True, eq=False)
class BoostedHazards:
    """The hazards of a fitted booster.

    Parameters
    ----------
    booster : xgboost.Booster
        Trees that add to the log-odds against staying.
    clock : Clock
        Features of time.
    start : LogisticFit
        Log-odds to which they add: the clocks alone.
    seen : ndarray of shape (n_causes,)
        Which causes were seen.
    """

    booster: Any
    clock: Clock
    start: LogisticFit
    seen: BoolArray

    @property
    def all_gone_after(self) -> float:
        """No period in which everybody leaves: trees are never sure."""
        return np.inf

    def hazards(
        self, X: npt.NDArray[np.float32], contract: FloatArray | None, begin: IntArray, width: int
    ) -> FloatArray:
        """Return the hazard by cause of the next periods of each row.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Features, without the column of the contract; NaN where missing.
        contract : ndarray of shape (n_rows,) or None
            The column of the contract.
        begin : ndarray of shape (n_rows,)
            Periods that lie behind each row.
        width : int
            How many periods.

        Returns
        -------
        ndarray of shape (n_rows, n_causes, width)
            In (0, 1).
        """
        n = len(begin)
        periods = np.minimum(begin[:, None] + np.arange(1, width + 1), self.clock.n_periods).ravel()
        rows = np.repeat(np.arange(n), width)
        margin = self.booster.inplace_predict(_timed(X, contract, rows, periods, self.clock), predict_type="margin")
        margin = np.asarray(margin, dtype=np.float64).reshape(n, width, -1).transpose(2, 0, 1)
        if len(margin) > 1:
            margin = margin[1:] - margin[:1]
        eta = margin + clock_effects(self.start, self.clock, contract, periods.reshape(n, width))
        highest = np.maximum(eta.max(axis=0), 0.0)
        odds = np.exp(eta - highest)
        out = np.zeros((n, len(self.seen), width))
        out[:, self.seen] = (odds / (np.exp(-highest) + odds.sum(axis=0))).transpose(1, 0, 2)
        return out


class SurvivalBooster(PeriodModel):
    """When customers leave, by gradient boosting: a good model without choosing one.

    Trees (xgboost) learn the chance to leave in each period from the features, the tenure and, if
    there is one, the time until the contract ends; so effects may differ along the tenure, hazards may
    peak anywhere, and features may act together. It is not re-weighted, so that probabilities are
    calibrated. Missing values are taken as they are. It assumes that censoring tells nothing about risk
    beyond what the features say.

    Parameters
    ----------
    period : float or str, default=None
        Length of a period in the unit of the target; text such as ``"30d"`` means days.
        None: 1 if nobody was watched for more than 120, else the whole number that makes at
        most 60 periods.
    contract_term : str or int, default=None
        Column of X (position, for an array) with the length of a contract that renews itself, in
        the unit of the target. 0 or missing: no contract.
    contract_end : str or int, default=None
        Column of X with the tenure at which the contract ends, once. 0 or missing: no contract.
    causes : sequence of str, default=None
        Names of the causes. None: their numbers.
    n_estimators : int, default=200
        How many rounds of boosting.
    learning_rate : float, default=0.05
        Share of each tree that is added.
    max_depth : int, default=3
        Questions asked one after the other in a tree.
    min_events : float, default=20.0
        Least (expected) number of events in a leaf.
    subsample : float, default=0.5
        Share of the person-periods that each tree sees.
    colsample : float, default=0.7
        Share of the columns that each question is chosen from.
    max_bin : int, default=256
        Values that are told apart in each column.
    random_state : int, default=None
        Seed of the samples. None means 0.
    n_jobs : int, default=1
        Threads of xgboost. One promises the same bytes everywhere.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to say of tenures that nobody was watched at: refuse, NaN, hold survival as it was when
        the data ended, or (``"extrapolate"``) go on with the mean hazard of the last tenth of the data.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees.
    period_ : float
        Length of a period.
    whole_periods_ : bool
        Whether all times and entries were ends of periods; see `DiscreteTimeHazard`.
    n_person_periods_ : int
        How many person-periods there were.
    times_ : ndarray
        Ends of the periods in which somebody was watched.
    support_ : tuple of float
        First and last tenure at which anybody was watched.
    causes_ : tuple
        Names or numbers of the causes.
    censoring_ : StepFunction
        Share not yet censored, by time since entry.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray
        Their names, when they are text.

    See Also
    --------
    DiscreteTimeHazard : The same around any classifier; how periods are counted.

    Notes
    -----
    Person-periods are expanded in blocks, and xgboost keeps them as one byte for each value: 20 million of them
    with 20 columns take about 400 MB. There are no held-out rows and no early stopping: few, shallow, slow trees with
    at least `min_events` in a leaf, so that the same settings serve a thousand customers and a million.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(0, 2, (400, 1))
    >>> time = rng.geometric(np.where(X[:, 0] == 1, 0.3, 0.05))
    >>> y = survival_target(time <= 12, np.minimum(time, 12))
    >>> model = SurvivalBooster().fit(X, y)
    >>> model.predict_churn_probability([[0], [1]], 3, given=2).round(1)
    array([0.1, 0.7])
    """

    booster_: Any

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **HazardModel._parameter_constraints,
        "period": [numbers.Real, str, None],
        "contract_term": [str, numbers.Integral, None],
        "contract_end": [str, numbers.Integral, None],
        "causes": ["array-like", None],
        "n_estimators": [Interval(numbers.Integral, 1, None, closed="left")],
        "learning_rate": [Interval(numbers.Real, 0, 1, closed="right")],
        "max_depth": [Interval(numbers.Integral, 1, None, closed="left")],
        "min_events": [Interval(numbers.Real, 0, None, closed="left")],
        "subsample": [Interval(numbers.Real, 0, 1, closed="right")],
        "colsample": [Interval(numbers.Real, 0, 1, closed="right")],
        "max_bin": [Interval(numbers.Integral, 2, None, closed="left")],
        "random_state": [numbers.Integral, None],
        "n_jobs": [Interval(numbers.Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        period: float | str | None = None,
        contract_term: str | int | None = None,
        contract_end: str | int | None = None,
        causes: Sequence[str] | None = None,
        n_estimators: int = 200,
        learning_rate: float = 0.05,
        max_depth: int = 3,
        min_events: float = 20.0,
        subsample: float = 0.5,
        colsample: float = 0.7,
        max_bin: int = 256,
        random_state: int | None = None,
        n_jobs: int = 1,
        beyond: str = "raise",
    ) -> None:
        self.period = period
        self.contract_term = contract_term
        self.contract_end = contract_end
        self.causes = causes
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.min_events = min_events
        self.subsample = subsample
        self.colsample = colsample
        self.max_bin = max_bin
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.beyond = beyond

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, *, reset: bool) -> Any:
        refuse_reserved(X)
        _refuse_text(X)
        return validate_data(self, X, reset=reset, dtype=np.float32, ensure_all_finite="allow-nan")

    def _learn(self, X: Any, contract: FloatArray | None, periods: Periods, weight: FloatArray) -> Hazards:
        import xgboost

        stayed, left = periods.counts(weight, len(self.causes_))
        seen = np.asarray(left.sum(axis=1) > 0)
        clock = Clock(
            "spline",
            periods.length,
            periods.n_periods,
            knots=knots_by_events(left.sum(axis=0), stayed),
            contract=self._contract_kind(),
            always_bound=self._always_bound(contract),
        )
        several = int(seen.sum()) > 1
        renumbered = periods.with_events(np.concatenate([[0], np.cumsum(seen)]))
        start = fit_logistic_hazard(
            HazardLikelihood(
                np.empty((len(periods), 0)), renumbered, weight, clock, contract=contract, n_causes=int(seen.sum())
            )
        )
        data = xgboost.QuantileDMatrix(
            _person_periods(X, contract, renumbered, weight, clock, start), max_bin=int(self.max_bin)
        )
        options = {
            "objective": "multi:softprob" if several else "binary:logistic",
            "learning_rate": float(self.learning_rate),
            "max_depth": int(self.max_depth),
            "min_child_weight": float(self.min_events),
            "subsample": float(self.subsample),
            "colsample_bynode": float(self.colsample),
            "max_bin": int(self.max_bin),
            "tree_method": "hist",
            "base_score": 0.5,  # log-odds of 0: trees add to `start`
            "seed": 0 if self.random_state is None else int(self.random_state),
            "nthread": int(self.n_jobs),
            "verbosity": 1,
        } | ({"num_class": int(seen.sum()) + 1} if several else {})
        self.booster_ = xgboost.train(options, data, num_boost_round=int(self.n_estimators))
        return BoostedHazards(self.booster_, clock, start, seen)

    def _cells_per_row(self, n_times: int) -> int:
        return max(n_times, self._n_periods * (self.n_features_in_ + 2 + len(self.causes_)))


def _person_periods(
    X: npt.NDArray[np.float32],
    contract: FloatArray | None,
    periods: Periods,
    weight: FloatArray,
    clock: Clock,
    start: LogisticFit,
) -> Any:
    """Hand the person-periods to xgboost, a block at a time, as often as it asks."""
    from xgboost import DataIter

    class Blocks(DataIter):
        def __init__(self) -> None:
            self.waiting = iter(periods.blocks(_CELLS))
            super().__init__()

        def reset(self) -> None:
            self.waiting = iter(periods.blocks(_CELLS))

        def next(self, input_data: Callable[..., None]) -> bool:
            rows = next(self.waiting, None)
            if rows is None:
                return False
            cells = periods.expand(rows)
            known = None if contract is None else contract[cells.row]
            margin = clock_effects(start, clock, known, cells.period[:, None])[:, :, 0].T
            if margin.shape[1] > 1:
                margin = np.column_stack([np.zeros(len(margin)), margin])
            input_data(
                data=_timed(X, contract, cells.row, cells.period, clock),
                label=cells.outcome,
                weight=cells.weight * weight[cells.row],
                base_margin=margin,
            )
            return True

    return Blocks()


def _timed(
    X: npt.NDArray[np.float32], contract: FloatArray | None, rows: IntArray, periods: IntArray, clock: Clock
) -> npt.NDArray[np.float32]:
    """Return rows of X beside the tenure and the periods left of the contract."""
    extra = 1 if contract is None else 2
    out = np.empty((len(rows), X.shape[1] + extra), dtype=np.float32)
    out[:, : X.shape[1]] = X[rows]
    out[:, X.shape[1]] = periods * clock.length
    if contract is not None:
        out[:, -1] = clock.left(contract[rows], periods[:, None])[:, 0]
    return out


def _refuse_text(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        return
    text = [
        name
        for name, dtype in X.dtypes.items()
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))
    ]
    if text:
        raise SchemaError(
            message(
                f"{len(text)} columns of X are no numbers ({some(text)})",
                "numbers, booleans or missing values",
                "make_pipeline(make_column_transformer((OneHotEncoder(), names), ...), SurvivalBooster())",
            )
        )
