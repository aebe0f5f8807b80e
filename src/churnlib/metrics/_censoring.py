"""Weights that make up for the rows lost from sight: one over the chance to be still watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from churnlib._checks import check_choice, named_rows
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import HistoryError, ParameterError, message, some
from churnlib.metrics._survival_inputs import Watched
from churnlib.numerics import StepFunction, censoring_survival
from churnlib.targets import read_survival_target

__all__ = ["Censoring", "Convention", "read_censoring"]

Convention: TypeAlias = Literal["churnlib", "sksurv", "riskRegression"]
_CONVENTIONS = ("churnlib", "sksurv", "riskRegression")


@dataclass(frozen=True, slots=True, eq=False)
class Censoring:
    """The share G not yet lost from sight, and how a convention reads it.

    Attributes
    ----------
    G : StepFunction
        Of the time since entry.
    end : float
        The last time about which G says anything; infinite where nobody was lost.
    left : bool
        Whether one who left at T is weighted by 1/G(T−), the chance to be watched when
        it happened, or by 1/G(T).
    closed : bool
        Whether one who left exactly at a limit in time counts as within it.
    """

    G: StepFunction
    end: float
    left: bool
    closed: bool

    def of_events(self, times: FloatArray) -> FloatArray:
        """Return 1/G for those who left at these times; infinite where it is not known."""
        share = self.G.left(times) if self.left else self.G(times)
        known = (share > 0) & (times <= self.end)
        weights: FloatArray = np.divide(1.0, share, out=np.full(share.shape, np.inf), where=known)
        return weights

    def scorable(self, times: FloatArray) -> BoolArray:
        """Whether those still here at each time can be weighted."""
        return (self.G(times) > 0) & (times <= self.end)

    def of_survivors(self, times: FloatArray) -> FloatArray:
        """Return 1/G(t) for those still here at t, or refuse times at which nobody is still watched."""
        known = self.scorable(times)
        if known.all():
            weights: FloatArray = 1.0 / self.G(times)
            return weights
        wrong = times[~known]
        raise HistoryError(
            message(
                f"{wrong.size} of {times.size} times cannot be scored (first: {some((f'{t:g}' for t in wrong), 3)}): "
                f"by the rows that censoring is taken from, nobody is still watched at {wrong[0]:g}",
                f"times before {self.limit:g}, counted from the entry",
                f"times=times[times < {self.limit:g}], or censoring from longer histories: train=",
            )
        )

    @property
    def limit(self) -> float:
        """The time from which on nobody can be weighted."""
        lost = np.flatnonzero(self.G.values <= 0)
        return float(self.G.times[lost[0]]) if lost.size else self.end

    def of_events_by(self, watched: Watched, tau: float) -> FloatArray:
        """Return 1/G for those seen to leave by tau, 0 for all others, or refuse what G does not reach."""
        within = watched.time <= tau if self.closed else watched.time < tau
        counted = watched.observed & within & (watched.weight > 0)
        weights = np.zeros(len(watched))
        weights[counted] = self.of_events(watched.time[counted])
        wrong = np.isinf(weights)
        if wrong.any():
            raise HistoryError(
                message(
                    f"{int(wrong.sum())} of {int(counted.sum())} who left did so where, by the rows that censoring is "
                    f"taken from, nobody is still watched ({named_rows(wrong)})",
                    f"times before {self.limit:g}, counted from the entry",
                    f"tau={self.limit:g}, or censoring from longer histories: train=",
                )
            )
        return weights


def read_censoring(watched: Watched, train: Any, convention: str) -> Censoring:
    """Estimate censoring from the training rows, else from the scored rows themselves."""
    chosen = check_choice(convention, _CONVENTIONS, name="convention")
    fitted = train if isinstance(train, StepFunction) else None
    rows = None if train is None or fitted is not None else read_survival_target(train)
    late = watched.rows.entry is not None or (rows is not None and rows.entry is not None)
    if chosen != "churnlib" and late:
        raise ParameterError(
            message(
                f"convention={chosen!r} with delayed entry",
                f"{chosen} takes everybody to be watched from the start",
                "convention='churnlib', which counts time from the entry",
            )
        )
    if fitted is None and rows is None:
        fitted = censoring_survival(watched.time, watched.observed, weight=watched.weight if watched.weighted else None)
    elif rows is not None:
        fitted = censoring_survival(rows.duration, rows.observed)
    assert fitted is not None
    nobody_lost = not fitted.values.size or fitted.values[-1] == 1.0
    return Censoring(
        fitted, np.inf if nobody_lost else float(fitted.times[-1]), chosen != "sksurv", chosen == "riskRegression"
    )
