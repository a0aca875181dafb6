"""What is exactly true of attention: its weights, its symmetry, its mask."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from skae import AttentionAutoencoder
from skae.estimators.objective import Objective
from skae.networks import AttentionNetwork
from skae.networks.transformer import explicit

STEPS, FEATURES, K = 6, 3, 2
SETTINGS = {
    "input_shape": (STEPS, FEATURES),
    "width": 8,
    "n_heads": 2,
    "n_layers": 2,
    "max_iter": 5,
    "learning_rate_init": 1e-2,
    "early_stopping": False,
    "precision": "float64",
    "random_state": 0,
}


def make(steps=STEPS, **changes):
    shape = (steps, FEATURES)
    return AttentionNetwork(shape, K, width=8, n_heads=2, n_layers=2, **changes)


def draw(network, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: torch.from_numpy(rng.normal(size=shape) * 0.5)
        for name, shape in network.shapes().items()
    }


def rows(n=9, steps=STEPS, seed=1):
    return np.random.default_rng(seed).normal(size=(n, steps * FEATURES))


def shuffled(x, order):
    """The same rows with their steps in another order."""
    return x.reshape(-1, STEPS, FEATURES)[:, order].reshape(len(x), -1)


class TestWeights:
    @pytest.mark.parametrize("positions", ["learned", "sinusoidal", None])
    def test_rows_sum_to_one(self, positions):
        X = rows(40)
        model = AttentionAutoencoder(K, **SETTINGS, positions=positions).fit(X)
        shares = model.attention_weights(X)
        assert shares.shape == (40, 2, 2, STEPS, STEPS)
        assert (shares >= 0.0).all()
        assert_allclose(shares.sum(-1), 1.0, rtol=0, atol=1e-10)

    @pytest.mark.parametrize("size", [0.0, 1.0, 1e6])
    def test_rows_sum_to_one_at_any_scale(self, size):
        network = make()
        shares = network.attention(draw(network), torch.from_numpy(size * rows()))
        assert_allclose(shares.sum(-1), 1.0, rtol=0, atol=1e-10)

    def test_they_are_those_that_the_fused_attention_uses(self):
        network = make()
        weights, x = draw(network), torch.from_numpy(rows())
        shares = iter(network.attention(weights, x).unbind(1))
        tokens = network.tokens(weights, x, lambda q, k, v, mask: next(shares) @ v)
        assert_allclose(tokens, network.tokens(weights, x), rtol=1e-10, atol=1e-12)
        assert next(shares, None) is None  # every layer has taken its own

    def test_other_weights_would_be_noticed(self):
        network = make()
        weights, x = draw(network), torch.from_numpy(rows())
        tokens = network.tokens(
            weights, x, lambda q, k, v, mask: 0.99 * explicit(q, k, mask) @ v
        )
        assert (tokens - network.tokens(weights, x)).abs().max() > 1e-4


class TestSymmetry:
    ORDER = np.array([3, 0, 5, 1, 4, 2])

    def tokens(self, positions):
        """Of rows, and of the same with their steps in another order."""
        network, x = make(positions=positions), rows()
        weights = draw(network)
        return [
            network.tokens(weights, torch.from_numpy(rows))
            for rows in (x, shuffled(x, self.ORDER))
        ]

    def test_without_positions_tokens_follow_their_steps(self):
        tokens, moved = self.tokens(None)
        assert_allclose(moved, tokens[:, self.ORDER], rtol=0, atol=1e-10)

    @pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
    def test_with_positions_they_do_not(self, positions):
        tokens, moved = self.tokens(positions)
        assert (moved - tokens[:, self.ORDER]).abs().max() > 1e-2

    def test_without_positions_and_path_the_code_is_that_of_a_set(self):
        settings = SETTINGS | {"positions": None, "linear_path": False}
        model, X = AttentionAutoencoder(K, **settings), rows(40)
        model.fit(X + 5.0)  # with one mean for all steps, which centring takes away
        model._fitted.scaling.mean[:] = 5.0
        codes = model.transform(X)
        assert_allclose(model.transform(shuffled(X, self.ORDER)), codes, atol=1e-10)
        assert np.ptp(codes, axis=0).min() > 1e-3

    def test_the_path_and_the_means_see_the_order(self):
        X = rows(40)
        model = AttentionAutoencoder(K, **SETTINGS, positions=None).fit(X)
        moved = model.transform(shuffled(X, self.ORDER))
        assert np.abs(moved - model.transform(X)).max() > 1e-2


class TestMask:
    """Steps that are padding, here the last two of six."""

    N = 4

    def test_what_stands_at_a_padded_step_has_no_influence(self):
        codes = []
        for fill in (0.0, 1e6):
            X = rows(40).reshape(-1, STEPS, FEATURES)
            X[:, self.N :] = fill
            model = AttentionAutoencoder(K, **SETTINGS, padding=fill).fit(X)
            codes.append(model.transform(X))
        assert_allclose(codes[0], codes[1], rtol=0, atol=1e-12)

    @pytest.mark.parametrize("positions", ["learned", "sinusoidal", None])
    def test_nobody_looks_at_a_padded_step(self, positions):
        network = make(omits=True, positions=positions)
        weights, x = draw(network), self.cut(rows())
        shares = network.attention(weights, x)
        assert (shares[..., self.N :] == 0.0).all()
        assert_allclose(shares.sum(-1), 1.0, rtol=0, atol=1e-10)
        tokens = network.tokens(weights, x)
        held = iter(shares.unbind(1))
        again = network.tokens(weights, x, lambda q, k, v, mask: next(held) @ v)
        assert_allclose(again, tokens, rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("positions", ["learned", "sinusoidal", None])
    def test_more_padding_gives_the_same_code(self, positions):
        long = make(omits=True, positions=positions)
        short = make(self.N, omits=True, positions=positions)
        weights, x = draw(long), self.cut(rows())
        whole = x[:, : self.N * FEATURES]
        expected = short.encode(self.shortened(weights, short), whole)
        assert_allclose(long.encode(weights, x), expected, rtol=1e-10, atol=1e-12)
        plain = make(self.N, positions=positions)
        unmasked = plain.encode(self.shortened(weights, plain), whole)
        assert_allclose(unmasked, expected, rtol=1e-10, atol=1e-12)

    def test_gradients_do_not_see_it_either(self):
        composition = AttentionAutoencoder(K, **SETTINGS, padding=0.0)._compose(18)
        objective, network = Objective(composition), composition.network
        weights = {n: w.requires_grad_() for n, w in draw(network).items()}
        terms = objective.terms(9, torch.Generator(), lambda: 1.0)
        x = self.cut(rows())

        def function(*leaves):
            return terms.loss(dict(zip(weights, leaves, strict=True)), x, x)[0]

        assert torch.autograd.gradcheck(function, tuple(weights.values()))
        expected = (network.decode(weights, network.encode(weights, x)) - x)[
            :, : self.N * FEATURES
        ]
        loss = function(*weights.values())
        torch.testing.assert_close(loss, expected.square().mean())

    def cut(self, x):
        """Rows without their last steps."""
        x = x.reshape(-1, STEPS, FEATURES).copy()
        x[:, self.N :] = np.nan
        return torch.from_numpy(x.reshape(len(x), -1))

    def shortened(self, weights, network):
        """The same weights, as far as a network of fewer steps has them."""
        return {
            name: weights[name][tuple(map(slice, shape))]
            for name, shape in network.shapes().items()
        }


class TestStart:
    def test_training_starts_at_pca_and_never_ends_above_it(self):
        X = rows(60)
        pca = PCA(K).fit(X)
        error = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
        still = SETTINGS | {"max_iter": 1, "learning_rate_init": 1e-300}
        start = AttentionAutoencoder(K, **still).fit(X)
        assert_allclose(start.loss_, error, rtol=1e-10)
        assert_allclose(
            np.abs(start.transform(X)), np.abs(pca.transform(X)) / X_scale(X), atol=1e-8
        )
        wild = SETTINGS | {"learning_rate_init": 1.0}
        assert AttentionAutoencoder(K, **wild).fit(X).loss_ <= error * (1 + 1e-12)


def X_scale(X):
    return np.sqrt(np.mean((X - X.mean(axis=0)) ** 2))
