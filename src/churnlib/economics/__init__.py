"""What keeping a customer is worth, and what trying costs: the only place where money meets a decision.

No model is fitted with an offer. Decisions take it: ``model.contact(X, offer)``,
``model.expected_gain(X, offer)``, the profit metrics and the reports.
"""

from churnlib.economics._churn_cost import ChurnCost, ShareOfValue, churn_cost
from churnlib.economics._customers import customers_of
from churnlib.economics._discount import Discount, continuous_rate, units_per_year
from churnlib.economics._gain import contact_gain, contact_threshold
from churnlib.economics._offer import RetentionOffer

__all__ = [
    "ChurnCost",
    "Discount",
    "RetentionOffer",
    "ShareOfValue",
    "churn_cost",
    "contact_gain",
    "contact_threshold",
    "continuous_rate",
    "customers_of",
    "units_per_year",
]
