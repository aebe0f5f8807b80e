"""What the library tests itself with, for users' own code as well.

- `all_estimators`: every public estimator.
- `assert_online_parity`: fails if features event by event are not those of the batch.
- `assert_point_in_time`: fails if a feature function looks past its cutoff.
- `event_frames`, `event_logs`: hypothesis strategies whose times crowd the boundaries.
"""

from churnlib.testing._online_parity import assert_online_parity
from churnlib.testing._point_in_time import assert_point_in_time
from churnlib.testing._registry import all_estimators
from churnlib.testing._strategies import event_frames, event_logs

__all__ = ["all_estimators", "assert_online_parity", "assert_point_in_time", "event_frames", "event_logs"]
