"""What a feature is: the raw columns it needs, and the step that finishes them."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnlib._checks import check_choice
from churnlib._typing import Span
from churnlib.calendar import DAY_US, Duration, duration
from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, SchemaError, message, nearest
from churnlib.features._raw import Raw
from churnlib.features._source import PER, Kind, Per, kind_names, kind_text, normal_kind

__all__ = ["Facts", "Feature", "Values", "Window", "days", "doubled", "event_text", "events_text", "part", "ratio"]

Values: TypeAlias = npt.NDArray[Any] | pd.Categorical
"""A finished column."""

Window: TypeAlias = Span | None
"""A length of time such as "90d" or "1mo"; a feature keeps it as text. None is all of the past."""


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What a finishing step may know beside the raw columns.

    Attributes
    ----------
    cutoff : ndarray of shape (n_rows,)
        Cutoff of each row, in microseconds.
    scale : int
        Decimals of money: an amount is ``minor / 10**scale``.
    timezone : str
        Zone of calendar months.
    categories : mapping of str to Index
        The values that the codes of an attribute stand for.

    Examples
    --------
    >>> import numpy as np
    >>> from churnlib.features import Facts, Sum
    >>> Sum().finish((np.array([1999]),), Facts(np.array([0]), scale=2)).tolist()
    [19.99]
    """

    cutoff: npt.NDArray[np.int64]
    scale: int = 0
    timezone: str = "UTC"
    categories: Mapping[str, pd.Index] = field(default_factory=dict)


class Feature(ABC):
    """One column of X, computed from what happened and was known before the cutoff.

    A feature names the raw integers it needs and finishes them: all that is inexact is
    in `finish`, so that every engine that agrees on the integers agrees on the feature.

    Examples
    --------
    >>> from churnlib.features import Mean
    >>> feature = Mean("90d", kind="order")
    >>> feature.unit, feature.nulls
    ('money', 'NaN without an event in the window')
    >>> [raw.name for raw in feature.raws()]
    ['order.sum.90d', 'order.count.90d']
    """

    __slots__ = ()

    unit: ClassVar[str]
    """Unit of the values."""

    nulls: ClassVar[str]
    """When a value is missing, and what stands there."""

    added: ClassVar[tuple[str, ...]] = ()
    """Fields that came after the first release of the feature. None stands for what it was before, and is not
    written, so that digests of specs stay what they were."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the column, such as ``"order.sum.365d"``."""

    @property
    @abstractmethod
    def meaning(self) -> str:
        """One sentence for a reader who does not know the name."""

    @abstractmethod
    def raws(self) -> tuple[Raw, ...]:
        """Return the raw columns this feature is finished from."""

    @abstractmethod
    def finish(self, raws: tuple[npt.NDArray[Any], ...], facts: Facts) -> Values:
        """Turn the raw columns, in the order of `raws`, into the values of the feature."""

    def lacks(self, log: EventLog, contracts: Contracts | None) -> str | None:  # noqa: ARG002
        """Return the role of the data that this feature needs and the log does not have."""
        return None

    def check(self, log: EventLog, contracts: Contracts | None) -> None:
        """Raise when the log cannot serve this feature.

        Raises
        ------
        SchemaError
            When the log has no column in the role the feature needs.
        ParameterError
            When a kind is unknown.
        """
        lack = self.lacks(log, contracts)
        if lack is not None:
            raise SchemaError(self._lack_message(lack, log))
        for kind in self._kinds():
            if kind not in log.kinds:
                raise ParameterError(
                    message(
                        f"feature {self.name!r} asks for the kind {kind!r}, which no event of the log has",
                        nearest(kind, log.kinds),
                        f"kind={log.kinds[0] if log.kinds else None!r}",
                    )
                )

    def _lack_message(self, lack: str, log: EventLog) -> str:
        if lack == "contracts":
            fix = "contracts=Contracts.from_frame(...)"
        elif lack.startswith("attribute"):
            fix = f"EventLog.from_frame(..., attributes=[...]): {nearest(lack.split()[1], list(log.attributes))}"
        else:
            fix = f"EventLog.from_frame(..., {lack}=<column>), or leave the feature out"
        return message(f"feature {self.name!r} needs {lack}, and there is none", "the log has to carry it", fix)

    def _kinds(self) -> tuple[str, ...]:
        return (*kind_names(getattr(self, "kind", None)), *kind_names(getattr(self, "over", None)))

    def to_dict(self) -> dict[str, Any]:
        """Return the feature as plain values for JSON."""
        names = [field.name for field in dataclasses.fields(self)]  # type: ignore[arg-type]
        values = {name: getattr(self, name) for name in names}
        stated = {name: value for name, value in values.items() if value is not None or name not in self.added}
        return {"feature": type(self).__name__, **stated}

    # -- normal forms, used by __post_init__ of the subclasses ----------------------------

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _normal(self) -> None:
        """Give equal features equal fields: "2w" is "14d", and one kind in a list is that kind."""
        kind: Kind = getattr(self, "kind", None)
        window, per = getattr(self, "window", None), getattr(self, "per", "event")
        if kind is not None:
            self._set(kind=normal_kind(kind))
        if window is not None:
            self._set(window=str(duration(window, name=f"{type(self).__name__}.window")))
        check_choice(per, PER, name="per")


def part(kind: Kind, what: str, window: Window = None, per: Per = "event") -> str:
    """Join the parts of a feature's name.

    Examples
    --------
    >>> part("order", "sum", "365d"), part(None, "gap_mean", None, "day")
    ('order.sum.365d', 'any.day_gap_mean')
    """
    what = what if per == "event" else f"{per}_{what}"
    return ".".join([kind_text(kind), what] + ([str(window)] if window else []))


def event_text(kind: Kind) -> str:
    """Say in words which event is meant.

    Examples
    --------
    >>> event_text(None), event_text(("order", "visit"))
    ('event', 'order or visit event')
    """
    return f"{' or '.join(kind_names(kind))} event".strip()


def events_text(kind: Kind, per: Per = "event", window: Span | None = None) -> str:
    """Say in words which events are meant.

    Examples
    --------
    >>> events_text(("order", "visit"), "day", "90d")
    'days with order or visit events in the 90d before the cutoff'
    """
    one = {"event": "", "occasion": "instants with ", "day": "days with "}[per]
    when = f"in the {window} before the cutoff" if window else "before the cutoff"
    return f"{one}{event_text(kind)}s {when}"


def ratio(above: npt.NDArray[Any], below: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Divide, with NaN where the divisor is zero.

    Examples
    --------
    >>> import numpy as np
    >>> ratio(np.array([6, 6]), np.array([4, 0])).tolist()
    [1.5, nan]
    """
    out = np.full(np.broadcast(above, below).shape, np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out


def days(us: npt.NDArray[np.int64], *, missing: bool = True) -> npt.NDArray[np.float64]:
    """Turn microseconds into days, and the mark of a missing value into NaN.

    Examples
    --------
    >>> import numpy as np
    >>> days(np.array([43_200_000_000, -1])).tolist()
    [0.5, nan]
    """
    value = us / DAY_US
    return np.where(us < 0, np.nan, value) if missing else value


def doubled(window: Span) -> str:
    """Return the window of twice the length.

    Examples
    --------
    >>> doubled("90d"), doubled("1mo")
    ('180d', '2mo')
    """
    length = Duration.parse(window)
    twice = Duration(None, 2 * length.months) if length.fixed_us is None else Duration(2 * length.fixed_us)
    return str(twice)
