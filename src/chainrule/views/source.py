"""The graph as the Python function a person could have written, one statement for each node. Engines run exactly this.

A dialect says how each operation is written for one array library. Only identifiers of ours reach the text: a name that
Python or the program needs for itself is changed, and everything else was checked when the leaf was made.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from ..graph.dims import Dim, Shape, Size, always_positive, python, substitute, symbol
from ..graph.errors import MissingRule
from ..graph.node import BOOLEAN, CONST, LEAF, REAL, SIZE, Node, number, value_of, walk
from ..graph.table import Table
from ..ops import arithmetic as A
from ..ops import elementary as E
from ..ops import indexing as I
from ..ops import linear as L
from ..ops import movement as M
from ..ops import reduce as R
from ..ops.memory import AGAIN, VIEWS

Rule = Callable[..., str]
"""(printer, node, *argument texts) -> the expression"""

_SOMETIMES_VIEWS = frozenset({L.DIAG, L.EINSUM})  # NumPy's: of a matrix, of a single argument
_ANY_KIND = frozenset({M.SUM, R.MEAN, R.ARGMAX, I.ONE_HOT, M.BROADCAST})  # take whatever kind of number there is
_INDEX = frozenset({I.TAKE, I.PUT, I.GATHER, I.SCATTER})  # all arguments but the first are positions

_ARRAYS_ONLY = frozenset({A.XLOGY, A.XDIVY})  # a Python number among their arguments would make the result float64

_IN_PLACE = {A.ADD: "+=", A.SUB: "-=", A.MUL: "*=", A.DIV: "/="}
_INTO_SECOND = {A.SUB: "subtract", A.DIV: "divide"}  # where only the second argument's array is free
_OF_POSITIVE_NUMBERS = {E.SQRT: "sqrt", A.LOG: "log", E.LOG1P: "log1p", E.TANH: "tanh", E.ERF: "erf"}
_WIDTH = 56


@dataclass(frozen=True)
class Dialect:
    """How programs are written for one array library."""

    title: str
    alias: str  # what the library is called in the program
    imports: Mapping[str, str]  # alias -> the line that imports it
    kernel: Table
    helpers: tuple[Callable[..., object], ...]  # functions that a program may print above itself
    reuses_memory: bool  # may a statement write into an array that the program allocated?


@dataclass
class Program:
    """A printed program: its text, and what its arguments and results are."""

    text: str
    function: str  # the name it is defined under
    inputs: list[Node]
    outputs: list[Node]


def print_program(
    name: str,
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    dialect: Dialect,
    names: Mapping[Node, str] | None = None,
    written: Container[Node | None] = (),
    precision: str = "float64",
    order: Sequence[Node] | None = None,
) -> Program:
    """The program that computes `outputs` from `inputs`, every operation having a rule in the dialect's kernel table.

    What a person has `written` keeps its name to itself; a gradient's array may be scaled, `dW *= lr`.
    It computes in the precision of its real inputs, and in `precision` where there are none.
    Given the `order` of its nodes, it follows that, and lets go of each array (`del h`) once it was read last.
    """
    printer = _Printer(dialect, inputs, outputs, names or {}, written, precision, order)
    function = normalize("NFKC", name) if name.isidentifier() else "f"
    while function in printer.taken or hasattr(builtins, function):  # the helpers, too, would see it
        function += "_"
    return Program(printer.program(function), function, list(inputs), list(outputs))


class _Printer:
    """One walk over the graph. Kernel rules use its `size`, `shape`, `dtype`, `imported` and `helper`."""

    def __init__(
        self,
        dialect: Dialect,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        names: Mapping[Node, str],
        written: Container[Node | None],
        precision: str,
        order: Sequence[Node] | None = None,
    ):
        self.dialect, self.inputs, self.outputs, self.names = dialect, inputs, outputs, names
        self.written = written
        self.precision = precision
        self.order = walk(*outputs) if order is None else list(order)
        self.lets_go = order is not None and dialect.reuses_memory
        self.known = _known_scalars(self.order)
        self.imports: dict[str, None] = {dialect.alias: None}
        self.helpers: dict[Callable[..., object], None] = {}
        self.needs_dtype = False
        self.taken = (
            set(keyword.kwlist) | set(dialect.imports) | {"dtype", "float", "int", "__debug__"} | _helper_names(dialect)
        )
        self.text: dict[Node, str] = {}
        self.symbols: dict[str, str] = {}
        self.lines: list[str] = []
        self.made: set[str] = set()  # variables that hold an array of the program's own
        self.notes: dict[Shape, str] = {}
        self.temporaries = 0

    # What kernel rules ask for --------------------------------------------------------------------------------

    def size(self, s: Size) -> str:
        """A size as a Python expression in the program's own variables."""
        if isinstance(s, int):
            return str(s)
        for name in sorted(s.symbols):
            self._symbol(name)
        return python(substitute(s, {name: symbol(self.symbols[name]) for name in s.symbols}))

    def shape(self, shape: Shape) -> str:
        return "(" + ", ".join(map(self.size, shape)) + ("," if len(shape) == 1 else "") + ")"

    @property
    def dtype(self) -> str:
        """The name of the program's floating-point type."""
        self.needs_dtype = True
        return "dtype"

    def imported(self, alias: str) -> str:
        self.imports[alias] = None
        return alias

    def helper(self, function: Callable[..., object]) -> str:
        """The name of a function whose source is printed above the program."""
        self.helpers[function] = None
        return function.__name__

    # The program -----------------------------------------------------------------------------------------------

    def program(self, name: str) -> str:
        self.taken.add(name)
        for n in self.inputs:
            self.text[n] = self._fresh(n.attr("name"))
        self._reserve_names()
        self.taking_over = self._taking_over() if self.dialect.reuses_memory else {}
        for n in reversed(self.order):  # an array that is updated in place has its final name from the start
            if n in self.taking_over and n in self.reserved:
                self.reserved[self.taking_over[n][0]] = self.reserved[n]
        last = self._last_reads() if self.lets_go else {}
        for n in self.order:
            if n.op is LEAF and n not in self.text:
                raise MissingRule(f"the input {n.attr('name')} is used by the program but is not among its arguments")
            if n not in self.text:
                self._statement(n)
            if n in last:
                self._let_go(last[n])
        returned = ", ".join(self._result(n, k) for k, n in enumerate(self.outputs))
        body = self._sizes() + self.lines + [f"    return {returned}"]
        head = [f"def {name}({', '.join(self.text[i] for i in self.inputs)}):"]
        imports = [line for alias, line in self.dialect.imports.items() if alias in self.imports]
        helpers = ["\n\n" + inspect.getsource(f).rstrip() for f in self.helpers]
        return "\n".join([*imports, *helpers, "\n", *head, *body]) + "\n"

    def _statement(self, n: Node) -> None:
        inline = self._inline(n)
        if inline is not None:
            self.text[n] = inline
            return
        if n in self.taking_over:
            mine, other = self.taking_over[n]
            variable, second = self.text[mine], self.text[other]
            if mine is n.args[0] or n.op.commutes:
                code = f"{variable} {_IN_PLACE[n.op]} {second}"
            else:
                code = f"{self.dialect.alias}.{_INTO_SECOND[n.op]}({second}, {variable}, out={variable})"
        else:
            variable = self.reserved[n] if n in self.reserved else self._temporary()
            code = f"{variable} = {self._expression(n)}"
        self.text[n] = variable
        self.made.add(variable)
        self.lines.append(f"    {code:<{_WIDTH}}# {self._noted(n.shape)}")

    def _last_reads(self) -> dict[Node, list[Node]]:
        """n -> the nodes that no statement after n's reads, directly or through an expression printed in place."""
        place = {n: k for k, n in enumerate(self.order)}
        read = dict.fromkeys(self.outputs, len(self.order))
        for n in reversed(self.order):
            if n.op in (LEAF, CONST, SIZE):
                continue
            for a in n.args[:1] if n.op is AGAIN else n.args:
                # an expression printed in place reads where it is printed; `t += b` goes on with t's array
                goes_on = n.op in VIEWS or a is self.taking_over.get(n, (None,))[0]
                read[a] = max(read.get(a, 0), read.get(n, 0) if goes_on else 0, place[n])
        found: dict[Node, list[Node]] = {}
        for n, at in read.items():
            if at < len(self.order) and n.op not in (LEAF, CONST, SIZE, AGAIN, A.STOP) and n.shape:
                found.setdefault(self.order[at], []).append(n)
        return found

    def _let_go(self, nodes: Iterable[Node]) -> None:
        """Their arrays are read no more; views in use keep theirs alive."""
        names = dict.fromkeys(self.text[n] for n in nodes if self.text[n].isidentifier() and self.text[n] in self.made)
        if names:
            self.lines.append(f"    del {', '.join(names)}")
            self.made -= names.keys()

    def _expression(self, n: Node) -> str:
        if n in self.known and n.op in _OF_POSITIVE_NUMBERS:
            return f"{self.imported('math')}.{_OF_POSITIVE_NUMBERS[n.op]}({self.text[n.args[0]]})"
        return self.dialect.kernel[n.op](self, n, *[self._argument(n, k, a) for k, a in enumerate(n.args)])

    def _argument(self, n: Node, slot: int, a: Node) -> str:
        """`a` as `n` computes with it: its own kind of number in the program's precision, an array if need be."""
        text = self.text[a]
        position = slot > 0 if n.op in _INDEX else slot == 0 and n.op is A.WHERE
        kind = a.kind if position or n.op in _ANY_KIND or n.kind == BOOLEAN else n.kind
        if a in self.known:
            beside_array = n.op.elementwise and n.op not in _ARRAYS_ONLY and any(b not in self.known for b in n.args)
            number = n in self.known or position or beside_array or n.op in (A.WHERE, M.BROADCAST)
            return text if number else self._array(a, kind)
        if kind == a.kind:
            return text
        return f"{text}.astype({self.dtype if kind == REAL else 'int'})"

    def _array(self, a: Node, kind: str) -> str:
        """A number as an array without axes."""
        return f"{self.dialect.alias}.array({self.text[a]}{f', {self.dtype}' if kind == REAL else ''})"

    def _inline(self, n: Node) -> str | None:
        """Constants, sizes, and views that read as part of the expression that uses them."""
        if n.op is CONST and not n.shape:
            value = value_of(n)
            if isinstance(value, float) and not math.isfinite(value):
                return f'float("{value}")'
            return f"({value!r})" if value < 0 else repr(value)
        if n.op is SIZE:
            text = self.size(n.attr("of"))
            return text if text.isidentifier() else f"({text})"
        if n in self.reserved:
            return None
        if n.op is A.STOP:
            return self.text[n.args[0]]
        if n.op is AGAIN:  # only an engine that orders its work itself needs to be told
            code = self._expression(n)
            return code if code == self.text[n.args[0]] else None
        if (n.op is M.TRANSPOSE and n.ndim == 2) or n.op is M.EXPAND:
            return self.dialect.kernel[n.op](self, n, self.text[n.args[0]]) if n.args[0].shape else None
        return None

    def _taking_over(self) -> dict[Node, tuple[Node, Node]]:
        """n -> (a, b) where n is computed into a, as in `a += b`: an array of the program's own, not read again."""
        last, found = _last_uses(self.order, self.outputs), {}
        viewed = {a for n in self.order if self._is_view(n) for a in n.args}
        for k, n in enumerate(self.order):
            if n.op not in _IN_PLACE or n.kind != REAL or not n.shape:
                continue
            for mine, other in (n.args, n.args[::-1]):
                fits = mine.shape == n.shape and mine.kind == REAL and (other.kind == REAL or other in self.known)
                own = not self._is_view(mine) and mine.op not in (LEAF, CONST) and mine not in viewed
                scaled = mine not in self.written and n not in self.names and not other.shape
                free = mine not in self.names or scaled
                if fits and own and free and last[mine] == k and mine is not other:
                    found[n] = mine, other
                    break
        return found

    def _is_view(self, n: Node) -> bool:
        return n.op in VIEWS | _SOMETIMES_VIEWS and (len(n.args) == 1 or n.op is AGAIN) and n.args[0] not in self.known

    def _result(self, n: Node, place: int) -> str:
        """A result is an array of its own: no view of an input, of a constant, or of another result."""
        if n in self.known:
            return self._array(n, n.kind)
        shared = self._is_view(n) or n.op is LEAF or n in self.outputs[:place]
        return f"{self.text[n]}.copy()" if self.dialect.reuses_memory and shared else self.text[n]

    def _noted(self, shape: Shape) -> str:
        if shape not in self.notes:
            self.notes[shape] = ", ".join(map(str, shape)) or "scalar"
        return self.notes[shape]

    # Names and sizes -------------------------------------------------------------------------------------------

    def _reserve_names(self) -> None:
        self.reserved = {}
        for n in self.order:
            if n in self.names and n.op not in (LEAF, CONST, SIZE):
                self.reserved[n] = self._fresh(self.names[n])

    def _fresh(self, name: str) -> str:
        name = wanted = normalize("NFKC", name)  # as Python reads it
        k = 1
        while wanted in self.taken:
            k += 1
            wanted = f"{name}_" if k == 2 else f"{name}_{k}"
        self.taken.add(wanted)
        return wanted

    def _temporary(self) -> str:
        self.temporaries += 1
        return self._fresh(f"t{self.temporaries}")

    def _symbol(self, name: str) -> None:
        if name not in self.symbols:
            self.symbols[name] = self._fresh(name if name not in self.taken else f"size_{name}")

    def _sizes(self) -> list[str]:
        """Bind each symbol that the program uses, and the floating-point type, from the arguments."""
        lines, missing = [], dict(self.symbols)
        for n in self.inputs:
            bound = [missing.pop(str(s), None) if isinstance(s, Dim) else None for s in n.shape]
            if all(bound) and bound:
                comma = "," if len(bound) == 1 else ""
                lines.append(f"    {', '.join(map(str, bound))}{comma} = {self.text[n]}.shape")
            else:
                lines += [f"    {v} = {self.text[n]}.shape[{k}]" for k, v in enumerate(bound) if v]
        if missing:
            raise MissingRule(f"no input has the size {', '.join(missing)}, so the program cannot know it")
        if self.needs_dtype:
            real = [self.text[n] for n in self.inputs if n.kind == REAL]
            lines.append(
                f"    dtype = {real[0]}.dtype" if real else f"    dtype = {self.dialect.alias}.{self.precision}"
            )
        return lines


