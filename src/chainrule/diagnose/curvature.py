"""The largest eigenvalue of a loss's Hessian, and with it the largest stable step of gradient descent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from ..calculus.differentiate import differentiate
from ..engines.binding import Signature
from ..face.compiled import compile, engine_named
from ..face.graph import Graph, trace
from ..face.shown import rounded
from ..graph.errors import GraphError, InputError
from ..graph.node import Node, leaf
from ..ops.movement import sum as total
from ..views.grid import Grid
from .lanczos import largest
from .quantities import Target, arrays_of, loss_of
from .report import Report

_DIGITS = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-7}
_ROUNDINGS = 10.0  # units in the last place by which a product H v is off, about


@dataclass(frozen=True)
class Curvature(Report):
    """The largest eigenvalue λmax of the Hessian at a point; made by `cr.diagnose.largest_eigenvalue`.

    value       λmax, as xᵀ H x for a unit vector x: never above the true one but for rounding
    residual    ‖H x − λ x‖: an eigenvalue lies at most so far from `value`
    smallest    the smallest xᵀ H x that was met: the smallest eigenvalue is this or less
    products    how many products H v were computed, each about two gradients' work
    converged   whether the residual is within the tolerance; else `value` is but a lower bound
    rounding    how far rounding may move an eigenvalue, about; what is less is taken for 0
    vector      x, name -> array
    parameters  how many entries the Hessian has a row for
    """

    value: float
    residual: float
    smallest: float
    products: int
    converged: bool
    tolerance: float
    parameters: int
    rounding: float
    vector: Mapping[str, Any] = field(repr=False, compare=False)
    name: str = "the loss"

    @property
    def largest_step(self) -> float:
        """2/λmax; infinite where no curvature is positive."""
        return 2 / self.value if self.value > self.rounding else math.inf

    @property
    def negative_dominates(self) -> bool:
        """Whether a negative eigenvalue has the larger magnitude: a power iteration on H would end there."""
        return -self.smallest > abs(self.value) + self.rounding or self.value < -self.rounding

    @property
    def title(self) -> str:
        """λmax and the step that follows from it."""
        sign = "=" if self.converged else "≥"
        told = f"Hessian of {self.name}: λmax {sign} {rounded(self.value)}"
        if self.value <= self.rounding:
            none = "no curvature is positive, so it limits no step"
            return f"{told}; {none if self.converged else 'no positive curvature was met'}"
        return f"{told}, largest stable step 2/λmax {'=' if self.converged else '≤'} {rounded(self.largest_step)}"

    @property
    def grid(self) -> Grid:
        """The numbers, and what they rest on."""
        rows = (
            ("λmax", rounded(self.value)),
            ("2/λmax", rounded(self.largest_step)),
            ("residual ‖H x − λ x‖", rounded(self.residual)),
            ("smallest xᵀ H x met", rounded(self.smallest)),
            ("products H v", str(self.products)),
            ("rows of H", str(self.parameters)),
        )
        notes = []
        if not self.converged:
            notes.append(f"not converged to {self.tolerance:g}: λmax is a lower bound; allow more products")
        elif self.residual > 2 * self.tolerance * abs(self.value):
            notes.append("the residual is as small as rounding allows; a wider floating-point type gives a smaller one")
        if self.negative_dominates:
            notes.append(
                f"a negative eigenvalue, {rounded(self.smallest)} or less, has the larger magnitude; λmax is the upper "
                f"end of the spectrum nevertheless"
            )
        return Grid(("", ""), rows, tuple(notes))

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the numbers without the vector."""
        return {
            "name": self.name, "largest_eigenvalue": self.value, "largest_step": self.largest_step,
            "residual": self.residual, "smallest_seen": self.smallest, "negative_dominates": self.negative_dominates,
            "products": self.products, "converged": self.converged, "tolerance": self.tolerance,
            "parameters": self.parameters,
        }  # fmt: skip


