"""Learning rates over the steps of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""``schedule(step)`` gives the learning rate of step 0, 1, 2, ..."""

WARM_UP = 0.05  # share of the steps
_FLOOR = 1e-3  # of the peak: where the cosine ends


def constant(peak: float, n_steps: int) -> Schedule:
    """Return the same rate at every step."""
    return lambda step: peak


def cosine(peak: float, n_steps: int) -> Schedule:
    """Rise linearly over the first steps, then fall as half a cosine to almost zero.

    Loshchilov and Hutter 2017, without restarts; the warm-up is for Adam, whose first
    second moments rest on few gradients.
    """
    warm_up = max(1, round(WARM_UP * n_steps))
    rest = max(1, n_steps - warm_up)

    def rate(step: int) -> float:
        if step < warm_up:
            return peak * (step + 1) / warm_up
        share = min(1.0, (step - warm_up + 1) / rest)
        return peak * (_FLOOR + (1 - _FLOOR) * 0.5 * (1 + math.cos(math.pi * share)))

    return rate


SCHEDULES: dict[str, Callable[[float, int], Schedule]] = {
    "constant": constant,
    "cosine": cosine,
}
