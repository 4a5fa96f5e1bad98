r"""Index notation: equations that involve arrays of rank 3 and more, entry by entry, their sums written out.

    S_{ijk} = \frac{1}{\sqrt{d}} \, \sum_{l} Q_{ijl} \, K_{ikl}

The letters of a result are i, j, k, … in the order of its axes, without those that name a quantity or a size in view;
sums take the next ones. An axis of size 1 has no letter, so what is broadcast shows only the indices it depends on.
Entries are numbers: juxtaposition multiplies them, and functions apply to them. What moves whole arrays (reshape,
slices, joining) stays as it is in brackets, \left[ … \right]_{ijk}; so does an operation that has no rule here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from functools import lru_cache

from ..graph.dims import Size, symbols_of
from ..graph.dims import latex as size_latex
from ..graph.errors import ChainruleError
from ..graph.node import LEAF, SIZE, Node
from .entries import Entry, Term, aligned_entry, by_entries, entries, factors, joined, sigma, unused
from .notation import (
    ATOM,
    BIG,
    FRACTION,
    LABEL,
    PRODUCT,
    SUM,
    Equation,
    Form,
    Labels,
    Notation,
    Slot,
    form,
    label_strength,
    names_below,
    plain,
)
from .terms import coefficient, count, fraction, groups, known, opened, side_by_side

_RANK = 3  # of an array that is written entry by entry


class IndexedNotation(Notation):
    """A notation that goes over to indices where arrays of rank 3 and more are involved."""

    def equation(self, own: str, n: Node, label: Labels, view: frozenset[str] = frozenset()) -> Equation:
        e = self._entry(n, label, view | _letters_in(own))
        if e is None:
            return super().equation(own, n, label, view)
        shown = self._write(e, label)
        missing = [i for i in e.letters if not self._occurs(e, i, label)]
        if missing and not own.startswith(r"\frac{\partial"):  # of a derivative the quantity tells the shape
            sizes = dict(zip(e.at, n.shape))
            below = r" \times ".join(size_latex(sizes[i]) for i in missing)
            ones = rf"\left[\mathbf{{1}}_{{{below}}}\right]_{{{joined(missing)}}}"
            top = self.form(e, label)  # type: ignore[arg-type]
            shown = ones if shown == "1" else rf"{shown if top.strength > SUM else self._bracketed(shown)} \, {ones}"
        return Equation(entry_name(own, e.letters), shown, n)

    def expression(self, root: Node, label: Labels) -> str:
        def known(n: Node) -> str | None:
            return None if plain(n) else label(n)

        e = self._entry(root, known, frozenset())
        return super().expression(root, label) if e is None else self._write(e, known)

    def letters_in_view(
        self, order: Sequence[Node], labels: Mapping[Node, str], roots: Mapping[Node, str]
    ) -> frozenset[str]:
        if not any(n.ndim >= _RANK for n in order):
            return frozenset()
        shapes = symbols_of(s for n in (*order, *labels, *roots) for s in n.shape)
        return shapes.union(*map(_letters_in, (*labels.values(), *roots.values())))

    def apart(self, order: Sequence[Node], named: Callable[[Node], bool], roots: Container[Node]) -> Collection[Node]:
        """Arguments of what stands whole that cannot be written without indices: they get equations of their own."""
        if not any(n.ndim >= _RANK for n in order):
            return ()
        found: set[Node] = set()
        inline: set[Node] = set()  # unnamed, and needing indices
        for n in order:
            open_ = not named(n)
            indices = _needs_indices(n) or any(a in inline and a not in found for a in n.args)
            if (open_ or n in roots) and n.args and not by_entries(n):
                found.update(a for a in n.args if a in inline)
            if open_ and indices:
                inline.add(n)
        return found

    def form(self, n: Node | Entry, label: Labels = lambda n: None) -> Form:
        return self._entry_form(n, label) if isinstance(n, Entry) else super().form(n, label)

    def _inner(self, slot: Slot, label: Labels) -> Form:
        if not isinstance(slot.node, Entry):
            return super()._inner(slot, label)
        name = label(slot.node.node)
        if name is None:
            return self._entry_form(slot.node, label)
        return form(label_strength(name), entry_name(name, slot.node.letters))

    def _entry(self, root: Node, label: Labels, view: frozenset[str]) -> Entry | None:
        """The entry of root with letters of its own, where it is to be written in indices."""
        if plain(root) or root.op is LEAF or not by_entries(root):
            return None
        order = names_below(root, label)
        if not any(n.ndim >= _RANK for n in order):
            return None
        used = set(view) | symbols_of(s for n in order for s in n.shape)
        for n in order:
            name = self.name(n.attr("name")) if n.op is LEAF else None
            used |= _letters_in(name or "") | _letters_in(label(n) or "" if n is not root else "")
        fresh = unused(used)
        at = tuple(None if s == 1 else next(fresh) for s in root.shape)
        return Entry(root, at, frozenset(used) | {i for i in at if i is not None})

    def _entry_form(self, e: Entry, label: Labels) -> Form:
        n = e.node
        if plain(n) and n.op is SIZE:
            return self._inner(Slot(n), label)
        if n.op in factors and by_entries(n):
            term = opened(e, label)
            if term.above != [e] or term.below:
                return self._term_form(term, label)
        if n.op is LEAF:
            return form(ATOM, entry_name(self.name(n.attr("name")), e.letters))
        found = entries[n.op](e) if n.op in entries else self._entrywise(e, label) if n.op.elementwise else None
        return found or self._whole(e, label)

    def _entrywise(self, e: Entry, label: Labels) -> Form | None:
        """The operation's own form, with entries in the places of its arguments."""
        back: dict[Node, Entry] = {}
        args = []
        for k, a in enumerate(e.node.args):
            if plain(a):
                args.append(a)
            else:
                args.append(LEAF(name=f" {k}", shape=(), kind=a.kind))  # no input's name has a space
                back[args[-1]] = aligned_entry(e, a)
        try:
            found = super().form(e.node.op(*args, **dict(e.node.attrs)), label)
        except ChainruleError:  # an operation that wants arrays
            return None
        parts = (p._replace(node=back.get(p.node, p.node)) if isinstance(p, Slot) else p for p in found.parts)
        return found._replace(parts=tuple(parts), through=(), otherwise=None)

    def _whole(self, e: Entry, label: Labels) -> Form:
        if not e.letters:
            return super().form(e.node, label)
        return form(ATOM, r"\left[", Slot(e.node), rf"\right]_{{{joined(e.letters)}}}")

    def _bracketed(self, shown: str) -> str:
        return f"{self.brackets[0]}{shown}{self.brackets[1]}"

    # Terms ------------------------------------------------------------------------------------------------------------

    def _term_form(self, term: Term, label: Labels) -> Form:
        r"""± \frac{number}{number} \frac{factors}{factors} \sum factors, each sum around what depends on it."""
        shown = {i for f in (*term.above, *term.below) for i in f.letters}
        above = [*(count(s, term) for i, s in term.sums.items() if i not in shown), *term.above]
        sums = {i: s for i, s in term.sums.items() if i in shown}
        if len(above) == 1 and not term.below and not sums and not term.negative:
            return self._inner(Slot(above[0]), label)
        numbers, divisors = ([f for f in side if known(f.node)] for side in (above, term.below))
        rest_above, rest_below = ([f for f in side if not known(f.node)] for side in (above, term.below))
        grouped = groups(rest_above, rest_below, sums)
        outer_above = [f for f in rest_above if not set(f.letters) & sums.keys()]
        outer_below = [f for f in rest_below if not set(f.letters) & sums.keys()]
        pieces: list[list[str | Slot]] = []
        tall = any(label_strength(label(f.node) or "") == LABEL for f in outer_above)
        if not grouped and outer_above and not numbers and not tall and (divisors or outer_below):
            pieces.append(fraction(outer_above, [*divisors, *outer_below]))
        elif not grouped and outer_above and outer_below and not divisors and not tall:
            pieces.append(fraction([*numbers, *outer_above], outer_below))
        elif outer_above and outer_below and not tall:
            pieces += [*coefficient(numbers, divisors), fraction(outer_above, outer_below)]
        else:
            pieces += coefficient(numbers, [*divisors, *outer_below])
            for f in outer_above:
                pieces.append([Slot(f, FRACTION)])
        for k, (over, up, down) in enumerate(grouped):
            inside = fraction(up, down) if down else side_by_side(up, (BIG,))
            summed = [self._sigma(over, [*up, *down], label), *inside]
            closed = k < len(grouped) - 1
            pieces.append([self.brackets[0], *summed, self.brackets[1]] if closed else summed)
        parts: list[str | Slot] = ["-"] if term.negative else []
        for k, piece in enumerate(pieces):
            parts += [r" \, ", *piece] if k else piece
        if term.negative:
            return form(SUM, *parts)
        if len(pieces) > 1:
            return form(PRODUCT, *parts)
        return form(BIG if grouped else FRACTION if str(parts[0]).startswith(r"\frac") else PRODUCT, *parts)

    def _sigma(self, over: Mapping[str, Size], summed: Sequence[Entry], label: Labels) -> str:
        return sigma(over, summed, lambda e, i: self._occurs(e, i, label))

    def _occurs(self, e: Entry, letter: str, label: Labels) -> bool:
        """Whether a letter of the entry is seen where it is written; what is broadcast along an axis shows none."""
        stack, first = [e], True
        while stack:
            f = stack.pop()
            if letter not in f.at:
                continue
            n = f.node
            if not n.args or (not first and label(n) is not None) or not by_entries(n) or n.op in entries:
                return True
            first = False
            if n.op in factors:
                term = Term(set(f.used))
                parts = factors[n.op](f, term)
                if parts is not None:
                    stack += [*parts, *term.below]
                    continue
            stack += [aligned_entry(f, a) for a in n.args]
        return False


