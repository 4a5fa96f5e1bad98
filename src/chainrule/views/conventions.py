"""What a derivation takes for granted, said once."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.node import LEAF, walk
from .adjoints import PARTIAL
from .reasons import kinks
from .steps import Step, StepWriter
from .text import TEXT


def conventions(writer: StepWriter, steps: Sequence[Step]) -> list[str]:
    """A sentence each, and only what `steps` make use of: the layout, the dot of the chain rule, kinks, signs."""
    loss = writer.loss
    adjoint = writer.adjoint.label(loss, "v", TEXT)
    said = [
        f"{adjoint} is the derivative of {loss} in v, and has the shape of v (denominator layout); vectors are columns."
        if writer.adjoint is not PARTIAL
        else f"{adjoint} has the shape of v (denominator layout); vectors are columns."
    ]
    if any(c.cotangent.op is LEAF for found in writer.parts.values() for c in found):
        adjoint = writer.adjoint.label(loss, "z", TEXT)
        said.append(f"{adjoint} · ∂z/∂v adds up over all entries of z: its entry j is Σᵢ {adjoint}ᵢ ∂zᵢ/∂vⱼ.")
    passed = dict.fromkeys(y for found in writer.parts.values() for c in found for y, _ in c.through)
    there = dict.fromkeys(sentence for y in passed for sentence in kinks(y))
    if there:
        said.append(f"At kinks: {'; '.join(there)}.")
    if any(n.op.elementwise and n.ndim for n in walk(writer.backward.output)):
        said.append("⊙ multiplies entry by entry, and functions act on each entry.")
    if any(r"\to 1}" in s.latex for s in steps):
        said.append("In LaTeX a sum of [A] with the index :,j→1 runs over j and keeps that axis, with size 1.")
    return said
