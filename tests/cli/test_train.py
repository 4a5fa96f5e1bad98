"""`chainrule train`, as people use it: options and files, what it leaves, how it goes on, and what it says is wrong."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import everything, failed

import chainrule as cr
from chainrule.cli import train
from chainrule.cli.config import Value, flagged, resolved
from chainrule.face import files
from chainrule.train import checkpoint

SHORT = ["train", "--hidden", "8", "--epochs", "2", "--batch-size", "100"]  # 12 steps an epoch
LEFT = ["best.safetensors", "config.yaml", "history.csv", "net.safetensors", "report.html", "run.png"]


def settings(**given):
    return resolved({k: Value(v, flagged(k)) for k, v in given.items()})


def tensors(path: Path) -> dict[str, bytes]:
    return {k: v.tobytes() for k, v in cr.load(path).params.items()}


# What it leaves -------------------------------------------------------------------------------------------------------


def test_it_leaves_a_network_its_history_a_report_and_the_settings(chainrule, here):
    result = chainrule(*SHORT)
    assert result.exit_code == 0, result.stderr
    out = here / "out" / "train"
    assert sorted(p.name for p in out.iterdir() if p.is_file()) == LEFT
    net = cr.load(out / "net.safetensors")
    assert repr(net.net) == "Sequential(Linear(64, 8), ReLU(), Linear(8, 10))"
    accuracy = net.evaluate(cr.data.digits().test)["accuracy"]
    assert f"test           {100 * accuracy:.2f} % right" in result.stdout
    assert cr.load(out / "checkpoints").params["W1"].tobytes() == net.params["W1"].tobytes()
    lines = result.stderr.splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == ["epoch 1/2", "epoch 2/2"]
    assert len((out / "history.csv").read_text().splitlines()) == 25 and "\x1b" not in result.output


def test_the_settings_that_it_leaves_repeat_the_run(chainrule, here):
    args = ["--optimizer", "adamw", "--schedule", "cosine", "--dropout", "0.2", "--l2", "1e-4", "--clip-norm", "2"]
    assert chainrule(*SHORT, *args, "--dtype", "float64", "--out", "a").exit_code == 0
    told = yaml.safe_load((here / "a" / "config.yaml").read_text())
    assert told["hidden"] == [8] and told["lr"] == 0.001 and told["weight_decay"] == 0.01 and told["out"] == "a"
    result = chainrule("train", "a/config.yaml", "--out", "b")
    assert result.exit_code == 0, result.stderr
    assert tensors(here / "a" / "net.safetensors") == tensors(here / "b" / "net.safetensors")


def test_it_is_what_cr_fit_does(chainrule, here):
    args = ["--momentum", "0.9", "--nesterov", "--schedule", "exponential", "--lr-decay", "0.5", "--seed", "3"]
    assert chainrule(*SHORT, *args, "--l1", "1e-3").exit_code == 0
    nn, optim = cr.nn, cr.optim
    rule = optim.SGD(lr=optim.Exponential(0.1, gamma=0.5), momentum=0.9, nesterov=True, penalty=optim.L1(1e-3))
    net = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10))
    run = cr.fit(net, cr.data.digits(3), optimizer=rule, epochs=2, batch_size=100, seed=3)
    assert tensors(here / "out" / "train" / "net.safetensors") == {k: v.tobytes() for k, v in run.params.items()}


def test_json_is_all_there_is_on_stdout(chainrule, here):
    result = chainrule(*SHORT, "--json", "--early-stopping", "5", "--tensorboard")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["settings"]["hidden"] == [8] and found["steps"] == 24 and found["parameters"] == 64 * 8 + 8 + 80 + 10
    assert 0 < found["scores"]["test"]["accuracy"] <= 1 and found["best"]["epoch"] == 2 and found["stopped"] is None
    assert all((here / path).exists() for path in found["files"].values())
    assert list((here / "out" / "train" / "tensorboard").glob("events.*"))


def test_early_stopping_says_so_and_the_best_network_is_there(chainrule, here):
    result = chainrule(*SHORT, "--lr", "2", "--epochs", "60", "--early-stopping", "1")
    assert result.exit_code == 0, result.stderr
    assert "stopped early  EarlyStopping(patience=1" in result.stdout and "best epoch" in result.stdout
    best, last = (cr.load(here / "out" / "train" / f"{k}.safetensors") for k in ("best", "net"))
    validation = cr.data.digits().validation
    assert best.evaluate(validation)["loss"] < last.evaluate(validation)["loss"]


# Data and networks of one's own ---------------------------------------------------------------------------------------


@pytest.fixture
def houses(here):
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b},{2 * a - b + 1:.3f}" for a, b in zip(rng.normal(5, 2, 120), rng.integers(1, 9, 120))]
    (here / "houses.csv").write_text("\n".join(["size,rooms,price", *lines]))
    return here


def test_values_in_a_csv(chainrule, houses):
    result = chainrule("train", "--data", "houses.csv", "--target", "price", "--hidden", "none", "--epochs", "40")
    assert result.exit_code == 0, result.stderr
    net = cr.load("out/train/net.safetensors")
    data = cr.data.csv("houses.csv", "price", standardize=True)
    assert repr(net.net) == "Sequential(Linear(2, 1))" and net.evaluate(data.test)["loss"] < 0.5
    assert "cr.data.csv('houses.csv', target='price', seed=0, standardize=True).transform(rows)" in result.stdout
    again = chainrule("train", "--data", "houses.csv", "--target", "rooms", "--loss", "huber", "--out", "b")
    assert again.exit_code == 0, again.stderr  # whole numbers, which the loss makes values
    failed(chainrule("train", "--data", "houses.csv", "--lr", "1e6", "--out", "c"), 1, "or --clip-norm 1",
           "The values to predict reach")  # fmt: skip
    failed(chainrule("train", "--data", "houses.csv", "--loss", "cross_entropy", "--out", "d"), 2, "'--loss'",
           "houses has values to predict")  # fmt: skip


def test_two_classes_in_an_npz(chainrule, here):
    X = np.random.default_rng(0).normal(size=(90, 3, 2))
    np.savez(here / "mine.npz", X=X, y=np.where(X.sum((1, 2)) > 0, "yes", "no"))
    result = chainrule("train", "--data", "mine.npz", "--loss", "binary_cross_entropy", "--no-standardize")
    assert result.exit_code == 0, result.stderr
    net = cr.load("out/train/net.safetensors")
    assert repr(net.net) == "Sequential(Flatten(3, 2), Linear(6, 64), ReLU(), Linear(64, 1))"
    assert "new rows" not in result.stdout


NETS = """
import chainrule as cr

