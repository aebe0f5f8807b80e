"""The rows of an experiment as arrays that have been looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_churn, named_rows
from churnlib._typing import Array, BoolArray, FloatArray, IntArray
from churnlib.exceptions import DataError, ParameterError, message, some
from churnlib.experiments._assign import HOLDOUT

_TIMES = frozenset({"before", "after", "pre", "post"})
_NEEDED = (
    "what is needed is a control of the same weeks: customers left untreated at random "
    "(churnlib.experiments.assign), or branches that were not part of it (cluster=)"
)


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Outcome, arm, stratum, cluster and covariates of each customer of two arms."""

    outcome: FloatArray
    treated: BoolArray
    strata: IntArray | None
    stratum_names: tuple[Any, ...]
    cluster: IntArray | None
    covariates: FloatArray | None
    control: Any
    arm: Any
    left_out: int

    @property
    def binary(self) -> bool:
        """Whether every outcome is 0 or 1."""
        return bool(((self.outcome == 0) | (self.outcome == 1)).all())

    @property
    def n_clusters(self) -> int | None:
        """How many clusters there are, if customers came in clusters."""
        return None if self.cluster is None else len(np.unique(self.cluster))

    def values(self, treated: bool) -> FloatArray:  # noqa: FBT001
        """Return the outcomes of one arm."""
        chosen: FloatArray = self.outcome[self.treated == treated]
        return chosen


def read_trial(
    outcome: Any,
    treatment: Any,
    *,
    control: Any = None,
    arm: Any = None,
    strata: Any = None,
    cluster: Any = None,
    covariate: Any = None,
) -> Trial:
    """Check and align the columns of an experiment; rows of other arms are left out and counted."""
    values = numbers_of(outcome, "outcome")
    refuse_churn(outcome)
    n = len(values)
    arms = _column(treatment, "treatment", n, outcome)
    base, chosen = _two_arms(arms, control, arm)
    kept = (arms == base) | (arms == chosen)
    found = Trial(
        values[kept],
        (arms == chosen)[kept],
        *_codes(strata, "strata", n, outcome, kept),
        _codes(cluster, "cluster", n, outcome, kept)[0],
        None if covariate is None else covariates_of(covariate, n, outcome)[kept],
        base,
        chosen,
        int(n - kept.sum()),
    )
    for treated, name in ((False, base), (True, chosen)):
        if (found.treated == treated).sum() < 2:
            raise DataError(
                message(
                    f"arm {name!r} has {int((found.treated == treated).sum())} customers",
                    "an interval needs at least two in each arm",
                    "more customers: churnlib.experiments.sample_size says how many",
                )
            )
    return found


def numbers_of(values: Any, name: str) -> FloatArray:
    try:
        numbers = as_floats(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            message(
                f"{name} cannot be read as numbers ({error})",
                "one number per customer is needed",
                f"{name}=({name} == 'stayed').astype(int)",
            )
        ) from None
    if numbers.ndim == 0 or (numbers.ndim != 1 and name == "outcome"):
        raise DataError(message(f"{name} has shape {numbers.shape}", "one number per customer is needed"))
    finite = np.isfinite(numbers)
    wrong: BoolArray = np.asarray(~finite if finite.ndim == 1 else ~finite.all(axis=1))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(wrong):,} rows of {name} are missing or infinite ({named_rows(wrong)})",
                "every customer who was assigned counts, those who could not be reached too",
                "outcome=outcome.fillna(0) where no sign of life means gone"
                if name == "outcome"
                else f"{name}={name}.fillna({name}.mean())",
            )
        )
    return numbers


def refuse_churn(outcome: Any) -> None:
    name = named_churn(outcome)
    if name is not None:
        raise DataError(
            message(
                f"the outcome is called {name!r}, where 1 is bad",
                "an effect is positive where customers are kept: larger must be better",
                "outcome=(1 - y).rename('retained')",
            )
        )


def _column(values: Any, name: str, n: int, outcome: Any) -> Array:
    column = np.asarray(values) if not isinstance(values, pd.Series) else values.to_numpy()
    if len(column) != n or column.ndim != 1:
        raise DataError(
            message(
                f"{name} has shape {column.shape} and outcome has {n:,} rows",
                f"one {name} for each outcome is needed",
                f"{name}={name}.loc[outcome.index]",
            )
        )
    _refuse_other_order(values, name, outcome)
    missing = np.asarray(pd.isna(column))
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {n:,} rows have no {name} ({named_rows(missing)})",
                f"every row needs its {name}",
                f"leave out customers who were never assigned: outcome[{name}.notna()]",
            )
        )
    return column


