"""What a text may hold, and that everything else is refused with its place."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ChurnlibError, ParameterError, ParameterTypeError
from churnlib.expressions._tokens import is_plain_name, quoted, tokens

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def kinds(text: str) -> list[tuple[str, object]]:
    return [(token.kind, token.value) for token in tokens(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("30", "number", 30.0), ("0.5", "number", 0.5), (".5", "number", 0.5), ("1e3", "number", 1000.0),
        ("2.5E-1", "number", 0.25), ("30d", "duration", 30 * 86_400_000_000), ("90min", "duration", 5_400_000_000),
        ("2w", "duration", 14 * 86_400_000_000), ("7us", "duration", 7), ("order.count.30d", "name", "order.count.30d"),
        ("`plan name`", "name", "plan name"), ("`and`", "name", "and"), ('"it\'s"', "text", "it's"),
        ("'5\\' x'", "text", "5' x"), (r"'\u{20ac}\n'", "text", "€\n"), ("and", "keyword", "and"), ("<=", "mark", "<="),
        ("'日本（東京）'", "text", "日本（東京）"),
        (r"'\u{3bc}g'", "text", "\u03bcg"),  # a Greek letter among Latin ones, written by its number: it is meant
    ],
)  # fmt: skip
def test_one_token(text: str, kind: str, value: object) -> None:
    assert kinds(text) == [(kind, value)]


def test_positions_are_those_of_the_text() -> None:
    assert [(token.at, token.end) for token in tokens("a  >= `b c`")] == [(0, 1), (3, 5), (6, 11), (11, 11)]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a = 3", r"at character 3: '=' is no part of the language.*\nFix: write ==\n    a = 3\n      \^"),
        ("a => 3", r"Fix: write >="),
        ("a && b", r"Fix: write and"),
        ("a ≥ 3", r"'≥' \(greater-than or equal to\) is no part of the language.*\nFix: write >="),
        ("a > 3；", r"fullwidth semicolon"),
        ("plan == “x”", r"left double quotation mark.*\nFix: write \""),
        ("客户 > 3", r"at character 1: '客' .*\nFix: `name` in backticks for a column"),
        ("\u0430 > 3", r"'.' \(cyrillic small letter a\) is no part of the language"),
        ("\uff4e > 3", r"fullwidth latin small letter n\) is no part of the language.*\nFix: write n"),
        (
            "p == 'p\u0430ypal'",
            r"at character 8: '.' \(cyrillic small letter a\) stands among Latin letters(?s:.*)\\u\{430\}",
        ),
        ("p == 'a\u200bb'", r"at character 8: U\+200B \(zero width space\) cannot be seen(?s:.*)\\u\{200b\}"),
        ("p == 'a\u202eb'", r"U\+202E \(right-to-left override\) cannot be seen"),
        ("a\u00a0> 3", r"no-break space"),
        ("a\x00> 3", r"U\+0000 .*cannot be seen"),
        ("a in ['b']", r"'\[' is no part of the language(?s:.*)Fix: a in \('b', 'c'\)"),
        ("n[0] > 1", r"'\[' is no part of the language(?s:.*)Fix: `name` in backticks"),
        ("a > 1\u200b", r"cannot be seen(?s:.*)Fix: take it out"),
        ("`a > 1", r"the quote ` is never closed(?s:.*)Fix: `plan name`"),
        ("p == 'basic", r"at character 6: the quote ' is never closed"),
        ("p == '\\x41'", r"the backslash stands before 'x'"),
        ("p == '\\u{d800}'", r"the backslash stands before 'u'"),
        ("p == '\\u{110000}'", r"the backslash stands before 'u'"),
        ("p == '\\", r"the backslash stands before ''"),
        ("`` > 3", r"the name in backticks is empty"),
        ("a > 30mo", r"30mo is no fixed length of time; a calendar month or year.*\nFix: 30d"),
        ("a > 1y", r"1y is no fixed length of time"),
        ("a > 30dd", r"'dd' behind the number 30 is no unit \(did you mean 'd'\?\)"),
        ("a > 1.5d", r"1\.5d is no whole number of d"),
        ("a > 9999999999999d", r"is no whole number of d; a length of time is a whole number, of at most 12 digits"),
        ("a > 1e999", r"1e999 has more digits than a number keeps"),
        ("a > 9007199254740993", r"more digits than a number keeps.*\nFix: an id is a text"),
        ("__class__ > 3", r"the name __class__ begins with two underscores"),
        ("a.__class__ > 3", r"the name a\.__class__ begins with two underscores"),
        ("a[0] > 1", r"at character 2: '\[' is no part"),
        ("{a} > 1", r"'\{' is no part"),
        ("a; b", r"';' is no part"),
        ("lambda: 1", r"':' is no part"),
        ("a > 1 # x", r"'#' is no part"),
        ("'a'.upper() == 'A'", r"at character 4: '\.' is no part"),
    ],
)
def test_what_is_no_part_of_the_language_is_refused(text: str, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        tokens(text)


def test_only_texts_and_not_too_long_ones_are_read() -> None:
    with pytest.raises(ParameterTypeError, match=r"the expression is a int; a text was expected"):
        tokens(3)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"the expression has 1,000,000 characters; at most 2,000 are read"):
        tokens("a" * 1_000_000)


def test_the_caret_stands_under_its_place_behind_wide_letters_and_in_a_long_text() -> None:
    with pytest.raises(ParameterError) as found:
        tokens("`客户` = 3")
    assert str(found.value).splitlines()[-2:] == ["    `客户` = 3", "           ^"]
    with pytest.raises(ParameterError) as found:
        tokens("n + " * 100 + "$" + " + n" * 100)
    excerpt, caret = str(found.value).splitlines()[-2:]
    assert excerpt[caret.index("^")] == "$"
    assert len(excerpt) < 100


@given(any_text, st.sampled_from(["'", '"', "`"]))
def test_any_value_in_quotes_reads_back(value: str, quote: str) -> None:
    if quote == "`" and not value:
        return
    assert kinds(quoted(value, quote)) == [("name" if quote == "`" else "text", value)]


@given(any_text)
def test_a_plain_name_is_one_token_without_quotes(name: str) -> None:
    if is_plain_name(name):
        assert kinds(name) == [("name", name)]


@given(any_text | st.text("<>=!&|'\"`()+-*/.,0123456789 dandornotinis\\u{}", max_size=60))
def test_any_text_is_cut_or_refused(text: str) -> None:
    try:
        found = tokens(text)
    except ChurnlibError as error:
        refused = str(error)
    else:
        refused = ""
        assert found[-1].kind == "end"
        assert all(one.end <= other.at for one, other in itertools.pairwise(found))
    assert not refused or ("Fix:" in refused and refused.endswith("^"))
