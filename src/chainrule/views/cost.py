"""What a program costs, counted node by node, as polynomials in the sizes.

Multiplications, additions (subtractions too), comparisons and special functions (division, sqrt, exp, log, σ, ...) are
counted apart, one each, entry by entry of the result. The conventions, for everything that is a matter of convention:

x^k          x² is one multiplication, x³ two, x⁸ three: repeated squaring, up to k = 64; any other power is one special
free         −x, |x|, copies, moves (reshape, transpose, broadcast, pad, concatenate), selection (where, take, slices,
             one_hot), `&` `|` `~`; and scalars made of constants and sizes alone, computed once, such as 2/N in 2/N · x
A @ B        (n, k)(k, m): n·m·k multiplications, n·m·(k − 1) additions; a bᵀ is the product with k = 1
einsum       two arguments: one multiplication for each combination of all the indices; more: two at a time, first the
             pair with the fewest indices, then with the fewest in its result. NumPy may know a cheaper order
sum, max     N entries to M: N − M additions, or comparisons; a mean divides M times more
softmax      as it is computed without overflow: maximum, subtraction, exp, sum, division; its logarithm likewise
relu, sign   one comparison; leaky_relu and elu multiply by their constant too, unless it is 1
x log y      one special, one multiplication; a division guarded against 0/0 is one special: guards are not counted
scatter      one addition for each entry that is put back

MACs are the multiplications in contractions (`@`, outer products, einsum unless it works entry by entry), each taken
with its addition: n·m·k for A @ B, though the first product of each sum is added to nothing. FLOPs = 2·MACs. Other
counters call a MAC one FLOP, or count n·m·(k − 1) additions, or add those of a bias: they differ by a factor of 2 on
one layer, and rarely say why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from ..graph.dims import Dim, Size, factored, size, substitute, sum_of, symbols_of, total
from ..graph.errors import GraphError, ShapeError
from ..graph.node import BOOLEAN, CONST, INTEGER, LEAF, SIZE, Kind, Node, entries, number
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from .source import VIEWS

CONVENTION = "1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products alone"
_LARGEST_POWER = 64
_MANY_SYMBOLS = 30  # factoring more takes long, and nobody reads it


@dataclass(frozen=True)
class Cost:
    """Counts: integers, or polynomials in the sizes. Costs add up: ``a + b``; ``3 * a`` is three times a.

    >>> import chainrule as cr
    >>> layer = cr.cost(cr.trace(lambda X, W, b: cr.relu(X @ W + b), X="n d", W="d h", b="h"))
    >>> layer.multiplications, layer.additions, layer.at(n=100, d=784, h=64).flops
    (Dim(n·d·h), Dim(n·d·h), 10035200)
    >>> print(layer)
    multiplications    n·d·h
    additions          n·d·h
    comparisons        n·h
    special functions  0
    MACs               n·d·h
    FLOPs              2·n·d·h
    parameters         h·(d + 1)
    1 MAC = 1 multiplication + 1 addition; FLOPs = 2·MACs, those of matrix products alone
    """

    multiplications: Size = 0
    additions: Size = 0
    comparisons: Size = 0
    special: Size = 0
    macs: Size = 0
    parameters: Size = 0
    sizes: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # the graph's, counted on or not

    @property
    def flops(self) -> Size:
        """2·MACs: the multiplications and additions of contractions, and of nothing else."""
        return 2 * self.macs

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the sizes that are still to be given."""
        return self.sizes | symbols_of(self._counts)

    def at(self, **sizes: int) -> Cost:
        """The counts at the given sizes; those not given stay symbols.

        Raises ShapeError for a name that is no size of the graph, and for a size below 1.
        """
        return self._at(checked(sizes, self.symbols))

    def _at(self, sizes: Mapping[str, Size]) -> Cost:
        return Cost(*(substitute(x, sizes) for x in self._counts), sizes=self.sizes - set(sizes))

    def __add__(self, other: Cost) -> Cost:
        return add_up([(1, self), (1, other)]) if isinstance(other, Cost) else NotImplemented

    def __radd__(self, other: object) -> Cost:
        return self if other == 0 else NotImplemented  # so that `sum(costs)` works

    def __mul__(self, times: Size) -> Cost:
        return add_up([(times, self)]) if isinstance(times, (int, Dim)) else NotImplemented

    __rmul__ = __mul__

    def __str__(self) -> str:
        return table([("", self)])

    @property
    def _counts(self) -> tuple[Size, ...]:
        return tuple(getattr(self, name) for name in _FIELDS)


