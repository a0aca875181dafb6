"""The convolutional network and its objective against their definitions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skimage.metrics import structural_similarity as reference
from sklearn.decomposition import PCA
from torch.testing import assert_close

from skae import ConvolutionalAutoencoder
from skae.networks import ConvolutionalNetwork, GaussianCode, initialise
from skae.networks.convolutional import Stage
from skae.objectives import Dissimilarity, structural_similarity
from skae.training import FlatTensors

SIZES = [*range(1, 14), 16, 17, 27, 28, 32, 33]


def drawn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def weights_of(network, seed=0):
    """Weights drawn at random, the biases too."""
    flat = FlatTensors(network.shapes(), dtype=torch.float64, device="cpu")
    initialise(network, flat.views, "he", torch.Generator().manual_seed(seed))
    for name, weight in flat.views.items():
        if name.endswith("bias"):
            weight.copy_(0.1 * drawn(*weight.shape, seed=seed))
    return flat.views


def images(n=12, shape=(2, 6, 5), seed=0):
    """Images in [0, 1] of a moving spot, a channel darker than the other."""
    rng = np.random.default_rng(seed)
    _, height, width = shape
    y, x = np.mgrid[:height, :width]
    centres = rng.uniform(0, (height, width), size=(n, 2))[:, :, None, None]
    spots = np.exp(-((y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2) / 4.0)
    shades = np.linspace(1.0, 0.5, shape[0])[:, None, None]
    return spots[:, None] * shades


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(1, 1), (1, 8), (7, 1), (6, 6), (5, 8), (33, 2)])
def test_transposed_convolution_is_the_adjoint(size, kernel_size):
    stage = Stage.over(size, kernel_size, 2, 3)
    weight = drawn(3, 2, *stage.kernel)
    x, y = drawn(4, 2, *size, seed=1), drawn(4, 3, *stage.reduced, seed=2)
    inner = (stage.down(x, weight, None) * y).sum()
    assert_close(inner, (x * stage.up(y, weight, None)).sum(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("channels", [(2,), (2, 3), (2, 3, 2)])
@pytest.mark.parametrize("height", SIZES)
def test_image_of_any_size_comes_out_as_it_went_in(height, channels):
    for width in SIZES:
        for kernel_size in (3, 4):
            network = ConvolutionalNetwork((1, height, width), 2, channels, kernel_size)
            x = drawn(2, height * width)
            weights = weights_of(network)
            z = network.encode(weights, x)
            assert z.shape == (2, 2)
            assert network.decode(weights, z).shape == x.shape


@pytest.mark.parametrize("path", [True, False], ids=["path", "plain"])
def test_network_is_convolutions_beside_a_path(path):
    network = ConvolutionalNetwork(
        (2, 6, 5), 3, (4,), activation="tanh", linear_path=path
    )
    weights = weights_of(network)
    x = drawn(7, 60)
    convolved = torch.nn.functional.conv2d(
        x.view(-1, 2, 6, 5),
        weights["encoder.0.weight"],
        weights["encoder.0.bias"],
        stride=2,
        padding=1,
    )
    z = torch.tanh(convolved).flatten(1) @ weights["encoder.1.weight"].t()
    z = z + weights["encoder.code.bias"]
    if path:
        z = z + x @ weights["encoder.path.weight"].t()
    assert_close(network.encode(weights, x), z)
    h = torch.tanh(z @ weights["decoder.1.weight"] + weights["decoder.1.bias"])
    back = torch.nn.functional.conv_transpose2d(
        h.view(-1, 4, 3, 3),
        weights["decoder.0.weight"],
        stride=2,
        padding=1,
        output_padding=(1, 0),
    )
    output = back.flatten(1) + weights["decoder.output.bias"]
    if path:
        output = output + z @ weights["decoder.path.weight"]
    assert_close(network.decode(weights, z), output)


@pytest.mark.parametrize("code", [None, GaussianCode()], ids=["plain", "normal"])
def test_gradient_of_the_whole_objective_passes_gradcheck(code):
    extra = {} if code is None else {"code": code}
    network = ConvolutionalNetwork((1, 5, 4), 2, (2, 3), **extra)
    weights, x = weights_of(network), drawn(3, 20)
    part = Dissimilarity(0.3, (1, 5, 4), data_range=4.0, shade=drawn(20, seed=3))

    def objective(*values):
        named = dict(zip(weights, values, strict=True))
        output = network.decode(named, network.encode(named, x))
        return (output - x).square().mean() + part(output, x).mean()

    leaves = [weight.detach().requires_grad_() for weight in weights.values()]
    assert torch.autograd.gradcheck(objective, leaves)


@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 6, 5), (1, 1, 30)])
def test_start_is_pca_of_the_pixels(shape):
    X = images(40, shape)
    ae = ConvolutionalAutoencoder(
        3, input_shape=shape, max_iter=1, learning_rate_init=1e-12, early_stopping=False
    ).fit(X.astype(np.float64))
    rows = X.reshape(len(X), -1)
    pca = PCA(3).fit(rows)
    expected = pca.inverse_transform(pca.transform(rows))
    assert_allclose(ae.reconstruct(rows), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 11, 11), (1, 28, 28), (3, 13, 40)])
def test_similarity_is_scikit_image_s(shape):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2.0, 5.0, size=(4, *shape))
    other = X + rng.normal(size=X.shape)
    expected = [
        reference(
            x,
            y,
            channel_axis=0,
            data_range=7.0,
            gaussian_weights=True,
            use_sample_covariance=False,
        )
        for x, y in zip(X, other, strict=True)
    ]
    actual = structural_similarity(
        torch.from_numpy(X), torch.from_numpy(other), data_range=7.0
    )
    assert_allclose(actual, expected, rtol=1e-10)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (2, 4, 10), (1, 20, 3)])
def test_similarity_of_small_images_has_a_smaller_window(shape):
    X = drawn(5, *shape)
    assert_close(structural_similarity(X, X, 4.0), torch.ones(5, dtype=torch.float64))
    other = structural_similarity(X, X + 0.5 * drawn(5, *shape, seed=1), 4.0)
    assert ((other < 1.0) & (other > -1.0)).all()


def test_windows_first_asked_for_in_inference_mode_serve_training():
    X, other = drawn(2, 1, 7, 15), drawn(2, 1, 7, 15, seed=1)
    with torch.inference_mode():
        structural_similarity(X, other, 4.0)
    similarity = structural_similarity(X.requires_grad_(), other, 4.0).sum()
    assert torch.autograd.grad(similarity, X)[0].abs().sum() > 0.0


def test_dissimilarity_does_not_depend_on_units():
    X, other = drawn(5, 12), drawn(5, 12, seed=1)
    mean = drawn(12, seed=2)
    part = Dissimilarity(0.3, (1, 3, 4))
    plain = part.in_units(torch.zeros(12, dtype=torch.float64), 1.0, -3.0, 4.0)
    scaled = part.in_units(mean, 2.5, -3.0, 4.0)
    assert_close(scaled((X - mean) / 2.5, (other - mean) / 2.5), plain(X, other))


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_similarity_is_not_lost_beside_a_large_offset(offset):
    """Nor are its variances in float32, which alone matter there."""
    X, other = drawn(5, 144).float(), drawn(5, 144, seed=1).float()
    part = Dissimilarity(1.0, (1, 12, 12))
    mean = torch.full((144,), offset, dtype=torch.float64)
    far = part.in_units(mean, 1.0, offset - 4.0, offset + 4.0)
    images, others = (x.view(-1, 1, 12, 12).double() + offset for x in (X, other))
    expected = [
        reference(
            x[0].numpy(),
            y[0].numpy(),
            data_range=8.0,
            gaussian_weights=True,
            use_sample_covariance=False,
        )
        for x, y in zip(images, others, strict=True)
    ]
    if offset <= 1e6:  # beyond, the reference loses them even in float64
        assert_allclose(1.0 - far(X, other), expected, rtol=1e-3, atol=1e-4)
    assert_allclose(far(X, X), 0.0, atol=1e-6)
    assert 0.1 < float(far(X, other).mean()) < 1.2


def test_similarity_has_its_weight_in_the_objective():
    X = images(40, (1, 12, 12))
    settings = {"input_shape": (1, 12, 12), "early_stopping": False, "max_iter": 1}
    ae = ConvolutionalAutoencoder(
        2, ssim_weight=0.5, learning_rate_init=1e-9, random_state=0, **settings
    ).fit(X)
    decoded = ae.reconstruct(X)
    similarity = structural_similarity(
        *(torch.from_numpy(x) for x in (decoded, X)), data_range=np.ptp(X)
    )
    unit = ae._fitted.unit
    expected = np.mean((decoded - X) ** 2)
    assert_allclose(ae.loss_, expected, rtol=1e-6)
    whole = expected + unit * 0.5 * float((1.0 - similarity).mean())
    assert_allclose(ae.best_loss_, whole, rtol=1e-5)
    assert_allclose(ae.loss_curve_[0], whole, rtol=1e-2)
