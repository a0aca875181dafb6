"""Likelihoods against scipy's distributions and torch's autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from sklearn.metrics import mean_poisson_deviance

from skae.objectives import (
    LIKELIHOODS,
    Bernoulli,
    Gaussian,
    Likelihood,
    LogisticGaussian,
    Poisson,
    make_likelihood,
)

ALL = [Gaussian(), LogisticGaussian(), Bernoulli(), Poisson()]
MEANS = {
    Gaussian: lambda o: o,
    LogisticGaussian: expit,
    Bernoulli: expit,
    Poisson: np.exp,
}

every_likelihood = pytest.mark.parametrize(
    "likelihood", ALL, ids=lambda likelihood: type(likelihood).__name__
)


def outputs(seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(6, 4)) * 2)


def targets(seed=1):
    """Entries in [0, 1], both ends among them."""
    X = np.random.default_rng(seed).uniform(size=(6, 4))
    X[0, 0], X[0, 1] = 0.0, 1.0
    return torch.from_numpy(X)


@pytest.mark.parametrize("variance", [1e-6, 0.3, 40.0])
@pytest.mark.parametrize("likelihood", [Gaussian(), LogisticGaussian()])
def test_density_is_the_normal_one_around_the_mean(likelihood, variance):
    output, X = outputs(), targets()
    mean = MEANS[type(likelihood)](output.numpy())
    expected = stats.norm(mean, np.sqrt(variance)).logpdf(X.numpy())
    actual = likelihood.log_density(output, X, variance)
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def test_density_of_binary_entries_is_the_bernoulli_one():
    output, X = outputs(), targets().round()
    expected = stats.bernoulli(expit(output.numpy())).logpmf(X.numpy())
    actual = Bernoulli().log_density(output, X, 1.0)
    assert_allclose(actual, expected, rtol=1e-10, atol=1e-10)


def counts(seed=1):
    X = np.random.default_rng(seed).poisson(3.0, size=(6, 4)).astype(np.float64)
    X[0, 0], X[0, 1] = 0.0, 1000.0
    return torch.from_numpy(X)


def test_density_of_counts_is_the_poisson_one():
    output, X = outputs(), counts()
    expected = stats.poisson(np.exp(output.numpy())).logpmf(X.numpy())
    assert_allclose(Poisson().log_density(output, X, 1.0), expected, rtol=1e-10)


def test_loss_of_counts_is_half_the_deviance():
    output, X = outputs(), counts()
    expected = mean_poisson_deviance(X.numpy().ravel(), output.exp().numpy().ravel())
    assert_allclose(Poisson().loss(output, X).mean(), expected / 2, rtol=1e-10)
    assert torch.equal(Poisson().deviance(output, X), Poisson().loss(output, X))


def test_counts_are_encoded_by_their_logarithms():
    assert_allclose(
        Poisson().features(counts()), np.log1p(counts().numpy()), rtol=1e-15
    )
    assert_allclose(Poisson().features(-counts()), 0.0)
    for other in ALL[:3]:
        assert torch.equal(other.features(targets()), targets())


def test_counts_are_not_negative():
    Poisson().check(0.0, 1e300)
    with pytest.raises(ValueError, match=r"X must lie in \[0, inf\].* hold counts"):
        Poisson().check(-1e-3, 5.0)


@every_likelihood
def test_loss_is_the_negative_log_density_up_to_a_constant(likelihood):
    # The squared error is twice the negative log-density of variance 1.
    factor = 2.0 if isinstance(likelihood, Gaussian) else 1.0
    X = targets()
    rise = likelihood.loss(outputs(2), X) - likelihood.loss(outputs(3), X)
    fall = likelihood.log_density(outputs(3), X, 1.0)
    fall = fall - likelihood.log_density(outputs(2), X, 1.0)
    assert_allclose(rise, factor * fall, rtol=1e-10, atol=1e-10)


@every_likelihood
@pytest.mark.parametrize("weight", [1.0, 0.125])
def test_gradient_is_that_of_autograd(likelihood, weight):
    output, X = outputs().requires_grad_(), targets()
    loss = weight * likelihood.loss(output, X).sum()
    (expected,) = torch.autograd.grad(loss, output)
    gradient = torch.empty_like(X)
    value = likelihood.loss_gradient(output.detach(), X, gradient, weight)
    assert_allclose(value, loss.detach(), rtol=1e-12)
    assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14)


@every_likelihood
def test_loss_passes_gradcheck(likelihood):
    output, X = outputs().requires_grad_(), targets()
    assert torch.autograd.gradcheck(lambda o: likelihood.loss(o, X), (output,))


@every_likelihood
def test_inputs_are_left_alone(likelihood):
    output, X = outputs(), targets()
    likelihood.loss(output, X)
    likelihood.loss_gradient(output, X, torch.empty_like(X), 0.5)
    likelihood.log_density(output, X, 1.0)
    likelihood.deviance(output, X)
    assert torch.equal(output, outputs())
    assert torch.equal(X, targets())


@every_likelihood
def test_mean_is_that_of_the_distribution(likelihood):
    expected = MEANS[type(likelihood)](outputs().numpy())
    assert_allclose(likelihood.mean(outputs()), expected, rtol=1e-12)


INTERIOR = st.floats(1e-3, 1 - 1e-3)


@every_likelihood
@given(mean=st_np.arrays(np.float64, 5, elements=INTERIOR))
def test_link_undoes_the_mean(likelihood, mean):
    output = likelihood.link(torch.from_numpy(mean))
    assert_allclose(likelihood.mean(output), mean, rtol=1e-10)


@every_likelihood
def test_link_is_finite_where_the_mean_is_certain(likelihood):
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    assert torch.isfinite(likelihood.link(ends)).all()
    assert_allclose(likelihood.mean(likelihood.link(ends)), ends, atol=1e-3)


@every_likelihood
@given(target=st_np.arrays(np.float64, 5, elements=INTERIOR))
def test_perfect_reconstruction_has_no_deviance(likelihood, target):
    X = torch.from_numpy(target)
    assert_allclose(likelihood.deviance(likelihood.link(X), X), 0.0, atol=1e-12)


@every_likelihood
@given(
    output=st_np.arrays(np.float64, 5, elements=st.floats(-50, 50)),
    target=st_np.arrays(np.float64, 5, elements=st.floats(0, 1)),
)
def test_no_reconstruction_has_less_deviance(likelihood, output, target):
    X = torch.from_numpy(target)
    assert (likelihood.deviance(torch.from_numpy(output), X) >= -1e-12).all()


def test_bernoulli_deviance_of_certain_outputs_vanishes():
    X = torch.tensor([0.0, 1.0], dtype=torch.float64)
    output = torch.tensor([-60.0, 60.0], dtype=torch.float64)
    assert_allclose(Bernoulli().deviance(output, X), 0.0, atol=1e-12)


@pytest.mark.parametrize("likelihood", ALL[:3], ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("size", [100.0, 1e4])
def test_nothing_overflows_in_float32(likelihood, size):
    output = torch.tensor([[-size, size]])
    X, gradient = torch.tensor([[1.0, 0.0]]), torch.empty((1, 2))
    assert torch.isfinite(likelihood.loss(output, X)).all()
    assert torch.isfinite(likelihood.loss_gradient(output, X, gradient, 1.0))
    assert torch.isfinite(gradient).all()


def test_certain_and_wrong_costs_what_it_should():
    output = torch.tensor([1000.0], dtype=torch.float64)
    assert Bernoulli().loss(output, torch.zeros(1)).item() == 1000.0


@pytest.mark.parametrize("name", LIKELIHOODS)
@pytest.mark.parametrize("output_activation", ["identity", "logistic"])
def test_every_name_makes_a_likelihood(name, output_activation):
    made = make_likelihood(name, output_activation)
    assert isinstance(made, Likelihood)
    assert isinstance(made, Gaussian) == (name == "gaussian")


def test_only_the_gaussian_one_leaves_a_choice_of_link():
    assert make_likelihood("gaussian", "identity") == Gaussian()
    assert make_likelihood("gaussian", "logistic") == LogisticGaussian()
    assert make_likelihood("bernoulli", "logistic") == Bernoulli()
    assert make_likelihood("poisson", "logistic") == Poisson()


def test_data_in_free_units_are_standardised_and_shares_are_not():
    assert Gaussian.standardises
    assert Gaussian.bounds is None
    for bounded in (LogisticGaussian, Bernoulli):
        assert not bounded.standardises
        assert bounded.bounds == (0.0, 1.0)
