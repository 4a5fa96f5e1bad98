"""Thirty hidden ELU layers of width 10, one example a step: what a step costs beside its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from measure import Row, installed, interleaved, per_step, ratio, taking
from mlp import agree

import chainrule as cr

LAYERS, WIDTH, INPUTS, OUTPUTS = 30, 10, 5, 3
ROWS, STEPS, LR, REPEATS = 200, 2000, 1e-3, 7


def network() -> cr.Graph:
    """The loss ½‖ŷ − y‖² of one example, as a graph of 31 weights and 31 biases."""

    def deep(X, Y, **w):
        h = X
        for k in range(LAYERS):
            h = cr.elu(h @ w[f"W{k}"] + w[f"b{k}"])
        yhat = h @ w[f"W{LAYERS}"] + w[f"b{LAYERS}"]
        L = cr.sum((yhat - Y) ** 2) / 2
        return L

    shapes = {"X": (1, INPUTS), "Y": (1, OUTPUTS)} | {name: w.shape for name, w in weights().items()}
    return cr.trace(taking(deep, shapes), **shapes)


def weights() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    sizes = [INPUTS, *[WIDTH] * LAYERS, OUTPUTS]
    made: dict[str, np.ndarray] = {}
    for k, (a, b) in enumerate(pairwise(sizes)):
        made[f"W{k}"] = random.standard_normal((a, b), np.float32) * np.float32(a**-0.5)
        made[f"b{k}"] = np.zeros(b, np.float32)
    return made


def by_chainrule(engine: str, X: np.ndarray, Y: np.ndarray, order: np.ndarray) -> Callable[[], list[float]]:
    program = cr.compile(cr.optim.SGD().step(network()), engine=engine)
    data = {"X": program.place(X), "Y": program.place(Y)}

    def run() -> list[float]:
        state, records = program.steps(weights(), data, order[:, None], lr=np.float32(LR))
        np.asarray(state["W0"])
        return list(records["L"])

    return run


def by_torch(X: np.ndarray, Y: np.ndarray, order: np.ndarray) -> Callable[[], list[float]]:
    import torch

    examples, targets, rows = torch.from_numpy(X), torch.from_numpy(Y), order.tolist()

    def run() -> list[float]:
        sizes, start = [INPUTS, *[WIDTH] * LAYERS, OUTPUTS], weights()
        layers: list[torch.nn.Module] = []
        for k, (a, b) in enumerate(pairwise(sizes)):
            layer = torch.nn.Linear(a, b)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(start[f"W{k}"]).T)
                layer.bias.copy_(torch.from_numpy(start[f"b{k}"]))
            layers += [layer, torch.nn.ELU()]
        model = torch.nn.Sequential(*layers[:-1])
        optimizer, losses = torch.optim.SGD(model.parameters(), lr=LR), []
        for k in rows:
            loss = ((model(examples[k : k + 1]) - targets[k : k + 1]) ** 2).sum() / 2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    return run


def run() -> Iterator[Row]:
    what = "speed of xla engine over eager PyTorch, 30 layers"
    missing = [p for p in ("jax", "torch") if not installed(p)]
    if missing:
        yield Row("deep", what, above=20, note=f"{', '.join(missing)} not installed")
        return
    random = np.random.default_rng(0)
    X = random.standard_normal((ROWS, INPUTS), np.float32)
    Y = random.standard_normal((ROWS, OUTPUTS), np.float32)
    order = random.integers(0, ROWS, STEPS)
    contestants = {name: by_chainrule(name, X, Y, order) for name in ("xla", "numpy")}
    contestants["torch"] = by_torch(X, Y, order)
    found = {name: contestant() for name, contestant in contestants.items()}
    worst = agree(found)
    seconds = interleaved(contestants, REPEATS)
    for ours, goal in (("xla", 20.0), ("numpy", None)):
        value, _ = ratio(seconds, "torch", ours)
        times = f"{per_step(seconds[ours], STEPS)} / {per_step(seconds['torch'], STEPS)} a step"
        note = f"{times}; losses differ by {worst:.0e} at most"
        yield Row("deep", what.replace("xla", ours), value, above=goal, note=note)


if __name__ == "__main__":
    for row in run():
        print(row)
