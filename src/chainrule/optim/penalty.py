"""Penalties: terms of the parameters that are added to a loss, and so enter its gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain, count
from operator import add

from ..face.graph import Graph
from ..graph.node import Node
from ..ops.elementary import abs as magnitude
from ..ops.movement import sum as total
from .checks import listed, not_negative


@dataclass(frozen=True)
class Penalty(ABC):
    """λ · `of`(w), summed over the parameters named, by default over those with two axes or more: not over biases.

    One's own is a subclass with a method `of`.
    """

    lam: float
    parameters: Sequence[str] | None = None

    def __post_init__(self) -> None:
        not_negative("lam", self.lam)

    @abstractmethod
    def of(self, w: Node) -> Node:
        """The scalar that is multiplied by λ."""

    def terms(self, parameters: Mapping[str, Node]) -> list[Node]:
        """`of` each of the parameters that it is meant for. Raises NamingError for a name that is not among them."""
        if self.parameters is None:
            return [self.of(w) for w in parameters.values() if w.ndim > 1]
        return [self.of(parameters[k]) for k in listed("the penalty", self.parameters, list(parameters))]


class L2(Penalty):
    """λ‖w‖² = λ Σ w²; its gradient is 2λw, and gradient descent with it is w ← (1 − 2λα) w − α ∂L/∂w.

    scikit-learn's alpha and the λ/2 of many books are twice this λ, and so is `weight_decay`, which is λ‖w‖²/2 but for
    AdamW. `Adam(penalty=L2(λ))` and `Adam(weight_decay=2 * λ)` are the same update; only the first adds to the loss.

    >>> import chainrule as cr
    >>> print(cr.optim.SGD(penalty=cr.optim.L2(0.1)).text())
    J = L + λ·sum(w²)
    w ← (1 - 2·α·λ)·w - α·∂L/∂w
    """

    def of(self, w: Node) -> Node:
        """Σ w²"""
        return total(w**2)


class L1(Penalty):
    """λ Σ |w|; its gradient is λ sign(w), and 0 where w is 0. With `L2` beside it: the elastic net.

    >>> import chainrule as cr
    >>> print(cr.optim.SGD(penalty=[cr.optim.L1(0.1), cr.optim.L2(0.2)]).text())
    J = L + λ1·sum(abs(w)) + λ2·sum(w²)
    w ← (1 - 2·α·λ2)·w - α·∂L/∂w - α·λ1·sign(w)
    """

    def of(self, w: Node) -> Node:
        """Σ |w|"""
        return total(magnitude(w))


def penalised(loss: Graph, penalties: Sequence[Penalty], parameters: Mapping[str, Node]) -> Graph:
    """The loss L with the penalties on `parameters` added: its output is J = L + λ Σ w² + …, and L keeps its name."""
    names = dict(loss.names)
    whole: Node | None = None
    for p in penalties:
        terms = p.terms(parameters)
        if terms and p.lam:
            added = p.lam * reduce(add, terms)
            whole = (loss.output if whole is None else whole) + added
    if whole is None:
        return loss
    names.setdefault(loss.output, _free(("L", "loss", "data_loss"), loss))
    names.setdefault(whole, _free(("J", "objective", "penalised_loss"), loss))
    return replace(loss, outputs=(whole,), names=names)


def _free(names: Sequence[str], loss: Graph) -> str:
    """The first of the names that nothing has."""
    return next(name for name in chain(names, (f"{names[0]}_{k}" for k in count(1))) if name not in loss)


__all__ = ["L1", "L2", "Penalty", "penalised"]
