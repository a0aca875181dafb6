"""Small frozen parts of an objective, each one formula with its gradient."""

from skae.objectives.corruptions import (
    CORRUPTIONS,
    Corruption,
    GaussianNoise,
    MaskingNoise,
    SaltAndPepper,
    make_corruption,
)
from skae.objectives.likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    Gaussian,
    Likelihood,
    LogisticGaussian,
    Poisson,
    make_likelihood,
)
from skae.objectives.missing import Hiding, ObservedCorruption, ObservedLikelihood
from skae.objectives.penalties import (
    L1,
    BernoulliSparsity,
    CodePenalty,
    KLToPrior,
    MeanPenalty,
    Penalty,
    WeightDecay,
)
from skae.objectives.scalars import scalar
from skae.objectives.similarity import Dissimilarity, structural_similarity

__all__ = [
    "CORRUPTIONS",
    "L1",
    "LIKELIHOODS",
    "Bernoulli",
    "BernoulliSparsity",
    "CodePenalty",
    "Corruption",
    "Dissimilarity",
    "Gaussian",
    "GaussianNoise",
    "Hiding",
    "KLToPrior",
    "Likelihood",
    "LogisticGaussian",
    "MaskingNoise",
    "MeanPenalty",
    "ObservedCorruption",
    "ObservedLikelihood",
    "Penalty",
    "Poisson",
    "SaltAndPepper",
    "WeightDecay",
    "make_corruption",
    "make_likelihood",
    "scalar",
    "structural_similarity",
]
