"""`cr.check_gradients`: the gradients of a graph against differences of its loss, at a point that is drawn or given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..calculus.differentiate import stable_form
from ..engines.binding import Signature
from ..graph.dims import Dim, evaluate, shape_text
from ..graph.errors import InputError, ShapeError
from ..graph.node import BOOLEAN, LEAF, REAL, SIZE, Node, constant, leaf, walk
from ..ops.arithmetic import STOP
from .check_report import GradientReport
from .compare import compare
from .compiled import Compiled, shapes_of
from .derivation import Derivation
from .graph import Graph, select, trace

TRIES = 200  # arrangements of small sizes, until one fits the graph


def check_gradients(
    target: Graph | Derivation | Callable[..., Any],
    wrt: Sequence[str] | str | None = None,
    at: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    tolerance: float = 1e-6,
    engine: str = "numpy",
) -> GradientReport:
    """Whether the gradients that `target` compiles to are those of its loss: against central differences, in float64.

        ∂L/∂wₖ  against  (L(w + h eₖ) − L(w − h eₖ)) / 2h,   apart by  |a − b| / max(10⁻⁸, |a| + |b|) ≤ tolerance

    target      a function or Graph with a scalar result, or a Derivation
    wrt         the inputs to check; by default the Derivation's, or every real input
    at          name -> array: where to check. Inputs not given are drawn: standard normal numbers, integers within the
                axis they index (0 or 1 where they index none), booleans by a coin
    sizes       symbol -> integer. Symbols not given take small sizes that all differ; the report names them
    seed        of what is drawn: the point, and the directions and entries compared in large inputs
    engine      runs the loss and the gradients

    Inputs of up to 100 entries are checked entry by entry, larger ones along random directions and in a sample of
    entries; a direction that disagrees is followed to the wrong entry, which the report names. See `compare`.

    At a kink (ReLU at 0, ties in max) any slope between those on either side is right: such places are listed in
    `.kinks` and do not fail. A jump has no slope and fails wherever the differences see it. What `cr.stop_gradient`
    holds still is held still in the differences too.

    Raises InputError where the loss is not finite at the point, for names, sizes and arrays that do not fit, and for a
    tolerance below 4e-11, the ε^(2/3) that central differences reach; NoDerivative for a loss that is no real scalar.
    Source: Nocedal and Wright, Numerical Optimization, 2nd ed., section 8.1.

    >>> import chainrule as cr
    >>> g = cr.trace(lambda x, W: cr.sum(cr.relu(W @ x) ** 2), x="n", W="h n")
    >>> report = cr.check_gradients(g, sizes=dict(n=3, h=4))
    >>> report.ok, report.max_relative_error < 1e-6, report.inputs["W"].shape, report.kinks
    (True, True, (4, 3), [])
    """
    graph, names = _target(target, wrt, at or {})
    analytic = Compiled(graph, engine, "float64", names)
    signature = Signature(graph.name, list(graph.inputs.values()), analytic.program.outputs)
    rng = np.random.default_rng(seed)
    given = _given(graph, at or {})
    known, chosen = _sizes(graph, signature, given, sizes or {})
    point = draw_point(graph, signature, given, known, rng)
    _, gradients = analytic(**point)
    report = compare(
        _loss(graph, point, known, engine), {k: np.array(gradients[k]) for k in names}, point,
        tolerance=tolerance, seed=seed, name=graph.name, around=lambda **arrays: analytic(**arrays)[1],
    )  # fmt: skip
    drawn = [k for k in graph.inputs if k not in given]
    what = "the point" if len(drawn) == len(graph.inputs) else ", ".join(drawn)
    where = f", {what} drawn with seed {seed}" if drawn else ""
    about = f"{where}; {', '.join(f'{k} = {v}' for k, v in known.items())}" if known else where
    notes = [f"sizes chosen here: {', '.join(chosen)}; others can be given"] if chosen else []
    return replace(report, about=about, notes=notes)


def _target(target: Any, wrt: Sequence[str] | str | None, at: Mapping[str, Any]) -> tuple[Graph, list[str]]:
    if isinstance(target, Derivation):
        graph, names = target.graph, target.wrt if wrt is None else select(target.graph, wrt)
    else:
        graph = target if isinstance(target, Graph) else trace(target, **_sizes_given(target, at))
        names = select(graph, wrt)
    for k in names:
        if k not in graph.inputs:
            raise InputError(f"{k} is computed from other quantities; a check moves inputs: {', '.join(graph.inputs)}")
    if not names:
        raise InputError(f"{graph.name} has no real input, so it has no gradient to check")
    return replace(graph, updates={}), names


def _sizes_given(f: Callable[..., Any], at: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes of parameters without annotation, as the point gives them."""
    signature = inspect.signature(f)
    arrays = {k: np.asarray(v) for k, v in at.items() if k in signature.parameters}
    return shapes_of(signature, arrays, {k for k in arrays if not hasattr(at[k], "dtype")})


