"""Fits that are cut short: by the user, by memory, by divergence."""

import re
import signal
import sys
import threading
import warnings
from itertools import count

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skae import Autoencoder, LinearAutoencoder
from skae.data import Scaling
from skae.training import SCHEDULES, keeping, loop

INTERRUPTED = "Training interrupted by user."


def _interrupt():
    raise KeyboardInterrupt


WAYS = {"exception": _interrupt, "signal": lambda: signal.raise_signal(signal.SIGINT)}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def interrupted_in(request, monkeypatch):
    """``interrupted_in(estimator, epoch)``: its fits are, in the midst of an epoch."""

    def prepare(estimator, epoch):
        def schedule(peak, n_steps):
            per_epoch = n_steps // estimator.max_iter
            fatal = per_epoch * (epoch - 1) + per_epoch // 2

            def rate(step):
                if step == fatal:
                    request.param()
                return peak

            return rate

        estimator.set_params(max_iter=6, learning_rate="constant")
        if hasattr(estimator, "early_stopping"):
            estimator.set_params(early_stopping=True)
        monkeypatch.setitem(SCHEDULES, "constant", schedule)
        return estimator

    return prepare


@pytest.mark.fault(73)
def test_interrupt_in_the_third_epoch_keeps_the_second(
    in_one_run, X, interrupted_in, everything, assert_same
):
    if hasattr(in_one_run, "early_stopping"):
        in_one_run.set_params(early_stopping=True)
    two_epochs = clone(in_one_run).set_params(max_iter=2, learning_rate="constant")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = everything(two_epochs.fit(X), X)
    interrupted_in(in_one_run, epoch=3)
    with pytest.warns(UserWarning, match=INTERRUPTED):
        in_one_run.fit(X)
    assert in_one_run.n_iter_ == 2
    assert_same(everything(in_one_run, X), expected)


@pytest.mark.fault(73)
def test_interrupt_after_a_fit_replaces_it_by_the_complete_epochs(
    in_one_run, X, interrupted_in, assert_finite
):
    old = in_one_run.fit(X).transform(X)
    interrupted_in(in_one_run, epoch=3)
    with pytest.warns(UserWarning, match=INTERRUPTED):
        in_one_run.fit(X)
    assert_finite(in_one_run, X)
    assert not np.array_equal(in_one_run.transform(X), old)


@pytest.mark.fault(73)
def test_interrupt_in_the_first_epoch_is_raised(in_one_run, X, interrupted_in, refusal):
    interrupted_in(in_one_run, epoch=1)
    with refusal(in_one_run, KeyboardInterrupt, None):
        in_one_run.fit(X)
    with pytest.raises(NotFittedError):
        in_one_run.transform(X)


@pytest.mark.fault(73)
def test_interrupt_in_the_first_epoch_keeps_the_old_fit(
    in_one_run, X, interrupted_in, refusal, everything, assert_same
):
    expected = everything(in_one_run.fit(X), X)
    interrupted_in(in_one_run, epoch=1)
    with refusal(in_one_run, KeyboardInterrupt, None):
        in_one_run.fit(X**2)
    assert_same(everything(in_one_run, X), expected)


@pytest.mark.parametrize("epoch", [1, 3])
def test_interrupt_while_folds_are_judged_is_raised(
    X, interrupted_in, refusal, everything, assert_same, epoch
):
    estimator = Autoencoder(max_iter=2, random_state=0)
    expected = everything(estimator.fit(X), X)
    interrupted_in(estimator, epoch).set_params(early_stopping="auto")
    with refusal(estimator, KeyboardInterrupt, None):
        estimator.fit(X**2)
    assert_same(everything(estimator, X), expected)


def test_interrupt_with_warnings_as_errors_keeps_the_old_fit(
    in_one_run, X, interrupted_in, refusal, everything, assert_same
):
    expected = everything(in_one_run.fit(X), X)
    interrupted_in(in_one_run, epoch=3)
    with refusal(in_one_run, UserWarning, INTERRUPTED):
        in_one_run.fit(X**2)
    assert_same(everything(in_one_run, X), expected)


@pytest.mark.fault(73)
def test_interrupt_of_the_closed_form_keeps_the_old_fit(
    estimator, X, monkeypatch, refusal, everything, assert_same
):
    expected = everything(estimator.fit(X), X)
    monkeypatch.setattr("skae.data.principal.eigh", lambda *a, **k: _interrupt())
    with refusal(estimator, KeyboardInterrupt, None):
        estimator.fit(X**2)
    assert_same(everything(estimator, X), expected)


