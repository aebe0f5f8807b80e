"""Names for customers by their scores, so that nobody is without one and no name is without anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import BaseEstimator, Tags, check_is_fitted, clone, fit_context
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.segmentation._scorer import RFMScorer
from churnlib.segmentation._segment_map import Axes, SegmentMap, map_from_cells, map_of_standard_grid
from churnlib.segmentation._segment_rules import RuleReach, map_from_rules, reach_frame
from churnlib.segmentation._settings import known_columns

if TYPE_CHECKING:
    from churnlib._typing import Array, ArrayLike, IntArray

__all__ = ["RFMSegmenter"]

_USUAL_AXES = ("recency_days", "n_orders")


class RFMSegmenter(BaseEstimator):
    r"""Give each customer the name of a segment, by the scores of an `RFMScorer`.

    The map from scores to names is checked at fit: every combination of scores has
    exactly one name, and every rule names somebody. What is missing or out of reach
    is said by name, before a customer falls into a hole.

    Parameters
    ----------
    scorer : RFMScorer or None, default=None
        What makes the scores; a clone of it is fitted. None is ``RFMScorer()``.
    axes : sequence or None, default=None
        The columns that span the map, one for each axis. None is ``recency_days`` by
        ``n_orders`` where both are scored, else the first two scored columns. An axis
        of several columns is the rounded mean of their scores, halves upward:
        ``["recency_days", ("n_orders", "spend_total")]``.
    segments : dict, list of rules or None, default=None
        None: the eleven standard segments, on two axes of five scores. A dict: a name
        for each combination, ``{(5, 1): "New Customers", ...}``, in the order of the axes.
        A list: rules ``("Loyal", {"n_orders": (4, 5)})`` with the lowest and the highest
        score of some columns, both included, of which the first that fits gives the name;
        ``("Others", {})`` at the end takes what is left. Rules name their own columns and take no `axes`.

    Attributes
    ----------
    scorer_ : RFMScorer
        The fitted clone.
    segments_ : tuple of str
        The segments from the best to the worst: by the mean place of their combinations
        between the worst score and the best, over both axes; of equals the better first axis.
    classes_ : ndarray of str objects
        The segments, sorted.
    n_features_in_ : int
        Number of columns scored.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows of the fit came as a frame whose columns are named by text.

    See Also
    --------
    segment_profiles : what the customers of a segment are like.
    migration_matrix : who moved to another segment between two dates.

    Notes
    -----
    The standard segments, recency down and frequency across:

    === ============== =================== =================== ========= ===============
    R\F 1              2                   3                   4         5
    === ============== =================== =================== ========= ===============
    5   New Customers  Potential Loyalist  Potential Loyalist  Champions Champions
    4   Promising      Potential Loyalist  Potential Loyalist  Loyal     Loyal
    3   About to Sleep About to Sleep      Needs Attention     Loyal     Loyal
    2   Hibernating    Hibernating         At Risk             At Risk   Can't Lose Them
    1   Lost           Lost                At Risk             At Risk   Can't Lose Them
    === ============== =================== =================== ========= ===============

    Under scores by quantile a segment can be empty: where most customers bought once,
    their frequency score is 2 or 3 and nobody has 1 (see `RFMScorer`), so that nobody
    is a new customer by this table. Set edges for ``n_orders`` where 1 order shall be score 1.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"recency_days": [3, 200, 40, 10, 90], "n_orders": [9, 1, 2, 4, 1], "spend_total": [900, 20, 35, 300, 60]},
    ...     index=pd.Index(["ann", "bob", "cid", "dee", "eve"], name="customer_id"),
    ... )
    >>> segmenter = RFMSegmenter().fit(table)
    >>> segmenter.table(table)[["rfm_code", "rfm_score", "segment"]]
                rfm_code   rfm_score          segment
    customer_id
    ann              555  100.000000        Champions
    bob              121    8.333333             Lost
    cid              332   41.666667  Needs Attention
    dee              444   75.000000            Loyal
    eve              223   33.333333      Hibernating

    Own rules, and what is wrong with them:

    >>> loyal, champions = ("Loyal", {"n_orders": (4, 5)}), ("Champions", {"recency_days": (5, 5), "n_orders": (5, 5)})
    >>> RFMSegmenter(segments=[loyal, champions, ("Others", {})]).fit(table)
    Traceback (most recent call last):
        ...
    churnlib.exceptions.ParameterError: 1 of 3 rules never apply: ... (rule 2, 'Champions', after 'Loyal'); ...
    >>> RFMSegmenter(segments=[champions, loyal, ("Others", {})]).fit(table).predict(table).tolist()
    ['Champions', 'Others', 'Others', 'Loyal', 'Others']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "scorer": [RFMScorer, None],
        "axes": [list, tuple, None],
        "segments": [dict, list, tuple, None],
    }

    def __init__(
        self,
        scorer: RFMScorer | None = None,
        *,
        axes: Sequence[str | Sequence[str]] | None = None,
        segments: Mapping[tuple[int, ...], str] | Sequence[Any] | None = None,
    ) -> None:
        self.scorer = scorer
        self.axes = axes
        self.segments = segments

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the scorer, then check that every combination of its scores has one name.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            One row per customer, such as `rfm_table` makes; any frame, or an array.
        y : None
            Not used; here so that a Pipeline may pass it.
        sample_weight : array-like of shape (n_rows,), default=None
            Weight of each row; whole numbers stand for repeated rows.

        Returns
        -------
        RFMSegmenter
            Itself.

        Raises
        ------
        ParameterError
            If combinations have no segment, a rule never applies, or the axes are unusable.
        DataError
            If a value is missing or infinite, with column, count and first row.
        SchemaError
            If a column is absent, or does not hold numbers.

        Examples
        --------
        >>> RFMSegmenter().fit([[1, 2], [3, 4]]).classes_.tolist()[:3]
        ['About to Sleep', 'At Risk', "Can't Lose Them"]
        """
        scorer = RFMScorer() if self.scorer is None else clone(self.scorer)
        self.scorer_ = scorer.fit(X, y, sample_weight=sample_weight)
        self._reach: tuple[RuleReach, ...] = ()
        self._map = self._read_segments(self.scorer_.n_scores_)
        self.segments_ = self._map.names
        self.classes_ = np.array(sorted(self.segments_), dtype=object)
        self.n_features_in_ = self.scorer_.n_features_in_
        if hasattr(self.scorer_, "feature_names_in_"):
            self.feature_names_in_ = self.scorer_.feature_names_in_
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        return self

    def predict(self, X: Any) -> Array:
        """Return the segment of each row.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of str objects, shape (n_rows,)
            Each of them in `classes_`.

        Raises
        ------
        DataError
            If a value is missing or infinite, with column, count and first row.
        SchemaError
            If a column is absent, or does not hold numbers.

        Examples
        --------
        >>> RFMSegmenter().fit([[1, 1], [2, 2]]).predict([[9, 9], [0, 0]]).tolist()
        ['Champions', 'Lost']
        """
        check_is_fitted(self)
        scores, _ = self.scorer_._scores(X)
        segments: Array = np.array(self.segments_, dtype=object)[self._find(scores)]
        return segments

    def table(self, X: Any) -> pd.DataFrame:
        """Return scores, total, code and segment of each row, side by side.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_rows, n_features)
            Rows with the columns of the fit.

        Returns
        -------
        DataFrame
            What `RFMScorer.transform` makes, then ``rfm_code`` and ``segment``; with the index of a
            pandas frame. ``segment`` is categorical over all of `segments_`, best first, which is the
            order in which `segment_profiles` and `migration_matrix` show them.

        Examples
        --------
        >>> RFMSegmenter().fit([[1, 1], [2, 2]]).table([[9, 9]])
           x0_score  x1_score  rfm_score rfm_code    segment
        0         5         5      100.0       55  Champions
        """
        check_is_fitted(self)
        scores, index = self.scorer_._scores(X)
        table = self.scorer_._frame(scores, index)
        segment = pd.Categorical.from_codes(self._find(scores), categories=pd.Index(self.segments_))
        return table.assign(rfm_code=self.scorer_._codes(scores), segment=segment)

    def segment_map(self) -> pd.DataFrame:
        """Return the name of every combination of scores.

        Returns
        -------
        DataFrame
            Of two axes: the first down, best first, and the second across. Otherwise a row
            for each combination, best first, with a score for each axis and ``segment``.

        Examples
        --------
        >>> RFMSegmenter().fit([[1, 1], [2, 2]]).segment_map().loc[5, [1, 5]].tolist()
        ['New Customers', 'Champions']
        """
        check_is_fitted(self)
        return self._map.frame()

    def rule_reach(self) -> pd.DataFrame:
        """Return how much of what each rule describes is left for it by the rules before.

        Returns
        -------
        DataFrame
            A row for each rule: ``segment``, ``asked`` and ``reached`` (combinations of
            scores), ``taken_by``. A rule that reaches little of what it asks for stands
            too late in the list. Without rules there are no rows.

        Examples
        --------
        >>> rules = [("Loyal", {"n_orders": (4, 5)}), ("Good", {"n_orders": (3, 5)}), ("Others", {})]
        >>> scorer = RFMScorer(columns=["n_orders"])
        >>> RFMSegmenter(scorer, segments=rules).fit([[1], [2]]).rule_reach().iloc[1:]
             segment  asked  reached     taken_by
        rule
        2       Good      3        1        Loyal
        3     Others      5        2  Loyal, Good
        """
        check_is_fitted(self)
        return reach_frame(self._reach)

    def _find(self, scores: list[IntArray]) -> IntArray:
        """Return the position of each row's segment in `segments_`."""
        return self._map.find(dict(zip(self.scorer_.columns_, scores, strict=True)))

    def _read_segments(self, n_scores: Mapping[str, int]) -> SegmentMap:
        if isinstance(self.segments, list | tuple):
            if self.axes is not None:
                raise ParameterError(
                    message(
                        f"axes={self.axes!r} is given along with rules",
                        "a rule names the columns it looks at",
                        "axes=None",
                    )
                )
            found, self._reach = map_from_rules(self.segments, n_scores)
            return found
        axes = self._read_axes(tuple(n_scores))
        shape = tuple(_n_scores(columns, n_scores) for columns in axes)
        if self.segments is None:
            return map_of_standard_grid(axes, shape)
        return map_from_cells(dict(self.segments), axes, shape)

    def _read_axes(self, scored: tuple[str, ...]) -> Axes:
        if self.axes is not None:
            axes = tuple(tuple(axis) if isinstance(axis, list | tuple) else (axis,) for axis in self.axes)
            _refuse_axes(axes)
            known_columns([column for axis in axes for column in axis], scored, name="axes")
            return axes
        if set(_USUAL_AXES) <= set(scored):
            return tuple((column,) for column in _USUAL_AXES)
        if len(scored) < 2:
            raise ParameterError(
                message(
                    f"X has 1 feature(s): only {scored[0]!r} is scored, and a map of segments has two axes",
                    "two columns, or rules for one",
                    f"segments=[('Top', {{{scored[0]!r}: (5, 5)}}), ('Others', {{}})]",
                )
            )
        return tuple((column,) for column in scored[:2])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def _refuse_axes(axes: Axes) -> None:
    flat = [column for axis in axes for column in axis]
    if not flat or any(not axis for axis in axes):
        raise ParameterError(
            message(f"axes={axes!r} has an axis without a column", "one column or several", "axes=None")
        )
    if not all(isinstance(column, str) for column in flat):
        raise ParameterTypeError(
            message(f"axes={axes!r} is not made of names", "columns are named by text", "axes=['recency_days', ...]")
        )
    twice = sorted({column for column in flat if flat.count(column) > 1})
    if twice:
        raise ParameterError(
            message(
                f"axes names {twice[0]!r} twice", "a column belongs to one axis", f"axes={list(dict.fromkeys(flat))}"
            )
        )


def _n_scores(columns: tuple[str, ...], n_scores: Mapping[str, int]) -> int:
    found = {n_scores[column] for column in columns}
    if len(found) > 1:
        held = ", ".join(f"{column}: {n_scores[column]}" for column in columns)
        raise ParameterError(
            message(
                f"an axis averages columns of different numbers of scores ({held})",
                "the mean needs one scale",
                "one n_bins for all of them",
            )
        )
    return found.pop()
