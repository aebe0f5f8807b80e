"""Splits that keep the future out of training and, if wanted, known customers out of the test.

They serve as ``cv=`` wherever scikit-learn takes one. Customer and cutoff of
each row come from the (customer_id, cutoff) index of X, or from arguments.
"""

from churnlib.model_selection._index import RowKeys, customers_and_cutoffs
from churnlib.model_selection._purged_group_time_split import PurgedGroupTimeSplit

__all__ = ["PurgedGroupTimeSplit", "RowKeys", "customers_and_cutoffs"]
