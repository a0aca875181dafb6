"""The classifier on an autoencoder's code."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, column_or_1d

from skae.estimators.heads import Labels, log_odds
from skae.estimators.pretrained import EncoderWithHead, labelled_rows
from skae.estimators.validation import off_torch

_MANY = 0.5
"""Share of labels -1 from which they may be meant as none."""


class AutoencoderClassifier(ClassifierMixin, EncoderWithHead):
    r"""Classifier on the code of an autoencoder: few labels, many rows without.

    An autoencoder learns from all rows of X, labelled or not. On its code stands a
    head, which starts as the logistic regression of the labelled rows. Fine-tuning then
    trains encoder and head together on

    .. math:: \frac{1}{n_y} \sum_{i \text{ labelled}}
        w_{y_i} \, \ell(h(f(\tilde x_i)), y_i)
        + \frac{1}{2 C n_y} \lVert W \rVert^2
        + \alpha \, L_{\text{autoencoder}}
        + \frac{\gamma}{n} \sum_i \ell(h(f(\tilde x_i)), \hat y(x_i)),

    with the cross-entropy :math:`\ell` and :math:`\gamma` for `consistency`. Rows
    :math:`\tilde x` are corrupted as the autoencoder corrupts them.

    Read more in the :ref:`user guide <pretrained>`.

    Parameters
    ----------
    autoencoder : AutoencoderTransformer or FrozenEstimator, default=None
        Any autoencoder of skae; a clone is fitted to all rows of X. One that is fitted
        already is used as it is inside of a `sklearn.frozen.FrozenEstimator`. Neither
        is changed. None: ``Autoencoder(32)``. Its `precision` and `device` are those of
        fine-tuning.
    hidden_layer_sizes : int or sequence of int, default=()
        Widths of the head's hidden layers, from the code on. ``()`` is a linear head;
        with hidden layers the linear head stays beside them, and they start at zero.
    activation : str, default="gelu"
        Activation of the head's hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``,
        ``"silu"``, ``"tanh"``, ``"logistic"`` or ``"identity"``.
    fine_tune : {"all", "gradual", "head"}, default="all"
        What is trained on the labelled rows. ``"all"``: encoder and head.
        ``"gradual"``: first the head, then with the encoder's last layer, and so on
        down to the first, for equal shares of the epochs. ``"head"``: the encoder stays
        as it is, and a linear head is the closed solution that it starts as.
    alpha : float, default=0.0
        Weight of the autoencoder's own objective beside the error of the head, on all
        rows, which trains the decoder along with the encoder. Of no effect with
        ``fine_tune="head"``.
    consistency : float, default=0.0
        Weight of the loss by which a corrupted row is to be given the class
        that its clean self seems to have, on all rows.
        It needs an autoencoder with a corruption. Of no effect with
        ``fine_tune="head"``.
    C : float, default=1.0
        Inverse of the penalty on the head's weights, as in `LogisticRegression`.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in `LogisticRegression`.
    unlabeled : object, default=None
        What y is where a row has no label: -1 is scikit-learn's convention. None: all
        rows have labels. NaN is understood.
    learning_rate_init : float, default=0.001
        Highest learning rate of Adam in fine-tuning; it warms up briefly and falls to
        almost nothing, as half a cosine, in each stage.
    batch_size : int or "auto", default="auto"
        Labelled rows of a step at most, and of all rows beside them where `alpha` or
        `consistency` ask for these. ``"auto"`` is a fortieth of either, between 32
        and 500.
    max_iter : int or None, default=None
        Epochs of fine-tuning, that is, passes over the labelled rows. None plans a
        million rows' worth of them, but at least 20 and at most 200.
    checkpoint_dir : str, os.PathLike or None, default=None
        Folder in which a fit keeps what it needs to go on, the pretraining included: if
        its process is killed, the same call goes on from there, and ends in the same
        bits. ``{fit}`` in it is a name of the fit's own, for searches, and ``~`` in
        front of it your home. None: nothing is kept. More is said in the
        :ref:`user guide <checkpoints>`.
    checkpoint_every : int, default=1
        Epochs from one checkpoint to the next.
    verbose : bool or int, default=False
        Whether to print a line an epoch of fine-tuning.
    random_state : int, RandomState instance or None, default=None
        Seed of the head, of the shuffling and of the noise, and of the autoencoder if
        its own `random_state` is None. The global generators are never touched.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels; `unlabeled` is none of them.
    autoencoder_ : AutoencoderTransformer
        An encoder and the decoder that belongs to it. With `alpha` above 0 both are as
        fine-tuned, and attributes on its training tell of the pretraining. Else, where
        nothing has taught the decoder a new code, both are as pretrained: `transform`
        is the fine-tuned encoder.
    loss_curve_ : list of float
        What fine-tuning minimises, a mean over each epoch; empty without.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X had names that are all strings.
    n_iter_ : int
        Epochs of fine-tuning, at least 1.

    See Also
    --------
    AutoencoderRegressor : The same for numbers.
    DenoisingAutoencoder : Pretraining whose corruption fine-tuning takes over.
    sklearn.semi_supervised.SelfTrainingClassifier : Labels of one's own making.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2006). "Reducing the dimensionality of data
    with neural networks". Science 313, 504-507.

    Kumar, A., Raghunathan, A., Jones, R., Ma, T. and Liang, P. (2022). "Fine-tuning can
    distort pretrained features and underperform out-of-distribution". ICLR.

    Sajjadi, M., Javanmardi, M. and Tasdizen, T. (2016). "Regularization with stochastic
    transformations and perturbations for deep semi-supervised learning". NeurIPS 29.

    Howard, J. and Ruder, S. (2018). "Universal language model fine-tuning for text
    classification". ACL, 328-339.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skae import AutoencoderClassifier, DenoisingAutoencoder
    >>> X, y = load_digits(return_X_y=True)
    >>> few = np.where(np.arange(len(y)) < 50, y, -1)  # the others have no label
    >>> model = AutoencoderClassifier(
    ...     DenoisingAutoencoder(32, noise=4.0, max_iter=30),
    ...     consistency=1.0,
    ...     unlabeled=-1,
    ...     random_state=0,
    ... ).fit(X, few)
    >>> model.score(X[50:], y[50:]) > 0.85
    True
    >>> model.transform(X).shape
    (1797, 32)
    """

    _parameter_constraints: dict = {
        **EncoderWithHead._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "unlabeled": "no_validation",
    }

    def __init__(
        self,
        autoencoder=None,
        *,
        hidden_layer_sizes=(),
        activation="gelu",
        fine_tune="all",
        alpha=0.0,
        consistency=0.0,
        C=1.0,
        class_weight=None,
        unlabeled=None,
        learning_rate_init=1e-3,
        batch_size="auto",
        max_iter=None,
        checkpoint_dir=None,
        checkpoint_every=1,
        verbose=False,
        random_state=None,
    ):
        self.autoencoder = autoencoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.fine_tune = fine_tune
        self.alpha = alpha
        self.consistency = consistency
        self.C = C
        self.class_weight = class_weight
        self.unlabeled = unlabeled
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    def predict(self, X):
        """Predict the class of each row of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable classes.
        """
        chosen = self._log_odds(X).argmax(dim=1).numpy()
        return self.classes_[chosen]

    def predict_proba(self, X):
        """Probability of each class for each row of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`, in the floating dtype of X.
        """
        return torch.softmax(self._log_odds(X), dim=1).numpy()

    def predict_log_proba(self, X):
        """Logarithm of the probability of each class for each row of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to classify.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Log-probabilities, in the order of `classes_`; finite.
        """
        return torch.log_softmax(self._log_odds(X), dim=1).numpy()

    def score(self, X, y, sample_weight=None):
        """Accuracy of `predict`.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to classify.
        y : array-like of shape (n_samples,)
            Their labels. Rows that are `unlabeled` do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            Share of the rows whose class is predicted.
        """
        return self._judge(accuracy_score, X, column_or_1d(off_torch(y)), sample_weight)

    def _log_odds(self, X):
        return log_odds(torch.from_numpy(self._decide(X)))

    def _predicted(self):
        return {"label": self.classes_, "probabilities": None}

    def _said(self, output):
        odds = log_odds(output)
        return odds.argmax(dim=1), torch.softmax(odds, dim=1)

    def _read(self, y):
        y = column_or_1d(y, warn=True)
        labelled = labelled_rows(y, self.unlabeled)
        self._refuse_no_labels(labelled)
        known = y[labelled]
        assert_all_finite(known, input_name="y")
        check_classification_targets(known)
        self.classes_, codes = np.unique(known, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs labels of at least 2 classes, but y has "
                f"only one class: {self.classes_[0]}"
            )
        self._doubt_labels(known)
        weights = compute_class_weight(
            self.class_weight, classes=self.classes_, y=known
        )
        # A class of weight zero has no say, but is one.
        weights = np.maximum(weights, np.finfo(np.float64).tiny)
        return labelled, np.diag(weights)[codes], Labels()

    def _doubt_labels(self, known):
        """Tell where what seems to mean "no label" has become a class."""
        if self.unlabeled is not None and str(self.unlabeled) in map(
            str, self.classes_
        ):
            raise ValueError(
                f"y has the label {str(self.unlabeled)!r}, and unlabeled is "
                f"{self.unlabeled!r}: numpy makes strings of all labels where some are "
                "strings. Let unlabeled be a string as well, or y an array of objects."
            )
        if self.unlabeled is not None or known.dtype.kind not in "if":
            return
        others = self.classes_[1:]
        if np.mean(known == -1) > _MANY and len(others) > 1 and others[0] >= 0:
            warnings.warn(
                "Most labels are -1, which is a class like any other. If it stands for "
                "rows without a label, set unlabeled=-1.",
                stacklevel=6,
            )
