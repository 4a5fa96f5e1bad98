"""Whole epochs of training an MLP 784-64-10 with `cr.fit`'s loop: batches of 100 from 50,000 rows, momentum, float32.

Everyone makes the same minibatches in the same order from the same start; ours also records its history.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import mlp
import numpy as np
from measure import Row, installed, interleaved, per_step, ratio

import chainrule as cr
from chainrule.data.dataset import Split
from chainrule.nn.criteria import CrossEntropy
from chainrule.train.settings import Settings
from chainrule.train.training import Training

ROWS, BATCH, LR, MOMENTUM, REPEATS = 50_000, 100, 0.1, 0.9, 11
STEPS = ROWS // BATCH
EPOCHS = 5  # timed together, as in a training: an epoch takes 60 ms, and a processor that was idle starts slowly
NET = cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(64, 10))
NEVER = 10**9
Epoch = Callable[[], list[float]]  # one more epoch; answers the loss before each of its steps


def problem() -> tuple[np.ndarray, np.ndarray]:
    X, y, _, _ = mlp.problem()
    return X[:ROWS], y[:ROWS]


def orders() -> Iterator[np.ndarray]:
    epoch = 0
    while True:
        epoch += 1
        yield np.random.default_rng((0, epoch)).permutation(ROWS).reshape(STEPS, BATCH)


def by_chainrule(engine: str, X: np.ndarray, y: np.ndarray, norms_every: int) -> Epoch:
    rule = cr.optim.SGD(lr=LR, momentum=MOMENTUM)
    settings = Settings(rule, 1000, BATCH, 0, engine, "float32", False, norms_every, None, None)
    training = Training(NET, CrossEntropy(), Split(X, y), None, settings, None)

    def epoch() -> list[float]:
        for call in training.calls():
            training.run(call)
        training.end_epoch()
        return training.history["loss"][-STEPS:].tolist()

    return epoch


def by_torch(X: np.ndarray, y: np.ndarray) -> Epoch:
    """The usual loop with the DataLoader removed: the epoch's tensors sliced."""
    import torch

    images, labels, each = torch.from_numpy(X), torch.from_numpy(y), orders()
    model = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    with torch.no_grad():
        for p, start in zip(model.parameters(), NET.initial(0, "float32").values()):
            p.copy_(torch.from_numpy(np.ascontiguousarray(start.T)))
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    loss_of = torch.nn.functional.cross_entropy

    def epoch() -> list[float]:
        losses = []
        for rows in torch.from_numpy(next(each)):
            loss = loss_of(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()

    return epoch


def by_optax(X: np.ndarray, y: np.ndarray) -> Epoch:
    """One jitted step a minibatch, which is sliced from data on the device; weights and state donated."""
    from functools import partial

    import jax
    import jax.numpy as jnp
    import optax

    images, labels, each = jax.device_put(X), jax.device_put(y.astype(np.int32)), orders()
    rule = optax.sgd(LR, momentum=MOMENTUM)
    w = {k: jnp.array(v) for k, v in NET.initial(0, "float32").items()}
    kept = {"w": w, "state": rule.init(w)}

    def loss_of(w: dict[str, Any], x: Any, t: Any) -> Any:
        scores = jax.nn.relu(x @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
        return optax.softmax_cross_entropy_with_integer_labels(scores, t).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(w: dict[str, Any], state: Any, images: Any, labels: Any, rows: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(w, images[rows], labels[rows])
        updates, state = rule.update(g, state, w)
        return optax.apply_updates(w, updates), state, loss

    def epoch() -> list[float]:
        w, state, losses = kept["w"], kept["state"], []
        for rows in next(each).astype(np.int32):
            w, state, loss = step(w, state, images, labels, rows)
            losses.append(loss)
        kept["w"], kept["state"] = w, state
        jax.block_until_ready(w)
        return [float(loss) for loss in jax.device_get(losses)]

    return epoch


def by_sklearn(X: np.ndarray, y: np.ndarray) -> Epoch:
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        (64,), solver="sgd", alpha=0.0, batch_size=BATCH, learning_rate_init=LR, momentum=MOMENTUM,
        nesterovs_momentum=False, random_state=0,
    )  # fmt: skip

    def epoch() -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.partial_fit(X, y, classes=np.arange(10))
        return [network.loss_]

    return epoch


def several(epoch: Epoch) -> Callable[[], object]:
    return lambda: [epoch() for _ in range(EPOCHS)]


def resumed(X: np.ndarray, y: np.ndarray) -> float:
    """Seconds to resume a finished run: to read its checkpoint, check that it is of this run, and restore it."""
    options = dict(optimizer=cr.optim.SGD(lr=LR, momentum=MOMENTUM), batch_size=BATCH, engine="xla", epochs=2)
    with tempfile.TemporaryDirectory() as folder:
        cr.fit(NET, (X, y), out=folder, **options)  # type: ignore[arg-type]
        begun = time.perf_counter()
        cr.fit(NET, (X, y), out=folder, resume=True, **options)  # type: ignore[arg-type]
        return time.perf_counter() - begun


def run() -> Iterator[Row]:
    given = problem()
    peers = {"torch": by_torch, "optax": by_optax, "sklearn": by_sklearn}
    ours = {engine: by_chainrule(engine, *given, norms_every=10) for engine in ("xla", "numpy")}
    contestants = ours | {name: make(*given) for name, make in peers.items() if installed(name)}
    worst = mlp.agree({name: epoch() for name, epoch in contestants.items() if name != "sklearn"})
    seconds = timed(contestants, REPEATS)
    yield against(seconds, "xla", "torch", "epoch of cr.fit on xla / eager PyTorch", below=0.5)
    yield against(seconds, "xla", "optax", "epoch of cr.fit on xla / jitted JAX and optax", below=1)
    yield against(seconds, "xla", "sklearn", "epoch of cr.fit on xla / scikit-learn's MLPClassifier", below=0.5)
    yield against(seconds, "numpy", "torch", "epoch of cr.fit on numpy / eager PyTorch")
    for engine in ours:  # two at a time and more often: what is looked for is a few per cent
        pair = {"with": ours[engine], "without": by_chainrule(engine, *given, norms_every=NEVER)}
        found = timed(pair, 2 * REPEATS)
        yield against(found, "with", "without", f"{engine}: with the history / without norms", below=1.05)
    pair = {name: by_chainrule("xla", *given, norms_every=k) for name, k in (("all", 1), ("without", NEVER))}
    yield against(timed(pair, REPEATS), "all", "without", "xla: norms of every step / without norms")
    yield Row("training", "resuming a run", resumed(*given), "s", below=1)
    yield Row("training", "largest difference of losses in an epoch", worst, "", below=1e-3)


def timed(contestants: dict[str, Epoch], repeats: int) -> dict[str, list[float]]:
    return interleaved({name: several(epoch) for name, epoch in contestants.items()}, repeats)


def against(seconds: dict[str, list[float]], ours: str, theirs: str, what: str, **target: float) -> Row:
    if theirs not in seconds:
        return Row("training", what, note="not installed", **target)
    value, spread = ratio(seconds, ours, theirs)
    times = f"{per_step(seconds[ours], EPOCHS * STEPS)} / {per_step(seconds[theirs], EPOCHS * STEPS)}"
    return Row("training", what, value, note=f"{times}; {spread}", **target)


if __name__ == "__main__":
    for row in run():
        print(row)
