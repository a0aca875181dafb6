"""Fitted estimators as files and as ONNX graphs.

`skae.load` reads what ``estimator.save(path)`` has written; `to_onnx` makes one graph of
an estimator or a pipeline. onnx is not imported before that.
"""

from skae.persistence.errors import InconsistentVersionWarning, ModelFormatError
from skae.persistence.exporting import to_onnx

__all__ = ["InconsistentVersionWarning", "ModelFormatError", "to_onnx"]
