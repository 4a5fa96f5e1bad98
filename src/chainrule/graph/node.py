"""The graph: an `Op` says what an operation is; a `Node` is one use of it.

Nodes are immutable and *unique*: building the same thing twice gives the same object, so ``is`` is equality and
common subexpressions are shared by construction. Names, origin lines and roles belong to the traced graph, not here.
"""

from __future__ import annotations

import sys
import threading
import unicodedata
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from numbers import Integral, Real
from typing import Any, Literal
from weakref import WeakValueDictionary

from .constants import decode, encode, scalar
from .dims import Dim, Shape, shape_text, size, total
from .errors import ChainruleError, GraphError, KindError, ShapeError
from .origin import calling_line, is_library

Kind = Literal["real", "integer", "boolean"]
REAL: Kind = "real"
INTEGER: Kind = "integer"
BOOLEAN: Kind = "boolean"

OPS: dict[str, Op] = {}
"""Every operation by its name; a pickled node finds its operation here."""

OPERATORS: dict[str, Callable[..., Any]] = {}
"""What Python's operators on nodes build, filed by the operations' own modules: ``OPERATORS["add"] = ADD``."""


def promote(*kinds: Kind, **attrs: object) -> Kind:
    """The kind of an arithmetic result: real if any part is real; booleans count as the integers 0 and 1."""
    return REAL if REAL in kinds else INTEGER


class Op:
    """One operation, in one record.

    name      unique; what printed programs and errors call it
    shape     (*argument shapes, **attrs) -> shape          checks, and computes the result's shape
    vjp       (g, y, *args, **attrs) -> [g_arg, ...]        cotangents as graph; None where none flows
    meaning   (*args, **attrs) -> Node                      the same thing in simpler operations
    kind      a kind, or (*argument kinds, **attrs) -> kind
    elementwise   works entry by entry, broadcasting as NumPy does; its vjp may then answer at the result's
                  shape: reverse mode sums over what was broadcast
    commutes      op(a, b) = op(b, a), for matching
    library       defined by Chainrule itself, so that its name is taken for good

    With a `meaning` and no `vjp`, the derivative is that of the meaning.
    """

    __slots__ = ("commutes", "elementwise", "kind", "library", "meaning", "name", "shape", "vjp")

    def __init__(
        self,
        name: str,
        *,
        shape: Callable[..., Shape],
        vjp: Callable[..., Sequence[Any]] | None = None,
        meaning: Callable[..., Node] | None = None,
        kind: Kind | Callable[..., Kind] = REAL,
        elementwise: bool = False,
        commutes: bool = False,
    ):
        if not name.isidentifier():
            raise GraphError(f"an operation's name must be a Python identifier, and {name!r} is none")
        if name in OPS and OPS[name].library:
            raise GraphError(f"there is an operation named `{name}` already; choose another name")
        self.name, self.shape, self.vjp, self.meaning, self.kind = name, shape, vjp, meaning, kind
        self.elementwise, self.commutes = elementwise, commutes
        self.library = is_library(sys._getframe(1).f_code)
        OPS[name] = self

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return _op_named, (self.name,)

    def __call__(self, *args: Any, **attrs: Hashable) -> Any:
        nodes = tuple([a if type(a) is Node else node(a) for a in args])
        for a in nodes:
            if type(a) is not Node:  # a pattern of a law: no shapes to check
                return a.apply(self, nodes, attrs)  # pyright: ignore[reportAttributeAccessIssue]
        key: tuple[Any, ...] = (self, nodes, ())
        if attrs:  # 1, 1.0 and True are equal in Python and differ here
            items = tuple(sorted(attrs.items()))
            key = (self, nodes, items, tuple([type(value) for _, value in items]))
        made = _nodes.get(key)
        if made is None:
            try:
                shape = self.shape(*[a.shape for a in nodes], **attrs)
                kind: Any = self.kind if isinstance(self.kind, str) else self.kind(*[a.kind for a in nodes], **attrs)
            except (ShapeError, KindError) as error:
                raise located(type(error), self, nodes, str(error)) from None
            made = _intern(key, shape, kind)
        tracer = getattr(_local, "tracer", None)
        if tracer is not None:
            tracer.saw(made)
        return made


