r"""The entries of what operations make, as products and sums of the entries of their arguments.

Two tables say how: in `factors` an operation opens into factors of a term, which products around it share; in `entries`
it has a form of its own. What is in neither works entry by entry, or stands whole, in brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..graph.dims import Size, total
from ..graph.dims import latex as size_latex
from ..graph.node import CONST, Node, constant, number, size_node
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from .notation import ATOM, BIG, FRACTION, PRODUCT, TRANSPOSED, Form, Slot, form

LETTERS = "ijklmnpqrstuvwxyzabcfgh"
"""In this order, as free indices are read back too; o looks like 0, d and e mean something else."""

class Entry(NamedTuple):
    """An entry of `node`: a letter for each axis, None for an axis of size 1. `used` holds the letters taken around."""

    node: Node
    at: tuple[str | None, ...]
    used: frozenset[str]

    @property
    def letters(self) -> list[str]:
        return [i for i in self.at if i is not None]


@dataclass
class Term:
    """± above / below, summed over letters."""

    used: set[str]
    negative: bool = False
    above: list[Entry] = field(default_factory=list)
    below: list[Entry] = field(default_factory=list)
    sums: dict[str, Size] = field(default_factory=dict)

    def fresh(self, size: Size) -> str | None:
        """A letter to sum over; none is needed for an axis of size 1."""
        if size == 1:
            return None
        letter = next(unused(self.used))
        self.used.add(letter)
        self.sums[letter] = size
        return letter

    def entry(self, node: Node, at: Iterable[str | None]) -> Entry:
        return Entry(node, without_ones(at, node.shape), frozenset(self.used))


def unused(used: Container[str]) -> Iterator[str]:
    yield from (i for i in LETTERS if i not in used)
    k = 0
    while True:
        k += 1
        if f"i_{{{k}}}" not in used:
            yield f"i_{{{k}}}"


def without_ones(at: Iterable[str | None], shape: Sequence[Size]) -> tuple[str | None, ...]:
    return tuple(None if s == 1 else i for i, s in zip(at, shape))


def joined(letters: Sequence[str]) -> str:
    return ("" if all(len(i) == 1 for i in letters) else ",").join(letters)


# What opens into a product: Entry -> its factors, in a term that takes signs, divisors and sums -----------------------

factors = Table("factors of entries")
"""(entry, term) -> the entries that it is a product of, or None; signs, divisors and sums go into the term."""


def aligned_entry(e: Entry, a: Node) -> Entry:
    """The entry of an argument that is broadcast to the entry's array."""
    return Entry(a, without_ones(e.at[len(e.at) - a.ndim :], a.shape), e.used)


@factors(A.MUL)
def _product(e: Entry, term: Term) -> list[Entry]:
    return [aligned_entry(e, a) for a in e.node.args]


@factors(A.DIV)
def _quotient(e: Entry, term: Term) -> list[Entry]:
    a, b = e.node.args
    term.below.append(aligned_entry(e, b))
    return [aligned_entry(e, a)]


@factors(A.NEG)
def _negative(e: Entry, term: Term) -> list[Entry]:
    term.negative = not term.negative
    return [aligned_entry(e, e.node.args[0])]


@factors(CONST)
def _number(e: Entry, term: Term) -> list[Entry] | None:
    value = number(e.node)
    if value is None or isinstance(value, bool) or not value < 0:
        return None
    term.negative = not term.negative
    return [Entry(constant(-value), (), e.used)]


@factors(A.WHERE)
def _masked(e: Entry, term: Term) -> list[Entry] | None:
    """a where c holds and 0 elsewhere: a 𝟙[c]"""
    c, a, b = e.node.args
    if number(b) != 0 or isinstance(number(b), bool) or number(a) == 1:
        return None
    return [aligned_entry(e, a), aligned_entry(e, A.WHERE(c, 1, 0))]


