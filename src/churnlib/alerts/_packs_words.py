"""The tolerance of a rule in words, in English and Chinese."""

from __future__ import annotations

from collections.abc import Sequence

from churnlib.alerts._rule import Rule

__all__ = ["tolerance_of"]

_WORDS = {
    "en": {
        "waits": "counts after {}",
        "for": "holds for {}",
        "of": "{} of {} times",
        "clear": "ends when {}",
        "keep": "stays for {} after",
        "cooldown": "not again for {}",
        "season": "without {}",
        "sources": "suspended while {} is late",
        "inhibited": "held back by {}",
        "none": "at once",
        "and": ", ",
        "then": "; ",
    },
    "zh": {
        "waits": "{} 后才计入",
        "for": "持续 {}",
        "of": "{1} 次中有 {0} 次",
        "clear": "{} 时解除",
        "keep": "解除后保留 {}",
        "cooldown": "{} 内不再提示",
        "season": "扣除 {}",
        "sources": "{} 数据延迟时暂停",
        "inhibited": "{} 触发时不提示",
        "none": "立即",
        "and": "、",
        "then": "；",
    },
}


def tolerance_of(rule: Rule, language: str, *, waits: Sequence[str] = ()) -> str:
    """Say what a rule tolerates.

    Parameters
    ----------
    rule : Rule
        The rule.
    language : {"en", "zh"}
        The language.
    waits : sequence of str, default=()
        How old an event has to be before the columns of the rule count it.

    Returns
    -------
    str
        What it waits for, when it ends, how often it is told, and what it leaves out.

    Examples
    --------
    >>> tolerance_of(Rule("a", 1, "x > 1", for_="3d", cooldown="14d"), "en")
    'holds for 3d; not again for 14d'
    >>> tolerance_of(Rule("a", 1, "x > 1", of=(2, 3)), "zh")
    '3 次中有 2 次'
    """
    words = _WORDS[language]
    parts = [
        words["waits"].format(words["and"].join(waits)) if waits else "",
        words["for"].format(rule.for_) if not rule.for_.is_zero else "",
        words["clear"].format(rule.clear.text) if rule.clear is not None else "",
        words["of"].format(*rule.of) if rule.of != (1, 1) else "",
        words["keep"].format(rule.keep_firing) if not rule.keep_firing.is_zero else "",
        words["cooldown"].format(rule.cooldown) if not rule.cooldown.is_zero else "",
        words["season"].format(words["and"].join(sorted({name for _, name in rule.season}))) if rule.season else "",
        words["sources"].format(words["and"].join(rule.sources)) if rule.sources else "",
        words["inhibited"].format(words["and"].join(rule.inhibited_by)) if rule.inhibited_by else "",
    ]
    return words["then"].join(part for part in parts if part) or words["none"]
