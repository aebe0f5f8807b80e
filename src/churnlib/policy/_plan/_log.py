"""The log of decisions: what was planned for whom, how probable it was, and what came of it."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import union_categoricals

from churnlib._checks import as_names, check_choice, check_flag, named_churn
from churnlib._ids import check_same_kind, ids_given, ids_of
from churnlib.economics import customers_of
from churnlib.exceptions import (
    DataError,
    DuplicateError,
    ParameterError,
    ParameterTypeError,
    message,
    nearest,
    some,
)
from churnlib.policy._actions._action import NONE
from churnlib.policy._plan._files import read_log, write_log
from churnlib.policy._plan._plan import Plan, two_plans
from churnlib.policy._plan._results import DONE, REACHED, RESULTS, matched, read_results, refuse

__all__ = ["PlanLog"]

_TEXTS = ("action", "channel", "allocated", "owner", "result", "feedback")
_NUMBERS = ("value", "cost", "propensity", "propensity_none", "propensity_allocated")
_FLAGS = ("holdout", "explored")
_ORDER = (
    "customer_id", "on", "action", "channel", "value", "cost", "propensity", "propensity_none", "propensity_allocated",
    "holdout", "explored", "allocated", "owner", "result", "feedback",
)  # fmt: skip


def _empty() -> pd.DataFrame:
    texts = {name: pd.Categorical([]) for name in _TEXTS}
    numbers = {name: np.empty(0) for name in _NUMBERS}
    flags = {name: np.empty(0, dtype=bool) for name in _FLAGS}
    ids = {"customer_id": np.empty(0, dtype=np.int64), "on": np.empty(0, dtype="M8[us]")}
    return pd.DataFrame(ids | texts | numbers | flags)[list(_ORDER)]


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in ("line", "customer_id", "on", "result", "problem")})


@dataclass(frozen=True, eq=False, repr=False)
class PlanLog:
    """Plans of many days, with what came of them.

    A log is a value: each method returns a new one. It holds ids, decisions and results, and nothing else
    about anybody.

    Attributes
    ----------
    frame : DataFrame
        One row per customer and day, those without an action included: customer_id, on, action, channel, value,
        cost, propensity, propensity_none, propensity_allocated, holdout, explored, allocated, owner, result and
        feedback. `evaluate_policy` and `campaign_result` read it. The chances to get nothing, and to get what was
        allocated, are those of the customer on that day, all draws counted. Texts are categories, so that a year of
        days fits into memory: group them with ``observed=True``.
    rejected : DataFrame
        Lines that the last `record` could not use: line, customer_id, on, result, problem.

    Examples
    --------
    >>> from churnlib.policy import Action, allocate
    >>> gain = pd.Series([30.0, 20.0, 3.0], index=pd.Index(["ann", "bob", "cem"], name="customer_id"))
    >>> plan = allocate(gain, actions=Action("call", cost=6, channel="phone", owner="Li"), on="2026-03-02")
    >>> log = PlanLog().append(plan)
    >>> log
    PlanLog(1 day, 3 customers: 2 actions planned, 0 done)
    >>> done = pd.DataFrame({"customer_id": ["ann", "bob"], "on": "2026-03-02", "result": ["accepted", "not done"]})
    >>> log = log.record(done)
    >>> log.completion()[["planned", "done", "completion", "accepted"]]
            planned  done  completion  accepted
    action
    call          2     1         0.5         1
    """

    frame: pd.DataFrame = field(default_factory=_empty)
    rejected: pd.DataFrame = field(default_factory=_nothing)

    # -- what is written ---------------------------------------------------------------------

    def append(self, plan: Plan, *, owner: Any = None) -> PlanLog:
        """Return the log with one more plan.

        Parameters
        ----------
        plan : Plan
            For a day that is stated.
        owner : str, mapping or Series, default=None
            Who does it: one name, names by action, or a Series by customer. None for the owner that the action states.

        Returns
        -------
        PlanLog
            With a row for each customer of the plan.

        Raises
        ------
        DuplicateError
            When customers have a plan for that day already.
        ParameterError
            When the plan is for no day.
        ParameterTypeError
            When it is no plan, or ids are of another kind.
        """
        if not isinstance(plan, Plan):
            raise ParameterTypeError(
                message(f"{type(plan).__name__} is no plan", "a plan made by allocate", "log.append(plan)")
            )
        if pd.isna(plan.on):
            raise ParameterError(
                message(
                    "the plan is for no day", "a log has one row per customer and day", "allocate(..., on='2026-03-02')"
                )
            )
        new = plan.frame.reset_index()
        new["propensity_none"], new["propensity_allocated"] = plan._chances_of_allocated()
        new["owner"] = _owners(plan, owner)
        for name in ("result", "feedback"):
            new[name] = pd.Categorical([None] * len(new), categories=pd.Index([], dtype=object))
        if not len(self.frame):
            return PlanLog(_typed([new[list(_ORDER)]]))
        known = pd.Index(self.frame["customer_id"])
        check_same_kind(known, plan.customers)
        same_day = self.frame.loc[self.frame["on"] == plan.on, "customer_id"]
        both = plan.customers[plan.customers.isin(same_day)]
        if len(both):
            raise DuplicateError(two_plans(both, f"on {plan.on:%Y-%m-%d}"))
        extra = [name for name in self.frame.columns if name not in _ORDER]
        return PlanLog(_typed([self.frame, new.assign(**dict.fromkeys(extra, np.nan))[list(self.frame.columns)]]))

    def record(
        self,
        source: Any,
        *,
        words: Mapping[str, str] | None = None,
        errors: str = "raise",
        replace: bool = False,
    ) -> PlanLog:
        """Return the log with what came of it, from the list that was filled in.

        Parameters
        ----------
        source : str, path or DataFrame
            A CSV or frame with customer_id, on, result, and feedback where there is any: what `Plan.to_csv`
            wrote. Lines without a result are passed over.
        words : mapping of str to str, default=None
            Other words for the results: ``{"erreicht": "reached"}``. Known are accepted, refused, reached, opted out,
            no answer, wrong number and not done, however they are capitalised.
        errors : {"raise", "skip"}, default="raise"
            Whether a line that cannot be used is an error, or counted in `rejected`.
        replace : bool, default=False
            Whether a result recorded before may change.

        Returns
        -------
        PlanLog
            With results and feedback.

        Raises
        ------
        DataError
            When lines name unknown customers or words, a day without a plan, somebody for whom nothing was planned, or
            a customer twice: all of it counted in one message.
        SchemaError
            When a column is missing.
        ParameterError
            When the file does not exist, or a word stands for none of the results.
        """
        check_choice(errors, ("raise", "skip"), name="errors")
        check_flag(replace, name="replace")
        found = read_results(source)
        if not len(self.frame):
            raise DataError(message("the log has no plan yet", "results are about plans", "PlanLog().append(plan)"))
        good, bad = matched(found, self.frame, words=words, replace=replace)
        if len(bad) and errors == "raise":
            refuse(bad, len(found))
        frame = self.frame.copy()
        rows = good["row"].to_numpy()
        for name in ("result", "feedback"):
            column = frame[name].astype(object).to_numpy().copy()
            given = good[name].to_numpy(dtype=object)
            kept = given != ""
            column[rows[kept]] = given[kept]
            frame[name] = _texts(pd.Series(column, dtype=object))
        return PlanLog(frame, bad)

    def with_outcome(self, name: str, values: pd.Series[Any]) -> PlanLog:
        """Return the log with a measured outcome, such as who stayed.

        Parameters
        ----------
        name : str
            The new column's.
        values : Series
            Larger is better; by customer_id, or by customer_id and ``on``. Customers of the log who are not in it are
            left missing, and customers who are not in the log are an error.

        Returns
        -------
        PlanLog
            With the column, for `evaluate_policy`.

        Raises
        ------
        ParameterError
            When the log has a column of that name.
        DataError
            When customers are unknown, or stand twice, or the outcome is called churn.
        """
        if name in _ORDER:
            raise ParameterError(message(f"{name!r} is a column of the log", "another name", "name='retained'"))
        churn = named_churn(values) or named_churn(name)
        if churn is not None:
            raise DataError(
                message(
                    f"the outcome is called {churn!r}, where 1 is bad",
                    "larger outcomes are better",
                    "log.with_outcome('retained', data.retained)",
                )
            )
        by = ["customer_id", "on"] if "on" in values.index.names else ["customer_id"]
        keys = pd.DataFrame({"customer_id": ids_of(customers_of(values))})
        if len(by) == 2:
            keys["on"] = (
                pd.DatetimeIndex(values.index.get_level_values("on")).tz_localize(None).normalize().as_unit("us")
            )
        where = pd.MultiIndex.from_frame(keys[by])
        unknown = ~where.isin(pd.MultiIndex.from_frame(self.frame[by]))
        if where.has_duplicates or unknown.any():
            odd = keys.loc[where.duplicated() | unknown, "customer_id"]
            raise DataError(
                message(
                    f"{len(odd):,} of {len(values):,} values of {name!r} stand twice or are about nobody in the log "
                    f"({some(odd)})",
                    "one value per customer, or per customer and day (index customer_id and on)",
                    "values[values.index.isin(log.frame['customer_id'])]",
                )
            )
        row = where.get_indexer(pd.MultiIndex.from_frame(self.frame[by]))
        found = pd.Series(values.to_numpy())
        column = found.reindex(np.where(row >= 0, row, -1)).to_numpy() if len(found) else np.nan
        return PlanLog(self.frame.assign(**{name: column}), self.rejected)

    def forget(self, ids: Any, *, missing_ok: bool = False) -> PlanLog:
        """Return the log without some customers, as if they had never been in it.

        Parameters
        ----------
        ids : id or sequence of ids
            Whom to forget.
        missing_ok : bool, default=False
            Whether ids that are not in the log are passed over.

        Returns
        -------
        PlanLog
            A new log; files written before are not changed.

        Raises
        ------
        DataError
            When an id is not in the log.
        """
        check_flag(missing_ok, name="missing_ok")
        gone = ids_given(ids, "ids")
        there = self.frame["customer_id"].isin(gone)
        absent = [each for each in gone if each not in set(self.frame.loc[there, "customer_id"])]
        if absent and not missing_ok:
            raise DataError(
                message(
                    f"{len(absent):,} of {len(gone):,} customers are not in the log ({some(absent)})",
                    "only those who are in it can be forgotten",
                    "log.forget(ids, missing_ok=True)",
                )
            )
        kept = self.frame[~there].reset_index(drop=True)
        for name in _TEXTS:  # a feedback that only they gave must not stay among the categories
            kept[name] = kept[name].cat.remove_unused_categories()
        texts = {str(each) for each in gone}
        rest = self.rejected[~self.rejected["customer_id"].astype(str).str.removeprefix("'").isin(texts)]
        return PlanLog(kept, rest.reset_index(drop=True))

    # -- what is read ------------------------------------------------------------------------

    def completion(self, by: str | Sequence[str] = "action") -> pd.DataFrame:
        """Return how much of what was planned was done, and what came of it.

        Parameters
        ----------
        by : str or sequence of str, default="action"
            Columns of the log: action, channel, owner, on.

        Returns
        -------
        DataFrame
            ``planned`` (customers with an action), ``done`` (tried, whether or not anybody answered), ``completion``
            (done / planned, 0 to 1), ``open`` (nothing recorded), ``was_reached`` (spoken to), a column for each
            result, and ``feedback`` (how many wrote something).

        Raises
        ------
        ParameterError
            When there is no such column.
        """
        names = as_names(by, name="by")
        allowed = ("action", "channel", "owner", "on")
        wrong = [name for name in names if name not in allowed]
        if wrong or not names:
            raise ParameterError(
                message(
                    f"by={by!r} names {some(wrong) or 'no column'} ({nearest(wrong[0] if wrong else '', allowed)})",
                    f"columns among {some(allowed)}",
                    "by='action'",
                )
            )
        planned = self.frame[self.frame["action"] != NONE]
        result = planned["result"].astype(object)
        flags = {"planned": np.ones(len(planned), dtype=bool), "done": result.isin(DONE), "open": result.isna()}
        flags |= {"was_reached": result.isin(REACHED)} | {word: result == word for word in RESULTS}
        flags["feedback"] = planned["feedback"].notna()
        counted = pd.DataFrame({name: np.asarray(flag, dtype=np.int64) for name, flag in flags.items()})
        keys = [planned[name].astype(object).where(planned[name].notna(), "").to_numpy() for name in names]
        table = counted.groupby([pd.Index(key, name=name) for key, name in zip(keys, names, strict=True)]).sum()
        table.insert(2, "completion", table["done"] / table["planned"])
        return table

    @property
    def contacts(self) -> pd.DataFrame:
        """Who was contacted: rows with an action that was not reported as not done."""
        done = (self.frame["action"] != NONE) & (self.frame["result"].astype(object) != "not done")
        return self.frame.loc[done, ["customer_id", "on", "action", "channel"]].reset_index(drop=True)

    @property
    def history(self) -> pd.DataFrame:
        """The contacts, and those that the held out would have had: what ``history=log`` stands for in `allocate`.

        Those held out are never contacted. Were that all the contact rules knew, they would always be free, take
        more and more of the allocation, and who was contacted before would tell who is not held out. As if contacted,
        they are like everybody else in all but the contact itself, and propensities stay exact.
        """
        contacts = self.contacts
        held = self.frame[self.frame["holdout"].to_numpy(dtype=bool) & (self.frame["allocated"] != NONE).to_numpy()]
        known = self.frame.drop_duplicates("action", keep="last")
        channel_of = dict(zip(known["action"], known["channel"].astype(object), strict=True))
        shadow = held[["customer_id", "on", "allocated"]].rename(columns={"allocated": "action"})
        channel = [channel_of.get(name) for name in shadow["action"]]
        return _typed([contacts, shadow.assign(channel=_texts(pd.Series(channel, dtype=object)))])

    # -- files -------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the log to a file that `load` reads back, and any Arrow reader can read.

        Parameters
        ----------
        path : str or path
            Ends with ``.parquet``, ``.arrow`` or ``.feather``; replaced as a whole.

        Raises
        ------
        ParameterError
            When the suffix is another.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     PlanLog().save(pathlib.Path(folder) / "log.parquet")
        ...     PlanLog.load(pathlib.Path(folder) / "log.parquet")
        PlanLog(0 days, 0 customers: 0 actions planned, 0 done)
        """
        write_log(self.frame, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> PlanLog:
        """Read a log that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        PlanLog
            Equal to the one written.

        Raises
        ------
        ParameterError
            When there is no such file.
        VersionError
            When it holds no log, is of another schema version, or was changed.
        """
        return cls(_typed([read_log(path)]))

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        frame = self.frame
        days, who = frame["on"].nunique(), frame["customer_id"].nunique()
        planned = frame["action"] != NONE
        done = int(frame.loc[planned, "result"].astype(object).isin(DONE).sum())
        n = int(planned.sum())
        share = f" ({done / n:.0%})" if n and done else ""
        day, customer = "day" if days == 1 else "days", "customer" if who == 1 else "customers"
        return f"PlanLog({days:,} {day}, {who:,} {customer}: {n:,} actions planned, {done:,} done{share})"

    def _repr_html_(self) -> str:
        text = f"<p>{html.escape(repr(self))}</p>"
        return f"{text}\n{self.completion().to_html(escape=True, border=0)}" if len(self.frame) else text


def _typed(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Join frames of a log; its texts are categories of all of them."""
    columns: dict[str, Any] = {}
    for name in frames[0].columns:
        parts = [frame[name] for frame in frames]
        if name in _TEXTS:
            columns[name] = _texts(union_categoricals([_texts(part) for part in parts], sort_categories=True))
        elif name == "on":
            columns[name] = np.concatenate([part.to_numpy().astype("M8[us]") for part in parts])
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)


def _texts(values: Any) -> pd.Categorical:
    """Return texts as categories of one dtype, whatever version of pandas and whatever file they come from."""
    found = pd.Categorical(values)
    return pd.Categorical.from_codes(found.codes, pd.Index(found.categories, dtype=object))


def _owners(plan: Plan, owner: Any) -> pd.Categorical:
    names = [action.name for action in plan.actions]
    arm = plan.parts.arm
    if isinstance(owner, pd.Series):
        found = owner.reindex(plan.customers).to_numpy(dtype=object, copy=True)
        found[(arm < 0) | pd.isna(found)] = None
        return pd.Categorical(found)
    if owner is None:
        by_action = {action.name: action.owner or None for action in plan.actions}
    elif isinstance(owner, str):
        by_action = dict.fromkeys(names, owner)
    elif isinstance(owner, Mapping):
        wrong = [name for name in owner if name not in names]
        if wrong:
            raise ParameterError(
                message(
                    f"owner names {some(wrong)}, which is no action ({nearest(wrong[0], names)})",
                    f"actions among {some(names, 12)}",
                    f"owner={{{names[0]!r}: 'Li'}}",
                )
            )
        by_action = {name: owner.get(name) for name in names}
    else:
        raise ParameterTypeError(
            message(
                f"owner is a {type(owner).__name__}", "a name, names by action, or a Series by customer", "owner='Li'"
            )
        )
    return pd.Categorical(np.array([*(by_action[name] for name in names), None], dtype=object)[arm])
