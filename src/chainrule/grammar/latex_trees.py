"""Looking into the trees of formulas: sizes, numbers and other settings, as they stand below names and in brackets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..graph.dims import Size, divide_exactly
from ..graph.errors import GraphError
from .latex_names import written


def kind(tree: Any) -> str:
    """The rule of a tree, the type of a token, "" for nothing."""
    return "" if tree is None else getattr(tree, "data", None) or tree.type


def start(tree: Any) -> int:
    """Where it begins in the text."""
    if tree is None:
        return 0
    at = tree.start_pos if hasattr(tree, "start_pos") else getattr(tree.meta, "start_pos", None)
    return 0 if at is None else at


def ended(tree: Any) -> int:
    """Where it ends in the text."""
    return getattr(tree, "end_pos", None) or getattr(getattr(tree, "meta", None), "end_pos", 0)


def alone(tree: Any) -> Any:
    """What stands alone in chains and lists of one."""
    while kind(tree) in ("chain", "items", "group") and len(tree.children) == 1:
        tree = tree.children[0]
    return tree


def head(tree: Any) -> tuple[Any, list[Any]]:
    """An atom and its scripts."""
    return (tree.children[0], tree.children[1:]) if kind(tree) == "factor" else (tree, [])


def word(tree: Any) -> str | None:
    r"""The word that a token is: exp of \exp, leaky relu of \operatorname{leaky\,ReLU}."""
    if kind(tree) == "COMMAND":
        return str(tree)[1:]
    if kind(tree) == "WORD":
        return " ".join(str(tree).replace(r"\,", " ").replace(r"\_", "_").replace("~", " ").split())
    return None


def is_setting(tree: Any) -> bool:
    r"""\mathrm{axis}=0"""
    return kind(tree) == "relation" and len(tree.children) == 3 and kind(alone(tree.children[0])) == "WORD"


def number(tree: Any) -> int | float | None:
    """A number as it is written, with its sign; None for anything else."""
    tree = alone(tree)
    if kind(tree) == "NUMBER":
        return float(tree) if "." in tree else int(tree)
    if kind(tree) == "COMMAND" and tree == r"\infty":
        return math.inf
    if kind(tree) == "WORD" and tree == "nan":
        return math.nan
    if kind(tree) == "sum" and len(tree.children) == 2:
        value = number(tree.children[1])
        return value if value is None or kind(tree.children[0]) == "PLUS" else -value
    if kind(tree) == "product" and len(tree.children) == 4:
        return _scaled(*tree.children)
    if _is_ten(tree):
        exponent = _exponent(tree)
        return 10**exponent if 0 <= exponent < 16 else float(f"1e{exponent}")
    return None


def _scaled(a: Any, sign: Any, minus: Any, b: Any) -> float | None:
    r"""1.5 \cdot 10^{-5}"""
    digits = number(a)
    if digits is None or minus is not None or not _is_ten(b):
        return None
    return float(f"{digits}e{_exponent(b)}") if kind(sign.children[0]) in ("CDOT", "TIMES") else None


def _is_ten(tree: Any) -> bool:
    """10^{k}"""
    base, scripts = head(alone(tree))
    return (
        kind(base) == "NUMBER" and base == "10" and len(scripts) == 1 and kind(scripts[0]) == "sup"
        and isinstance(number(scripts[0].children[0]), int)
    )  # fmt: skip


def _exponent(tree: Any) -> int:
    exponent = number(head(alone(tree))[1][0].children[0]) if _is_ten(tree) else 0
    return exponent if isinstance(exponent, int) else 0


class NoSize(GraphError):
    """What should be a size is none."""


def size(tree: Any, symbols: Mapping[str, Size]) -> Size:
    r"""A size: n, 2n, nm + 1, \left\lfloor \frac{n}{2} \right\rfloor. Raises NoSize for anything else."""
    tree = alone(tree)
    rule = _SIZES.get(kind(tree))
    if rule is not None:
        return rule(tree, symbols)
    base, scripts = head(tree)
    name = written(base, [s for s in scripts if kind(s) == "sub"])
    if name is not None and name in symbols:
        return _raised(symbols[name], scripts, symbols)
    if scripts and all(kind(s) == "sup" for s in scripts):
        return _raised(size(base, symbols), scripts, symbols)
    raise NoSize(f"{name} is no size" if name else "this is no size")


def _raised(base: Size, scripts: Iterable[Any], symbols: Mapping[str, Size]) -> Size:
    for s in scripts:
        if kind(s) == "sup":
            exponent = size(s.children[0], symbols)
            if not isinstance(exponent, int):
                raise NoSize("a size is raised to whole numbers only")
            base = base**exponent
    return base


def _sum(tree: Any, symbols: Mapping[str, Size]) -> Size:
    total: Size = 0
    sign = 1
    for part in tree.children:
        if kind(part) in ("PLUS", "MINUS"):
            sign = 1 if kind(part) == "PLUS" else -1
        else:
            total = total + sign * size(part, symbols)
            sign = 1
    return total


def _product(tree: Any, symbols: Mapping[str, Size]) -> Size:
    parts = [p for p in tree.children if p is not None]
    total = size(parts[0], symbols)
    for sign, part in zip(parts[1::2], parts[2::2]):
        if kind(sign) != "operator" or kind(sign.children[0]) not in ("CDOT", "TIMES"):
            raise NoSize("sizes are added and multiplied")
        total = total * size(part, symbols)
    return total


def _chain(tree: Any, symbols: Mapping[str, Size]) -> Size:
    total: Size = 1
    for part in tree.children:
        total = total * size(part, symbols)
    return total


def _floor(tree: Any, symbols: Mapping[str, Size]) -> Size:
    inside = alone(tree.children[0])
    if kind(inside) != "fraction":
        return size(inside, symbols)
    _, above, below = inside.children
    return size(above, symbols) // size(below, symbols)


def _fraction(tree: Any, symbols: Mapping[str, Size]) -> Size:
    _, above, below = tree.children
    return divide_exactly(size(above, symbols), size(below, symbols))


def _number(tree: Any, symbols: Mapping[str, Size]) -> Size:
    if not tree.isdecimal():
        raise NoSize(f"{tree} is no size")
    return int(tree)


_SIZES: dict[str, Callable[[Any, Mapping[str, Size]], Size]] = {
    "NUMBER": _number, "sum": _sum, "product": _product, "chain": _chain, "floor": _floor, "fraction": _fraction,
    "paren": lambda tree, symbols: size(tree.children[0], symbols),
}  # fmt: skip


def shape(trees: Iterable[Any], symbols: Mapping[str, Size]) -> tuple[Size, ...]:
    r"""n \times 3 \times (m + 1); () for a scalar."""
    found: list[Size] = []
    for tree in trees:
        tree = alone(tree)
        if kind(tree) == "paren" and tree.children[0].children == [None]:
            continue
        parts = tree.children[::3] if kind(tree) == "product" and _by_times(tree) else [tree]
        found += [size(p, symbols) for p in parts]
    return tuple(found)


def _by_times(tree: Any) -> bool:
    return all(kind(t.children[0]) == "TIMES" for t in tree.children[1::3])


def setting(tree: Any, symbols: Mapping[str, Size]) -> Any:
    """The value of an attribute: a number, true, false, a size, a word, or a tuple of these."""
    tree = alone(tree)
    if kind(tree) == "paren":
        items = tree.children[0].children
        return () if items == [None] else tuple(setting(t, symbols) for t in items)
    if (value := number(tree)) is not None:
        return value
    if kind(tree) == "WORD" and tree in ("true", "false"):
        return tree == "true"
    try:
        return size(tree, symbols)
    except NoSize:
        if kind(tree) == "WORD":
            return str(tree)
        raise


# Parts of a tree -----------------------------------------------------------------------------------------------------


def factors_of(tree: Any) -> list[Any]:
    return tree.children if kind(tree) == "chain" else [tree]


def items(tree: Any) -> list[Any]:
    """What stands between the commas of a script or of brackets."""
    inside = tree.children[0]
    return inside.children if kind(inside) == "items" else [inside]


def below(scripts: Iterable[Any]) -> list[Any]:
    """The subscripts."""
    return [s for s in scripts if kind(s) == "sub"]


def others(scripts: Iterable[Any]) -> list[Any]:
    """Powers, transposes and primes."""
    return [s for s in scripts if kind(s) != "sub"]


def is_layer(script: Any) -> bool:
    """The (1) of W^{(1)}."""
    inside: Any = alone(script.children[0]) if kind(script) == "sup" else None
    return kind(inside) == "paren" and isinstance(number(inside.children[0]), int)


def is_indicator(tree: Any) -> bool:
    r"""\mathbb{1}"""
    return kind(tree) == "styled" and (
        alone(tree.children[1]) == "1" or (tree.children[0] == r"\mathbb" and alone(tree.children[1]) == "I")
    )


def derivative_of(fraction: Any) -> tuple[Any, Any] | None:
    r"""L and x of \frac{\partial L}{\partial x}."""
    _, above, under = fraction.children
    parts = [factors_of(alone(t)) for t in (above, under)]
    if any(len(p) != 2 or kind(p[0]) != "PARTIAL" for p in parts):
        return None
    return parts[0][1], parts[1][1]


def is_chain_rule(tree: Any) -> bool:
    r"""\frac{\partial L}{\partial a} \cdot \frac{\partial a}{\partial x} + …, which names derivatives and no more."""
    terms = tree.children if kind(tree) == "sum" else [tree]
    longest = 0
    for term in terms:
        if kind(term) in ("PLUS", "MINUS"):
            continue
        chains = [p for p in term.children if kind(p) not in ("operator", "")] if kind(term) == "product" else [term]
        factors = [head(f)[0] for c in chains for f in factors_of(c)]
        if not all(kind(f) == "evaluated" or (kind(f) == "fraction" and derivative_of(f)) for f in factors):
            return False
        longest = max(longest, len(factors) + (kind(factors[0]) == "evaluated"))
    return longest > 1


def shown(tree: Any) -> str:
    """How a name looks, for a message."""
    base, _ = head(tree)
    if kind(base) == "WORD":
        return rf"\operatorname{{{base}}}"
    return str(base) if hasattr(base, "type") else written(base) or "this"


__all__ = [
    "NoSize", "alone", "below", "derivative_of", "ended", "factors_of", "head", "is_chain_rule", "is_indicator",
    "is_layer", "is_setting", "items", "kind", "number", "others", "setting", "shape", "shown", "size", "start", "word",
]  # fmt: skip
