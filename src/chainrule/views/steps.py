"""The steps of a derivation, written: chain rule, local derivatives, what is put in, and the tidy result.

    ∂L/∂z = ∂L/∂u · ∂u/∂z                    what each quantity computed from z hands back, added up
          = ∂L/∂u ⊙ u ⊙ (1 - u)              with the derivatives of u put in, and tidied
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce

from ..calculus.derivation import Backward, Contribution, added
from ..calculus.membership import Either
from ..graph.node import LEAF, Node, Op, number, walk
from ..ops.movement import BROADCAST
from ..rewrite.engine import substitute
from ..rewrite.spreads import narrow
from ..rewrite.stacks import entry, stacked
from ..rewrite.tidy import reading_weight
from .adjoints import AdjointNotation, derivative
from .assumptions import assumed
from .folding import Numbering
from .fragment import fragment
from .html import Row, equation_table
from .latex import LATEX
from .notation import Equation, Notation, plain
from .reasons import TRIVIAL, reasons
from .text import TEXT

_LINE, _REPEATED = 60, 6  # signs and symbols: what is put in is shown where it fits on a line


@dataclass(frozen=True)
class Lines:
    """Equations below each other, an empty left side for that of the line above, after those that name long parts."""

    lines: tuple[tuple[str, str], ...]
    before: tuple[Equation, ...] = ()

    def text(self) -> str:
        shown, width = [*map(str, self.before)], 0
        for left, right in self.lines:
            width = len(left) or width
            shown.append(f"{left:{width}} = {right}")
        return "\n".join(shown)

    def rows(self) -> list[tuple[str, str]]:
        """What stands on both sides of each sign of equality."""
        return [*((e.name, e.expression) for e in self.before), *self.lines]


def _below(equations: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Left sides that say again what stands above are left out."""
    shown, last = [], None
    for left, right in equations:
        shown.append(("" if left == last else left, right))
        last = left
    return tuple(shown)


@dataclass(frozen=True)
class Step:
    """How one adjoint is found.

    name     the quantity, as the graph calls it
    node     its adjoint, tidied, in named quantities: the node that `d[name]` answers
    text     the chain rule, the local derivatives put in, the tidy result: one below the other
    latex    the same, as an `aligned` environment
    reason   why, in words
    given    what the last line assumes of the data, or ""
    """

    name: str
    node: Node
    reason: str
    given: str
    written: Lines
    in_latex: Lines

    @property
    def text(self) -> str:
        return self.written.text()

    @property
    def latex(self) -> str:
        return aligned_rows(self.latex_rows)

    @property
    def latex_rows(self) -> list[tuple[str, str]]:
        """Both sides of each line."""
        return self.in_latex.rows()

    def __str__(self) -> str:
        return "\n".join([self.text, *(f"    {line}" for line in self.remarks)])

    @property
    def remarks(self) -> list[str]:
        """The reason, and what is assumed."""
        return [*self.reason.splitlines(), *([f"the last line: {self.given}"] if self.given else [])]

    def _repr_html_(self) -> str:
        return fragment([("", equation_table([Row(left, right) for left, right in self.latex_rows]))])

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"


def aligned_rows(rows: Sequence[tuple[str, str]]) -> str:
    lines = (rf"{left} &= {right}" for left, right in rows)
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


@dataclass(frozen=True)
class _Line:
    """One right side: an expression in which some adjoints found before are written out, or the bare chain rule."""

    node: Node | None
    written_out: frozenset[Node] = frozenset()


