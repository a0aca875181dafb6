"""Missing entries, as a user meets them."""

from __future__ import annotations

import numpy as np

from skae.estimators.validation import check_fitted, check_X


class ImputingMixin:
    """The parameter `nan_policy`, and a method that fills what is missing."""

    nan_policy = "raise"  # of variants whose constructor does not take it

    _omitted = False
    """Whether entries could be missing in the last fit, or the present one."""

    _advice_on_nan = (
        "To leave missing entries out of account, and to fill them with impute, set "
        'nan_policy="omit".'
    )

    def impute(self, X):
        """Fill what is missing in X with its reconstruction.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows in which NaN stands for what is missing.

        Returns
        -------
        ndarray, or what `set_output` has chosen, of shape (n_samples, n_features)
            A copy of X, in its floating dtype, that has ``reconstruct(X)`` where an
            entry is missing, and every other entry as it was, bit for bit. Frames have
            the columns of X, and its index.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit; where entries are missing, and were
            not allowed to be in the fit.
        """
        check_fitted(self)
        reconstruction = np.asarray(self._reconstruct(X))
        rows = check_X(self, X, reset=False)[:].reshape(reconstruction.shape)
        return self._give_whole(np.where(np.isnan(rows), reconstruction, rows), X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.nan_policy == "omit"
        return tags

    def _omits(self, *, reset):
        """Whether entries may be missing: by the parameter, or as it was in the fit."""
        return self.nan_policy == "omit" if reset else self._omitted
