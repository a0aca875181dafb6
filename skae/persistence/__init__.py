"""Fitted estimators as files, and what is said about those that are none.

`skae.load` reads what ``estimator.save(path)`` has written.
"""

from skae.persistence.errors import InconsistentVersionWarning, ModelFormatError

__all__ = ["InconsistentVersionWarning", "ModelFormatError"]
