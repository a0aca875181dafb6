"""The objective of one fit: a composition, met with rows in the network's units."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from operator import add

import torch

from skae.estimators.code_port import code_port, reader_norms
from skae.networks import DenseBackprop
from skae.training import AutogradStep, AutogradTerm, HandwrittenStep

_EVALUATED_ROWS, _EVALUATED_ENTRIES = 1000, 2**23
"""At most, at a time."""


class Objective:
    """What a fit minimises: the mean loss, and what the composition adds to it.

    Rows are tensors in the units of the network, of shape (n_samples, n_features), or
    a stream of such. Where they are `paired`, a row is followed by what it is to
    become, in the same row: (n_samples, 2 n_features).

    Parameters
    ----------
    composition : Composition
        In the units of the rows.
    paired : bool
        Whether the rows bring their targets.
    filler : ProbabilisticPCA or None
        What fills gaps in rows before the encoder sees them.
    """

    def __init__(self, composition, paired=False, filler=None):
        self._composition, self._paired = composition, paired
        self._filler = filler
        self.network, self.likelihood = composition.network, composition.likelihood
        self.penalty = composition.penalty

    def filling(self, filler):
        """The same, for rows in which `filler` fills the gaps."""
        return Objective(self._composition, self._paired, filler)

    @property
    def is_clean(self):
        """Whether the network is to give back just what it sees."""
        return not self._paired and self._composition.corruption is None

    @property
    def is_plain(self):
        """Whether the mean loss is all, and the same in training as after it."""
        return (
            not self.likelihood.omits
            and self.penalty is None
            and self._composition.corruption is None
            and self._composition.dissimilarity is None
            and not self.network.code.is_random
        )

    def clean(self, rows):
        """What the encoder sees of `rows`, uncorrupted, and the target."""
        x, target = rows.chunk(2, dim=1) if self._paired else (rows, rows)
        return self._seen(x), target

    def pair(self, rows, generator):
        """What the encoder sees of `rows` in training, and the target."""
        corruption = self._composition.corruption
        if self._paired or corruption is None:
            return self.clean(rows)
        return self._seen(corruption.corrupt(rows, generator)), rows

    def complete(self, rows):
        """Rows without a gap, to start from."""
        if self._filler is None:
            return self.likelihood.complete(rows)
        parts = rows.split(self.network.n_features, dim=1)
        return torch.cat([self._filler.fill(part) for part in parts], dim=1)

    def _seen(self, rows):
        """What the encoder sees of rows that may have gaps."""
        if self._filler is not None:
            rows = self._filler.fill(rows)
        return self.likelihood.features(rows)

    @property
    def total(self):
        """``total(loss, penalty)``: the objective, of both as numbers."""
        return add if self.penalty is None else self.penalty.objective

    def observed(self, weights, encoding, generator):
        """The units that the penalty sees, and the lengths of what reads them."""
        observe = self._composition.observe
        if observe is None:
            return encoding.code, reader_norms(self.network, self.penalty, weights)
        return observe(self.network, weights, encoding, generator)

    def loss(self, output, target):
        """What the entries of a batch cost, each with its share of the whole row's."""
        entries = self.likelihood.loss(output, target)
        dissimilarity = self._composition.dissimilarity
        if dissimilarity is None:
            return entries
        mean = self.likelihood.mean(output)
        if not self.likelihood.omits:
            return entries + dissimilarity(mean, target)[:, None]
        there = ~target.isnan()
        whole = dissimilarity(mean, torch.where(there, target, mean))
        return entries + whole[:, None] * there

    def evaluate(self, weights, rows, generator, limit=math.inf):
        """Mean loss over all entries of `rows`, and the penalty.

        Neither is ever negative: where the loss exceeds `limit` after some blocks, it
        always will, and the rest is not looked at.
        """
        loss = torch.zeros((), dtype=torch.float64, device=rows.device)
        n_entries, sums, norms = self._n_entries(rows), 0.0, None
        for block in rows.split(self._evaluated_rows):
            x, target = self.pair(block, generator)
            encoding = self.network.trace(weights, x)
            z = self.network.code.draw(encoding.code, generator)
            output = self.network.decode(weights, z)
            loss += sum_of_losses(self.loss(output, target))
            if self.penalty is not None:
                units, norms = self.observed(weights, encoding, generator)
                terms = statistic_of(self.penalty, units)
                sums += terms.sum(0, dtype=torch.float64)
            if limit < math.inf and loss.item() / n_entries > limit:
                break
        penalty = 0.0
        if self.penalty is not None:
            penalty = float(self.penalty.total(sums / len(rows), norms))
        return loss.item() / n_entries, penalty

    def reconstruction_loss(self, weights, rows):
        """Mean loss of what `reconstruct` gives, without noise, over all entries."""
        loss = torch.zeros((), dtype=torch.float64, device=rows.device)
        for block in rows.split(self._evaluated_rows):
            x, target = self.clean(block)
            output = self.network.decode(weights, self.network.encode(weights, x))
            loss += sum_of_losses(self.likelihood.loss(output, target))
        return loss.item() / self._n_entries(rows)

    def noise_variance(self, weights, rows, generator):
        """Mean loss of the outputs for codes as they are drawn in training."""
        entries = replace(self._composition, dissimilarity=None, corruption=None)
        objective = Objective(entries, self._paired, self._filler)
        return objective.evaluate(weights, rows, generator)[0]

    @property
    def _evaluated_rows(self):
        most = _EVALUATED_ENTRIES // self.network.n_features
        return max(1, min(_EVALUATED_ROWS, most))

    def _n_entries(self, rows):
        """How many entries of the targets are there; at least one, to divide by."""
        d = self.network.n_features
        if not self.likelihood.omits:
            return len(rows) * d
        counts = (
            int(self.likelihood.n_entries(block[:, -d:]).sum())
            for block in rows.split(self._evaluated_rows)
        )
        return max(1, sum(counts))

    def terms(self, n_samples, generator, ramp):
        """The terms of the objective in a training on `n_samples` rows."""
        return _Terms(self, self._composition, n_samples, generator, ramp)

    def step(self, parameters, gradients, n_samples, generator, ramp):
        """Where the gradient comes from: the network's own backprop, or autograd.

        ``ramp()`` is the share of the penalty's weight that counts in this step.
        """
        terms = self.terms(n_samples, generator, ramp)
        if self._composition.backprop is None:
            return AutogradStep(
                parameters, gradients, terms.loss, terms.pair, terms.memory
            )
        return HandwrittenStep(
            parameters,
            gradients,
            self.workspace(parameters, gradients, [generator]),
            self.likelihood.loss_gradient,
            terms.pair,
            terms.code_port(parameters, gradients),
            terms.side_port(parameters, gradients),
            terms.memory,
        )

    @property
    def form(self) -> Hashable:
        """All that objectives of networks that are trained together have in common.

        What is left are the weight of the penalty, and the corruption.
        """
        composition = self._composition
        return (
            self.network,
            self.likelihood,
            self.penalty and self.penalty.unweighted,
            composition.backprop,
            composition.constrain,
            self._paired,
        )

    def constraint(self, parameters):
        """What brings weights back to where they must be, or None."""
        constrain = self._composition.constrain
        return constrain and partial(constrain, self.network, parameters.views)

    def workspace(self, parameters, gradients, generators):
        """``workspace(n_rows)`` makes the arrays of a hand-written step."""
        arrays = self.network, parameters.views, gradients.views
        backprop = self._composition.backprop
        if backprop is not DenseBackprop:  # which may look at what it has put there
            return lambda n_rows: backprop(*arrays, n_rows, generators)
        return lambda n_rows: DenseBackprop(
            *arrays, n_rows, generators, gradients.elsewhere
        )


