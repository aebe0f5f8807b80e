"""What to paste into a bug report."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from churnlib._version import __version__

__all__ = ["show_versions"]

_REQUIRED = ("numpy", "scipy", "pandas", "scikit-learn", "narwhals", "pyarrow", "xgboost", "jinja2", "tqdm")
_OPTIONAL = ("duckdb", "polars", "lifelines", "pyspark", "matplotlib")


def show_versions() -> pd.DataFrame:
    """Return the versions that decide how churnlib behaves here, one row each.

    Nothing is imported to find out: the versions come from what the installer
    recorded, so the call is quick and works when a package is broken.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``name``: churnlib, Python and the platform, then every
        required and optional package. ``version`` is "not installed" where an
        optional package is missing; ``role`` is "required", "optional" or
        "system".

    Examples
    --------
    >>> import churnlib as cl
    >>> cl.show_versions().loc["churnlib", "role"]
    'system'
    """
    rows = [
        ("churnlib", __version__, "system"),
        ("python", sys.version.split()[0], "system"),
        ("platform", platform.platform(), "system"),
        *((name, _installed(name), "required") for name in _REQUIRED),
        *((name, _installed(name), "optional") for name in _OPTIONAL),
    ]
    return pd.DataFrame(rows, columns=["name", "version", "role"]).set_index("name")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
