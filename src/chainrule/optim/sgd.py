"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..calculus.differentiate import differentiate
from ..face.graph import Graph, select
from ..graph.errors import GraphError, NamingError
from ..graph.node import leaf
from ..ops.reduce import norm


@dataclass(frozen=True)
class SGD:
    """w ← w − lr · (∇ + weight_decay · w) = (1 − lr · weight_decay) · w − lr · ∇

    lr            the step size; an input `lr` of the step graph, so that a schedule needs no new program
    weight_decay  added to the gradient of weights (two axes or more), not of biases. It is the gradient of
                  weight_decay/2 · ‖w‖². PyTorch's SGD decays biases as well.

    Robbins and Monro 1951; Bottou, Curtis and Nocedal 2018, section 4.
    """

    lr: float = 0.01
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise GraphError(f"the learning rate must be positive, not {self.lr}")
        if not self.weight_decay >= 0:
            raise GraphError(f"weight_decay must not be negative, and it is {self.weight_decay}")

    def step(self, loss: Graph, parameters: Sequence[str] | None = None, gradient_norms: bool = False) -> Graph:
        """The graph of one step: the loss's inputs and `lr` in; the loss before the update out; updates {w: w after}.

        `parameters` defaults to the inputs whose role is parameter. With `gradient_norms` the Frobenius norm of each
        parameter's gradient is an output too, named norm_dW1, …

        Its text is the update rule: the gradient of what depends on data is one symbol, a penalty is collected.

        >>> import chainrule as cr
        >>> def loss(w: "n", x: "n", lam: ""):
        ...     d = cr.sum((w - x) ** 2)
        ...     return d + lam * cr.sum(w**2)
        >>> print(SGD().step(cr.trace(loss)).text())
        d = sum((w - x)²)
        L = d + lam·sum(w²)
        w ← (1 - 2·lr·lam)·w - lr·∂d/∂w

        >>> import chainrule as cr, numpy as np
        >>> g = cr.trace(lambda w, x: cr.sum((w - x) ** 2), w="n", x="n")
        >>> run = cr.compile(SGD().step(g))
        >>> state, records = run.steps({"w": np.zeros(2)}, {}, np.zeros((1, 0), int), x=np.ones(2), lr=0.25)
        >>> state["w"]
        array([0.5, 0.5])
        """
        names = list(loss.parameters) if parameters is None else select(loss, parameters)
        if not names:
            raise GraphError(f"{loss.name} has no parameters to update; name them: parameters=[...]")
        if "lr" in loss.inputs:
            raise NamingError(f"{loss.name} has an input called lr, which is the step size's name; rename it")
        lr = leaf("lr")
        made = differentiate(loss.output, [loss[k] for k in names])
        updates, labels, outputs = {}, dict(loss.names), [loss.output]
        for name, g in zip(names, made.gradients):
            w = loss[name]
            labels.setdefault(g, f"d{name}")
            if gradient_norms:
                outputs.append(norm(g))
                labels[outputs[-1]] = f"norm_d{name}"
            decayed = (1 - lr * self.weight_decay) * w if self.weight_decay and w.ndim > 1 else w
            updates[name] = decayed - lr * g
            labels.setdefault(updates[name], f"{name}_new")
        return replace(
            loss, name=f"{loss.name}_step", inputs=loss.inputs | {"lr": lr}, outputs=tuple(outputs), names=labels,
            roles=loss.roles | {"lr": "data"}, updates=updates, gradients=dict(zip(names, made.gradients)),
        )  # fmt: skip