_FIELDS = ("multiplications", "additions", "comparisons", "special", "macs", "parameters")


def add_up(costs: Sequence[tuple[Size, Cost]]) -> Cost:
    """Σ k·cost, in time linear in all the terms."""
    counts = [sum_of(k * getattr(c, name) for k, c in costs if getattr(c, name) != 0) for name in _FIELDS]
    return Cost(*counts, sizes=frozenset().union(*(c.sizes for _, c in costs)))


def checked(sizes: Mapping[str, int], known: Collection[str]) -> dict[str, Size]:
    """Sizes by name, every one of them among those `known` and at least 1."""
    unknown = [name for name in sizes if name not in known]
    if unknown:
        there = f"the sizes of this cost are {', '.join(sorted(known))}" if known else "this cost holds numbers alone"
        raise ShapeError(f"there is no size called {', '.join(unknown)}: {there}")
    values = {name: size(s) for name, s in sizes.items()}
    for name, s in values.items():
        if isinstance(s, int) and s < 1:
            raise ShapeError(f"the size {name} must be at least 1, not {s}")
    return values


def table(columns: Sequence[tuple[str, Cost]]) -> str:
    """Costs side by side, each under its title, and the convention below."""
    rows = [["", *(title for title, _ in columns)]] if any(title for title, _ in columns) else []
    for label, name in _LABELS.items():
        rows.append([label, *(_text(getattr(c, name)) for _, c in columns)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, CONVENTION])


def _text(s: Size) -> str:
    if not isinstance(s, Dim):
        return f"{s:,}"
    return factored(s) if len(s.symbols) <= _MANY_SYMBOLS else str(s)


_LABELS = {
    "multiplications": "multiplications", "additions": "additions", "comparisons": "comparisons",
    "special functions": "special", "MACs": "macs", "FLOPs": "flops", "parameters": "parameters",
}  # fmt: skip


# Counting ----------------------------------------------------------------------------------------------------------


def count(order: Iterable[Node], without: Collection[Node] = ()) -> Cost:
    """What the nodes cost, arguments before users; those in `without` are paid for elsewhere."""
    known: set[Node] = set()
    alike: dict[object, list] = {}  # nodes that cost the same, with how many there are
    for n in order:
        if not n.shape and n.op is not LEAF and all(a in known for a in n.args):
            known.add(n)  # a scalar made of constants and sizes
        elif n not in without:
            key = n.op, n.shape, n.attrs, tuple([a if a.op is CONST else a.shape for a in n.args])
            if key in alike:
                alike[key][1] += 1
            else:
                alike[key] = [n, 1]
    return add_up([(k, cost[n.op](n)) for n, k in alike.values()])


def saved(order: Sequence[Node], forward: Collection[Node]) -> dict[Kind, Size]:
    """How many entries of each kind the rest of a program reads of what its forward part computed.

    Not counted: inputs, and what depends on none (constants, `eye`). A view stands for the array it looks into.
    """
    computed: set[Node] = set()
    kept: dict[Node, None] = {}
    for n in order:
        if n.op is LEAF or any(a in computed for a in n.args):
            computed.add(n)
        if n not in forward:
            kept.update((_array(a), None) for a in n.args if a in forward and a in computed)
    found: dict[Kind, list[Size]] = {}
    for n in kept:
        if n.op is not LEAF:
            found.setdefault(n.kind, []).append(entries(n))
    return {kind: sum_of(sizes) for kind, sizes in found.items()}


def _array(n: Node) -> Node:
    while n.op in VIEWS:
        n = n.args[0]
    return n


