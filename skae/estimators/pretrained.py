"""An encoder with a head on it: what the classifier and the regressor share."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from copy import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils._missing import is_pandas_na, is_scalar_nan
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skae.distributed import process_group
from skae.estimators.base import AutoencoderTransformer
from skae.estimators.callbacks import CallbackSupportMixin, FitCallbacks
from skae.estimators.checkpointing import (
    CHECKPOINT_CONSTRAINTS,
    checkpointed,
    current_checkpoint,
    lent_checkpoint,
)
from skae.estimators.dense import Autoencoder
from skae.estimators.exporting import ExportingHeadMixin
from skae.estimators.finetuning import FineTuning
from skae.estimators.heads import solve_head
from skae.estimators.links import DocumentationLinkMixin
from skae.estimators.output import OutputMixin
from skae.estimators.randomness import Seeds, draw_entropy_of_fit
from skae.estimators.reporting import EpochReporter, stops_at_end
from skae.estimators.saving import SavingMixin
from skae.estimators.settings import planned_epochs, settings_of_training
from skae.estimators.sources import is_lazy
from skae.estimators.state import all_or_none
from skae.estimators.validation import (
    check_device,
    check_fitted,
    check_rows,
    check_X,
    off_torch,
    refuse,
    sizes_of,
)
from skae.networks import ACTIVATIONS
from skae.training import neutral

_COMPONENTS = 32  # of the autoencoder that stands in where none is given


class EncoderWithHead(
    OutputMixin,
    DocumentationLinkMixin,
    CallbackSupportMixin,
    SavingMixin,
    ExportingHeadMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class: an autoencoder learns from all rows, a head on its code from some.

    Subclasses say what y is: they read it, in `_read`, and give what the head says in
    its terms.
    """

    _parameter_constraints: dict = {
        "autoencoder": [AutoencoderTransformer, FrozenEstimator, None],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "fine_tune": [StrOptions({"all", "gradual", "head"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "consistency": [Interval(Real, 0, None, closed="left")],
        "C": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        **CHECKPOINT_CONSTRAINTS,
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _read(self, y):
        """Read y: which rows are labelled, their targets, and the Supervision.

        What is said of y in attributes is set.
        """

    @all_or_none
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y):
        """Train the autoencoder on all rows of X, and the head on those with a label.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What is to be predicted. Rows where it is `unlabeled` have no label, and
            are for the autoencoder alone.

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
            When X or y is not what it must be, no row has a label, or the checkpoint
            is another fit's.
        """
        seen = check_X(self, X, reset=True)
        rows = seen[:]  # those with labels at any place
        self._refuse_no_y(y)
        labelled, targets, supervision = self._read(off_torch(y))
        check_consistent_length(rows, labelled)
        self._refuse_parts()
        sizes = sizes_of(self, "hidden_layer_sizes", "hidden layer of the head")
        self._refuse_frozen(X)
        given = {"X": seen, "the labelled rows": labelled, "y": targets}
        process_group().agree(given | settings_of_training(self))
        with checkpointed(self, **given):
            self._fit(X, y, rows, labelled, targets, supervision, sizes)
        return self

    def _fit(self, X, y, rows, labelled, targets, supervision, sizes):
        """Pretrain, start the head, and fine-tune."""
        tunes = bool(sizes) or self.fine_tune != "head"
        fit = FitCallbacks(self, X, 1 + tunes, y, has_parts=True)
        entropy = draw_entropy_of_fit(self.random_state)
        with lent_checkpoint():
            autoencoder, task = self._pretrained(X, entropy, fit)
        head = self._start(
            autoencoder, rows[labelled], targets, supervision, sizes, entropy
        )
        vars(self).update(autoencoder_=autoencoder, _head=head)
        vars(self).update(_encoder=autoencoder._fitted, loss_curve_=[], n_iter_=1)
        stops = stops_at_end(task, lambda: vars(self))
        if getattr(autoencoder, "_interrupted", False) and self._pretrains:
            current_checkpoint().page()  # of what is yet to come when this fit goes on
        elif tunes and not stops:
            tuning = FineTuning(autoencoder, head, supervision, self, entropy)
            n_epochs = planned_epochs(self.max_iter, len(targets))
            task = fit.begins("fine-tuning", n_epochs)
            self._tune(tuning, task, rows, labelled, targets)
            task.ends(lambda: vars(self))
        fit.ends(lambda: vars(self))

    def transform(self, X):
        """Encode X, with the encoder as it is after fine-tuning.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        ndarray, or what `set_output` has chosen, of shape (n_samples, n_components)
            Their codes, in the floating dtype of X.
        """
        check_fitted(self)
        codes = self._encoder.encode(check_X(self, X, reset=False))
        return self._give_lazily(codes, X) if is_lazy(X) else self._give(codes, X)

    def _decide(self, X):
        """What the head says about the rows of X: (n_samples, n_outputs)."""
        check_fitted(self)
        return self._head.decode(self._encoder.encode(check_X(self, X, reset=False)))

    def _pretrained(self, X, entropy, fit):
        """The autoencoder, fitted to all rows: a clone, unless it is frozen.

        Also the first task of the `fit`, which ends with the head that starts on it.
        """
        given = self.autoencoder
        if not self._pretrains:  # a copy, which a later fit of it leaves alone
            return copy(given.estimator), fit.begins("head")
        autoencoder = Autoencoder(_COMPONENTS) if given is None else clone(given)
        seeded = self.random_state is not None  # else a checkpoint knows its own seed
        if seeded and autoencoder.random_state is None:
            autoencoder.set_params(random_state=entropy)
        with fit.begins_with(autoencoder, "pretraining") as task:
            return autoencoder.fit(X), task

    @property
    def _pretrains(self):
        """Whether the autoencoder is fitted here, and does not come as it is."""
        return not isinstance(self.autoencoder, FrozenEstimator)

    def _refuse_frozen(self, X):
        """Refuse a frozen estimator that is no autoencoder, fitted to rows like X."""
        if self._pretrains:
            return
        autoencoder = self.autoencoder.estimator
        if not isinstance(autoencoder, AutoencoderTransformer):
            refuse(
                self,
                "autoencoder",
                "an autoencoder of skae, None, or a fitted autoencoder of skae in "
                "sklearn.frozen.FrozenEstimator",
            )
        check_is_fitted(autoencoder)
        check_device(autoencoder)
        check_X(autoencoder, X, reset=False)

    def _start(self, autoencoder, X, targets, supervision, sizes, entropy):
        """The head on the code as pretrained, which fine-tuning starts from."""
        with neutral(torch.device("cpu")):
            Z = autoencoder._fitted.encode(X).astype(np.float64)
            generator = Seeds(entropy).init
            return solve_head(
                supervision, Z, targets, self.C, sizes, self.activation, generator
            )

    def _tune(self, tuning, task, X, labelled, targets):
        """Fine-tune, tell the callbacks of it, and keep what came of it."""

        def attributes(encoder, head, losses):
            found = {"_encoder": encoder, "_head": head, "loss_curve_": losses}
            if tuning.trains_decoder:
                found["autoencoder_"] = _with_weights(self.autoencoder_, encoder, X)
            return found | {"n_iter_": max(1, len(losses))}

        reporter = EpochReporter(
            task,
            self.verbose,
            lambda: 1.0,
            lambda history: attributes(*tuning.present(), history.loss_curve),
        )
        tuned = attributes(*tuning.run(X, labelled, targets, reporter))
        vars(self).update(tuned)

    def _flatten(self, X, *, reset):
        reader = self._reader(reset)
        return X if reader is None else reader._flatten(X, reset=False)

    def _validate(self, rows, *, reset):
        reader = self._reader(reset)
        if reader is None:
            return check_rows(self, rows, reset=reset)
        return reader._validate(rows, reset=reset, owner=self)

    def _reader(self, reset):
        """The autoencoder that knows what X is like: the one given, or the fitted."""
        given = self.autoencoder if reset else self.autoencoder_
        is_frozen = isinstance(given, FrozenEstimator)
        given = given.estimator if is_frozen else given
        if not isinstance(given, AutoencoderTransformer):
            return None  # the default, or what `fit` refuses
        # What one that is not frozen may have been fitted to is past.
        return clone(given) if reset and not is_frozen else given

    def _judge(self, measure, X, y, sample_weight):
        """``measure(y, predictions)`` over the rows that are labelled."""
        labelled = labelled_rows(y, self.unlabeled)
        if not labelled.any():
            raise ValueError(
                f"All rows of y are unlabelled, that is {self.unlabeled!r}: there is "
                "none to score by. In cross-validation, shuffle or stratify the folds."
            )
        found = self.predict(X)
        check_consistent_length(found, y, sample_weight)
        if sample_weight is not None:
            sample_weight = np.asarray(off_torch(sample_weight))[labelled]
        return measure(y[labelled], found[labelled], sample_weight=sample_weight)

    def _refuse_parts(self):
        """Refuse what only fine-tuning would come upon, before the pretraining."""
        if not self.consistency or self.fine_tune == "head":
            return
        reader = self._reader(reset=True)
        if reader is None or reader._compose(self.n_features_in_).corruption is None:
            raise ValueError(
                f"consistency={self.consistency} compares predictions for noisy and "
                f"for clean rows, and {reader or 'the default autoencoder'} corrupts "
                "none. Use a DenoisingAutoencoder with noise above 0, or consistency=0."
            )

    def _refuse_no_y(self, y):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )

    def _refuse_no_labels(self, labelled):
        if not labelled.any():
            raise ValueError(
                f"All rows of y are unlabelled, that is {self.unlabeled!r}: a head "
                "needs some that are labelled. Without any, fit the autoencoder alone."
            )

    def _verified_sizes(self):
        encoder, head, autoencoder = self._encoder, self._head, self.autoencoder_
        encoder.verify_sides("encoder", "decoder")
        head.verify_sides("decoder")
        if not isinstance(autoencoder, AutoencoderTransformer):
            raise ValueError(f"{autoencoder} is no autoencoder")
        check_is_fitted(autoencoder)
        network = encoder.network
        if network != autoencoder._fitted.network:
            raise ValueError("the encoder is not that of the autoencoder")
        if head.network.n_components != network.n_components:
            raise ValueError("the head does not stand on such a code")
        n_outputs = head.network.n_features
        return {
            "n_features": network.n_features,
            "n_components": network.n_components,
            "n_outputs": n_outputs,
            "n_classes": max(2, n_outputs),
        }

    @property
    def _n_features_out(self):
        return self._encoder.network.n_components

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = True
        reader = self._reader(reset=True)
        if reader is not None:
            tags.input_tags.allow_nan = get_tags(reader).input_tags.allow_nan
        return tags


def _with_weights(autoencoder, fitted, X):
    """A copy of `autoencoder` that encodes and decodes rows like X as `fitted` does."""
    tuned = copy(autoencoder)
    tuned._fitted = fitted
    tuned.noise_variance_ = fitted.noise_variance * fitted.unit
    with neutral(torch.device("cpu")):
        vars(tuned).update(tuned._describe(fitted, X))
    return tuned


def labelled_rows(y, unlabeled):
    """Which rows of y, of any dtype, hold no `unlabeled`; None: all are labelled."""
    if unlabeled is None:
        return np.ones(len(y), dtype=bool)
    if is_scalar_nan(unlabeled) or is_pandas_na(unlabeled):
        marked = [_is_missing(entry) for entry in np.ravel(np.asarray(y, dtype=object))]
        labelled = ~np.array(marked, dtype=bool)
    else:
        labelled = np.broadcast_to(np.asarray(y != unlabeled, dtype=bool), np.shape(y))
    return labelled.reshape(len(y), -1).all(axis=1)


def _is_missing(entry):
    return entry is None or is_scalar_nan(entry) or is_pandas_na(entry)
