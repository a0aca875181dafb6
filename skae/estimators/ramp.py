"""A penalty whose weight grows in the first steps."""

from __future__ import annotations

import torch


class Ramp:
    """Share of a penalty's weight that counts in each step, one after another.

    Parameters
    ----------
    n_steps : int
        Steps in which it grows to 1; 0: it is 1 from the start.
    """

    def __init__(self, n_steps):
        self._n_steps, self._taken = n_steps, 0

    def __call__(self):
        """Return the share of the next step."""
        self._taken += 1
        return min(1.0, self._taken / self._n_steps) if self._n_steps else 1.0

    def get_state(self):
        """Return the steps taken so far, as a tensor."""
        return torch.tensor(self._taken, device="cpu")

    def set_state(self, state):
        """Go on from where `get_state` was called."""
        self._taken = int(state)
