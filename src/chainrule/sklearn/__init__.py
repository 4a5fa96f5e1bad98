"""scikit-learn estimators: networks of dense layers for pipelines, grid search and cross-validation.

    from chainrule.sklearn import MLPClassifier

    clf = MLPClassifier(hidden_layer_sizes=(64,), dropout=0.2, random_state=0).fit(X, y)
    clf.predict_proba(X)
    clf.network_.derive()        # the same network, to look at

They are used as scikit-learn's own, and answer the same where they compute the same; each says where it differs.
"""

from __future__ import annotations

from .classifier import MLPClassifier
from .regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
