r"""Which quantity a name in a formula means: exactly as the LaTeX view writes it, or one of the usual variants.

W_{1} is W1 and W_{(1)} is W_1, as they are printed. Where only one of the two is declared, W_1, W_{1} and W^{(1)} all
mean that one; \mathbf{x} and \vec{x} are x, \hat y is yhat, \varepsilon is epsilon.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..graph.dims import Dim, symbol
from ..graph.dims import latex as size_latex
from ..graph.errors import NamingError
from ..graph.node import Node
from ..graph.spelling import meant
from ..views.names import name_latex

if TYPE_CHECKING:
    from lark import Tree

_ACCENTS = {"widehat": "hat", "overline": "bar", "widetilde": "tilde"}


@dataclass
class Names:
    """Quantities by the LaTeX of their names, and sizes by that of their symbols."""

    quantities: dict[str, Node] = field(default_factory=dict)  # LaTeX -> node
    called: dict[str, str] = field(default_factory=dict)  # LaTeX -> the name
    sizes: dict[str, Dim] = field(default_factory=dict)
    layers: set[str] = field(default_factory=set)  # of these, the ones that an equation wrote z^{(1)}

    def add(self, latex: str, called: str, node: Node) -> None:
        self.quantities[latex], self.called[latex] = node, called

    def declare(self, called: str, node: Node) -> None:
        self.add(name_latex(called), called, node)

    def declare_sizes(self, names: Iterable[str]) -> None:
        self.sizes = {size_latex(symbol(name)): symbol(name) for name in names}

    def quantity(self, latex: str, exact: bool = True) -> Node | None:
        """The quantity written so; None if there is none. `exact` is False for a spelling that is never printed.

        Raises NamingError where a variant could mean several.
        """
        if exact and latex in self.quantities:
            return self.quantities[latex]
        plain = _plain(latex)
        found = [known for known in self.quantities if _plain(known) == plain]
        if len(found) > 1:
            listed = " and ".join(f"{self.called[k]} ({k})" for k in found)
            raise NamingError(f"`{latex}` may mean {listed}: write it as one of these")
        return self.quantities[found[0]] if found else None

    def size(self, latex: str) -> Dim | None:
        return self.sizes.get(latex)

    def suggestion(self, latex: str) -> str:
        """``; did you mean …?``"""
        known = {_plain(k): k for k in (*self.quantities, *self.sizes)}
        close = meant(_plain(latex), known)
        found = re.search("`(.*)`", close)
        return f"; did you mean `{known[found[1]]}`?" if found else ""

    @property
    def words(self) -> set[str]:
        """Runs of letters that are one name."""
        return {name for name in (*self.called.values(), *map(str, self.sizes.values())) if len(name) > 1}


def _plain(latex: str) -> str:
    r"""What different ways of writing a name have in common: W_{(1)} and W_{1} are W_1."""
    found = unicodedata.normalize("NFD", latex)
    for mark, accent in (("\u0302", "hat"), ("\u0304", "bar"), ("\u0303", "tilde")):
        found = re.sub(f"(.){mark}", rf"{accent}\1", found)
    found = "".join(_GREEK.get(c, c) for c in found)
    for variant, usual in _ACCENTS.items():
        found = found.replace(rf"\{variant}", rf"\{usual}")
    found = re.sub(r"\\var(epsilon|theta|phi|rho|sigma|pi)", r"\\\1", found)
    found = re.sub(r"\\mathrm\{lam(bda)?\}", r"\\lambda", found)
    return re.sub(r"\\mathrm|\\(?=[a-zA-Z])|[{}() ]", "", found).replace(r"\_", "_")


_LETTERS = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
_GREEK = {unicodedata.lookup(f"GREEK SMALL LETTER {'LAMDA' if w == 'lambda' else w.upper()}"): w for w in _LETTERS}
_GREEK |= {c.upper(): w.capitalize() for c, w in _GREEK.items()}


# From the tree to the name --------------------------------------------------------------------------------------------


def written(tree: Any, scripts: Iterable[Tree[Any]] = ()) -> str | None:
    r"""The name that an atom with its subscripts is, as it is printed; None where it can be none.

    Styles such as \mathbf are left out, braces are put around every subscript.
    """
    base = _base(tree)
    if base is None:
        return None
    below = []
    for script in scripts:
        inside = _below(script.children[0])
        if inside is None:
            return None
        below += inside
    return base + (f"_{{{','.join(below)}}}" if below else "")


def _base(tree: Any) -> str | None:
    kind = getattr(tree, "data", getattr(tree, "type", None))
    if kind == "LETTER":
        return name_latex(str(tree))
    if kind == "WORD":
        return rf"\mathrm{{{tree}}}" if len(tree) > 1 else str(tree)
    if kind == "COMMAND":
        return str(tree)
    if kind == "styled":
        return _one(tree.children[1])
    if kind == "accented":
        inside = _one(tree.children[1])
        return None if inside is None else f"{tree.children[0]}{{{inside}}}"
    return None


def _one(tree: Any) -> str | None:
    r"""What stands alone in braces: the y of \hat{y}."""
    while getattr(tree, "data", None) in ("items", "chain", "group") and len(tree.children) == 1:
        tree = tree.children[0]
    if getattr(tree, "data", None) == "factor":
        head, *scripts = tree.children
        return written(head, scripts) if all(s.data == "sub" for s in scripts) else None
    return str(tree) if getattr(tree, "type", None) == "NUMBER" else _base(tree)


def _below(tree: Any) -> list[str] | None:
    if getattr(tree, "data", None) != "items":
        one = _part(tree)
        return None if one is None else [one]
    found = [_part(item) for item in tree.children]
    return None if None in found else found  # type: ignore[return-value]


def _part(tree: Any) -> str | None:
    r"""One subscript: 1, (1), t, \mathrm{hh}, \_."""
    if tree is None:
        return None
    while getattr(tree, "data", None) in ("chain", "items") and len(tree.children) == 1:
        tree = tree.children[0]
    if getattr(tree, "data", None) == "paren":
        inside = _part(tree.children[0])
        return f"({inside})" if inside and inside.isdecimal() else None
    if getattr(tree, "data", None) == "chain":  # the letters of a word: x_{in}
        letters = [str(t) for t in tree.children if getattr(t, "type", None) in ("LETTER", "NUMBER")]
        return r"\mathrm{" + "".join(letters) + "}" if len(letters) == len(tree.children) else None
    return _one(tree)


def identifier(latex: str) -> str:
    r"""A Python name for a quantity, such that it is printed as `latex` where that can be.

    >>> identifier("W_{1}"), identifier(r"\hat{y}"), identifier("W_{(1)}"), identifier(r"z_{\mathrm{in}}")
    ('W1', 'yhat', 'W_1', 'z_in')
    >>> identifier(r"\frac{\partial L}{\partial W_{1}}")
    'dL_dW1'
    """
    derivative = re.fullmatch(r"\\frac\{\\partial (.+)\}\{\\partial (.+)\}", latex)
    if derivative:
        return f"d{identifier(derivative[1])}_d{identifier(derivative[2])}"
    found = re.fullmatch(r"(.*?)(?:_\{(.*)\})?", latex, re.S)
    assert found is not None
    base, below = found[1], re.split(r",(?![^{]*\})", found[2]) if found[2] else []
    accent = re.fullmatch(r"\\(hat|bar|tilde|widehat|overline|widetilde)\{(.*)\}", base)
    if accent:
        name = identifier(accent[2]) + _ACCENTS.get(accent[1], accent[1])
    else:
        name = re.sub(r"^\\mathrm\{(.*)\}$", r"\1", base).lstrip("\\").replace(r"\_", "_")
    for k, part in enumerate(below):
        plain = part.strip("()")
        name += part if part.isdecimal() and not k else f"_{plain if plain.isdecimal() else identifier(plain)}"
    name = re.sub(r"\W", "_", name)
    return name if name.isidentifier() else f"q_{name}"


__all__ = ["Names", "identifier", "written"]
