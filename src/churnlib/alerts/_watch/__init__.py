"""Alerts as they happen: events from a source, notices to a sink, and a journal between them."""
