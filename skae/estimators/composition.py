"""What a variant is: the parts that it is composed of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from skae.networks import DenseBackprop, DenseNetwork, Network
from skae.objectives import (
    CodePenalty,
    Corruption,
    Dissimilarity,
    Hiding,
    Likelihood,
    ObservedCorruption,
    ObservedLikelihood,
    Penalty,
    WeightDecay,
)


@dataclass(frozen=True)
class Composition:
    """What a variant is.

    Attributes
    ----------
    network : Network
        The architecture, its code included.
    likelihood : Likelihood
        What its output means.
    decay : WeightDecay or None
        Penalty on the weights.
    penalty : Penalty or None
        Penalty on what the encoder computes.
    observe : callable or None
        ``observe(network, weights, encoding, generator)`` gives the units that the
        penalty sees, a row a sample, and the lengths of the weights that read them.
        None: the code's parameters. Anything else is left to autograd.
    dissimilarity : Dissimilarity or None
        What a reconstruction costs as a whole, beside its entries; left to autograd.
    warm_up : int
        Epochs over which the weight of the penalty rises to its full value.
    corruption : Corruption or None
        What is done to rows on their way in, in training.
    noise_variance : float or None
        Variance of the Gaussian likelihood, in squared units of X; None: what training
        leaves.
    auxiliary : callable or None
        ``auxiliary(network, likelihood, n_samples)`` makes a term of the objective that
        only training knows; see `Revival`.
    constrain : callable or None
        ``constrain(network, weights)`` brings weights back to where they must be.
    start : callable or None
        ``start(network, weights)`` changes how the weights start, after they are drawn.
    backprop : callable or None
        ``backprop(network, weights, gradients, n_rows, generators)`` makes the arrays
        of a hand-written step, with a generator of noise for each network that takes
        it; None leaves the gradient to autograd.
    """

    network: Network
    likelihood: Likelihood
    decay: WeightDecay | None = None
    penalty: Penalty | None = None
    observe: Callable | None = None
    dissimilarity: Dissimilarity | None = None
    warm_up: int = 0
    corruption: Corruption | None = None
    noise_variance: float | None = None
    auxiliary: Callable | None = None
    constrain: Callable | None = None
    start: Callable | None = None
    backprop: Callable | None = DenseBackprop

    def __post_init__(self):
        if self.backprop is DenseBackprop and not isinstance(
            self.network, DenseNetwork
        ):
            raise ValueError(
                f"{type(self.network).__name__} brings no hand-written step: compose "
                "it with backprop=None, which leaves the gradient to autograd."
            )
        if None not in (self.penalty, self.auxiliary, self.backprop):
            raise ValueError(
                "A hand-written step has place for a penalty or for an auxiliary term, "
                "not for both: compose them with backprop=None."
            )

    def in_units(self, scaling, least, most):
        """Return the same composition for rows that are scaled."""
        mean, scale = torch.from_numpy(scaling.mean), scaling.scale
        units = {
            "corruption": (mean, scale, least, most),
            "dissimilarity": (mean, scale, least, most),
            "penalty": (scale,),
        }
        parts = {name: getattr(self, name) for name in units}
        scaled = {n: p and p.in_units(*units[n]) for n, p in parts.items()}
        for name, part in parts.items():
            if part is not None and scaled[name] is None:
                raise TypeError(
                    f"{type(part).__name__}.in_units must return the {name} for rows "
                    "that are scaled, but returns None."
                )
        return replace(self, **scaled)

    def observed(self):
        """Return the same composition for rows in which entries may be NaN.

        The network must know what to do with them.
        """
        return replace(
            self,
            likelihood=ObservedLikelihood(self.likelihood),
            corruption=self.corruption and ObservedCorruption(self.corruption),
        )

    def hiding(self, share):
        """Return the same composition for rows with gaps that are filled on the way in.

        In training a further `share` of the entries is hidden from the network, which
        so learns to give back what it has not seen.
        """
        observed = self.observed()
        if not share:
            return observed
        return replace(observed, corruption=Hiding(share, observed.corruption))

    @property
    def penalises_by_hand(self):
        """Whether the penalty brings its own gradient."""
        return self.observe is None and isinstance(self.penalty, CodePenalty)

    @property
    def is_by_hand(self):
        """Whether all of a step is written by hand, and it is all there is.

        Such steps can be taken for several networks at once.
        """
        return (
            self.backprop is not None
            and self.auxiliary is None
            and not self.likelihood.omits
            and (self.penalty is None or self.penalises_by_hand)
        )

    @property
    def is_mean_over_rows(self):
        """Whether the objective is one, and its gradient the mean of that of parts."""
        return (
            self.auxiliary is None
            and not self.likelihood.omits
            and (self.penalty is None or self.penalty.is_mean_over_rows)
        )

    @property
    def needs_range(self):
        """Whether some part has to know the range of X."""
        return not (self.corruption is None and self.dissimilarity is None)
