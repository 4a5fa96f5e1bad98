"""Tidying: what a reader wants to see. Elementwise regions become rational functions of named quantities, scalars come
to the front of matrix products and sums, softmax is recognised.

Every step is an equation that holds wherever both sides are defined; a factor is cancelled only if it cannot be 0.
"""

from __future__ import annotations

from collections.abc import Container
from fractions import Fraction
from functools import reduce
from typing import Any

from ..graph.node import REAL, Node, constant, node, number
from ..ops.arithmetic import ADD, DIV, MUL, NEG, NOT, POW, SUB, WHERE, XDIVY
from ..ops.elementary import EXP, SQRT
from ..ops.indexing import ARANGE, GATHER, ONE_HOT, PUT, SCATTER, TAKE
from ..ops.linear import EINSUM, MATMUL, OUTER, TRACE
from ..ops.movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, SUM, TRANSPOSE, filled, stretch
from ..ops.reduce import LOG_SOFTMAX, MAX, MEAN, MIN, SOFTMAX
from .engine import Rules
from .exponentials import exp_of_log_softmax, softmax
from .pattern import Law, attribute, unknown
from .rational import Algebra, Factor, Number, Poly, Rational
from .signs import below_one, not_negative, positive
from .spreads import SPREAD_RULES, narrow

a, b, c, axis = unknown("a"), unknown("b"), unknown("c"), attribute("axis")

LAWS = [
    Law("exp of a log-softmax", EXP(LOG_SOFTMAX(a, axis=axis)), SOFTMAX(a, axis=axis), at={"axis": (1,)}),
    Law("sum, axis kept", EXPAND(SUM(a, axis=axis, keepdims=False), axes=axis), SUM(a, axis=axis, keepdims=True),
        at={"axis": (1,)}),
    Law("plus minus", a + -b, a - b),
    Law("minus minus", a - -b, a + b),
    Law("minus, out of a product", -a * b, -(a * b)),
    Law("minus, out of a quotient", -a / b, -(a / b)),
    Law("a choice in two halves", WHERE(c, a, 0) + WHERE(NOT(c), b, 0), WHERE(c, a, b)),
    Law("a guarded quotient", XDIVY(a, b), a / b),
]  # fmt: skip

_ARITHMETIC = frozenset({ADD, SUB, MUL, DIV, NEG, POW})
_LINEAR = frozenset({SUM, MEAN, TRANSPOSE, RESHAPE, SQUEEZE, EXPAND, FLIP, TRACE, GATHER, SCATTER, TAKE, PUT})
_BILINEAR = frozenset({MATMUL, OUTER, EINSUM})
_REDUCTIONS = frozenset({SUM, MEAN, MAX, MIN})
_MANY = 24  # terms of a polynomial that nobody wants to read expanded


def _transposed_product(n: Node) -> Node | None:
    """(A B)ᵀ → Bᵀ Aᵀ"""
    (x,) = n.args
    if n.ndim != 2 or x.op is not MATMUL or x.args[0].ndim != 2 or x.args[1].ndim != 2:
        return None
    flip = (1, 0)
    return MATMUL(TRANSPOSE(x.args[1], axes=flip), TRANSPOSE(x.args[0], axes=flip))


def _probabilities(n: Node) -> Node | None:
    """The entries of a softmax, and of a one-hot row, add up to 1."""
    (x,), over = n.args, n.attr("axis")
    sums_to_one = (x.op is SOFTMAX and x.attr("axis") == over) or (x.op is ONE_HOT and over == (x.ndim - 1,))
    if not sums_to_one:
        return None
    return filled(1.0, n.shape)


def _centred(n: Node) -> Node | None:
    """Σ (x − mean x) = 0"""
    (d,), axis = n.args, n.attr("axis")
    for x, mean in (d.args, d.args[::-1]):
        if mean.op is EXPAND and mean.attr("axes") == axis:
            mean, meets = mean.args[0], True
        else:
            meets = mean.op is MEAN and (mean.attr("keepdims") or axis == tuple(range(len(axis))))
        if meets and mean.op is MEAN and mean.args[0] is x and mean.attr("axis") == axis:
            return filled(0.0, n.shape)
    return None


TIDY = Rules(LAWS, [
    ((DIV,), softmax, None),
    ((EXP,), exp_of_log_softmax, (SUB,)),
    ((TRANSPOSE,), _transposed_product, (MATMUL,)),
    ((SUM,), _probabilities, (SOFTMAX, ONE_HOT)),
    ((SUM,), _centred, (SUB,)),
    *SPREAD_RULES,
])  # fmt: skip


