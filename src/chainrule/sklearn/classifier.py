"""`MLPClassifier`"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import column_or_1d

from ..graph.errors import InputError
from .base import MLP, Array


class MLPClassifier(ClassifierMixin, MLP):
    """A classifier: dense layers with an activation between them, trained with cross-entropy.

    Labels may be of any kind: numbers, strings, booleans; two, several, or several at once (0 or 1 for each, a matrix).

    hidden_layer_sizes   units of each hidden layer, (100, 50); () is logistic regression
    activation           'identity', 'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'gelu', 'silu' or 'softplus'
    solver               'sgd', 'adam', 'adamw', 'rmsprop', 'adagrad', or a rule such as ``cr.optim.RMSProp(rho=0.95)``,
                         which brings its learning rate, or schedule, along
    alpha                α of α/(2n) Σ ‖W‖², added to the loss of a minibatch of n examples, or of weights of sum n;
                         biases are left out. With 'adamw' λ of w ← (1 − λ lr) w instead, whatever the minibatch
    batch_size           examples of a minibatch; 'auto' is 200, or all if there are fewer
    learning_rate        with 'sgd': 'constant'; 'invscaling': learning_rate_init/(t + 1)^power_t after each epoch, t
                         being the examples seen; or 'adaptive': a fifth of it where training would otherwise end
    learning_rate_init, power_t   see learning_rate; learning_rate_init is every solver's rate
    max_iter             the most epochs of a fit
    shuffle              whether the examples are put in another order before each epoch
    random_state         decides the first weights, the orders, the validation set and dropout's masks
    tol, n_iter_no_change   training ends when more than n_iter_no_change epochs in a row were not better by tol
    verbose              print the loss of each epoch
    warm_start           `fit` goes on from the weights of the last one
    momentum, nesterovs_momentum   ρ of 'sgd', and whether it looks ahead
    early_stopping       judge epochs by the accuracy on a validation set, not by the loss, and keep the best weights
    validation_fraction  the share of the examples that is set aside for it
    beta_1, beta_2, epsilon   numbers of 'adam' and 'adamw'; epsilon of 'rmsprop' and 'adagrad' too
    dropout              the probability that a hidden unit is dropped in training, which scikit-learn's has not
    engine               'numpy', or 'xla', which runs all steps of an epoch in one call

    Where it computes the same as scikit-learn's MLPClassifier, the same random_state leads to the same network, up to
    rounding. It differs in this:

    - Adam's ε stands beside √v̂, as in the paper; there it stands beside √v, where it counts 1/√(1 − β₂ᵗ) times as much.
    - With momentum, v is a sum of gradients and lr multiplies it; there v is a sum of steps. Where the rate changes
      ('invscaling', 'adaptive'), older steps keep their length there.
    - An example of weight 0 takes no place in a minibatch.
    - Scores of any size have a finite loss and a finite `predict_log_proba`; there probabilities are clipped.
    - There is no solver 'lbfgs'.

    A program is made once for all sizes of layers, α and rates, and kept for the estimators that follow.

    Attributes of a fitted one: classes_, coefs_ (in, out) and intercepts_ of each layer, out_activation_ ('logistic' or
    'softmax'), n_layers_ (with inputs and outputs), n_outputs_, n_features_in_, feature_names_in_, n_iter_ (epochs of
    the last fit), t_ (examples seen), loss_ and loss_curve_ (of each epoch, with the penalty), best_loss_, or, with
    early_stopping, validation_scores_ and best_validation_score_; and `network_`.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> kinds = load_iris().target_names[y]
    >>> model = make_pipeline(StandardScaler(), MLPClassifier((16,), learning_rate_init=0.1, tol=1e-3, random_state=0))
    >>> model.fit(X, kinds).predict(X[:2])
    array(['setosa', 'setosa'], dtype='<U10')
    >>> round(model.score(X, kinds), 2)
    0.99
    >>> print(model[-1].network_.derive().equations()[2])
    ∂L/∂W2 = H1ᵀ @ ∂L/∂Z2
    """

    _numeric = False

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """One epoch more over X and y; answers the estimator. The update rule goes on from where it was.

        classes   every label there will be; needed the first time, unless y says it (multilabel)

        Raises as `fit`, and for labels that are not among the classes.
        """
        if not hasattr(self, "classes_"):
            several = type_of_target(y).startswith("multilabel")
            if classes is None and not several:
                raise InputError("classes must be given in the first call of partial_fit: every label there will be")
            self._learn_labels(y if several else classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise InputError(f"classes is {classes!r}; it was {self.classes_!r} in an earlier call")
        return self._trained(X, y, sample_weight, partial=True)

    def predict(self, X: Any) -> Array:
        """The class of each row of X, (n,); for multilabel y, 0 or 1 for each label, (n, labels).

        Of classes with the same score the first; of two, the second only if its probability is above 1/2.
        """
        S = self._scores_of(X)
        found = self._criterion.predict(S)
        if self.out_activation_ == "softmax":
            return self.classes_[found]
        labels: Any = self._binarizer.inverse_transform(found if self.n_outputs_ > 1 else found.ravel())
        return labels

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, classes), in the order of classes_; of each label for multilabel y."""
        S = self._scores_of(X)
        P = self._criterion.predict_probabilities(S)
        return P if P.shape[1] > 1 else np.hstack([1 - P, P])

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`, and finite where a probability rounds to 0: computed from the scores."""
        S = self._scores_of(X)
        if self.out_activation_ == "softmax":
            return log_softmax(S, axis=1)
        return log_expit(S) if S.shape[1] > 1 else np.hstack([log_expit(-S), log_expit(S)])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    # ------------------------------------------------------------------------------------------------------------------

    def _targets(self, y: Any, fresh: bool, partial: bool, dtype: Any) -> Array:
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if fresh and not partial:  # `partial_fit` was told the labels
            self._learn_labels(y)
        else:
            self._check_labels(y)
        Y: Any = self._binarizer.transform(y)
        return np.asarray(Y.argmax(axis=1) if self._outputs[1] == "softmax" else Y.astype(dtype))

    def _check_labels(self, y: Any) -> None:
        """Raises InputError for labels that the network has no output for."""
        strange = np.setdiff1d(unique_labels(y), self.classes_)
        if strange.size:
            raise InputError(
                f"y holds the classes {strange.tolist()}, and the network knows {self.classes_.tolist()}; name all of "
                f"them in the first call of partial_fit, or fit with warm_start=False to start anew"
            )

    def _learn_labels(self, y: Any) -> None:
        self._binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._binarizer.classes_

    @property
    def _outputs(self) -> tuple[int, str]:
        several = self._binarizer.y_type_ == "multiclass" or self._binarizer.y_type_.startswith("multilabel")
        kind = "softmax" if self._binarizer.y_type_ == "multiclass" else "logistic"
        return len(self.classes_) if several else 1, kind

    @property
    def _loss(self) -> str:
        return "cross_entropy" if self._outputs[1] == "softmax" else "binary_cross_entropy"

    @property
    def _stratified(self) -> bool:
        return self._outputs[0] == 1  # as scikit-learn: of several classes one may have a single example

    def _judged(self, S: Array, targets: Array, weights: Array | None) -> float:
        return float(accuracy_score(targets, self._criterion.predict(S), sample_weight=weights))


__all__ = ["MLPClassifier"]
