"""Tags for customers by rules that people approve before use."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from churnlib._frames import column_names
from churnlib._sklearn import BaseEstimator, StrOptions, TransformerMixin, check_is_fitted, fit_context, validate_data
from churnlib._version import __version__
from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError, VersionError, message, some
from churnlib.expressions import Columns
from churnlib.segmentation._matrix import is_frame
from churnlib.segmentation._tag import Tag

if TYPE_CHECKING:
    from churnlib._typing import Array, FloatArray

__all__ = ["TagRules"]

_SCHEMA_VERSION = 1
_LONGEST = 1_000_000


class TagRules(TransformerMixin, BaseEstimator):
    """Say which customers carry which tags, by conditions over a frame of customers.

    Only approved tags are used: a proposed one is an error unless `unapproved` says otherwise,
    and a retired one is kept for the record and never computed. A tag is true, false, or missing
    where the data that decide it are missing: it is never false because nobody knows.

    Parameters
    ----------
    tags : sequence of Tag, default=()
        The tags, with distinct names; their order is the order of the columns.
    unapproved : {"error", "leave_out", "include"}, default="error"
        What to do with proposed tags. "include" is for looking at them before they are approved.
    units : dict of str to str, default=None
        Units of columns, such as ``{"recency_days": "days"}``, for conditions with lengths of
        time (``recency_days >= 4w``). They belong to what the conditions mean, and not to what
        was approved: an approval holds for the text of a condition, so that other units change who
        carries the tag and no approval is withdrawn. Have the tags approved again after a change
        of units. `to_json` writes them with the tags, under the same digest.

    Attributes
    ----------
    tags_ : tuple of Tag
        The tags in use.
    left_out_ : tuple of str
        Names of the tags that are not: retired ones, and proposed ones under "leave_out".
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows of the fit came as a frame whose columns are named by text. The
        columns of an array are called ``x0``, ``x1``, ….

    See Also
    --------
    churnlib.expressions.Expression : the language of conditions, and its truth tables.

    Examples
    --------
    >>> import pandas as pd
    >>> from churnlib.segmentation import Tag, TagRules
    >>> tags = [
    ...     Tag("bought once", "n_orders == 1", text="One order ever.", owner="crm"),
    ...     Tag("complained", "n_complaints > 0 and topic == 'delivery'", text="About delivery.", owner="care"),
    ... ]
    >>> rules = TagRules([tag.approve(by="Ann", on="2026-03-01") for tag in tags])
    >>> customers = pd.DataFrame(
    ...     {"n_orders": [1, 7], "n_complaints": [None, 2], "topic": ["delivery", "delivery"]}, index=["ann", "bob"]
    ... )
    >>> rules.fit_transform(customers)
         bought once  complained
    ann         True        <NA>
    bob        False        True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "tags": [list, tuple],
        "unapproved": [StrOptions({"error", "leave_out", "include"})],
        "units": [dict, None],
    }

    def __init__(
        self,
        tags: Sequence[Tag] = (),
        *,
        unapproved: str = "error",
        units: Mapping[str, str] | None = None,
    ) -> None:
        self.tags = tags
        self.unapproved = unapproved
        self.units = units

    @fit_context()
    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Check approval, and every name, type and unit against the columns.

        Parameters
        ----------
        X : frame or array of shape (n_customers, n_columns)
            One row for each customer.
        y : None
            Not looked at.

        Returns
        -------
        TagRules
            Itself.

        Raises
        ------
        ParameterError
            When a tag is not approved, or two have one name.
        ParameterTypeError
            When an entry of `tags` is no tag.
        SchemaError
            When a condition names no column (the nearest is suggested), or compares what cannot be.

        Examples
        --------
        >>> tag = Tag("one", "n_order == 1").approve(by="Ann", on="2026-03-01")
        >>> TagRules([tag]).fit(pd.DataFrame({"n_orders": [1]}))
        Traceback (most recent call last):
            ...
        churnlib.exceptions.SchemaError: tag 'one': at character 1: 'n_order' is no column (did you mean 'n_orders'?)...
        """
        _check_tags(self.tags)
        if self.unapproved == "error":
            _refuse_proposed(self.tags)
        used = {"approved", "proposed"} if self.unapproved == "include" else {"approved"}
        columns = self._columns(X, fitting=True)
        tags = tuple(tag for tag in self.tags if tag.state in used)
        for tag in tags:
            _bound(tag, columns)
        self.tags_ = tags
        self.left_out_ = tuple(tag.name for tag in self.tags if tag.state not in used)
        return self

    def transform(self, X: Any) -> Any:
        """Say which customers carry which tags.

        Parameters
        ----------
        X : frame or array of shape (n_customers, n_columns)
            Customers with the columns of the fit.

        Returns
        -------
        DataFrame or ndarray of shape (n_customers, n_tags)
            For a frame columns of dtype "boolean", ``<NA>`` where it is unknown, indexed like X; for
            an array 1.0, 0.0, and NaN where it is unknown. `set_output` decides otherwise.

        Raises
        ------
        SchemaError
            When a column no longer holds what a condition needs.

        Examples
        --------
        >>> tag = Tag("big", "x0 >= 2").approve(by="Ann", on="2026-03-01")
        >>> TagRules([tag]).fit_transform(np.array([[1.0], [2.0]])).tolist()
        [[0.0], [1.0]]
        """
        check_is_fitted(self)
        columns = self._columns(X, fitting=False)
        if not is_frame(X):
            return self._array(columns)
        index = columns.index if columns.index is not None else pd.RangeIndex(columns.n_rows)
        found = {tag.name: _bound(tag, columns)(columns) for tag in self.tags_}
        return pd.DataFrame(found, index=index, columns=pd.Index([tag.name for tag in self.tags_]))

    def get_feature_names_out(self, input_features: Any = None) -> Array:  # noqa: ARG002
        """Return the names of the tags in use.

        Parameters
        ----------
        input_features : None
            Not looked at.

        Returns
        -------
        ndarray of str
            In the order of the columns.

        Examples
        --------
        >>> tag = Tag("big", "x0 >= 2").approve(by="Ann", on="2026-03-01")
        >>> TagRules([tag]).fit([[1.0]]).get_feature_names_out().tolist()
        ['big']
        """
        check_is_fitted(self)
        return np.array([tag.name for tag in self.tags_], dtype=object)

    def describe(self) -> pd.DataFrame:
        """Return the tags as a table for the people who decide about them.

        Returns
        -------
        DataFrame of shape (n_tags, 6)
            Indexed by name: the condition, its meaning, the owner, the state, and by whom and
            when the last decision was taken.

        Examples
        --------
        >>> TagRules([Tag("one", "n == 1").approve(by="Ann", on="2026-03-01")]).describe().loc["one", "state"]
        'approved'
        """
        _check_tags(self.tags)
        rows = [
            {
                "when": tag.when.text,
                "text": tag.text,
                "owner": tag.owner,
                "state": tag.state,
                "by": tag.decisions[-1].by if tag.decisions else None,
                "on": tag.decisions[-1].on if tag.decisions else None,
            }
            for tag in self.tags
        ]
        index = pd.Index([tag.name for tag in self.tags], name="name", dtype=object)
        return pd.DataFrame(rows, index=index, columns=["when", "text", "owner", "state", "by", "on"], dtype=object)

    def to_json(self) -> str:
        """Return the tags with all decisions as JSON text; `from_json` reads it back.

        Returns
        -------
        str
            With schema_version, the version of churnlib, and a digest of the content.

        Examples
        --------
        >>> rules = TagRules([Tag("one", "n == 1")])
        >>> TagRules.from_json(rules.to_json()).describe().equals(rules.describe())
        True
        """
        _check_tags(self.tags)
        body = {
            "tags": [tag.to_dict() for tag in self.tags],
            "unapproved": self.unapproved,
            "units": None if self.units is None else dict(self.units),
        }
        head = {"schema_version": _SCHEMA_VERSION, "churnlib": __version__, "digest": _digest(body)}
        return json.dumps(head | body, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> TagRules:
        """Read tags that `to_json` wrote.

        Parameters
        ----------
        text : str
            The JSON text, of at most a million characters.

        Returns
        -------
        TagRules
            Not fitted, with equal tags.

        Raises
        ------
        ParameterError
            When it is no JSON of tags.
        VersionError
            When another schema wrote it, or it was changed after it was written: a change goes
            through `Tag`, so that it is seen to be no longer approved.

        Examples
        --------
        >>> text = TagRules([Tag("one", "n == 1")]).to_json()
        >>> TagRules.from_json(text.replace("n == 1", "n == 2"))
        Traceback (most recent call last):
            ...
        churnlib.exceptions.VersionError: the digest of the tags is ... and the text says ...
        """
        body = _parsed(text)
        digest, content = str(body.get("digest")), {name: body.get(name) for name in ("tags", "unapproved", "units")}
        if not isinstance(content["tags"], list):
            raise ParameterError(
                message("the text holds no list of tags", "tags written by to_json", "rules.to_json()")
            )
        if digest != _digest(content):
            raise VersionError(
                message(
                    f"the digest of the tags is {_digest(content)[:12]}… and the text says {digest[:12]}…",
                    "the text was changed after it was written",
                    "change the tag in Python, have it approved, and write it with rules.to_json()",
                )
            )
        return cls(
            [Tag.from_dict(entry) for entry in content["tags"]],
            unapproved=str(content["unapproved"]),
            units=content["units"],
        )

    def _columns(self, X: Any, *, fitting: bool) -> Columns:
        if is_frame(X):
            # the names alone are compared, so that frames of all libraries are alike
            named = X.iloc[:0] if isinstance(X, pd.DataFrame) else pd.DataFrame(columns=column_names(X))
            validate_data(self, named, reset=fitting, skip_check_array=True)
            return Columns(X, units=self.units)
        values = validate_data(self, X, reset=fitting, dtype=None, ensure_all_finite=False)
        frame = pd.DataFrame(values, columns=[f"x{k}" for k in range(values.shape[1])])
        return Columns(frame.infer_objects() if values.dtype == object else frame, units=self.units)

    def _array(self, columns: Columns) -> FloatArray:
        found = np.empty((columns.n_rows, len(self.tags_)))
        for k, tag in enumerate(self.tags_):
            true, false = _bound(tag, columns).truth(columns)
            found[:, k] = np.where(true | false, true, np.nan)
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _check_tags(tags: Sequence[Any]) -> None:
    wrong = [repr(tag)[:40] for tag in tags if not isinstance(tag, Tag)]
    if wrong:
        raise ParameterTypeError(
            message(
                f"{len(wrong)} of {len(tags)} entries of tags are no tags ({some(wrong)})",
                "each is a Tag with a name and a condition",
                "TagRules([Tag('bought once', 'n_orders == 1')])",
            )
        )
    names = [tag.name for tag in tags]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(
            message(f"{some(twice)} names more than one tag", "names are distinct", "rename or retire one of them")
        )


def _refuse_proposed(tags: Sequence[Tag]) -> None:
    proposed = [tag for tag in tags if tag.state == "proposed"]
    if not proposed:
        return
    changed = [tag.name for tag in proposed if tag.decisions]
    note = f"; changed since they were approved: {some(changed)}" if changed else ""
    raise ParameterError(
        message(
            f"{len(proposed)} of {len(tags)} tags are not approved ({some([tag.name for tag in proposed])}{note})",
            "people approve a tag before it is used",
            "tag.approve(by=..., on=...), or unapproved='leave_out', or 'include' to look at them",
        )
    )


def _bound(tag: Tag, columns: Columns) -> Any:
    try:
        return tag.when.bind(columns)
    except ChurnlibError as error:
        raise type(error)(f"tag {tag.name!r}: {error}") from None


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _parsed(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > _LONGEST:
        size = f"{len(text):,} characters" if isinstance(text, str) else f"a {type(text).__name__}"
        raise ParameterError(
            message(
                f"the tags are {size}", f"a text of at most {_LONGEST:,} characters was expected", "rules.to_json()"
            )
        )
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(
            message(f"the text is no JSON ({str(error)[:60]})", "tags written by to_json", "rules.to_json()")
        ) from None
    version = body.get("schema_version") if isinstance(body, dict) else None
    if version != _SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the text has schema version {version!r}",
                f"tags of schema version {_SCHEMA_VERSION} were expected",
                "read it with the release of churnlib that wrote it",
            )
        )
    return dict(body)
