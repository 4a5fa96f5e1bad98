"""scikit-learn's digits, offline."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from chainrule.data import digits


def test_digits():
    data = digits()
    assert [s.rows for s in (data.train, data.validation, data.test)] == [1197, 300, 300]
    assert (data.name, data.classes, data.class_names, data.image_shape) == ("digits", 10, tuple("0123456789"), (8, 8))
    assert "UCI" in data.source
    X, y = data.train
    assert X.shape == (1197, 64) and X.dtype == np.float32 and X.min() == 0 and X.max() == 1
    assert np.array_equal(X * 16, np.round(X * 16))
    assert y.dtype == np.int64 and set(y) == set(range(10))


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    data = digits(seed=2, dtype=np.float64)
    order = np.random.default_rng(2).permutation(1797)
    assert np.array_equal(data.test.X, images[order[-300:]] / 16)
    assert np.array_equal(data.test.y, labels[order[-300:]])


def test_importing_is_light():
    script = (
        "import sys, chainrule.data; print(*{'sklearn', 'scipy', 'urllib.request', 'http.client'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip(), run.stderr) == (0, "", "")