@factors(L.MATMUL)
def _matrix_product(e: Entry, term: Term) -> list[Entry]:
    a, b = e.node.args
    at = list(e.at)
    column = [at.pop()] if b.ndim > 1 else []
    row = [at.pop()] if a.ndim > 1 else []
    inner = term.fresh(a.shape[-1])
    batch_a, batch_b = (at[len(at) - max(x.ndim - 2, 0) :] for x in (a, b))
    return [term.entry(a, [*batch_a, *row, inner]), term.entry(b, [*batch_b, inner, *column])]


@factors(L.OUTER)
def _outer(e: Entry, term: Term) -> list[Entry]:
    return [term.entry(x, [i]) for x, i in zip(e.node.args, e.at)]


@factors(L.TRACE)
def _trace(e: Entry, term: Term) -> list[Entry]:
    (x,) = e.node.args
    i = term.fresh(x.shape[0])
    return [term.entry(x, [i, i])]


@factors(L.DIAG)
def _diagonal(e: Entry, term: Term) -> list[Entry] | None:
    (x,) = e.node.args
    return [term.entry(x, [e.at[0], e.at[0]])] if x.ndim == 2 else None


@factors(L.EINSUM)
def _einsum(e: Entry, term: Term) -> list[Entry]:
    ins, _, out = e.node.attr("spec").partition("->")
    at: dict[str, str | None] = dict(zip(out, e.at))
    found = []
    for own, x in zip(ins.split(","), e.node.args):
        for letter, size in zip(own, x.shape):
            if letter not in at:
                at[letter] = term.fresh(size)
        found.append(term.entry(x, [at[letter] for letter in own]))
    return found


@factors(M.SUM)
def _sum(e: Entry, term: Term) -> list[Entry]:
    x = e.node.args[0]
    return [term.entry(x, _over(e, term.fresh))]


@factors(R.MEAN)
def _mean(e: Entry, term: Term) -> list[Entry]:
    x, axis = e.node.args[0], e.node.attr("axis")
    count = size_node(total(tuple(x.shape[k] for k in axis)))
    if number(count) != 1:
        term.below.append(Entry(count, (), e.used))
    return [term.entry(x, _over(e, term.fresh))]


