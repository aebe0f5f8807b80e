"""Who the customers are: scores, segments, tiers, and how they move.

`RFMScorer` turns recency, frequency and money into scores with edges frozen at
fit, `RFMSegmenter` names their combinations, `Tiers` cuts any score into classes;
`segment_profiles` says what a segment is like and `migration_matrix` who moved.
"""

from churnlib.segmentation._clusters import RFMClusterSegmenter
from churnlib.segmentation._lifecycle import LifecycleStage
from churnlib.segmentation._lifecycle_frame import lifecycle_frame
from churnlib.segmentation._migration import SegmentMigration, migration_matrix
from churnlib.segmentation._profiles import segment_profiles
from churnlib.segmentation._scorer import RFMScorer
from churnlib.segmentation._segment_map import STANDARD_GRID
from churnlib.segmentation._segmenter import RFMSegmenter
from churnlib.segmentation._stage_rules import STAGES
from churnlib.segmentation._states import NOT_STARTED, lifecycle_states, transition_matrix
from churnlib.segmentation._table import rfm_table
from churnlib.segmentation._tag import Decision, Tag
from churnlib.segmentation._tags import TagRules
from churnlib.segmentation._tiers import Tiers

__all__ = [
    "NOT_STARTED",
    "STAGES",
    "STANDARD_GRID",
    "Decision",
    "LifecycleStage",
    "RFMClusterSegmenter",
    "RFMScorer",
    "RFMSegmenter",
    "SegmentMigration",
    "Tag",
    "TagRules",
    "Tiers",
    "lifecycle_frame",
    "lifecycle_states",
    "migration_matrix",
    "rfm_table",
    "segment_profiles",
    "transition_matrix",
]
