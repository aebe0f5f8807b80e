"""Split a dataset by time, so that no training label reaches into the test period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import duration, timestamp, timestamps
from churnlib.exceptions import ParameterError, message
from churnlib.snapshots._rows import Rows
from churnlib.snapshots._window import LabelWindow

__all__ = ["TimeSplit", "split_by_time"]


@dataclass(frozen=True, eq=False)
class TimeSplit:
    """Which rows train and which test, until when training may know, and what became of every cutoff."""

    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    known_until_us: int
    table: pd.DataFrame


def split_by_time(
    rows: Rows,
    y: npt.NDArray[np.int8],
    window: LabelWindow,
    *,
    test_cutoffs: int,
    embargo: str,
    unseen_customers: bool,
) -> TimeSplit:
    """Give every cutoff a role: train, purged or test; see `Dataset.split`."""
    cutoffs = np.unique(rows.cutoff)
    if not 1 <= test_cutoffs < len(cutoffs):
        raise ParameterError(
            message(
                f"test_cutoffs={test_cutoffs} of {len(cutoffs)} labelled cutoffs",
                "at least one cutoff must test and at least one must train",
                "build_dataset(..., cutoffs=monthly(...)) with more cutoffs, or a smaller test_cutoffs",
            )
        )
    pause = duration(embargo, name="embargo", allow_zero=True)
    first_test = int(cutoffs[-test_cutoffs])
    known = np.array([pause.after(window.closes(int(c)), window.timezone) for c in cutoffs])
    role = np.where(cutoffs >= first_test, "test", np.where(known <= first_test, "train", "purged"))
    if "train" not in role:
        raise _nothing_to_train(window, int(cutoffs[0]), first_test)
    which = np.searchsorted(cutoffs, rows.cutoff)
    train, test = role[which] == "train", role[which] == "test"
    if unseen_customers:
        test &= ~np.isin(rows.customer, rows.customer[train])
    table = _table(cutoffs, role, window, which, train | test, y)
    # What happens at the very cutoff is not known at it.
    return TimeSplit(train, test, first_test - 1, table)


def _table(
    cutoffs: npt.NDArray[np.int64],
    role: npt.NDArray[np.str_],
    window: LabelWindow,
    which: npt.NDArray[np.intp],
    used: npt.NDArray[np.bool_],
    y: npt.NDArray[np.int8],
) -> pd.DataFrame:
    def count(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        return np.bincount(which[mask], minlength=len(cutoffs))

    return pd.DataFrame(
        {
            "split": role.astype(object),
            "label_from": timestamps(window.opens_at(cutoffs)),
            "label_until": timestamps(window.closes_at(cutoffs)),
            "rows": count(used),
            "churned": count(used & (y == 1)),
            "left_out": count(~used),
        },
        index=pd.DatetimeIndex(timestamps(cutoffs), name="cutoff"),
    )


def _nothing_to_train(window: LabelWindow, first: int, first_test: int) -> ParameterError:
    begin, test = timestamp(first), timestamp(first_test)
    return ParameterError(
        message(
            f"no cutoff is left to train on: even the label of the first one ({begin:%Y-%m-%d}, "
            f"lead {window.lead}, horizon {window.horizon}) is not known at the first test "
            f"cutoff ({test:%Y-%m-%d})",
            "training labels must be over before the test begins",
            "add earlier cutoffs, test on fewer, or shorten lead and horizon",
        )
    )
