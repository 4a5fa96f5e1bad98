"""`parse_latex`: a graph from formulas."""

from __future__ import annotations

from ..grammar.latex import read_latex
from ..graph.collector import no_collection
from ..graph.dims import symbols_of
from ..graph.errors import GraphError
from .graph import Graph, assembled
from .parse import Sizes, inputs_of


def parse_latex(latex: str, sizes: Sizes = "") -> Graph:
    r"""The graph of equations in LaTeX: what ``g.latex()`` and ``d.latex(unfold=True)`` print, and what people write.

    >>> import chainrule as cr
    >>> g = cr.parse_latex(
    ...     r"z = W_1 x \\ u = \sigma(z) \\ \hat{y} = W_2 u \\ L = \lVert \hat y - y \rVert_2^2",
    ...     sizes="x: n, y: m, W1: h n, W2: m h",
    ... )
    >>> print(g.text())
    z = W1 @ x
    u = sigmoid(z)
    yhat = W2 @ u
    L = sum((yhat - y)²)

    latex    ``name = expression``, separated by ``\\``, with or without an environment such as ``aligned``; a = b = c
             gives a the value of c. The value of the last equation is the output, and it needs no name. Where gradients
             ∂L/∂x of inputs have equations, the outputs are L and these gradients; ∂L/∂x is dL_dx in the graph.
    sizes    the inputs, as for `cr.parse`: ``"x: n, y: int[m], s: , W: 3 n"``, or a dictionary.

    Vectors are columns: x^\top y, or \langle x, y \rangle, is a number, x y^\top a matrix, and two columns side by side
    are an error. What stands side by side is multiplied, as matrices or by a scalar; ⊙ (or \circ) multiplies entry by
    entry. A power of a matrix is written A^{\odot 2} or A A. W_1, W_{1} and W^{(1)} are W1 or W_1, whichever is
    declared; \mathbf{x} is x.

    Indices: x_i, X_{ij} and Q_{ijk} are entries, and X_i is row i of X. Every index is summed over by a \sum, or stands
    on the left; where nothing stands on the left, the axes of the result are i, j, k, … in this order. A sum ends at
    + and −, unless the next term has its index and nothing else gives it one: \sum_i a_i + b_i is the sum of both.
    −\sum_i a_i − b_i, which people read in two ways, is refused. Axes of size 1 need no index, and the result has none
    for them. Numbers in brackets on the line, x\left[0\right], count from 0.

    Sums become what one would write without indices, and an Einstein sum only where arrays of rank 3 or three matrices
    meet in an index:

    >>> z = r"z_i = \sum_j W_{ij} x_j + b_i \\ L = -\sum_i y_i \log \sigma(z_i) + (1 - y_i) \log(1 - \sigma(z_i))"
    >>> print(cr.parse_latex(z, "x: n, W: m n, b: m, y: m").text())
    z = W @ x + b
    L = -sum(y ⊙ log(sigmoid(z)) + (1 - y) ⊙ log(1 - sigmoid(z)))

    >>> scores = r"S_{ijk} = \operatorname{softmax}_k\left(\frac{1}{\sqrt{d}} \sum_l Q_{ijl} K_{ikl}\right)"
    >>> cr.parse_latex(scores, "Q: b t d, K: b s d").output.shape
    (Dim(b), Dim(t), Dim(s))

    Functions are \exp, \ln, \sigma, \tanh, \max(0, z), \operatorname{softmax}, … and all that the LaTeX view writes,
    your own operations included. One without brackets takes the one factor behind it; \log x y is refused, which people
    read in two ways, as are a/b c and an entry x_{1}, which may be the first or the second.

    Raises ParseError, with ``.line`` and ``.column``, for what cannot be read, NamingError for a name that may mean
    several quantities, ShapeError and KindError for operations that do not fit; each shows the line, and a caret:

    >>> cr.parse_latex(r"L = \| W x - yhta \|^2", "x: n, W: m n, yhat: m")
    Traceback (most recent call last):
    chainrule.graph.errors.ParseError: there is no quantity called `yhta`; did you mean `yhat`?
      L = \| W x - yhta \|^2
                   ^

    SymPy's ``parse_latex`` reads scalars: its x and W commute, and it knows neither shapes nor transposes.
    """
    if not isinstance(latex, str):
        raise GraphError(f"cr.parse_latex reads a text, not {type(latex).__name__}")
    inputs = inputs_of(sizes)
    symbols = sorted(symbols_of(s for n in inputs.values() for s in n.shape))
    with no_collection():
        reading = read_latex(latex, inputs, symbols)
    return assembled("f", inputs, reading.result, reading.naming, {})


__all__ = ["parse_latex"]
