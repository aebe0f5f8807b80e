"""Tokens into a tree, by recursive descent with a limit on depth and size.

::

    expression = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation = "not" negation | condition
    condition = sum [ compared | [ "not" ] "in" list | [ "not" ] "between" sum "and" sum | "is" [ "not" ] "missing" ]
    compared = operator sum { operator sum }          "0 < x <= 9" is "0 < x and x <= 9"
    sum = product { ("+" | "-") product }
    product = signed { ("*" | "/") signed }
    signed = "-" signed | atom
    atom = number | length of time | text | "true" | "false" | name | function "(" arguments ")" | "(" expression ")"
    list = "(" [ "-" ] literal { "," [ "-" ] literal } ")"
"""

from __future__ import annotations

from collections.abc import Callable

from churnlib.exceptions import ParameterError, nearest
from churnlib.expressions._nodes import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Flag,
    In,
    Length,
    Literal,
    Minus,
    Missing,
    Name,
    Node,
    Not,
    Number,
    Or,
    Text,
    children,
)
from churnlib.expressions._tokens import Token, pointed, tokens

__all__ = ["FUNCTIONS", "MAX_DEPTH", "MAX_NODES", "tree_of"]

MAX_DEPTH = 32
"""How deeply an expression may be nested."""

MAX_NODES = 200
"""How many names, values and operators an expression may hold."""

FUNCTIONS = {"abs": (1, 1), "coalesce": (2, 20), "max": (2, 20), "min": (2, 20)}
"""The functions of the language, with the least and the largest number of their arguments."""

