"""What all update rules have in common: the graph of one step, its first state, and the rule as it is printed.

A rule is its equations, in `update`, and the names of what it keeps. The same equations are run, with numbers and the
loss's gradient, and printed, with symbols and ∂L/∂w. Around them stands what is the same for each of them:

    J = L + λ‖w‖²          penalties enter the loss, and so its gradient
    g = clipped(∂J/∂w)     then the gradient is clipped
    g = g + λ w            then weight decay is added: to the gradient, or, decoupled, w is shrunk instead
    w ← update(w, g)       then the rule
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ..calculus.differentiate import differentiate
from ..engines.binding import FLOATS, as_array
from ..face.graph import Graph
from ..graph.errors import GraphError, InputError, NamingError
from ..graph.node import REAL, Node, constant, leaf
from ..ops.reduce import norm
from ..views.latex import LATEX, aligned
from ..views.text import TEXT
from .checks import listed, not_negative, positive
from .clipping import by_norm, by_value, global_norm
from .penalty import Penalty, penalised
from .printed import equations
from .schedules import Constant, Schedule

COUNTER = "step"
"""The state that counts the updates, of the rules that need t. (A loss may well have a t of its own.)"""


@dataclass(frozen=True)
class Rule(ABC):
    """An update rule. `step` makes a loss's graph the graph of one update, `state` what that starts from.

    lr            the learning rate α, or a schedule: an input `lr` of the step's graph, so that it changes without a
                  new program; `schedule` answers its values
    weight_decay  λ, of which λw is added to the gradient: the gradient of λ‖w‖²/2. AdamW decouples it
    decay         the parameters that weight_decay acts on; by default those with two axes or more, not biases.
                  (PyTorch's and optax's decay everything unless told otherwise.)
    penalty       L2(λ), L1(λ), or several: added to the loss, which becomes J = L + λ‖w‖²
    clip_norm     the bound c of the norm of all gradients together: g ← min(1, c/‖∂J/∂θ‖) ∂J/∂w. As optax's
                  clip_by_global_norm; PyTorch's clip_grad_norm_ divides by the norm + 10⁻⁶. Pascanu, Mikolov and
                  Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1
    clip_value    the bound c of each entry: g ← min(max(∂J/∂w, −c), c). As PyTorch's clip_grad_value_, optax's clip

    A NaN in a gradient stays NaN when it is clipped, as in PyTorch and optax.
    Raises GraphError for numbers that cannot be meant.

    One's own rule is a subclass with `update`, and `kept`, `counts` and `numbers` where it needs them:

    >>> import chainrule as cr
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class SignDescent(cr.optim.Rule):
    ...     def update(self, w, g, α):
    ...         return {"w": w - α * cr.sign(g)}
    >>> print(SignDescent(lr=0.1).text())
    w ← w - α·sign(∂L/∂w)
    """

    lr: float | Schedule = 0.01
    weight_decay: float = field(default=0.0, kw_only=True)
    decay: Sequence[str] | None = field(default=None, kw_only=True)
    penalty: Penalty | Sequence[Penalty] = field(default=(), kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_value: float | None = field(default=None, kw_only=True)

    decoupled: ClassVar[bool] = False
    """Whether weight decay shrinks w by 1 − αλ and leaves the gradient alone."""

    def __post_init__(self) -> None:
        if not isinstance(self.lr, Schedule):
            positive("the learning rate lr", self.lr)
        not_negative("weight_decay", self.weight_decay)
        for name, bound in (("clip_norm", self.clip_norm), ("clip_value", self.clip_value)):
            if bound is not None:
                positive(name, bound)
        if self.clip_norm is not None and self.clip_value is not None:
            raise GraphError("give clip_norm or clip_value: which of them came first would be a guess")
        for p in self.penalties:
            if not isinstance(p, Penalty):
                raise GraphError(f"penalty takes L2(lam), L1(lam) or a list of these, not {p!r}")

    # What a rule says of itself --------------------------------------------------------------------------------------

    @property
    def kept(self) -> tuple[str, ...]:
        """What is kept for each parameter, zero at first: v of W1 is the state v_W1."""
        return ()

    @property
    def counts(self) -> bool:
        """Whether the equations read t, the number of this update: 1, 2, …"""
        return False

    @property
    def numbers(self) -> Mapping[str, float]:
        """The numbers in the equations, by their symbols."""
        return {}

    @abstractmethod
    def update(self, w: Node, g: Node, α: Node, **symbols: Any) -> dict[str, Node]:
        """The new values of w and of what is kept, in the order in which a book gives them.

        w, g, α   the parameter, its gradient, the learning rate
        symbols   what is kept, t where the rule counts, and the `numbers`
        Further entries, such as mhat, are named intermediates.
        """

    # What follows from it --------------------------------------------------------------------------------------------

    @property
    def schedule(self) -> Schedule:
        """The learning rate as a schedule."""
        return self.lr if isinstance(self.lr, Schedule) else Constant(self.lr)

    @property
    def penalties(self) -> tuple[Penalty, ...]:
        """The penalties as a tuple."""
        return tuple(self.penalty) if isinstance(self.penalty, Sequence) else (self.penalty,)

    def state(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The state before the first step, {state's name: array}: zeros in the precision of the parameters.

        parameters   name -> array, for each that the step updates

        Raises InputError for parameters that are not real, and, from a rule that counts its steps, for 16-bit ones.

        >>> import chainrule as cr, numpy as np
        >>> cr.optim.SGD(momentum=0.9).state({"w": np.ones(2)})
        {'v_w': array([0., 0.])}
        """
        arrays = {k: as_array(k, a) for k, a in parameters.items()}
        for name, a in arrays.items():
            if str(a.dtype) not in FLOATS:
                raise InputError(f"{name} holds {a.dtype}; a parameter that is trained is real: {name}.astype(float)")
        state: dict[str, Any] = {}
        if self.counts and arrays:
            kind = np.result_type(*(np.dtype(a.dtype) for a in arrays.values()))
            if kind.itemsize < 4:
                raise InputError(f"{kind} cannot count the steps of {type(self).__name__}; keep float32 parameters")
            state[COUNTER] = np.zeros((), kind)
        for name, a in arrays.items():
            state |= {f"{k}_{name}": np.zeros(a.shape, a.dtype) for k in self.kept}
        return state

    def step(self, loss: Graph, parameters: Sequence[str] | None = None, gradient_norms: bool = False) -> Graph:
        """The graph of one step: the loss's inputs, `lr` and the state in; the loss before the update out.

        Its updates are {name: value after the step} for the state and the parameters, besides those that the loss has.
        `parameters` defaults to the inputs whose role is parameter. With a penalty the output is J, the loss with it.
        With `gradient_norms` the Frobenius norm of each parameter's gradient, before it is clipped, is an output too,
        named norm_dW1, … Where the rule needs t, the state `step` counts.

        Its text is the update rule: the gradient of what depends on data is one symbol, a penalty is collected.
        Raises GraphError where there is nothing to update, NamingError for unknown or taken names.

        >>> import chainrule as cr, numpy as np
        >>> def loss(w: "n", x: "n", lam: ""):
        ...     d = cr.sum((w - x) ** 2)
        ...     return d + lam * cr.sum(w**2)
        >>> print(cr.optim.SGD().step(cr.trace(loss)).text())
        d = sum((w - x)²)
        L = d + lam·sum(w²)
        w ← (1 - 2·lr·lam)·w - lr·∂d/∂w

        >>> g = cr.trace(lambda w, x: cr.sum((w - x) ** 2), w="n", x="n")
        >>> rule = cr.optim.SGD(momentum=0.5)
        >>> run = cr.compile(rule.step(g))
        >>> first = {"w": np.zeros(2)}
        >>> state, records = run.steps(first | rule.state(first), {}, np.zeros((2, 0), int), x=np.ones(2), lr=0.25)
        >>> state["w"], records["output_1"]
        (array([1., 1.]), array([2. , 0.5]))
        """
        names = _chosen(loss, parameters)
        taken = ["lr", *([COUNTER] if self.counts else []), *(f"{k}_{name}" for name in names for k in self.kept)]
        for name in taken:
            if name in loss:
                raise NamingError(f"{loss.name} has a quantity called {name}, a name that the step needs; rename it")
        whole = penalised(loss, self.penalties, {k: loss[k] for k in names})
        decayed = self._decayed({k: loss[k] for k in names})
        numbers = {k: constant(float(x)) for k, x in self.numbers.items()}
        raw = dict(zip(names, differentiate(whole.output, [loss[k] for k in names]).gradients))
        clipped = self._clipped(raw)

        lr, count = leaf("lr"), leaf(COUNTER)
        inputs, labels, updates = loss.inputs | {"lr": lr}, dict(whole.names), dict(loss.updates)
        outputs, states = [whole.output], {}
        if self.counts:
            states[COUNTER], updates[COUNTER] = count, count + 1
            labels[updates[COUNTER]] = f"{COUNTER}_new"
        for name in names:
            kept = {k: leaf(f"{k}_{name}", loss[name].shape) for k in self.kept}
            symbols = kept | ({"t": updates[COUNTER]} if self.counts else {}) | numbers
            w, g = loss[name], clipped[name]
            if self.weight_decay and name in decayed:
                w, g = self.with_decay(w, g, lr, float(self.weight_decay))
            made = self.update(w, g, lr, **symbols)
            labels.setdefault(raw[name], f"d{name}")
            if gradient_norms:
                outputs.append(norm(raw[name]))
                labels[outputs[-1]] = f"norm_d{name}"
            for k, n in made.items():
                labels.setdefault(n, f"{name}_new" if k == "w" else f"{k}_{name}_new" if k in kept else f"{k}_{name}")
            states |= {f"{k}_{name}": n for k, n in kept.items()}
            updates |= {f"{k}_{name}": made[k] for k in kept} | {name: made["w"]}
        return replace(
            loss, name=f"{loss.name}_step", inputs=inputs | states, outputs=tuple(outputs), names=labels,
            roles=loss.roles | {"lr": "data"} | dict.fromkeys(states, "state"), updates=updates, gradients=raw,
        )  # fmt: skip

    def with_decay(self, w: Node, g: Node, α: Node, λ: Any) -> tuple[Node, Node]:
        """w and its gradient with weight decay: λw in the gradient, or, decoupled, w shrunk by 1 − αλ."""
        return ((1 - α * λ) * w, g) if self.decoupled else (w, g + λ * w)

    def _decayed(self, parameters: Mapping[str, Node]) -> list[str]:
        if self.decay is not None:
            return listed("decay", self.decay, list(parameters))
        return [k for k, w in parameters.items() if w.ndim > 1]

    def _clipped(self, gradients: Mapping[str, Node]) -> dict[str, Node]:
        if self.clip_norm is not None:
            length = global_norm(gradients.values())
            return {k: by_norm(g, length, self.clip_norm) for k, g in gradients.items()}
        if self.clip_value is not None:
            return {k: by_value(g, self.clip_value) for k, g in gradients.items()}
        return dict(gradients)

    def text(self) -> str:
        """The rule for a weight w, made from the equations that run. (A bias has no term in λ.)

        >>> import chainrule as cr
        >>> print(cr.optim.Adam().text())
        t ← t + 1
        m ← β1·m + (1 - β1)·∂L/∂w
        v ← β2·v + (1 - β2)·(∂L/∂w)²
        m̂ = m / (1 - β1**t)
        v̂ = v / (1 - β2**t)
        w ← w - α·m̂ / (sqrt(v̂) + ε)
        """
        return "\n".join(map(str, equations(self, TEXT)))

    def latex(self) -> str:
        r"""The rule for a weight w in LaTeX, aligned.

        >>> import chainrule as cr
        >>> print(cr.optim.SGD(weight_decay=0.1).latex())
        \begin{aligned}
        w &\leftarrow \left(1 - \alpha \cdot \lambda\right) \cdot w - \alpha \cdot \frac{\partial L}{\partial w}
        \end{aligned}
        """
        return aligned(equations(self, LATEX))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def _chosen(loss: Graph, parameters: Sequence[str] | None) -> list[str]:
    if parameters is None:
        names = list(loss.parameters)
    else:
        names = listed("parameters", parameters, [k for k, n in loss.inputs.items() if n.kind == REAL])
    if not names:
        raise GraphError(f"{loss.name} has no parameters to update; name them: parameters=[...]")
    return names


__all__ = ["COUNTER", "Rule"]
