"""The numbers under the models: ranking by one sort, intervals, the customer bootstrap, Newton, quadrature.

Nothing here knows what a churner is: arrays go in and arrays come out, and the
rooms above give them their meaning.
"""

from churnlib.numerics._beta_binomial import BetaBinomial, beta_binomial
from churnlib.numerics._beta_expectation import beta_expectation
from churnlib.numerics._bootstrap import CustomerBootstrap, customer_bootstrap, customer_draws
from churnlib.numerics._choice_hull import ChoiceHull, choice_hull
from churnlib.numerics._intervals import normal_quantile, wilson_interval
from churnlib.numerics._newton import Evaluate, Optimum, minimise
from churnlib.numerics._product_limit import censoring_survival, greenwood, nelson_aalen, product_limit
from churnlib.numerics._ranking import TiedOrder
from churnlib.numerics._risk_table import RiskTable, risk_table
from churnlib.numerics._salted import salted_uniform, spread_within
from churnlib.numerics._shrinkage import shrunken_rates
from churnlib.numerics._step_function import StepFunction
from churnlib.numerics._unique_rows import Levels, UniqueRows, levels, shared_levels, unique_rows

__all__ = [
    "BetaBinomial",
    "ChoiceHull",
    "CustomerBootstrap",
    "Evaluate",
    "Levels",
    "Optimum",
    "RiskTable",
    "StepFunction",
    "TiedOrder",
    "UniqueRows",
    "beta_binomial",
    "beta_expectation",
    "censoring_survival",
    "choice_hull",
    "customer_bootstrap",
    "customer_draws",
    "greenwood",
    "levels",
    "minimise",
    "nelson_aalen",
    "normal_quantile",
    "product_limit",
    "risk_table",
    "salted_uniform",
    "shared_levels",
    "shrunken_rates",
    "spread_within",
    "unique_rows",
    "wilson_interval",
]
