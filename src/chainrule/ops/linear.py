"""Contractions. All their derivatives follow from dL = ⟨g, dA B + A dB⟩ = ⟨g Bᵀ, dA⟩ + ⟨Aᵀ g, dB⟩."""

from __future__ import annotations

from typing import Any

from ..graph.dims import Shape, size
from ..graph.errors import GraphError, ShapeError
from ..graph.node import OPERATORS, Node, Op, node, promote
from .axes import broadcast
from .movement import BROADCAST, EXPAND, TRANSPOSE, swapaxes, unbroadcast


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        raise ShapeError("`@` multiplies vectors and matrices; write `*` for a scalar factor")
    if a[-1] != b[-2 if len(b) > 1 else -1]:
        raise ShapeError(_mismatch(a, b))
    batch = broadcast(a[:-2], b[:-2]) if len(a) > 2 or len(b) > 2 else ()
    return batch + a[-2:-1] + (b[-1:] if len(b) > 1 else ())


def _mismatch(a: Any, b: Any) -> str:
    inner = f"the inner sizes differ: {a[-1]} (last axis on the left) and {b[-2 if len(b) > 1 else -1]}"
    if len(a) == 2 and len(b) <= 2 and a[0] == b[0]:
        return inner + " (first axis on the right); the transpose of the left side would fit: A.T @ B"
    if len(a) == len(b) == 2 and a[1] == b[1]:
        return inner + " (first axis on the right); the transpose of the right side would fit: A @ B.T"
    if len(b) == 2 and a[-1] == b[-1]:
        return inner + " (first axis on the right); the transpose of the right side would fit: A @ B.T"
    return inner + " (first axis of the matrix on the right)"


def _matmul_vjp(g: Node, y: Node, a: Node, b: Node) -> list[Node]:
    if a.ndim == 1 and b.ndim == 1:  # y = aᵀb
        return [g * b, g * a]
    if a.ndim == 2 and b.ndim == 1:  # y = A b
        return [OUTER(g, b), MATMUL(TRANSPOSE(a, axes=(1, 0)), g)]
    if a.ndim == 1 and b.ndim == 2:  # y = aᵀB
        return [MATMUL(b, g), OUTER(a, g)]
    batch, i, j = LETTERS[: g.ndim - 1], *LETTERS[g.ndim - 1 : g.ndim + 1]
    if a.ndim == 1:  # y = aᵀB for each matrix B of a batch
        ga = EINSUM(g, b, spec=f"{batch}{j},{batch}{i}{j}->{i}")
        return [ga, EXPAND(a, axes=(1,)) * EXPAND(g, axes=(g.ndim - 1,))]
    if b.ndim == 1:  # y = A b for each matrix A of a batch
        gb = EINSUM(g, a, spec=f"{batch}{i},{batch}{i}{j}->{j}")
        return [EXPAND(g, axes=(g.ndim,)) * b, gb]
    return [unbroadcast(MATMUL(g, swapaxes(b, -1, -2)), a.shape), unbroadcast(MATMUL(swapaxes(a, -1, -2), g), b.shape)]


def _outer_shape(a: Shape, b: Shape) -> Shape:
    if len(a) != 1 or len(b) != 1:
        raise ShapeError("an outer product takes two vectors")
    return a + b


def _square(x: Shape) -> Shape:
    if len(x) != 2 or x[0] != x[1]:
        raise ShapeError("needs a square matrix")
    return x


def _trace_shape(x: Shape) -> Shape:
    _square(x)
    return ()


def _diag_shape(x: Shape) -> Shape:
    return x + x if len(x) == 1 else _square(x)[:1]


MATMUL = Op("matmul", shape=_matmul_shape, kind=promote, vjp=_matmul_vjp)
OUTER = Op(  # y = a bᵀ
    "outer", shape=_outer_shape, kind=promote,
    vjp=lambda g, y, a, b: [MATMUL(g, b), MATMUL(TRANSPOSE(g, axes=(1, 0)), a)],
)  # fmt: skip
TRACE = Op("tr", shape=_trace_shape, kind=promote, vjp=lambda g, y, x: [g * EYE(of=x.shape[0])])  # tr A = ⟨I, A⟩
DIAG = Op("diag", shape=_diag_shape, kind=promote, vjp=lambda g, y, x: [DIAG(g)])
EYE = Op("eye", shape=lambda *, of: (of, of))


# Einstein sums -----------------------------------------------------------------------------------------------------


def _split(spec: str, count: int) -> tuple[list[str], str]:
    ins, arrow, out = spec.partition("->")
    parts = ins.split(",")
    if not arrow or len(parts) != count:
        raise ShapeError(f"{spec!r} should describe {count} argument(s) and a result, as in 'ij,jk->ik'")
    return parts, out


def _einsum_sizes(shapes: tuple[Shape, ...], spec: str) -> dict[str, Any]:
    parts, out = _split(spec, len(shapes))
    sizes: dict[str, Any] = {}
    for letters, shape in zip(parts, shapes):
        if len(letters) != len(shape):
            raise ShapeError(f"{letters!r} names {len(letters)} axes of an array with {len(shape)}")
        for letter, s in zip(letters, shape):
            if sizes.setdefault(letter, s) != s:
                raise ShapeError(f"the index {letter} has the sizes {sizes[letter]} and {s}")
    missing = [letter for letter in out if letter not in sizes]
    if missing or len(set(out)) < len(out):
        raise ShapeError(f"the result {out!r} of {spec!r} must name indices of the arguments, each once")
    return sizes


