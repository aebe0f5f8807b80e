"""Groups of customers found by k-means, with the reason for their number."""

from __future__ import annotations

import numbers
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._sklearn import (
    BaseEstimator,
    ClusterMixin,
    Interval,
    StrOptions,
    check_is_fitted,
    fit_context,
)
from churnlib._typing import FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, nearest, some
from churnlib.segmentation._matrix import Matrix, read_rows, wanted_columns
from churnlib.segmentation._scales import Scale, learn_scale

__all__ = ["RFMClusterSegmenter"]


class RFMClusterSegmenter(ClusterMixin, BaseEstimator):
    """Clusters of customers by k-means, numbered from the lowest to the highest spend.

    Recency, frequency and money are skewed and in different units: each is brought to one
    footing, frozen at fit, before distances mean anything. Which k is best is judged on two
    grounds, both shown: how well the clusters stand apart (silhouette), and whether other
    customers would give the same ones (stability). Clusters describe; a grid such as
    `RFMSegmenter` stays where it is when customers move, and is easier to explain.

    Parameters
    ----------
    n_clusters : int or None, default=None
        How many clusters; None chooses from `k_range`.
    k_range : tuple of two ints
        Smallest and largest k to look at, both included.
    columns : str, sequence of str or None, default=None
        What to cluster by. None is ``recency_days``, ``n_orders`` and ``spend_total`` of a frame
        that has all three, and else every column.
    scaling : {"log", "rank", "none"}, default="log"
        "log" is ``sign(x) log(1 + |x|)``, "rank" the mid-rank percentile among the rows of the
        fit; every column is then standardised.
    order_by : str or None, default=None
        The column by whose mean clusters are numbered, from the lowest. None is
        ``spend_total`` where it is there, and else the last column.
    min_stability : float, default=0.8
        The chosen k has the highest silhouette among those that are at least so stable,
        or is the most stable one where none is. Of equals the smaller k.
    n_refits : int, default=5
        How many times customers are split into halves to measure the stability.
    sample_rows : int, default=5000
        At most so many rows, drawn once, for silhouette and stability, whose cost grows fast.
    n_init : int, default=10
        Starts of each k-means, of which the best counts.
    random_state : int, RandomState or None, default=None
        Seed of starts, splits and the sample. None means 0: equal customers give equal bytes, in
        whatever order their rows stand.

    Attributes
    ----------
    selection_ : DataFrame
        A row for each k looked at: ``k``; ``inertia``, the sum of squared distances to the centres,
        which falls with every k and chooses nothing; ``silhouette``, −1 to 1, higher is better;
        ``stability``, the mean adjusted Rand index between clusters learned on two halves of
        the customers, 1 = the same, 0 = chance; and ``chosen``.
    n_clusters_ : int
        The k in use.
    cluster_centers_ : ndarray of shape (n_clusters, n_columns)
        Centres on the common footing.
    profile_ : DataFrame
        Indexed by ``cluster``: ``customers``, ``share``, and the centre in each column's own unit.
    labels_ : ndarray of shape (n_customers,)
        Clusters of the rows of the fit. It is as long as they are, and all of them that is kept.
    columns_ : tuple of str
        What is clustered by.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray
        Names of the columns, where the rows of the fit were a frame.

    See Also
    --------
    RFMSegmenter : Eleven named segments by a fixed grid.

    Notes
    -----
    Silhouette: Rousseeuw 1987, J. Comput. Appl. Math. 20, 53–65. Adjusted Rand index: Hubert and
    Arabie 1985, J. Classif. 2, 193–218. Both halves' clusters are carried to all sampled
    customers by the nearest centre before they are compared (Lange et al. 2004, Neural
    Comput. 16, 1299–1323). k-means runs on one thread, so that sums are added in one order.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> spend = np.concatenate([rng.lognormal(3, 0.3, 150), rng.lognormal(7, 0.3, 50)])
    >>> X = pd.DataFrame({"recency_days": 200 - 20 * np.log(spend), "n_orders": spend // 20, "spend_total": spend})
    >>> model = RFMClusterSegmenter(k_range=(2, 4)).fit(X)
    >>> model.selection_.loc[model.selection_["chosen"], ["k", "stability"]]
       k  stability
    0  2        1.0
    >>> model.profile_["customers"].tolist(), model.predict(X.iloc[[0, -1]]).tolist()
    ([150, 50], [0, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "k_range": [tuple, list],
        "columns": [str, tuple, list, None],
        "scaling": [StrOptions({"log", "rank", "none"})],
        "order_by": [str, None],
        "min_stability": [Interval(numbers.Real, 0, 1, closed="both")],
        "n_refits": [Interval(numbers.Integral, 1, None, closed="left")],
        "sample_rows": [Interval(numbers.Integral, 100, None, closed="left")],
        "n_init": [Interval(numbers.Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int | None = None,
        *,
        k_range: tuple[int, int] = (2, 8),
        columns: Any = None,
        scaling: str = "log",
        order_by: str | None = None,
        min_stability: float = 0.8,
        n_refits: int = 5,
        sample_rows: int = 5_000,
        n_init: int = 10,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.k_range = k_range
        self.columns = columns
        self.scaling = scaling
        self.order_by = order_by
        self.min_stability = min_stability
        self.n_refits = n_refits
        self.sample_rows = sample_rows
        self.n_init = n_init
        self.random_state = random_state

    @fit_context()
    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Learn the footing of each column, choose k, and find the centres.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_customers, n_columns)
            One row per customer, such as `rfm_table` gives.
        y : None
            Not used.

        Returns
        -------
        RFMClusterSegmenter
            Itself.

        Raises
        ------
        DataError
            If numbers are missing or infinite, or there are fewer different customers than clusters.
        SchemaError
            If a column is missing or holds no numbers.
        ParameterError
            If `k_range` is no ascending pair, or `order_by` is no column.

        Examples
        --------
        >>> X = np.array([[1.0], [2.0], [100.0], [120.0]])
        >>> RFMClusterSegmenter(2).fit(X).labels_.tolist()
        [0, 0, 1, 1]
        """
        seed = _seed(self.random_state)
        table = self._read(X, fitting=True)
        rows = table.values
        # customers in one order, so that theirs leaves no trace in starts, splits and sums
        table = Matrix(table.names, rows[np.lexsort(rows.T[::-1])], None)
        self.columns_ = table.names
        leading = self._order_column()
        self._scales: tuple[Scale, ...] = tuple(learn_scale(table.column(name), self.scaling) for name in table.names)
        scaled = self._scaled(table)
        of, distinct = _distinct(scaled)
        with _one_thread():
            found = {k: _k_means(scaled, k, self.n_init, seed) for k in self._candidates(distinct)}
            self.selection_ = self._selection(scaled, of, found, seed)
        self.n_clusters_ = int(self.selection_["k"][self.selection_["chosen"]].iloc[0])
        centers = found[self.n_clusters_][0]
        labels = _nearest(scaled, centers)
        size = np.bincount(labels, minlength=len(centers))
        mean = np.bincount(labels, table.column(leading), minlength=len(centers)) / np.maximum(size, 1)
        # by the mean, and where two are equal by their centres, so that no order is left to chance
        order = np.lexsort((*centers.T[::-1], mean))
        self.cluster_centers_ = centers[order]
        self.labels_: IntArray = _nearest(self._scaled(Matrix(table.names, rows, None)), self.cluster_centers_)
        self.profile_ = self._profile(np.bincount(self.labels_, minlength=len(centers)))
        return self

    def predict(self, X: Any) -> IntArray:
        """Return the cluster of each customer, by the nearest centre.

        Parameters
        ----------
        X : DataFrame or array-like of shape (n_customers, n_columns)
            Rows with the columns of the fit.

        Returns
        -------
        ndarray of shape (n_customers,)
            0 to ``n_clusters_ - 1``, the last being the cluster with the highest spend.

        Raises
        ------
        DataError
            If numbers are missing or infinite.
        SchemaError
            If a column is missing or holds no numbers.

        Examples
        --------
        >>> model = RFMClusterSegmenter(2).fit(np.array([[1.0], [2.0], [100.0], [120.0]]))
        >>> model.predict([[90.0], [0.0]]).tolist()
        [1, 0]
        """
        check_is_fitted(self)
        return _nearest(self._scaled(self._read(X, fitting=False)), self.cluster_centers_)

    # -- reading --------------------------------------------------------------------------

    def _read(self, X: Any, *, fitting: bool) -> Matrix:
        if fitting:
            self._by_name = wanted_columns(X, self.columns)
        return read_rows(self, X, self._by_name, fitting=fitting, ensure_min_samples=2 if fitting else 1)

    def _scaled(self, table: Matrix) -> FloatArray:
        scaled = [scale.forward(table.values[:, k]) for k, scale in enumerate(self._scales)]
        return np.column_stack(scaled)

    def _order_column(self) -> str:
        if self.order_by is None:
            return "spend_total" if "spend_total" in self.columns_ else self.columns_[-1]
        if self.order_by not in self.columns_:
            raise ParameterError(
                message(
                    f"order_by={self.order_by!r} is no column ({nearest(self.order_by, self.columns_)})",
                    f"clusters are numbered by one of {some(self.columns_, 12)}",
                    f"order_by={self.columns_[-1]!r}",
                )
            )
        return self.order_by

    # -- choosing -------------------------------------------------------------------------

    def _candidates(self, distinct: int) -> list[int]:
        """Return the numbers of clusters to look at."""
        if self.n_clusters is not None:
            low = high = int(self.n_clusters)
        else:
            pair = [int(value) for value in list(self.k_range) if _is_whole(value)]
            if not len(pair) == len(list(self.k_range)) == 2 or not 2 <= pair[0] <= pair[1]:
                raise ParameterError(
                    message(
                        f"k_range={self.k_range!r} is no pair of ascending whole numbers from 2 on",
                        "the smallest and the largest number of clusters",
                        "k_range=(2, 8)",
                    )
                )
            low, high = pair
        if low > distinct:
            raise DataError(
                message(
                    f"{low} clusters were asked for, and {distinct:,} of the customers are different",
                    "every cluster holds at least one that differs from the others",
                    f"n_clusters={distinct}, or more customers",
                )
            )
        return list(range(low, min(high, distinct) + 1))

    def _selection(
        self, scaled: FloatArray, of: IntArray, found: dict[int, tuple[FloatArray, float]], seed: int
    ) -> pd.DataFrame:
        """Judge each k by how far its clusters stand apart, and how stable they are."""
        rng = np.random.default_rng(seed)
        chosen_rows = np.sort(rng.permutation(len(scaled))[: self.sample_rows])
        sample, of = scaled[chosen_rows], of[chosen_rows]
        halves = [rng.permutation(len(sample)) for _ in range(self.n_refits)]
        table = pd.DataFrame(
            {
                "k": list(found),
                "inertia": [inertia for _, inertia in found.values()],
                "silhouette": [_silhouette(sample, _nearest(sample, centers)) for centers, _ in found.values()],
                "stability": [_stability(sample, of, k, halves, self.n_init, seed) for k in found],
            }
        )
        stable = table["stability"] >= self.min_stability
        judged = table["silhouette"].where(stable) if stable.any() else table["stability"]
        best = int(judged.fillna(-np.inf).to_numpy().argmax())
        return table.assign(chosen=np.arange(len(table)) == best)

    def _profile(self, size: IntArray) -> pd.DataFrame:
        columns: dict[str, Any] = {"customers": size, "share": size / size.sum()}
        for k, (name, scale) in enumerate(zip(self.columns_, self._scales, strict=True)):
            columns[name] = scale.inverse(self.cluster_centers_[:, k])
        return pd.DataFrame(columns, index=pd.RangeIndex(len(size), name="cluster"))


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral)


