"""The top-k code: which units are kept, what decodes them, and how they come back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skae import TopKAutoencoder
from skae.estimators.composition import Composition
from skae.estimators.revival import Revival
from skae.networks import DenseNetwork, TopKCode, normalise_readers
from skae.networks.codes import CodeArrays
from skae.objectives import Gaussian

SETTINGS = {
    "max_iter": 5,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}


def rows(n=200, d=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * 30.0 + 7.0


def pre_activations(fitted, X):
    """What enters the code of a network without hidden layers."""
    scaled = (X - fitted.scaling.mean) / fitted.scaling.scale
    weights = fitted.weights
    return scaled @ weights["encoder.0.weight"].T + weights["encoder.0.bias"]


def kept(pre, k):
    """Zeros but for the k largest of every row, as numpy finds them."""
    places = np.argpartition(pre, -k, axis=1)[:, -k:]
    code = np.zeros_like(pre)
    np.put_along_axis(code, places, np.take_along_axis(pre, places, axis=1), axis=1)
    return code


def random_numbers(shift=0.0, shape=(50, 9)):
    return np.random.default_rng(1).normal(size=shape) + shift


many_k = pytest.mark.parametrize("k", [1, 2, 5, 9])
signs = pytest.mark.parametrize(
    "shift", [0.0, -100.0, 100.0], ids=["mixed", "negative", "positive"]
)


@many_k
@signs
def test_k_largest_are_kept_whatever_their_sign(k, shift):
    pre = random_numbers(shift)
    code = TopKCode(k).parameters(torch.from_numpy(pre)).numpy()
    assert_array_equal(code, kept(pre, k))
    assert_array_equal((code != 0).sum(axis=1), k)


@many_k
@signs
def test_handwritten_step_keeps_the_same(k, shift):
    pre = torch.from_numpy(random_numbers(shift).T.copy())
    code, by_code = (
        torch.empty_like(pre),
        torch.from_numpy(random_numbers(3.0).T.copy()),
    )
    calls = TopKCode(k).bind(CodeArrays(pre, code, code, by_code, by_code), [])
    expected = kept(pre.numpy().T, k).T
    by_kept = np.where(expected != 0.0, by_code.numpy(), 0.0)
    for _ in range(2):  # the second time over what the first has left
        for call in calls.forward:
            call()
        assert_array_equal(code, expected)
    for call in calls.to_pre:
        call()
    assert_array_equal(by_code, by_kept)


@pytest.mark.parametrize("k", [1, 3, 7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fitted_code_holds_the_largest_of_every_row(k, dtype):
    X = rows().astype(dtype)
    estimator = TopKAutoencoder(7, k=k, **SETTINGS).fit(X)
    Z = estimator.transform(X)
    expected = kept(pre_activations(estimator._fitted, X.astype(np.float64)), k)
    assert_array_equal((Z != 0).sum(axis=1), k)
    assert_allclose(Z, expected, rtol=1e-4 if dtype == np.float32 else 1e-10)


def test_rows_of_negative_numbers_only_have_a_code_too():
    estimator = TopKAutoencoder(7, k=2, **SETTINGS).fit(rows())
    fitted = estimator._fitted
    lowered = fitted.weights | {
        "encoder.0.bias": fitted.weights["encoder.0.bias"] - 1e3
    }
    fitted = replace(fitted, weights=lowered, _casts={})
    pre = pre_activations(fitted, rows())
    assert (pre < 0.0).all()
    assert_allclose(fitted.encode(rows()), kept(pre, 2), rtol=1e-10)


def test_more_than_all_units_are_all_of_them():
    many, all_of_them = (TopKAutoencoder(4, k=k, **SETTINGS) for k in (99, 4))
    Z = many.fit(rows()).transform(rows())
    assert_array_equal((Z != 0).sum(axis=1), 4)
    assert_array_equal(Z, all_of_them.fit(rows()).transform(rows()))


@pytest.mark.parametrize(("d", "k"), [(1, 1), (9, 1), (10, 1), (29, 2), (30, 3)])
def test_a_tenth_of_the_features_are_active_unless_told(d, k):
    X = rows(40, d)
    Z = TopKAutoencoder(max_iter=1, random_state=0).fit(X).transform(X)
    assert Z.shape == (40, 2 * d)
    assert_array_equal((Z != 0).sum(axis=1), k)


@pytest.mark.parametrize("sizes", [(), (8,), (8, 4)], ids=str)
@pytest.mark.parametrize("settings", [{}, {"likelihood": "poisson"}], ids=str)
def test_weights_that_decode_a_unit_have_length_one(sizes, settings):
    X = np.abs(rows().round())
    settings = SETTINGS | settings
    estimator = TopKAutoencoder(12, k=3, hidden_layer_sizes=sizes, **settings).fit(X)
    readers = estimator._fitted.weights[f"decoder.{len(sizes)}.weight"]
    assert_allclose(np.linalg.norm(readers, axis=1), 1.0, rtol=1e-12)


def test_a_reader_of_no_length_is_left_alone():
    network = DenseNetwork(3, 4, (), code=TopKCode(1))
    weights = {name: torch.zeros(shape) for name, shape in network.shapes().items()}
    normalise_readers(network, weights)
    assert all(torch.isfinite(weight).all() for weight in weights.values())


def test_components_have_length_one_in_scaled_units():
    estimator = TopKAutoencoder(12, k=3, **SETTINGS).fit(rows())
    scale = estimator._fitted.scaling.scale
    assert estimator.components_.shape == (12, 6)
    assert_allclose(np.linalg.norm(estimator.components_, axis=1), scale, rtol=1e-12)
    nothing = estimator.inverse_transform(np.zeros((1, 12)))
    added = estimator.inverse_transform(np.eye(12)) - nothing
    assert_allclose(estimator.components_, added, rtol=1e-9, atol=1e-9)


def test_encoder_starts_as_what_decodes_it():
    still = SETTINGS | {"learning_rate_init": 1e-300, "max_iter": 1}
    weights = TopKAutoencoder(12, k=3, **still).fit(rows())._fitted.weights
    assert_array_equal(weights["encoder.0.weight"], weights["decoder.0.weight"])


@pytest.mark.parametrize("n_components", [6, 200])
def test_dead_fraction_is_the_share_of_units_that_are_never_active(n_components):
    X = rows(300)
    estimator = TopKAutoencoder(n_components, k=1, alpha=0.0, **SETTINGS).fit(X)
    dead = ~(estimator.transform(X) != 0).any(axis=0)
    assert estimator.dead_fraction_ == pytest.approx(dead.mean(), abs=1e-15)
    assert (estimator.dead_fraction_ > 0) == (n_components == 200)


def test_dead_fraction_counts_all_blocks_of_rows(monkeypatch):
    X = rows(300)
    whole = TopKAutoencoder(60, k=1, **SETTINGS).fit(X).dead_fraction_
    monkeypatch.setattr("skae.estimators.topk._BLOCK_ROWS", 7)
    assert TopKAutoencoder(60, k=1, **SETTINGS).fit(X).dead_fraction_ == whole


class BornDead(TopKAutoencoder):
    """Half of its units start so low that no row activates them."""

    def _compose(self, n_features):
        composition = super()._compose(n_features)

        def start(network, weights):
            composition.start(network, weights)
            weights["encoder.0.bias"][: network.n_components // 2] = -3.0

        assert isinstance(composition, Composition)
        return replace(composition, start=start)


def test_dead_units_come_back_to_life_and_only_by_their_loss():
    rng = np.random.default_rng(0)
    active = np.argsort(rng.random((500, 16)))[:, :2]
    code = np.zeros((500, 16))
    np.put_along_axis(code, active, rng.uniform(1, 2, size=(500, 2)), axis=1)
    X = code @ rng.normal(size=(16, 6))
    settings = SETTINGS | {"max_iter": 200, "n_iter_no_change": np.inf, "tol": 0.0}

    def fit(alpha):
        return BornDead(16, k=2, alpha=alpha, **settings).fit(X)

    left, revived = fit(0.0), fit(0.1)
    assert left.dead_fraction_ >= 0.5
    assert revived.dead_fraction_ < 0.3
    assert revived.loss_ < left.loss_


NETWORK = DenseNetwork(4, 6, (), code=TopKCode(2))


def weights_of(network):
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in network.shapes().items()
    }


def code_of(active, n_rows):
    """A code, a row a unit, in which just these units are active."""
    code = torch.zeros((6, n_rows), dtype=torch.float64)
    code[list(active)] = 1.0
    return code


class TestRevival:
    def make(self, n_rows=10, alpha=0.5):
        return Revival(NETWORK, Gaussian(), alpha, n_rows)

    def term(self, revival):
        weights, x = weights_of(NETWORK), torch.from_numpy(random_numbers(shape=(5, 4)))
        output = NETWORK.decode(weights, NETWORK.encode(weights, x))
        return revival.term(weights, x, x, output), weights, x, output

    def test_nobody_is_dead_before_so_many_rows(self):
        revival = self.make()
        for _ in range(2):
            revival.see(code_of({0, 1}, 5))
            assert self.term(revival)[0] is None
        revival.see(code_of({0, 1}, 5))
        assert self.term(revival)[0] is not None

    def test_a_row_that_activates_a_unit_is_a_sign_of_life(self):
        revival = self.make()
        for _ in range(5):
            revival.see(code_of(range(6), 5))
        assert self.term(revival)[0] is None

    def test_term_is_the_loss_of_what_the_largest_dead_units_decode_to(self):
        revival = self.make(alpha=0.5)
        for _ in range(3):
            revival.see(code_of({0, 1}, 5))
        term, weights, x, _ = self.term(revival)
        pre = NETWORK.trace(weights, x).pre[-1].numpy()
        code = np.zeros_like(pre)
        code[:, 2:] = kept(pre[:, 2:], 2)  # the first two are alive
        decoded = NETWORK.decode(weights, torch.from_numpy(code))
        expected = 0.5 * (x - decoded).square().mean()
        assert_allclose(term, expected, rtol=1e-12)

    def test_fewer_dead_units_than_k_are_all_taken(self):
        revival = self.make(alpha=1.0)
        for _ in range(3):
            revival.see(code_of({0, 1, 2, 3, 4}, 5))
        term, weights, x, _ = self.term(revival)
        code = NETWORK.trace(weights, x).pre[-1].clone()
        code[:, :5] = 0.0
        expected = (x - NETWORK.decode(weights, code)).square().mean()
        assert_allclose(term, expected, rtol=1e-12)
