"""Features of time: how long a customer is with us, and how long until the contract ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.interpolate import CubicSpline

from churnlib._typing import Array, FloatArray, IntArray
from churnlib.survival._periods import whole_part

__all__ = ["Clock", "ClockKind", "ContractKind", "knots_by_events"]

ClockKind: TypeAlias = Literal["spline", "dummy", "linear"]
ContractKind: TypeAlias = Literal["term", "end"]

_EVENTS_PER_KNOT = 10
_FEWEST_KNOTS = 2
_MOST_KNOTS = 80
_BITS = ("bound", "ends", "before", "after")
"""What a period is to the contract: it outlasts it, ends in it, in the next, or ended in the last."""


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """The features of time of each person-period.

    Parameters
    ----------
    kind : {"spline", "dummy", "linear"}
        How hazard moves along the tenure.
    length : float
        Length of a period.
    n_periods : int
        How many there are.
    knots : tuple of int, default=()
        Periods at which the spline takes values of its own.
    spikes : tuple of (float, int), default=()
        Tenures that stand out, and the periods in which they fall.
    contract : {"term", "end"} or None, default=None
        What the column of the contract says.
    always_bound : bool, default=False
        Whether every customer has a contract in every period.

    Examples
    --------
    >>> clock = Clock("spline", 1.0, 5, knots=(1, 3, 5), spikes=((2.0, 2),))
    >>> clock.names
    ('clock.1', 'clock.3', 'clock.5', 'clock.spike_2')
    >>> clock.basis[:3].round(3)
    array([[ 1.   ,  0.   ,  0.   ,  0.   ],
           [ 0.406,  0.688, -0.094,  1.   ],
           [ 0.   ,  1.   ,  0.   ,  0.   ]])

    A contract of 3 periods that renews itself: 2, 1, 0 periods are left, then 2 again.

    >>> renewing = Clock("linear", 1.0, 5, contract="term")
    >>> renewing.left(np.array([3.0]), np.arange(1, 6)[None, :])
    array([[2., 1., 0., 2., 1.]])
    """

    kind: ClockKind
    length: float
    n_periods: int
    knots: tuple[int, ...] = ()
    spikes: tuple[tuple[float, int], ...] = ()
    contract: ContractKind | None = None
    always_bound: bool = False

    @property
    def periods(self) -> IntArray:
        """The numbers of the periods, from 1."""
        return np.arange(1, self.n_periods + 1)

    @property
    def tenure_names(self) -> tuple[str, ...]:
        """Names of the columns of `basis`."""
        tenure = {
            "dummy": (),
            "linear": ("clock.intercept", "clock.tenure"),
            "spline": tuple(f"clock.{knot * self.length:g}" for knot in self.knots),
        }[self.kind]
        return (*tenure, *self._spike_names)

    @property
    def _spike_names(self) -> tuple[str, ...]:
        return () if self.kind == "dummy" else tuple(f"clock.spike_{tenure:g}" for tenure, _ in self.spikes)

    @property
    def contract_names(self) -> tuple[str, ...]:
        """Names of the columns of `contract_table`."""
        return () if self.contract is None else tuple(f"clock.contract_{_BITS[bit]}" for bit in self._bits)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that the logistic model sees, besides one intercept for each period of "dummy"."""
        return (*self.tenure_names, *self.contract_names)

    @property
    def _bits(self) -> tuple[int, ...]:
        # Who is always bound is told apart by the end of the contract alone.
        return (1, 2, 3) if self.always_bound else (0, 1, 2, 3)

    @property
    def basis(self) -> FloatArray:
        """What depends on the period alone, of shape (n_periods, n_columns)."""
        periods = self.periods.astype(np.float64)
        columns = {"dummy": self._none, "linear": self._line, "spline": self._spline}[self.kind](periods)
        spikes = [] if self.kind == "dummy" else [self.periods == period for _, period in self.spikes]
        return np.column_stack([columns, *(spike.astype(np.float64) for spike in spikes)])

    @staticmethod
    def _none(periods: FloatArray) -> FloatArray:
        return np.empty((len(periods), 0))

    def _line(self, periods: FloatArray) -> FloatArray:
        return np.column_stack([np.ones(len(periods)), periods * self.length])

    def _spline(self, periods: FloatArray) -> FloatArray:
        return _natural(np.array(self.knots, dtype=np.int64), periods)[0]

    @property
    def contract_table(self) -> FloatArray:
        """What each code of `contract_codes` stands for, of shape (16, n_columns)."""
        codes = np.arange(1 << len(_BITS))
        return np.column_stack([(codes >> bit) & 1 for bit in self._bits]).astype(np.float64)

    def contract_codes(self, contract: FloatArray, periods: IntArray) -> IntArray:
        """Say what each period is to the contract of each row.

        Parameters
        ----------
        contract : ndarray of shape (n_rows,)
            The column of the contract.
        periods : ndarray of shape (n_rows, n) or (1, n)
            Numbers of periods.

        Returns
        -------
        ndarray of shape (n_rows, n)
            Rows of `contract_table`.
        """
        left, since = self._distance(contract, periods)
        with np.errstate(invalid="ignore"):
            bits = (left >= 1, left == 0, left == 1, since == 1)
        codes: IntArray = np.sum([bit.astype(np.int64) << place for place, bit in enumerate(bits)], axis=0)
        return codes

    def left(self, contract: FloatArray, periods: IntArray) -> FloatArray:
        """Count the periods until the contract ends.

        Parameters
        ----------
        contract : ndarray of shape (n_rows,)
            The column of the contract.
        periods : ndarray of shape (n_rows, n) or (1, n)
            Numbers of periods.

        Returns
        -------
        ndarray of shape (n_rows, n)
            0 where it ends in this period; NaN where there is none, or no longer.
        """
        left = self._distance(contract, periods)[0]
        return np.where(left >= 0, left, np.nan)

    def _distance(self, contract: FloatArray, periods: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the periods until the contract ends, and since one last ended; NaN where there is none."""
        given = np.isfinite(contract) & (contract > 0)
        length = np.where(given, contract, np.nan)[:, None]
        with np.errstate(invalid="ignore"):
            if self.contract == "end":
                end = self._period_of(length)
                return end - periods, periods - end
            # The first renewal that lies after the beginning of the period.
            number, _ = whole_part(
                (periods - 1) * self.length + np.zeros_like(length), np.where(given[:, None], length, 1.0)
            )
            following = self._period_of((number + 1) * length)
            previous = np.where(number > 0, self._period_of(number * length), np.nan)
            return following - periods, np.asarray(periods - previous)

    def _period_of(self, tenure: Array) -> FloatArray:
        """Return the period in which a tenure falls; NaN stays NaN."""
        known = np.isfinite(tenure)
        whole, rest = whole_part(np.where(known, tenure, 0.0), self.length)
        return np.where(known, whole + (rest > 0), np.nan)

    def columns(self, periods: IntArray, contract: FloatArray | None = None) -> dict[str, Array]:
        """Return the features of time that a classifier gets.

        Parameters
        ----------
        periods : ndarray of shape (n_cells,)
            Numbers of periods.
        contract : ndarray of shape (n_cells,), default=None
            The column of the contract.

        Returns
        -------
        dict
            Columns by name, each of shape (n_cells,).
        """
        place = periods - 1
        columns: dict[str, Array] = {"clock.tenure": periods * self.length}
        if self.kind == "dummy":
            # The last is all of the others together.
            for period in self.periods[:-1]:
                columns[f"clock.is_{period * self.length:g}"] = (periods == period).astype(np.float64)
        basis, names = self.basis, self.tenure_names
        for position, name in enumerate(names):
            if name not in columns and name != "clock.intercept":
                columns[name] = basis[place, position]
        if contract is not None:
            codes = self.contract_codes(contract, periods[:, None])[:, 0]
            table = self.contract_table
            for position, name in enumerate(self.contract_names):
                columns[name] = table[codes, position]
            columns["clock.contract_left"] = np.nan_to_num(self.left(contract, periods[:, None])[:, 0])
        return columns


def knots_by_events(left: FloatArray, stayed: FloatArray, taken: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Choose the knots of a spline: many to begin with, of which those stay that the events ask for.

    Parameters
    ----------
    left, stayed : ndarray of shape (n_periods,)
        Who left and who stayed, by period.
    taken : tuple of int, default=()
        Periods with an effect of their own.

    Returns
    -------
    tuple of int
        Numbers of periods, ascending; at least one.

    Examples
    --------
    A hazard that is high in the sixth period only:

    >>> stayed, left = np.full(12, 9000.0), np.full(12, 90.0)
    >>> left[5] = 500
    >>> knots_by_events(left, stayed)
    (3, 4, 5, 6, 7, 8, 9)

    Notes
    -----
    Knots are taken away, that with the least evidence first, as long as the loss of likelihood is less than
    Schwarz's criterion allows, where the number of events stands for that of rows (Volinsky and Raftery 2000,
    Biometrics 56, 256-262). Every knot lies where some left and some stayed, and the spline is determined by its
    values at the knots: so no direction of its coefficients can raise the likelihood for ever.
    """
    open_to = np.flatnonzero((left > 0) & (stayed > 0))
    usable = np.setdiff1d(open_to, np.asarray(taken, dtype=np.int64) - 1)
    if not len(usable):
        return (int(np.argmax(left)) + 1,)
    events = left[usable]
    total = float(events.sum())
    n_groups = int(np.clip(total / _EVENTS_PER_KNOT, 1, _MOST_KNOTS))
    middle = np.cumsum(events) - events / 2
    group = np.minimum((middle * n_groups / total).astype(np.int64), n_groups - 1)
    # The period that holds the middle event of its group.
    half = np.bincount(group, weights=events).cumsum() - np.bincount(group, weights=events) / 2
    chosen = np.unique(usable[np.searchsorted(np.cumsum(events), half[np.unique(group)])]) + 1
    periods = np.setdiff1d(np.flatnonzero(left + stayed > 0) + 1, taken)
    odds = np.log((left + 0.5) / (stayed + 0.5))[periods - 1]
    weight = ((left + 0.5) * (stayed + 0.5) / (left + stayed + 1.0))[periods - 1]
    return tuple(_needed(chosen, periods, odds, weight, np.log(max(total, 2.0))))


def _needed(knots: IntArray, periods: IntArray, odds: FloatArray, weight: FloatArray, price: float) -> list[int]:
    """Take knots away while the squared z-value of their jump in the third derivative is below the price."""
    while len(knots) > _FEWEST_KNOTS:
        basis, jumps = _natural(knots, periods.astype(np.float64))
        information = (basis * weight[:, None]).T @ basis
        covariance = np.linalg.pinv(information, hermitian=True)
        jump = jumps @ (covariance @ (basis.T @ (weight * odds)))
        spread = np.einsum("ij,jk,ik->i", jumps, covariance, jumps)
        evidence = jump**2 / np.maximum(spread, 1e-300)
        least = int(np.argmin(evidence))
        if evidence[least] >= price:
            break
        knots = np.delete(knots, least)
    return [int(knot) for knot in knots]


def _natural(knots: IntArray, periods: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the natural cubic spline whose coefficients are its values at the knots, and its jumps there.

    A natural spline goes on as a straight line, and a knot without a jump in the third derivative is none.
    """
    places = knots.astype(np.float64)
    if len(knots) == 1:
        return np.ones((len(periods), 1)), np.zeros((1, 1))
    curve = CubicSpline(places, np.eye(len(knots)), bc_type="natural")
    inside = np.clip(periods, places[0], places[-1])
    basis = curve(inside) + (periods - inside)[:, None] * curve(inside, 1)
    outside = np.zeros((1, len(knots)))
    return np.asarray(basis), np.diff(np.concatenate([outside, curve.c[0], outside]), axis=0)