def _known_scalars(order: Iterable[Node]) -> set[Node]:
    """Scalars made of constants and sizes alone: plain Python numbers, which leave an array's precision as it is.

    Only where Python cannot raise: 1/0 and the like are left to the arrays, which follow IEEE 754.
    """
    known: set[Node] = set()
    positive: set[Node] = set()
    for n in order:
        if n.shape or any(a not in known for a in n.args):
            continue
        positives = all(a in positive for a in n.args)
        if n.op is CONST:
            known.add(n)
            positives = (number(n) or 0) > 0
        elif n.op is SIZE:
            known.add(n)
            positives = always_positive(n.attr("of"))
        elif n.op in (A.ADD, A.SUB, A.MUL, A.NEG):
            known.add(n)
            positives &= n.op in (A.ADD, A.MUL)
        elif n.op in _OF_POSITIVE_NUMBERS and positives:
            known.add(n)
            positives = n.op is not A.LOG
        elif (n.op is A.DIV and n.args[1] in positive) or (n.op is A.POW and n.args[0] in positive):
            known |= {n for a in n.args if a.op is not CONST}  # two constants would have been folded if they could
        if positives and n in known:
            positive.add(n)
    return known


def _last_uses(order: Sequence[Node], outputs: Sequence[Node]) -> dict[Node, int]:
    last = {a: k for k, n in enumerate(order) for a in n.args}
    for n in order:  # what an inlined view reads is read where the view is
        if n.op in VIEWS and n in last:
            for a in n.args[:1]:
                last[a] = max(last[a], last[n])
    return last | {n: len(order) for n in outputs}


def _helper_names(dialect: Dialect) -> set[str]:
    return {f.__name__ for f in dialect.helpers}