class _Terms:
    """The terms of an objective in training, as the steps want them."""

    def __init__(self, objective, composition, n_samples, generator, ramp):
        self._objective, self._composition = objective, composition
        self._generator, self._ramp = generator, ramp
        self._network, self._penalty = objective.network, objective.penalty
        self._likelihood = objective.likelihood
        self._revival = None
        if composition.auxiliary is not None:
            self._revival = composition.auxiliary(
                self._network, self._likelihood, n_samples
            )

    @property
    def memory(self):
        """What is taken along from step to step, by name."""
        return {} if self._revival is None else {"revival": self._revival}

    def pair(self, rows):
        return self._objective.pair(rows, self._generator)

    def loss(self, weights, x, target):
        """All of the objective, for autograd."""
        network = self._network
        encoding = network.trace(weights, x)
        z = network.code.draw(encoding.code, self._generator)
        output = network.decode(weights, z)
        entries = self._objective.loss(output, target)
        loss = self._likelihood.average(entries, target)
        objective, penalty = loss, None
        if self._penalty is not None:
            penalty = self._of(weights, encoding)
            factor = self._penalty.factor(loss.detach()) * self._ramp()
            objective = objective + factor * penalty
        if self._revival is not None:
            self._revival.see(encoding.code.detach().t())
            revived = self._revival.term(weights, x, target, output)
            objective = objective if revived is None else objective + revived
        return objective, loss, penalty

    def code_port(self, parameters, gradients):
        """The port at the code, for a penalty that is differentiated by hand."""
        if self._revival is not None:
            return lambda code, gradient, loss: self._revival.see(code)
        if not self._composition.penalises_by_hand:
            return None
        return code_port(
            self._network,
            self._penalty,
            parameters,
            gradients,
            lambda loss: self._penalty.factor(loss) * self._ramp(),
        )

    def side_port(self, parameters, gradients):
        """The port beside the step, for all that is left to autograd."""
        if self._revival is not None:
            revived = AutogradTerm(parameters, gradients, self._revival.term)

            def revive(x, target, output, loss):
                revived(x, target, output, 1.0)

            return revive
        if self._penalty is None or self._composition.penalises_by_hand:
            return None
        term = AutogradTerm(
            parameters,
            gradients,
            lambda weights, x, *_: self._of(weights, self._network.trace(weights, x)),
        )
        return lambda x, target, output, loss: term(
            x, target, output, self._penalty.factor(loss) * self._ramp()
        )

    def _of(self, weights, encoding):
        """Penalty on a batch."""
        units, norms = self._objective.observed(weights, encoding, self._generator)
        return self._penalty.total(statistic_of(self._penalty, units).mean(0), norms)


def sum_of_losses(losses):
    """Sum of the losses of entries, in float64: ([n_networks,] n_rows, n_features).

    A row is added up in its own dtype: of all entries torch would make a wide copy.
    """
    return losses.sum(-1).sum(-1, dtype=torch.float64)


def statistic_of(penalty, units):
    """What a penalty averages over the rows: (batch, n_units) to (batch, n_terms)."""
    terms = penalty.statistic(units)
    if terms.ndim != 2 or len(terms) != len(units):
        raise ValueError(
            f"{type(penalty).__name__}.statistic must give some terms for each row, "
            f"({len(units)}, n_terms), which are averaged afterwards, but gives an "
            f"array of shape {tuple(terms.shape)}."
        )
    return terms
