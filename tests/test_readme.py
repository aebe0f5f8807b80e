"""The two READMEs open with the two commands and stay in step."""

from __future__ import annotations

import re
from pathlib import Path

import churnlib as cl

ROOT = Path(__file__).parents[1]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def code(text: str) -> list[tuple[str, list[str]]]:
    """Return the blocks of code, without comments: these are translated."""
    return [
        (language, [line.partition("#")[0].rstrip() for line in body.splitlines()])
        for language, body in BLOCK.findall(text)
    ]


def test_both_open_with_the_two_commands() -> None:
    for text in (ENGLISH, CHINESE):
        language, lines = code(text)[0]
        assert (language, lines) == ("sh", ["make demo", "make test"])
        assert text.index("make demo") < 80


def test_the_code_is_the_same() -> None:
    assert code(ENGLISH) == code(CHINESE)


def test_both_name_the_same_things() -> None:
    def named(text: str) -> list[str]:
        return sorted(set(re.findall(r"`(\w+(?:\.\w+)*)`", BLOCK.sub("", text))))

    assert named(ENGLISH) == named(CHINESE)


def test_every_name_of_the_front_door_is_in_the_table() -> None:
    names = set(cl._HOME) - {"show_versions", "survival_target"}
    assert {name for name in names if f"`{name}`" not in ENGLISH} == set()
