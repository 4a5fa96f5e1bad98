r"""Quantities and what stands below and behind them: indices, \left[1:, 0\right], transposes, powers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..graph.errors import ShapeError
from ..graph.node import INTEGER, OPERATORS
from ..ops import indexing as I
from .latex_affine import index_sum
from .latex_names import written
from .latex_reading import Reader
from .latex_trees import (
    NoSize,
    alone,
    below,
    derivative_of,
    factors_of,
    head,
    is_layer,
    items,
    kind,
    number,
    others,
    shape,
    size,
    start,
    word,
)
from .latex_values import Value, elementwise, entries, transposed

_NAMES = ("LETTER", "WORD", "COMMAND", "styled", "accented")


class Indices(Reader):
    """Looks quantities up, and takes their entries."""

    # Quantities -----------------------------------------------------------------------------------------------------

    def quantity(self, tree: Any) -> tuple[Value, list[Any]] | None:
        """A quantity with the indices below it, and the scripts behind it; None if this is none.

        As many subscripts as possible belong to the name: x_{t} is the quantity x_t if there is one, else an entry.
        """
        base, scripts = head(tree)
        if kind(base) == "fraction":
            found = derivative_of(base)
            return None if found is None else self._derivative(tree, *found, scripts)
        return self._looked_up(base, scripts, lambda name: name) if kind(base) in _NAMES else None

    def _derivative(self, tree: Any, loss: Any, inner: Any, scripts: list[Any]) -> tuple[Value, list[Any]]:
        base, under = head(inner)
        of = written(*head(loss))

        def wrap(name: str) -> str:
            return rf"\frac{{\partial {of}}}{{\partial {name}}}"

        if kind(base) == "bracket":  # \partial \left[W_{1}\right]_{ij}
            base, named = head(alone(base.children[0]))
            name = written(base, named)
            node = self.names.quantity(wrap(name)) if name else None
            found = None if node is None else self._indexed(Value(node), [*under, *scripts])
        else:
            found = self._looked_up(base, [*under, *scripts], wrap)
        if found is None:
            raise self.unknown(tree)
        return found

    def _looked_up(self, base: Any, scripts: list[Any], wrap: Callable[[str], str]) -> tuple[Value, list[Any]] | None:
        low, high = below(scripts), others(scripts)
        if high and is_layer(high[0]):  # W^{(1)}
            name = written(base, high[:1])
            node = self.names.quantity(wrap(name), exact=name in self.names.layers) if name else None
            if node is None:
                raise self.error(base, f"there is no quantity called `{name}`" + self.names.suggestion(name or ""))
            return self._indexed(Value(node), [*low, *high[1:]])
        if kind(base) == "styled" and alone(base.children[1]) == "I" and low and self._are_sizes(low[0]):
            return None  # the identity matrix
        for count in range(len(low), -1, -1):
            name = written(base, low[:count])
            braces = count == 0 or kind(low[0].children[0]) == "items"
            with self.at(base):
                node = self.names.quantity(wrap(name), exact=braces) if name else None
            if node is not None:
                return self._indexed(Value(node), [*low[count:], *high])
        return None

    def _are_sizes(self, script: Any) -> bool:
        try:
            return bool(shape(items(script), self.names.sizes))
        except NoSize:
            return False

    def _indexed(self, v: Value, scripts: Sequence[Any]) -> tuple[Value, list[Any]]:
        for s in below(scripts):
            with self.at(s):
                v = self.entry(v, s)
        return v, others(scripts)

    # Indices ----------------------------------------------------------------------------------------------------------

    def letters(self, tree: Any, strict: bool = False) -> list[str]:
        """The index letters that stand side by side or between commas; [] for anything else, or an error if strict."""
        if kind(tree) in ("items", "chain", "sub"):
            found: list[str] = []
            for part in tree.children:
                mine = self.letters(part, strict)
                if not mine:
                    return []
                found += mine
            return found
        base, scripts = head(tree)
        low = below(scripts)
        counted = len(scripts) == len(low) == 1 and number(low[0].children[0]) is not None  # i_{2}
        if kind(base) == "LETTER" and (not scripts or counted):
            return [written(base, low) or str(base)]
        if kind(base) == "WORD" and not scripts and self.source.text[start(base)] != "\\":  # ij, where ij is a name
            return list(str(base))
        if strict:
            raise self.error(tree, "an index is a single letter here")
        return []

    def entry(self, v: Value, script: Any) -> Value:
        r"""v with what stands below it: letters, colons, j \to 1, and quantities that are positions."""
        at: list[Any] = []
        kept: list[tuple[str, int]] = []
        for item in items(script):
            if item is None:
                raise self.error(script, "an index is missing between two commas")
            if kind(item) == "slice":
                if any(t is not None for t in item.children):
                    raise self.error(item, r"parts are chosen in brackets on the line: x\left[1:3\right]")
                at.append(None)
            elif kind(item) == "arrow":
                (letter,) = self.letters(item.children[0], strict=True)
                kept.append((letter, len(at)))
                at.append(letter)
            else:
                at += self._positions(item)
        v = self._picked(v, at) if any(isinstance(i, Value) for i in at) else entries(v, at)
        return replace(v, kept=(*v.kept, *kept))

    def _positions(self, item: Any) -> list[Any]:
        """One index or several: letters, or integers that say which entry."""
        single = alone(item)
        base, _ = head(single)
        found = self.quantity(single) if kind(base) in _NAMES else None
        if found is not None and found[0].node.kind == INTEGER and not found[0].rank and str(single) not in self.bound:
            return [self.raised(*found)]
        letters = self.letters(item)
        if letters:
            return letters
        tied = index_sum(item)
        if tied is not None and all(i in self.bound or i not in self.names.sizes for _, i in tied.terms):
            return [tied]
        if kind(single) == "chain":
            return [p for part in factors_of(single) for p in self._positions(part)]
        if number(item) is not None:
            raise self.error(item, r"is the first entry 0 or 1 here? write x\left[0\right], which counts from 0")
        v = self.value(item)
        if v.node.kind != INTEGER or v.rank:
            raise self.error(item, "this is neither an index nor an integer that says which entry")
        return [v]

    def _picked(self, v: Value, at: list[Any]) -> Value:
        """Positions among the indices: [P]_{i, y_i}."""
        if len(at) != v.rank:
            raise ShapeError(f"{len(at)} indices for {v.rank} axes")
        by_row = len(at) == 2 and isinstance(at[0], str) and isinstance(at[1], Value) and at[1].letters == (at[0],)
        if by_row and not v.letters:
            rows = I.arange(v.node.shape[0])
            return Value(I.getitem(v.node, (rows, at[1].node)), (at[0],), local=at[0] not in self.bound)
        whole = list(at)
        for k in range(len(at) - 1, -1, -1):
            p = at[k]
            if isinstance(p, Value):
                v = Value(I.TAKE(v.node, p.node, axis=len(v.letters) + k), v.letters)
                whole[k : k + 1] = p.letters
        return entries(v, whole)

    # Brackets on the line ------------------------------------------------------------------------------------------

    def selects(self, tree: Any, v: Value) -> bool:
        """Whether brackets after a quantity choose parts of it, rather than multiply it."""
        base, scripts = head(tree)
        if kind(base) != "bracket" or below(scripts):
            return False
        if not v.rank:
            return all(t is not None and alone(t) == r"\ast" for t in items(base))
        return all(self._chooses(t) for t in items(base))

    def _chooses(self, tree: Any) -> bool:
        if tree is None or kind(tree) == "slice" or alone(tree) == r"\ast":
            return True
        place = self._place(tree)
        return not hasattr(place, "op") or place.kind == INTEGER

    def selected(self, v: Value, tree: Any) -> Value:
        r"""x\left[1:, 0\right], counted from 0; \ast is a new axis of size 1."""
        base, scripts = head(tree)
        index: list[Any] = [slice(None)] * len(v.letters)
        with self.at(tree):
            for item in items(base):
                if kind(item) == "slice":
                    bounds = [None if t is None else size(t, self.names.sizes) for t in item.children]
                    index.append(slice(*[*bounds, None][:3]))
                else:
                    index.append(None if alone(item) == r"\ast" else self._place(item))
            v = replace(v, node=I.getitem(v.node, tuple(index)), row=False)
        return self.raised(v, scripts)

    def _place(self, tree: Any) -> Any:
        """A fixed place, which is a size, or positions that are computed."""
        single = alone(tree)
        if kind(head(single)[0]) not in _NAMES or self.quantity(single) is None:
            try:
                return size(tree, self.names.sizes)
            except NoSize:
                pass
        return self.value(tree).node

    # Transposes and powers -----------------------------------------------------------------------------------------

    def raised(self, v: Value, scripts: Sequence[Any]) -> Value:
        for s in scripts:
            with self.at(s):
                if kind(s) == "prime":
                    raise self.error(s, r"a prime belongs to no name here; write \frac{\partial L}{\partial x}")
                v = self.entry(v, s) if kind(s) == "sub" else self._power(v, s)
        return v

    def _power(self, v: Value, script: Any) -> Value:
        inside = alone(script.children[0])
        parts = factors_of(inside)
        first = alone(parts[0].children[1]) if kind(parts[0]) == "styled" else parts[0]
        if word(first) in ("top", "intercal", "T") or (kind(first) == "LETTER" and first == "T"):
            if len(parts) == 1:
                return transposed(v)
            return transposed(v, [k for k in map(number, items(parts[1])) if isinstance(k, int)])
        if kind(inside) == "entrywise":
            return elementwise(OPERATORS["pow"], v, self.value(inside.children[1]))
        if v.rank > 1:
            raise self.error(script, r"is this A \, A or entry by entry? write one of A \, A and A^{\odot 2}")
        return elementwise(OPERATORS["pow"], v, self.value(inside))


__all__ = ["Indices"]
