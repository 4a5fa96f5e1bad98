"""Reading a formula: the text, the names in it, and errors that point at the part they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..graph.dims import Size
from ..graph.errors import GraphError, ParseError
from ..graph.spelling import meant
from .latex_names import Names, identifier, written
from .latex_trees import NoSize, alone, below, factors_of, head, items, kind, shown, start
from .latex_values import Value
from .source import Source


class Reader:
    """The text and the names of a formula.

    bound      the letters of the sums around
    expected   how far indices run, where that is known before anything is read
    """

    def __init__(self, source: Source, names: Names):
        self.source, self.names = source, names
        self.bound: list[str] = []
        self.expected: dict[str, Size] = {}

    def value(self, tree: Any) -> Value:
        """What a tree means."""
        raise NotImplementedError

    def raised(self, v: Value, scripts: Sequence[Any]) -> Value:
        """v with the indices, transposes and powers that stand behind it."""
        raise NotImplementedError

    def error(self, tree: Any, what: str) -> ParseError:
        return self.source.error(start(tree), what)

    @contextmanager
    def at(self, tree: Any) -> Iterator[None]:
        """What an operation complains about is shown with its place."""
        try:
            yield
        except ParseError:
            raise
        except NoSize as error:
            known = ", ".join(self.names.sizes) or "numbers alone"
            raise self.error(tree, f"{error}; the sizes are {known}") from None
        except GraphError as error:
            raise (error if str(error).endswith("^") else self.source.pointing(start(tree), error)) from None

    def unknown(self, tree: Any) -> ParseError:
        """Nothing is called so."""
        base, scripts = head(tree)
        low = below(scripts)
        indices = bool(low) and all(kind(alone(t)) == "LETTER" for s in low for i in items(s) for t in factors_of(i))
        name = written(base, [] if indices else low) or shown(tree)
        if kind(base) == "LETTER" and str(base) in self.bound:
            return self.error(tree, f"`{base}` is an index here, and stands below quantities only")
        run = self._run(base)
        if kind(base) == "LETTER" and len(run) > 1 and (hint := meant(run, self.names.called.values())):
            return self.error(base, f"there is no quantity called `{run}`{hint}")
        what = f"there is no quantity called `{name}`"
        if kind(base) == "COMMAND" and not scripts and str(base)[1:].lower() not in _GREEK:
            what = f"the command `{base}` is not known here"
        elif kind(base) == "WORD":
            what = f"there is no function and no quantity called `{base}`"
        elif kind(base) in ("PARTIAL", "fraction"):
            what = "this derivative has no value: write an equation for it first"
        called = identifier(name) if kind(base) in ("LETTER", "COMMAND", "styled", "accented") else ""
        known = what.startswith("there is no quantity") and called
        hint = f'; give its sizes if it is an input, as in "{called}: n"' if known else ""
        return self.error(tree, what + (self.names.suggestion(name) or hint))

    def _run(self, tree: Any) -> str:
        """The letters around a letter, which may have been meant as one name."""
        runs = re.finditer(r"\\?[^\W\d_]+", self.source.text)
        return next((m[0] for m in runs if m.start() <= start(tree) < m.end() and m[0][0] != "\\"), "")


_GREEK = frozenset(
    ("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
     "lambda", "mu", "nu", "xi", "rho", "varrho", "sigma", "varsigma", "tau", "upsilon", "phi", "varphi", "chi", "psi",
     "omega", "pi", "ell")
)  # fmt: skip


__all__ = ["Reader"]
