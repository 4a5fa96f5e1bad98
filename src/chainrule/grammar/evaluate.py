"""Expressions: a walk over what `ast` has read, with a rule for each form that a text may hold, and no other.

The values on the way are those that the Python function would have: quantities of the graph, numbers, sizes, and tuples
of these for shapes. So ``2 * 3`` is 6, and ``2 * x`` builds a node.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from ..graph.dims import Dim, symbol
from ..graph.errors import GraphError, ParseError
from ..graph.node import Node, Op
from ..graph.spelling import meant
from ..ops.arithmetic import equal
from ..ops.elementary import abs as absolute
from ..ops.elementary import sqrt
from ..ops.movement import sum as total
from ..ops.reduce import norm
from .functions import Function, function, names, operation
from .scan import Statement
from .source import Source

_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.MatMult: operator.matmul, ast.Pow: operator.pow, ast.FloorDiv: operator.floordiv, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.NotEq: lambda a, b: ~equal(a, b), ast.And: operator.and_, ast.Or: operator.or_,
}  # fmt: skip
_UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert}
_JOINS = (ast.BitAnd, ast.BitOr, ast.And, ast.Or)
_NUMBERS = (int, float, Dim)
_NO_NUMBER = "there is no arithmetic with lists, shapes and None: write array([1, 2]) for an array"
_BITS = 4096  # of whole numbers, and
_POWERS = 64  # of sizes: larger ones would take for ever

# Where an expression stands decides what n means, where n is a quantity and a size.
VALUE, SIZE, INDEX = "value", "size", "index"


class Expression:
    """One statement's expression, and the values of the names in it."""

    def __init__(
        self,
        source: Source,
        statement: Statement,
        values: Mapping[str, Any],
        sizes: Collection[str],
        later: Mapping[str, int],
    ):
        """`sizes` are the symbols of sizes, `later` the line on which a name without a value gets one."""
        self.source, self.statement, self.values, self.sizes, self.later = source, statement, values, sizes, later

    def value(self) -> Any:
        """What the expression builds."""
        statement = self.statement
        try:
            return self._of(ast.parse(statement.python, mode="eval").body, VALUE)
        except SyntaxError as error:
            at = statement.offset((error.offset or 1) - 1)
            raise self.source.error(at, f"this is no expression: {error.msg}") from None
        except (RecursionError, MemoryError):
            what = "this is nested too deeply: give the inner parts names of their own"
            raise self.source.error(statement.start, what) from None

    def _of(self, e: ast.expr, mode: str) -> Any:
        rule = _RULES.get(type(e))
        if rule is None:
            self._stop(e, "this form of Python has no meaning in a text of equations")
        return rule(self, e, mode)

    # Names and numbers ----------------------------------------------------------------------------------------------

    def _constant(self, e: ast.Constant, mode: str) -> Any:
        return e.value

    def _name(self, e: ast.Name, mode: str) -> Any:
        if e.id == "inf_":
            return math.inf
        if e.id[0] == "s":
            self._stop(e, 'a string can only be an argument, as in einsum("ij,jk->ik", A, B)')
        name = self.statement.spelling[e.id]
        known, is_size = name in self.values, name in self.sizes
        if known and is_size:
            quantity = isinstance(self.values[name], Node)
            positions = quantity and self.values[name].kind == "integer"
            if quantity and (mode == SIZE or (mode == INDEX and not positions)):
                known = False
        if known:
            if mode == SIZE and isinstance(self.values[name], Node):
                self._stop(e, f"`{name}` is a quantity, and a size belongs here, such as {self._some_size()}")
            return self.values[name]
        if is_size:
            return symbol(name)
        if name in ("inf", "nan"):
            return math.inf if name == "inf" else math.nan
        self._unknown(e, name, mode)

    def _unknown(self, e: ast.Name, name: str, mode: str) -> NoReturn:
        if name in self.later:
            line, here = self.later[name], self.source.place(self.statement.start)[0]
            self._stop(e, f"`{name}` is used before it gets its value" + (f" on line {line}" if line != here else ""))
        if function(name) is not None:
            self._stop(e, f"`{name}` is a function: write {name}(…)")
        if mode == SIZE:
            self._stop(e, f"there is no size called `{name}`" + (meant(name, self.sizes) or self._sizes_there_are()))
        hint = meant(name, [*self.values, *self.sizes]) or f'; give its sizes if it is an input, as in "{name}: n"'
        self._stop(e, f"there is no quantity called `{name}`{hint}")

    def _sizes_there_are(self) -> str:
        return f"; the sizes are {', '.join(self.sizes)}" if self.sizes else ""

    def _some_size(self) -> str:
        return "3 or " + next(iter(self.sizes), "x.shape[0]")

    # Operators ------------------------------------------------------------------------------------------------------

    def _binary(self, e: ast.BinOp, mode: str) -> Any:
        """A chain from the left, a + b + c + …, without recursion."""
        chain = [e]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        left = None if self._squared_norm(chain[-1]) else self._of(chain[-1].left, mode)
        for link in reversed(chain):
            if link is chain[-1] and self._squared_norm(link):
                left = self._square_of_norm(link.left)
                continue
            right = self._of(link.right, mode)
            if mode == SIZE and isinstance(link.op, ast.Div):
                self._stop(self._between(link), "sizes are divided with ⌊n/2⌋ or n // 2")
            left = self._combine(self._between(link), link.op, left, right)
        return left

    def _combine(self, at: int, op: ast.AST, left: Any, right: Any) -> Any:
        plain = not isinstance(left, Node) and not isinstance(right, Node)
        if plain and not (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)):
            self._stop(at, _NO_NUMBER)
        if plain and isinstance(op, _JOINS) and not (isinstance(left, bool) and isinstance(right, bool)):
            self._stop(at, "`&` and `|` join conditions, such as x > 0")
        if not plain and isinstance(op, ast.FloorDiv):
            self._stop(at, "`//` divides sizes, as in n // 2; quantities are divided with `/`")
        if plain and isinstance(op, ast.Pow) and _too_large(left, right):
            self._stop(at, "this power of whole numbers or sizes is too large to be written out")
        made = self._apply(at, _BINARY[type(op)], left, right)
        if isinstance(made, int) and made.bit_length() > _BITS:
            self._stop(at, "this whole number is too large")
        return made

    def _between(self, e: ast.BinOp) -> int:
        """The column of the sign: the first that is neither blank nor a bracket."""
        return self._sign_after(e.left, e.right)

    def _sign_after(self, left: ast.expr, right: ast.expr) -> int:
        end = left.end_col_offset or 0
        found = re.compile(r"[^\s()]").search(self.statement.python, end, right.col_offset)
        return found.start() if found else end

    def _unary(self, e: ast.UnaryOp, mode: str) -> Any:
        root = e.col_offset in self.statement.roots
        bare = e.operand.col_offset == e.col_offset + 2  # no bracket around it
        if root and bare and _power_of(e.operand) is not None:
            self._stop(e, "say what the root is of: √(x²) or (√x)²")
        value = self._of(e.operand, mode)
        if root:
            return self._apply(e.col_offset, sqrt, value)
        if isinstance(e.op, ast.Invert) and not isinstance(value, Node):
            self._stop(e, "`~` turns a condition around, such as x > 0")
        if not isinstance(value, (Node, *_NUMBERS)):
            self._stop(e, _NO_NUMBER)
        return self._apply(e.col_offset, _UNARY[type(e.op)], value)

    def _compare(self, e: ast.Compare, mode: str) -> Any:
        right = e.comparators[0]
        if len(e.ops) > 1:
            at = self._sign_after(right, e.comparators[1])
            self._stop(at, "comparisons do not chain: write (a < b) & (b < c)")
        at = self._sign_after(e.left, right)
        return self._combine(at, e.ops[0], self._of(e.left, VALUE), self._of(right, VALUE))

    def _joined(self, e: ast.BoolOp, mode: str) -> Any:
        """a ∧ b ∧ c"""
        made = self._of(e.values[0], VALUE)
        for before, part in zip(e.values, e.values[1:]):
            made = self._combine(self._sign_after(before, part), e.op, made, self._of(part, VALUE))
        return made

    # Calls ----------------------------------------------------------------------------------------------------------

    def _call(self, e: ast.Call, mode: str) -> Any:
        if isinstance(e.func, ast.Name) and e.func.id in _BRACKETS:
            return _BRACKETS[e.func.id](self, e, mode)
        called = self._called(e.func)
        args = [self._argument(a, SIZE if called.takes_sizes(k) else VALUE) for k, a in enumerate(e.args)]
        settings = {}
        for k in e.keywords:
            name = self.statement.spelling[k.arg or ""]
            settings[name] = self._argument(k.value, SIZE if called.takes_sizes(name) else VALUE)
        at = e.func.col_offset
        if isinstance(called.call, Op) and (why := called.misfit(args, settings)):
            self._stop(at, f"{called.name}(…): {why}")
        return self._apply(at, called.call, *args, called=called, **settings)

    def _argument(self, e: ast.expr, mode: str) -> Any:
        if isinstance(e, ast.Name) and e.id[0] == "s":
            return self.statement.spelling[e.id]
        return self._of(e, mode)

    def _called(self, e: ast.expr) -> Function:
        if isinstance(e, ast.Attribute) and e.attr in self.statement.spelling:
            name, owner = self.statement.spelling[e.attr], e.value
            owner = self.statement.spelling.get(owner.id) if isinstance(owner, ast.Name) else None
            if owner == "cr" and (found := function(name)):
                return found
            if owner == "op":
                return operation(name) or self._stop(e, f"no operation is called as op.{name}(…)")
            self._stop(self._point(e), f"quantities have no functions of their own: write {name}(…)")
        if not isinstance(e, ast.Name):
            self._stop(e, "only a function can be called, as in sigmoid(z); for a product write `@`, `*`, · or ⊙")
        name = self.statement.spelling.get(e.id, "∞")
        found = function(name)
        if found is not None:
            return found
        if name in self.values or name in self.sizes:
            what = "quantity" if name in self.values else "size"
            self._stop(e, f"`{name}` is a {what} and no function: write `@`, `*`, · or ⊙ for a product")
        self._stop(e, f"there is no function called `{name}`{meant(name, names())}")

    def _floor(self, e: ast.Call, mode: str) -> Any:
        inside = e.args[0] if len(e.args) == 1 else None
        if not isinstance(inside, ast.BinOp) or not isinstance(inside.op, ast.Div):
            self._stop(e, "⌊…⌋ is for sizes that are divided, as in ⌊n/2⌋")
        left, right = self._of(inside.left, SIZE), self._of(inside.right, SIZE)
        return self._apply(self._between(inside), operator.floordiv, left, right)

    def _norm(self, e: ast.Call, mode: str) -> Any:
        return self._apply(e.col_offset, norm, self._inside(e))

    def _absolute(self, e: ast.Call, mode: str) -> Any:
        return self._apply(e.col_offset, absolute, self._inside(e))

    def _inside(self, e: ast.Call) -> Any:
        if len(e.args) != 1:
            self._stop(e, "one quantity stands between these bars")
        return self._of(e.args[0], VALUE)

    def _squared_norm(self, e: ast.expr) -> bool:
        """‖a‖², which is the sum of squares and takes no root."""
        base, power = (e.left if isinstance(e, ast.BinOp) else getattr(e, "value", None)), _power_of(e)
        return power == 2 and isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "norm_"

    def _square_of_norm(self, e: ast.expr) -> Any:
        assert isinstance(e, ast.Call)
        return self._apply(e.col_offset, lambda a: total(a**2) if isinstance(a, Node) else a**2, self._inside(e))

    # Parts ----------------------------------------------------------------------------------------------------------

    def _attribute(self, e: ast.Attribute, mode: str) -> Any:
        at = self._point(e)
        if e.attr not in self.statement.spelling:
            return self._raised(e, at, mode)
        name = self.statement.spelling[e.attr]
        value = self._of(e.value, VALUE)
        if name not in ("T", "shape"):
            self._stop(at, f"`.{name}` has no meaning here: a quantity has .T and .shape" + _as_call(name))
        if not isinstance(value, Node):
            self._stop(at, f"only a quantity has .{name}")
        return value.shape if name == "shape" else self._apply(at, lambda: value.T)

    def _point(self, e: ast.Attribute) -> int:
        """The column of what stands behind a quantity: .T, ², ᵀ."""
        return self.statement.python.index(f".{e.attr}", e.value.end_col_offset)

    def _raised(self, e: ast.Attribute, at: int, mode: str) -> Any:
        """xᵀ, x² and x⁻¹."""
        if self._squared_norm(e):
            return self._square_of_norm(e.value)
        value = self._of(e.value, mode)
        power = _power_of(e)
        if power is None:
            if not isinstance(value, Node):
                self._stop(at, "only a quantity has a transpose")
            return self._apply(at, lambda: value.T)
        if power < 0 and isinstance(value, Node) and value.ndim > 1:
            self._stop(at, "there is no inverse of a matrix; for one entry by entry write 1 / A")
        return self._combine(at, ast.Pow(), value, power)

    def _subscript(self, e: ast.Subscript, mode: str) -> Any:
        value = self._of(e.value, VALUE)
        at = self.statement.python.index("[", e.value.end_col_offset)
        if not isinstance(value, (Node, tuple, list)):
            self._stop(at, "only a quantity and a shape have entries")
        parts = e.slice.elts if isinstance(e.slice, ast.Tuple) else [e.slice]
        index = tuple(self._index(p) for p in parts)
        return self._apply(at, operator.getitem, value, index if isinstance(e.slice, ast.Tuple) else index[0])

    def _index(self, e: ast.expr) -> Any:
        if not isinstance(e, ast.Slice):
            return self._of(e, INDEX)
        return slice(*[None if bound is None else self._of(bound, SIZE) for bound in (e.lower, e.upper, e.step)])

    def _tuple(self, e: ast.Tuple, mode: str) -> Any:
        return tuple(self._of(part, mode) for part in e.elts)

    def _list(self, e: ast.List, mode: str) -> Any:
        return [self._of(part, mode) for part in e.elts]

    # Errors ---------------------------------------------------------------------------------------------------------

    def _apply(self, at: int, f: Callable[..., Any], *args: Any, called: Function | None = None, **more: Any) -> Any:
        """What `f` builds; what it complains of is told with the place."""
        place = self.statement.offset(at)
        try:
            return f(*args, **more)
        except ParseError:
            raise
        except GraphError as error:
            raise self.source.pointing(place, error) from None
        except OverflowError:
            raise self.source.error(place, "this number is too large") from None
        except (ArithmeticError, LookupError, AttributeError, TypeError, ValueError) as error:
            why = (called.misfit(args, more) if called else None) or re.sub(r"^\S+\(\) ", "", str(error))
            what = f"{called.name}(…): {why}" if called else why
            raise self.source.error(place, what) from None

    def _stop(self, at: ast.expr | int, what: str) -> NoReturn:
        raise self.source.error(self.statement.offset(at if isinstance(at, int) else at.col_offset), what)


