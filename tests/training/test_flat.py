"""Named tensors as views into one."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skae.training import FlatTensors

CPU = torch.device("cpu")
SHAPES = {"a": (3, 5), "b": (7,), "c": (16, 4), "d": (1,)}
DTYPES = [torch.float32, torch.float64]

shapes_of_all_kinds = st.lists(
    st.lists(st.integers(1, 20), min_size=1, max_size=2).map(tuple),
    min_size=1,
    max_size=6,
).map(lambda shapes: {str(i): shape for i, shape in enumerate(shapes)})


def filled(shapes, dtype=torch.float32):
    """Views that hold ones, whatever they were given."""
    tensors = FlatTensors(shapes, dtype=dtype, device=CPU)
    for view in tensors.views.values():
        view.fill_(1)
    return tensors


@given(shapes_of_all_kinds, st.sampled_from(DTYPES))
def test_views_have_their_shapes_in_order(shapes, dtype):
    tensors = FlatTensors(shapes, dtype=dtype, device=CPU)
    assert list(tensors.views) == list(shapes)
    assert {name: tuple(v.shape) for name, v in tensors.views.items()} == shapes
    assert all(view.is_contiguous() for view in tensors.views.values())
    assert {view.dtype for view in (tensors.flat, *tensors.views.values())} == {dtype}


@given(shapes_of_all_kinds, st.sampled_from(DTYPES))
def test_views_are_aligned_to_64_bytes(shapes, dtype):
    views = FlatTensors(shapes, dtype=dtype, device=CPU).views.values()
    assert {view.data_ptr() % 64 for view in views} == {0}


@given(shapes_of_all_kinds, st.sampled_from(DTYPES))
def test_views_do_not_overlap_and_gaps_stay_zero(shapes, dtype):
    tensors = filled(shapes, dtype)
    n_entries = sum(view.numel() for view in tensors.views.values())
    assert tensors.flat.sum() == n_entries
    ends = [
        (view.data_ptr(), view.data_ptr() + view.numel() * dtype.itemsize)
        for view in tensors.views.values()
    ]
    assert all(stop <= start for (_, stop), (start, _) in pairwise(ends))


def test_views_share_the_memory_of_the_flat_tensor():
    tensors = FlatTensors(SHAPES, dtype=torch.float32, device=CPU)
    tensors.flat.fill_(2.0)
    assert all((view == 2.0).all() for view in tensors.views.values())
    tensors.views["c"].zero_()
    assert (tensors.flat == 0.0).sum() == 64


def test_everything_starts_at_zero():
    assert not FlatTensors(SHAPES, dtype=torch.float32, device=CPU).flat.any()


@pytest.mark.parametrize(("names", "n_entries"), [("a", 15), ("ab", 22), ("abcd", 87)])
def test_everything_up_to_the_end_of_a_tensor_is_it_and_those_before(names, n_entries):
    tensors = filled(SHAPES)
    assert tensors.flat[: tensors.end(names[-1])].sum() == n_entries


def test_a_tensor_ends_before_the_gap_that_follows():
    assert filled(SHAPES).end("a") == 15


def test_arrays_are_copies():
    tensors = filled(SHAPES)
    arrays = tensors.numpy()
    tensors.flat.zero_()
    assert {name: array.shape for name, array in arrays.items()} == SHAPES
    assert all((array == 1.0).all() for array in arrays.values())
