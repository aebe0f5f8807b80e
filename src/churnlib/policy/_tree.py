"""A policy that fits on a card: a shallow tree of actions, chosen for what it earns."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import named_rows
from churnlib._sklearn import BaseEstimator, Interval, Tags, check_is_fitted, fit_context, validate_data
from churnlib._typing import Array, ArrayLike, FloatArray
from churnlib.exceptions import DataError, HistoryError, ParameterError, message
from churnlib.model_selection import grouped_folds
from churnlib.numerics import normal_quantile
from churnlib.policy._tree_search import Node, bins_of, grow
from churnlib.targets import is_uplift_target
from churnlib.uplift import DRScores, dr_scores

__all__ = ["PolicyTree", "TreeValue"]


@dataclass(frozen=True, slots=True)
class TreeValue:
    """What following a tree is worth per customer, against doing nothing.

    Parameters
    ----------
    value : float
        Estimate, in units of the scores.
    standard_error : float
        Its standard error; rows of one customer count together.
    low, high : float
        The interval.
    n : int
        Customers.

    Examples
    --------
    >>> TreeValue(1.5, 0.5, 0.52, 2.48, 400)
    TreeValue(1.5 per customer, 0.52 to 2.48, 400 customers)
    """

    value: float
    standard_error: float
    low: float
    high: float
    n: int

    def __repr__(self) -> str:
        return f"TreeValue({self.value:.3g} per customer, {self.low:.3g} to {self.high:.3g}, {self.n:,} customers)"


class PolicyTree(BaseEstimator):
    """Choose an action by at most a few questions, so that the mean score less cost is largest.

    The tree maximises what it earns on doubly robust scores, not the accuracy of an effect:
    a leaf gets the action whose mean score less cost is largest there, or none if all are
    negative. Trees of depth 1 and 2 are the best there are on the binned features; deeper
    ones take at each split the first of the best pair. It needs scores whose mean over any group
    is the effect on that group: those of `dr_scores`, or of a trial with known propensities.

    Parameters
    ----------
    max_depth : int, default=2
        Questions asked of a customer at most.
    min_leaf : int, default=100
        Fewest rows of a leaf. The mean of few scores is noise, and the search picks the luckiest.
    max_bins : int, default=32
        Bins of each feature; thresholds lie between them. A feature of fewer distinct values keeps all.

    Attributes
    ----------
    actions_ : ndarray of shape (n_actions + 1,)
        Names, ``"none"`` first.
    root_ : Node
        The tree.
    missing_ : ndarray of bool of shape (n_features,)
        Whether a feature had missing values.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray
        Their names, when they are text.

    References
    ----------
    Athey, Wager (2021), Policy learning with observational data, Econometrica 89(1).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"complaints": rng.integers(0, 5, 2000), "tenure": rng.uniform(0, 24, 2000)})
    >>> effect = np.where((X["complaints"] >= 3) & (X["tenure"] < 12), 9.0, -1.0)
    >>> scores = pd.Series(effect + rng.normal(0, 3, 2000), name="call")
    >>> tree = PolicyTree().fit(X, scores, cost=2.0)
    >>> print(tree.rules())
    if tenure <= 12.1122 and complaints <= 2.5: none (628 customers)
    if tenure <= 12.1122 and complaints > 2.5: call (434 customers, worth 7.05 each)
    if tenure > 12.1122: none (938 customers)
    >>> tree.predict_action(X.iloc[:3]).tolist()
    ['call', 'none', 'none']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_depth": [Interval(numbers.Integral, 1, 10, closed="both")],
        "min_leaf": [Interval(numbers.Integral, 1, None, closed="left")],
        "max_bins": [Interval(numbers.Integral, 2, 1024, closed="both")],
    }
    __metadata_request__fit: ClassVar[dict[str, bool]] = {"cost": True}
    __metadata_request__score: ClassVar[dict[str, bool]] = {"cost": True}

    def __init__(self, *, max_depth: int = 2, min_leaf: int = 100, max_bins: int = 32) -> None:
        self.max_depth = max_depth
        self.min_leaf = min_leaf
        self.max_bins = max_bins

    @fit_context()
    def fit(self, X: Any, y: Any, *, cost: ArrayLike | None = None) -> Self:
        """Grow the tree.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What was known of each customer before the action; numbers. Missing values go
            left at every split.
        y : array-like of shape (n_rows,) or (n_rows, n_actions), DRScores, or uplift target
            Scores of each action against doing nothing, in money or another unit; larger is better.
            A frame names the actions by its columns, a Series the only one by its name. An
            uplift target is turned into scores by `dr_scores`.
        cost : float or array-like, default=None
            What an action costs in the unit of the scores: a number, one for each action, one for each row
            when there is one action, or one for each row and action. None for nothing.

        Returns
        -------
        PolicyTree
            Itself.

        Raises
        ------
        DataError
            If there are no scores, one is not finite, lengths differ, or the scores are named "churn".
        ParameterError
            If the cost is negative, not finite, or of another shape.
        """
        table = validate_data(self, X, reset=True, dtype=np.float64, ensure_all_finite="allow-nan")
        reward, self.actions_ = _rewards(X, y, cost, table.shape[0])
        self.missing_ = np.isnan(table).any(axis=0)
        self.root_ = grow(
            bins_of(table, self.max_bins),
            reward,
            np.arange(table.shape[0]),
            depth=self.max_depth,
            min_leaf=self.min_leaf,
        )
        return self

    def predict(self, X: Any) -> npt.NDArray[np.int16]:
        """Return the action for each row: its column in the scores, -1 for none.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of int16 of shape (n_rows,)
            Columns, as in `Solution`.

        Examples
        --------
        >>> PolicyTree(min_leaf=1).fit([[0], [1]], [-1.0, 2.0]).predict([[0], [1]])
        array([-1,  0], dtype=int16)
        """
        check_is_fitted(self)
        table = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return _walked(self.root_, table)

    def predict_action(self, X: Any) -> Array:
        """Return the name of the action for each row, ``"none"`` for none.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What is known of each customer.

        Returns
        -------
        ndarray of str of shape (n_rows,)
            Actions.

        Examples
        --------
        >>> PolicyTree(min_leaf=1).fit([[0], [1]], [-1.0, 2.0]).predict_action([[0], [1]])
        array(['none', 'action 1'], dtype='<U8')
        """
        arm = self.predict(X)
        names: Array = self.actions_[arm + 1]
        return names

    def score(self, X: Any, y: Any, *, cost: ArrayLike | None = None) -> float:
        """Return the mean of what the tree's actions earn on scores it has not seen; larger is better.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What was known of each customer.
        y : array-like, DRScores, or uplift target
            Scores, as for `fit`.
        cost : float or array-like, default=None
            Costs, as for `fit`.

        Returns
        -------
        float
            Per row, against doing nothing.

        Examples
        --------
        >>> PolicyTree(min_leaf=1).fit([[0], [1]], [-1.0, 2.0]).score([[1], [1]], [1.0, 2.0])
        1.5
        """
        arm = self.predict(X)
        reward = _rewards(X, y, cost, arm.size)[0]
        return float(reward[np.arange(arm.size), arm + 1].mean())

    def rules(self) -> str:
        """Return the tree as text, one line for each leaf.

        Returns
        -------
        str
            What leads to the leaf, its action, its customers, and what the action is worth for each of
            them *on the rows it was chosen by*, which is too much: see `honest_value`.

        Examples
        --------
        >>> print(PolicyTree(min_leaf=1).fit([[0], [1]], [-1.0, 2.0]).rules())
        if x0 <= 0.5: none (1 customer)
        if x0 > 0.5: action 1 (1 customer, worth 2 each)
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(self.n_features_in_)])
        return "\n".join(_lines(self.root_, [str(name) for name in names], self.missing_, self.actions_, ()))

    def honest_value(
        self,
        X: Any,
        y: Any,
        *,
        cost: ArrayLike | None = None,
        cv: int = 5,
        confidence: float = 0.95,
        random_state: int = 0,
    ) -> TreeValue:
        """Estimate what trees grown like this are worth, each judged on customers it has not seen.

        The customers are dealt into folds; for each a clone is grown on the others and its actions
        are scored on the fold. Doubly robust scores make the mean unbiased for trees grown
        on a share of ``(cv − 1)/cv`` of the data, and a little low for one grown on all.

        Parameters
        ----------
        X : frame or array-like of shape (n_rows, n_features)
            What was known of each customer. Rows of one customer, told by the index level
            ``customer_id``, stay in one fold and count together.
        y : array-like, DRScores, or uplift target
            Scores, as for `fit`.
        cost : float or array-like, default=None
            Costs, as for `fit`.
        cv : int, default=5
            Number of folds.
        confidence : float, default=0.95
            Share of such intervals that hold the value.
        random_state : int, default=0
            Seed of the folds.

        Returns
        -------
        TreeValue
            Per row, with its interval.

        Raises
        ------
        HistoryError
            If there are fewer customers than folds.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(1000, 1))
        >>> PolicyTree().honest_value(x, 2 * (x[:, 0] > 0) - 1 + rng.normal(size=1000))
        TreeValue(0.49 per customer, 0.436 to 0.544, 1,000 customers)
        """
        from churnlib._sklearn import clone

        z = normal_quantile(confidence)
        n = len(X)
        reward, _ = _rewards(X, y, cost, n)
        index = getattr(X, "index", None)
        named = isinstance(index, pd.Index) and "customer_id" in index.names
        groups = index.get_level_values("customer_id") if named and index is not None else None
        customer = np.arange(n) if groups is None else pd.factorize(groups)[0]
        n_customers = int(customer.max(initial=-1)) + 1
        if n_customers < cv:
            raise HistoryError(
                message(f"{n_customers} customers cannot be dealt into {cv} folds", "a customer for each", "cv=2")
            )
        fold = grouped_folds(np.zeros(n, dtype=np.int64), groups, n_folds=cv, seed=random_state)
        earned = np.empty(n)
        for part in range(cv):
            out = np.flatnonzero(fold == part)
            rest = np.flatnonzero(fold != part)
            tree = clone(self).fit(_rows(X, rest), reward[rest, 1:])
            earned[out] = reward[out, tree.predict(_rows(X, out)) + 1]
        value = float(earned.mean())
        apart = np.bincount(customer, weights=earned - value)
        error = float(np.sqrt(np.square(apart).sum() * n_customers / max(n_customers - 1, 1))) / n
        return TreeValue(value, error, value - z * error, value + z * error, n_customers)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _rows(X: Any, rows: npt.NDArray[Any]) -> Any:
    return X.iloc[rows] if hasattr(X, "iloc") else np.asarray(X)[rows]


def _rewards(X: Any, y: Any, cost: ArrayLike | None, n_rows: int) -> tuple[FloatArray, Array]:
    """Return the reward of doing nothing (0) and of each action, and the names."""
    if y is None:
        raise DataError(
            message(
                "PolicyTree requires y to be passed, but the target y is None",
                "scores of each action, larger is better",
                "PolicyTree().fit(X, dr_scores(X, target))",
            )
        )
    if getattr(y, "name", None) == "churn":
        raise DataError(
            message(
                "the scores are a Series named 'churn'",
                "larger is better: effects on retention or money",
                "PolicyTree().fit(X, dr_scores(X, uplift_target(churned=y, ...)))",
            )
        )
    if is_uplift_target(y):
        y = dr_scores(X, y)
    if isinstance(y, DRScores):
        names, table = y.arms[1:].tolist(), np.asarray(y.values, dtype=np.float64)
    else:
        names, table = _named(y), np.asarray(y, dtype=np.float64)
    table = table.reshape(-1, 1) if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[0] != n_rows:
        raise DataError(
            message(f"the scores have shape {table.shape}, X has {n_rows} rows", "one score per row", "y=scores[rows]")
        )
    wrong = ~np.isfinite(table).all(axis=1)
    if wrong.any():
        raise DataError(
            message(f"a score is not finite in {named_rows(np.asarray(wrong))}", "a number for each row and action")
        )
    net = table - _costs(cost, table.shape)
    titles = names or [f"action {place}" for place in range(1, table.shape[1] + 1)]
    return np.column_stack([np.zeros(n_rows), net]), np.array(["none", *map(str, titles)])


def _named(y: Any) -> list[Any]:
    if hasattr(y, "columns"):
        return list(y.columns)
    name = getattr(y, "name", None)
    return [] if name is None else [name]


def _costs(cost: ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    if cost is None:
        return np.zeros(shape)
    found = np.asarray(cost, dtype=np.float64)
    if found.ndim == 1 and shape[1] == 1 and found.shape == shape[:1]:
        found = found[:, None]
    if found.shape not in ((), shape[1:], shape):
        raise ParameterError(
            message(
                f"cost has shape {found.shape}, the scores have {shape}",
                "a number, one for each action, or one for each row and action",
                "cost=2.0",
            )
        )
    if not (np.isfinite(found).all() and (found >= 0.0).all()):
        raise ParameterError(
            message("a cost is negative or not finite", "an action costs at least 0", "cost=cost.clip(min=0)")
        )
    return found


def _walked(root: Node, table: FloatArray) -> npt.NDArray[np.int16]:
    arm = np.empty(table.shape[0], dtype=np.int16)
    waiting = [(root, np.arange(table.shape[0]))]
    while waiting:
        node, rows = waiting.pop()
        if node.left is None or node.right is None:
            arm[rows] = node.action - 1
            continue
        value = table[rows, node.feature]
        left = np.isnan(value) | (value <= node.threshold)
        waiting += [(node.left, rows[left]), (node.right, rows[~left])]
    return arm


def _lines(
    node: Node, names: list[str], missing: Array, actions: Array, path: tuple[tuple[int, str, float], ...]
) -> list[str]:
    if node.left is None or node.right is None:
        customers = f"{node.n:,} customer{'' if node.n == 1 else 's'}"
        worth = f", worth {node.reward:.3g} each" if node.action else ""
        asked = dict.fromkeys(feature for feature, _, _ in path)
        parts = [_between(path, feature, names[feature], may_miss=bool(missing[feature])) for feature in asked]
        when = f"if {' and '.join(parts)}" if parts else "always"
        return [f"{when}: {actions[node.action]} ({customers}{worth})"]
    left, right = (node.feature, "<=", node.threshold), (node.feature, ">", node.threshold)
    return [
        *_lines(node.left, names, missing, actions, (*path, left)),
        *_lines(node.right, names, missing, actions, (*path, right)),
    ]


def _between(path: tuple[tuple[int, str, float], ...], feature: int, name: str, *, may_miss: bool) -> str:
    """Say all that a path asks of one feature; missing values are below every number."""
    high = min((edge for asked, sign, edge in path if asked == feature and sign == "<="), default=np.inf)
    lows = [edge for asked, sign, edge in path if asked == feature and sign == ">"]
    low = max(lows, default=-np.inf)
    if high == -np.inf:
        return f"{name} is missing"
    if low == -np.inf and high == np.inf:
        return f"{name} is known"
    if low == -np.inf:
        return f"({name} <= {high:.6g} or missing)" if may_miss and not lows else f"{name} <= {high:.6g}"
    return f"{name} > {low:.6g}" if high == np.inf else f"{low:.6g} < {name} <= {high:.6g}"
