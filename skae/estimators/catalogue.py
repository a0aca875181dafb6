"""All that a saved file may hold, by name; and how it is read."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from skae.data import ProbabilisticPCA, Scaling
from skae.estimators.attention import AttentionAutoencoder
from skae.estimators.classifier import AutoencoderClassifier
from skae.estimators.contractive import ContractiveAutoencoder
from skae.estimators.convolutional import ConvolutionalAutoencoder
from skae.estimators.denoising import DenoisingAutoencoder
from skae.estimators.dense import Autoencoder
from skae.estimators.fitted import FittedAutoencoder
from skae.estimators.linear import LinearAutoencoder
from skae.estimators.linear_partial import DataMoments
from skae.estimators.partial import Stream
from skae.estimators.regressor import AutoencoderRegressor
from skae.estimators.saving import KINDS, EstimatorKind, FrozenKind, SavingMixin
from skae.estimators.sparse import SparseAutoencoder
from skae.estimators.stacked import Layer, StackedAutoencoder
from skae.estimators.topk import TopKAutoencoder
from skae.estimators.validation import device_asked_for, is_device
from skae.estimators.variational import VariationalAutoencoder
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
from skae.persistence import ModelFormatError
from skae.persistence.files import read
from skae.persistence.hints import check_hint
from skae.persistence.kinds import BASIC, DataclassKind
from skae.persistence.packing import unpack

_FIT = {
    *("_fitted", "_omitted", "n_features_in_", "n_components_", "n_iter_"),
    *("loss_", "best_loss_", "loss_curve_", "validation_loss_curve_"),
    *("best_iteration_", "mean_", "noise_variance_"),
}
_LINEAR_FIT = _FIT | {"components_", "explained_variance_", "n_samples_"}
_SHAPED_FIT = _FIT | {"_expects", "_shape_of_a_sample"}
_HEAD_FIT = {"_encoder", "_head", "autoencoder_", "n_features_in_", "n_iter_"}


def _dense(cls, code=PlainCode):
    return EstimatorKind(cls, _FIT, DenseNetwork, code, Stream)


def _shaped(cls, network, *needed):
    code = PlainCode | GaussianCode
    return EstimatorKind(cls, _SHAPED_FIT.union(needed), network, code, Stream)


KINDS.update(BASIC)
KINDS.update(
    {
        "AttentionAutoencoder": _shaped(
            AttentionAutoencoder, AttentionNetwork, "_padded_with"
        ),
        "Autoencoder": _dense(Autoencoder),
        "AutoencoderClassifier": EstimatorKind(
            AutoencoderClassifier, _HEAD_FIT | {"classes_"}
        ),
        "AutoencoderRegressor": EstimatorKind(
            AutoencoderRegressor, _HEAD_FIT | {"_is_flat", "n_outputs_"}
        ),
        "ContractiveAutoencoder": _dense(ContractiveAutoencoder),
        "ConvolutionalAutoencoder": _shaped(
            ConvolutionalAutoencoder, ConvolutionalNetwork
        ),
        "DenoisingAutoencoder": _dense(DenoisingAutoencoder),
        "LinearAutoencoder": EstimatorKind(
            LinearAutoencoder, _LINEAR_FIT, DenseNetwork, PlainCode, DataMoments
        ),
        "SparseAutoencoder": _dense(SparseAutoencoder),
        "StackedAutoencoder": _dense(StackedAutoencoder),
        "StackedAutoencoder.Layer": _dense(Layer),
        "TopKAutoencoder": _dense(TopKAutoencoder, TopKCode),
        "VariationalAutoencoder": _dense(VariationalAutoencoder, GaussianCode),
        "FrozenEstimator": FrozenKind(),
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
)


def load(path, device="cpu"):
    """Read a fitted estimator from a file that ``estimator.save(path)`` has written.

    Whatever is in the file, nothing in it is executed: a file is numbers and names, and
    names are looked up in a table of skae's own classes. It is as safe to read as a
    table is.

    Read more in the :doc:`user guide </user_guide/saving>`.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    device : str, default="cpu"
        What the estimator's parameter `device` is to be: where it is trained, if it is
        fitted again. An estimator that was trained on a GPU is read without one.

    Returns
    -------
    object
        The estimator, with all of its parameters but `device`, and all attributes.

    Raises
    ------
    InvalidParameterError
        When there is no such device.
    ModelFormatError
        When the file is damaged, of a newer format, or no estimator.
    OSError
        When there is no such file, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import skae
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> ae = skae.Autoencoder(2, max_iter=3, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.skae")
    ...     ae.save(path)
    ...     same = skae.load(path)
    >>> np.array_equal(same.transform(X), ae.transform(X))
    True
    """
    path = Path(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError(f"{path} is no file.")
    if not is_device(device):
        raise InvalidParameterError(
            f"The 'device' parameter of load must be {device_asked_for(device)}. "
            f"Got {device!r} instead."
        )
    with _refusals_of(path):
        return _estimator(*read(path), device)


@contextmanager
def _refusals_of(path):
    """Let every refusal say which file is refused."""
    try:
        yield
    except (ModelFormatError, TypeError, NotFittedError) as error:
        raise ModelFormatError(f"{path}: {error}") from error


def _estimator(document, arrays, device):
    """The estimator that a file holds."""
    check_hint(document, dict[Literal["versions", "estimator"], dict])
    check_hint(document.get("versions"), dict[str, str])
    node = document.get("estimator")
    estimator = unpack(node, arrays, KINDS, {"device": device})
    check_hint(estimator, SavingMixin)
    check_is_fitted(estimator)
    return estimator
