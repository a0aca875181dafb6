"""Gradients that are left where a product made them are those that are copied."""

import gc
import weakref

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import skae.networks.products as house
from skae import (
    Autoencoder,
    DenoisingAutoencoder,
    SparseAutoencoder,
    TopKAutoencoder,
    VariationalAutoencoder,
)
from skae.distributed.step import ShardedStep
from skae.estimators.revival import Revival
from skae.networks import DenseBackprop
from skae.training import FlatTensors

# Widths are multiples of 16: in a piece of another length Adam's kernel rounds the last
# few weights otherwise than where they stand amid others.
FITS = {
    "with a path": Autoencoder(16, hidden_layer_sizes=(32, 16)),
    "without a path": Autoencoder(16, linear_path=False),
    "without hidden layers": Autoencoder(16, hidden_layer_sizes=()),
    "logistic": Autoencoder(16, output_activation="logistic"),
    "validated": Autoencoder(16, early_stopping=True),
    "denoising": DenoisingAutoencoder(16),
    "lengths of readers": SparseAutoencoder(16, alpha=1e-3),
    "divergence": SparseAutoencoder(16, penalty="kl"),
    "hidden units": SparseAutoencoder(16, hidden_layer_sizes=(16,), penalize="hidden"),
    "revival": TopKAutoencoder(208, k=2),
    "variational": VariationalAutoencoder(16, likelihood="bernoulli"),
}
COPIED = {
    "tied": Autoencoder(16, tied_weights=True),
    "with decay": Autoencoder(16, weight_decay=0.1),
}


@pytest.fixture
def left(monkeypatch):
    """Addresses of all gradients that have been left elsewhere."""
    found, put = [], house._put_elsewhere

    def look(by, elsewhere, out, left, right):
        put(by, elsewhere, out, left, right)
        if out.data_ptr() in elsewhere:
            found.append(out.data_ptr())

    monkeypatch.setattr(house, "_put_elsewhere", look)
    return found


@pytest.fixture
def copied(monkeypatch):
    """Call it, and from then on all gradients are copied."""

    def copy(by, elsewhere, out, left, right):
        by.mm(left, right, out=out)

    return lambda: monkeypatch.setattr(house, "_put_elsewhere", copy)


@pytest.fixture(autouse=True)
def makes_all(monkeypatch):
    """A library that brings an array for every product but those of 31 rows."""

    def make(left, right, bias=None):
        return left @ right if bias is None else torch.addmm(bias, left, right)

    by = house._Operators(torch.mm, torch.addmm, make)

    def choose(left, right):
        if left.dim() > 2:
            return house._STACKED
        return house._TORCH if 31 in (*left.shape, *right.shape) else by

    monkeypatch.setattr(house, "_operators", choose)
    monkeypatch.setattr(house, "openblas", lambda: None)


@pytest.fixture
def X():
    """Rows in batches of 32, 32 and 31."""
    return np.random.default_rng(0).uniform(size=(95, 16)).astype(np.float32)


def fit(estimator, X):
    estimator.set_params(batch_size=32, max_iter=3, random_state=0)
    if estimator.early_stopping == "auto":
        estimator.set_params(early_stopping=False)
    estimator.fit(X)
    return estimator.reconstruct(X), estimator.loss_curve_


@pytest.mark.parametrize("kind", FITS)
def test_fits_are_the_same_to_the_last_bit(kind, X, left, copied):
    rows, losses = fit(FITS[kind], X)
    assert len(set(left)) >= 2
    copied()
    copied_rows, copied_losses = fit(FITS[kind], X)
    assert len(losses) == 3
    assert losses == copied_losses
    assert_array_equal(rows, copied_rows)


@pytest.mark.parametrize("kind", COPIED)
def test_what_is_added_to_is_copied(kind, X, left):
    fit(COPIED[kind], X)
    assert not left


def test_dead_units_are_revived_in_these_fits(X, monkeypatch):
    found, term = [], Revival.term

    def look(self, *arguments):
        found.append(term(self, *arguments))
        return found[-1]

    monkeypatch.setattr(Revival, "term", look)
    fit(FITS["revival"], X)
    assert any(one is not None for one in found)


def test_nothing_of_a_step_outlives_its_fit(X, monkeypatch):
    made, init = [], DenseBackprop.__init__

    def note(self, *arguments):
        init(self, *arguments)
        made.append(weakref.ref(self))

    monkeypatch.setattr(DenseBackprop, "__init__", note)
    gc.collect()
    gc.disable()
    try:
        fit(Autoencoder(16), X)
        assert made
        assert all(one() is None for one in made)
    finally:
        gc.enable()


def test_a_backprop_of_ones_own_finds_its_gradients_where_they_belong(X, left):
    class Frozen(DenseBackprop):
        """No training of the matrices at the ends."""

        def backward_to_input(self, x):
            super().backward_to_input(x)
            for name in ("encoder.0.weight", "decoder.0.weight"):
                assert self._gradients[name].any()
                self._gradients[name].zero_()

    class Own(Autoencoder):
        def _compose(self, n_features):
            return self._dense(n_features, backprop=Frozen)

    start, trained = (
        Own(
            16, linear_path=False, early_stopping=False, max_iter=n, random_state=0
        ).fit(X)
        for n in (1, 3)
    )
    for name in ("encoder.0.weight", "decoder.0.weight"):
        assert_array_equal(
            start._fitted.weights[name], trained._fitted.weights[name], err_msg=name
        )
    assert not left


def test_steps_in_shards_copy_theirs():
    class Alone:
        rank, size = 0, 1

    class Step:
        parameters, gradients = (
            FlatTensors({"a": (16,)}, dtype=torch.float32, device=torch.device("cpu"))
            for _ in range(2)
        )
        memory = {}

    shared = ShardedStep(lambda ramp: Step(), lambda: 1.0, torch.Generator(), Alone())
    shared.gradients.elsewhere = {}  # as training lets it
    assert Step.gradients.elsewhere is None
    assert shared.gradients.flat is Step.gradients.flat


def test_what_is_elsewhere_comes_home():
    shapes = {"a": (3, 4), "b": (5,)}
    gradients = FlatTensors(shapes, dtype=torch.float32, device=torch.device("cpu"))
    gradients.gather()  # nothing is
    first, second = torch.arange(8.0).view(2, 4), torch.arange(5.0)
    address = gradients.views["a"][1:].data_ptr()
    gradients.elsewhere = {address: first, gradients.views["b"].data_ptr(): second}
    gradients.gather()
    assert torch.equal(gradients.views["a"][1:], first)
    assert torch.equal(gradients.views["b"], second)
    assert not gradients.views["a"][0].any()
    assert gradients.elsewhere == {}
