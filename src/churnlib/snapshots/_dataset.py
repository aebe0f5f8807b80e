"""The dataset: one row per customer and cutoff, with features, label and survival target."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import DAY_US, Cutoffs, Duration, timestamp, timestamps
from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.events import EventLog
from churnlib.exceptions import ParameterError, message, some
from churnlib.features import FeatureSpec
from churnlib.outcomes import ChurnDefinition, Outcomes
from churnlib.snapshots._audit import audit_leakage
from churnlib.snapshots._rows import Rows
from churnlib.snapshots._split import split_by_time
from churnlib.snapshots._window import LabelWindow
from churnlib.targets import survival_target

__all__ = ["Dataset"]


class Origin(Protocol):
    """What a dataset was made from, and the way to make another one of it."""

    @property
    def log(self) -> EventLog: ...
    @property
    def churn(self) -> ChurnDefinition: ...
    @property
    def features(self) -> FeatureSpec: ...
    @property
    def window(self) -> LabelWindow: ...
    @property
    def truth(self) -> Outcomes: ...
    @property
    def complete_until_us(self) -> int: ...
    def to_score(self, at: Cutoffs) -> Dataset:
        """Build rows without labels at some cutoffs."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Customers at risk at given cutoffs, what was known then, and what came of it.

    A row stands for one customer at one cutoff c. Its features use only events that
    happened before c and were known before c. Its label says whether the customer
    churned in ``[c + lead, c + lead + horizon)``; the row exists only if the customer
    was at risk at c and did not churn during the lead, so a model fitted on it gives
    P(churn in the window | still with us when the window opens).

    Datasets come from `build_dataset`; `split`, `take`, `at` and `latest` derive others.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
        Features, indexed by (customer_id, cutoff), ordered by customer, then cutoff.
    y : Series of int8
        1 where the customer churned in the label window, 0 where not; named "churn".
    unlabelled : Dataset
        Rows whose label window is not over yet: features and metadata, but no `y`.
    counts : DataFrame
        One row per cutoff. ``known = gone + at_risk``, and at_risk is the sum of
        churned_before (had left, as events known later show), churned_in_lead,
        treated_dropped, churned, retained and immature.
    splits : DataFrame or None
        What `split` did with each cutoff (train, purged or test), with rows and
        churners; None before a split.

    Examples
    --------
    >>> import churnlib as cl
    >>> shop = cl.datasets.make_shop(n_customers=300, random_state=0)
    >>> data = cl.build_dataset(
    ...     shop.log,
    ...     cutoffs=cl.monthly("2025-04", "2025-09"),
    ...     lead="7d",
    ...     horizon="30d",
    ...     churn=cl.Inactivity("45d"),
    ...     features=cl.FeatureSpec.standard(),
    ... )
    >>> bool((data.retained == 1 - data.y).all())
    True
    >>> train, test = data.split(test_cutoffs=2)
    >>> train.cutoff.max() + data.window <= test.cutoff.min()
    True
    """

    X: pd.DataFrame
    rows: Rows
    origin: Origin
    labelled: bool
    follow_up_us: int
    counts: pd.DataFrame
    splits: pd.DataFrame | None = None
    _waiting: Dataset | None = field(default=None)

    # -- what a row is about -------------------------------------------------------------

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def customer(self) -> pd.Index:
        """Customer of each row, in the type of the log; not unique over cutoffs."""
        return self.X.index.get_level_values("customer_id")

    @property
    def cutoff(self) -> pd.DatetimeIndex:
        """Cutoff of each row, in UTC."""
        return pd.DatetimeIndex(self.X.index.get_level_values("cutoff"))

    @property
    def tenure(self) -> pd.Series:
        """Days from the customer's first start to the cutoff, as float64."""
        return self._series((self.rows.cutoff - self.rows.start) / DAY_US, "tenure")

    @property
    def spell(self) -> pd.Series:
        """1 for a customer who never left, 2 after the first return, and so on."""
        return self._series(self.rows.spell, "spell")

    @property
    def treated(self) -> pd.Series:
        """1 where the customer was contacted in ``[c, c + lead + horizon)``; needs ``contacts=``."""
        if self.rows.treated is None:
            raise ParameterError(
                message(
                    "this dataset knows of no contacts",
                    "treatment is read from a frame of past contacts",
                    'build_dataset(..., contacts=frame, treated="keep")',
                )
            )
        return self._series(self.rows.treated.astype(np.int8), "treated")

    @property
    def log(self) -> EventLog:
        """The event log the rows were built from."""
        return self.origin.log

    @property
    def features(self) -> FeatureSpec:
        """The feature specification, resolved for the log."""
        return self.origin.features

    @property
    def churn(self) -> ChurnDefinition:
        """The definition of churn."""
        return self.origin.churn

    @property
    def lead(self) -> Duration:
        """The blind gap between a cutoff and its label window."""
        return self.origin.window.lead

    @property
    def horizon(self) -> Duration:
        """The length of the label window."""
        return self.origin.window.horizon

    @property
    def window(self) -> pd.Timedelta:
        """The longest time from a cutoff of this dataset to the end of its label window."""
        ends = [self.origin.window.closes(int(c)) - int(c) for c in np.unique(self.rows.cutoff)]
        return pd.Timedelta(max(ends, default=0), unit="us")

    # -- what came of it -----------------------------------------------------------------

    @property
    def y(self) -> pd.Series:
        """1 where the customer churned in the label window, 0 where retained (int8)."""
        self._require_labels("y")
        return self._series(self.rows.label, "churn")

    @property
    def retained(self) -> pd.Series:
        """``1 - y``: larger is better, as uplift learners and metrics want it."""
        return (1 - self.y).astype(np.int8).rename("retained")

    @property
    def cause(self) -> pd.Series:
        """Cause of the churn in the label window; missing where retained."""
        self._require_labels("cause")
        names = np.array(["", *self.origin.truth.causes], dtype=object)
        named = pd.Series(names[self.rows.cause], index=self.X.index, name="cause", dtype=object)
        return named.where(self.y == 1, None)

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the causes, in the order of their codes in `survival`: 1 is the first."""
        return self.origin.truth.causes

    @property
    def survival(self) -> npt.NDArray[Any]:
        """Structured target on the tenure clock, in days, with delayed entry.

        `entry` is the tenure at ``c + lead``: a row is there only because the customer
        was still with us then. `time` is the tenure at churn, or at the end of follow-up,
        where `event` is False. Follow-up ends at ``complete_until``; in a training set
        made by `split` it ends at the first test cutoff, so that training never sees the
        test period. With several causes `event` is the code of the cause, 0 if censored; `causes` names them.
        """
        self._require_labels("survival")
        rows = self.rows
        opens = self.origin.window.opens_at(rows.cutoff)
        happened = rows.churn <= self.follow_up_us
        ends = np.where(happened, rows.churn, self.follow_up_us)
        # Hazard models put the interval (entry, time] at risk: a churn at the very instant
        # the window opens moves by one microsecond, the resolution of time, to be inside.
        ends = np.maximum(ends, opens + 1)
        causes = self.origin.truth.causes
        several = len(causes) > 1
        return survival_target(
            np.where(happened, rows.cause, 0).astype(np.int16) if several else happened,
            (ends - rows.start) / DAY_US,
            entry=(opens - rows.start) / DAY_US,
            causes=causes if several else None,
        )

    @property
    def unlabelled(self) -> Dataset:
        """Rows at cutoffs whose label window is not over at ``complete_until``."""
        return self.take(np.zeros(len(self), bool)) if self._waiting is None else self._waiting

    # -- other datasets from this one ----------------------------------------------------

    def take(self, which: npt.ArrayLike) -> Dataset:
        """Return the chosen rows.

        Parameters
        ----------
        which : array-like of bool or int
            A mask as long as the dataset, or row positions.

        Returns
        -------
        Dataset
            The same kind of dataset, with those rows only.

        Examples
        --------
        >>> import churnlib as cl
        >>> shop = cl.datasets.make_shop(n_customers=200, random_state=0)
        >>> data = cl.build_dataset(
        ...     shop.log,
        ...     cutoffs="2025-06-01",
        ...     horizon="30d",
        ...     churn=cl.Inactivity("45d"),
        ...     features=cl.FeatureSpec.standard(),
        ... )
        >>> len(data.take(data.tenure > 30)) == int((data.tenure > 30).sum())
        True
        """
        chosen = np.asarray(which)
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.intp)
        return self._derive(X=self.X.iloc[positions], rows=self.rows.take(positions), _waiting=None)

    def split(
        self, test_cutoffs: int = 1, *, embargo: str = "0d", unseen_customers: bool = False
    ) -> tuple[Dataset, Dataset]:
        """Split by time: the last cutoffs test, earlier ones train, those between are purged.

        A cutoff trains only if its label window, plus the embargo, is over when the first
        test cutoff comes: ``c + lead + horizon + embargo <= first test cutoff``. Follow-up
        of the training rows' survival target ends there too.

        Parameters
        ----------
        test_cutoffs : int, default=1
            How many of the last labelled cutoffs to test on.
        embargo : str, default="0d"
            Extra time to leave between the last training window and the first test cutoff.
        unseen_customers : bool, default=False
            Whether to leave customers of the training rows out of the test rows, so that only
            newer customers test. `PurgedGroupTimeSplit` deals customers into halves instead.

        Returns
        -------
        train, test : Dataset
            Both carry `splits`, a frame of what became of every cutoff.

        Raises
        ------
        ParameterError
            If no cutoff is left to train on.

        Examples
        --------
        >>> import churnlib as cl
        >>> shop = cl.datasets.make_shop(n_customers=200, random_state=0)
        >>> data = cl.build_dataset(
        ...     shop.log,
        ...     cutoffs=cl.monthly("2025-04", "2025-09"),
        ...     horizon="45d",
        ...     churn=cl.Inactivity("45d"),
        ...     features=cl.FeatureSpec.standard(),
        ... )
        >>> train, test = data.split(test_cutoffs=1)
        >>> train.splits["split"].tolist()
        ['train', 'train', 'train', 'train', 'purged', 'test']
        """
        parts = split_by_time(
            self.rows,
            self.y.to_numpy(),
            self.origin.window,
            test_cutoffs=test_cutoffs,
            embargo=embargo,
            unseen_customers=unseen_customers,
        )
        train = self.take(parts.train)
        test = self.take(parts.test)
        return (
            train._derive(splits=parts.table, follow_up_us=parts.known_until_us),
            test._derive(splits=parts.table),
        )

    def at(self, cutoff: Any) -> Dataset:
        """Return the customers at risk at one instant, to be scored: no `y`, once each.

        Parameters
        ----------
        cutoff : str, datetime or Timestamp
            The instant, naive in the log's zone; at most ``complete_until``, because a
            customer's silence after the end of the data means nothing.

        Returns
        -------
        Dataset
            Unlabelled rows, those who will churn within the lead among them.

        Raises
        ------
        ParameterError
            If the instant is later than ``complete_until``.

        Examples
        --------
        >>> import churnlib as cl
        >>> shop = cl.datasets.make_shop(n_customers=200, random_state=0)
        >>> data = cl.build_dataset(
        ...     shop.log,
        ...     cutoffs="2025-06-01",
        ...     horizon="30d",
        ...     churn=cl.Inactivity("45d"),
        ...     features=cl.FeatureSpec.standard(),
        ... )
        >>> data.at("2025-07-01").customer.is_unique
        True
        """
        at = read_cutoffs(cutoff, self.origin.window.timezone)
        if len(at) != 1:
            raise ParameterError(
                message(f"{len(at)} cutoffs were given", "scoring is as of one instant", "data.at('2025-10-01')")
            )
        if int(at.us[0]) > self.origin.complete_until_us:
            raise ParameterError(
                message(
                    f"cutoff {at[0]} is after the end of the data ({timestamp(self.origin.complete_until_us)})",
                    "silence after the end of the data would look like churn",
                    "data.latest(), or load newer events first",
                )
            )
        return self.origin.to_score(at)

    def latest(self) -> Dataset:
        """Return today's customers: those at risk at ``complete_until``, once each.

        Returns
        -------
        Dataset
            Unlabelled rows.

        Examples
        --------
        >>> import churnlib as cl
        >>> shop = cl.datasets.make_shop(n_customers=200, random_state=0)
        >>> data = cl.build_dataset(
        ...     shop.log,
        ...     cutoffs="2025-06-01",
        ...     horizon="30d",
        ...     churn=cl.Inactivity("45d"),
        ...     features=cl.FeatureSpec.standard(),
        ... )
        >>> now = data.latest()
        >>> bool((now.cutoff == shop.log.complete_until).all())
        True
        """
        return self.at(timestamp(self.origin.complete_until_us))

    def audit(self) -> pd.DataFrame:
        """Look for features that know too much; see `audit_leakage`.

        Returns
        -------
        DataFrame
            One row per suspicion: feature, reason, statistic. Empty when nothing is found.
        """
        return audit_leakage(self.X, self.y)

    # -- inside --------------------------------------------------------------------------

    def _series(self, values: npt.NDArray[Any], name: str) -> pd.Series:
        return pd.Series(values, index=self.X.index, name=name)

    def _derive(self, **changes: Any) -> Dataset:
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Dataset(**{**parts, **changes})

    def _require_labels(self, what: str) -> None:
        if self.labelled:
            return
        cutoffs = some(sorted({str(c) for c in self.cutoff}))
        raise ParameterError(
            message(
                f"these {len(self)} rows carry no {what} (cutoffs {cutoffs}): their label "
                f"windows are not over, or they were made to be scored",
                f"{what} exists once complete_until >= cutoff + lead + horizon",
                "train on build_dataset(...) and score model.predict_proba(data.latest().X)",
            )
        )

    @cached_property
    def _caption(self) -> str:
        cutoffs = np.unique(self.rows.cutoff)
        stamps = timestamps(cutoffs)
        span = "no cutoff" if not len(stamps) else f"{stamps[0]:%Y-%m-%d}"
        if len(stamps) > 1:
            span += f" … {stamps[-1]:%Y-%m-%d}"
        customers = len(np.unique(self.rows.customer))
        taken = "1 cutoff" if len(stamps) == 1 else f"{len(stamps)} cutoffs"
        return (
            f"{len(self):,} rows of {customers:,} customers at {taken} ({span}, "
            f"zone {self.origin.window.timezone}), {self.X.shape[1]} features, "
            f"lead {self.lead}, horizon {self.horizon}"
        )

    def __repr__(self) -> str:
        """Return size, cutoffs, labels and what waits, in a few lines."""
        lines = [f"Dataset: {self._caption}"]
        if self.labelled:
            y = self.y
            rate = f" ({y.mean():.1%})" if len(y) else ""
            lines.append(f"  churned {int(y.sum()):,}{rate}, retained {int((1 - y).sum()):,}")
            left = int(self.counts["churned_in_lead"].sum())
            lines.append(
                f"  churned in the lead, left out: {left:,}; immature, in .unlabelled: {len(self.unlabelled):,}"
            )
        else:
            lines.append("  to be scored: no labels")
        lines.append(f"  churn: {self.churn!r}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<p><b>Dataset</b>: {html.escape(self._caption)}</p>" + self.counts.to_html(border=0, escape=True)
