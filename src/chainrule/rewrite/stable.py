"""Stable laws: the same function, computed without overflow or cancellation. Applied before differentiation.

Deriving first and stabilising afterwards is too late: the adjoint of log(softmax(z)) divides by a softmax that may have
become 0. Every equation holds exactly wherever its left side is finite, kinks included, and so do the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..graph.dims import total
from ..graph.node import CONST, REAL, SIZE, Node, number, size_node
from ..ops.arithmetic import DIV, EQUAL, LOG, MAXIMUM, MINIMUM, MUL, NEG, POW, STOP, SUB, WHERE, XDIVY, XLOGY
from ..ops.elementary import ABS, EXP, EXPM1, LOG1P, SIGMOID, SOFTPLUS, SQRT
from ..ops.indexing import ARANGE, GATHER, ONE_HOT, SLICE, TAKE
from ..ops.linear import EINSUM, MATMUL
from ..ops.movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, SUM, TRANSPOSE
from ..ops.reduce import LOG_SOFTMAX, LOGSUMEXP, MAX, MEAN, NORM, SOFTMAX
from . import exponentials
from .engine import Rules, rewrite
from .exponentials import moved, unmoved
from .pattern import Bindings, Law, attribute, unknown

a, b, c = unknown("a"), unknown("b"), unknown("c")
axis, keepdims = attribute("axis"), attribute("keepdims")

_MOVES = frozenset({BROADCAST, EXPAND, SQUEEZE, RESHAPE, TRANSPOSE, FLIP, SLICE, TAKE, GATHER})
_OVER_ROWS = {"axis": (1,)}
_ONE_ROW = {"axis": (1,), "keepdims": False}


def _real(*unknowns: object):
    return lambda found: all(found[u].kind == REAL for u in unknowns)


def _may_vanish(found: Bindings) -> bool:
    return found[a].op not in (CONST, SIZE)


def _array(found: Bindings) -> bool:
    return bool(found[a].shape)


def _vectors(found: Bindings) -> bool:
    return found[a].ndim == found[b].ndim == 1


def _exponential(x: Node) -> bool:
    """Whether x is positive and its logarithm is taken more safely than x itself."""
    x = unmoved(x, _MOVES)[1]
    if x.op in (EXP, SOFTMAX, SIGMOID):
        return True
    if x.op in (SUM, MEAN, POW):
        return _exponential(x.args[0])
    if x.op is SUB:  # 1 − σ
        return number(x.args[0]) == 1 and unmoved(x.args[1], _MOVES)[1].op is SIGMOID
    return x.op in (MUL, DIV) and _partly(*x.args) and all(_exponential(y) or (number(y) or 0) > 0 for y in x.args)


def _partly(*xs: Node) -> bool:
    return any(_exponential(x) for x in xs)


def _exponentials_in(*unknowns: object):
    """One factor is an exponential, so that where the logarithm of the whole is finite the other is positive too."""
    return lambda found: _partly(*[found[u] for u in unknowns])


LAWS = [
    *exponentials.LAWS,
    Law("logsumexp", LOG(SUM(EXP(a), axis=axis, keepdims=keepdims)), LOGSUMEXP(a, axis=axis, keepdims=keepdims),
        at=_ONE_ROW, domain=(-50, 50)),
    Law("log of two exponentials", LOG(EXP(a) + EXP(b)), MAXIMUM(a, b) + SOFTPLUS(-ABS(a - b)), when=_real(a, b),
        domain=(-50, 50)),
    # the logarithm goes inward
    Law("log of a softmax", LOG(SOFTMAX(a, axis=axis)), LOG_SOFTMAX(a, axis=axis), at=_OVER_ROWS, domain=(-50, 50)),
    Law("log of a sigmoid", LOG(SIGMOID(a)), -SOFTPLUS(-a), domain=(-50, 50)),
    Law("the other probability, mirrored", 1 - SIGMOID(-a), SIGMOID(a), domain=(-10, 50)),
    Law("log of the other probability", LOG(1 - SIGMOID(a)), -SOFTPLUS(a), domain=(-10, 10)),
    Law("log of the other probability, as log1p", LOG1P(-SIGMOID(a)), -SOFTPLUS(a), domain=(-10, 10)),
    Law("softplus", LOG(1 + EXP(a)), SOFTPLUS(a), domain=(-10, 50)),
    Law("softplus, as log1p", LOG1P(EXP(a)), SOFTPLUS(a), domain=(-50, 50)),
    Law("log undoes exp", LOG(EXP(a)), a, when=_real(a), domain=(-50, 50)),
    Law("log of a reciprocal", LOG(1 / a), -LOG(a), domain=(1e-3, 1e4)),
    Law("log of a quotient", LOG(a / b), LOG(a) - LOG(b), when=_exponentials_in(a, b), domain=(1e-3, 50)),
    Law("log of a product", LOG(a * b), LOG(a) + LOG(b), when=_exponentials_in(a, b), domain=(1e-3, 50)),
    Law("log of a power", LOG(a**b), b * LOG(a), when=_exponentials_in(a), domain=(1e-3, 9)),
    Law("log1p", LOG(1 + a), LOG1P(a), domain=(-0.9, 1e4)),
    Law("expm1", EXP(a) - 1, EXPM1(a), domain=(-50, 50)),
    # neither a minus sign nor a factor must hide a logarithm
    Law("minus, outward", a * -b, -(a * b)),
    Law("minus, out of a quotient", -a / b, -(a / b)),
    Law("minus, out of a product on the left", MATMUL(-a, b), -MATMUL(a, b)),
    Law("minus, out of a product on the right", MATMUL(a, -b), -MATMUL(a, b)),
    Law("double minus", NEG(-a), a),
    Law("a quotient, outward", a * (LOG(b) / c), (a * LOG(b)) / c, when=_may_vanish, domain=(1e-3, 1e4)),
    Law("a factor, inward", a * (b * LOG(c)), (a * b) * LOG(c), when=_may_vanish, domain=(1e-3, 1e4)),
    Law("a weight, inward", a * XLOGY(b, c), XLOGY(a * b, c), when=_array, domain=(1e-3, 1e4)),
    # lengths, whose derivative at 0 is 0
    Law("power ½", a**0.5, SQRT(a), domain=(0, 1e4)),
    Law("norm", SQRT(SUM(a**2, axis=axis, keepdims=keepdims)), NORM(a, axis=axis, keepdims=keepdims),
        when=_real(a), at=_ONE_ROW),
    Law("norm, by products", SQRT(SUM(a * a, axis=axis, keepdims=keepdims)), NORM(a, axis=axis, keepdims=keepdims),
        when=_real(a), at=_ONE_ROW),
    Law("norm, as a dot product", SQRT(MATMUL(a, a)), NORM(a, axis=(0,), keepdims=False),
        when=lambda found: found[a].ndim == 1 and found[a].kind == REAL),
    Law("norm of a number", SQRT(a**2), ABS(a), when=_real(a)),
    Law("norm of a number, as a product", SQRT(a * a), ABS(a), when=_real(a)),
    # 0 log 0 = 0
    Law("a log (a / b)", a * LOG(a / b), XLOGY(a, XDIVY(a, b)), domain=(1e-3, 1e4)),
    Law("a log b", a * LOG(b), XLOGY(a, b), when=_may_vanish, domain=(1e-3, 1e4)),
    Law("a (log a − b)", a * (LOG(a) - b), XLOGY(a, a) - a * b, domain=(1e-3, 1e4)),
    Law("a (b − log a)", a * (b - LOG(a)), a * b - XLOGY(a, a), domain=(1e-3, 1e4)),
    Law("Σ a log b", MATMUL(a, LOG(b)), SUM(XLOGY(a, b), axis=(0,), keepdims=False), when=_vectors, domain=(1e-3, 1e4)),
    Law("Σ log b a", MATMUL(LOG(b), a), SUM(XLOGY(a, b), axis=(0,), keepdims=False), when=_vectors, domain=(1e-3, 1e4)),
]  # fmt: skip


def log_inward(n: Node) -> Node | None:
    """log(move(x)) → move(log(x)), where log(x) has a stable form; so with a choice and a mean."""
    moves, x = unmoved(n.args[0], _MOVES)
    if x.op is SUB and _exponential(x):
        inner, p = unmoved(x.args[1], _MOVES)
        return moved(moves, moved(inner, LOG(1 - p))) if moves or inner else None
    if moves:
        return moved(moves, LOG(x)) if _exponential(x) or (x.op in (MUL, DIV) and _partly(*x.args)) else None
    if x.op is WHERE and _partly(*x.args[1:]):
        return WHERE(x.args[0], LOG(x.args[1]), LOG(x.args[2]))
    if x.op is MEAN and _exponential(x):
        return LOG(_opened(x))
    if x.op is SUM:
        inner, e = unmoved(x.args[0])
        return LOG(x.rebuilt([EXP(moved(inner, e.args[0]))])) if inner and e.op is EXP else None
    return None


def log_of_mixture(n: Node) -> Node | None:
    """log Σ w eˢ → m + log Σ w e^(s − m), where m is the largest s whose weight is not 0: −log Σₖ yₖ softmax(z)ₖ.

    What has no weight could still overflow; its exponent is held below `_OVERFLOW`, where 0 · eˢ is 0. (Of the slopes
    in the weights themselves, those beyond e^80 are held there too.)
    """
    (mixture,) = n.args
    if mixture.op is SUM and mixture.args[0].op is MUL:
        factors, over, keep = mixture.args[0].args, mixture.attr("axis"), mixture.attr("keepdims")
    elif mixture.op is MATMUL and mixture.args[0].ndim == mixture.args[1].ndim == 1:
        factors, over, keep = mixture.args, (0,), False
    else:
        return None
    for w, p in (factors, factors[::-1]):
        moves, e = unmoved(p, _MOVES)
        if e.op not in (SOFTMAX, EXP) or _exponential(w) or w.op in (CONST, SIZE) or e.args[0].op is MINIMUM:
            continue
        s = moved(moves, LOG_SOFTMAX(e.args[0], axis=e.attr("axis")) if e.op is SOFTMAX else e.args[0])
        m = STOP(MAX(WHERE(EQUAL(w, 0), -math.inf, s), axis=over, keepdims=True))
        rest = LOG(SUM(w * EXP(MINIMUM(s - m, _OVERFLOW)), axis=over, keepdims=keep))
        return (m if keep else SQUEEZE(m, axes=over)) + rest
    return None


_OVERFLOW = 80.0  # e^80 is finite in float32 too


def log1p_inward(n: Node) -> Node | None:
    """log1p(−move(σ)) → log(1 − move(σ)), which goes on inward"""
    (x,) = n.args
    return LOG(1 - x.args[0]) if unmoved(x.args[0], _MOVES)[1].op is SIGMOID else None


def root_inward(n: Node) -> Node | None:
    """√move(Σ) → move(√Σ), and √mean(a²) → ‖a‖/√N"""
    moves, x = unmoved(n.args[0], _MOVES)
    if moves:
        return moved(moves, SQRT(x)) if x.op in (SUM, MEAN) else None
    if x.op is not MEAN:
        return None
    total = _opened(x)
    root = STABLE(SQRT(total.args[0]))
    return root / SQRT(total.args[1]) if root is not None and root.op is NORM else None


def _opened(mean: Node) -> Node:
    x, axis = mean.args[0], mean.attr("axis")
    return SUM(x, axis=axis, keepdims=mean.attr("keepdims")) / size_node(total(tuple(x.shape[k] for k in axis)))


def log_of_probability(n: Node) -> Node | None:
    """xlogy(a, p) → a log p where p is a softmax or a sigmoid, whose logarithm is finite as its argument is."""
    p = unmoved(n.args[1], _MOVES)[1]
    return n.args[0] * LOG(n.args[1]) if p.op in (SOFTMAX, SIGMOID) or (p.op is SUB and _exponential(p)) else None


def pick(n: Node) -> Node | None:
    """Σₖ one_hot(y)ₖ aₖ → a[y]: what is not picked contributes 0, even an infinity."""
    product = n.args if n.op is MATMUL else n.args[0].args if n.args[0].op is MUL else ()
    for hot, x in (product, product[::-1]) if product else ():
        rank = hot.ndim
        if hot.op is ONE_HOT and x.shape == hot.shape and x.kind == REAL and rank <= 2:
            if n.op is MATMUL and rank == 1:
                return GATHER(x, hot.args[0])
            if n.op is SUM and n.attr("axis") == (rank - 1,):
                picked = GATHER(x, *[ARANGE(of=s) for s in x.shape[:-1]], hot.args[0])
                return EXPAND(picked, axes=n.attr("axis")) if n.attr("keepdims") else picked
    return None


def contracted_log(n: Node) -> Node | None:
    """Σ a log b in index notation, the indices of both the same"""
    letters, out = n.attr("spec").split("->")
    for x, y in (n.args, n.args[::-1]) if len(n.args) == 2 else ():
        first, second = letters.split(",")
        if first == second and y.op is LOG and x.op is not LOG:
            return EINSUM(XLOGY(x, y.args[0]), spec=f"{first}->{out}")
    return None


STABLE = Rules(LAWS, [
    *exponentials.SPELLED_OUT,
    ((LOG,), log_inward, None),
    ((LOG,), log_of_mixture, (SUM, MATMUL)),
    ((LOG1P,), log1p_inward, (NEG,)),
    ((SQRT,), root_inward, None),
    ((XLOGY,), log_of_probability, None),
    ((SUM,), pick, (MUL,)),
    ((MATMUL,), pick, (ONE_HOT,)),
    ((EINSUM,), contracted_log, (LOG,)),
])  # fmt: skip


def stabilise(roots: Iterable[Node]) -> dict[Node, Node]:
    """What every node below `roots` becomes: the same functions, computed safely."""
    return rewrite(roots, STABLE)