class StepWriter:
    """Writes the steps of one backward pass.

    names       what the graph calls its quantities
    loss        what the loss is called
    quantities  those that get a step, in backward order
    adjoint     how an adjoint is written
    """

    def __init__(
        self,
        backward: Backward,
        names: Mapping[Node, str],
        loss: str,
        quantities: Sequence[Node],
        adjoint: AdjointNotation,
    ):
        self.backward, self.loss, self.adjoint = backward, loss, adjoint
        self.names = dict(names) | {backward.output: loss}
        self.quantities = list(quantities)
        self.parts = {n: _loss_last(backward.contributions.get(n, [])) for n in quantities}
        parts = (c for found in backward.contributions.values() for c in found)
        self.stand_ins = {c.cotangent: c.consumer for c in parts if c.cotangent.op is LEAF}

    def steps(self, made_in_text: dict[Node, str], made_in_latex: dict[Node, str]) -> list[Step]:
        """All of them; the dictionaries hold the names of long parts that the forward equations have made."""
        in_text = self._written(TEXT, made_in_text)
        in_latex = self._written(LATEX, made_in_latex)
        found = []
        for n, text, latex in zip(self.quantities, in_text, in_latex):
            reason = self.reason(n, self.names.__getitem__)
            found.append(Step(self.names[n], self.backward.adjoints[n], reason, self.assumed[n][1], text, latex))
        return found

    def _written(self, notation: Notation, made: dict[Node, str]) -> Iterator[Lines]:
        labels = {n: notation.name(name) for n, name in self.names.items()}
        adjoint = self._adjoint_labels(labels.__getitem__, notation)
        labels |= {leaf: adjoint(m) for leaf, m in self.stand_ins.items()}
        for n in self.quantities:
            own = adjoint(n)
            before: list[Equation] = []
            shown = []
            read = {a: adjoint(m) for a, m in self.read[n].items()}
            for line in self.lines[n]:
                if line.node is None:
                    shown.append((own, self.chain(n, labels.__getitem__, notation)))
                    continue
                known = {a: label for a, label in read.items() if a not in line.written_out}
                *long_parts, e = notation.equations({line.node: own}, ChainMap(known, labels), made)
                before += long_parts
                shown.append((e.name, e.expression))
            news = [k for k, line in enumerate(shown) if k == 0 or line != shown[k - 1]]
            self.lines[n] = [self.lines[n][k] for k in news]  # whatever is written next says nothing twice either
            yield Lines(_below(shown[k] for k in news), tuple(before))

    def relative(self, n: Node, base: int, numbering: Numbering, notation: Notation) -> Lines:
        """The lines for n in layer k = `base`, with k for the number and k + 1, k − 1, … for those around."""

        def quantity(m: Node) -> str:
            return numbering.relative(self.names[m], base, notation)

        adjoint = self._adjoint_labels(quantity, notation)

        def label(m: Node, written_out: frozenset[Node]) -> str | None:
            if m in self.names:
                return None if plain(m) else quantity(m)
            if m in self.stand_ins:
                return adjoint(self.stand_ins[m])
            return adjoint(self.read[n][m]) if m in self.read[n] and m not in written_out else None

        own = adjoint(n)
        shown = []
        for line in self.lines[n]:
            if line.node is None:
                shown.append((own, self.chain(n, quantity, notation)))
                continue
            named = label(line.node, line.written_out)
            e = notation.equation(own, line.node, partial(label, written_out=line.written_out), self.letters)
            shown.append((own, named) if named else (e.name, e.expression))
        return Lines(_below(shown))

    @cached_property
    def letters(self) -> frozenset[str]:
        """The letters that no index may have."""
        order = walk(self.backward.output)
        return LATEX.letters_in_view(order, {n: LATEX.name(name) for n, name in self.names.items()}, {})

    def _adjoint_labels(self, quantity: Callable[[Node], str], notation: Notation) -> Callable[[Node], str]:
        loss = notation.name(self.loss)
        return lambda n: self.adjoint.label(loss, quantity(n), notation)

    # What stands in the lines ----------------------------------------------------------------------------------

    @cached_property
    def read(self) -> dict[Node, dict[Node, Node]]:
        """For each quantity: the adjoints that its own may be written in, those of what is computed from it."""
        found: dict[Node, dict[Node, Node]] = {}
        for n in self.quantities:
            consumers = [c.consumer for c in self.parts[n] if c.cotangent.op is LEAF]
            adjoints = {self.backward.adjoints[m]: m for m in reversed(consumers)}
            found[n] = {a: m for a, m in adjoints.items() if a.args and a not in self.names}
        return found

    @cached_property
    def lines(self) -> dict[Node, list[_Line]]:
        """Chain rule, local derivatives, what is put in, result, result under an assumption: what differs of these."""
        return {n: self._lines(n) for n in self.quantities}

    def _lines(self, n: Node) -> list[_Line]:
        parts, adjoint = self.parts[n], self.backward.adjoints[n]
        result = _Line(adjoint)
        if not parts:
            return [result]
        if self._apart(n):
            whole = stacked(reduce(lambda a, b: a + b, (c.value for c in parts)), ())
            return [result if whole is None else _Line(whole)]
        stand_for = {c.cotangent: self.backward.adjoints[c.consumer] for c in parts if c.cotangent.op is LEAF}
        passed = reduce(added, self._passing(parts))
        local = substitute(passed, {leaf: a for leaf, a in stand_for.items() if a in self.read[n]}, self.names)
        lines = [_Line(None)] if stand_for else []
        seen = Either(self.names, self.read[n])
        if self._short(passed, seen) and _symbols(local, seen) != _symbols(adjoint, seen):
            lines.append(_Line(passed))
            used = _symbols(adjoint, seen)
            gone = {leaf: a for leaf, a in stand_for.items() if a not in self.read[n] or a not in used}
            put_in = substitute(passed, gone, self.names)
            telling = any(number(narrow(a)) is None for a in gone.values())
            if telling and put_in is not adjoint and self._short(put_in, seen):
                lines.append(_Line(put_in, frozenset(gone.values())))
        lines.append(result)
        under = self.assumed[n][0]
        return lines if under is None or not self._short(under, seen) else [*lines, _Line(under)]

    @staticmethod
    def _passing(parts: Sequence[Contribution]) -> list[Node]:
        """What the parts hand back, without those that come to nothing."""
        return [c.value for c in parts if number(narrow(c.value)) != 0] or [parts[0].value]

    def _apart(self, n: Node) -> bool:
        """Whether n is an input that is read part by part: W[0], W[1], …"""
        return n.op is LEAF and bool(self.parts[n]) and all(entry(c.consumer) for c in self.parts[n])

    @staticmethod
    def _short(node: Node, known: Either) -> bool:
        """Whether it fits on a line, in quantities and adjoints, and repeats nothing long."""
        uses = Counter(a for n in walk(node, stop=known) if n not in known for a in n.args if a not in known)
        repeated = (n for n, k in uses.items() if k > 1 and n.args)
        return reading_weight(node, known) <= _LINE and all(reading_weight(n, known) <= _REPEATED for n in repeated)

    @cached_property
    def assumed(self) -> dict[Node, tuple[Node | None, str]]:
        """For each quantity: its adjoint under what a textbook assumes, in terms of those found before."""
        found = {}
        for n in self.quantities:
            adjoint, known = self.backward.adjoints[n], Either(self.names, self.read[n])
            found[n] = (None, "") if adjoint in known else assumed(adjoint, self.names, known)
        return found

    def chain(self, n: Node, quantity: Callable[[Node], str], notation: Notation) -> str:
        """∂L/∂a · ∂a/∂n + ∂L/∂b · ∂b/∂n, and ∂L/∂n|a,b where the loss reads n itself."""
        adjoint = self._adjoint_labels(quantity, notation)
        dot = r" \cdot " if notation is LATEX else " · "
        through = [c.consumer for c in self.parts[n] if c.cotangent.op is LEAF]
        terms = [f"{adjoint(m)}{dot}{derivative(quantity(m), quantity(n), notation)}" for m in through]
        if len(through) < len(self.parts[n]):
            direct = derivative(quantity(self.backward.output), quantity(n), notation)
            fixed = ", ".join(map(quantity, through))
            terms.append(rf"\left.{direct}\right|_{{{fixed}}}" if notation is LATEX else f"({direct} at fixed {fixed})")
        return " + ".join(terms)

    def reason(self, n: Node, name: Callable[[Node], str]) -> str:
        """A sentence a line."""
        parts = self.parts[n]
        if not parts:
            loss = name(self.backward.output)
            return f"{loss} itself" if n is self.backward.output else f"{loss} does not depend on {name(n)}"
        if self._apart(n):
            return f"{name(n)} is read part by part, and each part has its adjoint"

        def label(m: Node) -> str | None:
            m = self.backward.written(m)
            return name(m) if m in self.names else None

        def shown(a: Node) -> str:
            return label(a) or TEXT.expression(a, label)

        said: dict[str, None] = {}
        if len(parts) > 1:
            readers = [name(c.consumer) for c in parts]
            listed = ", ".join(readers[:-1]) + " and " + readers[-1]
            said[f"{name(n)} is used in {listed}, so their contributions add up"] = None
        for c in parts:
            if number(narrow(c.value)) == 0:
                said[f"what comes through {name(c.consumer)} cancels out"] = None
                continue
            for y, k in c.through:
                if y in self.backward.recognised:
                    said[f"{shown(self.backward.recognised[y])} is {TEXT.expression(y, label)}"] = None
                said |= dict.fromkeys(reasons(y, k, shown))
        telling = [s for s in said if s not in TRIVIAL]
        return "\n".join(telling or list(said)[:1])


def _loss_last(parts: Sequence[Contribution]) -> list[Contribution]:
    return sorted(parts, key=lambda c: c.cotangent.op is not LEAF)


def _symbols(root: Node, known: Container[Node]) -> Counter[Node | Op]:
    """The names and signs in `root`, whatever their order; what only puts entries in place is not counted."""
    found: Counter[Node | Op] = Counter()
    stack = [root]
    while stack and found.total() < 4 * _LINE:
        n = stack.pop()
        named = n is not root and n in known
        if n.op is not BROADCAST:
            found[n if named or not n.args else n.op] += 1
        if not named:
            stack.extend(n.args)
    return found
