"""Batches: every row once an epoch, whatever the sizes."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from skae.data import BatchesSideBySide, ShuffledBatches

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
    assert sizes == sorted(sizes, reverse=True) == batches.sizes


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
    assert epoch(batches) == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    for batch in batches:
        assert batch.untyped_storage().data_ptr() == rows.untyped_storage().data_ptr()


def test_rows_themselves_are_left_in_order():
    rows = numbered(20)
    for batch in ShuffledBatches(rows, 6, generator()):
        batch.zero_()
    assert torch.equal(rows, numbered(20))


@given(
    n_batches=st.integers(1, 5),
    size=st.integers(1, 5),
    fewer=st.lists(st.integers(0, 4), min_size=1, max_size=5),
    shuffled=st.booleans(),
    block_bytes=BYTES,
)
def test_side_by_side_each_has_the_batches_it_has_alone(
    n_batches, size, fewer, shuffled, block_bytes
):
    counts = [n_batches * size - less % min(n_batches, size) for less in fewer]

    def members():
        return [
            ShuffledBatches(numbered(n), size, generator(i % 2) if shuffled else None)
            for i, n in enumerate(counts)
        ]

    side_by_side, alone = members(), members()
    together = BatchesSideBySide(side_by_side, block_bytes)
    for _ in range(2):
        found = [[] for _ in counts]
        for parts in together:
            assert [i for who, _ in parts for i in range(len(counts))[who]] == [
                *range(len(counts))
            ]
            for who, batches in parts:
                for i, batch in zip(range(len(counts))[who], batches, strict=True):
                    found[i].append(batch[:, 0].long().tolist())
        assert found == [epoch(member) for member in alone]
        assert [m.state() for m in side_by_side] == [m.state() for m in alone]


def test_what_several_have_in_common_is_gathered_once(monkeypatch):
    n_gathered, index_select = [], torch.index_select

    def gather(rows, dim, index, *, out):
        n_gathered.append(len(index))
        return index_select(rows, dim, index, out=out)

    monkeypatch.setattr(torch, "index_select", gather)
    seeds = 0, 1, 0, 0, 1
    members = [ShuffledBatches(numbered(20), 5, generator(seed)) for seed in seeds]
    (steps,) = zip(*BatchesSideBySide(members), strict=True)
    assert len(steps) == 4
    assert n_gathered == [20, 20, *[5] * 4]  # two orders, and each step's batches


def test_side_by_side_most_steps_have_one_array():
    members = [ShuffledBatches(numbered(n), 10, generator()) for n in (399, 398, 397)]
    n_arrays = [len(parts) for parts in BatchesSideBySide(members)]
    assert len(n_arrays) == 40
    assert n_arrays.count(1) == 38
