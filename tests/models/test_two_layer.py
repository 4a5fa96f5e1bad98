"""The course network against what a student would have written by hand, which stands below in plain NumPy."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from chainrule import data
from chainrule.graph.errors import DataError, InputError
from chainrule.models import TwoLayerMLP
from chainrule.models.two_layer import ACTIVATIONS, programs

NAMES = ("W1", "b1", "W2", "b2")
COURSE = ("relu", "sigmoid", "tanh", "elu", "leaky_relu", "softplus", "silu", "gelu", "identity")


# By hand: no line below knows of Chainrule --------------------------------------------------------------------------


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def slope(f, z, h=1e-6):
    return (f(z + h) - f(z - h)) / (2 * h)


BY_HAND = {  # φ(z), and φ'(z)
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "elu": (lambda z: np.where(z > 0, z, np.exp(z) - 1), lambda z: np.where(z > 0, 1, np.exp(z))),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1, 0.01)),
    "softplus": (lambda z: np.log(1 + np.exp(z)), sigmoid),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z)))),
    "identity": (lambda z: z, np.ones_like),
}


def scores_by_hand(params, X, activation):
    return BY_HAND[activation][0](X @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]


def loss_by_hand(params, X, y, reg, activation):
    phi, derivative = BY_HAND[activation]
    N = X.shape[0]
    z = X @ params["W1"] + params["b1"]
    h = phi(z)
    scores = h @ params["W2"] + params["b2"]
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(N), y]).mean()
    loss += 0.5 * reg * (np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2))
    ds = p
    ds[np.arange(N), y] -= 1
    ds /= N
    dz = ds @ params["W2"].T * derivative(z)
    grads = {"W2": h.T @ ds + reg * params["W2"], "b2": ds.sum(axis=0)}
    grads |= {"W1": X.T @ dz + reg * params["W1"], "b1": dz.sum(axis=0)}
    return loss, grads


def train_by_hand(
    params, X, y, X_val, y_val, learning_rate, learning_rate_decay, reg, num_epochs, batch_size, activation
):
    """Straight from the assignment's text; returns the histories, the lines printed, and the parameters."""
    params = {k: v.copy() for k, v in params.items()}
    losses, magnitudes, train_accs, val_accs, lines = [], [], [], [], []
    np.random.seed(1)
    N = X.shape[0]
    for epoch in range(num_epochs):
        permutation = np.random.permutation(N)
        for k in range(max(N // batch_size, 1)):
            rows = permutation[k * batch_size : (k + 1) * batch_size]
            loss, grads = loss_by_hand(params, X[rows], y[rows], reg, activation)
            losses.append(loss)
            magnitudes.append(np.sqrt(np.sum(grads["W1"] ** 2)))
            for name in params:
                params[name] = params[name] - learning_rate * grads[name]
        train_accs.append(np.mean(scores_by_hand(params, X[rows], activation).argmax(axis=1) == y[rows]))
        val_accs.append(np.mean(scores_by_hand(params, X_val, activation).argmax(axis=1) == y_val))
        lines.append(
            f"Epoch {epoch + 1}: loss {losses[-1]:.6f}, train_acc {train_accs[-1]:.6f}, val_acc {val_accs[-1]:.6f}"
        )
        learning_rate *= learning_rate_decay
    histories = {
        "loss_history": losses,
        "grad_magnitude_history": magnitudes,
        "train_acc_history": train_accs,
        "val_acc_history": val_accs,
    }
    return histories, lines, params


def numerical(f, array, h=1e-5):
    """Central differences; `array` is changed in place and restored, as the course's own checker does."""
    found = np.zeros_like(array)
    for at in np.ndindex(array.shape):
        kept = array[at]
        array[at] = kept + h
        above = f()
        array[at] = kept - h
        below = f()
        array[at] = kept
        found[at] = (above - below) / (2 * h)
    return found


def toy_network(activation="relu", std=1e-1):
    np.random.seed(0)
    return TwoLayerMLP(4, 10, 3, activation=activation, std=std)


def toy_data():
    np.random.seed(1)
    return 10 * np.random.randn(5, 4), np.array([0, 1, 2, 2, 1])


def some(n=7, d=5, h=6, c=4, activation="relu", seed=3):
    """A network with biases that are not 0, and data for it; sizes pairwise distinct."""
    rng = np.random.default_rng(seed)
    net = TwoLayerMLP(d, h, c, activation, std=0.5, seed=seed)
    net.params["b1"], net.params["b2"] = 0.3 * rng.standard_normal(h), 0.3 * rng.standard_normal(c)
    return net, rng.standard_normal((n, d)), rng.integers(0, c, n)


def close(a, b, tolerance):
    assert np.shape(a) == np.shape(b)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# The network ---------------------------------------------------------------------------------------------------------


def test_the_number_that_the_assignment_states():
    net = toy_network("sigmoid")
    X, y = toy_data()
    loss, _ = net.loss(X, y, reg=0.1)
    assert abs(loss - 1.1822479803941373) < 1e-15


def test_weights_come_from_the_global_generator_W1_first():
    np.random.seed(7)
    net = TwoLayerMLP(4, 5, 3)
    after = np.random.randn()
    np.random.seed(7)
    W1, W2 = 1e-4 * np.random.randn(4, 5), 1e-4 * np.random.randn(5, 3)
    assert np.array_equal(net.params["W1"], W1) and np.array_equal(net.params["W2"], W2)
    assert np.random.randn() == after
    assert not net.params["b1"].any() and not net.params["b2"].any()
    assert {k: v.shape for k, v in net.params.items()} == {"W1": (4, 5), "b1": (5,), "W2": (5, 3), "b2": (3,)}
    assert list(net.params) == list(NAMES)
    assert all(type(v) is np.ndarray and v.dtype == np.float64 for v in net.params.values())
    assert net.activation == "relu"


def test_a_seed_gives_the_same_draws_and_leaves_the_global_generator_alone():
    np.random.seed(11)
    state = np.random.get_state()[1].copy()
    net = TwoLayerMLP(4, 5, 3, std=0.1, seed=7)
    assert np.array_equal(np.random.get_state()[1], state)
    np.random.seed(7)
    same = TwoLayerMLP(4, 5, 3, std=0.1)
    assert all(np.array_equal(net.params[k], same.params[k]) for k in NAMES)


@pytest.mark.parametrize("reg", [0.0, 0.1])
@pytest.mark.parametrize("activation", BY_HAND)
def test_loss_scores_and_gradients_are_those_derived_by_hand(activation, reg):
    net, X, y = some(activation=activation)
    loss, grads = net.loss(X, y, reg=reg)
    expected, by_hand = loss_by_hand(net.params, X, y, reg, activation)
    assert isinstance(loss, float)
    assert sorted(grads) == sorted(NAMES)
    close(loss, expected, 1e-13)
    for k in NAMES:
        close(grads[k], by_hand[k], 1e-13)
    close(net.loss(X), scores_by_hand(net.params, X, activation), 1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_agrees_with_numerical_differences(activation):
    net, X, y = some(activation=activation)
    if activation in ("sqrt", "log1p"):  # defined above 0 and above −1
        X, net.params["W1"], net.params["b1"] = abs(X) + 0.1, abs(net.params["W1"]), abs(net.params["b1"]) + 0.1
    _, grads = net.loss(X, y, reg=0.1)
    for k in NAMES:
        found = numerical(lambda: net.loss(X, y, reg=0.1)[0], net.params[k])
        close(grads[k], found, 2e-8)


def test_the_usual_activations_are_there():
    assert set(COURSE) <= set(ACTIVATIONS)
    assert all(not name.startswith("_") for name in ACTIVATIONS)


@pytest.mark.parametrize("activation", COURSE)
def test_against_torch(activation):
    torch = pytest.importorskip("torch")
    net, X, y = some(activation=activation)
    loss, grads = net.loss(X, y, reg=0.1)
    named = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "identity": lambda z: z}
    phi = named.get(activation) or getattr(torch.nn.functional, activation)
    w = {k: torch.tensor(v, requires_grad=True) for k, v in net.params.items()}
    scores = phi(torch.tensor(X) @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
    theirs = torch.nn.functional.cross_entropy(scores, torch.tensor(y))
    theirs = theirs + 0.05 * ((w["W1"] ** 2).sum() + (w["W2"] ** 2).sum())
    theirs.backward()
    close(loss, theirs.item(), 1e-12)
    for k in NAMES:
        close(grads[k], w[k].grad.numpy(), 1e-12)


def test_large_scores_stay_finite():
    net, X, y = some()
    net.params["W2"] *= 1e6
    loss, grads = net.loss(X, y)
    assert np.isfinite(loss) and all(np.isfinite(g).all() for g in grads.values())


def test_what_is_given_may_be_lists_any_integers_and_any_precision():
    net, X, y = some()
    X = np.round(X * 4)
    loss, grads = net.loss(X, y, reg=0.1)
    for given in (X.tolist(), X.astype(np.float32), X.astype(np.float16), X.astype(np.int8), np.asfortranarray(X)):
        for labels in (y.tolist(), y.astype(np.uint8), y.astype(np.int32), tuple(y)):
            again, theirs = net.loss(given, labels, reg=0.1)
            close(again, loss, 1e-14)
            assert all(g.dtype == np.float64 for g in theirs.values())
            close(theirs["W1"], grads["W1"], 1e-13)
        assert net.loss(given).dtype == np.float64
        assert np.array_equal(net.predict(given), net.predict(X))


def test_nothing_given_is_modified_and_every_answer_is_new():
    net, X, y = some()
    given = [X.copy(), y.copy(), {k: v.copy() for k, v in net.params.items()}]
    loss, grads = net.loss(X, y, reg=0.1)
    scores = net.loss(X)
    for a in grads.values():
        assert not any(np.shares_memory(a, b) for b in (X, *net.params.values()))
        a[...] = np.nan
    scores[...] = np.nan
    assert net.loss(X, y, reg=0.1)[0] == loss
    net.train(X, y, X, y, num_epochs=2, batch_size=3)
    assert np.array_equal(X, given[0]) and np.array_equal(y, given[1])
    assert any(not np.array_equal(net.params[k], given[2][k]) for k in NAMES)


def test_read_only_data_will_do():
    net, X, y = some()
    X.flags.writeable = y.flags.writeable = False
    net.loss(X, y)
    net.train(X, y, X, y, num_epochs=1)


def test_params_may_be_edited_and_replaced_between_calls():
    net, X, y = some()
    before = net.loss(X, y)[0]
    net.params["W1"][0, 0] += 1
    edited = net.loss(X, y)[0]
    assert edited != before
    net.params["W1"] = net.params["W1"] - np.eye(5, 6)[0] * np.eye(5, 1)
    close(net.loss(X, y)[0], before, 1e-13)
    net.params = {k: np.float32(v) for k, v in net.params.items()}
    assert net.loss(X).dtype == np.float64
    net.train(X, y, X, y, num_epochs=1)
    assert all(v.dtype == np.float64 for v in net.params.values())
    net.params |= {"W1": np.ones((5, 9)), "b1": np.zeros(9), "W2": np.ones((9, 4))}  # more units: sizes are symbols
    assert net.loss(X).shape == (7, 4)


def test_training_leaves_arrays_that_someone_kept():
    net, X, y = some()
    kept = dict(net.params)
    copies = {k: v.copy() for k, v in kept.items()}
    net.train(X, y, X, y, num_epochs=1)
    assert all(np.array_equal(kept[k], copies[k]) and not np.array_equal(net.params[k], kept[k]) for k in NAMES)


def test_copies_and_pickles_compute_the_same():
    net, X, y = some()
    expected = net.loss(X, y)[0]
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.loss(X, y)[0] == expected
        other.params["W1"][0, 0] += 1
        assert net.loss(X, y)[0] == expected


def test_predict_gives_labels_in_blocks():
    net, X, _ = some(n=9001)
    labels = net.predict(X)
    assert labels.shape == (9001,) and labels.dtype.kind == "i"
    assert np.array_equal(labels, net.loss(X).argmax(axis=1))


def test_the_graph_is_made_once_whatever_the_shapes():
    programs.cache_clear()
    for n in (3, 5, 8):
        net, X, y = some(n=n, d=n + 1)
        net.loss(X, y)
        net.train(X, y, X, y, num_epochs=2, batch_size=2)
    assert programs.cache_info().misses == 1
    assert net.graph.inputs["W1"].shape[0] != net.graph.inputs["W1"].shape[1]
    assert net.graph is programs("relu").graph


def test_the_source_is_a_program_that_runs_on_its_own():
    net, X, y = some()
    scope: dict = {}
    exec(net.source, scope)
    answers = scope["two_layer_mlp_and_gradients"](X, y, *(net.params[k] for k in NAMES), 0.1)
    loss, grads = net.loss(X, y, reg=0.1)
    assert answers[0] == loss and all(np.array_equal(a, grads[k]) for a, k in zip(answers[1:], NAMES))


def test_repr():
    assert repr(TwoLayerMLP(4, 10, 3, "tanh")) == "TwoLayerMLP(4, 10, 3, activation='tanh')"


def test_models_are_reached_from_the_package():
    script = """if True:
        import sys
        import chainrule as cr

        print("chainrule.models" in sys.modules, "models" in dir(cr), hasattr(cr, "nothing"))
        print(cr.models.TwoLayerMLP(4, 10, 3))
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert run.stdout.splitlines() == ["False True False", "TwoLayerMLP(4, 10, 3, activation='relu')"], run.stderr


# The training loop ---------------------------------------------------------------------------------------------------

OPTIONS = [
    dict(n=40, batch_size=10, num_epochs=3),
    dict(n=43, batch_size=10, num_epochs=2),  # a remainder that is dropped
    dict(n=9, batch_size=10, num_epochs=3),  # a batch that is larger than the set
    dict(n=7, batch_size=200, num_epochs=1),
    dict(n=12, batch_size=12, num_epochs=1),
    dict(n=5, batch_size=1, num_epochs=2),
    dict(n=1, batch_size=3, num_epochs=2),
    dict(n=20, batch_size=10, num_epochs=30, learning_rate_decay=1.0, learning_rate=0.5),
    dict(n=23, batch_size=4, num_epochs=2, reg=0.0),
]


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_training_is_the_one_written_by_hand(options, activation, capsys):
    options = dict(learning_rate=0.1, learning_rate_decay=0.9, reg=0.01) | options
    net, X, y = some(n=options.pop("n"), activation=activation)
    _, X_val, y_val = some(n=11, seed=4)
    expected, lines, params = train_by_hand(net.params, X, y, X_val, y_val, activation=activation, **options)
    found = net.train(X, y, X_val, y_val, **options, verbose=True)
    assert list(found) == list(expected)
    for k, history in expected.items():
        assert len(found[k]) == len(history)
        np.testing.assert_allclose(found[k], history, rtol=1e-10, atol=1e-10)
    for k in NAMES:
        close(net.params[k], params[k], 1e-10)
    assert capsys.readouterr().out.splitlines() == lines


def test_defaults_are_the_assignment_s(capsys):
    net, X, y = some(n=450)
    usual = dict(learning_rate=1e-3, learning_rate_decay=0.95, reg=1e-5, num_epochs=10, batch_size=200)
    expected, _, _ = train_by_hand(net.params, X, y, X, y, activation="relu", **usual)
    found = net.train(X, y, X, y)
    assert len(found["loss_history"]) == 20 and len(found["val_acc_history"]) == 10
    for k in expected:
        np.testing.assert_allclose(found[k], expected[k], rtol=1e-10, atol=1e-10)
    assert capsys.readouterr().out == ""


def test_training_sets_the_global_seed_so_that_two_runs_agree():
    runs = []
    for noise in (5, 6):
        net, X, y = some(n=30)
        np.random.seed(noise)
        runs.append((net.train(X, y, X, y, batch_size=7, num_epochs=2), np.random.rand()))
    assert runs[0] == runs[1]


def test_training_again_goes_on_from_the_parameters():
    net, X, y = some(n=30)
    once = net.train(X, y, X, y, num_epochs=2, batch_size=10, learning_rate=0.1)
    again = net.train(X, y, X, y, num_epochs=2, batch_size=10, learning_rate=0.1)
    assert again["loss_history"][-1] < once["loss_history"][0]
    assert again["loss_history"][0] != once["loss_history"][0]


def test_the_toy_problem_is_learned():
    net = toy_network()
    X, y = toy_data()
    history = net.train(X, y, X, y, learning_rate=1e-1, reg=5e-6, num_epochs=100, batch_size=5)
    assert history["loss_history"][-1] < 0.02
    assert net.predict(X).tolist() == y.tolist()
    assert all(type(v) is float for values in history.values() for v in values)


def test_integer_images_are_converted_batch_by_batch():
    net, X, y = some(n=30)
    X = np.round(X * 20 + 128).astype(np.uint8)
    other = copy.deepcopy(net)
    a = net.train(X, y.tolist(), X.tolist(), y, num_epochs=2, batch_size=7)
    b = other.train(X.astype(float), y, X.astype(float), y.astype(np.uint8), num_epochs=2, batch_size=7)
    assert a == b


def test_no_epochs_change_nothing():
    net, X, y = some()
    before = net.params["W1"]
    assert all(v == [] for v in net.train(X, y, X, y, num_epochs=0).values())
    assert net.params["W1"] is before


def test_a_training_that_diverges_says_so_in_numbers_only():
    net, X, y = some(n=20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = net.train(1e3 * X, y, X, y, learning_rate=1e200, reg=1.0, num_epochs=3, batch_size=10)
    assert not np.isfinite(history["loss_history"][-1])


def test_real_digits_are_learned():
    folder = Path(__file__).parents[2].parent / "shared" / "data" / "mnist"
    if not folder.is_dir():
        pytest.skip(f"the real data are not in {folder}")
    names = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # the smaller half of MNIST: 10,000 digits
    X, y = (data.read_idx(next(folder.glob(name + "*"))) for name in names)
    X = X.reshape(len(X), -1) / 255
    net = TwoLayerMLP(784, 50, 10, std=0.05, seed=0)
    history = net.train(X[2000:], y[2000:], X[:2000], y[:2000], learning_rate=0.5, num_epochs=4, batch_size=100)
    assert history["val_acc_history"][-1] > 0.9
    assert np.mean(net.predict(X[:2000]) == y[:2000]) == history["val_acc_history"][-1]


# Errors --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, says",
    [
        (dict(input_size=0), "input_size is 0; it must be a whole number"),
        (dict(hidden_size=-3), "hidden_size is -3"),
        (dict(num_classes=2.0), "num_classes is 2.0"),
        (dict(hidden_size=True), "hidden_size is True"),
        (dict(activation="swoosh"), "no activation 'swoosh'; it is one of .*gelu.*identity.*relu.*sigmoid.*tanh"),
        (dict(activation="_number"), "no activation"),
        (dict(activation=["relu"]), "no activation"),
        (dict(activation=None), "no activation"),
        (dict(std="small"), "std is 'small'; it must be a finite number"),
        (dict(std=np.nan), "std is nan"),
        (dict(std=-1), "std is -1"),
        (dict(seed=-1), "seed is -1"),
        (dict(seed="x"), "seed is 'x'"),
    ],
)
def test_no_network_can_be_made(change, says):
    with pytest.raises(InputError, match=says):
        TwoLayerMLP(**(dict(input_size=4, hidden_size=5, num_classes=3) | change))


def replaced(array, at, value):
    array = np.array(array)
    array[at] = value
    return array


@pytest.mark.parametrize(
    "change_X, change_y, says",
    [
        (lambda X: X[:, :4], None, r"X has shape \(7, 4\), 4 features a row, and W1 \(5, 6\) takes 5: X must be"),
        (lambda X: X[0], None, r"X has shape \(5,\), where \(rows, features\) is needed"),
        (lambda X: X.reshape(7, 5, 1), None, r"X has shape \(7, 5, 1\)"),
        (lambda X: X[:0], None, "X is empty"),
        (lambda X: replaced(X, (2, 1), np.nan), None, r"X holds 1 NaN of 35 values; the first is X\[2, 1\]"),
        (lambda X: replaced(X, (2, 1), np.inf), None, "X holds 1 infinite"),
        (lambda X: X.astype(str), None, "not real numbers"),
        (lambda X: X * 1j, None, "not real numbers"),
        (lambda X: [[1, 2], [3]], None, "X is not an array"),
        (None, lambda y: y.astype(float), r"y holds float64; labels are integers: write y.astype\(int\)"),
        (None, lambda y: y + 0.5, r"y\[0\] is .*no class"),
        (None, lambda y: replaced(y, 3, 4), r"y\[3\] is 4; with 4 classes a label is one of 0 … 3"),
        (None, lambda y: replaced(y, 3, -1), r"y\[3\] is -1"),
        (None, lambda y: np.eye(4)[y], r"one-hot, write y.argmax\(axis=1\)"),
        (None, lambda y: y[:6], "X has 7 rows but y has 6 labels"),
        (None, lambda y: y > 1, "booleans"),
        (None, lambda y: y[0], "y has shape"),
    ],
)
def test_examples_that_cannot_be_right(change_X, change_y, says):
    net, X, y = some()
    bad_X, bad_y = change_X(X) if change_X else X, change_y(y) if change_y else y
    with pytest.raises(DataError, match="^loss: .*" + says):
        net.loss(bad_X, bad_y)
    before = net.params["W1"]
    with pytest.raises(DataError, match="^train: .*" + says):
        net.train(bad_X, bad_y, X, y)
    with pytest.raises(DataError, match="^train, X_val and y_val: .*" + says):
        net.train(X, y, bad_X, bad_y)
    assert net.params["W1"] is before
    if change_X:
        with pytest.raises(DataError, match="^predict: .*" + says):
            net.predict(bad_X)
        with pytest.raises(DataError, match="^loss: .*" + says):
            net.loss(bad_X)


@pytest.mark.parametrize(
    "option, value",
    [
        ("learning_rate", np.nan),
        ("learning_rate", -0.1),
        ("learning_rate", "fast"),
        ("learning_rate_decay", np.inf),
        ("reg", -1),
        ("reg", None),
        ("num_epochs", 2.5),
        ("num_epochs", -1),
        ("batch_size", 0),
        ("batch_size", 10.0),
        ("batch_size", True),
    ],
)
def test_options_that_cannot_be_right(option, value):
    net, X, y = some()
    with pytest.raises(InputError, match=f"^{option} is "):
        net.train(X, y, X, y, **{option: value})


def test_options_may_be_numpy_s_numbers():
    net, X, y = some()
    net.train(X, y, X, y, np.float32(0.1), reg=np.array(0.1), num_epochs=np.int64(1), batch_size=np.uint8(3))
    with pytest.raises(InputError, match=r"^reg is "):
        net.loss(X, y, reg=np.inf)


@pytest.mark.parametrize(
    "name, value, says",
    [
        ("W1", np.ones((5, 7)), r"params: W1 \(5, 7\), b1 \(6,\), W2 \(6, 4\), b2 \(4,\) do not fit together"),
        ("b2", np.ones((1, 4)), r"b2 \(1, 4\)"),
        ("W2", np.ones(6), r"W2 \(6,\)"),
        ("W1", "text", r"params\['W1'\] must be an array of numbers"),
        ("W2", None, "params"),
    ],
)
def test_parameters_that_do_not_fit(name, value, says):
    net, X, y = some()
    net.params[name] = value
    for call in (lambda: net.loss(X), lambda: net.loss(X, y), lambda: net.predict(X), lambda: net.train(X, y, X, y)):
        with pytest.raises(InputError, match=says):
            call()


def test_parameters_that_are_missing():
    net, X, _ = some()
    del net.params["b1"]
    with pytest.raises(InputError, match="params has no b1; it must hold W1, b1, W2, b2"):
        net.loss(X)
