"""The chance to leave in each period, as a function of tenure, contract and features."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from churnlib._sklearn import HasMethods, Interval, StrOptions, check_is_fitted, clone, validate_data
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.numerics import normal_quantile
from churnlib.survival._classifier_hazards import fit_classifier, frame_of, refuse_reserved
from churnlib.survival._clocks import Clock, knots_by_events
from churnlib.survival._hazard_model import HazardModel
from churnlib.survival._logistic_hazard import LogisticHazards, fit_logistic_hazard
from churnlib.survival._logistic_likelihood import HazardLikelihood
from churnlib.survival._period_model import Hazards, PeriodModel, warn
from churnlib.survival._periods import Periods, whole_part

__all__ = ["DiscreteTimeHazard"]


class DiscreteTimeHazard(PeriodModel):
    """The chance to leave in each period, of those still here: any classifier, with a clock.

    Life is cut into periods of equal length. For each of them a classifier learns who leaves, from
    the features and from the time: tenure (the tenure clock), and periods until the contract
    ends (the contract clock). Survival is the product of the chances to stay. So hazards may
    peak wherever they do, in months 4 to 6 or when contracts end, which no model with a smooth
    curve can show. It assumes that censoring tells nothing about risk, and, with the logistic
    model, that features move the log-odds of all periods alike.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier with ``predict_proba``; a clone is fitted to the person-periods, which it needs in
        memory all at once: person-periods × (features + clock) numbers. With several causes
        it learns several classes. None: a logistic model of our own, which never expands
        them, and states standard errors.
    period : float or str, default=1.0
        Length of a period in the unit of the target; text such as ``"30d"`` means days.
        None: 1 if nobody was watched for more than 120, else the whole number that makes at
        most 60 periods.
    clock : {"spline", "dummy", "linear"}, default="spline"
        How the hazard moves along the tenure: a natural cubic spline with a knot for every
        50 events (4 to 80, never two in a period), freely, or in a straight line. Other
        classifiers get ``clock.tenure`` besides; trees need no more than "linear".
    spikes : sequence of float, default=()
        Tenures that stand out, such as ``(12, 24)``: the periods that hold them have an effect of their own.
        Spikes beyond the data, or at a "dummy" clock, which has them all, are left out.
    contract_term : str or int, default=None
        Column of X (position, for an array) with the length of a contract that renews itself, in
        the unit of the target. 0 or missing: no contract.
    contract_end : str or int, default=None
        Column of X with the tenure at which the contract ends, once. 0 or missing: no contract.
    causes : sequence of str, default=None
        Names of the causes. None: their numbers.
    link : {"logit", "cloglog"}, default="logit"
        Of the logistic model: log-odds, or the grouped proportional hazards model, whose coefficients are those of
        Cox's. "cloglog" needs one cause.
    l2 : float, default=0.0
        Of the logistic model: ``l2 / 2 * sum(coef ** 2)`` is taken off its log-likelihood. Clocks go free.
    tol : float, default=1e-7
        Of the logistic model: converged when at most this is left to gain.
    max_iter : int, default=50
        Of the logistic model: how many steps of Newton's method to try at most.
    random_state : int, default=None
        Seed of an `estimator` that has none of its own. None means 0.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to say of tenures that nobody was watched at: refuse, NaN, hold survival as it was when
        the data ended, or (``"extrapolate"``) go on with the mean hazard of the last tenth of the data.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_causes, n_features)
        Log-odds per unit of each feature (log hazard ratio for "cloglog").
    standard_errors_ : ndarray of the shape of `coef_`
        Their standard errors, from the information (with its penalty); NaN where there is none.
    loglik_ : float
        Log-likelihood of the person-periods.
    baseline_hazard_ : DataFrame of shape (n_periods, n_causes)
        Hazard in each period, by the tenure at its end, of a customer with average features (over the
        person-periods) and no contract.
    converged_ : bool
        Whether the maximum was reached.
    n_iter_ : int
        Steps taken.
    estimator_ : classifier
        The fitted clone of `estimator`.
    period_ : float
        Length of a period.
    whole_periods_ : bool
        Whether all times and entries were ends of periods; see Notes.
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
    SurvivalBooster : The same, with gradient boosting.

    Notes
    -----
    Period k is ``((k − 1) period, k period]``. A churn at t falls in period ``⌈t / period⌉``. A row still
    here at T survived the periods that ended by T. Where all times are whole periods this
    counts as Kaplan and Meier do: "dummy" without features is their curve, and survival steps at
    the ends of periods. Where they are not, a part of a period counts as a person-period of weight equal to its
    share, and hazard is constant within a period; an event has weight 1, so that hazards are too low by about
    half their own value (1.5 % of a monthly hazard of 3 %) in periods that are watched in part.

    Rows with delayed entry count from their entry. So features that change in time need nothing more: one
    row for each stretch of time, with its entry and time, cut at ends of periods.

    Periods of the "dummy" clock without events have hazard 0, and those in which everybody left hazard 1.

    With intercepts α_k and ``h = 1 / (1 + e^-(α_k + x'β))`` the log-likelihood is that of independent
    Bernoulli draws (Cox 1972, J. R. Stat. Soc. B 34, 187-220; Allison 1982, Sociol. Methodol. 13, 61-98); the
    hazards of causes are those of a multinomial logit, and incidences and survival sum to 1.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> X = np.array([[0.0], [1.0], [0.0], [1.0], [1.0], [0.0]])
    >>> y = survival_target([1, 1, 0, 0, 1, 1], [2, 1, 3, 3, 2, 3])
    >>> model = DiscreteTimeHazard(clock="dummy").fit(X, y)
    >>> model.coef_.round(3)
    array([0.568])
    >>> model.predict_survival_function(X[:2]).round(3)
    array([[0.872, 0.571, 0.405],
           [0.794, 0.411, 0.239]])
    >>> model.predict_churn_probability(X[:2], 1, given=2).round(3)
    array([0.29 , 0.419])
    """

    coef_: FloatArray
    standard_errors_: FloatArray
    loglik_: float
    baseline_hazard_: pd.DataFrame
    converged_: bool
    n_iter_: int
    estimator_: Any

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **HazardModel._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "period": [numbers.Real, str, None],
        "clock": [StrOptions({"spline", "dummy", "linear"})],
        "spikes": ["array-like"],
        "contract_term": [str, numbers.Integral, None],
        "contract_end": [str, numbers.Integral, None],
        "causes": ["array-like", None],
        "link": [StrOptions({"logit", "cloglog"})],
        "l2": [Interval(numbers.Real, 0, None, closed="left")],
        "tol": [Interval(numbers.Real, 0, None, closed="neither")],
        "max_iter": [Interval(numbers.Integral, 1, None, closed="left")],
        "random_state": [numbers.Integral, None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        period: float | str | None = 1.0,
        clock: str = "spline",
        spikes: Sequence[float] = (),
        contract_term: str | int | None = None,
        contract_end: str | int | None = None,
        causes: Sequence[str] | None = None,
        link: str = "logit",
        l2: float = 0.0,
        tol: float = 1e-7,
        max_iter: int = 50,
        random_state: int | None = None,
        beyond: str = "raise",
    ) -> None:
        self.estimator = estimator
        self.period = period
        self.clock = clock
        self.spikes = spikes
        self.contract_term = contract_term
        self.contract_end = contract_end
        self.causes = causes
        self.link = link
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.beyond = beyond

    def summary(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Show the effects of the features, the spikes and the contract, with their errors.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the intervals aim at, between 0 and 1.

        Returns
        -------
        DataFrame
            One row per coefficient (by cause, if there are several): ``estimate``, ``standard_error``,
            ``lower``, ``upper``, their exponents ``odds_ratio``, ``odds_ratio_lower`` and ``odds_ratio_upper``
            (``hazard_ratio`` for "cloglog"), ``z``, and the ``p_value`` of no effect. NaN for what could not be
            estimated; constant columns are left out.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If the confidence is not between 0 and 1, or the model is another classifier.

        Examples
        --------
        >>> from churnlib.targets import survival_target
        >>> y = survival_target([1, 1, 0, 0, 1, 1], [2, 1, 3, 3, 2, 3])
        >>> model = DiscreteTimeHazard(clock="dummy").fit([[0], [1], [0], [1], [1], [0]], y)
        >>> model.summary()[["estimate", "standard_error", "odds_ratio"]].round(2)
                     estimate  standard_error  odds_ratio
        coefficient
        x0               0.57            1.25        1.76
        """
        from scipy.special import ndtr

        check_is_fitted(self)
        half = normal_quantile(confidence)
        if not isinstance(self._model, LogisticHazards):
            raise ParameterError(
                message(
                    f"{type(self.estimator).__name__} states no standard errors",
                    "the logistic model does",
                    "DiscreteTimeHazard().fit(X, y).summary()",
                )
            )
        names, coef, error = self._effects(self._model)
        ratio = "odds_ratio" if self._model.link == "logit" else "hazard_ratio"
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            z = coef / error
            table = {
                "estimate": coef,
                "standard_error": error,
                "lower": coef - half * error,
                "upper": coef + half * error,
                ratio: np.exp(coef),
                f"{ratio}_lower": np.exp(coef - half * error),
                f"{ratio}_upper": np.exp(coef + half * error),
                "z": z,
                "p_value": 2 * ndtr(-np.abs(z)),
            }
        return pd.DataFrame(table, index=names)

    # ------------------------------------------------------------------ learning

    def _read(self, X: Any, *, reset: bool) -> Any:
        refuse_reserved(X)
        if self.estimator is not None:
            return frame_of(self, X, reset=reset)
        finite = self.contract_term is None and self.contract_end is None
        return validate_data(
            self,
            X,
            reset=reset,
            dtype=np.float64,
            ensure_all_finite=True if finite else "allow-nan",
        )

    def _learn(self, X: Any, contract: FloatArray | None, periods: Periods, weight: FloatArray) -> Hazards:
        clock = self._clock(periods, weight, contract)
        if self.estimator is not None:
            template = clone(self.estimator)
            seed = 0 if self.random_state is None else int(self.random_state)
            unset = [k for k, v in template.get_params().items() if v is None and k.split("__")[-1] == "random_state"]
            template.set_params(**dict.fromkeys(unset, seed))
            model = fit_classifier(template, X, contract, periods, weight, clock, n_causes=len(self.causes_))
            self.estimator_ = model.estimator
            return model
        return self._learn_logistic(X, contract, periods, weight, clock)

    def _clock(self, periods: Periods, weight: FloatArray, contract: FloatArray | None) -> Clock:
        stayed, left = periods.counts(weight, len(self.causes_))
        spikes = self._spike_periods(periods)
        taken = tuple(period for _, period in spikes)
        kind: Any = self.clock
        return Clock(
            kind,
            periods.length,
            periods.n_periods,
            knots=knots_by_events(left.sum(axis=0), stayed, taken) if kind == "spline" else (),
            spikes=spikes,
            contract=self._contract_kind(),
            always_bound=self._always_bound(contract),
        )

    def _spike_periods(self, periods: Periods) -> tuple[tuple[float, int], ...]:
        try:
            tenures = np.asarray(self.spikes, dtype=np.float64).ravel()
        except (TypeError, ValueError) as error:
            raise ParameterError(
                message(f"spikes cannot be read as numbers ({error})", "tenures", "(12, 24)")
            ) from None
        if not (np.isfinite(tenures) & (tenures > 0)).all():
            raise ParameterError(message(f"spikes are {some(tenures)}", "tenures above 0", "spikes=(12, 24)"))
        whole, rest = whole_part(tenures, periods.length)
        places = whole + (rest > 0)
        inside = (places >= periods.first.min()) & (places <= periods.n_periods)
        named = dict(zip(places[inside].tolist(), tenures[inside].tolist(), strict=True))
        return tuple((tenure, place) for place, tenure in named.items())

    def _learn_logistic(
        self, X: FloatArray, contract: FloatArray | None, periods: Periods, weight: FloatArray, clock: Clock
    ) -> LogisticHazards:
        self._check_finite(X)
        link: Any = self.link
        if link == "cloglog" and len(self.causes_) > 1:
            raise ParameterError(
                message(
                    f'link="cloglog" with {len(self.causes_)} causes',
                    "one cause: hazards of several must sum to at most 1",
                    'link="logit", or cl.CompetingHazards(DiscreteTimeHazard(link="cloglog"))',
                )
            )
        seen = self._seen(periods, weight)
        kept = self._varying(X)
        likelihood = HazardLikelihood(
            X if kept.all() else X[:, kept],
            periods.with_events(np.concatenate([[0], np.cumsum(seen)])),
            weight,
            clock,
            contract=contract,
            n_causes=int(seen.sum()),
            link=link,
            l2=float(self.l2),
        )
        fit = fit_logistic_hazard(likelihood, tol=float(self.tol), max_iter=int(self.max_iter))
        model = LogisticHazards(fit, clock, kept, seen, link)
        self._report(model)
        return model

    def _check_finite(self, X: FloatArray) -> None:
        wrong = ~np.isfinite(X).all(axis=0)
        if wrong.any():
            raise DataError(
                message(
                    f"{int(wrong.sum())} columns of X hold missing values ({some(np.flatnonzero(wrong))})",
                    "only the column of the contract may",
                    "impute them, or SurvivalBooster(), which takes them as they are",
                )
            )

    def _seen(self, periods: Periods, weight: FloatArray) -> BoolArray:
        _, left = periods.counts(weight, len(self.causes_))
        seen = np.asarray(left.sum(axis=1) > 0)
        if not seen.all():
            unseen = [repr(name) for name, known in zip(self.causes_, seen, strict=True) if not known]
            warn(
                f"nobody left by {len(unseen)} of {len(seen)} causes ({some(unseen)})",
                "their hazard is 0",
                "leave them out of causes=, or take a longer history",
            )
        return seen

    def _varying(self, X: FloatArray) -> BoolArray:
        kept: BoolArray = (X[:1] != X).any(axis=0)
        if not kept.all():
            names = np.asarray(self._feature_names())[~kept]
            warn(
                f"{len(names)} of {len(kept)} columns are constant ({some(names)})",
                "they say nothing of who leaves when, and have coefficient 0",
                "leave them out",
            )
        return kept

    def _feature_names(self) -> list[str]:
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        names = names or [f"x{position}" for position in range(self.n_features_in_)]
        return [name for position, name in enumerate(names) if position != self._contract_at]

    def _report(self, model: LogisticHazards) -> None:
        fit, several = model.fit, len(self.causes_) > 1
        n_features = len(model.kept)
        coef, error = np.zeros((len(model.seen), n_features)), np.full((len(model.seen), n_features), np.nan)
        q = fit.coef.shape[1] + fit.clock.shape[1]
        errors = np.sqrt(np.diag(fit.covariance)).reshape(len(fit.coef), q)
        coef[np.ix_(model.seen, model.kept)] = fit.coef
        error[np.ix_(model.seen, model.kept)] = errors[:, : fit.coef.shape[1]]
        self.coef_, self.standard_errors_ = (coef, error) if several else (coef[0], error[0])
        self.loglik_, self.n_iter_, self.converged_ = fit.loglik, fit.n_iter, fit.converged
        average = np.zeros((1, n_features))
        average[:, model.kept] = fit.center
        nobody = None if model.clock.contract is None else np.zeros(1)
        hazards = model.hazards(average, nobody, np.zeros(1, dtype=np.int64), model.clock.n_periods)[0]
        tenure = pd.Index(model.clock.periods * model.clock.length, name="tenure")
        self.baseline_hazard_ = pd.DataFrame(hazards.T, index=tenure, columns=list(self.causes_))
        self._warn_of_fit(model)

    def _warn_of_fit(self, model: LogisticHazards) -> None:
        fit = model.fit
        names = np.asarray([*np.asarray(self._feature_names())[model.kept], *model.clock.names])
        if fit.dependent:
            warn(
                f"columns depend on each other ({some(sorted({names[c % len(names)] for c in fit.dependent}))})",
                "their common effect is shared out between them",
                "leave one out, or l2=1",
            )
        if fit.separated:
            warn(
                f"{some(sorted({names[c % len(names)] for c in fit.separated}))} separate those who left from those "
                f"who stayed",
                "the likelihood rises for ever with their effect, which is infinite: the numbers are where the search "
                "stopped",
                "l2=1, fewer columns, or wider periods",
            )
        elif not fit.converged:
            warn(
                f"Newton's method did not converge in {fit.n_iter} steps",
                "the maximum of the likelihood",
                "max_iter=200, or l2=1",
            )

    def _effects(self, model: LogisticHazards) -> tuple[pd.Index, FloatArray, FloatArray]:
        fit, clock = model.fit, model.clock
        p, q = fit.coef.shape[1], fit.coef.shape[1] + fit.clock.shape[1]
        shown = [*range(p), *(p + place for place, name in enumerate(clock.names) if _is_effect(name))]
        kept = [name for name, known in zip(self._feature_names(), model.kept, strict=True) if known]
        names = [[*kept, *clock.names][place] for place in shown]
        coef = np.column_stack([fit.coef, fit.clock])[:, shown].ravel()
        error = np.sqrt(np.diag(fit.covariance)).reshape(len(fit.coef), q)[:, shown].ravel()
        seen = [cause for cause, known in zip(self.causes_, model.seen, strict=True) if known]
        if len(self.causes_) == 1:
            return pd.Index(names, name="coefficient"), coef, error
        return pd.MultiIndex.from_product([seen, names], names=["cause", "coefficient"]), coef, error

    # ------------------------------------------------------------------ answers

    def _risk(self, X: Any) -> FloatArray:
        model = self._model
        if isinstance(model, LogisticHazards) and len(self.causes_) == 1 and self._contract_at is None:
            # The order of the linear predictor is that of every survival curve.
            return model.linear(X)[:, 0]
        return super()._risk(X)

    def _cells_per_row(self, n_times: int) -> int:
        own = isinstance(self._model, LogisticHazards)
        columns = 1 if own else self.n_features_in_ + 4 + len(self.causes_)
        return max(n_times, self._n_periods * columns)


def _is_effect(name: str) -> bool:
    return name.startswith(("clock.spike_", "clock.contract_")) or name == "clock.tenure"
