"""Snapshots: one row per customer and cutoff, with what was known then and what came of it."""

from churnlib.snapshots._audit import audit_leakage
from churnlib.snapshots._build import build_dataset
from churnlib.snapshots._dataset import Dataset
from churnlib.snapshots._design import SnapshotDesign, suggest_design

__all__ = ["Dataset", "SnapshotDesign", "audit_leakage", "build_dataset", "suggest_design"]
