"""Small idx files made by code, a web server on the loopback interface, and where the real data lie."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from chainrule.data import facts
from chainrule.data.download import RemoteFile

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="session")
def write_idx() -> Callable[[Path, np.ndarray], Path]:
    """Write an array as idx, compressed if the name ends in .gz."""

    def write(path: Path, array: np.ndarray) -> Path:
        data = idx_bytes(array)
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
        return path

    return write


@pytest.fixture(scope="session")
def small_set() -> dict[str, np.ndarray]:
    """Images and labels like MNIST's, 37 to train and 11 to test, by the published names."""
    rng = np.random.default_rng(5)
    images = (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8) for n in (37, 11))
    labels = (rng.integers(0, 10, n, dtype=np.uint8) for n in (37, 11))
    (a, b), (c, d) = images, labels
    return dict(zip(facts.NAMES, (a, c, b, d)))


@pytest.fixture
def small_folder(tmp_path: Path, small_set, write_idx) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    for name, array in small_set.items():
        write_idx(folder / name, array)
    return folder


@pytest.fixture
def no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No CHAINRULE_DATA, no proxy, and an empty cache, whose folder for MNIST is returned."""
    monkeypatch.delenv("CHAINRULE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "chainrule" / "mnist"


class Site:
    """A web server: `pages` maps a path to what it answers, (status, promised length, body)."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, int, bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, length, body = site.pages.get(self.path, (404, 0, b""))
                self.send_response(status)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def url(self, folder: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/{folder}/"

    def put(self, path: str, body: bytes, promised: int | None = None, status: int = 200) -> None:
        self.pages[path] = (status, len(body) if promised is None else promised, body)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


@pytest.fixture
def published(site: Site, small_folder: Path, no_place: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The small set as if it were MNIST: on the mirrors /one/ and /two/ of `site`, with its true checksums."""
    files = []
    for name in facts.NAMES:
        body = (small_folder / name).read_bytes()
        files.append(RemoteFile(name, len(body), hashlib.sha256(body).hexdigest()))
        site.put(f"/one/{name}", body)
        site.put(f"/two/{name}", body)
    monkeypatch.setitem(facts.FILES, "mnist", tuple(files))
    monkeypatch.setitem(facts.MIRRORS, "mnist", (site.url("one"), site.url("two")))
    return site


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(__file__).parents[2].parent / "shared" / "data"
    if not (folder / "mnist").is_dir() or not (folder / "fashion-mnist").is_dir():
        pytest.skip(f"the real data are not in {folder}")
    return folder
