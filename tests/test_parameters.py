"""Every parameter of every estimator has its effect, also when set by set_params."""

import inspect
import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

import skae
from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderTransformer,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators import linear_solvers
from skae.training import Checkpoint

DENSE = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "activation": "gelu",
    "code_activation": "identity",
    "output_activation": "identity",
    "linear_path": True,
    "tied_weights": False,
    "init": "he",
    "likelihood": "gaussian",
    "weight_decay": 0.0,
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "batch_size": 20,
    "block_size": "auto",
    "max_iter": 5,
    "tol": 0.0,
    "n_iter_no_change": 100,
    "shuffle": True,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "warm_start": False,
    "precision": "float64",
    "device": "cpu",
    "nan_policy": "raise",
    "checkpoint_dir": None,
    "checkpoint_every": 1,
    "verbose": False,
    "random_state": 0,
}
LINEAR = {
    "n_components": 2,
    "solver": "adam",
    "tied_weights": False,
    "nan_policy": "raise",
    "weight_decay": 0.0,
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "batch_size": 20,
    "block_size": "auto",
    "max_iter": 3,
    "tol": 0.0,
    "n_iter_no_change": 100,
    "shuffle": True,
    "precision": "float64",
    "device": "cpu",
    "checkpoint_dir": None,
    "checkpoint_every": 1,
    "verbose": False,
    "random_state": 0,
}
IMPATIENT = {"tol": 0.9, "n_iter_no_change": 2, "max_iter": 10}
RESTLESS = {
    "linear_path": False,
    "learning_rate": "constant",
    "learning_rate_init": 0.1,
    "max_iter": 30,
}
SHAPED = {"corruption": "gaussian", "noise": 0.1, "beta": 0.0}
# What the others have beside what the dense one has, or otherwise.
OWN = {
    DenoisingAutoencoder: {"corruption": "gaussian", "noise": 0.1},
    ContractiveAutoencoder: {"alpha": 1e-2, "n_probes": 1},
    SparseAutoencoder: {
        "n_components": 4,
        "penalty": "l1",
        "alpha": 0.1,
        "sparsity": 0.05,
        "penalize": "code",
        "code_activation": "auto",
    },
    TopKAutoencoder: {"n_components": 6, "k": 2, "alpha": 0.03},
    VariationalAutoencoder: {
        "beta": 1.0,
        "beta_warm_up": 0,
        "free_bits": 0.0,
        "noise_variance": "fit",
    },
    StackedAutoencoder: {"fine_tune": True},
    ConvolutionalAutoencoder: {
        "input_shape": None,
        "channels": (4,),
        "kernel_size": 3,
        "ssim_weight": 0.0,
        **SHAPED,
    },
    AttentionAutoencoder: {
        "input_shape": (3, 2),
        "width": 8,
        "n_heads": 2,
        "n_layers": 1,
        "positions": "learned",
        "padding": None,
        **SHAPED,
    },
}
FAMILY = [Autoencoder, *OWN]


def known_to(Estimator, parameters):
    """Those that this estimator has."""
    signature = inspect.signature(Estimator).parameters
    return {name: parameters[name] for name in parameters if name in signature}


SETTINGS = {LinearAutoencoder: LINEAR, Autoencoder: DENSE}
SETTINGS |= {variant: known_to(variant, DENSE) | own for variant, own in OWN.items()}

# (parameter, another value, what else is set so that it has an effect)
OF_THE_FAMILY = [
    ("n_components", 3, {}),
    ("hidden_layer_sizes", (8, 4), {}),
    ("activation", "tanh", {}),
    ("code_activation", "tanh", {}),
    ("output_activation", "logistic", {}),
    ("linear_path", False, {"code_activation": "identity"}),
    ("tied_weights", True, {"linear_path": False}),
    ("init", "glorot", {}),
    ("likelihood", "bernoulli", {}),
    ("likelihood", "poisson", {}),
    ("weight_decay", 0.1, {}),
    ("learning_rate", "constant", {}),
    ("learning_rate_init", 1e-3, {}),
    ("batch_size", 7, {}),
    ("batch_size", "auto", {}),
    ("block_size", 7, {}),
    ("max_iter", 3, {}),
    ("max_iter", None, IMPATIENT),
    ("tol", 0.0, IMPATIENT),
    ("n_iter_no_change", 5, IMPATIENT),
    ("shuffle", False, {}),
    ("early_stopping", True, {"validation_fraction": 0.3}),
    ("validation_fraction", 0.4, RESTLESS | {"early_stopping": True}),
    ("precision", "float32", {}),
    ("random_state", 1, {}),
]
WIDE_AND_DEEP = {"n_components": 33, "hidden_layer_sizes": (8, 4)}

