"""Batches: every row once an epoch, whatever the sizes."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from skae.data import ShuffledBatches

SIZES = st.integers(1, 60)
BYTES = st.integers(1, 3000)


def numbered(n, d=3):
    """Rows that know their number."""
    return torch.arange(n, dtype=torch.float32)[:, None].repeat(1, d)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def epoch(batches):
    """The rows of an epoch by number, batch for batch."""
    return [batch[:, 0].long().tolist() for batch in batches]


def flattened(parts):
    return [row for part in parts for row in part]


@given(n=SIZES, batch_size=SIZES, block_bytes=BYTES, shuffled=st.booleans())
def test_every_row_comes_exactly_once_an_epoch(n, batch_size, block_bytes, shuffled):
    order = generator() if shuffled else None
    batches = ShuffledBatches(numbered(n), batch_size, order, block_bytes)
    for _ in range(2):
        assert sorted(flattened(epoch(batches))) == list(range(n))


@given(n=SIZES, batch_size=SIZES, block_bytes=BYTES)
def test_sizes_differ_by_at_most_one(n, batch_size, block_bytes):
    batches = ShuffledBatches(numbered(n), batch_size, generator(), block_bytes)
    sizes = [len(batch) for batch in batches]
    assert len(sizes) == batches.n_batches == -(-n // min(batch_size, n))
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= batch_size


@given(n=SIZES, batch_size=SIZES, block_bytes=BYTES)
def test_order_does_not_depend_on_the_block_size(n, batch_size, block_bytes):
    rows = numbered(n)
    in_blocks = ShuffledBatches(rows, batch_size, generator(), block_bytes)
    at_once = ShuffledBatches(rows, batch_size, generator())
    assert epoch(in_blocks) == epoch(at_once)


@given(n=SIZES, batch_size=SIZES, block_bytes=BYTES)
def test_memory_is_bounded_wherever_a_batch_fits(n, batch_size, block_bytes):
    batches = ShuffledBatches(numbered(n), batch_size, generator(), block_bytes)
    sizes, storage = [], set()
    for batch in batches:
        sizes.append(batch.numel() * batch.element_size())
        storage.add(
            (batch.untyped_storage().data_ptr(), batch.untyped_storage().nbytes())
        )
    ((_, n_bytes),) = storage  # one array, allocated once
    assert n_bytes <= max(block_bytes, max(sizes))


@given(n=SIZES, batch_size=SIZES, block_bytes=BYTES)
def test_rows_are_whole(n, batch_size, block_bytes):
    rows = torch.rand((n, 4), generator=generator(1))
    batches = ShuffledBatches(rows, batch_size, generator(), block_bytes)
    given_back = torch.cat([batch.clone() for batch in batches])
    assert set(map(tuple, given_back.tolist())) == set(map(tuple, rows.tolist()))


def test_order_is_new_in_every_epoch():
    batches = ShuffledBatches(numbered(40), 8, generator())
    assert epoch(batches) != epoch(batches)


def test_same_seed_gives_the_same_epochs():
    first, second = (ShuffledBatches(numbered(40), 8, generator()) for _ in range(2))
    for _ in range(3):
        assert epoch(first) == epoch(second)


def test_without_a_generator_rows_come_as_they_stand():
    rows = numbered(10)
    batches = ShuffledBatches(rows, 4, None)
    assert epoch(batches) == [[0, 1, 2], [3, 4, 5], [6, 7, 8, 9]]
    for batch in batches:
        assert batch.untyped_storage().data_ptr() == rows.untyped_storage().data_ptr()


def test_rows_themselves_are_left_in_order():
    rows = numbered(20)
    for batch in ShuffledBatches(rows, 6, generator()):
        batch.zero_()
    assert torch.equal(rows, numbered(20))
