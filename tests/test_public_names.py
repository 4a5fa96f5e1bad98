"""The public names: those that the design promises exist, are sorted, documented, and hide no builtin."""

from __future__ import annotations

import builtins
import inspect
from types import ModuleType

import pytest

import chainrule as cr

PROMISED = [
    "trace",
    "derive",
    "compile",
    "cost",
    "value_and_grad",
    "check_gradients",
    "numerical_gradient",
    "relative_error",
    "jacobian",
    "hessian",
    "parse",
    "parse_latex",
    "Graph",
    "Derivation",
    "Cost",
    "Node",
    "Op",
    "ChainruleError",
    "OutputError",
    "exp",
    "expm1",
    "log",
    "log1p",
    "sqrt",
    "abs",
    "sign",
    "tanh",
    "sigmoid",
    "relu",
    "elu",
    "leaky_relu",
    "softplus",
    "gelu",
    "silu",
    "square",
    "clip",
    "xlogy",
    "maximum",
    "minimum",
    "where",
    "equal",
    "sum",
    "mean",
    "var",
    "max",
    "min",
    "logsumexp",
    "softmax",
    "log_softmax",
    "norm",
    "dot",
    "outer",
    "einsum",
    "matmul",
    "tr",
    "diag",
    "transpose",
    "reshape",
    "broadcast_to",
    "concatenate",
    "stack",
    "take",
    "one_hot",
    "stop_gradient",
    "pad",
    "conv2d",
    "fit",
    "load",
]
OF_BUILTIN_NAME = {"abs", "compile", "max", "min", "sum"}
OPERATIONS = sorted(
    name
    for name in {*cr.__all__, *OF_BUILTIN_NAME}
    if inspect.isfunction(getattr(cr, name)) and ".ops." in getattr(cr, name).__module__
)


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_promised_exists(name: str):
    assert callable(getattr(cr, name))
    assert name in cr.__all__ or name in OF_BUILTIN_NAME


def test_all_is_sorted_without_repetitions_and_without_builtins():
    assert list(cr.__all__) == sorted(set(cr.__all__))
    assert not set(cr.__all__) & set(dir(builtins))


def test_all_is_complete():
    public = {name for name, value in vars(cr).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public - {"annotations"} - OF_BUILTIN_NAME | {"fit", "load"} == set(cr.__all__)


def test_a_star_import_leaves_the_builtins_alone():
    here: dict[str, object] = {}
    exec("from chainrule import *", here)
    assert not set(here) & (set(dir(builtins)) - set(dir(object)))
    assert here["derive"] is cr.derive


@pytest.mark.parametrize("name", sorted({*cr.__all__, *OF_BUILTIN_NAME}))
def test_everything_public_is_documented(name: str):
    first = (inspect.getdoc(getattr(cr, name)) or "").strip().splitlines()
    assert first and len(first[0]) > 10


@pytest.mark.parametrize(
    "name", [name for name in sorted({*cr.__all__, *OF_BUILTIN_NAME}) if inspect.isclass(getattr(cr, name))]
)
def test_public_methods_are_documented(name: str):
    kind = getattr(cr, name)
    for method, value in vars(kind).items():
        if method.startswith("_") or not (inspect.isfunction(value) or isinstance(value, property)):
            continue
        if method in {"ndim", "attr", "parameters", "gradients", "output_names"}:  # their names say it
            continue
        assert inspect.getdoc(value), f"{name}.{method}"


@pytest.mark.parametrize("name", cr.optim.__all__)
def test_update_rules_and_their_methods_are_documented(name: str):
    kind = getattr(cr.optim, name)
    assert len((inspect.getdoc(kind) or "").splitlines()[0]) > 5
    for method, value in vars(kind).items():
        if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{method}"


@pytest.mark.parametrize("home, name", [(m, name) for m in (cr.decode, cr.diagnose, cr.train) for name in m.__all__])
def test_what_trains_diagnoses_and_decodes_is_documented(home: ModuleType, name: str):
    found = getattr(home, name)
    assert len((inspect.getdoc(found) or "").splitlines()[0]) > 10
    for method, value in vars(found).items() if inspect.isclass(found) else ():
        if not method.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(value), f"{name}.{method}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_tells_its_derivative_or_meaning(name: str):
    told = inspect.getdoc(getattr(cr, name)) or ""
    assert any(sign in told for sign in ("∂", "derivative", "same node as", "writes the same", "meaning", " = ")), told


def test_a_wrong_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'sigmoids'"):
        cr.sigmoids  # noqa: B018
