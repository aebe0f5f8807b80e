"""Why customers leave: from contributions to reason codes, from complaints to themes, and what preceded.

Nothing here fits a model of churn: contributions and outcomes are passed in. A contribution
describes a model, a precursor preceded, a complaint is what somebody wrote; none of them is an effect.
"""

from churnlib.reasons import _reason
from churnlib.reasons._catalog import ReasonCatalog
from churnlib.reasons._ceiling import offer_ceiling
from churnlib.reasons._codes import ReasonCodes, reason_codes
from churnlib.reasons._complaints import ComplaintClassifier
from churnlib.reasons._contributions import bag_contributions, centre_contributions, theme_contributions
from churnlib.reasons._lexicon import Evidence, Lexicon
from churnlib.reasons._normal_text import text_groups
from churnlib.reasons._precursors import Precursors, precursors
from churnlib.reasons._reason import Reason
from churnlib.reasons._stability import bag_stability, code_overlap
from churnlib.reasons._tables import fishbone_table, pareto_table

__all__ = [
    "NO_DOMINANT_REASON",
    "ComplaintClassifier",
    "Evidence",
    "Lexicon",
    "Precursors",
    "Reason",
    "ReasonCatalog",
    "ReasonCodes",
    "bag_contributions",
    "bag_stability",
    "centre_contributions",
    "code_overlap",
    "fishbone_table",
    "offer_ceiling",
    "pareto_table",
    "precursors",
    "reason_codes",
    "text_groups",
    "theme_contributions",
]

#: The code of a customer whom nothing sets apart by more than noise.
NO_DOMINANT_REASON = _reason.NO_DOMINANT_REASON  # an assignment, for pages read its comment and not that of `str`
