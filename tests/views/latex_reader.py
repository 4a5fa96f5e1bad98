r"""A reader of the LaTeX that is printed for arithmetic, products, sums and a few functions.

It shares nothing with the printer.

expression  [-] product (+|- product)*
product     chain ((\odot|\cdot) chain)* [\,/\, chain]
chain       power (\, power)*                    the matrix product; a number in front scales
power       atom (^{\top} | ^{…} | ^{\odot …})*
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

_TOKEN = re.compile(
    r"\\,/\\,|\\,|\\left\\\||\\right\\\||\\left[(\[|.]|\\right[)\]|.]|\\mathbb\{1\}|\\[a-zA-Z]+|\d+(?:\.\d+)?|[a-zA-Z]|[-+^_{}<>=,:]"
)


class Row:
    """A vector that was transposed."""

    def __init__(self, entries: np.ndarray):
        self.entries = entries


def value(text: str, names: Mapping[str, np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        reader = _Reader(text, names)
        found = reader.expression()
    assert reader.at == len(reader.tokens), f"not read: {reader.tokens[reader.at :]} of {text}"
    return np.asarray(found)


class _Reader:
    def __init__(self, text: str, names: Mapping[str, np.ndarray]):
        for k, name in enumerate(
            sorted(names, key=len, reverse=True)
        ):  # a name with an index or an accent is one token
            if not name.isalpha():
                text = text.replace(name, f"\\name{'abcdefgh'[k]} ")
                names = {**names, f"\\name{'abcdefgh'[k]}": names[name]}
        self.names = names
        assert not _TOKEN.sub("", text).strip(), f"unknown: {_TOKEN.sub('', text)!r} in {text}"
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *expected: str) -> str:
        token = self.peek()
        assert not expected or token in expected, f"{token} is not {expected}: {self.tokens[: self.at + 1]}"
        self.at += 1
        return token

    def met(self, *tokens: str) -> str:
        return self.take() if self.peek() in tokens else ""

    def expression(self) -> Any:
        total = -self.product() if self.met("-") else self.product()
        while sign := self.met("+", "-"):
            total = total + self.product() if sign == "+" else total - self.product()
        return total

    def product(self) -> Any:
        found = self.chain()
        while sign := self.met(r"\odot", r"\cdot"):
            if self.peek() == r"\mathbb{1}":
                found = np.where(self.indicator(), found, 0)
                continue
            factor = self.chain()
            assert (np.ndim(found) > 0 and np.ndim(factor) > 0) == (sign == r"\odot"), "the dot is for scalars"
            found = found * factor
        return found / self.chain() if self.met(r"\,/\,") else found

    def indicator(self) -> Any:
        self.take(r"\mathbb{1}")
        self.take(r"\left[")
        a = self.expression()
        self.take(">")
        b = self.expression()
        self.take(r"\right]")
        return a > b

    def chain(self) -> Any:
        found = self.power()
        while self.met(r"\,"):
            found = _matrix_product(found, self.power())
        return found

    def power(self) -> Any:
        found = self.atom()
        while self.met("^"):
            self.take("{")
            if self.met(r"\top"):
                found = Row(found) if np.ndim(found) == 1 else np.swapaxes(found, -1, -2)
            else:
                elementwise = self.met(r"\odot")
                assert bool(elementwise) == (np.ndim(found) > 0), "a power of an array is entry by entry"
                found = found ** self.expression()
            self.take("}")
        return found

    def atom(self) -> Any:
        token = self.take()
        if token[0].isdigit():
            return np.array(float(token))
        if token in self.names:
            return self.names[token]
        if token == r"\left(":
            return self.closed(r"\right)")
        if token == r"\frac":
            self.take("{")
            above = self.closed("}")
            self.take("{")
            return above / self.closed("}")
        if token == r"\left\|":
            found = np.sqrt(np.sum(self.closed(r"\right\|") ** 2))
            if self.met("_"):
                self.take("F")
            return found
        if token == r"\sum":
            return self.sum()
        function = {r"\sigma": lambda a: 1 / (1 + np.exp(-a)), r"\tanh": np.tanh, r"\exp": np.exp, r"\log": np.log}[
            token
        ]
        self.take(r"\left(")
        return function(self.closed(r"\right)"))

    def closed(self, end: str) -> Any:
        found = self.expression()
        self.take(end)
        return found

    def sum(self) -> Any:
        r"""\sum_{i,j} \left[…\right]_{ij}; a colon is an axis that stays, j \to 1 one that is kept with size 1."""
        self.take("_")
        self.take("{")
        summed = []
        while self.peek() != "}":
            summed.append(self.take())
        self.take("}")
        self.take(r"\left[")
        found = self.closed(r"\right]")
        self.take("_")
        self.take("{")
        axes, kept, axis = [], False, 0
        while (token := self.take()) != "}":
            if token == r"\to":
                kept = self.take("1") == "1"
            elif token != ",":
                if token != ":":
                    assert token in summed
                    axes.append(axis)
                axis += 1
        assert axis == np.ndim(found)
        return np.sum(found, axis=tuple(axes), keepdims=kept)


def _matrix_product(a: Any, b: Any) -> Any:
    if isinstance(b, Row):
        return np.outer(a, b.entries)
    if isinstance(a, Row):
        return a.entries @ b if np.ndim(b) == 1 else Row(a.entries @ b)
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else a @ b
