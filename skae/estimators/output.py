"""What rows and codes come out as: arrays, frames or tensors."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import get_config
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_container_adapter
from sklearn.utils.validation import _check_feature_names_in

from skae._optional import import_optional
from skae.estimators.sources import is_lazy

_TENSORS = "tensors"
"""Beside "transform" in what scikit-learn's `set_output` keeps, clones and pickles."""


class OutputMixin:
    """`set_output`, which knows tensors beside scikit-learn's frames.

    With tensors, scikit-learn's own setting is "default": it leaves what `transform`
    gives as it is, whatever is set globally, and need not know of them.
    """

    def set_output(self, *, transform=None):
        """Choose what rows and codes come out as.

        Parameters
        ----------
        transform : {"default", "pandas", "polars", "torch"}, default=None
            - ``"default"``: arrays, whatever X is.
            - ``"pandas"``, ``"polars"``: frames from `transform` and `fit_transform`,
              with the columns `get_feature_names_out`, and from `impute`, with those
              of X; a lazy X is computed.
            - ``"torch"``: tensors from every method that gives rows or codes, decoded,
              drawn or filled ones too. They are on the device of X where X is a tensor,
              and on the CPU otherwise, and carry no gradient. A lazy X is computed.
            - None: as it was.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            When `transform` is something else.
        """
        if transform is None:
            return self
        known = {*ADAPTERS_MANAGER.supported_outputs, "torch"}
        if transform not in known:
            raise ValueError(
                f"output config must be in {sorted(known)}, got {transform!r}"
            )
        tensors = transform == "torch"
        super().set_output(transform="default" if tensors else transform)
        self._sklearn_output_config[_TENSORS] = tensors
        return self

    def _give(self, rows, X):
        """Rows or codes that came of X: an array, or a tensor if that was chosen."""
        if not self._chosen(_TENSORS, False):
            return rows
        tensor = torch.from_numpy(np.asarray(rows))
        return tensor.to(X.device) if isinstance(X, torch.Tensor) else tensor

    def _give_whole(self, rows, X):
        """As `_give`, for rows like those of X: frames with its columns, if chosen."""
        adapter = _get_container_adapter("transform", self)
        if adapter is None or rows.ndim != 2:
            return self._give(rows, X)
        names = getattr(X, "column_names", getattr(X, "columns", None))
        if names is None:
            names = _check_feature_names_in(self)
        if adapter.container_lib != "pandas":
            names = list(map(str, names))  # the only ones that others have
        if is_lazy(X):
            rows = self._give_lazily(rows, X)
        return adapter.create_container(rows, X, columns=names)

    def _give_lazily(self, codes, X):
        """As `_give`, for the codes of a lazy X: computed where frames are to come."""
        frames = self._chosen("transform", get_config()["transform_output"])
        if frames == "default":
            return self._give(codes, X)
        codes = np.asarray(codes)
        if frames != "pandas" or not hasattr(X, "index"):
            return codes
        frame = import_optional("pandas", extra="dask").DataFrame
        return frame(codes, index=X.index.compute())

    def _chosen(self, key, otherwise):
        return getattr(self, "_sklearn_output_config", {}).get(key, otherwise)
