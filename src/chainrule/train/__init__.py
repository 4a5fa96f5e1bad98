"""Training: `cr.fit`, what it answers, who listens, and how it can end.

run = cr.fit(net, cr.data.digits(), optimizer=cr.optim.SGD(lr=0.1), epochs=20, out="runs/a")
run.history.epochs[-1]          {"epoch": 20, "loss": …, "val_accuracy": …}
run.predict(X); run.plot("run.png"); run.save("net.safetensors")
cr.fit(…, out="runs/a", resume=True)
"""

from __future__ import annotations

from .callbacks import Callback, EarlyStopping
from .errors import CheckpointWarning, Diverged, Interrupted
from .fit import fit
from .history import History
from .load import load
from .run import Run
from .tensorboard import TensorBoard
from .trained import Trained

__all__ = [
    "Callback", "CheckpointWarning", "Diverged", "EarlyStopping", "History", "Interrupted", "Run", "TensorBoard",
    "Trained", "fit", "load",
]  # fmt: skip
