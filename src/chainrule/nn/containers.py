"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..graph.dims import shape_text
from ..graph.errors import GraphError, ShapeError
from ..graph.node import Node
from .activations import Activation
from .builder import Builder
from .layers import Dropout
from .module import Module


@dataclass(frozen=True, repr=False, init=False)
class Sequential(Module):
    """One module after the other.

    Parameters are numbered in order, W1 b1 W2 b2, which are their keys in files too. Raises ShapeError, with both
    layers and their sizes, where one does not take what the one before it gives: at once if the first layer says what
    it takes.

    >>> import chainrule as cr
    >>> cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(32, 10))
    Traceback (most recent call last):
    chainrule.graph.errors.ShapeError: Linear(32, 10) takes (n, 32), and Linear(784, 64) before it gives (n, 64)
    """

    modules: tuple[Module, ...]

    def __init__(self, *modules: Module):
        if not modules:
            raise GraphError("Sequential needs at least one module")
        for m in modules:
            if isinstance(m, type) and issubclass(m, Module):
                raise GraphError(f"{m.__name__} is a class; make one: {m.__name__}()")
            if not isinstance(m, Module):
                hint = f": nn.Function({getattr(m, '__name__', 'f')}, …)" if callable(m) else ""
                raise GraphError(f"Sequential takes modules, and {m!r} is none{hint}")
        object.__setattr__(self, "modules", tuple(modules))
        if self.takes is not None:
            self.graph()

    @property
    def takes(self) -> tuple[Any, ...] | None:
        for m in self.modules:
            if m.takes is not None or not isinstance(m, (Activation, Dropout)):
                return m.takes
        return None

    def build(self, x: Node, here: Builder) -> Node:
        before = ""
        for m in self.modules:
            made = here.apply(m, x, before)
            if not before or made.shape != x.shape:
                before = f"{m!r} before it"
            x = made
        return x

    def __len__(self) -> int:
        return len(self.modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules)

    def __getitem__(self, k: int) -> Module:
        return self.modules[k]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.modules))})"


@dataclass(frozen=True, repr=False, init=False)
class Residual(Sequential):
    """R = X + F(X), where F is one module after the other: (n, …) in, the same shape out.

    Source: He, Zhang, Ren and Sun, Deep residual learning, CVPR 2016, equation 1. (There a ReLU follows the sum: put it
    after.) Raises ShapeError where F changes the shape.

    >>> import chainrule as cr
    >>> block = cr.nn.Residual(cr.nn.Linear(4, 6), cr.nn.ReLU(), cr.nn.Linear(6, 4))
    >>> print(block.graph().text())
    Z1 = X @ W1 + b1
    H1 = relu(Z1)
    Z2 = H1 @ W2 + b2
    R1 = X + Z2
    """

    def build(self, x: Node, here: Builder) -> Node:
        made = super().build(x, here)
        if made.shape != x.shape:
            raise ShapeError(
                f"{self!r} adds what its layers give, {shape_text(made.shape)}, to what they take, "
                f"{shape_text(x.shape)}: the two must agree"
            )
        return here.named("R", x + made)


__all__ = ["Residual", "Sequential"]
