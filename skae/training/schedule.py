"""Learning rates over the steps of a fit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

WARM_UP = 0.05  # share of the steps
_FLOOR = 1e-3  # of the peak: where the cosine ends


@dataclass(frozen=True)
class Schedule(ABC):
    """``schedule(step)`` gives the learning rate of step 0, 1, 2, ...

    Attributes
    ----------
    peak : float
        The highest rate.
    n_steps : int
        Planned steps.
    """

    peak: float
    n_steps: int

    @property
    def shape(self) -> Schedule:
        """The same course with a peak of one: equal ones are proportional."""
        return replace(self, peak=1.0)

    def __call__(self, step: int) -> float:
        """Return the rate of a step."""
        return self.peak * self.share(step)

    @abstractmethod
    def share(self, step: int) -> float:
        """Return the rate of a step, as a share of the peak."""


class Constant(Schedule):
    """The same rate at every step."""

    def share(self, step: int) -> float:
        return 1.0


class WarmUp(Schedule):
    """Rise linearly over `n_steps` steps, and stay."""

    def share(self, step: int) -> float:
        return min(1.0, (step + 1) / self.n_steps)


class Cosine(Schedule):
    """Rise linearly over the first steps, then fall as half a cosine to almost zero.

    Loshchilov and Hutter 2017, without restarts; the warm-up is for Adam, whose first
    second moments rest on few gradients.
    """

    def share(self, step: int) -> float:
        warm_up = max(1, round(WARM_UP * self.n_steps))
        if step < warm_up:
            return (step + 1) / warm_up
        share = min(1.0, (step - warm_up + 1) / max(1, self.n_steps - warm_up))
        height = 0.5 * (1 + math.cos(math.pi * share))
        return _FLOOR + (1 - _FLOOR) * height


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "cosine": Cosine,
}
