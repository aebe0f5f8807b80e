"""Newton's method with an exact Hessian, and an honest word about how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from churnlib._typing import FloatArray

__all__ = ["Evaluate", "Optimum", "minimise"]

Evaluate: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray, FloatArray]]
"""From a point to value, gradient and Hessian of what is to be made small."""

_LONGEST_STEP = 2.0
_FLATTEST = 1e-8
_ARMIJO = 1e-4
_ROUNDING = 1e-14
_STUCK = 1e-7


@dataclass(frozen=True, slots=True)
class Optimum:
    """Where a minimisation ended, and why it ended there.

    Parameters
    ----------
    point : ndarray of shape (k,)
        The last point.
    value : float
        The function there.
    gradient : ndarray of shape (k,)
        Its gradient.
    hessian : ndarray of shape (k, k)
        Its Hessian.
    decrement : float
        Newton's decrement ``g' H⁻¹ g / 2``: how much lower the quadratic model
        says the value could still get. It does not depend on the scale of any
        coordinate, which is why convergence is judged by it.
    n_iter : int
        Evaluations of the function that began an iteration.
    converged : bool
        Whether the decrement is within the tolerance.
    reason : str
        Why it ended, in words.

    Examples
    --------
    >>> bowl = lambda x: (float(x @ x), 2 * x, 2 * np.eye(len(x)))
    >>> minimise(bowl, np.array([3.0, -1.0])).reason
    "Newton's decrement is within the tolerance"
    """

    point: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    decrement: float
    n_iter: int
    converged: bool
    reason: str


def minimise(
    evaluate: Evaluate, start: FloatArray, *, tol: float = 1e-9, max_iter: int = 100, bound: float = np.inf
) -> Optimum:
    """Find a minimum of a smooth function whose Hessian is known.

    Where the Hessian is not positive definite the signs of its negative
    eigenvalues are turned, so that every step leads downhill, off a saddle too; steps are at most
    2 long in any coordinate, and halved until the value falls (Nocedal and
    Wright, Numerical Optimization, 2nd ed., section 3.4).

    Parameters
    ----------
    evaluate : callable
        From a point of shape (k,) to value, gradient and Hessian.
    start : ndarray of shape (k,)
        Where to begin.
    tol : float, default=1e-9
        Converged when Newton's decrement is at most this, in units of the value.
    max_iter : int, default=100
        How many steps to try at most.
    bound : float, default=np.inf
        Stop when a coordinate goes beyond ± this: the minimum lies at infinity.

    Returns
    -------
    Optimum
        The point and why the search ended. Ending early is no error.

    Examples
    --------
    >>> def valley(x):  # Rosenbrock's, with its minimum at (1, 1)
    ...     a, b = x
    ...     value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    ...     gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    ...     hessian = np.array([[2 - 400 * (b - 3 * a * a), -400 * a], [-400 * a, 200.0]])
    ...     return value, gradient, hessian
    >>> minimise(valley, np.array([-1.2, 1.0])).point.round(6)
    array([1., 1.])
    """
    point = np.asarray(start, dtype=float)
    value, gradient, hessian = evaluate(point)
    reason = _LIMIT
    for n_iter in range(1, max_iter + 1):
        step, decrement = _step(gradient, hessian)
        if decrement <= tol:
            # The step is known, and it squares what error is left.
            point = point + step
            return Optimum(point, *evaluate(point), decrement, n_iter, converged=True, reason=_CONVERGED)
        moved = _downhill(evaluate, point, value, gradient, step)
        if moved is None:
            reason = "no step along Newton's direction lowers the value"
            break
        point, value, gradient, hessian = moved
        if np.max(np.abs(point)) > bound:
            reason = "a parameter left the range in which a maximum could lie"
            break
    _, decrement = _step(gradient, hessian)
    converged = reason == _LIMIT and decrement <= tol  # the last step may have led there
    return Optimum(
        point, value, gradient, hessian, decrement, n_iter, converged, reason=_CONVERGED if converged else reason
    )


_CONVERGED = "Newton's decrement is within the tolerance"
_LIMIT = "the limit of iterations was reached"


def _step(gradient: FloatArray, hessian: FloatArray) -> tuple[FloatArray, float]:
    eigenvalues, vectors = np.linalg.eigh(hessian)
    size = np.abs(eigenvalues)
    slopes = vectors.T @ gradient
    # A direction in which the function is flat (no slope, no bend) is not walked along.
    flat = size <= _FLATTEST * max(float(size.max()), 1e-300)
    solved = np.where(flat & (np.abs(slopes) <= _FLATTEST), 0.0, slopes / np.maximum(size, _FLATTEST * size.max()))
    step = -(vectors @ solved)
    decrement = float(slopes @ solved) / 2
    longest = float(np.max(np.abs(step)))
    if np.any(eigenvalues[~flat] < 0):
        decrement = np.inf  # bent the wrong way: no minimum, however small the slope
        if longest < _STUCK:  # on a saddle no slope says which way to go; down the sharpest bend, to either side
            return 0.1 * vectors[:, 0], decrement
    return (step * (_LONGEST_STEP / longest) if longest > _LONGEST_STEP else step), decrement


def _downhill(
    evaluate: Evaluate, point: FloatArray, value: float, gradient: FloatArray, step: FloatArray
) -> tuple[FloatArray, float, FloatArray, FloatArray] | None:
    slope = float(gradient @ step)
    share = 1.0
    while share > 1e-10:
        there = point + share * step
        result = evaluate(there)
        if np.isfinite(result[0]) and result[0] <= value + _ARMIJO * share * slope + _ROUNDING * abs(value):
            return there, *result
        share /= 2
    return None