def largest_eigenvalue(
    target: Target,
    point: Mapping[str, Any],
    wrt: Sequence[str] | str | None = None,
    engine: str = "numpy",
    tolerance: float = 1e-6,
    products: int = 500,
    seed: int = 0,
) -> Curvature:
    """The largest eigenvalue λmax of H = ∂²L/∂θ², and 2/λmax, the largest step at which gradient descent is stable.

    target      a loss: a Graph such as ``net.loss_graph(...)``, or a function as `cr.trace` takes it
    point       name -> array for the inputs of the graph
    wrt         θ: the inputs in which the Hessian is taken, together; by default the parameters
    tolerance   it stops when ‖H x − λ x‖ ≤ tolerance · |λ|, or where the precision allows no less
    products    at most so many products H v, 2 or more
    seed        of the first vector, which is random

    H is never formed: H v = ∂(vᵀ ∂L/∂θ)/∂θ is a graph, compiled once for either engine (Pearlmutter 1994). Lanczos'
    method takes the best of all the vectors v, H v, H² v, … that the power iteration goes through. λmax is the largest
    eigenvalue, not the one of largest magnitude; where that is negative the report says so. At kinks, of relu for one,
    the second derivative is 0, as everywhere in Chainrule.

    Along an eigenvector of eigenvalue λ > 0 a step α multiplies the distance from the minimum of the quadratic model by
    1 − αλ, so descent diverges above α = 2/λmax: LeCun, Simard and Pearlmutter, Automatic learning rate maximization by
    on-line estimation of the Hessian's eigenvectors, NIPS 1992. Training with a fixed step tends to end near
    λmax = 2/α: Cohen, Kaur, Li, Kolter and Talwalkar, Gradient descent on neural networks typically occurs at the edge
    of stability, ICLR 2021.

    Raises InputError for arrays that do not fit and where the Hessian is not finite, GraphError for a graph without
    parameters and for a tolerance or a number of products that cannot be meant, NamingError for unknown names,
    NoDerivative where the output is no real scalar.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda w, A: w @ A @ w / 2, w="n", A="n n")
    >>> report = cr.diagnose.largest_eigenvalue(g, dict(w=[1., 1.], A=[[4., 0.], [0., -5.]]), wrt="w")
    >>> round(report.value, 6), round(report.largest_step, 6), report.negative_dominates
    (4.0, 0.5, True)
    """
    if not (isinstance(tolerance, float | int) and 0 < tolerance < 1):
        raise GraphError(f"tolerance is {tolerance!r}; it must be above 0 and below 1")
    if isinstance(products, bool) or not isinstance(products, int) or products < 2:
        raise GraphError(f"products is {products!r}; it must be an integer, 2 or more")
    whole = trace(target)
    graph, names = loss_of(whole, wrt)
    arrays = arrays_of(whole, graph, point)
    supported = engine_named(engine).precisions
    signature = Signature(graph.called, list(graph.inputs.values()), [graph.output], graph.needs)
    fitting = dict(zip(graph.inputs, signature.bind(arrays, None, supported)[0]))
    shapes = {k: fitting[k].shape for k in names}
    sizes = [math.prod(s) for s in shapes.values()]
    kind = str(fitting[names[0]].dtype)
    called, product_graph = hessian_product(graph, names)
    run = compile(product_graph, engine, kind)
    fixed = {k: run.place(a) for k, a in fitting.items()}

    def parts(v: Any) -> dict[str, Any]:
        cut = np.split(v, np.cumsum(sizes)[:-1])
        return {k: a.reshape(s) for (k, s), a in zip(shapes.items(), cut)}

    def product(v: Any) -> Any:
        with np.errstate(all="ignore"):
            found = run(**fixed, **{called[k]: a for k, a in parts(v).items()})
        several = found if isinstance(found, tuple) else (found,)
        flat = np.concatenate([np.asarray(a, np.float64).ravel() for a in several])
        if not np.isfinite(flat).all():
            bad = [k for k, a in zip(names, several) if not np.isfinite(np.asarray(a, np.float64)).all()]
            raise InputError(f"the Hessian of {graph.name} is not finite here, in the rows of {', '.join(bad)}")
        return flat

    start = np.random.default_rng(seed).standard_normal(sum(sizes))
    found = largest(product, start, tolerance, products, _ROUNDINGS * _DIGITS[kind])
    return Curvature(
        found.value, found.residual, found.smallest, found.products, found.converged, tolerance, sum(sizes),
        found.rounding, parts(found.vector), graph.name,
    )  # fmt: skip


def hessian_product(graph: Graph, names: Sequence[str]) -> tuple[dict[str, str], Graph]:
    """H v as a graph: {name: what its part of v is called}, and the graph with these inputs added.

    >>> import chainrule as cr
    >>> called, g = hessian_product(cr.trace(lambda w: cr.sum(w**3), w="n"), ["w"])
    >>> cr.compile(g)(w=[1., 2.], v_w=[1., 1.])
    array([ 6., 12.])
    """
    leaves = [graph[k] for k in names]
    gradients = differentiate(graph.output, leaves).gradients
    called: dict[str, str] = {}
    for k in names:
        label = f"v_{k}"
        while label in graph:
            label += "_"
        called[k] = label
    directions = {called[k]: leaf(called[k], w.shape) for k, w in zip(names, leaves)}
    dot: Node = reduce(add, (total(g * v) for g, v in zip(gradients, directions.values())))
    rows = differentiate(dot, leaves).gradients
    roles = graph.roles | dict.fromkeys(directions, "data")
    made = replace(
        graph, name=f"{graph.name}_hessian_product", inputs=graph.inputs | directions, outputs=tuple(rows),
        names={n: k for k, n in graph.inputs.items()}, roles=roles, derived=frozenset(),
    )  # fmt: skip
    return called, made


__all__ = ["Curvature", "hessian_product", "largest_eigenvalue"]