def _refuse_other_order(values: Any, name: str, outcome: Any) -> None:
    labelled = isinstance(values, (pd.Series, pd.DataFrame)) and isinstance(outcome, pd.Series)
    if not labelled or values.index.equals(outcome.index):
        return
    raise DataError(
        message(
            f"outcome and {name} have different indexes",
            "rows are paired one by one",
            f"{name}={name}.reindex(outcome.index)",
        )
    )


def _two_arms(arms: Array, control: Any, arm: Any) -> tuple[Any, Any]:
    found = pd.unique(pd.Series(arms)).tolist()
    _refuse_times(arms, found)
    if len(found) < 2:
        everybody = f"all {len(arms):,} rows are in arm {found[0]!r}" if found else "there are no rows"
        raise DataError(
            message(
                f"{everybody}: there is nobody to compare with",
                "what would have happened without treatment cannot be known from the treated; " + _NEEDED,
                "against_target(kept, n, target=0.95) says whether a target was met, not why",
            )
        )
    base = _control(found, control)
    others = [name for name in found if name not in (base, HOLDOUT)] or [HOLDOUT]
    if arm is None and len(others) > 1:
        raise ParameterError(
            message(
                f"beside {base!r} there are {len(others)} arms ({some(map(repr, others))})",
                "one arm is compared with the control at a time",
                f"effect(outcome, treatment, control={base!r}, arm={others[0]!r})",
            )
        )
    chosen = others[0] if arm is None else arm
    if chosen not in found or chosen == base:
        raise ParameterError(
            message(
                f"arm={chosen!r} is {'the control' if chosen == base else 'no arm'}",
                f"the arms are {some(map(repr, found))}",
                f"arm={others[0]!r}",
            )
        )
    return base, chosen


def _control(found: list[Any], control: Any) -> Any:
    if control is None:
        control = next((name for usual in ("control", "none", 0, "0") for name in found if name == usual), None)
        if control is None:
            raise ParameterError(
                message(
                    f"which of the arms {some(map(repr, found))} is the control is not said",
                    "the arm without treatment is needed",
                    f"control={(HOLDOUT if HOLDOUT in found else found[0])!r}",
                )
            )
    if control not in found:
        raise ParameterError(
            message(f"control={control!r} is no arm", f"the arms are {some(map(repr, found))}", f"control={found[0]!r}")
        )
    return control


def _refuse_times(arms: Array, found: list[Any]) -> None:
    words = {str(name).lower() for name in found}
    if arms.dtype.kind not in "mM" and not (words and words <= _TIMES):
        return
    named = some(map(str, found), 3)
    raise DataError(
        message(
            f"treatment holds times ({named}), not arms: before and after differ by the season, the mix of customers "
            "and everything else that happened meanwhile",
            _NEEDED,
            "effect(outcome, treatment) with the untreated of the same weeks as treatment=0",
        )
    )


def _codes(values: Any, name: str, n: int, outcome: Any, kept: BoolArray) -> tuple[IntArray | None, tuple[Any, ...]]:
    if values is None:
        return None, ()
    if isinstance(values, pd.DataFrame):
        column = pd.MultiIndex.from_frame(values).to_flat_index().to_series(index=values.index)
    else:
        column = values
    codes, names = pd.factorize(pd.Series(_column(column, name, n, outcome)[kept]), sort=True)
    return codes.astype(np.int64), tuple(names)


def covariates_of(covariate: Any, n: int, outcome: Any) -> FloatArray:
    _refuse_other_order(covariate, "covariate", outcome)
    numbers = numbers_of(covariate, "covariate")
    matrix = numbers[:, None] if numbers.ndim == 1 else numbers
    if len(matrix) != n or matrix.ndim != 2:
        raise DataError(
            message(
                f"covariate has shape {numbers.shape} and outcome has {n:,} rows",
                "one row of covariates for each outcome is needed",
                "covariate=features.loc[outcome.index]",
            )
        )
    return matrix
