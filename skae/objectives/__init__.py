"""Small frozen parts of an objective, each one formula with its gradient."""

from skae.objectives.likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    Gaussian,
    Likelihood,
    LogisticGaussian,
    make_likelihood,
)
from skae.objectives.penalties import WeightDecay

__all__ = [
    "LIKELIHOODS",
    "Bernoulli",
    "Gaussian",
    "Likelihood",
    "LogisticGaussian",
    "WeightDecay",
    "make_likelihood",
]