# (estimator, parameter, another value, what else is set so that it has an effect)
CHANGES_THE_FIT = [
    (Estimator, name, value, known_to(Estimator, others))
    for Estimator in FAMILY
    for name, value, others in OF_THE_FAMILY
    if name in SETTINGS[Estimator]
]
CHANGES_THE_FIT += [
    (DenoisingAutoencoder, "corruption", "masking", {}),
    (DenoisingAutoencoder, "corruption", "salt_and_pepper", {}),
    (DenoisingAutoencoder, "noise", 0.2, {}),
    (DenoisingAutoencoder, "noise", 0.0, {}),
    (ContractiveAutoencoder, "alpha", 0.1, {}),
    (ContractiveAutoencoder, "alpha", 0.0, {}),
    (ContractiveAutoencoder, "n_probes", 2, WIDE_AND_DEEP),
    (SparseAutoencoder, "n_components", None, {}),
    (SparseAutoencoder, "code_activation", "identity", {}),
    (SparseAutoencoder, "penalty", "kl", {}),
    (SparseAutoencoder, "alpha", 0.2, {}),
    (SparseAutoencoder, "alpha", 0.0, {"penalty": "kl"}),
    (SparseAutoencoder, "sparsity", 0.2, {"penalty": "kl"}),
    (SparseAutoencoder, "penalize", "hidden", {}),
    (TopKAutoencoder, "n_components", None, {}),
    (TopKAutoencoder, "k", 3, {}),
    (TopKAutoencoder, "k", None, {}),
    (TopKAutoencoder, "alpha", 0.0, {"n_components": 60}),
    (VariationalAutoencoder, "beta", 2.0, {}),
    (VariationalAutoencoder, "beta", 0.0, {}),
    (VariationalAutoencoder, "beta_warm_up", 3, {}),
    (VariationalAutoencoder, "free_bits", 1.0, {}),
    (VariationalAutoencoder, "noise_variance", 0.1, {}),
    (StackedAutoencoder, "fine_tune", False, {}),
    (ConvolutionalAutoencoder, "input_shape", (1, 2, 3), {}),
    (ConvolutionalAutoencoder, "channels", (4, 8), {}),
    (ConvolutionalAutoencoder, "kernel_size", 2, {}),
    (ConvolutionalAutoencoder, "corruption", "masking", {}),
    (ConvolutionalAutoencoder, "noise", 0.2, {}),
    (ConvolutionalAutoencoder, "noise", 0.0, {}),
    (ConvolutionalAutoencoder, "beta", 1.0, {}),
    (ConvolutionalAutoencoder, "ssim_weight", 0.1, {}),
    (AttentionAutoencoder, "input_shape", (2, 3), {}),
    (AttentionAutoencoder, "width", 4, {}),
    (AttentionAutoencoder, "n_heads", 4, {}),
    (AttentionAutoencoder, "n_layers", 2, {}),
    (AttentionAutoencoder, "positions", "sinusoidal", {}),
    (AttentionAutoencoder, "positions", None, {}),
    (AttentionAutoencoder, "padding", 0.0, {"input_shape": (6, 1)}),
    (AttentionAutoencoder, "corruption", "masking", {}),
    (AttentionAutoencoder, "noise", 0.2, {}),
    (AttentionAutoencoder, "noise", 0.0, {}),
    (AttentionAutoencoder, "beta", 1.0, {}),
    (LinearAutoencoder, "n_components", 3, {}),
    (LinearAutoencoder, "solver", "exact", {}),
    (LinearAutoencoder, "tied_weights", True, {"weight_decay": 0.1}),
    (LinearAutoencoder, "weight_decay", 0.1, {}),
    (LinearAutoencoder, "weight_decay", 0.1, {"solver": "exact"}),
    (LinearAutoencoder, "learning_rate", "constant", {}),
    (LinearAutoencoder, "learning_rate_init", 1e-3, {}),
    (LinearAutoencoder, "max_iter", 2, {}),
    (LinearAutoencoder, "tol", 0.0, IMPATIENT),
    (LinearAutoencoder, "n_iter_no_change", 5, IMPATIENT),
    (LinearAutoencoder, "precision", "float32", {}),
    (LinearAutoencoder, "random_state", 1, {}),
]
# The linear one takes batches only where the covariance matrix would be too large.
CHANGES_THE_BATCHES = [
    (LinearAutoencoder, "batch_size", 7, {}),
    (LinearAutoencoder, "block_size", 7, {}),
    (LinearAutoencoder, "shuffle", False, {}),
]
HAS_A_TEST_OF_ITS_OWN = {
    "checkpoint_dir",
    "checkpoint_every",
    "device",
    "nan_policy",
    "verbose",
}
OF_THE_FAMILY_TOO = {"warm_start"}

ESTIMATORS = list(SETTINGS)


def make_data(n=60):
    rng = np.random.default_rng(0)
    t = rng.uniform(-1, 1, size=(n, 2))
    rows = np.column_stack([t, t**2, np.prod(t, axis=1), t[:, 0] ** 3])
    rows += 0.05 * rng.normal(size=rows.shape)
    return (rows - rows.min(axis=0)) / np.ptp(rows, axis=0)


X = make_data()


def describe(value):
    return value.__name__ if inspect.isclass(value) else str(value)


