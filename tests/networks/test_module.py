"""The network for those who want to go on in torch."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skae import Autoencoder, LinearAutoencoder

SETTINGS = {
    "hidden_layer_sizes": (6,),
    "learning_rate": "cosine",
    "learning_rate_init": 1e-2,
    "max_iter": 3,
    "precision": "float64",
    "random_state": 0,
}
VARIANTS = {
    "gaussian": Autoencoder(**SETTINGS),
    "tied": Autoencoder(tied_weights=True, **SETTINGS),
    "plain": Autoencoder(linear_path=False, **SETTINGS),
    "bernoulli": Autoencoder(likelihood="bernoulli", **SETTINGS),
    "logistic": Autoencoder(output_activation="logistic", **SETTINGS),
    "linear": LinearAutoencoder(),
    "shrunk": LinearAutoencoder(weight_decay=0.1),
}


def make_data(n=40, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, 5))


@pytest.fixture(params=VARIANTS)
def fitted(request):
    return VARIANTS[request.param].fit(make_data())


@pytest.fixture
def X():
    return make_data(9, seed=1)


def in_numpy(function, rows):
    with torch.no_grad():
        return function(torch.from_numpy(rows)).numpy()


def test_it_computes_what_the_estimator_does(fitted, X):
    network = fitted.network_
    codes = fitted.transform(X)
    exact = {"rtol": 1e-12, "atol": 1e-13}
    assert_allclose(in_numpy(network.encode, X), codes, **exact)
    assert_allclose(
        in_numpy(network.decode, codes), fitted.inverse_transform(codes), **exact
    )
    assert_allclose(in_numpy(network, X), fitted.reconstruct(X), **exact)


def test_arrays_are_refused(fitted, X):
    network, codes = fitted.network_, fitted.transform(X)
    message = "as a torch.Tensor, and got ndarray: .* estimator's {}, which takes"
    for function in (network, network.encode):
        with pytest.raises(TypeError, match="rows " + message.format("transform")):
            function(X)
    with pytest.raises(TypeError, match="codes " + message.format("inverse_transform")):
        network.decode(codes)


def test_every_access_gives_a_new_one(fitted):
    first, second = fitted.network_, fitted.network_
    assert first is not second
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.data_ptr() != other.data_ptr()


def test_what_is_done_to_it_changes_nothing(fitted, X):
    before = fitted.reconstruct(X)
    network = fitted.network_
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.add_(1.0)
    np.testing.assert_array_equal(fitted.reconstruct(X), before)
    assert_allclose(in_numpy(fitted.network_, X), before, rtol=1e-12)


def test_it_can_be_trained_on(X):
    fitted = VARIANTS["gaussian"].fit(make_data())
    network = fitted.network_
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    rows = torch.from_numpy(X)
    losses = []
    for _ in range(20):
        loss = (network(rows) - rows).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_mean_and_scale_are_no_parameters(fitted):
    network = fitted.network_
    assert {"mean", "scale"} <= {name for name, _ in network.named_buffers()}
    assert {"mean", "scale"} <= set(network.state_dict())


def test_its_weights_survive_their_state_dict(fitted, X):
    source, target = fitted.network_, fitted.network_
    with torch.no_grad():
        for tensor in target.parameters():
            tensor.zero_()
    target.load_state_dict(source.state_dict())
    assert_allclose(in_numpy(target, X), fitted.reconstruct(X), rtol=1e-12)


def test_its_dtype_is_that_of_training():
    single = Autoencoder(**SETTINGS | {"precision": "float32"}).fit(make_data())
    assert {p.dtype for p in single.network_.parameters()} == {torch.float32}
    double = VARIANTS["gaussian"].fit(make_data())
    assert {p.dtype for p in double.network_.parameters()} == {torch.float64}


@pytest.mark.parametrize(
    "given", [torch.float64, torch.float32, torch.float16], ids=str
)
def test_both_ways_cast_to_that_dtype(X, given):
    fitted = Autoencoder(**SETTINGS | {"precision": "float32"}).fit(make_data())
    network, rows = fitted.network_, torch.from_numpy(X).to(given)
    codes = network.encode(rows)
    for found in (codes, network.decode(codes.to(given)), network(rows)):
        assert found.dtype == torch.float32
    expected = fitted.inverse_transform(codes.to(given))
    assert_allclose(
        network.decode(codes.to(given)).detach(), expected, rtol=1e-5, atol=1e-6
    )


def test_it_says_what_it_is(fitted):
    assert "DenseNetwork(n_features=5, n_components=2" in repr(fitted.network_)
