"""The contract of every autoencoder: scikit-learn's, and a little more."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, Options, StrOptions

from skae._blas import numpy_threads
from skae.estimators.callbacks import CallbackSupportMixin, FitCallbacks
from skae.estimators.checkpointing import CHECKPOINT_CONSTRAINTS, checkpointed
from skae.estimators.exporting import ExportingMixin
from skae.estimators.fitting import Fit
from skae.estimators.imputing import ImputingMixin
from skae.estimators.joint import joint_cost
from skae.estimators.judging import JudgingMixin
from skae.estimators.links import DocumentationLinkMixin
from skae.estimators.output import OutputMixin
from skae.estimators.partial import PartialFitMixin
from skae.estimators.reporting import EpochReporter, fitted_attributes
from skae.estimators.saving import SavingMixin
from skae.estimators.settings import planned_epochs
from skae.estimators.sources import is_lazy, lazily
from skae.estimators.state import all_or_none, changes
from skae.estimators.validation import (
    check_beside,
    check_clean,
    check_code,
    check_device,
    check_fitted,
    check_rows,
    check_X,
    decode_lazily,
    refuse_both,
    warn_of_targets,
)
from skae.training import SCHEDULES, neutral


class AutoencoderTransformer(
    JudgingMixin,
    ImputingMixin,
    ExportingMixin,
    CallbackSupportMixin,
    PartialFitMixin,
    OutputMixin,
    DocumentationLinkMixin,
    SavingMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of all autoencoders: encode, decode, and judge what was lost.

    A variant defines its constructor, its constraints, and `_compose`, which says
    what network is trained on what objective. Everything else is here.

    After `fit` an estimator holds numpy arrays and the parameters as they were then:
    it pickles, copies and crosses processes, and `set_params` changes nothing until
    the next fit. A fit that fails leaves the one before it as it was.

    See Also
    --------
    Autoencoder : Dense network, of any depth.
    LinearAutoencoder : PCA, as an autoencoder.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from skae import Autoencoder, AutoencoderTransformer
    >>> issubclass(Autoencoder, AutoencoderTransformer)
    True
    >>> class WideAutoencoder(Autoencoder):
    ...     def _compose(self, n_features):
    ...         dense = super()._compose(n_features)
    ...         wide = replace(dense.network, hidden_layer_sizes=(4 * n_features,))
    ...         return replace(dense, network=wide)
    >>> WideAutoencoder(1, max_iter=5).fit_transform([[0.0, 0.0], [1.0, 2.0]]).shape
    (2, 1)
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "block_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "tol": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "shuffle": ["boolean"],
        "early_stopping": ["boolean", StrOptions({"auto"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "warm_start": ["boolean"],
        "tied_weights": ["boolean"],
        "precision": [StrOptions({"float32", "float64", "bfloat16", "auto"})],
        "device": [str],
        "nan_policy": [StrOptions({"raise", "omit"})],
        **CHECKPOINT_CONSTRAINTS,
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    _described: frozenset = frozenset()
    """Names of the attributes that `_describe` may leave out."""

    _keeps_interrupted = True
    """Whether an interrupted fit ends with the last complete epoch."""

    @abstractmethod
    def _compose(self, n_features):
        """Say what is trained: a Composition for X of `n_features` columns."""

    @all_or_none
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, X_clean=None, X_val=None):
        """Learn to encode and to decode X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Training data.
        y : object, default=None
            Ignored; a Pipeline passes labels here. Clean rows go to `X_clean`.
        X_clean : array-like of shape (n_samples, n_features), default=None
            What the reconstruction of each row of X is to be: the same rows without
            their noise, for example. None: X itself.
            `LinearAutoencoder` and `StackedAutoencoder` refuse it.
        X_val : array-like of shape (n_validation_samples, n_features), default=None
            Validation data, in place of those that `early_stopping` would set aside
            from X. The weights with the lowest loss on them are kept. Not together
            with `X_clean`. `LinearAutoencoder` has no use for them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        FloatingPointError
            When training diverges.
        MemoryError
            When the arrays of a step do not fit.
        OSError
            When there is no place for checkpoints.
        ValueError
            When X, `X_clean` or `X_val` is not what it must be, or the checkpoint is
            another fit's.
        """
        check_device(self)
        self._omitted = self.nan_policy == "omit"
        warn_of_targets(X, y)
        X = check_X(self, X, reset=True)
        if X_clean is not None:
            refuse_both(X_val)
            X_clean = check_clean(self, X_clean, X)
        if X_val is not None:
            X_val = check_beside(self, X_val, "X_val")
        with (
            numpy_threads(X.size * X.shape[1], torch.get_num_threads()),
            checkpointed(self, X=X, X_val=X_val, X_clean=X_clean),
        ):
            self._fit(X, X_val, X_clean)
        vars(self).pop("_stream", None)  # of a fit in parts, which is over
        return self

    def transform(self, X):
        """Encode X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        ndarray, or what `set_output` has chosen, of shape (n_samples, n_components)
            Their codes, in the floating dtype of X.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or the codes overflow its dtype.
        """
        check_fitted(self)
        if is_lazy(X):
            codes = lazily(self, X, self._fitted.encode, self.n_components_)
            return self._give_lazily(codes, X)
        return self._give(self._fitted.encode(check_X(self, X, reset=False)), X)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_components)
            Codes, such as `transform` gives.

        Returns
        -------
        ndarray or torch.Tensor of shape (n_samples, n_features)
            Their reconstructions, in units of X: the mean of the likelihood. A tensor
            after ``set_output(transform="torch")``.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like codes of the fit, or what they decode to overflows.
        """
        check_fitted(self)
        if is_lazy(X):
            return self._give(decode_lazily(self._fitted, X), X)
        return self._give(self._fitted.decode(check_code(X, self.n_components_)), X)

    def reconstruct(self, X):
        """Encode X and decode it again, in one go.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to reconstruct.

        Returns
        -------
        ndarray or torch.Tensor of the shape of X
            ``inverse_transform(transform(X))``. A tensor after
            ``set_output(transform="torch")``.

        Raises
        ------
        NotFittedError
            Before the first fit.
        ValueError
            When X is not like the rows of the fit, or the reconstructions overflow
            its dtype.
        """
        check_fitted(self)
        return self._give(self._reconstruct(X), X)

    def _reconstruct(self, X):
        """Reconstructions of X, as an array of its shape."""
        if is_lazy(X):
            return lazily(self, X, self._fitted.reconstruct, self.n_features_in_)
        return self._fitted.reconstruct(check_X(self, X, reset=False))

    @property
    def network_(self):
        """A new torch module that maps X to its reconstruction.

        It has the methods `encode` and `decode`, takes and gives tensors in units of
        X, and is built from the fitted arrays at each access: nothing that is done to
        it changes the estimator.
        """
        check_fitted(self)
        return self._fitted.module()

    @property
    def loss_unit_(self):
        """Unit of losses and reconstruction errors, under the fit's likelihood.

        ``"squared units of X"`` of the Gaussian likelihood, ``"nats"`` of the others.
        """
        check_fitted(self)
        gaussian = self._fitted.likelihood.has_variance
        return "squared units of X" if gaussian else "nats"

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = self.nan_policy == "raise"
        return tags

    def _flatten(self, X, *, reset):
        """Rows of X, where a sample of X may be more than a row.

        With `reset` this is the X of a fit.
        """
        return X

    def _validate(self, rows, *, reset, owner=None):
        """Rows as an array of finite numbers; with `reset` those of a fit.

        The names of the columns are kept by the `owner`, if that is another estimator.
        """
        omits = self._omits(reset=reset)
        return check_rows(owner or self, rows, reset=reset, omits=omits)

    def _fit(self, X, X_val, X_clean):
        """Train the composition on validated data, and keep what came of it."""
        composition = self._compose(X.shape[1])
        previous = self._previous(composition)
        fit = Fit(composition, self, previous, self._keeps_interrupted)
        self._train(fit, X, X_val, X_clean)

    def _joint_cost(self, n_samples, n_features):
        """What it would cost to train with others; None: it is trained alone."""
        if getattr(self, "checkpoint_dir", None) is not None:
            return None  # each goes on from a step of its own
        n_epochs = self._planned_epochs(n_samples)
        return joint_cost(self._compose(n_features), self, n_samples, n_epochs)

    def _planned_epochs(self, n_samples):
        """Epochs that a fit to so many rows plans."""
        return planned_epochs(self.max_iter, n_samples)

    def _train(self, fit, X, X_val, X_clean):
        """Let `fit` run, and report on it."""
        max_iter = self._planned_epochs(len(X))
        callbacks = FitCallbacks(self, X, max_iter)
        reporter = EpochReporter(
            callbacks,
            self.verbose,
            lambda: fit.unit,
            lambda history: self._attributes(
                fit.fitted(history.loss), history, fit.unit, X
            ),
        )
        fitted, history = fit.run(X, X_val, reporter, X_clean)
        self._warn_at_the_limit(history, max_iter)
        vars(self).update(self._attributes(fitted, history, fit.unit, X))
        self._warn_of_the_result(X)
        callbacks.ends(lambda: vars(self))

    def _warn_of_the_result(self, X):
        """Warn where a fit to X came out as nobody wants it."""

    def _attributes(self, fitted, history, unit, X):
        """Attributes that a fit to X sets, by name."""
        with neutral(torch.device("cpu")):
            described = self._describe(fitted, X)
        for name in self._described - described.keys():
            vars(self).pop(name, None)  # of a fit before, with other parameters
        return fitted_attributes(fitted, history, unit) | described

    def _describe(self, fitted, X):
        """Attributes that only this variant has, by name."""
        return {}

    def _warn_at_the_limit(self, history, max_iter):
        at_the_limit = len(history.loss_curve) == max_iter and not history.stopped_early
        if self.learning_rate == "constant" and at_the_limit:
            warnings.warn(
                f"Maximum iterations ({max_iter}) reached, and training has not "
                'converged yet. Increase max_iter, or use learning_rate="cosine".',
                ConvergenceWarning,
                stacklevel=7,
            )

    def _previous(self, composition):
        """Return the fit that a warm start goes on from, if there is one."""
        fitted = getattr(self, "_fitted", None) if self.warm_start else None
        self._refuse_another(fitted, composition, "warm_start=True")
        return fitted

    def _refuse_another(self, fitted, composition, what):
        """Refuse to go on from a fit of another network or likelihood."""
        wanted = composition.network, composition.likelihood
        if fitted is not None and (fitted.network, fitted.likelihood) != wanted:
            raise ValueError(
                f"{what} needs a network of the same shape, and the same likelihood, "
                "as the fit before, but "
                f"{changes((fitted.network, fitted.likelihood), wanted)}. Set them "
                "back, or start anew: call fit, without warm_start=True."
            )
