"""What a loss and its gradients cost: two passes, their steps, and the memory that stands between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..calculus.checkpoints import Passes, checkpointed
from ..graph.dims import Dim, Size, substitute, symbols_of
from ..graph.errors import GraphError, ShapeError
from ..graph.node import Kind
from .counters import Counters, counters
from .counts import CONVENTION, Cost, StepCost, checked, side_by_side, step_table, told
from .grid import Counted, Grid, Tabular
from .memory import FLOAT32, Recomputation, bytes_of, recomputation


@dataclass(frozen=True)
class DerivationCost(Tabular):
    """What a loss costs, and what its gradients cost beyond it, counted in the one program that answers both.

    forward     the loss alone
    backward    what the gradients add; its parameters are 0, they are the forward pass's
    saved       entries, by kind, that the backward pass reads of what the forward pass computed

    >>> import chainrule as cr
    >>> d = cr.derive(lambda X, Y, W, V: cr.sum((cr.tanh(X @ W) @ V - Y) ** 2), wrt=["W", "V"],
    ...               X="n d", Y="n k", W="d h", V="h k")
    >>> d.cost.forward.macs, d.cost.backward.macs, d.cost.saved_bytes()
    (Dim(n·d·h + n·h·k), Dim(n·d·h + 2·n·h·k), Dim(4·n·h + 4·n·k))
    >>> d.cost.at(n=100, d=784, h=64, k=10).ratio  # nobody needs the gradient in X
    1.0125944...
    """

    forward: Cost
    backward: Cost
    saved: Mapping[Kind, Size]
    passes: Passes | None = field(default=None, compare=False, repr=False)
    symbolic: DerivationCost | None = field(default=None, compare=False, repr=False)  # what `.at` was asked of

    @property
    def total(self) -> Cost:
        """Forward and backward."""
        return self.forward + self.backward

    @property
    def parameters(self) -> Size:
        return self.forward.parameters

    @property
    def steps(self) -> tuple[StepCost, ...]:
        """The named quantities, forward, then the adjoints of the derivation's steps: what each adds to the program.

        See `StepCost`.
        """
        return self.forward.steps + self.backward.steps

    @property
    def ratio(self) -> float:
        """Backward MACs for each forward MAC, at sizes that are numbers."""
        back, ahead = self.backward.macs, self.forward.macs
        if isinstance(back, Dim) or isinstance(ahead, Dim):
            names = sorted(symbols_of((back, ahead)))
            raise ShapeError(f"the ratio depends on {', '.join(names)}: ask d.cost.at({names[0]}=..., ...).ratio")
        if not ahead:
            raise GraphError("the forward pass has no matrix product and no convolution, so no MACs to compare with")
        return back / ahead

    def saved_bytes(self, itemsize: int = FLOAT32) -> Size:
        """The memory of what the backward pass reads of the forward pass's results, in bytes.

        Neither inputs nor parameters are counted, and an array once, however many views look into it. `itemsize` is a
        real number's: 4 for float32, 8 for float64. A boolean takes 1, an integer 8, as in both engines.
        """
        return bytes_of(self.saved, itemsize)

    @property
    def recomputed(self) -> Cost:
        """What is executed again if nothing is kept for the backward pass but inputs and parameters.

        These are the operations that lead to what the backward pass reads: the forward pass, less its end.
        """
        return self.recomputing().again

    def recomputing(self, keep: Sequence[str] | str = ()) -> Recomputation:
        """What it costs to keep only the quantities in `keep`, and to compute the rest again: gradient checkpointing.

        The checkpoints divide the forward pass into segments, which the backward pass computes again, the last one
        first, each as a whole; `cr.compile(d, keep=[...])` is that program, and `cr.measure_recompute` measures it.
        Without checkpoints there is one segment, so nothing waits between the passes, yet as much is held during the
        second one. √L checkpoints in L layers need about 2√L layers' memory, for less than one forward pass more:
        Chen, Xu, Zhang, Guestrin 2016, "Training Deep Nets with Sublinear Memory Cost".

        Raises NamingError for a name that the forward pass does not compute.

        >>> import chainrule as cr
        >>> def deep(x: "n", W1: "n n", W2: "n n", W3: "n n"):
        ...     h1 = cr.tanh(W1 @ x)
        ...     h2 = cr.tanh(W2 @ h1)
        ...     return cr.sum(cr.tanh(W3 @ h2))
        >>> c = cr.derive(deep, wrt=["W1", "W2", "W3"]).cost
        >>> c.saved_bytes(), c.recomputed.macs
        (Dim(12·n), Dim(3·n²))
        >>> c.recomputing(keep=["h1"]).kept_bytes(), c.recomputing(keep=["h1"]).again.macs
        (Dim(4·n), Dim(2·n²))
        """
        if self.passes is None:
            raise GraphError("this cost was computed from others and knows no program; ask d.cost.recomputing()")
        if self.symbolic is not None:
            return self.symbolic.recomputing(keep).with_sizes(self.forward.given)
        names = [keep] if isinstance(keep, str) else list(keep)
        sizes = self.forward.sizes | self.backward.sizes
        return recomputation(names, checkpointed(self.passes, self.passes.checkpoints(names)), sizes)

    def at(self, **sizes: int) -> DerivationCost:
        """All counts at the given sizes; those not given stay symbols.

        Printed, polynomials stand beside their values; in the tables, values alone. Raises InputError for a name that
        is no size of the graph, and for a size that is no integer or below 1.
        """
        known = self.forward.symbols | self.backward.symbols | symbols_of(self.saved.values())
        values = checked(sizes, known)
        left: dict[Kind, Size] = {kind: substitute(s, values) for kind, s in self.saved.items()}
        ahead, back = self.forward.with_sizes(values), self.backward.with_sizes(values)
        return DerivationCost(ahead, back, left, self.passes, self.symbolic or self)

    def table(self) -> Grid:
        """What each named quantity and each adjoint costs, a row each, and the sums."""
        totals = {"forward": self.forward, "backward": self.backward, "total": self.total}
        return step_table(self.steps, totals)

    def conventions(self) -> Counters:
        """What other counters say of the same program, and of training as three times the forward pass."""
        columns = {"forward": self.forward, "backward": self.backward, "total": self.total}
        found = counters(columns, told(columns.values()))
        thrice = Counted(3 * (self.symbolic or self).forward.flops, 3 * self.forward.flops)
        return found.including("rule of thumb", "3 × FLOPs forward", "estimates of training", {"total": thrice})

    def as_dict(self) -> dict[str, Any]:
        """For JSON: both passes with their steps, the bytes that wait in between, and what it costs to do without."""
        given = {name: s if isinstance(s, int) else str(s) for name, s in self.forward.given.items()}
        found = {"sizes": given, "forward": self.forward.as_dict(), "backward": self.backward.as_dict()}
        found["total"] = self.total.as_dict()
        found["saved_bytes"] = self._saved.as_dict()
        return found | ({"recomputed": self.recomputed.as_dict()} if self.passes is not None else {})

    @property
    def _saved(self) -> Counted:
        return Counted((self.symbolic or self).saved_bytes(), self.saved_bytes())

    @cached_property
    def grid(self) -> Grid:
        """Both passes as a table."""
        told = [CONVENTION, f"saved for the backward pass: {self._saved.text()} bytes, at 4 for each real number"]
        if self.passes is not None:
            told.append(f"computed again instead: {self.recomputed.words()}; see .recomputing(keep=[...])")
        return side_by_side({"forward": self.forward, "backward": self.backward}, *told)


__all__ = ["DerivationCost"]
