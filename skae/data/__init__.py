"""Sources of batches, and the moments of the data."""

from skae.data.batches import BatchesSideBySide, ShuffledBatches
from skae.data.principal import (
    PrincipalAxes,
    axes_within,
    gram_matrix,
    principal_axes,
)
from skae.data.probabilistic import ProbabilisticPCA
from skae.data.scaling import Scaling
from skae.data.sources import (
    ArraySource,
    LazySource,
    Source,
    SparseSource,
    rows_of_a_block,
)
from skae.data.streams import StreamedBatches, StreamedRows
from skae.data.transfer import fits_on, to_device

__all__ = [
    "ArraySource",
    "BatchesSideBySide",
    "LazySource",
    "PrincipalAxes",
    "ProbabilisticPCA",
    "Scaling",
    "ShuffledBatches",
    "Source",
    "SparseSource",
    "StreamedBatches",
    "StreamedRows",
    "axes_within",
    "fits_on",
    "gram_matrix",
    "principal_axes",
    "rows_of_a_block",
    "to_device",
]
