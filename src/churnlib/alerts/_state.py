"""What is remembered of each customer under each rule between two steps, in memory and in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from churnlib._frames import to_numpy
from churnlib._ids import check_same_kind, ids_of
from churnlib._typing import IntArray
from churnlib._version import __version__
from churnlib.alerts._step import _CLEARING, STATUSES, Cells, code_of, empty_cells
from churnlib.exceptions import ParameterError, VersionError, message, some

if TYPE_CHECKING:
    from churnlib.alerts._ruleset import RuleSet

__all__ = ["NEVER", "AlertState"]

NEVER = np.iinfo(np.int64).min
"""When a customer was evaluated last who never was."""

_SCHEMA_VERSION = 1
_FORMAT = "churnlib.alerts.state"
_KEY = b"churnlib"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AlertState:
    """The states of all customers under the rules of a set, after a step.

    A state is a value: a step returns a new one and leaves the old one as it is. It knows the digest
    of its rules, and a step of other rules refuses it; `migrate` says what becomes of it.

    Parameters
    ----------
    digest : str
        The digest of the rule set.
    customers : Index
        The customers, in order.
    seen : ndarray of int64
        When each was evaluated last, in microseconds.
    cells : dict of str to Cells
        The states by rule.

    Examples
    --------
    >>> from churnlib.alerts import Rule, RuleSet
    >>> rules = RuleSet([Rule("no-visit", 1, "days >= 30", for_="2d")])
    >>> state = rules.step(pd.DataFrame({"days": [41, 3]}, index=["ann", "bob"]), now="2026-03-02").state
    >>> state
    AlertState(2 customers, 1 rule: 1 pending)
    >>> state.table()
      customer_id      rule   status                     since
    0         ann  no-visit  pending 2026-03-02 00:00:00+00:00
    """

    digest: str
    customers: pd.Index[Any]
    seen: IntArray
    cells: Mapping[str, Cells] = field()

    @classmethod
    def empty(cls, rules: RuleSet) -> AlertState:
        """Return the state of rules that have seen no customer.

        Parameters
        ----------
        rules : RuleSet
            The rules.

        Returns
        -------
        AlertState
            Without customers.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> AlertState.empty(RuleSet([Rule("a", 1, "x > 1")]))
        AlertState(0 customers, 1 rule)
        """
        return cls(rules.digest, ids_of([]), np.empty(0, np.int64), {rule.id: empty_cells(0) for rule in rules})

    def __len__(self) -> int:
        return len(self.customers)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AlertState):
            return NotImplemented
        same = self.digest == other.digest and self.customers.equals(other.customers)
        if not same or self.cells.keys() != other.cells.keys() or not np.array_equal(self.seen, other.seen):
            return False
        pairs = [pair for rule in self.cells for pair in zip(self.cells[rule], other.cells[rule], strict=True)]
        return all(np.array_equal(one, two) for one, two in pairs)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        counts = self.counts().sum() if len(self.cells) else pd.Series(dtype=int)
        busy = [f"{count:,} {status}" for status, count in counts.items() if count and status != "inactive"]
        rules = f"{len(self.cells)} rule{'s' * (len(self.cells) != 1)}"
        customers = f"{len(self):,} customer{'s' * (len(self) != 1)}"
        return f"AlertState({customers}, {rules}{': ' + ', '.join(busy) if busy else ''})"

    def counts(self) -> pd.DataFrame:
        """Count customers by rule and status.

        Returns
        -------
        DataFrame of shape (n_rules, 4)
            Indexed by rule.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> rules.step(pd.DataFrame({"x": [1, 2]}, index=[7, 8]), now="2026-03-02").state.counts()
              inactive  pending  firing  cooling
        rule
        a            1        0       1        0
        """
        rows = [np.bincount(code_of(cells.status), minlength=len(STATUSES)) for cells in self.cells.values()]
        index = pd.Index(list(self.cells), name="rule")
        return pd.DataFrame(rows, index=index, columns=list(STATUSES))

    def table(self) -> pd.DataFrame:
        """Return who is pending, firing or cooling under which rule, and since when.

        Returns
        -------
        DataFrame
            customer_id, rule, status and since (UTC), in order of customers and rules.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> rules.step(pd.DataFrame({"x": [1, 2]}, index=[7, 8]), now="2026-03-02").state.table()
           customer_id rule  status                     since
        0            8    a  firing 2026-03-02 00:00:00+00:00
        """
        busy = {rule: np.flatnonzero(code_of(cells.status)) for rule, cells in self.cells.items()}
        rows = np.concatenate([*busy.values(), np.empty(0, np.int64)]).astype(np.int64)
        which = np.repeat(np.arange(len(busy)), [len(found) for found in busy.values()])
        codes = [code_of(self.cells[rule].status[found]) for rule, found in busy.items()]
        since = [self.cells[rule].since[found] for rule, found in busy.items()]
        order = np.argsort(rows, kind="stable")
        frame = {
            "customer_id": self.customers[rows[order]],
            "rule": pd.Categorical.from_codes(which[order], pd.Index(list(busy), dtype=object)),
            "status": pd.Categorical.from_codes(
                _joined(codes, np.uint8)[order].astype(np.int8), pd.Index(STATUSES, dtype=object)
            ),
            "since": pd.DatetimeIndex(_joined(since, np.int64)[order].view("M8[us]")).tz_localize("UTC"),
        }
        return pd.DataFrame(frame)

    def forget(self, customers: Iterable[Any]) -> AlertState:
        """Return the state without some customers.

        Parameters
        ----------
        customers : collection of ids
            Whom to forget; those who are not in it are passed over.

        Returns
        -------
        AlertState
            Nothing of them is left.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> rules.step(pd.DataFrame({"x": [1, 2]}, index=[7, 8]), now="2026-03-02").state.forget([8])
        AlertState(1 customer, 1 rule)
        """
        gone = ids_of(list(customers))
        check_same_kind(self.customers, gone)
        kept = np.flatnonzero(~self.customers.isin(gone))
        return self.take(kept)

    def take(self, rows: IntArray) -> AlertState:
        """Return the state of some customers, by position.

        Parameters
        ----------
        rows : ndarray of int
            Positions, ascending.

        Returns
        -------
        AlertState
            A copy.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> AlertState.empty(RuleSet([Rule("a", 1, "x > 1")])).take(np.array([], dtype=int))
        AlertState(0 customers, 1 rule)
        """
        cells = {rule: Cells(*(column[rows] for column in found)) for rule, found in self.cells.items()}
        return AlertState(self.digest, self.customers[rows], self.seen[rows], cells)

    def spread(self, customers: pd.Index[Any]) -> AlertState:
        """Return the state of more customers, new ones with nothing known of them.

        Parameters
        ----------
        customers : Index
            In order, with all of the customers of the state among them.

        Returns
        -------
        AlertState
            For these customers.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> AlertState.empty(RuleSet([Rule("a", 1, "x > 1")])).spread(ids_of([1, 2]))
        AlertState(2 customers, 1 rule)
        """
        rows = customers.get_indexer(self.customers)
        seen = np.full(len(customers), NEVER)
        seen[rows] = self.seen
        cells = {rule: _spread(found, rows, len(customers)) for rule, found in self.cells.items()}
        return AlertState(self.digest, customers, seen, cells)

    def check(self, rules: RuleSet) -> None:
        """Refuse the rules of another set, or another version of it.

        Parameters
        ----------
        rules : RuleSet
            The rules that want to step on from here.

        Raises
        ------
        VersionError
            When they are not those that made the state.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> AlertState.empty(rules).check(rules)
        """
        if self.digest == rules.digest:
            return
        added = [rule.id for rule in rules if rule.id not in self.cells]
        removed = [rule for rule in self.cells if rule not in rules.ids]
        what = "; ".join([*([f"new: {some(added)}"] * bool(added)), *([f"gone: {some(removed)}"] * bool(removed))])
        raise VersionError(
            message(
                f"the state belongs to rules with the digest {self.digest[:12]}… and these have "
                f"{rules.digest[:12]}… ({what or 'the same ids, but something in them changed'})",
                "state goes on with the rules that made it",
                "state.migrate(rules) keeps what stands under the same id",
            )
        )

    def migrate(self, rules: RuleSet) -> AlertState:
        """Return the state for another version of the rules.

        A rule that keeps its id keeps its states, whatever else was changed in it; a new one begins
        with nothing, and what stood under a rule that is gone is dropped. A history longer than the
        new `of` loses its oldest evaluations, and what only waited for a `keep_firing` or `cooldown`
        that is gone ends at the next step.

        Parameters
        ----------
        rules : RuleSet
            The new rules.

        Returns
        -------
        AlertState
            For these rules.

        Examples
        --------
        >>> from churnlib.alerts import Rule, RuleSet
        >>> old, new = RuleSet([Rule("a", 1, "x > 1")]), RuleSet([Rule("a", 2, "x > 1"), Rule("b", 1, "x > 5")])
        >>> state = old.step(pd.DataFrame({"x": [2]}, index=[7]), now="2026-03-02").state
        >>> state.migrate(new)
        AlertState(1 customer, 2 rules: 1 firing)
        """
        n = len(self)
        cells = {
            rule.id: _fitted(self.cells[rule.id], rule.pace) if rule.id in self.cells else empty_cells(n)
            for rule in rules
        }
        return AlertState(rules.digest, self.customers, self.seen, cells)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state as an Arrow file: ids of customers, and numbers.

        Parameters
        ----------
        path : str or path
            The file. It is replaced as a whole, so that whoever reads it never finds half of one.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import AlertState, Rule, RuleSet
        >>> rules = RuleSet([Rule("a", 1, "x > 1")])
        >>> state = rules.step(pd.DataFrame({"x": [1, 2]}, index=[7, 8]), now="2026-03-02").state
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     state.save(f"{folder}/state.arrow")
        ...     AlertState.load(f"{folder}/state.arrow", rules) == state
        True
        """
        columns: dict[str, Any] = {"customer_id": pa.array(self.customers), "seen": pa.array(self.seen)}
        for k, cells in enumerate(self.cells.values()):
            named = zip(Cells._fields, cells, strict=True)
            columns |= {f"{name}.{k}": pa.array(column) for name, column in named if column.any()}
        header = {
            "format": _FORMAT,
            "schema_version": _SCHEMA_VERSION,
            "churnlib": __version__,
            "digest": self.digest,
            "rules": list(self.cells),
        }
        table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(header, sort_keys=True).encode()})
        target = Path(path)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            with pa.OSFile(str(beside), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str], rules: RuleSet | None = None) -> AlertState:
        """Read a state that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.
        rules : RuleSet, default=None
            The rules it is for; None to `migrate` it afterwards.

        Returns
        -------
        AlertState
            Equal to the one written.

        Raises
        ------
        ParameterError
            When there is no such file.
        VersionError
            When it holds no state, was written by another schema version, or belongs to other rules.

        Examples
        --------
        >>> AlertState.load("nowhere.arrow")
        Traceback (most recent call last):
            ...
        churnlib.exceptions.ParameterError: there is no file 'nowhere.arrow'...
        """
        source = Path(path)
        if not source.is_file():
            raise ParameterError(message(f"there is no file {str(source)!r}", "a saved state", "state.save(path)"))
        try:
            with pa.OSFile(str(source), "rb") as file:
                table = pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            raise _no_state(f"{str(source)!r} is no Arrow file") from None
        state = _from_table(table, _header(table))
        if rules is not None:
            state.check(rules)
        return state


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate([*parts, np.empty(0, kind)])


