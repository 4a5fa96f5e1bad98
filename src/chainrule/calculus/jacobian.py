"""Jacobians: reverse mode with a cotangent left open, run for all unit cotangents at once.

∂yᵢ/∂x is the adjoint of x for the cotangent eᵢ of y. So: reverse mode from a leaf g of y's shape S, that graph
vectorised over the identity tensor of shape S + S, and fast laws. While the identity meets only operations that work
entry by entry it stays diagonal, diag(v), and is never filled in: σ(Wx) has the Jacobian v ⊙ W with the column
v = u ⊙ (1 − u).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..graph.dims import Shape, total
from ..graph.errors import NoDerivative
from ..graph.node import LEAF, REAL, Node, constant, describe, number, walk
from ..ops.arithmetic import ADD, DIV, MUL, NEG, SUB, WHERE, XDIVY, XLOGY
from ..ops.linear import DIAG, EYE, MATMUL
from ..ops.movement import EXPAND, RESHAPE, SUM, filled, reshape, stretch, transpose
from ..rewrite.engine import Rules, rewrite
from ..rewrite.fast import FAST
from .batch import batch
from .differentiate import cut, rejoin, stable_form
from .reverse import adjoints, check_differentiable, gradients


def jacobians(output: Node, wrt: Iterable[Node]) -> list[Node]:
    """∂output/∂w for each w, of the shape output.shape + w.shape; w may be a leaf or any quantity inside.

    The derivative in a quantity inside is that of the graph in which it is an input of its own.
    Raises NoDerivative for what is not real, and where an operation on the way has no derivative.
    """
    wrt = list(wrt)
    _check_real([output, *wrt])
    leaves = [w for w in wrt if w.op is LEAF]
    found = dict(zip(leaves, _in_leaves(output, leaves)))
    for w in wrt:
        if w not in found:
            [opened], back = cut([output], [w])
            [found[w]] = _simpler(rejoin(_in_leaves(opened, list(back)), back))
    return [found[w] for w in wrt]


def hessians(output: Node, wrt: Iterable[Node]) -> dict[tuple[Node, Node], Node]:
    """∂²output/∂a∂b for all pairs of `wrt`, of the shape a.shape + b.shape; `output` must be a real scalar.

    Raises NoDerivative as `jacobians`, and if one of several quantities is computed from another: what is held still
    when the other moves would not be clear.
    """
    wrt = list(dict.fromkeys(wrt))
    check_differentiable(output)
    _check_real(wrt)
    inside = [w for w in wrt if w.op is not LEAF]
    for w in inside:
        below = set(walk(w)) - {w}
        for v in wrt:
            if v in below:
                raise NoDerivative(
                    f"second derivatives in {describe(v)} and {describe(w)} together are not defined, since "
                    f"{describe(w)} is computed from {describe(v)}; ask for each in a call of its own"
                )
    [opened], back = cut([output], inside)
    joined = {w: cut for cut, w in back.items()}
    targets = [joined.get(w, w) for w in wrt]
    stable = stable_form([opened, *targets])
    first = gradients(stable[opened], targets)
    found: dict[tuple[Node, Node], Node] = {}
    for k, (a, gradient) in enumerate(zip(wrt, first)):
        for b, h in zip(wrt[k:], _in_leaves(gradient, targets[k:])):
            found[a, b] = h
            if a is not b:
                order = (*range(a.ndim, a.ndim + b.ndim), *range(a.ndim))
                found[b, a] = transpose(h, order)
    values = dict(zip(found, _simpler(rejoin(list(found.values()), back)))) if back else found
    return {(a, b): values[a, b] for a in wrt for b in wrt}


def identity(shape: Shape) -> Node:
    """The tensor of shape + shape that is 1 where both halves of its index agree, else 0."""
    eye = EYE(of=total(shape))
    return RESHAPE(eye, shape=shape + shape) if len(shape) != 1 else eye


def _in_leaves(output: Node, wrt: Sequence[Node]) -> list[Node]:
    stable = stable_form([output, *wrt])[output]
    shape = output.shape
    seed = LEAF(name=" cotangent", shape=shape, kind=REAL) if shape else constant(1.0)  # no input's name has a space
    found = adjoints(stable, seed, wrt)
    reached = [w for w in wrt if w in found]
    given = {seed: identity(shape)} if shape else {}
    values = dict(zip(reached, batch([found[w] for w in reached], given, shape)))
    return _simpler([values[w] if w in values else filled(0.0, shape + w.shape) for w in wrt])


def _check_real(nodes: Iterable[Node]) -> None:
    for n in nodes:
        if n.kind != REAL:
            raise NoDerivative(f"{describe(n)} is {n.kind}; derivatives are taken of and in real quantities")


# Diagonal tensors: what holds of the identity while it meets entries one by one ------------------------------------


def diagonal_of(n: Node) -> Node | None:
    """v where `n` is the diagonal tensor Dᵢⱼ = vᵢ [i = j] of shape S + S; v has the shape S or is a scalar."""
    if n.op is EYE:
        return constant(1.0)
    if n.op is DIAG and n.ndim == 2:
        return n.args[0]
    half = n.ndim // 2
    if n.op is RESHAPE and n.ndim % 2 == 0 and n.shape[:half] == n.shape[half:]:
        v = diagonal_of(n.args[0]) if n.args[0].ndim == 2 else None
        return reshape(v, n.shape[:half]) if v is not None and v.shape else v
    return None


def diagonal(v: Node, shape: Shape) -> Node:
    """The tensor Dᵢⱼ = vᵢ [i = j] of shape + shape, v repeated to `shape`."""
    if number(v) == 1:
        return identity(shape)
    v = stretch(v, shape)
    if len(shape) == 1:
        return DIAG(v)
    return RESHAPE(DIAG(RESHAPE(v, shape=(total(shape),))), shape=shape + shape)


def diagonal_stays(n: Node) -> Node | None:
    """D(v) ⊙ u = D(v ⊙ u), −D, D / u, D + D', where(c, D, 0), … for a u that is the same in every row of D."""
    parts = [diagonal_of(a) for a in n.args]
    first = next((a for a, v in zip(n.args, parts) if v is not None), None)
    if first is None or n.shape != first.shape:
        return None
    half = n.ndim // 2
    for a, v in zip(n.args, parts):
        if a.ndim > half if v is None else a.shape != n.shape:
            return None
    present = [v is not None for v in parts]
    if n.op in (ADD, SUB) and not all(present):
        return None
    if n.op in (DIV, XDIVY, XLOGY) and present != [True, False]:
        return None
    if n.op is WHERE and (present[0] or any(v is None and number(a) != 0 for a, v in zip(n.args[1:], parts[1:]))):
        return None
    return diagonal(n.op(*[a if v is None else v for a, v in zip(n.args, parts)], **dict(n.attrs)), n.shape[:half])