_SMALLER = ("a rule that people can read is smaller", "split it, or compute a column for a part of it")
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def tree_of(text: str) -> Node:
    """Read an expression.

    Parameters
    ----------
    text : str
        The expression.

    Returns
    -------
    Node
        Its tree. Types are not checked yet.

    Raises
    ------
    ParameterTypeError
        When it is not a text.
    ParameterError
        When it is no expression, or is too long, too large or too deep; a caret marks the place.

    Examples
    --------
    >>> tree_of("n > 2")
    Compare(operator='>', left=Name(name='n'), right=Number(value=2.0))
    """
    return _Parser(text).expression()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.here = 0
        self.depth = 0
        self.size = 0
        self.heights: dict[int, int] = {}
        self.chains: dict[int, And] = {}

    # -- reading tokens ----------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.here]

    def take(self, *words: str) -> Token | None:
        """Step over the next token if it is one of these marks or keywords."""
        if not self.next.is_(*words):
            return None
        self.here += 1
        return self.tokens[self.here - 1]

    def need(self, word: str, after: str, fix: str) -> None:
        if self.take(word) is None:
            raise self.wrong(f"{self.said()} stands where {word!r} was expected", f"{word!r} follows {after}", fix)

    def said(self) -> str:
        token = self.next
        return "the end" if token.kind == "end" else repr(self.text[token.at : min(token.end, token.at + 30)])

    def wrong(self, what: str, expected: str, fix: str = "", *, at: int | None = None) -> ParameterError:
        return pointed(self.text, self.next.at if at is None else at, what, expected, fix)

    def counted(self, node: Node) -> Node:
        """Return the node, if the tree is still small and flat enough."""
        self.size += 1
        height = 1 + max((self.heights.get(id(child), 1) for child in children(node)), default=0)
        self.heights[id(node)] = height
        if self.size > MAX_NODES:
            raise self.wrong(f"the expression has more than {MAX_NODES} parts", *_SMALLER, at=node.at)
        if height > MAX_DEPTH:
            raise self.wrong(f"the expression is nested more than {MAX_DEPTH} deep", *_SMALLER, at=node.at)
        return node

    def deeper(self, read: Callable[[], Node]) -> Node:
        """Read what stands inside something else, if that is not too deep for the stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.wrong(f"the expression is nested more than {MAX_DEPTH} deep", *_SMALLER)
        node = read()
        self.depth -= 1
        return node

    # -- the grammar -------------------------------------------------------------------------

    def expression(self) -> Node:
        node = self.disjunction()
        if self.next.kind != "end":
            what = f"{self.said()} stands where the expression could end"
            raise self.wrong(what, "'and', 'or' or an operator joins two parts", "recency_days >= 30 and n_orders > 1")
        return node

    def disjunction(self) -> Node:
        return self.joined(self.conjunction, "or", Or)

    def conjunction(self) -> Node:
        return self.joined(self.negation, "and", And)

    def joined(self, read: Callable[[], Node], word: str, kind: type[And | Or]) -> Node:
        operands = [read()]
        while self.take(word):
            operands.append(read())
        if kind is And and len(operands) > 1:
            operands = [part for operand in operands for part in self.links(operand)]
        return operands[0] if len(operands) == 1 else self.counted(kind(tuple(operands), at=operands[0].at))

    def negation(self) -> Node:
        token = self.take("not")
        return self.condition() if token is None else self.counted(Not(self.deeper(self.negation), at=token.at))

    def condition(self) -> Node:
        left = self.sum()
        if self.next.is_(*_COMPARISONS):
            return self.compared(left)
        if self.take("is"):
            return self.is_missing(left)
        token = self.take("not")
        if self.take("in"):
            found: Node = In(left, self.list_(), at=left.at)
        elif self.take("between"):
            low = self.sum()
            self.need("and", "the lower end of 'between'", "n between 2 and 5")
            found = Between(left, low, self.sum(), at=left.at)
        elif token is not None:
            what = f"{self.said()} stands behind 'not'"
            raise self.wrong(what, "'not in' and 'not between' stand behind a value", "plan not in ('a', 'b')")
        else:
            return left
        return self.negated(found, token)

    def negated(self, node: Node, negation: Token | None) -> Node:
        self.counted(node)
        return node if negation is None else self.counted(Not(node, at=node.at))

    def is_missing(self, left: Node) -> Node:
        negation = self.take("not")
        self.need("missing", "'is'", "plan is missing, plan is not missing; plan == 'basic' compares")
        return self.negated(Missing(left, at=left.at), negation)

    def compared(self, left: Node) -> Node:
        """Read a comparison, or a chain of them, which says the same as comparisons joined by 'and'."""
        found: list[Node] = []
        while token := self.take(*_COMPARISONS):
            right = self.sum()
            found.append(self.counted(Compare(str(token.value), left, right, at=token.at)))
            left = right
        if len(found) == 1:
            return found[0]
        chain = And(tuple(found), at=found[0].at)
        self.chains[id(chain)] = chain
        return self.counted(chain)

    def links(self, node: Node) -> tuple[Node, ...]:
        """Return the links of a chain of comparisons, which need no 'and' of their own inside another."""
        chain = self.chains.get(id(node))
        return (node,) if chain is None else chain.operands

    def sum(self) -> Node:
        return self.chained(self.product, ("+", "-"))

    def product(self) -> Node:
        return self.chained(self.signed, ("*", "/"))

    def chained(self, read: Callable[[], Node], marks: tuple[str, ...]) -> Node:
        node = read()
        while token := self.take(*marks):
            node = self.counted(Arithmetic(str(token.value), node, read(), at=token.at))
        return node

    def signed(self) -> Node:
        token = self.take("-")
        if token is None:
            return self.atom()
        operand = self.deeper(self.signed)
        match operand:
            case Number(value):
                return Number(0.0 - value, at=token.at)
            case Length(us):
                return Length(-us, at=token.at)
        return self.counted(Minus(operand, at=token.at))

    def atom(self) -> Node:
        if self.next.kind == "name":
            return self.name()
        literal = self.literal()
        if literal is not None:
            return self.counted(literal)
        if self.take("("):
            node = self.deeper(self.disjunction)
            self.need(")", "what '(' opened", "close the parenthesis")
            return node
        what = f"{self.said()} stands where a value was expected"
        raise self.wrong(what, "a column, a number, a quoted text or a parenthesis was expected", "n_orders >= 2")

    def literal(self) -> Literal | None:
        token = self.next
        match token.kind, token.value:
            case "number", float(value):
                found: Literal = Number(value, at=token.at)
            case "duration", int(us):
                found = Length(us, at=token.at)
            case "text", str(value):
                found = Text(value, at=token.at)
            case "keyword", "true" | "false":
                found = Flag(token.value == "true", at=token.at)
            case _:
                return None
        self.here += 1
        return found

    def list_(self) -> tuple[Literal, ...]:
        self.need("(", "'in'", "plan in ('basic', 'free')")
        values = [self.member()]
        while self.take(","):
            values.append(self.member())
        self.need(")", "the last value of a list", "plan in ('basic', 'free')")
        return tuple(values)

    def member(self) -> Literal:
        token = self.take("-")
        value = self.literal()
        if value is None or (token is not None and not isinstance(value, Number | Length)):
            what = f"{self.said()} stands in a list"
            raise self.wrong(what, "a list holds numbers, lengths of time or quoted texts", "plan in ('basic', 'free')")
        if isinstance(value, Number):
            return Number(0.0 - value.value if token else value.value, at=value.at)
        if isinstance(value, Length):
            return Length(-value.us if token else value.us, at=value.at)
        return value

    def name(self) -> Node:
        token = self.next
        self.here += 1
        if not self.next.is_("("):
            return self.counted(Name(str(token.value), at=token.at))
        if token.value not in FUNCTIONS or self.text[token.at] == "`":
            close = nearest(token.value, list(FUNCTIONS))
            note = f" ({close})" if close.startswith("did") else ""
            what = f"there is no function {str(token.value)[:30]!r}{note}"
            expected = f"the functions are {', '.join(FUNCTIONS)}"
            raise self.wrong(what, expected, "compute a column for it before", at=token.at)
        return self.call(str(token.value), token.at)

    def call(self, function: str, at: int) -> Node:
        self.take("(")
        arguments = [self.deeper(self.disjunction)]
        while self.take(","):
            arguments.append(self.deeper(self.disjunction))
        self.need(")", "the last argument of a function", f"close the parenthesis of {function}(")
        least, most = FUNCTIONS[function]
        if not least <= len(arguments) <= most:
            what = f"{function} has {len(arguments)} argument{'s' * (len(arguments) > 1)}"
            expected = f"{least} was expected" if least == most else f"{least} to {most} were expected"
            raise self.wrong(what, expected, {"abs": "abs(x)"}.get(function, f"{function}(x, 0)"), at=at)
        return self.counted(Call(function, tuple(arguments), at=at))
