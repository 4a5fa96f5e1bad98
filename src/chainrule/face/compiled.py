"""`cr.compile`: a graph or a derivation as a program that runs, and that can be read."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..calculus.checkpoints import checkpointed
from ..engines.binding import Signature, as_array, converted, precision
from ..engines.noise import Noise
from ..engines.watched import Watched
from ..graph.collector import no_collection
from ..graph.dims import evaluate
from ..graph.errors import GraphError, InputError
from ..graph.node import BOOLEAN, CONST, INTEGER, LEAF, REAL, SIZE, Node, walk
from ..views.counts import checked
from ..views.source import Program, print_program
from .derivation import Derivation
from .graph import Graph, select, trace
from .pipeline import lower, passes_of

ENGINES = ("numpy", "xla")


def engine_named(name: str) -> Any:
    """The engine `name`; JAX is imported only when the xla engine is asked for."""
    if name not in ENGINES:
        raise GraphError(f"there is no engine {name!r}; there are {' and '.join(ENGINES)}")
    return importlib.import_module(f"..engines.{name}", __package__).ENGINE


class Compiled:
    """A program made from a graph. Call it with arrays by name; `.source` is the text that runs."""

    def __init__(
        self,
        graph: Graph,
        engine: str,
        dtype: str | None,
        wrt: Sequence[str] | None,
        keep: Sequence[str] | None = None,
        let_go: bool = False,  # of each result, once it was read last; a program with `keep` does in any case
    ):
        self.graph, self.engine, self.dtype, self.wrt = graph, engine, dtype, wrt
        self.keep, self.let_go = keep, let_go
        self._engine = engine_named(engine)
        if dtype is not None and not isinstance(dtype, str):  # np.float32
            dtype = self.dtype = str(np.dtype(dtype))
        if dtype is not None and dtype not in self._engine.precisions:
            raise InputError(f"the {engine} engine computes in {', '.join(self._engine.precisions)}, not in {dtype}")
        with no_collection():
            self.program = self._print()

    @cached_property
    def _signature(self) -> Signature:
        g = self.graph
        return Signature(g.name, list(g.inputs.values()), self.program.outputs, g.needs)

    @cached_property
    def _function(self) -> Callable[..., Any]:
        """The program, loaded when it first runs: a text may be wanted only to be read."""
        return self._engine.load(self.program)

    @property
    def source(self) -> str:
        """The program's text: exactly what runs."""
        return self.program.text

    def __call__(self, /, *unnamed: Any, **arrays: Any) -> Any:
        """The outputs, at arrays given by name; with gradients: (value, {name: gradient}).

        Raises InputError, in the inputs' names and sizes, for arrays that do not fit.
        """
        if unnamed:
            example = ", ".join(f"{k}={k}" for k in self.graph.inputs)
            raise InputError(f"{self.graph.name} takes arrays by name: run({example}), or in order to value_and_grad")
        bound, _ = self._signature.bind(arrays, self.dtype, self._engine.precisions)
        results = self._function(*bound)
        if self.wrt is not None and not self.wrt:  # a program with one result answers it bare
            return results, {}
        if self.wrt is not None:
            return results[0], dict(zip(self.wrt, results[1:]))
        if self.graph.updates:
            count = len(self.graph.outputs)
            return results[:count], dict(zip(self.graph.updates, results[count:]))
        return results

    def steps(
        self,
        state: Mapping[str, Any],
        data: Mapping[str, Any],
        order: Any,
        *,
        each: Mapping[str, Any] | None = None,
        noise: Mapping[str, float] | None = None,
        seed: int = 0,
        first_step: int = 0,
        watch: tuple[Compiled, int] | None = None,
        **constants: Any,
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Many updates in one call.

        state      name -> array, for every name in the graph's `updates`
        data       name -> array whose first axis is the examples'
        order      integers (steps, batch): row k holds the examples that step k sees
        each       name -> array whose first axis is the steps': step k sees entry k, such as a schedule's learning rate
        noise      name -> the probability of True, for inputs whose role is noise: booleans drawn anew at each step, a
                   function of `seed`, the step and the input's place among the noise inputs; see `chainrule.nn.Dropout`
        seed       the generator's: an integer from 0 to 2³² − 1
        first_step the number of the first step, from which the noise is drawn. A run cut into several calls that go on
                   counting draws what it would have drawn in one
        watch      (program, k): at the steps 0, k, 2k, … of this call `program` runs in this one's place: compiled for
                   the same engine and dtype, from this graph with further outputs, whose records are NaN at all
                   other steps
        constants  the remaining inputs, the same for all steps

        Answers the new state, and {output name: its value at every step, (steps, …)}. On xla all steps run on the
        device without Python in between, and the state given is donated where it is already there. Both engines draw
        the same noise, bit for bit. Reals in `each` are converted to the precision of the state.

        Raises GraphError for a graph without updates, InputError, in the inputs' names, for whatever does not fit.

        >>> import chainrule as cr, numpy as np
        >>> def loss(X: "n d", M: "bool[n d]", w: "d"):
        ...     return cr.mean((M * X / 0.8 @ w - 1) ** 2)
        >>> step = cr.optim.SGD().step(cr.trace(loss, roles={"M": "noise"}))
        >>> state, order = {"w": np.zeros(2)}, np.array([[0, 1], [1, 2], [2, 0]])
        >>> rates = {"lr": [0.1, 0.05, 0.025]}
        >>> run = cr.compile(step)
        >>> state, records = run.steps(state, {"X": np.eye(3, 2)}, order, each=rates, noise={"M": 0.8}, seed=1)
        >>> records["output_1"].shape
        (3,)
        """
        if not self.graph.updates:
            raise GraphError(f"{self.graph.name} has no updates, so there is nothing to step; see cr.optim")
        if set(state) != set(self.graph.updates):
            raise InputError(f"the state must hold {', '.join(self.graph.updates)}; it holds {', '.join(state)}")
        each, noise = {} if each is None else each, {} if noise is None else noise
        self._check_sources({"state": state, "data": data, "each": each, "noise": noise, "the constants": constants})
        kind = self._precision(state)
        varying = {k: self._varying(k, v, len(order), kind) for k, v in each.items()}
        self._check_noise(noise, seed, first_step, len(order))
        drawn = self._check_steps(state, data, order, constants, varying, noise)
        fixed = {k: _scalar(v, kind) for k, v in constants.items()}
        ordered = {k: state[k] for k in self.graph.updates}
        watched = None if watch is None else self._watched(*watch)
        now, kept = self._engine.steps(
            self._function, list(self.graph.inputs), len(self.graph.outputs), ordered, data, order, fixed,
            varying, drawn, int(seed), int(first_step), watched,
        )  # fmt: skip
        return now, dict(zip(self.output_names if watch is None else watch[0].output_names, kept))

    def peak_bytes(self, /, **arrays: Any) -> int:
        """The most memory that a call holds beyond its arguments, measured.

        On numpy what is allocated during one call; on xla what XLA plans for results and temporaries.
        """
        bound, _ = self._signature.bind(arrays, self.dtype, self._engine.precisions)
        return self._engine.peak_bytes(self._function, bound)

    def flops(self, /, **sizes: int) -> int:
        """The operations that XLA counts in what it makes of the program, at the given sizes; see `cr.compare_counts`.

        Raises GraphError for another engine, InputError for sizes that are missing, unknown or below 1.
        """
        if self.engine != "xla":
            raise GraphError(f"{self.engine} counts nothing; compile for xla, or count with cr.cost")
        shapes = shapes_at(self.graph, sizes)
        self._signature.sizes(shapes)
        types = {BOOLEAN: "bool", INTEGER: "int32"}
        kinds = [types.get(n.kind, self.dtype or "float64") for n in self.graph.inputs.values()]
        return self._engine.flops(self._function, list(zip(shapes.values(), kinds)))

    def place(self, array: Any) -> Any:
        """The array where the engine computes: on the device for xla."""
        return self._engine.place(array)

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called: their names in the graph, else output_1, output_2, …"""
        return [self.graph.names.get(n, f"output_{k}") for k, n in enumerate(self.graph.outputs, 1)]

    def __repr__(self) -> str:
        return f"<{self.engine} program {self.program.function}({', '.join(self.graph.inputs)})>"

    def _print(self) -> Program:
        g, dialect = self.graph, self._engine.dialect
        low = lower(g, self.wrt, dialect.kernel, self.engine)
        became, final, made = low.became, low.final, low.made
        labels: dict[Node, str] = {}
        for n, name in g.names.items():
            _label(labels, final.get(became.get(n, n)), name)
        outputs, order = low.outputs, None
        now: dict[Node, Node] = {}
        if made is not None:
            if self.keep is not None or self.let_go:
                passes = passes_of(g, low)
                kept = walk(passes.value) if self.keep is None else passes.checkpoints(self.keep)
                cut = checkpointed(passes, kept)
                outputs, order, now = cut.passes.outputs, cut.order, cut.now
                for n, copy in cut.again.items():
                    if n in labels:
                        _label(labels, copy, f"{labels[n]}_again")
            for n, name in g.names.items():
                d = final.get(made.adjoint.get(became.get(n, n), n))
                _label(labels, now.get(d, d) if d is not None else None, f"d{name}")
            for w, n in zip(self.wrt or (), outputs[1:]):
                _label(labels, n, f"d{w}")
        written = {final.get(became.get(n, n)) for n in g.origins}
        name = g.name if made is None else f"{g.name}_and_gradients"
        inputs, dtype = list(g.inputs.values()), self.dtype or "float64"
        return print_program(name, inputs, outputs, dialect, labels, written, dtype, order)

    def _precision(self, state: Mapping[str, Any]) -> str:
        real = {k: v for k, v in state.items() if self.graph.inputs[k].kind == REAL}
        return precision(real, state, self.dtype, self._engine.precisions)

    def _watched(self, program: Compiled, every: int) -> Watched:
        """Raises GraphError where `program` cannot stand in for this one."""
        mine, other = self.graph, program.graph
        same = list(mine.inputs.values()) == list(other.inputs.values()) and mine.updates == other.updates
        compiled = (program.engine, program.dtype) == (self.engine, self.dtype)
        if not same or other.outputs[: len(mine.outputs)] != mine.outputs or not compiled:
            raise GraphError(
                f"watch takes a program of {mine.name} with further outputs, for {self.engine}"
                + (f" in {self.dtype}" if self.dtype else " without dtype=")
            )
        if isinstance(every, bool) or not isinstance(every, Integral) or every < 1:
            raise InputError(f"watch runs at every k-th step, k an integer of at least 1, not {every!r}")
        return Watched(program._function, int(every), len(other.outputs) - len(mine.outputs))

    def _check_sources(self, given: Mapping[str, Mapping[str, Any]]) -> None:
        """Every input comes from one place, and the noise from somewhere. Raises InputError."""
        found: dict[str, str] = {}
        for source, names in given.items():
            if not isinstance(names, Mapping):
                raise InputError(f"{source} holds values by name, as in {source}={{name: value}}; it is {names!r}")
            for name in names:
                if name in found:
                    raise InputError(f"{name} is given twice: in {found[name]} and in {source}")
                found[name] = source
        missing = [k for k in self._noise_names if k not in found]
        if missing:
            example = ", ".join(f"{k!r}: 0.5" for k in missing)
            raise InputError(
                f"{', '.join(missing)} of {self.graph.name} is noise, and nothing says how to draw it; "
                f"give the probability of True: noise={{{example}}}"
            )

    def _varying(self, name: str, value: Any, steps: int, dtype: str) -> Any:
        """What an input is at every step, as an array (steps, …) in the program's precision."""
        if name not in self.graph.inputs:
            raise InputError(f"each holds {name}; {self.graph.name} takes {', '.join(self.graph.inputs)}")
        values = np.asarray(as_array(name, value))
        if not values.ndim:
            raise InputError(f"each holds an entry for every step, and one for {name}; give it as {name}={value}")
        if len(values) != steps:
            raise InputError(f"each has {len(values)} entries for {name}, and the order has {steps} steps")
        return converted(name, values, self.graph.inputs[name].kind, dtype)

    @property
    def _noise_names(self) -> list[str]:
        return [k for k in self.graph.inputs if self.graph.roles.get(k) == "noise"]

    def _check_noise(self, noise: Mapping[str, Any], seed: Any, first_step: Any, steps: int) -> None:
        for name, probability in noise.items():
            if name not in self._noise_names:
                there = ", ".join(self._noise_names) or "none"
                raise InputError(f"noise holds {name}; the inputs of {self.graph.name} whose role is noise: {there}")
            if self.graph.inputs[name].kind != BOOLEAN:
                raise InputError(f"{name} holds {self.graph.inputs[name].kind} numbers, and only booleans are drawn")
            if isinstance(probability, bool) or not isinstance(probability, Real) or not 0 <= float(probability) <= 1:
                raise InputError(f"noise: the probability that an entry of {name} is True is {probability!r}")
        for what, value in (("seed", seed), ("first_step", first_step)):
            if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**32:
                raise InputError(f"{what} is {value!r}; it must be an integer from 0 to 2**32 - 1")
        if noise and int(first_step) + steps > 2**32:
            raise InputError(f"{steps} steps from first_step = {first_step} on run over; noise has 2**32 steps")

    def _check_steps(
        self,
        state: Mapping[str, Any],
        data: Mapping[str, Any],
        order: Any,
        constants: Mapping[str, Any],
        each: Mapping[str, Any],
        noise: Mapping[str, float],
    ) -> list[Noise]:
        """Raises InputError; answers what is to be drawn, with its shape."""
        shapes = {k: tuple(v.shape) for k, v in state.items()}
        shapes |= {k: (order.shape[1], *v.shape[1:]) for k, v in data.items()}
        shapes |= {k: tuple(getattr(v, "shape", ())) for k, v in constants.items()}
        shapes |= {k: v.shape[1:] for k, v in each.items()}
        self._signature.check_names({**shapes, **noise})
        drawn = [
            Noise(k, position, self._signature.implied(k, shapes), float(noise[k]))
            for position, k in enumerate(self._noise_names)
            if k in noise
        ]
        sizes = self._signature.sizes(shapes | {n.name: n.shape for n in drawn})
        self._signature.check_positions({**data, **{k: v for k, v in each.items() if v.size}}, sizes)
        rows = {len(v) for v in data.values()}
        if not rows:
            return drawn
        if len(rows) > 1:
            raise InputError(
                f"the data differ in length: {', '.join(f'{k} has {len(v)} rows' for k, v in data.items())}"
            )
        if order.size and not 0 <= order.min() <= order.max() < min(rows):
            wrong = order.min() if order.min() < 0 else order.max()
            raise InputError(f"the order names row {wrong}; the data have the rows 0 … {min(rows) - 1}")
        return drawn


def _label(labels: dict[Node, str], n: Node | None, name: str) -> None:
    if n is not None and n.op not in (LEAF, CONST, SIZE):
        labels.setdefault(n, name)


def _scalar(value: Any, dtype: str) -> Any:
    return value if hasattr(value, "dtype") else np.asarray(value, dtype)


def shapes_at(graph: Graph, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of the inputs. Raises InputError where a size is missing, unknown, no integer or below 1."""
    numbers = checked(sizes, graph.symbols)
    if set(numbers) != graph.symbols:
        wanted = ", ".join(f"{s}=…" for s in sorted(graph.symbols))
        raise InputError(f"{graph.name} needs {wanted}; it was given {', '.join(numbers) or 'none'}")
    return {k: tuple(evaluate(s, numbers) for s in n.shape) for k, n in graph.inputs.items()}


def compile(
    target: Graph | Derivation | Callable[..., Any],
    engine: str = "numpy",
    dtype: str | None = None,
    keep: Sequence[str] | str | None = None,
) -> Compiled:
    """The program that computes `target`, on `engine` "numpy" or "xla".

    target   a Graph (or a function to trace): the program answers its outputs;
             a Derivation: the program answers (value, {name: gradient})
    dtype    "float64", "float32" (on xla "bfloat16" too); by default that of the arrays given, whatever is
             widest, and float64 if none is an array
    keep     for a Derivation: names of the quantities that the forward pass keeps for the backward pass, which computes
             all others again (gradient checkpointing), and lets go of each once it was read last; by default everything
             is kept. The gradients are the same. What it costs: `d.cost.recomputing(keep)`; what it
             takes: `cr.measure_recompute`

    Raises GraphError for `keep` without gradients, NamingError for a name in it that the forward pass does not compute.

    The program is made in this order: stable laws on the graph as written, reverse mode, fast laws, print. So naive
    losses such as log(softmax(z)) stay finite, and so do their gradients.

    >>> import chainrule as cr
    >>> run = cr.compile(cr.derive(lambda x, w: cr.sum((w * x) ** 2), wrt=["w"], x="n", w="n"))
    >>> value, grads = run(x=[1., 2.], w=[3., 4.])
    >>> float(value), grads["w"]
    (73.0, array([ 6., 32.]))
    """
    if isinstance(target, Derivation):
        return Compiled(target.graph, engine, dtype, target.wrt, [keep] if isinstance(keep, str) else keep)
    if keep is not None:
        raise GraphError("keep= says what waits for a backward pass, and a graph has none: compile cr.derive(g)")
    return Compiled(trace(target), engine, dtype, None)


def value_and_grad(
    f: Callable[..., Any], wrt: Sequence[str] | str | None = None, engine: str = "numpy", dtype: str | None = None
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """`f` as a function of arrays that answers (value, {name: gradient}).

    `f` is an ordinary Python function of nodes; where it has no size annotations they are read off the arrays, and it
    is traced once for each combination of shapes. `wrt` defaults to every real input.

    >>> import chainrule as cr
    >>> value, grads = cr.value_and_grad(lambda x, w: cr.sum(cr.tanh(w @ x)))([1.0, 0.0], [[0.0, 5.0]])
    >>> grads["w"]
    array([[1., 0.]])
    """
    signature = inspect.signature(f)
    made: dict[Any, Compiled] = {}

    def call(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError as error:
            raise InputError(f"{getattr(f, '__name__', 'the function')}: {error}") from None
        arrays = {k: as_array(k, v) for k, v in given.items()}
        whole = {k for k, v in given.items() if not hasattr(v, "dtype")} | set(
            [wrt] if isinstance(wrt, str) else wrt or ()
        )
        key = tuple((k, tuple(a.shape), a.dtype.kind, k in whole) for k, a in arrays.items())
        if key not in made:
            graph = trace(f, **shapes_of(signature, arrays, whole))
            made[key] = Compiled(graph, engine, dtype, select(graph, wrt))
        return made[key](**{k: given[k] for k in made[key].graph.inputs})

    call.__name__ = getattr(f, "__name__", "f")
    call.__doc__ = getattr(f, "__doc__", None)
    return call


def shapes_of(signature: inspect.Signature, arrays: Mapping[str, Any], real: set[str]) -> dict[str, Any]:
    """Sizes for the parameters that have no annotation. Arrays of integers are labels; plain numbers, lists, and what a
    derivative is asked for, are real."""
    kinds = {"b": "bool", "i": "int", "u": "int"}
    shapes = {}
    for k, a in arrays.items():
        if not isinstance(signature.parameters[k].annotation, str):
            kind = "real" if k in real and a.dtype.kind != "b" else kinds.get(a.dtype.kind, "real")
            shapes[k] = f"{kind}[{' '.join(map(str, a.shape))}]"
    return shapes


__all__ = ["ENGINES", "Compiled", "compile", "engine_named", "shapes_at", "value_and_grad"]
