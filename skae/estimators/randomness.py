"""Random numbers: one seed, and a generator for each use of it."""

from __future__ import annotations

import numpy as np
import torch

from skae.distributed import process_group
from skae.estimators.checkpointing import current_checkpoint


class Seeds:
    """Independent torch generators, one for each use, from one integer or None.

    Attributes
    ----------
    init, shuffle, split, noise : torch.Generator
        For the weights, the order of the rows, the validation rows, and all that is
        drawn in a step.
    """

    def __init__(self, entropy):
        states = np.random.SeedSequence(entropy).generate_state(5)
        self.init, self.shuffle, self.split, self.noise = map(_generator, states[:4])
        self._judgement = states[4]

    def judgement(self):
        """Return a generator of the noise that weights are judged by: always the same.

        What two epochs are compared by must not depend on luck.
        """
        return _generator(self._judgement)


def _generator(state):
    return torch.Generator("cpu").manual_seed(int(state))


def draw_entropy(random_state):
    """Integer from scikit-learn's `random_state`.

    None is fresh entropy: the global generator, which it means elsewhere, is never
    touched. A RandomState gives its next draw.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    return int(random_state)


def draw_entropy_of_fit(random_state):
    """Integer from `random_state`, the same in all processes that share the fit.

    A fit that goes on from a checkpoint keeps the one that it has begun with.
    """
    drawn = current_checkpoint().entropy(draw_entropy(random_state))
    return process_group().told(drawn)
