"""Data to train on, already split, scaled and checked.

    X, y = chainrule.data.digits().train              # offline: 1,197 handwritten digits of 8x8 pixels
    mnist = chainrule.data.mnist("folder/of/mnist")   # or no folder: downloaded once, checksum verified
    mine = chainrule.data.from_arrays(X, y)           # arrays of your own

Every data set is a `Dataset` whose `train`, `validation` and `test` are each `(X, y)`: X float of shape
(rows, features), y int64 of shape (rows,). What is wrong with a file or an array is raised as `DataError`.
"""

from .arrays import check_classification, from_arrays
from .bundled import digits
from .dataset import Dataset, Split
from .idx import read_idx
from .published import fashion_mnist, mnist

__all__ = ["Dataset", "Split", "check_classification", "digits", "fashion_mnist", "from_arrays", "mnist", "read_idx"]