def _needs_indices(n: Node) -> bool:
    """Whether an array notation of this operation would hide which axes meet."""
    if n.op.elementwise or not n.args or not by_entries(n):
        return False
    return n.ndim >= _RANK or any(a.ndim >= _RANK for a in n.args)


_DERIVATIVE = re.compile(r"\\frac\{\\partial (.+)\}\{\\partial (.+)\}")


def entry_name(name: str, letters: Sequence[str]) -> str:
    r"""A quantity's name with indices.

    >>> print(entry_name("Q", "ij"), entry_name(r"\hat{y}", "i"), entry_name("W_{1}", "ij"))
    Q_{ij} \hat{y}_{i} \left[W_{1}\right]_{ij}
    >>> print(entry_name(r"\frac{\partial L}{\partial Q}", "ij"))
    \frac{\partial L}{\partial Q_{ij}}
    """
    if not letters:
        return name
    derivative = _DERIVATIVE.fullmatch(name)
    if derivative:
        return rf"\frac{{\partial {derivative[1]}}}{{\partial {entry_name(derivative[2], letters)}}}"
    return (rf"\left[{name}\right]" if re.search("[_^ ]", name) else name) + f"_{{{joined(letters)}}}"


@lru_cache(maxsize=4096)
def _letters_in(name: str) -> frozenset[str]:
    """The single letters in a name: indices are others, so that x_t is never x with an index t."""
    return frozenset(re.findall(r"(?<![A-Za-z\\])[a-z](?![A-Za-z])", name))


__all__ = ["IndexedNotation", "entry_name"]
