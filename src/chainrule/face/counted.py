"""`cr.compare_counts`: a program's cost as others count it, with what XLA says of the same program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..views.counters import Counters
from ..views.grid import Counted
from .compiled import Compiled
from .cost import cost
from .derivation import Derivation
from .graph import Graph, trace


def compare_counts(target: Graph | Derivation | Callable[..., Any], **sizes: Any) -> Counters:
    """The conventions of `.conventions()` at the given sizes, and a row with the count that XLA makes of the program.

    XLA compiles the program and counts what it will run: 2·MACs for products, and one for each entry of a sum, a
    comparison, a division or a selection, after it has simplified and fused; exponentials and the like it counts apart.
    So its answer is near our FLOPs, and no bound holds: an outer product is to XLA n·m multiplications, half our FLOPs;
    and where products are most of the work, 2·k for each sum of k is more than the 2·k − 1 among our operations.
    JAX is imported, and nothing is run.

    Raises InputError for sizes that are missing, unknown or below 1.

    >>> import chainrule as cr
    >>> table = cr.compare_counts(cr.trace(lambda X, W, b: X @ W + b, X="n d", W="d h", b="h"), n=10, d=20, h=30)
    >>> table["FLOPs"], table["FLOPs + biases"], table["XLA"]
    (12000, 12300, 12300)
    """
    if isinstance(target, Derivation):
        graph, wrt, counted = target.graph, target.wrt, target.cost
    else:
        graph = trace(target)
        wrt, counted = None, cost(graph)
    flops = Compiled(graph, "xla", "float32", wrt).flops(**sizes)
    column = "total" if isinstance(target, Derivation) else ""
    at = counted.at(**sizes) if sizes else counted
    row = {column: Counted(flops, flops)}
    return at.conventions().including("XLA", "after fusing, without exp and the like", "its cost analysis", row)


__all__ = ["compare_counts"]
