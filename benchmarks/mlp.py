"""One epoch of an MLP 784-64-10 on 60,000 rows: batches of 100, SGD with L2, float32, the same order of minibatches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from measure import Row, installed, interleaved, per_step, ratio

import chainrule as cr

ROWS, BATCH, LR, DECAY, REPEATS = 60_000, 100, 0.1, 1e-4, 15
STEPS = ROWS // BATCH
NAMES = ("W1", "b1", "W2", "b2")
Run = Callable[[], list[float]]  # one epoch from the same start; answers the loss before each step


def network(X: "n d", y: "int[n]", W1: "d h", b1: "h", W2: "h k", b2: "k"):
    z = X @ W1 + b1
    u = cr.relu(z)
    a = u @ W2 + b2
    L = -cr.mean(cr.sum(cr.one_hot(y, a.shape[1]) * cr.log_softmax(a), axis=1))
    return L


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Images that can be learned (each class a pattern under noise), their order, the initial weights."""
    random = np.random.default_rng(0)
    y = random.integers(0, 10, ROWS)
    X = random.random((10, 784), np.float32)[y]
    X += random.standard_normal((ROWS, 784), np.float32)
    order = random.permutation(ROWS).reshape(STEPS, BATCH)
    W1 = random.standard_normal((784, 64), np.float32) * np.float32(784**-0.5)
    W2 = random.standard_normal((64, 10), np.float32) * np.float32(64**-0.5)
    return X, y, order, {"W1": W1, "b1": np.zeros(64, np.float32), "W2": W2, "b2": np.zeros(10, np.float32)}


def by_hand(X: np.ndarray, y: np.ndarray, order: np.ndarray, start: dict[str, np.ndarray]) -> Run:
    """What one writes who knows NumPy well: float32 throughout, memory used again, weights updated in place."""

    def run() -> list[float]:
        W1, b1, W2, b2 = (start[k].copy() for k in NAMES)
        losses, each = [], np.arange(BATCH)
        x, dW1 = np.empty((BATCH, X.shape[1]), X.dtype), np.empty_like(W1)  # the large ones, allocated once
        for rows in order:
            np.take(X, rows, axis=0, out=x, mode="clip")
            t = y[rows]
            z = x @ W1
            z += b1
            u = np.maximum(z, 0)
            p = u @ W2
            p += b2
            p -= p.max(axis=1, keepdims=True)
            picked = p[each, t]
            np.exp(p, out=p)
            total = p.sum(axis=1, keepdims=True)
            losses.append((np.log(total[:, 0]) - picked).mean())
            p /= total  # softmax; now its derivative
            p[each, t] -= 1
            p /= BATCH
            dz = p @ W2.T
            dz *= z > 0
            dW2 = u.T @ p
            dW2 *= LR
            np.matmul(x.T, dz, out=dW1)
            dW1 *= LR
            W1 *= 1 - LR * DECAY
            W1 -= dW1
            b1 -= LR * dz.sum(axis=0)
            W2 *= 1 - LR * DECAY
            W2 -= dW2
            b2 -= LR * p.sum(axis=0)
        return losses

    return run


def by_chainrule(engine: str, X: np.ndarray, y: np.ndarray, order: np.ndarray, start: dict[str, np.ndarray]) -> Run:
    program = cr.compile(cr.optim.SGD(weight_decay=DECAY).step(cr.trace(network)), engine=engine)
    data = {"X": program.place(X), "y": program.place(y)}
    lr = np.float32(LR)

    def run() -> list[float]:
        state, records = program.steps({k: start[k].copy() for k in NAMES}, data, order, lr=lr)
        np.asarray(state["W1"])  # waits for the device
        return list(records["L"])

    return run


