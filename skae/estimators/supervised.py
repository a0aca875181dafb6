"""The objective of fine-tuning: a head's errors, and what unlabelled rows can say."""

from __future__ import annotations

import torch

HEAD = "head."
"""How the names of a head's weights begin, beside those of the autoencoder."""

_EVALUATED_ROWS = 1000


class SupervisedObjective:
    """What fine-tuning minimises, the penalty on the head left aside.

    Labelled rows are followed by their targets, in the same row. All rows are in the
    units of the network. The encoder sees them under the autoencoder's corruption.

    Parameters
    ----------
    own : Objective
        The autoencoder's.
    head : DenseNetwork
        Its decoder is the head.
    supervision : Supervision
        What is to be predicted.
    alpha : float
        Weight of the autoencoder's own objective, on all rows.
    consistency : float
        Weight of the loss by which a corrupted row is to be given the prediction that
        the clean row has, on all rows.
    """

    def __init__(self, own, head, supervision, alpha, consistency):
        self._own, self._head, self._supervision = own, head, supervision
        self._alpha, self._consistency = alpha, consistency
        self._names = [n for n in head.shapes() if n.startswith("decoder")]

    @property
    def needs_all_rows(self):
        """Whether there is a term for rows without targets."""
        return bool(self._alpha or self._consistency)

    def pair(self, batch, generator):
        """What the encoder sees of labelled rows, and their targets."""
        d = self._own.network.n_features
        x, _ = self._own.pair(batch[:, :d], generator)
        return x, batch[:, d:]

    def error(self, weights, x, target):
        """Mean loss of what the head gives for `x`."""
        return self._supervision.loss(self._predict(weights, x), target)

    def terms(self, n_samples, generator):
        """``term(weights, rows)``: all that needs no targets, on `n_samples` rows."""
        own = self._own.terms(n_samples, generator, lambda: 1.0)

        def term(weights, rows):
            x, target = own.pair(rows)
            value = self._consistency * self._disagreement(weights, x, rows)
            if self._alpha:
                value = value + self._alpha * own.loss(weights, x, target)[0]
            return value

        return term

    def evaluate(self, weights, labelled, rows, generator):
        """Objective, on all `labelled` rows and on all `rows`."""
        error = self._mean(
            labelled, lambda block: self.error(weights, *self.pair(block, generator))
        )
        if self._consistency:
            error += self._consistency * self._mean(
                rows, lambda block: self._corrupted(weights, block, generator)
            )
        if self._alpha:
            own = self._own.evaluate(weights, rows, generator)
            error += self._alpha * self._own.total(*own)
        return error

    def noise_variance(self, weights, rows, generator):
        """Mean loss of what codes decode to: as they are drawn, where they are."""
        if self._own.network.code.is_random:
            return self._own.noise_variance(weights, rows, generator)
        return self._own.reconstruction_loss(weights, rows)

    def _predict(self, weights, x):
        head = {name: weights[HEAD + name] for name in self._names}
        return self._head.decode(head, self._own.network.encode(weights, x))

    def _disagreement(self, weights, x, rows):
        """Mean loss of predictions for `x`, from rows, against those for the rows.

        The latter are what they are: no gradient draws them to the worse ones.
        """
        if not self._consistency:
            return 0.0
        with torch.no_grad():
            clean = self._predict(weights, self._own.clean(rows)[0])
        return self.error(weights, x, self._supervision.as_target(clean))

    def _corrupted(self, weights, rows, generator):
        return self._disagreement(weights, self._own.pair(rows, generator)[0], rows)

    @staticmethod
    def _mean(rows, loss):
        """Mean over `rows` of what is a mean over each block of them."""
        blocks = rows.split(_EVALUATED_ROWS)
        return sum(len(block) * float(loss(block)) for block in blocks) / len(rows)
