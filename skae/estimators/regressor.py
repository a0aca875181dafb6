"""The regressor on an autoencoder's code."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import assert_all_finite, check_array

from skae.estimators.heads import Numbers
from skae.estimators.pretrained import EncoderWithHead, labelled_rows
from skae.estimators.validation import off_torch


class AutoencoderRegressor(RegressorMixin, EncoderWithHead):
    r"""Regressor on the code of an autoencoder: one number a row, or many.

    An autoencoder learns from all rows of X, labelled or not. On its code stands a
    head, which starts as the ridge regression of the labelled rows. Fine-tuning then
    trains encoder and head together on the squared error,

    .. math:: \frac{1}{n_y m} \sum_{i \text{ labelled}}
        \lVert h(f(\tilde x_i)) - y_i \rVert^2
        + \frac{1}{C n_y m} \lVert W \rVert^2
        + \alpha \, L_{\text{autoencoder}}
        + \frac{\gamma}{n m} \sum_i \lVert h(f(\tilde x_i)) - h(f(x_i)) \rVert^2 ,

    for `m` outputs, with :math:`\gamma` for `consistency`; y is centred by output and
    divided by one number for all outputs. Rows :math:`\tilde x` are corrupted as the
    autoencoder corrupts them. With many outputs and a hidden layer or two, the head is
    a decoder into something else than X: from grey images to coloured ones.

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
        Weight of the squared difference between predictions for a corrupted
        row and for its clean self, on all rows.
        It needs an autoencoder with a corruption. Of no effect with
        ``fine_tune="head"``.
    C : float, default=1.0
        Inverse of the penalty on the head's weights: 1 over the `alpha` of `Ridge`.
    unlabeled : float or None, default=None
        What y is where a row has no label, in any output; NaN is the natural choice.
        None: all rows have labels.
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
    n_outputs_ : int
        Number of outputs.
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
    AutoencoderClassifier : The same for labels.
    DenoisingAutoencoder : Where y has the columns of X, ``fit(X, X_clean=y)``.

    References
    ----------
    Hinton, G. E. and Salakhutdinov, R. R. (2008). "Using deep belief nets to learn
    covariance kernels for Gaussian processes". NeurIPS 20, 1249-1256.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import Autoencoder, AutoencoderRegressor
    >>> X = load_digits().data
    >>> upper, lower = X[:, :32], X[:, 32:]  # halves of the digits
    >>> model = AutoencoderRegressor(
    ...     Autoencoder(16, max_iter=30),
    ...     hidden_layer_sizes=(64,),
    ...     max_iter=30,
    ...     random_state=0,
    ... ).fit(upper[:1300], lower[:1300])
    >>> model.predict(upper[1300:]).shape
    (497, 32)
    >>> model.score(upper[1300:], lower[1300:]) > 0.2
    True
    """

    _parameter_constraints: dict = {
        **EncoderWithHead._parameter_constraints,
        "unlabeled": [Real, None],
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
        self.unlabeled = unlabeled
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.checkpoint_dir = checkpoint_dir
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose
        self.random_state = random_state

    def predict(self, X):
        """Predict y for each row of X.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to predict for.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in the shape of y and the floating dtype of X.
        """
        found = self._decide(X)
        return found.ravel() if self._is_flat else found

    def score(self, X, y, sample_weight=None):
        """Share of the variance of y that `predict` explains.

        Parameters
        ----------
        X : array-like or torch.Tensor of shape (n_samples, n_features)
            Rows to predict for.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            What is true of them. Rows that are `unlabeled` do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            :math:`R^2`, the mean over the outputs: at most 1, which is perfect.
        """
        return self._judge(r2_score, X, np.asarray(off_torch(y)), sample_weight)

    def _predicted(self):
        return {"prediction": None}

    def _said(self, output):
        return (output,)

    def _verified_sizes(self):
        sizes = super()._verified_sizes()
        if self._is_flat and sizes["n_outputs"] != 1:
            raise ValueError(f"y of one column is not {sizes['n_outputs']} outputs")
        return sizes

    def _read(self, y):
        y = check_array(
            y,
            dtype=np.float64,
            ensure_2d=False,
            ensure_all_finite=False,
            input_name="y",
            estimator=self,
        )
        self._is_flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        self.n_outputs_ = y.shape[1]
        labelled = labelled_rows(y, self.unlabeled)
        self._refuse_no_labels(labelled)
        assert_all_finite(y[labelled], input_name="y")
        return labelled, y[labelled], Numbers()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
