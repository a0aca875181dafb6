"""Codes along the axes of a code, over its range, and what they decode to."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from skae.inspection._models import decode, encode


@dataclass(frozen=True)
class CodeRange:
    """The codes of some rows: a code in their middle, and how far they reach.

    Attributes
    ----------
    center : ndarray of shape (n_components,)
        The code to start from.

    low, high : ndarray of shape (n_components,)
        Quantiles of each component.
    """

    center: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, estimator, X, quantiles, center, who):
        """Encode X and find the range of its codes.

        Parameters
        ----------
        estimator : estimator
            Fitted, with `transform`.

        X : array-like of shape (n_samples, n_features)
            The rows.

        quantiles : pair of float
            Which ones the range reaches from and to.

        center : array-like of shape (n_components,) or None
            The code to start from; None is the mean of the codes.

        who : str
            What needs it.

        Returns
        -------
        CodeRange
            Of X.

        Raises
        ------
        ValueError
            If the quantiles are none, or the center is of another size.
        """
        least, most = quantiles
        if not 0 <= least < most <= 1:
            raise ValueError(
                "quantiles must be two numbers in [0, 1], the smaller one first. "
                f"Got {quantiles!r}."
            )
        Z = encode(estimator, X, who)
        center = Z.mean(axis=0) if center is None else np.asarray(center, dtype=float)
        if center.shape != Z.shape[1:]:
            raise ValueError(
                f"center has shape {center.shape}, but a code has {Z.shape[1:]}: pass "
                "one code, such as transform(X)[0]."
            )
        return cls(center, *np.quantile(Z, [least, most], axis=0))

    def steps(self, component, n_steps):
        """Values of a component, evenly spaced over its range: (n_steps,)."""
        return np.linspace(self.low[component], self.high[component], n_steps)


def decode_around(estimator, center, components, values, who):
    """Decode codes that differ from one code in some components.

    Parameters
    ----------
    estimator : estimator
        Fitted, with `inverse_transform`.

    center : ndarray of shape (n_components,)
        The code.

    components : int or list of int
        Which components differ.

    values : ndarray of shape (n_codes,) or (n_codes, n_chosen)
        What they are.

    who : str
        What needs it.

    Returns
    -------
    ndarray of shape (n_codes, n_features)
        The rows.
    """
    codes = np.tile(center, (len(values), 1))
    codes[:, components] = values
    return decode(estimator, codes, who)


def check_steps(n_steps):
    """Refuse a number of steps that makes no range."""
    if not isinstance(n_steps, Integral) or n_steps < 2:
        raise ValueError(f"n_steps must be an int of at least 2. Got {n_steps!r}.")
