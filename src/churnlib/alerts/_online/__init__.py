"""Alerts event by event: the same numbers as the table's, one customer at a time or many."""
