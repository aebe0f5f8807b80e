"""Whom to contact, in which order, and why: the list for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from churnlib._checks import check_integer
from churnlib.economics import RetentionOffer, customers_of
from churnlib.exceptions import DuplicateError, ParameterTypeError, message, some

if TYPE_CHECKING:
    from churnlib._typing import FloatArray, IntArray

__all__ = ["contact_list", "write_contact_list"]

# what a spreadsheet takes for the start of a formula or of a command, in full width too
_FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_BREAKS = ("\t", "\r", "\n")


class _Model(Protocol):
    def predict_proba(self, X: Any) -> FloatArray: ...
    def contact(self, X: pd.DataFrame, offer: RetentionOffer) -> pd.Series[bool]: ...
    def expected_gain(self, X: pd.DataFrame, offer: RetentionOffer) -> pd.Series[float]: ...
    def reasons(self, X: Any, top: int = 2) -> pd.DataFrame: ...


def contact_list(
    model: _Model,
    X: pd.DataFrame,
    offer: RetentionOffer,
    *,
    n: int | None = None,
    reasons: int = 2,
) -> pd.DataFrame:
    """Rank customers by what contacting them is expected to earn, with the reasons for each.

    The gain is net of the offer's own costs. It ranks by risk and value: without a
    past experiment nobody knows whom a contact *changes*.

    Parameters
    ----------
    model : ChurnClassifier
        Fitted.
    X : DataFrame of shape (n_customers, n_features)
        Today's customers, once each (``data.latest().X``), named by the index.
    offer : RetentionOffer
        What is offered, to what avail and at what cost.
    n : int or None, default=None
        Keep the first so many; None keeps all. Only these are explained.
    reasons : int, default=2
        Reasons to leave for each customer; 0 leaves them out.

    Returns
    -------
    DataFrame
        ``rank`` (from 1), ``customer_id``, ``churn_probability``, ``clv``,
        ``expected_gain`` (money; descending), ``contact`` (True where it pays), then
        ``reason_1``, ``reason_1_value``, …: the column that raises the risk most,
        compared with customers who stay, and its value as it stands in `X`; missing
        where nothing raises it. Equal gains are ordered by probability, then by customer.

    Raises
    ------
    DuplicateError
        If a customer stands in several rows.
    SchemaError
        If the index does not name the customers.
    ParameterTypeError
        If `X` is no pandas frame, or `offer` no RetentionOffer.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LogisticRegression
    >>> from churnlib.classification import ChurnClassifier
    >>> index = pd.Index(["ann", "bob", "cid", "dan"], name="customer_id")
    >>> X = pd.DataFrame({"silence": [5.0, 80.0, 60.0, 10.0]}, index=index)
    >>> model = ChurnClassifier(LogisticRegression(), calibration=None).fit(X, [0, 1, 1, 0])
    >>> offer = RetentionOffer(accept_rate=0.3, clv=200, offer_cost=10, contact_cost=1)
    >>> contact_list(model, X, offer, n=2, reasons=1)[["rank", "customer_id", "reason_1", "reason_1_value"]]
       rank customer_id reason_1 reason_1_value
    0     1         bob  silence           80.0
    1     2         cid  silence           60.0
    """
    top = check_integer(reasons, name="reasons", low=0)
    if not isinstance(X, pd.DataFrame):
        raise ParameterTypeError(
            message(
                f"X is a {type(X).__module__.split('.')[0]} {type(X).__name__}",
                "a pandas frame whose index names the customers",
                "contact_list(model, data.latest().X, offer)",
            )
        )
    size = len(X) if n is None else min(check_integer(n, name="n", low=1), len(X))
    customers = customers_of(X)
    _refuse_repeats(customers)
    gain = model.expected_gain(X, offer).to_numpy()
    probability = np.asarray(model.predict_proba(offer._features_of(X, model)))[:, 1]
    order = np.lexsort((_id_order(customers), -probability, -gain))[:size]
    listed = X.iloc[order]
    frame = pd.DataFrame(
        {
            "rank": np.arange(1, size + 1),
            "customer_id": customers[order].to_numpy(),
            "churn_probability": probability[order],
            "clv": offer.clv_of(listed).to_numpy(),
            "expected_gain": gain[order],
            "contact": model.contact(listed, offer).to_numpy(),
        }
    )
    if top:
        frame = pd.concat([frame, _wide_reasons(_explained(model, listed, offer, top), size, top)], axis=1)
    return frame


def _explained(model: _Model, listed: pd.DataFrame, offer: RetentionOffer, top: int) -> pd.DataFrame:
    by_place = offer._features_of(listed, model).set_axis(pd.RangeIndex(len(listed)), axis=0)
    return model.reasons(by_place, top)


def _wide_reasons(found: pd.DataFrame, size: int, top: int) -> pd.DataFrame:
    """Spread the reasons of each row, one under another, over columns."""
    wide: dict[str, Any] = {}
    for rank in range(1, top + 1):
        this = found[found["rank"] == rank]
        feature = np.full(size, None, dtype=object)
        value = np.full(size, None, dtype=object)
        feature[this.index.to_numpy()] = this["feature"].to_numpy(dtype=object)
        value[this.index.to_numpy()] = this["value"].to_numpy(dtype=object)
        wide[f"reason_{rank}"] = pd.Series(feature, dtype=object)
        wide[f"reason_{rank}_value"] = pd.Series(value, dtype=object)
    return pd.DataFrame(wide)


def _refuse_repeats(customers: pd.Index) -> None:
    repeated = customers[customers.duplicated()].unique()
    if len(repeated):
        raise DuplicateError(
            message(
                f"{len(repeated):,} of {customers.nunique():,} customers stand in several rows ({some(repeated)})",
                "a contact list has each customer once",
                "X = data.latest().X",
            )
        )


def _id_order(customers: pd.Index) -> IntArray:
    """Rank the ids, as themselves where they compare and as text where they are mixed."""
    try:
        codes = pd.factorize(customers, sort=True)[0]
    except TypeError:
        codes = pd.factorize(customers.map(repr), sort=True)[0]
    return codes.astype(np.int64)


def write_contact_list(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write a list as CSV that spreadsheets open as it is meant.

    The file is UTF-8 with a byte-order mark, so that names in any script read right
    in Excel. A text that starts like a formula (``=``, ``+``, ``-``, ``@``, tab) gets an
    apostrophe in front, in cells and in headings, so that no spreadsheet runs what a
    customer once typed. Numbers are written in full, missing values as empty cells.
    Only the columns of `frame` are written.

    Parameters
    ----------
    frame : DataFrame
        The list; its index is not written.
    path : str or Path
        Where to.

    Returns
    -------
    Path
        The file written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_contact_list(pd.DataFrame({"reason": ["=1+1"]}), pathlib.Path(folder) / "list.csv")
    ...     path.read_text(encoding="utf-8-sig").splitlines()
    ['reason', "'=1+1"]
    """
    safe = pd.DataFrame(
        {position: _neutral_column(frame.iloc[:, position]) for position in range(frame.shape[1])}, index=frame.index
    )
    safe.columns = pd.Index([_neutral(name) for name in frame.columns], dtype=object)
    target = Path(path)
    # with \r\n as the end of a line, a carriage return inside a cell is quoted and stays inside
    safe.to_csv(target, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return target


def _neutral_column(column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return column
    return column.astype(object).map(_neutral, na_action="ignore")


def _neutral(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    # blanks, control and zero-width signs in front are dropped by one spreadsheet or another
    first = next((sign for sign in cell if sign.isprintable() and not sign.isspace()), "")
    return f"'{cell}" if first in _FORMULA or cell.startswith(_BREAKS) else cell
