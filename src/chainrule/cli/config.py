"""What `chainrule train` is asked for, from a file in YAML and from options, which go before it; checked, and written.

Every value knows where it was given, so that what is wrong is told with the option, or the file and its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import typer

from ..graph.spelling import meant, visible

PUBLISHED = ("digits", "mnist", "fashion-mnist")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh")
LOSSES = ("cross_entropy", "binary_cross_entropy", "squared_error", "absolute_error", "huber")
RATES = {"sgd": 0.1, "adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}
SCHEDULES = ("constant", "exponential", "cosine")


@dataclass(frozen=True)
class Config:
    """The complete settings of a run; None where there is nothing to say."""

    data: str = "digits"
    data_dir: str | None = None
    target: str | int | None = None
    regression: bool | None = None
    standardize: bool | None = None
    net: str | None = None
    hidden: tuple[int, ...] | None = None
    activation: str | None = None
    dropout: float | None = None
    loss: str | None = None
    optimizer: str = "sgd"
    lr: float = 0.0
    momentum: float | None = None
    nesterov: bool | None = None
    schedule: str = "constant"
    lr_decay: float | None = None
    l1: float | None = None
    l2: float | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    epochs: int = 20
    batch_size: int = 32
    drop_last: bool = False
    early_stopping: int | None = None
    seed: int = 0
    engine: str = "numpy"
    dtype: str = "float32"
    checkpoint_every: int | None = None
    tensorboard: bool = False
    out: str = "out/train"

    @property
    def folder(self) -> Path:
        return Path(self.out)

    @property
    def is_file(self) -> bool:
        """Whether the data are a file of one's own."""
        return self.data not in PUBLISHED

    def yaml(self) -> str:
        """The file that repeats the run. What has no value is left out."""
        import yaml

        told = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items() if v is not None}
        head = "# The settings of a run, all of them: chainrule train config.yaml --out elsewhere repeats it.\n"
        return head + yaml.safe_dump(told, sort_keys=False, allow_unicode=True, default_flow_style=None)


class Value(NamedTuple):
    """A value, and where it was given: '--lr', or 'config.yaml', line 3."""

    value: Any
    where: str


def resolved(given: Mapping[str, Value]) -> Config:
    """The complete settings. Raises BadParameter for what cannot be."""
    found = {k: Value(KINDS[k](v), v.where) for k, v in given.items()}
    values: dict[str, Any] = {k: v.value for k, v in found.items()}
    _fitting(found)
    rule, own = values.get("optimizer", "sgd"), values.get("data", "digits") not in PUBLISHED
    usual: dict[str, Any] = {"lr": RATES[rule]}
    if rule == "adamw":
        usual["weight_decay"] = 0.01
    if "net" not in values:
        usual |= {"hidden": (64,), "activation": "relu", "dropout": 0.0}
    if values.get("schedule") == "exponential":
        usual["lr_decay"] = 0.95
    if own:
        usual["standardize"] = True
    return Config(**usual | values)


def _fitting(found: Mapping[str, Value]) -> None:
    """Raises BadParameter for what goes with nothing else that was given."""
    of: dict[str, Any] = {f.name: f.default for f in fields(Config)} | {k: v.value for k, v in found.items()}
    own = of["data"] not in PUBLISHED
    rule, schedule = of["optimizer"], of["schedule"]
    reasons = {
        "momentum": rule != "sgd" and f"is sgd's, and the optimizer is {rule}",
        "nesterov": rule != "sgd" and f"is sgd's, and the optimizer is {rule}",
        "lr_decay": schedule != "exponential" and f"goes with the schedule exponential, and it is {schedule}",
        "data_dir": of["data"] not in ("mnist", "fashion-mnist") and f"goes with mnist, and the data are {of['data']}",
        "target": not of["data"].endswith(".csv") and f"is a column of a CSV file, and the data are {of['data']}",
        "regression": not own and f"goes with a file of one's own, and {of['data']} has classes",
        "standardize": not own and f"goes with a file of one's own, and {of['data']} is scaled to [0, 1] already",
        **{k: of["net"] and f"is decided by the network {of['net']}" for k in ("hidden", "activation", "dropout")},
    }
    for k, why in reasons.items():
        if why and k in found and found[k].value not in (None, False):
            raise wrong(found[k].where, f"{_name(k, found[k].where)} {why}")
    if of["nesterov"] and not of["momentum"]:
        raise wrong(found["nesterov"].where, "Nesterov's step needs a momentum, such as 0.9")