def _einsum_shape(*shapes: Shape, spec: str) -> Shape:
    sizes = _einsum_sizes(shapes, spec)
    return tuple(sizes[letter] for letter in _split(spec, len(shapes))[1])


def _einsum_vjp(g: Node, y: Node, *args: Node, spec: str) -> list[Node]:
    """In slot k: the same sum with g in the argument's place and the argument's indices as the result."""
    parts, out = _split(spec, len(args))
    sizes = _einsum_sizes(tuple(a.shape for a in args), spec)
    cotangents = []
    for k, own in enumerate(parts):
        letters = [out] + [p for j, p in enumerate(parts) if j != k]
        factors: list[Node] = [g] + [a for j, a in enumerate(args) if j != k]
        target = ""
        for letter in own:  # a repeated index is a diagonal: a fresh letter and an identity matrix
            if letter in target:
                fresh = next(c for c in LETTERS if c not in spec and c not in target)
                letters.append(letter + fresh)
                factors.append(EYE(of=sizes[letter]))
                letter = fresh
            target += letter
        found = "".join(c for c in target if any(c in p for p in letters))
        part = EINSUM(*factors, spec=",".join(letters) + "->" + found)
        lost = tuple(i for i, c in enumerate(target) if c not in found)  # summed in this argument alone
        cotangents.append(BROADCAST(EXPAND(part, axes=lost), shape=args[k].shape) if lost else part)
    return cotangents


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

EINSUM = Op("einsum", shape=_einsum_shape, kind=promote, vjp=_einsum_vjp)


# The public functions ----------------------------------------------------------------------------------------------


def matmul(a: Any, b: Any) -> Node:
    """a @ b, as ``numpy.matmul``: vectors, matrices, and batches of matrices whose leading axes broadcast.

    Shapes: (n,k)(k,m) → (n,m); (n,k)(k) → (n); (k)(k,m) → (m); (k)(k) → (). ∂a = g bᵀ, ∂b = aᵀ g.
    """
    return MATMUL(a, b)


def dot(a: Any, b: Any) -> Node:
    """aᵀb of two vectors; for a matrix on either side, the matrix product. The same node as ``a @ b``."""
    a, b = node(a), node(b)
    if max(a.ndim, b.ndim) > 2:
        raise ShapeError("dot takes vectors and matrices; for batches write `@` or einsum")
    return a * b if not a.ndim or not b.ndim else MATMUL(a, b)


def outer(a: Any, b: Any) -> Node:
    """a bᵀ of two vectors: (n), (m) → (n, m). ∂a = g b, ∂b = gᵀ a."""
    return OUTER(a, b)


def tr(x: Any) -> Node:
    """The trace Σ xᵢᵢ of a square matrix. ∂: g I."""
    return TRACE(x)


def diag(x: Any) -> Node:
    """A vector as a diagonal matrix, or the diagonal of a square matrix, as ``numpy.diag``.

    ∂: the diagonal of the cotangent, or the cotangent on a diagonal.
    """
    return DIAG(x)


def eye(n: Any) -> Node:
    """The n × n identity matrix; `n` is a number, a symbol's name or a size such as ``X.shape[1]``.

    A constant: no derivative.
    """
    return EYE(of=size(n))


def einsum(spec: str, *args: Any) -> Node:
    """A sum of products in index notation, as ``numpy.einsum``: ``einsum("nd,dh->nh", X, W)``.

    Without ``->`` the result has the indices that occur once, in alphabetical order. ``...`` stands for leading axes.
    Raises ShapeError where an index meets two sizes or the description does not fit the arguments.
    ∂ in one argument: the same sum with the cotangent in its place and the argument's indices as the result.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda A, B: cr.einsum("ij,jk->ik", A, B), A="n m", B="m k")
    >>> g.output.shape
    (Dim(n), Dim(k))
    """
    if not isinstance(spec, str):
        raise GraphError('einsum takes its description first, as in cr.einsum("ij,jk->ik", A, B)')
    nodes = [node(a) for a in args]
    spec = _without_dots(spec.replace(" ", ""), nodes)
    if "->" not in spec:
        letters = spec.replace(",", "")
        spec += "->" + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    bad = sorted(set(spec) - set(LETTERS) - set(",->"))
    if bad:
        raise ShapeError(f"{spec!r} holds {bad[0]!r}; indices are letters, arguments are separated by commas")
    return EINSUM(*nodes, spec=spec)


def _without_dots(spec: str, nodes: list[Node]) -> str:
    """``...`` replaced by letters of its own."""
    if "..." not in spec:
        return spec
    ins, arrow, out = spec.partition("->")
    parts = ins.split(",")
    if len(parts) != len(nodes):
        raise ShapeError(f"{spec!r} describes {len(parts)} argument(s) and there are {len(nodes)}")
    extra = [n.ndim - len(p.replace("...", "")) if "..." in p else 0 for p, n in zip(parts, nodes)]
    fresh = "".join([c for c in LETTERS if c not in spec][: max([0, *extra])])
    ins = ",".join(p.replace("...", fresh[len(fresh) - k :] if k > 0 else "") for p, k in zip(parts, extra))
    if not arrow:
        letters = ins.replace(",", "")
        out = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in fresh))
    return ins + "->" + out.replace("...", fresh)


OPERATORS["matmul"] = MATMUL
