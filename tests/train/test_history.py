"""The history: it grows without being copied, it is a table, and nobody changes it by accident."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.graph.errors import NamingError
from chainrule.train import History


def grown(calls: list[int]) -> History:
    h, k = History(["W1"]), 0
    for epoch, steps in enumerate(calls, 1):
        loss = np.arange(k, k + steps, dtype=np.float32)
        norm = np.where(np.arange(steps) % 3, np.nan, loss)
        h.add({"epoch": np.full(steps, epoch), "lr": loss / 8, "loss": loss, "norm_W1": norm})
        h.end_epoch(steps, np.full(steps, 10), {"val_loss": float(epoch)}, 0.5)
        k += steps
    return h


@pytest.mark.parametrize("calls", [[1], [5, 1], [1, 1, 1, 7, 2], [3] * 40])
def test_calls_of_any_length_are_joined(calls: list[int]):
    h, steps = grown(calls), sum(calls)
    assert len(h) == steps and h["loss"].dtype == np.float32
    np.testing.assert_array_equal(h["loss"], np.arange(steps))
    np.testing.assert_array_equal(h["epoch"], np.repeat(np.arange(1, len(calls) + 1), calls))
    for start in range(steps):
        np.testing.assert_array_equal(h.since(start)["loss"], np.arange(start, steps))


@pytest.mark.parametrize("start", [1, 4, 6, 7])
def test_a_table_is_its_head_and_its_tail(start: int):
    whole = grown([4, 2, 1])
    lines = whole.csv().splitlines(keepends=True)
    assert whole.csv(start) == "".join(lines[1 + start :])
    assert lines[4] == "1,4,0.375,3,3,1\n"


def test_memory_grows_by_doubling_alone():
    h = History(["W1"])
    rooms = set()
    for k in range(2000):
        h.add({"loss": np.array([float(k)])})
        rooms.add(len(h._columns["loss"]))
    assert len(rooms) <= 13


def test_what_is_handed_out_is_a_copy():
    h = grown([4, 4])
    h["loss"][:] = -1
    np.testing.assert_array_equal(h["loss"], np.arange(8))
    with pytest.raises(NamingError, match=r"no column 'los' of steps"):
        h["los"]
    assert History()["loss"].size == 0 and "loss" in h and "loss" not in History()
