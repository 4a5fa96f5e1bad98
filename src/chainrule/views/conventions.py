"""What a derivation takes for granted, said once."""

from __future__ import annotations

from ..graph.node import LEAF, walk
from .adjoints import PARTIAL
from .reasons import kink
from .steps import StepWriter
from .text import TEXT


def conventions(writer: StepWriter) -> list[str]:
    """A sentence each: the layout, the dot of the chain rule, derivatives at the kinks that the graph has."""
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
    passed = dict.fromkeys(y.op for found in writer.parts.values() for c in found for y, _ in c.through)
    kinks = dict.fromkeys(kink[op] for op in passed if op in kink)
    if kinks:
        said.append(f"At kinks: {'; '.join(kinks)}.")
    if any(n.op.elementwise and n.ndim for n in walk(writer.backward.output)):
        said.append("⊙ multiplies entry by entry, and functions act on each entry.")
    return said