def diagonal_product(n: Node) -> Node | None:
    """diag(v) A = v ⊙ A with v as a column; A diag(v) = A ⊙ v"""
    a, b = n.args
    v = diagonal_of(a) if a.ndim == 2 else None
    if v is not None:
        return (EXPAND(v, axes=(1,)) if v.shape and b.ndim > 1 else v) * b
    v = diagonal_of(b) if b.ndim == 2 else None
    return a * v if v is not None else None


def diagonal_sum(n: Node) -> Node | None:
    """Σⱼ D(v)ᵢⱼ = vᵢ"""
    (x,) = n.args
    v, half = diagonal_of(x), x.ndim // 2
    if v is None or n.attr("axis") != tuple(range(half, x.ndim)):
        return None
    v = stretch(v, x.shape[:half])
    return EXPAND(v, axes=n.attr("axis")) if n.attr("keepdims") else v


DIAGONAL = Rules(
    rules=[
        ((MUL, DIV, NEG, ADD, SUB, WHERE, XDIVY, XLOGY), diagonal_stays, None),
        ((MATMUL,), diagonal_product, None),
        ((SUM,), diagonal_sum, None),
    ]
)


def _simpler(roots: Sequence[Node]) -> list[Node]:
    """The fast laws, and those of diagonal tensors before them."""

    def rules(n: Node) -> Node | None:
        new = DIAGONAL(n)
        return new if new is not None else FAST(n)

    done = rewrite(roots, rules)
    return [done[r] for r in roots]


__all__ = ["DIAGONAL", "diagonal", "diagonal_of", "hessians", "identity", "jacobians"]