def by_torch(X: np.ndarray, y: np.ndarray, order: np.ndarray, start: dict[str, np.ndarray], threads: int) -> Run:
    import torch

    images, labels, batches = torch.from_numpy(X), torch.from_numpy(y), torch.from_numpy(order)

    def run() -> list[float]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        model = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
        with torch.no_grad():
            for p, name in zip(model.parameters(), NAMES):
                p.copy_(torch.from_numpy(start[name]).T if start[name].ndim == 2 else torch.from_numpy(start[name]))
        weights, biases = (model[0].weight, model[2].weight), (model[0].bias, model[2].bias)
        groups = [{"params": weights, "weight_decay": DECAY}, {"params": biases, "weight_decay": 0.0}]
        optimizer = torch.optim.SGD(groups, lr=LR)
        loss_of, losses = torch.nn.functional.cross_entropy, []
        for rows in batches:
            loss = loss_of(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        torch.set_num_threads(before)
        return torch.stack(losses).tolist()

    return run


def by_jax(X: np.ndarray, y: np.ndarray, order: np.ndarray, start: dict[str, np.ndarray]) -> Run:
    """The usual loop: one jitted step a batch, which is sliced from data on the device; the weights donated."""
    from functools import partial

    import jax
    import jax.numpy as jnp

    images, labels = jax.device_put(X), jax.device_put(y.astype(np.int32))
    batches = [jax.device_put(rows) for rows in order.astype(np.int32)]

    def loss_of(w: dict[str, Any], x: Any, t: Any) -> Any:
        a = jax.nn.relu(x @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
        return -jnp.take_along_axis(jax.nn.log_softmax(a), t[:, None], axis=1).mean()

    @partial(jax.jit, donate_argnums=0)
    def step(w: dict[str, Any], images: Any, labels: Any, rows: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(w, images[rows], labels[rows])
        return {k: w[k] - LR * (g[k] + DECAY * w[k] if w[k].ndim > 1 else g[k]) for k in w}, loss

    def run() -> list[float]:
        w, losses = {k: jnp.array(v) for k, v in start.items()}, []
        for rows in batches:
            w, loss = step(w, images, labels, rows)
            losses.append(loss)
        jax.block_until_ready(w)
        return [float(loss) for loss in jax.device_get(losses)]

    return run


def agree(found: dict[str, list[float]]) -> float:
    """The largest difference between any two contestants' losses at any step; refuses more than 1e-3."""
    table = np.array(list(found.values()), np.float64)
    worst = float(np.ptp(table, axis=0).max())
    if not worst < 1e-3:
        last = ", ".join(f"{k} {v[-1]:.5f}" for k, v in found.items())
        raise AssertionError(f"the losses differ by {worst:.1e}, so there is nothing to compare; the last: {last}")
    return worst


def run() -> Iterator[Row]:
    given = problem()
    contestants: dict[str, Run] = {"by hand": by_hand(*given), "numpy": by_chainrule("numpy", *given)}
    if installed("torch"):
        import torch

        contestants |= {"torch": by_torch(*given, torch.get_num_threads()), "torch, 1 thread": by_torch(*given, 1)}
    if installed("jax"):
        contestants |= {"jax": by_jax(*given), "xla": by_chainrule("xla", *given)}
    found = {name: contestant() for name, contestant in contestants.items()}
    worst = agree(found)
    seconds = interleaved(contestants, REPEATS)

    def against(ours: str, theirs: str, what: str, **target: float) -> Row:
        if ours not in seconds or theirs not in seconds:
            return Row("mlp", what, note="not installed", **target)
        value, spread = ratio(seconds, ours, theirs)
        times = f"{per_step(seconds[ours], STEPS)} / {per_step(seconds[theirs], STEPS)}"
        return Row("mlp", what, value, note=f"{times}; {spread}", **target)

    yield against("numpy", "by hand", "time of numpy engine / hand-written NumPy", below=1.15)
    yield against("numpy", "torch", "time of numpy engine / eager PyTorch", below=1)
    yield against("numpy", "torch, 1 thread", "time of numpy engine / eager PyTorch, 1 thread")
    yield against("xla", "jax", "time of xla engine / jitted JAX loop", below=1)
    yield against("xla", "torch", "time of xla engine / eager PyTorch")
    last = f"last loss {found['by hand'][-1]:.4f}"
    yield Row("mlp", "largest difference of losses", worst, "", below=1e-3, note=last)


if __name__ == "__main__":
    for row in run():
        print(row)
