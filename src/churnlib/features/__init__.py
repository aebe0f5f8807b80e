"""Features: what a customer did before a cutoff, as columns of X.

A `FeatureSpec` is a frozen list of features; `compute` evaluates it for many customers
and cutoffs at once, from what happened and was known before each cutoff.
`OnlineFeatures` keeps them up to date event by event.
"""

from churnlib.features._age import Recency, Tenure
from churnlib.features._attributes import AttributeValue
from churnlib.features._block import FeatureBlock
from churnlib.features._compute import compute
from churnlib.features._contracts import MonthsToContractEnd
from churnlib.features._counts import Count, Distinct, Share
from churnlib.features._feature import Facts, Feature
from churnlib.features._gaps import GapMean, GapRatio, GapStd
from churnlib.features._money import Mean, Sum
from churnlib.features._online import OnlineFeatures, Refusal
from churnlib.features._online_read import FeatureColumns
from churnlib.features._raw import EventRaw, Raw
from churnlib.features._runs import RunLength
from churnlib.features._spec import FeatureSpec
from churnlib.features._trend import Change, Slope

__all__ = [
    "AttributeValue",
    "Change",
    "Count",
    "Distinct",
    "EventRaw",
    "Facts",
    "Feature",
    "FeatureBlock",
    "FeatureColumns",
    "FeatureSpec",
    "GapMean",
    "GapRatio",
    "GapStd",
    "Mean",
    "MonthsToContractEnd",
    "OnlineFeatures",
    "Raw",
    "Recency",
    "Refusal",
    "RunLength",
    "Share",
    "Slope",
    "Sum",
    "Tenure",
    "compute",
]
