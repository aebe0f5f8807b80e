"""A watch that survives being killed: nothing is lost, and what is told again has the key it had before."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from churnlib._checks import check_flag, check_integer
from churnlib._typing import Instant
from churnlib.alerts._online._alerts import instant_of
from churnlib.alerts._watch._files import _pointed, load_with, save_watch
from churnlib.alerts._watch._journal import Journal
from churnlib.alerts._watch._notice import Notice
from churnlib.alerts._watch._sinks import Sink
from churnlib.alerts._watch._sinks_lines import as_path, drop_torn_line
from churnlib.alerts._watch._watch import Watch, check_listed
from churnlib.exceptions import ChurnlibError, HistoryError, ParameterError, ParameterTypeError, message

if TYPE_CHECKING:
    from churnlib.alerts._bound import BoundRules
    from churnlib.alerts._ruleset import RuleSet
    from churnlib.events import Contracts

__all__ = ["DurableWatch"]

_SENT = "sent.txt"
_LOCK = "lock"


class DurableWatch:
    """Run a watch on disk: events are written down before they are used, notices until they are delivered.

    - `take` writes events to a journal and returns when the disk has them: whoever sent them may
      forget them then.
    - Notices wait until the sink has accepted them. `send` can fail and be called again.
    - `checkpoint` writes the watch and what waits into the folder, and drops the journal before it.

    After a kill at any moment, a new one in the same folder reads the checkpoint, takes the events of
    the journal in again, and computes the same notices with the same keys. Those that were accepted
    are left out as far as that is known; the last ones may be sent once more, and a receiver that
    stores by key has each of them once.

    Parameters
    ----------
    folder : str or path
        Where everything stands; for one process at a time.
    sink : Sink
        Where notices go.
    make : callable
        Makes the `Watch` when the folder is empty. It is saved at once.
    on_bad : callable
        Is given each event that cannot be taken, and the error. After a restart it is given those
        of the journal again.
    rules : RuleSet or BoundRules, default=None
        The rules that are expected in the folder; None takes those that were saved.
    contracts : Contracts, default=None
        Contracts, for features that read them.
    migrate : bool, default=False
        Whether a folder of other rules goes on with `rules`: the journal is taken in under the old
        ones first, then `Watch.migrate` says what becomes of alerts.

    Attributes
    ----------
    watch : Watch
        The watch.
    offset : int or None
        The offset that was given with the last events that were taken: where a source goes on.
    waiting : list of Notice
        Notices that were not yet accepted.

    Raises
    ------
    ParameterError
        When another process runs in the folder.
    VersionError, DataError
        When something in the folder was changed.

    Examples
    --------
    >>> import tempfile
    >>> from churnlib.alerts import CallableSink, Rule, RuleSet, Watch
    >>> from churnlib.features import FeatureSpec, OnlineFeatures, Sum
    >>> def make():
    ...     features = OnlineFeatures(FeatureSpec([Sum("30d")]), customer="who", time="at", amount="paid")
    ...     return Watch(features, RuleSet([Rule("refund", 3, "any.sum.30d < 0")]))
    >>> sink = CallableSink(lambda notice: print(notice.customer, notice.rule))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with DurableWatch(folder, sink, make, on_bad=print) as service:
    ...         service.take([{"who": 7, "at": "2026-03-02", "paid": -5}], offset=1)
    ...     with DurableWatch(folder, sink, make, on_bad=print) as service:  # as after a crash
    ...         service.advance("2026-03-03")
    ...         service.send(), service.offset
    7 refund
    (1, 1)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        sink: Sink,
        make: Callable[[], Watch],
        *,
        on_bad: Callable[[Mapping[str, Any], ChurnlibError], object],
        rules: RuleSet | BoundRules | None = None,
        contracts: Contracts | None = None,
        migrate: bool = False,
    ) -> None:
        if not callable(getattr(sink, "send", None)):
            raise ParameterTypeError(
                message(f"sink is a {type(sink).__name__}", "something with a method send", "CallableSink(print)")
            )
        if not callable(make):
            raise ParameterTypeError(
                message(f"make is a {type(make).__name__}", "a function that makes a Watch", "lambda: Watch(...)")
            )
        if not callable(on_bad):
            raise ParameterTypeError(
                message(f"on_bad is a {type(on_bad).__name__}", "a function of an event and an error", "on_bad=print")
            )
        self.folder, self._sink = as_path(folder, "folder"), sink
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.folder / _LOCK)
        self._sent_file: Any = None
        self._has_clock, self._is_whole = False, True
        try:
            self._journal = Journal(self.folder / "journal")
            more: dict[str, Any]
            if _pointed(self.folder) is None:
                self.watch, more = _made(make), {"record": self._journal.end, "offset": None, "waiting": []}
                save_watch(self.watch, self.folder, more)
                self.watch._on_bad = on_bad
            else:
                expected = None if check_flag(migrate, name="migrate") else rules
                self.watch, more = load_with(Watch, self.folder, expected, None, contracts, on_bad)
            self.offset: int | None = more["offset"]
            self.waiting = [Notice.from_dict(each) for each in more["waiting"]]
            self._recover(more["record"])
            if migrate and rules is not None and self.watch.rules != getattr(rules, "rules", rules):
                self.watch = self.watch.migrate(rules)
                self.checkpoint()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        waits = f"{len(self.waiting)} notice{'s' * (len(self.waiting) != 1)} waiting"
        return f"DurableWatch({str(self.folder)!r}, {waits}, {self.watch!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all files, and leave the folder as a kill would: nothing more is written."""
        journal = getattr(self, "_journal", None)
        for file in (self._sent_file, journal, self._lock):
            if file is not None:
                file.close()
        self._sent_file = self._lock = None

    def _recover(self, record: int) -> None:
        for _, entry in self._journal.read(record):
            self._apply(entry)
        self._sent_file = (self.folder / _SENT).open("a+b", buffering=0)
        drop_torn_line(self._sent_file)
        self._sent_file.seek(0)
        sent = set(self._sent_file.read().decode("ascii", "replace").split())
        self.waiting = [notice for notice in self.waiting if notice.key not in sent]

    def _apply(self, entry: Mapping[str, Any]) -> None:
        """Do what a record of the journal says; the same when it is new and when it is read again."""
        self._is_whole = False  # until all of it is done
        if entry["now"] is not None:
            self.waiting += self.watch.advance(entry["now"])
        if entry["events"]:
            self.waiting += self.watch.take(entry["events"])
        if entry["offset"] is not None:
            self.offset = entry["offset"]
        self._is_whole = True

    def _check_open(self) -> None:
        """Refuse to touch a folder that another process may have by now."""
        if self._lock is None:
            raise HistoryError(
                message(
                    f"the service in {str(self.folder)!r} was closed",
                    "the folder may be another's by now",
                    "DurableWatch(folder, ...) anew",
                )
            )

    def _check_whole(self) -> None:
        """Refuse to go on, or to write down, where something that was begun did not end."""
        self._check_open()
        if not self._is_whole:
            raise HistoryError(
                message(
                    "events were taken in half-way when an error came",
                    "the journal has all of them, and begins with them again",
                    f"DurableWatch({str(self.folder)!r}, ...) anew",
                )
            )

    def take(
        self, events: Iterable[Mapping[str, Any]], *, offset: int | None = None, now: Instant | int | None = None
    ) -> None:
        """Write events down and take them in; what is to be told of them waits for `send`.

        Parameters
        ----------
        events : iterable of mappings
            Values of JSON, with the keys of the features.
        offset : int, default=None
            Where their source goes on behind them.
        now : str, datetime or int, default=None
            The instant they came in, where the caller has a clock: it is moved there first, now and
            whenever the journal is read again. None leaves it where it stands.

        Raises
        ------
        DataError
            When an event holds what JSON has not. Nothing is taken then.
        OSError
            When it cannot be written down. Nothing is taken then.
        HistoryError
            When an error or an interruption came in the middle of an earlier call. What is in memory
            is half-done then and is not written anywhere: begin with the folder again.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import CallableSink, Rule, RuleSet, Watch
        >>> from churnlib.features import Count, FeatureSpec, OnlineFeatures
        >>> def make():
        ...     features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        ...     return Watch(features, RuleSet([Rule("often", 1, "any.count.30d >= 1")]))
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     DurableWatch(folder, CallableSink(print), make, on_bad=print) as service,
        ... ):
        ...     service.take([{"who": 7, "at": "2026-03-02"}], offset=19)
        ...     service.offset, service.watch.features.taken
        (19, 1)
        """
        self._check_whole()
        instant = self.watch._clock if now is None and self._has_clock else self._instant(now)
        check_listed(events)
        listed: list[Any] = [_plain(event) for event in events]
        if offset is not None:
            check_integer(offset, name="offset", low=0)
        if listed or offset is not None:
            if instant is not None:
                self.watch._check_jump(instant)
            entry = {"now": instant, "offset": offset, "events": listed}
            self._journal.append(entry)
            self._apply(entry)

    def advance(self, now: Instant | int) -> None:
        """Let the clock go on without events; what is to be told waits for `send`.

        Parameters
        ----------
        now : str, datetime or int
            As in `Watch.advance`.

        Raises
        ------
        TimeError
            When it lies too far ahead.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import CallableSink, Rule, RuleSet, Watch
        >>> from churnlib.features import Count, FeatureSpec, OnlineFeatures
        >>> def make():
        ...     features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        ...     return Watch(features, RuleSet([Rule("often", 1, "any.count.30d >= 1")]))
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     DurableWatch(folder, CallableSink(print), make, on_bad=print) as service,
        ... ):
        ...     service.take([{"who": 7, "at": "2026-03-02"}])
        ...     service.advance("2026-03-03")
        ...     [notice.rule for notice in service.waiting]
        ['often']
        """
        self._check_whole()
        instant = instant_of(now, self.watch.rules.timezone)
        self.watch._check_jump(instant)
        self._is_whole = False
        found = self.watch.advance(instant)
        self._has_clock = self._is_whole = True
        if found:  # what was told must come again from the journal alone, wherever the clock stands then
            self.waiting += found
            self._journal.append({"now": instant, "offset": None, "events": []}, sync=False)

    def _instant(self, now: Any) -> int | None:
        return None if now is None else instant_of(now, self.watch.rules.timezone)

    def send(self, *, batch: int = 500) -> int:
        """Give the sink what waits, in order.

        Parameters
        ----------
        batch : int, default=500
            How many at a time; those that were accepted are noted after each.

        Returns
        -------
        int
            How many were accepted.

        Raises
        ------
        DeliveryError
            Whatever the sink raises. What it did not accept still waits: call again later.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import CallableSink, Rule, RuleSet, Watch
        >>> from churnlib.features import Count, FeatureSpec, OnlineFeatures
        >>> def make():
        ...     features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        ...     return Watch(features, RuleSet([Rule("often", 1, "any.count.30d >= 1")]))
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     DurableWatch(folder, CallableSink(print), make, on_bad=print) as service,
        ... ):
        ...     service.send()
        0
        """
        self._check_open()
        check_integer(batch, name="batch", low=1)
        sent = 0
        while self.waiting:
            group = self.waiting[:batch]
            self._sink.send(group)
            self.waiting = self.waiting[len(group) :]
            sent += len(group)
            self._sent_file.write("".join(f"{notice.key}\n" for notice in group).encode())
        return sent

    def checkpoint(self) -> None:
        """Write the watch and what waits into the folder, and drop the journal before it.

        Events from before the lateness line are folded first, see `OnlineFeatures.compact`, so that the
        state does not grow with the years.

        Examples
        --------
        >>> import tempfile
        >>> from churnlib.alerts import CallableSink, Rule, RuleSet, Watch
        >>> from churnlib.features import Count, FeatureSpec, OnlineFeatures
        >>> def make():
        ...     features = OnlineFeatures(FeatureSpec([Count("30d")]), customer="who", time="at")
        ...     return Watch(features, RuleSet([Rule("often", 1, "any.count.30d >= 1")]))
        >>> with (
        ...     tempfile.TemporaryDirectory() as folder,
        ...     DurableWatch(folder, CallableSink(print), make, on_bad=print) as service,
        ... ):
        ...     service.take([{"who": 7, "at": "2026-03-02"}])
        ...     service.checkpoint()
        ...     list((service.folder / "journal").iterdir())
        []
        """
        self._check_whole()
        if self.watch.features.now is not None:
            self.watch.features.compact()
        waiting = [notice.to_dict() for notice in self.waiting]
        record = self._journal.end
        save_watch(self.watch, self.folder, {"record": record, "offset": self.offset, "waiting": waiting})
        self._journal.roll()
        self._journal.drop(record)
        self._sent_file.truncate(0)
        self._sent_file.seek(0)


def _plain(event: Any) -> Any:
    return dict(event) if isinstance(event, Mapping) else event  # what is no mapping is given to on_bad


def _made(make: Callable[[], Watch]) -> Watch:
    watch = make()
    if not isinstance(watch, Watch):
        raise ParameterTypeError(message(f"make returned a {type(watch).__name__}", "a Watch", "lambda: Watch(...)"))
    return watch


def _locked(path: Path) -> Any:
    """Open a file that one process at a time can have; the system frees it when that one ends."""
    file = path.open("a+b")
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise ParameterError(
            message(
                f"another process runs in {str(path.parent)!r}",
                "one at a time was expected",
                "end it, or another folder",
            )
        ) from None
    return file