def reading_weight(root: Node, named: Container[Node], limit: int = 400) -> int:
    """How much a reader sees in `root`: the signs and symbols down to names."""
    seen, stack = 1, list(root.args)
    while stack and seen < limit:
        n = stack.pop()
        seen += 1
        if n not in named:
            stack.extend(n.args)
    return seen


def tidy(root: Node, named: Container[Node]) -> Node:
    """`root` in the form a reader wants, in terms of the nodes in `named`, which stay as they are."""
    return _Tidying(named).result(root)


class _Tidying:
    """One walk. Every node gets a rational; nodes other than arithmetic are built and become atoms."""

    def __init__(self, named: Container[Node]):
        self.named = named
        self.atoms: list[Node] = []
        self.place: dict[Node, int] = {}
        self.form: dict[Node, Rational] = {}
        self.built: dict[Node, Node] = {}
        self.instead: dict[Node, Node] = {}  # a sum of quotients, as the sum of their sums
        self.algebra = Algebra(self._can_cancel)

    def result(self, root: Node) -> Node:
        for n in self._order(root):
            self.form[n] = self._rational(n, opaque=n in self.named and n is not root)
        return self._node(root)

    def _formed(self, n: Node) -> Rational:
        """The rational of a node that tidying brought in."""
        for m in self._order(n):
            self.form[m] = self._rational(m, opaque=m in self.named)
        return self.form[n]

    def _order(self, root: Node) -> list[Node]:
        """The nodes below `root` that have no rational yet, and nothing below a named one."""
        done: dict[Node, None] = {}
        stack = [root]
        while stack:
            n = stack[-1]
            known = n in done or n in self.form
            todo = []
            if not known and (n not in self.named or n is root):
                todo = [x for x in n.args if x not in done and x not in self.form]
            if todo:
                stack.extend(reversed(todo))
                continue
            if not known:
                done[n] = None
            stack.pop()
        return list(done)

    # node -> rational ------------------------------------------------------------------------------------------

    def _rational(self, n: Node, opaque: bool) -> Rational:
        if opaque:
            return self._atom(n)
        if n.kind != REAL and not _is_number(n):
            return self._simplified(self._rebuilt(n))
        if _is_number(n):
            return Rational(_exact(number(n)), {}, {})
        if n.op is BROADCAST or (n.op is EXPAND and narrow(n) is not n):
            return self.form[n.args[0]]  # arithmetic spreads by itself; the shape is put back when a node is built
        if n.op in _ARITHMETIC:
            found = self._arithmetic(n)
            return found if found is not None else self._atom(self._rebuilt(n))
        if n.op in _REDUCTIONS and n.attr("keepdims"):
            twin = n.op(n.args[0], axis=n.attr("axis"), keepdims=False)
            if twin in self.named:
                return self._formed(EXPAND(twin, axes=n.attr("axis")))
        if n.op in (SUM, MEAN):
            apart = self._apart(n, n.args[0])
            if apart is not None:
                self.instead[n] = apart
                return self._formed(apart)
        if n.op in _LINEAR or n.op in _BILINEAR:
            return self._linear(n)
        return self._simplified(self._rebuilt(n))

    def _apart(self, n: Node, x: Node) -> Node | None:
        """Σ (a/s + b/t) as Σ a/s + Σ b/t: brought to a common denominator under one Σ nobody would know them again."""
        if x in self.named:
            return None
        if x.op is NEG:
            inner = self._apart(n, x.args[0])
            return None if inner is None else -inner
        if x.op not in (ADD, SUB) or self.form[x.args[0]].below == self.form[x.args[1]].below:
            return None
        return x.op(*[n.rebuilt([stretch(y, x.shape)]) for y in x.args])

    def _arithmetic(self, n: Node) -> Rational | None:
        forms = [self.form[x] for x in n.args]
        if n.op is NEG:
            return forms[0].negated()
        x, y = forms
        if n.op is MUL:
            return self.algebra.multiply(x, y)
        if n.op is DIV:
            return self.algebra.divide(x, y)
        if n.op is POW:
            k = number(n.args[1])
            whole = isinstance(k, (int, float)) and k == int(k) and 0 < k < 10 if k is not None else False
            return self.algebra.power(x, int(k)) if whole and k is not None else None
        if _terms(x) + _terms(y) > _MANY:
            return None
        return self.algebra.add(x, y if n.op is ADD else y.negated())

    def _linear(self, n: Node) -> Rational:
        """Scalar factors come out of sums, moves and products."""
        outside = Rational(1, {}, {})
        args = list(n.args)
        slots = range(len(args)) if n.op in _BILINEAR else (0,)
        for k in slots:
            scalar, rest = self._split(self.form[args[k]], n)
            outside = self.algebra.multiply(outside, scalar)
            args[k] = self._shaped(rest, args[k])
        for k in range(len(args)):
            if k not in slots:
                args[k] = self._node(args[k])
        inner = self._picked(n, args) if n.op in (SCATTER, PUT) else None
        return self.algebra.multiply(outside, inner or self._simplified(n.rebuilt(args)))

    def _split(self, x: Rational, n: Node) -> tuple[Rational, Rational]:
        """(factors that are the same for every entry that `n` brings together, the rest)."""

        def outside(f: Factor) -> bool:
            return all(self._constant_along(self.atoms[i], n) for i in _atoms(f))

        above_out = {f: k for f, k in x.above.items() if outside(f)}
        below_out = {f: k for f, k in x.below.items() if outside(f)}
        above = {f: k for f, k in x.above.items() if f not in above_out}
        below = {f: k for f, k in x.below.items() if f not in below_out}
        return Rational(x.coefficient, above_out, below_out), Rational(1, above, below)

    def _constant_along(self, atom: Node, n: Node) -> bool:
        if not atom.shape:
            return True
        if n.op is SUM and n.attr("keepdims"):  # Σ_j aᵢ xᵢⱼ = aᵢ Σ_j xᵢⱼ
            rank = n.ndim
            return all(k - rank < -atom.ndim or atom.shape[k - rank] == 1 for k in n.attr("axis"))
        if n.op is SUM and n.attr("axis") == tuple(range(len(n.attr("axis")))):  # Σᵢ aⱼ xᵢⱼ = aⱼ Σᵢ xᵢⱼ
            return atom.ndim <= n.ndim
        return False

    def _picked(self, n: Node, args: list[Node]) -> Rational | None:
        """The adjoint of a row-wise choice x[i, yᵢ]: one_hot(y) ⊙ f(x) where what is put back is f(x[i, yᵢ])."""
        by_row = n.op is SCATTER and n.ndim == 2 and len(args) == 3 and args[1].op is ARANGE
        if by_row and args[1].shape[0] == n.shape[0]:
            labels, read, where = args[2], GATHER, args[1:]
        elif n.op is PUT and n.ndim == 1 and not args[1].shape:
            labels, read, where = args[1], TAKE, args[1:]
        else:
            return None
        form = self.form[n.args[0]]
        found = Rational(1, {}, {})
        for f, k, up in [(f, k, True) for f, k in form.above.items()] + [(f, k, False) for f, k in form.below.items()]:
            if isinstance(f, Poly):
                return None
            atom = self.atoms[f]
            if not atom.shape:
                continue  # already outside
            if atom.op is not read or list(atom.args[1:]) != list(where) or not (up or positive(atom.args[0])):
                return None
            whole = Rational(1, {self._index(atom.args[0]): k}, {})
            found = self.algebra.multiply(found, whole) if up else self.algebra.divide(found, whole) or found
        hot = ONE_HOT(labels, classes=n.shape[-1])
        return self.algebra.multiply(self._atom(hot), found)

    def _law(self, n: Node) -> Node | None:
        """`n` after a law at its root; a minus sign that belongs to a name stays there."""
        return None if any(x.op is NEG and x in self.named for x in n.args) else TIDY(n)

    def _simplified(self, n: Node) -> Rational:
        """`n`, whose arguments are tidy, after the laws at its root."""
        new = self._law(n)
        return self._atom(n) if new is None else self._formed(new)

    def _atom(self, n: Node) -> Rational:
        return Rational(1, {self._index(n): 1}, {})

    def _index(self, n: Node) -> int:
        if n not in self.place:
            self.place[n] = len(self.atoms)
            self.atoms.append(n)
        return self.place[n]

    def _can_cancel(self, f: Factor) -> bool:
        if isinstance(f, int):
            return positive(self.atoms[f])
        terms = f.terms
        if terms.get(()) == 1 and len(terms) == 2:  # 1 − σ
            (m, c) = next((m, c) for m, c in terms.items() if m)
            if c == -1 and len(m) == 1 and m[0][1] == 1 and below_one(self.atoms[m[0][0]]):
                return True
        certain = False
        for m, c in terms.items():
            if c < 0 or not all(k % 2 == 0 or not_negative(self.atoms[i]) for i, k in m):
                return False
            certain = certain or all(positive(self.atoms[i]) for i, _ in m)
        return certain

    # rational -> node ------------------------------------------------------------------------------------------

    def _rebuilt(self, n: Node) -> Node:
        return n.rebuilt([self._node(x) for x in n.args])

    def _node(self, n: Node) -> Node:
        """`n` built from its rational, in its own shape; as it was written where that is shorter."""
        stack = [n]
        while stack:
            m = stack[-1]
            composed = m.op in _ARITHMETIC and m not in self.named
            todo = [x for x in m.args if x not in self.built] if composed and m not in self.built else []
            if todo:
                stack.extend(todo)
            else:
                stack.pop()
                if m not in self.built:
                    self.built[m] = self._built(m)
        return self.built[n]

    def _built(self, n: Node) -> Node:
        if n in self.instead:
            return self._node(self.instead[n])
        new = self._shaped(self.form[n], n)
        if n.op in _ARITHMETIC and n not in self.named:
            plain = self._rebuilt(n)
            if self._weight(plain) < self._weight(new):
                new = plain
        if (n.op in _ARITHMETIC or n.op is BROADCAST) and n not in self.named:
            for _ in range(4):
                law = self._law(new)
                if law is None or law.kind != new.kind:
                    break
                new = law
        return new

    def _shaped(self, x: Rational, like: Node) -> Node:
        new = self._build(x)
        if new.kind != like.kind:
            return like if like.op not in _ARITHMETIC else like.rebuilt([self._node(y) for y in like.args])
        return stretch(new, like.shape)

    def _build(self, x: Rational) -> Node:
        if x.coefficient == 0:
            return constant(0.0)
        c, above = x.coefficient, dict(x.above)
        if c < 0:  # −(a − b) → b − a
            for f in above:
                signs = {k < 0 for k in f.terms.values()} if isinstance(f, Poly) else set()
                if isinstance(f, Poly) and above[f] == 1 and len(signs) == 2:
                    del above[f]
                    above[f.scaled(-1)] = 1
                    c = -c
                    break
        negative, c = c < 0, abs(c)
        top, bottom = (c.numerator, c.denominator) if isinstance(c, Fraction) else (c, 1)
        up = self._product(top, above)
        down = self._product(bottom, x.below)
        if up is None and down is None:
            return constant(-1.0 if negative else 1.0)
        if down is None:
            return -up if negative else up  # type: ignore[operator]
        return -((1 if up is None else up) / down) if negative else (1 if up is None else up) / down

    def _product(self, c: Number, factors: dict[Factor, int]) -> Node | None:
        parts = [node(c)] if c != 1 else []
        nodes = [(self._factor(f), k) for f, k in factors.items()]
        nodes.sort(key=lambda part: bool(part[0].shape))  # scalars first
        parts += [f if k == 1 else f.args[0] if f.op is SQRT and k == 2 else f**k for f, k in nodes]
        return reduce(lambda p, q: p * q, parts) if parts else None

    def _factor(self, f: Factor) -> Node:
        if isinstance(f, int):
            return self.atoms[f]
        terms = sorted(f.terms.items(), key=lambda term: term[1] < 0)  # what is added first, then what is subtracted
        total: Any = None
        for m, c in terms:
            c, sign = abs(c), c
            top, bottom = (c.numerator, c.denominator) if isinstance(c, Fraction) else (c, 1)
            term = self._product(top, {i: k for i, k in m})
            term = constant(1) if term is None else term
            term = term if bottom == 1 else term / bottom
            total = (term if sign > 0 else -term) if total is None else total + term if sign > 0 else total - term
        return total

    def _weight(self, n: Node) -> int:
        return 1 if n in self.named else reading_weight(n, self.named)


def _is_number(n: Node) -> bool:
    value = number(n)
    return value is not None and not isinstance(value, bool) and abs(value) < 1e300  # neither infinite nor NaN


def _exact(value: Any) -> Number:
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else value


def _terms(x: Rational) -> int:
    return sum(len(f.terms) * k if isinstance(f, Poly) else 0 for f, k in x.above.items()) + 1


def _atoms(f: Factor) -> set[int]:
    return {f} if isinstance(f, int) else {i for m in f.terms for i, _ in m}


__all__ = ["LAWS", "TIDY", "tidy"]
