"""Means of two arms with their covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from churnlib._typing import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """The mean outcome of control and treated for the same mix of customers."""

    control: float
    treated: float
    covariance: FloatArray
    df: float
    method: str

    @property
    def value(self) -> float:
        """Treated minus control."""
        return self.treated - self.control

    @property
    def standard_error(self) -> float:
        """Of the difference."""
        (own, shared), (_, other) = self.covariance
        return float(np.sqrt(max(0.0, own + other - 2 * shared)))