def fingerprint(estimator):
    """What a fit leaves behind, as far as a user can see it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(X)
    return estimator.reconstruct(X).tobytes(), estimator.n_iter_


def assert_changes(Estimator, name, value, others):
    estimator = Estimator(**SETTINGS[Estimator] | others)
    assert getattr(estimator, name) != value
    before = fingerprint(estimator)
    assert fingerprint(estimator) == before
    assert fingerprint(estimator.set_params(**{name: value})) != before
    fresh = Estimator(**SETTINGS[Estimator] | others | {name: value})
    assert fingerprint(fresh) == fingerprint(estimator)


@pytest.mark.parametrize(
    ("Estimator", "name", "value", "others"), CHANGES_THE_FIT, ids=describe
)
def test_parameter_changes_the_fit(Estimator, name, value, others):
    assert_changes(Estimator, name, value, others)


@pytest.mark.parametrize(
    ("Estimator", "name", "value", "others"), CHANGES_THE_BATCHES, ids=describe
)
def test_parameter_changes_the_batches(Estimator, name, value, others, monkeypatch):
    monkeypatch.setattr(linear_solvers, "LARGEST_GRAM", 3)
    assert_changes(Estimator, name, value, others)


@pytest.mark.parametrize("Estimator", FAMILY)
def test_warm_start_goes_on(Estimator):
    estimator = Estimator(**SETTINGS[Estimator])
    once = fingerprint(estimator)
    assert fingerprint(estimator) == once
    assert fingerprint(estimator.set_params(warm_start=True)) != once


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_verbose_prints(Estimator, capsys):
    estimator = Estimator(**SETTINGS[Estimator])
    silent = fingerprint(estimator)
    assert capsys.readouterr().out == ""
    assert fingerprint(estimator.set_params(verbose=True)) == silent
    said = capsys.readouterr().out.splitlines()[-estimator.n_iter_ :]
    numbers = range(1, estimator.n_iter_ + 1)
    assert [line.split(",")[0] for line in said] == [f"Iteration {i}" for i in numbers]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_checkpoints_change_nothing(Estimator, tmp_path, monkeypatch):
    estimator = Estimator(**SETTINGS[Estimator])
    unsaved, written = fingerprint(estimator), []
    monkeypatch.setattr(Checkpoint, "put", lambda *arguments: written.append(arguments))
    for every in (1, 2):
        written.clear()
        estimator.set_params(checkpoint_dir=tmp_path, checkpoint_every=every)
        assert fingerprint(estimator) == unsaved
        n_trainings = 1 + len(getattr(estimator, "layers_", []))
        # After all epochs but the last one, and at the end.
        assert len(written) == n_trainings * (1 + (estimator.max_iter - 1) // every)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_nan_policy_changes_nothing_where_nothing_is_missing(Estimator):
    estimator = Estimator(**SETTINGS[Estimator])
    raising = fingerprint(estimator)
    assert fingerprint(estimator.set_params(nan_policy="omit")) == raising


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("device", ["meta", "cuda:99", "abacus"])
def test_device_must_be_one_that_can_be_trained_on(Estimator, device):
    estimator = Estimator(**SETTINGS[Estimator])
    fingerprint(estimator)
    with pytest.raises(ValueError, match=f"'device' parameter of {Estimator.__name__}"):
        fingerprint(estimator.set_params(device=device))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_another_device_finds_the_same_up_to_rounding(Estimator):
    estimator = Estimator(**SETTINGS[Estimator]).fit(X)
    expected = estimator.reconstruct(X)
    assert fingerprint(estimator.set_params(device="cuda"))
    np.testing.assert_allclose(estimator.reconstruct(X), expected, atol=1e-6)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_device_auto_is_cuda_where_there_is_one(Estimator):
    by_name = Estimator(**SETTINGS[Estimator])
    by_name.set_params(device="cuda" if torch.cuda.is_available() else "cpu")
    expected = fingerprint(by_name)
    assert fingerprint(by_name.set_params(device="auto")) == expected


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_of_the_signature_is_tested(Estimator):
    table = CHANGES_THE_FIT + CHANGES_THE_BATCHES
    tested = {name for owner, name, *_ in table if owner is Estimator}
    tested |= HAS_A_TEST_OF_ITS_OWN
    tested |= OF_THE_FAMILY_TOO if Estimator in FAMILY else set()
    assert tested == set(inspect.signature(Estimator).parameters)
    assert set(SETTINGS[Estimator]) == tested


def test_every_public_autoencoder_is_in_the_table():
    public = [getattr(skae, name) for name in skae.__all__]
    classes = filter(inspect.isclass, public)
    family = {c for c in classes if issubclass(c, AutoencoderTransformer)}
    assert {c for c in family if not inspect.isabstract(c)} == set(ESTIMATORS)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_only_the_first_parameter_is_positional(Estimator):
    kinds = [p.kind for p in inspect.signature(Estimator).parameters.values()]
    assert kinds[0] is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert set(kinds[1:]) == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_has_its_constraints(Estimator):
    constraints = Estimator._parameter_constraints
    assert set(constraints) == set(inspect.signature(Estimator).parameters)
