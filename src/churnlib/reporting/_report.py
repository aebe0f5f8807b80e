"""One page to show: who is at risk, whom to contact, how good the model is, and on what data."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib._typing import FloatArray
from churnlib._version import __version__
from churnlib.economics import RetentionOffer
from churnlib.evaluation import Evaluation, evaluate
from churnlib.exceptions import (
    DataError,
    LeakageError,
    ParameterTypeError,
    SchemaError,
    message,
    nearest,
    some,
)
from churnlib.outcomes import Inactivity
from churnlib.reporting import _history, _tested, _today
from churnlib.reporting._numbers import plain
from churnlib.reporting._page import render
from churnlib.snapshots import Dataset

__all__ = ["Report"]

SCHEMA_VERSION = 1


class Report:
    """A churn report on one page of HTML that needs nothing else.

    It answers, in this order: how many customers are at risk and what that is
    worth; whom to contact and why; how good the model is on times it has not
    seen, beside the base rate and beside "silent for N days" at equal list size;
    how it was tested; what data it rests on; and what it cannot say.

    The page loads nothing (no script, font or picture from elsewhere), follows
    light and dark mode, fits a phone and prints. Equal inputs give equal bytes.
    It holds the ids of the customers it lists, and no other personal data.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted on the training part.
    test : Dataset
        The test part of ``data.split(test_cutoffs=...)``.
    now : Dataset or None, default=None
        Today's customers; ``test.latest()`` when not given.
    offer : RetentionOffer or None, default=None
        What is offered, to what avail and at what cost. Without it the page ranks by risk.
    evaluation : Evaluation or None, default=None
        The result of ``evaluate(model, test, offer=offer)``, where it is at hand.
    title : str, default="Churn report"
        First line of the page.
    value_note : str, default=""
        Said behind the worth of a kept customer, such as how it was estimated.
    n_listed : int, default=20
        How many customers the page lists.
    recency : str or None, default="any.recency"
        Column with the days since the last activity, for the rule "silent for N
        days"; left out where there is no such column.
    n_boot : int, default=500
        Resamples of customers behind the intervals.
    random_state : int, default=0
        Seed of the resamples.
    progress : bool, default=False
        Whether to show a progress bar over the resamples.

    Attributes
    ----------
    contacts : DataFrame
        The listed customers; see `churnlib.classification.contact_list`.

    Raises
    ------
    ParameterTypeError
        If `model` gives no reasons, `test` is no Dataset, or `offer` no RetentionOffer.
    LeakageError
        If `test` is the training part of a split.
    SchemaError
        If `recency` names a column that the features do not have.
    DataError
        If nobody is at risk today.

    Examples
    --------
    >>> import churnlib as cl
    >>> shop = cl.datasets.make_shop(n_customers=300, random_state=0)
    >>> data = cl.build_dataset(
    ...     shop.log,
    ...     cutoffs=cl.monthly("2025-01", "2025-09"),
    ...     horizon="30d",
    ...     churn=cl.Inactivity("45d"),
    ...     features=cl.FeatureSpec.standard(),
    ... )
    >>> train, test = data.split(test_cutoffs=2)
    >>> model = cl.ChurnClassifier(calibration=None).fit(train.X, train.y)
    >>> report = cl.Report(model, test, n_boot=50)
    >>> report.to_dict()["today"]["at_risk"] == len(data.latest())
    True
    >>> report.to_html().startswith("<!doctype html>")
    True
    """

    def __init__(
        self,
        model: Any,
        test: Dataset,
        *,
        now: Dataset | None = None,
        offer: RetentionOffer | None = None,
        evaluation: Evaluation | None = None,
        title: str = "Churn report",
        value_note: str = "",
        n_listed: int = 20,
        recency: str | None = "any.recency",
        n_boot: int = 500,
        random_state: int = 0,
        progress: bool = False,
    ) -> None:
        _check_types(model, test, now, offer)
        _refuse_training_rows(test)
        self.model = model
        self.test = test
        self.now = test.latest() if now is None else now
        self.offer = offer
        self.title = title
        self.value_note = value_note
        self.n_listed = check_integer(n_listed, name="n_listed", low=1)
        self.recency = _recency_of(test, recency)
        if not len(self.now):
            raise DataError(
                message(
                    f"nobody is at risk at {self.now.log.complete_until}: all known customers are gone",
                    "a report is about customers who can still be kept",
                    "check complete_until=, or a longer inactivity",
                )
            )
        self.evaluation = evaluation or evaluate(
            model, test, offer=None, n_boot=n_boot, random_state=random_state, recency=self.recency, progress=progress
        )

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """The listed customers, by expected gain, or by risk without an offer."""
        return _today.list_customers(self.model, self.now, self.offer, self.n_listed)

    def to_dict(self) -> dict[str, Any]:
        """Return every number of the page as plain values, safe to write as JSON.

        Returns
        -------
        dict
            The same record stands in the page, in the element ``churnlib-report``.
        """
        return self._record

    def to_html(self) -> str:
        """Return the page.

        Returns
        -------
        str
            A complete HTML document.
        """
        return render(self._record)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file.

        Parameters
        ----------
        path : str or Path
            Where to, such as ``"churn.html"``.

        Returns
        -------
        pathlib.Path
            The file written.
        """
        target = Path(path)
        target.write_text(self.to_html(), encoding="utf-8", newline="\n")
        return target

    @cached_property
    def _record(self) -> dict[str, Any]:
        test, now, offer = self.test, self.now, self.offer
        tested, today = self._probability(test), self._probability(now)
        gain = np.zeros(0) if offer is None else np.asarray(offer.expected_gain(today, now.X), dtype=np.float64)
        level = _tested.level_of(test, tested)
        cutoffs = _history.cutoffs_of(test)
        base_rate = float(getattr(self.model, "base_rate_", test.y.mean()))
        record = {
            "schema_version": SCHEMA_VERSION,
            "churnlib": __version__,
            "title": self.title,
            "as_of": now.cutoff[0].tz_convert(now.log.timezone).isoformat(),
            "timezone": now.log.timezone,
            "currency": now.log.currency,
            "setting": _setting(now),
            "today": _today.today_of(now, today, offer, gain, level),
            "offer": None if offer is None else offer.to_dict(),
            "value_note": self.value_note,
            "contacts": _today.contacts_of(self.contacts, now),
            "profit_curve": None if offer is None else _today.profit_curve(gain),
            "test": _tested.tested_of(test, self.evaluation, base_rate, level),
            "lift": _tested.lift_of(self.evaluation),
            "gain_curve": _tested.curve_of(test, tested, self._silence()),
            "reliability": _tested.reliability_of(test, tested),
            "cutoffs": cutoffs,
            "splits": _history.splits_of(cutoffs),
            "data": _history.data_of(now.log),
        }
        return dict(plain(record))

    def _probability(self, data: Dataset) -> FloatArray:
        return np.asarray(self.model.predict_proba(data.X), dtype=np.float64)[:, 1]

    def _silence(self) -> FloatArray | None:
        if self.recency is None:
            return None
        days = self.test.X[self.recency].to_numpy(dtype=np.float64, na_value=np.nan)
        # Never seen at all is longer ago than anything seen.
        longest = float(np.nanmax(days)) if np.isfinite(days).any() else 0.0
        return np.where(np.isnan(days), longest + 1.0, days)