_NUMPY = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "power": "pow", "bitwise_and": "and", "bitwise_or": "or",
}  # fmt: skip
_METHODS = frozenset(
    ("sum", "mean", "max", "min", "var", "reshape", "transpose", "dot", "squeeze", "clip", "argmax", "take", "swapaxes")
)


class Expression:
    """What nodes and the patterns of laws have in common: Python's operators."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy asks here on ``array + node``, which is the node's to build, and in functions of its own."""
        name: str = ufunc.__name__
        if name in ("equal", "not_equal"):  # an array is no node
            return name == "not_equal"
        name = _NUMPY.get(name) or name
        if method != "__call__" or name not in OPERATORS or len(inputs) != 2 or options:
            self.__array_function__(ufunc)
        return OPERATORS[name](*inputs)

    def __array_function__(self, function: Any, *_: Any) -> Any:
        known = function.__name__ if function.__name__ in OPS else "exp"
        raise KindError(
            f"np.{function.__name__} computes with numbers, and {describe(self)} has none while the graph is being "
            f"built: take Chainrule's functions, such as cr.{known}"
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        # else NumPy would wrap the node, and np.dot multiply entry by entry
        raise KindError(f"{describe(self)} is a quantity of the graph and no array; cr.stack joins several into one")

    def __add__(self, other: Any) -> Node:
        return OPERATORS["add"](self, other)

    def __radd__(self, other: Any) -> Node:
        return OPERATORS["add"](other, self)

    def __sub__(self, other: Any) -> Node:
        return OPERATORS["sub"](self, other)

    def __rsub__(self, other: Any) -> Node:
        return OPERATORS["sub"](other, self)

    def __mul__(self, other: Any) -> Node:
        return OPERATORS["mul"](self, other)

    def __rmul__(self, other: Any) -> Node:
        return OPERATORS["mul"](other, self)

    def __truediv__(self, other: Any) -> Node:
        return OPERATORS["div"](self, other)

    def __rtruediv__(self, other: Any) -> Node:
        return OPERATORS["div"](other, self)

    def __pow__(self, other: Any) -> Node:
        return OPERATORS["pow"](self, other)

    def __rpow__(self, other: Any) -> Node:
        return OPERATORS["pow"](other, self)

    def __matmul__(self, other: Any) -> Node:
        return OPERATORS["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Node:
        return OPERATORS["matmul"](other, self)

    def __neg__(self) -> Node:
        return OPERATORS["neg"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Node:
        return OPERATORS["abs"](self)

    def __lt__(self, other: Any) -> Node:
        return OPERATORS["less"](self, other)

    def __le__(self, other: Any) -> Node:
        return OPERATORS["less_equal"](self, other)

    def __gt__(self, other: Any) -> Node:
        return OPERATORS["greater"](self, other)

    def __ge__(self, other: Any) -> Node:
        return OPERATORS["greater_equal"](self, other)

    def __and__(self, other: Any) -> Node:
        return OPERATORS["and"](self, other)

    def __or__(self, other: Any) -> Node:
        return OPERATORS["or"](self, other)

    def __invert__(self) -> Node:
        return OPERATORS["not"](self)

    def __getitem__(self, index: Any) -> Node:
        return OPERATORS["getitem"](self, index)

    @property
    def T(self) -> Node:
        """The axes reversed, as NumPy's ``.T``."""
        return OPERATORS["T"](self)


class Node(Expression):
    """One use of an operation, with the shape and the kind of its result. Built by operations, never directly."""

    __slots__ = ("__weakref__", "args", "attrs", "kind", "op", "shape")

    op: Op
    args: tuple[Node, ...]
    attrs: tuple[tuple[str, Any], ...]
    shape: Shape
    kind: Kind

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"nodes are immutable: `{name}` cannot be set")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def attr(self, name: str) -> Any:
        for key, value in self.attrs:
            if key == name:
                return value
        raise KeyError(name)

    def rebuilt(self, args: Sequence[Node]) -> Node:
        """The same operation on other arguments."""
        args = tuple(args)
        return self if args == self.args else self.op(*args, **dict(self.attrs))

    def __getattr__(self, name: str) -> Any:
        hint = f"; write cr.{name}(…)" if name in _METHODS else ""
        raise AttributeError(f"a node has no attribute {name!r}{hint}")

    def __repr__(self) -> str:
        return f"<{describe(self)} {shape_text(self.shape)}{'' if self.kind == REAL else ' ' + self.kind}>"

    def __bool__(self) -> bool:
        raise GraphError(
            f"{describe(self)} has no value while the graph is being built, so Python cannot branch on it "
            f"(if, and, or, a < b < c, ==): write cr.where(condition, a, b), `&` `|` `~`, or cr.equal(a, b)"
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError(f"{describe(self)} is a scalar and has no length")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Node]:
        if not self.shape:
            raise TypeError(f"{describe(self)} is a scalar and cannot be iterated over")
        if not isinstance(self.shape[0], int):
            raise ShapeError(
                f"the first axis of {describe(self)} has the symbolic size {self.shape[0]}, so Python cannot loop over "
                f"it; work on the whole array (cr.sum, @, ...) or give that size as a number"
            )
        return (self[k] for k in range(self.shape[0]))

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: object) -> Node:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Flat, in order of computation: a deep graph must not recurse. Loading interns every node again.
        order = walk(self)
        place = {n: k for k, n in enumerate(order)}
        return _restore, ([(n.op, tuple(place[a] for a in n.args), n.attrs) for n in order],)


_nodes: WeakValueDictionary[tuple[Any, ...], Node] = WeakValueDictionary()
_lock = threading.Lock()
_set_op, _set_args, _set_attrs, _set_shape, _set_kind = (
    Node.__dict__[slot].__set__ for slot in ("op", "args", "attrs", "shape", "kind")
)
_local = threading.local()  # .tracer: who watches the operations called in this thread


def _intern(key: tuple[Any, ...], shape: Shape, kind: Kind) -> Node:
    new = object.__new__(Node)
    _set_op(new, key[0])
    _set_args(new, key[1])
    _set_attrs(new, key[2])
    _set_shape(new, shape)
    _set_kind(new, kind)
    with _lock:
        return _nodes.setdefault(key, new)


def _op_named(name: str) -> Op:
    if name not in OPS:
        raise GraphError(
            f"this was saved with an operation `{name}` that is not defined here; define it before loading"
        )
    return OPS[name]


def _restore(records: list[tuple[Op, tuple[int, ...], tuple[tuple[str, Any], ...]]]) -> Node:
    made: list[Node] = []
    for op, args, attrs in records:
        made.append(op(*[made[k] for k in args], **dict(attrs)))
    return made[-1]


def set_tracer(tracer: Any) -> Any:
    """Let `tracer.saw(node)` be told of every operation called in this thread; answers the previous tracer."""
    previous = getattr(_local, "tracer", None)
    _local.tracer = tracer
    return previous


# Leaves ------------------------------------------------------------------------------------------------------------

LEAF = Op("leaf", shape=lambda *, name, shape, kind: shape, kind=lambda *, name, shape, kind: kind)
CONST = Op("const", shape=lambda *, kind, shape, data: shape, kind=lambda *, kind, shape, data: kind)
SIZE = Op("size", shape=lambda *, of: (), kind=INTEGER)


def identifier(name: str) -> str:
    """`name` as Python itself would read it; refuses whatever is not a plain identifier."""
    if not isinstance(name, str) or not name.isidentifier() or "·" in name:  # · is Python's to allow, and our product
        raise GraphError(f"{name!r} is no name for a quantity: it must be a Python identifier such as W1, b or yhat")
    return unicodedata.normalize("NFKC", name)


def leaf(name: str, shape: Sequence[Any] = (), kind: Kind = REAL) -> Node:
    """An input called `name`; sizes are integers or bare symbols.

    >>> leaf("W", ("n", 3))
    <W (n, 3)>
    """
    sizes = tuple(size(s) for s in shape)
    for s in sizes:
        if isinstance(s, int) and s <= 0:
            raise ShapeError(f"the input {name} has the shape {shape_text(sizes)}; every size must be at least 1")
        if not isinstance(s, int) and str(s) not in s.symbols:
            raise ShapeError(
                f"the input {name} has a size {s}; an input's sizes are integers or bare symbols such as n"
            )
    return LEAF(name=identifier(name), shape=sizes, kind=kind)


def constant(value: Any) -> Node:
    """A number or a small array as a node; keyed by kind and bytes, so 1, 1.0, True, 0.0, -0.0 and NaN differ."""
    kind, shape, data = encode(value)
    return CONST(kind=kind, shape=shape, data=data)


def value_of(n: Node) -> Any:
    """The Python number a scalar constant stands for (nested lists for an array)."""
    return decode(n.attr("kind"), n.attr("shape"), n.attr("data"))


def number(n: Node) -> int | float | bool | None:
    """The value of a scalar constant, None for any other node."""
    return scalar(n.attr("kind"), n.attr("data")) if n.op is CONST and not n.shape else None


def size_node(s: Any) -> Node:
    """A size used as a value: ``N`` in ``sum(x) / N``."""
    s = size(s)
    return constant(s) if isinstance(s, int) else SIZE(of=s)


def node(x: Any) -> Any:
    """`x` as a node: numbers and small arrays become constants, sizes become size nodes."""
    if isinstance(x, Expression):
        return x
    return SIZE(of=x) if hasattr(x, "symbols") else constant(x)


def _quotient(a: Any, b: Any) -> Node:
    """A size divided, or divided by: no size any more but a number, as in 2 / X.shape[0]. (// divides sizes.)"""
    return OPERATORS["div"](a, b)


def _with_fractions(name: str, of_sizes: Callable[..., Any], operator: str) -> Callable[..., Any]:
    """A size with a fraction, as in d**0.5 or 0.1 * n, is no size either but a number."""

    def rule(a: Any, b: Any) -> Any:
        if isinstance(b, Real) and not isinstance(b, Integral):
            return OPERATORS[operator](b, a) if name.startswith("__r") else OPERATORS[operator](a, b)
        return of_sizes(a, b)

    return rule


# Here, because sizes lie below nodes and know nothing of them.
for _name, _rule in {"__truediv__": _quotient, "__rtruediv__": lambda b, a: _quotient(a, b)}.items():
    setattr(Dim, _name, _rule)
for _name in ("add", "sub", "mul", "pow"):
    for _side in (f"__{_name}__", f"__r{_name}__"):
        _of_sizes = getattr(Dim, _side, lambda a, b: NotImplemented)
        setattr(Dim, _side, _with_fractions(_side, _of_sizes, _name))


# Reading -----------------------------------------------------------------------------------------------------------


def walk(*roots: Node, stop: Container[Node] = ()) -> list[Node]:
    """Every node once, arguments before users; none below those in `stop`.

    Never recursive: graphs may be deeper than Python's stack.
    """
    done: dict[Node, None] = {}
    stack = list(reversed(roots))
    while stack:
        n = stack[-1]
        if n in done:
            stack.pop()
            continue
        todo = [a for a in n.args if a not in done] if n not in stop else []
        if todo:
            stack.extend(reversed(todo))
        else:
            done[n] = None
            stack.pop()
    return list(done)


def varying(order: Iterable[Node]) -> set[Node]:
    """The inputs among the nodes, given arguments before users, and what depends on them; the rest are constants."""
    found: set[Node] = set()
    for n in order:
        if n.op is LEAF or any(a in found for a in n.args):
            found.add(n)
    return found


def describe(n: Any) -> str:
    """A few words for errors: the quantity's name if it has one, else how it was made."""
    if not isinstance(n, Node):
        return repr(n)
    tracer = getattr(_local, "tracer", None)
    name = tracer.name_of(n) if tracer is not None else None
    if name is not None:
        return name
    if n.op is LEAF:
        return n.attr("name")
    if n.op is CONST:
        return str(value_of(n)) if not n.shape else "a constant"
    if n.op is SIZE:
        return str(n.attr("of"))
    return f"{n.op.name}(…)"


def located(error: type[ChainruleError], op: Op, args: Sequence[Node], why: str) -> ChainruleError:
    """An error in the user's terms: the operation, its arguments' names and shapes, the line that called it."""
    signs = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "pow": "**"}
    names = [describe(a) for a in args]
    call = f" {signs[op.name]} ".join(names) if op.name in signs else f"{op.name}({', '.join(names)})"
    what = [f"{n} is {shape_text(a.shape)}{'' if a.kind == REAL else ' ' + a.kind}" for n, a in zip(names, args)]
    where = calling_line()
    return error(
        f"{call}: {why}" + (f"; {', '.join(dict.fromkeys(what))}" if what else "") + (f"\n  {where}" if where else "")
    )


def entries(n: Node) -> Any:
    """How many numbers `n` holds, as a size."""
    return total(n.shape)
