"""What is known of the published data sets: who made them, where they are, and what their files must be."""

from __future__ import annotations

from typing import NamedTuple

from .download import RemoteFile

SIDE = 28  # pixels of an image's height and width
CLASSES = 10
NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


class About(NamedTuple):
    """One data set: its name (of its folder, too), how it is written, its makers, its classes."""

    name: str
    title: str
    origin: str
    class_names: tuple[str, ...]


MNIST = About(
    "mnist", "MNIST", "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database, 1998", tuple("0123456789")
)  # fmt: skip
FASHION_MNIST = About(
    "fashion-mnist", "Fashion-MNIST", "H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017",
    ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)  # fmt: skip

MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion-mnist": ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
}
"""Base URLs, asked in turn. What they send is believed only if its SHA-256 is the one in `FILES`."""

FILES: dict[str, tuple[RemoteFile, ...]] = {
    "mnist": (
        RemoteFile(NAMES[0], 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        RemoteFile(NAMES[1], 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        RemoteFile(NAMES[2], 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        RemoteFile(NAMES[3], 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "fashion-mnist": (
        RemoteFile(NAMES[0], 26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        RemoteFile(NAMES[1], 29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        RemoteFile(NAMES[2], 4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        RemoteFile(NAMES[3], 5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
}
"""The published files, in the order of `NAMES`."""

TEST_LABELS = {
    "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5": MNIST,
    "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9": FASHION_MNIST,
}
"""SHA-256 of the 10,000 test labels as bytes. The two data sets' files have the same names; this tells them apart."""
