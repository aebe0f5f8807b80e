"""Snapshots: one row per customer and cutoff, with what was known then and what came of it."""

from churnlib.snapshots._audit import audit_leakage
from churnlib.snapshots._build import build_dataset
from churnlib.snapshots._dataset import Dataset

__all__ = ["Dataset", "audit_leakage", "build_dataset"]
