"""Switches of the process that are the user's own, and must not change a bit."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skae import Autoencoder, LinearAutoencoder
from skae.training import AutogradStep, FlatTensors, neutral

DIVERGES = {"learning_rate_init": 1e30, "max_iter": 10}


@pytest.fixture
def estimator(any_estimator):
    return any_estimator


ODD = {
    "1e-30 in float32": lambda X: (X * 1e-30).astype(np.float32),
    "1e-200": lambda X: X * 1e-200,
    "constant": np.ones_like,
    "1e-12 to 1e12": lambda X: X * np.logspace(-12, 12, 6),
}
DENORMAL = {
    "denormal": lambda X: X * 1e-310,
    "denormal float32": lambda X: (X * 1e-42).astype(np.float32),
}


def test_switch_changes_no_bit(estimator, X, everything, assert_same, switch):
    expected = everything(clone(estimator).fit(X), X)
    with switch():
        assert_same(everything(estimator.fit(X), X), expected)


def test_fit_within_a_switch_is_usable_after_it(
    estimator, X, everything, assert_same, switch
):
    X = X.astype(np.float32)
    expected = everything(clone(estimator).fit(X), X)
    with switch():
        estimator.fit(X)
    assert_same(everything(estimator, X), expected)


# These see more than others in numbers that are small or do not vary.
@pytest.fixture(params=["np.errstate", "warnings as errors", "flush denormals"])
def numeric_switch(request, switches):
    return switches[request.param]


@pytest.mark.parametrize("change", (ODD | DENORMAL).values(), ids=ODD | DENORMAL)
def test_switch_around_a_fit_of_odd_data_changes_no_bit(
    estimator, X, everything, assert_same, numeric_switch, change
):
    X = change(X)
    expected = everything(clone(estimator).fit(X), X)
    with numeric_switch():
        estimator.fit(X)
    assert_same(everything(estimator, X), expected)


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_switch_around_the_encoding_of_odd_data_changes_no_bit(
    estimator, X, everything, assert_same, numeric_switch, change
):
    X = change(X)
    expected = everything(estimator.fit(X), X)
    with numeric_switch():
        assert_same(everything(estimator, X), expected)


@pytest.mark.parametrize("change", DENORMAL.values(), ids=DENORMAL)
def test_denormal_data_raise_no_error_of_numpy(
    estimator, X, everything, assert_same, change
):
    X = change(X)
    expected = everything(estimator.fit(X), X)
    with np.errstate(all="raise"):
        assert_same(everything(estimator, X), expected)


def test_switch_is_left_as_it_was(estimator, X, everything, switch, positions):
    with switch():
        before = positions()
        everything(estimator.fit(X), X)
        assert positions() == before


def test_switch_is_left_as_it_was_by_a_fit_that_fails(iterative, X, switch, positions):
    iterative.set_params(**DIVERGES)
    with switch():
        before = positions()
        with pytest.raises(FloatingPointError):
            iterative.fit(X)
        assert positions() == before


@pytest.mark.parametrize("precision", ["bfloat16", "auto", "float64"])
def test_precision_is_of_one_fit_only(estimator, X, everything, precision, positions):
    before = positions()
    everything(estimator.set_params(precision=precision).fit(X), X)
    assert positions() == before


def test_network_is_the_same_within_a_switch(estimator, X, switch):
    estimator.fit(X)
    expected = estimator.network_.state_dict()
    with switch():
        result = estimator.network_.state_dict()
    assert all(torch.equal(result[name], expected[name]) for name in expected)


def _gradient(loss, numbers):
    """What autograd finds where a fit would ask it."""
    with neutral(torch.device("cpu")):
        shapes = {"w": (len(numbers),)}
        like = {"dtype": torch.float32, "device": torch.device("cpu")}
        parameters, gradients = (FlatTensors(shapes, **like) for _ in range(2))
        parameters.views["w"].copy_(torch.from_numpy(numbers))
        step = AutogradStep(
            parameters, gradients, lambda weights, *_: (loss(weights["w"]),) * 3
        )
        step(parameters.flat)
        return gradients.numpy()["w"]


def test_gradient_of_a_product_is_the_same_within_a_switch(X, switch):
    def loss(w):
        return (w[:30] @ w[30:].view(30, 1)).tanh().sum()

    numbers = X.ravel()[:60]
    expected = _gradient(loss, numbers)
    with switch():
        assert_array_equal(_gradient(loss, numbers), expected)


def test_gradient_that_is_nan_is_no_error_within_a_switch(switch):
    with switch():
        assert np.isnan(_gradient(lambda w: w.sqrt().mul(0.0).sum(), np.zeros(1)))


@pytest.fixture
def restored_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("restored_threads")
@pytest.mark.parametrize(
    "estimator",
    [
        LinearAutoencoder(),
        LinearAutoencoder(solver="adam", max_iter=1, precision="float64"),
        Autoencoder(hidden_layer_sizes=(300,), max_iter=1, precision="float64"),
    ],
    ids=["linear", "adam", "dense"],
)
def test_number_of_threads_changes_only_the_rounding(estimator, everything):
    X = np.random.default_rng(0).standard_normal((1000, 300))
    estimator.set_params(random_state=0)
    torch.set_num_threads(1)
    expected = everything(clone(estimator).fit(X), X)
    torch.set_num_threads(4)
    result = everything(clone(estimator).fit(X), X)
    for name, value in result.items():
        scale = np.abs(expected[name]).max(initial=0.0)
        assert_allclose(value, expected[name], atol=1e-9 * scale, err_msg=name)


@pytest.mark.usefixtures("restored_threads")
def test_number_of_threads_is_left_as_it_was(estimator, X, everything):
    torch.set_num_threads(3)
    everything(estimator.fit(X), X)
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("restored_threads")
def test_number_of_threads_is_left_as_it_was_by_a_fit_that_fails(iterative, X):
    torch.set_num_threads(3)
    iterative.set_params(**DIVERGES)
    with pytest.raises(FloatingPointError):
        iterative.fit(X)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    "random_state", [None, 0, np.random.RandomState(0)], ids=["None", "0", "own"]
)
def test_global_random_states_are_left_alone(
    estimator, X, everything, random_state, random_states
):
    before = random_states()
    everything(estimator.set_params(random_state=random_state).fit(X), X)
    assert random_states() == before


def test_global_random_states_are_left_alone_by_a_fit_that_fails(
    iterative, X, random_states
):
    iterative.set_params(**DIVERGES)
    before = random_states()
    with pytest.raises(FloatingPointError):
        iterative.fit(X)
    assert random_states() == before


@pytest.fixture
def restored_random_states():
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002


@pytest.mark.usefixtures("restored_random_states")
def test_global_random_states_do_not_matter(estimator, X, everything, assert_same):
    expected = everything(clone(estimator).fit(X), X)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    assert_same(everything(estimator.fit(X), X), expected)


@pytest.mark.parametrize("n_features", [3, 100], ids=["gram", "svd"])
def test_two_fits_give_the_same_bits(estimator, everything, assert_same, n_features):
    X = np.random.default_rng(0).standard_normal((40, n_features))
    first = everything(clone(estimator).fit(X), X)
    assert_same(everything(estimator.fit(X), X), first)


N_THREADS = 8


def _at_once(function):
    """Results of a function that eight threads call, all at the same moment."""
    barrier = threading.Barrier(N_THREADS)

    def call(i):
        barrier.wait()
        return function(i)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(call, range(N_THREADS)))


def test_eight_threads_transform_at_once(estimator, X, everything, assert_same):
    tables = [X, X.astype(np.float32)]
    expected = [everything(estimator.fit(X), table) for table in tables]
    for _ in range(3):
        fresh = clone(estimator).fit(X)
        results = _at_once(lambda i, fresh=fresh: everything(fresh, tables[i % 2]))
        for i, result in enumerate(results):
            assert_same(result, expected[i % 2])


def test_eight_threads_fit_at_once(estimator, X, everything, assert_same):
    expected = everything(clone(estimator).fit(X), X)
    for result in _at_once(lambda i: everything(clone(estimator).fit(X), X)):
        assert_same(result, expected)


@pytest.mark.usefixtures("restored_threads")
def test_eight_fits_at_once_leave_the_switches_as_they_were(iterative, X, positions):
    torch.set_num_threads(3)
    iterative.set_params(precision="bfloat16")
    with torch.autograd.set_detect_anomaly(True):
        before = positions()
        for _ in range(3):
            _at_once(lambda i: clone(iterative).fit(X))
        assert positions() == before


@pytest.mark.parametrize(
    ("device", "count", "seen"),
    [
        ("cuda", 0, ", on which torch sees no CUDA device. Got 'cuda' instead."),
        ("cuda:99", 2, ", on which torch sees the CUDA devices 0 to 1. Got 'cuda:99'"),
        ("nonsense", 0, ". Got 'nonsense' instead."),
    ],
)
def test_a_device_that_is_not_here_is_refused(X, monkeypatch, device, count, seen):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch, "empty", _refuses(torch.empty))
    message = "'device' parameter of Autoencoder must be 'auto' or a torch device of "
    with pytest.raises(ValueError, match=f"{message}this machine{seen}"):
        Autoencoder(2, device=device).fit(X)


def _refuses(empty):
    """`torch.empty` of a machine without GPUs."""

    def refuse(*size, device=None, **others):
        if torch.device(device or "cpu").type == "cuda":
            raise RuntimeError("No CUDA GPUs are available")
        return empty(*size, device=device, **others)

    return refuse
