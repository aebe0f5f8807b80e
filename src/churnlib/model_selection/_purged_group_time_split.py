"""Walk forward through the cutoffs, with no label reaching into the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from churnlib._checks import check_choice, check_flag, check_integer
from churnlib._typing import BoolArray, IntArray, Span, TimeArray
from churnlib.calendar import duration, timestamp, zone_name
from churnlib.exceptions import HistoryError, ParameterError, message
from churnlib.model_selection._customer_parts import customer_parts
from churnlib.model_selection._index import RowKeys, customers_and_cutoffs
from churnlib.model_selection._plan import Newest, Plan, checked_size
from churnlib.model_selection._sklearn_splitter import Splitter
from churnlib.snapshots import Dataset

__all__ = ["PurgedGroupTimeSplit"]


class PurgedGroupTimeSplit(Splitter):
    """Train on the past, test on later cutoffs, and purge the labels in between.

    The label of cutoff c is only known at ``c + lead + horizon``. A row whose
    label reaches past the first test cutoff has seen the test period: it trains in no
    fold. Folds walk forward in time, each made of whole cutoffs, and the last fold tests on the
    newest ones. It assumes that rows are as of their cutoff.

    Parameters
    ----------
    n_splits : int, default=5
        How many folds.
    horizon : str or timedelta
        Length of the label window, such as "60d". It must be said;
        `from_dataset` takes it from a Dataset.
    lead : str or timedelta, default="0d"
        Blind gap between a cutoff and its label window.
    embargo : str or timedelta, default="0d"
        Further distance between the end of the last training label and the first
        test cutoff, for labels that arrive late or periods that resemble each other. Nothing
        after the first test cutoff ever trains in that fold, so that no embargo is needed there.
    test_size : int, str or timedelta, default=1
        Cutoffs in the test part of each fold; or a span of time, such as "90d":
        blocks of that length, counted back from the newest cutoff, which is included.
    train_size : int, str or timedelta, default=None
        Newest cutoffs that train in each fold, for ``window="rolling"``; or the
        span they cover. None takes as many cutoffs as the first fold has.
    window : {"expanding", "rolling"}, default="expanding"
        Whether training keeps the whole past, or moves along with a fixed length.
    unseen_customers : bool, default=False
        Whether the customers of a test never train in its fold. Customers are dealt into
        as many parts as there are folds (two at least), by a hash of their id; a fold tests on one
        part and trains on the others. It answers "how well do we rank customers we have not met?"
        where the default answers "how well next month?".
    timezone : str, default="UTC"
        The zone of calendar spans such as "1mo".

    Raises
    ------
    ParameterError
        If no horizon is given, or an argument is out of range.
    ParameterTypeError
        If an argument has the wrong type.

    See Also
    --------
    churnlib.model_selection.customers_and_cutoffs : How rows are read.

    Notes
    -----
    Row i may train for the test cutoff T iff ``c_i + lead + horizon + embargo <= T``: windows are
    half-open, so a label that ends exactly at T is known at T. Purging and
    embargo: López de Prado 2018, Advances in Financial Machine Learning, chapter 7.

    Folds are no partition of the rows: the first cutoffs are never tested. scikit-learn's
    `cross_val_predict`, stacking and ``CalibratedClassifierCV(ensemble=False)`` refuse such splits;
    `churnlib.evaluation.out_of_time_predict` serves instead.

    Examples
    --------
    >>> months = pd.date_range("2025-01-01", periods=6, freq="MS", tz="UTC")
    >>> index = pd.MultiIndex.from_product([["ann", "bob"], months], names=["customer_id", "cutoff"])
    >>> X = pd.DataFrame({"orders": range(12)}, index=index)
    >>> cv = PurgedGroupTimeSplit(2, horizon="31d", lead="7d")
    >>> for train, test in cv.split(X):
    ...     trained, tested = (X.index[rows].get_level_values("cutoff") for rows in (train, test))
    ...     print(f"trained up to {trained.max():%d %B}, tested on {tested.min():%d %B}")
    trained up to 01 March, tested on 01 May
    trained up to 01 April, tested on 01 June
    """

    # Read by scikit-learn: with metadata routing on, both are handed to `split` when they are passed.
    __metadata_request__split: ClassVar[dict[str, bool]] = {"groups": True, "time": True}

    def __init__(
        self,
        n_splits: int = 5,
        *,
        horizon: Span | None = None,
        lead: Span = "0d",
        embargo: Span = "0d",
        test_size: int | Span = 1,
        train_size: int | Span | None = None,
        window: Literal["expanding", "rolling"] = "expanding",
        unseen_customers: bool = False,
        timezone: str = "UTC",
    ) -> None:
        self.n_splits = check_integer(n_splits, name="n_splits", low=1)
        if horizon is None:
            raise ParameterError(
                message(
                    "the horizon of the labels is not given",
                    "without it, labels that reach into the test cannot be purged",
                    "PurgedGroupTimeSplit(horizon='60d'), or PurgedGroupTimeSplit.from_dataset(data), which knows it",
                )
            )
        self.horizon = horizon
        self.lead = lead
        self.embargo = embargo
        self.test_size = test_size
        self.train_size = train_size
        self.window = check_choice(window, ("expanding", "rolling"), name="window")
        self.unseen_customers = check_flag(unseen_customers, name="unseen_customers")
        self.timezone = timezone
        if train_size is not None and window == "expanding":
            raise ParameterError(
                message(
                    f"train_size={train_size!r} with an expanding window",
                    "an expanding window keeps the whole past",
                    "window='rolling'",
                )
            )
        self._plan()

    @classmethod
    def from_dataset(cls, data: Dataset, n_splits: int = 5, **options: Any) -> PurgedGroupTimeSplit:
        """Make a splitter that purges by the lead and horizon of a dataset.

        Parameters
        ----------
        data : Dataset
            Gives lead, horizon and zone.
        n_splits : int, default=5
            Number of folds.
        **options
            embargo, test_size, train_size, window, unseen_customers.

        Returns
        -------
        PurgedGroupTimeSplit
            To be passed as ``cv=``.

        Examples
        --------
        >>> import churnlib as cl
        >>> shop = cl.datasets.make_shop(n_customers=200, random_state=0)
        >>> data = cl.build_dataset(
        ...     shop.log,
        ...     cutoffs=cl.monthly("2025-04", "2025-09"),
        ...     lead="7d",
        ...     horizon="30d",
        ...     churn=cl.Inactivity("45d"),
        ...     features=cl.FeatureSpec.standard(),
        ... )
        >>> split = cl.PurgedGroupTimeSplit.from_dataset(data, n_splits=2)
        >>> split.horizon, split.lead, len(list(split.split(data.X)))
        ('30d', '7d', 2)
        """
        return cls(n_splits, horizon=str(data.horizon), lead=str(data.lead), timezone=data.log.timezone, **options)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None, *, time: Any = None) -> int:  # noqa: ARG002 - scikit-learn's signature
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups, time : object, default=None
            Not looked at; scikit-learn passes them.

        Returns
        -------
        int
            ``n_splits``.

        Examples
        --------
        >>> PurgedGroupTimeSplit(3, horizon="60d").get_n_splits()
        3
        """
        return self.n_splits

    def split(
        self,
        X: Any,
        y: Any = None,  # noqa: ARG002 - scikit-learn's signature
        groups: Any = None,
        *,
        time: Any = None,
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield the rows that train and the rows that test, oldest fold first.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            The features; a frame indexed by (customer_id, cutoff) needs nothing else.
        y : array-like of shape (n_rows,), default=None
            Not looked at.
        groups : array-like of shape (n_rows,), default=None
            The customer of each row, or ``data.X.index``, which gives the cutoff too.
        time : array-like of shape (n_rows,), default=None
            The cutoff of each row.

        Yields
        ------
        train, test : arrays of int64
            Positions of rows, ascending. Neither is ever empty.

        Raises
        ------
        SchemaError
            If customers or cutoffs are not to be had.
        HistoryError
            If there are too few cutoffs for so many folds, or a fold would be empty.

        Examples
        --------
        >>> time = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-05-01"], utc=True)
        >>> cv = PurgedGroupTimeSplit(1, horizon="60d")
        >>> [(train.tolist(), test.tolist()) for train, test in cv.split([[1], [2], [3]], groups=[7, 7, 7], time=time)]
        [([0, 1], [2])]
        """
        for fold in self._folds(customers_and_cutoffs(X, groups, time)):
            yield np.flatnonzero(fold.train), np.flatnonzero(fold.test)

    def table(self, X: Any, y: Any = None, groups: Any = None, *, time: Any = None) -> pd.DataFrame:
        """Show what each fold trains on, purges and tests on.

        Parameters
        ----------
        X : array or frame of shape (n_rows, n_features)
            As for `split`.
        y : array-like of shape (n_rows,), default=None
            The outcome, 1 = churn; adds the churn rates.
        groups, time : array-like of shape (n_rows,), default=None
            As for `split`.

        Returns
        -------
        DataFrame
            Indexed by ``fold`` from 1: ``train_from``, ``train_until`` (first and last training
            cutoff), ``known_by`` (when the last training label was known),
            ``test_from``, ``test_until``; ``train_rows``, ``purged_rows`` (before the test, but known too
            late), ``test_rows``; with y also ``train_rate`` and ``test_rate``.

        Raises
        ------
        SchemaError
            If customers or cutoffs are not to be had.
        HistoryError
            If there are too few cutoffs for so many folds, or a fold would be empty.

        Examples
        --------
        >>> time = pd.to_datetime(["2025-01-01", "2025-03-01", "2025-04-01", "2025-05-01"], utc=True)
        >>> cv = PurgedGroupTimeSplit(1, horizon="60d")
        >>> cv.table([[1], [2], [3], [4]], groups=[7, 7, 7, 7], time=time)[["train_rows", "purged_rows", "test_rows"]]
              train_rows  purged_rows  test_rows
        fold
        1              2            1          1
        """
        keys = customers_and_cutoffs(X, groups, time)
        outcome = None if y is None else np.asarray(y, dtype=np.float64)
        lines = [self._line(fold, keys.cutoff_us, outcome) for fold in self._folds(keys)]
        return pd.DataFrame(lines, index=pd.RangeIndex(1, len(lines) + 1, name="fold"))

    def _line(self, fold: _Fold, cutoff: TimeArray, y: Any) -> dict[str, object]:
        plan = self._plan()
        train, test = cutoff[fold.train], cutoff[fold.test]
        line: dict[str, object] = {
            "train_from": timestamp(int(train.min())),
            "train_until": timestamp(int(train.max())),
            "known_by": timestamp(int(plan.label_end(train.max(keepdims=True))[0])),
            "test_from": timestamp(int(test.min())),
            "test_until": timestamp(int(test.max())),
            "train_rows": int(fold.train.sum()),
            "purged_rows": int(fold.purged.sum()),
            "test_rows": int(fold.test.sum()),
        }
        if y is not None:
            line |= {"train_rate": float(y[fold.train].mean()), "test_rate": float(y[fold.test].mean())}
        return line

    def _plan(self) -> Plan:
        """Read every span; done once in the constructor, so that a wrong one is refused there."""
        return Plan(
            lead=duration(self.lead, name="lead", allow_zero=True),
            horizon=duration(self.horizon, name="horizon"),
            embargo=duration(self.embargo, name="embargo", allow_zero=True),
            test_size=checked_size(self.test_size, "test_size"),
            train_size=None if self.train_size is None else checked_size(self.train_size, "train_size"),
            timezone=zone_name(self.timezone),
        )

    def _folds(self, keys: RowKeys) -> Iterator[_Fold]:
        plan = self._plan()
        cutoffs = np.unique(keys.cutoff_us)
        known = plan.known(cutoffs)
        blocks = plan.test_blocks(cutoffs, self.n_splits)
        part = customer_parts(keys.customer, max(2, self.n_splits)) if self.unseen_customers else None
        keep = self._train_cutoffs(plan, cutoffs, known, int(blocks[0][0]))
        for number, block in enumerate(blocks):
            allowed = cutoffs[known <= block[0]]
            before = keys.cutoff_us < block[0]
            train = np.isin(keys.cutoff_us, keep(allowed))
            purged = before & ~np.isin(keys.cutoff_us, allowed)
            test = np.isin(keys.cutoff_us, block)
            if part is not None:
                train, test = train & (part != number), test & (part == number)
            self._check(number, block, train, test)
            yield _Fold(train, purged, test)

    def _train_cutoffs(self, plan: Plan, cutoffs: TimeArray, known: TimeArray, first_test: int) -> Newest:
        """Return the rule that picks training cutoffs among the allowed ones."""
        if self.window == "expanding":
            return Newest(None, plan.timezone)
        size = plan.train_size
        available = int((known <= first_test).sum())
        if isinstance(size, int) and size > available:
            raise HistoryError(
                message(
                    f"train_size={size}, but only {available} of {len(cutoffs)} cutoffs can train the first fold",
                    "a rolling window has the same length in every fold",
                    f"train_size={max(available, 1)}, or fewer folds",
                )
            )
        return Newest(available if size is None else size, plan.timezone)

    def _check(self, number: int, block: TimeArray, train: BoolArray, test: BoolArray) -> None:
        if train.any() and test.any():
            return
        what = "tests on no row" if train.any() else "has no row to train on"
        reason = (
            f"lead {self.lead} + horizon {self.horizon} + embargo {self.embargo} must be over by then"
            if not train.any()
            else "each fold tests on its own part of the customers"
        )
        raise HistoryError(
            message(
                f"fold {number + 1} of {self.n_splits}, which tests from {timestamp(int(block[0]))}, {what}",
                reason,
                "use fewer folds, smaller test parts or a shorter horizon, or add earlier cutoffs"
                + (", or unseen_customers=False" if self.unseen_customers else ""),
            )
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    train: BoolArray
    purged: BoolArray
    test: BoolArray
