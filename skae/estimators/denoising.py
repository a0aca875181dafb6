"""The denoising autoencoder."""

from __future__ import annotations

from numbers import Real

from sklearn.utils._param_validation import Interval, StrOptions

from skae.estimators.dense import Autoencoder
from skae.estimators.validation import refuse
from skae.objectives import CORRUPTIONS, make_corruption


class DenoisingAutoencoder(Autoencoder):
    r"""Denoising autoencoder: gives back clean rows for noisy ones.

    In training each row is corrupted anew, in every step, and the network learns to
    give back the row as it was,

    .. math:: \min \; \mathbb{E}\, \| g(f(\tilde x)) - x \|^2,
        \qquad \tilde x \sim q(\tilde x \mid x).

    It cannot do so without knowing where clean rows lie. `reconstruct` is the denoiser;
    `transform` gives a code that changes little with the noise. Where clean and noisy
    rows are at hand in pairs, ``fit(X_noisy, X_clean=X_clean)`` learns from these, and
    nothing is corrupted.

    With the Gaussian likelihood the linear path starts at the best linear estimate of
    the clean row's PCA code from the noisy row. Validation rows are corrupted too,
    always in the same way.

    Read more in the :ref:`user guide <denoising>`.

    Parameters
    ----------
    n_components : int, default=2
        Size of the code. More than there are features is allowed.
    corruption : {"gaussian", "masking", "salt_and_pepper"}, default="gaussian"
        What is done to each entry: normal noise is added; or it is set to 0; or, with
        equal chances, to the least or the largest value in X.
    noise : float, default=0.5
        How much of it: the standard deviation of normal noise in units of X, or else
        the probability with which an entry is hit. 0 is an `Autoencoder`.
    hidden_layer_sizes : int or sequence of int, default=(128,)
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a
        single layer.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    code_activation : str, default="identity"
        Activation of the code, one of the same. Another than the identity leaves no
        place for the linear path.
    output_activation : {"identity", "logistic"}, default="identity"
        Link of the Gaussian likelihood; ``"logistic"`` is for X in [0, 1]. Other
        likelihoods bring their own.
    linear_path : bool, default=True
        Whether the linear path stands beside the network. False is the textbook's
        network, which starts at random. With the path, what enters the first hidden
        layer of encoder and decoder is kept within 3 in magnitude, unless the
        activation is bounded or linear itself: rows far from the rest are encoded
        linearly, by the path.
    tied_weights : bool, default=False
        Whether the decoder's matrices are the encoder's, transposed. The path then
        is not trained on either side.
    init : {"he", "glorot"}, default="he"
        How the matrices beside the path are drawn.
    likelihood : {"gaussian", "bernoulli", "poisson"}, default="gaussian"
        What the decoder's output means: ``"gaussian"`` trains on the squared error,
        ``"bernoulli"`` on the cross-entropy of X in [0, 1], ``"poisson"`` on half the
        deviance of counts, which are encoded as log(1 + X).
    weight_decay : float, default=0.0
        Adds ``weight_decay / 2`` times the sum of squared weights, biases and the
        path's encoder not included, to the mean loss in scaled units.
    learning_rate : {"cosine", "constant"}, default="cosine"
        ``"cosine"`` warms up briefly and falls to almost nothing at `max_iter`, which
        is then the planned end; ``"constant"`` stays.
    learning_rate_init : float, default=0.002
        Highest learning rate of Adam.
    batch_size : int or "auto", default="auto"
        Rows of a batch at most; batches of an epoch differ by at most one row.
        ``"auto"`` is a fortieth of the rows, between 32 and 500.
    block_size : int or "auto", default="auto"
        Rows that are read together and shuffled among themselves, where X is not an
        array in memory (a file, dask) or is to be treated as if it were not. An epoch
        takes the blocks in random order. ``"auto"`` is all of an array, and else as
        many rows as take 128 MB in float32.
    max_iter : int or None, default=None
        Epochs, that is, passes over X. None plans a million rows' worth of them, but
        at least 20 and at most 200.
    tol : float, default=0.0001
        Relative improvement of the monitored loss that counts as one.
    n_iter_no_change : int or np.inf, default=10
        Epochs without such an improvement after which training stops.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new order.
    early_stopping : bool or "auto", default="auto"
        Whether the loss on rows that are not trained on decides which weights are
        kept. True sets `validation_fraction` of the rows aside. ``"auto"`` does so
        from 1,000 rows on; with fewer, five folds are trained first, their left-out
        rows choose the number of epochs (none, if PCA is as good), and the fit then
        uses all rows. False keeps the weights of the lowest training loss.
    validation_fraction : float, default=0.1
        Share of the rows to set aside. Where this is less than one row, the training
        loss is monitored.
    warm_start : bool, default=False
        Whether to go on from the last fit, in its units, rather than to start anew.
    precision : {"float32", "float64", "bfloat16", "auto"}, default="float32"
        Arithmetic of training. ``"bfloat16"`` makes matrix products of rounded numbers,
        where the processor has instructions for it, and nothing else; ``"auto"``
        does so where it pays. The fitted network computes in the dtype of its input.
    device : str, default="cpu"
        Torch device to train on; ``"auto"`` is CUDA where there is one.
    nan_policy : {"raise", "omit"}, default="raise"
        What to do about NaN. ``"raise"`` refuses it. ``"omit"`` takes it for entries
        that are missing: they have no part in the loss, the encoder sees what
        probabilistic PCA expects of them, and `impute` fills them in.
    checkpoint_dir : str, os.PathLike or None, default=None
        Folder in which a fit keeps what it needs to go on: if its process is killed,
        the same call goes on from there, and ends in the same bits. ``{fit}`` in it is
        a name of the fit's own, for searches, and ``~`` in front of it your home. None:
        nothing is kept. More is said in the :ref:`user guide <checkpoints>`.
    checkpoint_every : int, default=1
        Epochs from one checkpoint to the next.
    verbose : bool or int, default=False
        Whether to print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, the shuffling and the validation split. The global
        generators are never touched.

    Attributes
    ----------
    n_components_ : int
        Size of the code.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of these features, if X had names that are all strings.
    n_iter_ : int
        Epochs trained, at least 1.
    loss_ : float
        Mean loss over the entries of the training data, in squared units of X
        (Gaussian) or in nats, under the weights that were kept.
    loss_unit_ : {"squared units of X", "nats"}
        Unit of the losses and of `reconstruction_error`.
    best_loss_ : float
        Lowest monitored loss, of corrupted rows. With a validation set this is its loss
        under the weights that were kept, else the training loss with the penalty.
    loss_curve_ : list of float
        Mean training loss of the batches of each epoch, as they were corrupted.
    validation_loss_curve_ : list of float
        Loss on the validation rows, which are corrupted too, after each epoch; empty
        without.
    best_iteration_ : int
        The epoch whose weights were kept; 0 is the start.
    mean_ : ndarray of shape (n_features,)
        Training mean of each feature: the reconstruction that scores 0.
    noise_variance_ : float
        Variance of an entry around its reconstruction: `loss_`, for the Gaussian.
    network_ : torch.nn.Module
        The network in units of X, built anew at each access.

    See Also
    --------
    Autoencoder : The same network on clean rows.
    skae.metrics.make_denoising_scorer : Searches `noise`, or compares with PCA.

    References
    ----------
    Vincent, P., Larochelle, H., Lajoie, I., Bengio, Y. and Manzagol, P.-A. (2010).
    "Stacked denoising autoencoders". JMLR 11, 3371-3408.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skae import DenoisingAutoencoder
    >>> X = load_digits().data
    >>> noisy = X + np.random.default_rng(0).normal(scale=4.0, size=X.shape)
    >>> ae = DenoisingAutoencoder(16, noise=4.0, max_iter=20, random_state=0).fit(X)
    >>> left = np.mean((ae.reconstruct(noisy) - X) ** 2)
    >>> bool(left < 0.4 * np.mean((noisy - X) ** 2))
    True
    """

    _parameter_constraints: dict = {
        **Autoencoder._parameter_constraints,
        "corruption": [StrOptions(set(CORRUPTIONS))],
        "noise": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=2,
        *,
        corruption="gaussian",
        noise=0.5,
        hidden_layer_sizes=(128,),
        activation="gelu",
        code_activation="identity",
        output_activation="identity",
        linear_path=True,
        tied_weights=False,
        init="he",
        likelihood="gaussian",
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=2e-3,
        batch_size="auto",
        block_size="auto",
        max_iter=None,
        tol=1e-4,
        n_iter_no_change=10,
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        warm_start=False,
        precision="float32",
        device="cpu",
        nan_policy="raise",
        checkpoint_dir=None,
        checkpoint_every=1,
        verbose=False,
        random_state=None,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            code_activation=code_activation,
            output_activation=output_activation,
            linear_path=linear_path,
            tied_weights=tied_weights,
            init=init,
            likelihood=likelihood,
            weight_decay=weight_decay,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            batch_size=batch_size,
            block_size=block_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            warm_start=warm_start,
            precision=precision,
            device=device,
            nan_policy=nan_policy,
            checkpoint_dir=checkpoint_dir,
            checkpoint_every=checkpoint_every,
            verbose=verbose,
            random_state=random_state,
        )
        self.corruption = corruption
        self.noise = noise

    def _compose(self, n_features):
        return self._dense(n_features, corruption=corruption_of(self))


def corruption_of(estimator):
    """Corruption that the parameters `corruption` and `noise` of an estimator name."""
    kind, noise = estimator.corruption, estimator.noise
    if kind != "gaussian" and noise > 1:
        refuse(estimator, "noise", f"a probability with corruption={kind!r}")
    return make_corruption(kind, noise)
