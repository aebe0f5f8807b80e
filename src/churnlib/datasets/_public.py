"""Public data sets, each checked by hash and row count."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from churnlib.exceptions import ParameterError, message, nearest

from ._store import PublicFile, check_rows, locate, read_member

__all__ = ["fetch_cdnow", "fetch_fightchurn", "fetch_online_retail", "fetch_telco"]

ONLINE_RETAIL = PublicFile(
    name="online_retail_uci.parquet",
    sha256="dfe8ba7aed1f95504922792016bde68195aab84a4b8b5f7f8462b2590a0ad284",
    rows=541_909,
    origin="the R package onlineretail (github.com/cran/onlineretail, commit f67bacaf, data/onlineretail.rda, CC0)",
)
CDNOW = PublicFile(
    name="cdnow_full.csv.gz",
    sha256="a6195634717a26daf93f1a3bff6881563f639c2e8e5dd429a6662865d8e74f9a",
    rows=69_659,
    origin="CDNOW_master.txt of the Python package Lifetimes 0.11.3 (MIT)",
    url=(
        "https://files.pythonhosted.org/packages/c5/1f/"
        "ee6a471dcb5cb2f4dbc219023e07991f3b917875f9c8a5f5d77c00ddabca/Lifetimes-0.11.3-py3-none-any.whl"
    ),
    url_sha256="261e3dc89977c2b60767ca6728aaa29d429de0c814635070a749c36555895da8",
    member="lifetimes/datasets/CDNOW_master.txt",
)
TELCO = PublicFile(
    name="telco_ibm.csv.gz",
    sha256="3ce3534d02f0268f19b58a4bd8e01c69d26907a2b68402c4e5dfef1ab0dd0ec5",
    rows=7_043,
    origin=(
        "github.com/IBM/telco-customer-churn-on-icp4d, commit d5371f5d, data/Telco-Customer-Churn.csv (Apache-2.0)"
    ),
)
FIGHTCHURN_ORIGIN = (
    "the simulator of the Python package fightchurn 1.2.0 (model socialnet7, seed 20260101, MIT-style licence)"
)
FIGHTCHURN = {
    "events": PublicFile(
        name="fightchurn_socialnet7_events.parquet",
        sha256="be5a334e70aa64f6394a0870463aa3d684517bee517e4310785732e0aad5c686",
        rows=859_811,
        origin=FIGHTCHURN_ORIGIN,
    ),
    "accounts": PublicFile(
        name="fightchurn_socialnet7_accounts.csv.gz",
        sha256="8c095f2e92ad6657b280f79781084f28181ccb807fad40ca3e5397bc15884d16",
        rows=737,
        origin=FIGHTCHURN_ORIGIN,
    ),
    "subscriptions": PublicFile(
        name="fightchurn_socialnet7_subscriptions.csv.gz",
        sha256="2374f8de012daa61c48613ea490a48a2d6520809ee0cfbada3017666032d74ff",
        rows=2_884,
        origin=FIGHTCHURN_ORIGIN,
    ),
}


def fetch_online_retail(*, progress: bool = False) -> pd.DataFrame:
    """Return the invoice lines of a British gift wholesaler, 2010-12 to 2011-12.

    As published, unclean: 541,909 lines of 25,900 invoices, 135,080 of them
    without a customer, returns as negative quantities, and 5,268 repeats of an
    earlier line that are legal. Quantity times price sums to 9,747,747.934.

    Parameters
    ----------
    progress : bool, default=False
        Show a progress bar while downloading.

    Returns
    -------
    pandas.DataFrame
        ``InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
        CustomerID`` (float, missing = unknown), ``Country``.

    Raises
    ------
    DataError
        If the file is not in ``CHURNLIB_DATA`` (no public address serves these
        bytes), or has another hash or number of rows.

    References
    ----------
    D. Chen, S. L. Sain, K. Guo (2012), Data mining for the online retail
    industry, Journal of Database Marketing 19, 197-208. UCI data set 352.

    Examples
    --------
    >>> import os, pytest
    >>> if "CHURNLIB_DATA" not in os.environ:
    ...     pytest.skip("needs the offline folder CHURNLIB_DATA")
    >>> len(fetch_online_retail())
    541909
    """
    return _fetch(ONLINE_RETAIL, progress=progress)


def fetch_cdnow(*, progress: bool = False) -> pd.DataFrame:
    """Return all purchases of CDNOW's customers of the first quarter of 1997.

    69,659 purchase lines of 23,570 customers until 1998-06-30, worth 2,500,315.63.
    The download is the wheel of the package Lifetimes 0.11.3 (0.6 MB), which
    carries the file; nothing of it is installed or executed.

    Parameters
    ----------
    progress : bool, default=False
        Show a progress bar while downloading.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, date`` (text, year-month-day), ``quantity, spend`` (US dollars).

    Raises
    ------
    DataError
        If the file can neither be found nor downloaded, or has another hash or number of rows.

    References
    ----------
    P. S. Fader, B. G. S. Hardie (2001), Forecasting repeat sales at CDNOW,
    Interfaces 31(3), S94-S107.

    Examples
    --------
    >>> import os, pytest
    >>> if "CHURNLIB_DATA" not in os.environ:
    ...     pytest.skip("needs the offline folder CHURNLIB_DATA, or the network")
    >>> len(fetch_cdnow())
    69659
    """
    return _fetch(CDNOW, progress=progress)


def fetch_telco(*, progress: bool = False) -> pd.DataFrame:
    """Return IBM's sample of telecom customers, one row each, 26.5 % of whom left.

    Parameters
    ----------
    progress : bool, default=False
        Show a progress bar while downloading.

    Returns
    -------
    pandas.DataFrame
        7,043 rows, 21 columns as published; ``TotalCharges`` is text with 11
        blanks, ``Churn`` is ``"Yes"`` or ``"No"``.

    Raises
    ------
    DataError
        If the file is not in ``CHURNLIB_DATA`` (no public address serves these
        bytes), or has another hash or number of rows.

    Examples
    --------
    >>> import os, pytest
    >>> if "CHURNLIB_DATA" not in os.environ:
    ...     pytest.skip("needs the offline folder CHURNLIB_DATA")
    >>> int((fetch_telco()["Churn"] == "Yes").sum())
    1869
    """
    return _fetch(TELCO, progress=progress)


def fetch_fightchurn(table: str = "events", *, progress: bool = False) -> pd.DataFrame:
    """Return a simulated social network, from the book Fighting Churn with Data.

    Parameters
    ----------
    table : {"events", "accounts", "subscriptions"}, default="events"
        Which table: 859,811 usage events of eight types, 737 accounts, or their
        2,884 monthly subscription periods; all in the first half of 2020.
    progress : bool, default=False
        Show a progress bar while downloading.

    Returns
    -------
    pandas.DataFrame
        ``account_id, event_time, event_type``; or ``account_id, channel,
        date_of_birth, country``; or one row per paid period with ``account_id,
        start_date, end_date, mrr``.

    Raises
    ------
    ParameterError
        If there is no such table.
    DataError
        If the file is not in ``CHURNLIB_DATA`` (it was generated, no public
        address serves it), or has another hash or number of rows.

    References
    ----------
    C. Gold (2020), Fighting Churn with Data, Manning.

    Examples
    --------
    >>> import os, pytest
    >>> if "CHURNLIB_DATA" not in os.environ:
    ...     pytest.skip("needs the offline folder CHURNLIB_DATA")
    >>> len(fetch_fightchurn("accounts"))
    737
    """
    if table not in FIGHTCHURN:
        raise ParameterError(message(f"table is {table!r}", nearest(table, list(FIGHTCHURN)), "table='events'"))
    return _fetch(FIGHTCHURN[table], progress=progress)


def _fetch(file: PublicFile, *, progress: bool) -> pd.DataFrame:
    path, offline = locate(file, progress=progress)
    frame = _read_offline(path) if offline else _read_cdnow_master(path, file)
    check_rows(len(frame), file)
    return frame


def _read_offline(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    # Several public files hold the literal category "None".
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def _read_cdnow_master(path: Path, file: PublicFile) -> pd.DataFrame:
    frame = pd.read_csv(io.BytesIO(read_member(path, file)), sep=r"\s+")
    frame.columns = pd.Index(["customer_id", "date", "quantity", "spend"])
    day = pd.to_datetime(frame["date"].astype(str), format="%Y%m%d")
    return frame.assign(date=day.dt.strftime("%Y-%m-%d"))
