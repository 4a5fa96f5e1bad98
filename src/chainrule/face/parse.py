"""`parse`: a graph from text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..grammar.sizes import input_name, read_sizes
from ..grammar.source import Source
from ..grammar.text import read_text
from ..graph.collector import no_collection
from ..graph.dims import Dim
from ..graph.errors import GraphError
from ..graph.node import Node
from .graph import Graph, assembled, declared

Sizes = str | Mapping[str, Any]


def parse(text: str, sizes: Sizes = "") -> Graph:
    """The graph that `cr.trace` makes of the Python function with these statements, read from text.

    Nothing is evaluated as Python: `text` is read with ``ast``, and holds the operations of Chainrule and no more.

    >>> import chainrule as cr
    >>> g = cr.parse(
    ...     "z = W1 @ x; u = sigmoid(z); yhat = W2 @ u; L = sum((yhat - y)**2)", sizes="x: n, y: m, W1: h n, W2: m h"
    ... )
    >>> print(cr.derive(g, wrt=["W2"]).equations()[-1])
    ∂L/∂W2 = outer(∂L/∂yhat, u)

    text     ``name = expression``, a statement a line or separated by ``;``, with comments after ``#``. The value of
             the last statement is the output; it may be an expression alone, or ``return L``, or ``return a, b``.
    sizes    the inputs, in order: ``"x: n, y: int[m], s: , W: 3 n"``, separated by commas, semicolons or lines, or a
             dictionary ``{"x": "n", "y": "int[m]", "s": "", "W": (3, "n")}``. Every input is declared here, and one
             that the text does not use stays an input, as a function's argument would.

    Operators, precedence, indices and functions (with NumPy's arguments) are those of the Python function, without
    ``cr.``, which may stand. Everything that ``g.text()`` prints reads back to the identical nodes: ``size(n)``,
    ``array(2)``, ``put(…)``, ``op.transpose(x, axes=(0, 1))``, and the operations that you defined, by their names.
    Mathematical signs are read too:

        a ⊙ b, a · b, a × b, a − b, a ÷ b    * * * - /        ‖a‖², ‖a‖    sum(a**2), norm(a)
        Aᵀ, x², x⁻¹, √x                      A.T, x**2, …     |x|          abs(x)
        ≤ ≥ ≠ ∧ ∨ ¬ ∞                        ∧ and ∨ bind more loosely than < does, & and | as in Python
        σ(z), ln(p), Σ(a), ∑(a)              sigmoid, log, sum, sum
        ŷ, W₁, δ_z, ∂L/∂x                    names; W₁ is W1, and ∂L/∂x is dL_dx in the graph and in its programs

    >>> print(cr.parse("ŷ = W₂ @ σ(W₁ @ x); L = ‖ŷ − y‖² / m", sizes="x: n, y: m, W1: h n, W2: m h").text())
    ŷ = W2 @ sigmoid(W1 @ x)
    L = sum((ŷ - y)²) / m

    A name that is no quantity is a size if an input has it (the m above, ``reshape(A, (n·m,))``). Where a quantity and
    a size share a name, it is the quantity, and ``size(n)`` is the size; in shapes, slices and other places for sizes
    it is the size; as an index, ``x[n]``, it is the quantity if that is integer. Functions have names of their own:
    ``norm(a)`` calls the function, whatever ``norm`` is.

    Two statements may give the same name: the values are h_1 and h_2, as in `cr.trace`. An input keeps its value.
    ``√x²`` is refused, which reads as √(x²) and as (√x)²; so are ``==``, chained comparisons and ``A⁻¹`` of a matrix.

    Raises ParseError, with ``.line`` and ``.column``, for what cannot be read, ShapeError and KindError for operations
    that do not fit; each shows the line, and a caret below the place:

    >>> cr.parse("yhat = W @ x; L = sum((yhta - y)**2)", sizes="x: n, y: m, W: m n")
    Traceback (most recent call last):
    chainrule.graph.errors.ParseError: there is no quantity called `yhta`; did you mean `yhat`?
      yhat = W @ x; L = sum((yhta - y)**2)
                             ^
    """
    if not isinstance(text, str):
        raise GraphError(f"cr.parse reads a text, not {type(text).__name__}; a Python function is for cr.trace")
    inputs = inputs_of(sizes)
    symbols = [str(s) for n in inputs.values() for s in n.shape if isinstance(s, Dim)]
    with no_collection():
        reading = read_text(text, inputs, symbols)
    return assembled("f", inputs, reading.result, reading.naming, {})


def inputs_of(sizes: Sizes) -> dict[str, Node]:
    if isinstance(sizes, str):
        return read_sizes(Source(sizes)).inputs
    if not isinstance(sizes, Mapping):
        raise GraphError(f'sizes are given as in "x: n, W: h n" or {{"x": "n", "W": "h n"}}, not {sizes!r}')
    found: dict[str, Node] = {}
    for name, spec in sizes.items():
        plain = input_name(name) if isinstance(name, str) else None
        if plain is None or plain in found:
            why = "is there twice" if plain else "is no name for an input: write one such as x, W1 or yhat"
            raise GraphError(f"sizes: {name!r} {why}")
        found[plain] = declared(plain, spec)
    return found


__all__ = ["Sizes", "inputs_of", "parse"]
