r"""Terms: signs, numbers, fractions and sums over indices around factors, as they are laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..graph.dims import Size
from ..graph.node import CONST, Node, size_node
from ..ops import arithmetic as A
from ..ops import elementary as E
from .entries import Entry, Term, factors
from .notation import FRACTION, Labels, Slot, plain


def opened(e: Entry, label: Labels) -> Term:
    """An entry as one term: products in products, sums of sums; named quantities stay closed."""
    term = Term(set(e.used))
    stack, first = [e], True
    while stack:
        f = stack.pop()
        n = f.node
        closed = n.op not in factors or (not first and label(n) is not None)
        parts = None if closed else factors[n.op](f._replace(used=frozenset(term.used)), term)
        first = False
        if parts is None:
            term.above.append(f)
        else:
            stack.extend(reversed(parts))
    used = frozenset(term.used)
    term.above = [f._replace(used=used) if f is not e else f for f in term.above]
    term.below = [f._replace(used=used) for f in term.below]
    return term


def count(size: Size, term: Term) -> Entry:
    return Entry(size_node(size), (), frozenset(term.used))


def known(n: Node) -> bool:
    """A number, a size, or its root."""
    return plain(n) or (n.op in (E.SQRT, A.POW) and all(map(plain, n.args)))


def groups(
    above: Sequence[Entry], below: Sequence[Entry], sums: Mapping[str, Size]
) -> list[tuple[dict[str, Size], list[Entry], list[Entry]]]:
    """The factors under each sum, where sums that share no factor stand apart."""
    found: list[set[str]] = []
    for f in (*above, *below):
        mine = set(f.letters) & sums.keys()
        if mine:
            touching = [g for g in found if g & mine]
            found = [*(g for g in found if not g & mine), mine.union(*touching)]
    found.sort(key=lambda g: min(map(list(sums).index, g)))
    return [
        (
            {i: s for i, s in sums.items() if i in g},
            [f for f in above if g & set(f.letters)],
            [f for f in below if g & set(f.letters)],
        )
        for g in found
    ]


def side_by_side(found: Sequence[Entry], last: tuple[int, ...] = ()) -> list[str | Slot]:
    parts: list[str | Slot] = []
    for k, f in enumerate(found):
        if k:
            parts.append(r" \cdot " if f.node.op is CONST else r" \, ")
        parts.append(Slot(f, FRACTION, last if k == len(found) - 1 else ()))
    return parts or ["1"]


def fraction(above: Sequence[Entry], below: Sequence[Entry]) -> list[str | Slot]:
    def inside(found: Sequence[Entry]) -> list[str | Slot]:
        return [Slot(found[0])] if len(found) == 1 else side_by_side(found)

    return [r"\frac{", *inside(above), "}{", *inside(below), "}"]


def coefficient(numbers: Sequence[Entry], divisors: Sequence[Entry]) -> list[list[str | Slot]]:
    if divisors:
        return [fraction(numbers, divisors)]
    return [side_by_side(numbers)] if numbers else []


__all__ = ["coefficient", "count", "fraction", "groups", "known", "opened", "side_by_side"]
