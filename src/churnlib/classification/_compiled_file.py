"""A compiled model as JSON text that notices when it was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from churnlib.exceptions import DataError, ParameterTypeError, VersionError, message, some

__all__ = ["KIND", "SCHEMA_VERSION", "pack", "unpack"]

KIND = "churnlib.CompiledScorer"
SCHEMA_VERSION = 1


def pack(content: Mapping[str, Any], version: str) -> tuple[str, str]:
    """Write a model's content as canonical JSON with its digest.

    Parameters
    ----------
    content : mapping
        Plain values.
    version : str
        The churnlib that compiled it.

    Returns
    -------
    text : str
        ASCII with sorted keys: equal content gives equal bytes. Numbers are written so
        that they are read back to the bit.
    digest : str
        SHA-256 of everything else in it.

    Examples
    --------
    >>> pack({"a": 0.1}, "0.1")[0][:33]
    '{"churnlib":"0.1","content":{"a":'
    """
    body = {"kind": KIND, "schema_version": SCHEMA_VERSION, "churnlib": version, "content": content}
    digest = _digest(body)
    return _canonical({**body, "digest": digest}), digest


def unpack(text: str) -> tuple[dict[str, Any], str]:
    """Read what `pack` wrote.

    Parameters
    ----------
    text : str
        JSON; line breaks and blanks outside the values do not matter.

    Returns
    -------
    content : dict
        As it was written.
    version : str
        The churnlib that compiled it.

    Raises
    ------
    DataError
        If it is no JSON, or JSON of another kind.
    VersionError
        If another schema wrote it, or it was changed after it was written.
    ParameterTypeError
        If it is no text.

    Examples
    --------
    >>> unpack(pack({"a": 0.1}, "0.1")[0])
    ({'a': 0.1}, '0.1')
    """
    if not isinstance(text, str):
        raise ParameterTypeError(
            message(f"text is a {type(text).__name__}", "JSON text was expected", "CompiledScorer.load(path)")
        )
    body = _parsed(text)
    if body.get("schema_version") != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the compiled model has schema version {body.get('schema_version')!r}, "
                f"written by churnlib {body.get('churnlib')}",
                f"this churnlib reads schema version {SCHEMA_VERSION}",
                "compile the fitted model again: model.compile().save(path)",
            )
        )
    stated = body.pop("digest", None)
    try:
        found = _digest(body)
    except ValueError:
        found = "an infinite number or none"
    if stated != found or not isinstance(body.get("content"), dict):
        raise VersionError(
            message(
                f"the digest of the compiled model is {found[:12]}… and it says {str(stated)[:12]}…",
                "it was changed after it was written, or cut off",
                "write it again: model.compile().save(path)",
            )
        )
    return body["content"], str(body.get("churnlib"))


def _parsed(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            message(
                f"the text is no JSON ({error}); it begins with {text[:20]!r}",
                "what to_json() or save() wrote",
                "CompiledScorer.load(path) of a file that model.compile().save(path) wrote",
            )
        ) from None
    kind = body.get("kind") if isinstance(body, dict) else None
    if not isinstance(body, dict) or kind != KIND:
        what = f"of the kind {kind!r}" if kind is not None else f"a {type(body).__name__}"
        keys = f" with {some(sorted(body))}" if isinstance(body, dict) else ""
        raise DataError(
            message(
                f"the text is other JSON: {what}{keys}",
                f"a compiled model has the kind {KIND!r}",
                "CompiledScorer.load(path) of a file that model.compile().save(path) wrote",
            )
        )
    return body


def _canonical(body: Mapping[str, Any]) -> str:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body).encode("ascii")).hexdigest()
