"""The likelihood of hazards by period, with its derivatives, without expanding the person-periods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.survival._clocks import Clock
from churnlib.survival._periods import Periods

__all__ = ["NEVER", "HazardLikelihood", "Link", "Sums", "one_thread"]

Link: TypeAlias = Literal["logit", "cloglog"]

NEVER = 600.0
"""Log-odds of a period in which nobody, or everybody, leaves: e^600 is a float still, and its hazard is 1."""
_CELLS = 1 << 16
"""Numbers of a block that are worked on at once: 512 KiB, which stays in the second cache."""
_MANY_NUMBERS = 1 << 18


def one_thread(size: int) -> AbstractContextManager[Any]:
    """Multiply small blocks on one processor: on a busy machine several mostly wait for each other.

    The sums are then the same on every machine, too.

    Parameters
    ----------
    size : int
        How many numbers there are to work on; a few are not worth the trouble.

    Returns
    -------
    context manager
        Within which numpy multiplies matrices on one thread.
    """
    if size < _MANY_NUMBERS:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    context: AbstractContextManager[Any] = threadpool_limits(limits=1, user_api="blas")
    return context


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Rows next to each other, of one contract, and the periods that some of them were watched in."""

    rows: slice
    periods: slice
    contract: int
    full: bool


@dataclass(slots=True, eq=False)
class Sums:
    """Value and derivatives of the negative log-likelihood, with q columns of features and clock.

    Parameters
    ----------
    value : float
        The negative log-likelihood, with its penalty.
    gradient : ndarray of shape (n_causes, q)
        By the columns.
    hessian : ndarray of shape (n_causes, q, n_causes, q)
        By the columns, twice.
    by_period : ndarray of shape (n_causes, n_periods)
        Gradient by the intercepts of the periods.
    diagonal : ndarray of shape (n_periods, n_causes, n_causes)
        Their Hessian, which is 0 between two periods.
    cross : ndarray of shape (n_causes, q, n_causes, n_periods)
        By columns and intercepts; without periods where no intercept is free.
    """

    value: float
    gradient: FloatArray
    hessian: FloatArray
    by_period: FloatArray
    diagonal: FloatArray
    cross: FloatArray


