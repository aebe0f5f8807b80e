"""Cox's proportional hazards: who leaves sooner, whatever the shape of the hazard."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from scipy.special import ndtr

from churnlib._sklearn import Interval, StrOptions, check_is_fitted, fit_context
from churnlib._typing import ArrayLike, FloatArray, IntArray
from churnlib.exceptions import ParameterError, message
from churnlib.numerics import StepFunction, censoring_survival, normal_quantile
from churnlib.survival._cox_baseline import Baseline
from churnlib.survival._cox_fit import Covariance, CoxRows, CoxSettings, fit_cox
from churnlib.survival._cox_kernel import Ties
from churnlib.survival._paths import customer_codes, find_paths
from churnlib.survival._stratified_model import StratifiedModel, parts
from churnlib.targets import SurvivalRows

__all__ = ["CoxModel"]


class CoxModel(StratifiedModel):
    """Cox's model: features multiply a hazard whose shape over tenure is left open.

    ``hazard(t | x) = hazard_0(t) exp(x'β)``. It assumes that a feature multiplies the hazard
    by the same factor at every tenure (`proportional_hazards_test` looks at that; `strata` frees a
    column from it), and that censoring tells nothing about risk given the features.

    Rows may be watched from later than their start (delayed entry), and a customer may have several rows that
    follow one another (start-stop), with the features of each stretch of time: pass the customer of each row as
    `groups`. Row order does not matter, and pieces of one row with the same features are that row.

    Parameters
    ----------
    ties : {"efron", "breslow"}, default="efron"
        How events of one time share its risk set. Efron's is closer to the truth where many leave on one day.
    alpha : float, default=0.0
        Strength of the penalty, at least 0. What is maximised is
        ``l(β) / d − alpha (l1_ratio |β|₁ + (1 − l1_ratio) |β|² / 2)``, with d the (weighted) number of events:
        splitting rows or repeating all of them changes nothing. Features are not scaled: scale them before.
    l1_ratio : float, default=0.0
        From 0 (ridge) to 1 (lasso, which sets coefficients to 0).
    strata : str or sequence of str, default=None
        Columns of X whose values each have a baseline of their own, and no coefficient.
    baseline : {"efron", "breslow", "kalbfleisch-prentice"}, default="efron"
        How the baseline counts ties. Where a large share leaves at one time (contract ends, months),
        the last is right where sums of hazards are low; see the notes.
    covariance : {"model", "robust", "cluster"}, default="model"
        Errors from the information; from the residuals by row, or by customer where `groups` are
        given, which hold if the model is wrong; or by customer, and an error where `groups` are not given.
    beyond : {"raise", "nan", "hold", "extrapolate"}, default="raise"
        What to do with times past ``support_``: refuse, NaN, hold the last value, or (``"extrapolate"``)
        go on with the mean hazard of the last tenth. With strata, past the last time of the row's own stratum.
    future : {"frozen"} or None, default=None
        What features do after the row that is predicted for. Where they changed over time in fit,
        predictions of the future ask for ``"frozen"``: they stay as they are.
    tol : float, default=1e-9
        Converged when Newton's decrement, in units of the log-likelihood, is at most this.
    max_iter : int, default=50
        How many steps to try at most.

    Attributes
    ----------
    coef_ : ndarray of shape (n_coefficients,)
        β, of the columns of ``coef_names_``; positive leaves sooner.
    standard_errors_ : ndarray of shape (n_coefficients,)
        As `covariance` says. NaN with a lasso (no distribution is known), and of coefficients without a maximum.
    covariance_ : ndarray of shape (n_coefficients, n_coefficients)
        Of the coefficients; with a ridge the inverse of the penalised information.
    coef_names_ : tuple of str
        Columns that have a coefficient.
    means_ : ndarray of shape (n_coefficients,)
        Means of the features; whom the baseline is of.
    loglik_, loglik_null_ : float
        Log partial likelihood at the coefficients, without penalty, and at 0.
    converged_, reason_, n_iter_ : bool, str, int
        Whether the maximum was found, why the search ended, and its steps.
    n_events_ : int
        Observed churns.
    strata_ : tuple
        The strata; ``("all",)`` where there is one.
    baseline_ : dict of stratum to StepFunction
        Cumulative hazard of a customer with the features of ``means_``.
    time_varying_ : bool
        Whether features changed from one row of a customer to a later one.
    times_, support_, causes_, censoring_
        As of every hazard model: event times; first and last tenure watched.

    Notes
    -----
    Cox 1972, J. R. Stat. Soc. B 34, 187-220; Efron 1977, J. Am. Stat. Assoc. 72, 557-565; Breslow 1974,
    Biometrics 30, 89-99. Survival is ``exp(−H_0(t) exp((x − means_)'β))``; with the baseline of
    Kalbfleisch and Prentice that is ``Π α_k^exp(…)`` (1973, Biometrika 60, 267-278).

    With strata, `predict` is minus the lifetime expected until the first stratum's end, since linear
    predictors of two strata cannot be compared; `predict_log_hazard_ratio` gives those.

    Examples
    --------
    >>> from churnlib.targets import survival_target
    >>> X = pd.DataFrame({"calls": [3, 0, 1, 0, 2, 1, 0, 2], "yearly": [0, 1, 0, 0, 1, 0, 1, 0]})
    >>> y = survival_target([1, 0, 1, 1, 1, 0, 0, 1], [20, 90, 35, 60, 70, 80, 90, 50])
    >>> model = CoxModel().fit(X, y)
    >>> model.summary()[["estimate", "hazard_ratio"]].round(2)
                 estimate  hazard_ratio
    coefficient
    calls            1.18          3.25
    yearly          -1.78          0.17
    >>> model.predict_churn_probability(X[:3], horizon=20, given=30).round(2)
    array([0.98, 0.02, 0.3 ])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **StratifiedModel._parameter_constraints,
        "ties": [StrOptions({"efron", "breslow"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "strata": [str, list, tuple, None],
        "baseline": [StrOptions({"efron", "breslow", "kalbfleisch-prentice"})],
        "covariance": [StrOptions({"model", "robust", "cluster"})],
        "future": [StrOptions({"frozen"}), None],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    coef_: FloatArray
    standard_errors_: FloatArray
    covariance_: FloatArray
    means_: FloatArray
    loglik_: float
    loglik_null_: float
    converged_: bool
    reason_: str
    n_iter_: int
    n_events_: int
    baseline_: dict[Any, StepFunction]
    time_varying_: bool

    def __init__(
        self,
        *,
        ties: Ties = "efron",
        alpha: float = 0.0,
        l1_ratio: float = 0.0,
        strata: str | Sequence[str] | None = None,
        baseline: Baseline = "efron",
        covariance: Covariance = "model",
        beyond: str = "raise",
        future: Literal["frozen"] | None = None,
        tol: float = 1e-9,
        max_iter: int = 50,
    ) -> None:
        self.ties = ties
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.strata = strata
        self.baseline = baseline
        self.covariance = covariance
        self.beyond = beyond
        self.future = future
        self.tol = tol
        self.max_iter = max_iter

    # ------------------------------------------------------------------ fit

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None, groups: ArrayLike | None = None) -> Self:
        """Find the coefficients and the baseline.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer, or in each stretch of a customer's time. Numbers, but for the strata.
        y : structured array of shape (n_rows,)
            The survival target, from `survival_target` or ``data.survival``.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers each row stands for; for standard errors with weights that are
            no counts take ``covariance="robust"``.
        groups : array-like of shape (n_rows,), default=None
            The customer of each row, where customers have several.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        DataError
            If nobody was seen to leave, a column holds one value or depends on the others (without a
            penalty), or a stratum or customer is missing.
        ParameterError
            If ``covariance="cluster"`` and there are no groups.

        Warns
        -----
        AssumptionWarning
            If a coefficient runs away to infinity (those who left always had the highest, or
            lowest, value), the search did not converge, or there are fewer events than coefficients.
        """
        data, rows, weight = self._begin(X, y, sample_weight)
        customer = None if groups is None else customer_codes(groups, len(rows))[0]
        if self.covariance == "cluster" and customer is None:
            raise ParameterError(
                message(
                    'covariance="cluster" and no groups',
                    "the customer of each row",
                    "fit(X, y, groups=customers)",
                )
            )
        self._fit(data, rows, weight, customer)
        return self

    def _fit(self, X: Any, rows: SurvivalRows, weight: FloatArray, customer: IntArray | None = None) -> None:
        matrix, codes = parts(X)
        self._follow(matrix, codes, rows, weight, customer)
        data = CoxRows(matrix, rows, None if (weight == 1).all() else weight, codes)
        fit = fit_cox(data, self._settings(), names=self.coef_names_, customer=customer)
        self.coef_, self.means_ = fit.found.beta, fit.means
        self.covariance_ = fit.covariance
        self.standard_errors_ = np.sqrt(np.diagonal(fit.covariance))
        self.loglik_, self.loglik_null_ = fit.found.point.loglik, fit.loglik_null
        self.converged_, self.reason_, self.n_iter_ = fit.found.converged, fit.found.reason, fit.found.n_iter
        self.n_events_ = fit.n_events
        self.baseline_ = dict(zip(self.strata_, fit.baselines, strict=True))
        self.times_ = fit.times
        self._set_ends(codes, rows, weight)

    def _settings(self) -> CoxSettings:
        return CoxSettings(
            ties=self.ties,
            alpha=self.alpha,
            l1_ratio=self.l1_ratio,
            baseline=self.baseline,
            covariance=self.covariance,
            tol=self.tol,
            max_iter=self.max_iter,
        )

    def _follow(
        self,
        matrix: FloatArray,
        codes: IntArray | None,
        rows: SurvivalRows,
        weight: FloatArray,
        customer: IntArray | None,
    ) -> None:
        """See whether features change along the rows of customers; pieces of one stay are censored once, at its end."""
        self.time_varying_ = False
        if customer is None or rows.entry is None:
            return
        paths = find_paths(customer, rows.entry, rows.time)
        place = np.flatnonzero(paths.later)
        here, before = paths.order[place], paths.order[place - 1]
        self.time_varying_ = codes is not None and bool((codes[here] != codes[before]).any())
        for low in range(0, len(place), 8192):
            if self.time_varying_:
                break
            part = slice(low, low + 8192)
            self.time_varying_ = bool((matrix[here[part]] != matrix[before[part]]).any())
        goes_on = paths.touching & ~rows.observed[np.roll(paths.order, 1)]
        if goes_on.any():
            first = paths.order[~goes_on]
            last = paths.order[~np.roll(goes_on, -1)]
            self.censoring_ = censoring_survival(
                rows.time[last] - rows.entry[first], rows.event[last], weight=weight[last]
            )

    # ------------------------------------------------------------------ results

    def summary(self, *, confidence: float = 0.95) -> pd.DataFrame:
        """Show the coefficients with their errors and hazard ratios.

        Parameters
        ----------
        confidence : float, default=0.95
            The coverage that the intervals aim at, between 0 and 1.

        Returns
        -------
        DataFrame
            One row per coefficient: ``estimate``, ``standard_error``, ``lower``, ``upper``,
            ``hazard_ratio`` (how often the hazard, for one unit more) with ``hazard_ratio_lower`` and
            ``hazard_ratio_upper``, ``z`` and ``p_value`` (two-sided, of no effect).

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If the confidence is not between 0 and 1.
        """
        check_is_fitted(self, "coef_")
        half = normal_quantile(confidence) * self.standard_errors_
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            z = self.coef_ / self.standard_errors_
            columns = {
                "estimate": self.coef_,
                "standard_error": self.standard_errors_,
                "lower": self.coef_ - half,
                "upper": self.coef_ + half,
                "hazard_ratio": np.exp(self.coef_),
                "hazard_ratio_lower": np.exp(self.coef_ - half),
                "hazard_ratio_upper": np.exp(self.coef_ + half),
                "z": z,
                "p_value": 2 * ndtr(-np.abs(z)),
            }
        return pd.DataFrame(columns, index=pd.Index(self.coef_names_, name="coefficient"))

    def predict_log_hazard_ratio(self, X: Any) -> FloatArray:
        """Return by how much each row's log hazard exceeds that of mean features.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of shape (n_rows,)
            ``(x − means_)'β``; positive leaves sooner than the customer of the stratum's baseline.
        """
        check_is_fitted(self, "coef_")
        return self._eta(parts(self._read(X, reset=False))[0])

    # ------------------------------------------------------------------ what the base asks for

    def _log_survival(self, X: Any, times: FloatArray) -> FloatArray:
        if self.time_varying_ and self.future is None:
            raise ParameterError(
                message(
                    "features changed over time in fit, and what they will be is not known",
                    "a word on the future",
                    'CoxModel(future="frozen") if they stay as they are; landmark_rows(X, y, at=…, groups=…) to fit on '
                    "what is known at a tenure; predict_along_path(model, X, y, groups=…) for a path that you know",
                )
            )
        return self._log_survival_held(X, times)

    def _log_survival_held(self, X: Any, times: FloatArray) -> FloatArray:
        """Return log S, the features held, whatever they did in fit."""
        matrix, codes = parts(X)
        with np.errstate(over="ignore"):
            relative = np.exp(self._eta(matrix))[:, None]
        if codes is None:
            return _minus_product(relative, self.baseline_[self.strata_[0]](times))
        out = np.empty((len(matrix), times.shape[1]))
        for code in np.unique(codes):
            rows = codes == code
            hazard = self.baseline_[self.strata_[code]](times if len(times) == 1 else times[rows])
            out[rows] = _minus_product(relative[rows], hazard)
        return out

    def _risk(self, X: Any) -> FloatArray:
        matrix, codes = parts(X)
        if codes is None:
            return self._eta(matrix)
        return self._minus_lifetime(X, float(self._ends.min()))

    def _eta(self, matrix: FloatArray) -> FloatArray:
        return np.asarray((matrix - self.means_) @ self.coef_)


def _minus_product(relative: FloatArray, hazard: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", over="ignore"):  # no hazard, however often, is none
        return -np.where(hazard == 0, 0.0, relative * hazard)
