"""A product as it is read from left to right: scalars in any place, arrays in their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..graph.errors import ShapeError
from ..ops import arithmetic as A
from ..ops import convolution as C
from .latex_sums import multiplied, summed
from .latex_values import Value, divided, elementwise, number, times, whole


@dataclass
class Product:
    """Factors that are scalars, whatever indices they have, and what the arrays among the factors make together.

    mask    the condition of a product that is nothing but 𝟙[condition]
    body    the scalars behind a sum that ends the product, and
    over    the indices of that sum: sums in sums are one, Σᵢ Σⱼ is Σᵢⱼ
    """

    scalars: list[Value] = field(default_factory=list)
    array: Value | None = None
    mask: Value | None = None
    body: list[Value] = field(default_factory=list)
    over: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.scalars and self.array is None

    def append(self, v: Value) -> None:
        """One more factor side by side: arrays make matrix products."""
        self.mask = None
        if v.local and self.array is not None:
            v = whole(v)
        if v.rank == 0 and not v.ones:
            self.scalars.append(v)
        else:
            self._take(v if self.array is None else times(self.array, v))

    def end(self, other: Product) -> None:
        """A sum, which ends the product; its indices are its own."""
        free = {i for v in self.factors for i in v.letters}
        if not other.over or free & set(other.over):
            self.append(other.value())
        else:
            self.scalars += other.scalars
            self.body, self.over = other.body, other.over

    def _take(self, v: Value) -> None:
        self.array = None if v.rank == 0 else v
        if v.rank == 0:
            self.scalars.append(v)

    def choose(self, condition: Value) -> None:
        """a 𝟙[c] is exactly 0 where c does not hold."""
        if self.empty:
            self.append(_choice(condition, number(1)))
            self.mask = condition
        elif self.array is not None:
            self.array = _choice(condition, self.array)
        else:
            self._take(_choice(condition, self.scalars.pop()))

    def join(self, sign: str, other: Product, stride: tuple[int, int] = (1, 1)) -> None:
        """self ⊙ other, self · other, self × other, self / other, self ⋆ other"""
        if sign == "SLASH":
            quotient = divided(self.value(), other.value())
            self.scalars, self.array = [], None
            self.append(quotient)
        elif other.mask is not None:
            self.choose(other.mask)
        elif other.over and other.array is None:
            self.end(other)
        else:
            other = other.settled()
            self.scalars += other.scalars
            if other.array is not None:
                self._take(other.array if self.array is None else _joined(sign, self.array, other.array, stride))
        self.mask = None

    @property
    def factors(self) -> list[Value]:
        return [*self.scalars, *self.body, *([] if self.array is None else [self.array])]

    def value(self) -> Value:
        if self.array is None:
            return summed(self.factors, self.over) if self.over else multiplied(self.factors)
        out, *rest = [*self.scalars, *([summed(self.body, self.over)] if self.over else []), self.array]
        for f in rest:
            out = elementwise(A.MUL, out, f)
        return out

    def settled(self) -> Product:
        """The same without a sum that is still open."""
        return Product([*self.scalars, summed(self.body, self.over)], self.array) if self.over else self

    def summed(self, over: Sequence[str]) -> Product:
        """Σ over letters of all this; of scalars it stays open, for a sum around it."""
        body = self if not set(over) & set(self.over) else self.settled()
        if body.array is None and not any(v.kept or v.local for v in body.factors):
            return Product(body=body.factors, over=[*over, *body.over])
        out = Product()
        out.append(summed(body.settled().factors, over))
        return out

    def plus(self, minus: bool, v: Value) -> Product:
        """Σᵢ (aᵢ ± v), where this is Σᵢ aᵢ."""
        body = elementwise(A.SUB if minus else A.ADD, multiplied(self.body), v)
        return Product(self.scalars, body=[body], over=self.over)


def clash(a: Value, b: Value, left: str, right: str) -> str | None:
    """Why two arrays side by side do not fit, and what would; None if they do, or for another reason than a size."""
    if a.ones or b.ones or (a.rank == 1 and not a.row) or (b.rank == 1 and b.row):
        return None
    ends, starts = a.shape[-1], b.shape[-2 if b.rank > 1 else 0]
    if ends == starts or max(a.rank, b.rank) > 2:
        return None
    what = f"the inner sizes differ: `{left}` is {_sizes(a)} and `{right}` is {_sizes(b)}"
    if a.rank == 2 and a.shape[0] == starts:
        return f"{what}; {_turned(left)} {right} would fit"
    if b.rank == 2 and ends == b.shape[1]:
        return f"{what}; {left} {_turned(right)} would fit"
    return what


def _turned(name: str) -> str:
    """The transpose as it would be written."""
    bare = re.sub(r"\s*\^\s*(\{\s*)?(\\(top|intercal)|T)(\s*\})?$", "", name)
    return bare if bare != name else rf"{name}^\top"


def _sizes(v: Value) -> str:
    shape = [*map(str, v.shape)] if v.rank > 1 else ["1", str(v.shape[0])] if v.row else [str(v.shape[0]), "1"]
    return " × ".join(shape)


def _choice(condition: Value, v: Value) -> Value:
    return elementwise(lambda c, x: A.WHERE(c, x, 0), condition, v)


def _joined(sign: str, a: Value, b: Value, stride: tuple[int, int]) -> Value:
    if sign == "ODOT":
        return elementwise(A.MUL, a, b)
    if sign == "STAR":
        if a.letters or b.letters:
            raise ShapeError("a convolution takes whole arrays, without indices")
        return Value(C.conv2d(a.node, b.node, stride))
    if sign == "TIMES":
        raise ShapeError(r"× multiplies sizes and scalars; arrays take \odot entry by entry, or stand side by side")
    if a.rank == b.rank == 1 and not a.row and not b.row:  # the dot product of two vectors
        return times(Value(a.node, a.letters, row=True, ones=a.ones), b)
    return times(a, b)


__all__ = ["Product", "clash"]
