"""Sequences that are shorter than the others, and what fills the rest of them."""

from __future__ import annotations

import numpy as np
import torch
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

    def _read(self, x):
        # The same as in `_validate`, of a tensor, where the estimator is exported.
        rows = super()._read(x)
        padding = self._padded_with
        if padding is None or np.isnan(padding):
            return rows
        steps = rows.reshape(-1, *self._fitted.network.input_shape)
        absent = (steps == padding).all(2, keepdim=True)
        return torch.where(absent, torch.nan, steps).reshape(-1, self.n_features_in_)

    def _written(self, rows, x):
        if self._padded_with is not None:
            shape = self._fitted.network.input_shape
            absent = self._read(x).reshape(-1, *shape).isnan().all(2, keepdim=True)
            rows = torch.where(absent, self._padded_with, rows.reshape(-1, *shape))
        return super()._written(rows, x)


def _mark_absent(rows, shape, padding):
    """Rows with NaN for steps whose features all have the value `padding`."""
    if np.isnan(padding):
        return rows
    steps = rows.reshape(len(rows), *shape)
    nan, padding = rows.dtype.type(np.nan), rows.dtype.type(padding)
    absent = (steps == padding).all(axis=2, keepdims=True)
    return np.where(absent, nan, steps).reshape(rows.shape)
