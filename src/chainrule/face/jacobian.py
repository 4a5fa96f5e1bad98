"""`cr.jacobian` and `cr.hessian`: derivatives of any shape, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from ..calculus.jacobian import hessians, jacobians
from ..graph.dims import shape_text
from ..graph.errors import NoDerivative
from ..graph.node import REAL, Node
from .graph import Graph, select, trace

Target = Graph | Callable[..., Any]


@overload
def jacobian(target: Target, wrt: str, **shapes: Any) -> Node: ...
@overload
def jacobian(target: Target, wrt: Sequence[str] | None = None, **shapes: Any) -> dict[str, Node]: ...
def jacobian(target: Target, wrt: Sequence[str] | str | None = None, **shapes: Any) -> Node | dict[str, Node]:
    """J = ∂y/∂x for the output y: J[i, j] = ∂yᵢ/∂xⱼ, of the shape y.shape + x.shape. A node, or one for each name.

    target   a Graph with one real output of any shape, or a function as `cr.trace` takes it (`shapes` as there)
    wrt      the name of an input or of a quantity inside, or a list of names (None: every real input)

    For one name the answer is its node, for a list {name: node}. The derivative in a quantity inside is that of the
    graph in which it is an input of its own. For a scalar output J is the gradient. J is derived by reverse mode, after
    the stable laws: that of log(softmax(z)) is right at any z. At kinks the subgradients are those of `cr.derive`.
    `g.returning(J)` is a graph of its own, to compile; its inputs are those that J depends on. Its text and its LaTeX
    show J tidied, as matrix algebra in the named quantities; its program computes J as it is, which is safe at any z.

    Raises NoDerivative where a quantity is not real or an operation has no derivative, NamingError for unknown names,
    GraphError where there are several outputs, MissingRule where an operation cannot be computed for many inputs at
    once.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda x, W: cr.sigmoid(W @ x), x="n", W="m n")
    >>> J = cr.jacobian(g, "x")
    >>> J.shape
    (Dim(m), Dim(n))
    >>> cr.compile(g.returning(J))(x=[0., 0.], W=[[4., 8.]])
    array([[1., 2.]])
    >>> def softmax(z: "k"):
    ...     p = cr.softmax(z)
    ...     return p
    >>> g = cr.trace(softmax)
    >>> print(g.returning(cr.jacobian(g, "z")).text())
    p = softmax(z)
    output = diag(p) - outer(p, p)
    """
    g = target if isinstance(target, Graph) else trace(target, **shapes)
    names = _names(g, wrt)
    if g.output.kind != REAL:
        raise NoDerivative(f"the output of {g.name} is {g.output.kind}; a Jacobian is that of a real quantity")
    found = dict(zip(names, jacobians(g.output, [g[k] for k in names])))
    return found[wrt] if isinstance(wrt, str) else found


@overload
def hessian(target: Target, wrt: str, **shapes: Any) -> Node: ...
@overload
def hessian(target: Target, wrt: Sequence[str] | None = None, **shapes: Any) -> dict[tuple[str, str], Node]: ...
def hessian(
    target: Target, wrt: Sequence[str] | str | None = None, **shapes: Any
) -> Node | dict[tuple[str, str], Node]:
    """H = ∂²L/∂x∂x for the scalar output L: H[i, j] = ∂²L/∂xᵢ∂xⱼ, of the shape x.shape + x.shape.

    target   a Graph with one real scalar output, or a function as `cr.trace` takes it (`shapes` as there)
    wrt      the name of an input or of a quantity inside, or a list of names (None: every real input)

    For one name the answer is its node; for a list it is {(a, b): node of the shape a.shape + b.shape} for all pairs,
    where (b, a) is the transpose of (a, b). `g.returning(H)` is a graph of its own, to compile and, tidied, to read.

    Raises NoDerivative where the output is no real scalar, a quantity is not real, an operation has no derivative, or
    one quantity of the list is computed from another; NamingError for unknown names.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda z: cr.logsumexp(z), z="k")
    >>> cr.compile(g.returning(cr.hessian(g, "z")))(z=[0., 0.])     # diag(p) − p pᵀ, p = softmax(z)
    array([[ 0.25, -0.25],
           [-0.25,  0.25]])
    >>> g = cr.trace(lambda x, W, y: cr.sum((W @ x - y) ** 2), x="n", W="m n", y="m")
    >>> print(g.returning(cr.hessian(g, "x")).text())
    output = 2·(Wᵀ @ W)
    """
    g = target if isinstance(target, Graph) else trace(target, **shapes)
    names = _names(g, wrt)
    loss = g.output
    if loss.shape or loss.kind != REAL:
        raise NoDerivative(
            f"a Hessian is that of a real scalar, and the output of {g.name} is {shape_text(loss.shape)} {loss.kind}; "
            f"sum it, or take cr.jacobian of a gradient"
        )
    found = hessians(loss, [g[k] for k in names])
    if isinstance(wrt, str):
        return found[g[wrt], g[wrt]]
    return {(a, b): found[g[a], g[b]] for a in names for b in names}


def _names(g: Graph, wrt: Sequence[str] | str | None) -> list[str]:
    names = select(g, wrt)
    for k in names:
        if g[k].kind != REAL:
            raise NoDerivative(f"{k} is {g[k].kind}; derivatives are taken in real quantities")
    return names


__all__ = ["hessian", "jacobian"]
