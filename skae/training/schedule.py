"""Learning rates over the steps of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]
"""``schedule(step)`` gives the learning rate of step 0, 1, 2, ...

Equal ones give equal rates."""

WARM_UP = 0.05  # share of the steps
_FLOOR = 1e-3  # of the peak: where the cosine ends


@dataclass(frozen=True)
class Constant:
    """The same rate at every step."""

    peak: float
    n_steps: int

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        return self.peak


@dataclass(frozen=True)
class Cosine:
    """Rise linearly over the first steps, then fall as half a cosine to almost zero.

    Loshchilov and Hutter 2017, without restarts; the warm-up is for Adam, whose first
    second moments rest on few gradients.
    """

    peak: float
    n_steps: int

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        warm_up = max(1, round(WARM_UP * self.n_steps))
        if step < warm_up:
            return self.peak * (step + 1) / warm_up
        share = min(1.0, (step - warm_up + 1) / max(1, self.n_steps - warm_up))
        height = 0.5 * (1 + math.cos(math.pi * share))
        return self.peak * (_FLOOR + (1 - _FLOOR) * height)


SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
}
