"""What a person chooses for `chainrule lab optimizers`, and what a run of it found."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..data import Dataset
from ..face.compiled import ENGINES
from ..nn import Sequential
from ..optim import SGD
from ..train import History
from .deep_elu import CLASSES, DEEP, FEATURES, INPUT, LAYERS, SEED, network, sizes
from .layer_gradients import LayerGradients
from .settings import SettingError

Array = NDArray[np.float64]

RHO = 0.9
RULES = {"sgd": "SGD", "momentum": "Momentum", "nesterov": "Nesterov"}
LARGEST_SEED = 2**32 - 1  # of NumPy's RandomState


@dataclass(frozen=True)
class Settings:
    """The settings of `chainrule lab optimizers`, with the same names and defaults.

    data         a file of one's own, .csv or .npz; None: 1,500 rows of 5 features in 3 classes, made with seed 42
    epochs       passes over the training rows
    lr           the learning rate α, the same for all three
    batch_size   rows in a minibatch
    seed         of the first weights, the order of the rows, and the split of one's own data. 42 is the exercise's
    engine       numpy or xla

    Raises SettingError.
    """

    data: str | None = None
    epochs: int = 40
    lr: float = 0.005
    batch_size: int = 32
    seed: int = SEED
    engine: str = "numpy"

    def __post_init__(self) -> None:
        if self.data is not None and Path(self.data).suffix.lower() not in (".csv", ".npz"):
            raise SettingError("data", f"takes a file that ends in .csv or .npz, and it is {self.data!r}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SettingError(name, f"must be a whole number of at least {least}, and it is {value!r}")
        if self.seed > LARGEST_SEED:
            raise SettingError("seed", f"must be below 2^32, and it is {self.seed}")
        if isinstance(self.lr, bool) or not isinstance(self.lr, (int, float)) or not 0 < self.lr < np.inf:
            raise SettingError("lr", f"must be a positive number, and it is {self.lr}")
        if self.engine not in ENGINES:
            raise SettingError("engine", f"must be one of {', '.join(ENGINES)}, and it is {self.engine!r}")

    def as_dict(self) -> dict[str, Any]:
        """Name -> value."""
        return dataclasses.asdict(self)

    def command(self) -> str:
        """The command that repeats the run: what differs from the defaults."""
        words = ["chainrule lab optimizers"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                words.append(f"--{field.name.replace('_', '-')} {shlex.quote(str(value))}")
        return " ".join(words)


def rule(key: str, lr: float) -> SGD:
    """The update rule: plain, with momentum ρ = 0.9, or Nesterov's."""
    return SGD(lr=lr) if key == "sgd" else SGD(lr=lr, momentum=RHO, nesterov=key == "nesterov")


@dataclass(frozen=True)
class Training:
    """One network, trained with one rule.

    key, title      "sgd" and "SGD", …
    history         of every step; with the norms of every step where L = 5
    start, params   the parameters before and after, name -> array
    epochs          a row for each epoch, from 0: epoch, train_loss, train_accuracy, test_loss, test_accuracy
    curvature       λmax of the loss over the training rows, at `params`
    """

    key: str
    title: str
    lr: float
    layers: int
    history: History
    start: dict[str, Array]
    params: dict[str, Array]
    epochs: list[dict[str, float]]
    curvature: float
    seconds: float

    @property
    def weights(self) -> list[str]:
        """W1, …, WL."""
        return [f"W{l}" for l in range(1, self.layers + 1)]

    def column(self, name: str) -> Array:
        """A value for each epoch, from 0."""
        return np.array([row[name] for row in self.epochs])

    def layer_norms(self, name: str) -> Array:
        """‖W_l‖ at every iteration t = 0 … T."""
        return np.append(self.history[f"norm_{name}"], np.linalg.norm(self.params[name])).astype(float)

    @property
    def norms(self) -> Array:
        """‖W_t‖₂ at every iteration t = 0 … T: the 2-norm of all weights W₁, …, W_L as one vector, without biases."""
        return np.sqrt(sum(self.layer_norms(w) ** 2 for w in self.weights))

    @property
    def moves(self) -> Array:
        """‖W_{t+1} − W_t‖₂ for t = 0 … T − 1."""
        h = self.history
        return np.sqrt(sum((h[f"ratio_{w}"] * h[f"norm_{w}"]).astype(float) ** 2 for w in self.weights))

    @property
    def gradients(self) -> Array:
        """‖∂L/∂W‖₂ of the minibatch for t = 0 … T − 1."""
        return np.sqrt(sum(self.history[f"norm_d{w}"].astype(float) ** 2 for w in self.weights))

    @property
    def distance(self) -> float:
        """‖W_T − W₀‖₂."""
        return float(np.sqrt(sum(np.sum((self.params[w] - self.start[w]) ** 2) for w in self.weights)))

    @property
    def stretch(self) -> float:
        """How many times α‖∂L/∂W‖ a step is long, in the root mean square over all steps; 1 for SGD."""
        return float(np.sqrt(np.mean(self.moves**2) / np.mean(self.gradients**2))) / self.lr

    def spectral(self, name: str, params: dict[str, Array] | None = None) -> float:
        """The largest singular value of W_l: the 2-norm of it as a matrix."""
        return float(np.linalg.norm((params or self.params)[name], 2))


