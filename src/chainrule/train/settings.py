"""What a training is asked for, checked before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from ..face.compiled import ENGINES
from ..graph.errors import GraphError, InputError
from ..optim.rule import Rule


@dataclass(frozen=True)
class Settings:
    """The numbers of `fit`; see there. Raises InputError, GraphError."""

    optimizer: Rule
    epochs: int
    batch_size: int
    seed: int
    engine: str
    dtype: str
    drop_last: bool
    norms_every: int
    out: Path | None
    checkpoint_every: int | None

    def __post_init__(self) -> None:
        if isinstance(self.optimizer, type) and issubclass(self.optimizer, Rule):
            raise GraphError(f"{self.optimizer.__name__} is a class; make one: {self.optimizer.__name__}()")
        if not isinstance(self.optimizer, Rule):
            raise GraphError(f"the optimizer is an update rule such as cr.optim.SGD(lr=0.1), not {self.optimizer!r}")
        if self.engine not in ENGINES:
            raise GraphError(f"there is no engine {self.engine!r}; there are {' and '.join(ENGINES)}")
        for name, least in (("epochs", 1), ("batch_size", 1), ("norms_every", 1), ("seed", 0), ("checkpoint_every", 1)):
            value = getattr(self, name)
            if name == "checkpoint_every" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
                raise InputError(f"{name} is {value!r}; it must be a whole number, an int of at least {least}")
            object.__setattr__(self, name, int(value))  # NumPy's integers too, which JSON does not know
        object.__setattr__(self, "drop_last", bool(self.drop_last))
        if self.seed >= 2**32:
            raise InputError(f"seed is {self.seed}; it must be below 2**32")
        if self.checkpoint_every is not None and self.out is None:
            raise InputError(
                "checkpoint_every says how often to write checkpoints, and out= where: a folder is missing"
            )

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same when a run is resumed. (It may be given more epochs.)"""
        return {
            "optimizer": repr(self.optimizer), "batch_size": self.batch_size, "seed": self.seed, "engine": self.engine,
            "dtype": self.dtype, "drop_last": self.drop_last, "norms_every": self.norms_every,
            "checkpoint_every": self.checkpoint_every,
        }  # fmt: skip


__all__ = ["Settings"]
