"""Who could have been contacted or left alone by lot, and with which odds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from churnlib._checks import as_floats, named_rows
from churnlib._typing import BoolArray, FloatArray
from churnlib.exceptions import DataError, DuplicateError, ParameterError, SchemaError, message, nearest, some
from churnlib.experiments._trial import _refuse_times
from churnlib.policy._value._log import as_pandas, numbers_of
from churnlib.policy._value._matching import places

__all__ = ["CampaignRows", "read_campaign"]

_NONE = "none"
_CUSTOMER = "customer_id"
_CHANCES = ("propensity_allocated", "propensity_none")


@dataclass(frozen=True, slots=True, eq=False)
class CampaignRows:
    """The decisions of one campaign, in the order of the plan.

    `treated` and `control` mark rows whose fate was drawn by lot, the former into the action. `odds` are
    P(action) / P(none) for rows of the control, by which they stand for the treated. `contacted` are all who got
    the action, those who were certain to get it among them. `why` says why nothing can be known, if that is so.
    """

    frame: pd.DataFrame
    customer: pd.Index[Any]
    on: pd.Series[Any] | None
    contacted: BoolArray
    treated: BoolArray
    control: BoolArray
    odds: FloatArray
    arms: str
    drawn: tuple[int, float, float] | None
    why: str


def read_campaign(plan: Any, *, action: Any, propensities: Any, on: Any) -> CampaignRows:
    """Read the rows of a campaign, and say why nothing can be learnt from them if that is so."""
    if propensities is None:
        propensities = getattr(plan, "propensities", None)
    frame = as_pandas(plan, "plan")
    customer = _customers(frame)
    actions = _column(frame, "action")
    found = pd.unique(actions).tolist()
    _refuse_times(np.asarray(actions, dtype=object), found)
    if not found or action == _NONE:
        raise (DataError if not found else ParameterError)(
            message(
                "the plan has no rows" if not found else f"action={_NONE!r} is what an action is compared with",
                "an action that customers were drawn into",
                "check the filter that left none"
                if not found
                else f"action={next((name for name in found if name != _NONE), 'call')!r}",
            )
        )
    if action not in found:
        raise ParameterError(
            message(
                f"action={action!r} was given to nobody ({nearest(action, found)})",
                f"the actions of the plan are {some(map(repr, found))}",
                f"action={next((name for name in found if name != _NONE), found[0])!r}",
            )
        )
    days = _days(frame, on)
    _refuse_twice(customer, days)
    contacted = np.asarray(actions == action)
    spared = np.asarray(actions == _NONE)
    if isinstance(propensities, pd.DataFrame):
        propensities = _in_order(propensities, frame, customer, days)
    split = _split(frame, action, found, contacted, spared, propensities)
    if isinstance(split, str):
        nobody = np.zeros(len(frame), dtype=bool)
        return CampaignRows(frame, customer, days, contacted, nobody, nobody, np.zeros(len(frame)), "", None, split)
    _refuse_other_days(days, split.treated, split.control)
    return CampaignRows(
        frame, customer, days, contacted, split.treated, split.control, split.odds, split.arms, split.drawn, ""
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Split:
    treated: BoolArray
    control: BoolArray
    odds: FloatArray
    arms: str
    drawn: tuple[int, float, float] | None


def _split(
    frame: pd.DataFrame, action: Any, found: list[Any], contacted: BoolArray, spared: BoolArray, propensities: Any
) -> _Split | str:
    arms = "by logged propensities"
    if isinstance(propensities, pd.DataFrame):
        chance, rest = _both(propensities, action)
    elif (logged := _logged_chances(frame, action)) is not None:
        chance, rest = logged
        arms = "all who were allocated it, by logged propensities"
    else:
        own = _own_chance(frame)
        explored = _flags(frame, "explored")
        if own is None or (explored.any() and {"allocated", "holdout"} <= set(frame.columns)):
            return _by_holdout(frame, action, contacted, explored)
        mine = _could_have(frame, action, found)
        chance = np.where(contacted, own, np.where(spared & mine, 1 - own, 0.0))
        rest = np.where(contacted, 1 - own, np.where(spared & mine, own, 0.0))
    open_ = (chance > 0) & (rest > 0)
    treated, control = contacted & open_, spared & open_
    if not treated.any() or not control.any():
        return _why(contacted, spared, open_)
    odds = np.where(control, chance / np.where(rest > 0, rest, 1.0), 0.0)
    both = treated | control
    share = chance[both] / (chance[both] + rest[both])
    drawn = int(control.sum()), float((1 - share).sum()), float((share * (1 - share)).sum())
    return _Split(treated, control, odds, arms, drawn)


def _logged_chances(frame: pd.DataFrame, action: Any) -> tuple[FloatArray, FloatArray] | None:
    """The chances of the action and of none where the log holds both, 0 for those to whom it was not allocated.

    What an explored customer of another allocation might have got is not in the log: such rows stand aside.
    """
    if not {"allocated", *_CHANCES} <= set(frame.columns):
        return None
    meant = np.asarray(frame["allocated"] == action)
    both = [numbers_of(frame[name], name) for name in _CHANCES]
    if any(np.isnan(numbers[meant]).any() for numbers in both):  # written before these were logged
        return None
    _refuse_chances(meant & ~((both[0] > 0) & (both[0] <= 1) & (both[1] >= 0) & (both[1] <= 1)))
    chance, rest = (np.where(meant, numbers, 0.0) for numbers in both)
    return chance, rest


def _by_holdout(frame: pd.DataFrame, action: Any, contacted: BoolArray, explored: BoolArray) -> _Split | str:
    """Those held out by lot against the others of whom the same was intended.

    It serves where the probability of each action is not known. Among those whose action was not drawn at random the
    odds of the holdout are the same for all, whatever they are.
    """
    if "holdout" not in frame.columns:
        return (
            f"{int(contacted.sum()):,} decisions were for {action!r}, and neither a holdout nor the propensities of "
            "the assignment were written down: nobody knows what would have happened without it"
        )
    held = _flags(frame, "holdout")
    meant = np.ones(len(frame), dtype=bool)
    arms = "everybody planned for against the holdout, contacted or not"
    if "allocated" in frame.columns:
        meant = np.asarray(frame["allocated"] == action) & ~explored
        arms = "all who were allocated it against those of them in the holdout"
    elif not set(pd.unique(frame["action"]).tolist()) <= {action, _NONE}:
        arms = "the whole plan, other actions included, against the holdout"
    treated, control = meant & ~held, meant & held
    if not control.any() or not treated.any():
        return "nobody was held out" if treated.any() else "everybody was held out"
    return _Split(treated, control, control.astype(np.float64), arms, None)


def _in_order(
    propensities: pd.DataFrame, frame: pd.DataFrame, customer: pd.Index[Any], days: pd.Series[Any] | None
) -> pd.DataFrame:
    """Return propensities row by row of the plan; those without labels are paired by position."""
    if len(propensities) != len(frame):
        raise DataError(
            message(
                f"propensities has {len(propensities):,} rows and the plan {len(frame):,}",
                "one row for each decision is needed",
                "propensities=plan.propensities, of the same plan",
            )
        )
    found = places(propensities.index, frame.index, customer, days)
    if found is not None:
        return propensities.iloc[found]
    if isinstance(propensities.index, pd.RangeIndex) and propensities.index.name is None:
        return propensities
    raise DataError(
        message(
            "propensities and the plan are about different rows",
            "both are indexed alike, or propensities by customer_id",
            "propensities=plan.propensities, of the same plan",
        )
    )


def _both(propensities: pd.DataFrame, action: Any) -> tuple[FloatArray, FloatArray]:
    absent = [name for name in (_NONE, action) if name not in propensities.columns]
    if absent:
        raise SchemaError(
            message(
                f"propensities has no column for {some(map(repr, absent))}",
                "the probability of the action and of 'none' is needed for each row",
                "propensities=plan.propensities",
            )
        )
    numbers = as_floats(propensities[[action, _NONE]].to_numpy())
    _refuse_chances(np.asarray(~(np.isfinite(numbers) & (numbers >= 0) & (numbers <= 1)).all(axis=1)))
    return numbers[:, 0], numbers[:, 1]


def _own_chance(frame: pd.DataFrame) -> FloatArray | None:
    """The probability of what was done, None where nobody wrote it down."""
    if "propensity" not in frame.columns or frame["propensity"].isna().all():
        return None
    own = numbers_of(frame["propensity"], "propensity")
    _refuse_chances(~((own > 0) & (own <= 1)))
    return own


def _refuse_chances(wrong: BoolArray) -> None:
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(wrong):,} propensities are missing or out of range "
                f"({named_rows(wrong)})",
                "what was done had a chance above 0 and up to 1",
                "leave such rows out and say so; next time keep plan.propensities with the plan",
            )
        )


def _could_have(frame: pd.DataFrame, action: Any, found: list[Any]) -> BoolArray:
    """Say who of the untouched could have got this action, and nothing else."""
    explored = bool(_flags(frame, "explored").any())
    others = [name for name in found if name not in (action, _NONE)]
    if "allocated" in frame.columns and not explored:
        return np.asarray(frame["allocated"] == action)
    if others or explored:
        what = "some were explored" if explored else f"the plan also gives {some(map(repr, others))}"
        raise ParameterError(
            message(
                f"{what}, and the propensity of what was done does not say how probable {action!r} was for those "
                "who got nothing",
                "the probability of each action is needed for each row",
                "propensities=plan.propensities, or the Plan itself",
            )
        )
    return np.ones(len(frame), dtype=bool)


def _flags(frame: pd.DataFrame, name: str) -> BoolArray:
    """Read a column of True and False, or 0 and 1; without it nobody is marked."""
    if name not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    column = frame[name]
    marked = np.asarray(column.isin([True]))
    wrong = ~(marked | np.asarray(column.isin([False])))
    if wrong.any():
        raise DataError(
            message(
                f"{int(wrong.sum()):,} of {len(frame):,} values of {name} are neither True nor False "
                f"({named_rows(wrong)})",
                "whether each customer was" + (" held out" if name == "holdout" else f" {name}"),
                f"plan[{name!r}] = plan[{name!r}] == 'yes'",
            )
        )
    return marked


def _why(contacted: BoolArray, spared: BoolArray, open_: BoolArray) -> str:
    if not spared.any():
        return f"all {len(contacted):,} customers were contacted: there is nobody to compare with"
    if not (contacted & open_).any():
        return (
            f"the {int(contacted.sum()):,} who were contacted were certain to be: nobody like them was left alone by "
            f"lot, and the {int(spared.sum()):,} others were left alone for a reason"
        )
    return "of those who could have been contacted nobody was left alone by lot"


def _customers(frame: pd.DataFrame) -> pd.Index[Any]:
    if _CUSTOMER in frame.columns:
        found: pd.Index[Any] = pd.Index(frame[_CUSTOMER])
    elif _CUSTOMER in frame.index.names:
        found = frame.index.get_level_values(_CUSTOMER)
    else:
        raise SchemaError(
            message(
                "the plan does not say which customers it is about",
                "a column or index named 'customer_id' is needed",
                "plan.rename_axis('customer_id')",
            )
        )
    missing = np.asarray(found.isna())
    if missing.any():
        raise DataError(
            message(f"{int(missing.sum()):,} rows of the plan have no customer", "every row needs one", "plan.dropna()")
        )
    return found


def _column(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in frame.columns:
        raise SchemaError(
            message(
                f"the plan has no column {name!r} ({nearest(name, [str(column) for column in frame.columns])})",
                "it holds what was done with each customer, 'none' for those who got nothing",
                "plan.rename(columns={'...': 'action'})",
            )
        )
    column = frame[name]
    missing = column.isna().to_numpy()
    if missing.any():
        raise DataError(
            message(
                f"{int(missing.sum()):,} of {len(column):,} rows have no {name} ({named_rows(missing)})",
                "not to act is an action too",
                f"plan[{name!r}] = plan[{name!r}].fillna('none')",
            )
        )
    return column


def _days(frame: pd.DataFrame, on: Any) -> pd.Series[Any] | None:
    if on is not None:
        return pd.Series(pd.Timestamp(on), index=frame.index)
    if "on" in frame.columns and not frame["on"].isna().all():
        return frame["on"]
    return None


def _refuse_twice(customer: pd.Index[Any], days: pd.Series[Any] | None) -> None:
    pairs = pd.DataFrame({"customer": customer, "on": 0 if days is None else days.to_numpy()})
    twice = pairs.duplicated().to_numpy()
    if twice.any():
        raise DuplicateError(
            message(
                f"{int(twice.sum()):,} rows plan a customer twice for one day ({some(customer[twice])})",
                "a customer has one decision a day",
                "plan.drop_duplicates(['customer_id', 'on']), after finding out why",
            )
        )


def _refuse_other_days(days: pd.Series[Any] | None, treated: BoolArray, control: BoolArray) -> None:
    """A control of other days is a comparison of times."""
    if days is None or np.isin(days[treated].unique(), days[control].unique()).any():
        return
    raise DataError(
        message(
            f"the {int(control.sum()):,} untreated are of other days than the {int(treated.sum()):,} treated: before "
            "and after differ by the season, the mix of customers and everything else that happened meanwhile",
            "what is needed is a control of the same days: customers left untreated at random",
            "allocate(..., holdout=0.05), on every day of the campaign",
        )
    )
