"""Epochs as calls: every step once, checkpoints where they belong, the same cut in every epoch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chainrule.train.plan import Plan

plans = st.builds(
    Plan,
    rows=st.integers(1, 400),
    batch=st.integers(1, 60),
    seed=st.integers(0, 9),
    drop_last=st.booleans(),
    call=st.integers(1, 40),
    group=st.integers(1, 7),
    checkpoint_every=st.none() | st.integers(1, 50),
).filter(lambda p: p.batch <= p.rows)


@given(plans)
def test_the_calls_of_an_epoch_cover_it_once_and_end_in_a_checkpoint(plan: Plan):
    calls = plan.calls
    assert [c.start for c in calls] == [0, *(c.stop for c in calls[:-1])]
    assert calls[-1].stop == plan.steps and calls[-1].checkpoint
    every = plan.checkpoint_every or plan.steps
    whole = plan.rows // plan.batch
    assert {c.stop for c in calls if c.checkpoint} == {*range(every, whole + 1, every), plan.steps}
    longest = plan.call + (plan.group - 1 if plan.group <= plan.call else 0)
    assert all(c.stop - c.start <= longest for c in calls)


@given(plans)
def test_every_row_is_seen_once_an_epoch(plan: Plan):
    order = plan.order(3)
    seen = [plan.minibatches(order, c) for c in plan.calls]
    assert [len(rows) for m in seen for rows in m] == plan.sizes.tolist()
    rows = np.concatenate([m.ravel() for m in seen])
    np.testing.assert_array_equal(rows, order[: len(rows)])
    dropped = plan.rows - len(rows)
    assert dropped == (plan.rows % plan.batch if plan.drop_last else 0)


def test_an_epochs_order_is_decided_by_seed_and_epoch_alone():
    plan = Plan(rows=50, batch=7, seed=4)
    np.testing.assert_array_equal(plan.order(2), Plan(rows=50, batch=11, seed=4).order(2))
    assert not np.array_equal(plan.order(1), plan.order(2))
    assert not np.array_equal(plan.order(1), Plan(rows=50, batch=7, seed=5).order(1))


def test_norms_that_are_measured_seldom_make_no_call_longer():
    """Else nobody would hear of a large network for an epoch, nor would Ctrl-C be heard."""
    plan = Plan(rows=4000, batch=10, seed=0, call=20, group=1000)
    assert max(c.stop - c.start for c in plan.calls) == 20
