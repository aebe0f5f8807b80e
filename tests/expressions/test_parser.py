"""The grammar, its refusals, and that hostile texts are refused at once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnlib.exceptions import ChurnlibError, ParameterError
from churnlib.expressions import ColumnType, Expression
from churnlib.expressions._parser import MAX_DEPTH, MAX_NODES, tree_of


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a or b and c", "a or (b and c)"),
        ("not a and b", "(not a) and b"),
        ("not a > 1", "not (a > 1)"),
        ("a + b * c > 1", "a + (b * c) > 1"),
        ("-a * b > 1", "(-a) * b > 1"),
        ("a - b - c > 1", "(a - b) - c > 1"),
        ("a between 1 and 2 and b", "(a between 1 and 2) and b"),
        ("a > 1 and b\n or\tc", "(a > 1 and b) or c"),
    ],
)
def test_what_binds_tighter(text: str, same: str) -> None:
    assert tree_of(text) == tree_of(same)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"at character 1: the end stands where a value was expected"),
        ("   ", r"the end stands where a value was expected"),
        ("a and", r"at character 6: the end stands where a value was expected"),
        ("a >= 3 b", r"at character 8: 'b' stands where the expression could end; 'and', 'or' or an operator"),
        ("a > 3)", r"'\)' stands where the expression could end"),
        ("(a > 3", r"at character 7: the end stands where '\)' was expected"),
        ("a in 3", r"'3' stands where '\(' was expected; '\(' follows 'in'"),
        ("a in ()", r"'\)' stands in a list; a list holds numbers, lengths of time or quoted texts"),
        ("a in (b)", r"'b' stands in a list"),
        ("a in (1, -'x')", r"stands in a list"),
        ("a in (1", r"'\)' follows the last value of a list"),
        ("a not 3", r"'3' stands behind 'not'"),
        ("a is 3", r"'3' stands where 'missing' was expected; 'missing' follows 'is'"),
        ("a between 1", r"'and' follows the lower end of 'between'"),
        ("foo(a) > 2", r"there is no function 'foo'; the functions are abs, coalesce, max, min\."),
        ("mix(a, 1) > 2", r"there is no function 'mix' \(did you mean 'min'\?\); the functions are abs"),
        ("`abs`(a) > 2", r"there is no function 'abs'"),
        ("mim(a, 1) > 2", r"did you mean 'min'\?"),
        ("abs(a, b) > 2", r"abs has 2 arguments; 1 was expected.*\nFix: abs\(x\)"),
        ("min(a) > 2", r"min has 1 argument; 2 to 20 were expected.*\nFix: min\(x, 0\)"),
        ("coalesce(a, 1 > 2", r"'\)' follows the last argument of a function"),
        ("x ** 2 > 3", r"at character 4: '\*' stands where a value was expected"),
        ("a > > 3", r"'>' stands where a value was expected"),
        ("import os", r"'os' stands where the expression could end"),
        ("exec('x')", r"there is no function 'exec'"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        tree_of(text)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("3 + 4", r"3 \+ 4 is a number and stands where a condition was expected"),
        ("'basic'", r"\"basic\" is a text and stands where a condition was expected"),
        ("a < 'x'", r"text values are compared by <; only numbers have an order"),
        ("a + 'x' > 1", r"\"x\" is a text and stands where a number was expected"),
        ("'3' > a + 1", r"a \+ 1 is a number and stands where a text was expected"),
        ("a + '3' > 1", r"Fix: a \+ 3\n"),
        ("true > false", r"boolean values are compared by >"),
        ("3 and a", r"3 is a number and stands where a condition was expected; .*\nFix: 3 > 0"),
        ("not (a + 1)", r"a \+ 1 is a number and stands where a condition"),
        ("(a > 1) + 2 > 3", r"a > 1 is true or false and stands where a number was expected"),
        ("plan in ('a', 3, 4)", r"3 is a number.*\nFix: plan in \(\"a\", \"3\", \"4\"\)\n"),
        ("coalesce('a', 3) == plan", r"3 is a number.*\nFix: coalesce\(\"a\", \"3\"\)\n"),
        ("n + 'x' > 2", r"\nFix: n \+ x, where x is a column of numbers\n"),
        ("max('x', n) > 2", r"\nFix: max\(x, n\), where x is a column of numbers\n"),
        ("'x' > 3", r"Fix: x > 3, where x is a column of numbers\n"),
        ("a in ('x', 3)", r"3 is a number and stands where a text was expected.*\nFix: a in \(\"x\", \"3\"\)\n"),
        ("a in (true)", r"a list holds true or false"),
        ("coalesce(a, 'x') > 2", r"text values are compared by >|2 is a number and stands where a text was expected"),
        ("30d * 2d > a", r"two lengths of time are multiplied"),
    ],
)
def test_what_makes_no_sense_whatever_the_columns_is_refused(text: str, match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        Expression(text)


HOSTILE = [
    "(" * 1_999,
    "(" * 33 + "a" + ")" * 33,
    "not " * 490 + "a",
    "-" * 1_990 + "a > 0",
    "abs(" * 400 + "a",
    "+".join(["a"] * 900) + ">0",
    " and ".join(["a"] * 333),
    "a" + " < a" * 490,
    "a" * 1_000_000,
    "(" * 1_000_000,
    "'" + "x" * 1_000_000 + "'",
    "1" * 2_000 + " > a",
    "." * 2_000,
    "\\" * 2_000,
    "`" * 1_999,
    "é" * 2_000,
    "__import__('os').system('rm -rf /')",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 0)()",
    "[x for x in ().__class__.__mro__]",
    "a.__globals__",
    "f'{a}'",
    "eval('1')",
    "getattr(a, 'b')",
    "open('/etc/passwd').read()",
    "a if b else c",
    "a := 3",
    "yield a",
    "a == b'x'",
    "9**9**9**9",
    "1e400 > a",
    "\U0001d41a > 3",
    "\uff41 > 3",
    "a > 3\u2028or true",
    "a > 3 \u202e",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:20])
def test_hostile_texts_are_refused_at_once(text: str) -> None:
    spent = []
    for _ in range(3):
        start = time.process_time()
        with pytest.raises(ChurnlibError, match=r"Fix:"):
            Expression(text)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.02


@pytest.mark.parametrize(
    "text",
    [
        "coalesce(" * 28 + "1" + ", 1)" * 28 + " > 0",
        "coalesce(" * 28 + "a" + ", c)" * 28 + " == 'x'",
        "coalesce(" * 28 + "a > 1" + ", c)" * 28,
        "min(" * 28 + "a" + ", 1)" * 28 + " > 0",
        "(" * 28 + "a == b" + ") == c" * 28,
    ],
    ids=lambda text: text[:30],
)
def test_deep_texts_are_read_at_once(text: str) -> None:
    start = time.process_time()
    found = Expression(text)
    assert found.bind({name: ColumnType("unknown") for name in found.names}) is not None
    assert time.process_time() - start < 0.5


def test_a_long_list_is_read() -> None:
    assert len(Expression("a in (" + ",".join(["1"] * 600) + ")").conditions) == 1


def test_as_deep_and_as_large_as_allowed_is_read() -> None:
    deep = "(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1)
    assert str(Expression(deep)) == "a"
    assert str(Expression("not " * (MAX_DEPTH - 1) + "a")).endswith("not a")
    with pytest.raises(ParameterError, match=r"nested more than 32 deep"):
        Expression("not " * MAX_DEPTH + "a")
    with pytest.raises(ParameterError, match=r"nested more than 32 deep"):
        Expression("+".join("a" * 40) + " > 0")
    assert len(Expression(" or ".join(["a"] * (MAX_NODES - 1))).conditions) == 1
    with pytest.raises(ParameterError, match=r"the expression has more than 200 parts"):
        Expression(" or ".join(["a"] * MAX_NODES))


def test_what_would_not_be_readable_in_its_canonical_form_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"written out in full, the expression has [\d,]+ characters"):
        Expression("or".join(["(a<0)"] * 60) + "or a in (" + ",".join(["'x'"] * 360) + ")")


alphabet = st.sampled_from(
    [
        "a",
        "n",
        "plan",
        "3",
        "0.5",
        "30d",
        "'x'",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        "and",
        "or",
        "not",
        "in",
        "between",
        "is",
        "missing",
        "true",
        "min",
        "abs",
        "coalesce",
        ".",
        "`",
        "\\",
        "=",
        "é",
    ]
)


@given(st.lists(alphabet, max_size=25).map(" ".join))
def test_random_texts_are_read_or_refused_and_never_anything_else(text: str) -> None:
    try:
        found = Expression(text)
    except ChurnlibError as error:
        refused = str(error)
    else:
        refused = ""
        assert Expression(str(found)) == found
    assert not refused or "Fix:" in refused
