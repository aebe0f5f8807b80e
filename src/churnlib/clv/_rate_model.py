"""Base of the models in which a living customer buys at a rate of their own, at any time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from churnlib.clv._design import RowDerivatives, RowProblem, Term
from churnlib.clv._histories import UniqueHistories
from churnlib.clv._purchase_model import PurchaseModel

__all__ = ["RateModel"]


class RateModel(PurchaseModel):
    """Base of BG/NBD, MBG/NBD and Pareto/NBD: what they take, and how their likelihood is put together.

    Covariates shift the rate of buying and the chance to leave. With any of them the
    likelihood is summed row by row; without, from tables of distinct purchases and times.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PurchaseModel._parameter_constraints,
        "purchase_covariates": ["array-like", str, None],
        "dropout_covariates": ["array-like", str, None],
    }

    def __init__(
        self,
        *,
        horizon: float | None = None,
        purchase_covariates: Sequence[str] | str | None = None,
        dropout_covariates: Sequence[str] | str | None = None,
        l2: float = 0.0,
        tol: float = 1e-9,
        max_iter: int = 100,
        covariance: str | None = "hessian",
    ) -> None:
        self.horizon = horizon
        self.purchase_covariates = purchase_covariates
        self.dropout_covariates = dropout_covariates
        self.l2 = l2
        self.tol = tol
        self.max_iter = max_iter
        self.covariance = covariance

    _start: ClassVar[Sequence[float]]
    """Logarithms of the scaled parameters at which the search begins."""

    @abstractmethod
    def _rows(self, data: UniqueHistories, scale: float) -> RowDerivatives:
        """Return the derivatives of the log-likelihood of each row, times multiplied by `scale`."""

    @abstractmethod
    def _tables(self, terms: Sequence[Term], data: UniqueHistories, scale: float, offset: float) -> RowProblem:
        """Return the likelihood without covariates, from tables."""

    def _problem(self, data: UniqueHistories, scale: float) -> RowProblem:
        # A density of x purchases is one per time to the power of x.
        offset = float(data.weight @ data.x) * float(np.log(scale))
        terms = [
            Term(
                name,
                unit=1 / scale if name in self._scale_parameters else 1.0,
                sign=-1 if name in self._scale_parameters else 1,
                covariates=self._covariates_of(name),
                values=self._columns_of(name, data.covariates),
            )
            for name in self._parameter_names
        ]
        if self._covariates():
            return RowProblem(terms, self._rows(data, scale), data.weight, start=np.array(self._start), offset=offset)
        return self._tables(terms, data, scale, offset)
