"""Build a dataset: customers at risk at many cutoffs, their features, and what came of them."""

from __future__ import annotations

from typing import Any

from churnlib.calendar import Cutoffs, Duration, duration, timestamp
from churnlib.calendar import cutoffs as read_cutoffs
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import HistoryError, LeakageError, ParameterError, ParameterTypeError, message, some
from churnlib.features import FeatureSpec, MonthsToContractEnd
from churnlib.outcomes import ChurnDefinition
from churnlib.snapshots._contacts import Contacts, check_treated
from churnlib.snapshots._dataset import Dataset
from churnlib.snapshots._facts import with_contracts, with_customers
from churnlib.snapshots._recipe import Recipe
from churnlib.snapshots._window import LabelWindow

__all__ = ["build_dataset"]


def build_dataset(
    log: EventLog | None = None,
    *,
    contracts: Contracts | None = None,
    customers: Any = None,
    contacts: Any = None,
    cutoffs: Any,
    horizon: str | Duration,
    lead: str | Duration = "0d",
    churn: ChurnDefinition,
    features: FeatureSpec,
    treated: str = "error",
    n_jobs: int = 1,
    progress: bool = False,
) -> Dataset:
    """Turn a log of events into rows to learn from: one per customer and cutoff.

    For a cutoff c, features use events in ``(-inf, c)`` that were known before c. A
    customer has a row iff they had started before c and had not churned by c. Churn in
    the blind gap ``[c, c + lead)`` drops the row (counted as ``churned_in_lead``); churn in
    ``[c + lead, c + lead + horizon)`` makes y = 1. A cutoff is labelled only if the data
    are complete until the end of that window; the others wait in ``data.unlabelled``.

    Parameters
    ----------
    log : EventLog, optional
        What customers did. May be left out where contracts say it all.
    contracts : Contracts, optional
        Contract periods, for `ContractEnd` and `MonthsToContractEnd`. Each start of a
        contract also is a dated fact: the customer is known from then on.
    customers : DataFrame, optional
        Dated facts about customers: `customer_id`, `since` (when the fact became true and
        known) and any attributes. The first row of a customer is their start, so that
        customers without events have rows too.
    contacts : DataFrame, optional
        Past contacts by the retention team: `customer_id` and `time`.
    cutoffs : Cutoffs, str, datetime, or list of them
        When to take a snapshot, naive in the log's zone; see `monthly` and `weekly`.
    horizon : str or Duration
        Length of the label window, such as "60d" or "1mo".
    lead : str or Duration, default="0d"
        Time needed to act: the gap between the cutoff and the label window.
    churn : ChurnDefinition
        What counts as lost, such as ``Inactivity("60d")``.
    features : FeatureSpec
        What to compute.
    treated : {"error", "drop", "feature", "keep"}, default="error"
        What to do with rows contacted in ``[c, c + lead + horizon)``: refuse, leave out,
        add the column `treated` to X, or only flag them in ``data.treated``.
    n_jobs : int, default=1
        Threads of the feature kernel. The result is the same for any number.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    Dataset
        Rows ordered by customer, then cutoff; independent of the order of the input.

    Raises
    ------
    HistoryError
        If no cutoff is old enough to have a label, or nobody is at risk at any.
    LeakageError
        If `MonthsToContractEnd` would read ends that were written when the customer left.
    ParameterError, DataError
        If an argument cannot work, or contacted rows are met unannounced.

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
    >>> list(data.X.index.names), data.y.name, str(data.y.dtype)
    (['customer_id', 'cutoff'], 'churn', 'int8')
    """
    _check_treated(contacts, treated)
    log = _joined(log, contracts, customers)
    _check_types(churn, features)
    _check_ends(features, contracts)
    recipe = Recipe(
        log=log,
        contracts=contracts,
        churn=churn,
        features=features.for_log(log, contracts=contracts),
        window=LabelWindow(
            duration(lead, name="lead", allow_zero=True), duration(horizon, name="horizon"), log.timezone
        ),
        contacts=None if contacts is None else Contacts.read(contacts, log, treated),
        n_jobs=n_jobs,
        progress=progress,
    )
    at = read_cutoffs(cutoffs, log.timezone)
    _check_history(recipe, at)
    data = recipe.to_train(at)
    if not len(data) and not len(data.unlabelled):
        raise _nobody(data)
    return data


