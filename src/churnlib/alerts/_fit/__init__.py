"""Weights, thresholds and redundancy of rules, learnt from the past."""
