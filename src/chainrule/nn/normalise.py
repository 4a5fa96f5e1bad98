"""Normalisation of features, over the batch and over each example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..graph.node import Node
from ..ops.elementary import sqrt
from ..ops.reduce import mean, var
from .builder import Builder
from .initialisers import Constant, Zeros
from .layers import sizes
from .losses import check_positive, check_share
from .module import Module


@dataclass(frozen=True, repr=False)
class BatchNorm(Module):
    """N = γ ⊙ X̂ + β, X̂ = (X − μ) / √(v + eps): each feature has mean 0 and variance 1, then what γ and β make of it.

        training      μ = mean of the batch, v = its variance (divided by n)
                      running_mean ← (1 − momentum) running_mean + momentum μ
                      running_var  ← (1 − momentum) running_var + momentum n/(n − 1) v
        evaluation    μ = running_mean, v = running_var

    X (n, features), N alike; parameters gamma, beta (features,), which start at 1 and 0; states running_mean,
    running_var (features,), which start at 0 and 1. Training needs a batch of two or more: InputError.

    momentum   the share of the new batch, as in PyTorch; in Keras, whose default is 0.99, that of the old value
    eps        is added to the variance

    As PyTorch's ``BatchNorm1d``, whose running variance is the unbiased one too; Keras' and the batch's own is biased.
    Source: Ioffe and Szegedy, Batch normalization, ICML 2015, algorithms 1 and 2.

    >>> import chainrule as cr
    >>> print(cr.nn.Sequential(cr.nn.Linear(5, 4), cr.nn.BatchNorm(4)).graph(training=True).text())
    Z1 = X @ W1 + b1
    mu1 = mean(Z1, axis=0)
    var1 = var(Z1, axis=0)
    Xhat1 = (Z1 - mu1) / sqrt(var1 + 1e-05)
    N1 = gamma1 ⊙ Xhat1 + beta1
    running_mean1 ← 0.9·running_mean1 + 0.1·mu1
    running_var1 ← 0.9·running_var1 + 0.1·var(Z1, axis=0, ddof=1)
    """

    features: Any
    momentum: float = 0.1
    eps: float = 1e-5

    def __post_init__(self) -> None:
        sizes("BatchNorm", self.features)
        check_share("BatchNorm: momentum", self.momentum)
        check_positive("BatchNorm: eps", self.eps)

    @property
    def takes(self) -> tuple[Any, ...]:
        return sizes("BatchNorm", self.features)

    def build(self, x: Node, here: Builder) -> Node:
        gamma = here.parameter("gamma", self.takes, Constant(1.0))
        beta = here.parameter("beta", self.takes, Zeros())
        running_mean = here.state("running_mean", self.takes, Zeros())
        running_var = here.state("running_var", self.takes, Constant(1.0))
        mu, v = running_mean, running_var
        if here.training:
            new = self.momentum
            here.require(x.shape[0] - 1, f"{self!r} needs a batch of two examples or more in training")
            mu = here.named("mu", mean(x, axis=0))
            v = here.named("var", var(x, axis=0))
            here.update(running_mean, (1 - new) * running_mean + new * mu)
            here.update(running_var, (1 - new) * running_var + new * var(x, axis=0, ddof=1))
        xhat = here.named("Xhat", (x - mu) / sqrt(v + self.eps))
        return here.named("N", gamma * xhat + beta)


@dataclass(frozen=True, repr=False)
class LayerNorm(Module):
    """N = γ ⊙ X̂ + β, X̂ = (X − μ) / √(v + eps), where μ and v are the mean and the variance of each example's features.

    X (n, features), N alike; parameters gamma, beta (features,), which start at 1 and 0. The same in training and in
    evaluation. As PyTorch's ``LayerNorm``; Keras' eps is 1e-3.

    Source: Ba, Kiros and Hinton, Layer normalization, 2016, equation 4.

    >>> import chainrule as cr
    >>> print(cr.nn.LayerNorm(4).graph().text())
    mu1 = mean(X, axis=1, keepdims=True)
    var1 = var(X, axis=1, keepdims=True)
    Xhat1 = (X - mu1) / sqrt(var1 + 1e-05)
    N1 = gamma1 ⊙ Xhat1 + beta1
    """

    features: Any
    eps: float = 1e-5

    def __post_init__(self) -> None:
        sizes("LayerNorm", self.features)
        check_positive("LayerNorm: eps", self.eps)

    @property
    def takes(self) -> tuple[Any, ...]:
        return sizes("LayerNorm", self.features)

    def build(self, x: Node, here: Builder) -> Node:
        gamma = here.parameter("gamma", self.takes, Constant(1.0))
        beta = here.parameter("beta", self.takes, Zeros())
        mu = here.named("mu", mean(x, axis=1, keepdims=True))
        v = here.named("var", var(x, axis=1, keepdims=True))
        xhat = here.named("Xhat", (x - mu) / sqrt(v + self.eps))
        return here.named("N", gamma * xhat + beta)


__all__ = ["BatchNorm", "LayerNorm"]
