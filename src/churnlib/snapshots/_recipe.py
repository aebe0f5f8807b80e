"""Everything a dataset was made from, and the steps that make rows of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import Cutoffs
from churnlib.events import Contracts, EventLog
from churnlib.features import FeatureSpec, compute
from churnlib.outcomes import ChurnDefinition, Outcomes, OutcomeState
from churnlib.snapshots._contacts import Contacts
from churnlib.snapshots._dataset import Dataset
from churnlib.snapshots._rows import Rows, row_index
from churnlib.snapshots._window import LabelWindow

__all__ = ["COUNTS", "Recipe"]

COUNTS = (
    "known",
    "gone",
    "at_risk",
    "churned_before",
    "churned_in_lead",
    "treated_dropped",
    "churned",
    "retained",
    "immature",
)


@dataclass(frozen=True, eq=False)
class Recipe:
    """The log, the definition of churn, the features and the time frame of a dataset."""

    log: EventLog
    contracts: Contracts | None
    churn: ChurnDefinition
    features: FeatureSpec
    window: LabelWindow
    contacts: Contacts | None = None
    n_jobs: int = 1
    progress: bool = False

    @property
    def complete_until_us(self) -> int:
        """End of the data, in microseconds: of the log and of the contracts, if both are read."""
        return self.truth.complete_until_us

    @cached_property
    def truth(self) -> Outcomes:
        """Who churned when, with all that is known by the end of the data."""
        return self.churn.outcomes(self.log, self.contracts)

    # -- rows ----------------------------------------------------------------------------

    def training_rows(self, cutoff: int) -> tuple[Rows, dict[str, int]]:
        """Return the rows of a cutoff: labelled where its window is over, else all who are at risk.

        Churn inside the lead drops a labelled row, counted.
        """
        state = self._state(cutoff)
        labels = state.label(lead=self.window.lead, horizon=self.window.horizon)
        counts = _counts(state) | labels.counts | {"mature": labels.mature}
        if not labels.mature:
            return _unlabelled(state), counts
        rows = _rows(state, labels.churned.astype(np.int8)).take(labels.labelled)
        if self.contacts is None:
            return rows, counts
        rows = self.contacts.mark(rows, labels.closes_us)
        keep = self.contacts.keep(rows)
        rows = rows.take(keep)
        return rows, counts | {
            "treated_dropped": int((~keep).sum()),
            "churned": int((rows.label == 1).sum()),
            "retained": int((rows.label == 0).sum()),
        }

    def scoring_rows(self, cutoff: int) -> tuple[Rows, dict[str, int]]:
        """Return everyone at risk at a cutoff, whose outcome nobody asks for."""
        state = self._state(cutoff)
        return _unlabelled(state), _counts(state) | {"immature": len(state)}

    def _state(self, cutoff: int) -> OutcomeState:
        """Return the customers at risk at a cutoff, as known then, with their true outcome."""
        return self.churn.state_at(self.log, cutoff, contracts=self.contracts, truth=self.truth)

    # -- datasets ------------------------------------------------------------------------

    def to_train(self, at: Cutoffs) -> Dataset:
        """Build labelled rows at the mature cutoffs; the others wait in `unlabelled`."""
        parts = [self.training_rows(c) for c in at.us.tolist()]
        counts = _table(at.us.tolist(), [n for _, n in parts])
        labelled = [rows for rows, n in parts if n["mature"]]
        waiting = [rows for rows, n in parts if not n["mature"]]
        if self.contacts is not None:
            self.contacts.check(labelled)
        rest = self._dataset(Rows.concat(waiting), counts, labelled=False)
        return self._dataset(Rows.concat(labelled), counts, labelled=True, waiting=rest)

    def to_score(self, at: Cutoffs) -> Dataset:
        """Build rows without labels, those who will churn within the lead among them."""
        parts = [self.scoring_rows(c) for c in at.us.tolist()]
        counts = _table(at.us.tolist(), [n for _, n in parts])
        return self._dataset(Rows.concat([rows for rows, _ in parts]), counts, labelled=False)

    def _dataset(self, rows: Rows, counts: pd.DataFrame, *, labelled: bool, waiting: Dataset | None = None) -> Dataset:
        X = self._features(rows)
        if self.contacts is not None:
            X = self.contacts.as_feature(X, rows)
        return Dataset(
            X=X,
            rows=rows,
            origin=self,
            labelled=labelled,
            follow_up_us=self.complete_until_us,
            counts=counts,
            _waiting=waiting,
        )

    def _features(self, rows: Rows) -> pd.DataFrame:
        block = compute(
            self.log,
            np.unique(rows.cutoff),
            self.features,
            contracts=self.contracts,
            rows=(rows.customer, rows.cutoff),
            n_jobs=self.n_jobs,
            progress=self.progress,
        )
        X = block.frame
        X.index = row_index(self.log.customers, rows)
        return X


def _rows(state: OutcomeState, label: npt.NDArray[np.int8]) -> Rows:
    return Rows(
        customer=state.customer,
        cutoff=np.full(len(state), state.cutoff_us, np.int64),
        spell=state.spell,
        start=state.start,
        churn=state.churn,
        cause=state.cause,
        label=label,
    )


def _unlabelled(state: OutcomeState) -> Rows:
    return _rows(state, np.full(len(state), -1, np.int8))


def _counts(state: OutcomeState) -> dict[str, int]:
    return {"known": state.known, "gone": state.gone, "at_risk": state.at_risk}


def _table(cutoffs: list[int], counts: list[dict[str, int]]) -> pd.DataFrame:
    index = pd.DatetimeIndex(np.array(cutoffs, "datetime64[us]"), name="cutoff").tz_localize("UTC")
    frame = pd.DataFrame(counts, columns=list(COUNTS), index=index)
    return frame.fillna(0).astype("int64").sort_index()
