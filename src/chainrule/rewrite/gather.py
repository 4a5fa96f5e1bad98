"""Sums of quotients with what they share in front, in named quotients and means: (1/σ)(g − mean(g) − x̂ mean(g ⊙ x̂))."""

from __future__ import annotations

from typing import Any

from ..graph.dims import total
from ..graph.node import Node, size_node
from ..ops.arithmetic import ADD, DIV, NEG, SUB
from ..ops.elementary import EXP, SIGMOID, SQRT
from ..ops.movement import SUM, stretch
from ..ops.reduce import MEAN
from .atoms import Atoms
from .compose import size_factors
from .rational import Factor, Poly, Rational, shared

_MANY = 24  # terms that nobody wants to read in one sum


class Gathering(Atoms):
    """What a sum of rationals, or one rational, is when it is written in the quantities that have names."""

    def formed(self, n: Node) -> Rational:
        """The rational of a node that tidying brought in."""
        raise NotImplementedError

    def gathered(self, n: Node) -> Node | None:
        """A sum of quotients with what all of them share in front: (1/σ)(g − mean(g) − x̂ mean(g x̂))"""
        terms = self._terms(n)
        if not 2 <= len(terms) <= _MANY or not all(x.below for x in terms):
            return None
        terms = [self._in_roots(x) for x in terms]
        if not shared([x.below for x in terms]):
            return None
        terms = [self._in_names(self._as_mean(x)) for x in terms]
        above, below = shared([x.above for x in terms]), shared([x.below for x in terms])
        whole: Any = None
        for x in sorted((x.without(above, below) for x in terms), key=lambda x: x.coefficient < 0):
            term = self.composer.node(x.negated() if x.coefficient < 0 else x)
            minus = x.coefficient < 0
            whole = (-term if minus else term) if whole is None else whole - term if minus else whole + term
        whole = self.composer.node(Rational(1, above, {})) * whole if above else whole
        whole = whole / self.composer.node(Rational(1, below, {})) if below else whole
        return stretch(whole, n.shape) if whole.kind == n.kind else None

    def _terms(self, n: Node) -> list[Rational]:
        found = []
        stack = [(1, n)]
        while stack:
            sign, x = stack.pop()
            if x.op in (ADD, SUB) and (x is n or x not in self.named):
                stack += [(-sign if x.op is SUB else sign, x.args[1]), (sign, x.args[0])]
            elif x.op is NEG and x not in self.named:
                stack.append((-sign, x.args[0]))
            elif self.form[x].coefficient != 0:
                found.append(self.form[x] if sign > 0 else self.form[x].negated())
        return found

    def _in_roots(self, x: Rational) -> Rational:
        """1 / a as 1 / (√a)², where √a occurs"""
        for s in [n for n in self.atoms if n.op is SQRT]:
            inside = self.form.get(s.args[0])
            if inside is None or inside.coefficient != 1 or inside.below or len(inside.above) != 1:
                continue
            (f, k), root = next(iter(inside.above.items())), self.index(s)
            if k == 1 and f in x.below:
                below = {g: m for g, m in x.below.items() if g != f}
                return Rational(x.coefficient, x.above, below | {root: below.get(root, 0) + 2 * x.below[f]})
        return x

    def _as_mean(self, x: Rational) -> Rational:
        """Σ a / n as a mean, where n entries are summed"""
        for f in x.above:
            atom = self.atoms[f] if isinstance(f, int) else None
            if atom is None or atom.op is not SUM or atom in self.named:
                continue
            of, axis = atom.args[0], atom.attr("axis")
            count, powers = size_factors(total(tuple(of.shape[k] for k in axis)))
            sizes: dict[Factor, int] = {self.index(size_node(s)): k for s, k in powers.items()}
            if count == 1 and all(x.below.get(s, 0) >= k for s, k in sizes.items()):
                mean = self.formed(MEAN(of, axis=axis, keepdims=atom.attr("keepdims")))
                return self.algebra.multiply(x.without({f: 1}, sizes), mean)
        return x

    def _in_names(self, x: Rational) -> Rational:
        """(a − mean(a)) / s² as x̂ / s, where x̂ = (a − mean(a)) / s has a name"""
        for q in [n for n in self.atoms if n.op is DIV and n in self.named]:
            top, bottom = (self.formed(a) for a in q.args)
            y = self.algebra.divide(top, bottom)
            if y is None or not y.above or not y.below or isinstance(y.coefficient, float):
                continue
            if all(x.above.get(f, 0) >= k for f, k in y.above.items()) and all(
                x.below.get(f, 0) >= k for f, k in y.below.items()
            ):
                rest = self.algebra.divide(x.without(y.above, y.below), Rational(y.coefficient, {}, {}))
                if rest is not None:
                    return self.algebra.multiply(rest, self.atom(q))
        return x

    def with_sigmoids(self, x: Rational) -> Rational:
        """e^a / (1 + e^a) as σ(a), 1 / (1 + e^a) as σ(−a), unless e^a has a name"""
        for f in x.below:
            terms = f.terms if isinstance(f, Poly) and x.below[f] == 1 else {}
            if len(terms) == 2 and all(c == 1 for c in terms.values()) and () in terms:
                (m,) = (m for m in terms if m)
                e = self.atoms[m[0][0]]
                if len(m) == 1 and m[0][1] == 1 and e.op is EXP and e not in self.named:
                    above = dict(x.above)
                    odds = above.pop(m[0][0], 0)
                    if odds > 1:
                        continue
                    a = e.args[0]
                    sigma = SIGMOID(a if odds else a.args[0] if a.op is NEG and a not in self.named else -a)
                    below = {g: k for g, k in x.below.items() if g != f}
                    return self.algebra.multiply(Rational(x.coefficient, above, below), self.formed(sigma))
        return x
