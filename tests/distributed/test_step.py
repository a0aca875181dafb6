"""The step in shards: its sum, whoever takes them."""

import threading
from itertools import pairwise

import pytest
import torch

from skae.distributed import ShardedStep
from skae.distributed.parts import SentParts, SharedParts
from skae.distributed.step import MOST_SHARDS, n_shards
from skae.training import FlatTensors

CPU = torch.device("cpu")
WIDTH = 5


class NoisyStep:
    """Gradient, loss and penalty of a linear map of noisy rows."""

    def __init__(self, ramp, generator, noise=0.1):
        shapes = {"weight": (WIDTH, WIDTH), "bias": (WIDTH,)}
        self.parameters = FlatTensors(shapes, dtype=torch.float32, device=CPU)
        self.gradients = self.parameters.zeros()
        self._ramp, self._generator, self._noise = ramp, generator, noise
        self.sizes, self.losses, self.memory = [], [], {}

    def __call__(self, batch):
        noise = torch.empty(batch.shape).normal_(generator=self._generator)
        seen, n = batch + self._noise * noise, len(batch)
        self.gradients.views["weight"].copy_(seen.T @ seen / n)
        self.gradients.views["bias"].copy_(seen.mean(0) * self._ramp())
        loss = seen.square().mean()
        self.sizes.append(n)
        self.losses.append(loss.item())
        return loss, seen.abs().mean()


class Threads:
    """Threads that stand for processes, which share memory or are sent copies."""

    def __init__(self, size, shares_memory):
        self._barrier, self._said = threading.Barrier(size), [None] * size
        self._memory, self._shares_memory, self.size = {}, shares_memory, size

    def member(self, rank):
        def gather(part, parts):
            self._said[rank] = part.clone()
            self._barrier.wait(10)
            for out, said in zip(parts, self._said, strict=True):
                out.copy_(said)
            self._barrier.wait(10)

        def parts(like, n):
            if not self._shares_memory:
                return SentParts(torch.zeros((self.size, n)), rank, gather)
            shape = (2, self.size, n)
            memory = self._memory.setdefault(shape, torch.zeros(shape))
            return SharedParts(memory, rank, lambda: self._barrier.wait(10))

        member = type("Member", (), {"rank": rank, "size": self.size})()
        member.parts = parts
        return member


def shared(size, batches, noise=0.1, shares_memory=False):
    """What each of the processes has after each of the batches, and their steps."""
    threads = Threads(size, shares_memory)
    found, steps = [[] for _ in range(size)], [None] * size

    def work(rank):
        generator = torch.Generator().manual_seed(3)
        shares = iter(range(1, len(batches) + 1))

        def make(ramp):
            steps[rank] = NoisyStep(ramp, generator, noise)
            return steps[rank]

        step = ShardedStep(
            make, lambda: next(shares) / len(batches), generator, threads.member(rank)
        )
        for batch in batches:
            loss, penalty = step(batch)
            found[rank].append((step.gradients.flat.clone(), loss, penalty))

    workers = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    return found, steps


@pytest.fixture
def batches():
    """Of one shard, and of two, four and eight, of equal and of different sizes."""
    rows = torch.randn((9603, WIDTH), generator=torch.Generator().manual_seed(0))
    cuts = [0, 160, 672, 1200, 2400, 4448, 6840, 9603]
    assert {n_shards(b - a) for a, b in pairwise(cuts)} == {1, 2, 4, 8}
    return [rows[a:b] for a, b in pairwise(cuts)]


@pytest.mark.parametrize("size", [2, 4, 8])
@pytest.mark.parametrize("shares_memory", [True, False])
def test_any_number_of_processes_finds_the_same_bits(size, batches, shares_memory):
    (alone,), _ = shared(1, batches)
    found, _ = shared(size, batches, shares_memory=shares_memory)
    for each in found:
        assert len(each) == len(batches)
        for right, got in zip(alone, each, strict=True):
            assert all(torch.equal(*pair) for pair in zip(right, got, strict=True))


def test_each_process_takes_its_share_of_the_rows(batches):
    _, steps = shared(4, batches[-1:])
    assert [sum(step.sizes) for step in steps] == [690, 691, 691, 691]


def test_gradient_is_the_mean_over_the_rows():
    rows = torch.randn((2407, WIDTH), generator=torch.Generator().manual_seed(0))
    (((gradient, loss, penalty),),), (step,) = shared(1, [rows], noise=0.0)
    assert set(step.sizes) == {300, 301}
    whole = NoisyStep(lambda: 1.0, torch.Generator(), noise=0.0)
    right_loss, right_penalty = whole(rows)
    torch.testing.assert_close(gradient, whole.gradients.flat)
    torch.testing.assert_close(loss, right_loss)
    torch.testing.assert_close(penalty, right_penalty)


def test_shards_and_steps_have_noise_of_their_own():
    _, (step,) = shared(1, [torch.zeros((2048, WIDTH))] * 2)
    assert len(set(step.losses)) == len(step.losses) == 2 * MOST_SHARDS


def test_number_of_shards_depends_on_the_batch_alone():
    assert [n_shards(n) for n in (1, 511, 512, 1023, 1024, 2047, 2048, 10**6)] == [
        *(1, 1, 2, 2, 4, 4),
        *(MOST_SHARDS, MOST_SHARDS),
    ]
