"""How the adjoint of a quantity is written: ∂L/∂z, z̄ or δ_z, and the chain rule in each."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from ..graph.errors import NamingError
from .latex import LATEX
from .notation import Notation


@dataclass(frozen=True)
class AdjointNotation:
    """A way of writing ∂L/∂z, from the names of L and z as they are written."""

    name: str
    sign: str
    in_text: Callable[[str, str], str]
    in_latex: Callable[[str, str], str]

    def label(self, loss: str, quantity: str, notation: Notation) -> str:
        return (self.in_latex if notation is LATEX else self.in_text)(loss, quantity)


def _bar(loss: str, quantity: str) -> str:
    """The bar stands on the first letter: W̄1, ŷ̄. An expression in brackets becomes bar(w·x)."""
    if quantity.startswith("("):
        return f"bar{quantity}"
    marks = 1
    while marks < len(quantity) and unicodedata.combining(quantity[marks]):
        marks += 1
    return _composed(f"{quantity[:marks]}\u0304{quantity[marks:]}")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


PARTIAL = AdjointNotation(
    "partial", "∂L/∂z", lambda loss, z: f"∂{loss}/∂{z}", lambda loss, z: rf"\frac{{\partial {loss}}}{{\partial {z}}}"
)
BAR = AdjointNotation("bar", "z̄", _bar, lambda loss, z: rf"\overline{{{z}}}")
DELTA = AdjointNotation("delta", "δ", lambda loss, z: f"δ_{z}", lambda loss, z: rf"\delta_{{{z}}}")

NOTATIONS = {n.name: n for n in (PARTIAL, BAR, DELTA)}


def adjoint_notation(name: str) -> AdjointNotation:
    """The notation called "partial", "bar" or "delta", or written as one of ∂L/∂z, z̄, δ.

    >>> adjoint_notation("δ").in_text("L", "z")
    'δ_z'
    """
    known = {"∂": PARTIAL, "δ_z": DELTA} | NOTATIONS | {_composed(n.sign): n for n in NOTATIONS.values()}
    found = known.get(_composed(str(name)))
    if found is None:
        meant = ", ".join(f'"{n.name}" ({n.sign})' for n in NOTATIONS.values())
        raise NamingError(f"there is no notation {name!r} for adjoints; there are {meant}")
    return found


def derivative(m: str, n: str, notation: Notation) -> str:
    """∂m/∂n"""
    return PARTIAL.label(m, n, notation)


__all__ = ["BAR", "DELTA", "NOTATIONS", "PARTIAL", "AdjointNotation", "adjoint_notation", "derivative"]
