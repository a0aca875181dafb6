"""Batches without an end."""

from __future__ import annotations

import torch


class EndlessBatches:
    """Pass after pass over some batches, which can go on in the middle of one.

    Parameters
    ----------
    batches : ShuffledBatches
        Of one pass.
    generator : torch.Generator
        Source of their order.
    """

    def __init__(self, batches, generator):
        self._batches, self._generator = batches, generator
        self._left, self._before = 0, generator.get_state()

    def __next__(self):
        if not self._left:
            self._begin_pass()
        self._left -= 1
        return next(self._pass)

    def get_state(self):
        """Return how many batches are left of the pass, and what it was drawn from."""
        left = torch.tensor([self._left], dtype=torch.int64, device="cpu")
        return torch.cat([left.view(torch.uint8), self._before])

    def set_state(self, state):
        """Go on from where `get_state` was called.

        The generator is left where it was after the order of the pass was drawn.
        """
        left = int(state[:_BYTES].clone().view(torch.int64))
        self._generator.set_state(state[_BYTES:].clone())
        self._left = 0
        if left:
            self._begin_pass()
            for _ in range(self._left - left):
                next(self)
        else:
            self._before = self._generator.get_state()

    def _begin_pass(self):
        self._before = self._generator.get_state()
        self._pass, self._left = iter(self._batches), self._batches.n_batches


_BYTES = 8
"""Of a number."""
