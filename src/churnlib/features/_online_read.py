"""The features of some customers at one instant, as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib.calendar import timestamp

__all__ = ["FeatureColumns"]


class FeatureColumns(Mapping[str, npt.NDArray[Any]]):
    """Features by name, an array each; `OnlineFeatures.columns` makes it.

    It has what `features_frame` has, without the frame, which takes longer to make than the features
    of a thousand customers take to compute. `OnlineAlerts.step_batch` reads it as it is.

    Parameters
    ----------
    customers : list of ids
        Whose features they are.
    at : int
        The instant, in microseconds since 1970, UTC.
    columns : mapping of str to array
        The features, in the order of the spec: int64, float64 with NaN, or objects with None.

    Examples
    --------
    >>> columns = FeatureColumns(["ann", "bob"], 0, {"n": np.array([2, 0])})
    >>> columns["n"].tolist(), columns.customers
    ([2, 0], ['ann', 'bob'])
    >>> columns
    FeatureColumns: 1 feature of 2 customers at 1970-01-01 00:00:00+00:00
    """

    __slots__ = ("_columns", "at", "customers")

    def __init__(self, customers: list[Any], at: int, columns: Mapping[str, Any]) -> None:
        self.customers, self.at = customers, at
        self._columns = {name: np.asarray(column) for name, column in columns.items()}

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        features = f"{len(self)} feature{'s' * (len(self) != 1)}"
        customers = f"{len(self.customers):,} customer{'s' * (len(self.customers) != 1)}"
        return f"FeatureColumns: {features} of {customers} at {timestamp(self.at)}"

    def row(self, place: int) -> dict[str, Any]:
        """Return the features of one customer as `OnlineFeatures.features` has them.

        Parameters
        ----------
        place : int
            Where the customer stands among `customers`.

        Returns
        -------
        dict
            By name.

        Examples
        --------
        >>> FeatureColumns(["ann"], 0, {"n": np.array([2])}).row(0)
        {'n': 2}
        """
        found = ((name, column[place]) for name, column in self._columns.items())
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in found}

    def frame(self) -> pd.DataFrame:
        """Return them as a frame indexed by customer_id.

        Examples
        --------
        >>> FeatureColumns(["ann"], 0, {"n": np.array([2])}).frame()
                     n
        customer_id
        ann          2
        """
        return pd.DataFrame(self._columns, index=pd.Index(self.customers, name="customer_id"))
