"""Tidying: what a reader wants to see. Elementwise regions become rational functions of named quantities, scalars come
to the front of matrix products and sums, softmax is recognised.

Every step is an equation that holds wherever both sides are defined; a factor is cancelled only if it cannot be 0.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..graph.node import REAL, SIZE, Node, number, size_node
from ..ops.arithmetic import ADD, DIV, MUL, NEG, POW, SUB, XDIVY
from ..ops.convolution import CONV, CONV_INPUT, CONV_KERNEL
from ..ops.elementary import SIGMOID
from ..ops.indexing import ARANGE, GATHER, ONE_HOT, PUT, SCATTER, TAKE
from ..ops.linear import DIAG, EINSUM, MATMUL, OUTER, TRACE
from ..ops.movement import BROADCAST, EXPAND, FLIP, RESHAPE, SQUEEZE, SUM, TRANSPOSE, stretch
from ..ops.reduce import MAX, MEAN, MIN, NORM
from .compose import size_factors
from .gather import Gathering
from .rational import Factor, Number, Poly, Rational
from .signs import positive
from .spreads import narrow
from .tidy_laws import TIDY

_ARITHMETIC = frozenset({ADD, SUB, MUL, DIV, NEG, POW})
_LINEAR = frozenset({SUM, MEAN, TRANSPOSE, RESHAPE, SQUEEZE, EXPAND, FLIP, TRACE, DIAG, GATHER, SCATTER, TAKE, PUT})
_BILINEAR = frozenset({MATMUL, OUTER, EINSUM, CONV, CONV_KERNEL, CONV_INPUT})
_REDUCTIONS = frozenset({SUM, MEAN, MAX, MIN})
_MANY = 24  # terms of a polynomial that nobody wants to read expanded


def reading_weight(root: Node, named: Container[Node], limit: int = 400) -> int:
    """How much a reader sees in `root`: the signs and symbols down to names."""
    seen, stack = 1, list(root.args)
    while stack and seen < limit:
        n = stack.pop()
        seen += n.op is not BROADCAST  # which is seldom written
        if n not in named:
            stack.extend(n.args)
    return seen


def tidy(root: Node, named: Container[Node]) -> Node:
    """`root` in the form a reader wants, in terms of the nodes in `named`, which stay as they are."""
    return _Tidying(named).result(root)


class _Tidying(Gathering):
    """One walk. Every node gets a rational; nodes other than arithmetic are built and become atoms."""

    def __init__(self, named: Container[Node]):
        super().__init__(named, self._settled)
        self.built: dict[Node, Node] = {}
        self.flat: dict[Node, Node] = {}  # a sum of quotients as a summand, not brought together
        self.instead: dict[Node, Node] = {}  # a sum of quotients, as the sum of their sums

    def result(self, root: Node) -> Node:
        for n in self._order(root):
            self.form[n] = self._rational(n, opaque=n in self.named and n is not root)
        return self._node(root)

    def formed(self, n: Node) -> Rational:
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
            return self.atom(n)
        if n.op is SIZE:
            return self._size(n)
        if n.kind != REAL and not _is_number(n) and not _counts(n):
            return self._simplified(self._rebuilt(n))
        if _is_number(n):
            return Rational(_exact(number(n)), {}, {})
        if n.op is BROADCAST or (n.op is EXPAND and narrow(n) is not n):
            return self.form[n.args[0]]  # arithmetic spreads by itself; the shape is put back when a node is built
        if n.op in _ARITHMETIC:
            found = self._arithmetic(n)
            return found if found is not None else self.atom(self._rebuilt(n))
        if n.op in _REDUCTIONS and n.attr("keepdims"):
            twin = n.op(n.args[0], axis=n.attr("axis"), keepdims=False)
            if n.attr("axis") == tuple(range(len(n.attr("axis")))):  # broadcasting supplies axes in front
                return self.formed(twin)
            if twin in self.named:
                return self.formed(EXPAND(twin, axes=n.attr("axis")))
        if n.op in (SUM, MEAN):
            apart = self._apart(n, n.args[0])
            if apart is not None:
                self.instead[n] = apart
                return self.formed(apart)
        if n.op in _LINEAR or n.op in _BILINEAR:
            return self._linear(n)
        if n.op is SIGMOID and n.args[0].op is NEG and n.args[0] not in self.named:  # σ(−a) = 1 − σ(a), beside σ(a)
            mirrored = SIGMOID(n.args[0].args[0])
            if mirrored in self.named or mirrored in self.place:
                return self.algebra.add(Rational(1, {}, {}), self.atom(mirrored).negated())
        return self._simplified(self._rebuilt(n))

    def _size(self, n: Node) -> Rational:
        count, powers = size_factors(n.attr("of"))
        return Rational(count, {self.index(size_node(s)): k for s, k in powers.items()}, {})

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
            outer = self._outer(n)
            return self._product(n) if outer is None else self.formed(outer)
        if n.op is DIV:
            return self.algebra.divide(x, y)
        if n.op is POW:
            k = number(n.args[1])
            whole = isinstance(k, (int, float)) and k == int(k) and 0 < k < 10 if k is not None else False
            return self.algebra.power(x, int(k)) if whole and k is not None else None
        if _terms(x) + _terms(y) > _MANY:
            return None
        return self.algebra.add(x, y if n.op is ADD else y.negated())

    def _product(self, n: Node) -> Rational:
        """A product; ‖v‖ · v/‖v‖ = v also where the quotient is guarded, 0 at v = 0."""
        x, y = (self.form[a] for a in n.args)
        for quotient, guarded, other in ((n.args[1], y, x), (n.args[0], x, y)):
            f = self._length(quotient)
            if f is not None and f in other.above and f in guarded.below:
                return self.algebra.multiply(other.without({f: 1}, {}), guarded.without({}, {f: 1}))
        return self.algebra.multiply(x, y)

    def _length(self, quotient: Node) -> Factor | None:
        """‖v‖ where the node is a guarded quotient v / ‖v‖"""
        if quotient.op is not XDIVY or quotient in self.named:
            return None
        v, length = quotient.args
        while length.op in (BROADCAST, EXPAND):
            length = length.args[0]
        if length.op is not NORM or length.args[0] is not narrow(v):
            return None
        return next(iter(self.form[quotient.args[1]].above), None)

    def _outer(self, n: Node) -> Node | None:
        """a bᵀ, where a column meets a row."""
        for a, b in (n.args, n.args[::-1]) if n.ndim == 2 else ():
            if a.op is EXPAND and a.attr("axes") == (1,) and a not in self.named:
                row = narrow(b)
                if row.ndim == 1 and (a.shape[0], *row.shape) == n.shape:
                    return OUTER(a.args[0], row)
        return None

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
            whole = Rational(1, {self.index(atom.args[0]): k}, {})
            found = self.algebra.multiply(found, whole) if up else self.algebra.divide(found, whole) or found
        hot = ONE_HOT(labels, classes=n.shape[-1])
        return self.algebra.multiply(self.atom(hot), found)

    def _law(self, n: Node) -> Node | None:
        """`n` after a law at its root; what belongs to a name stays there unless that is shorter."""
        new = TIDY(n)
        if new is None or n.op is EINSUM or not any(x in self.named for x in n.args):
            return new
        if any(x.op is NEG and x in self.named for x in n.args):
            return None
        return new if self._weight(new) <= self._weight(n) else None

    def _settled(self, n: Node) -> Node:
        """`n`, after the laws at its root, a few times over."""
        for _ in range(4):
            law = self._law(n)
            if law is None or law.kind != n.kind:
                break
            n = law
        return n

    def _simplified(self, n: Node) -> Rational:
        """`n`, whose arguments are tidy, after the laws at its root."""
        new = self._law(n)
        return self.atom(n) if new is None else self.formed(new)

    # rational -> node ------------------------------------------------------------------------------------------

    def _rebuilt(self, n: Node) -> Node:
        found = [self._node(x) for x in n.args]
        return n.rebuilt([self.flat.get(x, y) for x, y in zip(n.args, found)] if n.op in (ADD, SUB) else found)

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
            new = min(new, plain, key=self._weight)
            gathered = self.gathered(n) if n.op in (ADD, SUB) else None
            if gathered is not None and self._weight(gathered) < self._weight(new):
                self.flat[n], new = new, gathered
        if (n.op in _ARITHMETIC or n.op is BROADCAST) and n not in self.named:
            new = self._settled(new)
        return new

    def _shaped(self, x: Rational, like: Node) -> Node:
        new = self.composer.node(self.with_sigmoids(x))
        if new.kind != like.kind:
            return like if like.op not in _ARITHMETIC else like.rebuilt([self._node(y) for y in like.args])
        return stretch(new, like.shape)

    def _weight(self, n: Node) -> int:
        return 1 if n in self.named else reading_weight(n, self.named)


def _is_number(n: Node) -> bool:
    value = number(n)
    return value is not None and not isinstance(value, bool) and abs(value) < 1e300  # neither infinite nor NaN


def _counts(n: Node) -> bool:
    """A product of numbers and sizes."""
    return n.op is MUL and all(x.op is SIZE or _is_number(x) or _counts(x) for x in n.args)


def _exact(value: Any) -> Number:
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else value


def _terms(x: Rational) -> int:
    return sum(len(f.terms) * k if isinstance(f, Poly) else 0 for f, k in x.above.items()) + 1


def _atoms(f: Factor) -> set[int]:
    return {f} if isinstance(f, int) else {i for m in f.terms for i, _ in m}


__all__ = ["reading_weight", "tidy"]