def _power_of(e: ast.expr) -> int | None:
    """The whole number to which `e` raises something: x², x⁻¹ or x**2."""
    if isinstance(e, ast.Attribute) and e.attr[0] in "mp":
        return int(e.attr[1:]) * (-1 if e.attr[0] == "m" else 1)
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Pow):
        return e.right.value if isinstance(e.right, ast.Constant) and type(e.right.value) is int else 0
    return None


def _too_large(base: Any, exponent: Any) -> bool:
    if isinstance(base, Dim):
        return isinstance(exponent, int) and exponent > _POWERS
    return type(base) is int and type(exponent) is int and exponent * base.bit_length() > _BITS


def _as_call(name: str) -> str:
    return f"; write {name}(…)" if function(name) else ""


_BRACKETS = {"floor_": Expression._floor, "norm_": Expression._norm, "abs_": Expression._absolute}
_RULES: dict[type, Callable[..., Any]] = {
    ast.Constant: Expression._constant, ast.Name: Expression._name, ast.BinOp: Expression._binary,
    ast.UnaryOp: Expression._unary, ast.Compare: Expression._compare, ast.BoolOp: Expression._joined,
    ast.Call: Expression._call, ast.Attribute: Expression._attribute, ast.Subscript: Expression._subscript,
    ast.Tuple: Expression._tuple, ast.List: Expression._list,
}  # fmt: skip
