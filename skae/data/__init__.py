"""Sources of batches, and the moments of the data."""

from skae.data.batches import ShuffledBatches
from skae.data.principal import (
    PrincipalAxes,
    axes_within,
    gram_matrix,
    principal_axes,
)
from skae.data.scaling import Scaling

__all__ = [
    "PrincipalAxes",
    "Scaling",
    "ShuffledBatches",
    "axes_within",
    "gram_matrix",
    "principal_axes",
]