def _interrupt_at(line):
    """Tracer that interrupts at the `line`-th line run in the training loop."""
    left, files = [line], {loop.__file__, keeping.__file__}

    def trace(frame, event, argument):
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return trace

    return trace


def _fit_traced(estimator, X, trace):
    """Whether the fit ends; coverage's tracer, if there is one, is put back."""
    before = sys.gettrace(), threading.gettrace()
    try:
        sys.settrace(trace)
        estimator.fit(X)
    except KeyboardInterrupt:
        return False
    finally:
        sys.settrace(before[0])
        threading.settrace(before[1])
    return True


def test_interrupt_at_any_line_of_the_loop_leaves_the_old_fit_or_a_whole_one(
    few, X, everything, assert_same
):
    few.set_params(max_iter=2, early_stopping=False, precision="float64")
    expected = everything(few.fit(X[:20]), X)
    line, complete, outcomes = 0, False, set()
    while not complete:
        line += 1
        estimator = clone(few).fit(X[:20])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fitted = _fit_traced(estimator, X, _interrupt_at(line))
        complete = fitted and not caught
        outcomes.add((fitted, bool(caught)))
        if fitted:
            error = estimator.reconstruction_error(X).mean()
            assert_allclose(estimator.loss_, error, rtol=1e-9)
        else:
            assert_same(everything(estimator, X), expected)
    assert outcomes == {(False, False), (True, True), (True, False)}


# Wider than an address space, and so wide that its bytes have no number of 64 bits.
@pytest.mark.parametrize("width", [10**13, 10**17])
def test_layer_wider_than_memory_is_refused(X, refusal, width):
    estimator = Autoencoder(max_iter=1, random_state=0).fit(X)
    before = estimator.transform(X)
    estimator.set_params(hidden_layer_sizes=(width,))
    with refusal(estimator, MemoryError, "smaller batch_size.*hidden_layer_sizes"):
        estimator.fit(X)
    assert np.array_equal(estimator.transform(X), before)


OUT_OF_MEMORY = {
    "host": MemoryError(),
    "numpy": np._core._exceptions._ArrayMemoryError((10**9,), np.dtype(float)),
    "torch on the host": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't "
        "allocate memory: you tried to allocate 48 bytes. Error code 12 (Cannot "
        "allocate memory)"
    ),
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    "cuBLAS": RuntimeError(
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"
    ),
    "CUDA, outside of torch's allocator": RuntimeError("CUDA error: out of memory"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
    "XPU": RuntimeError("XPU out of memory. Tried to allocate 20.00 GiB."),
}


@pytest.fixture
def allocation_that_raises(monkeypatch):
    """``allocation_that_raises(error)``: an allocation of every fit does."""

    def prepare(error):
        def fail(*args):
            raise error

        monkeypatch.setattr(Scaling, "fit", fail)

    return prepare


@pytest.mark.parametrize("error", OUT_OF_MEMORY.values(), ids=OUT_OF_MEMORY)
def test_out_of_memory_proposes_a_smaller_batch(
    any_estimator, X, refusal, everything, assert_same, allocation_that_raises, error
):
    expected = everything(any_estimator.fit(X), X)
    allocation_that_raises(error)
    message = rf"batch_size=\d+: choose a smaller batch_size.*{re.escape(str(error))}"
    with refusal(any_estimator, MemoryError, message):
        any_estimator.fit(X)
    assert_same(everything(any_estimator, X), expected)


def test_other_error_of_torch_is_not_taken_for_memory(
    any_estimator, X, refusal, allocation_that_raises
):
    message = "mat1 and mat2 shapes cannot be multiplied"
    allocation_that_raises(RuntimeError(message))
    with refusal(any_estimator, RuntimeError, f"^{message}$"):
        any_estimator.fit(X)


@pytest.mark.fault(76)
@pytest.mark.parametrize("early_stopping", ["auto", True, False])
@pytest.mark.parametrize("linear_path", [True, False])
def test_learning_rate_of_1e3_is_refused(
    X, refusal, everything, assert_same, linear_path, early_stopping
):
    estimator = Autoencoder(max_iter=10, linear_path=linear_path, random_state=0)
    estimator.set_params(early_stopping=early_stopping)
    expected = everything(estimator.fit(X), X)
    estimator.set_params(learning_rate_init=1e3)
    message = r"diverged in epoch \d+.*lower learning_rate_init.*StandardScaler"
    with refusal(estimator, FloatingPointError, message):
        estimator.fit(X)
    assert_same(everything(estimator, X), expected)


