"""How good a model is on customers and times it has not seen, and against the rule people use today."""

from churnlib.evaluation._compare import compare
from churnlib.evaluation._comparison import Comparison
from churnlib.evaluation._evaluate import evaluate
from churnlib.evaluation._evaluation import Evaluation
from churnlib.evaluation._out_of_time import out_of_time_predict

__all__ = ["Comparison", "Evaluation", "compare", "evaluate", "out_of_time_predict"]
