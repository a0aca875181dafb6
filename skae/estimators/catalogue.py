"""All that a saved file may hold, by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from skae.data import ProbabilisticPCA, Scaling
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.kinds import EstimatorKind, FrozenKind
from skae.estimators.linear_partial import DataMoments
from skae.estimators.partial import Stream
from skae.networks import (
    AttentionNetwork,
    ConvolutionalNetwork,
    DenseNetwork,
    GaussianCode,
    PlainCode,
    TopKCode,
)
from skae.objectives import (
    Bernoulli,
    Gaussian,
    LogisticGaussian,
    ObservedLikelihood,
    Poisson,
)
from skae.persistence.kinds import BASIC, DataclassKind

_FIT = {
    *("_fitted", "_omitted", "n_features_in_", "n_components_", "n_iter_"),
    *("loss_", "best_loss_", "loss_curve_", "validation_loss_curve_"),
    *("best_iteration_", "mean_", "noise_variance_"),
}
_LINEAR_FIT = _FIT | {"components_", "explained_variance_", "n_samples_"}
_SHAPED_FIT = _FIT | {"_expects", "_shape_of_a_sample"}
_HEAD_FIT = {"_encoder", "_head", "autoencoder_", "n_features_in_", "n_iter_"}


@cache
def kinds():
    """Kinds of all objects that a file may hold, by name.

    What is not here cannot be saved. A name stays for good: files hold it.
    """
    # Estimators are saved by this table, so that their modules import this one: their
    # classes can be looked up only now, when something is saved or loaded.
    own = import_module("skae.estimators")
    return {
        **BASIC,
        "AttentionAutoencoder": _shaped(
            own.AttentionAutoencoder, AttentionNetwork, "_padded_with"
        ),
        "Autoencoder": _dense(own.Autoencoder),
        "AutoencoderClassifier": EstimatorKind(
            own.AutoencoderClassifier, _HEAD_FIT | {"classes_"}
        ),
        "AutoencoderRegressor": EstimatorKind(
            own.AutoencoderRegressor, _HEAD_FIT | {"_is_flat", "n_outputs_"}
        ),
        "ContractiveAutoencoder": _dense(own.ContractiveAutoencoder),
        "ConvolutionalAutoencoder": _shaped(
            own.ConvolutionalAutoencoder, ConvolutionalNetwork
        ),
        "DenoisingAutoencoder": _dense(own.DenoisingAutoencoder),
        "LinearAutoencoder": EstimatorKind(
            own.LinearAutoencoder, _LINEAR_FIT, DenseNetwork, PlainCode, DataMoments
        ),
        "SparseAutoencoder": _dense(own.SparseAutoencoder),
        "StackedAutoencoder": _dense(own.StackedAutoencoder),
        "StackedAutoencoder.Layer": _dense(own.stacked.Layer),
        "TopKAutoencoder": _dense(own.TopKAutoencoder, TopKCode),
        "VariationalAutoencoder": _dense(own.VariationalAutoencoder, GaussianCode),
        "FrozenEstimator": FrozenKind(own.saving.SavingMixin),
        "FittedAutoencoder": DataclassKind(FittedAutoencoder),
        "Stream": DataclassKind(Stream),
        "Moments": DataclassKind(DataMoments),
        "Scaling": DataclassKind(Scaling),
        "ProbabilisticPCA": DataclassKind(ProbabilisticPCA),
        "AttentionNetwork": DataclassKind(AttentionNetwork),
        "ConvolutionalNetwork": DataclassKind(ConvolutionalNetwork),
        "DenseNetwork": DataclassKind(DenseNetwork),
        "GaussianCode": DataclassKind(GaussianCode),
        "PlainCode": DataclassKind(PlainCode),
        "TopKCode": DataclassKind(TopKCode),
        "Bernoulli": DataclassKind(Bernoulli),
        "Gaussian": DataclassKind(Gaussian),
        "LogisticGaussian": DataclassKind(LogisticGaussian),
        "ObservedLikelihood": DataclassKind(ObservedLikelihood),
        "Poisson": DataclassKind(Poisson),
    }


def _dense(cls, code=PlainCode):
    return EstimatorKind(cls, _FIT, DenseNetwork, code, Stream)


def _shaped(cls, network, *needed):
    code = PlainCode | GaussianCode
    return EstimatorKind(cls, _SHAPED_FIT.union(needed), network, code, Stream)
