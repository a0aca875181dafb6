"""Autoencoders for scikit-learn: import one where you would import `PCA`.

Public names are loaded when they are first used: `import skae` alone imports neither
torch nor scikit-learn.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for editors and type checkers; a new name goes into `_HOMES` too
    from skae import inspection, metrics, model_selection, persistence
    from skae.estimators import (
        AttentionAutoencoder,
        Autoencoder,
        AutoencoderClassifier,
        AutoencoderRegressor,
        AutoencoderTransformer,
        ContractiveAutoencoder,
        ConvolutionalAutoencoder,
        DenoisingAutoencoder,
        LinearAutoencoder,
        SparseAutoencoder,
        StackedAutoencoder,
        TopKAutoencoder,
        VariationalAutoencoder,
        load,
    )

__version__ = "0.1.0.dev0"

if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    # Threads of OpenMP on Linux that wait for each other spin for milliseconds, and so
    # keep the one waited for from a core that a busy process uses as well. They hear of
    # this when they are loaded, with torch.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")

_ESTIMATORS = (
    "AttentionAutoencoder",
    "Autoencoder",
    "AutoencoderClassifier",
    "AutoencoderRegressor",
    "AutoencoderTransformer",
    "ContractiveAutoencoder",
    "ConvolutionalAutoencoder",
    "DenoisingAutoencoder",
    "LinearAutoencoder",
    "SparseAutoencoder",
    "StackedAutoencoder",
    "TopKAutoencoder",
    "VariationalAutoencoder",
)

_HOMES = {**dict.fromkeys(_ESTIMATORS, "skae.estimators"), "load": "skae.estimators"}

_SUBPACKAGES = ("inspection", "metrics", "model_selection", "persistence")

__all__ = [*_HOMES, *_SUBPACKAGES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _SUBPACKAGES:
        return import_module(f"skae.{name}")
    raise AttributeError(f"module 'skae' has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, "__version__"])
