"""Each torch function that can be translated, by itself; and those that cannot."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from scipy.special import ndtr
from sklearn.base import BaseEstimator
from torch.nn import functional as F

from skae import Autoencoder
from skae.persistence import to_onnx
from skae.persistence._onnx import recording
from skae.persistence._onnx.activations import _coefficients
from skae.persistence._onnx.operations import OPERATIONS
from skae.persistence.programs import Program, ProgramsMixin

rng = np.random.default_rng(0)
WEIGHT = torch.from_numpy(rng.normal(size=(6, 4)))
BIAS = torch.from_numpy(rng.normal(size=6))
KERNEL = torch.from_numpy(rng.normal(size=(3, 1, 2, 2)))
INTEGERS = torch.arange(4)

FUNCTIONS = {
    "abs": lambda x: x.abs(),
    "add": lambda x: x + 1 + torch.ones_like(INTEGERS) + x.add(x),
    "in place": lambda x: x.mul(2.0).add_(1.0).sub_(x).div_(3.0),
    "reversed": lambda x: (1.0 - x) * (2.0 + x) / torch.maximum(x * x, 1.0 + 0.0 * x),
    "neg": lambda x: -x,
    "square": lambda x: torch.sqrt(x.square() + 1.0),
    "exp": lambda x: torch.exp(x).log().log1p(),
    "clamp": lambda x: x.clamp(-0.5, 0.5) + x.clamp(max=0.1) + x.clamp(min=0.2),
    "clamp_min": lambda x: x.clamp_min(0.0) * x.clamp_max(0.5) + F.hardtanh(x, -2, 1),
    "minimum": lambda x: torch.minimum(x, 0.5 * x),
    "sigmoid": lambda x: torch.sigmoid(x) * torch.tanh(x) + torch.relu(x),
    "activations": lambda x: F.gelu(x) + F.silu(x) + F.elu(x, alpha=0.5),
    "comparisons": lambda x: torch.where(
        ((x > 0.1) & (x <= 1)) | (x < -1) | ~(x >= -0.5) | (x == 0), x, -1.0
    ),
    "where numbers": lambda x: torch.where(x > 0, 1.0, 0.0).to(x.dtype),
    "masked_fill": lambda x: x.masked_fill(x.isnan() | (x > 0.3), 7.0),
    "any": lambda x: torch.where((x > 1).any(1, keepdim=True), x, -x),
    "all": lambda x: torch.where((x > -1).all(1), 1.0, 0.0).to(x.dtype),
    "sum": lambda x: x - x.sum(1, keepdim=True) + x.mean((1,))[:, None],
    "amax": lambda x: x.amax(1, keepdim=True) - x.amin(dim=1, keepdim=True),
    "argmax": lambda x: x.argmax(1).to(x.dtype),
    "argmax kept": lambda x: x.argmax(dim=1, keepdim=True).double().to(x.dtype),
    "softmax": lambda x: x.softmax(1) + F.softmax(x, dim=-1) + torch.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, dim=1) + x.log_softmax(-1),
    "linear": lambda x: F.linear(F.linear(x, WEIGHT.to(x), BIAS.to(x)), WEIGHT.T.to(x)),
    "addmm": lambda x: torch.addmm(BIAS.to(x), x, WEIGHT.to(x).t()),
    "addmm, other way": lambda x: torch.addmm(BIAS[:4].to(x), x, WEIGHT[:4].to(x)),
    "matmul": lambda x: x @ WEIGHT.to(x).t() + torch.matmul(x, x.t()).sum(),
    "layer_norm": lambda x: (
        F.layer_norm(x, (4,))
        + F.layer_norm(x.view(-1, 2, 2), (2, 2), WEIGHT[:2, :2].to(x)).flatten(1)
        + F.layer_norm(x, (4,), BIAS[:4].to(x), BIAS[:4].to(x), 2**-7)
    ),
    "attention": lambda x: F.scaled_dot_product_attention(
        *[h[:, None] for h in (x.view(-1, 2, 2), x.view(-1, 2, 2), x.view(-1, 2, 2))]
    ),
    "getitem": lambda x: x[:, 1:3] + x[:, ::2] + x[..., -2:] + x[:, -1][:, None],
    "getitem, first": lambda x: x.view(-1, 2, 2)[:, 0, None, :1] * x[:, None, ..., 2:3],
    "getitem, rows": lambda x: x[:1] + x[:],
    "transpose": lambda x: x.view(-1, 2, 2).transpose(1, 2).reshape(-1, 4),
    "permute": lambda x: x.view(-1, 2, 2).permute(0, -1, 1).permute((0, 2, 1)),
    "unbind": lambda x: torch.mul(*x.view(-1, 2, 2).unbind(1)),
    "iteration": lambda x: torch.add(*x.view(-1, 2, 2).permute(1, 0, 2)),
    "unsqueeze": lambda x: x.unsqueeze(1).contiguous().clone().detach(),
    "cat": lambda x: torch.cat([torch.zeros_like(x), x, INTEGERS * x], dim=1),
    "shape": lambda x: x * x.shape[1] + x.dim() + x.size(1),
    "types": lambda x: x.float().double().to(torch.float64).to(x.dtype),
    "conv2d": lambda x: F.conv2d(
        x.view(-1, 1, 2, 2), KERNEL.to(x), None, (2, 1), (1, 1)
    ),
    "conv_transpose2d": lambda x: F.conv_transpose2d(
        x.view(-1, 1, 2, 2),
        KERNEL.transpose(0, 1).to(x),
        BIAS[:3].to(x),
        (2, 1),
        (0, 1),
        (1, 0),
    ),
    "constant": lambda x: x + torch.full((4,), 2.0, dtype=x.dtype).cumsum(0),
    "identity": lambda x: x,
}


class Computing(ProgramsMixin, BaseEstimator):
    """An estimator that maps rows of four numbers by a function."""

    def __init__(self, function):
        self.function = function

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def _programs(self):
        return {
            "transform": Program(
                "X", (4,), {"y": None}, lambda dtype: lambda x: (self.function(x),)
            )
        }


def run(model, X):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name, dtype):
    X = np.random.default_rng(1).normal(size=(7, 4)).astype(dtype)
    model = to_onnx(Computing(FUNCTIONS[name]), dtype=dtype)
    for rows in (X, X[:1]):
        wanted = FUNCTIONS[name](torch.from_numpy(rows.copy())).numpy()
        found = run(model, rows)
        assert found.shape == wanted.shape
        assert found.dtype == dtype
        tolerance = {"float32": 1e-5, "float64": 1e-9}[dtype]
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_every_translation_is_tested(monkeypatch):
    seen = set()

    class Watched(dict):
        def get(self, key, default=None):
            seen.add(key)
            return super().get(key, default)

    monkeypatch.setattr(recording, "OPERATIONS", Watched(OPERATIONS))
    for function in FUNCTIONS.values():
        to_onnx(Computing(function))
    assert {key for key in OPERATIONS if isinstance(key, str)} <= seen


def test_missing_numbers_stay_missing():
    X = np.array([[np.nan, 1.0, -1.0, 2.0]])
    for function in (lambda x: x.clamp(-0.5, 0.5), F.gelu, F.elu, F.silu, torch.relu):
        found = run(to_onnx(Computing(function), dtype="float64"), X)
        assert np.isnan(found).tolist() == [[True, False, False, False]]


def test_gelu_of_float64_far_out():
    x = np.linspace(-36.0, 36.0, 4000).reshape(-1, 4)
    found = run(to_onnx(Computing(F.gelu), dtype="float64"), x)
    wanted = x * ndtr(x)
    np.testing.assert_allclose(found, wanted, rtol=2e-13, atol=0)
    assert len(_coefficients()) == 31


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: torch.sort(x, 1).values, r"torch function sort\(\). Those .*addmm"),
        (lambda x: x if x.sum() > 0 else -x, r"__bool__\(\) asks for the numbers"),
        (lambda x: x * x.max().item(), r"max\(\)|item"),
        (lambda x: x[x[:, 0] > 0], "indexed by other than numbers"),
        (lambda x: x.reshape(4 * len(x), 1)[: len(x)], "number of rows"),
        (lambda x: x * len(x), "number of rows"),
        (lambda x: torch.zeros(len(x), 2), "number of rows"),
        (lambda x: F.gelu(x, approximate="tanh"), "only the exact form"),
        (lambda x: _changed_in_part(x + 1.0), r"add_\(\) changes a view"),
    ],
)
def test_what_cannot_be_translated(function, message):
    with pytest.raises(NotImplementedError, match=message):
        to_onnx(Computing(function))


def _changed_in_part(x):
    x[:, :1].add_(1.0)
    return x


def test_a_variant_of_ones_own():
    class Centred(Autoencoder):
        """Its codes have a mean of zero, in every row."""

        def _encoding(self, dtype):
            encode = super()._encoding(dtype)
            return lambda x: (encode(x)[0] - encode(x)[0].mean(1, keepdim=True),)

    X = np.random.default_rng(0).random((30, 4))
    model = Centred(3, max_iter=1, early_stopping=False, random_state=0).fit(X)
    code = model.transform(X)
    found = run(to_onnx(model, dtype="float64"), X)
    np.testing.assert_allclose(found, code - code.mean(1, keepdims=True), atol=1e-12)
