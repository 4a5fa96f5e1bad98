"""A product as it is read from left to right: scalars in any place, arrays in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..graph.errors import ShapeError
from ..ops import arithmetic as A
from ..ops import convolution as C
from .latex_values import Value, elementwise, number, summed, times, whole


@dataclass
class Product:
    """Factors that are scalars, whatever indices they have, and what the arrays among the factors make together.

    mask    the condition of a product that is nothing but 𝟙[condition]
    """

    scalars: list[Value] = field(default_factory=list)
    array: Value | None = None
    mask: Value | None = None

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
            quotient = elementwise(A.DIV, self.value(), other.value())
            self.scalars, self.array = [], None
            self.append(quotient)
        elif other.mask is not None:
            self.choose(other.mask)
        else:
            self.scalars += other.scalars
            if other.array is not None:
                self._take(other.array if self.array is None else _joined(sign, self.array, other.array, stride))
        self.mask = None

    @property
    def factors(self) -> list[Value]:
        return self.scalars if self.array is None else [*self.scalars, self.array]

    def value(self) -> Value:
        out, *rest = self.factors
        for f in rest:
            out = elementwise(A.MUL, out, f)
        return out

    def summed(self, over: Sequence[str]) -> Value:
        return summed(self.factors, over)


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


__all__ = ["Product"]
