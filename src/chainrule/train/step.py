"""The graph of one step, and the graphs that a network is evaluated with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..face.graph import Graph
from ..graph.node import Node, leaf
from ..nn.criteria import Loss
from ..nn.module import Module
from ..ops.reduce import norm
from ..optim.rule import Rule


@dataclass(frozen=True)
class Step:
    """A step's graph, and what each of its outputs is called in the history."""

    graph: Graph
    columns: tuple[str, ...]

    def with_norms(self) -> Step:
        """The same step, that also answers norm_dw, norm_w and change_w = ‖Δw‖ for each parameter w."""
        g = self.graph
        found: dict[str, Node] = {}
        for w, gradient in g.gradients.items():
            found |= {f"norm_d{w}": norm(gradient), f"norm_{w}": norm(g[w]), f"change_{w}": norm(g.updates[w] - g[w])}
        names = {n: name for name, n in found.items()} | g.names
        return Step(replace(g, outputs=(*g.outputs, *found.values()), names=names), (*self.columns, *found))


def training_step(net: Module, loss: Loss, rule: Rule, weighted: bool = False) -> Step:
    """One step of `rule`: it answers the minibatch's loss L, J with penalties, and the accuracy where there is one."""
    graph = net.loss_graph(loss, metrics=True, weighted=weighted)
    step = rule.step(graph)
    outputs = {"loss": graph.output} | ({} if step.output is graph.output else {"objective": step.output})
    outputs |= {"accuracy": graph["accuracy"]} if "accuracy" in graph else {}
    return Step(replace(step, outputs=tuple(outputs.values())), tuple(outputs))


def score_loss(output: Node, loss: Loss) -> Step:
    """The loss and its metrics, as a graph of scores S that are known already, and of y."""
    S = leaf("S", output.shape)
    shape, kind = loss.target(S)
    inputs = {"S": S, "y": leaf("y", shape, kind)}
    outputs = {"loss": loss(*inputs.values()), **loss.metrics(*inputs.values())}
    return Step(Graph("loss", inputs, tuple(outputs.values())), tuple(outputs))


__all__ = ["Step", "score_loss", "training_step"]