print("hello")
net = cr.nn.Sequential(cr.nn.Linear(64, 6), cr.nn.Function(lambda x: cr.tanh(x)), cr.nn.Linear(6, 10))
small = cr.nn.Linear(5, 3)


def made():
    return net


def sized(n):
    return net


def number():
    return 3


def bad():
    return 1 / 0
"""


def test_a_network_of_ones_own(chainrule, here):
    (here / "nets.py").write_text(NETS)
    result = chainrule(*SHORT[:1], "--net", "nets.py:net", "--epochs", "1", "--json")
    assert result.exit_code == 0, result.stderr
    assert "hello" in result.stderr and json.loads(result.stdout)["parameters"] == 64 * 6 + 6 + 60 + 10
    assert chainrule("train", "--net", "nets.py:made", "--epochs", "1", "--out", "b").exit_code == 0
    assert chainrule("train", "--resume", "--epochs", "2", "--out", "b").exit_code == 0  # reads b/config.yaml


@pytest.mark.parametrize(
    "net, code, messages",
    [
        ("nets.py:sized", 2, ["'--net'", "it needs n"]),
        ("nets.py:number", 2, ["'--net'", "answers int"]),
        ("nets.py:nett", 2, ["'--net'", "nothing called 'nett'; it has net, small, made", "did you mean `net`?"]),
        ("nets.py", 2, ["'--net'", "say which network of nets.py"]),
        ("none.py:net", 2, ["'--net'", "none.py does not exist", "did you mean `net.py`?"]),
        ("net", 2, ["'--net'", "is not FILE.py:name"]),
        ("nets.py:bad", 1, ["nets.py, line 22: ZeroDivisionError", "return 1 / 0"]),
        ("nets.py:small", 1, ["a row of X has shape 64, and Linear(5, 3) takes 5"]),
    ],
)
def test_networks_that_are_none(chainrule, here, net, code, messages):
    (here / "nets.py").write_text(NETS)
    failed(chainrule("train", "--net", net), code, *messages)
    assert not (here / "out").exists() or everything(here / "out") == ["train", "train/checkpoints"]


# Files and options ----------------------------------------------------------------------------------------------------


def test_options_go_before_the_file(chainrule, here):
    (here / "c.yaml").write_text("# mine\nhidden: 8\nlr: 1e-2\nbatch_size: 100\nepochs: 7\nout: runs/a\n\n")
    assert chainrule("train", "c.yaml", "--epochs", "1").exit_code == 0
    told = yaml.safe_load((here / "runs" / "a" / "config.yaml").read_text())
    assert (told["lr"], told["epochs"], told["hidden"], told["optimizer"]) == (0.01, 1, [8], "sgd")


def test_what_belongs_to_another_optimizer_or_other_layers_is_dropped(here):
    (here / "c.yaml").write_text("optimizer: sgd\nlr: 0.5\nmomentum: 0.9\nhidden: [4, 5]\n")
    given = lambda **options: train._settings(
        Path("c.yaml"), {k: Value(v, flagged(k)) for k, v in options.items()}, False
    )
    assert given().momentum == 0.9 and given(optimizer="sgd").lr == 0.5
    adam = given(optimizer="adam")
    assert adam.lr == 0.001 and adam.momentum is None and adam.hidden == (4, 5)
    assert given(optimizer="adam", lr=0.02).lr == 0.02
    assert given(net="net.py:net").hidden is None


@pytest.mark.parametrize(
    "text, messages",
    [
        ("epochs: 3\nhiden: 4\n", ["line 2", "no setting 'hiden'; did you mean `hidden`?"]),
        ("batch-size: 3\n", ["line 1", "did you mean `batch_size`?"]),
        ("nonsense: 3\n", ["line 1", "there are data,"]),
        ("epochs: 3\nlr: 1\nepochs: 4\n", ["line 3", "epochs is there twice, in line 1 already"]),
        ("\n\nepochs: three\n", ["line 3", "epochs must be a whole number, and it is 'three'"]),
        ("epochs: 2.5\n", ["line 1", "epochs must be a whole number, and it is 2.5"]),
        ("epochs: true\n", ["epochs must be a whole number, and it is True"]),
        ("epochs: 0\n", ["epochs must be at least 1, and it is 0"]),
        ("lr: fast\n", ["lr must be a number, and it is 'fast'"]),
        ("lr: .nan\n", ["lr must be a positive number, and it is nan"]),
        ("lr: [0.1]\n", ["lr must be a number, and it is [0.1]"]),
        ("seed: 4294967296\n", ["seed must be at least 0 and below 4294967296"]),
        ("nesterov: true\n", ["line 1", "needs a momentum"]),
        ("optimizer: adam\nmomentum: 0.9\n", ["line 2", "momentum is sgd's, and the optimizer is adam"]),
        ("optimizer: adm\n", ["did you mean `adam`?"]),
        ("tensorboard: 1\n", ["tensorboard must be true or false, and it is 1"]),
        ("hidden: [4, -1]\n", ["hidden must be sizes of layers, such as 64,32, or none"]),
        ("dropout: 1\n", ["dropout must be at least 0 and below 1"]),
        ("data: cifar\n", ["data must be one of digits, mnist, fashion-mnist, or a file .csv or .npz"]),
        ("data: 5\n", ["data must be text"]),
        ("out: ''\n", ["out must be text"]),
        ("- epochs\n", ["line 1", "a key and a value a line"]),
        ("epochs: 3\n  lr: [\n", ["line 2", "this is not YAML"]),
        ("a: &x 1\n*x : 2\n", ["no setting 'a'"]),
        ("? [1, 2]\n: 3\n", ["no setting '[1, 2]'"]),
        ("data: !!python/object/apply:os.getcwd []\n", ["line 1", "could not determine a constructor"]),
        ("epochs: 3\x00\n", ["'CONFIG'", "not YAML"]),
        (b"\xff\xfe\x00", ["'CONFIG'", "no text in UTF-8, at byte 0"]),
        ("seed: 2024-99-99\n", ["'CONFIG'", "cannot be read as YAML"]),
        ("[" * 5000, ["YAML"]),
    ],
)
def test_a_file_that_is_wrong(chainrule, here, text, messages):
    (here / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    failed(chainrule("train", "c.yaml"), 2, "Try 'chainrule train --help'.", *messages)
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    "args, messages",
    [
        (["none.yaml"], ["'CONFIG'", "none.yaml does not exist"]),
        (["digits"], ["'CONFIG'", "for the data set write --data digits"]),
        (["."], ["'CONFIG'", "is a folder; name a file in it"]),
        (["a", "b"], ["extra argument"]),
        (["--lr", "0"], ["'--lr': it must be a positive number"]),
        (["--lr", "x"], ["'--lr'"]),
        (["--epochs", "1.5"], ["'--epochs'"]),
        (["--hidden", "64,x"], ["'--hidden'", "64,32, or none"]),
        (["--optimizer", "adam", "--nesterov"], ["'--nesterov'", "is sgd's"]),
        (["--lr-decay", "0.9"], ["'--lr-decay'", "goes with the schedule exponential"]),
        (["--engine", "torch"], ["'--engine'", "xla"]),
        (["--target", "a"], ["'--target'", "column of a CSV"]),
        (["--regression"], ["'--regression'", "digits has classes"]),
        (["--data-dir", "x"], ["'--data-dir'", "goes with mnist"]),
        (["--net", "net.py:net", "--hidden", "3"], ["'--hidden'", "decided by the network net.py:net"]),
        (["--batch-size", "1198"], ["'--batch-size'", "1,197 rows"]),
        (["--loss", "squared_error"], ["'--loss'", "digits has 10 classes"]),
        (["--loss", "binary_cross_entropy"], ["'--loss'", "two classes"]),
        (["--frobnicate"], ["--frobnicate"]),
    ],
)
def test_what_is_asked_for_wrongly(chainrule, here, args, messages):
    failed(chainrule("train", *args), 2, "Try 'chainrule", *messages)
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    "args, messages",
    [
        (["--data", "none.csv"], ["none.csv", "no such file"]),
        (["--data", "mnist", "--data-dir", "nowhere"], ["pass it as --data-dir "]),
        (["--out", "net.py"], ["cannot make the folder net.py"]),
        (["--hidden", str(10**13)], ["memory"]),
        (["--lr", "1e30"], ["the loss became", "(epoch 1)", "in Z2 of Linear(64, 10), matmul answered", "--lr 1e+29"]),
    ],
)
def test_what_cannot_be_done(chainrule, here, args, messages):
    failed(chainrule("train", *args), 1, *messages)
    assert not (here / "out" / "train" / "net.safetensors").exists()


# Going on -------------------------------------------------------------------------------------------------------------


def test_a_run_that_is_there_is_refused_or_gone_on_with(chainrule, here):
    assert chainrule(*SHORT, "--epochs", "4", "--out", "whole").exit_code == 0
    assert chainrule(*SHORT).exit_code == 0
    before = (here / "out" / "train" / "net.safetensors").read_bytes()
    failed(chainrule(*SHORT), 1, "holds the checkpoints of a run, the last one after 24 steps", "--resume", "--out")
    assert (here / "out" / "train" / "net.safetensors").read_bytes() == before
    result = chainrule("train", "out/train/config.yaml", "--resume", "--epochs", "4")
    assert result.exit_code == 0 and "going on after step 24 (epoch 3)" in result.stderr, result.stderr
    assert tensors(here / "out" / "train" / "net.safetensors") == tensors(here / "whole" / "net.safetensors")
    again = chainrule("train", "--resume")
    assert again.exit_code == 0 and "4 epochs are done already" in again.stderr, again.stderr
    failed(chainrule("train", "--resume", "--lr", "0.3"), 1, "begun with other settings: lr 0.1, now 0.3")
    assert yaml.safe_load((here / "out" / "train" / "config.yaml").read_text())["lr"] == 0.1


def test_resuming_where_nothing_is_begins(chainrule, here):
    result = chainrule(*SHORT, "--resume")
    assert result.exit_code == 0 and "no checkpoint in out/train/checkpoints: beginning" in result.stderr


def test_a_disk_that_is_full(chainrule, here, monkeypatch):
    """From the second checkpoint on nothing can be written; the first one stays, and the run goes on from it."""
    write, full = files.write_files, []

    def limited(contents):
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(contents)
        full.extend(path for path in contents if path.suffix == ".json")

    monkeypatch.setattr(checkpoint, "write_files", limited)
    monkeypatch.setattr(files, "write_files", limited)
    result = chainrule(*SHORT)
    failed(result, 1, "warning: cannot write the checkpoint of step 24 to out/train/checkpoints: No space left",
           "chainrule: cannot write out/train/net.safetensors: No space left on device. The checkpoint of step 12",
           "chainrule train out/train/config.yaml --resume")  # fmt: skip
    monkeypatch.undo()
    monkeypatch.chdir(here)
    again = chainrule("train", "out/train/config.yaml", "--resume")
    assert again.exit_code == 0 and "going on after step 12 (epoch 2)" in again.stderr, again.stderr
    assert chainrule(*SHORT, "--out", "whole").exit_code == 0
    assert tensors(here / "out" / "train" / "net.safetensors") == tensors(here / "whole" / "net.safetensors")


# As a process ---------------------------------------------------------------------------------------------------------

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(cr.__file__).parents[1])}


def process(*args: str, cwd: Path):
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule", *args], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
    )  # fmt: skip


def after_epochs(child, count: int) -> None:
    for line in child.stderr:
        if line.startswith("epoch"):
            count -= 1
            if not count:
                return
    raise AssertionError(f"it ended early, with {child.wait()}")


def test_killed_at_any_moment_it_goes_on_bit_for_bit(chainrule, here):
    args = ["train", "--hidden", "8", "--batch-size", "100", "--checkpoint-every", "5", "--dropout", "0.3"]
    child = process(*args, "--epochs", "100000", cwd=here)
    after_epochs(child, 3)
    time.sleep(0.02)
    child.kill()
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    done = max(int(p.stem.partition("-")[2]) for p in (here / "out" / "train" / "checkpoints").glob("step-*.json"))
    epochs = str(done // 12 + 2)
    result = chainrule("train", "out/train/config.yaml", "--resume", "--epochs", epochs)
    assert result.exit_code == 0 and f"going on after step {done:,}" in result.stderr, result.stderr
    assert chainrule(*args, "--epochs", epochs, "--out", "whole").exit_code == 0
    assert tensors(here / "out" / "train" / "net.safetensors") == tensors(here / "whole" / "net.safetensors")
    told = [(here / out / "history.csv").read_text() for out in ("out/train", "whole")]
    assert told[0] == told[1]


def test_ctrl_c_says_how_to_go_on(here):
    child = process("train", "--epochs", "100000", "--out", "my run", cwd=here)
    after_epochs(child, 3)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130 and not out and "Traceback" not in err
    assert "interrupted; my run/checkpoints holds step" in err
    assert "  chainrule train 'my run/config.yaml' --resume" in err


def test_interrupted_while_the_report_is_written(chainrule, here, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cr.train.Run, "report", interrupt)
    failed(chainrule(*SHORT), 130, "interrupted after the training. The checkpoint of step 24 stays in", "--resume")


def test_the_help_imports_nothing_heavy(here):
    script = (
        "import sys; from chainrule.cli import app\n"
        "try: app(['train', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert done.returncode == 0 and "--early-stopping" in done.stdout
    assert not {"jax", "sklearn", "matplotlib", "scipy", "yaml"} & set(done.stderr.split())


def test_settings_are_complete():
    c = settings()
    assert (c.hidden, c.activation, c.lr, c.optimizer, c.standardize) == ((64,), "relu", 0.1, "sgd", None)
    assert settings(data="a.csv").standardize is True and settings(optimizer="adam").lr == 0.001
    assert set(yaml.safe_load(c.yaml())) >= {"data", "hidden", "optimizer", "lr", "epochs", "seed", "out"}
