"""The top-k autoencoder."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skae.estimators.dense import Autoencoder
from skae.estimators.revival import Revival
from skae.estimators.sources import blocks_of
from skae.estimators.sparse import dictionary
from skae.networks import TopKCode, normalise_readers, start_as_dictionary

_SILENT_ROWS = 5_000
"""Without any of which active a unit counts as dead."""

_BLOCK_ROWS = 4096

_DENSE = Autoencoder._parameter_constraints
_NOT_HERE = {"code_activation", "linear_path", "tied_weights"}


class TopKAutoencoder(Autoencoder):
    r"""Top-k autoencoder: exactly k active units in every row.

    Of all units the k with the largest pre-activations are kept, whatever their sign,
    and the others set to zero. No penalty shrinks what is kept, and k says directly
    what an L1 penalty's weight only leads to.

    The weights that decode a unit have length one. Units that no row has activated
    for a while learn to decode the rows by themselves, until some row does.

    Read more in the :ref:`user guide <topk>`.

    Parameters
    ----------
    n_components : int or None, default=None
        Units of the code. None: twice as many as X has features.
    k : int or None, default=None
        Active units of a row; at most all of them. None: a tenth of the features, at
        least 1.
    alpha : float, default=0.1
        Weight of the loss that dead units learn from. 0 leaves them dead.
    hidden_layer_sizes : int or sequence of int, default=()
        Widths of the encoder's hidden layers; the decoder mirrors them. ``()`` is a
        single layer, a dictionary.
    activation : str, default="gelu"
        Activation of the hidden layers: ``"gelu"``, ``"relu"``, ``"elu"``, ``"silu"``,
        ``"tanh"``, ``"logistic"`` or ``"identity"``.
    output_activation : {"identity", "logistic"}, default="identity"
        Link of the Gaussian likelihood; ``"logistic"`` is for X in [0, 1]. Other
        likelihoods bring their own.
    init : {"he", "glorot"}, default="he"
        How the matrices are drawn. Without hidden layers the encoder starts as what
        decodes it.
    likelihood : {"gaussian", "bernoulli", "poisson"}, default="gaussian"
        What the decoder's output means: ``"gaussian"`` trains on the squared error,
        ``"bernoulli"`` on the cross-entropy of X in [0, 1], ``"poisson"`` on half the
        deviance of counts, which are encoded as log(1 + X).
    weight_decay : float, default=0.0
        Adds ``weight_decay / 2`` times the sum of squared weights, biases not included,
        to the mean loss in scaled units.
    learning_rate : {"cosine", "constant"}, default="cosine"
        ``"cosine"`` warms up briefly and falls to almost nothing at `max_iter`, which
        is then the planned end; ``"constant"`` stays.
    learning_rate_init : float, default=0.001
        Highest learning rate of Adam. Units die where it is high.
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
    components_ : ndarray of shape (n_components, n_features)
        The dictionary: what one unit of activation adds to the reconstruction, of
        length one in scaled units. Only without hidden layers.
    k_ : int
        Active units of a row.
    dead_fraction_ : float
        Share of the units that no row of X activates.
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
        Lowest monitored loss. With a validation set this is its loss under the
        weights that were kept, else the training loss with the penalty.
    loss_curve_ : list of float
        Mean training loss of the batches of each epoch.
    validation_loss_curve_ : list of float
        Loss on the validation rows after each epoch; empty without.
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
    SparseAutoencoder : A penalty in place of a number.

    References
    ----------
    Makhzani, A. and Frey, B. (2014). "k-sparse autoencoders". ICLR.

    Gao, L. et al. (2024). "Scaling and evaluating sparse autoencoders".
    arXiv:2406.04093.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skae import TopKAutoencoder
    >>> X = load_digits().data
    >>> ae = TopKAutoencoder(256, k=8, max_iter=20, random_state=0).fit(X)
    >>> Z = ae.transform(X)
    >>> Z.shape, int((Z != 0).sum(axis=1).max())
    ((1797, 256), 8)
    >>> ae.components_.shape
    (256, 64)
    """

    _parameter_constraints: dict = {
        **{name: _DENSE[name] for name in _DENSE if name not in _NOT_HERE},
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "k": [Interval(Integral, 1, None, closed="left"), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
    }

    _described = frozenset({"components_"})

    def __init__(
        self,
        n_components=None,
        *,
        k=None,
        alpha=0.1,
        hidden_layer_sizes=(),
        activation="gelu",
        output_activation="identity",
        init="he",
        likelihood="gaussian",
        weight_decay=0.0,
        learning_rate="cosine",
        learning_rate_init=1e-3,
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
            output_activation=output_activation,
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
        self.k = k
        self.alpha = alpha

    def _compose(self, n_features):
        n_components = self.n_components or 2 * n_features
        k = self.k or max(1, n_features // 10)
        return self._dense(
            n_features,
            n_components=n_components,
            code=TopKCode(min(k, n_components)),
            start=start_as_dictionary,
            constrain=normalise_readers,
            auxiliary=self._revive if self.alpha else None,
        )

    def _revive(self, network, likelihood, n_samples):
        n_rows = min(n_samples, _SILENT_ROWS)
        return Revival(network, likelihood, self.alpha, n_rows)

    def _verified_sizes(self):
        return super()._verified_sizes() | {"k": self._fitted.network.code.k}

    def _describe(self, fitted, X):
        active = np.zeros(fitted.network.n_components, dtype=bool)
        for rows in blocks_of(X, _BLOCK_ROWS):
            active |= np.any(fitted.encode(rows) != 0, axis=0)
        return dictionary(fitted) | {
            "k_": fitted.network.code.k,
            "dead_fraction_": float(1.0 - active.mean()),
        }
