"""Heads on a frozen encoder: scikit-learn's linear models on the code."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.special import log_softmax
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge

from skae import (
    Autoencoder,
    AutoencoderClassifier,
    AutoencoderRegressor,
    DenoisingAutoencoder,
    LinearAutoencoder,
    VariationalAutoencoder,
)
from skae.estimators import heads
from skae.estimators.heads import Labels, Numbers, log_odds, solve_head
from skae.estimators.objective import Objective
from skae.estimators.supervised import HEAD, SupervisedObjective

SHORT = {"max_iter": 10, "precision": "float64", "random_state": 0}

ENCODERS = {
    "linear": LinearAutoencoder(3),
    "dense": Autoencoder(3, **SHORT),
    "textbook": Autoencoder(3, linear_path=False, code_activation="tanh", **SHORT),
    "denoising": DenoisingAutoencoder(3, **SHORT),
    "variational": VariationalAutoencoder(2, **SHORT),
}

parametrize = pytest.mark.parametrize


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


@parametrize("name", ENCODERS)
@parametrize("C", [0.01, 1.0, 100.0])
@parametrize("n_classes", [2, 3])
@parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.5}], ids=str)
def test_classifier_is_logistic_regression_on_the_code(
    iris, name, C, n_classes, class_weight
):
    X, y = iris
    X, y = X[y < n_classes][20:], y[y < n_classes][20:]  # classes of different sizes
    weights = {"C": C, "class_weight": class_weight}
    model = AutoencoderClassifier(ENCODERS[name], fine_tune="head", **weights)
    Z = model.fit(X, y).transform(X)
    expected = LogisticRegression(tol=1e-10, max_iter=100_000, **weights).fit(Z, y)
    found = model.predict_proba(X)
    assert_allclose(found, expected.predict_proba(Z), rtol=0, atol=1e-3)
    assert_allclose(model.predict_log_proba(X), np.log(found), rtol=1e-10, atol=1e-12)


@parametrize("most", [heads._LARGEST_HESSIAN, 0], ids=["newton", "lbfgs"])
def test_classifier_is_logistic_regression_on_codes_of_real_size(monkeypatch, most):
    monkeypatch.setattr(heads, "_LARGEST_HESSIAN", most)
    X, y = load_digits(return_X_y=True)
    autoencoder = Autoencoder(16, max_iter=5, random_state=0)
    model = AutoencoderClassifier(autoencoder, fine_tune="head").fit(X, y)
    Z = model.transform(X)
    expected = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(Z, y)
    proba = expected.predict_proba(Z)
    assert_allclose(model.predict_proba(X), proba, rtol=0, atol=1e-3)


@parametrize("name", ENCODERS)
@parametrize("C", [0.01, 1.0, 100.0])
@parametrize("n_outputs", [None, 1, 2])
def test_regressor_is_ridge_on_the_code(iris, name, C, n_outputs):
    X, _ = iris
    y = np.sin(X[:, 0]) if n_outputs is None else 1e3 * np.sin(X[:, :n_outputs])
    model = AutoencoderRegressor(ENCODERS[name], fine_tune="head", C=C).fit(X, y)
    Z = model.transform(X)
    expected = Ridge(alpha=1.0 / C).fit(Z, y).predict(Z)
    assert_allclose(model.predict(X), expected.reshape(y.shape), rtol=1e-9, atol=1e-9)


def codes_and(supervision, rng, n=40, k=3, m=3):
    """Codes, and targets for them."""
    Z = 5.0 + rng.normal(size=(n, k))
    if isinstance(supervision, Numbers):
        return Z, 100.0 * rng.normal(size=(n, m)) + Z[:, :1]
    return Z, np.eye(m)[rng.integers(m, size=n)] * rng.uniform(0.5, 2.0, size=(n, 1))


def make_head(supervision, Z, targets, C, sizes=()):
    generator = torch.Generator().manual_seed(0)
    return solve_head(supervision, Z, targets, C, sizes, "gelu", generator)


@parametrize("supervision", [Labels(), Numbers()], ids=str)
@parametrize("n_outputs", [2, 3])
@parametrize("C", [0.1, 10.0])
def test_fine_tuning_has_the_penalty_of_the_start(supervision, n_outputs, C):
    # The start is the minimum of what is trained: its gradient is zero.
    Z, targets = codes_and(supervision, np.random.default_rng(0), m=n_outputs)
    head = make_head(supervision, Z, targets, C)
    weights = {n: torch.tensor(w, requires_grad=True) for n, w in head.weights.items()}
    _, wanted = supervision.in_units(targets)
    output = head.network.decode(weights, torch.from_numpy(Z))
    loss = supervision.loss(output, torch.from_numpy(wanted))
    squares = weights["decoder.0.weight"].square().sum()
    objective = loss + 0.5 * supervision.decay(C, targets) * squares
    gradients = torch.autograd.grad(objective, list(weights.values()))
    for gradient in gradients:
        assert_allclose(gradient, 0.0, atol=1e-5)


@parametrize("supervision", [Labels(), Numbers()], ids=str)
@parametrize("sizes", [(7,), (7, 4)], ids=str)
def test_hidden_layers_start_at_the_linear_head(supervision, sizes):
    Z, targets = codes_and(supervision, np.random.default_rng(0))
    linear = make_head(supervision, Z, targets, 1.0)
    deep = make_head(supervision, Z, targets, 1.0, sizes)
    assert_allclose(deep.decode(Z), linear.decode(Z), rtol=1e-12)
    widths = [deep.weights[f"decoder.{i}.bias"].size for i in range(len(sizes), 0, -1)]
    assert tuple(widths) == sizes


class TestObjective:
    """The objective of fine-tuning, against its formula."""

    alpha, consistency = 0.3, 0.7

    @pytest.fixture
    def parts(self):
        """Objective, weights, labelled rows and all rows of a small problem."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(30, 5))
        autoencoder = DenoisingAutoencoder(2, noise=0.5, **SHORT).fit(X)
        fitted = autoencoder._fitted
        Z, targets = codes_and(Labels(), rng, n=12, k=2)
        head = make_head(Labels(), Z, targets, 1.0, (4,))
        composition = autoencoder._compose(5).in_units(fitted.scaling, 0.0, 1.0)
        objective = SupervisedObjective(
            Objective(composition), head.network, Labels(), self.alpha, self.consistency
        )
        weights = {n: torch.from_numpy(w.copy()) for n, w in fitted.weights.items()}
        for name, weight in head.weights.items():
            weights[HEAD + name] = torch.from_numpy(weight)
        rows = torch.from_numpy((X - fitted.scaling.mean) / fitted.scaling.scale)
        labelled = torch.cat([rows[:12], torch.from_numpy(targets)], dim=1)
        sigma = 0.5 / fitted.scaling.scale
        return objective, weights, labelled, rows, fitted.network, head, sigma

    def test_is_the_formula(self, parts):
        objective, weights, labelled, rows, network, head, sigma = parts
        generator, again = (torch.Generator().manual_seed(1) for _ in range(2))

        def noisy(x):
            noise = torch.empty_like(x).normal_(generator=again)
            return x + sigma * noise

        def log_proba(x):
            own = {n.removeprefix(HEAD): w for n, w in weights.items() if HEAD in n}
            output = head.network.decode(own, network.encode(weights, x))
            return log_softmax(output.numpy(), axis=1)

        targets = labelled[:, 5:].numpy()
        error = -np.sum(targets * log_proba(noisy(rows[:12])), axis=1).mean()
        sure = np.exp(2.0 * log_proba(rows))  # a temperature of one half
        sure /= sure.sum(axis=1, keepdims=True)
        disagreement = -np.sum(sure * log_proba(noisy(rows)), axis=1).mean()
        output = network.decode(weights, network.encode(weights, noisy(rows)))
        lost = float((output - rows).square().mean())
        expected = error + self.consistency * disagreement + self.alpha * lost
        found = objective.evaluate(weights, labelled, rows, generator)
        assert_allclose(found, expected, rtol=1e-12)

    def test_no_gradient_draws_clean_predictions_to_noisy_ones(self, parts):
        objective, weights, _, rows, network, head, sigma = parts
        leaves = {n: w.clone().requires_grad_() for n, w in weights.items()}
        plain = SupervisedObjective(
            objective._own, head.network, Labels(), 0.0, self.consistency
        )
        term = plain.terms(len(rows), torch.Generator().manual_seed(1))
        term(leaves, rows).backward()
        noise = torch.empty_like(rows).normal_(
            generator=torch.Generator().manual_seed(1)
        )
        expected = {n: w.clone().requires_grad_() for n, w in weights.items()}

        def output(of, x):
            own = {n.removeprefix(HEAD): w for n, w in of.items() if HEAD in n}
            return log_odds(head.network.decode(own, network.encode(of, x)))

        fixed = torch.softmax(2.0 * output(weights, rows), dim=1)
        seen = torch.log_softmax(output(expected, rows + sigma * noise), dim=1)
        (-self.consistency * (fixed * seen).sum(1).mean()).backward()
        for name, leaf in leaves.items():
            if not name.startswith("decoder"):
                assert_allclose(leaf.grad, expected[name].grad, rtol=1e-10, atol=1e-14)


@parametrize("fine_tune", ["all", "gradual"])
def test_a_frozen_encoder_is_not_touched(iris, fine_tune):
    X, y = iris
    autoencoder = Autoencoder(3, **SHORT).fit(X)
    before = {n: w.copy() for n, w in autoencoder._fitted.weights.items()}
    codes = autoencoder.transform(X)
    model = AutoencoderClassifier(
        FrozenEstimator(autoencoder), fine_tune=fine_tune, alpha=1.0, max_iter=10
    ).fit(X, y)
    assert not np.array_equal(model.transform(X), codes)
    assert np.array_equal(autoencoder.transform(X), codes)
    for name, weight in autoencoder._fitted.weights.items():
        assert np.array_equal(weight, before[name])
