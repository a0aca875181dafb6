"""Sources of batches, the moments of the data, and what they are in words."""

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
from skae.data.sparse_rows import SparseRows
from skae.data.streams import SparseStreamedRows, StreamedBatches, StreamedRows
from skae.data.transfer import fits_on, to_device
from skae.data.words import CONTENT, differences, digest, in_words

__all__ = [
    "CONTENT",
    "ArraySource",
    "BatchesSideBySide",
    "LazySource",
    "PrincipalAxes",
    "ProbabilisticPCA",
    "Scaling",
    "ShuffledBatches",
    "Source",
    "SparseRows",
    "SparseSource",
    "SparseStreamedRows",
    "StreamedBatches",
    "StreamedRows",
    "axes_within",
    "differences",
    "digest",
    "fits_on",
    "gram_matrix",
    "in_words",
    "principal_axes",
    "rows_of_a_block",
    "to_device",
]