@dataclass(frozen=True)
class Result:
    """All that a run of the lab found.

    output, deeper     the untrained network's probabilities for x = (1, 2, 3, 4, 5), with L = 5 and with L = 6
    trainings          sgd, momentum, nesterov -> the network with L = 5
    deep               the same with L = 30
    at_start, after    the gradients of the network with L = 30, before and after each of `deep`
    """

    settings: Settings
    data: Dataset
    output: Array
    deeper: Array
    trainings: dict[str, Training]
    deep: dict[str, Training]
    at_start: LayerGradients
    after: dict[str, LayerGradients]
    seconds: float

    @property
    def published(self) -> bool:
        """Whether the data have 5 features and 3 classes, as the network of the exercise."""
        return (self.features, self.data.classes) == (FEATURES, CLASSES)

    @property
    def features(self) -> int:
        """Numbers in a row."""
        return self.data.train.X.shape[1]

    def net(self, layers: int) -> Sequential:
        """The network that was trained."""
        return network(layers, self.features, self.data.classes, self.settings.seed)


def gradients_csv(result: Result) -> str:
    """‖∇_{W_l} ℓ‖ of the deep network: a row for each layer; at the start, and after each training."""
    columns = [result.at_start.weights, *(g.weights for g in result.after.values())]
    lines = [",".join(["layer", "start", *result.after])]
    lines += [",".join([str(l), *(repr(float(v)) for v in row)]) for l, row in enumerate(zip(*columns), 1)]
    return "\n".join(lines) + "\n"


def facts(result: Result) -> dict[str, Any]:
    """The run in plain numbers and words: what `--json` prints, but for the files."""
    data = result.data
    rows = {k: getattr(data, k).rows for k in ("train", "test")}
    return {
        "lab": "optimizers",
        "version": __version__,
        "settings": result.settings.as_dict() | {"momentum": RHO},
        "data": {"name": data.name, "rows": rows, "features": result.features, "classes": data.classes,
                 "source": data.source},
        "network": {"layers": LAYERS, "sizes": sizes(LAYERS, result.features, data.classes)},
        "output": {
            "x": INPUT, "sizes": sizes(LAYERS), "p": result.output.tolist(),
            "p_with_five_hidden_layers": result.deeper.tolist(),
        },
        "optimizers": {key: _told(t) | _moved(t) for key, t in result.trainings.items()},
        "deep": {
            "layers": DEEP,
            "optimizers": {key: _told(t) for key, t in result.deep.items()},
            "gradients": {"start": result.at_start.as_dict()} | {k: g.as_dict() for k, g in result.after.items()},
        },
        "seconds": round(result.seconds, 3),
    }  # fmt: skip


def _told(t: Training) -> dict[str, Any]:
    last = {k: v for k, v in t.epochs[-1].items() if k != "epoch"}
    return last | {"largest_eigenvalue": t.curvature, "steps": len(t.history), "seconds": round(t.seconds, 3)}


def _moved(t: Training) -> dict[str, float]:
    return {
        "norm_W_start": float(t.norms[0]), "norm_W": float(t.norms[-1]), "distance": t.distance,
        "path": float(t.moves.sum()), "stretch": t.stretch,
    }  # fmt: skip


__all__ = ["RHO", "RULES", "Result", "Settings", "Training", "facts", "gradients_csv", "rule"]