@dataclass(frozen=True)
class DerivationCost:
    """What a loss costs, and what its gradients cost beyond it, counted in the one program that answers both.

    >>> import chainrule as cr
    >>> d = cr.derive(lambda X, Y, W, V: cr.sum((cr.tanh(X @ W) @ V - Y) ** 2), wrt=["W", "V"],
    ...               X="n d", Y="n k", W="d h", V="h k")
    >>> d.cost.forward.macs, d.cost.backward.macs, d.cost.saved_bytes()
    (Dim(n·d·h + n·h·k), Dim(n·d·h + 2·n·h·k), Dim(4·n·h + 4·n·k))
    >>> d.cost.at(n=100, d=784, h=64, k=10).ratio  # nobody needs the gradient in X
    1.0125944...
    """

    forward: Cost
    backward: Cost  # its parameters are 0: they are the forward pass's
    saved: Mapping[Kind, Size]  # entries that the backward pass reads of what the forward pass computed

    @property
    def total(self) -> Cost:
        """Forward and backward."""
        return self.forward + self.backward

    @property
    def parameters(self) -> Size:
        return self.forward.parameters

    @property
    def ratio(self) -> float:
        """Backward MACs for each forward MAC, at sizes that are numbers."""
        back, ahead = self.backward.macs, self.forward.macs
        if isinstance(back, Dim) or isinstance(ahead, Dim):
            names = sorted(symbols_of((back, ahead)))
            raise ShapeError(f"the ratio depends on {', '.join(names)}: ask d.cost.at({names[0]}=..., ...).ratio")
        if not ahead:
            raise GraphError("there is no matrix product in the forward pass, so there are no MACs to compare with")
        return back / ahead

    def saved_bytes(self, itemsize: int = 4) -> Size:
        """The memory of what the backward pass reads of the forward pass's results, in bytes.

        Neither inputs nor parameters are counted, and an array once, however many views look into it. `itemsize` is a
        real number's: 4 for float32, 8 for float64. A boolean takes 1, an integer 8, as in both engines.
        """
        bytes_of = {BOOLEAN: 1, INTEGER: 8}
        return sum_of(bytes_of.get(kind, itemsize) * s for kind, s in self.saved.items())

    def at(self, **sizes: int) -> DerivationCost:
        """All counts at the given sizes; those not given stay symbols."""
        known = self.forward.symbols | self.backward.symbols | symbols_of(self.saved.values())
        values = checked(sizes, known)
        left: dict[Kind, Size] = {kind: substitute(s, values) for kind, s in self.saved.items()}
        return DerivationCost(self.forward._at(values), self.backward._at(values), left)

    def __str__(self) -> str:
        memory = f"saved for the backward pass: {_text(self.saved_bytes())} bytes, at 4 for each real number"
        return f"{table([('forward', self.forward), ('backward', self.backward)])}\n{memory}"


# The rules ---------------------------------------------------------------------------------------------------------

Rule = Callable[[Node], Cost]
cost = Table("cost")
"""Op -> Rule. The cost of an operation that has no rule is that of its meaning."""


def each(multiplications: int = 0, additions: int = 0, comparisons: int = 0, special: int = 0) -> Rule:
    """So many for each entry of the result."""
    one = Cost(multiplications, additions, comparisons, special)
    return lambda n: entries(n) * one


def file(rule: Rule, *ops: object) -> None:
    cost(*ops)(rule)  # type: ignore[arg-type]


file(
    lambda n: Cost(), LEAF, CONST, SIZE, A.NEG, A.WHERE, A.STOP, A.AND, A.OR, A.NOT, E.ABS,
    M.BROADCAST, M.EXPAND, M.SQUEEZE, M.RESHAPE, M.TRANSPOSE, M.FLIP, L.DIAG, L.EYE,
    I.SLICE, I.PAD, I.TAKE, I.GATHER, I.CONCATENATE, I.STACK, I.ONE_HOT, I.ARANGE,
)  # fmt: skip
file(each(multiplications=1), A.MUL)
file(each(additions=1), A.ADD, A.SUB)
file(
    each(comparisons=1),
    A.LESS, A.LESS_EQUAL, A.GREATER, A.GREATER_EQUAL, A.EQUAL, A.MAXIMUM, A.MINIMUM, E.RELU, E.SIGN,
)  # fmt: skip
file(each(comparisons=2), A.CLIP)
file(
    each(special=1),
    A.DIV, A.LOG, A.XDIVY, E.EXP, E.EXPM1, E.LOG1P, E.SQRT, E.SIN, E.COS, E.TANH, E.ERF, E.SIGMOID, E.SOFTPLUS,
)  # fmt: skip
file(each(multiplications=1, special=1), A.XLOGY)


@cost(A.POW)
def power(n: Node) -> Cost:
    k = number(n.args[1])
    if k is None or k != k or not 0 <= k <= _LARGEST_POWER or k != int(k):
        return Cost(special=entries(n))
    bits = f"{int(k):b}"
    return Cost(multiplications=(len(bits) + bits.count("1") - 2 if k else 0) * entries(n))


