"""What a person chooses for the lab, checked before anything runs."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from typing import Any

from ..face.compiled import ENGINES
from ..graph.errors import InputError
from ..ops.elementary import elu, relu, sigmoid, tanh

ACTIVATIONS = {"relu": relu, "sigmoid": sigmoid, "tanh": tanh, "elu": elu}
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Recipe:
    """What suits a data set when nothing else is asked for."""

    epochs: int
    batch_size: int
    lr: float
    engine: str  # NumPy starts at once; XLA compiles for a second or two and then steps faster


RECIPES = {
    "digits": Recipe(epochs=40, batch_size=32, lr=0.5, engine="numpy"),
    "mnist": Recipe(epochs=20, batch_size=64, lr=0.3, engine="xla"),
    "fashion-mnist": Recipe(epochs=20, batch_size=64, lr=0.2, engine="xla"),
}
DATA_SETS = tuple(RECIPES)


class SettingError(InputError):
    """A setting that cannot be: `setting` is its name."""

    def __init__(self, setting: str, problem: str):
        super().__init__(f"{setting} {problem}")
        self.setting, self.problem = setting, problem


@dataclass(frozen=True)
class Settings:
    """The settings of `chainrule lab mlp`, with the same names and defaults.

    data         digits, mnist or fashion-mnist
    hidden       neurons in the hidden layer
    activation   φ of the hidden layer: relu, sigmoid, tanh or elu
    epochs       passes over the training rows (None: 40 for digits, 20 for the others)
    lr           learning rate of the first epoch (None: 0.5 for digits, 0.3 for mnist, 0.2 for fashion-mnist)
    lr_decay     what each epoch multiplies the learning rate by
    reg          weight of the penalty reg/2 · (‖W₁‖² + ‖W₂‖²)
    batch_size   rows in a minibatch (None: 32 for digits, 64 for the others)
    seed         of the split, the first weights and the order of the rows
    engine       numpy or xla (None: numpy for digits, xla for the others)
    data_dir     the folder of the idx files; by default the one in $CHAINRULE_DATA, else they are downloaded

    Raises SettingError.
    """

    data: str = "digits"
    hidden: int = 64
    activation: str = "relu"
    epochs: int | None = None
    lr: float | None = None
    lr_decay: float = 0.95
    reg: float = 1e-4
    batch_size: int | None = None
    seed: int = 0
    engine: str | None = None
    data_dir: str | None = None

    def __post_init__(self) -> None:
        _one_of("data", self.data, DATA_SETS)
        _one_of("activation", self.activation, tuple(ACTIVATIONS))
        recipe = RECIPES[self.data]
        for name in ("epochs", "batch_size", "lr", "engine"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(recipe, name))
        _one_of("engine", self.engine, ENGINES)
        for name in ("hidden", "epochs", "batch_size"):
            _whole(name, getattr(self, name), 1)
        _whole("seed", self.seed, 0)
        if self.seed > LARGEST_SEED:
            raise SettingError("seed", f"must be below 2^63, and it is {self.seed}")
        if self.lr is None or not _finite(self.lr) or self.lr <= 0:
            raise SettingError("lr", f"must be a positive number, and it is {self.lr}")
        if not _finite(self.lr_decay) or not 0 < self.lr_decay <= 1:
            raise SettingError("lr_decay", f"must be above 0 and at most 1, and it is {self.lr_decay}")
        if not _finite(self.reg) or self.reg < 0:
            raise SettingError("reg", f"must be a number of at least 0, and it is {self.reg}")

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def command(self) -> str:
        """The command that repeats the run: what differs from the defaults."""
        usual = Settings(data=self.data)
        words = ["chainrule lab mlp"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != (field.default if field.name == "data" else getattr(usual, field.name)):
                words.append(f"--{field.name.replace('_', '-')} {shlex.quote(str(value))}")
        return " ".join(words)


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SettingError(name, f"must be one of {', '.join(known)}, and it is {value!r}")


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingError(name, f"must be a whole number of at least {least}, and it is {value!r}")


def _finite(value: Any) -> bool:
    """A number that is finite in float32 too, in which the network is trained."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 3.4e38


__all__ = ["ACTIVATIONS", "DATA_SETS", "RECIPES", "SettingError", "Settings"]