class HazardLikelihood:
    """The likelihood of grouped binary (or multinomial) data whose rows are spans of periods.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Features, none constant.
    periods : Periods
        Where each row was watched, and what happened.
    weight : ndarray of shape (n_rows,)
        How many customers a row stands for, above 0.
    clock : Clock
        Features of time.
    contract : ndarray of shape (n_rows,), default=None
        The column of the contract.
    n_causes : int, default=1
        How many causes there are.
    link : {"logit", "cloglog"}, default="logit"
        From the linear predictor to the hazard; "cloglog" for one cause.
    l2 : float, default=0.0
        Penalty ``l2 / 2 * sum(coef ** 2)``.

    Notes
    -----
    With hazards ``h_c = e^η_c / (1 + Σ e^η_d)`` and ``η = x'β + α_k`` the derivatives by β of a row need only
    sums over its periods: ``X' diag(Σ_k w) X`` costs rows, not person-periods. Those by the intercepts of
    the periods are column sums, and their Hessian is diagonal, so that a Newton step is solved for β alone
    (Schur's complement). Rows are sorted by the periods they were watched in, and worked on in
    blocks of a rectangle of rows × periods: no more than a block is ever expanded.
    """

    def __init__(
        self,
        X: FloatArray,
        periods: Periods,
        weight: FloatArray,
        clock: Clock,
        *,
        contract: FloatArray | None = None,
        n_causes: int = 1,
        link: Link = "logit",
        l2: float = 0.0,
    ) -> None:
        self.link, self.n_causes, self.clock = link, n_causes, clock
        group, tables = _contract_tables(clock, contract, len(X))
        order = _order(group, periods)
        exposure = weight * periods.exposure
        with one_thread(X.size):
            self.center, self.scale = _moments(X, exposure / exposure.sum())
        self.X = _standardised(X, self.center, self.scale, order)
        self.periods = periods if order is None else periods.take(order)
        self.weight = weight if order is None else weight[order]
        self.unweighted = bool((weight == 1).all()) and periods.whole
        self.tables = tables
        self.blocks = list(_blocks(self.periods, group if order is None else group[order], self.X.shape[1]))
        self.penalty = l2 / self.scale**2
        self.stayed, self.left = periods.counts(weight, n_causes)
        self.fixed, self.free = self._intercepts()

    @property
    def n_columns(self) -> int:
        """Columns of features and clock."""
        return int(self.X.shape[1] + self.tables[0].shape[1])

    def _intercepts(self) -> tuple[FloatArray, BoolArray]:
        """Return the intercepts to begin with, and which of them are to be found; those of no "dummy" are 0."""
        shape = (self.n_causes, self.clock.n_periods)
        if self.clock.kind != "dummy":
            return np.zeros(shape), np.zeros(shape, dtype=bool)
        some = self.left > 0
        stays = self.stayed > 0
        odds = np.where(some, self.left, 1.0) / np.where(stays, self.stayed, 1.0)
        start = np.log(np.log1p(odds) if self.link == "cloglog" else odds)
        fixed = np.where(some, start, -NEVER)
        # Where all leave, the odds against staying are infinite, and only those between causes are left.
        first = np.argmax(self.left, axis=0)
        gone = ~stays & some.any(axis=0)
        fixed[:, gone] = np.where(some, NEVER + start - start[first, np.arange(shape[1])], -NEVER)[:, gone]
        fixed[first[gone], np.flatnonzero(gone)] = NEVER
        free = some & stays
        if self.n_causes > 1:
            free |= some & gone & (np.arange(self.n_causes)[:, None] != first)
        return fixed, free

    def start(self) -> tuple[FloatArray, FloatArray]:
        """Return where to begin: no effect of the features, the clock as all customers together say.

        Returns
        -------
        theta : ndarray of shape (n_causes, n_columns)
            Features, then clock.
        alpha : ndarray of shape (n_causes, n_periods)
            Intercepts of the periods.
        """
        theta = np.zeros((self.n_causes, self.n_columns))
        basis = self.clock.basis
        if basis.shape[1]:
            tenure = slice(self.X.shape[1], self.X.shape[1] + basis.shape[1])
            seen = self.stayed + self.left.sum(axis=0) > 0
            for cause, left in enumerate(self.left):
                odds = np.log((left + 0.1) / (self.stayed + 0.1))[seen]
                root = np.sqrt(left + 0.1)[seen]
                theta[cause, tenure] = np.linalg.lstsq(basis[seen] * root[:, None], odds * root, rcond=1e-8)[0]
        return theta, self.fixed.copy()

    def evaluate(self, theta: FloatArray, alpha: FloatArray) -> Sums:
        """Return the negative penalised log-likelihood and its derivatives.

        Parameters
        ----------
        theta : ndarray of shape (n_causes, n_columns)
            Effects of the standardised features and of the clock.
        alpha : ndarray of shape (n_causes, n_periods)
            Intercepts of the periods.

        Returns
        -------
        Sums
            Value, gradient and Hessian in their parts.
        """
        C, q, K, p = self.n_causes, self.n_columns, self.clock.n_periods, self.X.shape[1]
        sums = Sums(
            0.0,
            np.zeros((C, q)),
            np.zeros((C, q, C, q)),
            np.zeros((C, K)),
            np.zeros((K, C, C)),
            np.zeros((C, q, C, K if self.free.any() else 0)),
        )
        with np.errstate(over="ignore", invalid="ignore"):
            for block in self.blocks:
                self._add(sums, block, theta, alpha)
        coef = theta[:, :p]
        sums.value += float(np.sum(self.penalty * coef**2)) / 2
        sums.gradient[:, :p] += self.penalty * coef
        for cause in range(C):
            sums.hessian[cause, :p, cause, :p] += np.diag(self.penalty)
        return sums

    def _add(self, sums: Sums, block: _Block, theta: FloatArray, alpha: FloatArray) -> None:
        X, p = self.X[block.rows], self.X.shape[1]
        table = self.tables[block.contract][block.periods]
        eta = [
            (X @ coef[:p])[:, None] + (table @ coef[p:] + intercept[block.periods])
            for coef, intercept in zip(theta, alpha, strict=True)
        ]
        value, slopes, bends = (self._logit if self.link == "logit" else self._cloglog)(block, eta)
        sums.value += value
        for cause, slope in enumerate(slopes):
            sums.gradient[cause, :p] += slope.sum(axis=1) @ X
            columns = slope.sum(axis=0)
            sums.gradient[cause, p:] += columns @ table
            sums.by_period[cause, block.periods] += columns
        for (cause, other), bend in bends.items():
            self._add_bend(sums, block, (cause, other), bend, X, table)

    @staticmethod
    def _add_bend(
        sums: Sums, block: _Block, causes: tuple[int, int], bend: FloatArray, X: FloatArray, table: FloatArray
    ) -> None:
        (cause, other), p = causes, X.shape[1]
        columns = bend.sum(axis=0)
        across = X.T @ bend  # (p, periods)
        part = np.empty((p + table.shape[1],) * 2)
        if cause == other:
            root = X * np.sqrt(bend.sum(axis=1))[:, None]
            part[:p, :p] = root.T @ root  # known to be symmetric: half the work
        else:
            part[:p, :p] = X.T @ (X * bend.sum(axis=1)[:, None])
        part[:p, p:] = across @ table
        part[p:, :p] = part[:p, p:].T
        weighted = table * columns[:, None]
        part[p:, p:] = table.T @ weighted
        for one, two in {(cause, other), (other, cause)}:
            sums.hessian[one, :, two] += part
            sums.diagonal[block.periods, one, two] += columns
            if sums.cross.size:
                sums.cross[one, :p, two, block.periods] += across
                sums.cross[one, p:, two, block.periods] += weighted.T

    # ------------------------------------------------------------------ one block

    def _exposure(self, block: _Block) -> FloatArray | None:
        """Return the weight of each cell of a block, 0 where a row was not watched; None where all are 1."""
        if block.full and self.unweighted:
            return None
        rows = block.rows
        first, last, weight = self.periods.first[rows], self.periods.last[rows], self.weight[rows]
        period = np.arange(block.periods.start + 1, block.periods.stop + 1)
        inside = (period >= first[:, None]) & (period <= last[:, None])
        cells = inside * weight[:, None]
        if not self.periods.whole:
            here = np.arange(len(first))
            cells[here, first - period[0]] = weight * self.periods.first_share[rows]
            cells[here, last - period[0]] = weight * self.periods.last_share[rows]
        return np.asarray(cells)

    def _events(self, block: _Block, cause: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Return row and column of the events within a block, and their weight."""
        rows = np.flatnonzero(self.periods.event[block.rows] == cause + 1)
        columns = self.periods.last[block.rows][rows] - 1 - block.periods.start
        return rows, columns, self.weight[block.rows][rows]

    def _logit(
        self, block: _Block, eta: list[FloatArray]
    ) -> tuple[float, list[FloatArray], dict[tuple[int, int], FloatArray]]:
        value, slopes, bends = 0.0, [], {}
        odds = [np.exp(one) for one in eta]
        total = odds[0] if len(odds) == 1 else np.sum(odds, axis=0)
        exposure = self._exposure(block)
        growth = np.log1p(total)
        value += float(growth.sum() if exposure is None else np.vdot(growth, exposure))
        stays = np.divide(1.0, 1.0 + total, out=growth)
        for cause, one in enumerate(odds):
            share = np.multiply(one, stays, out=one)
            slope = share.copy() if exposure is None else share * exposure
            for other in range(cause):
                bends[other, cause] = -slope * odds[other]
            # 1 - share, without the loss of digits where the share is nearly 1
            rest = stays if len(odds) == 1 else stays + sum(odd * stays for odd in self._others(eta, cause))
            bends[cause, cause] = slope * rest
            rows, columns, weight = self._events(block, cause)
            value -= float(weight @ eta[cause][rows, columns])
            slope[rows, columns] -= weight
            slopes.append(slope)
        return value, slopes, bends

    @staticmethod
    def _others(eta: list[FloatArray], cause: int) -> Iterator[FloatArray]:
        return (np.exp(one) for other, one in enumerate(eta) if other != cause)

    def _cloglog(
        self, block: _Block, eta: list[FloatArray]
    ) -> tuple[float, list[FloatArray], dict[tuple[int, int], FloatArray]]:
        """One stays with chance exp(-u), u = e^η; log(1 - exp(-u)) has the slope t = u / (e^u - 1), then t - t² e^u."""
        hazard = np.exp(eta[0])
        rows, columns, weight = self._events(block, 0)
        exposure = self._exposure(block)
        slope = hazard.copy() if exposure is None else hazard * exposure
        slope[rows, columns] = 0.0
        value = float(slope.sum())
        bend = slope.copy()
        u = hazard[rows, columns]
        leaving = -np.expm1(-u)
        value -= float(weight @ np.log(leaving))
        t = u * np.exp(-u) / leaving
        slope[rows, columns] = -weight * t
        bend[rows, columns] = weight * t * (u / leaving - 1.0)
        return value, [slope], {(0, 0): bend}


# ---------------------------------------------------------------------- rows, sorted and cut


def _contract_tables(clock: Clock, contract: FloatArray | None, n_rows: int) -> tuple[IntArray, list[FloatArray]]:
    """Return the number of each row's contract, and for each contract the columns of all periods."""
    basis = clock.basis
    if contract is None or clock.contract is None:
        return np.zeros(n_rows, dtype=np.int64), [basis]
    given = np.where(np.isfinite(contract) & (contract > 0), contract, 0.0)
    values, group = np.unique(given, return_inverse=True)
    codes = clock.contract_codes(values, clock.periods[None, :])
    # Contracts that end beyond the data, or in one period, are one and the same.
    patterns, same = np.unique(codes, axis=0, return_inverse=True)
    tables = [np.column_stack([basis, clock.contract_table[pattern]]) for pattern in patterns]
    return np.asarray(same.reshape(-1)[group.reshape(-1)], dtype=np.int64), tables


def _order(group: IntArray, periods: Periods) -> IntArray | None:
    """Return the order in which rows of the same contract and the same periods are neighbours; None where they are."""
    width = periods.n_periods + 1
    key = (group * width + periods.first) * width + periods.last
    if (key[1:] >= key[:-1]).all():
        return None
    if int(key.max()) < np.iinfo(np.uint16).max:
        key = key.astype(np.uint16)  # sorted by counting
    return np.argsort(key, kind="stable")


def _moments(X: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread over the person-periods, which cutting a row does not move."""
    center = share @ X
    squares = np.zeros(X.shape[1])
    for begin in range(0, len(X), 1 << 14):
        rows = slice(begin, begin + (1 << 14))
        part = X[rows] - center
        squares += np.einsum("i,ij,ij->j", share[rows], part, part)
    return center, np.where(squares > 0, np.sqrt(squares), 1.0)


def _standardised(X: FloatArray, center: FloatArray, scale: FloatArray, order: IntArray | None) -> FloatArray:
    out = np.empty(X.shape)
    for begin in range(0, len(X), 1 << 14):
        rows = slice(begin, begin + (1 << 14))
        part = X[rows] if order is None else X[order[rows]]
        np.subtract(part, center, out=out[rows])
        out[rows] /= scale
    return out


def _blocks(periods: Periods, group: IntArray, n_features: int) -> Iterator[_Block]:
    """Cut sorted rows into blocks of one contract whose rectangle is not much larger than what was watched."""
    first, last = periods.first, periods.last
    ends = [*(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    begin = 0
    for end in ends:
        while begin < end:
            stop = _stop(first, last, begin, end, n_features)
            rows = slice(begin, stop)
            low, high = int(first[rows].min()), int(last[rows].max())
            full = bool((first[rows] == low).all() and (last[rows] == high).all())
            yield _Block(rows, slice(low - 1, high), int(group[begin]), full)
            begin = stop


def _stop(first: Array, last: Array, begin: int, end: int, n_features: int) -> int:
    """Return where a block ends: at a full one, or before the rectangle is more than twice what was watched."""
    stop = min(end, begin + max(1, _CELLS // max(n_features, 1)))
    low = np.minimum.accumulate(first[begin:stop])
    high = np.maximum.accumulate(last[begin:stop])
    rows = np.arange(1, len(low) + 1)
    rectangle = rows * (high - low + 1)
    watched = np.cumsum(last[begin:stop] - first[begin:stop] + 1)
    bad = (rectangle > _CELLS) | ((rectangle > 2 * watched) & (rows > 64))
    return begin + (max(1, int(np.argmax(bad))) if bad.any() else len(low))