def wrong(where: str, problem: str) -> typer.BadParameter:
    """What is wrong there, as typer tells it."""
    return typer.BadParameter(problem, param_hint=where)


def flagged(name: str) -> str:
    """An option's name, as it is said where it was given.

    >>> flagged("batch_size")
    "'--batch-size'"
    """
    return f"'--{name.replace('_', '-')}'"


def _name(key: str, where: str) -> str:
    return "it" if where == flagged(key) else key


# A file ---------------------------------------------------------------------------------------------------------------


def read_file(path: Path) -> dict[str, Value]:
    """The values of a file, by key. Raises BadParameter for what is no such file, a key that is unknown or twice."""
    import yaml

    hint = "'CONFIG'"
    if path.is_dir():
        raise wrong(hint, f"{path} is a folder; name a file in it, such as {path / 'config.yaml'}")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        near = [p.name for ending in ("*.yaml", "*.yml") for p in path.parent.glob(ending)]
        more = f"; for the data set write --data {path}" if str(path) in PUBLISHED else meant(path.name, near)
        raise wrong(hint, f"the file {path} does not exist{more}") from None
    except OSError as why:
        raise wrong(hint, f"{path} cannot be read: {why.strerror or why}") from None
    except UnicodeDecodeError as why:
        raise wrong(hint, f"{path} is no text in UTF-8, at byte {why.start}") from None
    try:
        loader = yaml.SafeLoader(text)
        try:
            return _values(loader, loader.get_single_node(), path.name)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as why:
        mark = why.problem_mark or why.context_mark
        said = " ".join(filter(None, (why.context, why.problem)))
        raise wrong(_line(path.name, mark.line + 1 if mark else 1), f"this is not YAML: {visible(said)}") from None
    except yaml.YAMLError as why:
        raise wrong(hint, f"{path} is not YAML: {visible(' '.join(str(why).split()))}") from None
    except (ValueError, RecursionError, OverflowError) as why:  # a date such as 2024-99-99; a thousand brackets
        raise wrong(hint, f"{path} cannot be read as YAML: {why}") from None


def _values(loader: Any, node: Any, file: str) -> dict[str, Value]:
    import yaml

    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise wrong(_line(file, node.start_mark.line + 1), "a config holds a key and a value a line, as in epochs: 20")
    known, found = [f.name for f in fields(Config)], {}
    for key_node, value_node in node.value:
        where = _line(file, key_node.start_mark.line + 1)
        key = loader.construct_object(key_node, deep=True)
        if key not in known:
            hint = meant(str(key).replace("-", "_"), known) or f"; there are {', '.join(known)}"
            raise wrong(where, f"there is no setting {visible(str(key))!r}{hint}")
        if key in found:
            raise wrong(where, f"{key} is there twice, in {found[key].where.partition(', ')[2]} already")
        value = loader.construct_object(value_node, deep=True)
        found[key] = Value(value, where)
    return {k: v for k, v in found.items() if v.value is not None}


def _line(file: str, line: int) -> str:
    return f"'{visible(file)}', line {line}"


# Kinds of values ------------------------------------------------------------------------------------------------------


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(name: str, least: int, below: int | None = None) -> Any:
    def read(given: Value) -> int:
        value = given.value
        if not _is_whole(value):
            raise wrong(given.where, f"{_name(name, given.where)} must be a whole number, and it is {value!r}")
        if value < least or (below is not None and value >= below):
            range = f"at least {least}" + ("" if below is None else f" and below {below}")
            raise wrong(given.where, f"{_name(name, given.where)} must be {range}, and it is {value}")
        return value

    return read


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _number(name: str, words: str, allowed: Any) -> Any:
    def read(given: Value) -> float:
        value: Any = given.value
        if isinstance(value, str) and _NUMBER.fullmatch(value):  # YAML 1.1 takes 1e-3 for text, for want of a point
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise wrong(given.where, f"{_name(name, given.where)} must be a number, and it is {value!r}")
        if not abs(value) < 1e38 or not allowed(value):
            raise wrong(given.where, f"{_name(name, given.where)} must be {words}, and it is {value}")
        return float(value)

    return read


