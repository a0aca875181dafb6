"""Products of rounded factors are what bfloat16 allows, and are made where it gains."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

import skae.networks.products as products
import skae.networks.rounded as house
from skae import Autoencoder, VariationalAutoencoder
from skae.networks.products import bring, fill, fill_anew, rounded_factors
from skae.networks.rounded import RoundedProduct, can_be_rounded

ROUNDING = 2.0**-8
"""Largest relative error of a number of bfloat16."""


@pytest.fixture
def parts():
    """A start, and factors of a product of 18 million operations."""
    generator = torch.Generator().manual_seed(0)
    shapes = (300, 150), (300, 200), (200, 150)
    return [torch.randn(shape, generator=generator) for shape in shapes]


@pytest.fixture
def able(monkeypatch):
    """As on a processor with instructions for bfloat16, and without matrix units."""
    monkeypatch.setattr(house, "_has_instructions", lambda: True)


def rounded_product(left, right):
    left, right = (factor.bfloat16().double() for factor in (left, right))
    return left @ right


def assert_rounded(found, start, product):
    error = (found.double() - start - product).abs()
    assert (error <= ROUNDING * product.abs() + 1e-5).all()


def transposed(factor):
    return factor.mT.contiguous().mT


@pytest.mark.parametrize("lay_left", [torch.clone, transposed])
@pytest.mark.parametrize("lay_right", [torch.clone, transposed])
def test_factors_and_result_are_rounded_and_sums_are_not(parts, lay_left, lay_right):
    start, left, right = parts
    left, right = lay_left(left), lay_right(right)
    product = rounded_product(left, right)
    out = torch.full_like(start, torch.nan)
    for given in (None, start, start[:, :1], start[:1], out):
        before = 0.0 if given is None else given.double().clone()
        for call in RoundedProduct(out, left, right, given).calls:
            call()
        assert_rounded(out, before, product)


def test_factors_are_rounded_anew_each_time(parts):
    start, left, right = parts
    out = torch.empty_like(start)
    calls = RoundedProduct(out, left, right).calls
    for _ in range(2):
        left.mul_(3.0)
        right.add_(1.0)
        for call in calls:
            call()
        assert_rounded(out, 0.0, rounded_product(left, right))


@pytest.mark.parametrize("give", [torch.clone, transposed, lambda x: 2 * x])
def test_products_of_other_rows_are_right(parts, give):
    start, left, right = parts
    out = torch.empty_like(start)
    other = give(right)
    assert RoundedProduct(out, left, right, start).of(other)
    assert_rounded(out, start, rounded_product(left, other))


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    "wrong",
    [lambda x: x[:, :149], lambda x: x[:, :1], lambda x: x[:199], torch.Tensor.double],
)
def test_wrong_rows_are_refused(parts, wrong, monkeypatch):
    monkeypatch.setattr(products, "_onednn_is_faster", lambda: False)
    start, left, right = parts
    with rounded_factors(True):
        call = fill_anew(torch.empty_like(start), left, right, start)
    with pytest.raises(RuntimeError, match=r"dtype|shape|size"):
        call(wrong(right))


@pytest.mark.usefixtures("able")
def test_large_products_are_rounded_where_it_is_asked_for(parts):
    start, left, right = parts
    expected, exact = rounded_product(left, right), left.double() @ right.double()
    found = [torch.empty_like(start) for _ in range(3)]

    def make(a, b, c):
        for call in fill(a, left, right):
            call()
        fill_anew(b, left, right)(right)
        calls, give = bring(c, left, right, torch.zeros(150))
        for call in calls:
            call()
        return give()

    with rounded_factors(True):
        found[2] = make(*found)
    for out in found:
        assert_rounded(out, 0.0, expected)
        assert (out - exact).abs().max() > 1e-2
    found[2] = make(*found)
    for out in found:
        torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-4)


def is_rounded(out, left, right):
    return isinstance(products._bind(out, left, right, None), RoundedProduct)


@pytest.mark.usefixtures("able")
def test_what_is_small_or_of_another_kind_is_not_rounded(parts):
    with rounded_factors(True):
        assert is_rounded(*parts)
        assert not is_rounded(*(part[:20, :20] for part in parts))
        assert not is_rounded(*(part.double() for part in parts))
        assert not is_rounded(*(part.expand(2, *part.shape) for part in parts))
        assert not is_rounded(*(part.to("meta") for part in parts))


@pytest.mark.usefixtures("able")
def test_rounding_is_of_a_thread_and_ends(parts):
    with rounded_factors(True), ThreadPoolExecutor(1) as pool:
        with rounded_factors(True):
            assert is_rounded(*parts)
        with rounded_factors(False):
            assert not is_rounded(*parts)
        assert is_rounded(*parts)
        assert not pool.submit(is_rounded, *parts).result()
    assert not is_rounded(*parts)


@pytest.mark.parametrize(
    ("products", "units", "expected"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_rounding_is_left_to_matrix_units(
    parts, monkeypatch, products, units, expected
):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: products)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: units)
    monkeypatch.setattr(house, "_has_instructions", house._has_instructions.__wrapped__)
    assert can_be_rounded(parts[0]) == expected
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not can_be_rounded(parts[0])


@pytest.mark.usefixtures("able")
@pytest.mark.parametrize(
    "estimator",
    [
        Autoencoder(20, hidden_layer_sizes=(100,)),
        Autoencoder(20, hidden_layer_sizes=(100,), tied_weights=True),
        VariationalAutoencoder(20, hidden_layer_sizes=(100,)),
    ],
    ids=["dense", "tied", "variational"],
)
@pytest.mark.parametrize("lay", [np.asarray, csr_array], ids=["array", "sparse"])
def test_fits_learn_the_same(estimator, lay):
    generator = np.random.default_rng(0)
    code = generator.normal(size=(2000, 20))
    X = np.tanh(code @ generator.normal(size=(20, 200))).astype(np.float32)
    X[np.abs(X) < 0.3] = 0.0
    estimator.set_params(batch_size=500, max_iter=5, random_state=0)
    exact, rounded = (
        estimator.set_params(precision=precision).fit(lay(X)).loss_curve_
        for precision in ("float32", "bfloat16")
    )
    assert rounded == pytest.approx(exact, rel=0.01)
    assert rounded != exact


@pytest.mark.usefixtures("able")
def test_a_fit_within_another_one_has_its_own_precision():
    X = np.random.default_rng(0).normal(size=(1000, 200)).astype(np.float32)
    plain = Autoencoder(20, max_iter=2, batch_size=500, random_state=0).fit(X)
    with rounded_factors(True):
        within = Autoencoder(20, max_iter=2, batch_size=500, random_state=0).fit(X)
    assert within.loss_curve_ == plain.loss_curve_
