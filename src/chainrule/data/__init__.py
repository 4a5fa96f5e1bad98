"""Data to train on, already split, scaled and checked.

    X, y = chainrule.data.digits().train              # offline: 1,197 handwritten digits of 8x8 pixels
    mnist = chainrule.data.mnist("folder/of/mnist")   # or no folder: downloaded once, checksum verified
    mine = chainrule.data.from_arrays(X, y)           # arrays of your own
    mine = chainrule.data.csv("trees.csv", target="kind", standardize=True)     # or npz("mine.npz")
    plays = chainrule.data.tinyshakespeare()          # a str; or python_reference(), or text("mine.txt")

Every data set but a text is a `Dataset` whose `train`, `validation` and `test` are each `(X, y)`: X float of shape
(rows, features), y int64 of shape (rows,), or for a regression y float of shape (rows, outputs). What is wrong with a
file or an array is raised as `DataError`; `check_dataset` is what a training asks first.
"""

from .arrays import check_classification, check_dataset, check_features, check_regression
from .bundled import digits
from .csv_file import csv
from .dataset import Dataset, Split
from .idx import read_idx
from .npz_file import npz
from .published import fashion_mnist, mnist
from .splits import from_arrays
from .texts import python_reference, text, tinyshakespeare

__all__ = [
    "Dataset", "Split", "check_classification", "check_dataset", "check_features", "check_regression", "csv", "digits",
    "fashion_mnist", "from_arrays", "mnist", "npz", "python_reference", "read_idx", "text", "tinyshakespeare",
]  # fmt: skip
