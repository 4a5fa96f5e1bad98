"""Update rules as equations: w ← (1 − 2λα) w − α ∂d/∂w for a loss L = d + λ‖w‖².

The program of a step computes with the loss's whole gradient. To be read, the gradient of what depends on data is one
symbol, and that of a penalty, which depends on the parameters alone, is written out and collected.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ..calculus.derivation import Backward
from ..graph.node import LEAF, Node, walk
from ..ops.arithmetic import ADD, NEG, SUB
from ..rewrite.collect import collect
from .adjoints import derivative
from .notation import Equation, Notation


@dataclass(frozen=True)
class Split:
    """A loss: what depends on data, its name, and the penalties on the parameters, None where there are none."""

    data: Node
    name: str
    penalty: Node | None


def split_loss(loss: Node, parameters: Collection[Node], labels: Mapping[Node, str]) -> Split:
    """A loss that is a sum, taken apart; the whole is the data's part where no summand reads the parameters alone."""
    terms: list[tuple[int, Node]] = []
    stack = [(1, loss)]
    while stack:
        sign, n = stack.pop()
        if n in labels and n is not loss:
            terms.append((sign, n))
        elif n.op in (ADD, SUB):
            stack += [(-sign if n.op is SUB else sign, n.args[1]), (sign, n.args[0])]
        elif n.op is NEG:
            stack.append((-sign, n.args[0]))
        else:
            terms.append((sign, n))
    of_data = [t for t in terms if _reads_data(t[1], parameters)]
    rest = [t for t in terms if not _reads_data(t[1], parameters)]
    whole = labels.get(loss, "L")
    if not of_data or not any(n in parameters for _, t in rest for n in walk(t)):
        return Split(loss, whole, None)
    data = _sum(of_data)
    taken = set(labels.values())
    fresh = next(name for name in ("d", "data", *(f"d_{k}" for k in range(len(taken) + 1))) if name not in taken)
    return Split(data, labels.get(data, fresh), _sum(rest))


def update_equations(
    split: Split,
    updates: Mapping[str, Node],
    gradients: Mapping[str, Node],
    inputs: Mapping[str, Node],
    labels: Mapping[Node, str],
    notation: Notation,
    made: dict[Node, str],
) -> list[Equation]:
    """One equation w ← … for each of `updates`, in ∂d/∂w where d is the data's part of the loss.

    gradients   name -> the node in the updates that computes the whole loss's derivative in it
    labels      node -> what it is called, before `notation` writes it
    """
    shown = {n: notation.name(name) for n, name in labels.items()}
    wrt = [inputs[k] for k in gradients]
    penalties = Backward(split.penalty, wrt, dict(labels)).adjoints if split.penalty is not None else {}
    found: list[Equation] = []
    read: dict[str, Node] = {}
    symbols = gradient_symbols(gradients, inputs)
    for name, symbol in symbols.items():
        shown[symbol] = derivative(notation.name(split.name), notation.name(name), notation)
        read[name] = symbol + penalties[inputs[name]] if inputs[name] in penalties else symbol
    quantities = {*symbols.values(), *(inputs[k] for k in updates)}
    kept = _kept(updates, gradients, inputs)
    instead = {gradients[k]: n for k, n in read.items()}
    for name, n in updates.items():
        own = {gradients[name]: read[name]} if name in read else {}  # two gradients may be one node
        before = {m: new for m, new in instead.items() if m is not n}
        right = collect(_with(before | own, n), shown, quantities)
        *parts, last = notation.equations({right: notation.name(name)}, shown, made)
        found += [*parts, replace(last, assigns=True)]
        if name not in kept:
            symbol = LEAF(name=f" new {name}", shape=n.shape, kind=n.kind)
            shown[symbol] = notation.name(name)
            instead[n] = symbol
    return found


def gradient_symbols(gradients: Mapping[str, Node], inputs: Mapping[str, Node]) -> dict[str, Node]:
    """Leaves to write ∂L/∂w with."""
    return {  # no input's name has a space
        k: LEAF(name=f" gradient {k}", shape=inputs[k].shape, kind=inputs[k].kind) for k in gradients
    }


def _with(instead: Mapping[Node, Node], root: Node) -> Node:
    """`root` with other nodes in the place of some; nothing below these is looked at."""
    done: dict[Node, Node] = {}
    for n in walk(root, stop=instead):
        done[n] = instead[n] if n in instead else n.rebuilt([done[a] for a in n.args])
    return done[root]


def _kept(updates: Mapping[str, Node], gradients: Mapping[str, Node], inputs: Mapping[str, Node]) -> set[str]:
    """The names whose old value a later update reads: there the new value must not go by the same name."""
    kept = set()
    names = list(updates)
    shown = set(gradients.values())
    for k, name in enumerate(names):
        shown.add(updates[name])
        if any(inputs[name] in walk(updates[m], stop=shown) for m in names[k + 1 :] if updates[m] not in shown):
            kept.add(name)
    return kept


def _reads_data(n: Node, parameters: Collection[Node]) -> bool:
    """Whether anything enters but parameters and scalars, such as λ."""
    return any(m.op is LEAF and m.shape and m not in parameters for m in walk(n))


def _sum(terms: list[tuple[int, Node]]) -> Node:
    sign, total = terms[0]
    total = total if sign > 0 else -total
    for sign, n in terms[1:]:
        total = total + n if sign > 0 else total - n
    return total


__all__ = ["Split", "gradient_symbols", "split_loss", "update_equations"]
