"""The estimators: one family a file, each thin."""

from skae.estimators.attention import AttentionAutoencoder
from skae.estimators.base import AutoencoderTransformer
from skae.estimators.classifier import AutoencoderClassifier
from skae.estimators.contractive import ContractiveAutoencoder
from skae.estimators.convolutional import ConvolutionalAutoencoder
from skae.estimators.denoising import DenoisingAutoencoder
from skae.estimators.dense import Autoencoder
from skae.estimators.joint import JointCost
from skae.estimators.linear import LinearAutoencoder
from skae.estimators.links import DocumentationLinkMixin
from skae.estimators.regressor import AutoencoderRegressor
from skae.estimators.saving import load
from skae.estimators.sparse import SparseAutoencoder
from skae.estimators.stacked import StackedAutoencoder
from skae.estimators.state import all_or_nothing
from skae.estimators.topk import TopKAutoencoder
from skae.estimators.variational import VariationalAutoencoder

__all__ = [
    "AttentionAutoencoder",
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderRegressor",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "DocumentationLinkMixin",
    "JointCost",
    "LinearAutoencoder",
    "SparseAutoencoder",
    "StackedAutoencoder",
    "TopKAutoencoder",
    "VariationalAutoencoder",
    "all_or_nothing",
    "load",
]
