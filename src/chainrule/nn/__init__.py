"""Layers, losses and initialisers: networks as descriptions, from which the graphs are made.

    net = cr.nn.Sequential(cr.nn.Linear(784, 64), cr.nn.ReLU(), cr.nn.Linear(64, 10))   # parameters W1 b1 W2 b2
    net.graph()          X -> the output
    net.loss_graph()     X, y -> the loss L
    net.derive()         its gradients, step by step
    net.initial(seed=0)  {"W1": array, …}

A batch comes first, (n, d), with n a symbol. A module holds no arrays and never changes.
"""

from __future__ import annotations

from .activations import ELU, GELU, Activation, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from .builder import Builder
from .containers import Residual, Sequential
from .criteria import AbsoluteError, BinaryCrossEntropy, CrossEntropy, Huber, Loss, SquaredError
from .initialisers import Constant, Given, Glorot, He, Initialiser, Normal, Orthogonal, Zeros
from .layers import Dropout, Embedding, Flatten, Function, Linear
from .losses import absolute_error, binary_cross_entropy, cross_entropy, huber, squared_error
from .module import Module
from .normalise import BatchNorm, LayerNorm

__all__ = [
    "AbsoluteError", "Activation", "BatchNorm", "BinaryCrossEntropy", "Builder", "Constant", "CrossEntropy", "Dropout",
    "ELU", "Embedding", "Flatten", "Function", "GELU", "Given", "Glorot", "He", "Huber", "Initialiser", "LayerNorm",
    "LeakyReLU", "Linear", "Loss", "Module", "Normal", "Orthogonal", "ReLU", "Residual", "Sequential", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "SquaredError", "Tanh", "Zeros", "absolute_error", "binary_cross_entropy",
    "cross_entropy", "huber", "squared_error",
]  # fmt: skip
