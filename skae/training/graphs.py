"""Steps of training as CUDA graphs: recorded once, and replayed in one call."""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor

from skae.training.step import Told

Advance = Callable[[Tensor, Tensor | float], Told]
"""``advance(batch, learning_rate)``: a gradient, and the update with it."""

Record = Callable[[Callable[[], None]], Callable[[], None]]
"""``record(act)``: a call that does on the device what `act` would do there."""

_TAKEN_AS_THEY_ARE = 3
"""Steps of each size before one is recorded, in which libraries set themselves up."""


_one_at_a_time = threading.Lock()


def record_cuda_graph(act: Callable[[], None]) -> Callable[[], None]:
    """Record the kernels that `act` starts, which is called once and computes nothing.

    The call that comes back starts all of them, on the memory that they were recorded
    with, for little more than the price of one. What other threads do meanwhile is
    neither recorded nor forbidden.
    """
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    mode = "thread_local"
    with (
        _one_at_a_time,
        torch.cuda.graph(graph, stream=stream, capture_error_mode=mode),
    ):
        act()
    replay: Callable[[], None] = graph.replay
    return replay


def recorded(advance: Advance, device: torch.device) -> Advance:
    """The steps, recorded where that is possible: on a GPU."""
    return RecordedSteps(advance, device) if device.type == "cuda" else advance


class RecordedSteps:
    """Steps that are recorded, a recording for each size of a batch, and replayed.

    Beside a small batch the launch of some thirty kernels takes a GPU's host longer
    than their work does.

    What a step does must depend on nothing but its batch, its learning rate and the
    state of the weights and the optimiser, all of which stay where they are in memory:
    it neither draws noise from a generator of the host nor counts for itself. What
    cannot be recorded is taken step by step, with a warning.

    Parameters
    ----------
    advance : callable
        The step.
    device : torch.device
        Where it computes.
    record : callable
        What makes the recordings.
    """

    def __init__(
        self,
        advance: Advance,
        device: torch.device,
        record: Record = record_cuda_graph,
    ) -> None:
        self._advance, self._record = advance, record
        self._rate = torch.zeros((), dtype=torch.float32, device=device)
        self._taken: Counter[int] = Counter()
        self._recordings: dict[int, _Recording] = {}
        self._is_hopeless = False

    def __call__(self, batch: Tensor, learning_rate: Tensor | float) -> Told:
        """Take a step, and return what its batch told."""
        size = len(batch)
        self._rate.fill_(learning_rate)
        if size not in self._recordings:
            self._taken[size] += 1
            if self._is_hopeless or self._taken[size] <= _TAKEN_AS_THEY_ARE:
                return self._advance(batch, self._rate)
            if not self._set_up(batch):
                return self._advance(batch, self._rate)
        return self._recordings[size].replay(batch)

    def _set_up(self, batch: Tensor) -> bool:
        """Record a step for batches of this size; whether that was possible."""
        try:
            recording = _Recording(self._advance, batch, self._rate, self._record)
        except RuntimeError as error:
            warnings.warn(
                "A step of this training could not be recorded as a CUDA graph, and "
                f"training goes on without one: {error}",
                RuntimeWarning,
                stacklevel=4,
            )
            self._is_hopeless = True
            return False
        self._recordings[len(batch)] = recording
        return True


class _Recording:
    """A recorded step, its batch, and what it tells."""

    def __init__(
        self, advance: Advance, batch: Tensor, rate: Tensor, record: Record
    ) -> None:
        self._batch = torch.empty_like(batch, memory_format=torch.contiguous_format)
        self._told: list[Told] = []

        def act() -> None:
            self._told[:] = [advance(self._batch, rate)]

        self._replay = record(act)

    def replay(self, batch: Tensor) -> Told:
        """Take the step with this batch; what it told is the caller's to keep."""
        self._batch.copy_(batch)
        self._replay()
        loss, penalty = self._told[0]
        return loss.clone(), None if penalty is None else penalty.clone()
