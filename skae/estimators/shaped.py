"""Estimators whose samples have a shape: images, sequences."""

from __future__ import annotations

import math
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.base import AutoencoderTransformer
from skae.estimators.composition import Composition
from skae.estimators.denoising import corruption_of
from skae.estimators.generative import GenerativeMixin, check_count, prior_penalty
from skae.estimators.validation import check_fitted, check_X, refuse
from skae.networks import ACTIVATIONS, INITS, GaussianCode, PlainCode
from skae.objectives import (
    CORRUPTIONS,
    LIKELIHOODS,
    WeightDecay,
    make_likelihood,
)

_BASE = AutoencoderTransformer._parameter_constraints


class ShapedAutoencoder(GenerativeMixin, AutoencoderTransformer):
    """Base class of autoencoders whose network sees more in a sample than a row.

    They denoise where `noise` is set, and are variational where `beta` is.

    X is either flat, a row a sample, or has the shape of the samples behind its first
    axis; reconstructions come in the shape of what was given. Whatever scikit-learn
    counts, features above all, it counts in the flat rows.
    """

    _parameter_constraints: dict = {
        **{name: _BASE[name] for name in _BASE if name != "tied_weights"},
        "input_shape": ["array-like", None],
        "noise": [Interval(Real, 0, None, closed="left")],
        "corruption": [StrOptions(set(CORRUPTIONS))],
        "beta": [Interval(Real, 0, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "output_activation": [StrOptions({"identity", "logistic"})],
        "linear_path": ["boolean"],
        "init": [StrOptions(set(INITS))],
        "likelihood": [StrOptions(set(LIKELIHOODS))],
    }

    @property
    @abstractmethod
    def _axes(self):
        """Names of the axes of a sample."""

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_components)
            Codes, such as `transform` gives.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, ...)
            Their reconstructions, in units of X: the mean of the likelihood. They are
            flat if the samples of the fit were, and otherwise have their shape. A
            tensor after ``set_output(transform="torch")``.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like codes of the fit, or what they decode to overflows.
        """
        decoded = super().inverse_transform(X)
        return decoded.reshape(len(decoded), *self._shape_of_a_sample)

    def _reconstruct(self, X):
        rows = super()._reconstruct(X)
        return rows.reshape(len(rows), *np.shape(X)[1:])

    def score_samples(self, X, *, n_samples=1):
        """Log-density of each row of X, or a bound on it.

        Without `beta` that of the row around its own reconstruction: conditional on
        the code, and not comparable with a marginal density. With `beta` a lower bound
        on the log-likelihood. The Gaussian likelihood has the variance
        `noise_variance_`.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, ...)
            Samples to judge, flat or in their shape.
        n_samples : int, default=1
            Draws from a posterior that make up a bound: 1 is the evidence lower bound,
            more are importance-weighted (Burda et al. 2016).

        Returns
        -------
        ndarray of shape (n_samples,)
            In nats, constants included; higher is more normal.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or nothing that the likelihood can
            have; when `n_samples` is not a positive int.
        """
        check_fitted(self)
        check_count(n_samples)
        if self._fitted.network.code.is_random:
            return self._bound(check_X(self, X, reset=False), n_samples)
        return super().score_samples(X)

    def _shape_of_rows(self):
        shape = self._shape_of_a_sample
        return shape if len(shape) > 1 else super()._shape_of_rows()

    def _is_variational(self):
        return bool(self.beta)

    def _code(self):
        """Return the code that the parameters ask for."""
        return GaussianCode() if self.beta else PlainCode()

    def _compose_around(self, network, **parts):
        """Compose `network` and what the parameters say beside it."""
        return Composition(
            network,
            make_likelihood(self.likelihood, self.output_activation),
            WeightDecay(self.weight_decay) if self.weight_decay else None,
            penalty=prior_penalty(self, network.n_features) if self.beta else None,
            corruption=corruption_of(self),
            backprop=None,
            **parts,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags

    def _flatten(self, X, *, reset):
        given = tuple(getattr(X, "shape", ()))[1:]
        if reset:
            self._expects, self._shape_of_a_sample = self._sample_shape(), given
        if len(given) < 2:
            return X
        shape = self._expected()
        if shape is None or given not in (shape, shape[shape[0] == 1 :]):
            raise ValueError(
                f"X has samples of the shape {given}, but what is expected is "
                f"{'rows' if shape is None else f'input_shape={shape}'}. "
                f"{self._advice(given, shape)}"
            )
        return X.reshape(len(X), math.prod(shape))

    def _verified_sizes(self):
        sizes, shape = super()._verified_sizes(), self._fitted.network.input_shape
        if self._expects not in (None, shape):
            raise ValueError(f"samples of the shape {self._expects} are not {shape}")
        given = self._shape_of_a_sample
        if min(given) < 1 or math.prod(given) != sizes["n_features"]:
            raise ValueError(f"samples of the shape {given} have not as many features")
        return sizes

    def _advice(self, given, shape):
        """What to do about samples of a shape that is not the expected one."""
        axes = ", ".join(self._axes)
        if shape is None:
            return f"Set input_shape to the shape of a sample ({axes})."
        if given[-1:] + given[:-1] == shape:
            last = len(given)
            order = ", ".join(map(str, (0, last, *range(1, last))))
            return f"Its last axis is to be the first: X.transpose({order})."
        return f"The axes of a sample are {axes}; bring X into this shape, or reshape."

    def _expected(self):
        """Shape of a sample, or None: what it was when fit was called."""
        return self._expects if hasattr(self, "_expects") else self._sample_shape()

    def _network_shape(self, n_features):
        """Shape of the samples that rows of `n_features` entries are."""
        shape = self._expected()
        if shape is None:
            return self._default_shape(n_features)
        if math.prod(shape) != n_features:
            raise ValueError(
                f"X has {n_features} features, but input_shape={shape} asks for "
                f"{math.prod(shape)}: give X with samples of that shape, or flat."
            )
        return shape

    @abstractmethod
    def _default_shape(self, n_features):
        """Shape of a sample where `input_shape` is None."""

    def _sample_shape(self):
        """The parameter `input_shape` as a tuple of int, or None."""
        if self.input_shape is None:
            return None
        axes = self._axes
        shape = np.asarray(self.input_shape, dtype=object).ravel().tolist()
        if len(shape) != len(axes) or not all(
            isinstance(n, Integral) and n > 0 for n in shape
        ):
            refuse(self, "input_shape", f"{len(axes)} positive int: {', '.join(axes)}")
        return tuple(map(int, shape))
