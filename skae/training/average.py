"""A running average of weights that are still on their way."""

from __future__ import annotations

from torch import Tensor

_DEGREE = 40.0


class RunningAverage:
    """Polynomial-decay average of a tensor (Shamir and Zhang 2013).

    The weights of its values grow with a power of the step: about the last fortieth of
    the way counts, however long that has been. It is to a constant learning rate what
    reaching the end is to a falling one, and needs no end.

    Parameters
    ----------
    values : Tensor
        What changes from step to step.
    average : Tensor
        Its average so far; written to.
    n_steps : int
        Steps so far.

    Attributes
    ----------
    n_steps : int
        The same, and those since.
    """

    def __init__(self, values: Tensor, average: Tensor, n_steps: int) -> None:
        self._values, self._average, self.n_steps = values, average, n_steps

    def follow(self) -> None:
        """Take note of the values after a step."""
        self.n_steps += 1
        weight = (_DEGREE + 1.0) / (_DEGREE + self.n_steps)
        self._average.lerp_(self._values, weight)