def _spread(cells: Cells, rows: IntArray, n: int) -> Cells:
    wide = empty_cells(n)
    for old, new in zip(cells, wide, strict=True):
        if old.any():
            new[rows] = old
    return wide


def _fitted(cells: Cells, pace: Any) -> Cells:
    """Drop what the tolerance of a changed rule has no place for."""
    bits = cells.bits & np.uint16((1 << pace.n) - 1) if pace.n > 1 else np.zeros_like(cells.bits)
    status, quiet = cells.status, cells.quiet
    if not pace.keep_us:
        status, quiet = status & ~np.uint8(_CLEARING), np.zeros_like(quiet)
    return cells._replace(status=status, bits=bits, quiet=quiet)


def _header(table: pa.Table) -> dict[str, Any]:
    try:
        header = json.loads((table.schema.metadata or {})[_KEY])
    except (KeyError, ValueError):
        header = {}
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _no_state("the file has no header of a saved state")
    if header["schema_version"] != _SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the state was saved by churnlib {header['churnlib']} with schema version {header['schema_version']}",
                f"churnlib {__version__} reads schema version {_SCHEMA_VERSION}",
                "pip install --upgrade churnlib",
            )
        )
    return header


def _no_state(wrong: str) -> VersionError:
    return VersionError(message(wrong, "a state written by AlertState.save was expected", "state.save(path)"))


def _from_table(table: pa.Table, header: Mapping[str, Any]) -> AlertState:
    n, names = len(table), set(table.column_names)
    cells = {}
    for k, rule in enumerate(header["rules"]):
        found = empty_cells(n)._asdict()
        for name, blank in found.items():
            if f"{name}.{k}" in names:
                found[name] = to_numpy(table[f"{name}.{k}"]).astype(blank.dtype)
        cells[rule] = Cells(**found)
    customers = ids_of(table["customer_id"])
    return AlertState(header["digest"], customers, to_numpy(table["seen"]).astype(np.int64), cells)
