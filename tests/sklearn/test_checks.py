"""Every check that scikit-learn has for estimators, one test each; what it skips for its own is skipped here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sklearn.neural_network as theirs
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from chainrule.sklearn import MLPClassifier, MLPRegressor

ESTIMATORS = [MLPClassifier(max_iter=40), MLPRegressor(max_iter=40)]

pytestmark = pytest.mark.filterwarnings("ignore")  # the checks fit what does not converge, and skip with a warning


@parametrize_with_checks(ESTIMATORS)
def test_checks(estimator: Any, check: Callable[[Any], None]):
    check(estimator)


@pytest.mark.parametrize("estimator", [MLPClassifier(max_iter=20), MLPRegressor(max_iter=20)])
def test_nothing_is_skipped_that_theirs_pass(estimator: Any):
    other = getattr(theirs, type(estimator).__name__)(max_iter=20)
    ours, reference = (
        {c["check_name"]: c["status"] for c in check_estimator(e, on_fail=None, on_skip=None)}
        for e in (estimator, other)
    )
    assert reference.keys() <= ours.keys()
    assert {k for k, v in ours.items() if v != "passed"} <= {k for k, v in reference.items() if v == "skipped"}