def _given(graph: Graph, at: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The arrays given, with float64 for the real ones; the engine checks the other kinds."""
    unknown = [k for k in at if k not in graph.inputs]
    if unknown:
        raise InputError(
            f"at: {graph.called} has no input called {', '.join(unknown)}; it has {', '.join(graph.inputs)}"
        )
    given = {}
    for k, a in at.items():
        try:
            given[k] = np.array(a)
            if graph.inputs[k].kind == REAL and given[k].dtype.kind != "c":
                given[k] = given[k].astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(f"at: {k} must be an array of numbers, not {type(a).__name__}") from None
        if given[k].dtype.kind not in "biuf":
            raise InputError(f"at: {k} must be an array of numbers, not of {given[k].dtype}")
    return given


def _sizes(
    graph: Graph, signature: Signature, given: Mapping[str, np.ndarray], sizes: Mapping[str, int]
) -> tuple[dict[str, int], list[str]]:
    """Every symbol's size, and the symbols that were given none. The small sizes tried all differ, and none is 1."""
    symbols = list(dict.fromkeys(str(s) for n in graph.inputs.values() for s in n.shape if isinstance(s, Dim)))
    unknown = [k for k in sizes if k not in symbols]
    if unknown:
        has = f"it has {', '.join(symbols)}" if symbols else "all its sizes are numbers"
        raise InputError(f"sizes: {graph.called} has no size called {', '.join(unknown)}; {has}")
    known = {}
    for k, v in sizes.items():
        if isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < 1:
            raise InputError(f"sizes: {k} must be an integer, at least 1, not {v!r}")
        known[k] = int(v)
    for name, a in given.items():
        shape = graph.inputs[name].shape
        if len(shape) != a.ndim:
            raise InputError(f"at: {name} has shape {a.shape}; {graph.called} takes {name} as {shape_text(shape)}")
        for s, got in zip(shape, a.shape):
            if isinstance(s, Dim) and known.setdefault(str(s), got) != got:
                wanted = f"{s} is {known[str(s)]} in {name} {shape_text(shape)}"
                raise InputError(f"at: {name} has shape {a.shape}, and {wanted}")
    chosen = [s for s in symbols if s not in known]
    used = {*known.values(), *(s for n in graph.inputs.values() for s in n.shape if isinstance(s, int))}
    small = [k for k in range(2, 3 + len(used) + 2 * len(chosen)) if k not in used]
    rng = np.random.default_rng(0)
    refused: Exception | None = None
    for attempt in range(TRIES if chosen else 1):
        tried = small[: len(chosen)] if attempt == 0 else rng.permutation(small).tolist()
        found = known | dict(zip(chosen, tried))
        try:
            shapes = {k: tuple(evaluate(s, found) for s in n.shape) for k, n in graph.inputs.items()}
            signature.sizes(shapes | {k: a.shape for k, a in given.items()})
            return {k: found[k] for k in symbols}, chosen
        except (InputError, ShapeError) as error:
            refused = refused or error
    if not chosen:
        raise InputError(str(refused)) from None
    if not sizes:
        raise InputError(f"{refused}; no small sizes for {', '.join(chosen)} fit, so give them") from None
    fixed = " and ".join(f"{k} = {known[k]}" for k in sizes)
    raise InputError(
        f"the sizes given, {fixed}, do not fit, whatever {', '.join(chosen)} {'is' if len(chosen) == 1 else 'are'}: "
        f"{refused}"
    ) from None


def draw_point(
    graph: Graph,
    signature: Signature,
    given: Mapping[str, np.ndarray],
    sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """What was given, and the rest drawn: integers below every bound that they have to keep."""
    bounds: dict[str, int] = {}
    for name, size, _ in signature.positions:
        bound = int(evaluate(size, sizes))
        bounds[name] = min(bound, bounds.get(name, bound))
    point = {}
    for k, n in graph.inputs.items():
        shape = tuple(evaluate(s, sizes) for s in n.shape)
        if n.kind == REAL:
            drawn = rng.standard_normal(shape)
        elif n.kind == BOOLEAN:
            drawn = rng.integers(0, 2, shape).astype(bool)
        else:
            drawn = rng.integers(0, bounds.get(k, 2), shape)
        point[k] = given[k] if k in given else np.asarray(drawn)
    return point


def _loss(graph: Graph, point: Mapping[str, Any], sizes: Mapping[str, int], engine: str) -> Callable[..., Any]:
    """The loss as a function of arrays; what stop_gradient holds still is computed once, at the point."""
    written = stable_form([graph.output])[graph.output]
    stopped = [n for n in walk(written) if n.op is STOP]
    if not stopped:
        return Compiled(replace(graph, names={}), engine, "float64", None)
    at_sizes: dict[Node, Node] = {}
    held: dict[Node, Node] = {}
    for n in walk(written):
        if n.op is LEAF:
            at_sizes[n] = leaf(n.attr("name"), [evaluate(s, sizes) for s in n.shape], n.kind)
        elif n.op is SIZE:
            at_sizes[n] = constant(evaluate(n.attr("of"), sizes))
        else:
            at_sizes[n] = n.op(*[at_sizes[a] for a in n.args], **{k: _with_numbers(v, sizes) for k, v in n.attrs})
        if n.op is STOP:
            held[n] = at_sizes[n]
            at_sizes[n] = leaf(f"stopped_{len(held)}_", held[n].shape, n.kind)
    inputs = {k: leaf(k, [evaluate(s, sizes) for s in n.shape], n.kind) for k, n in graph.inputs.items()}
    fixed: dict[str, Any] = {}
    for n, computed in held.items():  # in order of computation: one may rest on another
        rest = {k: leaf(k, np.shape(v), at.kind) for (k, v), at in zip(fixed.items(), held)}
        program = Compiled(Graph(graph.name, inputs | rest, (computed,)), engine, "float64", None)
        fixed[at_sizes[n].attr("name")] = np.asarray(program(**point, **fixed))
    leaves = {at_sizes[n].attr("name"): at_sizes[n] for n in held}
    program = Compiled(Graph(graph.name, inputs | leaves, (at_sizes[written],)), engine, "float64", None)
    return lambda **arrays: program(**arrays, **fixed)


def _with_numbers(value: Any, sizes: Mapping[str, int]) -> Any:
    """An operation's attribute with numbers for its symbolic sizes."""
    if isinstance(value, Dim):
        return evaluate(value, sizes)
    return tuple(_with_numbers(v, sizes) for v in value) if type(value) is tuple else value


__all__ = ["check_gradients", "draw_point"]
