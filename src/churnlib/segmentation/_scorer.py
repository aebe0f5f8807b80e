"""Recency, frequency and money as scores whose edges are learned once and then stand still."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._checks import as_names, check_choice, check_integer
from churnlib._sklearn import (
    BaseEstimator,
    Interval,
    StrOptions,
    TransformerMixin,
    check_is_fitted,
    fit_context,
)
from churnlib.exceptions import ParameterError, message, some
from churnlib.segmentation._cuts import Cuts, quantile_cuts, threshold_cuts
from churnlib.segmentation._matrix import RFM_COLUMNS, Matrix, read_rows, wanted_columns
from churnlib.segmentation._settings import (
    by_column,
    checked_edges,
    checked_row_weights,
    checked_weights,
    known_columns,
)

if TYPE_CHECKING:
    from churnlib._typing import Array, ArrayLike, FloatArray, IntArray

__all__ = ["RFM_COLUMNS", "RFMScorer"]

_LOWER_IS_BETTER = ("recency_days",)
_STRATEGIES = ("quantile", "threshold")


class RFMScorer(TransformerMixin, BaseEstimator):
    """Score customers 1..n on each column, and 0–100 in all, with edges frozen at fit.

    A score is the number of edges that a value has passed. So equal values always
    have equal scores, a better value never has a lower one, and a customer's score
    moves only when that customer does: scores of two dates can be compared.

    Parameters
    ----------
    columns : str, sequence of str or None, default=None
        What to score. None is ``recency_days``, ``n_orders`` and ``spend_total`` of a
        frame that has all three (its other columns are not looked at), and else every
        column. Behaviour (active days, support of a community) and potential (need,
        referrals) enter by being named. Of a frame the columns are taken by name; the
        columns of an array are given these names in their order, or ``x0``, ``x1``, ….
    n_bins : int or dict, default=5
        Number of scores under "quantile", 2 or more; or one for each column named, and
        5 for the others.
    strategy : {"quantile", "threshold"} or dict, default="quantile"
        "quantile" learns the edges from the mid-rank percentile of the rows of the fit.
        "threshold" takes `edges`. Or one of the two for each column named, and
        "quantile" for the others.
    edges : dict of str to sequence of float, default=None
        For each column under "threshold": where its score changes, ascending, in the
        unit of the column; k edges make k + 1 scores.
    closed : {"right", "left"} or dict, default="right"
        To which interval an edge of `edges` belongs. "right": to the one below,
        (30, 90], so that 90 days still count as "up to 90 days". "left": to the one
        above, [100, 500), so that 100 is "100 and more". Or one for each column named,
        and "right" for the others. Learned edges do not ask: see `score_intervals`.
    lower_is_better : str, sequence of str or None, default=None
        Columns whose small values have the high scores. None is ``recency_days`` where
        that is scored; every other column is better when greater.
    weights : dict of str to float, default=None
        How much a column counts in ``rfm_score``; one that is not named weighs 1.
        ``{"spend_total": 2}`` raises money, where baskets are large.

    Attributes
    ----------
    columns_ : tuple of str
        What is scored, in order.
    edges_ : dict of str to ndarray
        For each column the learned or given edges, ascending, in its unit. An edge may
        belong to either side, and two may be equal; `score_intervals` writes that out.
    n_scores_ : dict of str to int
        The number of scores of each column.
    weights_ : dict of str to float
        The share of each column in ``rfm_score``; they sum to 1.
    n_features_in_ : int
        Number of columns scored.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows of the fit came as a frame whose columns are named by text.

    See Also
    --------
    RFMSegmenter : names for the combinations of scores.
    Tiers : classes A, B, C, D of the total.

    Notes
    -----
    With p = (rows below + ½ rows equal) / rows, the score under "quantile" is
    ``1 + floor(n_bins · p)``, where "below" means worse. A block of equal values takes
    *one* score, that of its middle, and the scale keeps its n scores: with 70 % of
    customers who bought once, all of them have p = 0.35 and score 2 of 5, and nobody
    has score 1. Where that is not what "bought once" shall mean, set the edges:
    ``strategy={"n_orders": "threshold"}, edges={"n_orders": [1, 2, 4, 8]}``.

    The total is ``100 · Σ w (score − 1) / (n − 1)`` with weights w that sum to 1: all
    columns at their worst are 0, all at their best 100, exactly. It is rounded to ten
    decimals, so that a sum of weights such as 0.3 + 0.5 does not fall just short of 80.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {
    ...         "recency_days": [3, 200, 40, 10, 90],
    ...         "n_orders": [9, 1, 1, 4, 1],
    ...         "spend_total": [900, 20, 35, 300, 60.5],
    ...     },
    ...     index=pd.Index(["ann", "bob", "cid", "dee", "eve"], name="customer_id"),
    ... )
    >>> scorer = RFMScorer(weights={"spend_total": 2}).fit(table)
    >>> scorer.transform(table)
                 recency_days_score  n_orders_score  spend_total_score  rfm_score
    customer_id
    ann                           5               5                  5     100.00
    bob                           1               2                  1       6.25
    cid                           3               2                  2      31.25
    dee                           4               4                  4      75.00
    eve                           2               2                  3      37.50
    >>> scorer.rfm_code(table).tolist()
    ['555', '121', '322', '444', '223']

    Next month's customers are scored by the same edges:

    >>> later = pd.DataFrame({"recency_days": [0], "n_orders": [1], "spend_total": [2000]})
    >>> scorer.rfm_code(later).tolist()
    ['525']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "columns": [str, "array-like", None],
        "n_bins": [Interval(numbers.Integral, 2, None, closed="left"), dict],
        "strategy": [StrOptions(set(_STRATEGIES)), dict],
        "edges": [dict, None],
        "closed": [StrOptions({"right", "left"}), dict],
        "lower_is_better": [str, "array-like", None],
        "weights": [dict, None],
    }

    def __init__(
        self,
        *,
        columns: str | Sequence[str] | None = None,
        n_bins: int | Mapping[str, int] = 5,
        strategy: str | Mapping[str, str] = "quantile",
        edges: Mapping[str, Sequence[float]] | None = None,
        closed: str | Mapping[str, str] = "right",
        lower_is_better: str | Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.columns = columns
        self.n_bins = n_bins
        self.strategy = strategy
        self.edges = edges
        self.closed = closed
        self.lower_is_better = lower_is_better
        self.weights = weights

    @fit_context()
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: ARG002
        """Learn the edges of each column.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            One row per customer, such as `rfm_table` makes; any frame, or an array.
        y : None
            Not used; here so that a Pipeline may pass it.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row; whole numbers stand for repeated rows. Edges under
            "threshold" do not depend on it.

        Returns
        -------
        RFMScorer
            Itself.

        Raises
        ------
        DataError
            If a value is missing or infinite (with column, count and first row), or weights are unusable.
        SchemaError
            If a column is absent, or does not hold numbers.
        ParameterError
            If a setting names a column that is not scored, edges do not ascend, or weights are all zero.

        Examples
        --------
        >>> scorer = RFMScorer(columns=["visits"], n_bins=2).fit([[1], [2], [3], [9]])
        >>> scorer.score_intervals()["visits"].tolist()
        ['(2, ∞)', '(-∞, 2]']
        """
        wanted = wanted_columns(X, self.columns)
        table = read_rows(self, X, wanted, fitting=True)
        _refuse_score_called_total(table.names)
        self._by_name = wanted is not None
        self._weights = checked_weights(self.weights, table.names)
        self._cuts = self._learn(table, checked_row_weights(sample_weight, len(table.values)))
        self.columns_ = table.names
        self.edges_ = {name: np.array(cuts.edges) for name, cuts in self._cuts.items()}
        self.n_scores_ = {name: cuts.n_scores for name, cuts in self._cuts.items()}
        self.weights_ = dict(zip(table.names, (w / sum(self._weights) for w in self._weights), strict=True))
        return self

    def transform(self, X: Any) -> Any:
        """Score rows by the edges of the fit.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame or ndarray of shape (n_rows, n_features + 1)
            ``<column>_score`` for each column, a whole number from 1 (worst) to its
            number of scores, and ``rfm_score`` from 0 to 100. A frame comes back as a
            pandas frame with its index, an array as an array of float64; `set_output` decides otherwise.

        Raises
        ------
        DataError
            If a value is missing or infinite, with column, count and first row.
        SchemaError
            If a column is absent, or does not hold numbers.

        Examples
        --------
        >>> RFMScorer(n_bins=2).fit([[1], [2]]).transform([[2], [0]])
        array([[  2., 100.],
               [  1.,   0.]])
        """
        scores, index = self._scores(X)
        if index is None:
            return np.column_stack([*scores, self._total(scores)])
        return self._frame(scores, index)

    def rfm_code(self, X: Any) -> Any:
        """Write the scores of each row as one label, such as "543".

        It is a label and not a number: never average it, ``rfm_score`` is for that.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        Series or ndarray of shape (n_rows,)
            Texts; digits in the order of `columns_`, joined by "-" where a column has
            more than nine scores. A Series named "rfm_code" with the index of a frame, else an array.

        Examples
        --------
        >>> RFMScorer(n_bins=10).fit([[1, 5], [2, 4]]).rfm_code([[2, 4], [0, 0]]).tolist()
        ['8-3', '1-1']
        """
        scores, index = self._scores(X)
        codes = self._codes(scores)
        return codes if index is None else pd.Series(codes, index=index, name="rfm_code")

    def score_intervals(self) -> pd.DataFrame:
        """Write down which values have which score.

        Returns
        -------
        DataFrame
            Indexed by ``score``, best first, a column for each scored column. ``[2, 5)``
            holds 2 and not 5; "none" marks a score that no value can have, because many
            rows of the fit were equal; empty where a column has fewer scores than others.

        Examples
        --------
        >>> scorer = RFMScorer(columns=["recency_days"], strategy="threshold", edges={"recency_days": [30, 90, 180]})
        >>> scorer.fit([[1.0]]).score_intervals()
              recency_days
        score
        4         (-∞, 30]
        3         (30, 90]
        2        (90, 180]
        1         (180, ∞)
        """
        check_is_fitted(self)
        highest = max(self.n_scores_.values())
        scores = range(highest, 0, -1)
        return pd.DataFrame(
            {
                name: [cuts.interval(score) if score <= cuts.n_scores else "" for score in scores]
                for name, cuts in self._cuts.items()
            },
            index=pd.Index(scores, name="score"),
        )

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Name the columns that `transform` makes.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Checked against the columns of the fit; more columns than those are fine. After
            a fit on an array without `columns`, they are the names of its columns.

        Returns
        -------
        ndarray of str objects
            ``<column>_score`` for each column, then ``rfm_score``.

        Raises
        ------
        ParameterError
            If the names do not hold those of the fit.

        Examples
        --------
        >>> RFMScorer().fit([[1.0], [2.0]]).get_feature_names_out().tolist()
        ['x0_score', 'rfm_score']
        """
        check_is_fitted(self)
        names = self.columns_
        if input_features is not None:
            names = self._named(np.asarray(input_features, dtype=object).tolist())
        return np.array([*(f"{name}_score" for name in names), "rfm_score"], dtype=object)

    # ----------------------------------------------------- names and settings

    def _named(self, names: list[str]) -> tuple[str, ...]:
        known = list(getattr(self, "feature_names_in_", ())) or ([] if self.columns is None else list(self.columns_))
        if known and (not set(known) <= set(names) or (not self._by_name and known != names)):
            raise ParameterError(
                message(
                    f"input_features is not equal to feature_names_in_: {some(names)}",
                    f"the columns of the fit are {some(known, 12)}",
                    "scorer.get_feature_names_out()",
                )
            )
        if known:
            return self.columns_
        if len(names) != self.n_features_in_:
            raise ParameterError(
                message(
                    f"input_features should have length equal to number of features ({self.n_features_in_}), "
                    f"got {len(names)}",
                    "a name for each column",
                    "scorer.get_feature_names_out()",
                )
            )
        return tuple(names)

    def _lower_is_better(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        if self.lower_is_better is None:
            return _LOWER_IS_BETTER
        lower = as_names(self.lower_is_better, name="lower_is_better")
        known_columns(lower, columns, name="lower_is_better")
        return lower

    def _n_bins(self, columns: tuple[str, ...]) -> dict[str, int]:
        def check(value: object, name: str) -> int:
            return check_integer(value, name=name, low=2)

        return by_column(self.n_bins, columns, name="n_bins", default=5, check=check)

    def _strategies(self, columns: tuple[str, ...]) -> dict[str, str]:
        def check(value: object, name: str) -> str:
            return check_choice(value, _STRATEGIES, name=name)

        found = by_column(self.strategy, columns, name="strategy", default="quantile", check=check)
        edges = self.edges or {}
        known_columns(list(edges), columns, name="edges")
        _refuse_unmatched(edges, [name for name in columns if found[name] == "threshold"])
        return found

    def _sides(self, columns: tuple[str, ...]) -> dict[str, str]:
        def check(value: object, name: str) -> str:
            return check_choice(value, ("right", "left"), name=name)

        return by_column(self.closed, columns, name="closed", default="right", check=check)

    def _learn(self, table: Matrix, weight: FloatArray | None) -> dict[str, Cuts]:
        lower = self._lower_is_better(table.names)
        strategies, n_bins = self._strategies(table.names), self._n_bins(table.names)
        sides, edges = self._sides(table.names), self.edges or {}
        return {
            name: quantile_cuts(table.column(name), n_bins[name], lower_is_better=name in lower, weight=weight)
            if strategies[name] == "quantile"
            else threshold_cuts(
                checked_edges(edges[name], name), right_closed=sides[name] == "right", lower_is_better=name in lower
            )
            for name in table.names
        }

    # -------------------------------------------------------------- scoring

    def _scores(self, X: Any) -> tuple[list[IntArray], pd.Index | None]:
        check_is_fitted(self)
        table = read_rows(self, X, self.columns_ if self._by_name else None, fitting=False)
        found = [cuts.score(table.values[:, k]) for k, cuts in enumerate(self._cuts.values())]
        return found, table.index

    def _frame(self, scores: list[IntArray], index: pd.Index | None) -> pd.DataFrame:
        columns = [*scores, self._total(scores)]
        return pd.DataFrame(dict(zip(self.get_feature_names_out(), columns, strict=True)), index=index)

    def _total(self, scores: list[IntArray]) -> FloatArray:
        # Summed column by column: a matrix product may round equal rows differently.
        total = np.zeros(len(scores[0]))
        whole = 0.0
        for score, weight, n in zip(scores, self._weights, self.n_scores_.values(), strict=True):
            total += weight * ((score - 1) / (n - 1))
            whole += weight
        return np.round(100.0 * (total / whole), 10)

    def _codes(self, scores: list[IntArray]) -> Array:
        sizes = list(self.n_scores_.values())
        joint = "" if max(sizes) <= 9 else "-"
        texts, position = [""], np.zeros(len(scores[0]), dtype=np.int64)
        # column by column, so that the number of possible codes never matters, only that of those that occur
        for score, n in zip(scores, sizes, strict=True):
            used, position = np.unique(position * n + score - 1, return_inverse=True)
            texts = [f"{texts[cell // n]}{joint}{cell % n + 1}" for cell in used.tolist()]
        return np.array([text.removeprefix(joint) for text in texts], dtype=object)[position]


def _refuse_score_called_total(columns: tuple[str, ...]) -> None:
    if "rfm" in columns:
        raise ParameterError(
            message(
                "a column is named 'rfm', and its score would be called 'rfm_score', as the total is",
                "another name for the column",
                "X.rename(columns={'rfm': 'rfm_value'})",
            )
        )


def _refuse_unmatched(edges: Mapping[str, Any], chosen: list[str]) -> None:
    lacking = [name for name in chosen if name not in edges]
    if lacking:
        raise ParameterError(
            message(
                f"strategy='threshold' has no edges for {len(lacking)} columns ({some(lacking)})",
                "each column under 'threshold' needs its edges",
                f"edges={{{lacking[0]!r}: [...]}}",
            )
        )
    idle = [name for name in edges if name not in chosen]
    if idle:
        raise ParameterError(
            message(
                f"edges are given for {len(idle)} columns that are scored by quantile ({some(idle)})",
                "edges belong to strategy='threshold'",
                f"strategy={{{idle[0]!r}: 'threshold'}}",
            )
        )
