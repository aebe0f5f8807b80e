"""Who is likely to leave, whom to contact, and why.

`ChurnClassifier` wraps any scikit-learn classifier; `contact_list` ranks today's
customers by what saving them is worth, with a reason for each.
"""

from churnlib.classification._classifier import ChurnClassifier
from churnlib.classification._contact_list import contact_list, write_contact_list
from churnlib.classification._default import default_estimator

__all__ = ["ChurnClassifier", "contact_list", "default_estimator", "write_contact_list"]
