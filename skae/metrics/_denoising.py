"""How well rows are given back that noise has been added to."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from sklearn.utils import check_array

from skae.metrics._reconstruction import pooled_r2, training_mean
from skae.metrics._rows import on_host
from skae.metrics._within import through_code
from skae.objectives import CORRUPTIONS, make_corruption


def make_denoising_scorer(corruption="gaussian", noise=1.0, *, random_state=0):
    """Make a scorer that corrupts rows, and scores how well they come back.

    Every call corrupts in the same way, so that the candidates of a search are judged
    alike: what is searched may be the `noise` that a `skae.DenoisingAutoencoder` is
    trained with, or the number of components of a PCA.

    Parameters
    ----------
    corruption : {"gaussian", "masking", "salt_and_pepper"}, default="gaussian"
        What is done to each entry: normal noise is added; or it is set to 0; or, with
        equal chances, to the least or the largest value in the rows to be scored.

    noise : float, default=1.0
        How much of it: the standard deviation of normal noise in units of X, or else
        the probability with which an entry is hit.

    random_state : int, default=0
        Seed of the corruption.

    Returns
    -------
    callable
        ``scorer(estimator, X, y=None)``: the fraction of the sum of squares of X about
        its training mean that ``inverse_transform(transform(corrupted X))`` explains.

    Raises
    ------
    ValueError
        If there is no such corruption, or not to that degree, or no seed.

    See Also
    --------
    reconstruction_r2 : The same without corruption.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skae.metrics import make_denoising_scorer
    >>> scorer = make_denoising_scorer("gaussian", noise=8.0)
    >>> search = GridSearchCV(PCA(), {"n_components": [4, 16, 64]}, scoring=scorer)
    >>> search.fit(load_digits().data).best_params_
    {'n_components': 4}
    """
    if corruption not in CORRUPTIONS:
        raise ValueError(f"corruption must be in {[*CORRUPTIONS]}. Got {corruption!r}.")
    most = np.inf if corruption == "gaussian" else 1.0
    if not 0 < noise <= most:
        raise ValueError(f"noise must be in (0, {most:g}]. Got {noise!r}.")
    if not isinstance(random_state, Integral):
        raise ValueError(
            "random_state must be a whole number, so that all candidates meet the same "
            f"noise. Got {random_state!r}."
        )
    return _DenoisingScorer(corruption, noise, random_state)


@dataclass(frozen=True)
class _DenoisingScorer:
    """What `make_denoising_scorer` makes; it can be sent to other processes."""

    corruption: str
    noise: float
    random_state: int

    def __call__(self, estimator, X, y=None):
        if np.ndim(X) > 2:
            raise ValueError(
                f"X has {np.ndim(X)} axes, and noise is drawn for rows: give X flat, "
                "as X.reshape(len(X), -1). Estimators that know the shape of a sample "
                "take both."
            )
        clean = check_array(on_host(X), dtype=np.float64)
        seen = _like(X, self.corrupt(clean))
        X_hat = through_code(estimator, seen, "The denoising scorer")
        mean = training_mean(estimator, clean.shape[1])
        return pooled_r2(clean, X_hat, mean=mean)

    def corrupt(self, X):
        """Rows of X as the estimator is to see them."""
        part = make_corruption(self.corruption, self.noise)
        zero = torch.zeros(X.shape[1], dtype=torch.float64, device="cpu")
        part = part.in_units(zero, 1.0, float(X.min()), float(X.max()))
        generator = torch.Generator("cpu").manual_seed(self.random_state)
        return part.corrupt(torch.from_numpy(X.copy()), generator).numpy()


def _like(X, rows):
    """The same rows, with the names that the columns of X have."""
    if hasattr(X, "iloc"):
        return type(X)(rows, columns=X.columns, index=X.index)
    if hasattr(X, "columns"):
        return type(X)(rows, schema=list(X.columns))
    return rows
