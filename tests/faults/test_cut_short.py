"""Fits that are cut short, of an estimator of every kind: by the user, by memory.

At the start, in the first epoch of all, and after an epoch of the whole has ended, that
is, after folds, layers and pretraining.
"""

import re

import pytest
import torch
from sklearn.base import clone

from skae.data import Scaling


def _interrupt():
    raise KeyboardInterrupt


@pytest.mark.fault(73)
def test_interrupt_before_the_first_epoch_ends_leaves_the_fit_before(
    every_estimator, rows, learn, says, assert_same, refusal, monkeypatch
):
    expected = says(learn(every_estimator, rows), rows)
    with monkeypatch.context() as patched:
        patched.setattr(Scaling, "fit", lambda *args: _interrupt())
        with refusal(every_estimator, KeyboardInterrupt, None):
            learn(every_estimator, rows)
    assert_same(says(every_estimator, rows), expected)


@pytest.mark.fault(73)
def test_interrupt_in_the_first_epoch_leaves_the_fit_before(
    every_one_with_epochs, rows, learn, says, assert_same, refusal, strike
):
    estimator = learn(every_one_with_epochs, rows)
    expected = says(estimator, rows)
    strike(estimator, rows**2, _interrupt, epoch=1)
    with refusal(estimator, KeyboardInterrupt, None):
        learn(estimator, rows**2)
    assert_same(says(estimator, rows), expected)


@pytest.mark.fault(73)
def test_interrupt_after_an_epoch_keeps_that_epoch(
    every_one_with_epochs, rows, learn, says, assert_same, strike
):
    estimator = learn(every_one_with_epochs, rows**2)
    strike(estimator, rows, _interrupt)
    with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
        learn(estimator, rows)
    assert len(estimator.loss_curve_) == estimator.n_iter_ == 1
    found = says(estimator, rows)
    whole = learn(clone(estimator), rows)  # with the same rates
    assert estimator.loss_curve_ == whole.loss_curve_[:1]
    if not hasattr(estimator, "layers_"):  # whose layers would have fewer epochs too
        learn(whole.set_params(max_iter=1), rows)
        assert_same(found, says(whole, rows))


OUT_OF_MEMORY = {
    "host": MemoryError("Unable to allocate 20.0 GiB"),
    "torch": RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    "device": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
}


@pytest.fixture(params=OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def out_of_memory(request):
    """An allocation that fails, and what is to be said of it."""

    def fail(*args):
        raise request.param

    words = re.escape(str(request.param))
    return fail, rf"batch_size=\d+: choose a smaller batch_size.*{words}"


@pytest.mark.fault(74, 75)
def test_out_of_memory_at_the_start_proposes_a_smaller_batch(
    every_estimator, rows, learn, says, assert_same, refusal, monkeypatch, out_of_memory
):
    fail, message = out_of_memory
    expected = says(learn(every_estimator, rows), rows)
    with monkeypatch.context() as patched:
        patched.setattr(Scaling, "fit", fail)
        with refusal(every_estimator, MemoryError, message):
            learn(every_estimator, rows)
    assert_same(says(every_estimator, rows), expected)


@pytest.mark.fault(74, 75)
def test_out_of_memory_after_an_epoch_proposes_a_smaller_batch(
    every_one_with_epochs,
    rows,
    learn,
    says,
    assert_same,
    refusal,
    strike,
    out_of_memory,
):
    fail, message = out_of_memory
    estimator = learn(every_one_with_epochs, rows)
    expected = says(estimator, rows)
    strike(estimator, rows**2, fail)
    with refusal(estimator, MemoryError, message):
        learn(estimator, rows**2)
    assert_same(says(estimator, rows), expected)
