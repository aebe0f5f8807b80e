"""The best allocation under a budget, capacities and quotas: arrays in, arms and prices out."""
