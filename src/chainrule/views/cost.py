"""What a program costs, counted node by node, as polynomials in the sizes.

Multiplications, additions (subtractions too), comparisons and special functions (division, sqrt, exp, log, σ, ...) are
counted apart, one each, entry by entry of the result. The conventions, for everything that is a matter of convention:

x^k          x² is one multiplication, x³ two, x⁸ three: repeated squaring, up to k = 64; any other power is one special
free         −x, |x|, copies, moves (reshape, transpose, broadcast, pad, concatenate), selection (where, take, slices,
             one_hot), `&` `|` `~`; and scalars made of constants and sizes alone, computed once, such as 2/N in 2/N · x
A @ B        (n, k)(k, m): n·m·k multiplications, n·m·(k − 1) additions; a bᵀ is the product with k = 1
conv2d       a kernel (a, b, c, o) at i·j positions of n images: n·i·j·a·b·c·o multiplications, padding's zeros too, and
             as many additions, less one for each entry of the result; its gradients likewise
einsum       two arguments: one multiplication for each combination of all the indices; more: two at a time, first the
             pair with the fewest indices, then with the fewest in its result. NumPy may know a cheaper order
sum, max     N entries to M: N − M additions, or comparisons; a mean divides M times more
softmax      as it is computed without overflow: maximum, subtraction, exp, sum, division; its logarithm likewise
relu, sign   one comparison; leaky_relu and elu multiply by their constant too, unless it is 1
x log y      one special, one multiplication; a division guarded against 0/0 is one special: guards are not counted
scatter      one addition for each entry that is put back

MACs are the multiplications in contractions (`@`, outer products, convolutions, einsum unless it works entry by entry),
each taken with its addition: n·m·k for A @ B, though the first product of each sum is added to nothing. FLOPs = 2·MACs.
Other counters call a MAC one FLOP, or count n·m·(k − 1) additions, or add those of a bias: they differ by a factor of 2
on one layer, and rarely say why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from ..graph.dims import Dim, Size, sum_of, total
from ..graph.node import CONST, LEAF, SIZE, Node, entries, number
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import convolution as C
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from ..ops.memory import AGAIN, array_of
from .counts import Cost, add_up

Rule = Callable[[Node], Cost]
cost = Table("cost")
"""Op -> Rule. The cost of an operation that has no rule is that of its meaning."""

_LARGEST_POWER = 64


# Counting ----------------------------------------------------------------------------------------------------------


def count(order: Iterable[Node]) -> Cost:
    """What the nodes cost, arguments before users."""
    order = list(order)
    return Tally(order)(order)


class Tally:
    """Counts nodes of one program, arguments before users, as often as asked: ``Tally(order)(some_of_them)``.

    parameters    those whose additions in a sum with the result of a contraction are counted as biases too
    """

    def __init__(self, order: Iterable[Node], parameters: Collection[Node] = ()):
        order = list(order)
        self._alike: dict[object, Cost] = {}  # nodes that cost the same
        self._biases = self._find_biases(order, frozenset(parameters))
        self._free: set[Node] = set()  # scalars made of constants and sizes
        for n in order:
            if not n.shape and n.op is not LEAF and all(a in self._free for a in n.args):
                self._free.add(n)

    def __call__(self, nodes: Iterable[Node]) -> Cost:
        found: dict[object, int] = {}
        biases = []
        for n in nodes:
            if n not in self._free:
                key = self._key(n)
                found[key] = found.get(key, 0) + 1
                if n in self._biases:
                    biases.append(entries(n))
        return add_up([(1, Cost(biases=sum_of(biases))), *((k, self._alike[key]) for key, k in found.items())])

    def _key(self, n: Node) -> object:
        """What `_alike` knows the node's cost by."""
        key = n.op, n.shape, n.attrs, tuple([a if a.op is CONST else a.shape for a in n.args])
        if key not in self._alike:
            self._alike[key] = cost[n.op](n)
        return key

    def _find_biases(self, order: Sequence[Node], parameters: Collection[Node]) -> set[Node]:
        """The additions of a parameter in sums that hold the result of a contraction, wherever it stands in them."""
        if not parameters:
            return set()
        sums = [n for n in order if n.op in (A.ADD, A.SUB)]
        alone = set(parameters)  # sums of parameters too: b + c
        joined: set[Node] = set()
        for n in sums:
            terms = [array_of(a) for a in n.args]
            if all(a in alone for a in terms):
                alone.add(n)
            if any(a in joined or self._contracts(a) for a in terms):
                joined.add(n)
        for n in reversed(sums):
            if n in joined:
                joined.update(a for a in map(array_of, n.args) if a.op in (A.ADD, A.SUB))
        return {n for n in joined if n.op is A.ADD and any(array_of(a) in alone for a in n.args)}

    def _contracts(self, n: Node) -> bool:
        return n.op is not LEAF and n.op in cost and self._alike[self._key(n)].macs != 0


# The rules ---------------------------------------------------------------------------------------------------------


def each(multiplications: int = 0, additions: int = 0, comparisons: int = 0, special: int = 0) -> Rule:
    """So many for each entry of the result."""
    one = Cost(multiplications, additions, comparisons, special)
    return lambda n: entries(n) * one


def file(rule: Rule, *ops: object) -> None:
    cost(*ops)(rule)  # type: ignore[arg-type]


file(
    lambda n: Cost(), LEAF, CONST, SIZE, A.NEG, A.WHERE, A.STOP, A.AND, A.OR, A.NOT, E.ABS, AGAIN,
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
    return Cost(multiplications=combinations, additions=combinations - results, macs=combinations, results=results)


@cost(L.MATMUL)
def matmul(n: Node) -> Cost:
    return products(entries(n) * n.args[0].shape[-1], entries(n))


@cost(L.OUTER)
def outer(n: Node) -> Cost:
    return products(entries(n), entries(n))


@cost(C.CONV, C.CONV_KERNEL, C.CONV_INPUT)
def convolution(n: Node) -> Cost:
    return products(*_products_and_sums(n))


def _products_and_sums(n: Node) -> tuple[Size, Size]:
    """How many products of two numbers an operation forms, and to how many results it adds them up."""
    if n.op is C.CONV:
        w = n.args[1]
        return total(n.shape) * total(w.shape[:3]), total(n.shape)
    if n.op is C.CONV_KERNEL:
        g = n.args[1]
        return total(g.shape[:-1]) * total(n.shape), total(n.shape)
    g, w = n.args
    reached = [_reached(i, a, s) for i, a, s in zip(g.shape[-3:-1], w.shape[:2], n.attr("stride"))]
    return total(g.shape) * total(w.shape[:3]), total((*n.shape[:-3], *reached, w.shape[2]))


def _reached(positions: Size, kernel: Size, stride: int) -> Size:
    """The pixels along an axis that any position covers; a kernel of symbolic size is taken to leave no gaps."""
    step = stride if isinstance(kernel, Dim) else min(stride, kernel)
    return (positions - 1) * step + kernel


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
        steps.append((1, replace(step, macs=0, results=0) if pair.entry_by_entry else step))
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
