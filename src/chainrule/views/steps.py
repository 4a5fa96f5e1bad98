"""The steps of a derivation, written: chain rule, local derivatives, what is put in, and the tidy result.

    ∂L/∂z = ∂L/∂u · ∂u/∂z                    what each quantity computed from z hands back, added up
          = ∂L/∂u ⊙ u ⊙ (1 - u)              with the derivatives of u put in, and tidied
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce

from ..calculus.derivation import Backward, Contribution
from ..graph.node import LEAF, Node, Op, walk
from ..ops.arithmetic import NEG
from ..ops.movement import BROADCAST
from ..rewrite.engine import rewrite
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
            for line in self.lines[n]:
                if line.node is None:
                    shown.append((own, self.chain(n, labels.__getitem__, notation)))
                    continue
                known = labels
                if line.written_out:
                    known = {m: label for m, label in labels.items() if m not in line.written_out}
                *long_parts, e = notation.equations({line.node: own}, known, made)
                before += long_parts
                shown.append((e.name, e.expression))
            yield Lines(_below(shown), tuple(before))
            if self.backward.adjoints[n].args:
                labels.setdefault(self.backward.adjoints[n], own)

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
            found = self.settled.get(m)
            earlier = found is not None and self.place[found] < self.place[n] and m not in written_out
            return adjoint(found) if found is not None and earlier else None

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
    def place(self) -> dict[Node, int]:
        return {n: k for k, n in enumerate(self.quantities)}

    @cached_property
    def settled(self) -> dict[Node, Node]:
        """An adjoint -> the first quantity whose adjoint it is, where it is no bare number or name."""
        found: dict[Node, Node] = {}
        for n in self.quantities:
            adjoint = self.backward.adjoints[n]
            if adjoint.args and adjoint not in self.names:
                found.setdefault(adjoint, n)
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
        passed = reduce(_plus, (c.value for c in parts))
        known = {a for a, m in self.settled.items() if self.place[m] < self.place[n]}
        local = rewrite([passed], {leaf: a for leaf, a in stand_for.items() if a in known}.get)[passed]
        lines = [_Line(None)] if stand_for else []
        seen = _Known(self.names, known)
        if self._short(passed) and _symbols(local, seen) != _symbols(adjoint, seen):
            lines.append(_Line(passed))
            gone = {leaf: a for leaf, a in stand_for.items() if a not in known or a not in _symbols(adjoint, seen)}
            put_in = rewrite([passed], gone.get)[passed]
            if gone and put_in is not adjoint and self._short(put_in):
                lines.append(_Line(put_in, frozenset(gone.values()) & known))
        lines.append(result)
        under = self.assumed[n][0]
        return lines if under is None or not self._short(under) else [*lines, _Line(under)]

    def _apart(self, n: Node) -> bool:
        """Whether n is an input that is read part by part: W[0], W[1], …"""
        return n.op is LEAF and bool(self.parts[n]) and all(entry(c.consumer) for c in self.parts[n])

    def _short(self, node: Node) -> bool:
        """Whether it fits on a line, in quantities and adjoints, and repeats nothing long."""
        known = _Known(self.names, self.settled)
        uses = Counter(a for n in walk(node, stop=known) if n not in known for a in n.args if a not in known)
        repeated = (n for n, k in uses.items() if k > 1 and n.args)
        return reading_weight(node, known) <= _LINE and all(reading_weight(n, known) <= _REPEATED for n in repeated)

    @cached_property
    def assumed(self) -> dict[Node, tuple[Node | None, str]]:
        """For each quantity: its adjoint under what a textbook assumes, in terms of those found before."""
        known: dict[Node, None] = dict.fromkeys(self.names)
        found = {}
        for n in self.quantities:
            adjoint = self.backward.adjoints[n]
            found[n] = (None, "") if adjoint in known else assumed(adjoint, self.names, known)
            if adjoint.args:
                known[adjoint] = None
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

        def shown(a: Node) -> str:
            label = lambda m: name(m) if m in self.names else None
            return label(a) or TEXT.expression(a, label)

        said: dict[str, None] = {}
        if len(parts) > 1:
            readers = [name(c.consumer) for c in parts]
            listed = ", ".join(readers[:-1]) + " and " + readers[-1]
            said[f"{name(n)} is used in {listed}, so their contributions add up"] = None
        for c in parts:
            for y, k in c.through:
                said |= dict.fromkeys(reasons(y, k, shown))
        telling = [s for s in said if s not in TRIVIAL]
        return "\n".join(telling or list(said)[:1])


def _loss_last(parts: Sequence[Contribution]) -> list[Contribution]:
    return sorted(parts, key=lambda c: c.cotangent.op is not LEAF)


def _plus(a: Node, b: Node) -> Node:
    """a + b as a person writes it: a term that was repeated to the shape of the other is not spelled out."""
    if b.op is BROADCAST:
        b = b.args[0]
    elif a.op is BROADCAST:
        a = a.args[0]
    return a - b.args[0] if b.op is NEG else a + b


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


class _Known:
    """Membership in one of two collections."""

    def __init__(self, a: Container[object], b: Container[object]):
        self.a, self.b = a, b

    def __contains__(self, n: object) -> bool:
        return n in self.a or n in self.b


def backward_order(backward: Backward, names: Mapping[Node, str]) -> list[Node]:
    """The quantities that get a step: from the loss down, and each input right after the last quantity it feeds.

    The part W[3] of an input counts as one; an input that was read part by part comes last.
    """
    output = backward.output
    place = {n: k for k, n in enumerate(reversed(walk(output)))}

    def key(n: Node) -> tuple[int, int]:
        if n.op is not LEAF and not entry(n):
            return place[n], -1
        fed = [c.consumer for c in backward.contributions.get(n, [])]
        if any(entry(m) for m in fed):
            return len(place), inputs[n]
        return max((place[m] for m in fed), default=-1), inputs[n]

    quantities = [n for n in names if n in backward.adjoints and (n is not output or n.op is LEAF)]
    inputs = {n: k for k, n in enumerate(quantities)}
    return sorted(quantities, key=key)
