"""What the classifier and the regressor have in common: parameters, the loop over epochs, and what a fit leaves."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ..graph.errors import InputError
from ..graph.node import Node
from ..nn.containers import Sequential
from ..nn.criteria import Loss, loss_named
from ..optim.rule import Rule
from .epochs import Epochs, scores
from .programs import Architecture, Recipe, network_program, step_program
from .settings import SMALLEST_RATE, Rate, check, first_rate, hidden_sizes, rule_of

Array = NDArray[Any]
FLOATS = (np.float64, np.float32)  # what X may be; anything else becomes the first


@dataclass
class Progress:
    """What an update rule remembers from one `partial_fit` to the next."""

    rule: Rule
    state: dict[str, Array]
    rate: Rate
    epochs: int = 0
    steps: int = 0
    without: int = 0  # epochs in a row that were no better than the best one by tol


class MLP(BaseEstimator, ABC):
    """A network of dense layers as an estimator. Its parameters are described at `MLPClassifier`."""

    coefs_: list[Array]
    intercepts_: list[Array]
    loss_: float
    loss_curve_: list[float]
    best_loss_: Any
    best_validation_score_: Any
    validation_scores_: Any
    n_iter_: int
    t_: int

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        dropout=0.0,
        engine="numpy",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.engine = engine

    # What a subclass says ---------------------------------------------------------------------------------------------

    _numeric: ClassVar[bool]
    """Whether targets are numbers."""

    @abstractmethod
    def _targets(self, y: Any, fresh: bool, partial: bool, dtype: Any) -> Array:
        """y as the loss takes it: labels (n,) or numbers (n, outputs). A `fresh` network is made for this y."""

    @property
    @abstractmethod
    def _outputs(self) -> tuple[int, str]:
        """How many outputs there are, and what becomes of them: identity, logistic or softmax."""

    @property
    @abstractmethod
    def _loss(self) -> str | Callable[..., Node]:
        """What is minimised, besides the penalty."""

    @abstractmethod
    def _judged(self, S: Array, targets: Array, weights: Array | None) -> float:
        """The score of the network's output S, by which early stopping chooses."""

    @property
    def _stratified(self) -> bool:
        """Whether the validation set has its share of each class."""
        return False

    # What is public ---------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any, sample_weight: Any = None):
        """Train on X (n, d), dense or sparse, and y; answers the estimator.

        sample_weight   (n,), at least 0: an example of weight 0 is as if it were not there

        Raises InputError, a ValueError, for parameters that cannot be meant and for a training that left the finite
        numbers; ValueError, as scikit-learn words it, for data. Warns of ConvergenceWarning if `max_iter` epochs were
        too few for the loss to settle. Ctrl-C ends training with the last whole epoch, and a warning.
        """
        return self._trained(X, y, sample_weight, partial=False)

    @property
    def network_(self) -> Sequential:
        """The network as a `chainrule.nn` module: ``network_.derive("cross_entropy")`` shows its gradients.

        Its parameters W1, b1, W2, … are coefs_[0], intercepts_[0], coefs_[1], …
        """
        check_is_fitted(self, "coefs_")
        return self._architecture.network(self._units)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # Training ---------------------------------------------------------------------------------------------------------

    def _trained(self, X: Any, y: Any, sample_weight: Any, partial: bool):
        check(self)
        if partial and self.early_stopping:
            raise InputError("partial_fit takes one step through the data, so early_stopping=True has no meaning there")
        fresh = not hasattr(self, "coefs_") or not (partial or self.warm_start)
        X, y = validate_data(
            self, X, y, reset=fresh, accept_sparse="csr", dtype=FLOATS if fresh else self.coefs_[0].dtype,
            multi_output=True, y_numeric=self._numeric,
        )  # fmt: skip
        targets = self._targets(y, fresh, partial, X.dtype)
        X, targets, weights = _weighted(X, targets, sample_weight)
        random = check_random_state(self.random_state)
        if fresh:
            self._begin(X, random)
        if fresh or (self.validation_scores_ is None) == bool(self.early_stopping):
            self._watch()
        self._check_layers(X)
        progress = self._progress(anew=not partial)
        validation = None
        if self.early_stopping:
            X, targets, weights, validation = self._split(X, targets, weights, random)
        program = step_program(
            Recipe(
                self._architecture, self._loss, progress.rule, penalised=self.solver != "adamw",
                weighted=weights is not None, engine=self.engine,
            )
        )  # fmt: skip
        inputs = program.graph.inputs
        noise = {k: 1.0 - float(self.dropout) for k, role in program.graph.roles.items() if role == "noise"}
        epochs = Epochs(
            program, X, {"y": targets} | ({} if weights is None else {"sample_weight": weights}),
            self._batch(X.shape[0]), {"alpha": self.alpha} if "alpha" in inputs else {}, noise,
            int(random.randint(2**31 - 1)) if noise else 0,
        )  # fmt: skip
        try:
            if not self._learn(epochs, progress, random, validation, 1 if partial else self.max_iter) and not partial:
                what = f"the loss had not settled after max_iter = {self.max_iter} epochs"
                warnings.warn(what, ConvergenceWarning, stacklevel=3)
        except KeyboardInterrupt:
            warnings.warn(f"training was interrupted; {self.n_iter_} whole epochs are kept", stacklevel=3)
        if validation is not None:
            self.coefs_, self.intercepts_ = self._best
        return self

    def _learn(self, epochs: Epochs, progress: Progress, random: Any, validation: Any, most: int) -> bool:
        """At most so many epochs; answers whether training ended by itself."""
        examples = epochs.X.shape[0]
        order = np.arange(examples)
        self.n_iter_ = 0
        while self.n_iter_ < most:
            if self.shuffle:
                order = order[random.permutation(examples)]  # scikit-learn's order, which shuffles the last one
            state, loss = epochs.run(
                self._parameters | progress.state, order, progress.rate, progress.epochs, progress.steps
            )
            self._check_finite(state)
            self._keep(state, progress)
            progress.epochs, progress.steps = progress.epochs + 1, progress.steps + epochs.steps
            self.n_iter_, self.t_, self.loss_ = self.n_iter_ + 1, self.t_ + examples, loss
            self.loss_curve_.append(loss)
            if self.verbose:
                print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")
            progress.without = 0 if self._improved(validation) else progress.without + 1
            if self.solver == "sgd" and self.learning_rate == "invscaling":
                progress.rate.now = float(self.learning_rate_init) / (self.t_ + 1) ** self.power_t
            if progress.without > self.n_iter_no_change and not self._goes_on(progress, validation is not None):
                return True
        return False

    def _improved(self, validation: Any) -> bool:
        """Whether the last epoch is better than the best one by tol; the best is remembered."""
        if validation is None:
            improved = self.loss_ <= self.best_loss_ - self.tol
            self.best_loss_ = min(self.best_loss_, self.loss_)
            return improved
        score = self._judged(self._scores(validation[0]), *validation[1:])
        self.validation_scores_.append(score)
        if self.verbose:
            print(f"Validation score: {score:.6f}")
        improved = not score < self.best_validation_score_ + self.tol
        if score > self.best_validation_score_:
            self.best_validation_score_, self._best = score, (self.coefs_, self.intercepts_)
        return improved

    def _goes_on(self, progress: Progress, validated: bool) -> bool:
        """After so many epochs without improvement: whether training goes on, more slowly."""
        what = "validation score" if validated else "training loss"
        said = f"The {what} did not improve by tol={self.tol} for {self.n_iter_no_change} epochs in a row."
        lower = self.solver == "sgd" and self.learning_rate == "adaptive" and progress.rate.now > SMALLEST_RATE
        if lower:
            progress.rate.now /= 5
            progress.without = 0
        if self.verbose:
            print(said, f"The learning rate is now {progress.rate.now:g}." if lower else "Stopping.")
        return lower

    # The parts of it --------------------------------------------------------------------------------------------------

    def _begin(self, X: Any, random: Any) -> None:
        """The first weights, and attributes that training adds to."""
        self.n_outputs_, self.out_activation_ = self._outputs
        units = (X.shape[1], *hidden_sizes(self.hidden_layer_sizes), self.n_outputs_)
        self.n_layers_ = len(units)
        coefs: list[Array] = []
        intercepts: list[Array] = []
        factor = 2.0 if self.activation == "logistic" else 6.0  # Glorot and Bengio 2010, as scikit-learn has it
        for inputs, outputs in pairwise(units):
            bound = math.sqrt(factor / (inputs + outputs))
            coefs.append(random.uniform(-bound, bound, (inputs, outputs)).astype(X.dtype, copy=False))
            intercepts.append(random.uniform(-bound, bound, outputs).astype(X.dtype, copy=False))
        self.coefs_, self.intercepts_ = coefs, intercepts
        self.n_iter_ = self.t_ = 0
        self.loss_curve_ = []

    def _watch(self) -> None:
        """From here on the best epoch is looked for, by the validation score or by the loss."""
        stopping = bool(self.early_stopping)
        self._best = self.coefs_, self.intercepts_
        self.best_loss_ = None if stopping else math.inf
        self.validation_scores_ = [] if stopping else None
        self.best_validation_score_ = -math.inf if stopping else None

    def _check_layers(self, X: Any) -> None:
        wanted = (X.shape[1], *hidden_sizes(self.hidden_layer_sizes), self.n_outputs_)
        if self._units != wanted:
            raise InputError(
                f"the network was started with layers of {self._units} units, and hidden_layer_sizes is now "
                f"{self.hidden_layer_sizes!r}: fit with warm_start=False to start anew"
            )

    def _progress(self, anew: bool) -> Progress:
        """What the rule goes on from; nothing in a `fit`, or where the rule is another one than before."""
        rule = rule_of(self)
        known = self.__dict__.get("_optimizer")
        if anew or known is None or known.rule != rule:
            self._optimizer = Progress(rule, rule.state(self._parameters), first_rate(self))
        return self._optimizer

    def _split(self, X: Any, targets: Array, weights: Array | None, random: Any) -> tuple[Any, Any, Any, Any]:
        """(X, targets, weights) to train with, and to validate with."""
        given = [X, targets] if weights is None else [X, targets, weights]
        parts: Any = train_test_split(
            *given, random_state=random, test_size=self.validation_fraction,
            stratify=targets if self._stratified else None,
        )  # fmt: skip
        train, held = parts[::2], parts[1::2]
        if held[0].shape[0] < 2:
            raise InputError(
                f"validation_fraction = {self.validation_fraction} of {X.shape[0]} examples leaves "
                f"{held[0].shape[0]} to validate with; at least 2 are needed"
            )
        if weights is None:
            return train[0], train[1], None, (held[0], held[1], None)
        return train[0], train[1], train[2], held

    def _batch(self, examples: int) -> int:
        if self.batch_size == "auto":
            return min(200, examples)
        batch = int(self.batch_size)
        if batch > examples:
            warnings.warn(f"batch_size = {batch} is more than the {examples} examples, which are taken", stacklevel=4)
        return min(batch, examples)

    @property
    def _architecture(self) -> Architecture:
        return Architecture(len(self.coefs_) - 1, self.activation, float(self.dropout))

    @property
    def _units(self) -> tuple[int, ...]:
        return (*(W.shape[0] for W in self.coefs_), self.n_outputs_)

    @property
    def _parameters(self) -> dict[str, Array]:
        """W1, b1, W2, … as the network's graph calls them."""
        layers = enumerate(zip(self.coefs_, self.intercepts_), 1)
        return {f"{stem}{k}": a for k, pair in layers for stem, a in zip("Wb", pair)}

    def _keep(self, state: dict[str, Array], progress: Progress) -> None:
        layers = range(1, len(self.coefs_) + 1)
        self.coefs_, self.intercepts_ = [state[f"W{k}"] for k in layers], [state[f"b{k}"] for k in layers]
        progress.state = {k: state[k] for k in progress.state}

    def _check_finite(self, state: dict[str, Array]) -> None:
        wrong = [k for k in self._parameters if not np.isfinite(state[k]).all()]
        if wrong:
            raise InputError(
                f"training left the finite numbers in epoch {self.n_iter_ + 1}: {wrong[0]} holds infinities or NaN. "
                f"Scale the data, for example with StandardScaler, or lower the learning rate"
            )

    def _scores(self, X: Any) -> Array:
        program = network_program(replace(self._architecture, dropout=0.0), self.engine)
        return scores(program, X, self._parameters)

    def _scores_of(self, X: Any) -> Array:
        """The network's output for X as a user gives it."""
        check_is_fitted(self, "coefs_")
        return self._scores(validate_data(self, X, reset=False, accept_sparse="csr", dtype=FLOATS))

    @property
    def _criterion(self) -> Loss:
        return loss_named(self._loss)


def _weighted(X: Any, targets: Array, sample_weight: Any) -> tuple[Any, Array, Array | None]:
    """The examples whose weight is not 0, and their weights in the precision of X."""
    if sample_weight is None:
        return X, targets, None
    weights = np.full(X.shape[0], sample_weight) if isinstance(sample_weight, Real) else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=X.dtype, input_name="sample_weight")
    if weights.ndim != 1:
        raise InputError(f"sample_weight has shape {weights.shape}; there must be one number for each example")
    check_consistent_length(X, weights)
    if weights.min() < 0:
        raise InputError(f"sample_weight[{weights.argmin()}] is {weights.min()}; a weight is at least 0")
    there = np.flatnonzero(weights)
    if not there.size:
        raise InputError("every sample_weight is zero, so there is nothing to learn from")
    if there.size == X.shape[0]:
        return X, targets, weights
    return X[there], targets[there], weights[there]


__all__ = ["MLP"]
