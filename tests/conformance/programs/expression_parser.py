# args: "2 * (3 + 4) - -5" "1 / 0" "x + y * 2" "2 +"
"""A tokenizer, a Pratt parser and an evaluator."""

import re
import sys
from typing import NamedTuple, Union

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([a-z]+)|(.))")


class Number(NamedTuple):
    value: float


class Name(NamedTuple):
    name: str


class Binary(NamedTuple):
    operator: str
    left: "Node"
    right: "Node"


Node = Union[Number, Name, Binary]
POWER = {"+": 1, "-": 1, "*": 2, "/": 2}


class ParseError(Exception):
    pass


def tokens(text):
    found = []
    for number, name, other in TOKEN.findall(text):
        found.append(Number(float(number)) if number else Name(name) if name else other)
    return [token for token in found if token != " "]


class Parser:
    def __init__(self, items):
        self.items = items
        self.at = 0

    def peek(self):
        return self.items[self.at] if self.at < len(self.items) else None

    def next(self):
        self.at += 1
        return self.items[self.at - 1] if self.at <= len(self.items) else None

    def prefix(self):
        token = self.next()
        if token == "(":
            inner = self.expression()
            if self.next() != ")":
                raise ParseError("missing )")
            return inner
        if token == "-":
            return Binary("-", Number(0.0), self.expression(3))
        if isinstance(token, (Number, Name)):
            return token
        raise ParseError(f"unexpected {token or 'end'}")

    def expression(self, least=0):
        left = self.prefix()
        while POWER.get(self.peek() if isinstance(self.peek(), str) else "", 0) > least:
            operator = self.next()
            left = Binary(operator, left, self.expression(POWER[operator]))
        return left


def parse(text):
    return Parser(tokens(text)).expression()


def evaluate(node, names):
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        return names[node.name]
    left, right = evaluate(node.left, names), evaluate(node.right, names)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: left / right,
    }[node.operator]()


status = 0
for text in sys.argv[1:]:
    try:
        tree = parse(text)  # @devstash
        value = evaluate(tree, {"x": 1.0, "y": 2.5})  # @devstash
        print(text, "=", value)
    except (ParseError, ZeroDivisionError) as trouble:
        print(text, "->", type(trouble).__name__, trouble)
        status = 3
sys.exit(status)
