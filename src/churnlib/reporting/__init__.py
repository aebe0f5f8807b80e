"""What people read: one self-contained HTML page, made from the same numbers that it carries as data."""

from churnlib.reporting._report import Report

__all__ = ["Report"]
