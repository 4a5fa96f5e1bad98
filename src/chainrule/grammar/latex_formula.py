r"""What a formula means: products, sums over indices, functions, comparisons.

A chain, a b c, is read from the left. A function takes the brackets, or the one factor, that follow it; a sum takes the
rest of the product. Where people would read two different things, as in \log x \, y, nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from ..graph.dims import Size
from ..graph.errors import ShapeError
from ..graph.node import Node, size_node
from ..ops import arithmetic as A
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import reduce as R
from . import latex_functions as F
from .latex_affine import Sum, index_sum, resolved
from .latex_atoms import Atoms, nested
from .latex_product import Product, clash
from .latex_trees import (
    alone,
    below,
    ended,
    factors_of,
    head,
    is_indicator,
    is_setting,
    items,
    kind,
    number,
    others,
    setting,
    shape,
    shown,
    size,
    start,
    word,
)
from .latex_values import Value, elementwise, reduced
from .latex_values import number as scalar

_COMPARISONS = {
    "<": A.LESS, ">": A.GREATER, r"\lt": A.LESS, r"\gt": A.GREATER, "≤": A.LESS_EQUAL, "≥": A.GREATER_EQUAL,
    r"\le": A.LESS_EQUAL, r"\leq": A.LESS_EQUAL, r"\leqslant": A.LESS_EQUAL, r"\ge": A.GREATER_EQUAL,
    r"\geq": A.GREATER_EQUAL, r"\geqslant": A.GREATER_EQUAL,
}  # fmt: skip
_REDUCING = frozenset((*F.REDUCTIONS, "argmax"))

Groups = Sequence[tuple[Any, bool, list[Any]]]
"""The chains of a product: the sign before each, whether a minus stands before it, its factors."""


class Formula(Atoms):
    """Values of whole expressions.

    left       the letters on the left of the equation, which no sum takes
    summing    the letters of all sums that were read in it
    """

    def begin(self, expected: dict[str, Size], left: Sequence[str]) -> None:
        """A new equation."""
        self.expected, self.left = expected, frozenset(left)
        self.summing: set[str] = set()

    def not_summed(self, i: str) -> str:
        if i in self.summing:
            return rf"the index {i} is not summed over here: put brackets around what \sum_{i} sums"
        return rf"the index {i} is neither on the left nor summed over: write v_{i} = … or \sum_{i} …"

    def value(self, tree: Any) -> Value:
        with self.at(tree):
            if kind(tree) in ("items", "slice", "arrow", "entrywise"):
                raise self.error(tree, "one expression should stand here")
            rule = self._EXPRESSIONS.get(kind(tree))
            return self._product(tree).value() if rule is None else rule(self, tree)

    def _joined(self, op: Callable[..., Node], tree: Any) -> Value:
        first, *rest = map(self.value, tree.children)
        for v in rest:
            first = elementwise(op, first, v)
        return first

    def _relation(self, tree: Any) -> Value:
        if len(tree.children) > 3:
            raise self.error(tree.children[3], r"comparisons are joined by \wedge: a < b \wedge b < c")
        a, sign, b = tree.children
        return elementwise(A.EQUAL if kind(sign) == "EQ" else _COMPARISONS[str(sign)], self.value(a), self.value(b))

    def _sum(self, tree: Any) -> Value:
        if (k := number(tree)) is not None:
            return scalar(k)
        found = before = sign = sums = None
        ended_sums: set[str] = set()
        for part in tree.children:
            if kind(part) in ("PLUS", "MINUS"):
                sign = part
                continue
            with self.at(part):
                made = self._product(part)
                v = made.value()
                if sums is not None and self._is_summed(part, v, *sums, sign):
                    sign, sums = sums[0], (sums[0], sums[1].plus(kind(sign) == "MINUS", v))
                    v = sums[1].value()
                else:
                    if not v.local and (free := set(v.letters) & ended_sums - self.left - set(self.bound)):
                        raise self.error(part, self.not_summed(min(free)))
                    before, sums = found, (sign, made) if made.over else None
                    ended_sums.update(made.over)
            found = self._added(before, sign, v)
        assert found is not None
        return found

    def _added(self, a: Value | None, sign: Any, b: Value) -> Value:
        if a is None:
            return elementwise(A.NEG, b) if kind(sign) == "MINUS" else b
        with self.at(sign):
            return elementwise(A.ADD if kind(sign) == "PLUS" else A.SUB, a, b)

    def _is_summed(self, tree: Any, v: Value, before: Any, sum_: Product, sign: Any) -> bool:
        r"""Whether a term belongs to the sum before it: in L = \sum_i a_i + b_i nothing else gives b its index."""
        free = set(v.letters) & set(sum_.over) - self.left - set(self.bound)
        if not free or v.local:
            return False
        twice_minus = kind(before) == kind(sign) == "MINUS"  # -\sum_i a_i - b_i is read in two ways
        if twice_minus or v.rank or sum_.array is not None or not set(sum_.over) <= set(v.letters):
            raise self.error(tree, self.not_summed(min(free)))
        return True

    _EXPRESSIONS: ClassVar[dict[str, Callable[[Formula, Any], Value]]] = {
        "relation": _relation, "sum": _sum, "either": lambda self, tree: self._joined(A.OR, tree),
        "both": lambda self, tree: self._joined(A.AND, tree),
    }  # fmt: skip

    # Products ---------------------------------------------------------------------------------------------------------

    def _product(self, tree: Any) -> Product:
        if (k := number(tree)) is not None:
            return Product([scalar(k)])
        if kind(tree) != "product":
            return self._multiplied([(None, False, factors_of(tree))])
        first, *rest = tree.children
        groups = [(None, False, factors_of(first))]
        for sign, minus, chain in zip(rest[::3], rest[1::3], rest[2::3]):
            groups.append((sign, minus is not None, factors_of(chain)))
        return self._multiplied(groups)

    def _multiplied(self, groups: Groups) -> Product:
        made = Product()
        for k, (sign, minus, factors) in enumerate(groups):
            part, all_taken = self._chain(factors, groups[k + 1 :])
            if minus:
                part.scalars.append(scalar(-1))
            if not k:
                made = part
            else:
                kind_of_sign = kind(sign.children[0])
                if kind_of_sign == "SLASH" and (len(factors) > 1 or len(groups) > k + 1):
                    raise self.error(sign, r"a/b c can be read in two ways: write \frac{a}{b} c or \frac{a}{b c}")
                with self.at(sign):
                    made.join(kind_of_sign, part, self._stride(sign))
            if all_taken:
                break
        return made

    def _stride(self, sign: Any) -> tuple[int, int]:
        r"""The 2 of \star_{2}."""
        for s in sign.children[1:]:
            steps = [k for k in map(number, items(s)) if isinstance(k, int)]
            if kind(sign.children[0]) != "STAR" or len(steps) not in (1, 2) or kind(s) != "sub":
                raise self.error(s, r"of the signs only \star has something below it, its stride")
            return steps[0], steps[-1]
        return 1, 1

    def _chain(self, factors: list[Any], later: Groups) -> tuple[Product, bool]:
        """The product of what stands side by side, and whether it took what follows too, as a sum does."""
        made = Product()
        arrays: list[tuple[Any, Any]] = []  # the first and the last tree of each
        k = 0
        while k < len(factors):
            tree = factors[k]
            after = factors[k + 1] if k + 1 < len(factors) else None
            with self.at(tree):
                if self._is_large(tree):
                    made.end(self._large(tree, self._rest(tree, factors, k + 1, later)))
                    return made, True
                if is_indicator(tree) and kind(after) in ("bracket", "paren"):
                    made.choose(self.value(items(after)[0]))
                    k += 2
                else:
                    called = self._function(tree) is not None
                    v, k = self._applied(factors, k, later) if called else (self.factor(tree), k + 1)
                    v, k = self._selection(v, factors, k) if k >= 0 else (v, k)
                    if v.rank and not v.ones:
                        arrays.append((tree, factors[k - 1 if k > 0 else -1]))
                        if made.array is not None and len(arrays) > 1:
                            self._check_sides(made.array, v, arrays)
                    made.append(v)
                    if k < 0:
                        return made, True
        return made, False

    def _check_sides(self, a: Value, b: Value, arrays: list[tuple[Any, Any]]) -> None:
        """Raises ShapeError, with the arrays as they are written, where two side by side do not fit."""
        (first, _), *_, (_, end), (own, last) = [arrays[0], *arrays]
        left, right = self.source.text[start(first) : ended(end)], self.source.text[start(own) : ended(last)]
        wrong = clash(a, b, f"({left})" if len(arrays) > 2 else left, right)
        if wrong:
            raise ShapeError(wrong)

    def _selection(self, v: Value, factors: list[Any], k: int) -> tuple[Value, int]:
        while k < len(factors) and self.selects(factors[k], v):
            v, k = self.selected(v, factors[k]), k + 1
        return v, k

    def _rest(self, tree: Any, factors: list[Any], k: int, later: Groups) -> Groups:
        """What a sum takes: the rest of the product."""
        if k == len(factors):
            raise self.error(tree, f"`{shown(tree)}` has nothing after it to work on")
        return [(None, False, factors[k:]), *later]

    # Sums, maxima, … over indices -------------------------------------------------------------------------------------

    def _is_large(self, tree: Any) -> bool:
        base, scripts = head(tree)
        name = word(base)
        if name is None or name.lower() not in _REDUCING or self.quantity(tree) is not None:
            return False
        low = below(scripts)
        return base == r"\sum" or (bool(low) and not is_setting(items(low[0])[0]))

    def _large(self, tree: Any, rest: Groups) -> Product:
        name = (word(head(tree)[0]) or "").lower()
        letters, settings, ranges, equations = self._running(tree)
        self.bound += letters
        self.summing.update(letters)
        body = self._multiplied(rest)
        del self.bound[len(self.bound) - len(letters) :]
        if name != "sum" or equations or set(letters) & set(body.over):
            body = body.settled()
        tied, sums = resolved(body.factors, equations, {**self.expected, **ranges})
        if len(tied) > len(body.factors):
            body, letters = Product(tied, over=body.over), [*letters, *sums]
        sizes = {i: s for v in body.factors for i, s in v.sizes.items()}
        for i, s in ranges.items():
            if sizes.setdefault(i, s) != s:
                raise ShapeError(f"the index {i} runs over {s} here, and over {sizes[i]} in what follows")
            if not any(i in v.letters for v in body.factors):  # the same for every i
                if name != "sum":
                    raise self.error(tree, f"nothing after `{shown(tree)}` has the index {i}")
                body.append(Value(size_node(s)))
        missing = [i for i in letters if i not in sizes]
        if missing:
            raise self.error(tree, f"nothing after `{shown(tree)}` has the index {missing[0]}")
        over = [i for i in letters if any(i in v.letters for v in body.factors)]
        if name == "sum":
            return body.summed(over) if over else body
        found = body.value()
        if name == "argmax":
            found = reduced(lambda x, axes: R.argmax(x, axes[0]), found, over)
        else:
            found = reduced(lambda x, axes: F.REDUCTIONS[name](x, axes, **settings), found, over)
        out = Product()
        out.append(found)
        return out

    def _running(self, tree: Any) -> tuple[list[str], dict[str, Any], dict[str, Size], list[tuple[Sum, str]]]:
        """The letters below a sum, settings such as ddof, the ranges that are written, and equations of indices."""
        _, scripts = head(tree)
        low, high = below(scripts), others(scripts)
        if len(low) != 1 or len(high) > 1:
            raise self.error(tree, rf"`{shown(tree)}` needs an index below it: \sum_{{i}} x_i")
        letters: list[str] = []
        settings: dict[str, Any] = {}
        ranges: dict[str, Size] = {}
        equations: list[tuple[Sum, str]] = []
        for item in items(low[0]):
            if is_setting(item):
                settings[str(alone(item.children[0]))] = setting(item.children[2], self.names.sizes)
                continue
            tied = index_sum(item.children[0]) if kind(item) == "relation" else None
            if tied is not None:  # 2i+a=p
                letters += [i for _, i in tied.terms]
                equations += [(tied, i) for i in self.letters(item.children[2], strict=True)]
                continue
            ranged = kind(item) == "relation" and kind(item.children[1]) == "EQ" and len(item.children) == 3
            letters += self.letters(item.children[0] if ranged else item, strict=True)
            if ranged:
                ranges[letters[-1]] = self._range(item, high)
        if high and not ranges:
            if len(letters) > 1:
                raise self.error(high[0], r"which index ends here? write \sum_{i=1}^{n} \sum_{j=1}^{m}")
            ranges[letters[0]] = size(high[0].children[0], self.names.sizes)
        return letters, settings, ranges, equations

    def _range(self, item: Any, high: list[Any]) -> Size:
        first = number(item.children[2])
        if first not in (0, 1) or not high:
            raise self.error(item, "a sum runs over a whole axis: from 1 to its size, or from 0 to one less")
        return size(high[0].children[0], self.names.sizes) + (1 - int(first))

    # Functions --------------------------------------------------------------------------------------------------------

    def _function(self, tree: Any) -> str | None:
        """The name of the function that this is; None if it is none."""
        base, _ = head(tree)
        name = word(base)
        if name is None or F.known(name) is None or self.quantity(tree) is not None:
            return None
        return F.known(name) if self.names.size(rf"\mathrm{{{base}}}") is None else None

    def _applied(self, factors: list[Any], k: int, later: Groups) -> tuple[Value, int]:
        """The function at `k` of what follows, and where to go on: -1 where nothing is left of the product."""
        tree = factors[k]
        low, powers = below(head(tree)[1]), others(head(tree)[1])
        if self._function(tree) == "arange":
            return self._call(tree, low, []), k + 1
        if k + 1 == len(factors):
            raise self.error(tree, rf"`{shown(tree)}` has nothing after it: write {shown(tree)}\left(…\right)")
        argument = factors[k + 1]
        inner, after = head(argument)
        if kind(inner) in ("paren", "bracket", "group") and not below(after):
            return self.raised(self.raised(self._call(tree, low, items(inner)), powers), after), k + 2
        if self._is_large(argument):
            v, k = self._large(argument, self._rest(argument, factors, k + 2, later)).value(), -1
        elif self._function(argument) is not None:
            v, k = self._applied(factors, k + 1, later)
        else:
            v, k = self._selection(self.factor(argument), factors, k + 2)
        if 0 <= k < len(factors):
            what = rf"does `{shown(tree)}` take this too? write {shown(tree)}\left(…\right) around what it takes"
            raise self.error(factors[k], what)
        return self.raised(self._call(tree, low, [v]), powers), k

    def _call(self, tree: Any, low: list[Any], given: Sequence[Any]) -> Value:
        """A function of arguments that are trees, or one value."""
        name = self._function(tree) or ""
        under = items(low[0]) if low else []
        with self.at(tree):
            if name == "array":
                return scalar(nested(given[0]))
            if name == "size":
                return Value(size_node(size(given[0], self.names.sizes)))
            args = [a if isinstance(a, Value) else self.value(a) for a in given if a is not None]
            if name in F.ALONG:
                return self._along(tree, F.ALONG[name], under, args)
            if low and is_setting(under[0]):
                return self._operation(tree, name, under, args)
            if low:
                return self._set(low[0], name, under, args)
            if name in F.ENTRYWISE:
                return F.of_entries(name, F.ENTRYWISE[name], args)
            if name in F.WHOLE:
                return F.of_arrays(name, F.WHOLE[name], args)
            return self._operation(tree, name, under, args)

    def _set(self, script: Any, name: str, under: list[Any], args: list[Value]) -> Value:
        """A function with sizes, a number or another setting below its name."""
        symbols = self.names.sizes
        if name == "einsum":
            spec = self._spec(script)
            return F.of_arrays(name, partial(L.einsum, spec), args)
        if name == "pad":
            widths = [setting(t, symbols) for t in under]
            return F.of_arrays(name, lambda x: I.pad(x, widths), args)
        if name in F.WITH_SIZES:
            sizes = shape(under, symbols)
            return F.of_arrays(name, partial(F.WITH_SIZES[name], sizes), args)
        if name in F.WITH_NUMBER:
            k = number(under[0])
            if k is None:
                raise self.error(script, "a number stands here")
            f = partial(F.WITH_NUMBER[name], k)
            entrywise = name in F.ENTRYWISE or name == "leaky relu"
            return (F.of_entries if entrywise else F.of_arrays)(name, f, args)
        raise self.error(script, f"{name} takes nothing below it")

    def _spec(self, script: Any) -> str:
        r"""ij,jk \to ik as einsum takes it."""

        def letters(tree: Any) -> str:
            if kind(tree) == "arrow":
                return "->".join(map(letters, tree.children))
            return "" if tree is None else "".join(self.letters(tree, strict=True))

        return ",".join(map(letters, items(script)))

    def _operation(self, tree: Any, name: str, under: list[Any], args: list[Value]) -> Value:
        r"""Any operation as the view writes it: \operatorname{name}_{key=value}(arguments)."""
        op = F.operation(name)
        if op is None:
            raise self.error(tree, f"`{shown(tree)}` is not written like this")
        attrs = {}
        for item in under:
            if not is_setting(item):
                raise self.error(tree, rf"{name} has settings below it, as in {shown(tree)}_{{\mathrm{{axis}}=0}}")
            attrs[str(alone(item.children[0])).replace(r"\_", "_")] = setting(item.children[2], self.names.sizes)
        if missing := F.missing(op, attrs):
            what = rf"needs its {missing} below it, as in {shown(tree)}_{{\mathrm{{{missing}}}=0}}"
            also = rf", or an index: {shown(tree)}_{{i}} x_{{i}}" if name in _REDUCING else ""
            raise self.error(tree, f"`{shown(tree)}` {what}{also}")
        F.check(name, op, args)
        call = partial(op, **attrs)
        try:
            return elementwise(call, *args) if op.elementwise else F.of_arrays(name, call, args)
        except (TypeError, ValueError, IndexError) as error:  # an operation as it stands trusts its settings
            if not attrs:
                raise
            raise self.error(tree, f"the settings below `{shown(tree)}` do not fit: {error}") from None

    def _along(self, tree: Any, f: Callable[..., Node], under: list[Any], args: list[Value]) -> Value:
        """Along the indices below the name, or along axes; the last one unless said."""
        if len(args) != 1:
            raise self.error(tree, f"`{shown(tree)}` takes one argument")
        (v,) = args
        axes: list[int] = []
        for item in under:
            k = number(item.children[2] if is_setting(item) else item)
            if isinstance(k, int):
                axes.append(len(v.letters) + k)
                continue
            for letter in self.letters(item, strict=True):
                if letter not in v.letters:
                    raise self.error(tree, f"nothing in the brackets has the index {letter}")
                axes.append(v.axis(letter))
        if not axes and not v.rank:
            raise self.error(tree, r"this needs a vector, or an index below: \operatorname{softmax}_{j}(x_{ij})")
        return v.applied(lambda x: f(x, tuple(axes) or -1))


__all__ = ["Formula"]
