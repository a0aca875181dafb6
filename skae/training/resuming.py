"""Where a training stands, taken down, and put back in another process."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from skae.training.adam import Moments
from skae.training.checkpoints import State
from skae.training.keeping import Keeper, Patience
from skae.training.task import History, Task

_OF_WEIGHTS = {"weights", "kept", "first", "second"}
"""What a state holds of weights; the rest is what the task remembers."""


class Resumable:
    """A training, as far as another process is to go on from it."""

    task: Task
    history: History
    moments: Moments | None
    n_steps: int
    is_over: bool
    is_settled: bool
    _flat: Tensor
    _keeper: Keeper
    _patience: Patience

    def _state(self) -> State:
        """All that is needed to go on."""
        numbers: dict[str, Any] = {"history": asdict(self.history)}
        memory = self.task.memory
        arrays = {name: _array(part.get_state()) for name, part in memory.items()}
        arrays["weights"] = _array(self._flat)
        if not self.is_settled and self.moments is not None:
            keeper, patience = self._keeper, self._patience
            numbers |= {
                "n_steps": self.n_steps,
                "adam": float(self.moments.n_steps),
                "kept": [keeper.loss, keeper.epoch],
                "patience": [patience.best, patience.waited],
            }
            arrays["kept"] = _array(keeper.kept)
            arrays["first"] = _array(self.moments.first)
            arrays["second"] = _array(self.moments.second)
        return State(numbers, arrays, self.is_settled)

    def _go_on(self, state: State) -> None:
        """Be where a training was of which this is the state."""
        arrays, numbers = state.arrays, state.numbers
        self._recall(arrays)
        self._flat.copy_(torch.from_numpy(arrays["weights"]))
        self.history = History(**numbers["history"])
        if state.is_over:
            self.is_over = self.is_settled = True
            return
        self.n_steps = numbers["n_steps"]
        self.moments = Moments.saved(
            arrays["first"], arrays["second"], numbers["adam"], like=self._flat
        )
        self._keeper.kept.copy_(torch.from_numpy(arrays["kept"]))
        self._keeper.loss, self._keeper.epoch = numbers["kept"]
        self._patience.best, self._patience.waited = numbers["patience"]

    def _recall(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Let the task remember what it did."""
        memory, saved = self.task.memory, sorted(arrays.keys() - _OF_WEIGHTS)
        if sorted(memory) != saved:
            raise ValueError(
                f"The checkpoint is of another training: it remembers {saved}, where "
                f"this one has {sorted(memory)}. Delete it to start anew."
            )
        for name, part in memory.items():
            part.set_state(torch.from_numpy(arrays[name]))


def _array(tensor: Tensor) -> NDArray[Any]:
    """A copy of a tensor's numbers."""
    return tensor.cpu().numpy().copy()
