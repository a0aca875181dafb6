"""Units: centred by feature, divided by one global scale, and all of it undone."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skae.data import Scaling

CPU = torch.device("cpu")


def make_data(n=50, d=4, scale=1.0, offset=0.0, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (offset + scale * rng.normal(size=(n, d)) * (1 + np.arange(d))).astype(dtype)


def applied(X, dtype=torch.float64):
    return Scaling.fit(X).apply(torch.from_numpy(X)).to(dtype)


def test_mean_and_scale_are_what_they_are_called():
    X = make_data(offset=3.0)
    scaling = Scaling.fit(X)
    assert_allclose(scaling.mean, X.mean(axis=0), rtol=1e-12)
    expected = np.sqrt(np.mean((X - X.mean(axis=0)) ** 2))
    assert_allclose(scaling.scale, expected, rtol=1e-12)


exponents = st.integers(-140, 140)


@given(exponents, st.floats(-1e3, 1e3), st.integers(1, 30), st.integers(1, 5))
def test_undo_undoes_apply(exponent, offset, n, d):
    scale = 10.0**exponent
    X = make_data(n, d, scale, offset * scale)
    scaling = Scaling.fit(X)
    there = scaling.apply(torch.from_numpy(X))
    back = scaling.undo(there)
    assert_allclose(back, X, rtol=1e-12, atol=1e-12 * np.abs(X).max())


@given(exponents, st.floats(-1e3, 1e3))
def test_rows_are_centred_and_have_root_mean_square_one(exponent, offset):
    scale = 10.0**exponent
    rows = applied(make_data(scale=scale, offset=offset * scale))
    assert_allclose(rows.mean(0), 0.0, atol=1e-10)
    assert_allclose(rows.square().mean().sqrt(), 1.0, rtol=1e-10)


@given(exponents)
def test_units_make_no_difference(exponent):
    X = make_data()
    assert_allclose(applied(X * 10.0**exponent), applied(X), rtol=1e-9, atol=1e-12)


def test_features_keep_their_relative_sizes():
    X = make_data()
    ratios = X.std(axis=0) / X[:, 0].std()
    rows = applied(X)
    assert_allclose(rows.std(0) / rows[:, 0].std(), ratios, rtol=1e-10)


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e39, 1e-200, 1e149])
@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_constant_data_become_zeros(value, n):
    X = np.full((n, 3), value)
    scaling = Scaling.fit(X)
    assert scaling.scale == 1.0
    assert not scaling.apply(torch.from_numpy(X)).any()
    assert_allclose(scaling.undo(torch.zeros((1, 3), dtype=torch.float64))[0], X[0])


def test_constant_column_becomes_zeros_beside_others():
    X = make_data()
    X[:, 1] = 0.1
    rows = applied(X)
    assert not rows[:, 1].any()
    assert rows[:, 0].any()


@pytest.mark.parametrize("scale", [1e-200, 1e-320, 1e-30, 1e39, 1e140])
def test_extreme_units_stay_finite(scale):
    # The squares of 1e-200 are zero, 1e-320 is denormal, and 1e39 is no float32.
    X = make_data(scale=scale)
    scaling = Scaling.fit(X)
    assert 0.0 < scaling.scale < np.inf
    rows = scaling.apply(torch.from_numpy(X)).float()
    assert torch.isfinite(rows).all()
    assert_allclose(rows.square().mean().sqrt(), 1.0, rtol=1e-3)


def test_offset_of_1e8_costs_nothing():
    X = make_data(n=20_000, scale=1.0)
    there = applied(X + 1e8, torch.float32)
    assert_allclose(there, applied(X), atol=1e-6)


def test_float32_rows_far_away_are_centred_in_float64():
    X = make_data(scale=100.0, offset=1e8, dtype=np.float32)
    scaling = Scaling.fit(X)
    assert_allclose(scaling.mean, X.astype(np.float64).mean(axis=0), rtol=1e-15)
    rows = scaling.apply(torch.from_numpy(X))
    assert rows.dtype == torch.float32
    assert_allclose(rows.double().mean(0), 0.0, atol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e8, -1e10])
@pytest.mark.parametrize("unit", [1e-30, 1e-3, 1.0, 1e25])
def test_float32_loses_nothing_to_an_offset_or_a_unit(unit, offset):
    # Fitted in float64, so that the mean is no number of 32 bits; within some
    # roundings of the same in float64.
    X = make_data(scale=unit, offset=offset * unit)
    scaling, narrow = Scaling.fit(X), X.astype(np.float32)
    exact = (narrow.astype(np.float64) - scaling.mean) / scaling.scale
    rows = scaling.apply(torch.from_numpy(narrow))
    assert_allclose(rows, exact, rtol=4e-7, atol=0.0)
    there = torch.from_numpy(exact.astype(np.float32))
    back = there.numpy().astype(np.float64) * scaling.scale + scaling.mean
    largest = np.abs(scaling.mean) + scaling.scale * np.abs(exact)
    assert np.all(np.abs(scaling.undo(there).numpy() - back) <= 3e-7 * largest)


def test_float32_rows_in_units_of_which_float32_knows_nothing():
    zeros = torch.zeros((1, 4), dtype=torch.float32)
    for unit in (1e-50, 1e50):
        scaling = Scaling.fit(make_data(scale=unit, offset=7.0))
        rows = scaling.apply(zeros)
        assert rows.dtype == torch.float32
        assert_allclose(rows[0], -scaling.mean / scaling.scale, rtol=1e-6)
    assert scaling.undo(zeros).dtype == torch.float32


@pytest.mark.parametrize("value", [1e151, -1e200, 1.7e308])
def test_too_large_values_are_refused(value):
    X = make_data()
    X[3, 2] = value
    with pytest.raises(ValueError, match=r"magnitude.*StandardScaler"):
        Scaling.fit(X)


def test_none_leaves_everything_as_it_is():
    X = torch.from_numpy(make_data())
    scaling = Scaling.none(4)
    assert torch.equal(scaling.apply(X), X)
    assert torch.equal(scaling.undo(X), X)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_dtypes_are_those_asked_for(dtype):
    X = make_data()
    scaling = Scaling.fit(X)
    rows = scaling.apply(torch.from_numpy(X).to(dtype))
    assert rows.dtype == dtype
    assert scaling.undo(rows).dtype == dtype


def test_rows_given_are_not_changed():
    X = make_data(offset=5.0)
    before = X.copy()
    scaling = Scaling.fit(X)
    scaling.undo(scaling.apply(torch.from_numpy(X)))
    scaling.standardise(X, torch.float64, CPU)
    np.testing.assert_array_equal(X, before)


LAYOUTS = {
    "plain": lambda X: X,
    "fortran": np.asfortranarray,
    "backwards": lambda X: X[::-1, ::-1],
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "broadcast": lambda X: np.broadcast_to(X[:1], X.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_makes_no_difference(layout, dtype):
    X = layout(make_data(offset=5.0, dtype=dtype))
    scaling, plain = Scaling.fit(X), Scaling.fit(X.copy(order="C"))
    assert_allclose(scaling.mean, plain.mean, rtol=1e-15)
    rows, expected = (
        plain.standardise(array, torch.float64, CPU) for array in (X, X.copy(order="C"))
    )
    assert torch.equal(rows, expected)


class TestBlocks:
    """Wide rows, so that there is more than one block."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_they_make_up_the_rows(self, dtype):
        X = make_data(800, 6000, offset=5.0, dtype=dtype)
        scaling = Scaling.fit(X)
        blocks = [block.clone() for block in scaling.centred_blocks(X)]
        expected = scaling.apply(torch.from_numpy(X))
        assert len(blocks) > 1
        assert {block.numpy().dtype for block in blocks} == {np.dtype(dtype)}
        rtol = 1e-6 if dtype == np.float32 else 1e-12
        assert_allclose(torch.cat(blocks), expected, rtol=rtol, atol=rtol)

    def test_mean_and_scale_are_gathered_from_all_of_them(self):
        X = make_data(300, 6000, offset=5.0)
        X[-1] += 1000.0
        scaling = Scaling.fit(X)
        assert_allclose(scaling.mean, X.mean(axis=0), rtol=1e-10)
        assert_allclose(scaling.scale, (X - X.mean(axis=0)).std(), rtol=1e-10)


class TestStandardise:
    def test_it_is_apply_on_all_rows(self):
        X = make_data(offset=5.0)
        rows = Scaling.fit(X).standardise(X, torch.float32, CPU)
        assert_allclose(rows, applied(X, torch.float32), rtol=1e-6)

    def test_it_can_order_them_on_the_way(self):
        X = make_data()
        order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
        rows = Scaling.fit(X).standardise(X, torch.float64, CPU, order)
        assert_allclose(rows[order], applied(X), rtol=1e-12)

    def test_it_goes_block_by_block(self):
        X = make_data(200, 6000)
        order = torch.randperm(len(X), generator=torch.Generator().manual_seed(0))
        rows = Scaling.fit(X).standardise(X, torch.float64, CPU, order)
        assert_allclose(rows[order], applied(X), rtol=1e-12)