def _choice(name: str, choices: tuple[str, ...]) -> Any:
    def read(given: Value) -> str:
        if given.value not in choices:
            hint = meant(str(given.value), choices)
            raise wrong(
                given.where,
                f"{_name(name, given.where)} must be one of {', '.join(choices)}, and it is {given.value!r}{hint}",
            )
        return given.value

    return read


def _flag(name: str) -> Any:
    def read(given: Value) -> bool:
        if not isinstance(given.value, bool):
            raise wrong(given.where, f"{_name(name, given.where)} must be true or false, and it is {given.value!r}")
        return given.value

    return read


def _text(name: str) -> Any:
    def read(given: Value) -> str:
        if not isinstance(given.value, str) or not given.value.strip() or "\0" in given.value:
            raise wrong(given.where, f"{_name(name, given.where)} must be text, and it is {given.value!r}")
        return given.value

    return read


def _target(given: Value) -> str | int:
    if _is_whole(given.value):
        return given.value
    text = _text("target")(given)
    return int(text) if re.fullmatch(r"-?\d{1,6}", text) else text


def _data(given: Value) -> str:
    name = _text("data")(given)
    if name not in PUBLISHED and Path(name).suffix.lower() not in (".csv", ".npz"):
        hint = meant(name, PUBLISHED)
        raise wrong(
            given.where,
            f"{_name('data', given.where)} must be one of {', '.join(PUBLISHED)}, or a file .csv or .npz, and it is "
            f"{name!r}{hint}",
        )
    return name


def _sizes(given: Value) -> tuple[int, ...]:
    """64, "64,32", [64, 32]; "none" or []: no hidden layer."""
    value = given.value
    if isinstance(value, str):
        parts = [] if value.strip() == "none" else value.split(",")
        value = [int(p) if re.fullmatch(r"\s*\d{1,18}\s*", p) else p for p in parts]
    sizes: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    if not all(_is_whole(s) and s >= 1 for s in sizes):
        raise wrong(
            given.where,
            f"{_name('hidden', given.where)} must be sizes of layers, such as 64,32, or none, and it is "
            f"{given.value!r}",
        )
    return tuple(sizes)


_positive = ("a positive number", lambda x: x > 0)
_not_negative = ("at least 0", lambda x: x >= 0)
_share = ("at least 0 and below 1", lambda x: 0 <= x < 1)

KINDS: dict[str, Any] = {
    "data": _data, "data_dir": _text("data_dir"), "target": _target, "regression": _flag("regression"),
    "standardize": _flag("standardize"), "net": _text("net"), "hidden": _sizes,
    "activation": _choice("activation", ACTIVATIONS), "dropout": _number("dropout", *_share),
    "loss": _choice("loss", LOSSES), "optimizer": _choice("optimizer", tuple(RATES)), "lr": _number("lr", *_positive),
    "momentum": _number("momentum", *_share), "nesterov": _flag("nesterov"),
    "schedule": _choice("schedule", SCHEDULES),
    "lr_decay": _number("lr_decay", "above 0 and at most 1", lambda x: 0 < x <= 1),
    "l1": _number("l1", *_not_negative), "l2": _number("l2", *_not_negative),
    "weight_decay": _number("weight_decay", *_not_negative), "clip_norm": _number("clip_norm", *_positive),
    "epochs": _whole("epochs", 1), "batch_size": _whole("batch_size", 1), "drop_last": _flag("drop_last"),
    "early_stopping": _whole("early_stopping", 1), "seed": _whole("seed", 0, 2**32),
    "engine": _choice("engine", ("numpy", "xla")), "dtype": _choice("dtype", ("float32", "float64")),
    "checkpoint_every": _whole("checkpoint_every", 1), "tensorboard": _flag("tensorboard"), "out": _text("out"),
}  # fmt: skip


__all__ = ["ACTIVATIONS", "LOSSES", "PUBLISHED", "RATES", "SCHEDULES", "Config", "Value", "flagged", "read_file",
           "resolved", "wrong"]  # fmt: skip