def test_linear_descent_with_a_learning_rate_of_1e3_is_refused(
    X, refusal, everything, assert_same
):
    estimator = LinearAutoencoder(solver="adam", max_iter=2, random_state=0)
    expected = everything(estimator.fit(X), X)
    estimator.set_params(learning_rate_init=1e3)
    message = r"diverged in epoch \d+.*lower learning_rate_init"
    with refusal(estimator, FloatingPointError, message):
        estimator.fit(X)
    assert_same(everything(estimator, X), expected)


# A whole epoch is one step in the second case, and its loss is that of the start.
@pytest.mark.fault(76)
@pytest.mark.parametrize("batch_size", ["auto", 60])
@pytest.mark.parametrize("early_stopping", ["auto", True, False])
@pytest.mark.parametrize("rate", [1e1, 1e3, 1e10, 1e20, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_no_learning_rate_leaves_a_model_of_nan(
    few, X, assert_finite, rate, precision, early_stopping, batch_size
):
    few.set_params(
        learning_rate_init=rate,
        precision=precision,
        early_stopping=early_stopping,
        batch_size=batch_size,
        max_iter=1,
    )
    try:
        few.fit(X)
    except FloatingPointError as error:
        assert "learning_rate_init" in str(error)  # noqa: PT017
    else:
        assert_finite(few, X)


@pytest.mark.parametrize("rate", [1e1, 1e3, 1e10, 1e20, 1e30, 1e38, 1e300])
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_no_learning_rate_leaves_a_linear_model_of_nan(
    X, assert_finite, rate, precision
):
    estimator = LinearAutoencoder(
        solver="adam", learning_rate_init=rate, precision=precision, max_iter=1
    )
    try:
        estimator.fit(X)
    except FloatingPointError as error:
        assert "learning_rate_init" in str(error)  # noqa: PT017
    else:
        assert_finite(estimator, X)


ACTIVATIONS = ["gelu", "relu", "elu", "silu", "tanh", "logistic", "identity"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_no_activation_leaves_a_model_of_nan(X, assert_finite, activation):
    estimator = Autoencoder(
        activation=activation,
        code_activation=activation,
        hidden_layer_sizes=(8, 4),
        learning_rate_init=1e3,
        max_iter=5,
        random_state=0,
    )
    try:
        estimator.fit(X)
    except FloatingPointError as error:
        assert "learning_rate_init" in str(error)  # noqa: PT017
    else:
        assert_finite(estimator, X)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_interrupt_after_the_last_epoch_keeps_the_fit(
    few, X, monkeypatch, assert_finite, early_stopping
):
    few.set_params(early_stopping=early_stopping)
    settle, calls = loop.Training.settle, count()

    def interrupted(*args):
        settle(*args)
        if next(calls) == 0:
            _interrupt()

    monkeypatch.setattr(loop.Training, "settle", interrupted)
    with pytest.warns(UserWarning, match=INTERRUPTED):
        few.fit(X)
    assert few.n_iter_ == few.max_iter
    assert_finite(few, X)


@pytest.mark.parametrize("parameters", [{}, {"linear_path": False}])
def test_heavy_penalty_is_no_divergence(parameters):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 30)) @ rng.normal(size=(30, 30))
    for early_stopping in ("auto", False):
        Autoencoder(
            4,
            weight_decay=100.0,
            early_stopping=early_stopping,
            max_iter=3,
            random_state=0,
            **parameters,
        ).fit(X)


@pytest.mark.parametrize("row", [0, -1])
def test_warm_start_on_wilder_rows_is_no_divergence(dense, X, row):
    dense.set_params(early_stopping=False, warm_start=True).fit(X)
    wilder = X.copy()
    wilder[row] *= 1e4
    assert np.isfinite(dense.fit(wilder).loss_)


def test_validation_rows_too_large_to_square_are_refused(dense, X, refusal):
    wild = X.copy()
    wild[0, 0] = 1e25
    with refusal(dense.fit(X), ValueError, "X or X_val contains values too large"):
        dense.fit(X, X_val=wild)
