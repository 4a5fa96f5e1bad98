"""Forms of LaTeX that several operations share: calls, sums over indices, indexing, numbers and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..graph.dims import Dim, Shape, Size
from ..graph.dims import latex as size_latex
from ..graph.node import Node
from .notation import ATOM, BIG, SUM, TIGHT, Form, Rule, Slot, comma, form


def call(name: str) -> Rule:
    """``name(arguments)``; brackets grow with what they hold."""
    return lambda n: form(ATOM, rf"{name}\left(", *comma(n.args), r"\right)")


def operator(name: str) -> Rule:
    return call(rf"\operatorname{{{name}}}")


def default(n: Node) -> Form:
    """Any operation as a call, its attributes below the name."""
    below = ",".join(rf"\mathrm{{{_escaped(k)}}}={setting(v)}" for k, v in n.attrs)
    name = rf"\operatorname{{{_escaped(n.op.name)}}}" + (f"_{{{below}}}" if below else "")
    return form(ATOM, rf"{name}\left(", *comma(n.args), r"\right)")


def _escaped(word: str) -> str:
    return re.sub(r"([_#%&$])", r"\\\1", word)


def setting(value: object) -> str:
    """An attribute."""
    if isinstance(value, tuple):
        return r"\left(" + ",".join(map(setting, value)) + r"\right)"
    if isinstance(value, (bool, int, float)):
        return number_latex(value)
    if isinstance(value, Dim):
        return size_latex(value)
    word = _escaped(re.sub(r"[^\w ,.>-]", "", str(value)))
    return rf"\mathrm{{{word}}}"


def sizes(shape: Shape) -> str:
    """n × (m + 1)"""
    return r" \times ".join(_enclosed(s) for s in shape) if len(shape) > 1 else size_latex(shape[0]) if shape else "()"


def _enclosed(s: Size) -> str:
    shown = size_latex(s)
    return f"({shown})" if " " in re.sub(r"\\left\\lfloor.*?\\right\\rfloor", "", shown) else shown


def infix(sign: str, strength: int, least: int, also: tuple[int, ...] = (), right: int | None = None) -> Rule:
    """A chain from the left."""
    second = least + 1 if right is None else right
    return lambda n: form(
        strength, Slot(n.args[0], least, also), sign, Slot(n.args[1], second, unsigned=strength == SUM)
    )


def indices(rank: int) -> list[str]:
    return ["i", "j", "k", "l", "m"][:rank] if rank <= 5 else [f"i_{{{k}}}" for k in range(rank)]


def entry(x: Node, axes: Iterable[int], keepdims: bool = False) -> tuple[str | Slot, ...]:
    """[x]_{:,j}: an entry of x, with letters for `axes`."""
    letters = indices(x.ndim)
    axes = tuple(axes)
    below = [letters[k] + (r" \to 1" if keepdims else "") if k in axes else ":" for k in range(x.ndim)]
    return r"\left[", Slot(x), rf"\right]_{{{('' if len(axes) == x.ndim and not keepdims else ',').join(below)}}}"


def over(sign: str) -> Rule:
    """A sum, mean, maximum, … over some of the indices, which are written out."""

    def rule(n: Node) -> Form:
        (x,), axis, attrs = n.args, n.attr("axis"), dict(n.attrs)
        axes = axis if isinstance(axis, tuple) else (axis,)
        if not axes:
            return default(n)
        below = ",".join(indices(x.ndim)[a] for a in axes)
        note = rf";\,\mathrm{{ddof}}={attrs['ddof']}" if attrs.get("ddof") else ""
        return form(BIG, rf"{sign}_{{{below}{note}}} ", *entry(x, axes, bool(attrs.get("keepdims"))))

    return rule


def softened(name: str) -> Rule:
    """Along the last axis unless said."""

    def rule(n: Node) -> Form:
        axis = n.attr("axis")
        below = "" if axis == (n.ndim - 1,) else rf"_{{\mathrm{{axis}}={','.join(map(str, axis))}}}"
        return form(ATOM, rf"\operatorname{{{name}}}{below}\left(", Slot(n.args[0]), r"\right)")

    return rule


def shaped(name: str) -> Rule:
    """A change of shape, with the new shape below."""
    return lambda n: form(ATOM, rf"\operatorname{{{name}}}_{{{sizes(n.shape)}}}\left(", Slot(n.args[0]), r"\right)")


def bracketed(n: Node, index: Sequence[str | Slot], **opened: Any) -> Form:
    """x[…]"""
    parts: list[str | Slot] = []
    for i in index:
        parts += [", ", i] if parts else [i]
    return form(TIGHT, Slot(n.args[0], TIGHT), r"\left[", *parts, r"\right]", **opened)


def many_rows(n: Node) -> bool:
    """Whether all axes of a vector or a matrix are reduced, and dropped."""
    x = n.args[0]
    return x.ndim in (1, 2) and len(n.attr("axis")) == x.ndim and not n.attr("keepdims")


def number_latex(value: float | int | bool) -> str:
    if isinstance(value, bool):
        return rf"\mathrm{{{str(value).lower()}}}"
    text = repr(value)
    if text.endswith("inf"):
        return text.replace("inf", r"\infty")
    if text == "nan":
        return r"\mathrm{nan}"
    digits, e, exponent = text.partition("e")
    if e:
        sign, digits = ("-", digits[1:]) if digits[0] == "-" else ("", digits)
        return sign + ("" if digits == "1" else rf"{digits} \cdot ") + f"10^{{{int(exponent)}}}"
    return digits[:-2] if digits.endswith(".0") and value else digits