def _joined(log: EventLog | None, contracts: Contracts | None, customers: Any) -> EventLog:
    if log is not None and not isinstance(log, EventLog):
        raise ParameterTypeError(
            message(
                f"log is a {type(log).__name__}",
                "events come as an EventLog",
                "EventLog.from_frame(frame, customer=..., time=...)",
            )
        )
    if log is None and contracts is None:
        raise ParameterError(
            message(
                "neither a log nor contracts were given",
                "a dataset needs a history",
                "build_dataset(EventLog.from_frame(...), cutoffs=..., ...)",
            )
        )
    if contracts is not None:
        log = with_contracts(log, contracts)
    assert log is not None
    return log if customers is None else with_customers(log, customers)


def _check_types(churn: object, features: object) -> None:
    if not isinstance(churn, ChurnDefinition):
        raise ParameterTypeError(
            message(f"churn is a {type(churn).__name__}", "it must be a definition of churn", 'churn=Inactivity("60d")')
        )
    if not isinstance(features, FeatureSpec):
        raise ParameterTypeError(
            message(
                f"features is a {type(features).__name__}",
                "it must be a FeatureSpec",
                "features=FeatureSpec.standard()",
            )
        )


def _check_history(recipe: Recipe, at: Cutoffs) -> None:
    if any(recipe.complete_until_us >= recipe.window.closes(int(c)) for c in at.us):
        return
    first = int(recipe.log.time.min())
    begin, end = timestamp(first), timestamp(recipe.complete_until_us)
    labelled = timestamp(recipe.window.closes(int(at.us[0])))
    raise HistoryError(
        message(
            f"none of {len(at)} cutoffs has a label yet: with lead {recipe.window.lead} and horizon "
            f"{recipe.window.horizon} the first one is labelled at {labelled:%Y-%m-%d %H:%M}, and the log "
            f"runs from {begin:%Y-%m-%d} to {end:%Y-%m-%d %H:%M}",
            "a label needs complete_until >= cutoff + lead + horizon",
            "choose earlier cutoffs or a shorter horizon; set EventLog.from_frame(..., "
            "complete_until=...) if the data are complete beyond the last event",
        )
    )


def _check_treated(contacts: Any, treated: str) -> None:
    if check_treated(treated) != "error" and contacts is None:
        raise ParameterError(
            message(
                f"treated={treated!r} without contacts",
                "who was treated is read from past contacts",
                "build_dataset(..., contacts=frame), or leave out treated=",
            )
        )


def _check_ends(features: FeatureSpec, contracts: Contracts | None) -> None:
    """Refuse months to the end of contracts whose ends tell that, and why, the customer left."""
    reads_ends = any(isinstance(feature, MonthsToContractEnd) for feature in features)
    if not reads_ends or contracts is None or contracts.cause is None:
        return
    ended = int((contracts.cause >= 0).sum())
    if ended and contracts.renewal is None and contracts.known is None:
        raise LeakageError(
            message(
                f"{ended} contracts carry a cause, so their end was written when the customer left, and "
                "MonthsToContractEnd would read it before",
                "the agreed end (renewal) or the time each row became known (known_at) was expected",
                "Contracts.from_frame(..., renewal='agreed_end')",
            )
        )


def _nobody(data: Dataset) -> HistoryError:
    known, gone = int(data.counts["known"].max()), int(data.counts["gone"].max())
    cutoffs = some([f"{c:%Y-%m-%d}" for c in data.counts.index])
    return HistoryError(
        message(
            f"no customer is at risk at any of {len(data.counts)} cutoffs ({cutoffs}): at most {known} were known, "
            f"and {gone} of them gone; the log begins {timestamp(int(data.log.time.min())):%Y-%m-%d}",
            "a row needs a customer who had started before the cutoff and not left by then",
            "choose cutoffs inside the history, or a longer inactivity",
        )
    )
