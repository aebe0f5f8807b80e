"""The numbers under the models: ranking by one sort, intervals, and the customer bootstrap.

Nothing here knows what a churner is: arrays go in and arrays come out, and the
rooms above give them their meaning.
"""

from churnlib.numerics._bootstrap import CustomerBootstrap, customer_bootstrap, customer_draws
from churnlib.numerics._intervals import wilson_interval
from churnlib.numerics._ranking import TiedOrder

__all__ = [
    "CustomerBootstrap",
    "TiedOrder",
    "customer_bootstrap",
    "customer_draws",
    "wilson_interval",
]
