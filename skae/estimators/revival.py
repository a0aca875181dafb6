"""Units that nothing activates any more, and how they come back to life."""

from __future__ import annotations

import torch


class Revival:
    """Auxiliary loss of dead units: they learn to decode the rows by themselves.

    A unit that no row has activated for a while gets no gradient, and would never be
    active again. In every row the k largest of such units therefore decode the row as
    if there were no others. (Gao et al. 2024 let them decode what the others leave.
    That may be little, and units that learn little things stay too small to be among
    the largest.)

    Parameters
    ----------
    network : DenseNetwork
        With a `TopKCode`.
    likelihood : Likelihood
        What the output means.
    alpha : float
        Weight of the dead units' loss.
    n_rows : int
        Rows without which a unit counts as dead.
    """

    def __init__(self, network, likelihood, alpha, n_rows):
        self._network, self._likelihood = network, likelihood
        self._alpha, self._n_rows = alpha, n_rows
        self._silent = torch.zeros(0, device="cpu")  # rows since each unit was active

    def see(self, code):
        """Take note of which units a batch activates; a row of `code` is a unit."""
        if not len(self._silent):
            self._silent = torch.zeros(len(code), device="cpu")
        self._silent = self._silent.to(code.device)
        self._silent += code.shape[1]
        self._silent.masked_fill_((code != 0).any(1), 0.0)

    def get_state(self):
        """Return the rows since each unit was active."""
        return self._silent

    def set_state(self, state):
        """Go on from where `get_state` was called."""
        self._silent = state.clone()

    def term(self, weights, x, target, output):
        """Loss of what the dead units decode to; None while there are none."""
        dead = torch.nonzero(self._silent > self._n_rows).flatten()
        if not len(dead):
            return None
        network = self._network
        pre = network.trace(weights, x).pre[-1][:, dead]
        values, places = torch.topk(pre, min(network.code.k, len(dead)), dim=1)
        z = pre.new_zeros((len(pre), network.n_components))
        z = z.scatter(1, dead[places], values)
        loss = self._likelihood.loss(network.decode(weights, z), target)
        return self._alpha * self._likelihood.average(loss, target)
