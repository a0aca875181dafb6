"""Products by oneDNN are those of torch, and are taken where they pay."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import skae.networks.products as house
from skae import Autoencoder
from skae.networks.products import affine, plain_numbers, products
from skae.training import bfloat16_products

LARGE, SMALL = (300, 200, 150), (30, 20, 15)


@pytest.fixture(params=[True, False], ids=["by oneDNN", "by torch"])
def onednn(request, monkeypatch):
    """As on a processor on which oneDNN is the faster one, or is not."""
    has_it = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    monkeypatch.setattr(house, "_onednn_is_faster", lambda: request.param and has_it)
    return request.param and has_it


def factors(shape, dtype=torch.float32, stack=()):
    m, k, n = shape
    generator = torch.Generator().manual_seed(0)
    left = torch.randn((*stack, m, k), generator=generator, dtype=dtype)
    right = torch.randn((*stack, k, n), generator=generator, dtype=dtype)
    start = torch.randn((*stack, m, n), generator=generator, dtype=dtype)
    return start, left, right


def transposed(factor):
    """The same numbers, column by column."""
    return factor.mT.contiguous().mT


@pytest.mark.parametrize("lay_left", [torch.clone, transposed])
@pytest.mark.parametrize("lay_right", [torch.clone, transposed])
@pytest.mark.parametrize("shape", [LARGE, SMALL])
def test_products_are_right(onednn, shape, lay_left, lay_right):
    start, left, right = factors(shape)
    left, right = lay_left(left), lay_right(right)
    exact = left.double() @ right.double()
    by, out = products(left, right), torch.full_like(start, torch.nan)
    by.mm(left, right, out=out)
    torch.testing.assert_close(out.double(), exact, rtol=1e-5, atol=1e-4)
    by.addmm(start, left, right, out=out)
    torch.testing.assert_close(out.double(), start + exact, rtol=1e-5, atol=1e-4)
    by.addmm(out, left, right, out=out)
    torch.testing.assert_close(out.double(), start + 2 * exact, rtol=1e-5, atol=1e-4)


def test_products_are_made_in_arrays_of_their_own(onednn):
    start, left, right = factors(LARGE)
    make = products(left, right).make
    assert (make is not None) == onednn
    if make is not None:
        exact = left.double() @ right.double()
        for bias, expected in ((None, exact), (start[0], start[0] + exact)):
            found = make(left, right, bias)
            assert found.is_contiguous()
            torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-4)


def test_products_go_into_part_of_an_array(onednn):
    start, left, right = factors(LARGE)
    whole = torch.zeros(len(start) + 7, start.shape[1])
    products(left, right).mm(left, right, out=whole[7:])
    torch.testing.assert_close(whole[7:], left @ right, rtol=1e-5, atol=1e-4)
    assert not whole[:7].any()


@pytest.mark.parametrize("shape", [LARGE, SMALL])
@pytest.mark.parametrize("rank", [1, 2])
def test_affine_is_addmm(onednn, shape, rank):
    start, left, right = factors(shape)
    start = start[0] if rank == 1 else start
    expected = torch.addmm(start, left, right)
    assert torch.equal(affine(start, left, right), expected)
    with plain_numbers():
        found = affine(start, left, right)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("learns", [0, 1, 2])
def test_affine_is_differentiable(onednn, learns):
    parts = factors(LARGE)
    parts[learns].requires_grad_()
    with plain_numbers():
        affine(*parts).sum().backward()
    assert parts[learns].grad.any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_networks_outside_are_differentiated_forwards_and_exported(onednn):
    start, left, right = factors(LARGE)
    _, tangent = torch.func.jvp(lambda x: affine(start, x, right), (left,), (left,))
    torch.testing.assert_close(tangent, left @ right)
    X = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    network = Autoencoder(3, max_iter=1, random_state=0).fit(X).network_
    exported = torch.export.export(
        network.requires_grad_(False), (torch.from_numpy(X),)
    )
    assert "mkldnn" not in str(exported)


def test_plain_numbers_are_those_of_a_thread_and_end(onednn):
    start, left, right = factors(LARGE)
    with plain_numbers(), ThreadPoolExecutor(1) as pool:
        with plain_numbers():
            pass
        assert house._here.are_plain
        found = pool.submit(affine, start, left, right).result()
    assert not house._here.are_plain
    assert torch.equal(found, torch.addmm(start, left, right))


def test_onednn_is_for_large_products_of_float32(onednn):
    by_torch, stacked = (torch.mm, torch.addmm, None), (torch.bmm, torch.baddbmm, None)
    large = products(*factors(LARGE)[1:])
    assert (large != by_torch) == onednn
    assert products(*factors(SMALL)[1:]) == by_torch
    assert products(*factors(LARGE, torch.float64)[1:]) == by_torch
    assert products(*factors(LARGE, stack=(2,))[1:]) == stacked


def test_rounded_products_are_left_to_torch(onednn):
    with bfloat16_products(True, torch.device("cpu")):
        assert products(*factors(LARGE)[1:]) == (torch.mm, torch.addmm, None)


@pytest.mark.parametrize(
    ("maker", "capability", "faster"),
    [
        ("vendor_id : AuthenticAMD", "AVX512", True),
        ("AMD64 Family 25 Model 17, AuthenticAMD", "AVX512", True),
        ("vendor_id : AuthenticAMD", "AVX2", False),
        ("vendor_id : GenuineIntel", "AVX512", False),
        ("arm", "DEFAULT", False),
    ],
)
def test_onednn_is_faster_where_mkl_leaves_avx512_unused(
    monkeypatch, maker, capability, faster
):
    has_it = hasattr(torch.ops.mkldnn, "_linear_pointwise")
    monkeypatch.setattr(house, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert house._onednn_is_faster.__wrapped__() == (faster and has_it)


def test_maker_is_asked_of_python_where_the_system_has_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(house, "_CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(house.platform, "processor", lambda: "AuthenticAMD")
    assert house._maker() == "AuthenticAMD"
    (tmp_path / "info").write_text("vendor_id : GenuineIntel", encoding="utf-8")
    monkeypatch.setattr(house, "_CPU_INFO", tmp_path / "info")
    assert "GenuineIntel" in house._maker()
