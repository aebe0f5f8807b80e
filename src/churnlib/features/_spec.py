"""A named, frozen set of features."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from churnlib.events import Contracts, EventLog
from churnlib.exceptions import ParameterError, ParameterTypeError, VersionError, message, nearest, some
from churnlib.features._age import Recency, Tenure
from churnlib.features._attributes import AttributeValue
from churnlib.features._contracts import MonthsToContractEnd
from churnlib.features._counts import Count, Distinct, Share
from churnlib.features._feature import Feature
from churnlib.features._gaps import GapMean, GapRatio, GapStd
from churnlib.features._money import Mean, Sum
from churnlib.features._runs import RunLength
from churnlib.features._source import Kind
from churnlib.features._standard import standard_features
from churnlib.features._trend import Change, Slope

__all__ = ["FeatureSpec"]

SCHEMA_VERSION = 1

_FEATURES: dict[str, type[Feature]] = {
    cls.__name__: cls
    for cls in (
        AttributeValue, Change, Count, Distinct, GapMean, GapRatio, GapStd, Mean, MonthsToContractEnd,
        Recency, RunLength, Share, Slope, Sum, Tenure,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, init=False, repr=False)
class FeatureSpec:
    """The features of a dataset, in the order of its columns.

    A spec is a value: frozen, hashable, equal to another with the same features in the
    same order, and stored as JSON with a digest, so that a model knows which features it
    was fitted on and refuses others.

    Parameters
    ----------
    features : sequence of Feature
        Such as ``Count("90d")`` or ``Recency("order")``; the order is the order of columns.
    adaptive : bool, default=False
        Whether features are left out when the log has no column in the role they need
        (amount, item). A spec that is not adaptive raises instead.

    Attributes
    ----------
    features : tuple of Feature
        The features.
    adaptive : bool
        As given.
    left_out : tuple of str
        Names of features that `for_log` left out; empty before.

    Raises
    ------
    ParameterTypeError
        When an entry is not a feature.
    ParameterError
        When there is none, or two have the same name.

    Examples
    --------
    >>> from churnlib.features import Count, FeatureSpec, Recency
    >>> spec = FeatureSpec([Recency(), Count("90d", kind="order")])
    >>> spec
    FeatureSpec(2 features: any.recency, order.count.90d)
    >>> FeatureSpec.from_json(spec.to_json()) == spec
    True
    """

    features: tuple[Feature, ...]
    adaptive: bool
    left_out: tuple[str, ...]

    def __init__(self, features: Iterable[Feature], *, adaptive: bool = False, left_out: Iterable[str] = ()) -> None:
        listed = tuple(features) if hasattr(features, "__iter__") else (features,)
        _check_features(listed)
        object.__setattr__(self, "features", listed)
        object.__setattr__(self, "adaptive", bool(adaptive))
        object.__setattr__(self, "left_out", tuple(left_out))

    @classmethod
    def standard(cls, kinds: Kind = ()) -> FeatureSpec:
        """Return features that serve most churn problems.

        Recency, tenure, the customer's own rhythm (gaps between active days), activity and
        spend in windows from a month to a year, their trend and change, the range of items.
        The set does not look at the data: what it holds depends on `kinds` and on the roles
        the log has (without amounts the spend features are left out, which is recorded in
        `left_out`), never on values.

        Parameters
        ----------
        kinds : str or sequence of str, default=()
            Kinds of events that get a count in 30 and 90 days and a recency of their own.

        Returns
        -------
        FeatureSpec
            An adaptive spec.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec
        >>> spec = FeatureSpec.standard(kinds=["order", "complaint"])
        >>> len(FeatureSpec.standard()), spec.names[-3:]
        (26, ('complaint.recency', 'complaint.count.30d', 'complaint.count.90d'))
        """
        return cls(standard_features(kinds), adaptive=True)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Sum
        >>> FeatureSpec([Sum("90d")]).names
        ('any.sum.90d',)
        """
        return tuple(feature.name for feature in self.features)

    def for_log(self, log: EventLog, *, contracts: Contracts | None = None) -> FeatureSpec:
        """Return the spec with which a log is computed.

        Parameters
        ----------
        log : EventLog
            The events.
        contracts : Contracts or None, default=None
            Contracts, where there are any.

        Returns
        -------
        FeatureSpec
            A spec that is not adaptive; `left_out` names what the log cannot serve.

        Raises
        ------
        SchemaError
            When the log lacks a role and the spec is not adaptive.
        ParameterError
            When a feature names a kind that the log does not have, or nothing is left.

        Examples
        --------
        >>> import pandas as pd
        >>> from churnlib.events import EventLog
        >>> from churnlib.features import Count, FeatureSpec, Sum
        >>> log = EventLog.from_frame(pd.DataFrame({"who": [1], "at": ["2025-03-01"]}), customer="who", time="at")
        >>> FeatureSpec([Count(), Sum()], adaptive=True).for_log(log)
        FeatureSpec(1 feature: any.count; left out: any.sum)
        """
        served = [f for f in self.features if not (self.adaptive and f.lacks(log, contracts))]
        for feature in served:
            feature.check(log, contracts)
        left = [feature.name for feature in self.features if feature not in served]
        if not served:
            raise ParameterError(
                message(f"the log serves none of the features ({some(left)})", "at least one is needed", "Count('90d')")
            )
        return FeatureSpec(served, left_out=(*self.left_out, *left))

    def describe(self) -> pd.DataFrame:
        """Return a dictionary of the features.

        Returns
        -------
        DataFrame of shape (n_features, 6)
            Indexed by name, with unit, window, kind, what stands where there is no value,
            the meaning in words, and the raw columns it is finished from.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Recency
        >>> FeatureSpec([Recency()]).describe().loc["any.recency", "unit"]
        'days'
        """
        rows = [
            {
                "name": feature.name,
                "unit": feature.unit,
                "window": _text(getattr(feature, "window", None), "all of the past"),
                "kind": _text(getattr(feature, "kind", None), "any"),
                "nulls": feature.nulls,
                "meaning": feature.meaning,
                "raw": ", ".join(raw.name for raw in feature.raws()),
            }
            for feature in self.features
        ]
        return pd.DataFrame(rows).set_index("name")

    @property
    def digest(self) -> str:
        """SHA-256 of the features in order, as 64 hexadecimal digits.

        It is the same on every machine and in every release that computes the same numbers.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> FeatureSpec([Count("2w")]).digest == FeatureSpec([Count("14d")]).digest
        True
        """
        return hashlib.sha256(_canonical(self._body()).encode()).hexdigest()

    def _body(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "adaptive": self.adaptive,
            "features": [feature.to_dict() for feature in self.features],
        }

    def to_json(self) -> str:
        """Return the spec as JSON text.

        Returns
        -------
        str
            An object with schema_version, adaptive, features, left_out and digest.

        Examples
        --------
        >>> from churnlib.features import FeatureSpec, Recency
        >>> FeatureSpec([Recency()]).to_json()[-71:]
        '":[{"feature":"Recency","kind":null}],"left_out":[],"schema_version":1}'
        """
        return _canonical({**self._body(), "left_out": self.left_out, "digest": self.digest})

    @classmethod
    def from_json(cls, text: str) -> FeatureSpec:
        """Read a spec that `to_json` wrote.

        Parameters
        ----------
        text : str
            JSON text.

        Returns
        -------
        FeatureSpec
            Equal to the one written.

        Raises
        ------
        VersionError
            When it was written in another schema version, names a feature that this release
            does not have, or does not match its digest.

        Examples
        --------
        >>> from churnlib.features import Count, FeatureSpec
        >>> FeatureSpec.from_json(FeatureSpec([Count("90d")]).to_json())
        FeatureSpec(1 feature: any.count.90d)
        """
        body = _parsed(text)
        spec = cls(
            [_feature(entry) for entry in body.get("features", [])],
            adaptive=bool(body.get("adaptive", False)),
            left_out=body.get("left_out", ()),
        )
        if body.get("digest") != spec.digest:
            raise VersionError(
                message(
                    f"the spec's digest is {str(body.get('digest'))[:12]}, its features have {spec.digest[:12]}",
                    "the text was changed after it was written",
                    "write it again with spec.to_json()",
                )
            )
        return spec

    def __len__(self) -> int:
        return len(self.features)

    def __iter__(self) -> Iterator[Feature]:
        return iter(self.features)

    def __add__(self, other: FeatureSpec | Sequence[Feature]) -> FeatureSpec:
        """Return the features of both; `adaptive` if this one is."""
        return FeatureSpec((*self.features, *other), adaptive=self.adaptive, left_out=self.left_out)

    def __repr__(self) -> str:
        word = "feature" if len(self) == 1 else "features"
        left = f"; left out: {some(self.left_out)}" if self.left_out else ""
        return f"FeatureSpec({len(self)} {word}: {some(self.names)}{left})"


