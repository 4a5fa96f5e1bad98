r"""Equations in LaTeX, one after the other: each names a value that those after it may use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..graph.dims import Shape, Size
from ..graph.errors import ShapeError
from ..graph.node import Node, set_tracer
from ..graph.trace import Naming
from ..ops import movement as M
from ..views.entries import LETTERS
from ..views.names import name_latex
from .latex_affine import resolved
from .latex_formula import Formula
from .latex_grammar import tree
from .latex_names import Names, identifier, written
from .latex_sums import summed, turned
from .latex_trees import alone, below, derivative_of, head, is_chain_rule, is_layer, items, kind, others, start
from .latex_values import Value, fitted, whole
from .source import Source
from .text import Reading, plain_name


def read_latex(latex: str, quantities: Mapping[str, Node], sizes: Collection[str] = ()) -> Reading:
    r"""Read equations about known quantities; `sizes` are the symbols that stand for sizes.

    Raises ParseError where the formula cannot be understood, ShapeError and KindError where an operation does not fit,
    NamingError where a name means several quantities; each shows the line, with a caret below the place.

    >>> from chainrule.graph.node import leaf
    >>> x, W = leaf("x", ("n",)), leaf("W1", ("h", "n"))
    >>> read_latex(r"z = W_1 x \\ L = \|z\|^2", {"x": x, "W1": W}).values["z"] is W @ x
    True
    """
    return _Equations(Source(latex), quantities, sizes).read()


class _Equations:
    def __init__(self, source: Source, quantities: Mapping[str, Node], sizes: Collection[str]):
        self.source = source
        self.names = Names()
        self.names.declare_sizes(sizes)
        self.values: dict[str, Any] = dict(quantities)
        self.given = list(quantities)
        self.naming = Naming()
        for name, quantity in quantities.items():
            self.names.declare(name, quantity)
            self.naming.gave(quantity, plain_name(name))
        self.formula = Formula(source, self.names)

    def read(self) -> Reading:
        rows = [row for row in tree(self.source, self.names.words).children if row.children != [None, None]]
        if not rows:
            raise self.source.error(0, r"the text is empty: it should say what to compute, as in z = W x")
        equations, result = self._equations(rows), None
        previous = set_tracer(self)
        try:
            for k, (left, right) in enumerate(equations):
                self.place = start(right)
                if is_chain_rule(right) and k < len(equations) - 1:  # ∂L/∂a · ∂a/∂x alone; what it is comes after
                    continue
                result = self._read(left, right)
        except RecursionError:
            raise self.source.error(0, "these brackets are nested too deeply; give inner parts names") from None
        finally:
            set_tracer(previous)
        return Reading(self.values, self._gradients() or result, self.naming)

    def _gradients(self) -> tuple[Node, ...]:
        """Of a derivation: the loss, and the gradient in each input of which there is one."""
        found: dict[str, list[Node]] = {}
        for name in self.given:
            for latex, node in self.names.quantities.items():
                loss, derivative, of = latex.rpartition(r"}{\partial ")
                if derivative and of == name_latex(name) + "}":
                    found.setdefault(loss.removeprefix(r"\frac{\partial "), []).append(node)
        ends = [(self.names.quantities[loss], grads) for loss, grads in found.items() if loss in self.names.quantities]
        return (ends[-1][0], *ends[-1][1]) if ends else ()

    def _equations(self, rows: list[Any]) -> list[tuple[Any, Any]]:
        """The name and the last right side of each: a = b = c, also over several lines, says that all are equal."""
        found: list[tuple[Any, Any]] = []
        for sign, side in (row.children for row in rows):
            if side is None:
                raise self.formula.error(sign, "the right side is missing")
            sides = self._sides(side)
            if sign is not None:
                if not found:
                    raise self.formula.error(sign, "`=` has no name before it")
                found[-1] = (found[-1][0], sides[-1])
            elif found and found[-1][0] is None:
                raise self.formula.error(found[-1][1], "this value gets no name, and only the last can do without")
            else:
                found.append((sides[0] if len(sides) > 1 else None, sides[-1]))
        return found

    def _sides(self, side: Any) -> list[Any]:
        equal = kind(side) == "relation" and all(kind(s) == "EQ" for s in side.children[1::2])
        return side.children[::2] if equal else [side]

    def _read(self, left: Any, right: Any) -> Node:
        self.formula.begin(self._expected(left), self._letters_left(left))
        v = self.formula.value(right)
        tied, sums = resolved([v], [], self.formula.expected)
        if sums:  # x_{2i}
            v = summed(tied, sums)
        if v.ones:
            raise self.formula.error(right, r"how long is this? write \mathbf{1}_{n}")
        if left is None:
            v = whole(v)
            order = sorted(v.letters, key=lambda i: (LETTERS.find(i) if i in LETTERS else len(LETTERS), i))
            return fitted(turned(v, order, self.names.quantities.values()), {}, order)
        latex, order = self._target(left, v)
        v = v if order else whole(v)
        with self.formula.at(right):
            node = self._arranged(left, right, v, order, self._shape_of(latex))
        called = identifier(latex)
        taken = self.names.called.get(latex)
        if taken in self.given:
            raise self.formula.error(left, f"{taken} is an input and keeps its value: give this one another name")
        self.names.add(latex, called, node)
        self.values[called] = node
        self.naming.gave(node, called)
        return node

    def _expected(self, left: Any) -> dict[str, Size]:
        """How far the indices of a gradient run."""
        base = head(alone(left))[0] if left is not None else None
        found = derivative_of(base) if kind(base) == "fraction" else None
        if found is None:
            return {}
        of, scripts = head(found[1])
        low = below(scripts)
        inside, under = head(alone(of.children[0])) if kind(of) == "bracket" else (of, low[:-1])
        node = self.names.quantities.get(written(inside, under) or "")
        order = self.formula.letters(low[-1].children[0]) if low else []
        return {} if node is None or not order else self._sizes(order, node.shape)

    def _letters_left(self, left: Any) -> list[str]:
        """The letters that may be indices on the left."""
        scripts = [] if left is None else [s for s in left.iter_subtrees() if kind(s) == "sub"]
        return [i for s in scripts for i in self.formula.letters(s.children[0])]

    # The left side --------------------------------------------------------------------------------------------------

    def _target(self, left: Any, v: Value) -> tuple[str, list[str]]:
        """The name on the left, as it is printed, and the indices that it has there."""
        base, scripts = head(alone(left))
        found = derivative_of(base) if kind(base) == "fraction" else None
        if found is None:
            return self._name(left, base, scripts, v, known="")
        loss, inner = found
        of = written(*head(loss))
        base, under = head(inner)
        name, order = self._name(left, base, [*under, *scripts], v, known=rf"\partial {of}")
        return rf"\frac{{\partial {of}}}{{\partial {name}}}", order

    def _name(self, left: Any, base: Any, scripts: list[Any], v: Value, known: str) -> tuple[str, list[str]]:
        """A name and indices: the last subscript is one of indices where the right side has these, or can have."""
        low, high = below(scripts), others(scripts)
        if kind(base) == "bracket" and low:  # \left[W_{1}\right]_{ij}
            base, scripts = head(alone(items(base)[0]))
            return self._written(left, base, scripts), self.formula.letters(low[-1].children[0])
        layer = high[:1] if high and is_layer(high[0]) else []
        if high[len(layer) :] or (layer and len(low) > 1):
            raise self.formula.error(left, "on the left of `=` stands one name, with its indices")
        if layer:
            name = self._written(left, base, layer)
            self.names.layers.add(name)
            return name, self.formula.letters(low[0].children[0]) if low else []
        order = self.formula.letters(low[-1].children[0]) if low else []
        if order:
            name = self._written(left, base, low[:-1])
            constant = bool(known) and not v.letters and self._rank(name) == len(order)
            if constant or (v.letters and set(v.letters) <= set(order)):
                return name, order
        return self._written(left, base, low), []

    def _written(self, left: Any, base: Any, scripts: list[Any]) -> str:
        name = written(base, scripts)
        if name is None:
            raise self.formula.error(left, "on the left of `=` stands one name, which the value on the right gets")
        return name

    def _rank(self, name: str) -> int:
        node = self.names.quantities.get(name)
        return -1 if node is None else sum(s != 1 for s in node.shape)

    def _shape_of(self, latex: str) -> Shape | None:
        r"""A gradient has the shape of what it is the gradient of."""
        _, derivative, name = latex.rpartition(r"}{\partial ")
        node = self.names.quantities.get(name[:-1]) if derivative else None
        return None if node is None else node.shape

    def _arranged(self, left: Any, right: Any, v: Value, order: list[str], shape: Shape | None) -> Node:
        """The array whose entries v is, its axes in the order of the indices on the left."""
        free = [i for i in v.letters if i not in order]
        if free:
            at = [t for t in right.scan_values(lambda t: t == free[0])]
            raise self.formula.error(at[-1] if at else left, self.formula.not_summed(free[0]))
        if len(set(order)) < len(order):
            raise self.formula.error(left, "an index stands twice on the left")
        if shape is None:
            lost = [i for i in order if i not in v.letters]
            if lost:
                raise self.formula.error(left, f"nothing on the right says how far {lost[0]} runs")
            return fitted(turned(v, order, self.names.quantities.values()), {}, order)
        sizes = self._sizes(order, shape) if order else {}
        v = turned(v, order, self.names.quantities.values())
        node = fitted(v, sizes, order)
        if node.shape != shape and tuple(s for s in node.shape if s != 1) == tuple(s for s in shape if s != 1):
            return M.reshape(node, shape)  # axes of size 1 have no index
        return node

    def _sizes(self, order: list[str], shape: Shape) -> dict[str, Size]:
        for axes in (shape, tuple(s for s in shape if s != 1)):
            if len(axes) == len(order):
                return dict(zip(order, axes))
        raise ShapeError(f"{len(order)} indices for {len(shape)} axes")

    # A tracer hears of every operation that is called.

    def saw(self, node: Node) -> None:
        if node not in self.naming.origins:
            self.naming.origins[node] = self.source.origin(self.place)

    def name_of(self, node: Node) -> str | None:
        return self.naming.name_of(node)


__all__ = ["read_latex"]