def _seed(random_state: Any) -> int:
    if random_state is None:
        return 0
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    from sklearn.utils import check_random_state

    return int(check_random_state(random_state).randint(2**31 - 1))


def _one_thread() -> Any:
    """Let k-means add up in one order: with several threads the last digits depend on who is first."""
    import sklearn.cluster  # noqa: F401 - a limit holds for the libraries that are loaded when it is set
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


def _distinct(scaled: FloatArray) -> tuple[IntArray, int]:
    """Number the rows so that equal ones have the same number."""
    _, of = np.unique(scaled, axis=0, return_inverse=True)
    flat = of.reshape(-1)
    return flat, int(flat.max()) + 1


def _k_means(scaled: FloatArray, k: int, n_init: int, seed: int) -> tuple[FloatArray, float]:
    """Return centres and inertia."""
    from sklearn.cluster import KMeans

    model = KMeans(k, n_init=n_init, random_state=seed).fit(scaled)
    return model.cluster_centers_, float(model.inertia_)


def _nearest(scaled: FloatArray, centers: FloatArray) -> IntArray:
    """Return the nearest centre, the first of equals.

    Differences are squared one centre at a time: the matrix product that libraries use
    instead rounds a row by its neighbours in the batch.
    """
    best = np.full(len(scaled), np.inf)
    label = np.zeros(len(scaled), dtype=np.int64)
    for k, center in enumerate(centers):
        distance = np.zeros(len(scaled))
        for column, at in zip(scaled.T, center, strict=True):
            distance += (column - at) ** 2
        closer = distance < best
        best[closer], label[closer] = distance[closer], k
    return label


def _silhouette(sample: FloatArray, label: IntArray) -> float:
    """Return the mean silhouette; NaN where there is one cluster, or one per row."""
    from sklearn.metrics import silhouette_score

    if not 2 <= len(np.unique(label)) < len(sample):
        return float("nan")
    return float(silhouette_score(sample, label))


def _stability(sample: FloatArray, of: IntArray, k: int, orders: list[IntArray], n_init: int, seed: int) -> float:
    """Return the mean adjusted Rand index between the clusters of two halves; NaN where they are too small."""
    from sklearn.metrics import adjusted_rand_score

    agreement = []
    for order in orders:
        parts = order[::2], order[1::2]
        if min(len(np.unique(of[part])) for part in parts) < k:
            continue
        one, other = (_nearest(sample, _k_means(sample[part], k, n_init, seed)[0]) for part in parts)
        agreement.append(adjusted_rand_score(one, other))
    return float(np.mean(agreement)) if agreement else float("nan")
