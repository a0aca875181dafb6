"""Fitted estimators as files and as ONNX graphs.

`skae.load` reads what ``estimator.save(path)`` has written. No onnx is imported before
`to_onnx` is called.
"""

from skae.persistence.errors import InconsistentVersionWarning, ModelFormatError
from skae.persistence.exporting import to_onnx

__all__ = ["InconsistentVersionWarning", "ModelFormatError", "to_onnx"]