def _setting(now: Dataset) -> dict[str, Any]:
    cutoff, zone = int(now.rows.cutoff[0]), now.log.timezone
    opens, closes = (
        pd.Timestamp(us, unit="us", tz="UTC").tz_convert(zone)
        for us in (now.origin.window.opens(cutoff), now.origin.window.closes(cutoff))
    )
    churn = now.churn
    return {
        "churn": repr(churn),
        "silence": str(churn.duration) if isinstance(churn, Inactivity) else None,
        "lead": str(now.lead),
        "horizon": str(now.horizon),
        "window_from": opens.isoformat(),
        "window_until": closes.isoformat(),
        "n_features": now.X.shape[1],
        "features_digest": str(now.features.digest)[:12],
        "log_digest": str(now.log.digest)[:12],
    }


def _recency_of(test: Dataset, recency: str | None) -> str | None:
    """Leave the comparison out where the usual column is absent, but not where a column was named."""
    if recency is None or recency in test.X.columns:
        return recency
    if recency == "any.recency":
        return None
    raise SchemaError(
        message(
            f"recency={recency!r} is not a column of X ({nearest(recency, list(test.X.columns))})",
            "the days since the last activity, for the rule 'silent for N days'",
            "name the column, or leave the comparison out with recency=None",
        )
    )


def _refuse_training_rows(test: Dataset) -> None:
    if test.splits is None:
        return
    part = test.splits["split"].reindex(pd.DatetimeIndex(test.cutoff)).to_numpy()
    trained = int((part == "train").sum())
    if trained:
        raise LeakageError(
            message(
                f"{trained:,} of {len(test):,} rows of test lie at cutoffs that the split gave to training",
                "a model is judged on rows it has not seen",
                "train, test = data.split(test_cutoffs=2); Report(model, test)",
            )
        )


def _check_types(model: Any, test: Any, now: Any, offer: Any) -> None:
    absent = [name for name in ("predict_proba", "expected_gain", "reasons") if not hasattr(model, name)]
    if absent:
        raise ParameterTypeError(
            message(
                f"model is a {type(model).__name__}, without {some(absent)}",
                "a fitted ChurnClassifier",
                "ChurnClassifier(estimator).fit(train.X, train.y)",
            )
        )
    for name, value in (("test", test), ("now", now)):
        if not isinstance(value, Dataset) and not (name == "now" and value is None):
            raise ParameterTypeError(
                message(
                    f"{name} is a {type(value).__name__}",
                    "a Dataset was expected",
                    "train, test = data.split(test_cutoffs=2); Report(model, test)",
                )
            )
    if offer is not None and not isinstance(offer, RetentionOffer):
        raise ParameterTypeError(
            message(
                f"offer is a {type(offer).__name__}",
                "a RetentionOffer was expected",
                "offer=RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)",
            )
        )
