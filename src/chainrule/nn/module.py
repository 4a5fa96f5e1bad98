"""`Module`: a layer or a network as a description, without arrays, and the graphs that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engines.binding import FLOATS
from ..engines.noise import bernoulli
from ..face.derivation import Derivation
from ..face.graph import Graph
from ..graph.dims import Dim, evaluate, shape_text
from ..graph.errors import GraphError, InputError, ShapeError
from ..graph.node import REAL, Node
from ..optim.penalty import Penalty, penalised
from .builder import BATCH, Builder
from .criteria import Loss, loss_named
from .initialisers import draw

Array = NDArray[Any]


class Module:
    """A layer, or a network of layers: a description that holds no arrays and never changes.

    A subclass is a frozen dataclass and says how it builds its part of the graph, and, if it can only take examples of
    one shape, which: `takes`. Everything else follows: the graphs to train and to evaluate with, the derivation, the
    first values. The same module put in twice is two layers, each with parameters of its own (in PyTorch it is one).

    >>> import chainrule as cr
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, repr=False)
    ... class Scale(cr.nn.Module):
    ...     features: int
    ...     def build(self, x, here):
    ...         return x * here.parameter("gamma", (self.features,), cr.nn.Constant(1.0))
    >>> print(cr.nn.Sequential(cr.nn.Linear(4, 3), Scale(3)).graph().text())
    Z1 = X @ W1 + b1
    output = Z1 ⊙ gamma1
    """

    @property
    def takes(self) -> tuple[Any, ...] | None:
        """The shape of one example that it takes; None where it takes any."""
        return None

    def build(self, x: Node, here: Builder) -> Node:
        """The node that it makes of `x`, which is (n, …), a batch first. `here` hands out parameters, states, noise."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it builds: define build(self, x, here)")

    # Graphs -----------------------------------------------------------------------------------------------------------

    def graph(self, training: bool = False) -> Graph:
        """The network's output for inputs X (n, …): parameters, states and noise are inputs too, each in its role.

        training   the graph to train with: dropout drops, batch normalisation looks at the batch and carries updates of
                   its running statistics; otherwise the one to predict with, which has no noise

        Raises ShapeError where layers do not fit one another.

        >>> import chainrule as cr
        >>> net = cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(64, 10))
        >>> print(net.graph().text())
        Z1 = X @ W1 + b1
        H1 = relu(Z1)
        Z2 = H1 @ W2 + b2
        """
        with Builder(training) as here:
            output = self._built(here)
        return here.graph("network", output, {})

    def loss_graph(
        self, loss: str | Loss | Callable[..., Node] = "cross_entropy", training: bool = True,
        penalty: Penalty | Sequence[Penalty] = (), weighted: bool = False, metrics: bool = False,
    ) -> Graph:  # fmt: skip
        """The loss of a batch, a scalar L, for X (n, …) and y, whose shape and kind the loss decides.

        loss      "cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber"; a `Loss` with
                  options, such as ``nn.CrossEntropy(smoothing=0.1)``; or a function of output and y, both (n, …), that
                  answers a scalar node
        penalty   ``cr.optim.L2(lam)``, ``L1(lam)``, or several: the output is then J = L + λ‖W1‖² + …, without biases
        weighted  examples have weights: an input sample_weight (n,), at least 0, and the mean over them is weighted
        metrics   the graph knows what is recorded beside the loss by its name, ``graph["accuracy"]`` for the two
                  cross-entropies; the output is the loss alone, as without

        Raises GraphError for an unknown loss, one that cannot follow this network, or that weights no examples.

        >>> import chainrule as cr
        >>> print(cr.nn.Linear(4, 3).loss_graph(loss="squared_error").text())
        Z1 = X @ W1 + b1
        L = sum((Z1 - y)²) / n
        >>> g = cr.nn.Linear(4, 3).loss_graph(weighted=True, metrics=True)
        >>> for equation in g.returning(g["L"], g["accuracy"]).equations()[-2:]:
        ...     print(equation)
        L = -sum(sample_weight ⊙ sum(Y ⊙ log(P), axis=1)) / sum(sample_weight)
        accuracy = sum(sample_weight ⊙ where(equal(argmax(Z1, axis=1), y), 1, 0)) / sum(sample_weight)
        """
        chosen = loss_named(loss)
        if weighted and not chosen.weighs:
            raise GraphError(
                f"the loss {chosen!r} has no weights for the examples: give it a third parameter, sample_weight, a "
                f"node of shape (n,)"
            )
        with Builder(training) as here:
            output = self._built(here)
            shape, kind = chosen.target(output)
            y = here.leaf("y", shape, "data", kind)
            weights = (here.leaf("sample_weight", shape[:1], "data"),) if weighted else ()
            L = chosen(output, y, *weights)
            if L.shape or L.kind != REAL:
                raise GraphError(
                    f"the loss {chosen!r} is {L.kind} of shape {shape_text(L.shape)}; it must be a real scalar, such "
                    f"as a mean over the batch"
                )
            names = chosen.quantities(output, y)
            beside = chosen.metrics(output, y, *weights) if metrics else {}
        graph = here.graph("network_loss", L, names | {"L": L}, beside)
        penalties = [penalty] if isinstance(penalty, Penalty) else list(penalty)
        return penalised(graph, penalties, graph.parameters)

    def derive(
        self, loss: str | Loss | Callable[..., Node] = "cross_entropy", wrt: Sequence[str] | str | None = None,
        penalty: Penalty | Sequence[Penalty] = (), notation: str = "partial",
    ) -> Derivation:  # fmt: skip
        """The gradients of the loss in the parameters, or in `wrt`: the Derivation of the network written by hand.

        Derived is the graph to train with; of its running statistics, which the loss does not read, nothing remains.

        >>> import chainrule as cr
        >>> d = cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(64, 10)).derive()
        >>> for equation in d.equations()[1:]:
        ...     print(equation)
        ∂L/∂Z2 = (P - Y) / n
        ∂L/∂W2 = H1ᵀ @ ∂L/∂Z2
        ∂L/∂b2 = sum(∂L/∂Z2, axis=0)
        ∂L/∂H1 = ∂L/∂Z2 @ W2ᵀ
        ∂L/∂Z1 = where(Z1 > 0, ∂L/∂H1, 0)
        ∂L/∂W1 = Xᵀ @ ∂L/∂Z1
        ∂L/∂b1 = sum(∂L/∂Z1, axis=0)
        """
        graph = self.loss_graph(loss, penalty=penalty)
        read = graph.returning(graph.output)
        return Derivation(read, list(read.parameters) if wrt is None else wrt, notation)

    def _built(self, here: Builder) -> Node:
        if self.takes is None:
            raise ShapeError(
                f"{self!r} does not say what shape an example has; its first layer must, as Linear(784, 64) does, or "
                f"nn.Function(f, takes=(784,))"
            )
        X = here.leaf("X", (BATCH, *self.takes), "data")
        return here.apply(self, X)

    # Arrays -----------------------------------------------------------------------------------------------------------

    @property
    def parameters(self) -> dict[str, tuple[Any, ...]]:
        """The parameters' names and shapes, in the order of the layers.

        >>> import chainrule as cr
        >>> cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(64, 10)).parameters
        {'W1': (784, 64), 'b1': (64,), 'W2': (64, 10), 'b2': (10,)}
        """
        return {k: tuple(n.shape) for k, n in self.graph().parameters.items()}

    def initial(self, seed: int = 0, dtype: str = "float64") -> dict[str, Array]:
        """Every parameter's first value, by name: NumPy arrays, the same for a seed whichever engine goes on from them.

        Each parameter is drawn, in float64, from a stream decided by `seed` and its name, then rounded to `dtype`.
        Raises InputError for another dtype than float64, float32, float16 and bfloat16, ShapeError where a size is a
        symbol.
        """
        return self._started("parameter", seed, dtype)

    def initial_state(self, dtype: str = "float64") -> dict[str, Array]:
        """Every state's first value, by name: running means 0, running variances 1. Empty for nets without states."""
        return self._started("state", 0, dtype)

    def _started(self, role: str, seed: int, dtype: str) -> dict[str, Array]:
        kind = _float_type(dtype)
        with Builder(training=True) as here:
            self._built(here)
        drawn: dict[str, Array] = {}
        for name, how in here.starts.items():
            shape: tuple[Any, ...] = here.inputs[name].shape
            if any(isinstance(s, Dim) for s in shape):
                raise ShapeError(f"{name} has the shape {shape_text(shape)}: give sizes as numbers to draw its values")
            drawn[name] = draw(how, name, shape, seed, drawn)
        return {k: drawn[k].astype(kind) for k in here.starts if here.roles[k] == role}

    @property
    def layers(self) -> dict[str, Module]:
        """Which module makes each parameter and each named quantity of the graph to train with.

        >>> import chainrule as cr
        >>> cr.nn.Sequential(cr.nn.Linear(5, 4), cr.nn.ReLU()).layers
        {'W1': Linear(5, 4), 'b1': Linear(5, 4), 'Z1': Linear(5, 4), 'H1': ReLU()}
        """
        with Builder(training=True) as here:
            output = self._built(here)
        graph = here.graph("network", output, {})
        return {graph.names[n]: module for n, module in here.makers.items() if n in graph.names}

    @property
    def noise(self) -> dict[str, float]:
        """The noise of the graph to train with: the names of its inputs, and the probability that an entry is True."""
        with Builder(training=True) as here:
            self._built(here)
        return dict(here.keep)

    def draw_noise(self, batch: int, seed: int = 0, step: int = 0) -> dict[str, NDArray[np.bool_]]:
        """The noise of one training step, by name: booleans, a function of `seed`, `step` and the input's position.

        A program on xla draws the same bits on the device: see `chainrule.engines.noise`. Raises InputError unless seed
        and step are integers from 0 to 2³² − 1 and the batch is one of at least 1.

        >>> import chainrule as cr
        >>> net = cr.nn.Sequential(cr.nn.Linear(5, 1000), cr.nn.ReLU(), cr.nn.Dropout(0.2), cr.nn.Linear(1000, 3))
        >>> masks = net.draw_noise(batch=100, seed=0, step=7)
        >>> masks["M1"].shape, round(float(masks["M1"].mean()), 2)
        ((100, 1000), 0.8)
        """
        for name, value, least in (("batch", batch, 1), ("seed", seed, 0), ("step", step, 0)):
            if isinstance(value, bool) or not isinstance(value, Integral) or not least <= int(value) < 2**32:
                raise InputError(f"{name} is {value!r}; it must be an integer from {least} to 2**32 - 1")
        with Builder(training=True) as here:
            self._built(here)
        found = {}
        for position, (name, keep) in enumerate(here.keep.items()):
            shape = [evaluate(s, {BATCH: batch}) for s in here.inputs[name].shape]
            found[name] = bernoulli(np, seed, step, position, shape, keep)
        return found

    def __repr__(self) -> str:
        """As one writes it: options that are as usual are left out."""
        parts = []
        for f in fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            usual = f.default if f.default_factory is MISSING else f.default_factory()
            if usual is MISSING:
                parts.append(repr(value))
            elif value is not usual and (type(value) is not type(usual) or value != usual):
                parts.append(f"{f.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _float_type(dtype: Any) -> np.dtype[Any]:
    name = dtype if isinstance(dtype, str) else str(np.dtype(dtype))
    if name not in FLOATS:
        raise InputError(f"dtype is {dtype!r}; parameters are {', '.join(FLOATS)}")
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


__all__ = ["Module"]
