"""Definitions of churn side by side on one history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from churnlib.calendar import DAY_US, to_us
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, message
from churnlib.outcomes._definition import ChurnDefinition
from churnlib.outcomes._outcomes import Outcomes

__all__ = ["compare_definitions"]

_YEAR_US = 365 * DAY_US


def compare_definitions(
    log: EventLog | None,
    definitions: Mapping[str, ChurnDefinition],
    *,
    contracts: Contracts | None = None,
    at: object = None,
) -> pd.DataFrame:
    """Show what each definition of churn would count on the same history.

    A good definition is known early and is seldom taken back: a short silence finds churn soon but
    many customers return from it, a long one is sure but late.

    Parameters
    ----------
    log : EventLog or None
        What customers did; None where all definitions read contracts alone.
    definitions : mapping of str to ChurnDefinition
        Name -> definition.
    contracts : Contracts, optional
        Contract periods.
    at : str or datetime, default=None
        The instant for `at_risk` and `gone`, as known then; None is the end of the data.

    Returns
    -------
    DataFrame
        One row per definition, in the order given, with the columns

        - `customers`: ever at risk;
        - `lost`: churns known by the end of the data (a customer can be lost more than once);
        - `lost_customers`: customers lost at least once;
        - `came_back`: share of `lost` followed by a return, 0 to 1; NaN when none is lost. Returns
          after the end of the data are not seen, so it can only grow;
        - `days_until_known`: median days from the last activity to the churn instant; NaN when none
          is lost;
        - `at_risk`, `gone`: customers with us, and customers known but not with us, at `at`;
        - `immature`: spells still open at the end of the data, of which nobody knows the end yet;
        - `lost_per_year`: churns per customer and 365 days at risk; NaN without time at risk.

    Raises
    ------
    ParameterError
        If there are no definitions.
    ParameterTypeError
        If `definitions` is no mapping from names to definitions.
    HistoryError
        If `at` lies beyond the end of the data.

    Examples
    --------
    >>> import churnlib as cl, pandas as pd
    >>> orders = pd.DataFrame({"id": ["a", "a", "b"], "at": ["2025-01-01", "2025-03-01", "2025-03-20"]})
    >>> log = cl.EventLog.from_frame(orders, customer="id", time="at", complete_until="2025-06-01")
    >>> table = cl.compare_definitions(log, {"30 days": cl.Inactivity("30d"), "60 days": cl.Inactivity("60d")})
    >>> table[["lost", "came_back", "days_until_known", "at_risk"]]
                lost  came_back  days_until_known  at_risk
    definition
    30 days        3   0.333333              30.0        0
    60 days        2   0.000000              60.0        0
    """
    _check(definitions)
    rows = {}
    for name, definition in definitions.items():
        truth = definition.outcomes(log, contracts)
        instant = truth.complete_until_us if at is None else to_us(at, truth.timezone)
        state = definition.state_at(log, instant, contracts=contracts, truth=truth)
        rows[name] = _summary(truth) | {"at_risk": state.at_risk, "gone": state.gone}
    frame = pd.DataFrame.from_dict(rows, orient="index")[list(_COLUMNS)].astype(_COLUMNS)
    return frame.rename_axis(index="definition")


_COLUMNS = {
    "customers": "int64",
    "lost": "int64",
    "lost_customers": "int64",
    "came_back": "float64",
    "days_until_known": "float64",
    "at_risk": "int64",
    "gone": "int64",
    "immature": "int64",
    "lost_per_year": "float64",
}


def _summary(truth: Outcomes) -> dict[str, float]:
    lost = truth.cause > 0
    n_lost = int(lost.sum())
    # A return is a spell after the customer's first, and only a churn can come before it.
    returns = int((truth.spell > 1).sum())
    wait = truth.end[lost] - truth.last_activity[lost]
    stop = np.where(lost, truth.end, truth.complete_until_us)
    at_risk_us = int((stop - truth.start).sum(dtype=object)) if len(truth) else 0
    return {
        "customers": int((truth.spell == 1).sum()),
        "lost": n_lost,
        "lost_customers": len(np.unique(truth.customer[lost])),
        "came_back": returns / n_lost if n_lost else np.nan,
        "days_until_known": float(np.median(wait)) / DAY_US if n_lost else np.nan,
        "immature": int((~lost).sum()),
        "lost_per_year": n_lost * _YEAR_US / at_risk_us if at_risk_us else np.nan,
    }


def _check(definitions: object) -> None:
    if not isinstance(definitions, Mapping):
        raise ParameterTypeError(
            message(
                f"definitions is a {type(definitions).__name__}",
                "a mapping from names to definitions was expected",
                'compare_definitions(log, {"60 days": Inactivity("60d")})',
            )
        )
    if not definitions:
        raise ParameterError(
            message(
                "there are no definitions to compare",
                "at least one was expected",
                'compare_definitions(log, {"60 days": Inactivity("60d")})',
            )
        )
    for name, definition in definitions.items():
        if not isinstance(definition, ChurnDefinition):
            raise ParameterTypeError(
                message(
                    f"the definition {name!r} is a {type(definition).__name__}",
                    "a definition such as Inactivity was expected",
                    f'{{{name!r}: Inactivity("60d")}}',
                )
            )
