"""Experiments on real data that set measurement beside theory, each with a report.

from chainrule.labs import mlp
result = mlp.run(mlp.Settings(hidden=32))
paths = mlp.save(result, "out/mlp")       # report.html, history.csv, params.safetensors
"""

from . import decoding, mlp, optimizers

__all__ = ["decoding", "mlp", "optimizers"]