def _check_features(features: tuple[object, ...]) -> None:
    wrong = [repr(entry) for entry in features if not isinstance(entry, Feature)]
    if wrong:
        raise ParameterTypeError(
            message(
                f"{len(wrong)} of {len(features)} entries are no features ({some(wrong)})",
                f"features are made by {some(sorted(_FEATURES), 20)}",
                "FeatureSpec([Recency(), Count('90d')])",
            )
        )
    if not features:
        raise ParameterError(message("there is no feature", "at least one was expected", "FeatureSpec.standard()"))
    names = [feature.name for feature in features if isinstance(feature, Feature)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            message(
                f"{len(twice)} of {len(set(names))} names stand for more than one feature ({some(twice)})",
                "each column needs a name of its own",
                "leave the repeated feature out",
            )
        )


def _feature(entry: dict[str, Any]) -> Feature:
    fields = dict(entry)
    name = fields.pop("feature", None)
    if name not in _FEATURES:
        raise VersionError(
            message(
                f"this release has no feature {name!r} ({nearest(name, list(_FEATURES))})",
                "a spec is read by the release that wrote it, or a later one",
                "pip install --upgrade churnlib",
            )
        )
    cls = _FEATURES[name]
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    needed = {name for name, field in known.items() if field.default is dataclasses.MISSING}
    if not needed <= set(fields) <= set(known):  # a field added later takes its default
        raise VersionError(
            message(
                f"{name} cannot be made of {sorted(fields)}",
                f"its fields are {sorted(known)}",
                f"write it with FeatureSpec([{name}(...)]).to_json()",
            )
        )
    return cls(**fields)


def _parsed(text: str) -> dict[str, Any]:
    body = json.loads(text)
    version = body.get("schema_version") if isinstance(body, dict) else None
    if version != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the text has schema version {version}",
                f"a feature spec of schema version {SCHEMA_VERSION} was expected",
                "FeatureSpec.from_json(spec.to_json())",
            )
        )
    return dict(body)


def _canonical(body: dict[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _text(value: Any, absent: str) -> str:
    if value is None:
        return absent
    return value if isinstance(value, str) else "+".join(value)
