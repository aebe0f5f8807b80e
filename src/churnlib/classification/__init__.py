"""Who is likely to leave, whom to contact, and why.

`ChurnClassifier` wraps any scikit-learn classifier; `contact_list` ranks today's
customers by what saving them is worth, with a reason for each. `ProfitThresholdClassifier`
predicts the decision itself, inside pipelines and searches.
"""

from churnlib.classification._card import ModelCard
from churnlib.classification._classifier import ChurnClassifier
from churnlib.classification._compiled import CompiledScorer, Contribution, Explanation
from churnlib.classification._compiled_codes import CodedReason
from churnlib.classification._contact_list import contact_list, write_contact_list
from churnlib.classification._default import default_estimator
from churnlib.classification._profit_threshold import ProfitThresholdClassifier
from churnlib.classification._tuning import Tuning

__all__ = [
    "ChurnClassifier",
    "CodedReason",
    "CompiledScorer",
    "Contribution",
    "Explanation",
    "ModelCard",
    "ProfitThresholdClassifier",
    "Tuning",
    "contact_list",
    "default_estimator",
    "write_contact_list",
]
