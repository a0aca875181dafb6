"""Heads: what stands on a code to predict y, and what its errors cost."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional as F

from skae.data import Scaling
from skae.estimators.fitted import FittedAutoencoder
from skae.networks import DenseNetwork, initialise
from skae.objectives import Gaussian

_LARGEST_HESSIAN = 2000  # rows of it: 32 MB, and seconds
_MOST_STEPS = 10_000
_TOLERANCE = 1e-6  # of the gradient, in logistic regression
_TEMPERATURE = 0.5  # below 1, a target is surer than the head it comes from
_SIDE = "decoder"


class Supervision(ABC):
    """What is to be predicted, and what an error costs.

    Targets are arrays of shape (n_samples, n_targets), in float64. What a head gives
    and what it is compared with are in units of their own.
    """

    @abstractmethod
    def in_units(self, targets):
        """Units of a head's outputs, as a Scaling, and the targets in them."""

    @abstractmethod
    def solve(self, Z, targets, C):
        """Best linear head: of shape (n_components, n_outputs) and (n_outputs,).

        It minimises `C` times the sum of the losses, and half the squared weights.
        """

    @abstractmethod
    def decay(self, C, targets):
        """Weight decay that is the same penalty, beside the mean loss."""

    @abstractmethod
    def loss(self, output, target):
        """Mean loss of a batch: a number, of two tensors."""

    @abstractmethod
    def as_target(self, output):
        """Target that unlabelled rows are given by what a head says about them."""


@dataclass(frozen=True)
class Labels(Supervision):
    """Classes: a target is one-hot, times the weight of its class.

    Two classes have one output between them, as in scikit-learn's logistic regression.
    """

    def in_units(self, targets):
        n_classes = targets.shape[1]
        return Scaling.none(1 if n_classes == 2 else n_classes), targets

    def solve(self, Z, targets, C):
        # Entries of a code differ in size: a method of first order takes its time.
        is_small = Z.shape[1] * targets.shape[1] <= _LARGEST_HESSIAN
        model = LogisticRegression(
            C=C,
            solver="newton-cholesky" if is_small else "lbfgs",
            tol=_TOLERANCE,
            max_iter=_MOST_STEPS,
        )
        model.fit(Z, targets.argmax(1), sample_weight=targets.sum(1))
        return model.coef_.T, model.intercept_

    def decay(self, C, targets):
        return 1.0 / (C * len(targets))

    def loss(self, output, target):
        log_probabilities = F.log_softmax(log_odds(output), dim=1)
        return -(target * log_probabilities).sum(1).mean()

    def as_target(self, output):
        return torch.softmax(log_odds(output) / _TEMPERATURE, dim=1)


@dataclass(frozen=True)
class Numbers(Supervision):
    """Numbers, under the squared error."""

    def in_units(self, targets):
        scaling = Scaling.fit(targets)
        return scaling, (targets - scaling.mean) / scaling.scale

    def solve(self, Z, targets, C):
        model = Ridge(alpha=1.0 / C).fit(Z, targets)
        return np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)

    def decay(self, C, targets):
        return 2.0 / (C * targets.size)

    def loss(self, output, target):
        return F.mse_loss(output, target)

    def as_target(self, output):
        return output


def log_odds(output):
    """A column a class from what a head gives; a single one is that of the second."""
    if output.shape[1] > 1:
        return output
    return torch.cat([torch.zeros_like(output), output], dim=1)


def solve_head(supervision, Z, targets, C, hidden_layer_sizes, activation, generator):
    """Return the head on the codes Z that stands before anything is trained.

    It is the best linear one; hidden layers stand beside it, and add zero. A map from
    codes to numbers is the decoder of an autoencoder, here of one without an encoder.

    Parameters
    ----------
    supervision : Supervision
        What is to be predicted.
    Z : ndarray of shape (n_samples, n_components)
        Codes, in float64.
    targets : ndarray of shape (n_samples, n_targets)
        What they are to give.
    C : float
        Inverse of the penalty.
    hidden_layer_sizes : tuple of int
        Widths from the code to the outputs.
    activation : str
        Of the hidden layers.
    generator : torch.Generator
        From which they are drawn.

    Returns
    -------
    FittedAutoencoder
        Its `decode` is the head.
    """
    scaling, targets = supervision.in_units(targets)
    matrix, intercept = supervision.solve(Z, targets, C)
    network = DenseNetwork(
        len(intercept), Z.shape[1], hidden_layer_sizes[::-1], activation=activation
    )
    weights = {
        name: torch.zeros(shape, dtype=torch.float64, device="cpu")
        for name, shape in network.shapes().items()
        if name.startswith(_SIDE)
    }
    initialise(network, weights, "he", generator)
    if hidden_layer_sizes:
        _standardise(weights, f"{_SIDE}.{network.depth - 1}", Z)
    last = weights[network.decoder_weight(0)].zero_()
    last[: len(matrix)].copy_(torch.from_numpy(matrix))
    weights[network.output_bias].copy_(torch.from_numpy(intercept))
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    return FittedAutoencoder(
        network, Gaussian(), scaling, arrays, np.zeros(len(intercept))
    )


def _standardise(weights, layer, Z):
    """Let a layer that was drawn for rows of mean zero and size one see such ones."""
    centre = Z.mean(axis=0)
    spread = math.sqrt(np.mean((Z - centre) ** 2)) or 1.0
    matrix = weights[f"{layer}.weight"].div_(spread)
    weights[f"{layer}.bias"].copy_(torch.from_numpy(-centre) @ matrix)
