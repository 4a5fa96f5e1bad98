"""`MLPRegressor`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from ..graph.errors import InputError
from ..graph.node import Node
from .base import MLP, Array
from .programs import half_squared_error


class MLPRegressor(RegressorMixin, MLP):
    """A regressor: dense layers with an activation between them, trained with half the squared error.

    The loss is 1/2n Σᵢ ‖ŷᵢ − yᵢ‖²; y is (n,), or (n, outputs).

    The parameters and attributes are those of `MLPClassifier`, except that early_stopping judges by the coefficient of
    determination R², that there are no classes_, and that out_activation_ is 'identity'.

    The same random_state leads to the network of scikit-learn's MLPRegressor, as far as that of `MLPClassifier` does.
    For m outputs loss_curve_ holds the loss that is minimised, a sum over outputs; scikit-learn's holds a mean over
    outputs, 1/m of it, and compares that with tol. There is no Poisson loss.

    >>> import numpy as np
    >>> x = np.linspace(-3, 3, 200)[:, None]
    >>> model = MLPRegressor((32,), activation="tanh", batch_size=20, learning_rate_init=0.01, random_state=0)
    >>> bool(model.fit(x, np.sin(x[:, 0])).score(x, np.sin(x[:, 0])) > 0.99)
    True
    """

    _numeric = True

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """One epoch more over X and y; answers the estimator. The update rule goes on from where it was.

        Raises as `fit`.
        """
        return self._trained(X, y, sample_weight, partial=True)

    def predict(self, X: Any) -> Array:
        """The network's output: (n,), or (n, outputs) where there are several."""
        S = self._criterion.predict(self._scores_of(X))
        return S if S.shape[1] > 1 else S.ravel()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    # ------------------------------------------------------------------------------------------------------------------

    def _targets(self, y: Any, fresh: bool, partial: bool, dtype: Any) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.reshape(len(y), -1).astype(dtype, copy=False)
        if fresh:
            self._width = targets.shape[1]
        elif targets.shape[1] != self.n_outputs_:
            raise InputError(f"y has {targets.shape[1]} columns, and the network was started with {self.n_outputs_}")
        return targets

    @property
    def _outputs(self) -> tuple[int, str]:
        return self._width, "identity"

    @property
    def _loss(self) -> Callable[..., Node]:
        return half_squared_error

    def _judged(self, S: Array, targets: Array, weights: Array | None) -> float:
        return float(r2_score(targets, S, sample_weight=weights)) if np.isfinite(S).all() else np.nan


__all__ = ["MLPRegressor"]
