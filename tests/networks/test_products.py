"""Products are those of torch, whatever library makes them, and by the fastest one."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import skae.networks.products as house
import skae.networks.rounded as rounded
from skae import Autoencoder
from skae.networks.openblas import openblas
from skae.networks.products import affine, bring, fill, fill_anew, plain_numbers
from skae.training import bfloat16_products

LARGE, SMALL = (300, 200, 150), (30, 20, 15)

HAS_AVX512 = "AVX512" in torch.backends.cpu.get_cpu_capability()

LIBRARIES = ["torch", "oneDNN", "OpenBLAS"]


@pytest.fixture(params=LIBRARIES if HAS_AVX512 else LIBRARIES[:2])
def library(request, monkeypatch):
    """As on a processor and in an environment where this one is the fastest."""
    name = request.param
    monkeypatch.setattr(rounded, "_has_instructions", lambda: False)
    if name == "oneDNN" and not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        name = "torch"
    if name == "OpenBLAS" and openblas() is None:
        name = "torch"
    monkeypatch.setattr(house, "_mkl_is_slow", lambda: name == "OpenBLAS")
    monkeypatch.setattr(house, "_onednn_is_faster", lambda: name == "oneDNN")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    return name


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


def make(calls):
    for call in calls:
        call()


STACKS = pytest.mark.parametrize("stack", [(), (3,)], ids=["one", "three"])


@STACKS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lay_left", [torch.clone, transposed])
@pytest.mark.parametrize("lay_right", [torch.clone, transposed])
@pytest.mark.parametrize(
    "shape", [LARGE, SMALL, (41, 64, 31), (1, 5, 7), (7, 1, 1), (1, 1, 1)]
)
def test_products_are_right(library, shape, lay_left, lay_right, dtype, stack):
    start, left, right = factors(shape, dtype, stack)
    left, right = lay_left(left), lay_right(right)
    exact = left.double() @ right.double()
    out = torch.full_like(start, torch.nan)
    for calls, expected in (
        (fill(out, left, right), exact),
        (fill(out, left, right, start), start + exact),
        (fill(out, left, right, out), start + 2 * exact),
        (fill(out, left, right, start[..., :1]), start[..., :1] + exact),
    ):
        make(calls)
        torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-4)


@STACKS
def test_products_of_other_rows_are_right(library, stack):
    start, left, rows = factors((30, 200, 23), stack=stack)
    out = torch.full_like(start, torch.nan)
    call = fill_anew(out, left, rows, start)
    several = [
        2 * rows,
        transposed(rows),
        rows[:1].expand(rows.shape) if stack else 3 * rows,
    ]
    for other in several:
        call(other)
        torch.testing.assert_close(out, start + left @ other, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [(lambda rows: rows[:, :22], "size"), (torch.Tensor.double, "dtype")],
)
def test_wrong_rows_are_refused(library, wrong, error):
    start, left, rows = factors((30, 200, 23))
    call = fill_anew(torch.empty_like(start), left, rows, start)
    with pytest.raises(RuntimeError, match=error):
        call(wrong(rows))


@pytest.mark.parametrize("shape", [LARGE, SMALL])
@STACKS
def test_output_is_brought(library, shape, stack):
    start, left, right = factors(shape, stack=stack)
    bias, out = start[..., 0, :], torch.full_like(start, torch.nan)
    calls, give = bring(out, left, right, bias)
    for factor in (1.0, 2.0):
        left.mul_(factor)
        make(calls)
        found = give()
        assert found.is_contiguous()
        expected = bias[..., None, :] + left @ right
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)
    is_elsewhere = library == "oneDNN" and shape == LARGE and not stack
    assert (found is not out) == is_elsewhere


def test_products_are_put_elsewhere(library):
    start, left, right = factors(LARGE)
    for given in (None, start):
        out, elsewhere = torch.full_like(start, torch.nan), {}
        make(fill(out, left, right, given, elsewhere))
        is_elsewhere = library == "oneDNN" and given is None
        assert set(elsewhere) == ({out.data_ptr()} if is_elsewhere else set())
        found = elsewhere.get(out.data_ptr(), out)
        expected = left @ right if given is None else start + left @ right
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@STACKS
@pytest.mark.parametrize("shape", [LARGE, SMALL])
def test_products_go_into_part_of_an_array(library, shape, stack):
    start, left, right = factors(shape, stack=stack)
    whole = torch.zeros(*stack, start.shape[-2] + 7, start.shape[-1])
    part = whole[..., 7:, :]
    make(fill(part, left, right))
    torch.testing.assert_close(part, left @ right, rtol=1e-5, atol=1e-4)
    make(fill(part, left, right, part))
    torch.testing.assert_close(part, 2 * left @ right, rtol=1e-5, atol=1e-4)
    make(fill(part, left, right, start))
    torch.testing.assert_close(part, start + left @ right, rtol=1e-5, atol=1e-4)
    assert not whole[..., :7, :].any()


@pytest.mark.parametrize("shape", [LARGE, SMALL])
@pytest.mark.parametrize("rank", [1, 2])
def test_affine_is_addmm(library, shape, rank):
    start, left, right = factors(shape)
    start = start[0] if rank == 1 else start
    expected = torch.addmm(start, left, right)
    assert torch.equal(affine(start, left, right), expected)
    with plain_numbers():
        found = affine(start, left, right)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("learns", [0, 1, 2])
def test_affine_is_differentiable(library, learns):
    parts = factors(LARGE)
    parts[learns].requires_grad_()
    with plain_numbers():
        affine(*parts).sum().backward()
    assert parts[learns].grad.any()


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_networks_outside_are_differentiated_forwards_and_exported(library):
    start, left, right = factors(LARGE)
    _, tangent = torch.func.jvp(lambda x: affine(start, x, right), (left,), (left,))
    torch.testing.assert_close(tangent, left @ right)
    X = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    network = Autoencoder(3, max_iter=1, random_state=0).fit(X).network_
    exported = torch.export.export(
        network.requires_grad_(False), (torch.from_numpy(X),)
    )
    assert "mkldnn" not in str(exported)


def test_plain_numbers_are_those_of_a_thread_and_end(library):
    start, left, right = factors(LARGE)
    with plain_numbers(), ThreadPoolExecutor(1) as pool:
        with plain_numbers():
            pass
        assert house._is_said("is_plain")
        found = pool.submit(affine, start, left, right).result()
    assert not house._is_said("is_plain")
    assert torch.equal(found, torch.addmm(start, left, right))


def by(shape, dtype=torch.float32, stack=()):
    """Name of the library that makes a product."""
    start, left, right = factors(shape, dtype, stack)
    if house._bind(start, left, right, None) is not None:
        return "OpenBLAS"
    return "oneDNN" if house._operators(left, right).make is not None else "torch"


def test_onednn_is_for_large_products_of_float32(library):
    other = "torch" if library == "oneDNN" else library
    assert by(LARGE) == library
    assert by(SMALL) == by(LARGE, torch.float64) == by(LARGE, stack=(2,)) == other


def test_openblas_has_one_thread(library, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(house, "_onednn_is_faster", lambda: True)
    assert by(LARGE) == "oneDNN"
    assert (by(SMALL) == "OpenBLAS") == (library == "OpenBLAS")


def test_torch_rounds_where_it_is_told_to(library):
    with bfloat16_products(True, torch.device("cpu")):
        assert by(LARGE) == ("torch" if library == "oneDNN" else library)


def test_openblas_takes_arrays_alone(library):
    start, left, right = factors(SMALL)
    out = torch.empty_like(start).to("meta")
    assert house._bind(out, left.to("meta"), right.to("meta"), None) is None
    assert house._bind(start.half(), left.half(), right.half(), None) is None
    assert house._bind(start, torch.nn.Parameter(left), right, None) is None
    assert house._bind(start.mT, right.mT, left.mT, None) is None
    assert house._bind(start, left[:, ::2], right[::2], None) is None


@pytest.mark.parametrize(
    ("maker", "capability", "slow"),
    [
        ("vendor_id : AuthenticAMD", "AVX512", True),
        ("AMD64 Family 25 Model 17, AuthenticAMD", "AVX512", True),
        ("vendor_id : AuthenticAMD", "AVX2", False),
        ("vendor_id : GenuineIntel", "AVX512", False),
        ("arm", "DEFAULT", False),
    ],
)
def test_mkl_is_slow_where_it_leaves_avx512_unused(
    monkeypatch, maker, capability, slow
):
    monkeypatch.setattr(house, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert house._mkl_is_slow.__wrapped__() == slow


def test_maker_is_asked_of_python_where_the_system_has_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(house, "_CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(house.platform, "processor", lambda: "AuthenticAMD")
    assert house._maker() == "AuthenticAMD"
    (tmp_path / "info").write_text("vendor_id : GenuineIntel", encoding="utf-8")
    monkeypatch.setattr(house, "_CPU_INFO", tmp_path / "info")
    assert "GenuineIntel" in house._maker()
