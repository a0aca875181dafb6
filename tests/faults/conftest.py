"""What the tests of faults and odd inputs share: estimators, data, and verdicts."""

import warnings
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags

from skae import (
    AttentionAutoencoder,
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    ContractiveAutoencoder,
    ConvolutionalAutoencoder,
    DenoisingAutoencoder,
    LinearAutoencoder,
    SparseAutoencoder,
    StackedAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.training import SCHEDULES

_SHORT = {"max_iter": 3, "random_state": 0}
_DENSE = {"hidden_layer_sizes": (8,), **_SHORT}

_LINEAR = LinearAutoencoder()
_PATH = Autoencoder(**_DENSE)
_TEXTBOOK = Autoencoder(linear_path=False, early_stopping=True, **_DENSE)
_ADAM = LinearAutoencoder(solver="adam", max_iter=1, random_state=0)
_VARIANTS = {
    "denoising": DenoisingAutoencoder(corruption="salt_and_pepper", **_DENSE),
    "contractive": ContractiveAutoencoder(**_DENSE),
    "sparse": SparseAutoencoder(2, **_SHORT),
    "top-k": TopKAutoencoder(2, **_DENSE),
    "variational": VariationalAutoencoder(**_DENSE),
    "stacked": StackedAutoencoder(**_DENSE),
    "convolutional": ConvolutionalAutoencoder(channels=(4,), **_SHORT),
    "attention": AttentionAutoencoder(width=4, n_heads=2, n_layers=1, **_SHORT),
}

# One of every kind, which a few rows are enough for, and a moment.
_ONCE = {"max_iter": 1, "random_state": 0}
_QUICK = {"hidden_layer_sizes": (4,), **_ONCE}
_EVERY = {
    "linear": LinearAutoencoder(),
    "adam": LinearAutoencoder(solver="adam", **_ONCE),
    "dense": Autoencoder(**_QUICK),
    "textbook": Autoencoder(linear_path=False, early_stopping=True, **_QUICK),
    "stacked": StackedAutoencoder(**_QUICK),
    "denoising": DenoisingAutoencoder(**_QUICK),
    "contractive": ContractiveAutoencoder(**_QUICK),
    "sparse-l1": SparseAutoencoder(2, **_ONCE),
    "sparse-kl": SparseAutoencoder(2, penalty="kl", **_ONCE),
    "top-k": TopKAutoencoder(3, k=2, **_QUICK),
    "variational": VariationalAutoencoder(**_QUICK),
    "convolutional": ConvolutionalAutoencoder(channels=(2,), **_ONCE),
    "attention": AttentionAutoencoder(width=4, n_heads=2, n_layers=1, **_ONCE),
    "classifier": AutoencoderClassifier(Autoencoder(**_QUICK), **_ONCE),
    "regressor": AutoencoderRegressor(Autoencoder(**_QUICK), **_ONCE),
}
_AUTOENCODERS = {n: e for n, e in _EVERY.items() if hasattr(e, "inverse_transform")}

_SHAPED = {"attention", "convolutional"}  # whose layers have other parameters


def _one_of(**estimators):
    @pytest.fixture(params=estimators.values(), ids=estimators.keys())
    def fixture(request):
        return clone(request.param)

    return fixture


# For what is decided before an estimator comes to its own ways.
estimator = _one_of(linear=_LINEAR, dense=_PATH)
any_estimator = _one_of(
    linear=_LINEAR, adam=_ADAM, dense=_PATH, textbook=_TEXTBOOK, **_VARIANTS
)
iterative = _one_of(adam=_ADAM, dense=_PATH, textbook=_TEXTBOOK, **_VARIANTS)
# Of a stacked one the layers come first: its tests of interrupts are its own.
in_one_run = _one_of(
    adam=_ADAM,
    dense=_PATH,
    textbook=_TEXTBOOK,
    **{name: _VARIANTS[name] for name in _VARIANTS if name != "stacked"},
)
every_estimator = _one_of(**_EVERY)
every_autoencoder = _one_of(**_AUTOENCODERS)


def _every_one_that(can):
    return _one_of(**{name: e for name, e in _EVERY.items() if can(e)})


every_one_with_epochs = _every_one_that(lambda e: getattr(e, "_has_epochs", True))
every_one_of_parts = _every_one_that(lambda e: hasattr(e, "partial_fit"))
every_one_that_warms_up = _every_one_that(lambda e: "warm_start" in e.get_params())
every_one_of_sparse_rows = _every_one_that(lambda e: get_tags(e).input_tags.sparse)
every_one_of_dense_rows = _every_one_that(lambda e: not get_tags(e).input_tags.sparse)
few = _one_of(dense=_PATH, textbook=_TEXTBOOK, variational=_VARIANTS["variational"])
dense = _one_of(
    dense=_PATH,
    textbook=_TEXTBOOK,
    **{name: _VARIANTS[name] for name in _VARIANTS if name not in _SHAPED},
)


@pytest.fixture(autouse=True)
def _global_state_is_left_alone(random_states, positions):
    """Whatever a test is about, and however its fits end.

    Filters of warnings are left to some tests: torch imports, late, what sets them.
    """
    states, switches = random_states(), positions()
    yield
    assert positions() | {"warnings": switches["warnings"]} == switches
    assert random_states() == states


@pytest.fixture
def X():
    """Sixty rows of six correlated features, neither centred nor scaled."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((60, 6)) @ rng.standard_normal((6, 6)) + np.arange(6.0)


@pytest.fixture
def rows(X):
    """A dozen rows of four features: enough for an estimator of every kind."""
    return X[:12, :4].copy()


def _targets(estimator, X):
    """What a predictor is to say about the rows of X; None where none is asked for."""
    if not get_tags(estimator).target_tags.required:
        return None
    numbers = np.arange(np.shape(X)[0])
    return numbers % 2 if is_classifier(estimator) else numbers / 2.0


@pytest.fixture
def learn():
    """``learn(estimator, X, **more)``: fitted to X, and to labels if it needs any."""

    def fit(estimator, X, **more):
        return estimator.fit(X, _targets(estimator, X), **more)

    return fit


@pytest.fixture
def strike(learn, monkeypatch):
    """``strike(estimator, X, act)``: its next fit will `act` in the midst of an epoch.

    Of the second one in which the whole is trained, after folds, layers, pretraining;
    ``epoch=1``: of the very first one.
    """

    def prepare(estimator, X, act, epoch=2):
        made, n_epochs = [], 3
        estimator.set_params(max_iter=n_epochs)
        for name in {"early_stopping", "autoencoder__early_stopping"}:
            if name in estimator.get_params():
                estimator.set_params(**{name: False})

        def schedule(peak, n_steps):
            made.append(n_steps)
            is_struck, per_epoch = len(made) == struck, n_steps // n_epochs
            fatal = per_epoch * (epoch - 1) + per_epoch // 2

            def rate(step):
                if step == fatal and is_struck:
                    act()
                return peak

            return rate

        for name in SCHEDULES:
            monkeypatch.setitem(SCHEDULES, name, schedule)
        struck = None  # which training is not known before there has been a fit
        learn(clone(estimator), X)
        struck = len(made) + (1 if epoch == 1 else len(made))

    return prepare


_OF_ROWS = [
    "transform",
    "reconstruct",
    "reconstruction_error",
    "score_samples",
    "impute",
    "predict",
    "predict_proba",
]


def _says(estimator, X):
    """What every method of a fitted estimator says about X, by name."""
    found = {m: getattr(estimator, m)(X) for m in _OF_ROWS if hasattr(estimator, m)}
    for part in {"_fitted", "_encoder", "_head"} & set(vars(estimator)):
        for name, weight in getattr(estimator, part).weights.items():
            found[f"{part} {name}"] = weight
    if hasattr(estimator, "inverse_transform"):
        found["inverse_transform"] = estimator.inverse_transform(found["transform"])
        found["score"] = estimator.score(X)
        found["loss_"] = estimator.loss_
    return {name: np.asarray(value) for name, value in found.items()}


@pytest.fixture
def says():
    """``says(estimator, X)``: as `everything`, of predictors too."""
    return _says


def _everything(estimator, X):
    """All that a fitted estimator says, about X and about its fit."""
    codes = estimator.transform(X)
    return {
        "transform": codes,
        "inverse_transform": estimator.inverse_transform(codes),
        "reconstruct": estimator.reconstruct(X),
        "reconstruction_error": estimator.reconstruction_error(X),
        "per_feature": estimator.reconstruction_error(X, per_feature=True),
        "score_samples": estimator.score_samples(X),
        "score": estimator.score(X),
        "loss_": estimator.loss_,
        "loss_curve_": estimator.loss_curve_,
        "validation_loss_curve_": estimator.validation_loss_curve_,
        "noise_variance_": estimator.noise_variance_,
        **{f"weight {name}": w for name, w in estimator._fitted.weights.items()},
    }


@pytest.fixture
def everything():
    """``everything(estimator, X)``: all its outputs by name."""
    return _everything


@pytest.fixture
def assert_finite():
    """``assert_finite(estimator, X)``: so are all its outputs."""

    def check(estimator, X):
        for name, value in _everything(estimator, X).items():
            assert np.isfinite(value).all(), name

    return check


@pytest.fixture
def assert_same():
    """``assert_same(first, second)``: outputs by name agree to the last bit."""

    def check(first, second):
        assert first.keys() == second.keys()
        for name, value in first.items():
            assert_array_equal(value, second[name], err_msg=name, strict=True)

    return check


@contextmanager
def _refusal(estimator, error, match):
    before = dict(vars(estimator))
    with pytest.raises(error, match=match):
        yield
    after = vars(estimator)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


@pytest.fixture
def refusal():
    """``with refusal(estimator, error, match)``: raised, and no attribute replaced."""
    return _refusal


@pytest.fixture
def assert_refused(X):
    """Refuse an input before and after a fit, which goes on as if nothing had been.

    ``assert_refused(estimator, bad, error, match, methods)``: by `fit` before there is
    a fit, then by all `methods`.
    """

    def check(estimator, bad, error, match, methods=("fit", "transform")):
        with _refusal(estimator, error, match):
            estimator.fit(bad)
        assert not hasattr(estimator, "n_features_in_")
        before = _everything(estimator.fit(X), X)
        for method in methods:
            with _refusal(estimator, error, match):
                getattr(estimator, method)(bad)
            for name, value in _everything(estimator, X).items():
                assert_array_equal(value, before[name], err_msg=f"{method}: {name}")

    return check


@contextmanager
def _switched(switch, value, back):
    switch(value)
    try:
        yield
    finally:
        switch(back)


def _default_dtype(dtype):
    return _switched(torch.set_default_dtype, dtype, torch.get_default_dtype())


@contextmanager
def _deterministic(**kwargs):
    torch.use_deterministic_algorithms(True, **kwargs)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@contextmanager
def _warnings_as_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


_SWITCHES = {
    (78, "no_grad"): torch.no_grad,
    (79, "inference_mode"): torch.inference_mode,
    (78, "enable_grad"): torch.enable_grad,
    (80, "autocast"): lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    (81, "default dtype float64"): lambda: _default_dtype(torch.float64),
    (81, "default dtype float16"): lambda: _default_dtype(torch.float16),
    (82, "default device meta"): lambda: _switched(
        torch.set_default_device, "meta", None
    ),
    (82, "within device meta"): lambda: torch.device("meta"),
    (83, "deterministic"): _deterministic,
    (83, "deterministic, warn only"): lambda: _deterministic(warn_only=True),
    (84, "anomaly mode"): lambda: torch.autograd.set_detect_anomaly(True),
    (85, "np.errstate"): lambda: np.errstate(all="raise"),
    (86, "warnings as errors"): _warnings_as_errors,
    (88, "flush denormals"): lambda: _switched(torch.set_flush_denormal, True, False),
}


@pytest.fixture(
    params=[
        pytest.param(switch, id=name, marks=pytest.mark.fault(row))
        for (row, name), switch in _SWITCHES.items()
    ]
)
def switch(request):
    """A context in which a switch of the process stands where it seldom does."""
    return request.param


@pytest.fixture
def switches():
    """All these contexts, by name."""
    return {name: switch for (_, name), switch in _SWITCHES.items()}
