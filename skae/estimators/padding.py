"""Sequences that are shorter than the others, and what fills the rest of them."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import validate_data

from skae.estimators.validation import FLOATS


class PaddingMixin:
    """Estimators that know steps that are absent by the value of `padding`."""

    def _flatten(self, X, *, reset):
        if reset:
            self._padded_with = self.padding
        return super()._flatten(X, reset=reset)

    def _validate(self, rows, *, reset, owner=None):
        padding = self.padding if reset else self._padded_with
        if padding is None:
            return super()._validate(rows, reset=reset, owner=owner)
        rows = validate_data(
            owner or self,
            rows,
            reset=reset,
            dtype=FLOATS,
            ensure_all_finite="allow-nan",
        )
        shape = self._network_shape(rows.shape[1])
        rows = _mark_absent(rows, shape, padding)
        if reset and np.isnan(rows).all():
            raise ValueError(
                "X holds nothing but padding: there is not a step to learn from. Check "
                f"that no true step has padding={padding} in all features."
            )
        return rows


def _mark_absent(rows, shape, padding):
    """Rows with NaN for steps whose features all have the value `padding`."""
    if np.isnan(padding):
        return rows
    steps = rows.reshape(len(rows), *shape)
    nan, padding = rows.dtype.type(np.nan), rows.dtype.type(padding)
    absent = (steps == padding).all(axis=2, keepdims=True)
    return np.where(absent, nan, steps).reshape(rows.shape)
