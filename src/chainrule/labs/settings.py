"""What a person chooses for the lab, checked before anything runs."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from typing import Any

from ..face.compiled import ENGINES
from ..graph.errors import InputError

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu")
LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Recipe:
    """What suits a data set when nothing else is asked for.

    std      first weights are std · standard normal; None: He's
    raw      pixels stay 0 … 255 minus the mean image, and the split is the course's: see `cr.data.mnist`
    """

    hidden: int
    epochs: int
    batch_size: int
    lr: float
    engine: str  # NumPy starts at once; XLA compiles for a second or two and then steps faster
    activation: str = "relu"
    lr_decay: float = 0.95
    reg: float = 1e-4
    std: float | None = None
    raw: bool = False


RECIPES = {
    "digits": Recipe(hidden=64, epochs=40, batch_size=32, lr=0.5, engine="numpy"),
    "mnist": Recipe(hidden=256, epochs=20, batch_size=32, lr=0.3, engine="xla"),
    "fashion-mnist": Recipe(hidden=256, epochs=20, batch_size=64, lr=0.2, engine="xla", lr_decay=0.88),
}
DATA_SETS = tuple(RECIPES)
PRESETS = {
    "course": Recipe(
        hidden=64, epochs=20, batch_size=100, lr=1e-3, engine="xla", reg=0.5, std=0.1, raw=True,
    )
}  # fmt: skip
"""Published exercises, all of them on MNIST; `course` says what was published of them."""


class SettingError(InputError):
    """A setting that cannot be: `setting` is its name."""

    def __init__(self, setting: str, problem: str):
        super().__init__(f"{setting} {problem}")
        self.setting, self.problem = setting, problem


@dataclass(frozen=True)
class Settings:
    """The settings of `chainrule lab mlp`, with the same names and defaults; None: what suits the data or the preset.

    data         digits, mnist or fashion-mnist (None: digits, with a preset mnist)
    preset       course: the published exercise on MNIST, with all its numbers
    hidden       neurons in the hidden layer
    activation   φ of the hidden layer: relu, sigmoid, tanh or elu
    epochs       passes over the training rows
    lr           learning rate of the first epoch
    lr_decay     what each epoch multiplies the learning rate by
    reg          weight of the penalty reg/2 · (‖W1‖² + ‖W2‖²)
    batch_size   rows in a minibatch
    seed         of the split (but not of the course's), the first weights and the order of the rows
    engine       numpy or xla
    data_dir     the folder of the idx files; by default the one in $CHAINRULE_DATA, else they are downloaded

    Raises SettingError.
    """

    data: str | None = None
    preset: str | None = None
    hidden: int | None = None
    activation: str | None = None
    epochs: int | None = None
    lr: float | None = None
    lr_decay: float | None = None
    reg: float | None = None
    batch_size: int | None = None
    seed: int = 0
    engine: str | None = None
    data_dir: str | None = None

    def __post_init__(self) -> None:
        if self.preset is not None:
            _one_of("preset", self.preset, tuple(PRESETS))
        if self.data is None:
            object.__setattr__(self, "data", "digits" if self.preset is None else "mnist")
        _one_of("data", self.data, DATA_SETS)
        if self.preset is not None and self.data != "mnist":
            raise SettingError("preset", f"{self.preset} is an exercise on mnist, and the data are {self.data}")
        recipe = self.recipe
        _one_of("activation", recipe.activation, ACTIVATIONS)
        _one_of("engine", recipe.engine, ENGINES)
        for name in ("hidden", "epochs", "batch_size"):
            _whole(name, getattr(recipe, name), 1)
        _whole("seed", self.seed, 0)
        if self.seed > LARGEST_SEED:
            raise SettingError("seed", f"must be below 2^32, and it is {self.seed}")
        if not _finite(recipe.lr) or recipe.lr <= 0:
            raise SettingError("lr", f"must be a positive number, and it is {recipe.lr}")
        if not _finite(recipe.lr_decay) or not 0 < recipe.lr_decay <= 1:
            raise SettingError("lr_decay", f"must be above 0 and at most 1, and it is {recipe.lr_decay}")
        if not _finite(recipe.reg) or recipe.reg < 0:
            raise SettingError("reg", f"must be a number of at least 0, and it is {recipe.reg}")

    @property
    def recipe(self) -> Recipe:
        """What is done: what was asked for, and for the rest what suits."""
        usual = self._usual
        asked = {f.name: getattr(self, f.name, None) for f in dataclasses.fields(usual)}
        return dataclasses.replace(usual, **{k: v for k, v in asked.items() if v is not None})

    @property
    def _usual(self) -> Recipe:
        return RECIPES[self.data or "digits"] if self.preset is None else PRESETS[self.preset]

    @property
    def changed(self) -> list[str]:
        """The numbers that were asked for otherwise than the data set's recipe, or the preset, has them."""
        return [k for k, v in dataclasses.asdict(self.recipe).items() if v != getattr(self._usual, k)]

    def as_dict(self) -> dict[str, Any]:
        """Every setting with its value, for JSON and the report."""
        return dataclasses.asdict(self) | dataclasses.asdict(self.recipe)

    def command(self) -> str:
        """The command that repeats the run: what differs from the defaults."""
        usual = {"data": "digits", "seed": 0} | dataclasses.asdict(self._usual)
        words = ["chainrule lab mlp"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None and value != usual.get(field.name):
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


__all__ = ["ACTIVATIONS", "DATA_SETS", "PRESETS", "RECIPES", "Recipe", "SettingError", "Settings"]
