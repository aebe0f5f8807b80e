"""A watch in a folder: written beside the old one, whole, and put in its place in one step."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from churnlib._version import __version__
from churnlib.alerts._bound import BoundRules
from churnlib.alerts._ruleset import RuleSet
from churnlib.alerts._silence import Silence
from churnlib.alerts._state import AlertState
from churnlib.alerts._watch._notice import Notice
from churnlib.alerts._watch._sinks_lines import as_path, sync_folder
from churnlib.exceptions import ParameterError, SchemaError, VersionError, message
from churnlib.features import OnlineFeatures

if TYPE_CHECKING:
    from churnlib.alerts._watch._watch import OnBadEvent, Watch
    from churnlib.events import Contracts
    from churnlib.features import FeatureSpec

__all__ = ["SCHEMA_VERSION", "load_watch", "load_with", "save_watch"]

SCHEMA_VERSION = 1
_FORMAT = "churnlib.alerts.Watch"
_POINTER, _STEM, _DRAFT = "CURRENT", "watch-", ".part"
_FEATURES, _STATES, _HEAD = "features.arrow", "alerts.arrow", "watch.json"


def save_watch(watch: Watch, folder: str | os.PathLike[str], more: Mapping[str, Any] | None = None) -> None:
    """Write a watch, and values of JSON that belong to it; a writer that is killed leaves what was there.

    Parameters
    ----------
    watch : Watch
        What to write.
    folder : str or path
        Where; made if it is not there.
    more : mapping, default=None
        What is to be read back with it.
    """
    target = as_path(folder, "folder")
    target.mkdir(parents=True, exist_ok=True)
    before = _pointed(target)
    number = 1 + max([_number(path.name) for path in target.glob(f"{_STEM}*")], default=0)
    name = f"{_STEM}{number:09d}"
    draft = target / f"{name}{_DRAFT}"
    for left in target.glob(f"{_STEM}*{_DRAFT}"):  # by a writer that was killed, or had no room on the disk
        shutil.rmtree(left, ignore_errors=True)
    draft.mkdir()
    watch.features.save(draft / _FEATURES)
    watch.alerts.state().save(draft / _STATES)
    head = _head(watch, more or {}) | {"files": {part: _file_digest(draft / part) for part in (_FEATURES, _STATES)}}
    (draft / _HEAD).write_bytes(_with_digest(head))
    for part in (_FEATURES, _STATES, _HEAD):
        _sync_file(draft / part)
    sync_folder(draft)
    draft.rename(target / name)
    pointer = target / f"{_POINTER}{_DRAFT}"
    pointer.write_text(name, encoding="utf-8")
    _sync_file(pointer)
    sync_folder(target)
    pointer.replace(target / _POINTER)
    sync_folder(target)
    for old in target.glob(f"{_STEM}*"):
        if old.name not in {name, before}:  # the one before goes next time: somebody may be reading it
            shutil.rmtree(old, ignore_errors=True)


def load_watch(
    cls: type[Watch],
    folder: str | os.PathLike[str],
    rules: RuleSet | BoundRules | None,
    spec: FeatureSpec | None,
    contracts: Contracts | None,
    on_bad: OnBadEvent,
) -> Watch:
    """Read a watch that `save_watch` wrote, and check that it is whole and the one expected."""
    return load_with(cls, folder, rules, spec, contracts, on_bad)[0]


def load_with(
    cls: type[Watch],
    folder: str | os.PathLike[str],
    rules: RuleSet | BoundRules | None,
    spec: FeatureSpec | None,
    contracts: Contracts | None,
    on_bad: OnBadEvent,
) -> tuple[Watch, dict[str, Any]]:
    """Read a watch, and what was written with it."""
    target = as_path(folder, "folder")
    name = _pointed(target)
    if name is None:
        raise ParameterError(
            message(f"nothing is saved in {str(target)!r}", "a folder that Watch.save wrote", "watch.save(folder)")
        )
    head = _read_head(target / name)
    saved = RuleSet.from_json(head["rules"])
    given = rules.rules if isinstance(rules, BoundRules) else rules
    if given is not None and given != saved:
        AlertState.load(target / name / _STATES, given)  # which says what differs
    features = OnlineFeatures.load(target / name / _FEATURES, spec=spec, contracts=contracts)
    watch = cls.__new__(cls)
    watch._begin(features, saved, AlertState.load(target / name / _STATES, saved), head["language"], on_bad)
    watch._beat, watch._tick = head["beat"], head["tick"]
    watch._feeds = {feed: None if kinds is None else tuple(kinds) for feed, kinds in head["feeds"].items()}
    watch._fresh = dict(head["fresh"])
    watch._opted_out = frozenset(head["opted_out"])
    watch._silences = tuple(
        Silence(each["name"], each["until"], start=each["start"], rules=each["rules"], customers=each["customers"])
        for each in head["silences"]
    )
    watch._clock, watch._last_tick, watch._beat_ends = head["clock"], head["last_tick"], head["beat_ends"]
    watch._touched, watch._unsure = set(head["touched"]), set(head["unsure"])
    watch._ask_all, watch.stale = head["ask_all"], tuple(head["stale"])
    watch._ready = [Notice.from_dict(each) for each in head["ready"]]
    watch.refused = dict(head["refused"])
    watch._settle()
    watch._clockwork.to_come = [(time, customer) for time, customer in head["to_come"]]
    return watch, head["more"]


def _head(watch: Watch, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "schema_version": SCHEMA_VERSION,
        "churnlib": __version__,
        "rules": watch.rules.to_json(),
        "language": watch._language,
        "beat": watch._beat,
        "tick": watch._tick,
        "feeds": watch._feeds,
        "fresh": watch._fresh,
        "opted_out": sorted(watch._opted_out, key=repr),
        "silences": [
            {name: getattr(one, name) for name in ("name", "until", "start", "rules", "customers")}
            for one in watch._silences
        ],
        "clock": watch._clock,
        "last_tick": watch._last_tick,
        "beat_ends": watch._beat_ends,
        "touched": sorted(watch._touched),
        "to_come": sorted(watch._clockwork.to_come),
        "unsure": sorted(watch._unsure),
        "ask_all": watch._ask_all,
        "stale": watch.stale,
        "ready": [notice.to_dict() for notice in watch._ready],
        "refused": watch.refused,
        "more": dict(more),
    }


def _pointed(folder: Path) -> str | None:
    """Return the name of what is saved in a folder; None for nothing."""
    try:
        name = (folder / _POINTER).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not _number(name):
        raise VersionError(_changed(folder / _POINTER))
    return name


def _number(name: str) -> int:
    digits = name.removeprefix(_STEM).removesuffix(_DRAFT)
    return int(digits) if name.startswith(_STEM) and digits.isdecimal() else 0


def _with_digest(head: Mapping[str, Any]) -> bytes:
    body = json.dumps(head, sort_keys=True, allow_nan=False, default=_plain).encode()
    return hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def _plain(value: Any) -> Any:
    """Return an id out of an array as JSON has it."""
    if isinstance(value, np.integer):
        return int(value)
    raise SchemaError(
        message(f"{value!r} is a {type(value).__name__}", "ids of customers are whole numbers or texts", "str(...)")
    )


def _read_head(folder: Path) -> dict[str, Any]:
    path = folder / _HEAD
    try:
        digest, _, body = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        raise VersionError(_changed(path)) from None
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise VersionError(_changed(path))
    head: dict[str, Any] = json.loads(body)
    if head.get("format") != _FORMAT or head["schema_version"] != SCHEMA_VERSION:
        raise VersionError(
            message(
                f"the watch was saved by churnlib {head.get('churnlib')} with schema version "
                f"{head.get('schema_version')}",
                f"churnlib {__version__} reads version {SCHEMA_VERSION}",
                "the release that wrote it",
            )
        )
    for part, stated in head["files"].items():
        if not (folder / part).is_file() or _file_digest(folder / part) != stated:
            raise VersionError(_changed(folder / part))
    return head


def _changed(path: Path) -> str:
    return message(
        f"{str(path)!r} is not as it was written",
        "a watch is read as it was saved",
        "restore the folder, or begin anew",
    )


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