@cost(E.LEAKY_RELU)
def leaky_relu(n: Node) -> Cost:
    return entries(n) * Cost(multiplications=int(n.attr("slope") != 1), comparisons=1)


@cost(E.ELU)
def elu(n: Node) -> Cost:
    return entries(n) * Cost(multiplications=int(n.attr("alpha") != 1), comparisons=1, special=1)


# Reductions: N entries to M


def _many_to_few(n: Node) -> tuple[Size, Size]:
    return entries(n.args[0]), entries(n)


def _rows(n: Node) -> tuple[Size, Size]:
    """The entries of a softmax, and how many rows they make."""
    return entries(n), total(s for k, s in enumerate(n.shape) if k not in n.attr("axis"))


@cost(M.SUM, L.TRACE)
def sum_(n: Node) -> Cost:
    few = entries(n)
    many = entries(n.args[0]) if n.op is M.SUM else n.args[0].shape[0]
    return Cost(additions=many - few)


@cost(R.MEAN)
def mean(n: Node) -> Cost:
    many, few = _many_to_few(n)
    return Cost(additions=many - few, special=few)


@cost(R.MAX, R.MIN, R.ARGMAX)
def largest(n: Node) -> Cost:
    many, few = _many_to_few(n)
    return Cost(comparisons=many - few)


@cost(R.NORM)
def norm(n: Node) -> Cost:
    many, few = _many_to_few(n)
    return Cost(multiplications=many, additions=many - few, special=few)


@cost(R.SOFTMAX)
def softmax(n: Node) -> Cost:  # e = exp(x − max x); e / Σe
    many, few = _rows(n)
    return Cost(comparisons=many - few, additions=2 * many - few, special=2 * many)


@cost(R.LOG_SOFTMAX)
def log_softmax(n: Node) -> Cost:  # y = x − max x; y − log Σ e^y
    many, few = _rows(n)
    return Cost(comparisons=many - few, additions=3 * many - few, special=many + few)


@cost(R.LOGSUMEXP)
def logsumexp(n: Node) -> Cost:  # m = max x; m + log Σ e^(x − m)
    many, few = _many_to_few(n)
    return Cost(comparisons=many - few, additions=2 * many, special=many + few)


@cost(I.PUT, I.SCATTER)
def scatter(n: Node) -> Cost:
    return Cost(additions=entries(n.args[0]))


# Contractions


def products(combinations: Size, results: Size) -> Cost:
    """Sums of products of two: so many products, added up to so many results."""
    return Cost(multiplications=combinations, additions=combinations - results, macs=combinations)


@cost(L.MATMUL)
def matmul(n: Node) -> Cost:
    return products(entries(n) * n.args[0].shape[-1], entries(n))


@cost(L.OUTER)
def outer(n: Node) -> Cost:
    return products(entries(n), entries(n))


@cost(L.EINSUM)
def einsum(n: Node) -> Cost:
    ins, _, out = n.attr("spec").partition("->")
    sizes = {letter: s for part, a in zip(ins.split(","), n.args) for letter, s in zip(part, a.shape)}
    left = [frozenset(part) for part in ins.split(",")]

    def span(letters: Iterable[str]) -> Size:
        return total(sizes[letter] for letter in letters)

    if len(left) == 1:
        return Cost(additions=span(left[0]) - span(out))
    steps = []
    while len(left) > 1:
        pairs = [_Pair(left, i, j, out) for i, j in combinations(range(len(left)), 2)]
        pair = min(pairs, key=lambda p: (len(p.both), len(p.needed)))
        step = products(span(pair.both), span(pair.needed))
        steps.append((1, replace(step, macs=0) if pair.entry_by_entry else step))
        left = pair.left
    return add_up(steps)


class _Pair:
    """Two arguments of an einsum, to be made one."""

    def __init__(self, args: Sequence[frozenset[str]], i: int, j: int, out: str):
        rest = [part for k, part in enumerate(args) if k not in (i, j)]
        self.both = args[i] | args[j]
        self.needed = self.both & frozenset(out).union(*rest)  # the indices of their product
        self.entry_by_entry = self.needed == self.both in (args[i], args[j])
        self.left = [self.needed, *rest]
