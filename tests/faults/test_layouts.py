"""Arrays and tensors that lie in memory in another way than C-contiguously."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone


@pytest.fixture(autouse=True)
def _all_torch_warnings():
    """Let torch repeat the warnings that it gives once per process."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _unaligned(X):
    raw = np.empty(X.nbytes + 1, dtype=np.uint8)
    out = raw[1:].view(X.dtype).reshape(X.shape)
    out[...] = X
    return out


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "every second row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "every second column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "rows backwards": lambda X: X[::-1].copy()[::-1],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
    "read-only": _read_only,
    "read-only, Fortran order": lambda X: _read_only(X.T).T,
    "unaligned": _unaligned,
    "inside a wider array": lambda X: np.pad(X, 3)[3:-3, 3:-3],
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("lay_out", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_changes_no_bit(estimator, X, everything, assert_same, lay_out, dtype):
    X = X.astype(dtype)
    other = lay_out(X)
    assert_array_equal(other, X)
    expected = everything(estimator.fit(X), X)
    assert_same(everything(estimator.fit(other), other), expected)


@pytest.mark.parametrize("axis", [0, 1])
def test_stride_of_zero_changes_no_bit(estimator, X, everything, assert_same, axis):
    repeated = np.broadcast_to(X.take([0], axis=axis), X.shape)
    plain = repeated.copy()
    expected = everything(estimator.fit(plain), plain)
    assert_same(everything(estimator.fit(repeated), repeated), expected)


@pytest.mark.parametrize("lay_out", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_of_codes_changes_no_bit(estimator, X, lay_out):
    codes = np.ascontiguousarray(estimator.fit(X).transform(X))
    expected = estimator.inverse_transform(codes)
    assert_array_equal(estimator.inverse_transform(lay_out(codes)), expected)


@pytest.mark.parametrize("lay_out", LAYOUTS.values(), ids=LAYOUTS)
def test_layout_of_validation_data_changes_no_bit(
    dense, X, everything, assert_same, lay_out
):
    expected = everything(dense.fit(X, X_val=X[:9]), X)
    assert_same(everything(dense.fit(X, X_val=lay_out(X[:9])), X), expected)


@pytest.fixture
def mapped(X, tmp_path):
    """X as a file."""
    path = tmp_path / "X.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


def test_memory_map_changes_no_bit(estimator, X, mapped, everything, assert_same):
    expected = everything(estimator.fit(X), X)
    assert_same(everything(estimator.fit(mapped), mapped), expected)


def test_memory_map_is_let_go_of(estimator, X, mapped):
    estimator.fit(mapped)
    assert b"memmap" not in pickle.dumps(estimator)
    assert type(estimator.transform(mapped)) is np.ndarray


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
def test_data_are_not_written_to(estimator, X, everything, dtype, order):
    X = X.astype(dtype, order=order)
    before = X.copy()
    everything(estimator.fit(X), X)
    assert_array_equal(X, before)


def test_codes_are_not_written_to(estimator, X):
    codes = estimator.fit(X).transform(X)
    before = codes.copy()
    estimator.inverse_transform(codes)
    assert_array_equal(codes, before)


def test_results_are_the_users_to_write_to(estimator, X, everything):
    first = everything(estimator.fit(X), X)
    estimator.transform(X)[...] = np.nan
    estimator.reconstruct(X)[...] = np.nan
    estimator.reconstruction_error(X, per_feature=True)[...] = np.nan
    assert_array_equal(everything(estimator, X)["reconstruct"], first["reconstruct"])


class ElsewhereTensor(torch.Tensor):
    """A tensor with the manners of one on an accelerator: numpy cannot reach it."""

    def numpy(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy.")

    __array__ = numpy

    def to(self, device, *args, **kwargs):
        assert device == "cpu"
        return self.as_subclass(torch.Tensor)


def _inference(X):
    with torch.inference_mode():
        return torch.from_numpy(X).clone()


TENSORS = {
    "tensor": torch.from_numpy,
    "requires_grad": lambda X: torch.tensor(X, requires_grad=True),
    "parameter": lambda X: torch.nn.Parameter(torch.from_numpy(X)),
    "part of a graph": lambda X: torch.tensor(X, requires_grad=True) * 1.0,
    "made in inference mode": _inference,
    "transposed": lambda X: torch.from_numpy(X.T.copy()).t(),
    "conjugate view": lambda X: torch.from_numpy(X * 1j).conj().imag.neg(),
    "negative view": lambda X: torch.from_numpy(X * -1j).conj().imag,
    "expanded twice": lambda X: torch.from_numpy(X)[None].expand(2, -1, -1)[1],
    "elsewhere": lambda X: torch.from_numpy(X).as_subclass(ElsewhereTensor),
}
if torch.cuda.is_available():
    TENSORS["CUDA"] = lambda X: torch.from_numpy(X).cuda()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("convert", TENSORS.values(), ids=TENSORS)
def test_tensor_is_fitted_as_its_numbers(
    estimator, X, everything, assert_same, convert, dtype
):
    X = X.astype(dtype)
    tensor = convert(X)
    X = X.astype(str(tensor.dtype).removeprefix("torch."))
    expected = everything(estimator.fit(X), X)
    assert_same(everything(estimator.fit(tensor), tensor), expected)


@pytest.mark.fault(48)
def test_tensor_elsewhere_is_fitted_by_every_kind(
    every_estimator, rows, learn, says, assert_same
):
    tensor = TENSORS["elsewhere"](rows)
    expected = says(learn(clone(every_estimator), rows), rows)
    assert_same(says(learn(every_estimator, tensor), tensor), expected)


def test_tensor_of_codes_is_decoded(estimator, X):
    codes = estimator.fit(X).transform(X)
    tensor = torch.tensor(codes, requires_grad=True)
    expected = estimator.inverse_transform(codes)
    assert_array_equal(estimator.inverse_transform(tensor), expected)


def test_bfloat16_is_fitted_as_its_float32(estimator, X, everything, assert_same):
    tensor = torch.from_numpy(X).to(torch.bfloat16)
    X = tensor.float().numpy()
    expected = everything(estimator.fit(X), X)
    assert_same(everything(estimator.fit(tensor), tensor), expected)


def test_tensor_without_numbers_is_refused(estimator, assert_refused):
    bad = torch.empty((60, 6), device="meta")
    assert_refused(estimator, bad, ValueError, "meta device")


def test_gradient_of_a_tensor_is_left_alone(estimator, X):
    tensor = torch.tensor(X, requires_grad=True)
    estimator.fit(tensor).transform(tensor)
    assert tensor.requires_grad
    assert tensor.grad is None