def _over(e: Entry, fresh: Callable[[Size], str | None]) -> list[str | None]:
    """The letters of what is reduced: those of the result, and fresh ones for the axes that it reduces."""
    x, axis = e.node.args[0], e.node.attr("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    kept = dict(e.node.attrs).get("keepdims", False)
    rest = iter(e.at)
    found = []
    for k, s in enumerate(x.shape):
        if k in axes:
            found.append(fresh(s))
            if kept:
                next(rest)
        else:
            found.append(next(rest))
    return found


@factors(M.TRANSPOSE)
def _transposed(e: Entry, term: Term) -> list[Entry]:
    at = dict(zip(e.node.attr("axes"), e.at))
    return [term.entry(e.node.args[0], [at[k] for k in range(e.node.ndim)])]


@factors(M.EXPAND)
def _new_axes(e: Entry, term: Term) -> list[Entry]:
    axes = e.node.attr("axes")
    return [term.entry(e.node.args[0], [i for k, i in enumerate(e.at) if k not in axes])]


@factors(M.SQUEEZE)
def _fewer_axes(e: Entry, term: Term) -> list[Entry] | None:
    """x[0] is a slice without its axis, and stays together."""
    (x,), axes, rest = e.node.args, e.node.attr("axes"), iter(e.at)
    if x.op is I.SLICE:
        return None
    return [term.entry(x, [None if k in axes else next(rest) for k in range(x.ndim)])]


@factors(M.BROADCAST)
def _spread(e: Entry, term: Term) -> list[Entry]:
    return [aligned_entry(e, e.node.args[0])]


# What else has a form for its entries ---------------------------------------------------------------------------------

entries = Table("entries")
"""entry -> how it is written, or None where it stands whole after all."""


def _reduced(e: Entry) -> tuple[Term, Entry]:
    term = Term(set(e.used))
    return term, term.entry(e.node.args[0], _over(e, term.fresh))


_EXTREMES = {R.MAX: r"\max", R.MIN: r"\min", R.VAR: r"\operatorname{var}", R.ARGMAX: r"\operatorname{argmax}"}


@entries(*_EXTREMES)
def _extreme(e: Entry) -> Form | None:
    term, x = _reduced(e)
    if not term.sums:
        return form(FRACTION, Slot(x, FRACTION)) if e.node.op in (R.MAX, R.MIN) else None
    ddof = dict(e.node.attrs).get("ddof")
    note = rf";\,\mathrm{{ddof}}={ddof}" if ddof else ""
    return form(BIG, f"{_EXTREMES[e.node.op]}_{{{','.join(term.sums)}{note}}} ", Slot(x, PRODUCT))


@entries(R.NORM)
def _length(e: Entry) -> Form:
    term, x = _reduced(e)
    square = x._replace(node=A.POW(x.node, 2))
    return form(TRANSPOSED, r"\sqrt{", sigma(term.sums, [square]), Slot(square, FRACTION), "}")


@entries(R.LOGSUMEXP)
def _log_sum_exp(e: Entry) -> Form:
    term, x = _reduced(e)
    return form(BIG, r"\log ", sigma(term.sums, [x]), r"\exp\left(", Slot(x), r"\right)")


@entries(R.SOFTMAX, R.LOG_SOFTMAX)
def _softened(e: Entry) -> Form | None:
    """Along the index below the name."""
    along = [i for k in e.node.attr("axis") if (i := e.at[k]) is not None]
    if not along or len(set(e.letters)) < len(e.letters):
        return None
    name = "softmax" if e.node.op is R.SOFTMAX else r"log\,softmax"
    x = Entry(e.node.args[0], e.at, e.used)
    return form(ATOM, rf"\operatorname{{{name}}}_{{{joined(along)}}}\left(", Slot(x), r"\right)")


@entries(I.TAKE, I.GATHER)
def _picked(e: Entry) -> Form | None:
    r"""\left[E\right]_{y_{ij},\,k}: the positions stand among the indices."""
    x, *positions = e.node.args
    axis = e.node.attr("axis") if e.node.op is I.TAKE else 0
    rank = max((p.ndim for p in positions), default=0)
    here = Entry(e.node, e.at[axis : axis + rank], e.used)
    rest = [*e.at[:axis], *e.at[axis + rank :]]
    if not positions or None in rest:
        return None
    index: list[str | Slot] = [i for i in e.at[:axis] if i]
    for p in positions:
        at = aligned_entry(here, p)
        bare = p.op is I.ARANGE and at.at[0] is not None
        index.append(at.at[0] or "" if bare else Slot(at))
    index += [i for i in e.at[axis + rank :] if i]
    parts: list[str | Slot] = []
    for i in index:
        parts += [r",\,", i] if parts else [i]
    return form(ATOM, r"\left[", Slot(x), r"\right]_{", *parts, "}")


def by_entries(n: Node) -> bool:
    """Whether the entries of n have a form of their own; otherwise n stands whole, in brackets."""
    if n.op is M.SQUEEZE and n.args[0].op is I.SLICE:
        return False
    if n.op is L.DIAG and n.args[0].ndim == 1:
        return False
    return n.op.elementwise or n.op in factors or n.op in entries


def sigma(
    over: Mapping[str, Size], summed: Sequence[Entry], occurs: Callable[[Entry, str], bool] | None = None
) -> str:
    r"""\sum_{l,m}, with the range of a letter that nothing below the sum tells."""
    if not over:
        return ""
    seen = [i for i in over if occurs is None or any(occurs(e, i) for e in summed)]
    ranges = "".join(rf"\sum_{{{i}=1}}^{{{size_latex(s)}}} " for i, s in over.items() if i not in seen)
    return ranges + (rf"\sum_{{{','.join(seen)}}} " if seen else "")


__all__ = [
    "LETTERS", "Entry", "Term", "aligned_entry", "by_entries", "entries", "factors", "joined", "sigma", "unused",
    "without_ones",
]  # fmt: skip
